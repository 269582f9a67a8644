//! An HTTP message from its head on: the body, its codings undone.

use super::Conversation;
use super::half::{Open, Part};
use crate::budget::{Budget, MESSAGE_LIMIT};
use crate::coding::{self, Coding, CodingError};
use crate::http::{Framing, Head};
use crate::list;
use crate::message::content::Content;
use crate::message::obstacle::{Cause, Obstacle, Piece};
use crate::message::{CodedBody, HttpMessage};
use crate::note::Note;
use crate::tcp::event::Origin;
use crate::units::Side;

/// The most bytes kept of one HTTP body after decoding; the rest is counted and reported.
pub const BODY_LIMIT: usize = MESSAGE_LIMIT;

/// A body in the making: turns the bytes on the wire into content.
#[derive(Debug)]
pub(super) struct Body {
    decoder: Option<coding::Decoder>,
    /// True if nothing more can be decoded.
    stopped: bool,
    /// The coded bytes that decoded to nothing.
    undecoded: Content,
}

impl Body {
    pub(super) fn new(budget: &Budget, codings: &[Coding]) -> Self {
        Self {
            decoder: (!codings.is_empty()).then(|| coding::Decoder::within(budget, codings)),
            stopped: false,
            undecoded: Content::default(),
        }
    }

    /// Returns the number of bytes it takes besides the decoded content.
    pub(super) fn memory(&self) -> usize {
        let decoder = self.decoder.as_ref().filter(|_| !self.stopped);
        decoder.map_or(0, coding::Decoder::memory) + self.undecoded.bytes.len()
    }

    /// Returns true if the body is coded.
    pub(super) const fn is_coded(&self) -> bool {
        self.decoder.is_some()
    }

    /// Takes the next bytes. The content may grow up to the limit. Returns why nothing more can be decoded, where these
    /// bytes show it.
    fn push(&mut self, bytes: &[u8], content: &mut Content, limit: usize) -> Option<CodingError> {
        if self.decoder.is_none() {
            content.push(bytes, limit);
        }
        self.decode(bytes, &mut content.bytes, limit)
    }

    /// Takes the next bytes of a body that is coded, and appends what they decode to.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
        output: &mut Vec<u8>,
        limit: usize,
    ) -> Option<CodingError> {
        let decoder = self.decoder.as_mut()?;
        if self.stopped {
            decoder.pass(bytes);
            let room = limit.saturating_sub(output.len());
            self.undecoded.push(bytes, room);
            return None;
        }
        let error = decoder.push(bytes, output, limit).err();
        if error.is_some() {
            self.stop(limit.saturating_sub(output.len()));
        }
        error
    }

    /// Stops decoding: keeps the bytes that decoded to nothing, as far as there is room.
    pub(super) fn stop(&mut self, room: usize) {
        self.stopped = true;
        if let Some(decoder) = &mut self.decoder {
            self.undecoded.push(&decoder.undecoded(), room);
            decoder.release();
        }
    }

    /// Stops decoding because decoders take too much room. Returns an error if it was still decoding.
    pub(super) fn give_up(&mut self, room: usize) -> Option<CodingError> {
        let is_decoding = self.is_coded() && !self.stopped;
        is_decoding.then(|| {
            self.stop(room);
            CodingError::NoRoom
        })
    }

    /// Takes the end of a body.
    pub(super) fn finish(&mut self, content: &mut Content, limit: usize) -> Option<CodingError> {
        if self.stopped {
            return None;
        }
        let decoder = self.decoder.as_mut()?;
        let error = decoder.finish(&mut content.bytes, limit).err();
        if error.is_some() {
            self.stop(limit.saturating_sub(content.bytes.len()));
        }
        error
    }

    /// Takes the news that `count` bytes are not in the capture. Returns true if that ends the decoding.
    pub(super) fn lose(&mut self, count: u64, content: &mut Content) -> bool {
        if !self.is_coded() {
            content.missing(count);
            return false;
        }
        let stops = !self.stopped;
        if stops {
            self.stop(content.bytes.len());
        }
        self.undecoded.missing(count);
        stops
    }

    /// Returns what is remembered of the coded bytes, if there are any.
    pub(super) fn coded(self) -> Option<Box<CodedBody>> {
        let coded = self.decoder?;
        let coded = coded.coded();
        Some(Box::new(CodedBody {
            fingerprint: coded.fingerprint().clone(),
            times: coded.times(),
            undecoded: self.undecoded,
        }))
    }

    /// Returns the number of bytes of a coded body so far.
    pub(super) fn coded_length(&self) -> u64 {
        let decoder = self.decoder.as_ref();
        decoder.map_or(0, |decoder| decoder.coded().length())
    }
}

/// Returns the note on a coded body past a hole.
pub(super) fn lost(offset: u64) -> Note {
    Note::plain(offset, "the coded body cannot be decoded past the hole")
}

/// Returns the note on a body that cannot be decoded.
pub(super) fn note(error: &CodingError, offset: u64) -> Note {
    Note::new(offset, "RFC 9110 §8.4", error.to_string())
}

impl Open {
    /// Records what prevents the decoding of a piece.
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
            coded: None,
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
        let offset = message.head.offset;
        let origin_of_head = self.begin_at(origin, offset).origin;
        let place = self.place(offset, origin_of_head);
        let open = self.begin_at(origin, offset);
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
        if limits.are_reached() {
            self.stop_decoding(origin.side);
        }
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
            Part::EventsEnd(_, body) => {
                body.decode(bytes, &mut Vec::new(), limits.of(body.memory()));
            }
            Part::Unknown | Part::Raw(_) => {}
        }
    }

    /// Stops decoding the body in the making: its bytes are told as they are on the wire from here on.
    pub(super) fn stop_decoding(&mut self, side: Side) {
        let limits = self.limits();
        let Some(open) = &mut self.half(side).open else {
            return;
        };
        let (piece, error) = match &mut open.part {
            Part::Http(message, body) => {
                let kept = message.body.bytes.len();
                (
                    Piece::Body,
                    body.give_up(limits.of(kept).saturating_sub(kept)),
                )
            }
            Part::Events(events) => (Piece::Events, events.body.give_up(limits.of(0))),
            Part::EventsEnd(..) | Part::Unknown | Part::Raw(_) => return,
        };
        let Some(error) = error else {
            return;
        };
        open.notes.push(note(&error, open.offset));
        open.hinder(piece, Some(&error));
        if piece == Piece::Events {
            let origin = open.origin;
            self.break_off_events(origin);
        }
    }

    /// Takes a line around the chunks of a body.
    pub(super) fn chunk(&mut self, origin: Origin, line: &[u8]) {
        let open = self.begin(origin);
        match &mut open.part {
            Part::Http(message, _) => {
                let at = message.coded_length.saturating_add(message.missing_bytes());
                open.chunks.push(at, line);
            }
            Part::Events(events) => events.chunk(line, &mut open.chunks),
            Part::EventsEnd(_, body) => open.chunks.push(body.coded_length(), line),
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
                if body.lose(count, &mut message.body) {
                    open.notes.push(lost(open.offset));
                }
            }
            Part::Events(_) => self.events_missing(origin, count),
            Part::EventsEnd(_, body) => {
                body.lose(count, &mut Content::default());
            }
            Part::Unknown | Part::Raw(_) => {}
        }
    }

    pub(super) fn end(&mut self, side: Side, trailers: &[u8]) {
        let (lines, end) = trailer_lines(trailers);
        if let Some(open) = &mut self.half(side).open {
            match &mut open.part {
                Part::Http(message, _) => message.trailers = lines.to_vec(),
                Part::Events(events) => events.trailers = lines.to_vec(),
                Part::EventsEnd(events, _) => events.trailers = lines.to_vec(),
                Part::Unknown | Part::Raw(_) => {}
            }
            // That an empty line with CR LF ends the section is not worth a word.
            if end == b"\n" {
                open.chunks.push(u64::MAX, end);
            }
        }
        self.close(side);
    }
}

/// Splits a trailer section into its lines and the empty line that ends it.
fn trailer_lines(section: &[u8]) -> (&[u8], &[u8]) {
    let without = section.strip_suffix(b"\n").unwrap_or(section);
    let lines = without.strip_suffix(b"\r").unwrap_or(without).len();
    section.split_at(lines)
}

/// Returns true if the framing allows for a body.
const fn has_body(head: &Head) -> bool {
    !matches!(head.framing, Framing::None | Framing::Switched)
}

/// Returns the codings to undo: content codings first applied, then transfer codings except chunked. If one is unknown,
/// returns no codings, and its name.
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
