//! A message as JSON: one object, written as it comes, for `payload --format json`.
//!
//! Bytes are a `text` if they are UTF-8, otherwise a `base64`, never both, so that nothing is lost and nothing is
//! guessed.

use std::borrow::Cow;
use std::io::{self, BufWriter, IntoInnerError, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use wirestream::fingerprint::Fingerprint;
use wirestream::http::Framing;
use wirestream::message::chunks::Run;
use wirestream::message::content::Content;
use wirestream::message::{Aside, CodedBody, Detail, EventsEnd, HttpMessage, Message};
use wirestream::note::Note;
use wirestream::sse::Event;
use wirestream::websocket::{Frame, Opcode, close_name};

use crate::analysis::difference::Sort;
use crate::render::payload::follows::{HiddenBefore, UNKNOWN};
use crate::render::redact::Shown;
use crate::render::safe_text::is_safe;
use crate::render::{hex, redact};

/// Writes the messages of a connection.
#[derive(Clone, Debug)]
pub struct Messages {
    redact: bool,
    /// True if something may be hidden that is not known yet.
    has_rules: bool,
    hidden: HiddenBefore,
    /// True for each side with offsets that depend on lengths which follow from something hidden.
    moved: [bool; 2],
}

impl Messages {
    /// Creates a writer before the first message. With `redact`, times are left out and volatile values are hidden.
    /// Without, there may still be rules that hide secrets.
    #[must_use]
    pub const fn new(redact: bool, has_secrets: bool) -> Self {
        Self {
            redact,
            has_rules: redact || has_secrets,
            hidden: HiddenBefore::NOTHING,
            moved: [false; 2],
        }
    }

    /// Writes the next message.
    ///
    /// # Errors
    ///
    /// Returns an error if writing fails.
    pub fn write(&mut self, message: &Message, output: &mut impl Write) -> io::Result<()> {
        let side = message.from as usize;
        let view = View {
            redact: self.redact,
            follows: self.follows(message),
        };
        let is_moved = self.moved[side];
        self.moved[side] |= self.redact && view.follows;
        write(message, view, is_moved, output)
    }

    /// Returns true if digests and lengths in a message follow from something that is hidden.
    fn follows(&mut self, message: &Message) -> bool {
        let shown = |bytes, sort| self.redact && Shown::of(bytes, sort).is_hidden();
        match &message.detail {
            Detail::Http(http) => {
                let is_hidden = message.is_hidden || shown(&http.body.bytes, Sort::Content);
                let coded = http.coded.as_ref();
                is_hidden || coded.is_some_and(|coded| shown(&coded.undecoded.bytes, Sort::Content))
            }
            Detail::WebSocket(frame) => {
                let sort = Sort::Payload(frame.message_opcode);
                let is_hidden = message.is_hidden || shown(&frame.payload, sort);
                let follows = self.hidden.frame(message.from, frame, is_hidden);
                // What is hidden may be in a part of the message that is still to come.
                let is_part = !frame.header.fin || frame.header.opcode == Opcode::CONTINUATION;
                follows || (frame.compressed && is_part && self.has_rules)
            }
            Detail::Event(event) => {
                let is_hidden = message.is_hidden || shown(&event.raw, Sort::Text);
                self.hidden.event(message.from, is_hidden);
                is_hidden
            }
            Detail::EventsEnd(_) => self.hidden.end_events(message.from),
            Detail::Raw(content) => message.is_hidden || shown(&content.bytes, Sort::Content),
            Detail::Aside(aside) => message.is_hidden || shown(&aside.content.bytes, Sort::Content),
        }
    }
}

fn write(message: &Message, view: View, is_moved: bool, output: &mut impl Write) -> io::Result<()> {
    let View { redact, follows } = view;
    output.write_all(b"{")?;
    if !redact {
        let nanoseconds = message.time.nanoseconds;
        let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        // Written by hand: a float could not hold a nanosecond of this century.
        write!(
            output,
            "\"time\":{seconds}.{rest:09},\"packet\":{},",
            message.packet
        )?;
    }
    let (from, protocol) = (message.from.name(), message.detail.protocol());
    write!(output, "\"from\":\"{from}\",\"protocol\":\"{protocol}\",")?;
    let offset = number_text(message.offset, redact && is_moved);
    let length = number_text(message.length, redact && follows);
    write!(output, "\"offset\":{offset},\"length\":{length},")?;
    // Piece by piece: a message of zeros takes six times its bytes. But not each brace and comma by itself.
    let unbraced = WithoutBraces::new(AsciiWhereUnsafe(&mut *output));
    let mut fields = BufWriter::with_capacity(PIECE_BYTES, unbraced);
    match &message.detail {
        Detail::Http(http) => serde_json::to_writer(&mut fields, &view.http(http))?,
        Detail::WebSocket(frame) => serde_json::to_writer(&mut fields, &view.frame(frame))?,
        Detail::Event(event) => serde_json::to_writer(&mut fields, &view.event(event))?,
        Detail::EventsEnd(end) => serde_json::to_writer(&mut fields, &view.events_end(end))?,
        Detail::Raw(content) => serde_json::to_writer(&mut fields, &view.content(content))?,
        Detail::Aside(aside) => serde_json::to_writer(&mut fields, &view.aside(aside))?,
    }
    let unbraced = fields.into_inner().map_err(IntoInnerError::into_error)?;
    if unbraced.has_written {
        output.write_all(b",")?;
    }
    if !message.chunks.is_empty() {
        let chunks: Vec<_> = message.chunks.runs().iter().map(ChunksView::new).collect();
        output.write_all(b"\"chunks\":")?;
        output.write_all(&ascii_where_unsafe(&serde_json::to_vec(&chunks)?))?;
        output.write_all(b",")?;
    }
    output.write_all(b"\"notes\":")?;
    let notes: Vec<_> = message.notes.iter().map(NoteView::new).collect();
    output.write_all(&ascii_where_unsafe(&serde_json::to_vec(&notes)?))?;
    output.write_all(b"}")
}

fn number_text(number: u64, is_hidden: bool) -> String {
    if is_hidden {
        return "null".to_owned();
    }
    number.to_string()
}

/// Prints a value as JSON, in one piece: what cannot be made is not begun.
///
/// # Errors
///
/// Returns an error if the value cannot be written as JSON, or `out` does not take it.
pub fn print(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut json = serde_json::to_vec_pretty(value)?;
    json.push(b'\n');
    out.write_all(&ascii_where_unsafe(&json))
}

/// Escapes characters beyond ASCII that would turn a terminal's text around or command it. They can occur in strings
/// only. JSON itself escapes the control bytes of ASCII.
#[must_use]
pub fn ascii_where_unsafe(json: &[u8]) -> Cow<'_, [u8]> {
    if json.is_ascii() && !json.contains(&0x7f) {
        return Cow::Borrowed(json);
    }
    let text = String::from_utf8_lossy(json);
    let mut output = String::with_capacity(text.len());
    for character in text.chars() {
        // In a string, a line feed is escaped already: this one stands between values.
        if is_safe(character) || character == '\n' {
            output.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            output.push_str("\\u");
            output.push_str(&hex::joined(&unit.to_be_bytes()));
        }
    }
    Cow::Owned(output.into_bytes())
}

/// A writer for JSON that is made piece by piece, which escapes as [`ascii_where_unsafe`] does a whole. Each piece must
/// be whole characters, as those of `serde_json` are.
#[derive(Debug)]
pub struct AsciiWhereUnsafe<Output>(pub Output);

impl<Output: Write> Write for AsciiWhereUnsafe<Output> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.write_all(&ascii_where_unsafe(piece))?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The number of bytes of a JSON text that are escaped and written at once.
const PIECE_BYTES: usize = 2 << 10;

/// A writer for an object without its outer braces, so that further fields can be added to it.
struct WithoutBraces<Output> {
    output: Output,
    has_begun: bool,
    /// True if a brace is held back that may be the last byte.
    has_brace: bool,
    has_written: bool,
}

impl<Output: Write> WithoutBraces<Output> {
    const fn new(output: Output) -> Self {
        Self {
            output,
            has_begun: false,
            has_brace: false,
            has_written: false,
        }
    }
}

impl<Output: Write> Write for WithoutBraces<Output> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let mut rest = piece;
        if !rest.is_empty() && !std::mem::replace(&mut self.has_begun, true) {
            rest = &rest[1..];
        }
        if rest.is_empty() {
            return Ok(piece.len());
        }
        if std::mem::take(&mut self.has_brace) {
            self.output.write_all(b"}")?;
        }
        if let Some(before) = rest.strip_suffix(b"}") {
            self.has_brace = true;
            rest = before;
        }
        self.has_written |= !rest.is_empty();
        self.output.write_all(rest)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[derive(Serialize)]
struct NoteView<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    rule: &'a str,
    offset: u64,
    text: &'a str,
}

impl<'a> NoteView<'a> {
    fn new(note: &'a Note) -> Self {
        Self {
            rule: note.rule,
            offset: note.offset,
            text: &note.text,
        }
    }
}

/// Bytes in their JSON form.
#[derive(Serialize)]
pub(super) enum Bytes {
    #[serde(rename = "text")]
    Text(String),
    #[serde(rename = "base64")]
    Base64(String),
}

#[derive(Serialize)]
struct HoleView {
    at: usize,
    missing: u64,
}

#[derive(Serialize)]
struct ContentView {
    #[serde(flatten)]
    bytes: Bytes,
    bytes_kept: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holes: Vec<HoleView>,
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u64,
    /// The SHA-256 of the bytes that were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out_sha256: Option<String>,
}

#[derive(Serialize)]
struct AsideView {
    reason: &'static str,
    #[serde(flatten)]
    content: ContentView,
}

#[derive(Serialize)]
struct HeaderView {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct RequestView {
    method: String,
    target: String,
}

#[derive(Serialize)]
struct HttpView {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    version: String,
    headers: Vec<HeaderView>,
    framing: &'static str,
    body: ContentView,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codings: Vec<&'static str>,
    /// The length; `None` if it follows from something hidden.
    coded_length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coded: Option<CodedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trailers: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept_belongs_to_key: Option<bool>,
    #[serde(skip_serializing_if = "is_false")]
    events_follow: bool,
}

#[derive(Serialize)]
struct FrameView {
    opcode: &'static str,
    opcode_number: u8,
    fin: bool,
    reserved_bits: u8,
    masked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
    /// The length; `None` if it follows from something hidden.
    payload_length: Option<u64>,
    compressed: bool,
    payload: Bytes,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holes: Vec<HoleView>,
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out_sha256: Option<String>,
    /// The SHA-256 of the payload before it was inflated, unmasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_sha256: Option<String>,
    /// The compressed payload itself, if not all of it could be inflated.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_inflated: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_reason: Option<String>,
}

#[derive(Serialize)]
struct EventView {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comments: Vec<String>,
    #[serde(skip_serializing_if = "is_false")]
    incomplete: bool,
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out_sha256: Option<String>,
}

/// The end of an event stream.
#[derive(Serialize)]
struct EventsEndView {
    end: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codings: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coded: Option<CodedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trailers: Option<String>,
}

/// A coded body as it was on the wire.
#[derive(Serialize)]
struct CodedView {
    /// The length; `None` if it follows from something hidden.
    length: Option<u64>,
    /// The SHA-256 of all its bytes; of the times in headers of gzip, only whether they are 0 counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// The bytes that decoded to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    undecoded: Option<ContentView>,
}

/// A line around chunks, and the number of times it follows on itself.
#[derive(Serialize)]
struct ChunksView {
    line: String,
    count: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(truth: &bool) -> bool {
    !*truth
}

impl ChunksView {
    fn new(run: &Run) -> Self {
        Self {
            line: lossy(run.text()),
            count: run.count,
        }
    }
}

/// The way in which values are shown.
#[derive(Clone, Copy)]
struct View {
    redact: bool,
    /// True if digests and lengths follow from something that is hidden.
    follows: bool,
}

impl Bytes {
    /// Creates it from bytes as they are.
    pub(super) fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(BASE64.encode(bytes)),
        }
    }
}

impl View {
    fn http(self, message: &HttpMessage) -> HttpView {
        let head = &message.head;
        let is_request = head.is_request();
        let request = |bytes: &[u8]| is_request.then(|| self.text(bytes));
        HttpView {
            kind: if is_request { "request" } else { "response" },
            method: request(head.method()),
            target: request(head.target()),
            status: (!is_request).then(|| head.status()),
            reason: (!is_request).then(|| lossy(head.reason())),
            version: format!("1.{}", head.minor_version()),
            headers: self.headers(message),
            framing: head.framing.name(),
            body: self.content(&message.body),
            codings: message.codings.clone(),
            coded_length: self.length(message.coded_length),
            coded: message.coded.as_deref().map(|coded| self.coded(coded)),
            trailers: (!message.trailers.is_empty()).then(|| self.text(&message.trailers)),
            request: message.request.as_ref().map(|request| RequestView {
                method: lossy(&request.method),
                target: self.text(&request.target),
            }),
            accept_belongs_to_key: message.accept_belongs,
            events_follow: message.events_follow,
        }
    }

    fn headers(self, message: &HttpMessage) -> Vec<HeaderView> {
        let view = |(name, value): (&[u8], &[u8])| HeaderView {
            name: lossy(name),
            value: self.header_value(message, name, value),
        };
        message.head.fields().map(view).collect()
    }

    fn header_value(self, message: &HttpMessage, name: &[u8], value: &[u8]) -> String {
        let accept = name.eq_ignore_ascii_case(b"sec-websocket-accept");
        let is_length = name.eq_ignore_ascii_case(b"content-length")
            && message.head.framing == Framing::Length(message.coded_length);
        match self.redact {
            false => lossy(value),
            true if is_length && self.follows => UNKNOWN.to_owned(),
            true if accept && message.accept_belongs == Some(true) => redact::ACCEPT.to_owned(),
            true => lossy(&redact::field_value(name, value)),
        }
    }

    fn content(self, content: &Content) -> ContentView {
        let hole = |hole: &wirestream::message::content::Hole| HoleView {
            at: hole.at,
            missing: hole.missing,
        };
        ContentView {
            bytes: self.bytes(&content.bytes),
            bytes_kept: content.bytes.len(),
            holes: content.holes.iter().map(hole).collect(),
            left_out: content.left_out.length(),
            left_out_sha256: self.sha256(&content.left_out),
        }
    }

    fn aside(self, aside: &Aside) -> AsideView {
        AsideView {
            reason: aside.reason.word(),
            content: self.content(&aside.content),
        }
    }

    fn frame(self, frame: &Frame) -> FrameView {
        let header = &frame.header;
        let hole = |(at, missing): &(usize, u64)| HoleView {
            at: *at,
            missing: *missing,
        };
        let mask = header.mask.filter(|_| !self.redact);
        FrameView {
            opcode: header.opcode.name(),
            opcode_number: header.opcode.0,
            fin: header.fin,
            reserved_bits: header.reserved,
            masked: header.mask.is_some(),
            mask: mask.map(|mask| hex::joined(&mask)),
            payload_length: self.length(header.length),
            compressed: frame.compressed,
            payload: self.payload(frame),
            holes: frame.holes.iter().map(hole).collect(),
            left_out: frame.left_out.length(),
            left_out_sha256: self.sha256(&frame.left_out),
            compressed_sha256: self.sha256(&frame.deflated),
            not_inflated: (!frame.inflated).then(|| Bytes::new(&frame.sent())),
            message: frame.message().map(|message| self.bytes(message)),
            close_code: frame.close_code(),
            close_name: frame.close_code().map(close_name),
            close_reason: frame.close_code().map(|_| self.text(frame.close_reason())),
        }
    }

    fn event(self, event: &Event) -> EventView {
        let text = |text: &String| self.text(text.as_bytes());
        EventView {
            event: event.event.as_ref().map(text),
            data: event.data.as_ref().map(text),
            id: event.id.as_ref().map(text),
            retry: event.retry,
            comments: event.comments.iter().map(text).collect(),
            incomplete: event.incomplete,
            left_out: event.left_out.length(),
            left_out_sha256: self.sha256(&event.left_out),
        }
    }

    fn events_end(self, end: &EventsEnd) -> EventsEndView {
        EventsEndView {
            end: true,
            codings: end.codings.clone(),
            coded: end.coded.as_deref().map(|coded| self.coded(coded)),
            trailers: (!end.trailers.is_empty()).then(|| self.text(&end.trailers)),
        }
    }

    fn coded(self, coded: &CodedBody) -> CodedView {
        let undecoded = &coded.undecoded;
        CodedView {
            length: self.length(coded.fingerprint.length()),
            sha256: self.sha256(&coded.fingerprint),
            undecoded: (!undecoded.is_empty()).then(|| self.content(undecoded)),
        }
    }

    /// Returns the SHA-256 of bytes that are not shown, if there are any and it reveals nothing that is hidden.
    fn sha256(self, fingerprint: &Fingerprint) -> Option<String> {
        let is_told = !self.follows && !fingerprint.is_empty();
        is_told.then(|| hex::joined(&fingerprint.digest()))
    }

    /// Returns a length on the wire. A secret is as long as its placeholder.
    fn length(self, length: u64) -> Option<u64> {
        (!(self.redact && self.follows)).then_some(length)
    }

    fn payload(self, frame: &Frame) -> Bytes {
        match &frame.fragment {
            Some(_) if self.redact => Bytes::new(&Shown::frame(frame).bytes),
            _ => self.bytes(&frame.payload),
        }
    }

    fn bytes(self, bytes: &[u8]) -> Bytes {
        match std::str::from_utf8(bytes) {
            Ok(_) if self.redact => Bytes::Text(self.text(bytes)),
            _ => Bytes::new(bytes),
        }
    }

    fn text(self, bytes: &[u8]) -> String {
        if self.redact {
            lossy(&redact::text(bytes))
        } else {
            lossy(bytes)
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_means_the_same_and_shows_no_character_that_hides_or_turns_text() {
        for text in [
            "grün\n\u{1b}[2J\u{7f}",
            "\u{9b}31m\u{202e}\u{2028}",
            "\u{e0001}\u{200d}\u{feff}😀",
        ] {
            let value = serde_json::json!({ "name": [text], text: 1 });
            let json = serde_json::to_vec_pretty(&value).unwrap();

            let safe = ascii_where_unsafe(&json);

            assert_eq!(
                serde_json::from_slice::<serde_json::Value>(&safe).unwrap(),
                value
            );
            let safe = String::from_utf8(safe.into_owned()).unwrap();
            assert!(
                safe.chars().all(|one| one == '\n' || is_safe(one)),
                "{safe:?}"
            );
        }
    }
}
