//! A conversation of which only the heads of answers are wanted: read in the same steps, but nothing of it is kept.

use std::ops::Range;

use super::Conversation;
use super::half::Decoder;
use crate::budget::Budget;
use crate::units::Side;

impl Conversation {
    /// Creates a conversation that hands out no messages, but tells where the heads of answers are.
    #[must_use]
    pub fn outline(budget: &Budget) -> Self {
        Self {
            heads: Some(Vec::new()),
            ..Self::within(budget)
        }
    }

    /// Returns the places in the server's stream of the heads read since the last call.
    pub fn take_heads(&mut self) -> Vec<Range<u64>> {
        self.heads.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Returns the offset in the server's stream up to which the meaning of the bytes is known.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        match &self.server.decoder {
            Decoder::Http(parser) => parser.settled(),
            Decoder::WebSocket(_) | Decoder::Raw => u64::MAX,
        }
    }

    /// Returns the place of an incomplete head, as far as it is there.
    #[must_use]
    pub fn begun_head(&self) -> Option<Range<u64>> {
        match &self.server.decoder {
            Decoder::Http(parser) if parser.is_in_head() => Some(parser.settled()..parser.offset()),
            _ => None,
        }
    }

    pub(super) const fn is_outline(&self) -> bool {
        self.heads.is_some()
    }

    /// Records the place of a head.
    pub(super) fn outline_head(&mut self, side: Side, offset: u64, length: usize) {
        if let Some(heads) = &mut self.heads
            && side == Side::Server
        {
            heads.push(offset..offset.saturating_add(length as u64));
        }
    }
}
