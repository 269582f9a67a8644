//! Checks that a text message is UTF-8 (RFC 6455 §8.1).

use super::Frame;
use crate::note::Note;

/// Checks text that comes in pieces, which may split a character.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    tail: Vec<u8>,
    bad: bool,
    said: bool,
}

impl Utf8Check {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.bad {
            return;
        }
        if self.tail.is_empty() {
            return self.check(bytes);
        }
        // A character is at most four bytes: complete the one that was split, then go on behind it.
        let mut joined = std::mem::take(&mut self.tail);
        let before = joined.len();
        joined.extend_from_slice(&bytes[..bytes.len().min(4)]);
        self.check(&joined);
        if self.bad {
            return;
        }
        let consumed = joined.len() - self.tail.len();
        if consumed >= before {
            self.tail.clear();
            self.check(&bytes[consumed - before..]);
        }
    }

    fn check(&mut self, bytes: &[u8]) {
        if let Err(error) = std::str::from_utf8(bytes) {
            self.bad |= error.error_len().is_some();
            self.tail = bytes[error.valid_up_to()..].to_vec();
        }
    }

    pub(super) fn end(&mut self) {
        self.bad |= !self.tail.is_empty();
    }

    pub(super) fn complain(&mut self, frame: &mut Frame, offset: u64) {
        if self.bad && !std::mem::replace(&mut self.said, true) {
            let text = "a text message that is not UTF-8";
            let at = frame.offset.min(offset);
            frame.notes.push(Note::new(at, "RFC 6455 §8.1", text));
        }
    }
}
