//! The changes that the network layer makes to a packet: options, extension headers, fragments, damage.

use std::net::IpAddr;

use super::{ANSWER, Are, Case, REQUEST, case, exchange};
use crate::support::file::{self, paced, pcap};
use crate::support::network::{self, Ipv4, TCP, UDP};
use crate::support::script::{Client, Script, Server};

/// Returns one large request, in an IP packet that can be cut up.
fn large() -> (Script, Vec<u8>) {
    let payload: Vec<u8> = (0..3000_u32)
        .map(|index| b'a' + u8::try_from(index % 26).unwrap())
        .collect();
    let script = Script::opened().data(Client, 0, &payload);
    let bytes = script.segments.last().unwrap().bytes();
    (script, bytes)
}

/// Returns the packets of an opened connection, then these, then the answer.
fn around(middle: Vec<Vec<u8>>) -> Vec<u8> {
    let before = Script::opened().packets();
    let after = Script::default().data(Server, 0, ANSWER).packets();
    pcap(file::RAW, &paced([before, middle, after].concat()))
}

/// Returns packets of two connections, one of each version of IP, through other packets.
fn through(name: &'static str, wrap: fn(&[u8]) -> Vec<u8>) -> Case {
    let fours = exchange().packets();
    let sixes = Script::ipv6()
        .open()
        .data(Client, 0, REQUEST)
        .data(Server, 0, ANSWER)
        .close()
        .packets();
    let packets = [fours, sixes].concat();
    let packets = packets.iter().map(|packet| wrap(packet));
    case(name, pcap(file::RAW, &paced(packets))).connections(2)
}

/// Returns IP through IP.
fn ip_tunnel_cases() -> Vec<Case> {
    vec![
        through("through IPv4", through_ipv4),
        through("through IPv6", through_ipv6),
        through("through IPv4 twice", |packet| {
            through_ipv4(&through_ipv4(packet))
        }),
        through("GRE", |packet| through_gre(0, packet)),
        through("GRE with all optional fields", |packet| {
            through_gre(0xb000, packet)
        }),
        through("authentication header", |packet| {
            let own = own_protocol(packet);
            let header = [own, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
            over(51, &[&header[..], &[0; 12], packet].concat())
        }),
    ]
}

/// Returns other links through GRE.
fn link_tunnel_cases() -> Vec<Case> {
    vec![
        through("Ethernet in GRE", |packet| {
            over(
                47,
                &network::gre_with(0, 0x6558, &network::ethernet(packet)),
            )
        }),
        through("Ethernet in GRE with a key, tagged", |packet| {
            let frame = network::tagged_ethernet(&[0x8100], packet);
            over(47, &network::gre_with(0x2000, 0x6558, &frame))
        }),
        through("PPP in GRE", |packet| {
            over(47, &network::pptp_gre(&network::ppp(true, true, packet)))
        }),
        through("PPP in GRE, compressed", |packet| {
            over(47, &network::pptp_gre(&network::ppp(false, false, packet)))
        }),
        through("ERSPAN, type I", |packet| {
            over(
                47,
                &network::gre_with(0, 0x88be, &network::ethernet(packet)),
            )
        }),
        through("ERSPAN, type II", |packet| {
            over(47, &network::erspan_2(&network::ethernet(packet)))
        }),
        through("ERSPAN, type III", |packet| {
            over(47, &network::erspan_3(false, &network::ethernet(packet)))
        }),
        through("ERSPAN, type III, with bytes of the platform", |packet| {
            over(47, &network::erspan_3(true, &network::ethernet(packet)))
        }),
    ]
}

/// Returns tunnels over UDP.
fn udp_tunnel_cases() -> Vec<Case> {
    vec![
        through("VXLAN", through_vxlan),
        through("VXLAN on Linux's port, over IPv6, tagged", |packet| {
            let frame = network::tagged_ethernet(&[0x88a8, 0x8100], packet);
            let [from, to] = [address("2001:db8:1::1"), address("2001:db8:1::2")];
            let datagram = network::udp(40_000, 8472, &network::vxlan(&frame));
            network::ip(from, to, UDP, &datagram)
        }),
        through("VXLAN in VXLAN", |packet| {
            through_vxlan(&through_vxlan(packet))
        }),
        through("Geneve", |packet| {
            let options = [1, 3, 0x80, 1, 9, 9, 9, 9, 0, 0, 1, 0];
            let payload = network::geneve(&options, 0x6558, &network::ethernet(packet));
            over(UDP, &network::udp(40_000, 6081, &payload))
        }),
        through("Geneve with IP in it", |packet| {
            let payload = network::geneve(&[], network::ether_type(packet), packet);
            over(UDP, &network::udp(40_000, 6081, &payload))
        }),
        through("GTP", |packet| {
            over(UDP, &network::udp(2152, 2152, &network::gtp(false, packet)))
        }),
        through("GTP with an extension header", |packet| {
            over(UDP, &network::udp(2152, 2152, &network::gtp(true, packet)))
        }),
    ]
}

/// Returns fragments through tunnels, and tunnels in fragments.
fn fragment_cases() -> Vec<Case> {
    vec![
        case("fragments in VXLAN in fragments", {
            let (_, tcp) = large();
            let [client, server] = Script::default().ends.map(|end| end.ip());
            let inner = Ipv4::new(client, server, TCP).fragments(&tcp, &[0, 1000, 2000]);
            let outer = |packet: &Vec<u8>, identification| {
                let datagram =
                    network::udp(40_000, 4789, &network::vxlan(&network::ethernet(packet)));
                let outer = Ipv4 {
                    identification,
                    ..Ipv4::new(address("192.0.2.1"), address("192.0.2.2"), UDP)
                };
                outer.fragments(&datagram, &[0, 496])
            };
            around(
                inner
                    .iter()
                    .zip(7..)
                    .flat_map(|(packet, number)| outer(packet, number))
                    .collect(),
            )
        }),
        case("fragments through IPv4", {
            let (_, tcp) = large();
            let [client, server] = Script::default().ends.map(|end| end.ip());
            let inner = Ipv4::new(client, server, TCP);
            let wrapped = inner.fragments(&tcp, &[0, 1000, 2000]);
            around(wrapped.iter().map(|packet| through_ipv4(packet)).collect())
        }),
        case("fragments of what goes through IPv4", {
            let (script, _) = large();
            let inner = script.segments.last().unwrap().in_ip();
            let outer = Ipv4::new(address("192.0.2.1"), address("192.0.2.2"), 4);
            around(outer.fragments(&inner, &[0, 800, 1600]))
        }),
    ]
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Returns the protocol number of a packet that is carried by another.
fn own_protocol(packet: &[u8]) -> u8 {
    if packet[0] >> 4 == 4 { 4 } else { 41 }
}

fn through_ipv4(packet: &[u8]) -> Vec<u8> {
    let [from, to] = [address("192.0.2.1"), address("192.0.2.2")];
    network::ip(from, to, own_protocol(packet), packet)
}

fn through_ipv6(packet: &[u8]) -> Vec<u8> {
    let [from, to] = [address("2001:db8:1::1"), address("2001:db8:1::2")];
    network::ip(from, to, own_protocol(packet), packet)
}

/// Returns an IPv4 packet of this protocol.
fn over(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [from, to] = [address("192.0.2.1"), address("192.0.2.2")];
    network::ip(from, to, protocol, payload)
}

fn through_vxlan(packet: &[u8]) -> Vec<u8> {
    let frame = network::vxlan(&network::ethernet(packet));
    over(UDP, &network::udp(40_000, 4789, &frame))
}

fn through_gre(flags: u16, packet: &[u8]) -> Vec<u8> {
    let [from, to] = [address("192.0.2.1"), address("192.0.2.2")];
    network::ip(from, to, 47, &network::gre(flags, packet))
}

/// Returns the changes that the network layer makes to a packet.
pub fn network_cases() -> Vec<Case> {
    [
        packet_cases(),
        ip_tunnel_cases(),
        link_tunnel_cases(),
        udp_tunnel_cases(),
        fragment_cases(),
    ]
    .concat()
}

fn packet_cases() -> Vec<Case> {
    let (script, tcp) = large();
    let payload = tcp[20..].to_vec();
    let [client, server] = script.ends.map(|end| end.ip());
    let header = Ipv4::new(client, server, TCP);
    let fragments = header.fragments(&tcp, &[0, 1000, 2000]);
    let reordered = [2, 0, 1].map(|index| fragments[index].clone()).to_vec();
    let repeated = [0, 0, 1, 1, 2]
        .map(|index| fragments[index].clone())
        .to_vec();
    let overlapping = {
        let wide = Ipv4 {
            more_fragments: true,
            fragment_offset: 800,
            ..header.clone()
        }
        .bytes(&tcp[800..2400]);
        vec![fragments[0].clone(), wide, fragments[2].clone()]
    };
    let with_options = Ipv4 {
        options: vec![7, 7, 4, 0, 0, 0, 0, 0],
        ..header.clone()
    }
    .bytes(&tcp);
    let offloaded = Ipv4 {
        total_length: Some(0),
        ..header.clone()
    }
    .bytes(&tcp);
    vec![
        case("fragments", around(fragments.clone())),
        case("fragments in another order", around(reordered)),
        case("fragments twice", around(repeated)),
        case("fragments that overlap", around(overlapping)),
        case("a fragment is lost", around(fragments[..2].to_vec())),
        case("fragments, and all else, backwards", {
            let before = Script::opened().packets();
            let after = Script::default().data(Server, 0, ANSWER).packets();
            let mut packets = [before, fragments.clone(), after].concat();
            packets.reverse();
            pcap(file::RAW, &paced(packets))
        })
        .streams(Are(
            payload.leak(),
            ANSWER,
            "follow begins with the first segment in the file",
        )),
        case("IPv4 options", around(vec![with_options])),
        case("total length 0", around(vec![offloaded])),
        ipv6_case("IPv6 options", |tcp, client, server| {
            let chain = [
                network::ipv6_options(60, 0),
                network::ipv6_options(43, 2),
                network::ipv6_options(TCP, 1),
                tcp.to_vec(),
            ];
            vec![network::ipv6(client, server, 0, &chain.concat())]
        }),
        ipv6_case("IPv6 authentication header", |tcp, client, server| {
            let authentication = [vec![TCP, 4, 0, 0], vec![0; 20]].concat();
            vec![network::ipv6(
                client,
                server,
                51,
                &[authentication, tcp.to_vec()].concat(),
            )]
        }),
        ipv6_case("IPv6 fragments", |tcp, client, server| {
            let piece = |start: usize, end: usize| {
                let header = network::ipv6_fragment_header(TCP, start, end < tcp.len(), 9);
                network::ipv6(client, server, 44, &[&header, &tcp[start..end]].concat())
            };
            vec![piece(1024, 2048), piece(0, 1024), piece(2048, tcp.len())]
        }),
        ipv6_case("IPv6 fragment that is all", |tcp, client, server| {
            let header = network::ipv6_fragment_header(TCP, 0, false, 9);
            vec![network::ipv6(client, server, 44, &[&header, tcp].concat())]
        }),
        ipv6_case("IPv6 payload length 0", |tcp, client, server| {
            let mut packet = network::ipv6(client, server, TCP, tcp);
            packet[4..6].fill(0);
            vec![packet]
        }),
        case("other protocols between", around(others(client, server))).connections(1),
        case("damaged headers", around(damaged(&header, &tcp))),
    ]
}

type Wrap = fn(&[u8], IpAddr, IpAddr) -> Vec<Vec<u8>>;

fn ipv6_case(name: &'static str, wrap: Wrap) -> Case {
    let payload = vec![b'x'; 3000];
    let script = Script::ipv6().open().data(Client, 0, &payload);
    let [client, server] = script.ends.map(|end| end.ip());
    let mut packets = script.packets();
    packets.pop();
    packets.extend(wrap(
        &script.segments.last().unwrap().bytes(),
        client,
        server,
    ));
    packets.extend(Script::ipv6().data(Server, 0, ANSWER).packets());
    case(name, pcap(file::RAW, &paced(packets)))
}

/// Returns UDP, ICMP that quotes a TCP header, and an unknown protocol.
fn others(client: IpAddr, server: IpAddr) -> Vec<Vec<u8>> {
    let datagram = [
        &9_u16.to_be_bytes()[..],
        &9_u16.to_be_bytes(),
        &12_u16.to_be_bytes(),
        &[0, 0],
        b"data",
    ]
    .concat();
    let quoted = Script::opened().packets()[0].clone();
    let unreachable = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    vec![
        network::ip(client, server, UDP, &datagram),
        network::ip(server, client, 1, &unreachable),
        network::ip(client, server, 253, b"experiment"),
    ]
}

/// Returns TCP headers that contradict themselves or end too early.
fn damaged(header: &Ipv4, tcp: &[u8]) -> Vec<Vec<u8>> {
    let with_offset = |offset: u8| {
        let mut bytes = tcp[..40].to_vec();
        bytes[12] = offset << 4;
        header.bytes(&bytes)
    };
    vec![
        with_offset(4),
        with_offset(0),
        with_offset(15),
        header.bytes(&tcp[..12]),
    ]
}
