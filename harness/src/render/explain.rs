//! A WebSocket frame taken apart, as the original document does for its frames C1 and C4: bits, length, mask, payload.
//!
//! Each line has the bytes, their bits if bits matter, their meaning, and the section of the RFC that defines it:
//!
//! ```text
//!     88           10001000  FIN: the last frame of its message; opcode 8: close  RFC 6455 §5.2
//!     82           10000010  masked; payload length 2                             RFC 6455 §5.2
//!     19 db 13 62            masking key                                          RFC 6455 §5.3
//!     1a 32                  unmasked 03 e9: close status 1001, going away        RFC 6455 §7.4.1
//! ```

use wirestream::websocket::{Frame, LengthForm, Opcode, close_name};

use super::hex;
use super::safe_text::safe_line;

/// The most bytes of payload that an explanation shows.
const SHOWN: usize = 125;

/// The number of bytes on one line.
const PER_LINE: usize = 8;

/// An explanation of some bytes of a frame.
#[derive(Clone, Debug)]
pub struct Line {
    /// The bytes, hexadecimal; empty if the line is about those before.
    pub bytes: String,
    /// The bits of the bytes, if bits matter.
    pub bits: String,
    /// The meaning of the bytes.
    pub meaning: String,
    /// The section of the RFC that defines it.
    pub rule: &'static str,
}

/// Explains each byte of a frame, a line for each field. With `redact`, values that the mask makes random are left out.
#[must_use]
pub fn frame(frame: &Frame, redact: bool) -> String {
    align(&lines(frame, redact))
}

/// Returns the same explanation, in lines that are not aligned yet.
#[must_use]
pub fn lines(frame: &Frame, redact: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.push(first_byte(frame));
    lines.push(second_byte(frame));
    lines.extend(extended_length(frame));
    lines.extend(masking_key(frame, redact));
    lines.extend(payload(frame, redact));
    lines.extend(decoded(frame, redact));
    lines
}

fn align(lines: &[Line]) -> String {
    let bytes = lines.iter().map(|line| line.bytes.len()).max().unwrap_or(0);
    let longest = |line: &Line| line.meaning.chars().count();
    let meaning = lines.iter().map(longest).max().unwrap_or(0).min(72);
    let mut output = String::new();
    for line in lines {
        let text = format!(
            "    {:bytes$}  {:8}  {:meaning$}  {}",
            line.bytes, line.bits, line.meaning, line.rule
        );
        output.push_str(text.trim_end());
        output.push('\n');
    }
    output
}

fn line(bytes: &[u8], meaning: String, rule: &'static str) -> Line {
    Line {
        bytes: hex::spaced(bytes),
        bits: String::new(),
        meaning,
        rule,
    }
}

fn with_bits(byte: u8, meaning: String) -> Line {
    Line {
        bits: format!("{byte:08b}"),
        ..line(&[byte], meaning, "RFC 6455 §5.2")
    }
}

fn first_byte(frame: &Frame) -> Line {
    let header = &frame.header;
    let fin = if header.fin {
        "FIN: the last frame of its message"
    } else {
        "no FIN: more frames of the message follow"
    };
    let mut meaning = fin.to_owned();
    for (bit, name) in [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")] {
        if header.reserved & bit != 0 {
            let use_of_it = match (bit, frame.compressed) {
                (4, true) => ": compressed (RFC 7692 §6)",
                _ => "",
            };
            meaning.push_str("; ");
            meaning.push_str(name);
            meaning.push_str(use_of_it);
        }
    }
    let (number, name) = (header.opcode.0, header.opcode.name());
    with_bits(
        frame.wire[0],
        format!("{meaning}; opcode {number:x}: {name}"),
    )
}

fn second_byte(frame: &Frame) -> Line {
    let header = &frame.header;
    let masked = if header.mask.is_some() {
        "masked"
    } else {
        "not masked"
    };
    let length = match header.length_form {
        LengthForm::Seven => format!("payload length {}", header.length),
        LengthForm::Sixteen => "126: the payload length is in the next 16 bits".to_owned(),
        LengthForm::SixtyFour => "127: the payload length is in the next 64 bits".to_owned(),
    };
    with_bits(frame.wire[1], format!("{masked}; {length}"))
}

fn extended_length(frame: &Frame) -> Option<Line> {
    let end = match frame.header.length_form {
        LengthForm::Seven => return None,
        LengthForm::Sixteen => 4,
        LengthForm::SixtyFour => 10,
    };
    let meaning = format!("payload length {}", frame.header.length);
    Some(line(&frame.wire[2..end], meaning, "RFC 6455 §5.2"))
}

fn masking_key(frame: &Frame, redact: bool) -> Option<Line> {
    let mask = frame.header.mask?;
    let mut line = line(&mask, "masking key".to_owned(), "RFC 6455 §5.3");
    if redact {
        "** ** ** **".clone_into(&mut line.bytes);
    }
    Some(line)
}

/// Returns the payload as it is on the wire, in lines of a few bytes, each with its unmasked form.
fn payload(frame: &Frame, redact: bool) -> Vec<Line> {
    let sent = &frame.wire[frame.header_length..];
    let masked = frame.header.mask.is_some();
    if masked && redact {
        return Vec::new();
    }
    let shown = &sent[..sent.len().min(SHOWN)];
    let mut lines: Vec<_> = shown
        .chunks(PER_LINE)
        .enumerate()
        .map(|(index, bytes)| payload_line(frame, index * PER_LINE, bytes))
        .collect();
    if shown.len() < sent.len() {
        let meaning = format!("and {} bytes more", sent.len() - shown.len());
        lines.push(line(&[], meaning, ""));
    }
    lines
}

fn payload_line(frame: &Frame, from: usize, bytes: &[u8]) -> Line {
    let rule = "RFC 6455 §5.3";
    if frame.header.mask.is_none() {
        return line(bytes, "payload".to_owned(), "RFC 6455 §5.2");
    }
    let unmasked = frame.payload.get(from..from + bytes.len());
    let meaning = match unmasked.filter(|_| !frame.compressed && frame.holes.is_empty()) {
        Some(unmasked) => format!("masked payload; unmasked {}", hex::spaced(unmasked)),
        None => "masked payload".to_owned(),
    };
    line(bytes, meaning, rule)
}

/// Returns a line with the decoded payload.
fn decoded(frame: &Frame, redact: bool) -> Option<Line> {
    if frame.header.opcode == Opcode::CLOSE {
        return Some(close(frame, redact));
    }
    if frame.payload.is_empty() {
        return None;
    }
    let how = if frame.compressed {
        "inflated"
    } else {
        "decoded"
    };
    let rule = match (frame.compressed, frame.message_opcode) {
        (true, _) => "RFC 7692 §7.2.2",
        (_, Opcode::PING) => "RFC 6455 §5.5.2",
        (_, Opcode::PONG) => "RFC 6455 §5.5.3",
        _ => "RFC 6455 §5.6",
    };
    let shown = &frame.payload[..frame.payload.len().min(SHOWN)];
    let shown = super::payload::quoted(shown, redact);
    let more = frame.payload.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} bytes more")
    } else {
        String::new()
    };
    Some(line(&[], format!("{how}: {shown}{more}"), rule))
}

fn close(frame: &Frame, redact: bool) -> Line {
    let Some(code) = frame.close_code() else {
        let meaning = "no close status: the payload is empty";
        return line(&[], meaning.to_owned(), "RFC 6455 §7.1.5");
    };
    let reason = match frame.close_reason() {
        b"" => String::new(),
        reason => format!("; reason {}", super::payload::quoted(reason, redact)),
    };
    let meaning = format!(
        "{} is {code}: close status \"{}\"{reason}",
        hex::spaced(&frame.payload[..2]),
        safe_line(close_name(code).as_bytes())
    );
    line(&[], meaning, "RFC 6455 §7.4.1")
}
