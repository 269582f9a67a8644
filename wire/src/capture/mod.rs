//! Capture files, in and out: pcap and pcapng, compressed with gzip or not.

mod error;
mod gzip;
mod pcap;
mod pcapng;
mod reader;
mod source;
mod writer;

pub use self::error::TraceError;
pub use self::reader::{CaptureReader, MOST_PACKET_BYTES, Packet, open, open_kept, read_from};
pub use self::writer::CaptureWriter;
