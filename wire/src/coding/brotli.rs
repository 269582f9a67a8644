//! Brotli (RFC 7932), with the crate `brotli-decompressor`, whose allocations are counted: a window may have 16 MiB, and most
//! have far less.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;

use brotli_decompressor::writer::DecompressorWriterCustomAlloc;
use brotli_decompressor::{Allocator, BrotliDecoderParameter, SliceWrapper as _, StandardAlloc};

/// Bytes that are decoded before the sink gets them.
const BUFFER: usize = 1 << 12;

type Buffer = <StandardAlloc as Allocator<u8>>::AllocatedMemory;

/// A decoder that writes what it decodes into a sink.
pub(super) struct Brotli<Sink: Write> {
    decoder: DecompressorWriterCustomAlloc<Sink, Buffer, Counting, Counting, Counting>,
    allocated: Rc<Cell<usize>>,
}

impl<Sink: Write> Brotli<Sink> {
    pub(super) fn new(sink: Sink) -> Self {
        let mut counting = Counting::default();
        let buffer = Allocator::<u8>::alloc_cell(&mut counting, BUFFER);
        let allocated = Rc::clone(&counting.allocated);
        let [bytes, words, codes] = [counting.clone(), counting.clone(), counting];
        let mut decoder = DecompressorWriterCustomAlloc::new(sink, buffer, bytes, words, codes);
        // Windows of up to 1 GiB are an extension that RFC 7932 has not, nor any browser. That is refused only where decoding
        // has begun.
        decoder.set_parameter(BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW, 0);
        Self { decoder, allocated }
    }

    /// Returns how many bytes it has allocated.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.allocated.get()
    }

    pub(super) fn get_mut(&mut self) -> &mut Sink {
        self.decoder.get_mut()
    }

    /// Takes the end of the input.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.decoder.close()
    }
}

impl<Sink: Write> Write for Brotli<Sink> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.decoder.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.decoder.flush()
    }
}

impl<Sink: Write> fmt::Debug for Brotli<Sink> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Brotli")
    }
}

/// The standard allocator, with a count of the memory that it gave and did not get back.
#[derive(Clone, Default)]
struct Counting {
    allocated: Rc<Cell<usize>>,
}

impl<T: Clone + Default> Allocator<T> for Counting {
    type AllocatedMemory = <StandardAlloc as Allocator<T>>::AllocatedMemory;

    fn alloc_cell(&mut self, length: usize) -> Self::AllocatedMemory {
        let bytes = length.saturating_mul(size_of::<T>());
        self.allocated
            .set(self.allocated.get().saturating_add(bytes));
        Allocator::<T>::alloc_cell(&mut StandardAlloc::default(), length)
    }

    fn free_cell(&mut self, data: Self::AllocatedMemory) {
        let bytes = size_of_val(data.slice());
        self.allocated
            .set(self.allocated.get().saturating_sub(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_allocates_is_counted() {
        let mut decoder = Brotli::new(Vec::new());
        let before = decoder.memory();
        assert!(before < 64 << 10, "{before}");
        // RFC 7932 §9.1 and §9.2: a window of 16 MiB, a metablock of 16 MiB that is not compressed, and its beginning.
        let header: u64 = 0b1111 | 2 << 5 | ((1 << 24) - 1) << 7 | 1 << 31;
        decoder.write_all(&header.to_le_bytes()[..4]).unwrap();
        decoder.write_all(&[7; 100]).unwrap();
        decoder.flush().unwrap();
        assert_eq!(decoder.get_mut().len(), 100);
        let after = decoder.memory();
        assert!((1 << 24..20 << 20).contains(&after), "{after}");
    }

    #[test]
    fn windows_of_a_gibibyte_are_no_brotli() {
        let mut decoder = Brotli::new(Vec::new());
        // The extension: 0x11 and six bits for the size of the window.
        let written = decoder.write_all(&[0x11, 30, 0, 0, 0, 0]);
        assert!(written.and_then(|()| decoder.close()).is_err());
        assert!(decoder.memory() < 1 << 20);
    }
}
