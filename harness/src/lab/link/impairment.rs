//! Delay and loss, by the kernel's emulator of networks (tc-netem(8)).

use std::io;

use crate::lab::netlink::{CREATE, Message, Netlink};
use crate::scenario::link::Link;

use super::interface::index_of;

/// The numbers from rtnetlink(7), `linux/rtnetlink.h` and `linux/pkt_sched.h`.
const NEW_QUEUE: u16 = 36;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_NETEM_LATENCY64: u16 = 10;
const ROOT: u32 = 0xffff_ffff;

/// The largest number of packets under way: more than TCP ever sends before it hears of the first.
const LIMIT: u32 = 100_000;

/// Has everything that an interface sends arrive later, or not at all.
pub(super) fn impair(name: &str, link: &Link) -> io::Result<()> {
    let netlink = Netlink::route()?;
    let index = index_of(&netlink, name)?.to_ne_bytes();
    // struct tcmsg: family and padding, interface, handle (0: the kernel chooses), parent, info.
    let fixed = [&[0; 4][..], &index, &[0; 4], &ROOT.to_ne_bytes(), &[0; 4]].concat();
    let message = Message::new(NEW_QUEUE, CREATE, &fixed)
        .text(TCA_KIND, "netem")
        .nest(TCA_OPTIONS, |options| {
            options
                .raw(&queue(loss(link.loss)))
                .attribute(TCA_NETEM_LATENCY64, &nanoseconds(link).to_ne_bytes())
        });
    netlink.request(message)
}

/// struct `tc_netem_qopt`: latency (in the attribute behind it, which is finer), limit, loss, gap, duplicate, jitter.
fn queue(loss: u32) -> Vec<u8> {
    [0, LIMIT, loss, 0, 0, 0].map(u32::to_ne_bytes).concat()
}

fn nanoseconds(link: &Link) -> i64 {
    i64::try_from(link.delay.as_nanos()).unwrap_or(i64::MAX)
}

/// A share as netem counts it: of the largest number that 32 bits hold.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share is from 0 to 1"
)]
fn loss(share: f64) -> u32 {
    (share * f64::from(u32::MAX)).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_one_of_32_bits() {
        assert_eq!(loss(0.0), 0);
        assert_eq!(loss(0.01), 42_949_673);
        assert_eq!(loss(1.0), u32::MAX);
    }
}
