//! The payload listing: the messages of the two programs, in the form of the original document.
//!
//! The plain form is the wire's own text, in the order of the wire, with CR LF as a line end and a dot for each
//! character that cannot be printed; after a WebSocket connection's text come its frames as rows of hexadecimal.
//! Anything that is not on the wire is in brackets: `[20 bytes missing]`; so is captured payload that is not part of a
//! stream: `[7 bytes outside the stream, from the server: no ACK: "goodbye"]`.
//!
//! The redacted form is the one that snapshots keep. It hides values that change from run to run (see
//! [`super::redact`]), and shows details that the plain form omits: a frame is a line with its decoded payload, because
//! masked bytes are random; a raw turn names its side; control bytes are escapes; a text that does not end with a line
//! end is marked.
//!
//! In the redacted form, a SHA-256 replaces bytes that cannot be shown: coded bodies and compressed frames, which are
//! shown decoded, and bytes that are left out. So two listings differ wherever the captures differ in a byte that is
//! not hidden. Lengths, and digests, that follow from something hidden are hidden with it, see `follows`.
//!
//! A capture with one connection is listed without a heading, so that its listing is the bytes and nothing else; with
//! several, each begins with `Connection N: CLIENT to SERVER`.

mod body;
pub(super) mod follows;
mod frame_line;
mod large;
mod placeholder;
mod rows;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;

use wirestream::fingerprint::Fingerprint;
use wirestream::message::chunks::Case;
use wirestream::message::content::{Content, Piece};
use wirestream::message::{Aside, Detail, Message};
use wirestream::note::Note;
use wirestream::units::Side;
use wirestream::websocket::Frame;

use self::follows::{Fragments, HiddenBefore};
use self::frame_line::frame_line;
use self::placeholder::{Part, around};
use self::rows::Rows;
use super::redact::Shown;
use super::safe_text::{Form, SafeText, is_text, safe_line};
use super::{dump, explain, hex, redact};

/// The form in which a listing is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// True if values that change from run to run are hidden.
    pub redact: bool,
    /// True if each WebSocket frame is taken apart.
    pub explain: bool,
    /// The most bytes of a body that are shown in full; a larger one is shown in short, see `large`.
    pub limit: Option<usize>,
}

impl Style {
    const fn form(self) -> Form {
        if self.redact {
            Form::Escapes
        } else {
            Form::Dots
        }
    }
}

/// The output of listings. Dumps are packed in it, see [`dump`].
#[derive(Debug, Default)]
pub struct ListingBuffer {
    /// The text listed so far.
    pub text: Vec<u8>,
    /// The rows that come after all of the text.
    pub rows: Vec<u8>,
}

/// The room in bytes that a wiped buffer keeps.
const BUFFER_ROOM: usize = 1 << 20;

impl ListingBuffer {
    const fn new() -> Self {
        Self {
            text: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Empties the buffer.
    pub fn wipe(&mut self) {
        for part in [&mut self.text, &mut self.rows] {
            part.clear();
            part.shrink_to(BUFFER_ROOM);
        }
    }
}

/// Writes the listing of one connection, message by message.
#[derive(Debug)]
pub struct Listing {
    style: Style,
    buffer: ListingBuffer,
    /// The place on the buffer at which its own text begins.
    begin: usize,
    /// The last byte of its text on earlier buffers.
    last: Option<u8>,
    writer: SafeText,
    rows: Rows,
    client_frames: u64,
    server_frames: u64,
    hidden: HiddenBefore,
    /// The fragments so far of a compressed message of each side.
    fragments: [Fragments; 2],
    /// The case in which each side writes the sizes of chunks.
    cases: [Case; 2],
    /// The side whose large turn in another protocol goes on: it comes in pieces.
    large_turn: Option<Side>,
    /// The side whose message is being written.
    speaker: Side,
}

/// Returns `20 bytes left out`, with a digest if they must be told apart from others.
fn left_out(rest: &Fingerprint, with_digest: bool) -> String {
    let bytes = rest.length();
    if with_digest {
        return format!("{bytes} bytes left out, {}", digest(rest));
    }
    format!("{bytes} bytes left out")
}

/// Returns `sha256 0123456789abcdef`: the beginning of the digest, which is enough to tell two apart.
fn digest(fingerprint: &Fingerprint) -> String {
    let digest = fingerprint.digest();
    format!("sha256 {}", hex::joined(&digest[..8]))
}

/// Returns the length of content as it is shown.
fn shown_length(content: &Content) -> u64 {
    Shown::content(&content.bytes).bytes.len() as u64 + content.left_out.length()
}

/// Returns one end of a connection as text.
#[must_use]
pub fn address(end: SocketAddr, style: Style) -> String {
    let address = end.to_string();
    if !style.redact {
        return address;
    }
    String::from_utf8_lossy(&redact::authority(address.as_bytes())).into_owned()
}

/// Returns the heading of a connection, for captures that have several.
#[must_use]
pub fn heading(number: u64, client: SocketAddr, server: SocketAddr, style: Style) -> String {
    if style.redact {
        let [client, server] = [client, server].map(|end| address(end, style));
        return format!("Connection {number}: {client} to {server}\n\n");
    }
    format!("Connection {number}: {client} to {server}\n\n")
}

/// Returns text between quotes, on one line.
#[must_use]
pub fn quoted(bytes: &[u8], redact: bool) -> String {
    if redact {
        return format!("\"{}\"", safe_line(&redact::text(bytes)));
    }
    format!("\"{}\"", safe_line(bytes))
}

impl Listing {
    /// Creates an empty listing.
    #[must_use]
    pub const fn new(style: Style) -> Self {
        Self {
            style,
            buffer: ListingBuffer::new(),
            begin: 0,
            last: None,
            writer: SafeText::new(style.form()),
            rows: Rows::new(),
            client_frames: 0,
            server_frames: 0,
            hidden: HiddenBefore::NOTHING,
            fragments: [Fragments::NONE; 2],
            cases: [Case::Lower; 2],
            large_turn: None,
            speaker: Side::Client,
        }
    }

    /// Appends a message.
    pub fn message(&mut self, message: &Message) {
        self.speaker = message.from;
        if !matches!(message.detail, Detail::Raw(_)) {
            self.large_turn = None;
        }
        match &message.detail {
            Detail::Http(http) => self.http(message, http),
            Detail::WebSocket(frame) => return self.frame(message, frame),
            Detail::Event(event) => self.event(message, event),
            Detail::EventsEnd(end) => self.events_end(message, end),
            Detail::Raw(content) if content.is_empty() => {}
            Detail::Raw(content) => self.raw(message.from, content, &message.placeholders),
            Detail::Aside(aside) => self.aside(message.from, aside),
        }
        self.notes(&message.notes);
    }

    /// Passes over a message that is not listed; later messages keep the names that they would have.
    pub fn pass_over(&mut self, message: &Message) {
        self.note_case(message);
        let has_label = match &message.detail {
            Detail::WebSocket(_) => true,
            Detail::Raw(content) => !content.is_empty(),
            Detail::Http(_) | Detail::Event(_) | Detail::EventsEnd(_) | Detail::Aside(_) => false,
        };
        if has_label {
            self.label(message.from);
        }
    }

    /// Continues on another buffer, after its contents, and hands over the buffer used so far. So the listings of many
    /// connections share one buffer, and each holds only its state.
    pub fn exchange(&mut self, buffer: &mut ListingBuffer) {
        self.last = self.last_byte();
        std::mem::swap(&mut self.buffer, buffer);
        self.begin = self.buffer.text.len();
    }

    /// Returns the number of bytes that wait for later messages.
    #[must_use]
    pub const fn waiting_bytes(&self) -> usize {
        self.rows.memory()
    }

    /// Writes the waiting rows: their form no longer depends on later messages.
    pub fn let_go(&mut self) {
        self.rows.let_go(&mut self.buffer.rows);
    }

    /// Ends the listing: writes its last line end, and the last rows.
    pub fn finish(&mut self) {
        for side in [Side::Client, Side::Server] {
            if let Some(rest) = self.fragments[side as usize].end() {
                let text = format!(
                    "compressed message of the {side} without its end, {}",
                    digest(&rest)
                );
                self.bracket(&text);
            }
        }
        self.end_line();
        self.rows.finish(&mut self.buffer.rows);
    }

    fn raw(&mut self, from: Side, content: &Content, placeholders: &[Range<usize>]) {
        self.writer.set_form(self.style.form());
        let is_text = is_text(&content.bytes);
        let goes_on = self.large_turn == Some(from);
        self.large_turn = self.begins_large_turn(content).then_some(from);
        if goes_on || self.large_turn.is_some() {
            return self.large_piece(from, content, !goes_on);
        }
        // Every turn counts, whether its name is shown or not: all forms call it the same.
        let label = self.label(from);
        if self.style.redact || !is_text {
            self.end_line();
            if self.style.redact {
                let bytes = shown_length(content);
                let line = format!("{label}: {bytes} bytes\n");
                self.buffer.text.extend_from_slice(line.as_bytes());
            }
            if !is_text {
                return self.dump(&format!("{label}: "), content, placeholders);
            }
        }
        let is_whole = self.text(content);
        if is_whole && self.style.redact && content.bytes.last().is_some_and(|last| *last != b'\n')
        {
            self.bracket("no line end");
        }
    }

    /// Writes payload that is not part of the stream: a remark, the same in both forms, so that no byte of it is lost.
    fn aside(&mut self, from: Side, aside: &Aside) {
        let content = &aside.content;
        let bytes = content.length();
        let plural = if bytes == 1 { "" } else { "s" };
        let mut line = format!(
            "[{bytes} byte{plural} outside the stream, from the {from}: {}",
            aside.reason
        );
        if !content.bytes.is_empty() {
            line.push_str(": ");
            line.push_str(&quoted(&content.bytes, self.style.redact));
        }
        if !content.left_out.is_empty() {
            let _ = write!(line, "; {}", left_out(&content.left_out, true));
        }
        line.push_str("]\n");
        self.writer.end(&mut self.buffer.text);
        self.end_line();
        self.buffer.text.extend_from_slice(line.as_bytes());
    }

    /// Writes a body: text as text, anything else as rows. Returns false if it is shown in short.
    fn body(&mut self, content: &Content, placeholders: &[Range<usize>]) -> bool {
        if is_text(&content.bytes) {
            return self.text(content);
        }
        self.end_line();
        self.dump("", content, placeholders);
        !content.holes.is_empty() || !self.is_large(content.bytes.len())
    }

    /// Writes text. Values are hidden as the text reads without its holes, so that they are hidden even if bytes inside
    /// are missing. Returns
    /// false if it is shown in short.
    fn text(&mut self, content: &Content) -> bool {
        let shown = if self.style.redact {
            Shown::text(&content.bytes)
        } else {
            Shown::plain(&content.bytes)
        };
        let is_whole = !content.holes.is_empty() || !self.is_large(shown.bytes.len());
        if !is_whole {
            self.text_in_short(&shown.bytes);
            self.left_out(content);
            return false;
        }
        let moves = shown.moves();
        let mut from = 0;
        for hole in &content.holes {
            let at = usize::try_from(moves.moved(hole.at as u64)).unwrap_or(from);
            self.write(shown.bytes.get(from..at).unwrap_or_default());
            self.gap(Piece::Missing(hole.missing));
            from = at;
        }
        self.write(shown.bytes.get(from..).unwrap_or_default());
        self.left_out(content);
        true
    }

    fn left_out(&mut self, content: &Content) {
        if !content.left_out.is_empty() {
            self.gap(Piece::LeftOut(&content.left_out));
        }
    }

    fn dump(&mut self, label: &str, content: &Content, placeholders: &[Range<usize>]) {
        if content.holes.is_empty() && self.is_large(content.bytes.len()) {
            self.rows_in_short(label, &content.bytes);
            self.left_out(content);
            return self.end_line();
        }
        let mut at = 0;
        for piece in content.pieces() {
            match piece {
                Piece::Bytes(bytes) => {
                    self.dump_around(label, around(bytes, at, placeholders));
                    at += bytes.len();
                }
                other => {
                    self.gap(other);
                    self.end_line();
                }
            }
        }
    }

    fn dump_around<'a>(&mut self, label: &str, parts: impl Iterator<Item = Part<'a>>) {
        let text = &mut self.buffer.text;
        for part in parts {
            match part {
                Part::Bytes(bytes) => dump::pack(label, bytes, bytes.len(), text),
                Part::Placeholder(placeholder) => {
                    text.extend_from_slice(label.as_bytes());
                    text.extend_from_slice(safe_line(placeholder).as_bytes());
                    text.push(b'\n');
                }
            }
        }
    }

    fn gap(&mut self, piece: Piece<'_>) {
        let text = match piece {
            Piece::Bytes(_) => return,
            Piece::Missing(count) => format!("[{count} bytes missing from the {}]", self.speaker),
            Piece::LeftOut(rest) => format!("[{}]", left_out(rest, self.style.redact)),
        };
        self.writer.end(&mut self.buffer.text);
        self.buffer.text.extend_from_slice(text.as_bytes());
    }

    fn frame(&mut self, message: &Message, frame: &Frame) {
        let label = self.label(message.from);
        let mut below = String::new();
        if self.style.explain {
            below.push('\n');
            below.push_str(&explain::frame(frame, self.style.redact));
        }
        for note in &message.notes {
            below.push('[');
            below.push_str(&safe_line(note.to_string().as_bytes()));
            below.push_str("]\n");
        }
        if self.style.redact {
            self.begin_text();
            let is_hidden = message.is_hidden || Shown::frame(frame).is_hidden();
            let follows = self.hidden.frame(message.from, frame, is_hidden);
            let form = self.fragments[message.from as usize].form(frame, follows);
            let line = frame_line(
                frame,
                &message.placeholders,
                is_hidden,
                &form,
                self.style.limit,
            );
            let line = format!("{label}: {line}\n{below}");
            self.buffer.text.extend_from_slice(line.as_bytes());
            return;
        }
        self.writer.end(&mut self.buffer.text);
        self.writer.set_form(Form::AsciiDots);
        let (wire, below) = self.frame_in_short(&frame.wire, below);
        self.write(wire);
        for (_, missing) in &frame.holes {
            self.gap(Piece::Missing(*missing));
        }
        let kept = (frame.wire.len() - frame.header_length) as u64;
        let sent = frame.deflated.length().max(kept + frame.left_out.length());
        if !frame.compressed && sent > kept {
            self.gap(Piece::LeftOut(&frame.left_out));
        } else if sent > kept {
            let text = format!("[{} bytes left out]", sent - kept);
            self.buffer.text.extend_from_slice(text.as_bytes());
        }
        let label = format!("{label}: ");
        self.rows.push(&label, wire, &below, &mut self.buffer.rows);
    }

    /// Returns the name of the next frame or turn of a side: `C1` for the client's first, as in the original document.
    #[must_use]
    pub fn next_label(&self, from: Side) -> String {
        match from {
            Side::Client => format!("C{}", self.client_frames + 1),
            Side::Server => format!("S{}", self.server_frames + 1),
        }
    }

    fn label(&mut self, from: Side) -> String {
        let label = self.next_label(from);
        match from {
            Side::Client => self.client_frames += 1,
            Side::Server => self.server_frames += 1,
        }
        label
    }

    fn notes(&mut self, notes: &[Note]) {
        for note in notes {
            self.bracket(&note.to_string());
        }
    }

    /// Writes a remark on a separate line.
    fn bracket(&mut self, text: &str) {
        self.writer.end(&mut self.buffer.text);
        self.end_line();
        let line = format!("[{}]\n", safe_line(text.as_bytes()));
        self.buffer.text.extend_from_slice(line.as_bytes());
    }

    fn write(&mut self, bytes: &[u8]) {
        self.writer.push(bytes, &mut self.buffer.text);
    }

    /// Begins a new line if redacted: then each message begins on its own line.
    fn begin_text(&mut self) {
        if self.style.redact {
            self.end_line();
        }
    }

    fn last_byte(&self) -> Option<u8> {
        self.buffer.text[self.begin..].last().copied().or(self.last)
    }

    fn end_line(&mut self) {
        self.writer.end(&mut self.buffer.text);
        if self.last_byte().is_some_and(|last| last != b'\n') {
            self.buffer.text.push(b'\n');
        }
    }
}
