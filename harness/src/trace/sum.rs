//! The hash of a capture file, which proves that it is what was written, and has stayed so.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The number of bytes of a file that are read at once.
const PIECE_BYTES: usize = 1 << 18;

/// The SHA-256 of a file's bytes (FIPS 180-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum([u8; 32]);

impl Sum {
    /// Hashes all bytes of a file, even if others who share it read or write at other places.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read.
    pub fn of_file(file: &File) -> io::Result<Self> {
        let mut hash = Sha256::new();
        let mut piece = vec![0; PIECE_BYTES];
        let mut place = 0;
        loop {
            let length = match file.read_at(&mut piece, place) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if length == 0 {
                return Ok(Self(hash.finalize().into()));
            }
            hash.update(&piece[..length]);
            place += length as u64;
        }
    }
}

/// An output whose bytes are hashed on their way.
#[derive(Debug)]
pub struct Summed<W> {
    output: W,
    hash: Sha256,
}

impl<W: Write> Summed<W> {
    /// Hashes the bytes that are written from here on.
    pub fn new(output: W) -> Self {
        let hash = Sha256::new();
        Self { output, hash }
    }

    /// Returns the hash of all that the output has taken so far.
    #[must_use]
    pub fn sum(&self) -> Sum {
        Sum(self.hash.clone().finalize().into())
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.output.write(bytes)?;
        self.hash.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_what_is_there() {
        let mut file = tempfile::tempfile().unwrap();
        let mut summed = Summed::new(&mut file);
        summed.write_all(b"a").unwrap();
        summed.write_all(&vec![7; 2 * PIECE_BYTES + 1]).unwrap();
        let sum = summed.sum();

        assert_eq!(Sum::of_file(&file).unwrap(), sum);

        file.write_all_at(b"b", 300_000).unwrap();
        assert_ne!(Sum::of_file(&file).unwrap(), sum);
    }
}
