//! Turns off the work that an interface leaves to hardware, so that the packets are those of a real Ethernet.
//!
//! A veth pair has no hardware: it hands on segments of up to 64 KiB that nobody cuts, and checksums that nobody fills
//! in. Told that it cannot, the kernel does both before the packets are captured.

use std::io;

use rustix::io::Errno;

use crate::lab::netlink::{Message, Netlink, find};

/// The kernel's register of protocols (linux/genetlink.h).
const REGISTER: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// The numbers from `linux/ethtool_netlink.h`.
const SET_FEATURES: u8 = 12;
const FEATURES_HEADER: u16 = 1;
const FEATURES_WANTED: u16 = 3;
const HEADER_NAME: u16 = 2;
const HEADER_FLAGS: u16 = 3;
const OMIT_REPLY: u32 = 2;
const BITS: u16 = 3;
const BIT: u16 = 1;
const BIT_NAME: u16 = 2;

/// Checksums; what it takes them for goes with it, to send segments that are yet to be cut.
const FEATURE: &str = "tx-checksum-ip-generic";

/// Has the kernel fill in the checksums and cut the segments that this interface sends.
pub(super) fn turn_off(name: &str) -> io::Result<()> {
    let netlink = Netlink::generic()?;
    let ethtool = family(&netlink, "ethtool")?;
    let message = Message::new(ethtool, 0, &command(SET_FEATURES))
        .nest(FEATURES_HEADER, |header| {
            header
                .text(HEADER_NAME, name)
                .number(HEADER_FLAGS, OMIT_REPLY)
        })
        // A feature that is listed without a value is one to turn off.
        .nest(FEATURES_WANTED, |wanted| {
            wanted.nest(BITS, |bits| {
                bits.nest(BIT, |bit| bit.text(BIT_NAME, FEATURE))
            })
        });
    netlink.request(message)
}

/// Returns the number that a protocol has on this machine.
fn family(netlink: &Netlink, name: &str) -> io::Result<u16> {
    let question = Message::new(REGISTER, 0, &command(GET_FAMILY)).text(FAMILY_NAME, name);
    let answer = netlink.ask(question)?;
    answer
        .get(4..)
        .and_then(|attributes| find(attributes, FAMILY_ID)?.try_into().ok())
        .map(u16::from_ne_bytes)
        .ok_or_else(|| Errno::NOENT.into())
}

/// struct genlmsghdr: command, version, reserved.
const fn command(command: u8) -> [u8; 4] {
    [command, 1, 0, 0]
}
