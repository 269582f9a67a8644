//! Values that every module uses: points in time, link types, the two sides of a connection.
//!
//! Nothing here parses or touches the system; every other module may import it.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time as a capture file records it: nanoseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Nanoseconds since 1970-01-01T00:00:00Z; reaches to the year 2554.
    pub nanoseconds: u64,
}

impl Timestamp {
    /// Creates a timestamp from nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self { nanoseconds }
    }

    /// Returns the time that passed from `earlier` to `self`; zero if the capture's clock ran backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanoseconds.saturating_sub(earlier.nanoseconds))
    }

    /// Returns the number of seconds by which `self` is after `other`; less than zero if it is before.
    #[must_use]
    pub fn seconds_after(self, other: Self) -> f64 {
        self.since(other).as_secs_f64() - other.since(self).as_secs_f64()
    }

    /// Returns the number of nanoseconds by which `self` is after `other`; less than zero if it is before.
    #[must_use]
    pub const fn nanoseconds_after(self, other: Self) -> i64 {
        self.nanoseconds
            .wrapping_sub(other.nanoseconds)
            .cast_signed()
    }

    /// Returns the same in seconds, to the microsecond, as tables and listings write it: `0.250000`, `-2.996000`.
    #[must_use]
    pub fn shown_after(self, other: Self) -> String {
        let text = format!("{:.6}", self.seconds_after(other));
        match text.strip_prefix('-') {
            Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero.to_owned(),
            _ => text,
        }
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        let later = u64::try_from(later.as_nanos()).unwrap_or(u64::MAX);
        Self::from_nanoseconds(self.nanoseconds.saturating_add(later))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, earlier: Duration) -> Self {
        let earlier = u64::try_from(earlier.as_nanos()).unwrap_or(u64::MAX);
        Self::from_nanoseconds(self.nanoseconds.saturating_sub(earlier))
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// The link-layer header type of a packet: a number from the registry at tcpdump.org/linktypes.html.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a four-byte address family in the byte order of the capturing machine.
    pub const NULL: Self = Self(0);
    /// Ethernet II, with or without VLAN tags.
    pub const ETHERNET: Self = Self(1);
    /// No link header at all: the packet begins with its IPv4 or IPv6 header.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: as NULL, but always in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture, version 1, as `tcpdump -i any` writes it.
    pub const LINUX_SLL: Self = Self(113);
    /// No link header; always IPv4.
    pub const IPV4: Self = Self(228);
    /// No link header; always IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
    /// PPP, with or without its address and control bytes.
    pub const PPP: Self = Self(9);
    /// PPP in HDLC-like framing, or Cisco's HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// A PPP over Ethernet session, without the Ethernet header.
    pub const PPP_ETHER: Self = Self(51);
    /// Cisco's HDLC.
    pub const C_HDLC: Self = Self(104);

    /// Returns the registry's name without its `LINKTYPE_` prefix, if this crate decodes the type.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NULL => Some("NULL"),
            Self::ETHERNET => Some("ETHERNET"),
            Self::PPP => Some("PPP"),
            Self::PPP_HDLC => Some("PPP_HDLC"),
            Self::PPP_ETHER => Some("PPP_ETHER"),
            Self::RAW => Some("RAW"),
            Self::C_HDLC => Some("C_HDLC"),
            Self::LOOP => Some("LOOP"),
            Self::LINUX_SLL => Some("LINUX_SLL"),
            Self::IPV4 => Some("IPV4"),
            Self::IPV6 => Some("IPV6"),
            Self::LINUX_SLL2 => Some("LINUX_SLL2"),
            _ => None,
        }
    }

    /// Returns the registry's name of a type that people meet, but that is not decoded here.
    const fn name_of_others(self) -> Option<&'static str> {
        Some(match self.0 {
            6 => "IEEE802_5",
            10 => "FDDI",
            105 => "IEEE802_11",
            107 => "FRELAY",
            117 => "PFLOG",
            119 => "IEEE802_11_PRISM",
            127 => "IEEE802_11_RADIOTAP",
            147 => "USER0",
            149 => "USER2",
            163 => "IEEE802_11_AVS",
            166 => "PPP_PPPD",
            187 => "BLUETOOTH_HCI_H4",
            189 => "USB_LINUX",
            192 => "PPI",
            195 => "IEEE802_15_4_WITHFCS",
            201 => "BLUETOOTH_HCI_H4_WITH_PHDR",
            220 => "USB_LINUX_MMAPPED",
            227 => "CAN_SOCKETCAN",
            239 => "NFLOG",
            240 => "NETANALYZER",
            247 => "INFINIBAND",
            249 => "USBPCAP",
            251 => "BLUETOOTH_LE_LL",
            252 => "WIRESHARK_UPPER_PDU",
            253 => "NETLINK",
            258 => "PKTAP",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.name_of_others()) {
            (Some(name), _) => write!(formatter, "{name}"),
            (None, Some(name)) => write!(formatter, "link type {} ({name})", self.0),
            (None, None) => write!(formatter, "link type {}", self.0),
        }
    }
}

/// One of the two ends of a connection.
///
/// The client is the side that sent the SYN. If a capture starts in mid-connection, it is the side that says what only
/// clients say, and if neither does, the one with the higher port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end that opened the connection.
    Client,
    /// The end that accepted it.
    Server,
}

impl Side {
    /// Returns the other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// Returns `client` or `server`, as listings and JSON write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_can_be_before_another() {
        let start = Timestamp::from_nanoseconds(5_000_000_000);
        let early = start - Duration::from_millis(250);

        assert!((early.seconds_after(start) + 0.25).abs() < 1e-9);
        assert!((start.seconds_after(early) - 0.25).abs() < 1e-9);
        assert_eq!(early.since(start), Duration::ZERO);
        assert_eq!(early.nanoseconds_after(start), -250_000_000);
        assert_eq!(early.shown_after(start), "-0.250000");
        assert_eq!(start.shown_after(early), "0.250000");
        let hardly = start - Duration::from_nanos(400);
        assert_eq!(hardly.shown_after(start), "0.000000");
        assert_eq!(early + Duration::from_millis(250), start);
    }
}
