//! A packet with the parts of it that are shown.

use std::net::SocketAddr;
use std::ops::Range;

use wirestream::capture;
use wirestream::packet::{Flags, Layers, Segment};
use wirestream::units::LinkType;

use crate::analysis::stats::Explained;

/// The most bytes that are kept of one packet: enough for any frame of Ethernet.
pub const BYTES_SHOWN: usize = 1600;

/// The character that replaces a byte which must not be shown.
const VEIL: u8 = b'x';

/// A packet with its bytes.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Its time, its role, and its figures.
    pub explained: Explained,
    /// The link type, which says how to read its first bytes.
    pub link_type: LinkType,
    /// The number of bytes that it had on the link.
    pub original_length: u32,
    /// The number of bytes captured.
    pub captured_length: usize,
    /// The first captured bytes, up to [`BYTES_SHOWN`].
    pub bytes: Vec<u8>,
    /// True if its payload is not shown: `x` replaces each byte of it.
    pub is_veiled: bool,
    /// The place of each layer in the captured bytes.
    pub layers: Layers,
    /// The contents of its TCP header; `None` if it is not TCP.
    pub tcp: Option<Tcp>,
}

/// The contents of a TCP header, with sequence numbers counted from the first of their side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// The address and port that it came from.
    pub source: SocketAddr,
    /// The address and port that it went to.
    pub destination: SocketAddr,
    /// The control bits.
    pub flags: Flags,
    /// The sequence number, relative.
    pub sequence: u32,
    /// The next sequence number expected from the peer, relative; `None` without ACK.
    pub acknowledgement: Option<u32>,
    /// The window field as it is in the header, not scaled.
    pub window: u16,
    /// The bytes of the header with its options.
    pub header_bytes: u32,
    /// The bytes of payload, as sent.
    pub payload_bytes: u32,
}

impl Packet {
    pub(super) fn new(
        explained: Explained,
        packet: &capture::Packet<'_>,
        tcp: Option<Tcp>,
    ) -> Self {
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

    /// Blanks the payload.
    pub(super) fn veil(&mut self) {
        let shown = self.bytes.len();
        let payload = self.layers.payload.start.min(shown)..self.layers.payload.end.min(shown);
        self.bytes[payload].fill(VEIL);
        self.is_veiled = true;
    }
}

impl Tcp {
    /// Returns the stream bytes that it carried, counted from the first of their side.
    pub(super) const fn bytes(&self) -> Range<u32> {
        self.sequence..self.sequence.saturating_add(self.payload_bytes)
    }

    /// Creates it from a segment; `origin` and `peer` are the first sequence numbers of the sender and of its peer.
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
