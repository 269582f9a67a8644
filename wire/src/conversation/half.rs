//! One side of a conversation: its decoder, and the message being read.

use std::ops::Range;

use super::body::Body;
use super::events::Events;
use super::provenance::Provenance;
use crate::http::{Parser, Role};
use crate::message::chunks::Chunks;
use crate::message::content::Content;
use crate::message::obstacle::Obstacle;
use crate::message::{EventsEnd, HttpMessage};
use crate::note::Note;
use crate::tcp::event::Origin;
use crate::websocket;

#[derive(Debug)]
pub(super) struct Half {
    pub(super) decoder: Decoder,
    pub(super) open: Option<Open>,
    /// The notes that came before the message to which they belong.
    pub(super) notes: Vec<Note>,
    /// The obstacles that came before the message to which they belong.
    pub(super) obstacles: Vec<Obstacle>,
    /// The stream offset behind all that the decoder has handed out.
    pub(super) offset: u64,
    /// The packets that brought the bytes held back.
    pub(super) provenance: Provenance,
    /// The place among all messages of the first frame of an unfinished message.
    pub(super) fragments: Option<u64>,
    /// The place where a protocol may begin: at the beginning, behind a proxy's preamble, in a tunnel.
    pub(super) fresh: Fresh,
}

/// A place in a side's stream where a protocol may begin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fresh {
    pub(super) offset: u64,
    pub(super) after: After,
}

/// The thing behind which a protocol begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing, or a proxy's preamble.
    #[default]
    Opening,
    /// The answer to a CONNECT.
    Connect,
    /// A 101.
    Switch,
    /// A 101 with a note that names its protocol.
    Named,
    /// A request to switch whose answer is lost, or cannot be read.
    Unanswered,
}

#[derive(Debug)]
pub(super) enum Decoder {
    Http(Parser),
    WebSocket(Box<websocket::Decoder>),
    Raw,
}

/// A message that has begun and is not complete.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) order: u64,
    pub(super) origin: Origin,
    pub(super) offset: u64,
    pub(super) part: Part,
    /// The side's turn, for raw bytes.
    pub(super) turn: u32,
    pub(super) notes: Vec<Note>,
    pub(super) obstacles: Vec<Obstacle>,
    /// The lines around the chunks of its body.
    pub(super) chunks: Chunks,
}

#[derive(Debug)]
pub(super) enum Part {
    /// Bytes too few to tell what they are.
    Unknown,
    Http(Box<HttpMessage>, Body),
    Events(Box<Events>),
    /// The end of a stream, after the last event that could be decoded.
    EventsEnd(Box<EventsEnd>, Body),
    Raw(Content),
}

impl Half {
    pub(super) const fn new(role: Role) -> Self {
        Self {
            decoder: Decoder::Http(Parser::new(role)),
            open: None,
            notes: Vec::new(),
            obstacles: Vec::new(),
            offset: 0,
            provenance: Provenance::new(),
            fragments: None,
            fresh: Fresh {
                offset: 0,
                after: After::Opening,
            },
        }
    }

    /// Returns the offset of the next byte to come, and the bytes held back. They may begin a message; a chunk's line,
    /// too, turns out to be raw bytes if it is damaged.
    pub(super) fn held(&self) -> (u64, Range<u64>) {
        match &self.decoder {
            Decoder::Http(parser) => (parser.offset(), parser.settled()..parser.offset()),
            Decoder::WebSocket(_) | Decoder::Raw => (self.offset, 0..0),
        }
    }

    /// Returns the place among all messages of the first that is not handed out yet.
    pub(super) fn first_order(&self) -> Option<u64> {
        let open = self.open.as_ref().map(|open| open.order);
        let held = self.provenance.first().map(|span| span.order);
        open.into_iter().chain(held).min()
    }

    /// Returns the packet that brought the first byte not handed out yet.
    pub(super) fn begun(&self) -> Option<Origin> {
        let open = self.open.as_ref().map(|open| open.origin);
        open.or_else(|| Some(self.provenance.first()?.origin))
    }

    /// Settles the bytes held back: they will not become anything else.
    pub(super) const fn settle(&mut self) {
        if let Decoder::Http(parser) = &self.decoder {
            self.offset = parser.offset();
        }
    }

    /// Passes over a hole: the next item comes after it.
    pub(super) const fn pass_over(&mut self, count: u64) {
        self.offset = self.offset.saturating_add(count);
    }
}
