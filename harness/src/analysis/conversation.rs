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

use std::collections::VecDeque;

use super::content::Content;
use super::message::{Detail, HttpMessage, Message, RequestLine};
use crate::units::Side;
use crate::wire::coding::{self, Coding};
use crate::wire::event::{Origin, StreamEvent, StreamSink};
use crate::wire::http::{self, Asked, Framing, Head, Parser, Role};
use crate::wire::note::Note;
use crate::wire::sse;
use crate::wire::websocket;

/// How many bytes of one HTTP body are kept, after decoding; the rest is counted and said.
pub const BODY_LIMIT: usize = 16 << 20;

/// Raw bytes are handed out in messages of this many bytes, so that a long turn neither waits nor piles up.
pub const RAW_PIECE: usize = 64 << 10;

/// How many requests may wait for their answers; in a capture of one direction they would pile up.
const MOST_WAITING: usize = 1024;

/// How many messages may wait for an earlier one to be whole.
const MOST_READY: usize = 256;

/// How many bytes the client may send after asking for an upgrade, before the answer is there.
const HELD_LIMIT: usize = 256 << 10;

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
    /// A side has finished: not much more is to come.
    is_over: bool,
}

#[derive(Debug)]
struct Waiting {
    asked: Asked,
    target: Vec<u8>,
    key: Option<Vec<u8>>,
    switches: bool,
}

#[derive(Debug)]
struct Half {
    decoder: Decoder,
    open: Option<Open>,
    /// Notes that came before the message that they belong to.
    notes: Vec<Note>,
    /// Behind all that the decoder has handed out.
    offset: u64,
}

#[derive(Debug)]
enum Decoder {
    Http(Parser),
    WebSocket(Box<websocket::Decoder>),
    Raw,
}

/// A message that has begun.
#[derive(Debug)]
struct Open {
    order: u64,
    origin: Origin,
    offset: u64,
    part: Part,
    notes: Vec<Note>,
}

#[derive(Debug)]
enum Part {
    /// Bytes are there, but not enough to tell what they are.
    Unknown,
    Http(Box<HttpMessage>, Body),
    Events(Box<Events>),
    Raw(Content),
}

/// How a body's bytes become content.
#[derive(Debug)]
struct Body {
    decoder: Option<coding::Decoder>,
    /// Nothing more can be decoded.
    stopped: bool,
}

/// A body that is handed out event by event.
#[derive(Debug)]
struct Events {
    parser: sse::Parser,
    body: Body,
    /// Where the bytes of the event in the making began.
    begun: Option<(Origin, u64)>,
    decoded: Vec<u8>,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            client: Half::new(Role::Requests),
            server: Half::new(Role::Responses),
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            next_order: 0,
            switching: false,
            held: Vec::new(),
            held_bytes: 0,
            is_over: false,
        }
    }
}

impl Half {
    const fn new(role: Role) -> Self {
        Self {
            decoder: Decoder::Http(Parser::new(role)),
            open: None,
            notes: Vec::new(),
            offset: 0,
        }
    }

    /// What was held back will not become anything else.
    const fn settle(&mut self) {
        if let Decoder::Http(parser) = &self.decoder {
            self.offset = parser.offset();
        }
    }

    /// The next item comes after a hole.
    const fn pass_over(&mut self, count: u64) {
        self.offset = self.offset.saturating_add(count);
    }
}

impl StreamSink for Conversation {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        match event {
            StreamEvent::Data(bytes) => self.data(origin, bytes),
            StreamEvent::Missing(count) => self.missing(origin, count),
            StreamEvent::Finished | StreamEvent::Ended => {
                self.side_finished(origin);
                self.release_memory();
            }
        }
    }
}

impl Conversation {
    /// The next message that is whole, in the order in which messages began.
    pub fn take(&mut self) -> Option<Message> {
        let (order, _) = self.ready.front()?;
        let blocked = self.ready.len() <= MOST_READY
            && [&self.client, &self.server]
                .iter()
                .any(|half| half.open.as_ref().is_some_and(|open| open.order < *order));
        if blocked {
            return None;
        }
        let (_, message) = self.ready.pop_front()?;
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
        self.end_turn(origin.side.peer());
        if self.hold(origin, bytes) {
            return;
        }
        let mut rest = bytes;
        while self.decode(origin, &mut rest) {
            // A switch of protocols may just have let the other side's held bytes go.
            if !rest.is_empty() {
                self.end_turn(origin.side.peer());
            }
        }
        if !rest.is_empty() {
            self.hold(origin, rest);
        }
    }

    /// Keeps the client's bytes until the answer to its wish to switch is there.
    fn hold(&mut self, origin: Origin, bytes: &[u8]) -> bool {
        if !self.switching || origin.side == Side::Server || bytes.is_empty() {
            return false;
        }
        if self.held_bytes + bytes.len() > HELD_LIMIT {
            self.release_all_held();
            return false;
        }
        self.held_bytes += bytes.len();
        self.held.push((origin, bytes.to_vec()));
        true
    }

    /// What is held may ask to switch again, and hold what is behind it.
    fn release_all_held(&mut self) {
        while self.switching {
            self.release_held();
        }
    }

    fn release_held(&mut self) {
        self.switching = false;
        self.held_bytes = 0;
        for (origin, bytes) in std::mem::take(&mut self.held) {
            self.data(origin, &bytes);
        }
    }

    /// When the other side speaks, this side's raw turn is over.
    fn end_turn(&mut self, side: Side) {
        let raw = |open: &Open| matches!(open.part, Part::Raw(_));
        if self.half(side).open.as_ref().is_some_and(raw) {
            self.close(side);
        }
    }

    /// Reads one item; false when the input is used up, or is to be held.
    fn decode(&mut self, origin: Origin, rest: &mut &[u8]) -> bool {
        let side = origin.side;
        if side == Side::Client && self.switching && self.client.open.is_none() {
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
        let notes = &mut half.notes;
        let offset = half.offset;
        half.open.get_or_insert_with(|| Open {
            order,
            origin,
            offset,
            part: Part::Unknown,
            notes: std::mem::take(notes),
        })
    }

    fn http_item(&mut self, origin: Origin, item: http::Item<'_>) {
        match item {
            http::Item::Head(head) => self.head(origin, *head),
            http::Item::Body(bytes) => self.body(origin, bytes),
            http::Item::BodyMissing(count) => self.body_missing(origin, count),
            http::Item::End { trailers } => self.end(origin.side, trailers),
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

    /// Raw bytes before a message of a protocol are a message of their own.
    fn end_raw(&mut self, side: Side) {
        let raw = |open: &Open| matches!(open.part, Part::Raw(_));
        if self.half(side).open.as_ref().is_some_and(raw) {
            self.close(side);
        }
    }

    fn head(&mut self, origin: Origin, mut head: Head) {
        self.end_raw(origin.side);
        let notes = std::mem::take(&mut head.notes);
        let (codings, refused) = codings_of(&head);
        let mut message = HttpMessage {
            body: Content::default(),
            coded_length: 0,
            codings: codings.iter().map(|coding| coding.name()).collect(),
            trailers: Vec::new(),
            request: None,
            accept_belongs: None,
            events_follow: !head.is_request() && head.is_event_stream() && has_body(&head),
            head,
        };
        let open = self.begin(origin);
        open.offset = message.head.offset;
        open.notes.extend(notes);
        open.notes.extend(refused);
        if message.head.is_request() {
            self.request(&message.head);
        } else {
            self.response(&mut message);
        }
        let body = Body::new(&codings);
        if message.events_follow {
            self.events(origin, message, body);
        } else if let Some(open) = &mut self.half(origin.side).open {
            open.part = Part::Http(Box::new(message), body);
        }
        self.switch_if_asked(origin);
    }

    fn request(&mut self, head: &Head) {
        let upgrade = head.field("upgrade").is_some() && head.has_token("connection", "upgrade");
        let switches = upgrade || head.method() == b"CONNECT";
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.pop_front();
        }
        self.switching |= switches;
        self.waiting.push_back(Waiting {
            asked: Asked {
                method: head.method().to_vec(),
            },
            target: head.target().to_vec(),
            key: head.field("sec-websocket-key").map(<[u8]>::to_vec),
            switches,
        });
    }

    fn response(&mut self, message: &mut HttpMessage) {
        let status = message.head.status();
        // RFC 9110 §15.2: an interim answer; the final one is still to come.
        if (100..=199).contains(&status) && status != 101 {
            return;
        }
        let Some(waiting) = self.waiting.pop_front() else {
            return;
        };
        if let (101, Some(key), Some(accept)) = (
            status,
            &waiting.key,
            message.head.field("sec-websocket-accept"),
        ) {
            message.accept_belongs = Some(websocket::accept_for(key).as_bytes() == accept);
        }
        message.request = Some(RequestLine {
            method: waiting.asked.method,
            target: waiting.target,
        });
        if waiting.switches && message.head.framing != Framing::Switched {
            self.release_held();
        }
    }

    /// After a 101, or the answer to a CONNECT, both sides speak something else.
    fn switch_if_asked(&mut self, origin: Origin) {
        if origin.side == Side::Client {
            return;
        }
        let Some(Open {
            part: Part::Http(message, _),
            ..
        }) = &self.server.open
        else {
            return;
        };
        if message.head.framing != Framing::Switched {
            return;
        }
        let websocket =
            message.head.status() == 101 && message.head.has_token("upgrade", "websocket");
        let extensions = message.head.field("sec-websocket-extensions");
        let extensions = extensions.unwrap_or_default().to_vec();
        let mut notes = if websocket {
            handshake_notes(message)
        } else {
            Vec::new()
        };
        self.end_client_http(origin);
        if websocket {
            notes = self.speak_websocket(&extensions, notes);
        } else {
            self.client.decoder = Decoder::Raw;
            self.server.decoder = Decoder::Raw;
        }
        for note in notes {
            self.note(Side::Server, note);
        }
        self.end(Side::Server, Vec::new());
        self.release_held();
    }

    /// What the client had begun when the server switched unasked stays HTTP, cut off.
    fn end_client_http(&mut self, origin: Origin) {
        self.client.settle();
        let Decoder::Http(parser) = &mut self.client.decoder else {
            return;
        };
        let items = parser.finish();
        let offset = parser.offset();
        let begun = self.client.open.as_ref().map(|open| open.origin);
        let origin = begun.unwrap_or(Origin {
            side: Side::Client,
            ..origin
        });
        self.http_items(origin, items, offset);
        self.close(Side::Client);
    }

    fn speak_websocket(&mut self, extensions: &[u8], mut notes: Vec<Note>) -> Vec<Note> {
        let parameters = websocket::negotiated(extensions).unwrap_or_else(|reason| {
            notes.push(Note::new(self.server.offset, "RFC 7692 §7.1", reason));
            None
        });
        let (client, server) = parameters.unzip();
        let client = websocket::Decoder::new(Side::Client, self.client.offset, client);
        let server = websocket::Decoder::new(Side::Server, self.server.offset, server);
        self.client.decoder = Decoder::WebSocket(Box::new(client));
        self.server.decoder = Decoder::WebSocket(Box::new(server));
        notes
    }

    /// Hands the response's head out at once, since a stream of events may never end.
    fn events(&mut self, origin: Origin, message: HttpMessage, body: Body) {
        self.finish_message(origin.side, Detail::Http(Box::new(message)));
        let open = self.begin(origin);
        open.part = Part::Events(Box::new(Events {
            parser: sse::Parser::default(),
            body,
            begun: None,
            decoded: Vec::new(),
        }));
    }

    fn body(&mut self, origin: Origin, bytes: &[u8]) {
        let Some(open) = &mut self.half(origin.side).open else {
            return;
        };
        match &mut open.part {
            Part::Http(message, body) => {
                message.coded_length += bytes.len() as u64;
                let note = body.push(bytes, &mut message.body, open.offset);
                open.notes.extend(note);
            }
            Part::Events(_) => self.event_bytes(origin, bytes),
            Part::Unknown | Part::Raw(_) => {}
        }
    }

    fn event_bytes(&mut self, origin: Origin, bytes: &[u8]) {
        let half = self.half(origin.side);
        let at = half.offset - bytes.len() as u64;
        let Some(Open {
            part: Part::Events(events),
            notes,
            ..
        }) = &mut half.open
        else {
            return;
        };
        let begun = *events.begun.get_or_insert((origin, at));
        let (found, note) = events.push(bytes);
        notes.extend(note);
        if found.is_empty() {
            return;
        }
        let notes = std::mem::take(notes);
        // All but the first event began in these bytes: their places are counted from the end of them.
        let coded = events.body.decoder.is_some();
        let mut place = half.offset;
        let mut count_back = |length: usize| {
            place = if coded {
                at
            } else {
                place.saturating_sub(length as u64)
            };
            (origin, place)
        };
        let rest = count_back(events.parser.held_bytes());
        events.begun = events.parser.in_event().then_some(rest);
        let lengths = found.iter().map(|event| event.raw.len());
        let mut places: Vec<_> = lengths.rev().map(count_back).collect();
        if let Some(first) = places.last_mut() {
            *first = begun;
        }
        self.hand_out_events(origin.side, places, found, notes);
    }

    /// Queues events; `places` has where each began, the last first.
    fn hand_out_events(
        &mut self,
        side: Side,
        mut places: Vec<(Origin, u64)>,
        found: Vec<sse::Event>,
        mut notes: Vec<Note>,
    ) {
        for event in found {
            let Some((first, offset)) = places.pop() else {
                return;
            };
            if event.cut {
                let text = format!("an event of more than {} bytes is cut", sse::EVENT_LIMIT);
                notes.push(Note::plain(offset, text));
            }
            let message = Message {
                time: first.time,
                packet: first.packet,
                from: side,
                offset,
                length: event.raw.len() as u64,
                detail: Detail::Event(Box::new(event)),
                notes: std::mem::take(&mut notes),
            };
            self.queue(self.next_order, message);
            self.next_order += 1;
        }
        // The stream goes on, but no message before this one is in the making any more.
        let order = self.next_order;
        if let Some(open) = &mut self.half(side).open {
            open.order = order;
        }
    }

    fn body_missing(&mut self, origin: Origin, count: u64) {
        self.half(origin.side).pass_over(count);
        let Some(open) = &mut self.half(origin.side).open else {
            return;
        };
        match &mut open.part {
            Part::Http(message, body) => {
                message.body.missing(count);
                let note = body.lose(open.offset);
                open.notes.extend(note);
            }
            Part::Events(events) => {
                let note = events.body.lose(open.offset);
                open.notes.extend(note);
                let text = format!("[{count} bytes missing] in the event stream");
                open.notes.push(Note::plain(open.offset, text));
            }
            Part::Unknown | Part::Raw(_) => {}
        }
    }

    fn end(&mut self, side: Side, trailers: Vec<u8>) {
        if let Some(Open {
            part: Part::Http(message, _),
            ..
        }) = &mut self.half(side).open
        {
            message.trailers = trailers;
        }
        self.close(side);
    }

    fn raw(&mut self, origin: Origin, mut bytes: &[u8]) {
        let end = self.half(origin.side).offset;
        while !bytes.is_empty() {
            let at = end.saturating_sub(bytes.len() as u64);
            let content = self.raw_content(origin, at);
            let room = RAW_PIECE - content.bytes.len();
            let (piece, rest) = bytes.split_at(room.min(bytes.len()));
            content.push(piece, RAW_PIECE);
            bytes = rest;
            if content.bytes.len() >= RAW_PIECE {
                self.close(origin.side);
            }
        }
    }

    fn raw_missing(&mut self, origin: Origin, count: u64) {
        let at = self.half(origin.side).offset;
        self.raw_content(origin, at).missing(count);
        self.half(origin.side).pass_over(count);
    }

    fn raw_content(&mut self, origin: Origin, at: u64) -> &mut Content {
        let raw = |open: &Open| matches!(open.part, Part::Unknown | Part::Raw(_));
        if !self.half(origin.side).open.as_ref().is_some_and(raw) {
            self.close(origin.side);
        }
        let open = self.begin(origin);
        if matches!(open.part, Part::Unknown) {
            open.offset = open.offset.min(at);
            open.part = Part::Raw(Content::default());
        }
        match &mut open.part {
            Part::Raw(content) => content,
            // The lines above leave nothing else.
            _ => unreachable!("an open raw message"),
        }
    }

    /// Hands out what is open, as far as it is there.
    fn close(&mut self, side: Side) {
        let Some(open) = &mut self.half(side).open else {
            return;
        };
        match std::mem::replace(&mut open.part, Part::Unknown) {
            Part::Unknown => {
                let notes = std::mem::take(&mut open.notes);
                self.half(side).open = None;
                self.half(side).notes.extend(notes);
            }
            Part::Http(mut message, mut body) => {
                let note = body.finish(&mut message.body, open.offset);
                open.notes.extend(note);
                self.finish_message(side, Detail::Http(message));
            }
            Part::Events(events) => self.close_events(side, *events),
            Part::Raw(content) => self.finish_message(side, Detail::Raw(content)),
        }
    }

    fn close_events(&mut self, side: Side, mut events: Events) {
        let Some(open) = self.half(side).open.take() else {
            return;
        };
        let mut notes = open.notes;
        let Some(event) = events.parser.finish() else {
            self.half(side).notes.append(&mut notes);
            return;
        };
        let begun = events.begun.unwrap_or((open.origin, open.offset));
        if event.incomplete {
            let text = "the stream ends inside an event, which a browser discards";
            notes.push(Note::new(begun.1, "HTML §9.2.6", text));
        }
        self.hand_out_events(side, vec![begun], vec![event], notes);
    }

    /// Hands out what was noted of no message in particular.
    fn say_the_rest(&mut self, origin: Origin) {
        if !self.half(origin.side).notes.is_empty() {
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
        let message = Message {
            time: open.origin.time,
            packet: open.origin.packet,
            from: side,
            offset: open.offset,
            length,
            detail,
            notes: open.notes,
        };
        self.queue(open.order, message);
    }

    fn queue(&mut self, order: u64, message: Message) {
        let later = |(other, _): &&(u64, Message)| *other > order;
        let place = self.ready.len() - self.ready.iter().rev().take_while(later).count();
        self.ready.insert(place, (order, message));
    }
}

impl Body {
    fn new(codings: &[Coding]) -> Self {
        Self {
            decoder: (!codings.is_empty()).then(|| coding::Decoder::new(codings)),
            stopped: false,
        }
    }

    fn push(&mut self, bytes: &[u8], content: &mut Content, offset: u64) -> Option<Note> {
        if self.stopped {
            return None;
        }
        let Some(decoder) = &mut self.decoder else {
            content.push(bytes, BODY_LIMIT);
            return None;
        };
        let outcome = decoder.push(bytes, &mut content.bytes, BODY_LIMIT);
        outcome.err().map(|error| self.stop(&error, offset))
    }

    fn finish(&mut self, content: &mut Content, offset: u64) -> Option<Note> {
        if self.stopped {
            return None;
        }
        let ended = self
            .decoder
            .as_mut()?
            .finish(&mut content.bytes, BODY_LIMIT);
        ended.err().map(|error| self.stop(&error, offset))
    }

    fn stop(&mut self, error: &coding::CodingError, offset: u64) -> Note {
        self.stopped = true;
        Note::new(offset, "RFC 9110 §8.4", error.to_string())
    }

    /// A coded body cannot be decoded past a hole.
    fn lose(&mut self, offset: u64) -> Option<Note> {
        let coded = self.decoder.is_some() && !std::mem::replace(&mut self.stopped, true);
        coded.then(|| Note::plain(offset, "the coded body cannot be decoded past the hole"))
    }
}

impl Events {
    fn push(&mut self, bytes: &[u8]) -> (Vec<sse::Event>, Option<Note>) {
        let Some(decoder) = &mut self.body.decoder else {
            return (self.parser.push(bytes), None);
        };
        if self.body.stopped {
            return (Vec::new(), None);
        }
        self.decoded.clear();
        let outcome = decoder.push(bytes, &mut self.decoded, BODY_LIMIT);
        let note = outcome.err().map(|error| self.body.stop(&error, 0));
        (self.parser.push(&self.decoded), note)
    }
}

/// Whether the framing leaves room for a body.
const fn has_body(head: &Head) -> bool {
    !matches!(head.framing, Framing::None | Framing::Switched)
}

/// The codings to undo: content codings first applied, then transfer codings but for chunked.
fn codings_of(head: &Head) -> (Vec<Coding>, Option<Note>) {
    let mut codings = Vec::new();
    let transfer = head
        .all("transfer-encoding")
        .flat_map(|value| value.split(|byte| *byte == b','));
    let transfer = transfer.filter(|name| !name.trim_ascii().eq_ignore_ascii_case(b"chunked"));
    for value in head.all("content-encoding").chain(transfer) {
        match Coding::list(value) {
            Ok(list) => codings.extend(list),
            Err(name) => {
                let text = format!("content coding {name:?} is not decoded here");
                return (Vec::new(), Some(Note::plain(head.offset, text)));
            }
        }
    }
    if !has_body(head) {
        codings.clear();
    }
    (codings, None)
}

fn handshake_notes(message: &HttpMessage) -> Vec<Note> {
    let mut notes = Vec::new();
    if message.accept_belongs == Some(false) {
        let text = "Sec-WebSocket-Accept does not belong to the request's key";
        notes.push(Note::new(message.head.offset, "RFC 6455 §4.2.2", text));
    }
    if message.head.field("sec-websocket-accept").is_none() {
        let text = "the 101 answer has no Sec-WebSocket-Accept";
        notes.push(Note::new(message.head.offset, "RFC 6455 §4.2.2", text));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::content::Piece;
    use crate::units::Timestamp;
    use proptest::prelude::*;
    use std::io::Write as _;

    /// What a side sends, or loses, as a packet.
    #[derive(Clone, Debug)]
    enum Sent {
        Client(Vec<u8>),
        Server(Vec<u8>),
        ServerLoses(u64),
    }

    fn client(bytes: impl AsRef<[u8]>) -> Sent {
        Sent::Client(bytes.as_ref().to_vec())
    }

    fn server(bytes: impl AsRef<[u8]>) -> Sent {
        Sent::Server(bytes.as_ref().to_vec())
    }

    fn origin(side: Side, packet: u64) -> Origin {
        Origin {
            side,
            packet,
            time: Timestamp::from_nanoseconds(packet * 1000),
        }
    }

    fn listen(packets: &[Sent]) -> Vec<Message> {
        let mut conversation = Conversation::default();
        let mut messages = Vec::new();
        for (packet, sent) in (1..).zip(packets) {
            match sent {
                Sent::Client(bytes) => {
                    conversation.event(origin(Side::Client, packet), StreamEvent::Data(bytes));
                }
                Sent::Server(bytes) => {
                    conversation.event(origin(Side::Server, packet), StreamEvent::Data(bytes));
                }
                Sent::ServerLoses(count) => {
                    conversation.event(origin(Side::Server, packet), StreamEvent::Missing(*count));
                }
            }
            messages.extend(std::iter::from_fn(|| conversation.take()));
        }
        for side in [Side::Client, Side::Server] {
            conversation.event(origin(side, 1000), StreamEvent::Finished);
        }
        conversation.finish();
        messages.extend(std::iter::from_fn(|| conversation.take()));
        messages
    }

    /// A word for each message: who, what, and what is in it.
    fn told(messages: &[Message]) -> Vec<String> {
        messages.iter().map(tell).collect()
    }

    fn tell(message: &Message) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let what = match &message.detail {
            Detail::Http(http) if http.head.is_request() => {
                format!(
                    "{} {} {:?}",
                    text(http.head.method()),
                    text(http.head.target()),
                    text(&http.body.bytes)
                )
            }
            Detail::Http(http) => {
                let target = http.request.as_ref().map(|request| text(&request.target));
                format!(
                    "{} for {} {:?}",
                    http.head.status(),
                    target.unwrap_or_default(),
                    text(&http.body.bytes)
                )
            }
            Detail::WebSocket(frame) => {
                format!("{} {:?}", frame.header.opcode, text(&frame.payload))
            }
            Detail::Event(event) => format!("event {:?}", event.data.clone().unwrap_or_default()),
            Detail::Raw(content) => format!("raw {:?}", text(&content.bytes)),
        };
        format!("{} {what}", message.from)
    }

    fn notes(messages: &[Message]) -> Vec<String> {
        let notes = messages.iter().flat_map(|message| &message.notes);
        notes.map(ToString::to_string).collect()
    }

    const UPGRADE: &str = "GET /time HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==\r\n\r\n";
    const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                             Sec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\n\r\n";
    const GET_TIME: [u8; 14] = [
        0x81, 0x88, 0x36, 0x0d, 0x29, 0x16, 0x51, 0x68, 0x5d, 0x3b, 0x42, 0x64, 0x44, 0x73,
    ];

    #[test]
    fn responses_know_the_requests_that_they_answer() {
        let messages = listen(&[
            client("GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n"),
            server(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxyHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
            ),
            server("HTTP/1.1 204 No\r\n\r\n"),
        ]);
        assert_eq!(
            told(&messages),
            [
                "client GET /a \"\"",
                "client HEAD /b \"\"",
                "client GET /c \"\"",
                "server 200 for /a \"xy\"",
                "server 200 for /b \"\"",
                "server 204 for /c \"\""
            ]
        );
        assert_eq!(messages[5].packet, 3);
        assert_eq!(messages[4].offset, 40);
    }

    #[test]
    fn an_interim_answer_does_not_take_the_requests_place() {
        let messages = listen(&[
            client("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
            server("HTTP/1.1 100 Continue\r\n\r\n"),
            client("hi"),
            server("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
        ]);
        assert_eq!(
            told(&messages),
            [
                "client POST /a \"hi\"",
                "server 100 for  \"\"",
                "server 201 for /a \"\""
            ]
        );
    }

    #[test]
    fn after_the_upgrade_both_sides_speak_websocket() {
        let first = [SWITCHING.as_bytes(), &[0x81, 2, b'h', b'i']].concat();
        let messages = listen(&[client(UPGRADE), server(first), client(GET_TIME)]);
        assert_eq!(
            told(&messages),
            [
                "client GET /time \"\"",
                "server 101 for /time \"\"",
                "server text \"hi\"",
                "client text \"get-time\""
            ]
        );
        assert_eq!(notes(&messages), Vec::<String>::new());
        assert_eq!(messages[3].offset, UPGRADE.len() as u64);
    }

    #[test]
    fn frames_that_overtake_the_answer_wait_for_it() {
        let together = [UPGRADE.as_bytes(), &GET_TIME].concat();
        let messages = listen(&[client(together), client(GET_TIME), server(SWITCHING)]);
        let told = told(&messages);
        assert_eq!(told[1], "server 101 for /time \"\"");
        assert_eq!(
            told[2..],
            ["client text \"get-time\"", "client text \"get-time\""]
        );
    }

    #[test]
    fn a_refused_upgrade_leaves_http() {
        let messages = listen(&[
            client([UPGRADE, "GET /b HTTP/1.1\r\n\r\n"].concat()),
            server("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"),
            server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ]);
        let told = told(&messages);
        assert!(told.contains(&"client GET /b \"\"".to_owned()), "{told:?}");
        assert!(
            told.contains(&"server 200 for /b \"\"".to_owned()),
            "{told:?}"
        );
    }

    #[test]
    fn an_accept_that_does_not_belong_to_the_key_is_said() {
        let wrong = SWITCHING.replace("jvz8", "xxxx");
        let messages = listen(&[client(UPGRADE), server(wrong)]);
        assert_eq!(
            notes(&messages),
            [
                "RFC 6455 §4.2.2, offset 0: Sec-WebSocket-Accept does not belong to the request's key"
            ]
        );
    }

    #[test]
    fn a_tunnel_is_raw() {
        let messages = listen(&[
            client("CONNECT h:443 HTTP/1.1\r\n\r\n"),
            server("HTTP/1.1 200 OK\r\n\r\n"),
            client("\x16hello"),
            server("\x16back"),
        ]);
        assert_eq!(
            told(&messages)[2..],
            ["client raw \"\\u{16}hello\"", "server raw \"\\u{16}back\""]
        );
    }

    #[test]
    fn turns_of_other_protocols_are_raw() {
        let messages = listen(&[
            server("Hello!\n"),
            server("Server time: 09:31:35\n\n"),
            client("time\n"),
            server("09:31:45\n\n"),
        ]);
        assert_eq!(
            told(&messages),
            [
                "server raw \"Hello!\\nServer time: 09:31:35\\n\\n\"",
                "client raw \"time\\n\"",
                "server raw \"09:31:45\\n\\n\""
            ]
        );
        assert_eq!(
            messages[0].time.nanoseconds, 1000,
            "the time of the first byte"
        );
    }

    #[test]
    fn bodies_are_decoded_and_bombs_are_cut() {
        let pack = |bytes: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let respond = |body: &[u8]| {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            server([head.as_bytes(), body].concat())
        };
        let bomb = pack(&vec![0; BODY_LIMIT + 1]);
        let messages = listen(&[
            respond(&pack(b"hello")),
            respond(&bomb),
            respond(b"no gzip at all"),
        ]);
        let bodies: Vec<_> = messages
            .iter()
            .map(|message| match &message.detail {
                Detail::Http(http) => http.body.bytes.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(bodies, [5, BODY_LIMIT, 0]);
        let notes = notes(&messages);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(
            notes[0].ends_with("decoded body cut after 16777216 bytes"),
            "{notes:?}"
        );
        assert!(notes[1].contains("not valid gzip"), "{notes:?}");
    }

    #[test]
    fn events_come_one_by_one_while_the_stream_is_open() {
        let mut conversation = Conversation::default();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut say = |packet, text: &str| {
            let event = StreamEvent::Data(text.as_bytes());
            conversation.event(origin(Side::Server, packet), event);
            let messages: Vec<_> = std::iter::from_fn(|| conversation.take()).collect();
            (
                told(&messages),
                messages.first().map(|message| message.packet),
            )
        };
        assert_eq!(say(1, head).0, ["server 200 for  \"\""]);
        assert_eq!(
            say(2, "9\r\ndata: 1\n\n\r\n"),
            (vec!["server event \"1\"".into()], Some(2))
        );
        assert_eq!(say(3, "5\r\ndata:\r\n"), (vec![], None));
        assert_eq!(
            say(4, "4\r\n 2\n\n\r\n"),
            (vec!["server event \"2\"".into()], Some(3))
        );
        assert_eq!(say(5, "6\r\ndata: \r\n"), (vec![], None));
        conversation.event(origin(Side::Server, 6), StreamEvent::Ended);
        let last: Vec<_> = std::iter::from_fn(|| conversation.take()).collect();
        assert!(matches!(&last[0].detail, Detail::Event(event) if event.incomplete));
    }

    #[test]
    fn a_hole_in_a_body_is_told_where_it_is() {
        let messages = listen(&[
            client("GET /a HTTP/1.1\r\n\r\n"),
            server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
            Sent::ServerLoses(4),
            server("xyz"),
        ]);
        let Detail::Http(http) = &messages[1].detail else {
            panic!("{messages:?}")
        };
        let pieces: Vec<_> = http.body.pieces().collect();
        assert_eq!(
            pieces,
            [
                Piece::Bytes(b"abc"),
                Piece::Missing(4),
                Piece::Bytes(b"xyz")
            ]
        );
        assert_eq!(messages[1].length, 49);
    }

    #[test]
    fn a_capture_of_one_direction_does_not_pile_up() {
        let mut conversation = Conversation::default();
        for packet in 1..5000 {
            let event = StreamEvent::Data(b"GET / HTTP/1.1\r\n\r\n");
            conversation.event(origin(Side::Client, packet), event);
            assert!(conversation.take().is_some());
        }
        assert!(conversation.waiting.len() <= MOST_WAITING);
    }

    /// Everything that a message says, but for when and where its bytes came.
    fn gist(messages: &[Message]) -> Vec<(Side, u64, u64, Detail, Vec<Note>)> {
        let gist = |message: &Message| {
            let Message {
                from,
                offset,
                length,
                detail,
                notes,
                ..
            } = message.clone();
            (from, offset, length, detail, notes)
        };
        messages.iter().map(gist).collect()
    }

    fn split_up(packets: &[Sent], size: usize) -> Vec<Sent> {
        let cut = |sent: &Sent| -> Vec<Sent> {
            match sent {
                Sent::Client(bytes) => bytes.chunks(size).map(client).collect(),
                Sent::Server(bytes) => bytes.chunks(size).map(server).collect(),
                lost @ Sent::ServerLoses(_) => vec![lost.clone()],
            }
        };
        packets.iter().flat_map(cut).collect()
    }

    fn exchange() -> impl Strategy<Value = Vec<Sent>> {
        let get = "GET /a HTTP/1.1\r\n\r\n";
        let event_stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 18\r\n\r\ndata: 1\n\ndata: 2\n\n";
        prop_oneof![
            Just(vec![
                client(get),
                server("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
            ]),
            Just(vec![
                client(get),
                server(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                )
            ]),
            Just(vec![client(get), server(event_stream)]),
            Just(vec![
                client("HEAD / HTTP/1.1\r\n\r\n"),
                server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
            ]),
            Just(vec![
                client(UPGRADE),
                server(SWITCHING),
                client(GET_TIME),
                server(b"\x81\x02hi"),
                server(b"\x88\x00")
            ]),
            Just(vec![client("time\n"), server("09:31:45\n")]),
            Just(vec![
                server("HTTP/1.1 200 OK\r\nbroken\r\n\r\n"),
                server("more")
            ]),
        ]
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_the_bytes_are_cut(
            exchanges in prop::collection::vec(exchange(), 1..4),
            size in 1_usize..30,
        ) {
            let packets = exchanges.concat();
            let pieces = split_up(&packets, size);
            prop_assert_eq!(gist(&listen(&pieces)), gist(&listen(&packets)));
        }

        #[test]
        fn nothing_panics_and_no_raw_byte_is_lost(
            packets in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60).prop_map(Sent::Client),
                prop::collection::vec(any::<u8>(), 0..60).prop_map(Sent::Server),
                (1_u64..50).prop_map(Sent::ServerLoses),
                Just(client(UPGRADE)),
                Just(server(SWITCHING)),
                Just(client("GET / HTTP/1.1\r\n\r\n")),
                Just(server("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")),
                Just(server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")),
            ], 0..16),
        ) {
            let messages = listen(&packets);
            for side in [Side::Client, Side::Server] {
                let sent: u64 = packets.iter().map(|sent| match (sent, side) {
                    (Sent::Client(bytes), Side::Client) | (Sent::Server(bytes), Side::Server) => bytes.len() as u64,
                    (Sent::ServerLoses(count), Side::Server) => *count,
                    _ => 0,
                }).sum();
                let told: u64 = messages
                    .iter()
                    .filter(|message| message.from == side)
                    .filter(|message| !matches!(message.detail, Detail::WebSocket(_)))
                    .map(|message| message.length)
                    .sum();
                prop_assert!(told <= sent, "{side}: {told} of {sent}");
            }
        }
    }
}
