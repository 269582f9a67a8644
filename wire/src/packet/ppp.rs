//! The Point-to-Point Protocol, over Ethernet, over HDLC, or by itself.

use super::frame::{Captured, ETHERTYPE_MPLS, Layered, Network, ether_payload, label_switched};
use super::other::{Layer, Other};

/// RFC 1332 §2.
const PPP_IPV4: u16 = 0x0021;
/// RFC 5072 §3.
const PPP_IPV6: u16 = 0x0057;
/// RFC 3032 §4.3.
const PPP_MPLS: u16 = 0x0281;

/// `EtherType` of a session of PPP over Ethernet.
pub(super) const ETHERTYPE_SESSION: u16 = 0x8864;

/// Passes the header of a session of PPP over Ethernet (RFC 2516 §4): version and type, code, session, length.
pub(super) fn session(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    let header: &[u8; 6] = packet.header(Layer::Link)?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if header[..2] != [0x11, 0] {
        return Err(Other::EtherType(ETHERTYPE_SESSION));
    }
    point_to_point(packet.within(6 + length).after(6, Layer::Link)?)
}

/// Passes PPP's header in HDLC-like framing (RFC 1662 §3.1): address and control, unless they were negotiated away
/// (RFC 1661 §6.6).
pub(super) fn framed(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    if packet.bytes.starts_with(&[0xff, 3]) {
        return point_to_point(packet.after(2, Layer::Link)?);
    }
    point_to_point(packet)
}

/// Passes the header of HDLC: PPP's, or Cisco's, whose address says unicast or broadcast (RFC 1547 §4.3.1) and which ends
/// in an `EtherType`.
pub(super) fn high_level(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    match packet.bytes.first() {
        Some(0x0f | 0x8f) => {
            let header: &[u8; 4] = packet.header(Layer::Link)?;
            let ether_type = u16::from_be_bytes([header[2], header[3]]);
            ether_payload(ether_type, packet.after(4, Layer::Link)?)
        }
        _ => framed(packet),
    }
}

/// Passes the protocol number. Its first byte is even, unless it was left out because it is zero (RFC 1661 §2 and
/// §6.5).
fn point_to_point(packet: Captured<'_>) -> Layered<(Network, Captured<'_>)> {
    let first: &[u8; 1] = packet.header(Layer::Link)?;
    let (protocol, length) = if first[0] & 1 == 1 {
        (u16::from(first[0]), 1)
    } else {
        let both: &[u8; 2] = packet.header(Layer::Link)?;
        (u16::from_be_bytes(*both), 2)
    };
    let payload = packet.after(length, Layer::Link)?;
    match protocol {
        PPP_IPV4 => Ok((Network::Ipv4, payload)),
        PPP_IPV6 => Ok((Network::Ipv6, payload)),
        PPP_MPLS => label_switched(ETHERTYPE_MPLS, payload),
        other => Err(Other::PppProtocol(other)),
    }
}
