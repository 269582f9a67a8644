//! HTTP/1.0 and HTTP/1.1 (RFC 9112), read from one side's stream as it comes: in any pieces, and with holes.
//!
//! A [`Parser`] is fed slices and hands back [`Item`]s that borrow from them: a head once it is whole, body bytes without
//! a copy, the end of a message. It looks no further than one direction; what it cannot know from there, above all which
//! request a response answers, the caller tells it.
//!
//! What is not HTTP comes out as [`Item::Raw`], with a note where it had looked like HTTP before. After a hole the
//! parser goes on inside the body where the length says so, else at the next bytes that look like a start line.
//!
//! ```
//! use wiresnap::wire::http::{Item, Parser, Role};
//!
//! let mut parser = Parser::new(Role::Requests);
//! let mut input = &b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"[..];
//! let Some(Item::Head(head)) = parser.next(&mut input, None) else { panic!() };
//! assert_eq!(head.method(), b"GET");
//! assert_eq!(head.field("host"), Some(&b"example"[..]));
//! assert!(matches!(parser.next(&mut input, None), Some(Item::End { .. })));
//! ```

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memmem};

use super::note::Note;

/// The longest head (start line and fields) that is taken for one, in bytes.
pub const HEAD_LIMIT: usize = 64 << 10;

/// The longest start line, in bytes.
pub const START_LINE_LIMIT: usize = 16 << 10;

/// The longest line that gives a chunk's size, extensions included, in bytes.
pub const CHUNK_LINE_LIMIT: usize = 4 << 10;

/// Which direction a parser reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What clients send.
    Requests,
    /// What servers send.
    Responses,
}

/// What a response parser must know of the request that it reads the answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The request's method.
    pub method: Vec<u8>,
}

/// What the parser found next.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A whole head.
    Head(Box<Head>),
    /// Bytes of the current body, chunk framing taken away.
    Body(&'a [u8]),
    /// This many bytes of the current body are not in the capture.
    BodyMissing(u64),
    /// The message is over. `trailers` is what followed the last chunk, as it was on the wire.
    End {
        /// The trailer section without its closing empty line; empty where there was none.
        trailers: Vec<u8>,
    },
    /// Bytes that are not HTTP, or no longer.
    Raw(Cow<'a, [u8]>),
    /// This many bytes are missing where no body could account for them.
    RawMissing(u64),
    /// Something is wrong; it concerns the current message where there is one.
    Note(Note),
}

/// How a body's length is known (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// Content-Length.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
    /// Until the server closes.
    UntilClose,
    /// No more HTTP after this head: 101, or the answer to a CONNECT.
    Switched,
}

impl Framing {
    /// One or two words for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Length(_) => "content-length",
            Self::Chunked => "chunked",
            Self::UntilClose => "until close",
            Self::Switched => "switched",
        }
    }
}

/// A start line and the fields after it, with the bytes that they were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The head as it was on the wire, the closing empty line included.
    pub raw: Vec<u8>,
    /// Where in the stream `raw` begins.
    pub offset: u64,
    /// How the length of what follows is known.
    pub framing: Framing,
    /// What is not as RFC 9112 has it.
    pub notes: Vec<Note>,
    start: StartLine,
    fields: Vec<Field>,
}

type Span = Range<usize>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum StartLine {
    Request {
        method: Span,
        target: Span,
        minor: u8,
    },
    Response {
        status: u16,
        reason: Span,
        minor: u8,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: Span,
    value: Span,
}

impl Head {
    /// Whether this is a request's head.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// The request's method; empty for a response.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { method, .. } => &self.raw[method.clone()],
            StartLine::Response { .. } => b"",
        }
    }

    /// The request's target; empty for a response.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { target, .. } => &self.raw[target.clone()],
            StartLine::Response { .. } => b"",
        }
    }

    /// The response's status code; 0 for a request.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.start {
            StartLine::Request { .. } => 0,
            StartLine::Response { status, .. } => status,
        }
    }

    /// The response's reason phrase; empty for a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { .. } => b"",
            StartLine::Response { reason, .. } => &self.raw[reason.clone()],
        }
    }

    /// The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1.
    #[must_use]
    pub const fn minor_version(&self) -> u8 {
        match self.start {
            StartLine::Request { minor, .. } | StartLine::Response { minor, .. } => minor,
        }
    }

    /// Where in `raw` the request's target is; empty for a response.
    #[must_use]
    pub const fn target_span(&self) -> Range<usize> {
        match &self.start {
            StartLine::Request { target, .. } => target.start..target.end,
            StartLine::Response { .. } => 0..0,
        }
    }

    /// Where in `raw` the name and the value of each field are.
    pub fn field_spans(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let spans = |field: &Field| (field.name.clone(), field.value.clone());
        self.fields.iter().map(spans)
    }

    /// Name and value of each field, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            (
                &self.raw[field.name.clone()],
                &self.raw[field.value.clone()],
            )
        })
    }

    /// The value of the first field of that name.
    #[must_use]
    pub fn field<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The values of all fields of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Whether a comma-separated field has this token in it.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Whether the body is a stream of server-sent events.
    #[must_use]
    pub fn is_event_stream(&self) -> bool {
        self.media_type() == b"text/event-stream"
    }

    /// The Content-Type without its parameters, in lower case.
    #[must_use]
    pub fn media_type(&self) -> Vec<u8> {
        let value = self.field("content-type").unwrap_or_default();
        let end = memchr(b';', value).unwrap_or(value.len());
        value[..end].trim_ascii().to_ascii_lowercase()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
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
    role: Role,
    state: State,
    /// The bytes of a head, a chunk's line or a trailer section that is not whole yet.
    buffer: Vec<u8>,
    /// How far `buffer` has been searched for its end.
    searched: usize,
    /// Stream offset of the next input byte.
    offset: u64,
    messages: u64,
    trailers: Vec<u8>,
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

    /// Whether the parser has given up on HTTP and passes everything through.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        matches!(self.state, State::Opaque)
    }

    /// Whether a message has begun that is not over.
    #[must_use]
    pub const fn in_message(&self) -> bool {
        !matches!(self.state, State::Head | State::Opaque | State::Resync)
    }

    /// How many heads were read.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// Passes everything from here on through as raw bytes.
    pub const fn give_up(&mut self) {
        self.state = State::Opaque;
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
            items.push(Item::BodyMissing(count));
            self.state = State::End;
            items.push(self.end());
            self.buffer.clear();
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
                items.push(self.end());
                self.buffer.clear();
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

    fn flush(&mut self) -> Option<Item<'static>> {
        self.searched = 0;
        let held = std::mem::take(&mut self.buffer);
        (!held.is_empty()).then_some(Item::Raw(Cow::Owned(held)))
    }

    fn rest<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        self.take(input, usize::MAX)
    }

    /// Up to `count` bytes of input; `None` where there are none.
    fn take<'a>(&mut self, input: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
        if input.is_empty() {
            return None;
        }
        let (taken, rest) = input.split_at(count.min(input.len()));
        *input = rest;
        self.offset += taken.len() as u64;
        Some(taken)
    }

    fn end(&mut self) -> Item<'static> {
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
            Whole::No(refusal) => return self.refuse(refusal),
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

    /// Bytes that no head begins with: raw for good where nothing before was HTTP, else until something is again.
    fn refuse(&mut self, refusal: Refusal) -> Option<Item<'static>> {
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

    /// A head without end. What was taken for it is not looked through for another one: each line of it could be the first
    /// of the next that is too long, and all would be read again and again.
    fn let_go(&mut self, input: &mut &[u8]) -> Option<Item<'static>> {
        let piece = (HEAD_LIMIT + 1).saturating_sub(self.buffer.len());
        let piece = self.take(input, piece).unwrap_or_default();
        self.buffer.extend_from_slice(piece);
        let item = self.refuse(malformed(TOO_LONG));
        self.searched = self.buffer.len();
        item
    }

    /// Collects bytes until `unit.end` finds the end, without a copy where the unit lies in one piece.
    fn whole<'a>(&mut self, input: &mut &'a [u8], unit: &Unit) -> Whole<'a> {
        if input.is_empty() {
            return Whole::NotYet;
        }
        let held = self.buffer.len();
        if held == 0 {
            let piece = &input[..input.len().min(unit.limit)];
            if let Err(reason) = (unit.plausible)(piece) {
                return Whole::No(reason);
            }
            if let Some(length) = (unit.end)(piece, 0) {
                return Whole::Yes(Cow::Borrowed(self.take(input, length).unwrap_or_default()));
            }
        }
        let piece = input.len().min((unit.limit + 1).saturating_sub(held));
        self.buffer.extend_from_slice(&input[..piece]);
        // The end is at most four bytes long, so it can lie across what was searched before.
        let found = (unit.end)(&self.buffer, self.searched.saturating_sub(4));
        let too_long = found.unwrap_or(self.buffer.len()) > unit.limit;
        let refused = (unit.plausible)(&self.buffer).err();
        match (found, refused) {
            (_, None) if too_long => {
                self.buffer.truncate(held);
                Whole::TooLong
            }
            (Some(length), None) => {
                self.take(input, length.saturating_sub(held));
                self.buffer.truncate(length);
                self.searched = 0;
                Whole::Yes(Cow::Owned(std::mem::take(&mut self.buffer)))
            }
            (_, Some(reason)) => {
                self.buffer.truncate(held);
                Whole::No(reason)
            }
            (None, None) => {
                self.take(input, piece);
                self.searched = self.buffer.len();
                Whole::NotYet
            }
        }
    }

    /// Looks for the next start line; what comes before it is raw.
    fn resync<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        if input.is_empty() {
            return None;
        }
        let held = self.buffer.len();
        let piece = input.len().min(START_LINE_LIMIT);
        self.buffer.extend_from_slice(&input[..piece]);
        let Some((start, end)) = find_start_line(self.role, &self.buffer, self.searched) else {
            self.take(input, piece);
            return self.pass_unmatched();
        };
        self.take(input, end.saturating_sub(held));
        self.buffer.truncate(end.max(held));
        let line = self.buffer.split_off(start);
        self.state = State::Head;
        let raw = self.flush();
        self.buffer = line;
        raw
    }

    /// Lets go of what no start line can begin in.
    fn pass_unmatched(&mut self) -> Option<Item<'static>> {
        let keep = start_line_candidate(self.role, &self.buffer, self.searched);
        let tail = self.buffer.split_off(keep);
        self.searched = self.searched.saturating_sub(keep);
        let searched = self.searched;
        let raw = self.flush();
        self.searched = searched;
        self.buffer = tail;
        raw
    }

    fn chunk_size<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        match self.whole(input, &CHUNK_LINE) {
            Whole::NotYet => None,
            Whole::No(refusal) => Some(self.break_off(refusal.reason)),
            Whole::TooLong => Some(self.break_off(TOO_LONG)),
            Whole::Yes(line) => match parse_chunk_size(&line) {
                Some(0) => {
                    self.state = State::Trailers;
                    None
                }
                Some(remaining) => {
                    self.state = State::ChunkData { remaining };
                    None
                }
                None => {
                    self.offset -= line.len() as u64;
                    let item = self.break_off("a chunk's size is no hexadecimal number");
                    self.offset += line.len() as u64;
                    self.buffer = line.into_owned();
                    Some(item)
                }
            },
        }
    }

    fn chunk_data<'a>(&mut self, input: &mut &'a [u8], remaining: u64) -> Option<Item<'a>> {
        let body = self.take(input, usize::try_from(remaining).unwrap_or(usize::MAX))?;
        let remaining = remaining - body.len() as u64;
        self.state = if remaining == 0 {
            State::ChunkEnd
        } else {
            State::ChunkData { remaining }
        };
        Some(Item::Body(body))
    }

    fn chunk_end<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        match self.whole(input, &CHUNK_CLOSE) {
            Whole::NotYet => None,
            Whole::No(refusal) => Some(self.break_off(refusal.reason)),
            Whole::TooLong => Some(self.break_off(TOO_LONG)),
            Whole::Yes(_) => {
                self.state = State::ChunkSize;
                None
            }
        }
    }

    fn trailers<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        match self.whole(input, &TRAILER_SECTION) {
            Whole::NotYet => None,
            Whole::No(refusal) => Some(self.break_off(refusal.reason)),
            Whole::TooLong => Some(self.break_off(TOO_LONG)),
            Whole::Yes(section) => {
                let fields = section.trim_ascii_end();
                self.trailers = fields.to_vec();
                Some(self.end())
            }
        }
    }

    /// The chunk framing is broken: the message ends here, and the search for the next begins.
    fn break_off(&mut self, reason: &'static str) -> Item<'static> {
        let offset = self.offset - self.buffer.len() as u64;
        let text = format!("{reason}; the message ends here, what follows is shown raw");
        self.state = State::Broken;
        Item::Note(Note::new(offset, "RFC 9112 §7.1", text))
    }
}

/// What a head, a chunk's line and a trailer section have in common: they end where something is found.
struct Unit {
    /// Where the unit ends, searched from an index on.
    end: fn(&[u8], usize) -> Option<usize>,
    /// Whether bytes can be the beginning of one; if not, why.
    plausible: fn(&[u8]) -> Result<(), Refusal>,
    limit: usize,
}

/// Why bytes are not the beginning of a unit.
#[derive(Clone, Copy)]
struct Refusal {
    /// They do not even resemble one: at the beginning of a stream, that is another protocol and not worth a word.
    other_protocol: bool,
    reason: &'static str,
}

const fn other_protocol(reason: &'static str) -> Refusal {
    Refusal {
        other_protocol: true,
        reason,
    }
}

const fn malformed(reason: &'static str) -> Refusal {
    Refusal {
        other_protocol: false,
        reason,
    }
}

enum Whole<'a> {
    Yes(Cow<'a, [u8]>),
    NotYet,
    No(Refusal),
    TooLong,
}

const TOO_LONG: &str = "it is too long";

const REQUEST_HEAD: Unit = Unit {
    end: head_end,
    plausible: plausible_request,
    limit: HEAD_LIMIT,
};

const RESPONSE_HEAD: Unit = Unit {
    end: head_end,
    plausible: plausible_response,
    limit: HEAD_LIMIT,
};

const CHUNK_LINE: Unit = Unit {
    end: line_end,
    plausible: plausible_chunk_line,
    limit: CHUNK_LINE_LIMIT,
};

const CHUNK_CLOSE: Unit = Unit {
    end: line_end,
    plausible: plausible_chunk_close,
    limit: 2,
};

const TRAILER_SECTION: Unit = Unit {
    end: trailers_end,
    plausible: |_| Ok(()),
    limit: HEAD_LIMIT,
};

/// How many bytes of empty lines may come before a start line.
const MOST_EMPTY: usize = 16;

/// RFC 9112 §2.2: a recipient should ignore at least one empty line before the request line.
fn leading_empty_lines(bytes: &[u8]) -> usize {
    let empty = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    bytes.iter().position(empty).unwrap_or(bytes.len())
}

/// The end of a head: behind its first empty line that is not at the very beginning.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut position = from.max(leading_empty_lines(bytes));
    while let Some(found) = memchr(b'\n', bytes.get(position..)?) {
        position += found + 1;
        match bytes.get(position)? {
            b'\n' => return Some(position + 1),
            b'\r' if *bytes.get(position + 1)? == b'\n' => return Some(position + 2),
            _ => {}
        }
    }
    None
}

fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr(b'\n', bytes.get(from..)?).map(|found| from + found + 1)
}

/// The end of a trailer section: an empty line, which may be the first.
fn trailers_end(bytes: &[u8], from: usize) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        [] | [b'\r'] => None,
        _ => head_end(bytes, from),
    }
}

fn plausible_chunk_line(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes.first() {
        Some(byte) if byte.is_ascii_hexdigit() => Ok(()),
        None => Ok(()),
        Some(_) => Err(malformed("a chunk's size is no hexadecimal number")),
    }
}

fn plausible_chunk_close(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes {
        [] | [b'\r'] | [b'\n', ..] | [b'\r', b'\n', ..] => Ok(()),
        _ => Err(malformed("a chunk is longer than its size says")),
    }
}

/// Why a first line is none of HTTP/1, as far as it is there.
fn plausible_request(bytes: &[u8]) -> Result<(), Refusal> {
    let line = started_line(bytes)?;
    let Some(method) = line.find_space() else {
        return line.unfinished_token();
    };
    if method == 0 || !line.bytes[..method].iter().copied().all(is_token) {
        return Err(other_protocol("no method and target"));
    }
    if line.ended && split_request_line(line.bytes).is_none() {
        let reason = "the request line does not end in HTTP/1.0 or HTTP/1.1";
        let names_http = memmem::find(line.bytes, b" HTTP/").is_some();
        return Err(Refusal {
            other_protocol: !names_http,
            reason,
        });
    }
    Ok(())
}

/// What a status line begins with.
const VERSION_START: &[u8] = b"HTTP/1.";

fn plausible_response(bytes: &[u8]) -> Result<(), Refusal> {
    let line = started_line(bytes)?;
    let begins_so = if line.ended {
        line.bytes.starts_with(VERSION_START)
    } else {
        let shared = line.bytes.len().min(VERSION_START.len());
        line.bytes[..shared] == VERSION_START[..shared]
    };
    if !begins_so {
        return Err(other_protocol("a status line begins with HTTP/1"));
    }
    if line.ended && split_status_line(line.bytes).is_none() {
        return Err(malformed("the status line has no version and three digits"));
    }
    Ok(())
}

struct StartedLine<'a> {
    bytes: &'a [u8],
    ended: bool,
}

impl StartedLine<'_> {
    fn find_space(&self) -> Option<usize> {
        memchr(
            b' ',
            &self.bytes[..self.bytes.len().min(LONGEST_METHOD + 1)],
        )
    }

    fn unfinished_token(&self) -> Result<(), Refusal> {
        let token = self.bytes.iter().copied().all(is_token);
        if self.ended || self.bytes.len() > LONGEST_METHOD || !token {
            return Err(other_protocol("no method and target"));
        }
        Ok(())
    }
}

/// The longest method that is taken for one; the longest registered is UPDATEREDIRECTREF.
const LONGEST_METHOD: usize = 32;

fn started_line(bytes: &[u8]) -> Result<StartedLine<'_>, Refusal> {
    let empty = leading_empty_lines(bytes);
    if empty > MOST_EMPTY {
        return Err(other_protocol("too many empty lines"));
    }
    let bytes = &bytes[empty..];
    let bytes = &bytes[..bytes.len().min(START_LINE_LIMIT + 1)];
    match memchr(b'\n', bytes) {
        Some(end) => Ok(StartedLine {
            bytes: trim_carriage_return(&bytes[..end]),
            ended: true,
        }),
        None if bytes.len() > START_LINE_LIMIT => Err(other_protocol("the start line is too long")),
        None => Ok(StartedLine {
            bytes,
            ended: false,
        }),
    }
}

fn trim_carriage_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// RFC 9110 §5.6.2.
const fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'
        | b'_' | b'`' | b'|' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
}

/// Method, target and minor version. RFC 9112 §3: `method SP request-target SP HTTP-version`.
fn split_request_line(line: &[u8]) -> Option<(Span, Span, u8)> {
    let method = memchr(b' ', line)?;
    let (rest, minor) = line.split_at_checked(line.len().checked_sub(9)?)?;
    let minor = minor_version(minor.strip_prefix(b" ")?)?;
    let target = method + 1..rest.len();
    (target.start < target.end).then_some((0..method, target, minor))
}

/// Status, reason and minor version. RFC 9112 §4: `HTTP-version SP status-code SP [ reason-phrase ]`.
fn split_status_line(line: &[u8]) -> Option<(u16, Span, u8)> {
    let minor = minor_version(line.get(..8)?)?;
    let [b' ', digits @ ..] = line.get(8..12)? else {
        return None;
    };
    if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
        return None;
    }
    let status = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match line.get(12) {
        None => Some((status, 12..12, minor)),
        Some(b' ') => Some((status, 13..line.len(), minor)),
        Some(_) => None,
    }
}

fn minor_version(bytes: &[u8]) -> Option<u8> {
    match bytes {
        b"HTTP/1.0" => Some(0),
        b"HTTP/1.1" => Some(1),
        _ => None,
    }
}

/// Reads a head that is whole.
fn parse_head(role: Role, raw: &[u8], offset: u64, asked: Option<&Asked>) -> Result<Head, Note> {
    let start = leading_empty_lines(raw);
    let end = start + memchr(b'\n', &raw[start..]).unwrap_or(raw.len() - start);
    let mut head = Head {
        raw: raw.to_vec(),
        offset,
        framing: Framing::None,
        notes: Vec::new(),
        start: start_line(role, trim_carriage_return(&raw[start..end]), start)
            .ok_or_else(|| Note::new(offset, "RFC 9112 §2.1", "not a start line; shown raw"))?,
        fields: Vec::new(),
    };
    read_fields(&mut head, end + 1)?;
    say_bare_line_feeds(&mut head);
    head.framing = match role {
        Role::Requests => request_framing(&mut head),
        Role::Responses => response_framing(&mut head, asked),
    };
    Ok(head)
}

fn start_line(role: Role, line: &[u8], base: usize) -> Option<StartLine> {
    let shift = |span: Span| span.start + base..span.end + base;
    match role {
        Role::Requests => {
            split_request_line(line).map(|(method, target, minor)| StartLine::Request {
                method: shift(method),
                target: shift(target),
                minor,
            })
        }
        Role::Responses => {
            split_status_line(line).map(|(status, reason, minor)| StartLine::Response {
                status,
                reason: shift(reason),
                minor,
            })
        }
    }
}

fn read_fields(head: &mut Head, mut position: usize) -> Result<(), Note> {
    while let Some(found) = memchr(b'\n', &head.raw[position..]) {
        let line =
            position..position + trim_carriage_return(&head.raw[position..position + found]).len();
        if line.is_empty() {
            return Ok(());
        }
        read_field(head, line)?;
        position += found + 1;
    }
    Ok(())
}

fn read_field(head: &mut Head, line: Span) -> Result<(), Note> {
    let bytes = &head.raw[line.clone()];
    let at = head.offset + line.start as u64;
    if matches!(bytes[0], b' ' | b'\t') {
        // RFC 9112 §5.2: a line that begins with white space continues the value before it.
        if let Some(field) = head.fields.last_mut() {
            field.value.end = line.end;
        }
        head.notes
            .push(Note::new(at, "RFC 9112 §5.2", "obsolete line folding"));
        return Ok(());
    }
    let Some(colon) = memchr(b':', bytes) else {
        let text = "a field line has no colon; the head is shown raw";
        return Err(Note::new(at, "RFC 9112 §5", text));
    };
    if colon == 0 || !bytes[..colon].iter().copied().all(is_token) {
        let text = "a field name is not a token; the head is shown raw";
        return Err(Note::new(at, "RFC 9112 §5.1", text));
    }
    let value = trimmed(bytes, colon + 1);
    head.fields.push(Field {
        name: line.start..line.start + colon,
        value: line.start + value.start..line.start + value.end,
    });
    Ok(())
}

fn trimmed(bytes: &[u8], from: usize) -> Span {
    let rest = &bytes[from..];
    let start = from + (rest.len() - rest.trim_ascii_start().len());
    let length = rest.trim_ascii().len();
    start..start + length
}

/// RFC 9112 §2.2: lines end with CRLF; a bare LF may be taken for one, but is worth a word.
fn say_bare_line_feeds(head: &mut Head) {
    let bare = memchr::memchr_iter(b'\n', &head.raw)
        .find(|position| *position == 0 || head.raw[position - 1] != b'\r');
    if let Some(position) = bare {
        let at = head.offset + position as u64;
        let text = "a line ends with a bare LF";
        head.notes.push(Note::new(at, "RFC 9112 §2.2", text));
    }
}

/// What the fields alone say about the length.
enum Announced {
    Nothing,
    Length(u64),
    Chunked,
    /// A transfer coding, but not chunked at the end.
    OtherCoding,
    Nonsense,
}

fn announced(head: &mut Head) -> Announced {
    let coded = head.field("transfer-encoding").is_some();
    if coded {
        if head.field("content-length").is_some() {
            let text = "both Transfer-Encoding and Content-Length; the latter is ignored";
            head.notes
                .push(Note::new(head.offset, "RFC 9112 §6.1", text));
        }
        return if last_transfer_coding(head).eq_ignore_ascii_case(b"chunked") {
            Announced::Chunked
        } else {
            Announced::OtherCoding
        };
    }
    let mut length = None;
    for value in head
        .all("content-length")
        .flat_map(|value| value.split(|byte| *byte == b','))
    {
        let number = decimal(value.trim_ascii());
        if number.is_none() || length.is_some_and(|before| Some(before) != number) {
            return Announced::Nonsense;
        }
        length = number;
    }
    length.map_or(Announced::Nothing, Announced::Length)
}

fn last_transfer_coding(head: &Head) -> Vec<u8> {
    let last = head.all("transfer-encoding").last().unwrap_or_default();
    let last = last.rsplit(|byte| *byte == b',').next();
    last.unwrap_or_default().trim_ascii().to_vec()
}

/// RFC 9110 §8.6: one or more digits, and nothing else.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn request_framing(head: &mut Head) -> Framing {
    let offset = head.offset;
    match announced(head) {
        Announced::Nothing => Framing::None,
        Announced::Length(length) => Framing::Length(length),
        Announced::Chunked => Framing::Chunked,
        Announced::OtherCoding => {
            let text = "a request's last transfer coding must be chunked; its length is unknown";
            head.notes.push(Note::new(offset, "RFC 9112 §6.3", text));
            Framing::UntilClose
        }
        Announced::Nonsense => {
            let text = "Content-Length is not one number; taken for a request without a body";
            head.notes.push(Note::new(offset, "RFC 9112 §6.3", text));
            Framing::None
        }
    }
}

fn response_framing(head: &mut Head, asked: Option<&Asked>) -> Framing {
    let offset = head.offset;
    let method = asked.map_or(&b""[..], |asked| asked.method.as_slice());
    // RFC 9112 §6.3, in the order of its list.
    match head.status() {
        101 => return Framing::Switched,
        200..=299 if method == b"CONNECT" => return Framing::Switched,
        100..=199 | 204 | 304 => return Framing::None,
        _ if method == b"HEAD" => return Framing::None,
        _ => {}
    }
    match announced(head) {
        Announced::Length(length) => Framing::Length(length),
        Announced::Chunked => Framing::Chunked,
        Announced::Nothing | Announced::OtherCoding => Framing::UntilClose,
        Announced::Nonsense => {
            let text = "Content-Length is not one number; taken for a body until the close";
            head.notes.push(Note::new(offset, "RFC 9112 §6.3", text));
            Framing::UntilClose
        }
    }
}

/// RFC 9112 §7.1: hexadecimal digits, then extensions after a semicolon.
fn parse_chunk_size(line: &[u8]) -> Option<u64> {
    let line = line.trim_ascii_end();
    let digits = &line[..memchr(b';', line).unwrap_or(line.len())];
    let digits = std::str::from_utf8(digits.trim_ascii_end()).ok()?;
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

/// The methods that a lost request stream is searched for.
const COMMON_METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
];

/// The first start line in `bytes` that begins at `from` or later: where it begins, and where what proves it ends.
fn find_start_line(role: Role, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    match role {
        Role::Responses => memmem::find_iter(bytes, b"HTTP/1.")
            .filter(|start| *start >= from)
            .find(|start| {
                bytes
                    .get(*start..*start + 12)
                    .is_some_and(|line| split_status_line(line).is_some())
            })
            .map(|start| (start, start + 12)),
        Role::Requests => memmem::find_iter(bytes, b" HTTP/1.")
            .find_map(|space| request_line_around(bytes, from, space)),
    }
}

fn request_line_around(bytes: &[u8], from: usize, space: usize) -> Option<(usize, usize)> {
    let end = space + b" HTTP/1.1".len();
    minor_version(bytes.get(space + 1..end)?)?;
    bytes
        .get(end)
        .filter(|byte| matches!(byte, b'\r' | b'\n'))?;
    let target = bytes[..space].iter().rposition(|byte| *byte <= b' ')?;
    let before = &bytes[..=target];
    let method = COMMON_METHODS
        .iter()
        .find(|method| before.ends_with(method))?;
    let start = before.len() - method.len();
    (start >= from && target + 1 < space).then_some((start, end))
}

/// Where in `bytes` a start line could begin that needs more bytes to be known for one.
fn start_line_candidate(role: Role, bytes: &[u8], from: usize) -> usize {
    let longest = match role {
        Role::Responses => b"HTTP/1.1 20".len(),
        Role::Requests => START_LINE_LIMIT,
    };
    let window = bytes
        .len()
        .saturating_sub(longest)
        .max(from.min(bytes.len()));
    match role {
        Role::Responses => window,
        Role::Requests => last_method(bytes, window),
    }
}

/// Where the last word of `bytes`, and a method before it, begins.
fn last_method(bytes: &[u8], window: usize) -> usize {
    let space = |byte: &u8| *byte <= b' ';
    let Some(last) = bytes[window..].iter().rposition(space) else {
        return window;
    };
    let (mut start, mut words) = (window + last, 0);
    // At most three words matter: method, target, and the version that is not whole.
    while words < 2 && start > window {
        start = bytes[window..start]
            .iter()
            .rposition(space)
            .map_or(window, |found| window + found);
        words += 1;
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a test needs of an item, without its borrow.
    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Seen {
        Head(String),
        Body(Vec<u8>),
        Missing(u64),
        End(Vec<u8>),
        Raw(Vec<u8>),
        RawMissing(u64),
        Note(Note),
    }

    fn add(seen: &mut Vec<Seen>, item: Item<'_>) {
        match (item, seen.last_mut()) {
            (Item::Body(bytes), Some(Seen::Body(before))) => before.extend_from_slice(bytes),
            (Item::Raw(bytes), Some(Seen::Raw(before))) => before.extend_from_slice(&bytes),
            (Item::Body(bytes), _) => seen.push(Seen::Body(bytes.to_vec())),
            (Item::Raw(bytes), _) => seen.push(Seen::Raw(bytes.to_vec())),
            (Item::Head(head), _) => {
                seen.push(Seen::Head(String::from_utf8_lossy(&head.raw).into_owned()));
                seen.extend(head.notes.into_iter().map(Seen::Note));
            }
            (Item::BodyMissing(count), _) => seen.push(Seen::Missing(count)),
            (Item::RawMissing(count), _) => seen.push(Seen::RawMissing(count)),
            (Item::End { trailers }, _) => seen.push(Seen::End(trailers)),
            (Item::Note(note), _) => seen.push(Seen::Note(note)),
        }
    }

    fn feed(parser: &mut Parser, bytes: &[u8], asked: Option<&Asked>, seen: &mut Vec<Seen>) {
        let mut rest = bytes;
        while let Some(item) = parser.next(&mut rest, asked) {
            add(seen, item);
        }
        assert!(rest.is_empty(), "everything is taken");
    }

    fn read_with(role: Role, pieces: &[&[u8]], asked: Option<&Asked>) -> Vec<Seen> {
        let mut parser = Parser::new(role);
        let mut seen = Vec::new();
        for piece in pieces {
            feed(&mut parser, piece, asked, &mut seen);
        }
        for item in parser.finish() {
            add(&mut seen, item);
        }
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        assert_eq!(parser.offset(), total as u64);
        seen
    }

    fn read(role: Role, bytes: &[u8]) -> Vec<Seen> {
        read_with(role, &[bytes], None)
    }

    fn head(text: &str) -> Seen {
        Seen::Head(text.to_owned())
    }

    fn body(text: &str) -> Seen {
        Seen::Body(text.into())
    }

    fn end() -> Seen {
        Seen::End(Vec::new())
    }

    fn rules(seen: &[Seen]) -> Vec<(u64, &'static str)> {
        let note = |seen: &Seen| match seen {
            Seen::Note(note) => Some((note.offset, note.rule)),
            _ => None,
        };
        seen.iter().filter_map(note).collect()
    }

    fn asked(method: &str) -> Asked {
        Asked {
            method: method.into(),
        }
    }

    #[test]
    fn pipelined_requests_come_one_after_the_other() {
        let seen = read(
            Role::Requests,
            b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.0\r\n\r\n",
        );
        assert_eq!(
            seen,
            [
                head("GET /a HTTP/1.1\r\n\r\n"),
                end(),
                head("POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\n"),
                body("abc"),
                end(),
                head("GET /c HTTP/1.0\r\n\r\n"),
                end(),
            ]
        );
    }

    #[test]
    fn chunks_are_taken_apart_and_trailers_kept() {
        let seen = read(
            Role::Responses,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nWiki\r\nB\r\npedia in \r\n\r\n0\r\nX: y\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
        );
        assert_eq!(
            seen[1..],
            [
                body("Wikipedia in \r\n"),
                Seen::End(b"X: y".to_vec()),
                head("HTTP/1.1 204 No\r\n\r\n"),
                end()
            ]
        );
    }

    #[test]
    fn responses_without_a_body_have_none_whatever_their_fields_say() {
        for (status, method) in [(204, "GET"), (304, "GET"), (103, "GET"), (200, "HEAD")] {
            let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n");
            let asked = asked(method);
            let twice = [text.as_bytes(), text.as_bytes()];
            let seen = read_with(Role::Responses, &twice, Some(&asked));
            assert_eq!(seen, [head(&text), end(), head(&text), end()], "{status}");
        }
    }

    #[test]
    fn a_connect_and_an_upgrade_end_the_http() {
        let asked = asked("CONNECT");
        let text = "HTTP/1.1 200 OK\r\n\r\n";
        let seen = read_with(
            Role::Responses,
            &[text.as_bytes(), b"\x16\x03"],
            Some(&asked),
        );
        assert_eq!(seen, [head(text), Seen::Raw(b"\x16\x03".to_vec())]);
        let text = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        let seen = read(Role::Responses, format!("{text}xyz").as_bytes());
        assert_eq!(seen, [head(text), Seen::Raw(b"xyz".to_vec())]);
    }

    #[test]
    fn a_body_without_a_length_runs_until_the_close() {
        let seen = read(Role::Responses, b"HTTP/1.0 200 OK\r\n\r\nall of it");
        assert_eq!(seen[1..], [body("all of it"), end()]);
    }

    #[test]
    fn transfer_encoding_beats_content_length_and_is_said() {
        let seen = read(
            Role::Responses,
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        );
        assert_eq!(rules(&seen), [(0, "RFC 9112 §6.1")]);
        assert_eq!(seen[2..], [body("x"), end()]);
    }

    #[test]
    fn lengths_that_differ_are_named() {
        for lengths in [
            "Content-Length: 3\r\nContent-Length: 4",
            "Content-Length: +3",
            "Content-Length: 3, 4",
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nabcdef");
            let seen = read(Role::Responses, text.as_bytes());
            assert_eq!(rules(&seen), [(0, "RFC 9112 §6.3")], "{lengths}");
        }
        let same = b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(rules(&read(Role::Responses, same)), []);
    }

    #[test]
    fn other_protocols_are_raw_from_the_first_byte_and_without_a_word() {
        for text in [
            "time\n",
            "Hello!\nServer time: 09:31:35\n\n",
            "SSH-2.0-x\r\n",
            "\x16\x03\x01",
        ] {
            for role in [Role::Requests, Role::Responses] {
                assert_eq!(
                    read(role, text.as_bytes()),
                    [Seen::Raw(text.into())],
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn what_breaks_the_rules_is_raw_with_a_note_of_where_and_taken_up_again() {
        let good = "HTTP/1.1 204 X\r\n\r\n";
        let bad = "HTTP/1.1 200 OK\r\nno colon here\r\n\r\nrubbish";
        let seen = read(Role::Responses, format!("{good}{bad}{good}").as_bytes());
        let at = (good.len() + "HTTP/1.1 200 OK\r\n".len()) as u64;
        assert_eq!(rules(&seen), [(at, "RFC 9112 §5")]);
        assert_eq!(seen[seen.len() - 2..], [head(good), end()]);
        let raw: Vec<u8> = seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Raw(bytes) => Some(bytes.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        assert_eq!(raw, bad.as_bytes());
    }

    #[test]
    fn a_broken_chunk_ends_the_message_with_a_note() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n";
        let seen = read(Role::Responses, text.as_bytes());
        let at = text.find("abcd").unwrap() as u64 + 3;
        assert_eq!(rules(&seen), [(at, "RFC 9112 §7.1")]);
        assert_eq!(seen.last(), Some(&Seen::Raw(b"d\r\n".to_vec())));
    }

    #[test]
    fn a_hole_inside_a_body_is_a_hole_in_the_body() {
        let mut parser = Parser::new(Role::Responses);
        let mut seen = Vec::new();
        let start = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
        feed(&mut parser, start, None, &mut seen);
        for item in parser.missing(4) {
            add(&mut seen, item);
        }
        feed(&mut parser, b"xyzHTTP/1.1 204 X\r\n\r\n", None, &mut seen);
        assert_eq!(
            seen[1..],
            [
                body("abc"),
                Seen::Missing(4),
                body("xyz"),
                end(),
                head("HTTP/1.1 204 X\r\n\r\n"),
                end()
            ]
        );
    }

    #[test]
    fn after_a_hole_in_a_head_the_next_start_line_is_found() {
        let mut parser = Parser::new(Role::Requests);
        let mut seen = Vec::new();
        feed(&mut parser, b"GET /a HTTP/1.1\r\nHo", None, &mut seen);
        for item in parser.missing(100) {
            add(&mut seen, item);
        }
        feed(&mut parser, b"lost: yes\r\n\r\nPOST", None, &mut seen);
        feed(&mut parser, b" /b HTTP/1.1\r\n\r\n", None, &mut seen);
        assert_eq!(
            seen,
            [
                Seen::Raw(b"GET /a HTTP/1.1\r\nHo".to_vec()),
                Seen::RawMissing(100),
                Seen::Raw(b"lost: yes\r\n\r\n".to_vec()),
                head("POST /b HTTP/1.1\r\n\r\n"),
                end()
            ]
        );
    }

    #[test]
    fn a_head_without_end_is_let_go() {
        let mut text = b"GET / HTTP/1.1\r\n".to_vec();
        text.extend(b"A: b\r\n".repeat(HEAD_LIMIT));
        let mut parser = Parser::new(Role::Requests);
        let mut seen = Vec::new();
        for piece in text.chunks(1000) {
            feed(&mut parser, piece, None, &mut seen);
            assert!(parser.buffer.len() <= HEAD_LIMIT + START_LINE_LIMIT);
        }
        assert_eq!(rules(&seen), [(0, "RFC 9112 §2.1")]);
    }

    #[test]
    fn a_head_without_end_is_read_once_though_each_of_its_lines_could_begin_one() {
        let text = b"HTTP/1.1 200 OK\r\n".repeat(HEAD_LIMIT / 17 * 3);
        for size in [1000, text.len()] {
            let pieces: Vec<_> = text.chunks(size).collect();
            let seen = read_with(Role::Responses, &pieces, None);
            let places: Vec<_> = rules(&seen).into_iter().map(|(at, _)| at).collect();
            // Behind the limit the next line counts; the last head is cut off.
            let next = (HEAD_LIMIT as u64 / 17 + 1) * 17;
            assert_eq!(places[..2], [0, next], "in pieces of {size}");
            assert!(places.len() <= 4, "{places:?}");
        }
    }

    fn field() -> impl Strategy<Value = String> {
        ("[A-Za-z][A-Za-z0-9-]{0,12}", "[!-~]([ -~]{0,20}[!-~])?")
            .prop_filter(
                "the fields that say the length are given apart",
                |(name, _)| {
                    let name = name.to_ascii_lowercase();
                    name != "content-length" && name != "transfer-encoding"
                },
            )
            .prop_map(|(name, value)| format!("{name}: {value}\r\n"))
    }

    prop_compose! {
        /// A response, as it is on the wire and as it must be read.
        fn response()(
            status in 200_u16..204,
            fields in prop::collection::vec(field(), 0..4),
            body in prop::collection::vec(any::<u8>(), 0..60),
            chunk in 0_usize..20,
        ) -> (Vec<u8>, Vec<Seen>) {
            let framing = match chunk {
                0 => format!("Content-Length: {}\r\n", body.len()),
                _ => "Transfer-Encoding: chunked\r\n".to_owned(),
            };
            let text = format!("HTTP/1.1 {status} Fine\r\n{}{framing}\r\n", fields.concat());
            let mut wire = text.clone().into_bytes();
            if chunk == 0 {
                wire.extend_from_slice(&body);
            } else {
                for piece in body.chunks(chunk) {
                    wire.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                    wire.extend_from_slice(piece);
                    wire.extend_from_slice(b"\r\n");
                }
                wire.extend_from_slice(b"0\r\n\r\n");
            }
            let mut seen = vec![Seen::Head(text)];
            if !body.is_empty() {
                seen.push(Seen::Body(body));
            }
            seen.push(Seen::End(Vec::new()));
            (wire, seen)
        }
    }

    fn split(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        places
            .windows(2)
            .map(|pair| bytes[pair[0]..pair[1]].to_vec())
            .collect()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_however_it_is_cut(
            responses in prop::collection::vec(response(), 1..4),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let wire: Vec<u8> = responses.iter().flat_map(|(wire, _)| wire.clone()).collect();
            let expected: Vec<_> = responses.into_iter().flat_map(|(_, seen)| seen).collect();
            let pieces = split(&wire, &cuts);
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(read_with(Role::Responses, &pieces, None), expected);
        }

        #[test]
        fn any_bytes_are_read_the_same_however_they_are_cut(
            words in prop::collection::vec(prop_oneof![
                Just("GET / HTTP/1.1\r\n"), Just("HTTP/1.1 200 OK\r\n"), Just("\r\n"), Just("\n"), Just("A: b\r\n"),
                Just("Content-Length: 4\r\n"), Just("Transfer-Encoding: chunked\r\n"), Just("3\r\nabc\r\n"),
                Just("0\r\n"), Just("HTTP/1."), Just("GET "), Just("x"), Just(" "), Just(": "), Just("\u{fc}"),
            ], 0..14),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
            requests in any::<bool>(),
        ) {
            let role = if requests { Role::Requests } else { Role::Responses };
            let wire = words.concat().into_bytes();
            let pieces = split(&wire, &cuts);
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(read_with(role, &pieces, None), read(role, &wire));
        }

        #[test]
        fn no_bytes_and_no_holes_panic(
            pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 0_u64..50), 0..12),
        ) {
            for role in [Role::Requests, Role::Responses] {
                let mut parser = Parser::new(role);
                let mut seen = Vec::new();
                feed(&mut parser, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None, &mut seen);
                for (bytes, hole) in &pieces {
                    feed(&mut parser, bytes, None, &mut seen);
                    if *hole > 0 {
                        parser.missing(*hole);
                    }
                }
                parser.finish();
            }
        }
    }
}
