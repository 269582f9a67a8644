//! Bytes that decode to very many: each coding's highest ratio.

use std::io::Write as _;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compress, Compression, FlushCompress};

const MEBIBYTE: usize = 1 << 20;

/// The number of bytes packed into one gzip member: further members repeat its bytes.
const MEMBER: usize = 16 * MEBIBYTE;

/// Returns a pattern, repeated to so many bytes.
pub fn repeated(pattern: &[u8], length: usize) -> Vec<u8> {
    pattern.iter().copied().cycle().take(length).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns so many MiB of a pattern, in members of 16 MiB (RFC 1952 §2.2: a file may have several).
pub fn gzip_bomb(pattern: &[u8], mebibytes: usize) -> Vec<u8> {
    let bytes = mebibytes * MEBIBYTE;
    let member = gzip(&repeated(pattern, bytes.min(MEMBER)));
    member.repeat(bytes.div_ceil(MEMBER))
}

/// Returns the same as zlib, which has no members: one stream, fed piece by piece.
pub fn zlib_bomb(mebibytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..mebibytes {
        encoder.write_all(&vec![0; MEBIBYTE]).unwrap();
    }
    encoder.finish().unwrap()
}

/// Returns the bare deflate that some servers send.
pub fn deflate_bomb(mebibytes: usize) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    for _ in 0..mebibytes {
        encoder.write_all(&vec![0; MEBIBYTE]).unwrap();
    }
    encoder.finish().unwrap()
}

/// Returns a WebSocket message's payload (RFC 7692 §7.2.1): a flush at the end, without its last four bytes.
pub fn message(bytes: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut packed = Vec::with_capacity(bytes.len() / 200 + 1000);
    compress
        .compress_vec(bytes, &mut packed, FlushCompress::Sync)
        .unwrap();
    assert_eq!(compress.total_in(), bytes.len() as u64);
    packed.truncate(packed.len() - 4);
    packed
}

/// Returns so many times 16 MiB of zeros as brotli: a metablock of 20 bytes for each, written by hand after RFC 7932
/// §9.
///
/// All three prefix codes have one symbol, which then takes no bits. One command inserts a byte and copies it up to the
/// metablock's end, whose length takes 24 extra bits.
pub fn brotli_bomb(metablocks: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // §9.1: WBITS is 24.
    bits.put(0b1111, 4);
    for _ in 0..metablocks {
        metablock(&mut bits);
    }
    // §9.2: ISLAST, ISLASTEMPTY.
    bits.put(0b11, 2);
    bits.finish()
}

/// Returns so many MiB of zeros as zstd: blocks of one byte, repeated (RFC 8878 §3.1.1.2.2), in a frame with a window
/// of 8 MiB.
pub fn zstd_bomb(mebibytes: usize) -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    let mut coded = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3];
    let blocks = mebibytes * (MEBIBYTE / (128 << 10));
    for number in 1..=blocks {
        let header = BLOCK << 3 | 1 << 1 | u32::from(number == blocks);
        coded.extend_from_slice(&header.to_le_bytes()[..3]);
        coded.push(0);
    }
    coded
}

fn metablock(bits: &mut Bits) {
    const LENGTH: u64 = 1 << 24;
    // ISLAST 0; MNIBBLES 6; MLEN - 1; ISUNCOMPRESSED 0.
    bits.put(0, 1);
    bits.put(2, 2);
    bits.put(LENGTH - 1, 24);
    bits.put(0, 1);
    // One block type for literals, for commands, for distances; NPOSTFIX and NDIRECT 0; context mode; one tree each.
    bits.put(0, 3);
    bits.put(0, 2 + 4);
    bits.put(0, 2);
    bits.put(0, 2);
    // §3.4: simple codes of one symbol: the literal 0; insert 1, copy 2118 and more (§5, cell 384); distance code 16.
    for (symbol, width) in [(0, 8), (384 + 8 + 7, 10), (16, 6)] {
        bits.put(1, 2);
        bits.put(0, 2);
        bits.put(symbol, width);
    }
    // The copy's extra bits; the distance's one, which is 1.
    bits.put(LENGTH - 1 - 2118, 24);
    bits.put(0, 1);
}

/// A writer of bits in the order of RFC 7932 §1.4: the lowest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u64, width: u32) {
        self.pending |= value << self.count;
        self.count += width;
        while self.count >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
        }
        self.bytes
    }
}
