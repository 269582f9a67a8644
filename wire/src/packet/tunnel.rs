//! Finds packets inside of packets: IP in IP, GRE with all that it carries, and the tunnels over UDP.
//!
//! A tunnel over IP says by its protocol number that it is one. A tunnel over UDP is known by its port alone, which any
//! other protocol may use too. So a datagram there is looked into only if every field of the tunnel's header is as its
//! specification has it, and an IP packet is inside. All others stay UDP datagrams.

use super::frame::{
    Captured, Datagram, Layered, Network, PROTOCOL_AUTHENTICATION, PROTOCOL_IPV4, PROTOCOL_IPV6,
    PROTOCOL_UDP, big_endian_u16, datagram, ether_payload, ethernet, pass_extension_headers,
};
use super::other::{Layer, Other};
use super::ppp;

/// The most tunnels inside each other that are looked through.
pub(super) const MOST_TUNNELS: usize = 8;

const PROTOCOL_GRE: u8 = 47;

/// Ethernet: RFC 1701 calls it Transparent Ethernet Bridging, RFC 7637 §3.2 (NVGRE) and RFC 8926 §3.4 use it too.
const ETHERTYPE_ETHERNET: u16 = 0x6558;
/// PPP in GRE of version 1: RFC 2637 §4.1.
const ETHERTYPE_PPP: u16 = 0x880b;
/// Mirrored frames, types I and II: draft-foschiano-erspan-03 §4.1, §4.2.
const ETHERTYPE_ERSPAN: u16 = 0x88be;
/// Mirrored frames, type III: draft-foschiano-erspan-03 §4.3.
const ETHERTYPE_ERSPAN_III: u16 = 0x22eb;

/// RFC 7348 §4.1, and the port that Linux used before there was an RFC.
const VXLAN_PORTS: [u16; 2] = [4789, 8472];
/// RFC 8926 §3.3.
const GENEVE_PORT: u16 = 6081;
/// 3GPP TS 29.281 §4.4.2.
const GTP_USER_PORT: u16 = 2152;

/// Returns the innermost datagram of this one.
#[cold]
pub(super) fn leave_tunnels(mut datagram: Datagram<'_>) -> Layered<Datagram<'_>> {
    for _ in 0..MOST_TUNNELS {
        let (network, packet) = match datagram.protocol {
            _ if datagram.is_fragment() => break,
            // RFC 2003 §3.1, RFC 2473 §3.
            PROTOCOL_IPV4 => (Network::Ipv4, datagram.payload),
            // RFC 4213 §3.5, RFC 2473 §3.
            PROTOCOL_IPV6 => (Network::Ipv6, datagram.payload),
            PROTOCOL_GRE => generic_routing(datagram.payload)?,
            PROTOCOL_UDP => match in_udp(datagram.payload) {
                Some(inner) => {
                    datagram = inner;
                    continue;
                }
                None => break,
            },
            // RFC 4302 §3.1.1: in IPv4 the header is one more protocol. In IPv6 it was passed already.
            PROTOCOL_AUTHENTICATION => {
                datagram = pass_extension_headers(datagram)?;
                continue;
            }
            _ => break,
        };
        datagram = self::datagram(network, packet)?;
    }
    Ok(datagram)
}

/// Passes a GRE header: RFC 2784 §2.1, with the key and the sequence number of RFC 2890 §2. Routing (RFC 1701) is something
/// else.
fn generic_routing(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    let header: &[u8; 4] = packet.header(Layer::Ip)?;
    let (flags, protocol) = (big_endian_u16(header, 0), big_endian_u16(header, 2));
    if flags & 0x0007 == 1 {
        return enhanced_routing(packet, flags, protocol);
    }
    if flags & 0x4007 != 0 {
        return Err(Other::IpProtocol(PROTOCOL_GRE));
    }
    let optional_fields = (flags & 0xb000).count_ones() as usize;
    let payload = packet.after(4 + 4 * optional_fields, Layer::Ip)?;
    match protocol {
        ETHERTYPE_ETHERNET => ethernet(payload),
        // Type I has neither a sequence number nor a header of its own.
        ETHERTYPE_ERSPAN if flags & 0x1000 == 0 => ethernet(payload),
        ETHERTYPE_ERSPAN => mirrored(payload),
        ETHERTYPE_ERSPAN_III => mirrored_with_time(payload),
        other => ether_payload(other, payload),
    }
}

/// Passes the GRE header of PPTP (RFC 2637 §4.1): the key holds the payload's length and the call.
fn enhanced_routing(
    packet: Captured<'_>,
    flags: u16,
    protocol: u16,
) -> Layered<(Network, Captured<'_>)> {
    if protocol != ETHERTYPE_PPP || flags & 0xef78 != 0x2000 {
        return Err(Other::IpProtocol(PROTOCOL_GRE));
    }
    let header: &[u8; 8] = packet.header(Layer::Ip)?;
    let length = usize::from(big_endian_u16(header, 4));
    // The sequence number, and the acknowledgement.
    let optional_fields = (flags & 0x1080).count_ones() as usize;
    if length == 0 {
        return Err(Other::IpProtocol(PROTOCOL_GRE));
    }
    ppp::framed(
        packet
            .after(8 + 4 * optional_fields, Layer::Ip)?
            .within(length),
    )
}

/// Passes the header of ERSPAN type II: version 1, VLAN, session, index.
fn mirrored(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    let header: &[u8; 8] = packet.header(Layer::Ip)?;
    match header[0] >> 4 {
        1 => ethernet(packet.after(8, Layer::Ip)?),
        2 => mirrored_with_time(packet),
        _ => Err(Other::IpProtocol(PROTOCOL_GRE)),
    }
}

/// Passes the header of ERSPAN type III: version 2, VLAN, session, time stamp, and a last bit that announces eight
/// bytes of the platform's own. The mirrored packet is Ethernet (frame type 0) or IP (2).
fn mirrored_with_time(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    let header: &[u8; 12] = packet.header(Layer::Ip)?;
    if header[0] >> 4 != 2 {
        return Err(Other::IpProtocol(PROTOCOL_GRE));
    }
    let own_bytes = if header[11] & 1 == 1 { 8 } else { 0 };
    let frame = packet.after(12 + own_bytes, Layer::Ip)?;
    match header[10] >> 2 & 0x1f {
        0 => ethernet(frame),
        2 => Ok((Network::Either, frame)),
        _ => Err(Other::IpProtocol(PROTOCOL_GRE)),
    }
}

/// Returns the IP packet in a UDP datagram, if its ports are those of a tunnel and everything in it is as it should be.
fn in_udp(packet: Captured<'_>) -> Option<Datagram<'_>> {
    let header: &[u8; 8] = packet.header(Layer::Ip).ok()?;
    let ports = [big_endian_u16(header, 0), big_endian_u16(header, 2)];
    let payload = match usize::from(big_endian_u16(header, 4)) {
        // A datagram too long for the field (RFC 2675 §4), or one that the card was to cut up.
        0 => packet,
        length if (8..=packet.sent).contains(&length) => packet.within(length),
        _ => return None,
    };
    let payload = payload.after(8, Layer::Ip).ok()?;
    let is_between = |known: &[u16]| ports.iter().any(|port| known.contains(port));
    let inner = if is_between(&VXLAN_PORTS) {
        extensible_lan(payload)?
    } else if is_between(&[GENEVE_PORT]) {
        generic_encapsulation(payload)?
    } else if is_between(&[GTP_USER_PORT]) {
        user_plane(payload)?
    } else {
        return None;
    };
    let (network, packet) = inner.ok()?;
    datagram(network, packet).ok()
}

/// Passes a VXLAN header (RFC 7348 §5): a flag for the network's number, which must be there, and reserved bits, which must
/// be zero; those of the group policy extension (draft-smith-vxlan-group-policy-05 §2.1) are known.
fn extensible_lan(packet: Captured<'_>) -> Option<Layered<(Network, Captured<'_>)>> {
    let header: &[u8; 8] = packet.header(Layer::Ip).ok()?;
    let is_plain = header[..4] == [0x08, 0, 0, 0];
    let has_group = header[0] == 0x88 && header[1] & !0x48 == 0;
    if header[7] != 0 || !(is_plain || has_group) {
        return None;
    }
    Some(packet.after(8, Layer::Ip).and_then(ethernet))
}

/// Passes a Geneve header (RFC 8926 §3.4): version 0, options that are as long as they say (§3.5), and an `EtherType`.
fn generic_encapsulation(packet: Captured<'_>) -> Option<Layered<(Network, Captured<'_>)>> {
    let header: &[u8; 8] = packet.header(Layer::Ip).ok()?;
    let options_bytes = usize::from(header[0] & 0x3f) * 4;
    // Version; critical and control flags before reserved bits; reserved bits.
    let (version, reserved) = (header[0] >> 6, [header[1] & 0x3f, header[7]]);
    if version != 0 || reserved != [0, 0] {
        return None;
    }
    let payload = packet.after(8 + options_bytes, Layer::Ip).ok()?;
    if !are_options(&packet.bytes[8..8 + options_bytes]) {
        return None;
    }
    Some(match big_endian_u16(header, 2) {
        ETHERTYPE_ETHERNET => ethernet(payload),
        other => ether_payload(other, payload),
    })
}

/// Returns true if these bytes are options of Geneve: each four bytes, the last of which counts the words that follow.
fn are_options(mut bytes: &[u8]) -> bool {
    while let Some(option) = bytes.first_chunk::<4>() {
        let length = 4 + usize::from(option[3] & 0x1f) * 4;
        match bytes.get(length..) {
            Some(rest) if option[3] & 0xe0 == 0 => bytes = rest,
            _ => return false,
        }
    }
    bytes.is_empty()
}

/// Passes the header of GTP's user plane (3GPP TS 29.281 §5.1): version 1, a packet of a user, its length, the tunnel; then
/// a sequence number and extension headers (§5.2), if any are announced.
fn user_plane(packet: Captured<'_>) -> Option<Layered<(Network, Captured<'_>)>> {
    const USER_PACKET: u8 = 255;
    let header: &[u8; 8] = packet.header(Layer::Ip).ok()?;
    let length = usize::from(big_endian_u16(header, 2));
    if header[0] & 0xf8 != 0x30 || header[1] != USER_PACKET || 8 + length != packet.sent {
        return None;
    }
    let mut payload = packet.after(8, Layer::Ip).ok()?;
    if header[0] & 0x07 != 0 {
        let optional: &[u8; 4] = payload.header(Layer::Ip).ok()?;
        let mut next = if header[0] & 0x04 == 0 {
            0
        } else {
            optional[3]
        };
        payload = payload.after(4, Layer::Ip).ok()?;
        // Each counts its length in words, and ends in the type of the next.
        while next != 0 {
            let words = usize::from(*payload.bytes.first().filter(|words| **words > 0)?);
            next = *payload.bytes.get(words * 4 - 1)?;
            payload = payload.after(words * 4, Layer::Ip).ok()?;
        }
    }
    Some(Ok((Network::Either, payload)))
}
