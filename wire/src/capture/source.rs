//! Reads bytes through one large buffer that is filled again and again.
//!
//! A capture of many gigabytes is read in slices of this buffer: nothing is copied or allocated per packet.

use std::io::{self, Read};
use std::ops::Range;

/// The size of the buffer. It fits in the second-level cache of common processors, where the bytes that the kernel
/// copied in are still warm when they are parsed.
const BUFFER_BYTES: usize = 256 * 1024;

/// A reader and the part of its bytes that is in memory.
pub(super) struct Source<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The beginning and, below, the end in `buffer` of the bytes that were not taken yet.
    start: usize,
    end: usize,
    /// The offset in the input of `buffer[start]`.
    offset: u64,
    ended: bool,
    /// True if the input broke off inside its compression, so that the bytes behind are lost.
    compression_cut: bool,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            compression_cut: false,
        }
    }

    /// Returns the offset in the input of the next byte to be taken.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns true if the input ended inside its gzip stream.
    pub(super) const fn compression_cut(&self) -> bool {
        self.compression_cut
    }

    /// Returns the bytes in memory that were not taken yet.
    pub(super) fn available(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Makes sure that `count` bytes are in memory; returns false if the input ends before.
    #[inline]
    pub(super) fn fill(&mut self, count: usize) -> io::Result<bool> {
        if self.end - self.start >= count {
            return Ok(true);
        }
        self.fill_slowly(count)
    }

    #[cold]
    fn fill_slowly(&mut self, count: usize) -> io::Result<bool> {
        self.make_room(count);
        while self.end - self.start < count && !self.ended {
            self.read_more()?;
        }
        Ok(self.end - self.start >= count)
    }

    fn make_room(&mut self, count: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < count {
            self.buffer.resize(count, 0);
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        match self.reader.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A gzip file that was cut: what came out of it so far is good.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.ended = true;
                self.compression_cut = true;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes `count` bytes, which a `fill` before has brought in; `slice` gives them until the next `fill`.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Range<usize> {
        let range = self.start..self.start + count;
        debug_assert!(range.end <= self.end, "taken more than was filled");
        self.start = range.end;
        self.offset += count as u64;
        range
    }

    /// Returns the bytes of a range that `take` gave.
    #[inline]
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Passes over `count` bytes without holding them in memory; returns false if the input ends before.
    pub(super) fn skip(&mut self, mut count: u64) -> io::Result<bool> {
        while count > 0 {
            if !self.fill(1)? {
                return Ok(false);
            }
            let step = (self.end - self.start).min(usize::try_from(count).unwrap_or(usize::MAX));
            self.take(step);
            count -= step as u64;
        }
        Ok(true)
    }
}
