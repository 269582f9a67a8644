//! A TCP segment as it was on the wire, and the arithmetic of its sequence numbers.

use std::fmt;
use std::net::SocketAddr;

/// One TCP segment: addresses from its IP header, the fields of its TCP header, its payload.
///
/// Checksums are not looked at: on the machine that sends, captures show them unfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Where it came from.
    pub source: SocketAddr,
    /// Where it went.
    pub destination: SocketAddr,
    /// Sequence number of the first payload byte (of the SYN, where that is set).
    pub sequence: u32,
    /// The next sequence number that the sender expects; means something only with [`Flags::ACK`].
    pub acknowledgement: u32,
    /// The control bits.
    pub flags: Flags,
    /// The window field as it is in the header, not scaled.
    pub window: u16,
    /// Bytes of the TCP header with its options.
    pub header_bytes: u32,
    /// What was captured of the TCP header.
    pub header: &'a [u8],
    /// What was captured of the payload.
    pub payload: &'a [u8],
    /// Bytes of payload that were sent: more than `payload` holds where the snapshot length cut the packet.
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
    /// The acknowledgement number means something.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer means something.
    pub const URG: Self = Self(0x20);

    /// Whether all the bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Opens a connection: SYN without ACK, and without RST, which would undo it.
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
    /// Sequence number of the first payload byte, after the SYN where there is one.
    #[must_use]
    pub const fn payload_sequence(&self) -> u32 {
        self.sequence
            .wrapping_add(self.flags.has(Flags::SYN) as u32)
    }

    /// The sequence number after everything in this segment: payload, SYN and FIN each take one.
    #[must_use]
    pub const fn next_sequence(&self) -> u32 {
        self.payload_sequence()
            .wrapping_add(self.payload_length)
            .wrapping_add(self.flags.has(Flags::FIN) as u32)
    }
}

/// RFC 7323 §2.3: the largest window there is. What is further away than that belongs to another stream.
pub const LARGEST_WINDOW: i32 = 1 << 30;

/// How far `sequence` is after `reference`; negative where it is before.
///
/// RFC 9293 §3.4: sequence numbers wrap, and are compared modulo 2³².
#[must_use]
pub const fn distance(reference: u32, sequence: u32) -> i32 {
    sequence.wrapping_sub(reference).cast_signed()
}
