//! Recognizes protocols that are not decoded here by their first bytes.

use super::Conversation;
use super::half::After;
use super::raw::RAW_PIECE;
use crate::message::content::Content;
use crate::message::obstacle::{Cause, Obstacle, Piece};
use crate::note::Note;
use crate::units::Side;
use crate::websocket;

/// The largest TLS record: 2^14 bytes plus the expansion that encryption may add (RFC 5246 §6.2.3).
const LARGEST_RECORD: u16 = (1 << 14) + 2048;

/// The first bytes that an HTTP/2 client sends (RFC 9113 §3.4).
const HTTP_2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

impl Conversation {
    /// Names the protocol of the raw bytes of the open message, if they are the first of a stream or a tunnel.
    pub(super) fn recognize(&mut self, side: Side, content: &Content) {
        let half = self.half(side);
        let fresh = half.fresh;
        let Some(open) = &mut half.open else {
            return;
        };
        let lost = content.holes.first().filter(|hole| hole.at == 0);
        let first = open
            .offset
            .saturating_add(lost.map_or(0, |hole| hole.missing));
        let has_first = lost.is_none() || fresh.after == After::Unanswered;
        let is_first = first == fresh.offset && has_first && !content.bytes.is_empty();
        if !is_first || fresh.after == After::Named {
            return;
        }
        let is_tls = is_tls_record(&content.bytes);
        let is_websocket = fresh.after != After::Switch && is_websocket(side, content);
        let text = if is_tls {
            Some("TLS: encrypted; keys are not read yet")
        } else if is_http_2(side, &content.bytes) {
            Some("HTTP/2 (RFC 9113): it is not read yet; shown raw")
        } else if content.bytes.starts_with(b"SSH-") {
            Some("SSH: it is not read here; shown raw")
        } else if is_websocket && fresh.after == After::Unanswered {
            Some(
                "this looks like WebSocket frames, but the answer to the request for them is not in the capture, or \
                 cannot be read; shown raw",
            )
        } else if is_websocket {
            Some(
                "this looks like WebSocket frames, but their handshake is not in the capture; shown raw",
            )
        } else if fresh.after == After::Connect {
            Some("in the tunnel is a protocol that is not read here; shown raw")
        } else {
            None
        };
        open.notes.extend(text.map(|text| Note::plain(first, text)));
        let cause = match (is_tls, is_websocket) {
            (true, _) => Some(Cause::Encrypted),
            (false, true) => Some(Cause::Masked),
            _ => None,
        };
        open.obstacles
            .extend(cause.map(|cause| Obstacle::new(Piece::Raw, cause)));
    }
}

/// A protocol that is recognized by its first bytes and not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Encrypted.
    Tls,
    /// HTTP/2 in clear text.
    Http2,
}

/// Returns the unread protocol of a connection whose client begins with these bytes.
#[must_use]
pub fn unread_protocol(first: &[u8]) -> Option<Unread> {
    if is_tls_record(first) {
        Some(Unread::Tls)
    } else {
        is_http_2(Side::Client, first).then_some(Unread::Http2)
    }
}

/// Returns true if the bytes begin a TLS record (RFC 8446 §5.1): its type, a version of 3.0 to 3.4, its length; a
/// handshake begins with a greeting.
fn is_tls_record(bytes: &[u8]) -> bool {
    let [kind @ 20..=24, 3, 0..=4, high, low, rest @ ..] = bytes else {
        return false;
    };
    let length = u16::from_be_bytes([*high, *low]);
    let is_handshake = *kind == 22;
    let greets = || rest.first().is_none_or(|message| matches!(message, 1 | 2));
    (1..=LARGEST_RECORD).contains(&length) && (!is_handshake || greets())
}

/// Returns true if the bytes begin HTTP/2 (RFC 9113 §3.4): a client begins with a text, a server with a SETTINGS frame.
fn is_http_2(side: Side, bytes: &[u8]) -> bool {
    match (side, bytes) {
        (Side::Client, bytes) => bytes.starts_with(HTTP_2_PREFACE),
        (Side::Server, [0, 0, length, 4, 0, 0, 0, 0, 0, ..]) => length % 6 == 0,
        (Side::Server, _) => false,
    }
}

fn is_websocket(side: Side, content: &Content) -> bool {
    let is_cut = content.bytes.len() >= RAW_PIECE;
    content.holes.iter().all(|hole| hole.at == 0)
        && websocket::looks_like_frames(side, &content.bytes, is_cut)
}
