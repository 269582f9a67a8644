//! Reads the classic capture file: a header of 24 bytes, then packet after packet.
//!
//! Written by tcpdump and nearly everything else; see draft-ietf-opsawg-pcap.

use super::error::ReadError;
use super::reader::ByteOrder;
use crate::units::{LinkType, Timestamp};

/// The length of the file header, in bytes.
pub(super) const FILE_HEADER_BYTES: usize = 24;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// The contents of the file header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pcap {
    order: ByteOrder,
    nanoseconds_per_tick: u64,
    /// The length of each packet's header in bytes: 16, and 24 in the variant that Kuznetsov's libpcap wrote.
    pub(super) packet_header_bytes: usize,
    pub(super) link_type: LinkType,
    lengths: LengthOrder,
}

/// The order of a packet header's two lengths, which differs in files older than version 2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LengthOrder {
    CapturedFirst,
    OriginalFirst,
    /// Either order, as version 2.3 was written both ways; the captured length is the one that is not the larger.
    SmallerIsCaptured,
}

/// The contents of a packet's header.
pub(super) struct PcapPacket {
    pub(super) time: Timestamp,
    pub(super) captured_length: u32,
    pub(super) original_length: u32,
}

impl Pcap {
    /// Returns true if a file that begins so is of this format.
    pub(super) fn recognise(start: &[u8]) -> bool {
        start
            .first_chunk()
            .is_some_and(|magic| Magic::of(*magic).is_some())
    }

    /// Reads the file header, whose magic number `recognise` has seen.
    pub(super) fn parse(header: &[u8; FILE_HEADER_BYTES]) -> Result<Self, ReadError> {
        let magic = [header[0], header[1], header[2], header[3]];
        let Some(Magic {
            order,
            nanoseconds_per_tick,
            packet_header_bytes,
        }) = Magic::of(magic)
        else {
            return Err(ReadError::NotACapture {
                start: String::new(),
                looks_like: None,
            });
        };
        let (major, minor) = (order.u16(header, 4), order.u16(header, 6));
        if major != 2 {
            return Err(ReadError::Version {
                format: "pcap",
                major,
                minor,
            });
        }
        // draft-ietf-opsawg-pcap §4: the link type is in the lower 16 bits; above it are the length of a frame check
        // sequence and reserved bits.
        let link_type = LinkType((order.u32(header, 20) & 0xffff) as u16);
        let lengths = match minor {
            0..=2 => LengthOrder::OriginalFirst,
            3 => LengthOrder::SmallerIsCaptured,
            _ => LengthOrder::CapturedFirst,
        };
        Ok(Self {
            order,
            nanoseconds_per_tick,
            packet_header_bytes,
            link_type,
            lengths,
        })
    }

    /// Reads a packet's header, of which `header` holds all `packet_header_bytes`.
    #[inline]
    pub(super) fn packet(&self, header: &[u8]) -> PcapPacket {
        let seconds = u64::from(self.order.u32(header, 0));
        let ticks = u64::from(self.order.u32(header, 4));
        let (first, second) = (self.order.u32(header, 8), self.order.u32(header, 12));
        let swapped = match self.lengths {
            LengthOrder::CapturedFirst => false,
            LengthOrder::OriginalFirst => true,
            LengthOrder::SmallerIsCaptured => first > second,
        };
        let (captured_length, original_length) = if swapped {
            (second, first)
        } else {
            (first, second)
        };
        let nanoseconds = seconds * NANOSECONDS_PER_SECOND + ticks * self.nanoseconds_per_tick;
        PcapPacket {
            time: Timestamp::from_nanoseconds(nanoseconds),
            captured_length,
            original_length,
        }
    }
}

/// The format that the first four bytes of the file tell.
struct Magic {
    order: ByteOrder,
    nanoseconds_per_tick: u64,
    packet_header_bytes: usize,
}

impl Magic {
    fn of(bytes: [u8; 4]) -> Option<Self> {
        [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find_map(|order| {
                let (nanoseconds_per_tick, packet_header_bytes) = match order.u32(&bytes, 0) {
                    0xa1b2_c3d4 => (1000, 16),
                    0xa1b2_3c4d => (1, 16),
                    0xa1b2_cd34 => (1000, 24),
                    _ => return None,
                };
                Some(Self {
                    order,
                    nanoseconds_per_tick,
                    packet_header_bytes,
                })
            })
    }
}
