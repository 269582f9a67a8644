//! Bytes of no protocol that is decoded here: one side's turn, or a part of a long one.

use super::Conversation;
use super::half::{Open, Part};
use crate::analysis::content::Content;
use crate::units::Side;
use crate::wire::event::Origin;
use crate::wire::note::Note;
use crate::wire::websocket;

/// Raw bytes are handed out in messages of this many bytes, so that a long turn neither waits nor piles up.
pub const RAW_PIECE: usize = 64 << 10;

/// Says of a side's first bytes that they look like WebSocket, where its 101 answer is not in the capture.
pub(super) fn lost_handshake(side: Side, offset: u64, content: &Content) -> Option<Note> {
    let is_cut = content.bytes.len() >= RAW_PIECE;
    let looks_so = offset == 0
        && content.holes.is_empty()
        && websocket::looks_like_frames(side, &content.bytes, is_cut);
    let text =
        "this looks like WebSocket frames, but their handshake is not in the capture; shown raw";
    looks_so.then(|| Note::plain(offset, text))
}

impl Conversation {
    /// A raw turn is over when the other side speaks, and where a message of a protocol begins.
    pub(super) fn end_raw(&mut self, side: Side) {
        let raw = |open: &Open| matches!(open.part, Part::Raw(_));
        if self.half(side).open.as_ref().is_some_and(raw) {
            self.close(side);
        }
    }

    pub(super) fn raw(&mut self, origin: Origin, mut bytes: &[u8]) {
        let end = self.half(origin.side).offset;
        while !bytes.is_empty() {
            let at = end.saturating_sub(bytes.len() as u64);
            let content = self.raw_content(origin, at);
            let room = RAW_PIECE - content.bytes.len();
            let (piece, rest) = bytes.split_at(room.min(bytes.len()));
            content.push(piece, RAW_PIECE);
            bytes = rest;
            if content.bytes.len() >= RAW_PIECE {
                self.close(origin.side);
            }
        }
    }

    pub(super) fn raw_missing(&mut self, origin: Origin, count: u64) {
        let at = self.half(origin.side).offset;
        self.raw_content(origin, at).missing(count);
        self.half(origin.side).pass_over(count);
    }

    fn raw_content(&mut self, origin: Origin, at: u64) -> &mut Content {
        let raw = |open: &Open| matches!(open.part, Part::Unknown | Part::Raw(_));
        if !self.half(origin.side).open.as_ref().is_some_and(raw) {
            self.close(origin.side);
        }
        let open = self.begin(origin);
        if matches!(open.part, Part::Unknown) {
            open.offset = open.offset.min(at);
            open.part = Part::Raw(Content::default());
        }
        match &mut open.part {
            Part::Raw(content) => content,
            // The lines above leave nothing else.
            _ => unreachable!("an open raw message"),
        }
    }
}
