//! The rows of a WebSocket connection's frames, with the characters in a column behind the longest of them.

use crate::render::dump;

/// The most bytes of frames that wait for the longest one, which determines the column of the characters.
const MOST_WAITING: usize = 1 << 20;

/// The rows of a WebSocket connection's frames, which come after its text.
#[derive(Debug)]
pub(super) struct Rows {
    /// The frames that wait for their column to be known: the parts of each, one after the other, because most are
    /// short.
    waiting: Vec<u8>,
    /// The bytes of frames and of the text below them.
    waiting_bytes: usize,
    /// The length of the longest waiting frame.
    longest: usize,
    /// The number of bytes to the left of the characters, once that is known.
    columns: Option<usize>,
    any: bool,
}

impl Rows {
    pub(super) const fn new() -> Self {
        Self {
            waiting: Vec::new(),
            waiting_bytes: 0,
            longest: 0,
            columns: None,
            any: false,
        }
    }

    /// Returns the number of bytes held.
    pub(super) const fn memory(&self) -> usize {
        self.waiting.capacity()
    }

    /// Takes a frame's row, and appends to `output` whatever is certain by now.
    pub(super) fn push(&mut self, label: &str, wire: &[u8], below: &str, output: &mut Vec<u8>) {
        if self.columns.is_some() {
            return self.write(label.as_bytes(), wire, below.as_bytes(), output);
        }
        self.waiting_bytes += wire.len() + below.len();
        self.longest = self.longest.max(wire.len());
        for part in [label.as_bytes(), wire, below.as_bytes()] {
            self.waiting
                .extend_from_slice(&(part.len() as u64).to_le_bytes());
            self.waiting.extend_from_slice(part);
        }
        if wire.len() >= dump::ROW_BYTES || self.waiting_bytes > MOST_WAITING {
            self.let_go(output);
        }
    }

    /// Writes the waiting rows as if a row of full length had come.
    pub(super) fn let_go(&mut self, output: &mut Vec<u8>) {
        self.columns = Some(dump::ROW_BYTES);
        self.write_waiting(output);
    }

    pub(super) fn finish(&mut self, output: &mut Vec<u8>) {
        self.columns = self.columns.or(Some(self.longest));
        self.write_waiting(output);
    }

    fn write_waiting(&mut self, output: &mut Vec<u8>) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = &waiting[..];
        while let (Some(label), Some(wire), Some(below)) =
            (part(&mut rest), part(&mut rest), part(&mut rest))
        {
            self.write(label, wire, below, output);
        }
    }

    fn write(&mut self, label: &[u8], wire: &[u8], below: &[u8], output: &mut Vec<u8>) {
        if std::mem::replace(&mut self.any, true) {
            output.push(b'\n');
        }
        let columns = self.columns.unwrap_or(dump::ROW_BYTES);
        dump::pack(label, wire, columns, output);
        output.extend_from_slice(below);
    }
}

/// Returns the next waiting part: its length comes first, then its bytes.
fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (part, behind) = behind.split_at_checked(length)?;
    *rest = behind;
    Some(part)
}
