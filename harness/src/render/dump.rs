//! Rows of bytes in hexadecimal, with their characters beside them.
//!
//! The original document writes `C1: 81 88 36 0d …  ..6.).Qh];BdDs`: a label, the bytes, and the characters in one
//! column behind the longest row of the listing. A row has at most [`ROW_BYTES`] bytes; a longer frame goes on below,
//! under its label.
//!
//! Rows take four times the room of their bytes, and a listing may have to wait for its turn. So a dump waits
//! unexpanded: [`pack`] puts its bytes into the text, behind a control byte, which safe text never has, and
//! [`Unpacked`] turns them into rows on their way out.

use std::io::{self, Write};

use super::hex;

/// The most bytes in a row.
pub const ROW_BYTES: usize = 24;

/// The byte before a packed dump: then come the label's length, the columns, the count of bytes, and the bytes.
const PACKED: u8 = 0x01;

/// The bytes of the header: the label's length, the columns, and eight bytes of count.
const HEADER_BYTES: usize = 10;

/// The number of rows made before they are written: too many to be held up by a buffer of 64 KiB.
const ROWS_AT_ONCE: usize = 1024;

/// Appends the dump of one label, packed, the characters in the column behind `columns` bytes.
///
/// ```
/// use wiresnap::render::dump::{pack, unpack};
///
/// let mut text = Vec::new();
/// pack("S4: ", &[0x88, 0x00], 4, &mut text);
/// assert_eq!(unpack(&text), b"S4: 88 00        ..\n");
/// ```
pub fn pack(label: impl AsRef<[u8]>, bytes: &[u8], columns: usize, output: &mut Vec<u8>) {
    let label = label.as_ref();
    output.reserve(label.len() + HEADER_BYTES + bytes.len() + 2);
    output.extend_from_slice(label);
    if !bytes.is_empty() {
        let columns = columns.clamp(1, ROW_BYTES);
        let narrow = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
        output.extend_from_slice(&[PACKED, narrow(label.len()), narrow(columns)]);
        output.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        output.extend_from_slice(bytes);
    }
    // The last row's end is text, so that whoever looks at the end of the text finds that of a line.
    output.push(b'\n');
}

/// Returns the text with its dumps as rows.
#[must_use]
pub fn unpack(text: &[u8]) -> Vec<u8> {
    let mut output = Unpacked::new(Vec::new());
    // Writing to memory does not fail.
    let _ = output.write_all(text);
    output.into_inner()
}

/// A writer that passes text on, and turns the dumps in it into rows.
#[derive(Debug)]
pub struct Unpacked<Output> {
    output: Output,
    /// The part of a dump's header that has come.
    header: Vec<u8>,
    /// The number of bytes of a dump still to come.
    remaining: u64,
    /// The beginning of a row, the rest of which is still to come.
    begun: Vec<u8>,
    /// True if the next row is its dump's first, and its label is written already.
    is_first: bool,
    form: Form,
}

impl<Output: Write> Unpacked<Output> {
    /// Creates a writer on `output`.
    #[must_use]
    pub const fn new(output: Output) -> Self {
        Self {
            output,
            header: Vec::new(),
            remaining: 0,
            begun: Vec::new(),
            is_first: false,
            form: Form::new(0, ROW_BYTES),
        }
    }

    /// Returns the output.
    #[must_use]
    pub fn into_inner(self) -> Output {
        self.output
    }

    /// Passes on the text before the next dump, and returns the bytes behind it.
    fn text<'a>(&mut self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let end = memchr::memchr(PACKED, bytes).unwrap_or(bytes.len());
        let (text, rest) = bytes.split_at(end);
        self.output.write_all(text)?;
        let (mark, rest) = rest.split_at(rest.len().min(1));
        self.header.extend_from_slice(mark);
        Ok(rest)
    }

    fn header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let lacking = 1 + HEADER_BYTES - self.header.len();
        let (header, rest) = bytes.split_at(lacking.min(bytes.len()));
        self.header.extend_from_slice(header);
        if let [PACKED, label, columns, count @ ..] = self.header.as_slice()
            && let Ok(count) = count.try_into()
        {
            self.form.change(usize::from(*label), usize::from(*columns));
            self.remaining = u64::from_le_bytes(count);
            self.is_first = true;
            self.header.clear();
        }
        rest
    }

    fn dump<'a>(&mut self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let length =
            usize::try_from(self.remaining).map_or(bytes.len(), |most| most.min(bytes.len()));
        let (mut dumped, rest) = bytes.split_at(length);
        self.remaining -= length as u64;
        if !self.begun.is_empty() {
            let lacking = (self.form.columns - self.begun.len()).min(dumped.len());
            self.begun.extend_from_slice(&dumped[..lacking]);
            dumped = &dumped[lacking..];
            if self.begun.len() == self.form.columns || self.remaining == 0 {
                let begun = std::mem::take(&mut self.begun);
                self.rows(&begun)?;
            }
        }
        let whole = dumped.len() - dumped.len() % self.form.columns;
        let (whole, begun) = dumped.split_at(whole);
        for rows in whole.chunks(self.form.columns * ROWS_AT_ONCE) {
            self.rows(rows)?;
        }
        if self.remaining > 0 {
            self.begun.extend_from_slice(begun);
        } else if !begun.is_empty() {
            self.rows(begun)?;
        }
        Ok(rest)
    }

    fn rows(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.form.label * usize::from(std::mem::take(&mut self.is_first));
        let rows = self.form.rows(bytes);
        self.output.write_all(&rows[written..])
    }
}

impl<Output: Write> Write for Unpacked<Output> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = if self.remaining > 0 {
                self.dump(rest)?
            } else if self.header.is_empty() {
                self.text(rest)?
            } else {
                self.header(rest)
            };
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A form of rows to be filled in: the parts that are the same in all of them are written once.
#[derive(Debug)]
struct Form {
    /// The number of bytes before the digits: the end of the row before, and the label's room.
    label: usize,
    columns: usize,
    /// The rows, as many as were ever needed; digits and characters are those of earlier dumps.
    sheet: Vec<u8>,
}

impl Form {
    const fn new(label: usize, columns: usize) -> Self {
        Self {
            label: 1 + label,
            columns,
            sheet: Vec::new(),
        }
    }

    fn change(&mut self, label: usize, columns: usize) {
        let columns = columns.clamp(1, ROW_BYTES);
        if (self.label, self.columns) != (1 + label, columns) {
            *self = Self::new(label, columns);
        }
    }

    const fn row_length(&self) -> usize {
        self.label + 4 * self.columns + 1
    }

    /// Returns the rows of these bytes, which fill whole rows, or less than one.
    fn rows(&mut self, bytes: &[u8]) -> &[u8] {
        let length = self.row_length();
        let count = bytes.len().div_ceil(self.columns);
        while self.sheet.len() < count * length {
            self.sheet.push(b'\n');
            self.sheet.resize(self.sheet.len() + length - 1, b' ');
        }
        let places = self.sheet.chunks_exact_mut(length);
        let places = places.map(|row| row[self.label..].split_at_mut(3 * self.columns + 1));
        if self.columns == ROW_BYTES && bytes.len() >= ROW_BYTES {
            let (rows, _) = bytes.as_chunks::<ROW_BYTES>();
            for (row, (digits, characters)) in rows.iter().zip(places) {
                fill(row, digits, characters);
            }
            return &self.sheet[..count * length];
        }
        for (row, (digits, characters)) in bytes.chunks(self.columns).zip(places) {
            digits.fill(b' ');
            fill_any(row, digits, characters);
        }
        let unfilled = count * self.columns - bytes.len();
        &self.sheet[..count * length - unfilled]
    }
}

/// Fills in a row of the usual length. The compiler unrolls this.
#[inline]
fn fill(row: &[u8; ROW_BYTES], digits: &mut [u8], characters: &mut [u8]) {
    fill_any(
        row,
        &mut digits[..3 * ROW_BYTES],
        &mut characters[..ROW_BYTES],
    );
}

#[inline]
fn fill_any(row: &[u8], digits: &mut [u8], characters: &mut [u8]) {
    for (byte, digits) in row.iter().zip(digits.chunks_exact_mut(3)) {
        digits[..2].copy_from_slice(&hex::pair(*byte));
    }
    for (byte, character) in row.iter().zip(characters) {
        let is_printable = byte.wrapping_sub(b' ') < 95;
        *character = if is_printable { *byte } else { b'.' };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpacked(packed: &[u8], size: usize) -> String {
        let mut listing = Unpacked::new(Vec::new());
        for piece in packed.chunks(size) {
            listing.write_all(piece).unwrap();
        }
        String::from_utf8(listing.into_inner()).unwrap()
    }

    #[test]
    fn a_dump_without_bytes_is_its_label() {
        let mut packed = Vec::new();
        pack("C1: ", b"", 3, &mut packed);
        pack("", b"ab", 2, &mut packed);
        assert_eq!(unpacked(&packed, 1), "C1: \n61 62  ab\n");
    }

    proptest! {
        #[test]
        fn every_byte_is_in_its_row_and_the_characters_in_one_column(
            bytes in prop::collection::vec(any::<u8>(), 1..100),
            columns in 0_usize..40,
            size in 1_usize..50,
        ) {
            let mut packed = b"before\n".to_vec();
            pack("C1: ", &bytes, columns, &mut packed);
            packed.extend_from_slice(b"behind\n");
            let listing = unpacked(&packed, size);
            let text = listing.strip_prefix("before\nC1: ").and_then(|text| text.strip_suffix("behind\n"));
            let text = format!("    {}", text.unwrap());
            let columns = columns.clamp(1, ROW_BYTES);
            let column = 4 + 3 * columns + 1;
            let digits: String = text.lines().map(|line| &line[4..column]).collect();
            let digits: Vec<_> = digits.split_whitespace().collect();
            let characters: String = text.lines().map(|line| &line[column..]).collect();
            prop_assert!(text.lines().all(|line| line.starts_with("    ")));
            prop_assert_eq!(digits.join(" "), hex::spaced(&bytes));
            let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
            prop_assert_eq!(characters, bytes.iter().map(shown).collect::<String>());
        }
    }
}
