//! The rows of a WebSocket connection's frames, whose characters stand behind the longest of them.

use crate::render::dump;

/// How many bytes of frames wait for the longest, which says where the characters stand.
const MOST_WAITING: usize = 1 << 20;

/// The rows of a WebSocket connection's frames, which stand behind its text.
#[derive(Debug)]
pub(super) struct Rows {
    /// Frames that wait for their column to be known.
    waiting: Vec<Row>,
    waiting_bytes: usize,
    /// How many bytes the characters stand behind, once that is known.
    columns: Option<usize>,
    any: bool,
}

/// A frame's bytes, and what stands below them.
#[derive(Debug)]
struct Row {
    label: String,
    wire: Vec<u8>,
    below: String,
}

impl Rows {
    pub(super) const fn new() -> Self {
        Self {
            waiting: Vec::new(),
            waiting_bytes: 0,
            columns: None,
            any: false,
        }
    }

    /// Takes a frame's row, and appends to `output` what is certain by now.
    pub(super) fn push(&mut self, label: &str, wire: &[u8], below: String, output: &mut Vec<u8>) {
        if self.columns.is_some() {
            return self.write(label, wire, &below, output);
        }
        self.waiting_bytes += wire.len() + below.len();
        self.waiting.push(Row {
            label: label.to_owned(),
            wire: wire.to_vec(),
            below,
        });
        if wire.len() >= dump::ROW_BYTES || self.waiting_bytes > MOST_WAITING {
            self.columns = Some(dump::ROW_BYTES);
            self.write_waiting(output);
        }
    }

    pub(super) fn finish(&mut self, output: &mut Vec<u8>) {
        let longest = self.waiting.iter().map(|row| row.wire.len()).max();
        self.columns = self.columns.or(longest);
        self.write_waiting(output);
    }

    fn write_waiting(&mut self, output: &mut Vec<u8>) {
        for row in std::mem::take(&mut self.waiting) {
            self.write(&row.label, &row.wire, &row.below, output);
        }
    }

    fn write(&mut self, label: &str, wire: &[u8], below: &str, output: &mut Vec<u8>) {
        if std::mem::replace(&mut self.any, true) {
            output.push(b'\n');
        }
        let columns = self.columns.unwrap_or(dump::ROW_BYTES);
        dump::pack(label, wire, columns, output);
        output.extend_from_slice(below.as_bytes());
    }
}
