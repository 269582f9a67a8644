//! Placeholders among bytes that are no text: they are read, not spelled in hexadecimal.

use std::ops::Range;

/// A part of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Bytes of the capture.
    Bytes(&'a [u8]),
    /// The text that stands for what is hidden.
    Placeholder(&'a [u8]),
}

/// Returns the parts of bytes, given the place of the first one in its content and those of the placeholders there.
///
/// A placeholder that goes on before or behind the bytes is cut.
pub(super) fn around<'a>(
    bytes: &'a [u8],
    begin: usize,
    placeholders: &[Range<usize>],
) -> impl Iterator<Item = Part<'a>> {
    let end = begin + bytes.len();
    let inside = placeholders
        .iter()
        .map(move |place| place.start.max(begin)..place.end.min(end))
        .filter(|place| place.start < place.end);
    let mut at = 0;
    let mut parts = Vec::new();
    for place in inside {
        let place = place.start - begin..place.end - begin;
        parts.push(Part::Bytes(&bytes[at..place.start]));
        parts.push(Part::Placeholder(&bytes[place.clone()]));
        at = place.end;
    }
    parts.push(Part::Bytes(&bytes[at..]));
    parts
        .into_iter()
        .filter(|part| !matches!(part, Part::Bytes([])))
}

#[cfg(test)]
mod tests {
    use super::Part::{Bytes, Placeholder};
    use super::*;

    #[test]
    fn placeholders_are_cut_out() {
        let places = [0..3, 5..8, 8..9];
        let parts: Vec<_> = around(b"<a>12<b>!3", 0, &places).collect();
        let expected = [
            Placeholder(&b"<a>"[..]),
            Bytes(b"12"),
            Placeholder(b"<b>"),
            Placeholder(b"!"),
            Bytes(b"3"),
        ];
        assert_eq!(parts, expected);
        let parts: Vec<_> = around(b">12<", 2, &places).collect();
        assert_eq!(parts, [Placeholder(b">"), Bytes(b"12"), Placeholder(b"<")]);
        assert_eq!(around(b"", 4, &places).count(), 0);
    }
}
