//! A frame on one line, as the redacted form has it.

use std::fmt::Write as _;
use std::ops::Range;

use wirestream::websocket::{Frame, Opcode, close_name};

use super::follows::{Form, UNKNOWN};
use super::large::payload_in_short;
use super::placeholder::{Part, around};
use super::{digest, left_out, quoted};
use crate::render::hex;
use crate::render::redact::Shown;
use crate::render::safe_text::{is_text, safe_line};

/// `text, 8 bytes, masked: "get-time"`. `is_hidden` says that something in it is hidden, and `placeholders` where something
/// stands for it; a payload beyond the limit is shown in short.
pub(super) fn frame_line(
    frame: &Frame,
    placeholders: &[Range<usize>],
    is_hidden: bool,
    form: &Form,
    limit: Option<usize>,
) -> String {
    let header = &frame.header;
    let bytes = match form {
        Form::Hidden | Form::Last(_) => UNKNOWN.to_owned(),
        Form::Plain if is_hidden && is_whole(frame) => {
            let shown = Shown::frame(frame).bytes.len() as u64;
            (shown + frame.left_out.length()).to_string()
        }
        _ => header.length.to_string(),
    };
    let mut line = format!("{}, {bytes} bytes", header.opcode);
    if header.mask.is_some() {
        line.push_str(", masked");
    }
    if frame.compressed {
        line.push_str(", compressed");
    }
    match form {
        Form::Whole(all) if !all.is_empty() => {
            line.push_str(", ");
            line.push_str(&digest(all));
        }
        Form::Last(all) => {
            line.push_str(", with those before it ");
            line.push_str(&digest(all));
        }
        Form::Plain | Form::Hidden | Form::Whole(_) => {}
    }
    if !header.fin {
        line.push_str(", more follows");
    }
    if !frame.payload.is_empty() {
        line.push_str(": ");
        line.push_str(&frame_payload(frame, placeholders, limit));
    }
    for (_, missing) in &frame.holes {
        let _ = write!(line, " [{missing} bytes missing]");
    }
    if !frame.left_out.is_empty() {
        let _ = write!(line, " [{}]", left_out(&frame.left_out, true));
    }
    if !frame.inflated {
        line.push_str("; not inflated: ");
        line.push_str(&hex::spaced(&frame.sent()));
    }
    line
}

/// Returns true if all of its payload is in the capture.
fn is_whole(frame: &Frame) -> bool {
    let missing = frame.holes.iter().map(|(_, missing)| missing).sum::<u64>();
    let sent = (frame.wire.len() - frame.header_length) as u64;
    missing == 0 && sent + frame.left_out.length() == frame.header.length
}

fn frame_payload(frame: &Frame, placeholders: &[Range<usize>], limit: Option<usize>) -> String {
    if let Some(code) = frame.close_code() {
        let reason = match frame.close_reason() {
            b"" => String::new(),
            reason => format!(" {}", quoted(reason, true)),
        };
        return format!("{code} {}{reason}", close_name(code));
    }
    let shown = Shown::frame(frame).bytes;
    let is_text = frame.message_opcode == Opcode::TEXT
        || frame.message_opcode != Opcode::BINARY && is_text(&frame.payload);
    if limit.is_some_and(|limit| frame.payload.len() > limit) {
        return payload_in_short(&shown, is_text);
    }
    if is_text {
        return quoted(&shown, false);
    }
    let parts = around(&shown, 0, placeholders).map(|part| match part {
        Part::Bytes(bytes) => hex::spaced(bytes),
        Part::Placeholder(text) => safe_line(text),
    });
    parts.collect::<Vec<_>>().join(" ")
}
