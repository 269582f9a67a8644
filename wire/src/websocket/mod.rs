//! Reads one side's frames of WebSocket (RFC 6455) with permessage-deflate (RFC 7692) as they come.
//!
//! The project shows the bytes on the wire, so this reader differs from one in a server. It does not stop at the first
//! violation but names it, with the rule that it breaks and its offset in the stream, and goes on as long as the
//! frames' boundaries are known. It hands back frames, not messages, each with its bytes as sent, masked, and its
//! payload as meant, unmasked and inflated.
//!
//! ```
//! use wirestream::units::Side;
//! use wirestream::websocket::{Decoder, Item, Opcode};
//!
//! let sent = [0x81, 0x88, 0x36, 0x0d, 0x29, 0x16, 0x51, 0x68, 0x5d, 0x3b, 0x42, 0x64, 0x44, 0x73];
//! let mut decoder = Decoder::new(Side::Client, 0, None);
//! let mut input = &sent[..];
//! let Some(Item::Frame(frame)) = decoder.next(&mut input) else { panic!() };
//! assert_eq!(frame.header.opcode, Opcode::TEXT);
//! assert_eq!(frame.payload, b"get-time");
//! assert!(frame.notes.is_empty());
//! ```

mod close;
mod decoder;
mod deflate;
mod fragment;
mod frame;
mod guess;
mod handshake;
mod header;
mod message;
mod room;
#[cfg(test)]
mod tests;
mod utf8;
mod violations;
mod window;

use std::borrow::Cow;

pub use self::close::close_name;
pub use self::decoder::Decoder;
pub use self::deflate::{Deflate, negotiated};
pub use self::fragment::Fragment;
pub use self::frame::{Effect, Frame, PAYLOAD_LIMIT};
pub(crate) use self::guess::looks_like_frames;
pub use self::handshake::{Draft, Extensions, Offer, accept_for, draft, extensions, is_key};
pub use self::header::{Header, LengthForm, Opcode, unmask};
use super::note::Note;

/// The next thing that the decoder found.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A frame, whole except for bytes missing from the capture.
    Frame(Box<Frame>),
    /// Bytes in which frames cannot be told apart.
    Raw(Cow<'a, [u8]>),
    /// The number of bytes that are missing between frames, or where the frames are lost.
    RawMissing(u64),
    /// A remark about the next item.
    Note(Note),
}
