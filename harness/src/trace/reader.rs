//! Reads any capture file, packet by packet, without holding more of it than a buffer.
//!
//! People keep captures as pcap (micro- and nanoseconds, either byte order), as pcapng (several sections and
//! interfaces), compressed or not, and often cut off in the middle because the recorder was stopped: all of that is
//! read here, and nothing after this module knows the difference.
//!
//! ```
//! use wiresnap::trace::reader::CaptureReader;
//!
//! let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
//! let packet = [5, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 60, 0, 0, 0, 0xab, 0xcd];
//! let file = [&header[..], &packet[..], &packet[..10]].concat();
//!
//! let mut reader = CaptureReader::new(&file[..])?;
//! let first = reader.next()?.expect("a packet");
//! assert_eq!((first.number, first.bytes, first.original_length), (1, &[0xab, 0xcd][..], 60));
//! assert_eq!(first.time.nanoseconds, 5_000_007_000);
//! assert!(reader.next()?.is_none());
//! assert_eq!(reader.cut(), Some(1), "cut after packet 1");
//! # Ok::<(), wiresnap::trace::error::TraceError>(())
//! ```

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::path::Path;

use flate2::read::MultiGzDecoder;

pub use super::error::TraceError;
use super::pcap::{FILE_HEADER_BYTES, Pcap};
use super::pcapng::{SECTION_HEADER, SECTION_START_BYTES, Section};
use super::source::Source;
use crate::units::{LinkType, Timestamp};

/// The most captured bytes that a packet may claim: four times tcpdump's own limit, which leaves room for the largest
/// segments that offloading makes (512 KiB), and keeps a damaged length from taking the rest of the file for a packet.
pub const MOST_PACKET_BYTES: u32 = 1024 * 1024;

/// The most bytes of a pcapng block that is held in memory: a packet, and options that describe it.
const MOST_BLOCK_BYTES: u32 = 2 * MOST_PACKET_BYTES;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One packet of a capture file; its bytes are in the reader's buffer until the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Place in the file, counted from 1.
    pub number: u64,
    /// When it was captured. (A simple packet of a pcapng file has no time: it gets that of the packet before.)
    pub time: Timestamp,
    /// The interface that it was seen on, counted from 0 through the whole file; always 0 in pcap files.
    pub interface: u32,
    /// How `bytes` begins.
    pub link_type: LinkType,
    /// Bytes that the packet had on the link; more than `bytes` where the snapshot length cut it.
    pub original_length: u32,
    /// What was captured of it.
    pub bytes: &'a [u8],
}

/// Order of the bytes in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let bytes = [bytes[at], bytes[at + 1]];
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn i64(self, bytes: &[u8], at: usize) -> i64 {
        let (first, second) = (
            u64::from(self.u32(bytes, at)),
            u64::from(self.u32(bytes, at + 4)),
        );
        let value = match self {
            Self::Little => second << 32 | first,
            Self::Big => first << 32 | second,
        };
        value.cast_signed()
    }
}

/// Reads the packets of one capture, in order.
pub struct CaptureReader<R> {
    source: Source<R>,
    format: Format,
    packets: u64,
    cut: bool,
    ended: bool,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Section),
}

/// A packet whose bytes are still named by their place in the buffer.
struct Located {
    time: Timestamp,
    interface: u32,
    link_type: LinkType,
    original_length: u32,
    range: Range<usize>,
}

/// Opens a capture file, or standard input where the path is `-`; decompresses gzip, which its first bytes tell.
///
/// # Errors
///
/// Where the file cannot be opened or read, or is not a capture.
pub fn open(path: &Path) -> Result<CaptureReader<Box<dyn Read>>, TraceError> {
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(open_file(path)?)
    };
    CaptureReader::new(decompress(input)?)
}

fn open_file(path: &Path) -> Result<File, TraceError> {
    let fail = |source| TraceError::Open {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    // Opening a folder succeeds on Unix, reading it does not: say it here, where the path is known.
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(fail(io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Puts a gzip decoder before the input where it begins as gzip does.
fn decompress(mut input: Box<dyn Read>) -> Result<Box<dyn Read>, TraceError> {
    let mut start = Vec::with_capacity(GZIP_MAGIC.len());
    let mut taken = input.by_ref().take(GZIP_MAGIC.len() as u64);
    taken
        .read_to_end(&mut start)
        .map_err(|source| TraceError::Read {
            offset: 0,
            packet: 0,
            source,
        })?;
    let compressed = start == GZIP_MAGIC;
    let whole = Cursor::new(start).chain(input);
    Ok(if compressed {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    })
}

impl<R: Read> CaptureReader<R> {
    /// Reads the file's header and stops before the first packet. The input is taken as it is: [`open`] decompresses.
    ///
    /// # Errors
    ///
    /// Where the input is empty, not a capture, or a capture that ends in its header.
    pub fn new(input: R) -> Result<Self, TraceError> {
        let mut source = Source::new(input);
        let format = read_format(&mut source)?;
        Ok(Self {
            source,
            format,
            packets: 0,
            cut: false,
            ended: false,
        })
    }

    /// The next packet, or `None` at the end of the capture.
    ///
    /// # Errors
    ///
    /// Where reading fails or the file is damaged. After an error there are no more packets.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, TraceError> {
        if self.ended {
            return Ok(None);
        }
        let located = match &mut self.format {
            Format::Pcap(pcap) => next_pcap(&mut self.source, *pcap, self.packets),
            Format::Pcapng(section) => next_block(&mut self.source, section, self.packets),
        };
        match located {
            Ok(Next::Packet(located)) => {
                self.packets += 1;
                Ok(Some(Packet {
                    number: self.packets,
                    time: located.time,
                    interface: located.interface,
                    link_type: located.link_type,
                    original_length: located.original_length,
                    bytes: self.source.slice(located.range),
                }))
            }
            Ok(Next::End { cut }) => {
                self.ended = true;
                self.cut = cut || self.source.compression_cut();
                Ok(None)
            }
            Err(error) => {
                self.ended = true;
                Err(error)
            }
        }
    }

    /// After the last packet: where the file broke off in the middle of something, the number of packets before.
    #[must_use]
    pub const fn cut(&self) -> Option<u64> {
        if self.cut { Some(self.packets) } else { None }
    }
}

enum Next {
    Packet(Located),
    End { cut: bool },
}

fn read_format<R: Read>(source: &mut Source<R>) -> Result<Format, TraceError> {
    let fail = |error| TraceError::Read {
        offset: 0,
        packet: 0,
        source: error,
    };
    source.fill(FILE_HEADER_BYTES).map_err(fail)?;
    let start = source.available();
    if start.is_empty() {
        return Err(TraceError::Empty);
    }
    if Pcap::recognise(start) {
        let Some(header) = start.first_chunk() else {
            return Err(TraceError::HeaderCut {
                needed: FILE_HEADER_BYTES,
                present: start.len(),
            });
        };
        let pcap = Pcap::parse(header)?;
        source.take(FILE_HEADER_BYTES);
        return Ok(Format::Pcap(pcap));
    }
    if start.starts_with(&SECTION_HEADER.to_be_bytes()) {
        let Some(section_start) = start.first_chunk() else {
            return Err(TraceError::HeaderCut {
                needed: SECTION_START_BYTES,
                present: start.len(),
            });
        };
        if let Some(order) = Section::byte_order(section_start) {
            // The block itself is read again, and checked, by the first call of `next`.
            return Ok(Format::Pcapng(Section::begin(order, None)));
        }
    }
    Err(not_a_capture(start))
}

fn not_a_capture(start: &[u8]) -> TraceError {
    let shown: Vec<String> = start
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    TraceError::NotACapture {
        start: shown.join(" "),
        looks_like: looks_like(start),
    }
}

/// Kinds of file that people hand over by mistake, by how they begin.
fn looks_like(start: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 12] = [
        (b"snoop\0\0\0", "a Solaris snoop capture"),
        (b"TRSNIFF data", "a Network General Sniffer capture"),
        (b"GMBU", "a Microsoft Network Monitor capture"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\xfd7zXZ\0", "an xz archive"),
        (b"BZh", "a bzip2 archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"\x04\x22\x4d\x18", "an lz4 archive"),
        (b"\x7fELF", "a program"),
        (b"\x89PNG", "a PNG image"),
        (b"<?xml", "an XML document"),
        (b"{", "a JSON document"),
    ];
    let kind = KINDS
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map(|(_, kind)| *kind);
    let is_text = start
        .iter()
        .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e));
    kind.or_else(|| is_text.then_some("a text file"))
}

#[inline]
fn next_pcap<R: Read>(
    source: &mut Source<R>,
    pcap: Pcap,
    packets: u64,
) -> Result<Next, TraceError> {
    let offset = source.offset();
    let fail = |error| TraceError::Read {
        offset,
        packet: packets,
        source: error,
    };
    let header_bytes = pcap.packet_header_bytes;
    if !source.fill(header_bytes).map_err(fail)? {
        return Ok(Next::End {
            cut: !source.available().is_empty(),
        });
    }
    let packet = pcap.packet(source.available());
    if packet.captured_length > MOST_PACKET_BYTES {
        let (length, limit) = (packet.captured_length, MOST_PACKET_BYTES);
        return Err(TraceError::PacketTooLong {
            packet: packets + 1,
            offset,
            length,
            limit,
        });
    }
    let length = packet.captured_length as usize;
    if !source.fill(header_bytes + length).map_err(fail)? {
        return Ok(Next::End { cut: true });
    }
    let range = source.take(header_bytes + length);
    Ok(Next::Packet(Located {
        time: packet.time,
        interface: 0,
        link_type: pcap.link_type,
        original_length: packet.original_length,
        range: range.start + header_bytes..range.end,
    }))
}

/// Reads blocks up to and with the next one that holds a packet.
#[inline]
fn next_block<R: Read>(
    source: &mut Source<R>,
    section: &mut Section,
    packets: u64,
) -> Result<Next, TraceError> {
    loop {
        let offset = source.offset();
        let fail = |error| TraceError::Read {
            offset,
            packet: packets,
            source: error,
        };
        let damaged = |rule| TraceError::Block {
            packet: packets,
            offset,
            rule,
        };
        if !source.fill(8).map_err(fail)? {
            return Ok(Next::End {
                cut: !source.available().is_empty(),
            });
        }
        // A section header changes the byte order that its own length is written in.
        if source
            .available()
            .starts_with(&SECTION_HEADER.to_be_bytes())
        {
            if !source.fill(SECTION_START_BYTES).map_err(fail)? {
                return Ok(Next::End { cut: true });
            }
            let order = source
                .available()
                .first_chunk()
                .and_then(Section::byte_order);
            let order =
                order.ok_or_else(|| damaged("a section header without its byte-order magic"))?;
            *section = Section::begin(order, Some(section));
        }
        let (block_type, length) = (
            section.order.u32(source.available(), 0),
            section.order.u32(source.available(), 4),
        );
        if length < 12 || length % 4 != 0 {
            return Err(damaged(
                "a block's length is a multiple of four, and at least 12",
            ));
        }
        if !Section::is_needed(block_type) {
            if block_type == SECTION_HEADER {
                check_version(source, section.order).map_err(fail)??;
            }
            if !source.skip(u64::from(length)).map_err(fail)? {
                return Ok(Next::End { cut: true });
            }
            continue;
        }
        if length > MOST_BLOCK_BYTES {
            return Err(damaged("a block longer than a packet can be"));
        }
        if !source.fill(length as usize).map_err(fail)? {
            return Ok(Next::End { cut: true });
        }
        let range = source.take(length as usize);
        let block = source.slice(range.clone());
        if section.order.u32(block, block.len() - 4) != length {
            return Err(damaged("the two lengths of a block differ"));
        }
        if let Some(packet) = section.block(block).map_err(damaged)? {
            let start = range.start + packet.data_start;
            return Ok(Next::Packet(Located {
                time: packet.time,
                interface: packet.interface,
                link_type: packet.link_type,
                original_length: packet.original_length,
                range: start..start + packet.captured_length as usize,
            }));
        }
    }
}

/// draft-ietf-opsawg-pcapng §4.1: a reader must not read a section whose major version it does not know.
fn check_version<R: Read>(
    source: &mut Source<R>,
    order: ByteOrder,
) -> io::Result<Result<(), TraceError>> {
    if !source.fill(16)? {
        return Ok(Ok(()));
    }
    let (major, minor) = (
        order.u16(source.available(), 12),
        order.u16(source.available(), 14),
    );
    Ok(if major == 1 {
        Ok(())
    } else {
        Err(TraceError::Version {
            format: "pcapng",
            major,
            minor,
        })
    })
}
