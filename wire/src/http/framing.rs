//! The length of a body, as the head announces it (RFC 9112 §6.3).

use super::{Asked, Head};
use crate::list;
use crate::note::Note;

/// The way in which a body's length is known (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// Content-Length.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
    /// The body ends when the server closes.
    UntilClose,
    /// No more HTTP after this head: 101, or the answer to a CONNECT.
    Switched,
}

impl Framing {
    /// Returns one or two words for it.
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

/// The length that the fields alone announce.
enum Announced {
    Nothing,
    Length(u64),
    Chunked,
    /// A transfer coding, but not chunked at the end.
    OtherCoding,
    /// A length beyond all that can be sent: one of more than 64 bits.
    TooLarge,
    Nonsense,
}

fn announced(head: &mut Head) -> Announced {
    let coded = head.field("transfer-encoding").is_some();
    if coded {
        if head.minor_version() == 0 {
            let text = "Transfer-Encoding in HTTP/1.0, which does not have it: the body's length is not certain";
            head.notes
                .push(Note::new(head.offset, "RFC 9112 §6.1", text));
        }
        if head.field("content-length").is_some() {
            let text = "both Transfer-Encoding and Content-Length; the latter is ignored";
            head.notes
                .push(Note::new(head.offset, "RFC 9112 §6.1", text));
        }
        let last = head.list("transfer-encoding").last().unwrap_or_default();
        if last.eq_ignore_ascii_case(b"chunked") {
            return Announced::Chunked;
        }
        let note = doubtful_coding(last, head);
        head.notes.extend(note);
        return Announced::OtherCoding;
    }
    announced_length(head)
}

/// Reads the length that the fields announce. Of several values that are the same, one counts (RFC 9110 §8.6). An empty
/// field is not a length.
fn announced_length(head: &Head) -> Announced {
    if head.field("content-length").is_none() {
        return Announced::Nothing;
    }
    let mut numbers = head.list("content-length").map(decimal);
    let Some(Some(length)) = numbers.next() else {
        return Announced::Nonsense;
    };
    if !numbers.all(|number| number == Some(length)) {
        return Announced::Nonsense;
    }
    let digits = std::str::from_utf8(length);
    let length = digits.ok().and_then(|digits| digits.parse().ok());
    length.map_or(Announced::TooLarge, Announced::Length)
}

/// Returns a note if the last transfer coding is not chunked here, but others read it in another way.
fn doubtful_coding(last: &[u8], head: &Head) -> Option<Note> {
    let name = list::parameters(last).next().unwrap_or_default();
    if name.eq_ignore_ascii_case(b"chunked") {
        let text = "chunked has no parameters: with one it is not taken for chunked here, by others (tshark) it is";
        return Some(Note::new(head.offset, "RFC 9112 §7.1", text));
    }
    let is_identity = name.eq_ignore_ascii_case(b"identity");
    let has_length = head.field("content-length").is_some();
    (is_identity && has_length).then(|| {
        let text = "transfer coding identity is not chunked: to the letter no length is known; others (browsers, \
                    tshark) go by Content-Length";
        Note::new(head.offset, "RFC 9112 §6.3", text)
    })
}

/// Returns the digits, without zeros in front, of a value of one or more digits and nothing else (RFC 9110 §8.6).
fn decimal(digits: &[u8]) -> Option<&[u8]> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    Some(&digits[zeros.min(digits.len() - 1)..])
}

/// Notes a length that is too large: recipients must anticipate large numbers (RFC 9110 §8.6). Nobody sends so much, so
/// everything up to the close is the body.
fn say_too_large(head: &mut Head) -> Framing {
    let text = "Content-Length is larger than 64 bits; taken for a body until the close";
    head.notes
        .push(Note::new(head.offset, "RFC 9112 §6.3", text));
    Framing::UntilClose
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
        Announced::TooLarge => say_too_large(head),
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
        Announced::TooLarge => say_too_large(head),
        Announced::Nonsense => {
            let text = "Content-Length is not one number; taken for a body until the close";
            head.notes.push(Note::new(offset, "RFC 9112 §6.3", text));
            Framing::UntilClose
        }
    }
}
