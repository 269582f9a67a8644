//! The messages of one connection, and the packets that carried them.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;

use wirestream::budget::Budget;
use wirestream::conversation::Conversation;
use wirestream::fingerprint::Fingerprint;
use wirestream::message::content::Content;
use wirestream::message::{Detail, HttpMessage, Message};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Connection, Opening};
use wirestream::units::Side;
use wirestream::websocket::Frame;

use super::cost::Parts;
use crate::analysis::clock::{self, CLOCK_BYTES};

/// The most messages that are kept of a capture.
const MOST_MESSAGES: usize = 300;

/// The most bytes that are kept of one message's content.
const CONTENT_SHOWN: usize = 4096;

/// The messages between the two ends of a connection.
#[derive(Clone, Debug)]
pub struct Dialogue {
    /// Number of the connection in the capture, counted from 0.
    pub index: u64,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's address and port.
    pub server: SocketAddr,
    /// True if the whole connection is in the capture.
    pub complete: bool,
    /// The number of bytes known to have been sent that are not in the capture.
    pub missing: u64,
    /// The first messages, their contents cut where they are long.
    pub messages: Vec<Message>,
    /// The number of further messages.
    pub left_out: u64,
}

/// A function that hides in a message what must not be shown, and returns true if there was anything.
pub type Hide<'a> = &'a dyn Fn(&mut Message) -> bool;

/// The state shared by the listeners of one capture.
pub(super) struct Shared<'a> {
    hide: Hide<'a>,
    /// The numbers of the packets that carried a message in which something was hidden.
    hidden_packets: RefCell<HashSet<u64>>,
    /// The numbers of the packets whose bytes are accounted for, in order.
    accounted: Vec<u64>,
    /// The number of messages that may still be kept.
    room: Cell<usize>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(accounted: Vec<u64>, hide: Hide<'a>) -> Self {
        Self {
            hide,
            hidden_packets: RefCell::default(),
            accounted,
            room: Cell::new(MOST_MESSAGES),
        }
    }

    pub(super) fn hides(&self, packet: u64) -> bool {
        self.hidden_packets.borrow().contains(&packet)
    }
}

/// The memory that a listener allocates.
pub(super) const LISTENER_BYTES: usize = 1024;

/// Listens to one connection.
pub(super) struct Listener<'a> {
    shared: Rc<Shared<'a>>,
    conversation: Conversation,
    dialogue: Dialogue,
    client: Carriers,
    server: Carriers,
    parts: Parts,
}

/// The packets that carried one side's stream, with the bytes that each of them carried.
#[derive(Default)]
struct Carriers {
    spans: VecDeque<(Range<u64>, u64)>,
    length: u64,
    /// The offset at which the last message ended.
    told: u64,
    /// True if that message was an event, so that the bytes after it are the framing of chunks.
    in_events: bool,
}

impl<'a> Listener<'a> {
    pub(super) fn new(opening: &Opening, shared: Rc<Shared<'a>>, budget: &Budget) -> Self {
        let dialogue = Dialogue {
            index: opening.index,
            client: opening.client,
            server: opening.server,
            complete: false,
            missing: 0,
            messages: Vec::new(),
            left_out: 0,
        };
        Self {
            shared,
            conversation: Conversation::within(budget),
            dialogue,
            client: Carriers::default(),
            server: Carriers::default(),
            parts: Parts::default(),
        }
    }

    /// Returns the dialogue, and the parts of it that are accounted for.
    pub(super) fn finish(mut self, connection: &Connection) -> (Dialogue, Parts) {
        self.conversation.finish();
        self.take_messages();
        for carriers in [&self.client, &self.server] {
            if carriers.in_events {
                let rest = carriers.told..carriers.length;
                self.parts.framing += carriers.carried(rest, &self.shared.accounted);
            }
        }
        let dialogue = Dialogue {
            client: connection.client,
            server: connection.server,
            complete: connection.complete,
            missing: connection.client_stream.missing + connection.server_stream.missing,
            ..self.dialogue
        };
        (dialogue, self.parts)
    }

    fn take_messages(&mut self) {
        while let Some(mut message) = self.conversation.take() {
            self.account(&message);
            self.hide(&mut message);
            if let Some(room) = self.shared.room.get().checked_sub(1) {
                self.shared.room.set(room);
                self.dialogue.messages.push(shortened(message));
            } else {
                self.dialogue.left_out += 1;
            }
        }
    }

    /// Hides what must not be shown, also in the packets that carried it.
    fn hide(&mut self, message: &mut Message) {
        if (self.shared.hide)(message) {
            let stretch = message.offset..message.offset.saturating_add(message.length);
            let packets = self.carriers(message.from).packets(&stretch);
            let mut hidden_packets = self.shared.hidden_packets.borrow_mut();
            hidden_packets.extend(packets);
            hidden_packets.insert(message.packet);
        }
    }

    const fn carriers(&mut self, side: Side) -> &mut Carriers {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Adds a message's bytes to their parts, as far as accounted packets carried them.
    fn account(&mut self, message: &Message) {
        if matches!(message.detail, Detail::Aside(_)) {
            return;
        }
        let shared = Rc::clone(&self.shared);
        let carriers = self.carriers(message.from);
        let body_place = body_place(message);
        let end = message.offset.saturating_add(message.length);
        // RFC 9112 §7.1: between the events are the sizes of chunks and the line ends around them.
        let is_event = matches!(message.detail, Detail::Event(_));
        let before = carriers.told..message.offset;
        let framing = if is_event && !before.is_empty() {
            carriers.carried(before, &shared.accounted)
        } else {
            0
        };
        carriers.in_events = is_event;
        carriers.told = carriers.told.max(end);
        carriers.forget_before(message.offset);
        let head = carriers.carried(message.offset..body_place, &shared.accounted);
        let body = carriers.carried(body_place..end, &shared.accounted);
        let clock = match clock_place(message) {
            Some(place) if message.from == Side::Server => {
                carriers.carried(place..place + CLOCK_BYTES as u64, &shared.accounted)
            }
            _ => 0,
        };
        self.parts.framing += framing;
        match &message.detail {
            Detail::WebSocket(_) => self.parts.framing += head,
            _ => self.parts.http_header += head,
        }
        if self.parts.clock == 0 && clock == CLOCK_BYTES as u64 {
            self.parts.clock = clock;
            self.parts.body += body.saturating_sub(clock);
        } else {
            self.parts.body += body;
        }
    }
}

impl StreamSink for Listener<'_> {
    fn sides_have_turned(&mut self) {
        let dialogue = &mut self.dialogue;
        std::mem::swap(&mut dialogue.client, &mut dialogue.server);
    }

    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        let carriers = self.carriers(origin.side);
        match event {
            StreamEvent::Data(bytes) => carriers.push(bytes.len() as u64, origin.packet),
            StreamEvent::Missing(count) => carriers.length = carriers.length.saturating_add(count),
            StreamEvent::Aside(..) | StreamEvent::Finished | StreamEvent::Ended => {}
        }
        self.conversation.event(origin, event);
        self.take_messages();
    }
}

impl Carriers {
    fn push(&mut self, length: u64, packet: u64) {
        let end = self.length.saturating_add(length);
        self.spans.push_back((self.length..end, packet));
        self.length = end;
    }

    /// Returns the number of bytes of a stretch that these packets carried.
    fn carried(&self, stretch: Range<u64>, packets: &[u64]) -> u64 {
        let common = |span: &Range<u64>| {
            let end = span.end.min(stretch.end);
            end.saturating_sub(span.start.max(stretch.start))
        };
        let of_them = |packet: &u64| packets.binary_search(packet).is_ok();
        let spans = self
            .spans
            .iter()
            .take_while(|(span, _)| span.start < stretch.end);
        let spans = spans.filter(|(_, packet)| of_them(packet));
        spans.map(|(span, _)| common(span)).sum()
    }

    /// Returns the packets that carried bytes of a stretch.
    fn packets(&self, stretch: &Range<u64>) -> Vec<u64> {
        let touches = |span: &Range<u64>| span.start < stretch.end && stretch.start < span.end;
        let spans = self.spans.iter().filter(|(span, _)| touches(span));
        spans.map(|(_, packet)| *packet).collect()
    }

    /// Forgets the spans before `offset`: messages come in the order of their beginnings, so they are not needed any
    /// more.
    fn forget_before(&mut self, offset: u64) {
        while self
            .spans
            .front()
            .is_some_and(|(span, _)| span.end <= offset)
        {
            self.spans.pop_front();
        }
    }
}

/// Returns the stream offset at which a message's header ends and its body begins.
fn body_place(message: &Message) -> u64 {
    match &message.detail {
        Detail::Http(http) => http.head.offset + http.head.raw.len() as u64,
        Detail::WebSocket(frame) => frame.offset + frame.header_length as u64,
        Detail::Event(_) | Detail::EventsEnd(_) | Detail::Raw(_) | Detail::Aside(_) => {
            message.offset
        }
    }
}

/// Returns the stream offset of a message's clock, if it has one in the clear.
fn clock_place(message: &Message) -> Option<u64> {
    let in_body = match &message.detail {
        Detail::Http(http) => clock_in_body(http),
        Detail::WebSocket(frame) if frame.compressed => None,
        Detail::WebSocket(frame) => clock::find(&frame.payload),
        Detail::Event(event) => clock::find(&event.raw),
        Detail::Raw(content) => clock::find(&content.bytes),
        Detail::EventsEnd(_) | Detail::Aside(_) => None,
    };
    in_body.map(|place| body_place(message) + place as u64)
}

/// Returns the place of the clock in a body. A coded body has no clock in its bytes, whatever it decodes to.
fn clock_in_body(http: &HttpMessage) -> Option<usize> {
    let is_plain = http.codings.is_empty() && http.body.holes.is_empty();
    is_plain.then(|| clock::find(&http.body.bytes)).flatten()
}

/// Returns the message with only as much of its content as is shown.
fn shortened(mut message: Message) -> Message {
    match &mut message.detail {
        Detail::Http(http) => shorten_content(&mut http.body),
        Detail::Raw(content) => shorten_content(content),
        Detail::WebSocket(frame) => shorten_frame(frame),
        Detail::Event(event) => shorten(&mut event.raw, &mut event.left_out),
        Detail::EventsEnd(_) => {}
        Detail::Aside(aside) => shorten_content(&mut aside.content),
    }
    message
}

fn shorten_content(content: &mut Content) {
    shorten(&mut content.bytes, &mut content.left_out);
    content.holes.retain(|hole| hole.at <= CONTENT_SHOWN);
}

fn shorten(bytes: &mut Vec<u8>, left_out: &mut Fingerprint) {
    let shown = bytes.len().min(CONTENT_SHOWN);
    // Only how many there are is told of them.
    left_out.push_for((bytes.len() - shown) as u64, &[]);
    bytes.truncate(shown);
    bytes.shrink_to_fit();
}

fn shorten_frame(frame: &mut Frame) {
    shorten(&mut frame.payload, &mut frame.left_out);
    frame.wire.truncate(frame.header_length + CONTENT_SHOWN);
    frame.wire.shrink_to_fit();
    frame.fragment = None;
}
