//! Reads one connection's two streams as one conversation.
//!
//! A response cannot be read without its request (the answer to a HEAD has no body whatever its fields say), and after a
//! 101 both streams change language at once. So one [`Conversation`] listens to both sides and hands out [`Message`]s in
//! the order in which their first bytes were on the wire.
//!
//! ```
//! use wirestream::conversation::Conversation;
//! use wirestream::units::{Side, Timestamp};
//! use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
//!
//! let mut conversation = Conversation::default();
//! let origin = Origin { side: Side::Client, packet: 4, time: Timestamp::default(), acknowledged: 0 };
//! conversation.event(origin, StreamEvent::Data(b"GET / HTTP/1.1\r\n\r\n"));
//! let message = conversation.take().expect("the request is whole");
//! assert_eq!(message.detail.protocol(), "http");
//! ```

mod aside;
mod body;
mod events;
mod exchange;
mod fragments;
mod half;
mod limits;
mod outline;
mod pairing;
mod provenance;
mod raw;
mod recognition;
mod switching;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use self::body::BODY_LIMIT;
use self::half::{Decoder, Half, Open, Part};
use self::pairing::{Pairing, Place};
pub use self::raw::RAW_PIECE;
pub use self::recognition::{Unread, unread_protocol};
use self::switching::Held;
use crate::budget::{Budget, Holding};
use crate::http::{self, Role};
use crate::message::chunks::Chunks;
use crate::message::content::Content;
use crate::message::obstacle::Piece;
use crate::message::{Detail, Message};
use crate::note::Note;
use crate::tcp::event::{Origin, StreamEvent, StreamSink};
use crate::units::Side;
use crate::websocket;

/// The most messages that may wait for an earlier one to be complete.
const MOST_READY: usize = 256;

/// The most notes that one message carries.
const MOST_NOTES: usize = 64;

/// Reads one connection. See the module's text.
#[derive(Debug)]
pub struct Conversation {
    client: Half,
    server: Half,
    /// The requests whose answers are still to come.
    pairing: Pairing,
    /// The complete messages, by the order of their beginnings.
    ready: VecDeque<(u64, Message)>,
    next_order: u64,
    /// True if the client has asked for another protocol; its next bytes can be read once the answer is known.
    switching: bool,
    held: Vec<Held>,
    held_bytes: usize,
    /// The memory that the complete messages take, in bytes.
    ready_bytes: usize,
    holding: Holding,
    /// The place among all messages of the held bytes that are being read.
    held_order: Option<u64>,
    /// The places of the heads of answers; only in outline.
    heads: Option<Vec<std::ops::Range<u64>>>,
    /// True if a side has finished: not much more is to come.
    is_over: bool,
}

impl Default for Conversation {
    fn default() -> Self {
        Self::within(&Budget::default())
    }
}

impl Conversation {
    /// Creates a conversation that holds no more than the budget allows.
    #[must_use]
    pub fn within(budget: &Budget) -> Self {
        Self {
            client: Half::new(Role::Requests),
            server: Half::new(Role::Responses),
            pairing: Pairing::default(),
            ready: VecDeque::new(),
            next_order: 0,
            switching: false,
            held: Vec::new(),
            held_bytes: 0,
            ready_bytes: 0,
            holding: Holding::of(budget),
            held_order: None,
            heads: None,
            is_over: false,
        }
    }
}

impl StreamSink for Conversation {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        match event {
            StreamEvent::Data(bytes) => {
                self.holding.budget().carried(bytes.len());
                self.data(origin, bytes);
            }
            StreamEvent::Missing(count) => self.missing(origin, count),
            StreamEvent::Aside(reason, bytes) => self.aside(origin, reason, bytes),
            StreamEvent::Finished | StreamEvent::Ended => {
                self.side_finished(origin);
                self.release_memory();
            }
        }
        self.settle();
    }
}

impl Conversation {
    /// Returns the next complete message, in the order in which messages began.
    pub fn take(&mut self) -> Option<Message> {
        let (order, _) = self.ready.front()?;
        let held = self.held.first().map(|held| held.order);
        let begun = [self.client.first_order(), self.server.first_order(), held];
        let is_earlier = |first: u64| first < *order;
        let blocked = self.is_fragment(*order)
            || self.ready.len() <= MOST_READY
                && !self.holding.budget().is_used_up()
                && begun.into_iter().flatten().any(is_earlier);
        if blocked {
            return None;
        }
        let (_, message) = self.ready.pop_front()?;
        self.ready_bytes -= limits::weight(&message);
        self.take_stock();
        if self.is_over {
            self.release_memory();
        }
        Some(message)
    }

    /// Takes the end of the capture: hands out unfinished messages as far as they are there.
    pub fn finish(&mut self) {
        for side in [Side::Client, Side::Server] {
            let begun = self.half(side).begun();
            let held = self.held.first().map(|held| held.origin);
            if let Some(origin) = begun.or(held) {
                self.side_finished(Origin { side, ..origin });
            }
            self.end_fragments(side);
        }
    }

    const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn data(&mut self, origin: Origin, bytes: &[u8]) {
        self.allow_frames(origin.side);
        self.end_turn(origin.side.peer());
        self.read(origin, bytes);
    }

    /// Reads what a side said, now or a while ago.
    fn read(&mut self, origin: Origin, bytes: &[u8]) {
        let (since, _) = self.half(origin.side).held();
        let mut rest = bytes;
        while !rest.is_empty() && !self.hold(origin, rest) {
            self.decode_all(origin, &mut rest);
        }
        self.remember_held(origin, since);
    }

    /// Remembers the packet that brought what is held back of its bytes, which begin at `since`.
    fn remember_held(&mut self, origin: Origin, since: u64) {
        let half = match origin.side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let (_, held) = half.held();
        // What waited for the answer to an upgrade request keeps its place.
        let mut again = self.held_order.filter(|_| origin.side == Side::Client);
        let order = again.as_mut().unwrap_or(&mut self.next_order);
        half.provenance.hold(held, since, origin, order);
    }

    /// Reads all of the input, except what is to be held.
    fn decode_all(&mut self, origin: Origin, rest: &mut &[u8]) {
        while self.decode(origin, rest) {}
    }

    /// Reads one item. Returns false if the input is used up, or is to be held.
    fn decode(&mut self, origin: Origin, rest: &mut &[u8]) -> bool {
        let side = origin.side;
        if side == Side::Client && self.is_asking() {
            return false;
        }
        if !rest.is_empty() {
            self.begin(origin);
        }
        let client_end = self.client_end();
        let half = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        match &mut half.decoder {
            Decoder::Http(parser) => {
                let (pairing, open) = (&self.pairing, half.open.as_ref());
                let origin_of = |offset| {
                    let held = half.provenance.at(offset).map(|span| span.origin);
                    let begun = open.filter(|open| matches!(open.part, Part::Unknown));
                    held.or(begun.map(|open| open.origin)).unwrap_or(origin)
                };
                let item = parser.next_with(rest, &|offset| {
                    let origin = origin_of(offset);
                    pairing.asked(Place::behind(client_end, offset, origin))
                });
                half.offset = parser.settled();
                item.is_some_and(|item| {
                    self.http_item(origin, item);
                    true
                })
            }
            Decoder::WebSocket(decoder) => {
                let item = decoder.next(rest);
                half.offset = decoder.offset();
                item.is_some_and(|item| {
                    self.websocket_item(origin, item);
                    true
                })
            }
            Decoder::Raw => {
                let bytes = std::mem::take(rest);
                half.offset += bytes.len() as u64;
                self.raw(origin, bytes);
                false
            }
        }
    }

    /// Returns the offset up to which the client's stream is known, including the rest of a body whose length is
    /// announced.
    fn client_end(&self) -> u64 {
        let (end, _) = self.client.held();
        let announced = match &self.client.decoder {
            Decoder::Http(parser) => parser.announced(),
            Decoder::WebSocket(_) | Decoder::Raw => 0,
        };
        end.saturating_add(self.held_bytes as u64)
            .saturating_add(announced)
    }

    /// Returns the place at which an answer begins, and what its sender had received by then.
    fn place(&self, offset: u64, origin: Origin) -> Place {
        Place::behind(self.client_end(), offset, origin)
    }

    fn missing(&mut self, origin: Origin, count: u64) {
        self.end_turn(origin.side.peer());
        if origin.side == Side::Client {
            self.release_all_held();
        }
        self.begin(origin);
        self.half(origin.side).settle();
        match &mut self.half(origin.side).decoder {
            Decoder::Http(parser) => {
                let items = parser.missing(count);
                let offset = parser.offset();
                self.http_items(origin, items, offset);
            }
            Decoder::WebSocket(decoder) => {
                let items = decoder.missing(count);
                let offset = decoder.offset();
                self.websocket_items(origin, items, offset);
            }
            Decoder::Raw => {
                self.raw_missing(origin, count);
            }
        }
        let (since, _) = self.half(origin.side).held();
        self.remember_held(origin, since);
    }

    /// Reads the bytes held back from an answer's body, if the answer turns out to have none.
    fn decide(&mut self, origin: Origin) {
        if let Decoder::Http(parser) = &mut self.half(origin.side).decoder
            && let Some(item) = parser.decide()
        {
            self.half(origin.side).offset = parser.settled();
            self.http_item(origin, item);
        }
        self.decode_all(origin, &mut &[][..]);
    }

    fn side_finished(&mut self, origin: Origin) {
        self.is_over = true;
        if origin.side == Side::Client {
            self.release_all_held();
        }
        self.decide(origin);
        self.half(origin.side).settle();
        match &mut self.half(origin.side).decoder {
            Decoder::Http(parser) => {
                let items = parser.finish();
                let offset = parser.offset();
                self.http_items(origin, items, offset);
            }
            Decoder::WebSocket(decoder) => {
                let items = decoder.finish();
                let offset = decoder.offset();
                self.websocket_items(origin, items, offset);
            }
            Decoder::Raw => {}
        }
        self.close(origin.side);
        self.end_fragments(origin.side);
        let (since, _) = self.half(origin.side).held();
        self.remember_held(origin, since);
        self.say_the_rest(origin);
    }

    fn http_items(&mut self, origin: Origin, items: Vec<http::Item<'_>>, offset: u64) {
        for item in items {
            self.http_item(origin, item);
        }
        self.half(origin.side).offset = offset;
    }

    fn websocket_items(&mut self, origin: Origin, items: Vec<websocket::Item<'_>>, offset: u64) {
        for item in items {
            self.websocket_item(origin, item);
        }
        self.half(origin.side).offset = offset;
    }

    /// Marks the beginning of a message, unless one has begun.
    fn begin(&mut self, origin: Origin) -> &mut Open {
        let offset = self.half(origin.side).offset;
        self.begin_at(origin, offset)
    }

    /// Marks the beginning of a message at that offset, unless one has begun. Bytes held back began with the packet
    /// that brought them.
    fn begin_at(&mut self, origin: Origin, offset: u64) -> &mut Open {
        let half = match origin.side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let held = half.provenance.at(offset);
        let held = held.map(|span| (span.order, span.origin));
        let again = self.held_order.filter(|_| origin.side == Side::Client);
        let held = held.or(again.map(|order| (order, origin)));
        let (order, origin) = held.unwrap_or((self.next_order, origin));
        if half.open.is_none() && held.is_none() {
            self.next_order += 1;
        }
        let turn = half.provenance.turn;
        let (notes, obstacles) = (&mut half.notes, &mut half.obstacles);
        half.open.get_or_insert_with(|| Open {
            order,
            origin,
            offset,
            part: Part::Unknown,
            turn,
            notes: std::mem::take(notes),
            obstacles: std::mem::take(obstacles),
            chunks: Chunks::default(),
        })
    }

    fn http_item(&mut self, origin: Origin, item: http::Item<'_>) {
        match item {
            http::Item::Preamble { bytes, note } => self.preamble(origin, &bytes, note),
            http::Item::Head(head) => self.head(origin, *head),
            http::Item::Refused(head) => self.refused(origin, *head),
            http::Item::Unreadable { method, target } => self.unreadable(origin, method, target),
            http::Item::Body(bytes) => self.body(origin, &bytes),
            http::Item::Chunk(line) => self.chunk(origin, &line),
            http::Item::BodyMissing(count) => self.body_missing(origin, count),
            http::Item::End { trailers } => self.end(origin.side, &trailers),
            http::Item::Raw(bytes) => {
                self.speak_no_http(origin.side);
                self.raw(origin, &bytes);
            }
            http::Item::RawMissing(count) => self.raw_missing(origin, count),
            http::Item::Lost(lost) => match origin.side {
                Side::Client => self.pairing.requests_lost(lost),
                Side::Server => {
                    self.pairing.answers_lost(lost);
                    self.switch_lost(lost);
                }
            },
            http::Item::Note(note) => self.note(origin.side, note),
        }
    }

    fn websocket_item(&mut self, origin: Origin, item: websocket::Item<'_>) {
        match item {
            websocket::Item::Frame(frame) => {
                self.end_raw(origin.side);
                let mut frame = *frame;
                let open = self.begin(origin);
                open.offset = frame.offset;
                open.notes.append(&mut frame.notes);
                let end = frame.offset.saturating_add(frame.taken());
                let half = self.half(origin.side);
                half.offset = half.offset.max(end);
                self.finish_message(origin.side, Detail::WebSocket(Box::new(frame)));
            }
            websocket::Item::Raw(bytes) => self.raw(origin, &bytes),
            websocket::Item::RawMissing(count) => self.raw_missing(origin, count),
            websocket::Item::Note(note) => self.note(origin.side, note),
        }
    }

    fn note(&mut self, side: Side, note: Note) {
        let half = self.half(side);
        let notes = half
            .open
            .as_mut()
            .map_or(&mut half.notes, |open| &mut open.notes);
        if notes.len() < MOST_NOTES {
            notes.push(note);
        }
    }

    /// Hands out the open message, as far as it is there.
    fn close(&mut self, side: Side) {
        let limits = self.limits();
        let Some(open) = &mut self.half(side).open else {
            return;
        };
        match std::mem::replace(&mut open.part, Part::Unknown) {
            Part::Unknown => {
                let notes = std::mem::take(&mut open.notes);
                let obstacles = std::mem::take(&mut open.obstacles);
                let half = self.half(side);
                half.open = None;
                half.notes.extend(notes);
                half.obstacles.extend(obstacles);
            }
            Part::Http(mut message, mut body) => {
                let limit = limits.of(message.body.bytes.len());
                let error = body.finish(&mut message.body, limit);
                open.notes
                    .extend(error.as_ref().map(|error| body::note(error, open.offset)));
                open.hinder(Piece::Body, error.as_ref());
                message.coded = body.coded();
                self.finish_message(side, Detail::Http(message));
            }
            Part::Events(events) => self.close_events(side, *events),
            Part::EventsEnd(end, body) => self.end_events(side, *end, body),
            Part::Raw(content) => {
                self.recognize(side, &content);
                self.finish_message(side, Detail::Raw(content));
            }
        }
    }

    /// Hands out the notes that belong to no particular message.
    fn say_the_rest(&mut self, origin: Origin) {
        let half = self.half(origin.side);
        if !half.notes.is_empty() || !half.obstacles.is_empty() {
            self.begin(origin).part = Part::Raw(Content::default());
            self.close(origin.side);
        }
    }

    /// Releases memory: a connection that is over may be kept for a while, and should cost little.
    fn release_memory(&mut self) {
        self.pairing.shrink();
        if self.ready.is_empty() {
            self.ready = VecDeque::new();
        }
    }

    fn finish_message(&mut self, side: Side, detail: Detail) {
        let half = self.half(side);
        let end = half.offset;
        let Some(open) = half.open.take() else {
            return;
        };
        if self.is_outline() {
            return;
        }
        let length = match &detail {
            Detail::Raw(content) => content.bytes.len() as u64 + content.missing_bytes(),
            Detail::WebSocket(frame) => frame.taken(),
            _ => end.saturating_sub(open.offset),
        };
        let mut obstacles = open.obstacles;
        obstacles.extend(detail.obstacles());
        let message = Message {
            time: open.origin.time,
            packet: open.origin.packet,
            from: side,
            offset: open.offset,
            length,
            detail,
            notes: open.notes,
            obstacles,
            chunks: open.chunks,
            is_hidden: false,
            placeholders: Vec::new(),
        };
        self.queue_fragment(open.order, message);
    }

    fn queue(&mut self, order: u64, message: Message) {
        self.ready_bytes += limits::weight(&message);
        let later = |(other, _): &&(u64, Message)| *other > order;
        let place = self.ready.len() - self.ready.iter().rev().take_while(later).count();
        reserve_one(&mut self.ready);
        self.ready.insert(place, (order, message));
    }
}

/// Reserves room for one item. Most connections of a capture hold one thing at a time, so queues have room for one
/// until they hold more.
fn reserve_one<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() == 0 {
        queue.reserve_exact(1);
    }
}
