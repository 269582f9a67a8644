//! The pieces of a message that could not be read in clear, and the causes: nobody knows the content of such a piece.

use std::fmt;

use crate::coding::CodingError;

/// A piece of a message that could not be read in clear, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The piece.
    pub piece: Piece,
    /// The cause.
    pub cause: Cause,
}

/// The piece of a message that an obstacle is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The body of an HTTP message.
    Body,
    /// A stream of server-sent events, from this one on.
    Events,
    /// The payload of a WebSocket frame.
    Payload,
    /// Bytes of a protocol that is not decoded here.
    Raw,
    /// Payload that is not part of the stream.
    Aside,
}

/// The cause that prevents the reading of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A content or transfer coding of this name, which is not decoded here.
    UnknownCoding(String),
    /// Bytes that do not match the coding's name.
    Damaged(&'static str),
    /// Bytes that end before their coding does.
    CutOff(&'static str),
    /// Bytes after the end of the coding.
    Behind(&'static str),
    /// Content longer than the kept part.
    TooLarge,
    /// Bytes missing from the capture, and bytes that cannot be read without them.
    Missing,
    /// A compressed message that cannot be inflated, or that refers to one that could not.
    NotInflated,
    /// Masked frames whose handshake is not in the capture.
    Masked,
    /// Frames of an older WebSocket, or with an extension that is not known.
    NotRead,
    /// Encrypted bytes.
    Encrypted,
}

impl Obstacle {
    /// Creates an obstacle to reading that piece.
    #[must_use]
    pub const fn new(piece: Piece, cause: Cause) -> Self {
        Self { piece, cause }
    }
}

impl From<&CodingError> for Cause {
    fn from(error: &CodingError) -> Self {
        match error {
            CodingError::TooLarge { .. } | CodingError::OverBudget | CodingError::NoRoom => {
                Self::TooLarge
            }
            CodingError::Malformed { coding, .. } => Self::Damaged(coding),
            CodingError::CutOff { coding } => Self::CutOff(coding),
            CodingError::Behind { coding } => Self::Behind(coding),
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Body => "the body",
            Self::Events => "the event stream",
            Self::Payload => "the payload",
            Self::Raw => "the bytes",
            Self::Aside => "the bytes outside the stream",
        })
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let piece = self.piece;
        match &self.cause {
            Cause::UnknownCoding(name) => {
                write!(formatter, "{piece}: coding {name:?} is not decoded here")
            }
            Cause::Damaged(coding) => write!(formatter, "{piece}: not valid {coding}"),
            Cause::CutOff(coding) => write!(formatter, "{piece}: the {coding} ends too early"),
            Cause::Behind(coding) => write!(formatter, "{piece}: bytes behind the {coding}"),
            Cause::TooLarge => write!(formatter, "{piece}: too large to be kept"),
            Cause::Missing => write!(formatter, "{piece}: bytes are missing from the capture"),
            Cause::NotInflated => write!(formatter, "{piece}: compressed, and not inflated"),
            Cause::Masked => write!(formatter, "{piece}: masked frames without their handshake"),
            Cause::NotRead => write!(
                formatter,
                "{piece}: WebSocket frames that are not read here"
            ),
            Cause::Encrypted => write!(formatter, "{piece}: encrypted"),
        }
    }
}
