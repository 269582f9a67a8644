//! The headers of a packet, from the link layer up to TCP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::fragment::{DatagramKey, Defragmenter, Fragment};
use super::other::{Layer, Other, Others};
use super::ppp;
use super::segment::{Flags, Segment};
use super::tunnel::{MOST_TUNNELS, leave_tunnels};
use crate::units::LinkType;

/// The result of decoding a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// Anything else.
    Other(Other),
}

impl<'a> Decoded<'a> {
    /// Returns the segment; `None` if it is anything else.
    #[must_use]
    #[inline]
    pub const fn segment(&self) -> Option<&Segment<'a>> {
        match self {
            Self::Segment(segment) => Some(segment),
            Self::Other(_) => None,
        }
    }
}

pub(super) type Layered<T> = Result<T, Other>;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
pub(super) const ETHERTYPE_MPLS: u16 = 0x8847;

const PROTOCOL_HOP_BY_HOP: u8 = 0;
const PROTOCOL_ICMP: u8 = 1;
pub(super) const PROTOCOL_IPV4: u8 = 4;
const PROTOCOL_TCP: u8 = 6;
pub(super) const PROTOCOL_UDP: u8 = 17;
pub(super) const PROTOCOL_IPV6: u8 = 41;
const PROTOCOL_ROUTING: u8 = 43;
const PROTOCOL_FRAGMENT: u8 = 44;
pub(super) const PROTOCOL_AUTHENTICATION: u8 = 51;
const PROTOCOL_ICMPV6: u8 = 58;
const PROTOCOL_DESTINATION_OPTIONS: u8 = 60;
const PROTOCOL_MOBILITY: u8 = 135;
const PROTOCOL_HOST_IDENTITY: u8 = 139;
const PROTOCOL_SHIM6: u8 = 140;

/// The bytes of a packet, and their number before the capture cut it.
#[derive(Clone, Copy)]
pub(super) struct Captured<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) sent: usize,
}

/// The contents of an IP packet.
pub(super) struct Datagram<'a> {
    source: IpAddr,
    destination: IpAddr,
    /// Its own header, without those that extend it.
    pub(super) header: &'a [u8],
    pub(super) protocol: u8,
    pub(super) payload: Captured<'a>,
    fragment: Option<FragmentPlace>,
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy)]
pub(super) struct FragmentPlace {
    identification: u32,
    offset: usize,
    more: bool,
}

/// Decodes packets; keeps the fragments of IP datagrams that are not yet complete, and counts packets that are not TCP.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    fragments: Defragmenter,
    /// The payload of the datagram completed last, from which its segment borrows.
    assembled: Vec<u8>,
    others: Others,
}

impl FrameDecoder {
    /// Decodes one packet, given its link type, what was captured of it, and the length it had on the link.
    #[inline]
    pub fn decode<'a>(
        &'a mut self,
        link_type: LinkType,
        bytes: &'a [u8],
        original_length: u32,
    ) -> Decoded<'a> {
        let sent = bytes.len().max(original_length as usize);
        let Self {
            fragments,
            assembled,
            others,
        } = self;
        let found = link(link_type, Captured { bytes, sent })
            .and_then(|(network, packet)| segment(network, packet, fragments, assembled));
        match found {
            Ok(segment) => Decoded::Segment(segment),
            Err(other) => {
                others.count(other);
                Decoded::Other(other)
            }
        }
    }

    /// Returns the packets so far that were not TCP segments.
    #[must_use]
    pub const fn others(&self) -> &Others {
        &self.others
    }
}

#[inline]
fn segment<'a>(
    network: Network,
    packet: Captured<'a>,
    fragments: &mut Defragmenter,
    assembled: &'a mut Vec<u8>,
) -> Layered<Segment<'a>> {
    let datagram = innermost(datagram(network, packet)?)?;
    match datagram.fragment {
        None => transport(&datagram),
        Some(_) if datagram.payload.bytes.len() < datagram.payload.sent => cut_fragment(datagram),
        Some(place) => defragment(&datagram, place, fragments, assembled),
    }
}

/// Reads a fragment that the snapshot length cut, so that the datagram cannot be put together any more. Its first
/// fragment still tells the protocol, and counts for its own part; Wireshark sees it the same way.
#[cold]
fn cut_fragment(mut datagram: Datagram<'_>) -> Layered<Segment<'_>> {
    if datagram
        .fragment
        .take()
        .is_none_or(|place| place.offset > 0)
    {
        return Err(Other::Fragment);
    }
    let datagram = innermost(datagram)?;
    if datagram.is_fragment() {
        return Err(Other::Fragment);
    }
    transport(&datagram)
}

/// Puts a datagram together, if this is the last fragment that it lacked. The contents of a tunnel in it may be a
/// fragment again.
#[cold]
fn defragment<'a>(
    datagram: &Datagram<'_>,
    place: FragmentPlace,
    fragments: &mut Defragmenter,
    assembled: &'a mut Vec<u8>,
) -> Layered<Segment<'a>> {
    let mut outline = datagram.outline();
    let mut whole = datagram.add_to(fragments, place)?;
    for _ in 0..MOST_TUNNELS {
        let inner = inside(&whole, outline)?;
        let Some(place) = inner.fragment else {
            *assembled = whole;
            return transport(&inside(assembled, outline)?);
        };
        outline = inner.outline();
        whole = inner.add_to(fragments, place)?;
    }
    Err(Other::Fragment)
}

/// Returns the innermost datagram in one whose fragments were put together.
fn inside(whole: &[u8], outline: Outline) -> Layered<Datagram<'_>> {
    let mut datagram = Datagram {
        source: outline.source,
        destination: outline.destination,
        header: &[],
        protocol: outline.protocol,
        payload: Captured {
            bytes: whole,
            sent: whole.len(),
        },
        fragment: None,
    };
    if datagram.source.is_ipv6() {
        datagram = pass_extension_headers(datagram)?;
    }
    innermost(datagram)
}

/// The values that all fragments of a datagram have in common, except its identification.
#[derive(Clone, Copy)]
struct Outline {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
}

/// The version of IP that the link layer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    Ipv4,
    Ipv6,
    /// Either version: the first four bits tell.
    Either,
}

impl Datagram<'_> {
    /// Returns true if it is only a part of what was sent.
    pub(super) const fn is_fragment(&self) -> bool {
        self.fragment.is_some()
    }

    const fn outline(&self) -> Outline {
        Outline {
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
        }
    }

    /// Adds a fragment, all of which was captured, to others; returns the whole if none is missing any more.
    fn add_to(&self, fragments: &mut Defragmenter, place: FragmentPlace) -> Layered<Vec<u8>> {
        let key = DatagramKey {
            source: self.source,
            destination: self.destination,
            identification: place.identification,
            protocol: self.protocol,
        };
        let fragment = Fragment {
            offset: place.offset,
            more: place.more,
            bytes: self.payload.bytes,
        };
        fragments.add(key, fragment).ok_or(Other::Fragment)
    }
}

impl<'a> Captured<'a> {
    /// Returns the bytes after the first `count`.
    #[inline]
    pub(super) fn after(self, count: usize, layer: Layer) -> Layered<Self> {
        let bytes = self.bytes.get(count..).ok_or(Other::Truncated(layer))?;
        Ok(Self {
            bytes,
            sent: self.sent - count,
        })
    }

    /// Returns the first `sent` bytes of what was sent, or everything if it was less.
    #[inline]
    pub(super) fn within(self, sent: usize) -> Self {
        let sent = self.sent.min(sent);
        Self {
            bytes: &self.bytes[..self.bytes.len().min(sent)],
            sent,
        }
    }

    #[inline]
    pub(super) fn header<const LENGTH: usize>(self, layer: Layer) -> Layered<&'a [u8; LENGTH]> {
        self.bytes.first_chunk().ok_or(Other::Truncated(layer))
    }
}

#[inline]
pub(super) fn big_endian_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
fn big_endian_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Passes the link layer's header.
#[inline]
pub(super) fn link(link_type: LinkType, packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    match link_type {
        LinkType::ETHERNET => ethernet(packet),
        LinkType::NULL | LinkType::LOOP => loopback(packet),
        // 12 and 14 are what some systems number RAW by, and write into files.
        LinkType::RAW | LinkType(12 | 14) => Ok((Network::Either, packet)),
        LinkType::IPV4 => Ok((Network::Ipv4, packet)),
        LinkType::IPV6 => Ok((Network::Ipv6, packet)),
        LinkType::LINUX_SLL => cooked(packet, 14, 16),
        LinkType::LINUX_SLL2 => cooked(packet, 0, 20),
        LinkType::PPP => ppp::framed(packet),
        LinkType::PPP_HDLC | LinkType::C_HDLC => ppp::high_level(packet),
        LinkType::PPP_ETHER => ppp::session(packet),
        unknown => Err(Other::LinkType(unknown)),
    }
}

/// Passes the headers of IP.
#[inline]
pub(super) fn datagram(network: Network, packet: Captured<'_>) -> Layered<Datagram<'_>> {
    match network {
        Network::Ipv4 => ipv4(packet),
        Network::Ipv6 => ipv6(packet),
        Network::Either => ip(packet),
    }
}

#[inline]
pub(super) fn ethernet(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    let header: &[u8; 14] = packet.header(Layer::Link)?;
    ether_payload(big_endian_u16(header, 12), packet.after(14, Layer::Link)?)
}

/// Passes Linux's cooked headers, which end in, or begin with, the same protocol number as Ethernet's.
fn cooked(
    packet: Captured<'_>,
    protocol_at: usize,
    header_bytes: usize,
) -> Layered<(Network, Captured<'_>)> {
    let payload = packet.after(header_bytes, Layer::Link)?;
    ether_payload(big_endian_u16(packet.bytes, protocol_at), payload)
}

/// Finds the packet that an `EtherType` announces, behind any number of VLAN tags.
#[inline]
pub(super) fn ether_payload(
    mut ether_type: u16,
    mut payload: Captured<'_>,
) -> Layered<(Network, Captured<'_>)> {
    loop {
        match ether_type {
            ETHERTYPE_IPV4 => return Ok((Network::Ipv4, payload)),
            ETHERTYPE_IPV6 => return Ok((Network::Ipv6, payload)),
            ETHERTYPE_ARP => return Err(Other::Arp),
            // IEEE 802.1Q and 802.1ad; 0x9100 and 0x9200 are what QinQ was before it was a standard.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                let tag: &[u8; 4] = payload.header(Layer::Link)?;
                ether_type = big_endian_u16(tag, 2);
                payload = payload.after(4, Layer::Link)?;
            }
            // IEEE 802.3: a length, after which an LLC header with SNAP may name the EtherType (RFC 1042).
            0..1536 if payload.bytes.starts_with(&[0xaa, 0xaa, 3, 0, 0, 0]) => {
                let snap: &[u8; 8] = payload.header(Layer::Link)?;
                ether_type = match big_endian_u16(snap, 6) {
                    // A length again would be no progress.
                    0..1536 => return Err(Other::EtherType(ether_type)),
                    inner => inner,
                };
                payload = payload.after(8, Layer::Link)?;
            }
            ETHERTYPE_MPLS | 0x8848 => return label_switched(ether_type, payload),
            ppp::ETHERTYPE_SESSION => return ppp::session(payload),
            other => return Err(Other::EtherType(other)),
        }
    }
}

/// Passes labels (RFC 3032 §2.1), the last of them marked. The protocol behind them is not named: IP tells by its
/// version, and anything else should not begin so (RFC 4928 §3).
pub(super) fn label_switched(
    ether_type: u16,
    mut payload: Captured<'_>,
) -> Layered<(Network, Captured<'_>)> {
    loop {
        let label: &[u8; 4] = payload.header(Layer::Link)?;
        payload = payload.after(4, Layer::Link)?;
        if label[2] & 1 == 1 {
            break;
        }
    }
    match payload.bytes.first().map(|byte| byte >> 4) {
        Some(4) => Ok((Network::Ipv4, payload)),
        Some(6) => Ok((Network::Ipv6, payload)),
        _ => Err(Other::EtherType(ether_type)),
    }
}

/// Passes BSD's loopback header: the address family, in the byte order of the system that captured. That of LOOP should
/// always be the network's, but the value shows which one it is, so that files that break this rule are read as well.
fn loopback(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    let family: [u8; 4] = *packet.header(Layer::Link)?;
    let payload = packet.after(4, Layer::Link)?;
    // Address families are small numbers: the order that makes it small is the one it was written in.
    let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
    match family {
        2 => Ok((Network::Ipv4, payload)),
        // AF_INET6 in NetBSD and OpenBSD, FreeBSD, macOS: all that the registry of link types names. Linux's 10 is another
        // family in BSD (AF_CCITT), and Linux itself captures loopback as Ethernet.
        24 | 28 | 30 => Ok((Network::Ipv6, payload)),
        other => Err(Other::EtherType(u16::try_from(other).unwrap_or(u16::MAX))),
    }
}

/// Returns the innermost datagram.
#[inline]
pub(super) fn innermost(datagram: Datagram<'_>) -> Layered<Datagram<'_>> {
    if datagram.protocol == PROTOCOL_TCP || datagram.is_fragment() {
        return Ok(datagram);
    }
    leave_tunnels(datagram)
}

#[inline]
fn ip(packet: Captured<'_>) -> Layered<Datagram<'_>> {
    match packet.bytes.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(packet),
        Some(6) => ipv6(packet),
        Some(_) => Err(Other::Malformed(Layer::Ip)),
        None => Err(Other::Truncated(Layer::Ip)),
    }
}

/// Passes the header of IPv4 (RFC 791 §3.1).
#[inline]
fn ipv4(packet: Captured<'_>) -> Layered<Datagram<'_>> {
    let header: &[u8; 20] = packet.header(Layer::Ip)?;
    let header_bytes = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || header_bytes < 20 {
        return Err(Other::Malformed(Layer::Ip));
    }
    let total_length = match usize::from(big_endian_u16(header, 2)) {
        // Segmentation offload: the captured packet is the large one that the card was to cut up, and too long for
        // the field.
        0 => packet.sent,
        length if length < header_bytes => return Err(Other::Malformed(Layer::Ip)),
        length => length,
    };
    // What is after the total length is padding of the link layer.
    let payload = packet.within(total_length).after(header_bytes, Layer::Ip)?;
    let flags_and_offset = big_endian_u16(header, 6);
    let more = flags_and_offset & 0x2000 != 0;
    let offset = usize::from(flags_and_offset & 0x1fff) * 8;
    let identification = u32::from(big_endian_u16(header, 4));
    Ok(Datagram {
        source: Ipv4Addr::from_bits(big_endian_u32(header, 12)).into(),
        destination: Ipv4Addr::from_bits(big_endian_u32(header, 16)).into(),
        header: &packet.bytes[..header_bytes],
        protocol: header[9],
        payload,
        fragment: (more || offset > 0).then_some(FragmentPlace {
            identification,
            offset,
            more,
        }),
    })
}

/// Passes the header of IPv6 (RFC 8200 §3).
fn ipv6(packet: Captured<'_>) -> Layered<Datagram<'_>> {
    let header: &[u8; 40] = packet.header(Layer::Ip)?;
    if header[0] >> 4 != 6 {
        return Err(Other::Malformed(Layer::Ip));
    }
    let payload = packet.after(40, Layer::Ip)?;
    let payload = match usize::from(big_endian_u16(header, 4)) {
        // Segmentation offload again, or a jumbogram (RFC 2675 §3).
        0 => payload,
        length => payload.within(length),
    };
    let datagram = Datagram {
        source: ipv6_address(header, 8).into(),
        destination: ipv6_address(header, 24).into(),
        header,
        protocol: header[6],
        payload,
        fragment: None,
    };
    pass_extension_headers(datagram)
}

fn ipv6_address(header: &[u8; 40], at: usize) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(&header[at..at + 16]);
    octets.into()
}

/// Passes the extension headers of IPv6 (RFC 8200 §4): each header names the next one. Each takes at least eight bytes,
/// so this ends.
pub(super) fn pass_extension_headers(mut datagram: Datagram<'_>) -> Layered<Datagram<'_>> {
    loop {
        let length = match datagram.protocol {
            PROTOCOL_HOP_BY_HOP
            | PROTOCOL_ROUTING
            | PROTOCOL_DESTINATION_OPTIONS
            | PROTOCOL_MOBILITY
            | PROTOCOL_HOST_IDENTITY
            | PROTOCOL_SHIM6 => |length: u8| 8 + usize::from(length) * 8,
            // RFC 4302 §2.2: counted in units of four bytes, minus two.
            PROTOCOL_AUTHENTICATION => |length: u8| 8 + usize::from(length) * 4,
            PROTOCOL_FRAGMENT => return pass_fragment_header(datagram),
            _ => return Ok(datagram),
        };
        let header: &[u8; 8] = datagram.payload.header(Layer::Ip)?;
        datagram.protocol = header[0];
        datagram.payload = datagram.payload.after(length(header[1]), Layer::Ip)?;
    }
}

/// Passes a fragment header (RFC 8200 §4.5).
fn pass_fragment_header(mut datagram: Datagram<'_>) -> Layered<Datagram<'_>> {
    let header: &[u8; 8] = datagram.payload.header(Layer::Ip)?;
    let offset_and_more = big_endian_u16(header, 2);
    let place = FragmentPlace {
        identification: big_endian_u32(header, 4),
        offset: usize::from(offset_and_more & !7),
        more: offset_and_more & 1 == 1,
    };
    datagram.protocol = header[0];
    datagram.payload = datagram.payload.after(8, Layer::Ip)?;
    // RFC 6946: a fragment that is all of its datagram does not wait for others.
    if place.offset == 0 && !place.more {
        return pass_extension_headers(datagram);
    }
    datagram.fragment = Some(place);
    Ok(datagram)
}

#[inline]
pub(super) fn transport<'a>(datagram: &Datagram<'a>) -> Layered<Segment<'a>> {
    match datagram.protocol {
        PROTOCOL_TCP => tcp(datagram),
        PROTOCOL_UDP => Err(Other::Udp),
        PROTOCOL_ICMP | PROTOCOL_ICMPV6 => Err(Other::Icmp),
        other => Err(Other::IpProtocol(other)),
    }
}

/// Reads a TCP segment (RFC 9293 §3.1).
#[inline]
fn tcp<'a>(datagram: &Datagram<'a>) -> Layered<Segment<'a>> {
    let packet = datagram.payload;
    let header: &[u8; 20] = packet.header(Layer::Tcp)?;
    let header_bytes = usize::from(header[12] >> 4) * 4;
    if header_bytes < 20 || header_bytes > packet.sent {
        return Err(Other::Malformed(Layer::Tcp));
    }
    Ok(Segment {
        source: SocketAddr::new(datagram.source, big_endian_u16(header, 0)),
        destination: SocketAddr::new(datagram.destination, big_endian_u16(header, 2)),
        sequence: big_endian_u32(header, 4),
        acknowledgement: big_endian_u32(header, 8),
        flags: Flags(header[13]),
        window: big_endian_u16(header, 14),
        header_bytes: u32::from(header[12] >> 4) * 4,
        header: &packet.bytes[..packet.bytes.len().min(header_bytes)],
        // The snapshot length may have cut the options: then nothing of the payload was captured.
        payload: packet.bytes.get(header_bytes..).unwrap_or_default(),
        payload_length: u32::try_from(packet.sent - header_bytes).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TCP: [u8; 20] = [
        0x1f, 0x40, 0, 80, 0, 0, 0, 9, 0, 0, 0, 7, 0x50, 0x18, 0x12, 0x34, 0, 0, 0, 0,
    ];

    fn ipv4_header(total_length: u16, protocol: u8) -> Vec<u8> {
        let mut header = vec![0x45, 0];
        header.extend(total_length.to_be_bytes());
        header.extend([0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        header
    }

    fn ipv4_packet(total_length: u16, payload: &[u8]) -> Vec<u8> {
        [&ipv4_header(total_length, 6), &TCP[..], payload].concat()
    }

    fn decode(
        link_type: LinkType,
        bytes: &[u8],
        original_length: usize,
    ) -> Result<(Vec<u8>, u32), Other> {
        let original_length = u32::try_from(original_length).unwrap();
        match FrameDecoder::default().decode(link_type, bytes, original_length) {
            Decoded::Segment(segment) => Ok((segment.payload.to_vec(), segment.payload_length)),
            Decoded::Other(other) => Err(other),
        }
    }

    #[test]
    fn every_field_of_a_segment_is_taken_from_its_place() {
        let packet = ipv4_packet(42, b"hi");
        let mut frames = FrameDecoder::default();
        let decoded = frames.decode(LinkType::RAW, &packet, 42);
        assert_eq!(
            decoded,
            Decoded::Segment(Segment {
                source: "10.0.0.1:8000".parse().unwrap(),
                destination: "10.0.0.2:80".parse().unwrap(),
                sequence: 9,
                acknowledgement: 7,
                flags: Flags::PSH.with(Flags::ACK),
                window: 0x1234,
                header_bytes: 20,
                header: &TCP,
                payload: b"hi",
                payload_length: 2,
            })
        );
    }

    #[test]
    fn padding_is_no_payload_and_what_was_cut_is() {
        let mut padded = ipv4_packet(42, b"hi");
        padded.extend([0; 6]);
        assert_eq!(decode(LinkType::RAW, &padded, 48), Ok((b"hi".to_vec(), 2)));
        let cut = ipv4_packet(140, b"hi");
        assert_eq!(
            decode(LinkType::RAW, &cut, 140),
            Ok((b"hi".to_vec(), 100)),
            "the snapshot length cut it"
        );
        let overlong = ipv4_packet(140, b"hi");
        assert_eq!(
            decode(LinkType::RAW, &overlong, 42),
            Ok((b"hi".to_vec(), 2)),
            "no packet holds more than was on the link"
        );
        let offloaded = ipv4_packet(0, b"hi");
        assert_eq!(
            decode(LinkType::RAW, &offloaded, 42),
            Ok((b"hi".to_vec(), 2))
        );
    }

    #[test]
    fn what_is_no_segment_says_what_it_is() {
        let with_protocol = |protocol| [&ipv4_header(40, protocol), &TCP[..]].concat();
        let with_offset = |offset: u8| {
            let mut packet = ipv4_packet(42, b"hi");
            packet[32] = offset << 4;
            packet
        };
        let cases = [
            (with_protocol(17), Other::Udp),
            (with_protocol(1), Other::Icmp),
            (with_protocol(58), Other::Icmp),
            (with_protocol(132), Other::IpProtocol(132)),
            (ipv4_packet(19, b""), Other::Malformed(Layer::Ip)),
            (with_offset(4), Other::Malformed(Layer::Tcp)),
            (with_offset(6), Other::Malformed(Layer::Tcp)),
            (
                ipv4_packet(40, b"")[..39].to_vec(),
                Other::Truncated(Layer::Tcp),
            ),
            (
                ipv4_packet(40, b"")[..19].to_vec(),
                Other::Truncated(Layer::Ip),
            ),
            (vec![0x70; 40], Other::Malformed(Layer::Ip)),
            (Vec::new(), Other::Truncated(Layer::Ip)),
        ];
        for (packet, other) in cases {
            assert_eq!(decode(LinkType::RAW, &packet, packet.len()), Err(other));
        }
    }

    #[test]
    fn options_that_were_cut_still_count() {
        let mut packet = ipv4_packet(60, &[1; 4]);
        packet[32] = 0x80;
        let mut frames = FrameDecoder::default();
        let decoded = frames.decode(LinkType::RAW, &packet, 60);
        let Decoded::Segment(segment) = decoded else {
            panic!("{decoded:?}")
        };
        assert_eq!(
            (
                segment.header_bytes,
                segment.payload,
                segment.payload_length
            ),
            (32, &b""[..], 8)
        );
    }

    #[test]
    fn other_protocols_of_the_link_say_which() {
        let frame = |ether_type: u16| {
            [
                &[0; 12][..],
                &ether_type.to_be_bytes(),
                &[0xaa, 0xaa, 3, 0, 0, 0, 0, 5],
            ]
            .concat()
        };
        let cases = [
            (0x0806, Other::Arp),
            (0x8847, Other::EtherType(0x8847)),
            (0x8864, Other::EtherType(0x8864)),
            (0x0805, Other::EtherType(0x0805)),
            (100, Other::EtherType(100)),
        ];
        for (ether_type, other) in cases {
            assert_eq!(
                decode(LinkType::ETHERNET, &frame(ether_type), 22),
                Err(other)
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_of_any_link_make_it_panic(
            link_type in prop::sample::select(vec![0, 1, 12, 101, 108, 113, 228, 229, 276]),
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..20),
            original_length in any::<u32>(),
        ) {
            let mut frames = FrameDecoder::default();
            for packet in &packets {
                let decoded = frames.decode(LinkType(link_type), packet, original_length);
                if let Decoded::Segment(segment) = decoded {
                    prop_assert!(segment.payload.len() <= segment.payload_length as usize);
                }
            }
        }

        #[test]
        fn what_is_written_is_what_is_read(
            (sequence, acknowledgement, flags, window) in any::<(u32, u32, u8, u16)>(),
            options in 0_usize..11,
            payload in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut tcp = TCP.to_vec();
            tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
            tcp[8..12].copy_from_slice(&acknowledgement.to_be_bytes());
            tcp[12] = u8::try_from(5 + options).unwrap() << 4;
            tcp[13] = flags;
            tcp[14..16].copy_from_slice(&window.to_be_bytes());
            tcp.extend(vec![1; options * 4]);
            tcp.extend(&payload);
            let packet = [ipv4_header(u16::try_from(20 + tcp.len()).unwrap(), 6), tcp].concat();
            let mut frames = FrameDecoder::default();
            let decoded = frames.decode(LinkType::IPV4, &packet, 0);
            let expected = Segment {
                source: "10.0.0.1:8000".parse().unwrap(),
                destination: "10.0.0.2:80".parse().unwrap(),
                sequence,
                acknowledgement,
                flags: Flags(flags),
                window,
                header_bytes: u32::try_from(20 + options * 4).unwrap(),
                header: &packet[20..40 + options * 4],
                payload: &payload,
                payload_length: u32::try_from(payload.len()).unwrap(),
            };
            prop_assert_eq!(decoded, Decoded::Segment(expected));
        }
    }
}
