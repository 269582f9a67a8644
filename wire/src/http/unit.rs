//! The common part of a head, a chunk's line and a trailer section: bytes up to an end that is found, not announced.

use std::borrow::Cow;

use memchr::memchr;

use super::parser::Parser;

/// A stretch of bytes that is read as one.
pub(super) struct Unit {
    /// A function that returns the end of the unit, searched from an index on.
    pub(super) end: fn(&[u8], usize) -> Option<usize>,
    /// A function that checks whether bytes can be the beginning of a unit; its error says why not.
    pub(super) plausible: fn(&[u8]) -> Result<(), Refusal>,
    pub(super) limit: usize,
}

/// The reason why bytes are not the beginning of a unit.
#[derive(Clone)]
pub(super) struct Refusal {
    /// True if they do not even resemble one: at the beginning of a stream, that is another protocol and not worth a
    /// note.
    pub(super) other_protocol: bool,
    pub(super) reason: Cow<'static, str>,
}

pub(super) const fn other_protocol(reason: &'static str) -> Refusal {
    Refusal {
        other_protocol: true,
        reason: Cow::Borrowed(reason),
    }
}

pub(super) fn malformed(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal {
        other_protocol: false,
        reason: reason.into(),
    }
}

/// The result of collecting a unit.
pub(super) enum Whole<'a> {
    Yes(Cow<'a, [u8]>),
    NotYet,
    No(Refusal),
    TooLong,
}

impl Parser {
    /// Collects bytes until `unit.end` finds the end, without a copy if the unit lies in one piece.
    pub(super) fn whole<'a>(&mut self, input: &mut &'a [u8], unit: &Unit) -> Whole<'a> {
        if input.is_empty() {
            return Whole::NotYet;
        }
        let held = self.buffer.len();
        if held == 0 {
            let piece = &input[..input.len().min(unit.limit)];
            if let Err(reason) = (unit.plausible)(piece) {
                return Whole::No(reason);
            }
            if let Some(length) = (unit.end)(piece, 0) {
                return Whole::Yes(Cow::Borrowed(self.take(input, length).unwrap_or_default()));
            }
        }
        let piece = input.len().min((unit.limit + 1).saturating_sub(held));
        self.buffer.extend_from_slice(&input[..piece]);
        // The end is at most four bytes long, so it can lie across what was searched before.
        let found = (unit.end)(&self.buffer, self.searched.saturating_sub(4));
        let too_long = found.unwrap_or(self.buffer.len()) > unit.limit;
        let refused = (unit.plausible)(&self.buffer).err();
        match (found, refused) {
            (_, None) if too_long => {
                self.buffer.truncate(held);
                Whole::TooLong
            }
            (Some(length), None) => {
                self.take(input, length.saturating_sub(held));
                self.buffer.truncate(length);
                self.searched = 0;
                Whole::Yes(Cow::Owned(std::mem::take(&mut self.buffer)))
            }
            (_, Some(reason)) => {
                self.buffer.truncate(held);
                Whole::No(reason)
            }
            (None, None) => {
                self.take(input, piece);
                self.searched = self.buffer.len();
                Whole::NotYet
            }
        }
    }
}

/// Returns the number of bytes of leading empty lines: a recipient should ignore at least one before the request line
/// (RFC 9112 §2.2).
pub(super) fn leading_empty_lines(bytes: &[u8]) -> usize {
    let empty = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    bytes.iter().position(empty).unwrap_or(bytes.len())
}

/// Returns the end of a head: behind its first empty line that is not at the very beginning.
pub(super) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut position = from.max(leading_empty_lines(bytes));
    while let Some(found) = memchr(b'\n', bytes.get(position..)?) {
        position += found + 1;
        match bytes.get(position)? {
            b'\n' => return Some(position + 1),
            b'\r' if *bytes.get(position + 1)? == b'\n' => return Some(position + 2),
            _ => {}
        }
    }
    None
}

pub(super) fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr(b'\n', bytes.get(from..)?).map(|found| from + found + 1)
}

/// Returns the end of a trailer section: an empty line, which may be the first.
pub(super) fn trailers_end(bytes: &[u8], from: usize) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        [] | [b'\r'] => None,
        _ => head_end(bytes, from),
    }
}
