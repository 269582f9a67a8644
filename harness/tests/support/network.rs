//! Packets, from TCP down to the link.

use std::net::{IpAddr, SocketAddr};

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// A TCP segment to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub sequence: u32,
    pub acknowledgement: u32,
    pub flags: u8,
    pub window: u16,
    /// The options, a multiple of four bytes.
    pub options: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Tcp {
    /// Returns header and payload. The checksum is left open, as on the sending machine.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.source.port().to_be_bytes());
        bytes.extend(self.destination.port().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgement.to_be_bytes());
        bytes.push(u8::try_from((20 + self.options.len()) / 4).unwrap() << 4);
        bytes.push(self.flags);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(&self.options);
        bytes.extend(&self.payload);
        bytes
    }

    /// Returns it in an IP packet without options or extensions.
    pub fn in_ip(&self) -> Vec<u8> {
        ip(self.source.ip(), self.destination.ip(), TCP, &self.bytes())
    }
}

/// Returns an IP packet without options or extensions.
pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(_), IpAddr::V4(_)) => Ipv4::new(source, destination, protocol).bytes(payload),
        _ => ipv6(source, destination, protocol, payload),
    }
}

/// An IPv4 header to be built.
#[derive(Clone, Debug)]
pub struct Ipv4 {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub options: Vec<u8>,
    pub identification: u16,
    /// The offset in bytes, a multiple of eight.
    pub fragment_offset: usize,
    pub more_fragments: bool,
    /// The length that is written instead of the true one, if any.
    pub total_length: Option<u16>,
}

impl Ipv4 {
    pub fn new(source: IpAddr, destination: IpAddr, protocol: u8) -> Self {
        Self {
            source,
            destination,
            protocol,
            options: Vec::new(),
            identification: 1,
            fragment_offset: 0,
            more_fragments: false,
            total_length: None,
        }
    }

    pub fn bytes(&self, payload: &[u8]) -> Vec<u8> {
        let header_bytes = 20 + self.options.len();
        let total = u16::try_from(header_bytes + payload.len()).unwrap_or(0);
        let flags =
            u16::from(self.more_fragments) << 13 | u16::try_from(self.fragment_offset / 8).unwrap();
        let mut bytes = vec![0x40 | u8::try_from(header_bytes / 4).unwrap(), 0];
        bytes.extend(self.total_length.unwrap_or(total).to_be_bytes());
        bytes.extend(self.identification.to_be_bytes());
        bytes.extend(flags.to_be_bytes());
        bytes.extend([64, self.protocol, 0, 0]);
        bytes.extend(octets(self.source));
        bytes.extend(octets(self.destination));
        bytes.extend(&self.options);
        bytes.extend(payload);
        bytes
    }

    /// Returns the payload in fragments that begin at `cuts` (multiples of eight).
    pub fn fragments(&self, payload: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let ends = cuts.iter().copied().skip(1).chain([payload.len()]);
        let pieces = cuts.iter().copied().zip(ends);
        pieces
            .map(|(start, end)| {
                let piece = Self {
                    fragment_offset: start,
                    more_fragments: end < payload.len(),
                    ..self.clone()
                };
                piece.bytes(&payload[start..end])
            })
            .collect()
    }
}

/// Returns an IPv6 packet whose payload begins with the header of `next_header`.
pub fn ipv6(source: IpAddr, destination: IpAddr, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(u16::try_from(payload.len()).unwrap_or(0).to_be_bytes());
    bytes.extend([next_header, 64]);
    bytes.extend(octets(source));
    bytes.extend(octets(destination));
    bytes.extend(payload);
    bytes
}

/// Returns an IPv6 extension header of `8 + 8 * more` bytes, filled with padding options.
pub fn ipv6_options(next_header: u8, more: u8) -> Vec<u8> {
    let padding = 4 + 8 * more;
    let mut bytes = vec![next_header, more, 1, padding];
    bytes.extend(vec![0; usize::from(padding)]);
    bytes
}

pub fn ipv6_fragment_header(
    next_header: u8,
    offset: usize,
    more: bool,
    identification: u32,
) -> Vec<u8> {
    let mut bytes = vec![next_header, 0];
    bytes.extend((u16::try_from(offset).unwrap() | u16::from(more)).to_be_bytes());
    bytes.extend(identification.to_be_bytes());
    bytes
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Returns the `EtherType` of an IP packet.
pub fn ether_type(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd }
}

pub fn ethernet_with(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    bytes.extend(ether_type.to_be_bytes());
    bytes.extend(payload);
    bytes
}

pub fn ethernet(packet: &[u8]) -> Vec<u8> {
    ethernet_with(ether_type(packet), packet)
}

/// Returns a frame padded as by a network card: to at least 60 bytes.
pub fn padded_ethernet(packet: &[u8]) -> Vec<u8> {
    let mut bytes = ethernet(packet);
    bytes.resize(bytes.len().max(60), 0xee);
    bytes
}

/// Returns a frame with VLAN tags of these protocol identifiers.
pub fn tagged_ethernet(tags: &[u16], packet: &[u8]) -> Vec<u8> {
    let mut payload = packet.to_vec();
    let mut inner = ether_type(packet);
    for tag in tags.iter().rev() {
        let mut tagged = vec![0, 7];
        tagged.extend(inner.to_be_bytes());
        tagged.extend(payload);
        payload = tagged;
        inner = *tag;
    }
    ethernet_with(inner, &payload)
}

/// Returns a frame with MPLS labels, the last of them marked.
pub fn labelled_ethernet(labels: u8, packet: &[u8]) -> Vec<u8> {
    let label = |number: u8| [0, 1, number << 4 | u8::from(number + 1 == labels), 64];
    let labels: Vec<u8> = (0..labels).flat_map(label).collect();
    ethernet_with(0x8847, &[&labels, packet].concat())
}

/// Returns a frame of a PPP over Ethernet session, padded as by a network card.
pub fn pppoe_ethernet(packet: &[u8]) -> Vec<u8> {
    let protocol: u16 = if packet[0] >> 4 == 4 { 0x0021 } else { 0x0057 };
    let mut payload = vec![0x11, 0, 0, 9];
    payload.extend(u16::try_from(packet.len() + 2).unwrap().to_be_bytes());
    payload.extend(protocol.to_be_bytes());
    payload.extend(packet);
    let mut frame = ethernet_with(0x8864, &payload);
    frame.resize(frame.len().max(60), 0xee);
    frame
}

/// Returns a GRE header with the optional fields that these flags announce, and the packet.
pub fn gre(flags: u16, packet: &[u8]) -> Vec<u8> {
    let mut bytes = flags.to_be_bytes().to_vec();
    bytes.extend(ether_type(packet).to_be_bytes());
    bytes.extend(vec![0; 4 * (flags & 0xb000).count_ones() as usize]);
    bytes.extend(packet);
    bytes
}

/// Returns a frame of a PPP over Ethernet session, with a protocol number of one byte (RFC 1661 §6.5).
pub fn compressed_pppoe_ethernet(packet: &[u8]) -> Vec<u8> {
    let mut payload = vec![0x11, 0, 0, 9];
    payload.extend(u16::try_from(packet.len() + 1).unwrap().to_be_bytes());
    payload.push(ppp_protocol(packet));
    payload.extend(packet);
    let mut frame = ethernet_with(0x8864, &payload);
    frame.resize(frame.len().max(60), 0xee);
    frame
}

/// Returns the lower byte of the PPP protocol number of an IP packet; the higher one is zero.
fn ppp_protocol(packet: &[u8]) -> u8 {
    if packet[0] >> 4 == 4 { 0x21 } else { 0x57 }
}

/// Returns the packet in PPP, with or without address and control, and with a protocol number of two bytes or of one.
pub fn ppp(has_address: bool, has_both: bool, packet: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if has_address {
        bytes.extend([0xff, 3]);
    }
    if has_both {
        bytes.push(0);
    }
    bytes.push(ppp_protocol(packet));
    bytes.extend(packet);
    bytes
}

/// Returns the packet in Cisco's HDLC.
pub fn cisco_hdlc(packet: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x0f, 0];
    bytes.extend(ether_type(packet).to_be_bytes());
    bytes.extend(packet);
    bytes
}

/// Returns a GRE header with the optional fields that these flags announce, before a payload of this `EtherType`.
pub fn gre_with(flags: u16, protocol: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = flags.to_be_bytes().to_vec();
    bytes.extend(protocol.to_be_bytes());
    bytes.extend(vec![0; 4 * (flags & 0xb000).count_ones() as usize]);
    bytes.extend(payload);
    bytes
}

/// Returns the GRE header of PPTP (RFC 2637 §4.1), with sequence number and acknowledgement, and the payload.
pub fn pptp_gre(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x30, 0x81, 0x88, 0x0b];
    bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    bytes.extend([0, 7, 0, 0, 0, 1, 0, 0, 0, 1]);
    bytes.extend(payload);
    bytes
}

/// Returns a mirrored frame in GRE: ERSPAN type II.
pub fn erspan_2(frame: &[u8]) -> Vec<u8> {
    let header = [0x10, 5, 0x18, 9, 0, 0, 0, 1];
    gre_with(0x1000, 0x88be, &[&header[..], frame].concat())
}

/// Returns a mirrored frame in GRE: ERSPAN type III, with or without eight platform-specific bytes.
pub fn erspan_3(has_own: bool, frame: &[u8]) -> Vec<u8> {
    let mut header = vec![0x20, 5, 0, 9, 0, 0, 0, 1, 0, 0, 0x80, u8::from(has_own)];
    if has_own {
        header.extend([0x0c, 0, 0, 0, 0, 0, 0, 1]);
    }
    header.extend(frame);
    gre_with(0x1000, 0x22eb, &header)
}

/// Returns a UDP datagram, its checksum left out.
pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = source.to_be_bytes().to_vec();
    bytes.extend(destination.to_be_bytes());
    bytes.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// Returns a frame in VXLAN (RFC 7348 §5).
pub fn vxlan(frame: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 0, 42, 0][..], frame].concat()
}

/// Returns a payload in Geneve (RFC 8926 §3.4), with these options.
pub fn geneve(options: &[u8], protocol: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(options.len() / 4).unwrap(), 0];
    bytes.extend(protocol.to_be_bytes());
    bytes.extend([0, 0, 42, 0]);
    bytes.extend(options);
    bytes.extend(payload);
    bytes
}

/// Returns a packet in GTP's user plane (3GPP TS 29.281 §5.1), with or without a sequence number and an extension
/// header.
pub fn gtp(has_extension: bool, packet: &[u8]) -> Vec<u8> {
    let optional: &[u8] = if has_extension {
        &[0, 1, 0, 0x85, 1, 0x10, 9, 0]
    } else {
        &[]
    };
    let flags = if has_extension { 0x36 } else { 0x30 };
    let mut bytes = vec![flags, 255];
    bytes.extend(
        u16::try_from(optional.len() + packet.len())
            .unwrap()
            .to_be_bytes(),
    );
    bytes.extend([0, 0, 0, 1]);
    bytes.extend(optional);
    bytes.extend(packet);
    bytes
}

/// Returns a packet in IEEE 802.3 with LLC and SNAP.
pub fn snap_ethernet(packet: &[u8]) -> Vec<u8> {
    let mut payload = vec![0xaa, 0xaa, 3, 0, 0, 0];
    payload.extend(ether_type(packet).to_be_bytes());
    payload.extend(packet);
    ethernet_with(u16::try_from(payload.len()).unwrap(), &payload)
}

/// Returns a packet behind a loopback header with this address family, already in its byte order.
pub fn loopback(family: [u8; 4], packet: &[u8]) -> Vec<u8> {
    [&family[..], packet].concat()
}

pub fn linux_sll(packet: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    bytes.extend(ether_type(packet).to_be_bytes());
    bytes.extend(packet);
    bytes
}

pub fn linux_sll2(packet: &[u8]) -> Vec<u8> {
    let mut bytes = ether_type(packet).to_be_bytes().to_vec();
    bytes.extend([0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
    bytes.extend(packet);
    bytes
}
