//! The key of the opening handshake, and the answer that proves that a server speaks WebSocket (RFC 6455 §4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest, Sha1};

/// RFC 6455 §1.3: what a server appends to the key before it hashes it.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key.
///
/// ```
/// let accept = wiresnap::wire::websocket::accept_for(b"W+pQUnxtfyImglCepUIxdw==");
/// assert_eq!(accept, "jvz8rJ0yJN/A4J0kiZQLiifpQO8=");
/// ```
#[must_use]
pub fn accept_for(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(KEY_SUFFIX);
    BASE64.encode(hash.finalize())
}

/// Whether a Sec-WebSocket-Key is what RFC 6455 §4.1 asks for: the base64 form of 16 bytes.
#[must_use]
pub fn is_key(key: &[u8]) -> bool {
    BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}
