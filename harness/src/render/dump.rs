//! Rows of bytes in hexadecimal, with the characters that they are beside them.
//!
//! The seed writes `C1: 81 88 36 0d …  ..6.).Qh];BdDs`: a label, the bytes, and the characters in one column behind the
//! longest row of the listing. A row has at most [`ROW_BYTES`] bytes; a longer frame goes on below, under its label.
//!
//! Rows take four times the room of their bytes, and a listing may have to wait for its turn. So a dump waits as it is:
//! [`pack`] puts its bytes into the text, behind a control byte, which safe text never has, and [`Unpacked`] makes rows
//! of them on their way out.

use std::io::{self, Write};

use super::hex;

/// How many bytes a row has at most.
pub const ROW_BYTES: usize = 24;

/// Stands before a packed dump: then come the label's length, the columns, the count of bytes, and the bytes.
const PACKED: u8 = 0x01;

/// The label's length, the columns, and eight bytes of count.
const HEADER_BYTES: usize = 10;

/// How many rows are made before they are written.
const ROWS_AT_ONCE: usize = 256;

/// Appends the dump of one label, packed, the characters in the column behind `columns` bytes.
///
/// ```
/// use wiresnap::render::dump::{pack, unpack};
///
/// let mut text = Vec::new();
/// pack("S4: ", &[0x88, 0x00], 4, &mut text);
/// assert_eq!(unpack(&text), b"S4: 88 00        ..\n");
/// ```
pub fn pack(label: &str, bytes: &[u8], columns: usize, output: &mut Vec<u8>) {
    output.reserve(label.len() + HEADER_BYTES + bytes.len() + 2);
    output.extend_from_slice(label.as_bytes());
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

/// The text with its dumps as rows.
#[must_use]
pub fn unpack(text: &[u8]) -> Vec<u8> {
    let mut output = Unpacked::new(Vec::new());
    // Writing to memory does not fail.
    let _ = output.write_all(text);
    output.into_inner()
}

/// Passes text on, and makes rows of the dumps in it.
#[derive(Debug)]
pub struct Unpacked<Output> {
    output: Output,
    /// A dump's header, as far as it has come.
    header: Vec<u8>,
    dump: Option<Dump>,
    /// Rows that were made and not written yet.
    rows: Vec<u8>,
}

impl<Output: Write> Unpacked<Output> {
    /// Writes to `output`.
    #[must_use]
    pub const fn new(output: Output) -> Self {
        Self {
            output,
            header: Vec::new(),
            dump: None,
            rows: Vec::new(),
        }
    }

    /// What was written to.
    #[must_use]
    pub fn into_inner(self) -> Output {
        self.output
    }

    /// Passes on the text before the next dump, and returns what is behind it.
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
            self.dump = Some(Dump::new(*label, *columns, u64::from_le_bytes(count)));
            self.header.clear();
        }
        rest
    }

    fn dump<'a>(&mut self, mut dump: Dump, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let most = dump.columns * ROWS_AT_ONCE;
        let now = usize::try_from(dump.remaining).map_or(most, |remaining| remaining.min(most));
        let (now, rest) = bytes.split_at(now.min(bytes.len()));
        dump.push(now, &mut self.rows);
        self.output.write_all(&self.rows)?;
        self.rows.clear();
        self.dump = (dump.remaining > 0).then_some(dump);
        Ok(rest)
    }
}

impl<Output: Write> Write for Unpacked<Output> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.dump.take() {
                Some(dump) => self.dump(dump, rest)?,
                None if self.header.is_empty() => self.text(rest)?,
                None => self.header(rest),
            };
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A dump whose bytes are coming.
#[derive(Debug)]
struct Dump {
    columns: usize,
    remaining: u64,
    /// A row without its bytes, from the end of the row before on.
    blank: Vec<u8>,
    /// How much of a blank row the first one lacks: the line end before it, and the label's room.
    first: usize,
    /// The beginning of a row whose rest is still to come.
    begun: Vec<u8>,
}

impl Dump {
    fn new(label: u8, columns: u8, remaining: u64) -> Self {
        let first = 1 + usize::from(label);
        let columns = usize::from(columns).clamp(1, ROW_BYTES);
        let mut blank = vec![b' '; first + 4 * columns + 1];
        blank[0] = b'\n';
        Self {
            columns,
            remaining,
            blank,
            first,
            begun: Vec::new(),
        }
    }

    /// Appends the rows that these bytes complete; the last row ends with the last byte.
    fn push(&mut self, mut bytes: &[u8], rows: &mut Vec<u8>) {
        self.remaining -= bytes.len() as u64;
        if !self.begun.is_empty() {
            let lacking = (self.columns - self.begun.len()).min(bytes.len());
            self.begun.extend_from_slice(&bytes[..lacking]);
            bytes = &bytes[lacking..];
            if self.begun.len() < self.columns && self.remaining > 0 {
                return;
            }
            let begun = std::mem::take(&mut self.begun);
            self.row(&begun, rows);
        }
        rows.reserve(self.blank.len() * (bytes.len() / self.columns + 1));
        let whole = bytes.chunks_exact(self.columns);
        let rest = whole.remainder();
        for row in whole {
            self.row(row, rows);
        }
        if self.remaining > 0 {
            self.begun.extend_from_slice(rest);
        } else if !rest.is_empty() {
            self.row(rest, rows);
        }
    }

    /// Appends one row: a blank one, then written over.
    #[inline]
    fn row(&mut self, row: &[u8], rows: &mut Vec<u8>) {
        let lacking = std::mem::take(&mut self.first);
        let from = rows.len() + self.blank.len() - lacking - (4 * self.columns + 1);
        rows.extend_from_slice(&self.blank[lacking..]);
        let (digits, characters) = rows[from..].split_at_mut(3 * self.columns + 1);
        for (byte, digits) in row.iter().zip(digits.chunks_exact_mut(3)) {
            digits[..2].copy_from_slice(&hex::pair(*byte));
        }
        for (byte, character) in row.iter().zip(characters) {
            let is_printable = byte.wrapping_sub(b' ') < 95;
            *character = if is_printable { *byte } else { b'.' };
        }
        rows.truncate(from + 3 * self.columns + 1 + row.len());
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
