//! The limit on the bytes that the frames of one side may still keep.

use super::frame::PAYLOAD_LIMIT;

/// The room left for frames, and the number of bytes kept of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) left: usize,
    pub(super) each: usize,
}

impl Room {
    /// The room for as much as there may be of each frame.
    pub(super) const ANY: Self = Self {
        left: usize::MAX,
        each: PAYLOAD_LIMIT,
    };

    /// Takes room for up to `wanted` bytes, of which each is kept `copies` times; `kept` are kept already. Returns the
    /// number of bytes for which there was room.
    pub(super) fn take(&mut self, kept: usize, wanted: usize, copies: usize) -> usize {
        let taken = self.each.saturating_sub(kept).min(wanted);
        let taken = taken.min(self.left / copies);
        self.left -= taken * copies;
        taken
    }
}
