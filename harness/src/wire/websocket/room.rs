//! How many bytes more the frames of one side may keep.

use super::frame::PAYLOAD_LIMIT;

/// What is left of the room for frames, and of each how many bytes are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) left: usize,
    pub(super) each: usize,
}

impl Room {
    /// Room for as much as there may be of each frame.
    pub(super) const ANY: Self = Self {
        left: usize::MAX,
        each: PAYLOAD_LIMIT,
    };

    /// Takes room for up to `wanted` bytes, of which each is kept `copies` times, where `kept` are kept already; gives
    /// for how many there was.
    pub(super) fn take(&mut self, kept: usize, wanted: usize, copies: usize) -> usize {
        let taken = self.each.saturating_sub(kept).min(wanted);
        let taken = taken.min(self.left / copies);
        self.left -= taken * copies;
        taken
    }
}
