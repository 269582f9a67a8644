//! One side of a conversation: what reads it, and the message that it is in.

use super::body::Body;
use super::events::Events;
use crate::analysis::content::Content;
use crate::analysis::message::HttpMessage;
use crate::analysis::obstacle::Obstacle;
use crate::wire::event::Origin;
use crate::wire::http::{Parser, Role};
use crate::wire::note::Note;
use crate::wire::websocket;

#[derive(Debug)]
pub(super) struct Half {
    pub(super) decoder: Decoder,
    pub(super) open: Option<Open>,
    /// Notes that came before the message that they belong to.
    pub(super) notes: Vec<Note>,
    /// Obstacles likewise.
    pub(super) obstacles: Vec<Obstacle>,
    /// Behind all that the decoder has handed out.
    pub(super) offset: u64,
}

#[derive(Debug)]
pub(super) enum Decoder {
    Http(Parser),
    WebSocket(Box<websocket::Decoder>),
    Raw,
}

/// A message that has begun.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) order: u64,
    pub(super) origin: Origin,
    pub(super) offset: u64,
    pub(super) part: Part,
    pub(super) notes: Vec<Note>,
    pub(super) obstacles: Vec<Obstacle>,
}

#[derive(Debug)]
pub(super) enum Part {
    /// Bytes are there, but not enough to tell what they are.
    Unknown,
    Http(Box<HttpMessage>, Body),
    Events(Box<Events>),
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
        }
    }

    /// What was held back will not become anything else.
    pub(super) const fn settle(&mut self) {
        if let Decoder::Http(parser) = &self.decoder {
            self.offset = parser.offset();
        }
    }

    /// The next item comes after a hole.
    pub(super) const fn pass_over(&mut self, count: u64) {
        self.offset = self.offset.saturating_add(count);
    }
}
