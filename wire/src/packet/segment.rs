//! A TCP segment as it was on the wire, and the arithmetic of its sequence numbers.

use std::fmt;
use std::net::SocketAddr;

/// One TCP segment: addresses from its IP header, the fields of its TCP header, its payload.
///
/// Checksums are not checked: on the machine that sends, captures show them unfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The sender's address and port.
    pub source: SocketAddr,
    /// The receiver's address and port.
    pub destination: SocketAddr,
    /// The sequence number of the first payload byte (of the SYN, if that is set).
    pub sequence: u32,
    /// The next sequence number that the sender expects; meaningful only with [`Flags::ACK`].
    pub acknowledgement: u32,
    /// The control bits.
    pub flags: Flags,
    /// The window field as it is in the header, not scaled.
    pub window: u16,
    /// The length in bytes of the TCP header with its options.
    pub header_bytes: u32,
    /// The captured bytes of the TCP header.
    pub header: &'a [u8],
    /// The captured bytes of the payload.
    pub payload: &'a [u8],
    /// The number of payload bytes that were sent: more than `payload` holds if the snapshot length cut the packet.
    pub payload_length: u32,
}

/// The control bits of a TCP header, RFC 9293 §3.1.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push function.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number is meaningful.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer is meaningful.
    pub const URG: Self = Self(0x20);

    /// Returns true if all the bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if they open a connection: SYN without ACK, and without RST, which would undo it.
    #[must_use]
    pub const fn opens(self) -> bool {
        self.has(Self::SYN) && !self.has(Self::ACK) && !self.has(Self::RST)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let set: Vec<&str> = (0..8)
            .filter(|bit| self.0 >> bit & 1 == 1)
            .map(|bit| NAMES[bit])
            .collect();
        formatter.write_str(&set.join("+"))
    }
}

impl Segment<'_> {
    /// Returns the sequence number of the first payload byte, after the SYN if there is one.
    #[must_use]
    pub const fn payload_sequence(&self) -> u32 {
        self.sequence
            .wrapping_add(self.flags.has(Flags::SYN) as u32)
    }

    /// Returns the sequence number after everything in this segment: payload, SYN and FIN each take one.
    #[must_use]
    pub(crate) const fn next_sequence(&self) -> u32 {
        self.payload_sequence()
            .wrapping_add(self.payload_length)
            .wrapping_add(self.flags.has(Flags::FIN) as u32)
    }
}

/// The largest window there is (RFC 7323 §2.3). Bytes further away than that belong to another stream.
pub(crate) const LARGEST_WINDOW: i32 = 1 << 30;

/// Returns the distance of `sequence` after `reference`; negative if it is before.
///
/// Sequence numbers wrap, and are compared modulo 2³² (RFC 9293 §3.4).
#[must_use]
pub const fn distance(reference: u32, sequence: u32) -> i32 {
    sequence.wrapping_sub(reference).cast_signed()
}
