//! The filler that overwrites a secret, and the test that recognises it.

use crate::rule::same_width;

/// Returns the bytes that overwrite `width` bytes of a secret of this name.
pub(super) fn filler(name: &str, width: usize) -> Vec<u8> {
    same_width(name, width).into_bytes()
}

/// Returns the same for places where only the characters of a token are allowed (RFC 9110 §5.6.2), as in a method or a
/// field's name.
pub(super) fn token(name: &str, width: usize) -> Vec<u8> {
    let shown = &name[..name.len().min(width)];
    format!("{shown:.<width$}").into_bytes()
}

/// Returns true if the bytes are the filler of a secret of one of these names, or a part of that.
pub(super) fn is_filler<'a>(mut names: impl Iterator<Item = &'a str>, bytes: &[u8]) -> bool {
    let inner = bytes.strip_prefix(b"<").unwrap_or(bytes);
    let inner = inner.strip_suffix(b">").unwrap_or(inner);
    let dots = inner.iter().rev().take_while(|byte| **byte == b'.').count();
    let shown = &inner[..inner.len() - dots];
    let is_part = |name: &str| memchr::memmem::find(name.as_bytes(), shown).is_some();
    shown.iter().all(|byte| *byte == b'x') || names.any(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_secret_is_known_again_in_any_part() {
        let names = || ["session", "key"].into_iter();
        for width in 1..40 {
            for name in names() {
                for made in [filler(name, width), token(name, width)] {
                    assert_eq!(made.len(), width);
                    assert!(is_filler(names(), &made));
                    assert!(is_filler(names(), &made[width / 3..]));
                    assert!(is_filler(names(), &made[..width - width / 3]));
                }
            }
        }
        assert!(!is_filler(names(), b"0123456789abcdef"));
        assert!(!is_filler(names(), b"<key...> and more"));
    }
}
