//! Finding HTTP again after a hole, or after bytes that were none.

use memchr::memmem;

use super::parser::{Parser, State};
use super::start_line::{
    START_LINE_LIMIT, STATUS_LINE, begins_status_line, minor_version, split_status_line,
};
use super::{Item, Role};

impl Parser {
    /// Looks for the next start line; what comes before it is raw.
    pub(super) fn resync<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        if input.is_empty() {
            return None;
        }
        let held = self.buffer.len();
        let piece = input.len().min(START_LINE_LIMIT);
        self.buffer.extend_from_slice(&input[..piece]);
        let Some((start, end)) = find_start_line(self.role, &self.buffer, self.searched) else {
            self.take(input, piece);
            return self.pass_unmatched();
        };
        self.take(input, end.saturating_sub(held));
        self.buffer.truncate(end.max(held));
        let line = self.buffer.split_off(start);
        self.state = State::Head;
        let raw = self.flush();
        self.buffer = line;
        raw
    }

    /// Lets go of what no start line can begin in.
    fn pass_unmatched(&mut self) -> Option<Item<'static>> {
        let keep = start_line_candidate(self.role, &self.buffer, self.searched);
        let tail = self.buffer.split_off(keep);
        self.searched = self.searched.saturating_sub(keep);
        let searched = self.searched;
        let raw = self.flush();
        self.searched = searched;
        self.buffer = tail;
        raw
    }
}

/// The methods that a lost request stream is searched for, each with the space behind it.
const COMMON_METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
];

/// Length of the longest of them.
const LONGEST: usize = b"OPTIONS ".len();

/// Length of a version.
const VERSION: usize = b"HTTP/1.1".len();

/// The first start line in `bytes` that begins at `from` or later: where it begins, and where what proves it ends.
fn find_start_line(role: Role, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    match role {
        Role::Responses => memmem::find_iter(bytes, b"HTTP/1.")
            .filter(|start| *start >= from)
            .find(|start| {
                bytes
                    .get(*start..*start + STATUS_LINE)
                    .is_some_and(|line| split_status_line(line).is_some())
            })
            .map(|start| (start, start + STATUS_LINE)),
        Role::Requests => memmem::find_iter(bytes, b" HTTP/1.")
            .find_map(|space| request_line_around(bytes, from, space)),
    }
}

fn request_line_around(bytes: &[u8], from: usize, space: usize) -> Option<(usize, usize)> {
    let end = space + 1 + VERSION;
    minor_version(bytes.get(space + 1..end)?)?;
    bytes
        .get(end)
        .filter(|byte| matches!(byte, b'\r' | b'\n'))?;
    let start = method_and_target(&bytes[..space])?;
    (start >= from && end - start <= START_LINE_LIMIT).then_some((start, end))
}

/// Where a method begins that the last word of `bytes` is the target of.
fn method_and_target(bytes: &[u8]) -> Option<usize> {
    let target = last_word(bytes);
    (target < bytes.len())
        .then(|| method_before(&bytes[..target]))
        .flatten()
}

/// Where the method begins that `bytes` ends with, and the space behind it.
fn method_before(bytes: &[u8]) -> Option<usize> {
    let mut methods = COMMON_METHODS.iter();
    let method = methods.find(|method| bytes.ends_with(method))?;
    Some(bytes.len() - method.len())
}

/// Where the last word of `bytes` begins: behind the last byte that no target can have in it.
fn last_word(bytes: &[u8]) -> usize {
    let space = bytes.iter().rposition(|byte| *byte <= b' ');
    space.map_or(0, |space| space + 1)
}

/// Where in `bytes` a start line could begin that needs more bytes to be known for one. What no start line can begin in any
/// more is not to be held back: it would be told late.
fn start_line_candidate(role: Role, bytes: &[u8], from: usize) -> usize {
    let longest = match role {
        Role::Responses => STATUS_LINE - 1,
        Role::Requests => START_LINE_LIMIT,
    };
    let from = from.min(bytes.len());
    let window = bytes.len().saturating_sub(longest).max(from);
    let tail = &bytes[window..];
    let candidate = match role {
        Role::Responses => (0..tail.len()).find(|start| begins_status_line(&tail[*start..])),
        Role::Requests => begun_request_line(tail),
    };
    candidate.map_or(bytes.len(), |start| window + start)
}

/// Where a request line begins that `bytes` end inside of.
fn begun_request_line(bytes: &[u8]) -> Option<usize> {
    let word = last_word(bytes);
    let in_version = || {
        let is_version =
            b"HTTP/1.".starts_with(&bytes[word..]) || minor_version(&bytes[word..]).is_some();
        let (space, before) = bytes[..word].split_last()?;
        (is_version && *space == b' ')
            .then(|| method_and_target(before))
            .flatten()
    };
    let in_method = || {
        let from = word.max((bytes.len() + 1).saturating_sub(LONGEST));
        let begins_method = |start: &usize| {
            let mut methods = COMMON_METHODS.iter();
            methods.any(|method| method.starts_with(&bytes[*start..]))
        };
        (from..bytes.len()).find(begins_method)
    };
    in_version()
        .or_else(|| method_before(&bytes[..word]))
        .or_else(in_method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(role: Role, text: &str) -> &str {
        &text[start_line_candidate(role, text.as_bytes(), 0)..]
    }

    #[test]
    fn only_what_can_still_begin_a_start_line_is_held_back() {
        let requests = |text| held(Role::Requests, text);
        for text in [
            "G",
            "OPTIONS",
            "OPTIONS ",
            "GET /x",
            "GET /x?GE",
            "GET /x ",
            "GET /x HTTP/",
            "GET /x HTTP/1.1",
        ] {
            assert_eq!(requests(text), text);
            let behind = format!("Host: a\r\n\r\nx{text}");
            assert_eq!(held(Role::Requests, &behind), text);
        }
        assert_eq!(requests(" www.example.com\r\n\r\n"), "");
        assert_eq!(requests("GET /x HTTP/2"), "");
        assert_eq!(requests("GET  HTTP/1."), "");
        assert_eq!(requests("GET /x\r\n"), "");
        assert_eq!(requests("the end of GETS "), "");
        let responses = |text| held(Role::Responses, text);
        assert_eq!(responses("first\r\n0\r\n\r\n"), "");
        assert_eq!(responses("a H"), "H");
        assert_eq!(responses("x HTTP/1.1 20"), "HTTP/1.1 20");
        assert_eq!(responses("HTTP/1.1 2x"), "");
        assert_eq!(responses("HTTP/HTTP/1.0 "), "HTTP/1.0 ");
    }
}
