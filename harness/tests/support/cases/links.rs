//! The same packets in the headers of different links.

use super::{ANSWER, Case, REQUEST, case, exchange};
use crate::support::file::{self, paced, pcap};
use crate::support::network;
use crate::support::script::{Client, Script, Server};

/// Returns the same packets with a LOOP header in the network's byte order, as it should be, and in the other.
pub fn loop_in_both_orders() -> [Vec<u8>; 2] {
    let packets = exchange().packets();
    [[0, 0, 0, 2], [2, 0, 0, 0]].map(|family| {
        let wrapped = packets
            .iter()
            .map(|packet| network::loopback(family, packet));
        pcap(file::LOOP, &paced(wrapped))
    })
}

/// Returns the exchange over IPv6.
fn sixes() -> Script {
    Script::ipv6()
        .open()
        .data(Client, 0, REQUEST)
        .data(Server, 0, ANSWER)
        .close()
}

/// Returns packets of two connections, one of each version of IP.
fn linked(name: &'static str, link_type: u16, wrap: fn(&[u8]) -> Vec<u8>) -> Case {
    let packets = [exchange().packets(), sixes().packets()].concat();
    let wrapped = packets.iter().map(|packet| wrap(packet));
    case(name, pcap(link_type, &paced(wrapped))).connections(2)
}

fn only(name: &'static str, link_type: u16, script: &Script) -> Case {
    case(name, pcap(link_type, &paced(script.packets())))
}

/// Returns the ways in which PPP wraps a packet.
fn point_to_point_cases() -> Vec<Case> {
    vec![
        linked("PPPoE", file::ETHERNET, network::pppoe_ethernet),
        linked(
            "PPPoE, a protocol number of one byte",
            file::ETHERNET,
            network::compressed_pppoe_ethernet,
        ),
        linked("PPPoE without Ethernet", file::PPP_ETHER, |packet| {
            network::pppoe_ethernet(packet).split_off(14)
        }),
        linked("PPP", file::PPP, |packet| network::ppp(true, true, packet)),
        linked("PPP, compressed", file::PPP, |packet| {
            network::ppp(false, false, packet)
        }),
        linked(
            "PPP in HDLC, compressed protocol",
            file::PPP_HDLC,
            |packet| network::ppp(true, false, packet),
        ),
        linked("Cisco HDLC as PPP", file::PPP_HDLC, network::cisco_hdlc),
        linked("Cisco HDLC", file::C_HDLC, network::cisco_hdlc),
    ]
}

/// Returns the ways in which Ethernet and the other links wrap a packet.
pub fn link_cases() -> Vec<Case> {
    vec![
        linked("Ethernet", file::ETHERNET, network::ethernet),
        linked(
            "Ethernet with padding",
            file::ETHERNET,
            network::padded_ethernet,
        ),
        linked("VLAN", file::ETHERNET, |packet| {
            network::tagged_ethernet(&[0x8100], packet)
        }),
        linked("QinQ", file::ETHERNET, |packet| {
            network::tagged_ethernet(&[0x88a8, 0x8100], packet)
        }),
        linked("QinQ as it was", file::ETHERNET, |packet| {
            network::tagged_ethernet(&[0x9100, 0x8100], packet)
        }),
        linked("MPLS", file::ETHERNET, |packet| {
            network::labelled_ethernet(1, packet)
        }),
        linked("MPLS, two labels", file::ETHERNET, |packet| {
            network::labelled_ethernet(2, packet)
        }),
        linked("SNAP", file::ETHERNET, network::snap_ethernet),
        linked("raw", file::RAW, <[u8]>::to_vec),
        linked("Linux cooked", file::LINUX_SLL, network::linux_sll),
        linked(
            "Linux cooked, version 2",
            file::LINUX_SLL2,
            network::linux_sll2,
        ),
        linked("null, little-endian", file::NULL, |packet| {
            network::loopback(
                if packet[0] >> 4 == 4 {
                    [2, 0, 0, 0]
                } else {
                    [30, 0, 0, 0]
                },
                packet,
            )
        }),
        linked("null, big-endian", file::NULL, |packet| {
            network::loopback(
                if packet[0] >> 4 == 4 {
                    [0, 0, 0, 2]
                } else {
                    [0, 0, 0, 24]
                },
                packet,
            )
        }),
        linked("null, with Linux's number for IPv6", file::NULL, |packet| {
            network::loopback([if packet[0] >> 4 == 4 { 2 } else { 10 }, 0, 0, 0], packet)
        })
        .connections(1),
        linked("loop", file::LOOP, |packet| {
            network::loopback(
                if packet[0] >> 4 == 4 {
                    [0, 0, 0, 2]
                } else {
                    [0, 0, 0, 28]
                },
                packet,
            )
        }),
        only("IPv4 without a link", file::IPV4, &exchange()),
        only("IPv6 without a link", file::IPV6, &sixes()),
    ]
    .into_iter()
    .chain(point_to_point_cases())
    .collect()
}
