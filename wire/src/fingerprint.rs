//! The number and the SHA-256 of bytes that are not kept or not shown.
//!
//! ```
//! use wirestream::fingerprint::Fingerprint;
//!
//! let mut pieces = Fingerprint::default();
//! pieces.push(b"he");
//! pieces.push(b"llo");
//! assert_eq!(pieces, Fingerprint::of(b"hello"));
//! assert_eq!(pieces.length(), 5);
//! ```

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of bytes, and their number. Takes the bytes in pieces; equal for the same bytes in any pieces.
#[derive(Clone, Default)]
pub struct Fingerprint {
    length: u64,
    /// The state of the hash; `None` until there are bytes, since most messages leave nothing out.
    hash: Option<Box<Sha256>>,
}

impl Fingerprint {
    /// The fingerprint of no bytes.
    pub const EMPTY: Self = Self {
        length: 0,
        hash: None,
    };

    /// Returns the fingerprint of bytes that are all there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut fingerprint = Self::default();
        fingerprint.push(bytes);
        fingerprint
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_for(bytes.len() as u64, bytes);
    }

    /// Takes bytes that stand for `length` others.
    pub fn push_for(&mut self, length: u64, bytes: &[u8]) {
        if bytes.is_empty() && length == 0 {
            return;
        }
        self.length = self.length.saturating_add(length);
        self.hash.get_or_insert_default().update(bytes);
    }

    /// Returns the number of bytes that were taken.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Returns true if there were none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns the SHA-256 of the bytes so far; zeros if there were none.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let hash = self.hash.as_deref().cloned();
        hash.map(|hash| hash.finalize().into()).unwrap_or_default()
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.digest() == other.digest()
    }
}

impl Eq for Fingerprint {}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.digest();
        write!(formatter, "Fingerprint({}, {digest:02x?})", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_any_pieces_have_one_fingerprint_and_others_another() {
        let mut pieces = Fingerprint::default();
        for piece in [&b"a"[..], b"", b"bc"] {
            pieces.push(piece);
        }
        assert_eq!(pieces, Fingerprint::of(b"abc"));
        assert_ne!(pieces, Fingerprint::of(b"abd"));
        assert_ne!(Fingerprint::default(), Fingerprint::of(b"a"));
        assert_eq!(Fingerprint::default(), Fingerprint::of(b""));
        assert_eq!(pieces.digest(), <[u8; 32]>::from(Sha256::digest(b"abc")));
    }
}
