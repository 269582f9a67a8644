//! Capture files to messages: pcap and pcapng, TCP streams, HTTP/1, WebSocket and server-sent events.
//!
//! A capture is read in steps, each of which can be used alone:
//!
//! | module | takes | gives |
//! | --- | --- | --- |
//! | [`capture`] | a file: pcap or pcapng, plain or gzip | packets, each with its time and its place in the file |
//! | [`packet`] | a packet of any [link type](units::LinkType) | the TCP segment in it, or what it is instead |
//! | [`tcp`] | segments | connections, and the bytes that each side sent, in order, with holes marked |
//! | [`http`], [`websocket`], [`sse`], [`coding`] | bytes in pieces | heads, bodies, frames, events, decoded bodies |
//! | [`conversation`] | both streams of a connection | [messages](message): each answer with its request |
//! | [`walk`] | a capture | all of its messages, each with its name |
//!
//! ```
//! use wirestream::budget::Memory;
//! use wirestream::capture::{CaptureReader, CaptureWriter};
//! use wirestream::message::Detail;
//! use wirestream::units::{LinkType, Timestamp};
//! use wirestream::walk::messages;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A capture of one packet. For a file, use `wirestream::capture::open`.
//! let packet = [
//!     &[0x45, 0, 0, 67, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2][..], // IPv4
//!     &[0xc3, 0x50, 0, 80, 0, 0, 0, 9, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0], // TCP
//!     b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
//! ]
//! .concat();
//! let mut file = Vec::new();
//! let mut writer = CaptureWriter::begin(&mut file, LinkType::RAW, 65_535)?;
//! writer.packet(Timestamp::default(), 67, &packet)?;
//! writer.flush()?;
//! drop(writer);
//!
//! let mut capture = CaptureReader::new(&file[..])?;
//! let mut lines = Vec::new();
//! messages(&mut capture, Memory::default(), |connection, name, message| {
//!     let text = match &message.detail {
//!         Detail::Http(http) => String::from_utf8_lossy(&http.head.raw).into_owned(),
//!         other => format!("{}, {} bytes", other.protocol(), message.length),
//!     };
//!     lines.push(format!("{}: {name}: {}", connection.server, text.lines().next().unwrap_or("")));
//! });
//! assert_eq!(lines, ["10.0.0.2:80: request 1: GET / HTTP/1.1"]);
//! if let Some(damage) = capture.damage() {
//!     eprintln!("the rest cannot be read: {damage}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - *Every byte is somewhere.* A decoder that cannot go on hands over the raw bytes with a [note](note::Note). Payload
//!   without a place in its stream is an [aside](tcp::event::AsideReason). Bytes that the capture lacks are counted.
//! - *No input makes it panic, hang, or grow without bound.* What is held and inflated while a capture is read comes out
//!   of one [budget]. What does not fit is cut, and counted as left out: the same on every machine.
//! - *The same bytes in other pieces mean the same.* Decoders take slices of any size.
//! - *It is a function of its input.* It has no clock, no threads, no runtime and no `unsafe` code. Only [`capture`] opens
//!   files, and it runs on Unix.
//!
//! # Units
//!
//! Times are nanoseconds since the Unix epoch. Packets are counted from 1, as in other tools; connections and offsets in
//! a stream are counted from 0. Lengths are bytes.
//!
//! # Errors
//!
//! A file that is not a capture is a [`ReadError`](capture::ReadError). A file that is damaged further on ends there:
//! [`damage`](capture::CaptureReader::damage) tells the place and the reason, [`cut`](capture::CaptureReader::cut) the
//! packet after which it breaks off. Nothing in a packet is an error: bytes that break a rule become notes that name the
//! rule, as in `RFC 9112 §6.3`.
//!
//! # Features
//!
//! `brotli` and `zstd`, both on by default, undo the content codings of these names. Without them such a body is handed
//! over as it was on the wire.

pub mod budget;
pub mod capture;
pub mod coding;
pub mod conversation;
pub mod edit;
pub mod fingerprint;
pub mod http;
mod list;
pub mod message;
pub mod note;
pub mod packet;
pub mod sse;
pub mod tcp;
pub mod units;
pub mod walk;
pub mod websocket;
