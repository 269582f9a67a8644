//! The reader of captures, whatever their format.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use super::error::ReadError;
use super::gzip::{Inflated, Inflater};
use super::pcap::{FILE_HEADER_BYTES, Pcap};
use super::pcapng::{SECTION_HEADER, SECTION_START_BYTES, Section};
use super::source::Source;
use crate::units::{LinkType, Timestamp};

/// The most captured bytes that a packet may claim: four times tcpdump's own limit, which leaves room for the largest
/// segments that offloading makes (512 KiB), and keeps a damaged length from taking the rest of the file for a packet.
pub const MOST_PACKET_BYTES: u32 = 1024 * 1024;

/// The most bytes of a pcapng block that are held in memory: a packet, and options that describe it.
const MOST_BLOCK_BYTES: u32 = 2 * MOST_PACKET_BYTES;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One packet of a capture file; its bytes are in the reader's buffer until the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The place in the file, counted from 1.
    pub number: u64,
    /// The time at which it was captured. (A simple packet of a pcapng file has no time: it gets that of the packet
    /// before.)
    pub time: Timestamp,
    /// The interface that it was seen on, counted from 0 through the whole file; always 0 in pcap files.
    pub interface: u32,
    /// The link type, which tells how `bytes` begins.
    pub link_type: LinkType,
    /// The number of bytes that the packet had on the link; more than `bytes` if the snapshot length cut it.
    pub original_length: u32,
    /// The offset at which `bytes` begins in the file, once it is decompressed.
    pub offset: u64,
    /// The captured bytes of it.
    pub bytes: &'a [u8],
}

impl Packet<'_> {
    /// Returns the offset in the file of a part of [`bytes`](Self::bytes), as the layers below hand it out; `None` if
    /// it is not a part of them, as with the payload of a datagram that was put together from fragments.
    #[must_use]
    pub fn place_of(&self, part: &[u8]) -> Option<u64> {
        let start = (part.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        (start.checked_add(part.len())? <= self.bytes.len()).then(|| self.offset + start as u64)
    }
}

/// The order of the bytes in a number.
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
    damage: Option<Arc<ReadError>>,
    ended: bool,
    /// The account of the bytes that a compressed file has been inflated to so far.
    inflated: Option<Inflated>,
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
    /// The number of bytes of its block that come after it.
    behind: u64,
}

/// Opens a capture file, or standard input if the path is `-`; decompresses gzip, which its first bytes tell.
///
/// # Errors
///
/// Returns an error if the file cannot be opened or read, or is not a capture.
pub fn open(path: &Path) -> Result<CaptureReader<Box<dyn Read>>, ReadError> {
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(open_file(path)?)
    };
    read_from(input)
}

/// Opens a capture file that is read twice, or that the user did not name. It must be a regular file, which begins and
/// ends: reading would wait for a FIFO, which anybody may have put there.
///
/// # Errors
///
/// Returns an error if it is not a regular file, cannot be opened or read, or is not a capture.
pub fn open_kept(path: &Path) -> Result<CaptureReader<Box<dyn Read>>, ReadError> {
    let fail = |reason| ReadError::Open {
        path: path.to_owned(),
        reason,
    };
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags).open(path);
    let file = file.map_err(fail)?;
    let kind = file.metadata().map_err(fail)?.file_type();
    if kind.is_dir() {
        return Err(fail(io::ErrorKind::IsADirectory.into()));
    }
    if !kind.is_file() {
        return Err(fail(io::Error::other(
            "it is not a regular file; copy it into one",
        )));
    }
    read_from(Box::new(file))
}

/// Reads a capture from any input; decompresses gzip, which its first bytes tell.
///
/// # Errors
///
/// Returns an error if the input cannot be read, or is not a capture.
pub fn read_from(input: Box<dyn Read>) -> Result<CaptureReader<Box<dyn Read>>, ReadError> {
    let (input, inflated) = decompress(input)?;
    let reader = CaptureReader::new(input)?;
    Ok(CaptureReader { inflated, ..reader })
}

fn open_file(path: &Path) -> Result<File, ReadError> {
    let fail = |reason| ReadError::Open {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(fail)?;
    // Opening a folder succeeds on Unix, reading it does not: say it here, where the path is known.
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(fail(io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Puts a gzip decoder before the input if it begins as gzip does.
fn decompress(mut input: Box<dyn Read>) -> Result<(Box<dyn Read>, Option<Inflated>), ReadError> {
    let mut start = Vec::with_capacity(GZIP_MAGIC.len());
    let mut taken = input.by_ref().take(GZIP_MAGIC.len() as u64);
    taken
        .read_to_end(&mut start)
        .map_err(|reason| ReadError::Read {
            offset: 0,
            packet: 0,
            reason,
        })?;
    let compressed = start == GZIP_MAGIC;
    let whole = Cursor::new(start).chain(input);
    if !compressed {
        return Ok((Box::new(whole), None));
    }
    let inflater = Inflater::new(whole);
    let count = inflater.inflated();
    Ok((Box::new(inflater), Some(count)))
}

impl<R: Read> CaptureReader<R> {
    /// Reads the file's header and stops before the first packet. The input is taken as it is: [`read_from`] decompresses.
    ///
    /// # Errors
    ///
    /// Returns an error if the input is empty, not a capture, or a capture that ends in its header.
    pub fn new(input: R) -> Result<Self, ReadError> {
        let mut source = Source::new(input);
        let format = read_format(&mut source)?;
        Ok(Self {
            source,
            format,
            packets: 0,
            cut: false,
            damage: None,
            ended: false,
            inflated: None,
        })
    }

    /// Returns the next packet; `None` at the end of the capture, or of what can be read of it.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    #[inline]
    pub fn next(&mut self) -> Option<Packet<'_>> {
        if self.ended {
            return None;
        }
        let located = match &mut self.format {
            Format::Pcap(pcap) => next_pcap(&mut self.source, *pcap, self.packets),
            Format::Pcapng(section) => next_block(&mut self.source, section, self.packets),
        };
        match located {
            Ok(Next::Packet(located)) => {
                self.packets += 1;
                if let Some(inflated) = &self.inflated {
                    inflated.packet(located.range.len());
                }
                let length = located.range.len() as u64;
                Some(Packet {
                    number: self.packets,
                    time: located.time,
                    interface: located.interface,
                    link_type: located.link_type,
                    original_length: located.original_length,
                    offset: self.source.offset() - located.behind - length,
                    bytes: self.source.slice(located.range),
                })
            }
            Ok(Next::End { cut }) => {
                self.ended = true;
                self.cut = cut || self.source.compression_cut();
                None
            }
            Err(error) => {
                self.ended = true;
                self.damage = Some(Arc::new(error));
                None
            }
        }
    }

    /// Returns the number of packets that were read so far.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Returns the reason why no packet after the last one could be read; `None` if the file ends there.
    #[must_use]
    pub const fn damage(&self) -> Option<&Arc<ReadError>> {
        self.damage.as_ref()
    }

    /// Returns, after the last packet, the number of packets if the file broke off in the middle of something.
    #[must_use]
    pub const fn cut(&self) -> Option<u64> {
        if self.cut { Some(self.packets) } else { None }
    }
}

enum Next {
    Packet(Located),
    End { cut: bool },
}

fn read_format<R: Read>(source: &mut Source<R>) -> Result<Format, ReadError> {
    let fail = |error| ReadError::Read {
        offset: 0,
        packet: 0,
        reason: error,
    };
    source.fill(FILE_HEADER_BYTES).map_err(fail)?;
    // How much more than asked for is there is up to the input, and must not show.
    let start = source.available();
    let start = &start[..start.len().min(FILE_HEADER_BYTES)];
    if start.is_empty() {
        return Err(ReadError::Empty);
    }
    if Pcap::recognise(start) {
        let Some(header) = start.first_chunk() else {
            return Err(ReadError::HeaderCut {
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
            return Err(ReadError::HeaderCut {
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

fn not_a_capture(start: &[u8]) -> ReadError {
    let shown: Vec<String> = start
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    ReadError::NotACapture {
        start: shown.join(" "),
        looks_like: looks_like(start),
    }
}

/// Returns the kind of a file that people hand over by mistake, by its beginning.
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
fn next_pcap<R: Read>(source: &mut Source<R>, pcap: Pcap, packets: u64) -> Result<Next, ReadError> {
    let offset = source.offset();
    let fail = |error| ReadError::Read {
        offset,
        packet: packets,
        reason: error,
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
        return Err(ReadError::PacketTooLong {
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
        behind: 0,
    }))
}

/// Reads blocks up to and with the next one that holds a packet.
#[inline]
fn next_block<R: Read>(
    source: &mut Source<R>,
    section: &mut Section,
    packets: u64,
) -> Result<Next, ReadError> {
    loop {
        let offset = source.offset();
        let fail = |error| ReadError::Read {
            offset,
            packet: packets,
            reason: error,
        };
        let damaged = |rule| ReadError::Block {
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
            let end = start + packet.captured_length as usize;
            return Ok(Next::Packet(Located {
                time: packet.time,
                interface: packet.interface,
                link_type: packet.link_type,
                original_length: packet.original_length,
                range: start..end,
                behind: (range.end - end) as u64,
            }));
        }
    }
}

/// Checks the version of a section: a reader must not read one whose major version it does not know
/// (draft-ietf-opsawg-pcapng §4.1).
fn check_version<R: Read>(
    source: &mut Source<R>,
    order: ByteOrder,
) -> io::Result<Result<(), ReadError>> {
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
        Err(ReadError::Version {
            format: "pcapng",
            major,
            minor,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    const HEADER: [u8; 24] = [
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
    ];

    fn packet(captured: u32, bytes: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 8];
        packet.extend(captured.to_le_bytes());
        packet.extend(captured.to_le_bytes());
        packet.extend(bytes);
        packet
    }

    fn failure(file: &[u8]) -> String {
        match CaptureReader::new(file) {
            Err(error) => error.to_string(),
            Ok(mut reader) => loop {
                if reader.next().is_none() {
                    let damage = reader.damage().map(ToString::to_string);
                    return damage.unwrap_or_else(|| format!("cut {:?}", reader.cut()));
                }
            },
        }
    }

    #[test]
    fn what_is_no_capture_is_said_to_be_what_it_seems() {
        let cases: [(&[u8], &str); 8] = [
            (b"", "not a capture file: it is empty"),
            (
                b"PK\x03\x04 and so on",
                "not a capture file: starts with bytes 50 4b 03 04 20 61 6e 64, as a zip archive does",
            ),
            (
                b"hello\n",
                "not a capture file: starts with bytes 68 65 6c 6c 6f 0a, as a text file does",
            ),
            (b"\0\x01", "not a capture file: starts with bytes 00 01"),
            (
                &HEADER[..20],
                "not a whole capture file: its header takes 24 bytes, only 20 are there",
            ),
            (
                b"\x0a\x0d\x0d\x0a\x1c\0\0",
                "not a whole capture file: its header takes 12 bytes, only 7 are there",
            ),
            (
                b"\xd4\xc3\xb2\xa1\x09\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                "pcap version 9.4 is not one that is known",
            ),
            (
                b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x07\0\0\0",
                "pcapng version 7.0 is not one that is known",
            ),
        ];
        for (file, message) in cases {
            assert_eq!(failure(file), message);
        }
    }

    #[test]
    fn a_file_cut_anywhere_gives_the_packets_before() {
        let whole = [&HEADER[..], &packet(3, b"abc"), &packet(2, b"de")].concat();
        for length in HEADER.len()..=whole.len() {
            let cut = match length {
                24 | 43 | 61 => "cut None",
                25..43 => "cut Some(0)",
                _ => "cut Some(1)",
            };
            assert_eq!(failure(&whole[..length]), cut, "{length} bytes");
        }
    }

    #[test]
    fn a_packet_and_its_parts_know_where_in_the_file_they_are() {
        let file = [&HEADER[..], &packet(3, b"abc"), &packet(2, b"de")].concat();
        let mut reader = CaptureReader::new(&file[..]).unwrap();
        for (offset, bytes) in [(40, &b"abc"[..]), (59, b"de")] {
            let packet = reader.next().unwrap();
            assert_eq!((packet.offset, packet.bytes), (offset, bytes));
            assert_eq!(packet.place_of(&packet.bytes[1..]), Some(offset + 1));
            assert_eq!(packet.place_of(&packet.bytes[2..2]), Some(offset + 2));
            let elsewhere = bytes.to_vec();
            assert_eq!(packet.place_of(&elsewhere), None);
        }
    }

    #[test]
    fn absurd_lengths_are_an_error_that_says_where() {
        let file = [&HEADER[..], &packet(3, b"abc"), &packet(u32::MAX, b"de")].concat();
        assert_eq!(
            failure(&file),
            "packet 2 at offset 43 claims 4294967295 captured bytes, more than the 1048576 that a packet can have: \
             the file is damaged"
        );
    }

    #[test]
    fn damaged_blocks_are_errors_that_name_the_rule() {
        let section = b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0";
        let cases: [(&[u8], &str); 4] = [
            (
                b"\x06\0\0\0\x0b\0\0\0",
                "a block's length is a multiple of four, and at least 12",
            ),
            (
                b"\x06\0\0\0\xfc\xff\xff\xff",
                "a block longer than a packet can be",
            ),
            (
                b"\x06\0\0\0\x10\0\0\0\0\0\0\0\x14\0\0\0",
                "the two lengths of a block differ",
            ),
            (
                b"\x03\0\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0",
                "a packet of an interface that no block described",
            ),
        ];
        for (block, rule) in cases {
            let message = failure(&[&section[..], block].concat());
            assert_eq!(
                message,
                format!("damaged block at offset 28, after packet 0: {rule}")
            );
        }
    }

    #[test]
    fn paths_that_cannot_be_read_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.pcap");
        let message = open(&missing).err().unwrap().to_string();
        assert_eq!(
            message,
            format!(
                "cannot open {}: no such file or directory",
                missing.display()
            )
        );
        let message = open(folder.path()).err().unwrap().to_string();
        assert!(message.ends_with("is a directory"), "{message}");
    }

    #[test]
    fn compressed_files_are_read_and_cut_ones_as_far_as_they_go() {
        let body: Vec<u8> = (0..500).flat_map(|_| packet(3, b"abc")).collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(&HEADER).unwrap();
        encoder.write_all(&body).unwrap();
        let compressed = encoder.finish().unwrap();
        for (length, expected) in [(compressed.len(), None), (compressed.len() / 2, Some(()))] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&compressed[..length]).unwrap();
            let mut reader = open(file.path()).unwrap();
            let mut count = 0;
            while reader.next().is_some() {
                count += 1;
            }
            assert_eq!(reader.cut().map(|_| ()), expected);
            assert_eq!(count == 500, expected.is_none());
            assert!(count > 100, "{count}");
        }
    }

    #[test]
    fn the_upper_bits_of_the_link_type_field_are_not_part_of_it() {
        let mut header = HEADER;
        header[23] = 0x24;
        let file = [&header[..], &packet(3, b"abc")].concat();
        let mut reader = CaptureReader::new(&file[..]).unwrap();
        assert_eq!(reader.next().unwrap().link_type, LinkType::ETHERNET);
    }

    /// A reader that gives a few bytes at a time, as pipes do.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn packets_of_any_size_come_through_reads_of_any_size(
            sizes in proptest::collection::vec(0_u32..400_000, 0..8),
            step in 1_usize..300_000,
        ) {
            let mut file = HEADER.to_vec();
            for (index, size) in (0_u8..).zip(&sizes) {
                file.extend(packet(*size, &vec![index; *size as usize]));
            }
            let mut reader = CaptureReader::new(Trickle(&file, step.max(file.len() / 1000))).unwrap();
            for (index, size) in (0_u8..).zip(&sizes) {
                let packet = reader.next().unwrap();
                prop_assert_eq!(packet.number, u64::from(index) + 1);
                prop_assert_eq!(packet.bytes.len(), *size as usize);
                prop_assert!(packet.bytes.iter().all(|byte| *byte == index));
            }
            prop_assert!(reader.next().is_none());
            prop_assert_eq!(reader.cut(), None);
        }
    }
}
