//! Finding HTTP again after a hole, or after bytes that were none.

use memchr::memmem;

use super::parser::{Parser, State};
use super::start_line::{START_LINE_LIMIT, minor_version, split_status_line};
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

/// The methods that a lost request stream is searched for.
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

/// The first start line in `bytes` that begins at `from` or later: where it begins, and where what proves it ends.
fn find_start_line(role: Role, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    match role {
        Role::Responses => memmem::find_iter(bytes, b"HTTP/1.")
            .filter(|start| *start >= from)
            .find(|start| {
                bytes
                    .get(*start..*start + 12)
                    .is_some_and(|line| split_status_line(line).is_some())
            })
            .map(|start| (start, start + 12)),
        Role::Requests => memmem::find_iter(bytes, b" HTTP/1.")
            .find_map(|space| request_line_around(bytes, from, space)),
    }
}

fn request_line_around(bytes: &[u8], from: usize, space: usize) -> Option<(usize, usize)> {
    let end = space + b" HTTP/1.1".len();
    minor_version(bytes.get(space + 1..end)?)?;
    bytes
        .get(end)
        .filter(|byte| matches!(byte, b'\r' | b'\n'))?;
    let target = bytes[..space].iter().rposition(|byte| *byte <= b' ')?;
    let before = &bytes[..=target];
    let method = COMMON_METHODS
        .iter()
        .find(|method| before.ends_with(method))?;
    let start = before.len() - method.len();
    (start >= from && target + 1 < space).then_some((start, end))
}

/// Where in `bytes` a start line could begin that needs more bytes to be known for one.
fn start_line_candidate(role: Role, bytes: &[u8], from: usize) -> usize {
    let longest = match role {
        Role::Responses => b"HTTP/1.1 20".len(),
        Role::Requests => START_LINE_LIMIT,
    };
    let window = bytes
        .len()
        .saturating_sub(longest)
        .max(from.min(bytes.len()));
    match role {
        Role::Responses => window,
        Role::Requests => last_method(bytes, window),
    }
}

/// Where the last word of `bytes`, and a method before it, begins.
fn last_method(bytes: &[u8], window: usize) -> usize {
    let space = |byte: &u8| *byte <= b' ';
    let Some(last) = bytes[window..].iter().rposition(space) else {
        return window;
    };
    let (mut start, mut words) = (window + last, 0);
    // At most three words matter: method, target, and the version that is not whole.
    while words < 2 && start > window {
        start = bytes[window..start]
            .iter()
            .rposition(space)
            .map_or(window, |found| window + found);
        words += 1;
    }
    start
}
