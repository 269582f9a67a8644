//! Makes captures for tests: packets of every shape, in files of every kind.
//!
//! The packets built here are checked against tshark (see `oracle/`), so that a mistake in these builders does not hide
//! one in the decoders.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test takes what it needs, and fuzz targets take it from outside"
)]

pub mod attack;
pub mod cases;
pub mod file;
pub mod hostile;
pub mod limited;
pub mod network;
pub mod reading;
pub mod script;
pub mod talks;
pub mod tshark;

use self::file::{ETHERNET, Packet, pcap};
use self::network::ethernet;
use self::script::{Client, Script, Server};

/// Returns 100,000 packets: updates of three packets, a second apart.
#[must_use]
pub fn long_capture() -> Vec<u8> {
    let mut script = Script::default().open();
    for update in 0..33_332 {
        script = script
            .acknowledging(update * 9, update * 5)
            .data(Client, update * 5, b"time\n")
            .acknowledging(update * 9, update * 5 + 5)
            .data(Server, update * 9, b"12:34:56\n")
            .ack(Client, update * 9 + 9);
    }
    let packets: Vec<Packet> = script
        .packets()
        .iter()
        .enumerate()
        .map(|(index, packet)| {
            let index = index as u64;
            let nanoseconds = index / 3 * 1_000_000_000 + index % 3 * 1_000_000;
            Packet::new(nanoseconds, ethernet(packet))
        })
        .collect();
    pcap(ETHERNET, &packets)
}
