//! Rows of bytes in hexadecimal, with the characters that they are beside them.
//!
//! The seed writes `C1: 81 88 36 0d …  ..6.).Qh];BdDs`: a label, the bytes, and the characters in one column behind the
//! longest row of the listing. A row has at most [`ROW_BYTES`] bytes; a longer frame goes on below, under its label.

/// How many bytes a row has at most.
pub const ROW_BYTES: usize = 24;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends the rows of one label, the characters in the column behind `columns` bytes.
///
/// ```
/// let mut output = Vec::new();
/// wiresnap::render::hex::rows("S4: ", &[0x88, 0x00], 4, &mut output);
/// assert_eq!(output, b"S4: 88 00        ..\n");
/// ```
pub fn rows(label: &str, bytes: &[u8], columns: usize, output: &mut Vec<u8>) {
    let columns = columns.clamp(1, ROW_BYTES);
    output.reserve((label.len() + 4 * columns + 3) * (bytes.len() / columns + 1));
    output.extend_from_slice(label.as_bytes());
    if bytes.is_empty() {
        output.push(b'\n');
    }
    for (index, row) in bytes.chunks(columns).enumerate() {
        if index > 0 {
            output.extend(std::iter::repeat_n(b' ', label.len()));
        }
        write_row(row, columns, output);
    }
}

/// The digits of a row, and its characters behind the column. A row is put together in one place, since a long dump is
/// mostly rows.
fn write_row(row: &[u8], columns: usize, output: &mut Vec<u8>) {
    let mut line = [b' '; ROW_BYTES * 4 + 2];
    let (digits, characters) = line.split_at_mut(columns * 3 + 1);
    for ((byte, digits), character) in row.iter().zip(digits.chunks_exact_mut(3)).zip(characters) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
        *character = if matches!(byte, b' '..=b'~') {
            *byte
        } else {
            b'.'
        };
    }
    let end = columns * 3 + 1 + row.len();
    line[end] = b'\n';
    output.extend_from_slice(&line[..=end]);
}

/// Appends each byte as two digits and a space.
fn digits(row: &[u8], output: &mut Vec<u8>) {
    for byte in row {
        let (high, low) = (byte >> 4, byte & 15);
        output.extend_from_slice(&[DIGITS[usize::from(high)], DIGITS[usize::from(low)], b' ']);
    }
}

/// Bytes as two digits each, and nothing between.
#[must_use]
pub fn joined(bytes: &[u8]) -> String {
    spaced(bytes).replace(' ', "")
}

/// Bytes as two digits each, with spaces between.
#[must_use]
pub fn spaced(bytes: &[u8]) -> String {
    let mut output = Vec::with_capacity(3 * bytes.len());
    digits(bytes, &mut output);
    output.pop();
    String::from_utf8_lossy(&output).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_is_in_its_row_and_the_characters_in_one_column(
            bytes in prop::collection::vec(any::<u8>(), 1..100),
            columns in 0_usize..40,
        ) {
            let mut output = Vec::new();
            rows("C1: ", &bytes, columns, &mut output);
            let text = String::from_utf8(output).unwrap();
            let columns = columns.clamp(1, ROW_BYTES);
            let column = 4 + 3 * columns + 1;
            let digits: String = text.lines().map(|line| &line[4..column]).collect();
            let digits: Vec<_> = digits.split_whitespace().collect();
            let characters: usize = text.lines().map(|line| line[column..].len()).sum();
            prop_assert_eq!(digits.join(" "), spaced(&bytes));
            prop_assert_eq!(characters, bytes.len());
        }
    }
}
