//! What is volatile, as the caller hides it.

use std::fmt;

/// How what changes from run to run is hidden. The rules are those of listings and snapshots, which live where text is
/// made; they are handed in, so that a capture differs exactly where its snapshot would.
#[derive(Clone, Copy)]
pub struct Redaction {
    /// A request's target, given its method.
    pub target: fn(&[u8], &[u8]) -> Vec<u8>,
    /// A field's value, given its name.
    pub field: fn(&[u8], &[u8]) -> Vec<u8>,
    /// Any text.
    pub text: fn(&[u8]) -> Vec<u8>,
}

impl fmt::Debug for Redaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Redaction")
    }
}
