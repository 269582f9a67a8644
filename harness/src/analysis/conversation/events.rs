//! A body of server-sent events, handed out event by event since it may never end.

use super::Conversation;
use super::body::{self, Body};
use super::half::{Open, Part};
use super::limits::Limits;
use crate::analysis::message::{Detail, HttpMessage, Message};
use crate::analysis::obstacle::{Cause, Obstacle, Piece};
use crate::units::Side;
use crate::wire::coding::CodingError;
use crate::wire::event::Origin;
use crate::wire::note::Note;
use crate::wire::sse;

/// A body that is handed out event by event.
#[derive(Debug)]
pub(super) struct Events {
    parser: sse::Parser,
    pub(super) body: Body,
    /// Where the bytes of the event in the making began.
    begun: Option<(Origin, u64)>,
}

/// How many decoded bytes are looked through for events at a time.
const AT_ONCE: usize = 16 << 10;

/// What an event takes besides its bytes, which may be one: as much as if so many bytes had been decoded.
pub(super) const EVENT_BYTES: usize = 512;

impl Events {
    fn push(&mut self, bytes: &[u8], limits: &Limits) -> (Vec<sse::Event>, Option<CodingError>) {
        let Some(decoder) = &mut self.body.decoder else {
            return (self.parser.push(bytes), None);
        };
        if self.body.stopped {
            return (Vec::new(), None);
        }
        let mut plain = Vec::new();
        let outcome = decoder.push(bytes, &mut plain, limits.of(0));
        let mut found = Vec::new();
        let read = self.read(&plain, limits, &mut found);
        let outcome = outcome.and(read);
        self.body.stopped = outcome.is_err();
        (found, outcome.err())
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

    /// How many bytes it holds.
    pub(super) fn memory(&self) -> usize {
        self.parser.memory() + self.body.memory()
    }
}

impl Conversation {
    /// Hands the response's head out at once, since a stream of events may never end.
    pub(super) fn events(&mut self, origin: Origin, message: HttpMessage, body: Body) {
        self.finish_message(origin.side, Detail::Http(Box::new(message)));
        let open = self.begin(origin);
        open.part = Part::Events(Box::new(Events {
            parser: sse::Parser::default(),
            body,
            begun: None,
        }));
    }

    pub(super) fn event_bytes(&mut self, origin: Origin, bytes: &[u8]) {
        let limits = self.limits();
        let half = self.half(origin.side);
        let at = half.offset - bytes.len() as u64;
        let Some(Open {
            part: Part::Events(events),
            notes,
            obstacles,
            ..
        }) = &mut half.open
        else {
            return;
        };
        let begun = *events.begun.get_or_insert((origin, at));
        let (found, error) = events.push(bytes, &limits);
        if let Some(error) = error {
            notes.push(body::note(&error, 0));
            obstacles.push(Obstacle::new(Piece::Events, Cause::from(&error)));
        }
        if found.is_empty() {
            return;
        }
        let said = (std::mem::take(notes), std::mem::take(obstacles));
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
        self.hand_out_events(origin.side, places, found, said);
    }

    /// Queues events; `places` has where each began, the last first.
    fn hand_out_events(
        &mut self,
        side: Side,
        mut places: Vec<(Origin, u64)>,
        found: Vec<sse::Event>,
        (mut notes, mut obstacles): (Vec<Note>, Vec<Obstacle>),
    ) {
        for event in found {
            let Some((first, offset)) = places.pop() else {
                return;
            };
            let length = event.raw.len() as u64;
            if event.cut {
                let text = format!("an event of more than {} bytes is cut", sse::EVENT_LIMIT);
                notes.push(Note::plain(offset, text));
            }
            let detail = Detail::Event(Box::new(event));
            obstacles.extend(detail.obstacles());
            let message = Message {
                time: first.time,
                packet: first.packet,
                from: side,
                offset,
                length,
                detail,
                notes: std::mem::take(&mut notes),
                obstacles: std::mem::take(&mut obstacles),
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

    /// Hands out the event in the making as far as it is there, where it cannot be kept.
    pub(super) fn cut_event(&mut self, side: Side) {
        let Some(Open {
            part: Part::Events(events),
            notes,
            obstacles,
            ..
        }) = &mut self.half(side).open
        else {
            return;
        };
        let (Some(mut event), Some(begun)) = (events.parser.finish(), events.begun.take()) else {
            return;
        };
        event.cut = true;
        let said = (std::mem::take(notes), std::mem::take(obstacles));
        self.hand_out_events(side, vec![begun], vec![event], said);
    }

    pub(super) fn close_events(&mut self, side: Side, mut events: Events) {
        let Some(open) = self.half(side).open.take() else {
            return;
        };
        let (mut notes, mut obstacles) = (open.notes, open.obstacles);
        let Some(event) = events.parser.finish() else {
            let half = self.half(side);
            half.notes.append(&mut notes);
            half.obstacles.append(&mut obstacles);
            return;
        };
        let begun = events.begun.unwrap_or((open.origin, open.offset));
        if event.incomplete {
            let text = "the stream ends inside an event, which a browser discards";
            notes.push(Note::new(begun.1, "HTML §9.2.6", text));
        }
        self.hand_out_events(side, vec![begun], vec![event], (notes, obstacles));
    }
}
