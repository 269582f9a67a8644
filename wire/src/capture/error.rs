//! The faults that a capture file can have, each with its place.

use std::io;
use std::path::PathBuf;

/// The reason why a capture could not be read, or not to its end.
///
/// A file that merely ends in mid-packet is not an error: see [`CaptureReader::cut`](super::reader::CaptureReader::cut).
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened.
    #[error("cannot open {path}: {}", system_message(reason))]
    Open {
        /// The path as the user gave it.
        path: PathBuf,
        /// The error of the system.
        reason: io::Error,
    },
    /// The system, or the decompressor, failed in the middle of the file.
    #[error(
        "cannot read on at offset {offset}, after packet {packet}: {}",
        system_message(reason)
    )]
    Read {
        /// The number of bytes of (decompressed) capture that were read before.
        offset: u64,
        /// The number of packets that were read before.
        packet: u64,
        /// The error of the system.
        reason: io::Error,
    },
    /// The file is empty.
    #[error("not a capture file: it is empty")]
    Empty,
    /// The file does not begin as a pcap or pcapng file does.
    #[error("not a capture file: starts with bytes {start}{}", seems(*.looks_like))]
    NotACapture {
        /// Up to eight bytes in hexadecimal.
        start: String,
        /// The kind of a file that begins so, if it is a well-known one.
        looks_like: Option<&'static str>,
    },
    /// The file begins as a capture does, but ends inside its own header.
    #[error("not a whole capture file: its header takes {needed} bytes, only {present} are there")]
    HeaderCut {
        /// The number of bytes that the header takes.
        needed: usize,
        /// The number of bytes that are in the file.
        present: usize,
    },
    /// A version of the format that is not defined.
    #[error("{format} version {major}.{minor} is not one that is known")]
    Version {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A length so large that the file must be damaged.
    #[error(
        "packet {packet} at offset {offset} claims {length} captured bytes, more than the {limit} that a packet can have: the file is damaged"
    )]
    PacketTooLong {
        /// The packet's number.
        packet: u64,
        /// The offset at which its header begins.
        offset: u64,
        /// The length it claims.
        length: u32,
        /// The longest length that is accepted.
        limit: u32,
    },
    /// A pcapng block that breaks a rule of the format.
    #[error("damaged block at offset {offset}, after packet {packet}: {rule}")]
    Block {
        /// The number of packets that were read before.
        packet: u64,
        /// The offset at which the block begins.
        offset: u64,
        /// The rule that it breaks.
        rule: &'static str,
    },
}

/// Returns the system's message in the style of this program: lower case, no `(os error 2)`.
fn system_message(error: &io::Error) -> String {
    let message = error.to_string();
    let message = message.split(" (os error").next().unwrap_or_default();
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

fn seems(looks_like: Option<&'static str>) -> String {
    looks_like.map_or_else(String::new, |kind| format!(", as {kind} does"))
}
