//! Texts that grow side by side, written one after the other.
//!
//! The connections of a capture are interleaved, their listings are not. So the first connection's text goes straight to
//! the output, and what comes for later ones waits its turn: in memory as long as that is little, else in a temporary
//! file, so that a capture of any size is listed in bounded memory.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::spill::{Extent, Spill};

/// How many bytes wait in memory before they are moved to a file.
const MOST_IN_MEMORY: usize = 4 << 20;

/// Once there is a file, pieces of this many bytes go there directly.
const LARGE_PIECE: usize = 16 << 10;

/// Writes numbered texts in the order of their numbers, however they come.
#[derive(Debug)]
pub struct InOrder<Output> {
    output: Output,
    /// The text that is written straight through; `None` while it is not known how.
    current: Option<u64>,
    texts: BTreeMap<u64, Waiting>,
    in_memory: usize,
    spill: Option<Spill>,
    separator: &'static str,
    /// The text that was last written to, where one was.
    written: Option<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    before: Vec<u8>,
    /// What was moved to the file.
    spilled: Vec<Extent>,
    bytes: Vec<u8>,
    ended: bool,
}

impl<Output: Write> InOrder<Output> {
    /// Nothing is written until [`InOrder::start`]; between texts that are not empty comes `separator`.
    pub const fn new(output: Output, separator: &'static str) -> Self {
        Self {
            output,
            current: None,
            texts: BTreeMap::new(),
            in_memory: 0,
            spill: None,
            separator,
            written: None,
        }
    }

    /// Begins to write, with the text of this number; texts with lower ones are taken for ended.
    ///
    /// # Errors
    ///
    /// Where writing fails.
    pub fn start(&mut self, first: u64) -> io::Result<()> {
        if self.current.is_none() {
            self.current = Some(first);
            self.advance()?;
        }
        Ok(())
    }

    /// Puts something before a text of which nothing is written yet.
    pub fn prepend(&mut self, number: u64, bytes: &[u8]) {
        let waiting = self.texts.entry(number).or_default();
        waiting.before = bytes.to_vec();
    }

    /// Appends to the text of that number.
    ///
    /// # Errors
    ///
    /// Where writing fails.
    pub fn append(&mut self, number: u64, bytes: &[u8]) -> io::Result<()> {
        if self.current == Some(number) {
            return self.write(number, bytes);
        }
        let waiting = self.texts.entry(number).or_default();
        if let Some(spill) = &mut self.spill
            && bytes.len() >= LARGE_PIECE
        {
            self.in_memory -= waiting.bytes.len();
            waiting.move_to(spill)?;
            return spill.append(bytes, &mut waiting.spilled);
        }
        waiting.bytes.extend_from_slice(bytes);
        self.in_memory += bytes.len();
        if self.in_memory > MOST_IN_MEMORY {
            self.move_to_file()?;
        }
        Ok(())
    }

    /// Says that nothing more comes for that number.
    ///
    /// # Errors
    ///
    /// Where writing fails.
    pub fn end(&mut self, number: u64) -> io::Result<()> {
        self.texts.entry(number).or_default().ended = true;
        self.advance()
    }

    /// The output, once everything has ended.
    ///
    /// # Errors
    ///
    /// Where writing fails.
    pub fn finish(mut self) -> io::Result<Output> {
        while let Some((number, waiting)) = self.texts.pop_first() {
            self.write_out(number, waiting)?;
        }
        self.output.flush()?;
        Ok(self.output)
    }

    /// Writes what has its turn.
    fn advance(&mut self) -> io::Result<()> {
        while let Some(current) = self.current {
            let Some(waiting) = self.texts.get_mut(&current) else {
                return Ok(());
            };
            let waiting = std::mem::take(waiting);
            let ended = waiting.ended;
            self.write_out(current, waiting)?;
            self.texts.remove(&current);
            if !ended {
                return Ok(());
            }
            self.current = Some(current + 1);
        }
        Ok(())
    }

    fn write(&mut self, number: u64, bytes: &[u8]) -> io::Result<()> {
        self.separate(number, bytes.is_empty())?;
        self.output.write_all(bytes)
    }

    fn separate(&mut self, number: u64, is_empty: bool) -> io::Result<()> {
        if is_empty || self.written == Some(number) {
            return Ok(());
        }
        match self.written.replace(number) {
            None => Ok(()),
            Some(_) => self.output.write_all(self.separator.as_bytes()),
        }
    }

    fn write_out(&mut self, number: u64, waiting: Waiting) -> io::Result<()> {
        self.write(number, &waiting.before)?;
        self.separate(number, waiting.spilled.is_empty())?;
        if let Some(spill) = &mut self.spill {
            let mut buffer = Vec::new();
            for extent in waiting.spilled {
                spill.copy(extent, &mut buffer, &mut self.output)?;
            }
        }
        self.in_memory -= waiting.bytes.len();
        self.write(number, &waiting.bytes)
    }

    fn move_to_file(&mut self) -> io::Result<()> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::new()?),
        };
        for waiting in self.texts.values_mut() {
            waiting.move_to(spill)?;
        }
        self.in_memory = 0;
        Ok(())
    }
}

impl Waiting {
    fn move_to(&mut self, spill: &mut Spill) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        spill.append(&bytes, &mut self.spilled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_in_the_order_of_their_numbers() {
        let mut pages = InOrder::new(Vec::new(), ",");
        pages.append(1, b"b1").unwrap();
        pages.append(0, b"a1").unwrap();
        pages.prepend(0, b"<");
        pages.start(0).unwrap();
        pages.append(0, b"a2").unwrap();
        pages.append(3, b"d").unwrap();
        pages.append(1, b"b2").unwrap();
        pages.end(2).unwrap();
        pages.end(0).unwrap();
        pages.append(1, b"b3").unwrap();
        pages.end(1).unwrap();
        assert_eq!(pages.finish().unwrap(), b"<a1a2,b1b2b3,d");
    }

    #[test]
    fn what_is_too_much_for_memory_waits_in_a_file() {
        let mut pages = InOrder::new(Vec::new(), "");
        let piece = vec![b'x'; MOST_IN_MEMORY / 3];
        for _ in 0..2 {
            pages.append(2, &piece).unwrap();
            pages.append(1, &piece[..10]).unwrap();
            pages.append(2, &piece).unwrap();
        }
        assert!(pages.spill.is_some() && pages.in_memory <= MOST_IN_MEMORY);
        pages.append(1, b"end of 1").unwrap();
        pages.append(2, b"end of 2").unwrap();
        let output = pages.finish().unwrap();
        assert_eq!(output.len(), 4 * piece.len() + 20 + 16);
        assert_eq!(&output[20..28], b"end of 1");
        assert!(output.ends_with(b"end of 2"));
    }
}
