//! Edits of a text: the places to be hidden, with their replacements.

use std::ops::Range;

/// A place in a text, and its replacement.
pub type Edit = (Range<usize>, Vec<u8>);

/// Returns a text with edits made, which are in order and apart from each other.
#[must_use]
pub fn apply(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len());
    let mut position = 0;
    for (place, value) in edits {
        output.extend_from_slice(&text[position..place.start]);
        output.extend_from_slice(value);
        position = place.end;
    }
    output.extend_from_slice(&text[position..]);
    output
}
