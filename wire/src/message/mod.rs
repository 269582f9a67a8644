//! The messages between two programs.

pub mod chunks;
pub mod content;
mod name;
pub mod obstacle;
pub mod part;

use std::ops::Range;

pub use self::name::{Name, Names};

use self::chunks::Chunks;
use self::content::Content;
use self::obstacle::{Cause, Obstacle, Piece};
use crate::fingerprint::Fingerprint;
use crate::http::Head;
use crate::note::Note;
use crate::sse::Event;
use crate::tcp::event::AsideReason;
use crate::units::{Side, Timestamp};
use crate::websocket::Frame;

/// One message of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The time at which its first byte was on the wire.
    pub time: Timestamp,
    /// The packet that carried its first byte.
    pub packet: u64,
    /// The side that sent it.
    pub from: Side,
    /// The offset in that side's stream at which it begins.
    pub offset: u64,
    /// The number of stream bytes that it takes, including missing ones; 0 for payload outside the stream.
    pub length: u64,
    /// The contents of the message.
    pub detail: Detail,
    /// Notes on deviations from the specifications.
    pub notes: Vec<Note>,
    /// The pieces of it that could not be read in clear; empty if all could.
    pub obstacles: Vec<Obstacle>,
    /// The lines around the chunks of its body; for an event, the lines since the event before.
    pub chunks: Chunks,
    /// True if a caller hid something in its content, so that its lengths and fingerprints are not those of the
    /// original. Never set here.
    pub is_hidden: bool,
    /// The places in its content at which something stands for what a caller hid there, in order.
    pub placeholders: Vec<Range<usize>>,
}

/// A message in the terms of its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// An HTTP request or response.
    Http(Box<HttpMessage>),
    /// A WebSocket frame.
    WebSocket(Box<Frame>),
    /// A server-sent event, inside a response whose head came as a message of its own.
    Event(Box<Event>),
    /// The end of a stream of events, after the last event.
    EventsEnd(Box<EventsEnd>),
    /// Bytes of a protocol that is not decoded here: one side's turn, or a part of a long one.
    Raw(Content),
    /// Payload that is not part of the stream.
    Aside(Box<Aside>),
}

impl Detail {
    /// Returns the pieces that could not be kept, are not in the capture, or could not be inflated.
    pub(crate) fn obstacles(&self) -> Vec<Obstacle> {
        let none = Fingerprint::default();
        let (piece, missing, left_out, inflated) = match self {
            Self::Http(http) => {
                let missing = http.missing_bytes() > 0;
                (Piece::Body, missing, &http.body.left_out, true)
            }
            Self::Raw(content) => {
                let missing = !content.holes.is_empty();
                (Piece::Raw, missing, &content.left_out, true)
            }
            Self::Aside(aside) => (Piece::Aside, false, &aside.content.left_out, true),
            Self::WebSocket(frame) => {
                let missing = !frame.holes.is_empty();
                (Piece::Payload, missing, &frame.left_out, frame.inflated)
            }
            Self::Event(event) => (Piece::Events, false, &event.left_out, true),
            Self::EventsEnd(_) => (Piece::Events, false, &none, true),
        };
        let left_out = !left_out.is_empty();
        let causes = [
            (missing, Cause::Missing),
            (left_out, Cause::TooLarge),
            (!inflated, Cause::NotInflated),
        ];
        let causes = causes.into_iter().filter(|(is_so, _)| *is_so);
        causes
            .map(|(_, cause)| Obstacle::new(piece, cause))
            .collect()
    }

    /// Returns the protocol's name as JSON writes it.
    #[must_use]
    pub const fn protocol(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::WebSocket(_) => "websocket",
            Self::Event(_) | Self::EventsEnd(_) => "sse",
            Self::Raw(_) => "raw",
            Self::Aside(_) => "aside",
        }
    }
}

/// Captured payload of one segment that is not part of its side's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// The reason why it is not part of the stream.
    pub reason: AsideReason,
    /// The bytes.
    pub content: Content,
}

/// An HTTP message with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpMessage {
    /// Start line and fields.
    pub head: Head,
    /// The body: without chunk framing, with content codings undone.
    pub body: Content,
    /// The number of bytes of the body before codings were undone.
    pub coded_length: u64,
    /// A fingerprint of these bytes, if there were codings to undo.
    pub coded: Option<Box<CodedBody>>,
    /// The codings that were undone, in the order in which they had been applied.
    pub codings: Vec<&'static str>,
    /// The lines of the trailer section, as they were on the wire.
    pub trailers: Vec<u8>,
    /// The method and the target of the request that a response answers, if it is in the capture.
    pub request: Option<RequestLine>,
    /// True if a 101 answer's Sec-WebSocket-Accept belongs to the request's key; `None` unless there are both.
    pub accept_belongs: Option<bool>,
    /// True if the body follows as events, each a separate message.
    pub events_follow: bool,
}

impl HttpMessage {
    /// Returns how many bytes of the body the capture lacks.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        let coded = self.coded.as_ref();
        let undecoded = coded.map_or(0, |coded| coded.undecoded.missing_bytes());
        self.body.missing_bytes().saturating_add(undecoded)
    }
}

/// A coded body as it was on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodedBody {
    /// A fingerprint of all its bytes, except the times in headers of gzip.
    pub fingerprint: Fingerprint,
    /// A value that is equal for equal times in headers of gzip.
    pub times: u64,
    /// The bytes that decoded to nothing, or to nothing more: those behind the end of the coding, behind a hole, or
    /// from the damaged block of 1 KiB on.
    pub undecoded: Content,
}

/// The end of an event stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsEnd {
    /// The codings that were undone, in the order in which they had been applied.
    pub codings: Vec<&'static str>,
    /// A fingerprint of the stream before codings were undone, if there were any.
    pub coded: Option<Box<CodedBody>>,
    /// The lines of the trailer section, as they were on the wire.
    pub trailers: Vec<u8>,
}

/// The part of a request that identifies its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The method.
    pub method: Vec<u8>,
    /// The target.
    pub target: Vec<u8>,
}
