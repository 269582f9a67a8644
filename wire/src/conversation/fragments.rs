//! Frames of an unfinished message wait for its last one: text to be hidden may begin in one and end in the next.

use super::Conversation;
use crate::message::{Detail, Message};
use crate::units::Side;
use crate::websocket::{Effect, Fragment, Frame, Opcode};

/// Returns true if a message goes on in the next frame, or went on in this one.
pub(super) fn is_fragment(frame: &Frame) -> bool {
    let header = &frame.header;
    !header.opcode.is_control() && (!header.fin || header.opcode == Opcode::CONTINUATION)
}

/// Returns true if it is a message's first frame, or its only one.
fn begins_message(frame: &Frame) -> bool {
    let opcode = frame.header.opcode;
    !opcode.is_control() && opcode != Opcode::CONTINUATION
}

/// Returns the frame of a message that is one of several of that side.
fn fragment_of(side: Side, message: &mut Message) -> Option<&mut Frame> {
    match &mut message.detail {
        Detail::WebSocket(frame) if message.from == side && is_fragment(frame) => Some(frame),
        _ => None,
    }
}

impl Conversation {
    /// Queues a message. If it is the first of several frames, all messages behind it wait for the last frame.
    pub(super) fn queue_fragment(&mut self, order: u64, mut message: Message) {
        let side = message.from;
        if let Detail::WebSocket(frame) = &message.detail
            && begins_message(frame)
        {
            self.end_fragments(side);
        }
        let Some(frame) = fragment_of(side, &mut message) else {
            return self.queue(order, message);
        };
        let is_last = frame.header.fin;
        self.half(side).fragments.get_or_insert(order);
        self.queue(order, message);
        self.take_stock();
        if is_last || self.ready_bytes > self.holding.budget().message() {
            self.end_fragments(side);
        }
    }

    /// Returns true if the message at that place waits for the end of one that began before it.
    pub(super) fn is_fragment(&self, order: u64) -> bool {
        let open = [self.client.fragments, self.server.fragments];
        open.into_iter().flatten().any(|first| first <= order)
    }

    /// Joins the frames so far of a message in several frames.
    pub(super) fn end_fragments(&mut self, side: Side) {
        let Some(first) = self.half(side).fragments.take() else {
            return;
        };
        let from = self.ready.partition_point(|(order, _)| *order < first);
        let ready = self.ready.iter_mut().skip(from);
        let mut frames: Vec<_> = ready
            .filter_map(|(_, message)| fragment_of(side, message))
            // Messages that waited together for an answer to an upgrade have one place: the first may be joined already.
            .filter(|frame| frame.fragment.is_none())
            .collect();
        let fragments = Fragment::pieces(frames.iter().map(|frame| frame.payload.as_slice()));
        let has_beginning = frames.first().is_some_and(|frame| begins_message(frame));
        for (frame, fragment) in frames.iter_mut().zip(fragments) {
            if !has_beginning {
                frame.effect = Effect::None;
            }
            frame.fragment = Some(fragment);
        }
    }
}
