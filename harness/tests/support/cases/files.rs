//! The kinds of file that captures are kept in.

use super::{Case, case, exchange};
use crate::support::file::{self, Order, Packet, Pcapng, paced, pcap, pcap_as, pcapng};
use crate::support::network;

/// Returns the kinds of file that captures are kept in.
pub fn file_cases() -> Vec<Case> {
    let packets = paced(exchange().packets());
    let ethernet: Vec<Packet> = paced(
        exchange()
            .packets()
            .iter()
            .map(|packet| network::ethernet(packet)),
    );
    let as_is = |name, order, resolution| {
        case(
            name,
            pcap_as(order, resolution, u32::from(file::RAW), &packets),
        )
    };
    vec![
        as_is("pcap, little-endian, microseconds", Order::Little, 1000),
        as_is("pcap, big-endian, microseconds", Order::Big, 1000),
        as_is("pcap, little-endian, nanoseconds", Order::Little, 1),
        as_is("pcap, big-endian, nanoseconds", Order::Big, 1),
        case(
            "pcapng, little-endian",
            pcapng(Order::Little, file::RAW, &packets),
        ),
        case(
            "pcapng, big-endian",
            pcapng(Order::Big, file::RAW, &packets),
        ),
        case("pcapng of all kinds", mixed_pcapng(&packets, &ethernet)),
        case("pcap, compressed", file::gzip(&pcap(file::RAW, &packets))),
        case(
            "pcapng, compressed",
            file::gzip(&pcapng(Order::Little, file::RAW, &packets)),
        ),
        case(
            "cut by the snapshot length in the payload",
            snapped(20 + 20 + 7),
        )
        .missing(11, 36),
        case(
            "cut by the snapshot length before the payload",
            snapped(20 + 20),
        )
        .missing(18, 43),
        case("only the last packet is cut", {
            let mut file = pcap(file::RAW, &packets);
            file.truncate(file.len() - 3);
            file
        }),
    ]
}

fn snapped(snapshot_length: usize) -> Vec<u8> {
    let packets: Vec<Packet> = paced(exchange().packets())
        .into_iter()
        .map(|packet| packet.cut(snapshot_length))
        .collect();
    pcap(file::RAW, &packets)
}

/// Returns two sections of different byte order, with interfaces of different links and clocks, and every kind of
/// packet block.
fn mixed_pcapng(raw: &[Packet], ethernet: &[Packet]) -> Vec<u8> {
    let mut file = Pcapng::new(Order::Little);
    file.interface(file::RAW, 0, Some(9), None).interface(
        file::ETHERNET,
        0,
        Some(0x8a),
        Some(1_000_000_000),
    );
    file.enhanced(0, raw[0].nanoseconds, &raw[0], Some("first"));
    let ticks = |packet: &Packet| {
        (packet.nanoseconds - 1_000_000_000_000_000_000) / 1_000_000 * 1024 / 1000
    };
    file.enhanced(1, ticks(&ethernet[1]), &ethernet[1], None);
    file.block(0x0bee, b"unknown blocks are skipped")
        .simple(&raw[2])
        .obsolete(0, raw[3].nanoseconds, &raw[3]);
    file.section(Order::Big)
        .interface(file::ETHERNET, 0, None, None);
    for packet in &ethernet[4..] {
        file.enhanced(0, packet.nanoseconds / 1000, packet, None);
    }
    file.bytes
}
