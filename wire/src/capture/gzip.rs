//! Reads compressed capture files, and limits what they may inflate to.
//!
//! A byte of gzip can stand for up to a thousand, and a file of 100 MB could then take as long as one of 100 GB. So a
//! file may inflate to a multiple of its size, and to a first amount in any case. A packet without bytes takes as long
//! as one with its headers, and counts for as much.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

/// The number of bytes that a file may inflate to for each of its own. Captures of text have 5 to 20.
const INFLATED_PER_BYTE: u64 = 32;

/// The number of bytes that any file may inflate to.
const INFLATED_FOR_NOTHING: u64 = 256 << 20;

/// The size that the smallest packets count for: an Ethernet frame with the headers of IP and TCP, and the record that
/// it is in.
const LEAST_OF_A_PACKET: usize = 96;

/// The number of bytes that were inflated, with what small packets count for in addition.
#[derive(Clone, Debug, Default)]
pub(super) struct Inflated(Rc<Cell<u64>>);

impl Inflated {
    fn add(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_add(bytes as u64));
    }

    /// Takes note of a packet that has so many bytes.
    #[inline]
    pub(super) fn packet(&self, bytes: usize) {
        if bytes < LEAST_OF_A_PACKET {
            self.add(LEAST_OF_A_PACKET - bytes);
        }
    }
}

/// Inflates a file; returns an error if it inflates to too much.
pub(super) struct Inflater<R> {
    decoder: MultiGzDecoder<Counted<R>>,
    read: Rc<Cell<u64>>,
    inflated: Inflated,
}

impl<R: Read> Inflater<R> {
    pub(super) fn new(input: R) -> Self {
        let read = Rc::new(Cell::new(0));
        let count = Rc::clone(&read);
        let decoder = MultiGzDecoder::new(Counted { input, count });
        Self {
            decoder,
            read,
            inflated: Inflated::default(),
        }
    }

    /// Returns the account of what was inflated.
    pub(super) fn inflated(&self) -> Inflated {
        self.inflated.clone()
    }
}

impl<R: Read> Read for Inflater<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = INFLATED_FOR_NOTHING + self.read.get().saturating_mul(INFLATED_PER_BYTE);
        if self.inflated.0.get() > most {
            return Err(io::Error::other(
                "the compressed file inflates to more than 32 times its size: decompress it first if it is to be read all the same",
            ));
        }
        let length = self.decoder.read(buffer)?;
        self.inflated.add(length);
        Ok(length)
    }
}

/// Counts the bytes that are read.
struct Counted<R> {
    input: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.count.set(self.count.get() + length as u64);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn zeros(mebibytes: usize) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&vec![0; mebibytes << 20]).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_inflates_to_too_much_ends_with_an_error() {
        let member = zeros(16);
        let small = member.repeat(8);
        let length = io::copy(&mut Inflater::new(&small[..]), &mut io::sink()).unwrap();
        assert_eq!(length, 128 << 20, "a first amount is for nothing");
        let large = member.repeat(64);
        let mut inflater = Inflater::new(&large[..]);
        let error = io::copy(&mut inflater, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("32 times its size"), "{error}");
        assert!(inflater.inflated.0.get() < 512 << 20);
    }
}
