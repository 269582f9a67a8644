//! Payload that is not part of a side's stream: a separate message, which no decoder sees.

use super::{Conversation, RAW_PIECE};
use crate::message::chunks::Chunks;
use crate::message::content::Content;
use crate::message::{Aside, Detail, Message};
use crate::tcp::event::{AsideReason, Origin};

impl Conversation {
    /// Puts payload that is not part of the stream at its place in the order of the wire: behind what began before.
    pub(super) fn aside(&mut self, origin: Origin, reason: AsideReason, bytes: &[u8]) {
        if self.is_outline() {
            return;
        }
        let mut content = Content::default();
        content.push(bytes, self.room_for_asides());
        let order = self.next_order;
        self.next_order += 1;
        let detail = Detail::Aside(Box::new(Aside { reason, content }));
        let message = Message {
            obstacles: detail.obstacles(),
            time: origin.time,
            packet: origin.packet,
            from: origin.side,
            offset: self.half(origin.side).offset,
            length: 0,
            detail,
            notes: Vec::new(),
            chunks: Chunks::default(),
            is_hidden: false,
            placeholders: Vec::new(),
        };
        self.queue(order, message);
    }

    /// Returns the room for asides that wait for an earlier message to be complete. They take no more than a raw
    /// message does; of those beyond, a hash is kept.
    fn room_for_asides(&self) -> usize {
        let waiting = self.ready.iter().map(|(_, message)| match &message.detail {
            Detail::Aside(aside) => aside.content.bytes.len(),
            _ => 0,
        });
        RAW_PIECE.saturating_sub(waiting.sum())
    }
}
