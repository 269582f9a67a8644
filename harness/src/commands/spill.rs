//! A temporary file that takes what is too much for memory, piece by piece, and gives it back.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

/// Pieces are written together until they are this many bytes, and read back in parts of as many.
const AT_ONCE: usize = 256 << 10;

/// Where in the file a piece is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    offset: u64,
    length: u64,
}

/// The file, and what is still to be written to it.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    /// How many bytes are in the file.
    written: u64,
    pending: Vec<u8>,
}

impl Spill {
    /// An empty file without a name, which goes when it is closed.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile()?,
            written: 0,
            pending: Vec::new(),
        })
    }

    /// Takes a piece of the text whose pieces so far are `extents`.
    pub(super) fn append(&mut self, bytes: &[u8], extents: &mut Vec<Extent>) -> io::Result<()> {
        if self.pending.len() + bytes.len() > AT_ONCE {
            self.flush()?;
        }
        let offset = self.written + self.pending.len() as u64;
        if bytes.len() > AT_ONCE {
            self.file.write_all_at(bytes, self.written)?;
            self.written += bytes.len() as u64;
        } else {
            self.pending.extend_from_slice(bytes);
        }
        let length = bytes.len() as u64;
        match extents.last_mut() {
            Some(last) if last.offset + last.length == offset => last.length += length,
            _ => extents.push(Extent { offset, length }),
        }
        Ok(())
    }

    /// Writes a piece to `output`, over a buffer that is the caller's.
    pub(super) fn copy(
        &mut self,
        extent: Extent,
        buffer: &mut Vec<u8>,
        output: &mut impl Write,
    ) -> io::Result<()> {
        self.flush()?;
        let (mut from, end) = (extent.offset, extent.offset + extent.length);
        while from < end {
            let now = usize::try_from(end - from).map_or(AT_ONCE, |left| left.min(AT_ONCE));
            buffer.resize(now, 0);
            self.file.read_exact_at(buffer, from)?;
            output.write_all(buffer)?;
            from += now as u64;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.pending, self.written)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}
