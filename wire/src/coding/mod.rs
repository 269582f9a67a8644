//! Undoes content codings within bounds: gzip, deflate, br and zstd, one over the other.
//!
//! Without the feature `brotli` or `zstd` that coding is one of those that are not known here.
//!
//! Besides the decoded bytes, a decoder gives a fingerprint of the coded ones ([`Decoder::coded`]), since two bodies
//! that decode to the same bytes may still differ on the wire. If it cannot go on, it gives the bytes that were not
//! decoded ([`Decoder::undecoded`]).
//!
//! A body arrives in pieces, so the decoder takes pieces. A kilobyte of gzip can hold a megabyte of zeros, so the
//! caller says how much it is ready to take. Anything beyond that is cut, and the cut is an error value, not a
//! surprise.
//!
//! ```
//! use wirestream::coding::{Coding, Decoder};
//!
//! assert_eq!(Coding::list(b"deflate, gzip"), Ok(vec![Coding::Deflate, Coding::Gzip]));
//! let mut decoder = Decoder::new(&[]);
//! let mut plain = Vec::new();
//! decoder.push(b"as it is", &mut plain, 100).unwrap();
//! assert_eq!(plain, b"as it is");
//! ```

#[cfg(feature = "brotli")]
mod brotli;
mod coded;
mod stage;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;

pub use self::coded::Coded;
use self::stage::{Marks, Stage};
use crate::budget::Budget;

/// The most codings that one body may have; more is either an attack or a mistake.
const MOST_CODINGS: usize = 8;

/// The most bytes that may pass between the stages in all: data that is coded twice can swell in the middle and still
/// decode to nothing.
const MOST_BETWEEN: usize = 1 << 24;

/// The largest input of one push to a stage: with deflate's limit of 1032 to 1, a stage stays within bounds.
const STAGE_INPUT: usize = 1 << 10;

/// One content coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 9110 §8.4.1.3, the format of RFC 1952.
    Gzip,
    /// RFC 9110 §8.4.1.2: zlib (RFC 1950), or the bare deflate (RFC 1951) that some servers send instead.
    Deflate,
    /// RFC 7932.
    #[cfg(feature = "brotli")]
    Brotli,
    /// RFC 8878.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// Returns the codings that a field value names, in the order in which they were applied; `identity` is left out.
    ///
    /// # Errors
    ///
    /// Returns an error if a name is not known here: the first one.
    pub fn list(value: &[u8]) -> Result<Vec<Self>, String> {
        let mut codings = Vec::new();
        for name in value.split(|byte| *byte == b',') {
            let name = name.trim_ascii().to_ascii_lowercase();
            match name.as_slice() {
                b"" | b"identity" => {}
                // RFC 9110 §8.4.1.3: x-gzip is the same as gzip.
                b"gzip" | b"x-gzip" => codings.push(Self::Gzip),
                b"deflate" => codings.push(Self::Deflate),
                #[cfg(feature = "brotli")]
                b"br" => codings.push(Self::Brotli),
                #[cfg(feature = "zstd")]
                b"zstd" => codings.push(Self::Zstd),
                _ => return Err(String::from_utf8_lossy(&name).into_owned()),
            }
        }
        if codings.len() > MOST_CODINGS {
            return Err(format!("{} codings at once", codings.len()));
        }
        Ok(codings)
    }

    /// Returns the registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            #[cfg(feature = "brotli")]
            Self::Brotli => "br",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }
}

/// The reason why the decoding of a body ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodingError {
    /// More came out than the caller takes.
    TooLarge {
        /// The bytes that were taken.
        limit: usize,
    },
    /// The bytes are not valid in the coding that is named.
    Malformed {
        /// The coding.
        coding: &'static str,
        /// The message of its decoder.
        reason: String,
    },
    /// The capture may not inflate more.
    OverBudget,
    /// Too many decoders are at work at a time.
    NoRoom,
    /// The body ended before the coding did.
    CutOff {
        /// The coding.
        coding: &'static str,
    },
    /// The coding ended before the body did.
    Behind {
        /// The coding.
        coding: &'static str,
    },
}

impl fmt::Display for CodingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => {
                write!(formatter, "decoded body cut after {limit} bytes")
            }
            Self::Malformed { coding, reason } => {
                write!(formatter, "the body is not valid {coding}: {reason}")
            }
            Self::OverBudget => formatter.write_str(
                "not decoded further: what was captured so far inflates to too many times its size",
            ),
            Self::NoRoom => formatter.write_str(
                "not decoded further: too much is open at the same time; a larger memory budget (--memory) has more room",
            ),
            Self::CutOff { coding } => write!(formatter, "the {coding} body ends too early"),
            Self::Behind { coding } => {
                write!(formatter, "bytes follow on the end of the {coding} body")
            }
        }
    }
}

impl std::error::Error for CodingError {}

/// Undoes a chain of codings, piece by piece.
#[derive(Debug)]
pub struct Decoder {
    /// The codings to undo, until there is something to decode: a stage takes memory from its beginning.
    codings: Vec<Coding>,
    stages: Vec<Stage>,
    room: Room,
    coded: Coded,
}

/// The limits on what may still come out of the stages.
#[derive(Debug)]
struct Room {
    /// The bytes that may come out of all stages but the last.
    between: usize,
    /// The budget for all stages of all bodies.
    budget: Budget,
}

impl Decoder {
    /// Makes a decoder for codings in the order in which they were applied: the last is undone first.
    #[must_use]
    pub fn new(codings: &[Coding]) -> Self {
        Self::within(&Budget::default(), codings)
    }

    /// Makes a decoder that inflates no more than the budget allows.
    #[must_use]
    pub fn within(budget: &Budget, codings: &[Coding]) -> Self {
        Self {
            codings: codings.to_vec(),
            stages: Vec::new(),
            room: Room {
                between: MOST_BETWEEN,
                budget: budget.clone(),
            },
            coded: Coded::new(codings.last() == Some(&Coding::Gzip)),
        }
    }

    fn start(&mut self) {
        if !self.codings.is_empty() {
            let stages = self.codings.drain(..).rev().map(Stage::new);
            self.stages = stages.collect();
        }
    }

    /// Returns about how many bytes it takes for itself.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.stages.iter().map(Stage::memory).sum()
    }

    /// Decodes `input` and appends the result to `output`, as long as `output` stays within `limit` bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if nothing more can be decoded. What was decoded before is in `output`; [`Decoder::undecoded`]
    /// returns the rest. Nothing more is to be pushed then, but [passed](Decoder::pass).
    pub fn push(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), CodingError> {
        self.start();
        let mut rest = input;
        while !rest.is_empty() {
            // Blocks begin at the same places however the bytes come, so that what is said of them is the same too.
            let length = self.coded.room_in_block().min(rest.len());
            let (slice, behind) = rest.split_at(length);
            rest = behind;
            let before = output.len();
            let mut marks = Marks::default();
            let room = &mut self.room;
            let outcome = run(&mut self.stages, slice, output, limit, room, &mut marks);
            self.coded.take(slice, &marks);
            if let Err(error) = outcome {
                self.coded.fail(slice, rest, &marks);
                return Err(error);
            }
            self.coded.settle(slice, output.len() > before, &marks);
        }
        Ok(())
    }

    /// Frees the memory that decoding takes: nothing more is to be pushed, only passed.
    pub fn release(&mut self) {
        self.codings = Vec::new();
        self.stages = Vec::new();
    }

    /// Takes bytes that are not to be decoded, after an error or a hole: they are only counted.
    pub fn pass(&mut self, bytes: &[u8]) {
        self.coded.take(bytes, &Marks::default());
    }

    /// Returns the summary of all coded bytes so far.
    #[must_use]
    pub const fn coded(&self) -> &Coded {
        &self.coded
    }

    /// Returns the coded bytes from which nothing (more) came, once decoding failed or the body ended: from the start
    /// of their block of 1 KiB, or from the end of what was whole.
    #[must_use]
    pub fn undecoded(&mut self) -> Vec<u8> {
        self.coded.take_pending()
    }

    /// Takes the end of the body.
    ///
    /// # Errors
    ///
    /// Returns an error if a coding had not ended. An empty body is fine: servers that forget to leave
    /// out the field send it.
    pub fn finish(&mut self, output: &mut Vec<u8>, limit: usize) -> Result<(), CodingError> {
        if self.coded.is_empty() {
            return Ok(());
        }
        self.drain(output, limit)
    }

    /// Ends each stage, and takes what it held back; the first error counts.
    fn drain(&mut self, output: &mut Vec<u8>, limit: usize) -> Result<(), CodingError> {
        let mut outcome = Ok(());
        for index in 0..self.stages.len() {
            let (head, rest) = self.stages.split_at_mut(index + 1);
            let stage = &mut head[index];
            let ended = stage.finish();
            let piece = stage.take();
            let passed = pass_on(rest, &piece, output, limit, &mut self.room);
            outcome = outcome.and(passed).and(ended);
        }
        outcome
    }
}

/// Makes the stages undo one coding after the other; `marks` gets the places in the input that the first one reports.
fn run(
    stages: &mut [Stage],
    input: &[u8],
    output: &mut Vec<u8>,
    limit: usize,
    room: &mut Room,
    marks: &mut Marks,
) -> Result<(), CodingError> {
    let Some((stage, rest)) = stages.split_first_mut() else {
        return append(input, output, limit);
    };
    let mut left = input;
    while !left.is_empty() {
        let mut slice = &left[..left.len().min(STAGE_INPUT)];
        let length = slice.len();
        let mut found = Marks::from_place(input.len() - left.len());
        let written = stage.push(&mut slice, &mut found);
        left = &left[length - slice.len()..];
        if written.is_err() {
            // What came out before the damage may still be in the decoder's own buffer. It goes on first: what the next
            // stage cannot read of it was wrong before this stage was.
            let _ = stage.finish();
        }
        let piece = stage.take();
        // What is behind this stage must have taken all before a mark: whole is what came out whole in the end.
        pass_on(rest, &piece, output, limit, room)?;
        marks.add(found);
        stage.give_back(piece);
        written?;
    }
    Ok(())
}

/// Gives the output of one stage to the rest of them.
fn pass_on(
    rest: &mut [Stage],
    piece: &[u8],
    output: &mut Vec<u8>,
    limit: usize,
    room: &mut Room,
) -> Result<(), CodingError> {
    if !rest.is_empty() {
        let left = room.between.checked_sub(piece.len());
        let limit = MOST_BETWEEN;
        room.between = left.ok_or(CodingError::TooLarge { limit })?;
    }
    if !room.budget.inflate(piece.len()) {
        return Err(CodingError::OverBudget);
    }
    // Where in the intermediate bytes something begins is for nobody to know.
    let mut marks = Marks::default();
    run(rest, piece, output, limit, room, &mut marks)
}

fn append(input: &[u8], output: &mut Vec<u8>, limit: usize) -> Result<(), CodingError> {
    let room = limit.saturating_sub(output.len());
    if input.len() > room {
        output.extend_from_slice(&input[..room]);
        return Err(CodingError::TooLarge { limit });
    }
    output.extend_from_slice(input);
    Ok(())
}

#[cfg(all(test, feature = "brotli", feature = "zstd"))]
mod tests {
    use super::*;
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bare(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decode(codings: &[Coding], bytes: &[u8], size: usize) -> (Vec<u8>, Result<(), CodingError>) {
        let mut decoder = Decoder::new(codings);
        let mut output = Vec::new();
        for piece in bytes.chunks(size) {
            if let Err(error) = decoder.push(piece, &mut output, LIMIT) {
                return (output, Err(error));
            }
        }
        let ended = decoder.finish(&mut output, LIMIT);
        (output, ended)
    }

    #[test]
    fn brotli_is_decoded() {
        // Made by hand after RFC 7932 §9.2: one metablock that is not compressed, and an empty last one.
        let stored = [&[0x21, 0x2c, 0x00, 0x04][..], b"hello, world", &[0x03]].concat();
        for size in [1, 3, 100] {
            let (plain, ended) = decode(&[Coding::Brotli], &stored, size);
            assert_eq!((plain.as_slice(), ended), (&b"hello, world"[..], Ok(())));
        }
    }

    #[test]
    fn a_body_that_is_cut_off_gives_what_is_there() {
        let text = "a line of text, one after the other\n".repeat(400);
        for (coding, packed) in [
            (Coding::Gzip, gzip(text.as_bytes())),
            (Coding::Deflate, zlib(text.as_bytes())),
        ] {
            let half = &packed[..packed.len() - 9];
            let (plain, ended) = decode(&[coding], half, 7);
            assert!(text.as_bytes().starts_with(&plain));
            assert_eq!(
                ended,
                Err(CodingError::CutOff {
                    coding: coding.name()
                })
            );
        }
    }

    /// Decodes in pieces, as with a body: bytes after an error are only counted.
    fn read(
        codings: &[Coding],
        bytes: &[u8],
        size: usize,
    ) -> (Decoder, Option<CodingError>, Vec<u8>) {
        let mut decoder = Decoder::new(codings);
        let (mut output, mut failure, mut undecoded) = (Vec::new(), None, Vec::new());
        for piece in bytes.chunks(size) {
            if failure.is_some() {
                decoder.pass(piece);
                undecoded.extend_from_slice(piece);
                continue;
            }
            failure = decoder.push(piece, &mut output, LIMIT).err();
            if failure.is_some() {
                undecoded = decoder.undecoded();
            }
        }
        if failure.is_none() {
            failure = decoder.finish(&mut output, LIMIT).err();
            undecoded = decoder.undecoded();
        }
        (decoder, failure, undecoded)
    }

    #[test]
    fn bytes_that_were_in_vain_are_given_back_from_their_block_on() {
        let good = gzip(b"hello");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(&[7; 2500]).unwrap();
        encoder.flush().unwrap();
        // RFC 1951 §3.2.3: there is no block of type 3.
        let damaged = [encoder.get_ref().as_slice(), &[0xff; 2000]].concat();
        let behind = [&good[..], b"junk behind it"].concat();
        for size in [1, 7, 1000, 10_000] {
            let (_, failure, undecoded) = read(&[Coding::Gzip], b"not gzip at all, no", size);
            assert!(matches!(failure, Some(CodingError::Malformed { .. })));
            assert_eq!(undecoded, b"not gzip at all, no");
            let (_, failure, undecoded) = read(&[Coding::Gzip], &behind, size);
            assert_eq!(failure, Some(CodingError::Behind { coding: "gzip" }));
            assert_eq!(undecoded, b"junk behind it");
            let (_, failure, undecoded) = read(&[Coding::Gzip], &damaged, size);
            assert!(matches!(failure, Some(CodingError::Malformed { .. })));
            assert_eq!(undecoded, damaged[2048..]);
        }
    }

    #[test]
    fn streams_of_any_coding_that_end_early_tell_what_is_behind() {
        let stored = [&[0x21, 0x2c, 0x00, 0x04][..], b"hello, world", &[0x03]].concat();
        for (coding, packed) in [
            (Coding::Gzip, gzip(b"hello")),
            (Coding::Gzip, [gzip(b"hello"), gzip(b", world")].concat()),
            (Coding::Deflate, zlib(b"hello")),
            (Coding::Deflate, bare(b"hello")),
            (Coding::Deflate, vec![3, 0]),
            (Coding::Brotli, stored),
        ] {
            let behind = [&packed[..], b"behind"].concat();
            for size in [1, 3, 1000] {
                let (_, failure, undecoded) = read(&[coding], &behind, size);
                let coding = coding.name();
                assert_eq!(failure, Some(CodingError::Behind { coding }), "{packed:?}");
                assert_eq!(undecoded, b"behind");
            }
        }
    }

    /// A zstd frame (RFC 8878 §3.1.1) of one raw block.
    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let size = u8::try_from(bytes.len()).unwrap();
        [
            &[0x28, 0xb5, 0x2f, 0xfd, 0, 0, (size << 3) | 1, 0, 0],
            bytes,
        ]
        .concat()
    }

    #[test]
    fn what_only_begins_like_a_frame_is_behind_the_last_one() {
        for behind in [&b"behind"[..], &[0x28, 0xb5, 0], b"\x28"] {
            let packed = [&zstd(b"hello"), behind].concat();
            for size in [1, 3, 15, 1000] {
                let (_, failure, undecoded) = read(&[Coding::Zstd], &packed, size);
                assert!(failure.is_some());
                assert_eq!(undecoded, behind, "in pieces of {size}");
            }
        }
    }

    /// Of two codings, the outer one says what is whole in its own words; what counts is what came out behind the inner.
    #[test]
    fn what_is_whole_outside_and_damaged_inside_was_in_vain() {
        for outer in [
            [gzip(b"this is not gzip"), gzip(&gzip(b"hello"))].concat(),
            [zlib(b"this is not gzip"), b"behind".to_vec()].concat(),
            [zstd(b"this is not gzip"), zstd(&gzip(b"hello"))].concat(),
        ] {
            let coding = match outer[0] {
                0x1f => Coding::Gzip,
                0x78 => Coding::Deflate,
                _ => Coding::Zstd,
            };
            let whole = read(&[Coding::Gzip, coding], &outer, usize::MAX);
            assert!(matches!(
                whole.1,
                Some(CodingError::Malformed { coding: "gzip", .. })
            ));
            assert_eq!(whole.2, outer, "{coding:?}");
            for size in [1, 3, 10, 30] {
                let pieces = read(&[Coding::Gzip, coding], &outer, size);
                assert_eq!(pieces.2, outer, "{coding:?} in pieces of {size}");
                assert_eq!(pieces.0.coded(), whole.0.coded());
            }
        }
    }

    #[test]
    fn what_came_out_whole_before_the_damage_was_not_in_vain() {
        let first = gzip(&gzip(b"hello"));
        let second = gzip(b"this is not gzip");
        let packed = [&first[..], &second].concat();
        for size in [1, 3, 10, 1000] {
            let (_, failure, undecoded) = read(&[Coding::Gzip; 2], &packed, size);
            assert_eq!(failure, Some(CodingError::Behind { coding: "gzip" }));
            assert_eq!(undecoded, second, "in pieces of {size}");
        }
    }

    #[test]
    fn where_the_limit_cuts_does_not_depend_on_the_pieces() {
        let packed = [gzip(b"hello"), gzip(b"world")].concat();
        for limit in 0..10 {
            let cut = [1, 3, 10, 1000].map(|size| {
                let mut decoder = Decoder::new(&[Coding::Gzip]);
                let mut output = Vec::new();
                let mut pieces = packed.chunks(size);
                let failure =
                    pieces.find_map(|piece| decoder.push(piece, &mut output, limit).err());
                assert_eq!(failure, Some(CodingError::TooLarge { limit }));
                pieces.for_each(|piece| decoder.pass(piece));
                (
                    output,
                    decoder.coded().fingerprint().clone(),
                    decoder.coded().times(),
                )
            });
            assert!(cut.iter().all(|other| *other == cut[0]), "{limit}: {cut:?}");
        }
    }

    #[test]
    fn the_time_in_a_gzip_header_does_not_count_but_for_being_there() {
        let fingerprint = |time: [u8; 4], body: &[u8]| {
            let mut packed = gzip(body);
            packed[4..8].copy_from_slice(&time);
            let twice = [&packed[..], &packed].concat();
            let (decoder, failure, _) = read(&[Coding::Gzip], &twice, 5);
            assert_eq!(failure, None);
            (
                decoder.coded().fingerprint().clone(),
                decoder.coded().times(),
            )
        };
        let one = fingerprint([1, 2, 3, 4], b"hello");
        let other = fingerprint([5, 2, 3, 4], b"hello");
        assert_eq!(one.0, other.0);
        assert_ne!(one.1, other.1);
        assert_ne!(one.0, fingerprint([0; 4], b"hello").0);
        assert_ne!(one.0, fingerprint([1, 2, 3, 4], b"hellO").0);
        // What only claims to be gzip has no time in it.
        let plain = |text: &[u8]| {
            read(&[Coding::Gzip], text, 5)
                .0
                .coded()
                .fingerprint()
                .clone()
        };
        assert_ne!(plain(b"abcdefghij"), plain(b"abcdEfghij"));
    }

    #[test]
    fn what_is_no_gzip_is_said() {
        let (plain, ended) = decode(&[Coding::Gzip], b"not gzip at all, no", 100);
        assert_eq!(plain, b"");
        assert!(
            matches!(ended, Err(CodingError::Malformed { coding: "gzip", .. })),
            "{ended:?}"
        );
    }

    #[test]
    fn what_comes_before_the_damage_is_decoded_however_the_rest_is_cut() {
        let mut packed = gzip(b"all of this is there");
        // The checksum, which follows the last byte.
        let checksum = packed.len() - 8;
        packed[checksum] ^= 1;
        for size in [1, 7, 100] {
            let (plain, ended) = decode(&[Coding::Gzip], &packed, size);
            assert_eq!(plain, b"all of this is there");
            assert!(ended.is_err());
        }
    }

    /// Checks damaged input that decodes to more in one push than a decoder's own buffer holds.
    #[test]
    fn all_that_comes_before_damage_is_decoded_where_it_does_not_fit_a_buffer() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        // Fills the first push, so that what follows begins in the middle of the buffer.
        encoder.write_all(&[7; 3 * STAGE_INPUT / 2]).unwrap();
        encoder.flush().unwrap();
        let mut packed = std::mem::take(encoder.get_mut());
        let mut zeros = DeflateEncoder::new(Vec::new(), Compression::default());
        zeros.write_all(&[0].repeat(60_000)).unwrap();
        zeros.flush().unwrap();
        packed.append(zeros.get_mut());
        // RFC 1951 §3.2.3: there is no block of type 3.
        packed.push(0xff);
        for size in [1, 100, packed.len()] {
            let (plain, ended) = decode(&[Coding::Gzip], &packed, size);
            assert_eq!(plain.len(), 3 * STAGE_INPUT / 2 + 60_000);
            assert!(ended.is_err());
        }
    }

    #[test]
    fn of_two_damaged_codings_the_damage_that_comes_first_is_told() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"not gzip at all, no").unwrap();
        encoder.flush().unwrap();
        let mut packed = std::mem::take(encoder.get_mut());
        // RFC 1951 §3.2.3: there is no block of type 3.
        packed.push(0xff);
        for size in [1, 7, packed.len()] {
            let (_, ended) = decode(&[Coding::Gzip, Coding::Gzip], &packed, size);
            let reason = ended.unwrap_err().to_string();
            assert_eq!(reason, "the body is not valid gzip: invalid gzip header");
        }
    }

    #[test]
    fn what_can_be_decoded_does_not_wait_for_more() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut decoder = Decoder::new(&[Coding::Gzip]);
        let mut plain = Vec::new();
        for event in [&b"data: 1\n\n"[..], b"data: 2\n\n"] {
            encoder.write_all(event).unwrap();
            encoder.flush().unwrap();
            plain.clear();
            let packed = std::mem::take(encoder.get_mut());
            decoder.push(&packed, &mut plain, LIMIT).unwrap();
            assert_eq!(plain, event);
        }
    }

    #[test]
    fn bombs_are_cut_even_one_in_the_other() {
        let once = gzip(&vec![0; 64 << 20]);
        let twice = gzip(&once);
        for (codings, bomb) in [
            (&[Coding::Gzip][..], once),
            (&[Coding::Gzip, Coding::Gzip][..], twice),
        ] {
            let (plain, ended) = decode(codings, &bomb, 1 << 16);
            assert_eq!(plain.len(), LIMIT);
            assert_eq!(ended, Err(CodingError::TooLarge { limit: LIMIT }));
        }
    }

    #[test]
    fn a_bomb_that_says_nothing_is_cut_too() {
        // RFC 1951 §3.2.4: a block that is not compressed may be empty, and any number of them may follow each other.
        let nothing = [0, 0, 0, 0xff, 0xff].repeat(MOST_BETWEEN / 5 + 1);
        let bomb = gzip(&nothing);
        let (plain, ended) = decode(&[Coding::Deflate, Coding::Gzip], &bomb, 1 << 16);
        assert_eq!(plain, b"");
        assert_eq!(
            ended,
            Err(CodingError::TooLarge {
                limit: MOST_BETWEEN
            })
        );
    }

    #[test]
    fn names_are_read() {
        assert_eq!(Coding::list(b"identity"), Ok(vec![]));
        assert_eq!(
            Coding::list(b" GZIP ,deflate"),
            Ok(vec![Coding::Gzip, Coding::Deflate])
        );
        assert_eq!(
            Coding::list(b"gzip, zstd"),
            Ok(vec![Coding::Gzip, Coding::Zstd])
        );
        assert_eq!(Coding::list(b"gzip, dcz"), Err("dcz".into()));
        assert!(Coding::list(&b"gzip,".repeat(9)).is_err());
    }

    proptest! {
        #[test]
        fn what_was_coded_is_decoded_however_it_is_cut(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            size in 1_usize..50,
        ) {
            let chained = gzip(&zlib(&bytes));
            for (codings, packed) in [
                (&[Coding::Gzip][..], gzip(&bytes)),
                (&[Coding::Deflate], zlib(&bytes)),
                (&[Coding::Deflate], bare(&bytes)),
                (&[Coding::Deflate, Coding::Gzip], chained),
            ] {
                prop_assert_eq!(decode(codings, &packed, size), (bytes.clone(), Ok(())));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
                let _ = decode(&[coding, coding], &bytes, 13);
            }
        }
    }
}
