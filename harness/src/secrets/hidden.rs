//! What of a capture is not there in clear, so that nobody can tell whether a secret is in it.

use std::fmt;

use super::scan::Trouble;
use crate::analysis::obstacle::Obstacle;
use crate::wire::coding::{Coding, Decoder};

/// Bytes that something compressed is inflated to, as far as it is looked into.
const MOST_INFLATED: usize = 16 << 20;

/// Why a piece of a capture is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// What a message says of itself.
    Obstacle(Obstacle),
    /// Bytes that were sent are not in the capture.
    Missing,
    /// A packet that was not captured whole.
    Cut,
    /// Bytes that fragments of IP brought, and that cannot be placed.
    Fragments,
    /// Bytes of a stream that cannot be placed in the file.
    Unplaced,
    /// Bytes that no receiver takes, or takes others in the place of.
    Contradicted,
    /// A frame that ends early.
    FrameCut,
    /// Bytes among frames that are none.
    NoFrames,
    /// The chunks of a body, which are read in two ways.
    Chunks,
    /// An event that is too long to be looked at as a whole.
    LongEvent,
    /// Bytes that are encrypted, and by what.
    Encrypted(&'static str),
    /// HTTP/2, whose fields are compressed.
    Http2,
}

impl From<Trouble> for Hidden {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Chunks => Self::Chunks,
            Trouble::Event => Self::LongEvent,
        }
    }
}

impl Hidden {
    /// What a turn of no protocol that is decoded here hides, by how it begins.
    pub(super) fn of_raw(bytes: &[u8], is_among_frames: bool) -> Option<Self> {
        if is_among_frames && !bytes.is_empty() {
            return Some(Self::NoFrames);
        }
        if bytes.starts_with(b"PRI * HTTP/2.0\r\n") {
            return Some(Self::Http2);
        }
        if bytes.starts_with(b"SSH-") {
            return Some(Self::Encrypted("SSH"));
        }
        is_tls(bytes).then_some(Self::Encrypted("TLS"))
    }

    /// What a user can do about it.
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::Obstacle(_) => {
                "have the client ask for it as it is, as with `Accept-Encoding: identity`; or use a credential that is worth \
                 nothing, and leave `secret` out"
            }
            Self::Encrypted(_) | Self::Http2 => {
                "capture without encryption and over HTTP/1.1; or use a credential that is worth nothing, and leave `secret` out"
            }
            Self::Missing
            | Self::Cut
            | Self::Fragments
            | Self::Unplaced
            | Self::Contradicted
            | Self::FrameCut => {
                "run it again; where it is so each time, use a credential that is worth nothing, and leave `secret` out"
            }
            Self::NoFrames | Self::Chunks | Self::LongEvent => {
                "see what it is with `wiresnap payload` in a capture made without `secret`, with a credential that is worth nothing"
            }
        }
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Obstacle(obstacle) => return obstacle.fmt(formatter),
            Self::Missing => "bytes are missing from the capture",
            Self::Cut => "it was not captured whole",
            Self::Fragments => "IP fragments that do not fit together",
            Self::Unplaced => "its bytes are not found in the file",
            Self::Contradicted => "no receiver takes its bytes, or takes others in their place",
            Self::FrameCut => "the frame ends too early",
            Self::NoFrames => "bytes among WebSocket frames that are none",
            Self::Chunks => "its chunks can be read in two ways",
            Self::LongEvent => "an event is too long to be looked at",
            Self::Encrypted(by) => return write!(formatter, "it is encrypted by {by}"),
            Self::Http2 => "HTTP/2, whose fields are compressed, is not decoded here",
        };
        formatter.write_str(words)
    }
}

/// RFC 8446 §5.1: a record's type, its version, and a length that is no more than 2^14 and what encryption adds.
fn is_tls(bytes: &[u8]) -> bool {
    match bytes {
        [20..=24, 3, 0..=4, high, low, ..] => {
            (1..=(1 << 14) + 2048).contains(&u16::from_be_bytes([*high, *low]))
        }
        _ => false,
    }
}

/// What bytes that begin as gzip does inflate to, as far as they do.
pub(super) fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    // RFC 1952 §2.3.1: two bytes of magic, and the one method that there is.
    if !bytes.starts_with(&[0x1f, 0x8b, 8]) {
        return None;
    }
    let mut decoder = Decoder::new(&[Coding::Gzip]);
    let mut inflated = Vec::new();
    // What is damaged or too much is no more than bytes, as an image is: nobody said that it is text.
    if decoder.push(bytes, &mut inflated, MOST_INFLATED).is_ok() {
        let _ = decoder.finish(&mut inflated, MOST_INFLATED);
    }
    Some(inflated)
}
