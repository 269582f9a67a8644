//! The opening handshake (RFC 6455 §4): the key, the answer that proves that a server speaks WebSocket, the extensions
//! that both agree on, and the marks of the drafts before the RFC.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest, Sha1};

use super::deflate::{Deflate, EXTENSION, negotiated};
use crate::http::Head;
use crate::list;
use crate::note::Note;

/// The suffix that a server appends to the key before it hashes it (RFC 6455 §1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Returns the value of Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key.
///
/// ```
/// let accept = wirestream::websocket::accept_for(b"W+pQUnxtfyImglCepUIxdw==");
/// assert_eq!(accept, "jvz8rJ0yJN/A4J0kiZQLiifpQO8=");
/// ```
#[must_use]
pub fn accept_for(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(KEY_SUFFIX);
    BASE64.encode(hash.finalize())
}

/// Returns true if a Sec-WebSocket-Key is as RFC 6455 §4.1 asks for: the base64 form of 16 bytes.
#[must_use]
pub fn is_key(key: &[u8]) -> bool {
    BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// A draft of the protocol from before the RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draft {
    /// draft-hixie-thewebsocketprotocol-75: text between a 0 and a 255, no keys.
    Hixie75,
    /// draft-hixie-thewebsocketprotocol-76, which is hybi-00: the same with two keys, of numbers between other characters.
    Hixie76,
    /// hybi-01 to -03: the keys of hybi-00, but frames with a length.
    Hybi01,
    /// hybi-04 to -06: one key, frames that are masked with their header.
    Hybi04,
    /// hybi-07: the frames of the RFC.
    Hybi07,
    /// hybi-08 to -12: the frames of the RFC.
    Hybi08,
}

impl Draft {
    /// Returns true if its frames are those of the RFC.
    #[must_use]
    pub const fn has_its_frames(self) -> bool {
        matches!(self, Self::Hybi07 | Self::Hybi08)
    }

    /// Returns true if the client's bytes cannot be read as they are.
    #[must_use]
    pub const fn masks(self) -> bool {
        matches!(self, Self::Hybi04 | Self::Hybi07 | Self::Hybi08)
    }

    /// Returns a note on it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Hixie75 => "WebSocket draft hixie-75, which is not read here; shown raw",
            Self::Hixie76 => {
                "WebSocket draft hixie-76 (hybi-00), which is not read here; shown raw"
            }
            Self::Hybi01 => {
                "a WebSocket draft of hybi-01 to hybi-03, which is not read here; shown raw"
            }
            Self::Hybi04 => {
                "a WebSocket draft of hybi-04 to hybi-06, which is not read here; shown raw"
            }
            Self::Hybi07 => "WebSocket draft hybi-07, whose frames are those of RFC 6455",
            Self::Hybi08 => {
                "a WebSocket draft of hybi-08 to hybi-12, whose frames are those of RFC 6455"
            }
        }
    }
}

/// The WebSocket that a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Sec-WebSocket-Key.
    pub key: Option<Vec<u8>>,
    /// Sec-WebSocket-Version.
    pub version: Option<Vec<u8>>,
    /// Sec-WebSocket-Draft, which hybi-02 and -03 have.
    pub draft: Option<Vec<u8>>,
    /// True if it has Sec-WebSocket-Key1, which the drafts before Sec-WebSocket-Key have.
    pub has_old_keys: bool,
}

impl Offer {
    /// Reads a request's head.
    #[must_use]
    pub fn new(request: &Head) -> Self {
        let field = |name| request.field(name).map(<[u8]>::to_vec);
        Self {
            key: field("sec-websocket-key"),
            version: field("sec-websocket-version"),
            draft: field("sec-websocket-draft"),
            has_old_keys: request.field("sec-websocket-key1").is_some(),
        }
    }
}

/// Returns the draft that a 101 answer agrees to, as far as it and the request, if that is known, tell.
#[must_use]
pub fn draft(answer: &Head, offer: Option<&Offer>) -> Option<Draft> {
    let version = offer.and_then(|offer| offer.version.as_deref());
    match version {
        Some(b"4" | b"5" | b"6") => return Some(Draft::Hybi04),
        Some(b"7") => return Some(Draft::Hybi07),
        Some(b"8") => return Some(Draft::Hybi08),
        Some(_) => return None,
        None => {}
    }
    let has = |name| answer.field(name).is_some();
    if has("sec-websocket-accept") {
        return None;
    }
    let number = offer.and_then(|offer| offer.draft.as_deref());
    if number.is_some_and(|number| number != b"0") {
        return Some(Draft::Hybi01);
    }
    let has_old_keys = offer.is_some_and(|offer| offer.has_old_keys);
    if has_old_keys || has("sec-websocket-location") || has("sec-websocket-origin") {
        return Some(Draft::Hixie76);
    }
    let is_oldest = has("websocket-location") || has("websocket-origin");
    is_oldest.then_some(Draft::Hixie75)
}

/// The additions to the protocol that both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// The compression of each direction's messages, client first; `None` without compression.
    pub deflate: Option<(Deflate, Deflate)>,
    /// True if the frames can be read with what is known of the extensions.
    pub are_read: bool,
    /// The deviations from the RFCs, and the extensions that are not known.
    pub notes: Vec<Note>,
}

/// Reads the Sec-WebSocket-Extensions of a 101 answer: a list, which may come in several lines (RFC 9110 §5.3).
#[must_use]
pub fn extensions(answer: &Head) -> Extensions {
    const FIELD: &str = "sec-websocket-extensions";
    let offset = answer.offset;
    let mut notes = Vec::new();
    if answer.all(FIELD).count() > 1 {
        let text = "a 101 answer has Sec-WebSocket-Extensions in more than one line; they are read as one list";
        notes.push(Note::new(offset, "RFC 6455 §9.1", text));
    }
    let names = answer
        .list(FIELD)
        .filter_map(|extension| list::parameters(extension).next());
    let names: Vec<&[u8]> = names.filter(|name| !name.is_empty()).collect();
    let is_deflate = |name: &&[u8]| name.eq_ignore_ascii_case(EXTENSION);
    let are_read = names.is_empty() || names.iter().any(is_deflate);
    if !are_read {
        let names = names.join(&b", "[..]);
        let names = String::from_utf8_lossy(&names);
        let text = format!("the WebSocket extension {names} is not known here; shown raw");
        notes.push(Note::plain(offset, text));
    }
    let value = answer.list(FIELD).collect::<Vec<_>>().join(&b", "[..]);
    let deflate = negotiated(&value).unwrap_or_else(|reason| {
        let behind = offset + answer.raw.len() as u64;
        notes.push(Note::new(behind, "RFC 7692 §7.1", reason));
        None
    });
    Extensions {
        deflate,
        are_read,
        notes,
    }
}
