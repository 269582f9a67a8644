//! The payload listing: what the two programs sent each other, in the form of the seed's document.
//!
//! The plain form is the wire's own text, in the order of the wire, CR LF as a line end and what cannot be printed as a
//! dot; behind a WebSocket connection's text come its frames as rows of hexadecimal. What is not on the wire stands in
//! brackets: `[20 bytes missing]`.
//!
//! The redacted form is what snapshots keep. It hides what changes from run to run (see [`super::redact`]), and shows
//! what the plain form swallows: a frame is a line with its decoded payload, since masked bytes are random; a raw turn
//! says who spoke; control bytes are escapes; a text that does not end with a line end says so.
//!
//! A capture with one connection is listed without a heading, so that its listing is the bytes and nothing else; with
//! several, each begins with `Connection N: CLIENT to SERVER`.

use std::net::SocketAddr;

use super::safe_text::{Form, SafeText, is_text, safe_line};
use super::{explain, hex, redact};
use crate::analysis::content::{Content, Piece};
use crate::analysis::message::{Detail, HttpMessage, Message};
use crate::units::Side;
use crate::wire::note::Note;
use crate::wire::sse::Event;
use crate::wire::websocket::{Frame, Opcode, close_name};

/// How a listing is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether what changes from run to run is hidden.
    pub redact: bool,
    /// Whether each WebSocket frame is taken apart.
    pub explain: bool,
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

/// Writes the listing of one connection, message by message.
#[derive(Debug)]
pub struct Listing {
    style: Style,
    text: Vec<u8>,
    /// The last byte of the text that was handed over.
    last: Option<u8>,
    writer: SafeText,
    rows: Rows,
    client_frames: u64,
    server_frames: u64,
}

/// How many bytes of frames wait for the longest, which says where the characters stand.
const MOST_WAITING: usize = 1 << 20;

/// The rows of a WebSocket connection's frames, which stand behind its text.
#[derive(Debug)]
struct Rows {
    text: Vec<u8>,
    /// Frames that wait for their column to be known.
    waiting: Vec<Row>,
    waiting_bytes: usize,
    /// How many bytes the characters stand behind, once that is known.
    columns: Option<usize>,
    any: bool,
}

#[derive(Debug)]
struct Row {
    label: String,
    wire: Vec<u8>,
    below: String,
}

impl Rows {
    const fn new() -> Self {
        Self {
            text: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            columns: None,
            any: false,
        }
    }

    fn push(&mut self, row: Row) {
        self.waiting_bytes += row.wire.len() + row.below.len();
        let known = row.wire.len() >= hex::ROW_BYTES || self.waiting_bytes > MOST_WAITING;
        self.waiting.push(row);
        if known || self.columns.is_some() {
            self.columns = Some(hex::ROW_BYTES);
            self.write();
        }
    }

    fn finish(&mut self) {
        let longest = self.waiting.iter().map(|row| row.wire.len()).max();
        self.columns = self.columns.or(longest);
        self.write();
    }

    fn write(&mut self) {
        let columns = self.columns.unwrap_or(hex::ROW_BYTES);
        for row in self.waiting.drain(..) {
            if std::mem::replace(&mut self.any, true) {
                self.text.push(b'\n');
            }
            hex::rows(&row.label, &row.wire, columns, &mut self.text);
            self.text.extend_from_slice(row.below.as_bytes());
        }
        self.waiting_bytes = 0;
    }
}

/// One end of a connection.
#[must_use]
pub fn address(end: SocketAddr, style: Style) -> String {
    let address = end.to_string();
    if !style.redact {
        return address;
    }
    String::from_utf8_lossy(&redact::authority(address.as_bytes())).into_owned()
}

/// The heading of a connection, for captures that have several.
#[must_use]
pub fn heading(number: u64, client: SocketAddr, server: SocketAddr, style: Style) -> String {
    let [client, server] = [client, server].map(|end| address(end, style));
    format!("Connection {number}: {client} to {server}\n\n")
}

/// Text between quotes, on one line.
#[must_use]
pub fn quoted(bytes: &[u8], redact: bool) -> String {
    if redact {
        return format!("\"{}\"", safe_line(&redact::text(bytes)));
    }
    format!("\"{}\"", safe_line(bytes))
}

impl Listing {
    /// An empty listing.
    #[must_use]
    pub const fn new(style: Style) -> Self {
        Self {
            style,
            text: Vec::new(),
            last: None,
            writer: SafeText::new(style.form()),
            rows: Rows::new(),
            client_frames: 0,
            server_frames: 0,
        }
    }

    /// Appends a message.
    pub fn message(&mut self, message: &Message) {
        match &message.detail {
            Detail::Http(http) => self.http(http),
            Detail::WebSocket(frame) => return self.frame(message, frame),
            Detail::Event(event) => self.event(event),
            Detail::Raw(content) if content.is_empty() => {}
            Detail::Raw(content) => self.raw(message.from, content),
        }
        self.notes(&message.notes);
    }

    /// The text so far, which is handed over.
    pub fn take_text(&mut self) -> Vec<u8> {
        self.last = self.text.last().copied().or(self.last);
        std::mem::take(&mut self.text)
    }

    /// The rows so far, which stand behind all of the text, and are handed over.
    pub fn take_rows(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.rows.text)
    }

    /// The end of the listing: its last line's end, and the last rows.
    pub fn finish(&mut self) {
        self.end_line();
        self.rows.finish();
    }

    fn http(&mut self, message: &HttpMessage) {
        self.writer.set_form(self.style.form());
        self.begin_text();
        if self.style.redact {
            let head = redact::head(&message.head, message.accept_belongs == Some(true));
            self.head_text(&head);
        } else {
            self.write(&message.head.raw);
        }
        if !message.codings.is_empty() && !message.body.is_empty() {
            let codings = message.codings.join(", ");
            let text = format!("{} bytes of {codings}, decoded:", message.coded_length);
            self.bracket(&text);
        }
        self.content(&message.body);
        if self.style.redact && message.body.bytes.last().is_some_and(|last| *last != b'\n') {
            self.bracket("no line end");
        }
        if !message.trailers.is_empty() {
            self.end_line();
            self.trailers(&message.trailers);
        }
    }

    /// A head's lines end with CR LF, which needs no saying; where one does not, there is a note.
    fn head_text(&mut self, head: &[u8]) {
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\r\n").unwrap_or(line);
            self.write(text);
            if text.len() < line.len() {
                self.text.push(b'\n');
            }
        }
    }

    fn trailers(&mut self, trailers: &[u8]) {
        let lines = trailers.split(|byte| *byte == b'\n');
        for line in lines {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if self.style.redact {
                self.write(&redact::text(line));
            } else {
                self.write(line);
            }
            self.text.push(b'\n');
        }
    }

    fn event(&mut self, event: &Event) {
        self.volatile_text(&event.raw);
    }

    fn raw(&mut self, from: Side, content: &Content) {
        self.writer.set_form(self.style.form());
        let text = is_text(&content.bytes);
        if self.style.redact || !text {
            let label = self.label(from);
            self.begin_text();
            if self.style.redact {
                let bytes = content.bytes.len() as u64 + content.left_out;
                let line = format!("{label}: {bytes} bytes\n");
                self.text.extend_from_slice(line.as_bytes());
            }
            if !text {
                return self.hex_content(&format!("{label}: "), content);
            }
        }
        self.content(content);
        if self.style.redact && content.bytes.last().is_some_and(|last| *last != b'\n') {
            self.bracket("no line end");
        }
    }

    /// A body or a raw turn: text where it is text, else rows.
    fn content(&mut self, content: &Content) {
        if !is_text(&content.bytes) {
            self.end_line();
            return self.hex_content("", content);
        }
        for piece in content.pieces() {
            match piece {
                Piece::Bytes(bytes) => self.volatile_text(bytes),
                other => self.gap(other),
            }
        }
    }

    fn hex_content(&mut self, label: &str, content: &Content) {
        for piece in content.pieces() {
            match piece {
                Piece::Bytes(bytes) => hex::rows(label, bytes, bytes.len(), &mut self.text),
                other => {
                    self.gap(other);
                    self.end_line();
                }
            }
        }
    }

    fn gap(&mut self, piece: Piece<'_>) {
        let text = match piece {
            Piece::Bytes(_) => return,
            Piece::Missing(count) => format!("[{count} bytes missing]"),
            Piece::LeftOut(count) => format!("[{count} bytes left out]"),
        };
        self.writer.end(&mut self.text);
        self.text.extend_from_slice(text.as_bytes());
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
            let line = format!("{label}: {}\n{below}", frame_line(frame));
            self.text.extend_from_slice(line.as_bytes());
            return;
        }
        self.writer.end(&mut self.text);
        self.writer.set_form(Form::AsciiDots);
        self.write(&frame.wire);
        for (_, missing) in &frame.holes {
            self.gap(Piece::Missing(*missing));
        }
        self.rows.push(Row {
            label: format!("{label}: "),
            wire: frame.wire.clone(),
            below,
        });
    }

    /// `C1` for the client's first frame or turn, as in the seed.
    fn label(&mut self, from: Side) -> String {
        let (letter, count) = match from {
            Side::Client => ('C', &mut self.client_frames),
            Side::Server => ('S', &mut self.server_frames),
        };
        *count += 1;
        format!("{letter}{count}")
    }

    fn notes(&mut self, notes: &[Note]) {
        for note in notes {
            self.bracket(&note.to_string());
        }
    }

    /// A remark on a line of its own.
    fn bracket(&mut self, text: &str) {
        self.writer.end(&mut self.text);
        self.end_line();
        let line = format!("[{}]\n", safe_line(text.as_bytes()));
        self.text.extend_from_slice(line.as_bytes());
    }

    fn volatile_text(&mut self, bytes: &[u8]) {
        if self.style.redact {
            self.write(&redact::text(bytes));
        } else {
            self.write(bytes);
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.writer.push(bytes, &mut self.text);
    }

    /// In the redacted form each message begins on a line of its own.
    fn begin_text(&mut self) {
        if self.style.redact {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        self.writer.end(&mut self.text);
        let last = self.text.last().copied().or(self.last);
        if last.is_some_and(|last| last != b'\n') {
            self.text.push(b'\n');
        }
    }
}

/// `text, 8 bytes, masked: "get-time"`.
fn frame_line(frame: &Frame) -> String {
    let header = &frame.header;
    let mut line = format!("{}, {} bytes", header.opcode, header.length);
    if header.mask.is_some() {
        line.push_str(", masked");
    }
    if frame.compressed {
        line.push_str(", compressed");
    }
    if !header.fin {
        line.push_str(", more follows");
    }
    if !frame.payload.is_empty() {
        line.push_str(": ");
        line.push_str(&frame_payload(frame));
    }
    for (_, missing) in &frame.holes {
        line.push_str(&bracketed(*missing, "missing"));
    }
    if frame.left_out > 0 {
        line.push_str(&bracketed(frame.left_out, "left out"));
    }
    line
}

fn bracketed(count: u64, what: &str) -> String {
    format!(" [{count} bytes {what}]")
}

fn frame_payload(frame: &Frame) -> String {
    if let Some(code) = frame.close_code() {
        let reason = match frame.close_reason() {
            b"" => String::new(),
            reason => format!(" {}", quoted(reason, true)),
        };
        return format!("{code} {}{reason}", close_name(code));
    }
    if frame.message_opcode != Opcode::TEXT
        && (frame.message_opcode == Opcode::BINARY || !is_text(&frame.payload))
    {
        return hex::spaced(&frame.payload);
    }
    quoted(&frame.payload, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::conversation::Conversation;
    use crate::units::Timestamp;
    use crate::wire::event::{Origin, StreamEvent, StreamSink};

    enum Sent<'a> {
        Client(&'a [u8]),
        Server(&'a [u8]),
        Lost(u64),
    }
    use Sent::{Client, Lost, Server};

    fn list(style: Style, packets: &[Sent<'_>]) -> String {
        let mut conversation = Conversation::default();
        let mut listing = Listing::new(style);
        for (packet, sent) in (1..).zip(packets) {
            let (side, event) = match sent {
                Client(bytes) => (Side::Client, StreamEvent::Data(bytes)),
                Server(bytes) => (Side::Server, StreamEvent::Data(bytes)),
                Lost(count) => (Side::Server, StreamEvent::Missing(*count)),
            };
            let time = Timestamp::default();
            conversation.event(Origin { side, packet, time }, event);
        }
        conversation.finish();
        while let Some(message) = conversation.take() {
            listing.message(&message);
        }
        listing.finish();
        let (text, rows) = (listing.take_text(), listing.take_rows());
        let parts = [text, rows].map(|part| String::from_utf8(part).expect("safe text"));
        parts.join("~\n").trim_end_matches("~\n").to_owned()
    }

    fn plain(packets: &[Sent<'_>]) -> String {
        list(Style::default(), packets)
    }

    fn redacted(packets: &[Sent<'_>]) -> String {
        let style = Style {
            redact: true,
            explain: false,
        };
        list(style, packets)
    }

    const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==\r\n\r\n";
    const SWITCHING: &[u8] = b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\n\r\n";

    #[test]
    fn a_redacted_turn_says_who_spoke_and_how_it_ended() {
        let packets = [
            Server(b"Hello\n12:00:00\n"),
            Client(b"time\r\n"),
            Server(b"bye"),
        ];
        assert_eq!(
            redacted(&packets),
            "S1: 15 bytes\nHello\nHH:MM:SS\nC1: 6 bytes\ntime\\r\nS2: 3 bytes\nbye\n[no line end]\n"
        );
        assert_eq!(plain(&packets), "Hello\n12:00:00\ntime\nbye\n");
    }

    #[test]
    fn bytes_that_are_no_text_are_rows() {
        let bytes: Vec<u8> = (0..30).collect();
        assert_eq!(
            plain(&[Client(&bytes)]),
            "C1: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17  ........................\n\
             \x20   18 19 1a 1b 1c 1d                                                        ......\n"
        );
    }

    #[test]
    fn holes_stand_where_bytes_are_missing() {
        let packets = [
            Client(b"GET / HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
            Lost(4),
            Server(b"xyz"),
        ];
        let listing = plain(&packets);
        assert!(
            listing.ends_with("\n\nabc[4 bytes missing]xyz\n"),
            "{listing}"
        );
    }

    #[test]
    fn a_redacted_frame_is_a_line_with_what_it_says() {
        let client = b"\x81\x88\x36\x0d\x29\x16\x51\x68\x5d\x3b\x42\x64\x44\x73\x88\x82\x19\xdb\x13\x62\x1a\x32";
        let server = b"\x01\x02h\x1b\x89\x00\x80\x01i\x82\x02\xff\x00\x88\x09\x03\xf3\x1b[2Jbye";
        let packets = [
            Client(UPGRADE),
            Server(SWITCHING),
            Client(client),
            Server(server),
        ];
        let listing = redacted(&packets);
        let frames = listing.split("\n\n").last().unwrap();
        assert_eq!(
            frames,
            "C1: text, 8 bytes, masked: \"get-time\"\n\
             C2: close, 2 bytes, masked: 1001 going away\n\
             S1: text, 2 bytes, more follows: \"h\\x1b\"\n\
             S2: ping, 0 bytes\n\
             S3: continuation, 1 bytes: \"i\"\n\
             S4: binary, 2 bytes: ff 00\n\
             S5: close, 9 bytes: 1011 internal error \"\\x1b[2Jbye\"\n"
        );
        assert!(listing.contains("Sec-WebSocket-Accept: <accept, belongs to the key>\n"));
        assert!(
            !plain(&packets).contains('\u{1b}'),
            "no escape reaches a terminal"
        );
    }

    #[test]
    fn masks_by_chance_leave_no_trace_in_a_snapshot() {
        let masked = |mask: [u8; 4]| {
            let mut payload = *b"get-time";
            crate::wire::websocket::unmask(&mut payload, mask, 0);
            [&[0x81, 0x88][..], &mask, &payload].concat()
        };
        let listing = |mask| {
            let frame = masked(mask);
            redacted(&[Client(UPGRADE), Server(SWITCHING), Client(&frame)])
        };
        assert_eq!(listing([1, 2, 3, 4]), listing([0x0a, 0x0d, 0xc3, 0xbc]));
    }

    #[test]
    fn violations_stand_below_their_frame() {
        let packets = [Client(UPGRADE), Server(SWITCHING), Client(b"\x81\x01a")];
        let below = format!(
            "C1: 81 01 61  ..a\n[RFC 6455 §5.1, offset {}: a client's frame is not masked]\n",
            UPGRADE.len() + 1
        );
        assert!(plain(&packets).ends_with(&below), "{}", plain(&packets));
    }

    #[test]
    fn coded_and_chunked_bodies_are_listed_decoded() {
        let gzip = [
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6,
            0x10, 0x36, 5, 0, 0, 0,
        ];
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n19\r\n";
        let wire = [&head[..], &gzip, b"\r\n0\r\nX: 12:00:00\r\n\r\n"].concat();
        let listing = redacted(&[Server(&wire)]);
        assert!(
            listing
                .ends_with("\n\n[25 bytes of gzip, decoded:]\nhello\n[no line end]\nX: HH:MM:SS\n"),
            "{listing}"
        );
    }

    #[test]
    fn an_explanation_has_bits_mask_and_payload() {
        let client = b"\x88\x82\x19\xdb\x13\x62\x1a\x32";
        let style = Style {
            redact: false,
            explain: true,
        };
        let listing = list(style, &[Client(UPGRADE), Server(SWITCHING), Client(client)]);
        assert!(
            listing.ends_with(
                "C1: 88 82 19 db 13 62 1a 32  .....b.2\n\n\
                 \x20   88           10001000  FIN: the last frame of its message; opcode 8: close  RFC 6455 §5.2\n\
                 \x20   82           10000010  masked; payload length 2                             RFC 6455 §5.2\n\
                 \x20   19 db 13 62            masking key                                          RFC 6455 §5.3\n\
                 \x20   1a 32                  masked payload; unmasked 03 e9                       RFC 6455 §5.3\n\
                 \x20                          03 e9 is 1001: close status \"going away\"             RFC 6455 §7.4.1\n"
            ),
            "{listing}"
        );
    }
}
