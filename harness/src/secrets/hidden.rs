//! The parts of a capture that are not in clear, so that it is unknown if a secret is in them.

use std::fmt;

use wirestream::coding::{Coding, Decoder};
use wirestream::message::obstacle::Obstacle;

use super::scan::Trouble;

/// The most bytes that compressed data is inflated to for a search.
const MOST_INFLATED: usize = 16 << 20;

/// The reason why a piece of a capture is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// The obstacle that a message itself tells of.
    Obstacle(Obstacle),
    /// Bytes that were sent but are not in the capture.
    Missing,
    /// A packet that was not captured whole.
    Cut,
    /// Bytes that came in IP fragments and cannot be placed.
    Fragments,
    /// Bytes of a stream that cannot be placed in the file.
    Unplaced,
    /// Bytes that no receiver takes, or instead of which it takes others.
    Contradicted,
    /// A frame that ends early.
    FrameCut,
    /// Bytes among frames that are not frames.
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
    /// Returns what a turn of a protocol that is not decoded here hides, judging by its beginning.
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

    /// Returns a remedy for the user.
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

/// Returns true if the bytes begin a record of TLS: its type, its version, and a length that is no more than 2^14 and
/// what encryption adds (RFC 8446 §5.1).
fn is_tls(bytes: &[u8]) -> bool {
    match bytes {
        [20..=24, 3, 0..=4, high, low, ..] => {
            (1..=(1 << 14) + 2048).contains(&u16::from_be_bytes([*high, *low]))
        }
        _ => false,
    }
}

/// Returns the inflated bytes of data that begins as gzip does, as far as it can be inflated.
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
