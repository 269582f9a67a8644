//! Recognises frames whose opening handshake was not seen.

use super::{Header, Opcode, unmask};
use crate::units::Side;

/// The fewest bytes that are judged: fewer can look like anything.
const LEAST: usize = 4;

/// Returns true if bytes, from a side's first one on, can hardly be anything but WebSocket frames: whole ones, each
/// masked as RFC 6455 §5.1 has that side do it, each length in its shortest form, each text in UTF-8. If `is_cut`, the
/// last one may go on.
#[must_use]
pub(crate) fn looks_like_frames(side: Side, bytes: &[u8], is_cut: bool) -> bool {
    let mut rest = bytes;
    let mut has_end = false;
    while let Some((header, length)) = Header::parse(rest) {
        let payload = &rest[length..];
        let end = usize::try_from(header.length).unwrap_or(usize::MAX);
        let Some((payload, behind)) = payload.split_at_checked(end) else {
            break;
        };
        if !is_likely(side, &header, payload) {
            return false;
        }
        has_end |= header.fin || header.opcode != Opcode::CONTINUATION;
        rest = behind;
    }
    bytes.len() >= LEAST && has_end && (rest.is_empty() || is_cut)
}

fn is_likely(side: Side, header: &Header, payload: &[u8]) -> bool {
    let is_data = matches!(header.opcode, Opcode::TEXT | Opcode::BINARY);
    // RFC 7692 §6: RSV1 on the first frame of a compressed message.
    let is_compressed = header.reserved == 4 && is_data;
    header.opcode.is_known()
        && (header.reserved == 0 || is_compressed)
        && header.mask.is_some() == (side == Side::Client)
        && header.length_form == Header::form_for(header.length)
        && (!header.opcode.is_control() || header.fin && header.length <= 125)
        && (is_compressed || !header.fin || is_text_where_due(header, payload))
}

fn is_text_where_due(header: &Header, payload: &[u8]) -> bool {
    if header.opcode != Opcode::TEXT {
        return true;
    }
    let mut plain = payload.to_vec();
    if let Some(mask) = header.mask {
        unmask(&mut plain, mask, 0);
    }
    std::str::from_utf8(&plain).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_behind_a_length_of_two_bytes_are_no_frames() {
        let answer = [
            &[0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0][..],
            b"\x01a\0\0\x01\0\x01",
        ]
        .concat();
        let length = u8::try_from(answer.len()).unwrap();
        let message = [&[0, length][..], &answer].concat();
        let twice = message.repeat(2);
        for bytes in [&message[..], &twice] {
            assert!(!looks_like_frames(Side::Server, bytes, false));
        }
        let last = [&message[..], &[0x80, 2, b'o', b'k']].concat();
        assert!(looks_like_frames(Side::Server, &last, false));
        assert!(looks_like_frames(Side::Server, b"\x81\x02ok", false));
    }
}
