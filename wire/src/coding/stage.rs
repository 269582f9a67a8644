//! The decoding of one content coding.

use std::fmt;
use std::io::{self, Write};

use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};

#[cfg(feature = "brotli")]
use super::brotli::Brotli;
#[cfg(feature = "zstd")]
use super::zstd::{Failure, Zstd};
use super::{Coding, CodingError};

/// The most bytes that one stage may put out for one push, before the next stage sees them: brotli has no limit of its
/// own.
const STAGE_ROOM: usize = 1 << 24;

/// A sink with a limit, so that no stage can blow up between two looks at it.
#[derive(Debug, Default)]
pub(super) struct Bounded(Vec<u8>);

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

/// The places in its input that a stage reports.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The place in the decoder's input where the input of the stage begins.
    place: usize,
    /// The places where members of gzip begin, after the first, in order.
    pub(super) members: Vec<usize>,
    /// The place behind the last thing that is whole: a member, a frame, a stream.
    pub(super) whole: Option<usize>,
}

impl Marks {
    /// Marks that are counted from this place.
    pub(super) fn from_place(place: usize) -> Self {
        Self {
            place,
            ..Self::default()
        }
    }

    /// Adds later ones.
    pub(super) fn add(&mut self, mut later: Self) {
        self.members.append(&mut later.members);
        self.whole = later.whole.or(self.whole);
    }

    const fn whole(&mut self, at: usize) {
        self.whole = Some(self.place + at);
    }
}

/// A decoder of one coding.
pub(super) enum Stage {
    Gzip(Box<GzDecoder<Bounded>>),
    /// Zlib or bare deflate: it takes two bytes to know.
    Undecided(Vec<u8>),
    Zlib(ZlibDecoder<Bounded>),
    Bare(DeflateDecoder<Bounded>),
    #[cfg(feature = "brotli")]
    Brotli(Box<Brotli<Bounded>>),
    #[cfg(feature = "zstd")]
    Zstd {
        decoder: Box<Zstd>,
        /// True if a frame was whole.
        is_later: bool,
    },
}

impl fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Stage {
    pub(super) fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(Box::new(GzDecoder::new(Bounded::default()))),
            Coding::Deflate => Self::Undecided(Vec::new()),
            #[cfg(feature = "brotli")]
            Coding::Brotli => Self::Brotli(Box::new(Brotli::new(Bounded::default()))),
            #[cfg(feature = "zstd")]
            Coding::Zstd => Self::Zstd {
                decoder: Box::new(Zstd::new()),
                is_later: false,
            },
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Undecided(_) | Self::Zlib(_) | Self::Bare(_) => "deflate",
            #[cfg(feature = "brotli")]
            Self::Brotli(_) => "br",
            #[cfg(feature = "zstd")]
            Self::Zstd { .. } => "zstd",
        }
    }

    /// Returns about how many bytes it takes for itself.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Undecided(_) => 0,
            // The state of zlib, its window, and a buffer.
            Self::Gzip(_) | Self::Zlib(_) | Self::Bare(_) => 80 << 10,
            #[cfg(feature = "brotli")]
            Self::Brotli(decoder) => decoder.memory(),
            #[cfg(feature = "zstd")]
            Self::Zstd { decoder, .. } => decoder.memory(),
        }
    }

    /// Takes input, at least a part of it. The decoded bytes wait to be taken.
    pub(super) fn push(&mut self, input: &mut &[u8], marks: &mut Marks) -> Result<(), CodingError> {
        match self {
            Self::Gzip(decoder) => {
                return gzip(decoder, input, marks).map_err(|error| self.error(error));
            }
            #[cfg(feature = "zstd")]
            Self::Zstd { decoder, is_later } => {
                let all = input.len();
                let ended = decoder.push(input);
                if let Ok(true) = ended {
                    *is_later = true;
                    marks.whole(all - input.len());
                }
                return ended.map(|_| ()).map_err(|failure| self.failure(failure));
            }
            _ => {}
        }
        let mut taken: &[u8] = std::mem::take(input);
        let all = taken.len();
        let joined;
        if let Self::Undecided(first) = self {
            first.extend_from_slice(taken);
            if first.len() < 2 {
                return Ok(());
            }
            joined = std::mem::take(first);
            *self = Self::decide(&joined);
            taken = &joined;
        }
        let written = match self {
            Self::Zlib(decoder) => write_through(decoder, taken),
            Self::Bare(decoder) => write_through(decoder, taken),
            #[cfg(feature = "brotli")]
            Self::Brotli(decoder) => write_through(decoder, taken),
            _ => Ok(taken.len()),
        };
        let length = written.map_err(|error| self.error(Fault::Io(error)))?;
        if length < taken.len() {
            // Of the two bytes that told zlib from deflate, the first may have come before.
            marks.whole((all + length).saturating_sub(taken.len()));
            return Err(CodingError::Behind {
                coding: self.name(),
            });
        }
        Ok(())
    }

    /// Decides between zlib and bare deflate: a zlib stream begins with method 8, and its first two bytes are a
    /// multiple of 31 (RFC 1950 §2.2).
    fn decide(first: &[u8]) -> Self {
        let zlib =
            first[0] & 0x0f == 8 && u16::from_be_bytes([first[0], first[1]]).is_multiple_of(31);
        if zlib {
            Self::Zlib(ZlibDecoder::new(Bounded::default()))
        } else {
            Self::Bare(DeflateDecoder::new(Bounded::default()))
        }
    }

    /// Takes the end of the input.
    pub(super) fn finish(&mut self) -> Result<(), CodingError> {
        let cut_off = CodingError::CutOff {
            coding: self.name(),
        };
        let ended = match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zlib(decoder) => decoder.try_finish(),
            Self::Bare(decoder) => decoder.try_finish(),
            #[cfg(feature = "brotli")]
            Self::Brotli(decoder) => decoder.close(),
            #[cfg(feature = "zstd")]
            Self::Zstd { decoder, .. } if decoder.is_between_frames() => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        ended.map_err(|_| cut_off)
    }

    fn sink(&mut self) -> Option<&mut Bounded> {
        match self {
            Self::Gzip(decoder) => Some(decoder.get_mut()),
            Self::Zlib(decoder) => Some(decoder.get_mut()),
            Self::Bare(decoder) => Some(decoder.get_mut()),
            #[cfg(feature = "brotli")]
            Self::Brotli(decoder) => Some(decoder.get_mut()),
            _ => None,
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        #[cfg(feature = "zstd")]
        if let Self::Zstd { decoder, .. } = self {
            return decoder.take();
        }
        self.sink()
            .map(|sink| std::mem::take(&mut sink.0))
            .unwrap_or_default()
    }

    /// Hands the emptied buffer back, so that a long body does not allocate for every piece.
    pub(super) fn give_back(&mut self, mut piece: Vec<u8>) {
        piece.clear();
        #[cfg(feature = "zstd")]
        if let Self::Zstd { decoder, .. } = self {
            return decoder.give_back(piece);
        }
        if let Some(sink) = self.sink()
            && sink.0.is_empty()
        {
            sink.0 = piece;
        }
    }

    fn error(&self, fault: Fault) -> CodingError {
        let coding = self.name();
        match fault {
            Fault::Behind => CodingError::Behind { coding },
            Fault::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                CodingError::TooLarge { limit: STAGE_ROOM }
            }
            Fault::Io(error) => CodingError::Malformed {
                coding,
                reason: error.to_string(),
            },
        }
    }

    #[cfg(feature = "zstd")]
    fn failure(&self, failure: Failure) -> CodingError {
        let coding = self.name();
        match (failure, self) {
            (Failure::Behind, Self::Zstd { is_later: true, .. }) => CodingError::Behind { coding },
            (Failure::Behind, _) => CodingError::Malformed {
                coding,
                reason: "it does not begin with a frame".to_owned(),
            },
            (Failure::Malformed(reason), _) => CodingError::Malformed { coding, reason },
        }
    }
}

/// An error from a decoder of another crate.
enum Fault {
    /// Bytes that follow on the end.
    Behind,
    Io(io::Error),
}

/// Decodes a gzip file, which is one member after the other (RFC 1952 §2.2).
fn gzip(
    decoder: &mut GzDecoder<Bounded>,
    input: &mut &[u8],
    marks: &mut Marks,
) -> Result<(), Fault> {
    let taken = std::mem::take(input);
    let at = write_through(decoder, taken).map_err(Fault::Io)?;
    let Some(first) = taken.get(at) else {
        return Ok(());
    };
    // The member is whole, and its checksum should be right.
    decoder.try_finish().map_err(Fault::Io)?;
    marks.whole(at);
    if *first != 0x1f {
        return Err(Fault::Behind);
    }
    marks.members.push(marks.place + at);
    let sink = std::mem::take(decoder.get_mut());
    *decoder = GzDecoder::new(sink);
    *input = &taken[at..];
    Ok(())
}

/// Makes a decoder take bytes up to the end of what it decodes; returns how many. Decoders keep what they have decoded
/// until they are asked for more, and an event must not wait for the next one.
fn write_through(decoder: &mut impl Write, input: &[u8]) -> io::Result<usize> {
    let mut taken = 0;
    while taken < input.len() {
        match decoder.write(&input[taken..])? {
            0 => break,
            length => taken += length,
        }
    }
    decoder.flush()?;
    Ok(taken)
}
