//! Reads HTTP/1.0 and HTTP/1.1 (RFC 9112) from one side's stream as it comes: in any pieces, and with holes.
//!
//! A [`Parser`] is fed slices and hands back [`Item`]s that borrow from them: a head once it is whole, body bytes
//! without a copy, the end of a message. It sees only one direction. The caller supplies the rest, above all the
//! request that a response answers.
//!
//! Every byte comes out in an item: for a stream without holes, the bytes of all items joined are the stream.
//!
//! Bytes that are not HTTP come out as [`Item::Raw`], with a note if they looked like HTTP before. After a hole the
//! parser goes on inside the body if the length says so, else at the next bytes that look like a start line.
//!
//! ```
//! use wirestream::http::{Item, Parser, Role};
//!
//! let mut parser = Parser::new(Role::Requests);
//! let mut input = &b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"[..];
//! let Some(Item::Head(head)) = parser.next(&mut input, None) else { panic!() };
//! assert_eq!(head.method(), b"GET");
//! assert_eq!(head.field("host"), Some(&b"example"[..]));
//! assert!(matches!(parser.next(&mut input, None), Some(Item::End { .. })));
//! ```

mod chunked;
mod framing;
mod head;
mod parser;
mod preamble;
mod resync;
mod start_line;
#[cfg(test)]
mod tests;
mod unit;

use std::borrow::Cow;

pub use self::chunked::CHUNK_LINE_LIMIT;
pub use self::framing::Framing;
pub use self::head::{HEAD_LIMIT, Head};
pub use self::parser::Parser;
pub use self::start_line::START_LINE_LIMIT;
pub(crate) use self::start_line::begins_request;
use super::note::Note;

/// The direction that a parser reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The messages of clients.
    Requests,
    /// The messages of servers.
    Responses,
}

/// The facts about a request that a response parser needs to read the answer. If they are unknown, an answer is read as
/// its fields say, unless another status line stands where the body should: then it answers a HEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The request's method.
    pub method: Vec<u8>,
}

/// The next thing that the parser found.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A preamble that a proxy put in front of the stream.
    Preamble {
        /// All of its bytes.
        bytes: Vec<u8>,
        /// A note that names the protocol.
        note: Note,
    },
    /// A whole head.
    Head(Box<Head>),
    /// A head that cannot be read past the rule that it breaks, or that a hole cuts: its bytes are raw, and what is
    /// known of it counts. It still is a request, or the answer to one (RFC 9112 §9.2).
    Refused(Box<Head>),
    /// A start line that cannot be read, but is one: it still counts as a request, or as the answer to one. Its bytes
    /// come as raw ones.
    Unreadable {
        /// The first word of a request line.
        method: Vec<u8>,
        /// The second word, unless it is the last.
        target: Vec<u8>,
    },
    /// Bytes of the current body, chunk framing taken away.
    Body(Cow<'a, [u8]>),
    /// The framing around the chunks of the current body, as it was on the wire: the line that gives a chunk's size,
    /// the line end behind its data, or the beginning of one of these if the stream ends in it.
    Chunk(Cow<'a, [u8]>),
    /// The number of bytes of the current body that are not in the capture.
    BodyMissing(u64),
    /// The message is over.
    End {
        /// The trailer section behind the last chunk, as it was on the wire, with its closing empty line; empty for a
        /// body that is not chunked, or not whole.
        trailers: Vec<u8>,
    },
    /// Bytes that are not HTTP, or no longer HTTP.
    Raw(Cow<'a, [u8]>),
    /// The number of bytes that are missing where no body could account for them.
    RawMissing(u64),
    /// The hole that was just reported may have held whole messages.
    Lost(Lost),
    /// A fault; it concerns the current message if there is one.
    Note(Note),
}

/// A hole that may have held whole messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The stream offset at which it begins.
    pub offset: u64,
    /// The number of its bytes that are behind all that is known of the message before.
    pub bytes: u64,
    /// True if a message began with the first of them.
    pub begins_message: bool,
}
