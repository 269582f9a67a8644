//! The start line of a message with its fields.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::framing::{Framing, request_framing, response_framing};
use super::start_line::{
    Span, StartLine, is_token, plausible_request, plausible_response, start_line,
    trim_carriage_return,
};
use super::unit::{Unit, head_end, leading_empty_lines};
use super::{Asked, Role};
use crate::list;
use crate::note::Note;

/// The longest head (start line and fields), in bytes; a longer one is not taken for a head.
pub const HEAD_LIMIT: usize = 64 << 10;

/// The fields that announce a body's length.
const FRAMING_FIELDS: [&[u8]; 2] = [b"content-length", b"transfer-encoding"];

pub(super) const REQUEST_HEAD: Unit = Unit {
    end: head_end,
    plausible: plausible_request,
    limit: HEAD_LIMIT,
};

pub(super) const RESPONSE_HEAD: Unit = Unit {
    end: head_end,
    plausible: plausible_response,
    limit: HEAD_LIMIT,
};

/// A start line and the fields after it, with the bytes that they were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The head as it was on the wire, the closing empty line included.
    pub raw: Vec<u8>,
    /// The stream offset at which `raw` begins.
    pub offset: u64,
    /// The way in which the length of the bytes behind it is known.
    pub framing: Framing,
    /// The deviations from RFC 9112.
    pub notes: Vec<Note>,
    /// True if one of its lines cannot be read; it is not among the fields.
    pub(super) is_refused: bool,
    /// True if it is uncertain what the fields say of the body's length.
    pub(super) is_doubtful: bool,
    start: StartLine,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: Span,
    value: Span,
}

impl Field {
    /// Makes a field of a line that begins at `start`.
    const fn at(start: usize, name: usize, value: Span) -> Self {
        Self {
            name: start..start + name,
            value: start + value.start..start + value.end,
        }
    }
}

impl Head {
    /// Returns true if this is a request's head.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// Returns the request's method; empty for a response.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { method, .. } => &self.raw[method.clone()],
            StartLine::Response { .. } => b"",
        }
    }

    /// Returns the request's target; empty for a response.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { target, .. } => &self.raw[target.clone()],
            StartLine::Response { .. } => b"",
        }
    }

    /// Returns the response's status code; 0 for a request.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.start {
            StartLine::Request { .. } => 0,
            StartLine::Response { status, .. } => status,
        }
    }

    /// Returns the response's reason phrase; empty for a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { .. } => b"",
            StartLine::Response { reason, .. } => &self.raw[reason.clone()],
        }
    }

    /// Returns the minor version: 0 for HTTP/1.0, 1 for HTTP/1.1.
    #[must_use]
    pub const fn minor_version(&self) -> u8 {
        match self.start {
            StartLine::Request { minor, .. } | StartLine::Response { minor, .. } => minor,
        }
    }

    /// Returns the range of the request's target in `raw`; empty for a response.
    #[must_use]
    pub const fn target_span(&self) -> Range<usize> {
        match &self.start {
            StartLine::Request { target, .. } => target.start..target.end,
            StartLine::Response { .. } => 0..0,
        }
    }

    /// Returns the ranges in `raw` of the name and the value of each field.
    pub fn field_spans(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let spans = |field: &Field| (field.name.clone(), field.value.clone());
        self.fields.iter().map(spans)
    }

    /// Makes edits in order, each inside the target or a field's value. All else that is known of the head stays as it
    /// was on the wire.
    pub fn edit(&mut self, edits: &[(Range<usize>, Vec<u8>)]) {
        for (place, value) in edits.iter().rev() {
            self.raw.splice(place.clone(), value.iter().copied());
            self.move_spans(place, value.len());
        }
    }

    /// Moves the spans behind an edited place, and the end of the span that holds it.
    fn move_spans(&mut self, place: &Range<usize>, length: usize) {
        let moved = |at: usize| {
            if at < place.end {
                return at;
            }
            at - place.len() + length
        };
        // An edited place is not empty: what begins where it begins stays.
        let move_span = |span: &mut Span| *span = moved(span.start)..moved(span.end);
        match &mut self.start {
            StartLine::Request { method, target, .. } => {
                move_span(method);
                move_span(target);
            }
            StartLine::Response { reason, .. } => move_span(reason),
        }
        for field in &mut self.fields {
            move_span(&mut field.name);
            move_span(&mut field.value);
        }
    }

    /// Returns the name and value of each field, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            (
                &self.raw[field.name.clone()],
                &self.raw[field.value.clone()],
            )
        })
    }

    /// Returns the value of the first field of that name.
    #[must_use]
    pub fn field<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Returns the values of all fields of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Returns the elements of a list field, which may come in several lines (RFC 9110 §5.3).
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(list::elements)
    }

    /// Returns true if a comma-separated field contains this token.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.list(name)
            .any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Returns true if the sender says that it closes the connection behind this message (RFC 9112 §9.3).
    pub(super) fn says_close(&self) -> bool {
        let keeps = self.minor_version() > 0 || self.has_token("connection", "keep-alive");
        self.has_token("connection", "close") || !keeps
    }

    /// Returns true if the body is a stream of server-sent events.
    #[must_use]
    pub fn is_event_stream(&self) -> bool {
        self.media_type() == b"text/event-stream"
    }

    /// Returns the Content-Type without its parameters, in lower case.
    #[must_use]
    pub fn media_type(&self) -> Vec<u8> {
        let value = self.field("content-type").unwrap_or_default();
        let end = memchr(b';', value).unwrap_or(value.len());
        value[..end].trim_ascii().to_ascii_lowercase()
    }
}

/// Reads a head that is whole.
pub(super) fn parse_head(
    role: Role,
    raw: &[u8],
    offset: u64,
    asked: Option<&Asked>,
) -> Result<Head, Note> {
    let start = leading_empty_lines(raw);
    let end = start + memchr(b'\n', &raw[start..]).unwrap_or(raw.len() - start);
    let mut head = Head {
        raw: raw.to_vec(),
        offset,
        framing: Framing::None,
        notes: Vec::new(),
        is_refused: false,
        is_doubtful: false,
        start: start_line(role, trim_carriage_return(&raw[start..end]), start)
            .ok_or_else(|| Note::new(offset, "RFC 9112 §2.1", "not a start line; shown raw"))?,
        fields: Vec::new(),
    };
    say_space_in_target(&mut head);
    read_fields(&mut head, end + 1);
    say_bare_line_feeds(&mut head);
    let said = head.notes.len();
    head.framing = match role {
        Role::Requests => request_framing(&mut head),
        Role::Responses => response_framing(&mut head, asked),
    };
    head.is_doubtful |= head.notes.len() > said;
    Ok(head)
}

fn read_fields(head: &mut Head, mut position: usize) {
    while let Some(found) = memchr(b'\n', head.raw.get(position..).unwrap_or_default()) {
        let line =
            position..position + trim_carriage_return(&head.raw[position..position + found]).len();
        if line.is_empty() {
            return;
        }
        if let Err(note) = read_field(head, line.clone()) {
            refuse_line(head, line, note);
        }
        position += found + 1;
    }
}

/// Passes over a line that cannot be read, as most receivers do. Only the first one is noted. If a line may have been
/// meant to tell the body's length, that length is uncertain.
fn refuse_line(head: &mut Head, line: Span, note: Note) {
    if !std::mem::replace(&mut head.is_refused, true) {
        head.notes.push(note);
    }
    if let Some(field) = field_with_space(head, &line) {
        head.fields.push(field);
        return;
    }
    let line = head.raw[line].to_ascii_lowercase();
    head.is_doubtful |= FRAMING_FIELDS
        .iter()
        .any(|name| memmem::find(&line, name).is_some());
}

/// Reads a field with white space between its name and the colon. A server must refuse such a request, but a proxy
/// removes the space from a response, so its meaning is known (RFC 9112 §5.1).
fn field_with_space(head: &Head, line: &Span) -> Option<Field> {
    let bytes = &head.raw[line.clone()];
    let colon = memchr(b':', bytes)?;
    let name = bytes[..colon].trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().copied().all(is_token);
    (is_name && !head.is_request())
        .then(|| Field::at(line.start, name.len(), trimmed(bytes, colon + 1)))
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
    let field = Field::at(line.start, colon, trimmed(bytes, colon + 1));
    head.fields.push(field);
    Ok(())
}

fn trimmed(bytes: &[u8], from: usize) -> Span {
    let rest = &bytes[from..];
    let start = from + (rest.len() - rest.trim_ascii_start().len());
    let length = rest.trim_ascii().len();
    start..start + length
}

/// Notes white space in the target, which is not allowed (RFC 9112 §3.2). Many servers read it all the same.
fn say_space_in_target(head: &mut Head) {
    let target = head.target_span();
    let space = head.raw[target.clone()]
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t'));
    if let Some(place) = space {
        let at = head.offset + (target.start + place) as u64;
        let text = "the request's target has white space in it";
        head.notes.push(Note::new(at, "RFC 9112 §3.2", text));
    }
}

/// Notes bare line feeds: lines end with CRLF, and a bare LF may be taken for one (RFC 9112 §2.2).
fn say_bare_line_feeds(head: &mut Head) {
    let bare = memchr::memchr_iter(b'\n', &head.raw)
        .find(|position| *position == 0 || head.raw[position - 1] != b'\r');
    if let Some(position) = bare {
        let at = head.offset + position as u64;
        let text = "a line ends with a bare LF";
        head.notes.push(Note::new(at, "RFC 9112 §2.2", text));
    }
}
