//! Bytes as hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The two digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Returns the two digits of a byte.
#[inline]
#[must_use]
pub const fn pair(byte: u8) -> [u8; 2] {
    PAIRS[byte as usize]
}

/// Returns bytes as two digits each, without separators.
#[must_use]
pub fn joined(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| pair(*byte))
        .map(char::from)
        .collect()
}

/// Returns bytes as two digits each, with spaces between.
///
/// ```
/// assert_eq!(wiresnap::render::hex::spaced(&[0x88, 0x02]), "88 02");
/// ```
#[must_use]
pub fn spaced(bytes: &[u8]) -> String {
    let mut output = String::with_capacity(3 * bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            output.push(' ');
        }
        output.extend(pair(*byte).map(char::from));
    }
    output
}
