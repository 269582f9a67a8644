//! The parts of a message that are handled separately: a head's lines, a body, a payload.

use std::borrow::Cow;

use super::{Detail, HttpMessage, Message};
use crate::http::Head;

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The name of the part: `request line`, a field's name, `body`, `payload`.
    pub name: Cow<'a, str>,
    /// The bytes of the part; for a field, its whole line without the line end.
    pub bytes: &'a [u8],
}

/// Returns the parts of a message, in order, without empty ones.
#[must_use]
pub fn parts(message: &Message) -> Vec<Part<'_>> {
    let mut parts = match &message.detail {
        Detail::Http(http) => of_http(http),
        Detail::WebSocket(frame) => {
            let whole = frame.message().unwrap_or(&frame.payload);
            vec![part("payload", whole)]
        }
        Detail::Event(event) => vec![part("event", &event.raw)],
        Detail::EventsEnd(end) => vec![part("trailers", &end.trailers)],
        Detail::Raw(content) => vec![part("bytes", &content.bytes)],
        Detail::Aside(aside) => vec![part("bytes", &aside.content.bytes)],
    };
    parts.retain(|part| !part.bytes.is_empty());
    parts
}

fn part<'a>(name: &'a str, bytes: &'a [u8]) -> Part<'a> {
    Part {
        name: name.into(),
        bytes,
    }
}

fn of_http(http: &HttpMessage) -> Vec<Part<'_>> {
    let mut parts = vec![start_line(&http.head)];
    for (name, value) in http.head.field_spans() {
        parts.push(Part {
            name: String::from_utf8_lossy(&http.head.raw[name.clone()]),
            bytes: &http.head.raw[name.start..value.end.max(name.end)],
        });
    }
    parts.push(part("body", &http.body.bytes));
    parts.push(part("trailers", &http.trailers));
    parts
}

fn start_line(head: &Head) -> Part<'_> {
    let raw = head.raw.trim_ascii_start();
    let end = raw.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let name = if head.is_request() {
        "request line"
    } else {
        "status line"
    };
    part(name, &raw[..end.unwrap_or(raw.len())])
}
