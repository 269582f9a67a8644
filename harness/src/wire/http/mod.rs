//! HTTP/1.0 and HTTP/1.1 (RFC 9112), read from one side's stream as it comes: in any pieces, and with holes.
//!
//! A [`Parser`] is fed slices and hands back [`Item`]s that borrow from them: a head once it is whole, body bytes without
//! a copy, the end of a message. It looks no further than one direction; what it cannot know from there, above all which
//! request a response answers, the caller tells it.
//!
//! Every byte comes out in an item: those of a stream without holes are, one behind the other, the stream.
//!
//! What is not HTTP comes out as [`Item::Raw`], with a note where it had looked like HTTP before. After a hole the
//! parser goes on inside the body where the length says so, else at the next bytes that look like a start line.
//!
//! ```
//! use wiresnap::wire::http::{Item, Parser, Role};
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
pub use self::start_line::{START_LINE_LIMIT, begins_request};
use super::note::Note;

/// Which direction a parser reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What clients send.
    Requests,
    /// What servers send.
    Responses,
}

/// What a response parser must know of the request that it reads the answer to. Where it is not known, an answer is read
/// as its fields say, unless another status line stands where the body should: then it answers a HEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The request's method.
    pub method: Vec<u8>,
}

/// What the parser found next.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// What a proxy put in front of the stream.
    Preamble {
        /// All of its bytes.
        bytes: Vec<u8>,
        /// What it is.
        note: Note,
    },
    /// A whole head.
    Head(Box<Head>),
    /// A head that breaks a rule which it cannot be read past, or that a hole cuts: its bytes are raw, and what is known of
    /// it counts. It is a request all the same, or the answer to one (RFC 9112 §9.2).
    Refused(Box<Head>),
    /// A start line that cannot be read, but is one: a request all the same, or the answer to one. Its bytes come as raw
    /// ones.
    Unreadable {
        /// The first word of a request line.
        method: Vec<u8>,
        /// The second, where it is not the last.
        target: Vec<u8>,
    },
    /// Bytes of the current body, chunk framing taken away.
    Body(Cow<'a, [u8]>),
    /// What wraps the chunks of the current body, as it was on the wire: the line that gives a chunk's size, the line end
    /// behind its data, or the beginning of one of these where the stream ends in it.
    Chunk(Cow<'a, [u8]>),
    /// This many bytes of the current body are not in the capture.
    BodyMissing(u64),
    /// The message is over.
    End {
        /// What followed the last chunk, as it was on the wire: the trailer section with its closing empty line; empty
        /// for a body that is not chunked, or not whole.
        trailers: Vec<u8>,
    },
    /// Bytes that are not HTTP, or no longer.
    Raw(Cow<'a, [u8]>),
    /// This many bytes are missing where no body could account for them.
    RawMissing(u64),
    /// The hole that was just told may have held whole messages.
    Lost(Lost),
    /// Something is wrong; it concerns the current message where there is one.
    Note(Note),
}

/// A hole that may have held whole messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Where in the stream it begins, or what is held before it that may begin a message.
    pub offset: u64,
    /// How many bytes from there on are behind all that is known of the message before.
    pub bytes: u64,
    /// Whether a message began with the first of them.
    pub begins_message: bool,
}
