//! A packet with what is shown of it.

use std::net::SocketAddr;
use std::ops::Range;

use crate::analysis::stats::Explained;
use crate::trace::reader;
use crate::units::LinkType;
use crate::wire::layers::Layers;
use crate::wire::segment::{Flags, Segment};

/// Bytes that are kept of one packet: enough for any frame of Ethernet.
pub const BYTES_SHOWN: usize = 1600;

/// Stands for a byte that must not be shown.
const VEIL: u8 = b'x';

/// A packet with its bytes.
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it was, what it is there for, and its figures.
    pub explained: Explained,
    /// What its first bytes are.
    pub link_type: LinkType,
    /// How many bytes it had on the link.
    pub original_length: u32,
    /// How many of them were captured.
    pub captured_length: usize,
    /// The first of them, up to [`BYTES_SHOWN`].
    pub bytes: Vec<u8>,
    /// Whether its payload is not shown: `x` stands for each byte of it.
    pub is_veiled: bool,
    /// Where in the captured bytes each layer is.
    pub layers: Layers,
    /// What its TCP header says; none where it is not TCP.
    pub tcp: Option<Tcp>,
}

/// What a TCP header says, sequence numbers counted from the first of their side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Where it came from.
    pub source: SocketAddr,
    /// Where it went.
    pub destination: SocketAddr,
    /// The control bits.
    pub flags: Flags,
    /// The sequence number, relative.
    pub sequence: u32,
    /// The next one expected from the peer, relative; none without ACK.
    pub acknowledgement: Option<u32>,
    /// The window field as it is in the header, not scaled.
    pub window: u16,
    /// Bytes of the header with its options.
    pub header_bytes: u32,
    /// Bytes of payload, as sent.
    pub payload_bytes: u32,
}

impl Packet {
    pub(super) fn new(explained: Explained, packet: &reader::Packet<'_>, tcp: Option<Tcp>) -> Self {
        let shown = packet.bytes.len().min(BYTES_SHOWN);
        Self {
            explained,
            link_type: packet.link_type,
            original_length: packet.original_length,
            captured_length: packet.bytes.len(),
            bytes: packet.bytes[..shown].to_vec(),
            is_veiled: false,
            layers: Layers::of(packet.link_type, packet.bytes, packet.original_length),
            tcp,
        }
    }

    /// Shows nothing of what it carried.
    pub(super) fn veil(&mut self) {
        let shown = self.bytes.len();
        let payload = self.layers.payload.start.min(shown)..self.layers.payload.end.min(shown);
        self.bytes[payload].fill(VEIL);
        self.is_veiled = true;
    }
}

impl Tcp {
    /// The bytes that it carried, counted from the first of their side.
    pub(super) const fn bytes(&self) -> Range<u32> {
        self.sequence..self.sequence.saturating_add(self.payload_bytes)
    }

    /// `origin` and `peer` are the first sequence numbers of the sender and of its peer.
    pub(super) fn new(segment: &Segment<'_>, origin: u32, peer: u32) -> Self {
        let acknowledges = segment.flags.has(Flags::ACK);
        Self {
            source: segment.source,
            destination: segment.destination,
            flags: segment.flags,
            sequence: segment.sequence.wrapping_sub(origin),
            acknowledgement: acknowledges.then(|| segment.acknowledgement.wrapping_sub(peer)),
            window: segment.window,
            header_bytes: segment.header_bytes,
            payload_bytes: segment.payload_length,
        }
    }
}
