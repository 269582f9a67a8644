//! Attacks in the file itself.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Count;
use super::coded::gzip;

const SYN: &[u8] = &[
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1,
    10, 0, 0, 2, 0xc3, 0x50, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0,
];

fn pcap_header() -> Vec<u8> {
    let fields = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1];
    fields.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Returns a record of a packet.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    let fields = [1_700_000_000, 0, length, length];
    let header = fields.into_iter().flat_map(u32::to_le_bytes);
    header.chain(bytes.iter().copied()).collect()
}

/// Returns a block of pcapng.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = u32::try_from(12 + body.len() + padding).unwrap();
    let mut block = [kind.to_le_bytes(), length.to_le_bytes()].concat();
    block.extend_from_slice(body);
    block.extend(std::iter::repeat_n(0, padding));
    block.extend(length.to_le_bytes());
    block
}

fn section() -> Vec<u8> {
    let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    body.extend([1, 0, 0, 0]);
    body.extend([0xff; 8]);
    block(0x0a0d_0d0a, &body)
}

fn interface(options: &[u8]) -> Vec<u8> {
    block(1, &[&[1, 0, 0, 0, 0, 0, 0, 0], options].concat())
}

fn packet(interface: u32) -> Vec<u8> {
    let length = u32::try_from(SYN.len()).unwrap();
    let fields = [interface, 0x0005_f000, 0, length, length];
    let header = fields.into_iter().flat_map(u32::to_le_bytes);
    block(6, &header.chain(SYN.iter().copied()).collect::<Vec<u8>>())
}

/// Writes packets without bytes, compressed a thousand to one.
pub fn compressed_empty_packets(output: &mut dyn Write, count: Count) -> io::Result<()> {
    let mut encoder = GzEncoder::new(output, Compression::best());
    encoder.write_all(&pcap_header())?;
    let records = record(b"").repeat(65_536);
    for _ in 0..count.of(240) {
        encoder.write_all(&records)?;
    }
    encoder.finish().map(|_| ())
}

pub fn empty_members(output: &mut dyn Write, count: Count) -> io::Result<()> {
    output.write_all(&gzip(b"").repeat(count.of(200_000)))?;
    output.write_all(&gzip(&[pcap_header(), record(SYN)].concat()))
}

pub fn member_for_each_packet(output: &mut dyn Write, count: Count) -> io::Result<()> {
    output.write_all(&gzip(&pcap_header()))?;
    output.write_all(&gzip(&record(SYN)).repeat(count.of(50_000)))
}

pub fn endless_name(output: &mut dyn Write, count: Count) -> io::Result<()> {
    // RFC 1952 §2.3.1: FLG 8 says that a name follows, up to a zero byte.
    output.write_all(&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0])?;
    output.write_all(&vec![b'n'; count.of(50_000_000)])
}

pub fn huge_unknown_block(output: &mut dyn Write, count: Count) -> io::Result<()> {
    let mut encoder = GzEncoder::new(output, Compression::best());
    encoder.write_all(&section())?;
    encoder.write_all(&interface(b""))?;
    let length = u32::try_from(count.of(1000) << 20).unwrap() + 12;
    encoder.write_all(&[0x0bad_u32.to_le_bytes(), length.to_le_bytes()].concat())?;
    for _ in 0..count.of(1000) {
        encoder.write_all(&vec![0; 1 << 20])?;
    }
    encoder.write_all(&length.to_le_bytes())?;
    encoder.finish().map(|_| ())
}

pub fn interfaces(output: &mut dyn Write, count: Count) -> io::Result<()> {
    output.write_all(&section())?;
    output.write_all(&interface(b"").repeat(count.of(1_000_000)))?;
    output.write_all(&packet(0))
}

pub fn sections_of_interfaces(output: &mut dyn Write, count: Count) -> io::Result<()> {
    let one = [section(), interface(b"").repeat(1000), packet(999)].concat();
    output.write_all(&one.repeat(count.of(1000)))
}

pub fn sections(output: &mut dyn Write, count: Count) -> io::Result<()> {
    let one = [section(), interface(b""), packet(0)].concat();
    output.write_all(&one.repeat(count.of(200_000)))
}

pub fn options(output: &mut dyn Write, count: Count) -> io::Result<()> {
    output.write_all(&section())?;
    output.write_all(&interface(&[2, 0, 0, 0].repeat(count.of(400_000))))?;
    output.write_all(&packet(0))
}

/// Writes a hundred megabytes that decompress to a hundred gigabytes.
pub fn compressed_hundredfold(output: &mut dyn Write, count: Count) -> io::Result<()> {
    output.write_all(&gzip(&pcap_header()))?;
    let member = gzip(&record(b"").repeat(65_536));
    for _ in 0..count.of(95_000) {
        output.write_all(&member)?;
    }
    Ok(())
}

/// Writes blocks that name addresses (pcapng §4.5), which nobody needs.
pub fn names(output: &mut dyn Write, count: Count) -> io::Result<()> {
    output.write_all(&section())?;
    output.write_all(&interface(b""))?;
    let record = b"\x01\0\x06\0\x0a\0\0\x01x\0\0\0\0\0\0\0";
    output.write_all(&block(4, record).repeat(count.of(1_000_000)))?;
    output.write_all(&packet(0))
}

/// Writes blocks that claim to have 2 GiB: one that is needed, and one that is not.
pub fn two_gibibytes(output: &mut dyn Write, count: Count) -> io::Result<()> {
    output.write_all(&section())?;
    output.write_all(&interface(b""))?;
    output.write_all(&packet(0))?;
    let kind: u32 = if count.variant == 0 { 6 } else { 0x0bad };
    output.write_all(&[kind.to_le_bytes(), 0x8000_0000_u32.to_le_bytes()].concat())?;
    output.write_all(&vec![0; count.of(10_000_000)])
}
