//! Reads any capture file, packet by packet, without holding more of it than a buffer; and writes one.
//!
//! People keep captures as pcap (micro- and nanoseconds, either byte order), as pcapng (several sections and
//! interfaces), compressed or not, and often cut off in the middle because the recorder was stopped. All of that is
//! read here, and nothing after this module knows the difference. If a file is damaged, the packets before the damage
//! are read, and then the capture ends as any other: [`CaptureReader::damage`] says why.
//!
//! ```
//! use wirestream::capture::CaptureReader;
//!
//! let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
//! let packet = [5, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 60, 0, 0, 0, 0xab, 0xcd];
//! let file = [&header[..], &packet[..], &packet[..10]].concat();
//!
//! let mut reader = CaptureReader::new(&file[..])?;
//! let first = reader.next().expect("a packet");
//! assert_eq!((first.number, first.bytes, first.original_length), (1, &[0xab, 0xcd][..], 60));
//! assert_eq!(first.time.nanoseconds, 5_000_007_000);
//! assert!(reader.next().is_none());
//! assert_eq!(reader.cut(), Some(1), "cut after packet 1");
//! assert!(reader.damage().is_none());
//! # Ok::<(), wirestream::capture::ReadError>(())
//! ```

mod error;
mod gzip;
mod pcap;
mod pcapng;
mod reader;
mod source;
mod writer;

pub use self::error::ReadError;
pub use self::reader::{CaptureReader, MOST_PACKET_BYTES, Packet, open, open_kept, read_from};
pub use self::writer::CaptureWriter;
