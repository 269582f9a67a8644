//! A frame on one line, as the redacted form has it.

use super::quoted;
use crate::render::hex;
use crate::render::safe_text::is_text;
use crate::wire::websocket::{Frame, Opcode, close_name};

/// `text, 8 bytes, masked: "get-time"`.
pub(super) fn frame_line(frame: &Frame) -> String {
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
