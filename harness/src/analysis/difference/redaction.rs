//! What is volatile, as the caller hides it.

use std::fmt;
use std::ops::Deref;

use crate::analysis::message::Message;

/// How what changes from run to run is hidden. The rules are those of listings and snapshots, which live where text is
/// made; they are handed in, so that a capture differs exactly where its snapshot would.
pub trait Rules {
    /// Hides in a message what must not be shown, at its width.
    fn hide_secrets(&self, message: &mut Message);
    /// A request's target, given its method.
    fn target(&self, method: &[u8], target: &[u8]) -> Vec<u8>;
    /// A field's value, given its name.
    fn field(&self, name: &[u8], value: &[u8]) -> Vec<u8>;
    /// Any text.
    fn text(&self, text: &[u8]) -> Vec<u8>;
}

/// The rules of a comparison.
#[derive(Clone, Copy)]
pub struct Redaction<'a>(pub &'a dyn Rules);

impl<'a> Deref for Redaction<'a> {
    type Target = dyn Rules + 'a;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl fmt::Debug for Redaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Redaction")
    }
}
