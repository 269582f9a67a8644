//! A listing that is kept in memory: all of it, or its beginning and a remark about the rest.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::render::hex;

/// A writer that keeps up to so many bytes; it counts the rest, and tells its SHA-256.
#[derive(Debug)]
pub(super) struct Beginning {
    bytes: Vec<u8>,
    most: usize,
    rest: Option<Rest>,
}

#[derive(Debug, Default)]
struct Rest {
    bytes: u64,
    hash: Sha256,
}

impl Beginning {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most,
            rest: None,
        }
    }

    /// Returns the text, which ends with a remark if it is not all.
    pub(super) fn into_text(self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        if let Some(rest) = self.rest {
            let hash = hex::joined(&rest.hash.finalize());
            let remark = format!(
                "[the listing is too long to be kept: {} bytes more, SHA-256 {hash}]\n",
                rest.bytes
            );
            text.push_str(&remark);
        }
        text
    }
}

impl Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.rest.is_none() && self.bytes.len() + bytes.len() <= self.most {
            self.bytes.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let kept = &mut self.bytes;
        let rest = self.rest.get_or_insert_with(|| {
            // Only whole lines are kept.
            let end = memchr::memrchr(b'\n', kept).map_or(0, |end| end + 1);
            let mut rest = Rest::default();
            rest.take(&kept.split_off(end));
            rest
        });
        rest.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Rest {
    fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[&str]) -> String {
        let mut beginning = Beginning::new(10);
        for piece in pieces {
            beginning.write_all(piece.as_bytes()).unwrap();
        }
        beginning.into_text()
    }

    #[test]
    fn what_is_not_kept_is_told_apart() {
        assert_eq!(written(&["a\n", "b\n"]), "a\nb\n");
        let [one, other] = ["c", "d"].map(|end| written(&["line 1\nli", "ne 2\nline ", end]));
        assert!(one.starts_with("line 1\n[the listing is too long to be kept: 13 bytes more"));
        assert_ne!(one, other);
        assert_eq!(one.lines().count(), 2);
    }
}
