//! The chunked transfer coding (RFC 9112 §7.1).

use memchr::memchr;

use super::Item;
use super::head::HEAD_LIMIT;
use super::parser::{Parser, State};
use super::unit::{Refusal, Unit, Whole, line_end, malformed, trailers_end};
use crate::note::Note;

/// The fault if other bytes stand where a chunk's data should end.
const LONGER: &str = "a chunk is longer than its size says";

/// The longest line that gives a chunk's size, extensions included, in bytes.
pub const CHUNK_LINE_LIMIT: usize = 4 << 10;

const CHUNK_LINE: Unit = Unit {
    end: line_end,
    plausible: plausible_chunk_line,
    limit: CHUNK_LINE_LIMIT,
};

const CHUNK_CLOSE: Unit = Unit {
    end: line_end,
    plausible: plausible_chunk_close,
    limit: 2,
};

const TRAILER_SECTION: Unit = Unit {
    end: trailers_end,
    plausible: |_| Ok(()),
    limit: HEAD_LIMIT,
};

impl Parser {
    pub(super) fn chunk_size<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        match self.whole(input, &CHUNK_LINE) {
            Whole::NotYet => None,
            Whole::No(refusal) => Some(self.break_off(&refusal.reason)),
            Whole::TooLong => {
                Some(self.break_off("the line of a chunk's size is longer than 4 KiB"))
            }
            Whole::Yes(line) => match parse_chunk_size(&line) {
                Some(0) => {
                    self.state = State::Trailers;
                    Some(Item::Chunk(line))
                }
                Some(remaining) => {
                    self.state = State::ChunkData { remaining };
                    Some(Item::Chunk(line))
                }
                None => {
                    self.offset -= line.len() as u64;
                    let item = self.break_off(wrong_chunk_size(&line));
                    self.offset += line.len() as u64;
                    self.buffer = line.into_owned();
                    Some(item)
                }
            },
        }
    }

    pub(super) fn chunk_data<'a>(
        &mut self,
        input: &mut &'a [u8],
        remaining: u64,
    ) -> Option<Item<'a>> {
        let body = self.take(input, usize::try_from(remaining).unwrap_or(usize::MAX))?;
        let remaining = remaining - body.len() as u64;
        self.state = if remaining == 0 {
            State::ChunkEnd
        } else {
            State::ChunkData { remaining }
        };
        Some(Item::Body(body.into()))
    }

    pub(super) fn chunk_end<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        match self.whole(input, &CHUNK_CLOSE) {
            Whole::NotYet => None,
            Whole::No(refusal) => Some(self.break_off(&refusal.reason)),
            Whole::TooLong => Some(self.break_off(LONGER)),
            Whole::Yes(line_end) => {
                self.state = State::ChunkSize;
                Some(Item::Chunk(line_end))
            }
        }
    }

    pub(super) fn trailers<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        match self.whole(input, &TRAILER_SECTION) {
            Whole::NotYet => None,
            Whole::No(refusal) => Some(self.break_off(&refusal.reason)),
            Whole::TooLong => Some(self.break_off("the trailer section is longer than 64 KiB")),
            Whole::Yes(section) => {
                self.trailers = section.into_owned();
                Some(self.end())
            }
        }
    }

    /// Ends the message, whose chunk framing is broken, and begins the search for the next.
    fn break_off(&mut self, reason: &str) -> Item<'static> {
        let offset = self.offset - self.buffer.len() as u64;
        let text = format!(
            "{reason}; the message ends here, what follows is shown raw up to the next start line"
        );
        self.state = State::Broken;
        Item::Note(Note::new(offset, "RFC 9112 §7.1", text))
    }
}

fn plausible_chunk_line(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes.first() {
        Some(byte) if byte.is_ascii_hexdigit() => Ok(()),
        None => Ok(()),
        Some(_) => Err(malformed("a chunk's size is not a hexadecimal number")),
    }
}

fn plausible_chunk_close(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes {
        [] | [b'\r'] | [b'\n', ..] | [b'\r', b'\n', ..] => Ok(()),
        _ => Err(malformed(LONGER)),
    }
}

/// Parses a chunk's size: hexadecimal digits, then extensions after a semicolon (RFC 9112 §7.1).
fn parse_chunk_size(line: &[u8]) -> Option<u64> {
    u64::from_str_radix(chunk_digits(line)?, 16).ok()
}

fn chunk_digits(line: &[u8]) -> Option<&str> {
    let line = line.trim_ascii_end();
    let digits = &line[..memchr(b';', line).unwrap_or(line.len())];
    let digits = std::str::from_utf8(digits.trim_ascii_end()).ok()?;
    let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    (are_digits && !digits.is_empty()).then_some(digits)
}

/// Says why a chunk's line gives no size.
fn wrong_chunk_size(line: &[u8]) -> &'static str {
    match chunk_digits(line) {
        // RFC 9112 §7.1: recipients must anticipate large numbers.
        Some(_) => "a chunk's size is larger than 64 bits",
        None => "a chunk's size is not a hexadecimal number",
    }
}
