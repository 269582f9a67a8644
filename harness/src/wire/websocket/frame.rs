//! A frame as it is handed out, and how much of it is kept.

use super::room::Room;
use super::{Header, Opcode, unmask};
use crate::wire::note::Note;

/// How many bytes of one frame's payload are kept; the rest is read over and counted.
pub const PAYLOAD_LIMIT: usize = 16 << 20;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where in the stream its first byte is.
    pub offset: u64,
    /// The fields in front of the payload.
    pub header: Header,
    /// The frame as it was on the wire, its payload cut at [`PAYLOAD_LIMIT`] and without what is missing.
    pub wire: Vec<u8>,
    /// How many bytes of `wire` are the header.
    pub header_length: usize,
    /// The payload, unmasked and inflated.
    pub payload: Vec<u8>,
    /// Whether the frame belongs to a compressed message.
    pub compressed: bool,
    /// Whether all that was compressed in it could be inflated.
    pub inflated: bool,
    /// The holes in the payload: after how many bytes of the kept payload, and how many bytes.
    pub holes: Vec<(usize, u64)>,
    /// How many bytes of payload, or of inflated payload, are not kept.
    pub left_out: u64,
    /// The whole message, on the last of several frames.
    pub message: Option<Vec<u8>>,
    /// The type of the message that a continuation belongs to; the frame's own otherwise.
    pub message_opcode: Opcode,
    /// The rules that the frame breaks.
    pub notes: Vec<Note>,
}

impl Frame {
    /// How many bytes of the stream the frame takes; of an endless one, only the header is taken for the frame.
    #[must_use]
    pub const fn length(&self) -> u64 {
        let payload = if self.header.is_endless() {
            0
        } else {
            self.header.length
        };
        self.header_length as u64 + payload
    }

    /// A close frame's status code, where there is one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().copied().map(u16::from_be_bytes);
        code.filter(|_| self.header.opcode == Opcode::CLOSE)
    }

    /// A close frame's reason.
    #[must_use]
    pub fn close_reason(&self) -> &[u8] {
        match self.header.opcode {
            Opcode::CLOSE => self.payload.get(2..).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Keeps bytes of a compressed frame as they are on the wire.
pub(super) fn keep_wire(frame: &mut Frame, piece: &[u8], room: &mut Room) {
    let kept = frame.wire.len() - frame.header_length;
    let kept = room.take(kept, piece.len(), 1);
    frame.wire.extend_from_slice(&piece[..kept]);
}

/// Keeps bytes of a frame that is not compressed, on the wire and unmasked.
pub(super) fn keep_payload(frame: &mut Frame, piece: &[u8], position: u64, room: &mut Room) {
    let from = frame.payload.len();
    let kept = &piece[..room.take(from, piece.len(), 2)];
    frame.left_out += (piece.len() - kept.len()) as u64;
    frame.wire.extend_from_slice(kept);
    frame.payload.extend_from_slice(kept);
    if let Some(mask) = frame.header.mask {
        unmask(&mut frame.payload[from..], mask, position);
    }
}

pub(super) fn keep_inflated(frame: &mut Frame, bytes: &[u8], room: &mut Room) {
    let kept = &bytes[..room.take(frame.payload.len(), bytes.len(), 1)];
    frame.payload.extend_from_slice(kept);
    frame.left_out = frame
        .left_out
        .saturating_add((bytes.len() - kept.len()) as u64);
}
