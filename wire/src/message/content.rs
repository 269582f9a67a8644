//! Bytes as far as the capture has them, with their holes and a fingerprint of what was too much to keep.

use crate::fingerprint::Fingerprint;

/// A body, or a run of raw bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The bytes that are there, without the holes.
    pub bytes: Vec<u8>,
    /// The holes, in order.
    pub holes: Vec<Hole>,
    /// A fingerprint of the bytes after those, which were too many to keep.
    pub left_out: Fingerprint,
}

/// A gap of missing bytes between others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The number of present bytes before the hole.
    pub at: usize,
    /// The number of missing bytes.
    pub missing: u64,
}

/// A stretch of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that are there.
    Bytes(&'a [u8]),
    /// The number of bytes that are not in the capture.
    Missing(u64),
    /// A fingerprint of the bytes that were too many to keep.
    LeftOut(&'a Fingerprint),
}

impl Content {
    /// Appends bytes, as far as the whole stays within `limit`.
    pub fn push(&mut self, bytes: &[u8], limit: usize) {
        // What was once left out has nothing behind it, whatever the limit is then.
        let limit = if self.left_out.is_empty() { limit } else { 0 };
        let room = limit.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        self.left_out.push(&bytes[room..]);
    }

    /// Appends a hole.
    pub fn missing(&mut self, count: u64) {
        let at = self.bytes.len();
        match self.holes.last_mut().filter(|hole| hole.at == at) {
            Some(hole) => hole.missing = hole.missing.saturating_add(count),
            None => self.holes.push(Hole { at, missing: count }),
        }
    }

    /// Returns the number of bytes, including those that are not kept.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.left_out.length()
    }

    /// Returns true if there are no bytes and no holes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.holes.is_empty() && self.left_out.is_empty()
    }

    /// Returns the total number of bytes in the holes.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        let sum = |sum: u64, hole: &Hole| sum.saturating_add(hole.missing);
        self.holes.iter().fold(0, sum)
    }

    /// Returns bytes and holes in their order, and at the end the bytes that were left out.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let starts = std::iter::once(0).chain(self.holes.iter().map(|hole| hole.at));
        let ends = self.holes.iter().map(|hole| hole.at);
        let ends = ends.chain(std::iter::once(self.bytes.len()));
        let holes = self.holes.iter().map(|hole| Piece::Missing(hole.missing));
        let holes = holes.map(Some).chain(std::iter::once(None));
        let left_out = Some(&self.left_out).filter(|rest| !rest.is_empty());
        let left_out = left_out.map(Piece::LeftOut);
        starts
            .zip(ends)
            .zip(holes)
            .flat_map(|((start, end), hole)| {
                let bytes = (start < end).then(|| Piece::Bytes(&self.bytes[start..end]));
                [bytes, hole]
            })
            .flatten()
            .chain(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(pieces: &[&[u8]]) -> Content {
        let mut content = Content::default();
        for piece in pieces {
            content.push(piece, 2);
        }
        content
    }

    #[test]
    fn what_is_left_out_is_told_apart_whatever_pieces_it_came_in() {
        assert_eq!(pushed(&[b"abcdef"]), pushed(&[b"a", b"bcd", b"", b"ef"]));
        assert_ne!(pushed(&[b"abcdef"]), pushed(&[b"abcdeg"]));
        assert!(pushed(&[b"ab"]).left_out.is_empty());
    }
}
