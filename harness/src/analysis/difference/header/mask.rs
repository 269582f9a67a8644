//! Sets to zero the parts of headers that differ each time, or that are reported elsewhere.

use wirestream::packet::Flags;
use wirestream::units::LinkType;

use super::super::options;

const ETHERTYPE_PPPOE: u16 = 0x8864;

/// Extension headers of IPv6 (RFC 8200 §4), and the protocols after IP.
const HOP_BY_HOP: u8 = 0;
const IPV4: u8 = 4;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

/// Returns true if an `EtherType` is that of a VLAN tag.
pub(super) const fn is_tag(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100 | 0x9200)
}

/// Masks the link: hardware addresses, the number of an interface, lengths, the number of a PPP session.
pub(super) fn link(link_type: LinkType, header: &mut [u8]) {
    match link_type {
        LinkType::ETHERNET => {
            clear(header, 0, 12);
            ether_type(header, 12);
        }
        // <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>
        LinkType::LINUX_SLL => {
            clear(header, 6, 8);
            ether_type(header, 14);
        }
        // <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>
        LinkType::LINUX_SLL2 => {
            clear(header, 4, 4);
            clear(header, 12, 8);
        }
        LinkType::PPP_ETHER => clear(header, 2, 4),
        _ => {}
    }
}

fn ether_type(header: &mut [u8], mut place: usize) {
    while let Some([high, low]) = header.get(place..place + 2) {
        match u16::from_be_bytes([*high, *low]) {
            tag if is_tag(tag) => place += 4,
            // RFC 2516 §4: version and type, code, session, length.
            ETHERTYPE_PPPOE => return clear(header, place + 4, 4),
            // IEEE 802.3: a length.
            0..1536 => return clear(header, place, 2),
            _ => return,
        }
    }
}

/// Masks tunnels: in IP in IP the same as in IP, except the addresses; anything else is left as it is.
pub(super) fn tunnel(headers: &mut [u8], sent: usize) {
    let mut place = 0;
    while let Some(header) = headers.get_mut(place..).filter(|header| !header.is_empty()) {
        let Some((bytes, protocol)) = outer_ip(header, sent.saturating_sub(place)) else {
            break;
        };
        place += bytes;
        if !matches!(protocol, IPV4 | IPV6) {
            break;
        }
    }
    let rest = headers.len().saturating_sub(place);
    clear(headers, place, rest);
}

fn outer_ip(header: &mut [u8], sent: usize) -> Option<(usize, u8)> {
    match header.first()? >> 4 {
        4 => {
            let bytes = usize::from(header[0] & 0x0f) * 4;
            let protocol = *header.get(9)?;
            fixed_v4(header, sent);
            Some((bytes, protocol))
        }
        6 => {
            let protocol = *header.get(6)?;
            fixed_v6(header, sent);
            Some((40, protocol))
        }
        _ => None,
    }
}

/// Masks IP: addresses, which are those of the connection; identification, checksum, flow label; lengths, except for
/// how they fit the packet.
pub(super) fn ip(header: &mut [u8], sent: usize) {
    match header.first().map(|byte| byte >> 4) {
        Some(4) if header.len() >= 20 => {
            let bytes = usize::from(header[0] & 0x0f) * 4;
            let protocol = header[9];
            fixed_v4(header, sent);
            clear(header, 12, 8);
            extensions(header, bytes, protocol);
        }
        Some(6) if header.len() >= 40 => {
            let protocol = header[6];
            fixed_v6(header, sent);
            clear(header, 8, 32);
            extensions(header, 40, protocol);
        }
        _ => {}
    }
}

fn fixed_v4(header: &mut [u8], sent: usize) {
    length(header, 2, sent);
    clear(header, 4, 2);
    clear(header, 10, 2);
}

fn fixed_v6(header: &mut [u8], sent: usize) {
    length(header, 4, sent.saturating_sub(40));
    if let Some(byte) = header.get_mut(1) {
        *byte &= 0xf0;
    }
    clear(header, 2, 2);
}

/// Replaces a length by how it fits what was sent: equal, shorter (padding follows), longer, or not given.
fn length(header: &mut [u8], place: usize, sent: usize) {
    let Some(field) = header.get_mut(place..place + 2) else {
        return;
    };
    let told = usize::from(u16::from_be_bytes([field[0], field[1]]));
    let fits: u16 = match told.checked_sub(sent) {
        _ if told == 0 => u16::MAX,
        None => u16::MAX - 1,
        Some(more) => u16::try_from(more).unwrap_or(u16::MAX - 2),
    };
    field.copy_from_slice(&fits.to_be_bytes());
}

/// Masks the parts of extension headers that are another number each time (RFC 8200 §4, RFC 4302 §2).
fn extensions(header: &mut [u8], mut place: usize, mut protocol: u8) {
    while let Some([next, length, ..]) = header.get(place..place + 8) {
        let (next, length) = (*next, usize::from(*length));
        let bytes = match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | MOBILITY | HOST_IDENTITY | SHIM6 => {
                8 + length * 8
            }
            FRAGMENT => {
                clear(header, place + 4, 4);
                8
            }
            AUTHENTICATION => {
                let bytes = 8 + length * 4;
                clear(header, place + 4, bytes - 4);
                bytes
            }
            _ => return,
        };
        place += bytes;
        protocol = next;
    }
}

/// Masks TCP: ports, which are those of the connection; sequence numbers, PSH, windows, checksums, and option values
/// that are another number each time.
pub(super) fn tcp(header: &mut [u8]) {
    clear(header, 0, 12);
    if let Some(flags) = header.get_mut(13) {
        *flags &= !Flags::PSH.0;
    }
    clear(header, 14, 4);
    if let Some(bytes) = header.get_mut(20..) {
        options::mask(bytes);
    }
}

fn clear(bytes: &mut [u8], place: usize, count: usize) {
    let bytes = bytes.iter_mut().skip(place).take(count);
    bytes.for_each(|byte| *byte = 0);
}
