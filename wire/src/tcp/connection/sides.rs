//! Finds out which end of a connection is the client: the sender of the SYN; if that was not captured, the end that
//! sends what only a client sends; and if neither does, the end with the higher port.
//!
//! The evidence may come behind other segments, even behind the answer. So a connection without a SYN is in doubt at
//! first, for no more than [`MOST_SEGMENTS`] segments of its own, [`MOST_PAYLOAD`] bytes of payload, and [`MOST_AGE`]
//! segments of the whole capture; and no more than [`MOST_PAYLOAD_IN_ALL`] bytes of payload belong to connections in
//! doubt. Then the ports decide, and segments that were held back may go on. These bounds depend on nothing but the
//! segments, so that every reader of a capture gets the same verdict.

use crate::packet::{Flags, Segment};
use crate::units::Side;
use crate::websocket::looks_like_frames;

/// The most segments of a connection that are searched for evidence.
pub const MOST_SEGMENTS: u8 = 64;
/// The most bytes of payload of a connection that are searched for evidence.
pub const MOST_PAYLOAD: u32 = 64 * 1024;
/// The most bytes of payload of all connections in doubt together.
pub const MOST_PAYLOAD_IN_ALL: u64 = 4 * 1024 * 1024;
/// The number of segments of a capture after which a connection that began before them is no longer in doubt.
pub const MOST_AGE: u64 = 65_536;

/// The longest start line that is looked for.
const LONGEST_LINE: usize = 8192;

/// A connection whose client is not known yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    segments: u8,
    payload: u32,
    /// True for the lower end, and for the other one, if it sent what looks like masked frames: weak evidence, but
    /// better than the ports.
    masks: [bool; 2],
}

/// The evidence that a segment gives about its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    Sure(Side),
    /// WebSocket frames, masked as clients do it (RFC 6455 §5.1).
    Masked,
}

impl Doubt {
    /// Takes in a segment; returns true if the lower end is the client, and `None` if that is not known yet.
    pub(super) fn hear(&mut self, segment: &Segment<'_>, source_is_lower: bool) -> Option<bool> {
        self.segments = self.segments.saturating_add(1);
        self.payload = self.payload.saturating_add(segment.payload_length);
        match evidence(segment)? {
            Evidence::Sure(side) => Some(source_is_lower == (side == Side::Client)),
            Evidence::Masked => {
                self.masks[usize::from(!source_is_lower)] = true;
                None
            }
        }
    }

    /// Returns true if enough was looked at.
    pub(super) const fn is_over(self) -> bool {
        self.segments >= MOST_SEGMENTS || self.payload >= MOST_PAYLOAD
    }

    /// Returns the number of bytes of payload that were looked at.
    pub(super) const fn payload(self) -> u64 {
        self.payload as u64
    }

    /// Returns true if the lower end is the client, judging by its frames; `None` if they do not tell.
    pub(super) const fn guess(self) -> Option<bool> {
        match self.masks {
            [true, false] => Some(true),
            [false, true] => Some(false),
            _ => None,
        }
    }
}

/// Returns the side of a segment's sender, judging by the ports.
pub(super) fn side_by_port(segment: &Segment<'_>) -> Side {
    if segment.source.port() >= segment.destination.port() {
        Side::Client
    } else {
        Side::Server
    }
}

/// Returns the side of a segment's sender, judging by its SYN; `None` without one.
pub(super) fn side_by_syn(segment: &Segment<'_>) -> Option<Side> {
    let flags = segment.flags;
    let is_syn = flags.has(Flags::SYN) && !flags.has(Flags::RST);
    is_syn.then(|| {
        if flags.has(Flags::ACK) {
            Side::Server
        } else {
            Side::Client
        }
    })
}

fn evidence(segment: &Segment<'_>) -> Option<Evidence> {
    if let Some(side) = side_by_syn(segment) {
        return Some(Evidence::Sure(side));
    }
    // Who receives a segment without ACK does not listen to it.
    let bytes = segment.payload;
    if bytes.is_empty() || !segment.flags.has(Flags::ACK) {
        return None;
    }
    if is_request_line(bytes) || is_client_hello(bytes) || is_proxy_preamble(bytes) {
        return Some(Evidence::Sure(Side::Client));
    }
    if is_status_line(bytes) || is_server_hello(bytes) {
        return Some(Evidence::Sure(Side::Server));
    }
    looks_like_frames(Side::Client, bytes, true).then_some(Evidence::Masked)
}

/// Returns true if the bytes begin a request line: method, target, version (RFC 9112 §3). If the line goes on in the
/// next segment, a well-known method and the beginning of a target must do.
fn is_request_line(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE",
    ];
    let shown = &bytes[..bytes.len().min(LONGEST_LINE)];
    let end = memchr::memchr(b'\n', shown);
    let line = shown[..end.unwrap_or(shown.len())].trim_ascii_end();
    let Some(space) = memchr::memchr(b' ', line) else {
        return false;
    };
    let (method, rest) = (&line[..space], &line[space + 1..]);
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    let has_version = rest.len() > VERSION_BYTES
        && rest[rest.len() - VERSION_BYTES - 1] == b' '
        && is_version(&rest[rest.len() - VERSION_BYTES..]);
    is_method && has_version
        || end.is_none()
            && METHODS.contains(&method)
            && (rest.starts_with(b"/") || rest.starts_with(b"http://"))
}

/// Returns true if the bytes begin a status line: version, three digits (RFC 9112 §4).
fn is_status_line(bytes: &[u8]) -> bool {
    let Some((version, rest)) = bytes.split_at_checked(VERSION_BYTES) else {
        return false;
    };
    let Some([b' ', status @ ..]) = rest.first_chunk::<4>() else {
        return false;
    };
    is_version(version) && status.iter().all(u8::is_ascii_digit)
}

/// `HTTP/1.1`.
const VERSION_BYTES: usize = 8;

fn is_version(bytes: &[u8]) -> bool {
    matches!(bytes, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// Returns true if the bytes are a record with a handshake, and in that a message of this type (RFC 8446 §5.1).
fn is_handshake(bytes: &[u8], message: u8) -> bool {
    matches!(bytes, [22, 3, 0..=4, _, _, kind, ..] if *kind == message)
}

fn is_client_hello(bytes: &[u8]) -> bool {
    is_handshake(bytes, 1)
}

fn is_server_hello(bytes: &[u8]) -> bool {
    is_handshake(bytes, 2)
}

/// Returns true if the bytes are a preamble of the PROXY protocol (sections 2.1 and 2.2), which a proxy sends for its
/// client before the client's bytes.
fn is_proxy_preamble(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PROXY TCP")
        || bytes.starts_with(b"PROXY UNKNOWN")
        || bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(payload: &[u8]) -> Option<Evidence> {
        evidence(&Segment {
            source: "10.0.0.1:1".parse().unwrap(),
            destination: "10.0.0.2:2".parse().unwrap(),
            sequence: 0,
            acknowledgement: 0,
            flags: Flags::ACK,
            window: 0,
            header_bytes: 20,
            header: &[],
            payload,
            payload_length: u32::try_from(payload.len()).unwrap(),
        })
    }

    #[test]
    fn what_only_one_side_says_tells_which_it_is() {
        let client = Some(Evidence::Sure(Side::Client));
        let server = Some(Evidence::Sure(Side::Server));
        let long = [&b"GET /"[..], &[b'a'; 9000]].concat();
        for (payload, expected) in [
            (&b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..], client),
            (b"BREW /pot HTTP/1.0\n", client),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", client),
            (&long, client),
            (b"POST /begun", client),
            (b"GET up, stand up\n", None),
            (b"get / HTTP/1.1\r\n\r\n", None),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", client),
            (b"\x16\x03\x01\x02\x00\x01\x00", client),
            (b"\x16\x03\x03\x00\x7a\x02\x00", server),
            (b"\x17\x03\x03\x00\x7a\x02\x00", None),
            (b"HTTP/1.1 200 OK\r\n", server),
            (b"HTTP/1.1 404\r\n", server),
            (b"HTTP/1.1 is old\r\n", None),
            (
                b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
                Some(Evidence::Masked),
            ),
            (b"\x81\x05Hello", None),
            (b"hello\n", None),
        ] {
            assert_eq!(said(payload), expected, "{}", payload.escape_ascii());
        }
    }
}
