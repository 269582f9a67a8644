//! A conversation of which only the heads of answers are wanted: read by the same steps, but nothing of it is kept.

use std::ops::Range;

use super::Conversation;
use super::half::Decoder;
use crate::budget::Budget;
use crate::units::Side;

impl Conversation {
    /// A conversation that hands out no messages, but tells where the heads of answers are.
    #[must_use]
    pub fn outline(budget: &Budget) -> Self {
        Self {
            heads: Some(Vec::new()),
            ..Self::within(budget)
        }
    }

    /// Takes the places in the server's stream of the heads that were read since the last call.
    pub fn take_heads(&mut self) -> Vec<Range<u64>> {
        self.heads.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How far into the server's stream it is known what the bytes are.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        match &self.server.decoder {
            Decoder::Http(parser) => parser.settled(),
            Decoder::WebSocket(_) | Decoder::Raw => u64::MAX,
        }
    }

    /// The place of a head that is not whole, as far as it is there.
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

    /// Takes note of where a head is.
    pub(super) fn outline_head(&mut self, side: Side, offset: u64, length: usize) {
        if let Some(heads) = &mut self.heads
            && side == Side::Server
        {
            heads.push(offset..offset.saturating_add(length as u64));
        }
    }
}
