//! The first line of a head, and the checks of whether bytes can begin one.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::Role;
use super::unit::{Refusal, leading_empty_lines, malformed, other_protocol};

/// The longest start line, in bytes.
pub const START_LINE_LIMIT: usize = 16 << 10;

/// The most bytes of empty lines that may come before a start line.
const MOST_EMPTY: usize = 16;

/// The longest method that is accepted; the longest registered one is UPDATEREDIRECTREF.
pub(super) const LONGEST_METHOD: usize = 32;

/// The first bytes of a client that speaks HTTP/2 (RFC 9113 §3.4).
const HTTP_2: &[u8] = b"PRI * HTTP/2.0";

/// The longest number that is accepted as a version.
const LONGEST_VERSION: usize = 4;

/// A place in a head's bytes.
pub(super) type Span = Range<usize>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StartLine {
    Request {
        method: Span,
        target: Span,
        minor: u8,
    },
    Response {
        status: u16,
        reason: Span,
        minor: u8,
    },
}

pub(super) fn start_line(role: Role, line: &[u8], base: usize) -> Option<StartLine> {
    let shift = |span: Span| span.start + base..span.end + base;
    match role {
        Role::Requests => {
            split_request_line(line).map(|(method, target, minor)| StartLine::Request {
                method: shift(method),
                target: shift(target),
                minor,
            })
        }
        Role::Responses => {
            split_status_line(line).map(|(status, reason, minor)| StartLine::Response {
                status,
                reason: shift(reason),
                minor,
            })
        }
    }
}

/// Returns true if the bytes begin with a whole request line.
#[must_use]
pub(crate) fn begins_request(bytes: &[u8]) -> bool {
    let line = started_line(bytes).ok().filter(|line| line.ended);
    let parts = line.and_then(|line| Some((line.bytes, split_request_line(line.bytes)?)));
    parts.is_some_and(|(line, (method, ..))| {
        !method.is_empty() && line[method].iter().copied().all(is_token)
    })
}

/// Returns the reason why a first line is not one of HTTP/1, as far as it is there; `Ok` if it may be.
pub(super) fn plausible_request(bytes: &[u8]) -> Result<(), Refusal> {
    let line = started_line(bytes)?;
    let Some(method) = line.find_space() else {
        return line.unfinished_token();
    };
    if method == 0 || !line.bytes[..method].iter().copied().all(is_token) {
        return Err(other_protocol("no method and target"));
    }
    if line.ended && split_request_line(line.bytes).is_none() {
        return Err(refused_request_line(line.bytes));
    }
    Ok(())
}

/// Says what a request line lacks.
fn refused_request_line(line: &[u8]) -> Refusal {
    if line == HTTP_2 {
        return other_protocol("this is HTTP/2");
    }
    let last = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    if minor_version(last).is_some() {
        return malformed("the request line has no target");
    }
    if let Some(version) = last.strip_prefix(b"HTTP/") {
        let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        // What is not a version is nothing to repeat.
        if version.len() <= LONGEST_VERSION && version.iter().all(is_number) {
            return malformed(format!("its version is HTTP/{}", version.escape_ascii()));
        }
        return malformed("its version is none of HTTP/1");
    }
    let reason = "the request line does not end in HTTP/1.0 or HTTP/1.1";
    if memmem::find(line, b" HTTP/").is_some() {
        return malformed(reason);
    }
    other_protocol(reason)
}

/// The beginning of every status line.
const VERSION_START: &[u8] = b"HTTP/1.";

/// Returns the method and the target of a request line that cannot be read, and lies in two pieces.
pub(super) fn first_words(held: &[u8], rest: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let pieces = [held, &rest[..rest.len().min(START_LINE_LIMIT)]].concat();
    let line = &pieces[leading_empty_lines(&pieces)..];
    let end = memchr(b'\n', line).unwrap_or(line.len());
    let mut words = trim_carriage_return(&line[..end]).split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().filter(|word| !word.starts_with(b"HTTP/"));
    (method.to_vec(), target.unwrap_or_default().to_vec())
}

pub(super) fn plausible_response(bytes: &[u8]) -> Result<(), Refusal> {
    let line = started_line(bytes)?;
    let begins_so = if line.ended {
        line.bytes.starts_with(VERSION_START)
    } else {
        let shared = line.bytes.len().min(VERSION_START.len());
        line.bytes[..shared] == VERSION_START[..shared]
    };
    if !begins_so {
        return Err(other_protocol("a status line begins with HTTP/1"));
    }
    let is_status_line = if line.ended {
        split_status_line(line.bytes).is_some()
    } else {
        begins_status_line(line.bytes)
    };
    if !is_status_line {
        return Err(malformed(
            "the status line has no version and status from 100 to 999",
        ));
    }
    Ok(())
}

/// The length of the part that every status line has: `HTTP/1.1 200`.
pub(super) const STATUS_LINE: usize = 12;

/// Returns true if the bytes are a status line, as far as they are there.
pub(super) fn begins_status_line(bytes: &[u8]) -> bool {
    let fits = |(place, byte): (usize, &u8)| match place {
        0..7 => *byte == VERSION_START[place],
        8 => *byte == b' ',
        9 => matches!(byte, b'1'..=b'9'),
        7 | 10 | 11 => byte.is_ascii_digit(),
        STATUS_LINE => matches!(byte, b' ' | b'\r' | b'\n'),
        _ => true,
    };
    bytes.iter().take(STATUS_LINE + 1).enumerate().all(fits)
}

struct StartedLine<'a> {
    bytes: &'a [u8],
    ended: bool,
}

impl StartedLine<'_> {
    fn find_space(&self) -> Option<usize> {
        memchr(
            b' ',
            &self.bytes[..self.bytes.len().min(LONGEST_METHOD + 1)],
        )
    }

    fn unfinished_token(&self) -> Result<(), Refusal> {
        let token = self.bytes.iter().copied().all(is_token);
        if self.ended || self.bytes.len() > LONGEST_METHOD || !token {
            return Err(other_protocol("no method and target"));
        }
        Ok(())
    }
}

fn started_line(bytes: &[u8]) -> Result<StartedLine<'_>, Refusal> {
    let empty = leading_empty_lines(bytes);
    if empty > MOST_EMPTY {
        return Err(other_protocol("too many empty lines"));
    }
    let bytes = &bytes[empty..];
    let bytes = &bytes[..bytes.len().min(START_LINE_LIMIT + 1)];
    match memchr(b'\n', bytes) {
        Some(end) => Ok(StartedLine {
            bytes: trim_carriage_return(&bytes[..end]),
            ended: true,
        }),
        None if bytes.len() > START_LINE_LIMIT => {
            Err(other_protocol("the start line is longer than 16 KiB"))
        }
        None => Ok(StartedLine {
            bytes,
            ended: false,
        }),
    }
}

pub(super) fn trim_carriage_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns true if a byte may be part of a token (RFC 9110 §5.6.2).
pub(super) const fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'
        | b'_' | b'`' | b'|' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
}

/// Splits a request line into method, target and minor version. RFC 9112 §3: `method SP request-target SP
/// HTTP-version`.
fn split_request_line(line: &[u8]) -> Option<(Span, Span, u8)> {
    let method = memchr(b' ', line)?;
    let (rest, minor) = line.split_at_checked(line.len().checked_sub(9)?)?;
    let minor = minor_version(minor.strip_prefix(b" ")?)?;
    let target = method + 1..rest.len();
    (target.start < target.end).then_some((0..method, target, minor))
}

/// Splits a status line into status, reason and minor version. RFC 9112 §4: `HTTP-version SP status-code SP [
/// reason-phrase ]`.
pub(super) fn split_status_line(line: &[u8]) -> Option<(u16, Span, u8)> {
    let minor = minor_version(line.get(..8)?)?;
    let [b' ', digits @ ..] = line.get(8..12)? else {
        return None;
    };
    if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
        return None;
    }
    let status = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match line.get(12) {
        None => Some((status, 12..12, minor)),
        Some(b' ') => Some((status, 13..line.len(), minor)),
        Some(_) => None,
    }
}

/// Reads a minor version: a message of a higher one is read as one of the highest that is known (RFC 9110 §6.2).
pub(super) fn minor_version(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [version @ .., minor @ b'0'..=b'9'] if version == VERSION_START => Some(minor - b'0'),
        _ => None,
    }
}
