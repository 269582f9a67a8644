//! The parser's states, and the steps from one to the next.

use std::borrow::Cow;

use memchr::memmem;

use super::framing::Framing;
use super::head::{HEAD_LIMIT, Head, REQUEST_HEAD, RESPONSE_HEAD, parse_head};
use super::unit::{Refusal, TOO_LONG, Whole, malformed};
use super::{Asked, Item, Role};
use crate::wire::note::Note;

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Head,
    Fixed {
        remaining: u64,
    },
    UntilClose,
    ChunkSize,
    ChunkData {
        remaining: u64,
    },
    ChunkEnd,
    Trailers,
    End,
    /// The message ends in a broken way, and what follows is not known to be HTTP.
    Broken,
    Opaque,
    Resync,
}

/// Reads one direction of a connection.
#[derive(Debug)]
pub struct Parser {
    pub(super) role: Role,
    pub(super) state: State,
    /// The bytes of a head, a chunk's line or a trailer section that is not whole yet.
    pub(super) buffer: Vec<u8>,
    /// How far `buffer` has been searched for its end.
    pub(super) searched: usize,
    /// Stream offset of the next input byte.
    pub(super) offset: u64,
    messages: u64,
    pub(super) trailers: Vec<u8>,
    /// What is to be said before the next byte is read.
    pending: Option<Note>,
}

impl Parser {
    /// A parser at the beginning of a stream.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self {
            role,
            state: State::Head,
            buffer: Vec::new(),
            searched: 0,
            offset: 0,
            messages: 0,
            trailers: Vec::new(),
            pending: None,
        }
    }

    /// Stream offset of the next byte that the parser takes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Stream offset behind all that was handed out; what is between it and [`Self::offset`] is held back, because it may
    /// be the beginning of something.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.offset - self.buffer.len() as u64
    }

    /// How many bytes it holds.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.buffer.capacity() + self.trailers.len()
    }

    /// Lets go what is held back: it will not be read as what it may be the beginning of.
    pub fn give_up(&mut self) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        if self.buffer.is_empty() {
            return items;
        }
        let offset = self.settled();
        if self.in_message() {
            items.push(self.end());
        }
        let text = "not read to its end, since too much is open at the same time; shown raw";
        items.push(Item::Note(Note::plain(offset, text)));
        items.extend(self.flush());
        self.state = State::Resync;
        items
    }

    /// Whether a message has begun that is not over.
    const fn in_message(&self) -> bool {
        !matches!(self.state, State::Head | State::Opaque | State::Resync)
    }

    /// The next item of `input`, which is shortened by what was taken; `None` when more bytes are needed.
    ///
    /// `asked` is the request that the next response answers, where it is known.
    pub fn next<'a>(&mut self, input: &mut &'a [u8], asked: Option<&Asked>) -> Option<Item<'a>> {
        loop {
            if let Some(note) = self.pending.take() {
                return Some(Item::Note(note));
            }
            let before = (self.state, input.len());
            let item = match self.state {
                State::Head => self.head(input, asked),
                State::Fixed { remaining } => self.fixed(input, remaining),
                State::UntilClose => self.rest(input).map(Item::Body),
                State::ChunkSize => self.chunk_size(input),
                State::ChunkData { remaining } => self.chunk_data(input, remaining),
                State::ChunkEnd => self.chunk_end(input),
                State::Trailers => self.trailers(input),
                State::End => Some(self.end()),
                State::Broken => Some(self.end_broken()),
                State::Opaque => self.rest(input).map(|rest| Item::Raw(Cow::Borrowed(rest))),
                State::Resync => self.resync(input),
            };
            if item.is_some() || before == (self.state, input.len()) {
                return item;
            }
        }
    }

    /// Takes the news that `count` bytes are not in the capture: what it means for the message, in order.
    pub fn missing(&mut self, count: u64) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        let in_body = match self.state {
            State::Fixed { remaining } => {
                let taken = remaining.min(count);
                self.state = if taken == remaining {
                    State::End
                } else {
                    State::Fixed {
                        remaining: remaining - taken,
                    }
                };
                taken
            }
            State::ChunkData { remaining } if count < remaining => {
                self.state = State::ChunkData {
                    remaining: remaining - count,
                };
                count
            }
            State::UntilClose => count,
            _ => 0,
        };
        if in_body > 0 {
            items.push(Item::BodyMissing(in_body));
        }
        if self.state == State::End {
            items.push(self.end());
        }
        if in_body < count {
            self.lose_track(count - in_body, &mut items);
        }
        self.offset = self.offset.saturating_add(count);
        items
    }

    fn lose_track(&mut self, count: u64, items: &mut Vec<Item<'static>>) {
        if self.in_message() {
            let text = "the message's end is lost in a hole";
            items.push(Item::Note(Note::plain(self.offset, text)));
            items.extend(self.flush().map(as_chunk));
            items.push(Item::BodyMissing(count));
            self.state = State::End;
            items.push(self.end());
        } else {
            items.extend(self.flush());
            items.push(Item::RawMissing(count));
        }
        if self.state != State::Opaque {
            self.state = State::Resync;
        }
    }

    /// Takes the end of the stream: the rest of what was held back, and the end of a body that runs until the close.
    pub fn finish(&mut self) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        if let Some(note) = self.pending.take() {
            items.push(Item::Note(note));
        }
        match self.state {
            State::UntilClose | State::End | State::Broken => items.push(self.end()),
            State::Fixed { remaining } => {
                items.push(Item::Note(Note::new(
                    self.offset,
                    "RFC 9112 §8",
                    format!("the body ends {remaining} bytes too early"),
                )));
                items.push(self.end());
            }
            State::ChunkSize | State::ChunkData { .. } | State::ChunkEnd | State::Trailers => {
                let text = "the chunked body has no last chunk";
                items.push(Item::Note(Note::new(self.offset, "RFC 9112 §8", text)));
                items.extend(self.flush().map(as_chunk));
                items.push(self.end());
            }
            State::Head | State::Opaque | State::Resync => {}
        }
        if self.state == State::Head && !self.buffer.is_empty() && self.looks_like_http() {
            let text = "the head is cut off";
            let offset = self.offset - self.buffer.len() as u64;
            items.push(Item::Note(Note::new(offset, "RFC 9112 §8", text)));
        }
        items.extend(self.flush());
        items
    }

    /// Whether the buffered head has a start line that says HTTP/1, so that it is worth a word when it is cut off.
    fn looks_like_http(&self) -> bool {
        self.messages > 0 || memmem::find(&self.buffer, b"HTTP/1.").is_some()
    }

    pub(super) fn flush(&mut self) -> Option<Item<'static>> {
        self.searched = 0;
        let held = std::mem::take(&mut self.buffer);
        (!held.is_empty()).then_some(Item::Raw(Cow::Owned(held)))
    }

    fn rest<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        self.take(input, usize::MAX)
    }

    /// Up to `count` bytes of input; `None` where there are none.
    pub(super) fn take<'a>(&mut self, input: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
        if input.is_empty() {
            return None;
        }
        let (taken, rest) = input.split_at(count.min(input.len()));
        *input = rest;
        self.offset += taken.len() as u64;
        Some(taken)
    }

    pub(super) fn end(&mut self) -> Item<'static> {
        self.state = State::Head;
        Item::End {
            trailers: std::mem::take(&mut self.trailers),
        }
    }

    fn end_broken(&mut self) -> Item<'static> {
        let end = self.end();
        self.state = State::Resync;
        self.searched = 0;
        end
    }

    fn fixed<'a>(&mut self, input: &mut &'a [u8], remaining: u64) -> Option<Item<'a>> {
        let body = self.take(input, usize::try_from(remaining).unwrap_or(usize::MAX))?;
        let remaining = remaining - body.len() as u64;
        self.state = if remaining == 0 {
            State::End
        } else {
            State::Fixed { remaining }
        };
        Some(Item::Body(body))
    }

    fn head<'a>(&mut self, input: &mut &'a [u8], asked: Option<&Asked>) -> Option<Item<'a>> {
        let unit = match self.role {
            Role::Requests => &REQUEST_HEAD,
            Role::Responses => &RESPONSE_HEAD,
        };
        let raw = match self.whole(input, unit) {
            Whole::Yes(raw) => raw,
            Whole::NotYet => return None,
            Whole::No(refusal) => return self.refuse(&refusal),
            Whole::TooLong => return self.let_go(input),
        };
        let offset = self.offset - raw.len() as u64;
        match parse_head(self.role, raw.as_ref(), offset, asked) {
            Ok(head) => Some(self.accept(head)),
            Err(note) => Some(self.reject(note, raw)),
        }
    }

    fn accept(&mut self, head: Head) -> Item<'static> {
        self.messages += 1;
        self.state = match head.framing {
            Framing::None | Framing::Length(0) => State::End,
            Framing::Length(remaining) => State::Fixed { remaining },
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
            Framing::Switched => State::Opaque,
        };
        Item::Head(Box::new(head))
    }

    /// A head that had the shape of one but breaks a rule: its bytes are raw, and the search for the next begins.
    fn reject<'a>(&mut self, note: Note, raw: Cow<'a, [u8]>) -> Item<'a> {
        self.state = State::Resync;
        // The note comes after the bytes that it is about, and so belongs to the raw message that they are in.
        self.pending = Some(note);
        Item::Raw(raw)
    }

    /// A head without end. What was taken for it is not looked through for another one: each line of it could be the first
    /// of the next that is too long, and all would be read again and again.
    fn let_go(&mut self, input: &mut &[u8]) -> Option<Item<'static>> {
        let piece = (HEAD_LIMIT + 1).saturating_sub(self.buffer.len());
        let piece = self.take(input, piece).unwrap_or_default();
        self.buffer.extend_from_slice(piece);
        let item = self.refuse(&malformed(TOO_LONG));
        self.searched = self.buffer.len();
        item
    }

    /// Bytes that no head begins with: raw for good where nothing before was HTTP, else until something is again.
    fn refuse(&mut self, refusal: &Refusal) -> Option<Item<'static>> {
        if self.messages == 0 && refusal.other_protocol {
            self.state = State::Opaque;
            return self.flush();
        }
        let offset = self.offset - self.buffer.len() as u64;
        self.state = State::Resync;
        // What was refused at its first byte is not looked at there again.
        self.searched = 1;
        let text = format!("not HTTP/1: {}; shown raw", refusal.reason);
        self.pending = Some(Note::new(offset, "RFC 9112 §2.1", text));
        None
    }
}

/// What is held back of a chunked body is a part of what wraps its chunks.
fn as_chunk(held: Item<'_>) -> Item<'_> {
    match held {
        Item::Raw(bytes) => Item::Chunk(bytes),
        other => other,
    }
}
