//! The labels of packets.

use wirestream::message::{Detail, HttpMessage, Message};
use wirestream::packet::Flags;
use wirestream::units::Timestamp;

use crate::analysis::dissection::{Dissection, Packet};
use crate::analysis::role::Role;
use crate::render::safe_text::safe_line;

/// The most characters of a label; a longer one would leave its arrow on a narrow screen.
const LABEL_CHARACTERS: usize = 30;

/// Returns the time of a packet, in seconds since the first one in the file; negative if that was captured later.
#[must_use]
pub fn since_start(dissection: &Dissection, time: Timestamp) -> String {
    time.shown_after(dissection.start())
}

/// Returns a packet in a few words: its message, or without one, its flags.
#[must_use]
pub fn label(dissection: &Dissection, packet: &Packet) -> String {
    let Some(tcp) = packet.tcp else {
        return Role::NotTcp.name().to_owned();
    };
    let number = packet.explained.number;
    let text = match dissection.message_at(number) {
        Some(message) => begin(message),
        None if tcp.payload_bytes == 0 => flags(tcp.flags),
        None => format!("{}, {} bytes", packet.explained.role, tcp.payload_bytes),
    };
    shortened(&text)
}

/// Returns a packet in a sentence, for readers who do not see the arrow.
#[must_use]
pub fn sentence(dissection: &Dissection, packet: &Packet) -> String {
    let explained = &packet.explained;
    let sender = explained
        .sender
        .map_or_else(String::new, |(connection, side)| {
            format!(", connection {}, {side} to {}", connection + 1, side.peer())
        });
    format!(
        "Packet {} at {} s{sender}: {}, {} bytes. {}",
        explained.number,
        since_start(dissection, explained.time),
        explained.role,
        packet.original_length,
        label(dissection, packet)
    )
}

/// Returns the beginning of a message.
fn begin(message: &Message) -> String {
    match &message.detail {
        Detail::Http(http) => start_line(http),
        Detail::WebSocket(frame) => {
            let (opcode, length) = (frame.header.opcode.name(), frame.header.length);
            format!("{opcode} frame, {length} bytes")
        }
        Detail::EventsEnd(_) => "end of events".to_owned(),
        Detail::Event(event) => format!("event: {}", first_line(&event.raw)),
        Detail::Raw(content) => format!("\u{201c}{}\u{201d}", first_line(&content.bytes)),
        Detail::Aside(aside) => format!("outside the stream: {}", aside.reason),
    }
}

fn start_line(http: &HttpMessage) -> String {
    let head = &http.head;
    if head.is_request() {
        let (method, target) = (safe_line(head.method()), safe_line(head.target()));
        return format!("{method} {target}");
    }
    format!("{} {}", head.status(), safe_line(head.reason()))
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let line = line.unwrap_or_default();
    safe_line(&line[..line.len().min(4 * LABEL_CHARACTERS)])
}

fn flags(flags: Flags) -> String {
    format!("{flags:?}").replace('+', ", ")
}

/// Returns the beginning of a text that is too long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LABEL_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
    }
}
