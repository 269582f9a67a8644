//! The packets that are not TCP segments: their kinds, and how many of each a capture has.

use std::collections::BTreeMap;
use std::fmt;

use crate::units::LinkType;

/// A packet that is not a TCP segment, or not one that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Other {
    /// Address resolution.
    Arp,
    /// A UDP datagram.
    Udp,
    /// An ICMP or `ICMPv6` message (that it may quote a TCP header does not make it a segment).
    Icmp,
    /// Another protocol over IP, by its number.
    IpProtocol(u8),
    /// Another protocol over the link, by its `EtherType` (below 1536: a length, before an LLC header).
    EtherType(u16),
    /// Another protocol over PPP, by its number.
    PppProtocol(u16),
    /// A fragment of a datagram; the segment belongs to the packet that completes it.
    Fragment,
    /// A packet that ends, or was cut, inside a header.
    Truncated(Layer),
    /// A header that contradicts itself or the layer around it.
    Malformed(Layer),
    /// A link-layer header that is not known here.
    LinkType(LinkType),
}

/// The header that a packet could not be read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The link layer's.
    Link,
    /// IPv4 or IPv6 with its extension headers.
    Ip,
    /// TCP.
    Tcp,
}

impl fmt::Display for Other {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arp => formatter.write_str("ARP"),
            Self::Udp => formatter.write_str("UDP"),
            Self::Icmp => formatter.write_str("ICMP"),
            Self::IpProtocol(number) => write!(formatter, "IP protocol {number}"),
            Self::EtherType(number) => write!(formatter, "EtherType 0x{number:04x}"),
            Self::PppProtocol(number) => write!(formatter, "PPP protocol 0x{number:04x}"),
            Self::Fragment => formatter.write_str("IP fragment"),
            Self::Truncated(at) => write!(formatter, "cut in the header of {at}"),
            Self::Malformed(at) => write!(formatter, "malformed header of {at}"),
            Self::LinkType(link_type) => write!(formatter, "{link_type}"),
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Link => "link",
            Self::Ip => "IP",
            Self::Tcp => "TCP",
        })
    }
}

/// The number of packets that are not TCP segments, by kind.
///
/// Its size is bounded: each kind has at most 65,536 numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others(BTreeMap<Other, u64>);

impl Others {
    /// Counts a packet.
    #[cold]
    pub(super) fn count(&mut self, other: Other) {
        *self.0.entry(other).or_default() += 1;
    }

    /// Returns the number of all these packets.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Returns the number of packets that are another protocol, and that of those that are too damaged to be told.
    #[must_use]
    pub fn counts(&self) -> [u64; 2] {
        let is_damaged = |other: &Other| matches!(other, Other::Truncated(_) | Other::Malformed(_));
        let damaged = self.iter().filter(|(other, _)| is_damaged(other));
        let damaged = damaged.map(|(_, count)| count).sum();
        [self.total() - damaged, damaged]
    }

    /// Returns what these are, in a sentence without its end: what is not TCP, and what is too damaged to be told.
    #[must_use]
    pub fn sentence(&self, of_all: &str) -> String {
        format!("{}: {self}", not_tcp_sentence(self.counts(), of_all))
    }

    /// Returns each kind with the number of its packets.
    pub fn iter(&self) -> impl Iterator<Item = (Other, u64)> {
        self.0.iter().map(|(other, count)| (*other, *count))
    }

    /// Returns the link types that are not known here, with the number of their packets.
    pub fn link_types(&self) -> impl Iterator<Item = (LinkType, u64)> {
        self.iter().filter_map(|(other, count)| match other {
            Other::LinkType(link_type) => Some((link_type, count)),
            _ => None,
        })
    }
}

/// Returns in a sentence without its end how many packets are not TCP, and how many are too damaged to be told.
#[must_use]
pub fn not_tcp_sentence(counts: [u64; 2], of_all: &str) -> String {
    let are = |count: u64| if count == 1 { "is" } else { "are" };
    let packets = |count: u64| {
        if count == 1 && of_all.is_empty() {
            "packet"
        } else {
            "packets"
        }
    };
    let not_tcp = |count| format!("{count}{of_all} {} {} not TCP", packets(count), are(count));
    match counts {
        [other, 0] => not_tcp(other),
        [0, damaged] => {
            let packets = packets(damaged);
            let their = if damaged == 1 { "its" } else { "their" };
            format!("{damaged}{of_all} {packets} cannot be read, {their} headers are damaged")
        }
        [other, damaged] => format!("{}, and {damaged} cannot be read", not_tcp(other)),
    }
}

impl fmt::Display for Others {
    /// Writes the most frequent kinds first, as in `12 UDP, 3 ARP`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<(Other, u64)> = self.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (index, (other, count)) in kinds.into_iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let of = if matches!(other, Other::LinkType(_)) {
                "of "
            } else {
                ""
            };
            write!(formatter, "{comma}{count} {of}{other}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_are_named_first() {
        let mut others = Others::default();
        for other in [
            Other::Arp,
            Other::Udp,
            Other::Udp,
            Other::LinkType(LinkType(127)),
        ] {
            others.count(other);
        }

        assert_eq!(
            others.sentence(" of 9"),
            "4 of 9 packets are not TCP: 2 UDP, 1 ARP, 1 of link type 127 (IEEE802_11_RADIOTAP)"
        );
        let mut damaged = Others::default();
        damaged.count(Other::Malformed(Layer::Tcp));
        assert_eq!(
            damaged.sentence(" of 209"),
            "1 of 209 packets cannot be read, its headers are damaged: 1 malformed header of TCP"
        );
        damaged.count(Other::Arp);
        assert_eq!(
            damaged.sentence(" of 209"),
            "1 of 209 packets is not TCP, and 1 cannot be read: 1 ARP, 1 malformed header of TCP"
        );

        assert_eq!(
            not_tcp_sentence([1, 0], ""),
            "1 packet is not TCP",
            "nothing is damaged"
        );
        assert_eq!(others.total(), 4);
        assert_eq!(
            others.to_string(),
            "2 UDP, 1 ARP, 1 of link type 127 (IEEE802_11_RADIOTAP)"
        );
        assert_eq!(
            others.link_types().collect::<Vec<_>>(),
            [(LinkType(127), 1)]
        );
    }
}
