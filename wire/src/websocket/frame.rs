//! A frame as it is handed out, and the limits on what is kept of it.

use super::fragment::Fragment;
use super::room::Room;
use super::{Header, Opcode, unmask};
use crate::fingerprint::Fingerprint;
use crate::note::Note;

/// The most bytes of one frame's payload that are kept; the rest is read over and counted.
pub const PAYLOAD_LIMIT: usize = 16 << 20;

/// The effect of a frame on a message in several frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The message is not over, or bytes of it are missing, or there is only this frame.
    None,
    /// It is the last frame of a message of which nothing is missing.
    Completes,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The stream offset of its first byte.
    pub offset: u64,
    /// The fields in front of the payload.
    pub header: Header,
    /// The frame as it was on the wire, its payload cut at [`PAYLOAD_LIMIT`] and without missing bytes.
    pub wire: Vec<u8>,
    /// The number of bytes of `wire` that are the header.
    pub header_length: usize,
    /// The payload, unmasked and inflated.
    pub payload: Vec<u8>,
    /// True if the frame belongs to a compressed message.
    pub compressed: bool,
    /// The fingerprint of the payload before it was inflated, unmasked; empty if it was not compressed.
    pub deflated: Fingerprint,
    /// True if everything compressed in it could be inflated.
    pub inflated: bool,
    /// True if its inflated bytes depend on messages before it as well.
    pub has_context: bool,
    /// The holes in the payload: each with the number of kept bytes before it, and its length.
    pub holes: Vec<(usize, u64)>,
    /// The same holes in the payload as it was sent.
    pub sent_holes: Vec<(usize, u64)>,
    /// The number of payload bytes that were never sent: the stream ends before them.
    pub cut: u64,
    /// The bytes of the payload, unmasked and inflated, that are not kept.
    pub left_out: Fingerprint,
    /// The effect on a message in several frames.
    pub effect: Effect,
    /// The frame's piece of a message in several frames, once the last one is there.
    pub fragment: Option<Fragment>,
    /// The type of the message that a continuation belongs to; the frame's own otherwise.
    pub message_opcode: Opcode,
    /// The rules that the frame breaks.
    pub notes: Vec<Note>,
}

impl Frame {
    /// Returns the number of bytes of the stream that the frame takes; of an endless one, only the header.
    #[must_use]
    pub const fn length(&self) -> u64 {
        let payload = if self.header.is_endless() {
            0
        } else {
            self.header.length
        };
        self.header_length as u64 + payload
    }

    /// Returns the number of its bytes that are in the stream: less than announced if the stream ends in it.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.length().saturating_sub(self.cut)
    }

    /// Returns the whole message that this frame completes, if it took several.
    #[must_use]
    pub fn message(&self) -> Option<&[u8]> {
        let last = self
            .fragment
            .as_ref()
            .filter(|_| self.effect == Effect::Completes);
        last.map(Fragment::whole)
    }

    /// Returns the payload as it was sent, without the mask, as far as it is kept.
    #[must_use]
    pub fn sent(&self) -> Vec<u8> {
        let mut sent = self
            .wire
            .get(self.header_length..)
            .unwrap_or_default()
            .to_vec();
        let Some(mask) = self.header.mask else {
            return sent;
        };
        let (mut from, mut position) = (0, 0);
        let end = (sent.len(), 0);
        for (at, missing) in self.sent_holes.iter().chain([&end]) {
            let at = (*at).clamp(from, sent.len());
            unmask(&mut sent[from..at], mask, position);
            position = position
                .wrapping_add((at - from) as u64)
                .wrapping_add(*missing);
            from = at;
        }
        sent
    }

    /// Returns a close frame's status code, if there is one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().copied().map(u16::from_be_bytes);
        code.filter(|_| self.header.opcode == Opcode::CLOSE)
    }

    /// Returns a close frame's reason.
    #[must_use]
    pub fn close_reason(&self) -> &[u8] {
        match self.header.opcode {
            Opcode::CLOSE => self.payload.get(2..).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Keeps bytes of a compressed frame as they are on the wire. Once bytes are left out, none behind them are kept.
pub(super) fn keep_wire(frame: &mut Frame, piece: &[u8], room: &mut Room) {
    let kept = frame.wire.len() - frame.header_length;
    let is_cut = frame.deflated.length() > kept as u64;
    let kept = if is_cut {
        0
    } else {
        room.take(kept, piece.len(), 1)
    };
    frame.wire.extend_from_slice(&piece[..kept]);
}

/// Keeps bytes of a frame that is not compressed, on the wire and unmasked.
pub(super) fn keep_payload(frame: &mut Frame, piece: &[u8], position: u64, room: &mut Room) {
    let from = frame.payload.len();
    let kept = if frame.left_out.is_empty() {
        room.take(from, piece.len(), 2)
    } else {
        0
    };
    let (kept, rest) = piece.split_at(kept);
    frame.wire.extend_from_slice(kept);
    frame.payload.extend_from_slice(kept);
    let Some(mask) = frame.header.mask else {
        frame.left_out.push(rest);
        return;
    };
    unmask(&mut frame.payload[from..], mask, position);
    if !rest.is_empty() {
        let mut rest = rest.to_vec();
        unmask(&mut rest, mask, position.wrapping_add(kept.len() as u64));
        frame.left_out.push(&rest);
    }
}

pub(super) fn keep_inflated(frame: &mut Frame, bytes: &[u8], room: &mut Room) {
    let kept = if frame.left_out.is_empty() {
        room.take(frame.payload.len(), bytes.len(), 1)
    } else {
        0
    };
    let (kept, rest) = bytes.split_at(kept);
    frame.payload.extend_from_slice(kept);
    frame.left_out.push(rest);
}
