//! A body of server-sent events, handed out event by event, because it may never end.

use super::Conversation;
use super::body::{self, Body};
use super::half::{Open, Part};
use super::limits::Limits;
use crate::coding::CodingError;
use crate::message::chunks::{Case, Chunks};
use crate::message::content::Content;
use crate::message::obstacle::{Cause, Obstacle, Piece};
use crate::message::{Detail, EventsEnd, HttpMessage, Message};
use crate::note::Note;
use crate::sse;
use crate::tcp::event::Origin;
use crate::units::Side;

/// A body that is handed out event by event.
#[derive(Debug)]
pub(super) struct Events {
    parser: sse::Parser,
    pub(super) body: Body,
    codings: Vec<&'static str>,
    pub(super) trailers: Vec<u8>,
    /// The place at which the bytes of the unfinished event began.
    begun: Option<(Origin, u64)>,
    /// The chunks of a coded stream, all of which belong to its end. The events themselves do not need them.
    coded_chunks: Chunks,
}

/// The number of decoded bytes searched for events at a time.
const AT_ONCE: usize = 16 << 10;

/// The memory that an event takes besides its bytes (it may have only one), counted as if so many bytes had been
/// decoded.
pub(super) const EVENT_BYTES: usize = 512;

impl Events {
    fn push(&mut self, bytes: &[u8], limits: &Limits) -> (Vec<sse::Event>, Option<CodingError>) {
        if !self.body.is_coded() {
            return (self.parser.push(bytes), None);
        }
        let mut plain = Vec::new();
        let error = self.body.decode(bytes, &mut plain, limits.of(0));
        let mut found = Vec::new();
        let is_read = self.read(&plain, limits, &mut found);
        if is_read.is_err() && error.is_none() {
            self.body.stop(limits.of(0));
        }
        (found, error.or(is_read.err()))
    }

    /// Reads events out of decoded bytes, as many as there is room for.
    fn read(
        &mut self,
        decoded: &[u8],
        limits: &Limits,
        found: &mut Vec<sse::Event>,
    ) -> Result<(), CodingError> {
        let mut room = limits.of(0);
        for piece in decoded.chunks(AT_ONCE) {
            let events = self.parser.push(piece);
            let bytes = events.len() * EVENT_BYTES;
            found.extend(events);
            room = match room.checked_sub(bytes + piece.len()) {
                Some(room) if limits.budget.inflate(bytes) => room,
                _ => return Err(CodingError::OverBudget),
            };
        }
        Ok(())
    }

    /// Returns the number of bytes held.
    pub(super) fn memory(&self) -> usize {
        self.parser.memory() + self.body.memory()
    }

    /// Takes a line around a chunk: it belongs to the event that it is in, or to the next. In a coded stream, it is
    /// unknown where events begin in its bytes.
    pub(super) fn chunk(&mut self, line: &[u8], chunks: &mut Chunks) {
        if self.body.is_coded() {
            self.coded_chunks.push(self.body.coded_length(), line);
        } else {
            chunks.push(self.parser.held_bytes(), line);
        }
    }
}

/// The notes, obstacles and chunks collected before an event was complete.
#[derive(Debug, Default)]
struct Aside {
    notes: Vec<Note>,
    obstacles: Vec<Obstacle>,
    chunks: Chunks,
}

impl Open {
    fn take_aside(&mut self) -> Aside {
        Aside {
            notes: std::mem::take(&mut self.notes),
            obstacles: std::mem::take(&mut self.obstacles),
            chunks: self.chunks.hand_over(),
        }
    }
}

impl Conversation {
    /// Hands out the response's head at once, because a stream of events may never end.
    pub(super) fn events(&mut self, origin: Origin, message: HttpMessage, body: Body) {
        let codings = message.codings.clone();
        self.finish_message(origin.side, Detail::Http(Box::new(message)));
        let open = self.begin(origin);
        open.part = Part::Events(Box::new(Events {
            parser: sse::Parser::default(),
            body,
            codings,
            trailers: Vec::new(),
            begun: None,
            coded_chunks: Chunks::default(),
        }));
    }

    pub(super) fn event_bytes(&mut self, origin: Origin, bytes: &[u8]) {
        let limits = self.limits();
        let half = self.half(origin.side);
        let at = half.offset - bytes.len() as u64;
        let end = half.offset;
        let Some(open) = &mut half.open else {
            return;
        };
        let Part::Events(events) = &mut open.part else {
            return;
        };
        let begun = *events.begun.get_or_insert((origin, at));
        let (found, error) = events.push(bytes, &limits);
        if let Some(error) = &error {
            // Where in the event it is damaged depends on the segments: the decoder may look ahead.
            open.notes.push(body::note(error, begun.1));
            let cause = Cause::from(error);
            open.obstacles.push(Obstacle::new(Piece::Events, cause));
        }
        if !found.is_empty() {
            // All but the first event began in these bytes: their places are counted from the end of them.
            let is_coded = events.body.is_coded();
            let mut place = end;
            let mut count_back = |length: u64| {
                place = if is_coded {
                    at
                } else {
                    place.saturating_sub(length)
                };
                (origin, place)
            };
            let rest = count_back(events.parser.held_bytes());
            events.begun = events.parser.in_event().then_some(rest);
            let lengths = found.iter().map(sse::Event::length);
            let mut places: Vec<_> = lengths.rev().map(count_back).collect();
            if let Some(first) = places.last_mut() {
                *first = begun;
            }
            let aside = open.take_aside();
            self.hand_out_events(origin.side, places, found, aside);
        }
        if error.is_some() {
            self.break_off_events(origin);
        }
    }

    /// Stops decoding a coded stream: the rest of it belongs to its end, which begins here.
    pub(super) fn break_off_events(&mut self, origin: Origin) {
        let Some(open) = &mut self.half(origin.side).open else {
            return;
        };
        let Part::Events(events) = std::mem::replace(&mut open.part, Part::Unknown) else {
            return;
        };
        let mut events = *events;
        self.hand_out_last(origin.side, &mut events);
        let open = self.begin(origin);
        open.chunks = events.coded_chunks;
        let end = EventsEnd {
            codings: events.codings,
            ..EventsEnd::default()
        };
        open.part = Part::EventsEnd(Box::new(end), events.body);
    }

    pub(super) fn events_missing(&mut self, origin: Origin, count: u64) {
        let Some(open) = &mut self.half(origin.side).open else {
            return;
        };
        let Part::Events(events) = &mut open.part else {
            return;
        };
        let text = format!("[{count} bytes missing] in the event stream");
        open.notes.push(Note::plain(open.offset, text));
        let missing = Obstacle::new(Piece::Events, Cause::Missing);
        open.obstacles.push(missing);
        if events.body.lose(count, &mut Content::default()) {
            open.notes.push(body::lost(open.offset));
            self.break_off_events(origin);
        }
    }

    /// Queues events; `places` holds the places at which they began, the last first.
    fn hand_out_events(
        &mut self,
        side: Side,
        mut places: Vec<(Origin, u64)>,
        found: Vec<sse::Event>,
        mut aside: Aside,
    ) {
        for event in found {
            let Some((first, offset)) = places.pop() else {
                return;
            };
            if !event.left_out.is_empty() {
                let text = format!(
                    "an event of more than {} bytes: the rest is left out",
                    sse::EVENT_LIMIT
                );
                aside.notes.push(Note::plain(offset, text));
            }
            let length = event.length();
            let detail = Detail::Event(Box::new(event));
            // A chunk that is open goes on in the next event.
            let chunks = aside.chunks.hand_over();
            let notes = std::mem::take(&mut aside.notes);
            let mut obstacles = std::mem::take(&mut aside.obstacles);
            obstacles.extend(detail.obstacles());
            let message = Message {
                time: first.time,
                packet: first.packet,
                from: side,
                offset,
                length,
                detail,
                notes,
                obstacles,
                chunks,
                is_hidden: false,
                placeholders: Vec::new(),
            };
            self.queue(self.next_order, message);
            self.next_order += 1;
        }
        let mut order = self.next_order;
        let half = self.half(side);
        // What is held back came behind these events.
        half.provenance.renumber(&mut order);
        // The stream goes on, but no message before this one is in the making any more.
        if let Some(open) = &mut half.open {
            open.order = order;
        }
        self.next_order = order;
    }

    /// Hands out the unfinished event as far as it is there, because it cannot be kept.
    pub(super) fn cut_event(&mut self, side: Side) {
        let Some(open) = &mut self.half(side).open else {
            return;
        };
        let Part::Events(events) = &mut open.part else {
            return;
        };
        let (Some(event), Some(begun)) = (events.parser.finish(), events.begun.take()) else {
            return;
        };
        let text = "too much is in the making: the event is told in pieces";
        open.notes.push(Note::plain(begun.1, text));
        let aside = open.take_aside();
        self.hand_out_events(side, vec![begun], vec![event], aside);
    }

    /// Hands out the unfinished event, which will not become complete.
    fn hand_out_last(&mut self, side: Side, events: &mut Events) {
        let Some(event) = events.parser.finish() else {
            return;
        };
        let Some(open) = &mut self.half(side).open else {
            return;
        };
        let begun = events.begun.unwrap_or((open.origin, open.offset));
        if event.incomplete {
            let text = "the stream ends inside an event, which a browser discards";
            open.notes.push(Note::new(begun.1, "HTML §9.2.6", text));
        }
        let aside = open.take_aside();
        self.hand_out_events(side, vec![begun], vec![event], aside);
    }

    pub(super) fn close_events(&mut self, side: Side, mut events: Events) {
        self.hand_out_last(side, &mut events);
        if events.body.is_coded()
            && let Some(open) = &mut self.half(side).open
        {
            open.chunks = std::mem::take(&mut events.coded_chunks);
        }
        let end = EventsEnd {
            codings: events.codings,
            trailers: events.trailers,
            ..EventsEnd::default()
        };
        self.end_events(side, end, events.body);
    }

    /// Hands out the end of a stream, if there is anything to say about it besides its events.
    pub(super) fn end_events(&mut self, side: Side, mut end: EventsEnd, body: Body) {
        end.coded = body.coded();
        let half = self.half(side);
        let Some(open) = &mut half.open else {
            return;
        };
        let is_usual = open.chunks.is_empty() || open.chunks.are_usual(0, true, Case::default());
        if end != EventsEnd::default() || !is_usual || open.chunks.is_open() {
            open.offset = half.offset;
            return self.finish_message(side, Detail::EventsEnd(Box::new(end)));
        }
        let aside = open.take_aside();
        half.open = None;
        half.notes.extend(aside.notes);
        half.obstacles.extend(aside.obstacles);
    }
}
