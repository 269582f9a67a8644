//! The limit on the text of all blocks together.

use std::cell::Cell;
use std::io::{self, Write};

use wirestream::budget::Memory;

/// The divisor that gives the share of the memory for the texts of blocks: each text is held several times until its
/// page is written.
const SHARE: usize = 16;

/// The room for the texts of blocks, of which each takes some.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) memory: Memory,
    left: Cell<usize>,
}

impl Room {
    pub(super) const fn new(memory: Memory) -> Self {
        Self {
            memory,
            left: Cell::new(memory.bytes() / SHARE),
        }
    }

    /// Returns a text to write into, which holds as much as the room that is left.
    pub(super) fn text(&self) -> Text {
        Text {
            bytes: Vec::new(),
            most: self.left.get(),
            all: self.memory.bytes() / SHARE,
        }
    }

    /// Takes the room for a text that was written.
    pub(super) fn take(&self, bytes: usize) {
        self.left.set(self.left.get().saturating_sub(bytes));
    }
}

/// A text that is being written.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    most: usize,
    all: usize,
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            let Self { all, .. } = self;
            return Err(io::Error::other(format!(
                "too long for a page: there is room for {all} bytes of listings in all"
            )));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_share_their_room() {
        let room = Room::new(Memory::of(1 << 20));
        let mut first = room.text();
        first.write_all(&b"a".repeat(60_000)).unwrap();
        room.take(first.bytes.len());
        let mut second = room.text();
        second.write_all(&b"b".repeat(5_536)).unwrap();
        let error = second.write_all(b"b").unwrap_err();
        assert!(
            error.to_string().starts_with("too long for a page"),
            "{error}"
        );
    }
}
