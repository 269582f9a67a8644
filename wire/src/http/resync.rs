//! Finds HTTP again after a hole, or after bytes that were not HTTP.

use memchr::{memmem, memrchr};

use super::parser::{Parser, State};
use super::start_line::{
    LONGEST_METHOD, START_LINE_LIMIT, STATUS_LINE, begins_status_line, is_token, minor_version,
    split_status_line,
};
use super::{Item, Role};

impl Parser {
    /// Looks for the next start line; the bytes before it are raw.
    pub(super) fn resync<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        if input.is_empty() {
            return None;
        }
        let held = self.buffer.len();
        let piece = input.len().min(START_LINE_LIMIT);
        self.buffer.extend_from_slice(&input[..piece]);
        let Some((start, end)) =
            find_start_line(self.role, &self.buffer, self.searched, !self.in_line)
        else {
            self.take(input, piece);
            return self.pass_unmatched();
        };
        self.take(input, end.saturating_sub(held));
        self.buffer.truncate(end.max(held));
        let line = self.buffer.split_off(start);
        self.state = State::Head;
        self.in_line = false;
        let raw = self.flush();
        self.buffer = line;
        raw
    }

    /// Hands out the bytes in which no start line can begin.
    fn pass_unmatched(&mut self) -> Option<Item<'static>> {
        let keep = start_line_candidate(self.role, &self.buffer, self.searched, !self.in_line);
        if let Some(last) = self.buffer[..keep].last() {
            self.in_line = *last != b'\n';
        }
        let tail = self.buffer.split_off(keep);
        self.searched = self.searched.saturating_sub(keep);
        let searched = self.searched;
        let raw = self.flush();
        self.searched = searched;
        self.buffer = tail;
        raw
    }
}

/// The methods that a lost request stream is searched for anywhere, since a request may come right behind a body; each
/// with the space behind it.
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

/// The other methods of IANA's registry (RFC 9110 §16.1.1). Some are words that a text may contain, so the target must
/// look like one too.
const OTHER_METHODS: [&[u8]; 30] = [
    b"ACL ",
    b"BASELINE-CONTROL ",
    b"UNBIND ",
    b"REBIND ",
    b"BIND ",
    b"CHECKIN ",
    b"UNCHECKOUT ",
    b"CHECKOUT ",
    b"COPY ",
    b"LABEL ",
    b"UNLINK ",
    b"LINK ",
    b"UNLOCK ",
    b"LOCK ",
    b"MERGE ",
    b"MKACTIVITY ",
    b"MKCALENDAR ",
    b"MKCOL ",
    b"MKREDIRECTREF ",
    b"MKWORKSPACE ",
    b"MOVE ",
    b"ORDERPATCH ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"QUERY ",
    b"REPORT ",
    b"SEARCH ",
    b"UPDATEREDIRECTREF ",
    b"UPDATE ",
    b"VERSION-CONTROL ",
];

/// The length of the longest method of both lists.
const LONGEST: usize = b"UPDATEREDIRECTREF ".len();

/// The longest name of a field that the search waits for to recognise a request.
const LONGEST_NAME: usize = 64;

/// The length of a version.
const VERSION: usize = b"HTTP/1.1".len();

/// The beginnings of targets (RFC 9112 §3.2) by which a request with any other method is known.
const TARGETS: [&[u8]; 4] = [b"/", b"*", b"http://", b"https://"];

/// Finds the first start line in `bytes` that begins at `from` or later; returns where it begins, and where the bytes
/// that prove it end. `is_line` is true if a line begins with the first of the bytes.
fn find_start_line(role: Role, bytes: &[u8], from: usize, is_line: bool) -> Option<(usize, usize)> {
    match role {
        Role::Responses => memmem::find_iter(bytes, b"HTTP/1.")
            .filter(|start| *start >= from)
            .find(|start| {
                bytes
                    .get(*start..*start + STATUS_LINE)
                    .is_some_and(|line| split_status_line(line).is_some())
            })
            .map(|start| (start, start + STATUS_LINE)),
        Role::Requests => {
            for space in memmem::find_iter(bytes, b" HTTP/1.") {
                match request_line_around(bytes, from, space, is_line) {
                    Around::Nothing => {}
                    Around::Perhaps => return None,
                    Around::Line(start, end) => return Some((start, end)),
                }
            }
            None
        }
    }
}

/// The finding about the bytes around a version.
enum Around {
    Nothing,
    /// More bytes are needed.
    Perhaps,
    /// A request line, from here to there.
    Line(usize, usize),
}

fn request_line_around(bytes: &[u8], from: usize, space: usize, is_line: bool) -> Around {
    let known = known_line_around(bytes, space);
    let own = own_line_start(bytes, space, is_line).filter(|start| *start >= from);
    // Of a line's first word, the end is not a method: BPROPFIND is another one than PROPFIND. But what is not in upper case
    // may be the end of a body.
    let is_other = |start: &usize| {
        known.is_none_or(|(known, _)| known > *start && is_upper_case(&bytes[*start..known]))
    };
    if let Some(start) = own.filter(is_other) {
        match begun_request(&bytes[start..]) {
            Begun::Whole(length) => return Around::Line(start, start + length),
            Begun::Perhaps => return Around::Perhaps,
            Begun::No => {}
        }
    }
    match known {
        Some((start, end)) if start >= from && end - start <= START_LINE_LIMIT => {
            Around::Line(start, end)
        }
        _ => Around::Nothing,
    }
}

fn is_upper_case(bytes: &[u8]) -> bool {
    !bytes.iter().any(u8::is_ascii_lowercase)
}

/// Returns a request line with a registered method, anywhere in the bytes.
fn known_line_around(bytes: &[u8], space: usize) -> Option<(usize, usize)> {
    let end = space + 1 + VERSION;
    minor_version(bytes.get(space + 1..end)?)?;
    bytes
        .get(end)
        .filter(|byte| matches!(byte, b'\r' | b'\n'))?;
    let start = method_and_target(&bytes[..space])?;
    Some((start, end))
}

/// Returns where a line begins that has any method, and a target in front of that space. A text can have one too: a
/// field, or the end of the head, must follow ([`begun_request`]).
fn own_line_start(bytes: &[u8], space: usize, is_line: bool) -> Option<usize> {
    let target = last_word(&bytes[..space]);
    let before = bytes[..target].strip_suffix(b" ")?;
    let longest = before.len().saturating_sub(LONGEST_METHOD);
    let is_other = |byte: &u8| !is_token(*byte);
    let start = before[longest..].iter().rposition(is_other);
    let start = start.map_or(longest, |place| longest + place + 1);
    let begins_line = match start.checked_sub(1) {
        None => is_line,
        Some(end) => bytes[end] == b'\n',
    };
    // With what proves it, it is to be no longer than what is held back.
    let is_held = space - start + VERSION + LONGEST_NAME + 4 <= START_LINE_LIMIT;
    (begins_line && start < before.len() && is_held).then_some(start)
}

/// The part of a request that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// Nothing: these bytes do not begin one.
    No,
    /// Perhaps a request, as far as it goes.
    Perhaps,
    /// A request line, of that length without its line end, and the beginning of a field or the head's end.
    Whole(usize),
}

/// Checks whether bytes are `method SP target SP version`, with bytes behind it that may follow in a head.
fn begun_request(bytes: &[u8]) -> Begun {
    let longest = bytes.len().min(LONGEST_METHOD + 1);
    let method = bytes[..longest]
        .iter()
        .take_while(|byte| is_token(**byte))
        .count();
    let Some(target) = bytes.get(method..).and_then(|rest| rest.strip_prefix(b" ")) else {
        let is_cut = method == bytes.len() && method <= LONGEST_METHOD;
        return if is_cut { Begun::Perhaps } else { Begun::No };
    };
    if method == 0 || !begins_target(target) {
        return Begun::No;
    }
    let Some(length) = target.iter().position(|byte| *byte <= b' ') else {
        return Begun::Perhaps;
    };
    let version = &target[length..];
    let shared = version.len().min(b" HTTP/1.".len());
    if version[..shared] != b" HTTP/1."[..shared] {
        return Begun::No;
    }
    let Some(number) = version.get(shared) else {
        return Begun::Perhaps;
    };
    if !number.is_ascii_digit() {
        return Begun::No;
    }
    let length = method + 1 + length + 1 + VERSION;
    match begun_field(&bytes[length..]) {
        Some(true) => Begun::Whole(length),
        Some(false) => Begun::No,
        None => Begun::Perhaps,
    }
}

/// Returns true if a line end comes first, and then a field's name and a colon, or another line end; `None` if it
/// cannot be known yet.
fn begun_field(bytes: &[u8]) -> Option<bool> {
    let rest = match bytes {
        [] | [b'\r'] => return None,
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
        _ => return Some(false),
    };
    let name = rest.iter().take_while(|byte| is_token(**byte)).count();
    match &rest[name..] {
        _ if name > LONGEST_NAME => Some(false),
        [] | [b'\r'] => None,
        [b':', ..] => Some(name > 0),
        [b'\n', ..] | [b'\r', b'\n', ..] => Some(name == 0),
        _ => Some(false),
    }
}

/// Returns where the method begins whose target is the last word of `bytes`.
fn method_and_target(bytes: &[u8]) -> Option<usize> {
    let target = last_word(bytes);
    if target == bytes.len() {
        return None;
    }
    let before = &bytes[..target];
    let common = ending(&COMMON_METHODS, before);
    let other = || ending(&OTHER_METHODS, before).filter(|_| begins_target(&bytes[target..]));
    common.or_else(other)
}

/// Returns where the method begins that `bytes` end with, and the space behind it.
fn method_before(bytes: &[u8]) -> Option<usize> {
    ending(&COMMON_METHODS, bytes).or_else(|| ending(&OTHER_METHODS, bytes))
}

fn ending(methods: &[&[u8]], bytes: &[u8]) -> Option<usize> {
    let method = methods.iter().find(|method| bytes.ends_with(method))?;
    Some(bytes.len() - method.len())
}

/// Returns true if the bytes are the beginning of a target, as far as they are there.
fn begins_target(bytes: &[u8]) -> bool {
    let begins = |known: &&[u8]| {
        let shared = known.len().min(bytes.len());
        known[..shared] == bytes[..shared]
    };
    TARGETS.iter().any(begins)
}

/// Returns where the last word of `bytes` begins: behind the last byte that no target can contain.
fn last_word(bytes: &[u8]) -> usize {
    let space = bytes.iter().rposition(|byte| *byte <= b' ');
    space.map_or(0, |space| space + 1)
}

/// Returns where in `bytes` a start line could begin that needs more bytes to be known for one. Bytes in which none can
/// begin any more must not be held back, or they would be reported late.
fn start_line_candidate(role: Role, bytes: &[u8], from: usize, is_line: bool) -> usize {
    let longest = match role {
        Role::Responses => STATUS_LINE - 1,
        Role::Requests => START_LINE_LIMIT,
    };
    let from = from.min(bytes.len());
    let window = bytes.len().saturating_sub(longest).max(from);
    let tail = &bytes[window..];
    let before = bytes[..window].last();
    let begins_line = before.map_or(is_line, |byte| *byte == b'\n');
    let candidate = match role {
        Role::Responses => (0..tail.len()).find(|start| begins_status_line(&tail[*start..])),
        Role::Requests => match (begun_request_line(tail), begun_own_line(tail, begins_line)) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        },
    };
    candidate.map_or(bytes.len(), |start| window + start)
}

/// Returns where the line begins in which the bytes before `place` end.
fn line_start(bytes: &[u8], place: usize) -> usize {
    memrchr(b'\n', &bytes[..place]).map_or(0, |end| end + 1)
}

/// Returns where a line begins, in the last two lines of `bytes`, that may be a request's with any method.
fn begun_own_line(bytes: &[u8], is_line: bool) -> Option<usize> {
    let last = line_start(bytes, bytes.len());
    let before = last.checked_sub(1).map(|end| line_start(bytes, end));
    let mut starts = before.into_iter().chain([last]);
    starts.find(|start| {
        let begins_line = is_line || *start > 0;
        let rest = &bytes[*start..];
        begins_line && !rest.is_empty() && begun_request(rest) == Begun::Perhaps
    })
}

/// Returns where the request line begins inside of which `bytes` end.
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
            let mut methods = COMMON_METHODS.iter().chain(&OTHER_METHODS);
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
        &text[start_line_candidate(role, text.as_bytes(), 0, true)..]
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
            let behind = format!("Host: a\r\n\r\n(x{text}");
            assert_eq!(held(Role::Requests, &behind), text);
        }
        for text in [
            "BREW",
            "BREW /x",
            "BREW /x HTTP/1.1",
            "BREW /x HTTP/1.1\r\nHost",
            "BREW /x HTTP/1.1\r\n\r",
        ] {
            assert_eq!(requests(text), text);
            let behind = format!("Host: a\r\n{text}");
            assert_eq!(held(Role::Requests, &behind), text);
            // In the middle of a line, nothing begins one; the next line may.
            let next = text.rfind('\n').map_or(text.len(), |end| end + 1);
            let next = text[next..].trim_end_matches('\r');
            let inside = format!("({text}");
            assert_eq!(held(Role::Requests, &inside).trim_end_matches('\r'), next);
        }
        assert_eq!(requests("BREW /x HTTP/1.1\r\nHost and"), "");
        assert_eq!(requests("word by word"), "");
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
