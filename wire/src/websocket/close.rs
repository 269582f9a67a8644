//! Close codes and reasons (RFC 6455 §7.4).

use super::Frame;
use crate::note::Note;

/// Returns the registered name of a close status (RFC 6455 §7.4.1 and IANA's registry "WebSocket Close Code Number").
#[must_use]
pub const fn close_name(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1004 => "reserved",
        1005 => "no status received",
        1006 => "abnormal closure",
        1007 => "invalid frame payload data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "mandatory extension",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS handshake",
        3000 => "unauthorized",
        3003 => "forbidden",
        3008 => "timeout",
        3001..=3999 => "registered use",
        4000..=4999 => "private use",
        _ => "unassigned",
    }
}

pub(super) fn close_violations(frame: &mut Frame) {
    let at = frame.offset + frame.header_length as u64;
    if frame.payload.len() == 1 {
        let text = "a close payload of 1 byte: none, or at least the 2 of a status code";
        frame.notes.push(Note::new(at, "RFC 6455 §5.5.1", text));
    }
    if let Some(code) = frame.close_code()
        && !may_be_sent(code)
    {
        let text = format!("close code {code} ({}) must not be sent", close_name(code));
        frame.notes.push(Note::new(at, "RFC 6455 §7.4", text));
    }
    if std::str::from_utf8(frame.close_reason()).is_err() {
        let text = "the close reason is not UTF-8";
        frame.notes.push(Note::new(at + 2, "RFC 6455 §5.5.1", text));
    }
}

/// Returns true if a close frame may have this code (RFC 6455 §7.4.1 and §7.4.2, with the codes that IANA registered
/// since).
const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
