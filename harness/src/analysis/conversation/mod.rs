//! One connection's two streams, read as the conversation that they are.
//!
//! A response cannot be read without its request (the answer to a HEAD has no body whatever its fields say), and after a
//! 101 both streams change language at once. So one [`Conversation`] listens to both sides and hands out [`Message`]s in
//! the order in which their first bytes were on the wire.
//!
//! ```
//! use wiresnap::analysis::conversation::Conversation;
//! use wiresnap::units::{Side, Timestamp};
//! use wiresnap::wire::event::{Origin, StreamEvent, StreamSink};
//!
//! let mut conversation = Conversation::default();
//! let origin = Origin { side: Side::Client, packet: 4, time: Timestamp::default() };
//! conversation.event(origin, StreamEvent::Data(b"GET / HTTP/1.1\r\n\r\n"));
//! let message = conversation.take().expect("the request is whole");
//! assert_eq!(message.detail.protocol(), "http");
//! ```

mod aside;
mod body;
mod events;
mod half;
mod limits;
mod pairing;
mod raw;
mod switching;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use self::body::BODY_LIMIT;
use self::half::{Decoder, Half, Open, Part};
use self::pairing::Waiting;
pub use self::raw::RAW_PIECE;
use super::content::Content;
use super::message::{Detail, Message};
use super::obstacle::{Cause, Obstacle, Piece};
use crate::budget::{Budget, Holding};
use crate::units::Side;
use crate::wire::event::{Origin, StreamEvent, StreamSink};
use crate::wire::http::{self, Role};
use crate::wire::note::Note;
use crate::wire::websocket;

/// How many messages may wait for an earlier one to be whole.
const MOST_READY: usize = 256;

/// How many notes one message carries.
const MOST_NOTES: usize = 64;

/// Reads one connection. See the module's text.
#[derive(Debug)]
pub struct Conversation {
    client: Half,
    server: Half,
    /// The requests whose answers are still to come, oldest first.
    waiting: VecDeque<Waiting>,
    /// Messages that are whole, by the order of their beginnings.
    ready: VecDeque<(u64, Message)>,
    next_order: u64,
    /// The client has asked for another protocol; what it sends next can be read once the answer is known.
    switching: bool,
    held: Vec<(Origin, Vec<u8>)>,
    held_bytes: usize,
    /// What the messages that are whole take.
    ready_bytes: usize,
    /// What the requests take whose answers are still to come.
    asked_bytes: usize,
    holding: Holding,
    /// A side has finished: not much more is to come.
    is_over: bool,
}

impl Default for Conversation {
    fn default() -> Self {
        Self::within(&Budget::default())
    }
}

impl Conversation {
    /// A conversation that holds no more than the budget allows.
    #[must_use]
    pub fn within(budget: &Budget) -> Self {
        Self {
            client: Half::new(Role::Requests),
            server: Half::new(Role::Responses),
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            next_order: 0,
            switching: false,
            held: Vec::new(),
            held_bytes: 0,
            ready_bytes: 0,
            asked_bytes: 0,
            holding: Holding::of(budget),
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
    /// The next message that is whole, in the order in which messages began.
    pub fn take(&mut self) -> Option<Message> {
        let (order, _) = self.ready.front()?;
        let blocked = self.ready.len() <= MOST_READY
            && !self.holding.budget().is_used_up()
            && [&self.client, &self.server]
                .iter()
                .any(|half| half.open.as_ref().is_some_and(|open| open.order < *order));
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

    /// Takes the end of the capture: what has begun is handed out as far as it is there.
    pub fn finish(&mut self) {
        for side in [Side::Client, Side::Server] {
            let origin = self.half(side).open.as_ref().map(|open| open.origin);
            let held = self.held.first().map(|(origin, _)| *origin);
            if let Some(origin) = origin.or(held) {
                self.side_finished(Origin { side, ..origin });
            }
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
        self.end_raw(origin.side.peer());
        let mut rest = bytes;
        while !rest.is_empty() && !self.hold(origin, rest) {
            self.decode_all(origin, &mut rest);
        }
    }

    /// Reads all of the input, but for what is to be held.
    fn decode_all(&mut self, origin: Origin, rest: &mut &[u8]) {
        while self.decode(origin, rest) {
            // A switch of protocols may just have let the other side's held bytes go.
            if !rest.is_empty() {
                self.end_raw(origin.side.peer());
            }
        }
    }

    /// Reads one item; false when the input is used up, or is to be held.
    fn decode(&mut self, origin: Origin, rest: &mut &[u8]) -> bool {
        let side = origin.side;
        if side == Side::Client && self.is_asking() {
            return false;
        }
        if !rest.is_empty() {
            self.begin(origin);
        }
        let half = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        match &mut half.decoder {
            Decoder::Http(parser) => {
                let asked = self.waiting.front().map(|waiting| &waiting.asked);
                let item = parser.next(rest, asked);
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

    fn missing(&mut self, origin: Origin, count: u64) {
        self.end_raw(origin.side.peer());
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
    }

    fn side_finished(&mut self, origin: Origin) {
        self.is_over = true;
        if origin.side == Side::Client {
            self.release_all_held();
        }
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

    /// Marks the beginning of a message, where none has begun.
    fn begin(&mut self, origin: Origin) -> &mut Open {
        let order = self.next_order;
        let half = match origin.side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        if half.open.is_none() {
            self.next_order += 1;
        }
        let (notes, obstacles) = (&mut half.notes, &mut half.obstacles);
        let offset = half.offset;
        half.open.get_or_insert_with(|| Open {
            order,
            origin,
            offset,
            part: Part::Unknown,
            notes: std::mem::take(notes),
            obstacles: std::mem::take(obstacles),
        })
    }

    fn http_item(&mut self, origin: Origin, item: http::Item<'_>) {
        match item {
            http::Item::Head(head) => self.head(origin, *head),
            http::Item::Body(bytes) => self.body(origin, bytes),
            http::Item::Chunk(_) => {}
            http::Item::BodyMissing(count) => self.body_missing(origin, count),
            http::Item::End { trailers } => self.end(origin.side, &trailers),
            http::Item::Raw(bytes) => self.raw(origin, &bytes),
            http::Item::RawMissing(count) => self.raw_missing(origin, count),
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
                let end = frame.offset.saturating_add(frame.length());
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

    /// Hands out what is open, as far as it is there.
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
                self.finish_message(side, Detail::Http(message));
            }
            Part::Events(events) => self.close_events(side, *events),
            Part::Raw(content) => {
                let note = raw::lost_handshake(side, open.offset, &content);
                if note.is_some() {
                    let masked = Obstacle::new(Piece::Raw, Cause::Masked);
                    open.obstacles.push(masked);
                }
                open.notes.extend(note);
                self.finish_message(side, Detail::Raw(content));
            }
        }
    }

    /// Hands out what was noted of no message in particular.
    fn say_the_rest(&mut self, origin: Origin) {
        let half = self.half(origin.side);
        if !half.notes.is_empty() || !half.obstacles.is_empty() {
            self.begin(origin).part = Part::Raw(Content::default());
            self.close(origin.side);
        }
    }

    /// A connection that is over may be kept for a while: it should not cost much.
    fn release_memory(&mut self) {
        self.waiting.shrink_to_fit();
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
        let length = match &detail {
            Detail::Raw(content) => content.bytes.len() as u64 + content.missing_bytes(),
            Detail::WebSocket(frame) => frame.length(),
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
        };
        self.queue(open.order, message);
    }

    fn queue(&mut self, order: u64, message: Message) {
        self.ready_bytes += limits::weight(&message);
        let later = |(other, _): &&(u64, Message)| *other > order;
        let place = self.ready.len() - self.ready.iter().rev().take_while(later).count();
        reserve_one(&mut self.ready);
        self.ready.insert(place, (order, message));
    }
}

/// Of the many connections of a capture, most hold one thing at a time: their queues have room for one, until they do
/// hold more.
fn reserve_one<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() == 0 {
        queue.reserve_exact(1);
    }
}
