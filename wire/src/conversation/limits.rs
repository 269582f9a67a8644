//! The memory that a conversation holds, and the parts of it released if all conversations together hold too much.

use super::Conversation;
use super::events::EVENT_BYTES;
use super::fragments::is_fragment;
use super::half::{Decoder, Half, Part};
use crate::budget::Budget;
use crate::http::Item;
use crate::message::{CodedBody, Detail, Message};
use crate::tcp::event::Origin;
use crate::units::Side;

/// The memory that a message takes besides its bytes.
const MESSAGE_BYTES: usize = 512;

/// The memory that a note takes.
const NOTE_BYTES: usize = 128;

/// The size in bytes from which the held-back part of an unfinished message is released: the line of a chunk is not
/// longer.
const LITTLE: usize = 4 << 10;

/// The limits to how much a message may grow.
pub(super) struct Limits {
    pub(super) budget: Budget,
    room: usize,
    message: usize,
}

impl Limits {
    /// Returns true if there is no room for contents.
    pub(super) const fn are_reached(&self) -> bool {
        self.room == 0
    }

    /// Returns the most bytes that a message may have if `kept` bytes of it are kept already.
    pub(super) fn of(&self, kept: usize) -> usize {
        self.message.min(kept.saturating_add(self.room))
    }
}

impl Conversation {
    /// Returns how much may be kept besides what is held now.
    pub(super) fn limits(&mut self) -> Limits {
        self.take_stock();
        let budget = self.holding.budget();
        Limits {
            room: budget.room(),
            message: budget.message(),
            budget: budget.clone(),
        }
    }

    /// Tells a side's frame decoder how much it may keep.
    pub(super) fn allow_frames(&mut self, side: Side) {
        if !matches!(self.half(side).decoder, Decoder::WebSocket(_)) {
            return;
        }
        let limits = self.limits();
        if let Decoder::WebSocket(decoder) = &mut self.half(side).decoder {
            decoder.allow(limits.room, limits.message);
        }
    }

    /// Tells the budget what is held, and releases what it can if that is too much.
    pub(super) fn settle(&mut self) {
        self.take_stock();
        // What would be decoded has no room any more; without its decoder, the next one has.
        if self.holding.budget().room() == 0 {
            self.stop_decoding(Side::Client);
            self.stop_decoding(Side::Server);
            self.take_stock();
        }
        if self.holding.budget().is_used_up() {
            self.let_go();
            self.take_stock();
        }
    }

    pub(super) fn take_stock(&mut self) {
        let held = self.held_bytes + self.ready_bytes + self.pairing.memory();
        self.holding
            .set(held + self.client.memory() + self.server.memory());
    }

    /// Hands out unfinished messages as far as they are there. Nothing of them is lost, but they are listed in pieces.
    fn let_go(&mut self) {
        self.release_all_held();
        for side in [Side::Client, Side::Server] {
            self.end_raw(side);
            self.cut_event(side);
            self.end_fragments(side);
            let half = self.half(side);
            let origin = half.begun();
            let Decoder::Http(parser) = &mut half.decoder else {
                continue;
            };
            let is_head = !matches!(
                half.open.as_ref().map(|open| &open.part),
                Some(Part::Http(..) | Part::Events(_) | Part::EventsEnd(..))
            );
            if parser.memory() > LITTLE || is_head && parser.memory() > 0 {
                let items = parser.give_up();
                let offset = parser.offset();
                let Some(origin) = origin else {
                    continue;
                };
                for item in items {
                    // What was held back is behind the message that ends before it.
                    if matches!(item, Item::Raw(_)) {
                        self.half(side).settle();
                    }
                    self.http_item(Origin { side, ..origin }, item);
                }
                self.remember_held(origin, offset);
                self.end_raw(side);
            }
        }
    }
}

impl Half {
    /// Returns the number of bytes held.
    fn memory(&self) -> usize {
        let decoder = match &self.decoder {
            Decoder::Http(parser) => parser.memory(),
            Decoder::WebSocket(decoder) => decoder.memory(),
            Decoder::Raw => 0,
        };
        let Some(open) = &self.open else {
            return decoder;
        };
        let part = match &open.part {
            Part::Unknown => 0,
            Part::Http(message, body) => {
                MESSAGE_BYTES + message.head.raw.len() + message.body.bytes.len() + body.memory()
            }
            Part::Events(events) => EVENT_BYTES + events.memory(),
            Part::EventsEnd(_, body) => MESSAGE_BYTES + body.memory(),
            Part::Raw(content) => content.bytes.len(),
        };
        decoder + part + open.notes.len() * NOTE_BYTES
    }
}

fn undecoded(coded: Option<&CodedBody>) -> usize {
    coded.map_or(0, |coded| coded.undecoded.bytes.len())
}

/// Returns the number of bytes that a message takes.
pub(super) fn weight(message: &Message) -> usize {
    let content = match &message.detail {
        Detail::Http(http) => {
            let body = http.body.bytes.len() + undecoded(http.coded.as_deref());
            http.head.raw.len() + body + http.trailers.len()
        }
        Detail::WebSocket(frame) => {
            // Those of one message are put together besides, see `fragments`.
            let copies = if is_fragment(frame) { 2 } else { 1 };
            frame.wire.len() + frame.payload.len() * copies
        }
        Detail::Event(event) => 2 * event.raw.len(),
        Detail::EventsEnd(end) => end.trailers.len() + undecoded(end.coded.as_deref()),
        Detail::Raw(content) => content.bytes.len(),
        Detail::Aside(aside) => aside.content.bytes.len(),
    };
    MESSAGE_BYTES + content + message.notes.len() * NOTE_BYTES
}
