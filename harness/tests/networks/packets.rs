//! Reads the packets of a capture, as far as they tell which network they were on.

use std::path::Path;

use wirestream::capture;
use wirestream::units::Timestamp;

/// The length of an Ethernet header, and of an IPv4 header without options (nothing here has any).
const ETHERNET: usize = 14;
const IPV4: usize = 20;

/// A TCP packet over IPv4 and Ethernet.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) time: Timestamp,
    bytes: Vec<u8>,
}

/// Reads all packets of a capture.
#[track_caller]
pub(crate) fn read(capture: &Path) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut reader = capture::open(capture).unwrap();
    while let Some(packet) = reader.next() {
        assert_eq!(packet.link_type.0, 1, "no Ethernet");
        assert_eq!(packet.bytes.len() as u64, u64::from(packet.original_length));
        packets.push(Packet {
            time: packet.time,
            bytes: packet.bytes.to_vec(),
        });
    }
    assert!(!packets.is_empty());
    packets
}

impl Packet {
    /// Returns the length on the wire, without the checksum of Ethernet itself.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the MAC addresses, from and to.
    pub(crate) fn macs(&self) -> ([u8; 6], [u8; 6]) {
        let mac = |at: usize| self.bytes[at..at + 6].try_into().unwrap();
        (mac(6), mac(0))
    }

    /// Returns the addresses, from and to.
    pub(crate) fn addresses(&self) -> ([u8; 4], [u8; 4]) {
        let address = |at: usize| self.bytes[at..at + 4].try_into().unwrap();
        (address(ETHERNET + 12), address(ETHERNET + 16))
    }

    /// Returns the maximum segment size in a SYN (RFC 9293, 3.2: option 2, four bytes long, the first one on Linux).
    pub(crate) fn maximum_segment_size(&self) -> Option<u16> {
        let options = &self.tcp()[20..];
        (self.flags() & SYN != 0 && options[..2] == [2, 4])
            .then(|| u16::from_be_bytes([options[2], options[3]]))
    }

    pub(crate) fn flags(&self) -> u8 {
        self.tcp()[13]
    }

    pub(crate) fn sequence(&self) -> u32 {
        u32::from_be_bytes(self.tcp()[4..8].try_into().unwrap())
    }

    pub(crate) fn payload(&self) -> &[u8] {
        let tcp = self.tcp();
        &tcp[usize::from(tcp[12] >> 4) * 4..]
    }

    /// Returns true if the checksum is that of the packet (RFC 9293, 3.1), and not one that a network card would have
    /// replaced.
    pub(crate) fn has_its_checksum(&self) -> bool {
        let tcp = self.tcp();
        let pseudo_header = [
            &self.bytes[ETHERNET + 12..ETHERNET + IPV4],
            &[0, 6],
            &u16::try_from(tcp.len()).unwrap().to_be_bytes(),
            tcp,
        ]
        .concat();
        let words = pseudo_header.chunks(2);
        let sum: u32 = words
            .map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0)))
            .sum();
        (sum & 0xffff) + (sum >> 16) == 0xffff
    }

    /// Returns the segment, without the padding that an Ethernet card would add.
    fn tcp(&self) -> &[u8] {
        let length = u16::from_be_bytes([self.bytes[ETHERNET + 2], self.bytes[ETHERNET + 3]]);
        &self.bytes[ETHERNET + IPV4..ETHERNET + usize::from(length)]
    }
}

/// Flags of a segment (RFC 9293, 3.1).
pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;
