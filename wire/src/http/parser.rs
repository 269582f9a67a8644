//! The parser's states, and the steps from one to the next.

use std::borrow::Cow;

use memchr::memmem;

use super::framing::Framing;
use super::head::{HEAD_LIMIT, Head, REQUEST_HEAD, RESPONSE_HEAD, parse_head};
use super::start_line::{STATUS_LINE, begins_status_line, first_words};
use super::unit::{Refusal, Whole, leading_empty_lines, malformed};
use super::{Asked, Item, Lost, Role};
use crate::note::Note;

/// The part of the stream that the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The first bytes of a stream, which a proxy may have put there.
    Preamble,
    Head,
    Fixed {
        remaining: u64,
    },
    UntilClose,
    /// An answer whose request is not known: it has a body as its fields say, unless the request was a HEAD.
    Undecided {
        framing: Framing,
    },
    ChunkSize,
    ChunkData {
        remaining: u64,
    },
    ChunkEnd,
    Trailers,
    End,
    /// The message ends in a broken way, and the bytes behind it are not known to be HTTP.
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
    /// The number of bytes of `buffer` that were searched for its end.
    pub(super) searched: usize,
    /// The stream offset of the next input byte.
    pub(super) offset: u64,
    messages: u64,
    pub(super) trailers: Vec<u8>,
    /// True while a start line is looked for and the next byte does not begin a line.
    pub(super) in_line: bool,
    /// True if the head of the current message was refused: all of the message is raw up to its end.
    is_raw: bool,
    /// A note that comes before the next byte is read.
    pending: Option<Note>,
}

impl Parser {
    /// Makes a parser at the beginning of a stream.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self::at(role, 0)
    }

    /// Makes a parser at the beginning of the contents of a tunnel, `offset` bytes into the stream.
    #[must_use]
    pub const fn at(role: Role, offset: u64) -> Self {
        Self {
            role,
            state: match role {
                Role::Requests => State::Preamble,
                Role::Responses => State::Head,
            },
            buffer: Vec::new(),
            searched: 0,
            offset,
            messages: 0,
            trailers: Vec::new(),
            in_line: false,
            is_raw: false,
            pending: None,
        }
    }

    /// Returns the stream offset of the next byte that the parser takes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the stream offset behind all that was handed out. Bytes between it and [`Self::offset`] are held back,
    /// because they may be the beginning of something.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.offset - self.buffer.len() as u64
    }

    /// Returns the number of bytes still to come of a body whose length was announced.
    #[must_use]
    pub(crate) const fn announced(&self) -> u64 {
        match self.state {
            State::Fixed { remaining } => remaining,
            _ => 0,
        }
    }

    /// Returns the number of bytes held.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.buffer.capacity() + self.trailers.len()
    }

    /// Hands out the bytes held back: they will not be read as what they may be the beginning of.
    pub fn give_up(&mut self) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        if self.buffer.is_empty() {
            return items;
        }
        let offset = self.settled();
        if self.in_message() {
            items.extend(self.end_as_shown());
        }
        let text = "not read to its end, since too much is open at the same time; shown raw";
        items.push(Item::Note(Note::plain(offset, text)));
        items.extend(self.flush());
        self.state = State::Resync;
        self.in_line = true;
        items
    }

    /// Returns true if a message has begun that is not over.
    const fn in_message(&self) -> bool {
        !matches!(
            self.state,
            State::Preamble | State::Head | State::Opaque | State::Resync
        )
    }

    /// Returns true if the bytes held back may begin a message.
    const fn may_hold_beginning(&self) -> bool {
        matches!(
            self.state,
            State::Preamble | State::Head | State::Undecided { .. } | State::Resync
        )
    }

    /// Returns true if the bytes held back are a head that is not whole.
    #[must_use]
    pub(crate) fn is_in_head(&self) -> bool {
        self.state == State::Head && memmem::find(&self.buffer, b"HTTP/1.").is_some()
    }

    /// Returns true if nothing was HTTP from the first byte on.
    #[must_use]
    pub(crate) fn is_other_protocol(&self) -> bool {
        self.state == State::Opaque && self.messages == 0
    }

    /// Takes the news that the peer speaks no HTTP. Then a first line that is not whole is not HTTP either, and the
    /// bytes held of it are handed out.
    pub(crate) fn follow_peer(&mut self) -> Option<Item<'static>> {
        let is_first = matches!(self.state, State::Preamble | State::Head) && self.messages == 0;
        if !is_first || self.buffer.is_empty() || self.looks_like_http() {
            return None;
        }
        self.state = State::Opaque;
        self.flush()
    }

    /// Takes the news that the peer speaks HTTP: if nothing was HTTP so far, it is looked for.
    pub(crate) fn look_again(&mut self) {
        if self.is_other_protocol() {
            self.state = State::Resync;
            self.searched = 0;
        }
    }

    /// Returns the next item of `input`, which is shortened by what was taken; `None` if more bytes are needed.
    ///
    /// `asked` is the request that the next response answers, if it is known.
    pub fn next<'a>(&mut self, input: &mut &'a [u8], asked: Option<&Asked>) -> Option<Item<'a>> {
        self.next_with(input, &|_| asked.cloned())
    }

    /// Returns the next item of `input`, as [`Parser::next`] does; `asked` is called with the offset of a response's
    /// head.
    pub(crate) fn next_with<'a>(
        &mut self,
        input: &mut &'a [u8],
        asked: &dyn Fn(u64) -> Option<Asked>,
    ) -> Option<Item<'a>> {
        loop {
            if let Some(note) = self.pending.take() {
                return Some(Item::Note(note));
            }
            let before = (self.state, input.len());
            let is_raw = self.is_raw;
            let item = match self.state {
                State::Preamble => self.preamble(input),
                State::Head => self.head(input, asked),
                State::Fixed { remaining } => self.fixed(input, remaining),
                State::UntilClose => self.rest(input).map(|rest| Item::Body(rest.into())),
                State::Undecided { .. } => self.undecided(input),
                State::ChunkSize => self.chunk_size(input),
                State::ChunkData { remaining } => self.chunk_data(input, remaining),
                State::ChunkEnd => self.chunk_end(input),
                State::Trailers => self.trailers(input),
                State::End => Some(self.end()),
                State::Broken => Some(self.end_broken()),
                State::Opaque => self.rest(input).map(|rest| Item::Raw(Cow::Borrowed(rest))),
                State::Resync => self.resync(input),
            };
            let item = item.and_then(|item| as_shown(item, is_raw));
            if item.is_some() || before == (self.state, input.len()) {
                return item;
            }
        }
    }

    /// Takes the news that `count` bytes are not in the capture; returns the consequences for the message, in order.
    pub fn missing(&mut self, count: u64) -> Vec<Item<'static>> {
        let mut items = self.end_undecided();
        let in_body = match self.state {
            State::Fixed { remaining } => {
                let taken = remaining.min(count);
                self.state = fixed_state(remaining - taken);
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
            items.extend(as_shown(Item::BodyMissing(in_body), self.is_raw));
        }
        if self.state == State::End {
            items.extend(self.end_as_shown());
        }
        self.offset = self.offset.saturating_add(in_body);
        let behind = count - in_body;
        if behind > 0 {
            self.lose_track(behind, &mut items);
        }
        self.offset = self.offset.saturating_add(behind);
        items
    }

    /// Ends an answer of which it is not known if it has a body: then the hole has a part of that in it, or else other
    /// answers. Nothing behind it is claimed.
    fn end_undecided(&mut self) -> Vec<Item<'static>> {
        if !matches!(self.state, State::Undecided { .. }) {
            return Vec::new();
        }
        let text = "whether this answer has a body is not known, since its request is not: what is around the hole \
                    behind it is shown raw";
        let mut items = vec![Item::Note(Note::new(self.settled(), "RFC 9112 §6.3", text))];
        items.extend(self.end_as_shown());
        self.state = State::Resync;
        items
    }

    fn lose_track(&mut self, count: u64, items: &mut Vec<Item<'static>>) {
        // What is held may be the beginning of a message too.
        let offset = if self.may_hold_beginning() {
            self.settled()
        } else {
            self.offset
        };
        let mut lost = Lost {
            offset,
            bytes: count.saturating_add(self.offset - offset),
            begins_message: false,
        };
        if self.in_message() {
            let text = "the message's end is lost in a hole";
            items.push(Item::Note(Note::plain(self.offset, text)));
            let held = self.flush().map(as_chunk);
            let gone = [held, Some(Item::BodyMissing(count))];
            let is_raw = self.is_raw;
            let shown = gone.into_iter().flatten();
            items.extend(shown.filter_map(|item| as_shown(item, is_raw)));
            items.extend(self.end_as_shown());
        } else {
            if matches!(self.state, State::Preamble | State::Head) {
                lost.begins_message = true;
                if let Some(head) = self.cut_head() {
                    lost = Lost {
                        offset: self.offset,
                        bytes: count,
                        begins_message: false,
                    };
                    items.push(Item::Refused(Box::new(head)));
                }
            }
            items.extend(self.flush());
            items.push(Item::RawMissing(count));
        }
        if self.state != State::Opaque {
            self.state = State::Resync;
            self.in_line = false;
            items.push(Item::Lost(lost));
        }
    }

    /// Returns the held head, as far as it is there, if it has its start line.
    fn cut_head(&mut self) -> Option<Head> {
        let has_line =
            self.role == Role::Responses || memchr::memchr(b'\n', &self.buffer).is_some();
        let offset = self.settled();
        let mut head = parse_head(self.role, &self.buffer, offset, None).ok()?;
        if !has_line {
            return None;
        }
        self.buffer.clear();
        self.searched = 0;
        self.messages += 1;
        head.notes.clear();
        Some(head)
    }

    /// Takes the end of the stream; returns the rest of what was held back, and the end of a body that runs until the
    /// close.
    pub fn finish(&mut self) -> Vec<Item<'static>> {
        let mut items: Vec<_> = self.pending.take().map(Item::Note).into_iter().collect();
        items.extend(self.decide());
        match self.state {
            State::UntilClose | State::End | State::Broken => items.extend(self.end_as_shown()),
            State::Fixed { remaining } => {
                items.push(Item::Note(Note::new(
                    self.offset,
                    "RFC 9112 §8",
                    format!("the body ends {remaining} bytes too early"),
                )));
                items.extend(self.end_as_shown());
            }
            State::ChunkSize | State::ChunkData { .. } | State::ChunkEnd | State::Trailers => {
                let text = "the chunked body has no last chunk";
                items.push(Item::Note(Note::new(self.offset, "RFC 9112 §8", text)));
                let held = self.flush().map(as_chunk);
                items.extend(held.and_then(|held| as_shown(held, self.is_raw)));
                items.extend(self.end_as_shown());
            }
            State::Preamble
            | State::Head
            | State::Undecided { .. }
            | State::Opaque
            | State::Resync => {}
        }
        if self.state == State::Head && !self.buffer.is_empty() && self.looks_like_http() {
            let text = "the head is cut off";
            let offset = self.offset - self.buffer.len() as u64;
            items.push(Item::Note(Note::new(offset, "RFC 9112 §8", text)));
        }
        items.extend(self.flush());
        items
    }

    /// Returns true if the buffered head has a start line that says HTTP/1, so that a note is due if it is cut off.
    fn looks_like_http(&self) -> bool {
        let is_empty = leading_empty_lines(&self.buffer) == self.buffer.len();
        !is_empty && self.messages > 0 || memmem::find(&self.buffer, b"HTTP/1.").is_some()
    }

    pub(super) fn flush(&mut self) -> Option<Item<'static>> {
        self.searched = 0;
        let held = std::mem::take(&mut self.buffer);
        (!held.is_empty()).then_some(Item::Raw(Cow::Owned(held)))
    }

    fn rest<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        self.take(input, usize::MAX)
    }

    /// Takes up to `count` bytes of input; `None` if there are none.
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
        self.is_raw = false;
        Item::End {
            trailers: std::mem::take(&mut self.trailers),
        }
    }

    /// Returns the end of the message, if it is shown as one.
    fn end_as_shown(&mut self) -> Option<Item<'static>> {
        let is_raw = self.is_raw;
        as_shown(self.end(), is_raw)
    }

    fn end_broken(&mut self) -> Item<'static> {
        let end = self.end();
        self.state = State::Resync;
        self.searched = 0;
        end
    }

    fn fixed<'a>(&mut self, input: &mut &'a [u8], remaining: u64) -> Option<Item<'a>> {
        let body = self.take(input, usize::try_from(remaining).unwrap_or(usize::MAX))?;
        self.state = fixed_state(remaining - body.len() as u64);
        Some(Item::Body(body.into()))
    }

    /// Checks whether the next answer's status line stands where the body should be.
    fn undecided<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        let held = self.buffer.len();
        let piece = input.len().min(STATUS_LINE + 1 - held);
        self.buffer.extend_from_slice(&input[..piece]);
        if !begins_status_line(&self.buffer) {
            self.buffer.truncate(held);
            return self.decide_body();
        }
        self.take(input, piece);
        if self.buffer.len() <= STATUS_LINE {
            return None;
        }
        self.state = State::End;
        let text = "a status line stands where the body should be: taken for the answer to a HEAD, whose request is not \
                    known";
        Some(Item::Note(Note::new(self.settled(), "RFC 9112 §6.3", text)))
    }

    /// Decides that an undecided answer has a body, which begins with the bytes held back.
    pub fn decide(&mut self) -> Option<Item<'static>> {
        let is_raw = self.is_raw;
        self.decide_body().and_then(|item| as_shown(item, is_raw))
    }

    fn decide_body(&mut self) -> Option<Item<'static>> {
        let State::Undecided { framing } = self.state else {
            return None;
        };
        self.state = body_state(framing);
        // The size of a chunk is read from what is held.
        if self.buffer.is_empty() || framing == Framing::Chunked {
            return None;
        }
        let mut body = std::mem::take(&mut self.buffer);
        if let State::Fixed { remaining } = self.state {
            let length = usize::try_from(remaining)
                .unwrap_or(usize::MAX)
                .min(body.len());
            self.buffer = body.split_off(length);
            self.state = fixed_state(remaining - length as u64);
        }
        Some(Item::Body(body.into()))
    }

    fn head<'a>(
        &mut self,
        input: &mut &'a [u8],
        asked: &dyn Fn(u64) -> Option<Asked>,
    ) -> Option<Item<'a>> {
        let unit = match self.role {
            Role::Requests => &REQUEST_HEAD,
            Role::Responses => &RESPONSE_HEAD,
        };
        let raw = match self.whole(input, unit) {
            Whole::Yes(raw) => raw,
            Whole::NotYet => return None,
            Whole::No(refusal) => return self.refuse(&refusal, input),
            Whole::TooLong => return self.let_go(input),
        };
        let offset = self.offset - raw.len() as u64;
        let asked = match self.role {
            Role::Requests => None,
            Role::Responses => asked(offset),
        };
        match parse_head(self.role, raw.as_ref(), offset, asked.as_ref()) {
            Ok(head) if head.is_refused => Some(self.count_refused(head, asked.is_some())),
            Ok(head) => Some(self.accept(head, asked.is_some())),
            Err(note) => Some(self.reject(note, raw)),
        }
    }

    fn accept(&mut self, head: Head, is_asked: bool) -> Item<'static> {
        self.messages += 1;
        self.state = self.state_behind(&head, is_asked);
        Item::Head(Box::new(head))
    }

    /// Returns the state behind a head.
    fn state_behind(&self, head: &Head, is_asked: bool) -> State {
        let framing = head.framing;
        let state = body_state(framing);
        let has_body = !matches!(state, State::End | State::Opaque);
        if has_body && self.role == Role::Responses && !is_asked {
            return State::Undecided { framing };
        }
        state
    }

    /// Counts a refused head as a message's: if its end can be known, it is raw up to there, and the next one begins
    /// behind it (RFC 9112 §9.2).
    fn count_refused(&mut self, mut head: Head, is_asked: bool) -> Item<'static> {
        self.messages += 1;
        let has_end = head.framing != Framing::UntilClose || head.says_close();
        let text = if has_end && !head.is_doubtful {
            self.state = self.state_behind(&head, is_asked);
            self.is_raw = !matches!(self.state, State::Opaque);
            "that message's end is taken from its other fields, as receivers do that pass over the line (browsers, tshark)"
        } else {
            self.state = State::Resync;
            "where that message ends is not known: the next one is looked for"
        };
        head.notes
            .push(Note::new(head.offset, "RFC 9112 §6.3", text));
        Item::Refused(Box::new(head))
    }

    /// Rejects bytes that had the shape of a head but break a rule: they are raw, and the search for the next head
    /// begins.
    fn reject<'a>(&mut self, note: Note, raw: Cow<'a, [u8]>) -> Item<'a> {
        self.state = State::Resync;
        // The note comes after the bytes that it is about, and so belongs to the raw message that they are in.
        self.pending = Some(note);
        Item::Raw(raw)
    }

    /// Lets go of a head without end. The bytes taken for it are not searched for another head: each line of it could
    /// be the first of the next that is too long, and all would be read again and again.
    fn let_go(&mut self, input: &mut &[u8]) -> Option<Item<'static>> {
        let piece = (HEAD_LIMIT + 1).saturating_sub(self.buffer.len());
        let piece = self.take(input, piece).unwrap_or_default();
        self.buffer.extend_from_slice(piece);
        let item = self.refuse(&malformed("the head is longer than 64 KiB"), &[]);
        self.searched = self.buffer.len();
        item
    }

    /// Refuses bytes that no head begins with: they are raw for good if nothing before was HTTP, else until something
    /// is again.
    fn refuse(&mut self, refusal: &Refusal, input: &[u8]) -> Option<Item<'static>> {
        let is_first = self.messages == 0;
        if is_first && refusal.other_protocol {
            self.state = State::Opaque;
            return self.flush();
        }
        let offset = self.settled();
        self.state = State::Resync;
        // What was refused at its first byte is not looked at there again.
        self.searched = 1;
        let text = format!("not HTTP/1: {}; shown raw", refusal.reason);
        self.pending = Some(Note::new(offset, "RFC 9112 §2.1", text));
        if refusal.other_protocol {
            return None;
        }
        self.messages += 1;
        let (method, target) = match self.role {
            Role::Requests => first_words(&self.buffer, input),
            Role::Responses => (Vec::new(), Vec::new()),
        };
        Some(Item::Unreadable { method, target })
    }
}

/// Returns the state behind a head with this framing.
const fn body_state(framing: Framing) -> State {
    match framing {
        Framing::None => State::End,
        Framing::Length(remaining) => fixed_state(remaining),
        Framing::Chunked => State::ChunkSize,
        Framing::UntilClose => State::UntilClose,
        Framing::Switched => State::Opaque,
    }
}

const fn fixed_state(remaining: u64) -> State {
    if remaining == 0 {
        State::End
    } else {
        State::Fixed { remaining }
    }
}

/// Makes an item raw if the head of its message was refused; returns `None` if nothing is left to show.
fn as_shown(item: Item<'_>, is_raw: bool) -> Option<Item<'_>> {
    match item {
        item if !is_raw => Some(item),
        Item::Body(bytes) | Item::Chunk(bytes) => Some(Item::Raw(bytes)),
        Item::BodyMissing(count) => Some(Item::RawMissing(count)),
        Item::End { trailers } if trailers.is_empty() => None,
        Item::End { trailers } => Some(Item::Raw(trailers.into())),
        item => Some(item),
    }
}

/// Makes the bytes held back of a chunked body a part of the framing around its chunks.
fn as_chunk(held: Item<'_>) -> Item<'_> {
    match held {
        Item::Raw(bytes) => Item::Chunk(bytes),
        other => other,
    }
}
