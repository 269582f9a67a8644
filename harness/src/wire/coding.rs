//! Content codings undone: gzip, deflate and br, one over the other, within bounds.
//!
//! A body arrives in pieces, so the decoder takes pieces; and a kilobyte of gzip can hold a megabyte of zeros, so the
//! caller says how much it is ready to take. What is over that is cut, and the cut is an error value, not a surprise.
//!
//! ```
//! use wiresnap::wire::coding::{Coding, Decoder};
//!
//! assert_eq!(Coding::list(b"gzip, br"), Ok(vec![Coding::Gzip, Coding::Brotli]));
//! let mut decoder = Decoder::new(&[]);
//! let mut plain = Vec::new();
//! decoder.push(b"as it is", &mut plain, 100).unwrap();
//! assert_eq!(plain, b"as it is");
//! ```

use std::fmt;
use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// How many codings one body may have; more is either an attack or a mistake.
const MOST_CODINGS: usize = 8;

/// How much one stage may put out for one push, before the next stage sees it: brotli has no limit of its own.
const STAGE_ROOM: usize = 1 << 24;

/// How much may pass between the stages in all: what is coded twice can swell in the middle and still give nothing.
const MOST_BETWEEN: usize = 1 << 24;

/// How large the input of one push to a stage may be: with deflate's limit of 1032 to 1, a stage stays within bounds.
const STAGE_INPUT: usize = 1 << 10;

/// One content coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 9110 §8.4.1.3, the format of RFC 1952.
    Gzip,
    /// RFC 9110 §8.4.1.2: zlib (RFC 1950), or the bare deflate (RFC 1951) that some servers send instead.
    Deflate,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// The codings that a field value names, in the order in which they were applied; `identity` is none.
    ///
    /// # Errors
    ///
    /// The first name that is not known here.
    pub fn list(value: &[u8]) -> Result<Vec<Self>, String> {
        let mut codings = Vec::new();
        for name in value.split(|byte| *byte == b',') {
            let name = name.trim_ascii().to_ascii_lowercase();
            match name.as_slice() {
                b"" | b"identity" => {}
                // RFC 9110 §8.4.1.3: x-gzip is the same as gzip.
                b"gzip" | b"x-gzip" => codings.push(Self::Gzip),
                b"deflate" => codings.push(Self::Deflate),
                b"br" => codings.push(Self::Brotli),
                _ => return Err(String::from_utf8_lossy(&name).into_owned()),
            }
        }
        if codings.len() > MOST_CODINGS {
            return Err(format!("{} codings at once", codings.len()));
        }
        Ok(codings)
    }

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        }
    }
}

/// Why the decoding of a body ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodingError {
    /// More came out than the caller takes.
    TooLarge {
        /// The bytes that were taken.
        limit: usize,
    },
    /// The bytes are not what the coding's name says.
    Malformed {
        /// The coding.
        coding: &'static str,
        /// What its decoder said.
        reason: String,
    },
    /// The body ended before the coding did.
    CutOff {
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
            Self::CutOff { coding } => write!(formatter, "the {coding} body ends too early"),
        }
    }
}

impl std::error::Error for CodingError {}

/// Undoes a chain of codings, piece by piece.
#[derive(Debug)]
pub struct Decoder {
    stages: Vec<Stage>,
    seen: bool,
    /// What may still pass between the stages.
    room_between: usize,
}

impl Decoder {
    /// A decoder for codings in the order in which they were applied: the last is undone first.
    #[must_use]
    pub fn new(codings: &[Coding]) -> Self {
        let stages = codings.iter().rev().map(|coding| Stage::new(*coding));
        Self {
            stages: stages.collect(),
            seen: false,
            room_between: MOST_BETWEEN,
        }
    }

    /// Appends to `output` what `input` decodes to, as long as `output` stays within `limit` bytes.
    ///
    /// # Errors
    ///
    /// The reason why nothing more can be decoded; what was decoded before it is in `output`.
    pub fn push(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), CodingError> {
        self.seen |= !input.is_empty();
        let room = &mut self.room_between;
        run(&mut self.stages, input, output, limit, room)
    }

    /// Takes the end of the body.
    ///
    /// # Errors
    ///
    /// [`CodingError::CutOff`] where a coding had not ended. A body of no bytes at all is fine: it is what a server
    /// sends that forgot to leave out the field.
    pub fn finish(&mut self, output: &mut Vec<u8>, limit: usize) -> Result<(), CodingError> {
        if !self.seen {
            return Ok(());
        }
        self.drain(output, limit)
    }

    /// Ends each stage, and lets go what it held back; the first error counts.
    fn drain(&mut self, output: &mut Vec<u8>, limit: usize) -> Result<(), CodingError> {
        let mut outcome = Ok(());
        for index in 0..self.stages.len() {
            let (head, rest) = self.stages.split_at_mut(index + 1);
            let stage = &mut head[index];
            let ended = stage.finish();
            let piece = stage.take();
            let passed = pass_on(rest, &piece, output, limit, &mut self.room_between);
            outcome = outcome.and(passed).and(ended);
        }
        outcome
    }
}

fn run(
    stages: &mut [Stage],
    input: &[u8],
    output: &mut Vec<u8>,
    limit: usize,
    room_between: &mut usize,
) -> Result<(), CodingError> {
    let Some((stage, rest)) = stages.split_first_mut() else {
        return append(input, output, limit);
    };
    for slice in input.chunks(STAGE_INPUT) {
        let written = stage.push(slice);
        if written.is_err() {
            // What came out before the damage may still be in the decoder's own buffer. It goes on first: what the next
            // stage cannot read of it was wrong before this stage was.
            let _ = stage.finish();
        }
        let piece = stage.take();
        pass_on(rest, &piece, output, limit, room_between)?;
        stage.give_back(piece);
        written?;
    }
    Ok(())
}

/// Gives what came out of one stage to the rest of them.
fn pass_on(
    rest: &mut [Stage],
    piece: &[u8],
    output: &mut Vec<u8>,
    limit: usize,
    room_between: &mut usize,
) -> Result<(), CodingError> {
    if !rest.is_empty() {
        let left = room_between.checked_sub(piece.len());
        let limit = MOST_BETWEEN;
        *room_between = left.ok_or(CodingError::TooLarge { limit })?;
    }
    run(rest, piece, output, limit, room_between)
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

/// A sink that takes so much and no more, so that no stage can blow up between two looks at it.
#[derive(Debug, Default)]
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > STAGE_ROOM {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stage {
    Gzip(MultiGzDecoder<Bounded>),
    /// Not known yet whether zlib or bare deflate: that takes two bytes.
    Undecided(Vec<u8>),
    Zlib(ZlibDecoder<Bounded>),
    Bare(DeflateDecoder<Bounded>),
    Brotli(Box<DecompressorWriter<Bounded>>),
}

impl fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Stage {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(MultiGzDecoder::new(Bounded::default())),
            Coding::Deflate => Self::Undecided(Vec::new()),
            Coding::Brotli => Self::Brotli(Box::new(DecompressorWriter::new(
                Bounded::default(),
                1 << 12,
            ))),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Undecided(_) | Self::Zlib(_) | Self::Bare(_) => "deflate",
            Self::Brotli(_) => "br",
        }
    }

    fn push(&mut self, input: &[u8]) -> Result<(), CodingError> {
        if let Self::Undecided(first) = self {
            first.extend_from_slice(input);
            if first.len() < 2 {
                return Ok(());
            }
            let first = std::mem::take(first);
            *self = Self::decide(&first);
            return self.push(&first);
        }
        let written = match self {
            Self::Gzip(decoder) => write_through(decoder, input),
            Self::Zlib(decoder) => write_through(decoder, input),
            Self::Bare(decoder) => write_through(decoder, input),
            Self::Brotli(decoder) => write_through(decoder, input),
            Self::Undecided(_) => Ok(()),
        };
        written.map_err(|error| self.malformed(&error))
    }

    /// RFC 1950 §2.2: a zlib stream begins with method 8, and its first two bytes are a multiple of 31.
    fn decide(first: &[u8]) -> Self {
        let zlib =
            first[0] & 0x0f == 8 && u16::from_be_bytes([first[0], first[1]]).is_multiple_of(31);
        if zlib {
            Self::Zlib(ZlibDecoder::new(Bounded::default()))
        } else {
            Self::Bare(DeflateDecoder::new(Bounded::default()))
        }
    }

    fn finish(&mut self) -> Result<(), CodingError> {
        let ended = match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zlib(decoder) => decoder.try_finish(),
            Self::Bare(decoder) => decoder.try_finish(),
            Self::Brotli(decoder) => decoder.close(),
            Self::Undecided(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let coding = self.name();
        ended.map_err(|_| CodingError::CutOff { coding })
    }

    fn sink(&mut self) -> Option<&mut Bounded> {
        match self {
            Self::Gzip(decoder) => Some(decoder.get_mut()),
            Self::Zlib(decoder) => Some(decoder.get_mut()),
            Self::Bare(decoder) => Some(decoder.get_mut()),
            Self::Brotli(decoder) => Some(decoder.get_mut()),
            Self::Undecided(_) => None,
        }
    }

    fn take(&mut self) -> Vec<u8> {
        self.sink()
            .map(|sink| std::mem::take(&mut sink.0))
            .unwrap_or_default()
    }

    /// Hands the emptied buffer back, so that a long body does not allocate for every piece.
    fn give_back(&mut self, mut piece: Vec<u8>) {
        piece.clear();
        if let Some(sink) = self.sink()
            && sink.0.is_empty()
        {
            sink.0 = piece;
        }
    }

    fn malformed(&self, error: &io::Error) -> CodingError {
        if error.kind() == io::ErrorKind::FileTooLarge {
            return CodingError::TooLarge { limit: STAGE_ROOM };
        }
        CodingError::Malformed {
            coding: self.name(),
            reason: error.to_string(),
        }
    }
}

/// Decoders keep what they have decoded until they are asked for more; an event must not wait for the next one.
fn write_through(decoder: &mut impl Write, input: &[u8]) -> io::Result<()> {
    decoder.write_all(input)?;
    decoder.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
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

    /// More comes out of one push than a decoder's own buffer holds, and then there is the damage.
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
        assert_eq!(Coding::list(b"gzip, zstd"), Err("zstd".into()));
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
            for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
                let _ = decode(&[coding, coding], &bytes, 13);
            }
        }
    }
}
