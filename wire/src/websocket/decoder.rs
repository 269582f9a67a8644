//! The decoder's states, and the steps from one to the next.

use std::borrow::Cow;

use super::close::close_violations;
use super::deflate::Inflater;
use super::frame::{Effect, keep_payload, keep_wire};
use super::header::HEADER_LIMIT;
use super::message::OpenMessage;
use super::room::Room;
use super::violations::header_violations;
use super::{Deflate, Frame, Header, Item, Opcode, unmask};
use crate::budget::Budget;
use crate::fingerprint::Fingerprint;
use crate::note::Note;
use crate::units::Side;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Payload,
    /// After a hole: the next bytes are searched for frames.
    Lost,
    /// After the last frame boundary that can be known.
    Opaque,
}

/// Reads one side's frames.
#[derive(Debug)]
pub struct Decoder {
    side: Side,
    pub(super) offset: u64,
    state: State,
    header: Vec<u8>,
    frame: Option<Open>,
    pub(super) inflater: Option<Inflater>,
    pub(super) message: Option<OpenMessage>,
    closed: bool,
    pending: Option<Note>,
    pub(super) room: Room,
}

/// A frame whose payload is still coming.
#[derive(Debug)]
struct Open {
    frame: Frame,
    remaining: u64,
}

impl Decoder {
    /// Makes a decoder for the frames that `side` sends from `offset` of its stream on.
    #[must_use]
    pub fn new(side: Side, offset: u64, deflate: Option<Deflate>) -> Self {
        Self {
            side,
            offset,
            state: State::Header,
            header: Vec::with_capacity(HEADER_LIMIT),
            frame: None,
            inflater: deflate.map(Inflater::new),
            message: None,
            closed: false,
            pending: None,
            room: Room::ANY,
        }
    }

    /// Limits the decoder to inflate no more than the budget allows.
    #[must_use]
    pub fn within(mut self, budget: &Budget) -> Self {
        if let Some(inflater) = &mut self.inflater {
            inflater.budget = budget.clone();
        }
        self
    }

    /// Sets how many more bytes the frames may keep, and how many of each.
    pub const fn allow(&mut self, left: usize, each: usize) {
        self.room = Room { left, each };
    }

    /// Returns the number of bytes held.
    #[must_use]
    pub fn memory(&self) -> usize {
        let frame = self.frame.as_ref();
        let frame = frame.map_or(0, |open| {
            open.frame.wire.capacity() + open.frame.payload.capacity()
        });
        let inflater = self.inflater.as_ref().map_or(0, Inflater::memory);
        frame + inflater
    }

    /// Returns the stream offset of the next byte that the decoder takes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the next item of `input`, which is shortened by what was taken; `None` if more bytes are needed.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        loop {
            if let Some(note) = self.pending.take() {
                return Some(Item::Note(note));
            }
            match self.state {
                State::Payload => {
                    self.take_payload(input);
                    return self.close_frame().map(Item::Frame);
                }
                _ if input.is_empty() => return None,
                State::Header => self.take_header(input)?,
                State::Lost => {
                    if let Some(raw) = self.look_for_frame(input) {
                        return Some(raw);
                    }
                }
                State::Opaque if !self.header.is_empty() => return self.flush_header(),
                State::Opaque => {
                    let rest = std::mem::take(input);
                    self.offset += rest.len() as u64;
                    return Some(Item::Raw(Cow::Borrowed(rest)));
                }
            }
        }
    }

    /// Takes the news that `count` bytes are not in the capture.
    pub fn missing(&mut self, count: u64) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        let mut lost = count;
        if let Some(open) = &mut self.frame {
            let inside = open.remaining.min(count);
            open.remaining -= inside;
            let at = open.frame.payload.len();
            open.frame.holes.push((at, inside));
            let sent = open.frame.wire.len() - open.frame.header_length;
            open.frame.sent_holes.push((sent, inside));
            lost -= inside;
            self.offset = self.offset.saturating_add(inside);
            self.break_message();
            items.extend(self.close_frame().map(Item::Frame));
        }
        if lost > 0 {
            items.extend(self.flush_header());
            items.push(Item::RawMissing(lost));
            self.offset = self.offset.saturating_add(lost);
            self.break_message();
            if self.state == State::Header {
                self.state = State::Lost;
            }
        }
        items
    }

    /// Takes the end of the stream: an unfinished frame is handed out as far as it is there.
    pub fn finish(&mut self) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        if let Some(mut open) = self.frame.take() {
            let text = format!("the frame ends {} bytes too early", open.remaining);
            open.frame
                .notes
                .push(Note::new(self.offset, "RFC 6455 §5.2", text));
            open.frame.cut = open.remaining;
            items.push(Item::Frame(Box::new(open.frame)));
        }
        if !self.header.is_empty() {
            let offset = self.offset - self.header.len() as u64;
            let note = if self.closed {
                left_over(offset)
            } else {
                Note::new(offset, "RFC 6455 §5.2", "the frame's header is cut off")
            };
            items.push(Item::Note(note));
            items.extend(self.flush_header());
        }
        if self.state == State::Payload {
            self.state = State::Header;
        }
        items
    }

    fn flush_header(&mut self) -> Option<Item<'static>> {
        let held = std::mem::take(&mut self.header);
        (!held.is_empty()).then_some(Item::Raw(Cow::Owned(held)))
    }

    /// Marks the message as broken: the bytes after the hole cannot be inflated with those before it.
    fn break_message(&mut self) {
        if let Some(message) = &mut self.message {
            message.broken = true;
        }
        if let Some(inflater) = &mut self.inflater {
            inflater.broken = true;
        }
    }

    fn look_for_frame<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        let header = Header::parse(input);
        if header.is_some_and(|(header, _)| self.plausible(&header)) {
            let text = "frames are taken up again after the hole, at bytes that look like one";
            self.pending = Some(Note::plain(self.offset, text));
            self.state = State::Header;
            return None;
        }
        let rest = std::mem::take(input);
        self.offset += rest.len() as u64;
        Some(Item::Raw(Cow::Borrowed(rest)))
    }

    fn plausible(&self, header: &Header) -> bool {
        let reserved = if self.inflater.is_some() { 3 } else { 7 };
        header.reserved & reserved == 0
            && header.opcode.is_known()
            && header.mask.is_some() == (self.side == Side::Client)
            && header.length_form == Header::form_for(header.length)
            && (!header.opcode.is_control() || header.length <= 125)
    }

    /// Returns true if a frame with this header may come behind a close frame: it is one too many (RFC 6455 §5.5.1),
    /// but a frame. All other bytes there are left over, and no frame boundary is looked for in them.
    fn may_follow_close(&self, header: &Header) -> bool {
        let continues = header.opcode == Opcode::CONTINUATION;
        self.plausible(header)
            && (header.opcode.is_control() || continues == self.message.is_some())
    }

    fn take_header(&mut self, input: &mut &[u8]) -> Option<()> {
        let held = self.header.len();
        let (parsed, bytes) = if held == 0 {
            let Some((header, length)) = Header::parse(input) else {
                self.header.extend_from_slice(input);
                self.offset += input.len() as u64;
                *input = &[];
                return None;
            };
            (header, input[..length].to_vec())
        } else {
            let piece = &input[..input.len().min(HEADER_LIMIT - held)];
            self.header.extend_from_slice(piece);
            let Some((header, length)) = Header::parse(&self.header) else {
                self.offset += piece.len() as u64;
                *input = &input[piece.len()..];
                return None;
            };
            self.header.truncate(length);
            (header, std::mem::take(&mut self.header))
        };
        if self.closed && !self.may_follow_close(&parsed) {
            self.header = bytes;
            self.header.truncate(held);
            self.state = State::Opaque;
            self.pending = Some(left_over(self.offset - held as u64));
            return Some(());
        }
        let taken = bytes.len() - held;
        self.offset += taken as u64;
        *input = &input[taken..];
        self.open_frame(parsed, bytes);
        Some(())
    }

    fn open_frame(&mut self, header: Header, bytes: Vec<u8>) {
        let offset = self.offset - bytes.len() as u64;
        let mut notes = header_violations(&header, self.side, offset, self.inflater.is_some());
        if self.closed {
            let text = "a frame after the close frame";
            notes.push(Note::new(offset, "RFC 6455 §5.5.1", text));
        }
        // Nothing can be that long: the frames behind it are lost.
        let endless = header.is_endless();
        if endless {
            let text = "a 64-bit length with its highest bit set; what follows is shown raw";
            notes.push(Note::new(offset + 2, "RFC 6455 §5.2", text));
        }
        self.state = State::Payload;
        if !header.opcode.is_control() {
            self.open_message(&header, offset, &mut notes);
        }
        let message = self
            .message
            .as_ref()
            .filter(|_| !header.opcode.is_control());
        let frame = Frame {
            offset,
            header,
            header_length: bytes.len(),
            wire: bytes,
            payload: Vec::new(),
            compressed: message.is_some_and(|message| message.compressed),
            deflated: Fingerprint::default(),
            inflated: true,
            has_context: self.inflater.as_ref().is_some_and(Inflater::has_context),
            holes: Vec::new(),
            sent_holes: Vec::new(),
            cut: 0,
            left_out: Fingerprint::default(),
            effect: Effect::None,
            fragment: None,
            message_opcode: message.map_or(header.opcode, |message| message.opcode),
            notes,
        };
        // An endless frame is handed out without its payload; the bytes behind it are raw.
        let remaining = if endless { 0 } else { header.length };
        self.frame = Some(Open { frame, remaining });
    }

    fn take_payload(&mut self, input: &mut &[u8]) {
        let Some(open) = &mut self.frame else {
            self.state = State::Header;
            return;
        };
        let length =
            usize::try_from(open.remaining).map_or(input.len(), |most| most.min(input.len()));
        let (piece, rest) = input.split_at(length);
        *input = rest;
        let position = open.frame.header.length - open.remaining;
        let offset = self.offset;
        open.remaining -= piece.len() as u64;
        self.offset += piece.len() as u64;
        if open.frame.compressed {
            keep_wire(&mut open.frame, piece, &mut self.room);
            let mut plain = piece.to_vec();
            if let Some(mask) = open.frame.header.mask {
                unmask(&mut plain, mask, position);
            }
            open.frame.deflated.push(&plain);
            if let Some(inflater) = &mut self.inflater {
                inflater.inflate(&plain, offset, &mut open.frame, &mut self.room);
            }
        } else {
            keep_payload(&mut open.frame, piece, position, &mut self.room);
        }
    }

    /// Hands out the open frame once its payload is whole.
    fn close_frame(&mut self) -> Option<Box<Frame>> {
        let mut frame = self.frame.take_if(|open| open.remaining == 0)?.frame;
        self.state = State::Header;
        if frame.header.is_endless() {
            self.state = State::Opaque;
        } else if frame.header.opcode.is_control() {
            self.end_control(&mut frame);
        } else {
            self.end_data(&mut frame);
        }
        Some(Box::new(frame))
    }

    fn end_control(&mut self, frame: &mut Frame) {
        if frame.header.opcode == Opcode::CLOSE {
            self.closed = true;
            if frame.holes.is_empty() {
                close_violations(frame);
            }
        }
    }
}

/// Returns a note that bytes behind a close frame are not frames.
fn left_over(offset: u64) -> Note {
    let text = "bytes behind the close frame that are not a frame; shown raw";
    Note::new(offset, "RFC 6455 §5.5.1", text)
}
