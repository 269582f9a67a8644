//! Writes a message as it was sent; a WebSocket frame with its bits drawn and its mask undone.

use wirestream::message::content::{Content, Piece};
use wirestream::message::{CodedBody, Detail, EventsEnd, HttpMessage, Message};
use wirestream::units::Side;
use wirestream::websocket::Frame;

use super::figures::{grouped, table};
use crate::analysis::dissection::Dissection;
use crate::render::markup::Markup;
use crate::render::safe_text::{Form, is_text, safe_line, safe_text};
use crate::render::sequence::since_start;
use crate::render::{bitfield, explain, hex};

/// The number of bytes of a payload whose mask is undone bit by bit.
const UNMASKED_SHOWN: usize = 16;

/// The number of bytes that are shown of a content that is not text.
const HEX_SHOWN: usize = 512;

/// Numbers the frames and turns of a connection: `C1` is the client's first.
#[derive(Default)]
pub(super) struct Labels {
    client: u64,
    server: u64,
}

impl Labels {
    /// Returns the label of the next message; empty if its kind has none.
    pub(super) fn next(&mut self, message: &Message) -> String {
        if !matches!(message.detail, Detail::WebSocket(_) | Detail::Raw(_)) {
            return String::new();
        }
        let (letter, count) = match message.from {
            Side::Client => ('C', &mut self.client),
            Side::Server => ('S', &mut self.server),
        };
        *count += 1;
        format!("{letter}{count}")
    }
}

/// Writes a message. The first few frames are open from the beginning.
pub(super) fn article(
    page: &mut Markup,
    dissection: &Dissection,
    message: &Message,
    label: &str,
    id: &str,
    frames_open: &mut u32,
) {
    let class = format!("message from-{}", message.from);
    page.within("article", &[("class", &class)], |page| {
        page.within("h5", &[], |page| {
            if !label.is_empty() {
                page.element("span", &[("class", &"label")], label);
            }
            page.text(kind(message));
        });
        page.within("p", &[("class", &"quiet")], |page| {
            let time = since_start(dissection, message.time);
            page.text(format!(
                "{} to {} at {time} s, ",
                message.from,
                message.from.peer()
            ));
            packet_link(page, dissection, message.packet, id);
            page.text(format!(", {} bytes", grouped(message.length)));
        });
        match &message.detail {
            Detail::Http(http) => self::http(page, http),
            Detail::WebSocket(frame) => {
                let is_open = *frames_open > 0;
                *frames_open = frames_open.saturating_sub(1);
                let figure_id = format!("{id}-m{}-{}", message.packet, message.offset);
                self::frame(page, frame, label, &figure_id, is_open);
            }
            Detail::Event(event) => page.element("pre", &[], safe_text(&event.raw, Form::Dots)),
            Detail::EventsEnd(end) => events_end(page, end),
            Detail::Raw(content) => self::content(page, content),
            Detail::Aside(aside) => self::content(page, &aside.content),
        }
        for note in &message.notes {
            page.element(
                "p",
                &[("class", &"note")],
                safe_line(note.to_string().as_bytes()),
            );
        }
    });
    page.line_end();
}

fn kind(message: &Message) -> String {
    match &message.detail {
        Detail::Http(http) if http.head.is_request() => "HTTP request".to_owned(),
        Detail::Http(_) => "HTTP response".to_owned(),
        Detail::WebSocket(frame) => format!("WebSocket {} frame", frame.header.opcode.name()),
        Detail::Event(_) => "Server-sent event".to_owned(),
        Detail::EventsEnd(_) => "End of server-sent events".to_owned(),
        Detail::Raw(_) => "Bytes".to_owned(),
        Detail::Aside(aside) => format!("Bytes outside the stream: {}", aside.reason),
    }
}

/// Writes a link to the packet that carried the first byte, if it is shown.
fn packet_link(page: &mut Markup, dissection: &Dissection, packet: u64, id: &str) {
    let mut packets = dissection.packets.iter();
    let text = format!("packet {packet}");
    if packets.any(|shown| shown.explained.number == packet) {
        let target = format!("#{id}-p{packet}");
        page.element("a", &[("class", &"to-packet"), ("href", &target)], text);
    } else {
        page.text(text);
    }
}

fn http(page: &mut Markup, http: &HttpMessage) {
    page.within("pre", &[], |page| {
        let head = safe_text(&http.head.raw, Form::Dots);
        page.element(
            "span",
            &[("class", &"start-line")],
            head.lines().next().unwrap_or_default(),
        );
        for line in head.trim_end().lines().skip(1) {
            page.line_end();
            page.text(line);
        }
    });
    if !http.codings.is_empty() {
        let codings = http.codings.join(", ");
        let text = format!(
            "{} bytes of {codings}, decoded:",
            grouped(http.coded_length)
        );
        page.element("p", &[("class", &"quiet")], text);
    }
    content(page, &http.body);
    undecoded(page, http.coded.as_deref());
    trailers(page, &http.trailers);
}

/// Writes the coded bytes that could not be decoded.
fn undecoded(page: &mut Markup, coded: Option<&CodedBody>) {
    if let Some(coded) = coded.filter(|coded| !coded.undecoded.is_empty()) {
        let bytes = grouped(coded.undecoded.length());
        page.element(
            "p",
            &[("class", &"quiet")],
            format!("{bytes} bytes, not decoded:"),
        );
        content(page, &coded.undecoded);
    }
}

fn trailers(page: &mut Markup, trailers: &[u8]) {
    if !trailers.is_empty() {
        page.element("pre", &[], safe_text(trailers, Form::Dots));
    }
}

fn events_end(page: &mut Markup, end: &EventsEnd) {
    if let Some(coded) = &end.coded {
        let codings = end.codings.join(", ");
        let bytes = grouped(coded.fingerprint.length());
        let text = format!("{bytes} bytes of {codings}, decoded to the events above");
        page.element("p", &[("class", &"quiet")], text);
    }
    undecoded(page, end.coded.as_deref());
    trailers(page, &end.trailers);
}

fn content(page: &mut Markup, content: &Content) {
    if content.is_empty() {
        return;
    }
    let as_text = is_text(&content.bytes);
    page.within("pre", &[("class", &"content")], |page| {
        for piece in content.pieces() {
            match piece {
                Piece::Bytes(bytes) if as_text => page.text(safe_text(bytes, Form::Dots)),
                Piece::Bytes(bytes) => hexadecimal(page, bytes),
                Piece::Missing(count) => gap(page, count, "bytes missing"),
                Piece::LeftOut(rest) => gap(page, rest.length(), "bytes more"),
            }
        }
    });
}

fn hexadecimal(page: &mut Markup, bytes: &[u8]) {
    let shown = &bytes[..bytes.len().min(HEX_SHOWN)];
    page.text(hex::spaced(shown));
    if shown.len() < bytes.len() {
        gap(page, (bytes.len() - shown.len()) as u64, "bytes more");
    }
}

/// Writes a note about bytes that are not shown.
fn gap(page: &mut Markup, count: u64, what: &str) {
    page.element("em", &[], format!(" [{} {what}] ", grouped(count)));
}

fn frame(page: &mut Markup, frame: &Frame, label: &str, id: &str, is_open: bool) {
    if frame.header.opcode.is_control() || frame.payload.is_empty() {
        close_status(page, frame);
    } else {
        let text = Content {
            bytes: frame.payload.clone(),
            holes: Vec::new(),
            left_out: frame.left_out.clone(),
        };
        content(page, &text);
    }
    let open: &[(&'static str, &dyn std::fmt::Display)] =
        if is_open { &[("open", &"")] } else { &[] };
    page.within("details", open, |page| {
        page.element("summary", &[], format!("{label} bit by bit"));
        let title =
            format!("The bits of frame {label}, 32 to a row, with the fields that they make");
        bitfield::figure(page, frame, &title, id);
        unmasking(page, frame);
        field_by_field(page, frame, label);
    });
}

/// Writes the meaning of each byte, with the section of the RFC that defines it.
fn field_by_field(page: &mut Markup, frame: &Frame, label: &str) {
    let row = |line: explain::Line| vec![line.bytes, line.bits, line.meaning, line.rule.to_owned()];
    let rows: Vec<Vec<String>> = explain::lines(frame, false).into_iter().map(row).collect();
    let caption = format!("{label} field by field");
    page.within("div", &[("class", &"fields")], |page| {
        table(page, &caption, &["Bytes", "Bits", "Meaning", "Rule"], &rows);
    });
}

fn close_status(page: &mut Markup, frame: &Frame) {
    let text = match frame.close_code() {
        Some(code) => format!("Status {code} {}", safe_line(frame.close_reason())),
        None if frame.payload.is_empty() => return,
        None => safe_text(&frame.payload, Form::Dots),
    };
    page.element("pre", &[("class", &"content")], text.trim_end());
}

/// Writes each byte of the payload next to its byte of the key (RFC 6455 §5.3).
fn unmasking(page: &mut Markup, frame: &Frame) {
    let Some(mask) = frame.header.mask.filter(|_| frame.holes.is_empty()) else {
        return;
    };
    let sent = frame.wire.get(frame.header_length..).unwrap_or_default();
    if sent.is_empty() {
        return;
    }
    let text = "The mask undone: each byte of the payload, exclusive or, the next byte of the key, around and around.";
    page.element("p", &[("class", &"quiet")], text);
    page.within("pre", &[], |page| {
        for (index, byte) in sent.iter().take(UNMASKED_SHOWN).enumerate() {
            let key = mask[index % mask.len()];
            let plain = byte ^ key;
            let shown = if matches!(plain, b' '..=b'~') {
                char::from(plain)
            } else {
                '.'
            };
            page.text(format!(
                "{byte:02x} {byte:08b} \u{2295} {key:02x} {key:08b} = {plain:02x} {plain:08b} "
            ));
            page.element("b", &[("class", &"p")], shown);
            page.line_end();
        }
        let more = sent.len().saturating_sub(UNMASKED_SHOWN);
        if more > 0 {
            gap(page, more as u64, "bytes more");
        }
    });
}
