//! A temporary file that takes what is too much for memory, piece by piece, and gives it back.
//!
//! Texts that grow side by side lie in it in blocks, each of which holds the position of the text's next block. So a
//! text is known by the positions of its first and its last block, however many there are.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use crate::files::reason;

/// Blocks are written together until they are this many bytes, and read back in parts of as many.
const AT_ONCE: usize = 256 << 10;

/// The number of bytes that are read from a place where nothing was read before it: most blocks are no longer.
const AT_FIRST: usize = 4 << 10;

/// A block begins with the place of the next one and its own length.
const HEADER_BYTES: usize = 16;

/// The blocks of a text, by the positions of the first and the last; 0 if there are none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    first: u64,
    last: u64,
}

impl Chain {
    pub(super) const fn is_empty(self) -> bool {
        self.first == 0
    }

    /// Returns the chain that begins at a place and is not to be appended to.
    pub(super) const fn at(first: u64) -> Self {
        Self { first, last: 0 }
    }

    /// Returns the position of the first block.
    pub(super) const fn first(self) -> u64 {
        self.first
    }
}

/// The file, and what is still to be written to it.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    /// The number of bytes in the file.
    written: u64,
    pending: Vec<u8>,
    /// The position of the last block.
    last: u64,
    read: Window,
}

impl Spill {
    /// Makes an empty file without a name, which is deleted when it is closed.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile().map_err(|error| cannot(&error))?,
            written: 0,
            // No block is at 0, which stands for none.
            pending: vec![0; HEADER_BYTES],
            last: 0,
            read: Window::default(),
        })
    }

    /// Takes a piece of a text.
    pub(super) fn append(&mut self, bytes: &[u8], chain: &mut Chain) -> io::Result<()> {
        if self.pending.len() + HEADER_BYTES + bytes.len() > AT_ONCE {
            self.flush()?;
        }
        if chain.last == self.last && self.last >= self.written && !chain.is_empty() {
            return self.lengthen(bytes);
        }
        let place = self.written + self.pending.len() as u64;
        let length = bytes.len() as u64;
        self.pending.extend_from_slice(&[0; 8]);
        self.pending.extend_from_slice(&length.to_le_bytes());
        if bytes.len() + HEADER_BYTES > AT_ONCE {
            self.flush()?;
            self.write_at(bytes, self.written)?;
            self.written += length;
        } else {
            self.pending.extend_from_slice(bytes);
        }
        self.last = place;
        self.link(chain, place)
    }

    /// Appends to the last block, which is not written yet.
    fn lengthen(&mut self, bytes: &[u8]) -> io::Result<()> {
        let at = usize::try_from(self.last - self.written).map_err(io::Error::other)?;
        self.pending.extend_from_slice(bytes);
        let length = (self.pending.len() - at - HEADER_BYTES) as u64;
        self.pending[at + 8..at + HEADER_BYTES].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// Lets the last block of a text say that its next one is at `place`.
    fn link(&mut self, chain: &mut Chain, place: u64) -> io::Result<()> {
        let before = std::mem::replace(&mut chain.last, place);
        if chain.is_empty() {
            chain.first = place;
            return Ok(());
        }
        let next = place.to_le_bytes();
        match before.checked_sub(self.written) {
            Some(at) => {
                let at = usize::try_from(at).map_err(io::Error::other)?;
                self.pending[at..at + 8].copy_from_slice(&next);
                Ok(())
            }
            None => self.write_at(&next, before),
        }
    }

    /// Writes a text to `output`.
    pub(super) fn copy(&mut self, chain: Chain, output: &mut impl Write) -> io::Result<()> {
        if !chain.is_empty() {
            self.flush()?;
        }
        let mut place = chain.first;
        while place != 0 {
            let [next, length] = header(self.read.at(&self.file, place, HEADER_BYTES)?)?;
            let mut from = place + HEADER_BYTES as u64;
            let end = from + length;
            while from < end {
                let most = usize::try_from(end - from).unwrap_or(usize::MAX);
                let bytes = self.read.at(&self.file, from, most)?;
                if bytes.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                output.write_all(bytes)?;
                from += bytes.len() as u64;
            }
            place = next;
        }
        Ok(())
    }

    fn write_at(&mut self, bytes: &[u8], place: u64) -> io::Result<()> {
        self.read.forget();
        let written = self.file.write_all_at(bytes, place);
        written.map_err(|error| cannot(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let written = self.write_at(&pending, self.written);
        self.pending = pending;
        written?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

/// A part of a file, kept because what is read next mostly lies behind what was read last.
#[derive(Debug, Default)]
struct Window {
    bytes: Vec<u8>,
    /// The position in the file of its first byte.
    start: u64,
}

impl Window {
    /// Forgets what was read: the file changes.
    fn forget(&mut self) {
        self.bytes.clear();
    }

    /// Returns the bytes at a place: at most `most`, fewer if the window ends before, none at the file's end. No fewer
    /// than a header or a number, if the file has them.
    fn at(&mut self, file: &File, place: u64, most: usize) -> io::Result<&[u8]> {
        let least = most.min(HEADER_BYTES);
        let has_it = place
            .checked_sub(self.start)
            .and_then(|skipped| usize::try_from(skipped).ok())
            .filter(|skipped| skipped.saturating_add(least) <= self.bytes.len());
        let skipped = if let Some(skipped) = has_it {
            skipped
        } else {
            self.fill(file, place)?;
            0
        };
        let there = self.bytes.get(skipped..).unwrap_or_default();
        Ok(&there[..most.min(there.len())])
    }

    /// Reads from a place on: the more, the more of what was read was used.
    fn fill(&mut self, file: &File, place: u64) -> io::Result<()> {
        let end = self.start + self.bytes.len() as u64;
        let goes_on = (self.start..=end).contains(&place) && !self.bytes.is_empty();
        let length = if goes_on {
            AT_ONCE.min(2 * self.bytes.len()).max(AT_FIRST)
        } else {
            AT_FIRST
        };
        self.bytes.resize(length, 0);
        self.start = place;
        let mut filled = 0;
        while filled < length {
            match file.read_at(&mut self.bytes[filled..], place + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.forget();
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }
}

/// Returns the error of a temporary file, which is not to be taken for one of the capture or of the output.
fn cannot(error: &io::Error) -> io::Error {
    let why = reason(error);
    let text =
        format!("cannot keep a temporary file: {why}\nhint: TMPDIR names a folder that has room");
    io::Error::new(error.kind(), text)
}

/// Returns the place of the next block, and the length of this one.
fn header(bytes: &[u8]) -> io::Result<[u64; 2]> {
    let (numbers, _) = bytes.as_chunks::<8>();
    match numbers {
        [next, length, ..] => Ok([*next, *length].map(u64::from_le_bytes)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// A temporary file of numbers, each at a position of its own; 0 if none was written.
#[derive(Debug)]
pub(super) struct Numbers {
    file: File,
    /// Behind the last place.
    end: u64,
    read: Window,
}

impl Numbers {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile().map_err(|error| cannot(&error))?,
            end: 0,
            read: Window::default(),
        })
    }

    /// Writes a run of numbers from a place on.
    pub(super) fn write(&mut self, first: u64, numbers: &[u64]) -> io::Result<()> {
        let bytes: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        self.end = self.end.max(first + numbers.len() as u64);
        self.read.forget();
        let written = self.file.write_all_at(&bytes, first * 8);
        written.map_err(|error| cannot(&error))
    }

    /// Returns the position behind the last number that was written.
    pub(super) const fn len(&self) -> u64 {
        self.end
    }

    pub(super) fn read(&mut self, place: u64) -> io::Result<u64> {
        let bytes = self.read.at(&self.file, place * 8, size_of::<u64>())?;
        // Behind the end none was written.
        Ok(bytes.try_into().map_or(0, u64::from_le_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_come_back_as_they_went(
            pieces in prop::collection::vec((0_usize..5, 0_usize..3000, any::<u8>()), 0..200),
            long in 0_usize..600_000,
        ) {
            let mut spill = Spill::new().unwrap();
            let mut chains = [Chain::default(); 5];
            let mut texts = vec![Vec::new(); 5];
            let pieces = pieces.into_iter().chain([(0, long, b'l'), (1, 3, b'e')]);
            for (text, length, byte) in pieces {
                let piece = vec![byte; length];
                spill.append(&piece, &mut chains[text]).unwrap();
                texts[text].extend(piece);
            }
            for (chain, text) in chains.into_iter().zip(texts) {
                let mut output = Vec::new();
                spill.copy(chain, &mut output).unwrap();
                prop_assert_eq!(output, text);
            }
        }
    }

    #[test]
    fn numbers_that_were_not_written_are_none() {
        let mut numbers = Numbers::new().unwrap();
        assert_eq!(numbers.read(3).unwrap(), 0);
        numbers.write(3, &[7, 8]).unwrap();
        let read: Vec<u64> = (0..7).map(|place| numbers.read(place).unwrap()).collect();
        assert_eq!(read, [0, 0, 0, 7, 8, 0, 0]);
    }
}
