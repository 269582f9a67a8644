//! Large content in short: its first lines, how long it is, and its SHA-256, so that two listings still differ wherever
//! what they list does.
//!
//! The SHA-256 is one of the text as it is shown, with placeholders in place of what is hidden: so it neither follows from
//! a hidden value nor lets one be guessed.

use wirestream::conversation::RAW_PIECE;
use wirestream::fingerprint::Fingerprint;
use wirestream::message::content::{Content, Piece};
use wirestream::units::Side;

use super::super::safe_text::{is_text, safe_line};
use super::{Listing, dump, shown_length};
use crate::render::hex;

/// The most lines of a text that are shown, and the most bytes.
const LINES: usize = 10;
const LINE_BYTES: usize = 1024;

/// The number of bytes shown of a text without lines.
const FEW_BYTES: usize = 256;

/// The number of rows shown of other bytes.
const ROWS: usize = 4;

/// Returns how long the first lines of a text are.
fn first_lines(text: &[u8]) -> usize {
    let beginning = &text[..text.len().min(LINE_BYTES)];
    let mut ends = memchr::memchr_iter(b'\n', beginning).map(|end| end + 1);
    ends.by_ref()
        .take(LINES)
        .last()
        .unwrap_or_else(|| boundary(text, FEW_BYTES))
}

/// Returns the last place up to `most` where no character is cut.
fn boundary(text: &[u8], most: usize) -> usize {
    let most = most.min(text.len());
    let is_inside = |at: usize| text.get(at).is_some_and(|byte| *byte & 0xc0 == 0x80);
    (most.saturating_sub(3)..=most)
        .rev()
        .find(|at| !is_inside(*at))
        .unwrap_or(most)
}

/// `5242880 bytes in all, sha256 0123…`.
fn in_all(bytes: &[u8]) -> String {
    let all = Fingerprint::of(bytes);
    format!(
        "{} bytes in all, sha256 {}",
        all.length(),
        hex::joined(&all.digest())
    )
}

/// A large payload on one line, as it is shown: quoted, or in hexadecimal.
pub(super) fn payload_in_short(shown: &[u8], is_text: bool) -> String {
    let beginning = if is_text {
        format!("\"{}\"", safe_line(&shown[..boundary(shown, FEW_BYTES)]))
    } else {
        hex::spaced(&shown[..shown.len().min(ROWS * dump::ROW_BYTES)])
    };
    format!("{beginning}… [{}]", in_all(shown))
}

impl Listing {
    /// Returns true if so many bytes are shown in short.
    pub(super) fn is_large(&self, bytes: usize) -> bool {
        self.style.limit.is_some_and(|limit| bytes > limit)
    }

    /// Returns true if more may follow of a turn in another protocol, which is told in pieces, and those are shown in short.
    pub(super) fn begins_large_turn(&self, content: &Content) -> bool {
        let limit = self.style.limit;
        content.length() >= RAW_PIECE as u64 && limit.is_some_and(|limit| limit <= RAW_PIECE)
    }

    /// Writes a piece of a large turn: the first one by its first lines, and all by what stands for them.
    pub(super) fn large_piece(&mut self, from: Side, content: &Content, is_first: bool) {
        let label = self.label(from);
        self.begin_text();
        self.end_line();
        let line = format!("{label}: {} bytes\n", shown_length(content));
        self.buffer.text.extend_from_slice(line.as_bytes());
        let is_text = is_text(&content.bytes);
        let shown = self.shown(&content.bytes);
        if is_first && is_text {
            self.write(&shown.bytes[..first_lines(&shown.bytes)]);
        } else if is_first {
            self.first_rows(&format!("{label}: "), &shown.bytes);
        }
        self.all_of(&shown.bytes);
        for piece in content.pieces() {
            match piece {
                Piece::Bytes(_) => {}
                other => {
                    self.gap(other);
                    self.end_line();
                }
            }
        }
    }

    /// Writes the first lines of a large text, and what stands for all of it.
    pub(super) fn text_in_short(&mut self, shown: &[u8]) {
        self.write(&shown[..first_lines(shown)]);
        self.all_of(shown);
    }

    /// Writes the first rows of other bytes, and what stands for all of them.
    pub(super) fn rows_in_short(&mut self, label: &str, bytes: &[u8]) {
        self.first_rows(label, bytes);
        self.all_of(bytes);
    }

    fn first_rows(&mut self, label: &str, bytes: &[u8]) {
        let beginning = &bytes[..bytes.len().min(ROWS * dump::ROW_BYTES)];
        dump::pack(label, beginning, beginning.len(), &mut self.buffer.text);
    }

    fn all_of(&mut self, bytes: &[u8]) {
        self.writer.end(&mut self.buffer.text);
        self.end_line();
        let line = format!("[{}]\n", in_all(bytes));
        self.buffer.text.extend_from_slice(line.as_bytes());
    }

    /// Returns the bytes of a frame that rows show, and what stands below them.
    pub(super) fn frame_in_short<'a>(&self, wire: &'a [u8], below: String) -> (&'a [u8], String) {
        if !self.is_large(wire.len()) {
            return (wire, below);
        }
        let beginning = &wire[..wire.len().min(ROWS * dump::ROW_BYTES)];
        (beginning, format!("[{}]\n{below}", in_all(wire)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_end_with_a_line_where_there_are_lines() {
        let lines = b"0123456\n".repeat(200);
        assert_eq!(first_lines(&lines), 80);
        let long = [&b"one\n"[..], &[b'x'; 2000]].concat();
        assert_eq!(first_lines(&long), 4);
        assert_eq!(first_lines(&[b'x'; 2000]), FEW_BYTES);
        let wide = "é".repeat(2000);
        assert_eq!(first_lines(format!("x{wide}").as_bytes()), 255);
    }
}
