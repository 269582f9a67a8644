//! Texts that grow side by side, written one after the other.
//!
//! The connections of a capture are interleaved, their listings are not. So the first connection's text goes straight to
//! the output, and what comes for later ones waits its turn: in memory as long as that is little, else in a temporary
//! file, so that a capture of any size is listed in bounded memory. Of texts that are over, where they begin in that file
//! goes into another one: any number of them may wait for one that is not.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;

use super::spill::{Chain, Numbers, Spill};

/// The number of bytes that wait in memory before they are moved to a file.
const MOST_IN_MEMORY: usize = 4 << 20;

/// The number of bytes from which a piece goes directly to the file, once there is a file.
const LARGE_PIECE: usize = 16 << 10;

/// The number of texts that wait in memory, with or without bytes, before finished ones are moved to a file.
const MOST_TEXTS: usize = 16 << 10;

/// The flag that marks a finished text in that file, next to the position of its first block, which is shifted by a
/// bit.
const IS_OVER: u64 = 1;

/// Writes numbered texts in the order of their numbers, however they come.
#[derive(Debug)]
pub struct InOrder<Output> {
    output: Output,
    /// The text that is written straight through; `None` while it is not known how.
    current: Option<u64>,
    texts: BTreeMap<u64, Waiting>,
    in_memory: usize,
    spill: Option<Spill>,
    /// The texts that are over and were moved to a file.
    over: Option<Numbers>,
    /// The number of texts in memory at which they are searched for some to move.
    tidy_at: usize,
    separator: &'static str,
    /// The text that was last written to, if there was one.
    written: Option<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    before: Vec<u8>,
    /// The bytes that were moved to the file.
    spilled: Chain,
    bytes: Vec<u8>,
    ended: bool,
}

impl<Output: Write> InOrder<Output> {
    /// Writes nothing until [`InOrder::start`]; `separator` comes between texts that are not empty.
    pub const fn new(output: Output, separator: &'static str) -> Self {
        Self {
            output,
            current: None,
            texts: BTreeMap::new(),
            in_memory: 0,
            spill: None,
            over: None,
            tidy_at: MOST_TEXTS,
            separator,
            written: None,
        }
    }

    /// Begins to write, with the text of this number; texts with lower ones are taken for ended.
    ///
    /// # Errors
    ///
    /// Returns an error if writing fails.
    pub fn start(&mut self, first: u64) -> io::Result<()> {
        if self.current.is_none() {
            self.current = Some(first);
            self.advance()?;
        }
        Ok(())
    }

    /// Puts bytes before a text that has not been written to yet.
    pub fn prepend(&mut self, number: u64, bytes: &[u8]) {
        let waiting = self.texts.entry(number).or_default();
        waiting.before = bytes.to_vec();
    }

    /// Appends to the text of that number.
    ///
    /// # Errors
    ///
    /// Returns an error if writing fails.
    pub fn append(&mut self, number: u64, bytes: &[u8]) -> io::Result<()> {
        if self.current == Some(number) {
            return self.write(number, bytes);
        }
        // One that would be moved at once is not copied first: it may be a hundred megabytes.
        if self.spill.is_none() && bytes.len() > MOST_IN_MEMORY {
            self.spill = Some(Spill::new()?);
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

    /// Marks a number's text as complete: nothing more comes.
    ///
    /// # Errors
    ///
    /// Returns an error if writing fails.
    pub fn end(&mut self, number: u64) -> io::Result<()> {
        self.texts.entry(number).or_default().ended = true;
        self.advance()?;
        if self.texts.len() > self.tidy_at {
            self.tidy()?;
        }
        Ok(())
    }

    /// Returns the output, once everything has ended.
    ///
    /// # Errors
    ///
    /// Returns an error if writing fails.
    pub fn finish(mut self) -> io::Result<Output> {
        let mut next = self.current.unwrap_or(0);
        while let Some((number, waiting)) = self.texts.pop_first() {
            self.write_all_over(next..number)?;
            self.write_out(number, &waiting)?;
            next = number + 1;
        }
        self.write_all_over(next..u64::MAX)?;
        self.output.flush()?;
        Ok(self.output)
    }

    /// Writes what has its turn.
    fn advance(&mut self) -> io::Result<()> {
        while let Some(current) = self.current {
            let Some(waiting) = self.texts.get_mut(&current) else {
                if !self.write_over(current)? {
                    return Ok(());
                }
                self.current = Some(current + 1);
                continue;
            };
            let waiting = std::mem::take(waiting);
            let ended = waiting.ended;
            self.write_out(current, &waiting)?;
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

    fn write_out(&mut self, number: u64, waiting: &Waiting) -> io::Result<()> {
        self.write(number, &waiting.before)?;
        self.separate(number, waiting.spilled.is_empty())?;
        if let Some(spill) = &mut self.spill {
            spill.copy(waiting.spilled, &mut self.output)?;
        }
        self.in_memory -= waiting.bytes.len();
        self.write(number, &waiting.bytes)
    }

    /// Writes a text that is over and lies entirely in files; returns false if the text is not one of those.
    fn write_over(&mut self, number: u64) -> io::Result<bool> {
        let Some(over) = &mut self.over else {
            return Ok(false);
        };
        let entry = over.read(number)?;
        let waiting = Waiting {
            spilled: Chain::at(entry >> 1),
            ..Waiting::default()
        };
        self.write_out(number, &waiting)?;
        Ok(entry & IS_OVER != 0)
    }

    /// Writes all such texts of a range.
    fn write_all_over(&mut self, range: Range<u64>) -> io::Result<()> {
        let end = self.over.as_ref().map_or(0, Numbers::len).min(range.end);
        for number in range.start..end {
            self.write_over(number)?;
        }
        Ok(())
    }

    /// Moves the texts that are over to a file, all that is known of them.
    fn tidy(&mut self) -> io::Result<()> {
        self.move_to_file()?;
        let over = match &mut self.over {
            Some(over) => over,
            none => none.insert(Numbers::new()?),
        };
        let mut run = (0, Vec::new());
        for (number, waiting) in &self.texts {
            if !waiting.is_over() {
                continue;
            }
            if run.0 + run.1.len() as u64 != *number {
                over.write(run.0, &run.1)?;
                run = (*number, Vec::new());
            }
            run.1.push(waiting.spilled.first() << 1 | IS_OVER);
        }
        over.write(run.0, &run.1)?;
        self.texts.retain(|_, waiting| !waiting.is_over());
        self.tidy_at = MOST_TEXTS.max(2 * self.texts.len());
        Ok(())
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
    /// Returns true if nothing more comes, and the file has what came.
    const fn is_over(&self) -> bool {
        self.ended && self.before.is_empty() && self.bytes.is_empty()
    }

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
    fn any_number_of_texts_may_wait_for_one() {
        let mut pages = InOrder::new(Vec::new(), ",");
        pages.start(0).unwrap();
        pages.append(0, b"first").unwrap();
        let last = 3 * MOST_TEXTS as u64;
        for number in 1..=last {
            if number % 3 > 0 {
                pages.append(number, number.to_string().as_bytes()).unwrap();
            }
            if number % 1000 > 0 {
                pages.end(number).unwrap();
            }
        }
        assert!(pages.texts.len() <= MOST_TEXTS + 100);
        pages.append(1000, b" and more").unwrap();
        pages.end(0).unwrap();
        assert_eq!(pages.current, Some(1000), "those that are over are written");
        let output = String::from_utf8(pages.finish().unwrap()).unwrap();
        let expected = (1..=last).filter(|number| number % 3 > 0);
        let expected = expected.map(|number| match number {
            1000 => "1000 and more".to_owned(),
            number => number.to_string(),
        });
        let expected: Vec<String> = std::iter::once("first".to_owned())
            .chain(expected)
            .collect();
        assert_eq!(output, expected.join(","));
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
