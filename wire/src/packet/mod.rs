//! Takes captured packets apart, from the link layer up to the TCP payload.
//!
//! A capture may come from any interface of any system, and its packets may be cut, padded, fragmented, tagged or
//! damaged. Each becomes a [`Segment`], or an [`Other`] that says what it is instead, and is counted; nothing here panics.
//!
//! The headers are read by hand rather than with etherparse: a payload that the snapshot length cut, a total length of 0
//! and padding must be told apart here, which its slices treat as errors, and statistics run at the speed of memory.
//!
//! ```
//! use wirestream::units::LinkType;
//! use wirestream::packet::{Decoded, FrameDecoder};
//!
//! let packet = [
//!     0x45, 0, 0, 42, 0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, // IPv4
//!     0x1f, 0x40, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0, // TCP
//!     b'h', b'i',
//! ];
//! let mut decoder = FrameDecoder::default();
//! let Decoded::Segment(segment) = decoder.decode(LinkType::RAW, &packet, 42) else { panic!() };
//! assert_eq!(segment.source, "127.0.0.1:8000".parse().unwrap());
//! assert_eq!((segment.sequence, segment.header_bytes, segment.payload), (9, 20, &b"hi"[..]));
//! ```

mod fragment;
mod frame;
mod layers;
mod other;
mod ppp;
mod segment;
mod tunnel;

pub use self::frame::{Decoded, FrameDecoder};
pub use self::layers::Layers;
pub use self::other::{Layer, Other, Others, not_tcp_sentence};
pub(crate) use self::segment::LARGEST_WINDOW;
pub use self::segment::{Flags, Segment, distance};
