//! How long a body is, as the head tells it (RFC 9112 §6.3).

use super::{Asked, Head};
use crate::wire::note::Note;

/// How a body's length is known (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// Content-Length.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
    /// Until the server closes.
    UntilClose,
    /// No more HTTP after this head: 101, or the answer to a CONNECT.
    Switched,
}

impl Framing {
    /// One or two words for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Length(_) => "content-length",
            Self::Chunked => "chunked",
            Self::UntilClose => "until close",
            Self::Switched => "switched",
        }
    }
}

/// What the fields alone say about the length.
enum Announced {
    Nothing,
    Length(u64),
    Chunked,
    /// A transfer coding, but not chunked at the end.
    OtherCoding,
    Nonsense,
}

fn announced(head: &mut Head) -> Announced {
    let coded = head.field("transfer-encoding").is_some();
    if coded {
        if head.field("content-length").is_some() {
            let text = "both Transfer-Encoding and Content-Length; the latter is ignored";
            head.notes
                .push(Note::new(head.offset, "RFC 9112 §6.1", text));
        }
        return if last_transfer_coding(head).eq_ignore_ascii_case(b"chunked") {
            Announced::Chunked
        } else {
            Announced::OtherCoding
        };
    }
    let mut length = None;
    for value in head
        .all("content-length")
        .flat_map(|value| value.split(|byte| *byte == b','))
    {
        let number = decimal(value.trim_ascii());
        if number.is_none() || length.is_some_and(|before| Some(before) != number) {
            return Announced::Nonsense;
        }
        length = number;
    }
    length.map_or(Announced::Nothing, Announced::Length)
}

fn last_transfer_coding(head: &Head) -> Vec<u8> {
    let last = head.all("transfer-encoding").last().unwrap_or_default();
    let last = last.rsplit(|byte| *byte == b',').next();
    last.unwrap_or_default().trim_ascii().to_vec()
}

/// RFC 9110 §8.6: one or more digits, and nothing else.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

pub(super) fn request_framing(head: &mut Head) -> Framing {
    let offset = head.offset;
    match announced(head) {
        Announced::Nothing => Framing::None,
        Announced::Length(length) => Framing::Length(length),
        Announced::Chunked => Framing::Chunked,
        Announced::OtherCoding => {
            let text = "a request's last transfer coding must be chunked; its length is unknown";
            head.notes.push(Note::new(offset, "RFC 9112 §6.3", text));
            Framing::UntilClose
        }
        Announced::Nonsense => {
            let text = "Content-Length is not one number; taken for a request without a body";
            head.notes.push(Note::new(offset, "RFC 9112 §6.3", text));
            Framing::None
        }
    }
}

pub(super) fn response_framing(head: &mut Head, asked: Option<&Asked>) -> Framing {
    let offset = head.offset;
    let method = asked.map_or(&b""[..], |asked| asked.method.as_slice());
    // RFC 9112 §6.3, in the order of its list.
    match head.status() {
        101 => return Framing::Switched,
        200..=299 if method == b"CONNECT" => return Framing::Switched,
        100..=199 | 204 | 304 => return Framing::None,
        _ if method == b"HEAD" => return Framing::None,
        _ => {}
    }
    match announced(head) {
        Announced::Length(length) => Framing::Length(length),
        Announced::Chunked => Framing::Chunked,
        Announced::Nothing | Announced::OtherCoding => Framing::UntilClose,
        Announced::Nonsense => {
            let text = "Content-Length is not one number; taken for a body until the close";
            head.notes.push(Note::new(offset, "RFC 9112 §6.3", text));
            Framing::UntilClose
        }
    }
}
