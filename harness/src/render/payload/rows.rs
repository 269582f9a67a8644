//! The rows of a WebSocket connection's frames, whose characters stand behind the longest of them.

use crate::render::hex;

/// How many bytes of frames wait for the longest, which says where the characters stand.
const MOST_WAITING: usize = 1 << 20;

/// The rows of a WebSocket connection's frames, which stand behind its text.
#[derive(Debug)]
pub(super) struct Rows {
    text: Vec<u8>,
    /// Frames that wait for their column to be known.
    waiting: Vec<Row>,
    waiting_bytes: usize,
    /// How many bytes the characters stand behind, once that is known.
    columns: Option<usize>,
    any: bool,
}

/// A frame's bytes, and what stands below them.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) wire: Vec<u8>,
    pub(super) below: String,
}

impl Rows {
    pub(super) const fn new() -> Self {
        Self {
            text: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            columns: None,
            any: false,
        }
    }

    pub(super) fn push(&mut self, row: Row) {
        self.waiting_bytes += row.wire.len() + row.below.len();
        let known = row.wire.len() >= hex::ROW_BYTES || self.waiting_bytes > MOST_WAITING;
        self.waiting.push(row);
        if known || self.columns.is_some() {
            self.columns = Some(hex::ROW_BYTES);
            self.write();
        }
    }

    /// The rows so far, which are handed over.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    pub(super) fn finish(&mut self) {
        let longest = self.waiting.iter().map(|row| row.wire.len()).max();
        self.columns = self.columns.or(longest);
        self.write();
    }

    pub(super) fn write(&mut self) {
        let columns = self.columns.unwrap_or(hex::ROW_BYTES);
        for row in self.waiting.drain(..) {
            if std::mem::replace(&mut self.any, true) {
                self.text.push(b'\n');
            }
            hex::rows(&row.label, &row.wire, columns, &mut self.text);
            self.text.extend_from_slice(row.below.as_bytes());
        }
        self.waiting_bytes = 0;
    }
}
