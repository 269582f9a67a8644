//! An HTTP message from its head on: the body, its codings undone.

use super::Conversation;
use super::half::{Open, Part};
use super::pairing::Place;
use crate::analysis::content::Content;
use crate::analysis::message::HttpMessage;
use crate::analysis::obstacle::{Cause, Obstacle, Piece};
use crate::budget::{Budget, MESSAGE_LIMIT};
use crate::units::Side;
use crate::wire::coding::{self, Coding, CodingError};
use crate::wire::event::Origin;
use crate::wire::http::{Framing, Head};
use crate::wire::list;
use crate::wire::note::Note;

/// How many bytes of one HTTP body are kept, after decoding; the rest is counted and said.
pub const BODY_LIMIT: usize = MESSAGE_LIMIT;

/// How a body's bytes become content.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) decoder: Option<coding::Decoder>,
    /// Nothing more can be decoded.
    pub(super) stopped: bool,
}

impl Body {
    pub(super) fn new(budget: &Budget, codings: &[Coding]) -> Self {
        Self {
            decoder: (!codings.is_empty()).then(|| coding::Decoder::within(budget, codings)),
            stopped: false,
        }
    }

    /// How many bytes the decoder takes.
    pub(super) fn memory(&self) -> usize {
        let decoder = self.decoder.as_ref().filter(|_| !self.stopped);
        decoder.map_or(0, coding::Decoder::memory)
    }

    /// Why nothing more can be decoded, where these bytes show it. The content may grow by so many bytes as there is
    /// `room` for.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        content: &mut Content,
        limit: usize,
    ) -> Option<CodingError> {
        if self.stopped {
            return None;
        }
        let Some(decoder) = &mut self.decoder else {
            content.push(bytes, limit);
            return None;
        };
        let outcome = decoder.push(bytes, &mut content.bytes, limit);
        self.stopped = outcome.is_err();
        outcome.err()
    }

    pub(super) fn finish(&mut self, content: &mut Content, limit: usize) -> Option<CodingError> {
        if self.stopped {
            return None;
        }
        let ended = self.decoder.as_mut()?.finish(&mut content.bytes, limit);
        self.stopped = ended.is_err();
        ended.err()
    }

    /// A coded body cannot be decoded past a hole.
    fn lose(&mut self, offset: u64) -> Option<Note> {
        let coded = self.decoder.is_some() && !std::mem::replace(&mut self.stopped, true);
        coded.then(|| Note::plain(offset, "the coded body cannot be decoded past the hole"))
    }
}

/// What is to be said of a body that cannot be decoded.
pub(super) fn note(error: &CodingError, offset: u64) -> Note {
    Note::new(offset, "RFC 9110 §8.4", error.to_string())
}

impl Open {
    /// Takes note of what is in the way of decoding a piece.
    pub(super) fn hinder(&mut self, piece: Piece, error: Option<&CodingError>) {
        let cause = error.map(Cause::from);
        self.obstacles
            .extend(cause.map(|cause| Obstacle::new(piece, cause)));
    }
}

impl Conversation {
    pub(super) fn head(&mut self, origin: Origin, mut head: Head) {
        self.end_raw(origin.side);
        self.outline_head(origin.side, head.offset, head.raw.len());
        let notes = std::mem::take(&mut head.notes);
        let (codings, unknown) = codings_of(&head);
        let is_outline = self.is_outline();
        let mut message = HttpMessage {
            body: Content::default(),
            coded_length: 0,
            codings: codings.iter().map(|coding| coding.name()).collect(),
            trailers: Vec::new(),
            request: None,
            accept_belongs: None,
            events_follow: !is_outline
                && !head.is_request()
                && head.is_event_stream()
                && has_body(&head),
            head,
        };
        let open = self.begin_at(origin, message.head.offset);
        let place = Place {
            offset: message.head.offset,
            origin: open.origin,
        };
        open.offset = place.offset;
        open.notes.extend(notes);
        if let Some(name) = unknown {
            let text = format!("content coding {name:?} is not decoded here");
            open.notes.push(Note::plain(open.offset, text));
            let piece = if message.events_follow {
                Piece::Events
            } else {
                Piece::Body
            };
            let cause = Cause::UnknownCoding(name);
            open.obstacles.push(Obstacle::new(piece, cause));
        }
        let offer = if message.head.is_request() {
            self.request(&message.head, place.origin);
            None
        } else {
            self.response(&mut message, place)
        };
        let codings = if is_outline { &[][..] } else { &codings };
        let body = Body::new(self.holding.budget(), codings);
        if message.events_follow {
            self.events(origin, message, body);
        } else if let Some(open) = &mut self.half(origin.side).open {
            open.part = Part::Http(Box::new(message), body);
        }
        self.switch_if_asked(origin, offer.as_deref());
    }

    pub(super) fn body(&mut self, origin: Origin, bytes: &[u8]) {
        if self.is_outline() {
            return;
        }
        let limits = self.limits();
        let Some(open) = &mut self.half(origin.side).open else {
            return;
        };
        match &mut open.part {
            Part::Http(message, body) => {
                message.coded_length += bytes.len() as u64;
                let limit = limits.of(message.body.bytes.len());
                let error = body.push(bytes, &mut message.body, limit);
                open.notes
                    .extend(error.as_ref().map(|error| note(error, open.offset)));
                open.hinder(Piece::Body, error.as_ref());
            }
            Part::Events(_) => self.event_bytes(origin, bytes),
            Part::Unknown | Part::Raw(_) => {}
        }
    }

    pub(super) fn body_missing(&mut self, origin: Origin, count: u64) {
        self.half(origin.side).pass_over(count);
        if self.is_outline() {
            return;
        }
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
                let missing = Obstacle::new(Piece::Events, Cause::Missing);
                open.obstacles.push(missing);
                let text = format!("[{count} bytes missing] in the event stream");
                open.notes.push(Note::plain(open.offset, text));
            }
            Part::Unknown | Part::Raw(_) => {}
        }
    }

    pub(super) fn end(&mut self, side: Side, trailers: &[u8]) {
        if let Some(Open {
            part: Part::Http(message, _),
            ..
        }) = &mut self.half(side).open
        {
            message.trailers = trailers.trim_ascii_end().to_vec();
        }
        self.close(side);
    }
}

/// Whether the framing leaves room for a body.
const fn has_body(head: &Head) -> bool {
    !matches!(head.framing, Framing::None | Framing::Switched)
}

/// The codings to undo: content codings first applied, then transfer codings but for chunked.
/// Where one is unknown, none, and its name.
fn codings_of(head: &Head) -> (Vec<Coding>, Option<String>) {
    let mut codings = Vec::new();
    let is_chunked = |coding: &&[u8]| {
        let name = list::parameters(coding).next();
        name.is_some_and(|name| name.eq_ignore_ascii_case(b"chunked"))
    };
    let transfer = head
        .list("transfer-encoding")
        .filter(|coding| !is_chunked(coding));
    for value in head.all("content-encoding").chain(transfer) {
        match Coding::list(value) {
            Ok(list) => codings.extend(list),
            Err(name) => {
                return (Vec::new(), has_body(head).then_some(name));
            }
        }
    }
    if !has_body(head) {
        codings.clear();
    }
    (codings, None)
}
