//! Checks that a deflate stream (RFC 1951) keeps to the window that was negotiated for it (RFC 7692 §7.1.2).
//!
//! Inflaters have the largest window and do not tell how far back a stream refers. This reads the stream once more,
//! without its output: blocks, codes, and the distance of each reference. It holds no more than a block's header.

use std::sync::{Arc, LazyLock};

/// A check of how far back a stream refers, with the first reference that goes too far.
#[derive(Debug)]
pub(super) struct WindowCheck {
    window: u32,
    /// The bytes that were not read yet; `bit` bits of the first one were.
    bytes: Vec<u8>,
    bit: usize,
    state: State,
    violation: Option<Violation>,
}

/// A reference further back than the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// The distance in bytes.
    pub(super) distance: u32,
    /// The place of the byte that the reference ends in.
    pub(super) offset: u64,
}

#[derive(Debug)]
enum State {
    BlockHeader,
    Stored { remaining: usize, is_last: bool },
    Coded { codes: Arc<Codes>, is_last: bool },
    // What is no deflate stream is the inflater's to tell.
    Lost,
}

#[derive(Debug)]
struct Codes {
    literals: Code,
    distances: Code,
}

/// The reason why nothing can be read.
enum Stop {
    MoreNeeded,
    Malformed,
}

impl WindowCheck {
    pub(super) const fn new(window_bits: u8) -> Self {
        Self {
            window: 1 << window_bits,
            bytes: Vec::new(),
            bit: 0,
            state: State::BlockHeader,
            violation: None,
        }
    }

    /// Begins a new stream.
    pub(super) fn reset(&mut self) {
        self.bytes.clear();
        self.bit = 0;
        self.state = State::BlockHeader;
        self.violation = None;
    }

    /// Returns the window in bytes.
    pub(super) const fn window(&self) -> u32 {
        self.window
    }

    /// Returns the first violation since the last call.
    pub(super) const fn take_violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    /// Reads the stream's next bytes, which are at `offset`.
    pub(super) fn push(&mut self, piece: &[u8], offset: u64) {
        let held = self.bytes.len();
        self.bytes.extend_from_slice(piece);
        loop {
            let mut bits = Bits {
                bytes: &self.bytes,
                bit: self.bit,
            };
            match self.state.step(&mut bits) {
                Ok(distance) => {
                    self.bit = bits.bit;
                    if distance > self.window {
                        // What was held back was not whole, so that its end is in this piece.
                        let place = ((self.bit - 1) / 8).saturating_sub(held);
                        let offset = offset + place as u64;
                        self.violation.get_or_insert(Violation { distance, offset });
                    }
                }
                Err(Stop::MoreNeeded) => break,
                Err(Stop::Malformed) => self.state = State::Lost,
            }
        }
        self.bytes.drain(..self.bit / 8);
        self.bit %= 8;
    }
}

impl State {
    /// Reads a block's header, a stretch of stored bytes, a literal or a reference; returns its distance, or 0.
    fn step(&mut self, bits: &mut Bits<'_>) -> Result<u32, Stop> {
        match self {
            Self::BlockHeader => {
                *self = block_header(bits)?;
                Ok(0)
            }
            Self::Stored { remaining, is_last } => {
                let passed = bits.pass_bytes(*remaining)?;
                *remaining -= passed;
                if *remaining == 0 {
                    *self = Self::after_block(*is_last, bits);
                }
                Ok(0)
            }
            Self::Coded { codes, is_last } => match codes.symbol(bits)? {
                Symbol::Literal => Ok(0),
                Symbol::Reference(distance) => Ok(distance),
                Symbol::EndOfBlock => {
                    *self = Self::after_block(*is_last, bits);
                    Ok(0)
                }
            },
            Self::Lost => {
                bits.bit = bits.bytes.len() * 8;
                Err(Stop::MoreNeeded)
            }
        }
    }

    /// Returns the state after a block: a message may go on after one with BFINAL set; then a new deflate stream begins
    /// at a byte (RFC 7692 §7.2.3.4).
    const fn after_block(is_last: bool, bits: &mut Bits<'_>) -> Self {
        if is_last {
            bits.align();
        }
        Self::BlockHeader
    }
}

/// Reads the header of a block (RFC 1951 §3.2.3).
fn block_header(bits: &mut Bits<'_>) -> Result<State, Stop> {
    let is_last = bits.take(1)? == 1;
    match bits.take(2)? {
        0 => {
            bits.align();
            let (length, complement) = (bits.take(16)?, bits.take(16)?);
            if length != !complement & 0xffff {
                return Err(Stop::Malformed);
            }
            let remaining = length as usize;
            Ok(if remaining == 0 {
                State::after_block(is_last, bits)
            } else {
                State::Stored { remaining, is_last }
            })
        }
        1 => Ok(State::Coded {
            codes: Arc::clone(&FIXED),
            is_last,
        }),
        2 => Ok(State::Coded {
            codes: Arc::new(Codes::read(bits)?),
            is_last,
        }),
        _ => Err(Stop::Malformed),
    }
}

/// The fixed codes, made once: a block of them that holds nothing takes ten bits.
static FIXED: LazyLock<Arc<Codes>> = LazyLock::new(|| Arc::new(Codes::fixed()));

enum Symbol {
    Literal,
    EndOfBlock,
    /// The distance back.
    Reference(u32),
}

impl Codes {
    /// Returns the fixed codes (RFC 1951 §3.2.6).
    fn fixed() -> Self {
        let literals: Vec<u8> = [(8, 144), (9, 112), (7, 24), (8, 8)]
            .iter()
            .flat_map(|(length, count)| std::iter::repeat_n(*length, *count))
            .collect();
        Self {
            literals: Code::new(&literals),
            distances: Code::new(&[5; 30]),
        }
    }

    /// Reads the codes of a block (RFC 1951 §3.2.7).
    fn read(bits: &mut Bits<'_>) -> Result<Self, Stop> {
        const ORDER: [usize; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        let literals = bits.take(5)? as usize + 257;
        let distances = bits.take(5)? as usize + 1;
        let length_codes = bits.take(4)? as usize + 4;
        let mut lengths_of_lengths = [0; 19];
        for place in &ORDER[..length_codes] {
            lengths_of_lengths[*place] = bits.take_byte(3)?;
        }
        let code = Code::new(&lengths_of_lengths);
        let mut lengths: Vec<u8> = Vec::with_capacity(literals + distances);
        while lengths.len() < literals + distances {
            let (length, count) = match code.symbol(bits)? {
                16 => {
                    let before = *lengths.last().ok_or(Stop::Malformed)?;
                    (before, 3 + bits.take(2)?)
                }
                17 => (0, 3 + bits.take(3)?),
                18 => (0, 11 + bits.take(7)?),
                length => (u8::try_from(length).map_err(|_| Stop::Malformed)?, 1),
            };
            lengths.extend(std::iter::repeat_n(length, count as usize));
        }
        if lengths.len() > literals + distances {
            return Err(Stop::Malformed);
        }
        Ok(Self {
            literals: Code::new(&lengths[..literals]),
            distances: Code::new(&lengths[literals..]),
        })
    }

    /// Reads a symbol (RFC 1951 §3.2.5).
    fn symbol(&self, bits: &mut Bits<'_>) -> Result<Symbol, Stop> {
        let length_bits = match self.literals.symbol(bits)? {
            0..=255 => return Ok(Symbol::Literal),
            256 => return Ok(Symbol::EndOfBlock),
            257..=264 | 285 => 0,
            symbol @ 265..=284 => (symbol - 261) / 4,
            _ => return Err(Stop::Malformed),
        };
        bits.take(u32::from(length_bits))?;
        let distance = match u32::from(self.distances.symbol(bits)?) {
            symbol @ 0..=3 => symbol + 1,
            symbol @ 4..=29 => {
                let extra = symbol / 2 - 1;
                ((2 + symbol % 2) << extra) + 1 + bits.take(extra)?
            }
            _ => return Err(Stop::Malformed),
        };
        Ok(Symbol::Reference(distance))
    }
}

/// A Huffman code (RFC 1951 §3.2.2): the number of symbols of each length, and the symbols in order of their codes.
#[derive(Debug)]
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    /// Makes a code from the length of each symbol's code.
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; 16];
        for length in lengths.iter().filter(|length| **length > 0) {
            counts[usize::from(*length)] += 1;
        }
        let mut symbols: Vec<u16> = (0..)
            .zip(lengths)
            .filter(|(_, length)| **length > 0)
            .map(|(symbol, _)| symbol)
            .collect();
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]);
        Self { counts, symbols }
    }

    /// Reads a code bit by bit: codes of a length are consecutive numbers, and follow on those that are shorter.
    fn symbol(&self, bits: &mut Bits<'_>) -> Result<u16, Stop> {
        let (mut code, mut first, mut before) = (0, 0, 0);
        for count in self.counts.iter().skip(1).copied().map(u32::from) {
            code |= bits.take(1)?;
            if let Some(place) = u32::checked_sub(code, first).filter(|place| *place < count) {
                let symbol = self.symbols.get((before + place) as usize);
                return symbol.copied().ok_or(Stop::Malformed);
            }
            before += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Stop::Malformed)
    }
}

/// The bits of a stream: numbers begin with their lowest bit, at the lowest of the byte (RFC 1951 §3.1.1).
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit to read.
    bit: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Result<u32, Stop> {
        let mut number = 0;
        for place in 0..count {
            let byte = self.bytes.get(self.bit / 8).ok_or(Stop::MoreNeeded)?;
            number |= u32::from(byte >> (self.bit % 8) & 1) << place;
            self.bit += 1;
        }
        Ok(number)
    }

    fn take_byte(&mut self, count: u32) -> Result<u8, Stop> {
        self.take(count.min(8)).map(|number| (number & 0xff) as u8)
    }

    /// Goes on at the next whole byte.
    const fn align(&mut self) {
        self.bit = self.bit.next_multiple_of(8);
    }

    /// Passes over whole bytes, as many as there are up to `most`.
    fn pass_bytes(&mut self, most: usize) -> Result<usize, Stop> {
        let there = (self.bytes.len() * 8).saturating_sub(self.bit) / 8;
        let passed = there.min(most);
        self.bit += passed * 8;
        if passed == 0 {
            Err(Stop::MoreNeeded)
        } else {
            Ok(passed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    fn deflated(data: &[u8], level: u32, window_bits: u8) -> Vec<u8> {
        let level = Compression::new(level);
        let mut compress = Compress::new_with_window_bits(level, false, window_bits);
        let mut packed = Vec::with_capacity(2 * data.len() + 1000);
        compress
            .compress_vec(data, &mut packed, FlushCompress::Sync)
            .unwrap();
        assert_eq!(compress.total_in(), data.len() as u64);
        packed
    }

    fn check(packed: &[u8], window_bits: u8, piece: usize) -> (Option<Violation>, bool) {
        let mut check = WindowCheck::new(window_bits);
        let mut offset = 0;
        for piece in packed.chunks(piece) {
            check.push(piece, offset);
            offset += piece.len() as u64;
            assert!(check.bytes.len() < 1000, "no more than a block's header");
        }
        let is_between_blocks = matches!(check.state, State::BlockHeader) && check.bytes.is_empty();
        (check.take_violation(), is_between_blocks)
    }

    /// Bytes that look random, so that the compressor finds nothing in them.
    fn noise(length: usize, mut seed: u32) -> Vec<u8> {
        let next = || {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed.to_be_bytes()[1]
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn the_reference_that_is_too_far_is_told_with_its_place() {
        // A stored block of 300 bytes; then, in the fixed code: length 3 (symbol 257, 0000001), distance symbol 16
        // (10000, seven more bits: 257 to 384) with 43 more, the end of the block.
        let mut stream = vec![0, 44, 1, 0xd3, 0xfe];
        stream.extend(noise(300, 1));
        // BFINAL 0, BTYPE 01, 0000001, 10000, 1101010, 0000000: each field begins at the lowest bit left.
        let bits = "0".to_owned() + "10" + "0000001" + "10000" + "1101010" + "0000000";
        let fields: Vec<u8> = bits.bytes().map(|bit| bit - b'0').collect();
        let bytes = fields.chunks(8).map(|byte| {
            byte.iter()
                .enumerate()
                .fold(0, |sum, (place, bit)| sum | bit << place)
        });
        stream.extend(bytes);
        let distance = 257 + 0b010_1011;
        let offset = 305 + 2;
        assert_eq!(
            check(&stream, 8, 1000).0,
            Some(Violation { distance, offset })
        );
        assert_eq!(check(&stream, 9, 1000).0, None);
    }

    proptest! {
        #[test]
        fn a_compressor_keeps_to_its_window(
            words in prop::collection::vec((0_usize..200, 1_usize..40), 1..2000),
            level in 0_u32..10,
            window_bits in 9_u8..16,
            piece in 1_usize..200,
        ) {
            let book = noise(240, 7);
            let data: Vec<u8> = words.iter().flat_map(|(at, length)| &book[*at..at + length]).copied().collect();
            let packed = deflated(&data, level, window_bits);
            prop_assert_eq!(check(&packed, window_bits, piece), (None, true));
            let widest = deflated(&data, level, 15);
            let (violation, _) = check(&widest, window_bits, piece);
            prop_assert_eq!(violation, check(&widest, window_bits, usize::MAX).0);
        }

        #[test]
        fn a_reference_beyond_the_window_is_noticed(
            distance in 300_usize..32_000,
            window_bits in 8_u8..15,
            seed in 1_u32..,
            piece in 1_usize..5000,
        ) {
            let once = noise(distance, seed);
            let packed = deflated(&[&once[..], &once[..200]].concat(), 9, 15);
            let (violation, is_between_blocks) = check(&packed, window_bits, piece);
            prop_assert!(is_between_blocks);
            if distance > 1 << window_bits {
                prop_assert!(violation.is_some_and(|violation| violation.distance > 1 << window_bits));
                prop_assert!(violation.is_some_and(|violation| violation.offset < packed.len() as u64));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
            let mut check = WindowCheck::new(8);
            for piece in &pieces {
                check.push(piece, 0);
            }
        }
    }
}
