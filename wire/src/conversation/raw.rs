//! Bytes of a protocol that is not decoded here: one side's turn, or a part of a long one.

use super::Conversation;
use super::half::{Open, Part};
use crate::message::content::Content;
use crate::tcp::event::Origin;
use crate::units::Side;

/// The size in bytes of messages of raw bytes, so that a long turn neither waits nor piles up.
pub const RAW_PIECE: usize = 64 << 10;

impl Conversation {
    /// Ends a side's turn, because the other side speaks. The bytes held back may still belong to it.
    pub(super) fn end_turn(&mut self, side: Side) {
        let half = self.half(side);
        half.provenance.turn = half.provenance.turn.wrapping_add(1);
        self.end_former_turn(side);
    }

    /// Ends the raw bytes of a turn that is over, where nothing is held back that may belong to it.
    pub(super) fn end_former_turn(&mut self, side: Side) {
        let half = self.half(side);
        let turn = half.provenance.turn;
        let is_held_back = half.provenance.first().is_some();
        if !is_held_back && half.open.as_ref().is_some_and(|open| open.turn != turn) {
            self.end_raw(side);
        }
    }

    /// Ends a run of raw bytes where a message of a protocol begins.
    pub(super) fn end_raw(&mut self, side: Side) {
        let raw = |open: &Open| matches!(open.part, Part::Raw(_));
        if self.half(side).open.as_ref().is_some_and(raw) {
            self.close(side);
        }
    }

    /// Takes raw bytes that end at the offset up to which bytes are handed out.
    pub(super) fn raw(&mut self, origin: Origin, mut bytes: &[u8]) {
        let is_outline = self.is_outline();
        let half = self.half(origin.side);
        if is_outline {
            half.open = None;
            return;
        }
        let (end, turn) = (half.offset, half.provenance.turn);
        while !bytes.is_empty() {
            let at = end.saturating_sub(bytes.len() as u64);
            let held = self.half(origin.side).provenance.at(at);
            let (turn, until) = held.map_or((turn, end), |span| (span.turn, span.end.min(end)));
            let length = usize::try_from(until - at).unwrap_or(bytes.len());
            let (piece, rest) = bytes.split_at(length.min(bytes.len()));
            self.raw_of_turn(origin, at, turn, piece);
            bytes = rest;
        }
    }

    fn raw_of_turn(&mut self, origin: Origin, at: u64, turn: u32, mut bytes: &[u8]) {
        let is_other = |open: &Open| open.turn != turn && matches!(open.part, Part::Raw(_));
        if self.half(origin.side).open.as_ref().is_some_and(is_other) {
            self.close(origin.side);
        }
        let end = at + bytes.len() as u64;
        while !bytes.is_empty() {
            let at = end.saturating_sub(bytes.len() as u64);
            let content = self.raw_content(origin, at, turn);
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
        let is_outline = self.is_outline();
        let half = self.half(origin.side);
        let (at, turn) = (half.offset, half.provenance.turn);
        half.pass_over(count);
        if is_outline {
            half.open = None;
            return;
        }
        self.raw_content(origin, at, turn).missing(count);
    }

    fn raw_content(&mut self, origin: Origin, at: u64, turn: u32) -> &mut Content {
        let raw = |open: &Open| matches!(open.part, Part::Unknown | Part::Raw(_));
        if !self.half(origin.side).open.as_ref().is_some_and(raw) {
            self.close(origin.side);
        }
        let open = self.begin_at(origin, at);
        if matches!(open.part, Part::Unknown) {
            open.offset = open.offset.min(at);
            open.turn = turn;
            open.part = Part::Raw(Content::default());
        }
        match &mut open.part {
            Part::Raw(content) => content,
            // The lines above leave nothing else.
            _ => unreachable!("an open raw message"),
        }
    }
}
