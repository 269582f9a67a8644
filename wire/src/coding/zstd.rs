//! Zstandard (RFC 8878), block by block, with the crate `ruzstd`.
//!
//! That crate hands out decoded bytes only once no later block can refer to them. That is up to 8 MiB later, or at the
//! frame's end: too late for events, and never for a stream that is cut off. So it is fed block by block, and the
//! output of each block is looked at in place, and left there for the blocks behind it. If more lies there than blocks
//! may refer to, it is taken out, and its end is given back as blocks that are not compressed.

use std::hash::Hasher as _;
use std::io::{self, Write};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use twox_hash::XxHash64;

/// RFC 9659 §3: the largest window that a content coding may ask for, in bytes.
const LARGEST_WINDOW: u64 = 8 << 20;

/// RFC 8878 §3.1.1.2.3: the largest block, in bytes.
const LARGEST_BLOCK: usize = 128 << 10;

/// RFC 8878 §3.1.1.1.2: the smallest window, in bytes.
const SMALLEST_WINDOW: u64 = 1 << 10;

/// The memory of a decoder besides its window: tables, and a block before and after it is decoded.
const FRAME_BYTES: usize = 512 << 10;

/// RFC 8878 §3.1.1.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Reads one stream of frames.
pub(super) struct Zstd {
    state: State,
    /// The beginning of a header, a block or a checksum that is not whole yet.
    held: Vec<u8>,
    /// The decoded bytes that were not taken yet.
    output: Vec<u8>,
}

enum State {
    /// Between frames.
    Between,
    /// In a skippable frame (RFC 8878 §3.1.2), of which so many bytes are to come.
    Skipping(u32),
    /// At a block of a frame.
    Block(Box<Frame>),
    /// At the checksum that ends a frame.
    Checksum(Box<Frame>),
}

/// A frame that has begun.
struct Frame {
    decoder: FrameDecoder,
    window: usize,
    /// The number of bytes in the decoder that were looked at already.
    seen: usize,
    /// The most bytes that have lain in the decoder, or have room there.
    most: usize,
    has_checksum: bool,
    content_size: Option<u64>,
    produced: u64,
    hash: XxHash64,
}

/// The reason why a stream cannot be decoded further.
pub(super) enum Failure {
    /// Bytes behind a whole frame do not begin another.
    Behind,
    /// The bytes are not a frame, or a damaged one.
    Malformed(String),
}

/// The contents of a frame header (RFC 8878 §3.1.1.1).
struct Header {
    window: u64,
    window_descriptor: u8,
    has_checksum: bool,
    content_size: Option<u64>,
    has_dictionary: bool,
}

impl Zstd {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Between,
            held: Vec::new(),
            output: Vec::new(),
        }
    }

    /// Returns about how many bytes it takes.
    pub(super) fn memory(&self) -> usize {
        let frame = match &self.state {
            State::Between | State::Skipping(_) => 0,
            State::Block(frame) | State::Checksum(frame) => FRAME_BYTES + frame.most,
        };
        frame + self.held.capacity() + self.output.capacity()
    }

    /// Takes input up to the first that gives output or ends a frame, or to its end. Returns true if a frame ended.
    pub(super) fn push(&mut self, input: &mut &[u8]) -> Result<bool, Failure> {
        while !input.is_empty() && self.output.is_empty() {
            if self.step(input)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns true if the input so far is a number of whole frames.
    pub(super) const fn is_between_frames(&self) -> bool {
        matches!(self.state, State::Between) && self.held.is_empty()
    }

    /// Takes what was decoded.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Gives an emptied buffer back.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        if self.output.is_empty() {
            self.output = buffer;
        }
    }

    /// Takes input for one thing: a header, a block, a checksum, or a part of it. Returns true if a frame ended.
    fn step(&mut self, input: &mut &[u8]) -> Result<bool, Failure> {
        if let State::Skipping(remaining) = &mut self.state {
            let length = usize::try_from(*remaining).unwrap_or(usize::MAX);
            let length = length.min(input.len());
            *input = &input[length..];
            *remaining -= u32::try_from(length).unwrap_or(*remaining);
            let has_ended = *remaining == 0;
            if has_ended {
                self.state = State::Between;
            }
            return Ok(has_ended);
        }
        // A header says by and by how long it is.
        loop {
            let needed = self.needed()?;
            let lacking = needed.saturating_sub(self.held.len());
            if lacking == 0 {
                return self.whole();
            }
            let (piece, rest) = input.split_at(lacking.min(input.len()));
            self.held.extend_from_slice(piece);
            *input = rest;
            if piece.len() < lacking {
                // What is no frame is not waited for.
                self.needed()?;
                return Ok(false);
            }
        }
    }

    /// Returns how many bytes the thing at hand has, as far as that is known.
    fn needed(&self) -> Result<usize, Failure> {
        match &self.state {
            State::Between => header_length(&self.held),
            State::Skipping(_) => Ok(0),
            State::Block(_) => block_length(&self.held),
            State::Checksum(_) => Ok(4),
        }
    }

    /// Reads the thing at hand, which is whole. Returns true if a frame ended with it.
    fn whole(&mut self) -> Result<bool, Failure> {
        let held = std::mem::take(&mut self.held);
        let state = std::mem::replace(&mut self.state, State::Between);
        let (state, has_ended) = match state {
            State::Between => begin(&held)?,
            State::Block(mut frame) => {
                let is_last = frame.block(&held, &mut self.output)?;
                match (is_last, frame.has_checksum) {
                    (false, _) => (State::Block(frame), false),
                    (true, true) => (State::Checksum(frame), false),
                    (true, false) => (State::Between, true),
                }
            }
            State::Checksum(frame) => {
                // RFC 8878 §3.1.1: the low four bytes of XXH64, little-endian.
                if frame.hash.finish().to_le_bytes()[..4] != held[..] {
                    return Err(malformed("its checksum is another one"));
                }
                (State::Between, true)
            }
            state @ State::Skipping(_) => (state, false),
        };
        self.state = state;
        self.held = held;
        self.held.clear();
        Ok(has_ended)
    }
}

/// Begins a frame by its header.
fn begin(bytes: &[u8]) -> Result<(State, bool), Failure> {
    if !bytes.starts_with(&MAGIC) {
        let length = bytes.last_chunk().copied().map_or(0, u32::from_le_bytes);
        return Ok(match length {
            0 => (State::Between, true),
            length => (State::Skipping(length), false),
        });
    }
    let header = Header::parse(bytes).ok_or_else(|| malformed("its header is cut off"))?;
    if header.has_dictionary {
        return Err(malformed("it needs a dictionary"));
    }
    if header.window > LARGEST_WINDOW {
        let window = header.window;
        return Err(malformed(&format!(
            "a window of {window} bytes; RFC 9659 allows 8 MiB"
        )));
    }
    let frame = Frame::new(&header).map_err(|error| malformed(&error))?;
    Ok((State::Block(Box::new(frame)), false))
}

fn malformed(reason: &str) -> Failure {
    Failure::Malformed(reason.to_owned())
}

/// Returns the length of a frame's header, as far as its beginning tells.
fn header_length(held: &[u8]) -> Result<usize, Failure> {
    let magic = &held[..held.len().min(4)];
    // RFC 8878 §3.1.2: sixteen magic numbers of skippable frames, then the length of what is to be skipped.
    let is_skippable =
        magic
            .iter()
            .zip([0x50, 0x2a, 0x4d, 0x18])
            .enumerate()
            .all(|(place, (byte, expected))| match place {
                0 => byte & 0xf0 == expected,
                _ => *byte == expected,
            });
    if is_skippable {
        return Ok(if magic.len() < 4 { 4 } else { 8 });
    }
    if !MAGIC.starts_with(magic) {
        return Err(Failure::Behind);
    }
    let Some(descriptor) = held.get(4) else {
        return Ok(5);
    };
    let [window, dictionary, content] = field_lengths(*descriptor);
    Ok(5 + window + dictionary + content)
}

/// Returns the lengths of the window descriptor, the dictionary ID and the content size (RFC 8878 §3.1.1.1.1).
fn field_lengths(descriptor: u8) -> [usize; 3] {
    let is_single_segment = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content = match descriptor >> 6 {
        0 => usize::from(is_single_segment),
        flag => 1 << flag,
    };
    [usize::from(!is_single_segment), dictionary, content]
}

impl Header {
    /// Reads a header that is whole.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (descriptor, rest) = bytes.get(4..)?.split_first()?;
        let [window, dictionary, content] = field_lengths(*descriptor);
        let (window, rest) = rest.split_at_checked(window)?;
        let (dictionary, content_size) = rest.split_at_checked(dictionary)?;
        let number = |bytes: &[u8]| {
            let digits = bytes.iter().rev();
            digits.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let content_size = match content {
            0 => None,
            // §3.1.1.1.4: two bytes count from 256 on.
            2 => Some(number(content_size) + 256),
            _ => Some(number(content_size)),
        };
        let (window, window_descriptor) = if let [descriptor] = window {
            (window_size(*descriptor), *descriptor)
        } else {
            // A single segment: the window is the content.
            let size = content_size.unwrap_or_default();
            (size, window_descriptor(size))
        };
        Some(Self {
            window,
            window_descriptor,
            has_checksum: descriptor & 4 != 0,
            content_size,
            has_dictionary: number(dictionary) != 0,
        })
    }
}

/// Returns the window size that a descriptor stands for (RFC 8878 §3.1.1.1.2).
const fn window_size(descriptor: u8) -> u64 {
    let base = SMALLEST_WINDOW << (descriptor >> 3);
    base + base / 8 * (descriptor & 7) as u64
}

/// Returns the descriptor of the smallest window that is no smaller, of those that are powers of two.
const fn window_descriptor(size: u64) -> u8 {
    let mut descriptor = 0;
    while window_size(descriptor) < size && descriptor < 31 << 3 {
        descriptor += 1 << 3;
    }
    descriptor
}

/// Returns the length of a block, as far as its header tells (RFC 8878 §3.1.1.2).
fn block_length(held: &[u8]) -> Result<usize, Failure> {
    let [first, second, third, ..] = *held else {
        return Ok(3);
    };
    let size = u32::from_le_bytes([first, second, third, 0]) >> 3;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    match first >> 1 & 3 {
        // One byte, to be repeated.
        1 => Ok(4),
        3 => Err(malformed("a block of a reserved type")),
        _ if size > LARGEST_BLOCK => Err(malformed("a block is too large")),
        _ => Ok(3 + size),
    }
}

impl Frame {
    fn new(header: &Header) -> Result<Self, String> {
        let mut decoder = FrameDecoder::new();
        // What the checksum and the content size say is looked at here: with neither, the decoder does not wait for it.
        let told = [&MAGIC[..], &[0, header.window_descriptor]].concat();
        decoder
            .reset(&told[..])
            .map_err(|error| error.to_string())?;
        let window = window_size(header.window_descriptor);
        let mut frame = Self {
            decoder,
            window: usize::try_from(window).unwrap_or(usize::MAX),
            seen: 0,
            most: usize::try_from(window).unwrap_or(usize::MAX),
            has_checksum: header.has_checksum,
            content_size: header.content_size,
            produced: 0,
            hash: XxHash64::with_seed(0),
        };
        // The decoder lets go of the window once it has seen the last block, and goes on decoding all the same.
        frame.feed(&[1, 0, 0])?;
        Ok(frame)
    }

    /// Decodes one block.
    fn feed(&mut self, block: &[u8]) -> Result<(), String> {
        let decoded = self
            .decoder
            .decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1));
        decoded.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Decodes a block, and appends what it gives. Returns true if it is the last.
    fn block(&mut self, block: &[u8], output: &mut Vec<u8>) -> Result<bool, Failure> {
        let from = output.len();
        let decoded = self.feed(block);
        self.reveal(output).map_err(|error| malformed(&error))?;
        decoded.map_err(|error| malformed(&error))?;
        self.hash.write(&output[from..]);
        self.produced += (output.len() - from) as u64;
        let is_last = block[0] & 1 != 0;
        let is_other = |size| self.produced > size || (is_last && self.produced < size);
        if self.content_size.is_some_and(is_other) {
            return Err(malformed("its content has another size than it says"));
        }
        Ok(is_last)
    }

    /// Appends the bytes in the decoder that were not looked at yet.
    fn reveal(&mut self, output: &mut Vec<u8>) -> Result<(), String> {
        let there = self.decoder.can_collect();
        self.most = self.most.max(there);
        let from = output.len();
        let look = Look {
            skip: self.seen,
            output,
        };
        self.decoder
            .collect_to_writer(look)
            .map_err(|error| error.to_string())?;
        let found = output.len() - from;
        let is_all = self.seen + found == there;
        if is_all && there <= 2 * self.window {
            self.seen = there;
            return Ok(());
        }
        let all = self.decoder.collect().unwrap_or_default();
        output.extend_from_slice(all.get(self.seen + found..).unwrap_or_default());
        self.give_back(&all[all.len().saturating_sub(self.window)..])
    }

    /// Puts the window's bytes back, as blocks that are not compressed.
    fn give_back(&mut self, window: &[u8]) -> Result<(), String> {
        self.seen = window.len();
        for piece in window.chunks(LARGEST_BLOCK.min(self.window)) {
            let header = u32::try_from(piece.len()).unwrap_or(0) << 3;
            let block = [&header.to_le_bytes()[..3], piece].concat();
            self.feed(&block)?;
        }
        Ok(())
    }
}

/// A look at what a decoder would hand out, without taking it.
struct Look<'a> {
    /// The number of bytes that were seen before.
    skip: usize,
    output: &'a mut Vec<u8>,
}

impl Write for Look<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let seen = self.skip.min(bytes.len());
        self.output.extend_from_slice(&bytes[seen..]);
        Ok(0)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::{Coding, CodingError, Decoder};
    use base64::Engine as _;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    const LIMIT: usize = 1 << 24;

    /// 2000 lines that `zstd -19 --zstd=wlog=10 --check` compressed: 24 blocks, which refer 1 KiB back at most.
    const LINES: &str = "KLUv/QQAVAIAIkMJDdDnVKALGJUypUQNTehFd7miu1zRXa7oLlf02y0JFsYJC8KQEiioIL5+BuCVYQ0RcIwkTN///+9ZTttofcu/\
         x7gute/CTgFEAAAAAQD9l1YCCDwAAAABAP0rAAQ8AAAAAQD9KwAEPAAAAAEA/SsABDwAAAABAP0rAAQ8AAAAAQD9KwAEPAAAAAEA\
         /SsABDwAAAABAP0rAAQ8AAAAAQD9KwAEPAAAAAEA/SsABDwAAAABAP0rAAQ8AAAAAQD9KwAEPAAAAAEA/SsABDwAAAABAP0rAAQ8\
         AAAAAQD9KwAEPAAAAAEA/SsABDwAAAABAP0rAAQ8AAAAAQD9KwAEPAAAAAEA/SsABDwAAAABAP0rAAQ8AAAAAQD9KwAEPAAAAAEA\
         /SsABD0AAAABAL0qAAL4by3P";

    fn lines() -> (Vec<u8>, Vec<u8>) {
        let plain = (0..2000).map(|line| format!("line {} of {}\n", line % 7, line % 5));
        let coded = base64::engine::general_purpose::STANDARD.decode(LINES);
        (plain.collect::<String>().into_bytes(), coded.unwrap())
    }

    /// Makes a block that is not compressed.
    fn raw(is_last: bool, bytes: &[u8]) -> Vec<u8> {
        let header = u32::try_from(bytes.len()).unwrap() << 3 | u32::from(is_last);
        [&header.to_le_bytes()[..3], bytes].concat()
    }

    /// Makes a block that repeats a byte.
    fn repeated(is_last: bool, byte: u8, count: u32) -> Vec<u8> {
        let header = count << 3 | 2 | u32::from(is_last);
        [&header.to_le_bytes()[..3], &[byte]].concat()
    }

    /// Makes a compressed block with this content.
    fn compressed(bytes: &[u8]) -> Vec<u8> {
        let header = u32::try_from(bytes.len()).unwrap() << 3 | 5;
        [&header.to_le_bytes()[..3], bytes].concat()
    }

    /// Makes a frame with this descriptor and these fields behind it.
    fn frame(descriptor: u8, fields: &[u8], blocks: &[Vec<u8>]) -> Vec<u8> {
        [&MAGIC[..], &[descriptor], fields, &blocks.concat()].concat()
    }

    fn decode(bytes: &[u8], size: usize) -> (Vec<u8>, Result<(), CodingError>) {
        let mut decoder = Decoder::new(&[Coding::Zstd]);
        let mut output = Vec::new();
        for piece in bytes.chunks(size) {
            if let Err(error) = decoder.push(piece, &mut output, LIMIT) {
                return (output, Err(error));
            }
        }
        let ended = decoder.finish(&mut output, LIMIT);
        (output, ended)
    }

    fn assert_fails(bytes: &[u8], plain: &[u8], reason: &str) {
        for size in [1, 7, 1000] {
            let (output, ended) = decode(bytes, size);
            assert_eq!(output, plain, "{reason}");
            assert_eq!(ended.unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn blocks_that_refer_to_others_are_decoded_however_small_the_window() {
        let (plain, coded) = lines();
        for size in [1, 7, 1000] {
            assert_eq!(decode(&coded, size), (plain.clone(), Ok(())));
        }
    }

    #[test]
    fn a_block_does_not_wait_for_the_next() {
        let bytes = frame(
            0,
            &[0x68],
            &[raw(false, b"data: 1\n\n"), raw(false, b"data: 2\n\n")],
        );
        let (output, ended) = decode(&bytes, 1000);
        assert_eq!(output, b"data: 1\n\ndata: 2\n\n");
        assert_eq!(ended, Err(CodingError::CutOff { coding: "zstd" }));
    }

    #[test]
    fn several_frames_are_one_text_and_skippable_ones_are_skipped() {
        let skipped = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
        let nothing = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
        let one = frame(0x20, &[3], &[raw(true, b"one")]);
        let two = frame(0, &[0], &[repeated(true, b'2', 5)]);
        let bytes = [&skipped[..], &one, &nothing, &skipped, &two].concat();
        for size in [1, 7, 1000] {
            assert_eq!(decode(&bytes, size), (b"one22222".to_vec(), Ok(())));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (plain, coded) = lines();
        let mut other = coded.clone();
        let last = other.len() - 1;
        other[last] ^= 1;
        assert_fails(
            &other,
            &plain,
            "the body is not valid zstd: its checksum is another one",
        );
        let one = frame(0x20, &[3], &[raw(true, b"one")]);
        let behind = [&one[..], b"junk"].concat();
        assert_fails(&behind, b"one", "bytes follow on the end of the zstd body");
        assert_fails(&one[..6], b"", "the zstd body ends too early");
        let text = "the body is not valid zstd: ";
        let longer = frame(0x20, &[2], &[raw(true, b"one")]);
        let size = "its content has another size than it says";
        assert_fails(&longer, b"one", &format!("{text}{size}"));
        let shorter = frame(0x20, &[4], &[raw(true, b"one")]);
        assert_fails(&shorter, b"one", &format!("{text}{size}"));
        let dictionary = frame(0x21, &[9, 3], &[raw(true, b"one")]);
        assert_fails(&dictionary, b"", &format!("{text}it needs a dictionary"));
        let reserved = frame(0, &[0], &[vec![7, 0, 0]]);
        assert_fails(&reserved, b"", &format!("{text}a block of a reserved type"));
        let window = "a window of 16777216 bytes; RFC 9659 allows 8 MiB";
        assert_fails(&frame(0, &[14 << 3], &[]), b"", &format!("{text}{window}"));
        let none = "it does not begin with a frame";
        assert_fails(b"no zstd at all", b"", &format!("{text}{none}"));
    }

    #[test]
    fn a_bomb_is_cut() {
        let blocks = vec![repeated(false, 0, 128 << 10); 1000];
        let (output, ended) = decode(&frame(0, &[13 << 3], &blocks), 1000);
        assert_eq!(output.len(), LIMIT);
        assert_eq!(ended, Err(CodingError::TooLarge { limit: LIMIT }));
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_out_however_it_is_cut(
            words in prop::collection::vec("[a-d]{1,9}", 0..400),
            size in 1_usize..300,
        ) {
            let plain = words.concat().into_bytes();
            let coded = compress_to_vec(&plain[..], CompressionLevel::Fastest);
            prop_assert_eq!(decode(&coded, size), (plain, Ok(())));
        }

        #[test]
        fn damage_neither_panics_nor_depends_on_the_pieces(
            place in 0_usize..300,
            byte in any::<u8>(),
            size in 1_usize..300,
        ) {
            let (_, mut coded) = lines();
            let place = place % coded.len();
            coded[place] = byte;
            prop_assert_eq!(decode(&coded, size), decode(&coded, 10_000));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), descriptor in any::<u8>()) {
            let _ = decode(&frame(descriptor, &bytes, &[]), 13);
            let _ = decode(&frame(0, &[0], &[compressed(&bytes)]), 13);
        }
    }
}
