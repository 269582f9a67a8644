//! The figures of a capture: in all, per update, and of what the server pushes alone.
//!
//! Every packet in the file counts, retransmissions too; packets that are not TCP count with no TCP and no app bytes.
//! Roles divide the totals. The definitions are those of "From Sockets to WebSockets":
//!
//! - total packets; app packets: those whose TCP payload is not empty;
//! - frame bytes: bytes on the link, as recorded in the packet header's original length;
//! - TCP bytes: TCP headers with their options; app bytes: TCP payload, as sent.
//!
//! For Ethernet and IPv4 without padding, frame bytes = 34 × total packets + TCP bytes + app bytes.

use std::io::Read;
use std::ops::{Add, AddAssign, SubAssign};

use serde::Serialize;
use wirestream::budget::Memory;
use wirestream::capture::CaptureReader;
use wirestream::units::{Side, Timestamp};
use wirestream::walk::Walk;

use super::coverage::Coverage;
use super::heads::HeadFinder;
use super::role::{Accountant, Accounted, Numbered, Role};
use super::update::{Phase, UpdateFinder};

/// Five sums over some packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Statistics {
    /// The number of packets.
    pub total_packets: u64,
    /// The number of packets with TCP payload.
    pub app_packets: u64,
    /// The bytes on the link.
    pub frame_bytes: u64,
    /// The bytes of TCP headers with their options.
    pub tcp_bytes: u64,
    /// The bytes of TCP payload.
    pub app_bytes: u64,
}

impl Statistics {
    /// Returns the five figures, in the order in which the tables have them.
    #[must_use]
    pub const fn figures(self) -> [u64; 5] {
        [
            self.total_packets,
            self.app_packets,
            self.frame_bytes,
            self.tcp_bytes,
            self.app_bytes,
        ]
    }
}

impl AddAssign for Statistics {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.total_packets += other.total_packets;
        self.app_packets += other.app_packets;
        self.frame_bytes += other.frame_bytes;
        self.tcp_bytes += other.tcp_bytes;
        self.app_bytes += other.app_bytes;
    }
}

impl SubAssign for Statistics {
    fn sub_assign(&mut self, other: Self) {
        self.total_packets -= other.total_packets;
        self.app_packets -= other.app_packets;
        self.frame_bytes -= other.frame_bytes;
        self.tcp_bytes -= other.tcp_bytes;
        self.app_bytes -= other.app_bytes;
    }
}

impl Add for Statistics {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl std::iter::Sum for Statistics {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

impl From<&Accounted> for Statistics {
    #[inline]
    fn from(packet: &Accounted) -> Self {
        Self {
            total_packets: 1,
            app_packets: u64::from(packet.app_bytes > 0),
            frame_bytes: u64::from(packet.frame_bytes),
            tcp_bytes: u64::from(packet.tcp_bytes),
            app_bytes: u64::from(packet.app_bytes),
        }
    }
}

/// The options of a measurement.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port of the only server to measure, if there is one.
    pub port: Option<u16>,
    /// The time at which each step of the scenario was due, from the capture's provenance; without them, idle gaps
    /// separate updates.
    pub marks: Option<Vec<Timestamp>>,
    /// True if every packet is to be listed, which takes memory for each.
    pub explain: bool,
    /// The memory to use; packets for which there is no room are only counted.
    pub memory: Memory,
}

/// The memory of a listed packet until it is written: the packet itself, in a list that grows.
const LISTED_BYTES: usize = 2 * size_of::<Explained>();

impl Options {
    /// Returns the most packets that are listed.
    const fn most_listed(&self) -> usize {
        self.memory.bytes() / 2 / LISTED_BYTES
    }

    /// Returns the bytes of memory for the table of connections: three quarters if only figures are wanted, because the
    /// rest is for windows.
    const fn for_connections(&self) -> usize {
        let all = self.memory.bytes();
        if self.explain { all / 8 } else { all / 4 * 3 }
    }

    /// Returns the memory in which the streams are read.
    const fn for_heads(&self) -> Memory {
        Memory::of(self.memory.bytes() / 4)
    }
}

/// The figures of one capture.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// The figures of all packets.
    pub overall: Statistics,
    /// The figures of the packets of each role, in the order of [`Role::ALL`]. Headers of responses are told apart from
    /// bodies if packets are explained.
    pub roles: [Statistics; Role::ALL.len()],
    /// The figures of each update, in order.
    pub updates: Vec<Statistics>,
    /// The most common of `updates`.
    pub per_update: Option<Statistics>,
    /// The figures of an update if the server pushed it unasked: the most common of its payload and the
    /// acknowledgements of it.
    pub server_push: Option<Statistics>,
    /// The number of TCP connections.
    pub connections: u64,
    /// The part of the file that was read.
    pub coverage: Coverage,
    /// The packets, if they were asked for.
    pub packets: Vec<Explained>,
    /// The number of further packets, for which there was no room.
    pub packets_left_out: u64,
}

/// A packet with its role and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its number in the capture.
    pub number: u64,
    /// The time at which it was captured.
    pub time: Timestamp,
    /// Its connection, counted from 0, and the side that sent it; `None` if it is not TCP.
    pub sender: Option<(u64, Side)>,
    /// The role of the packet.
    pub role: Role,
    /// The phase of the conversation.
    pub phase: Phase,
    /// The packet's own figures.
    pub statistics: Statistics,
}

/// Measures a capture from its next packet to its end, or as far as it can be read.
pub fn measure<R: Read>(reader: &mut CaptureReader<R>, options: &Options) -> Measured {
    let mut accountant = Accountant::new(options.port).within(options.for_connections());
    let mut finder = UpdateFinder::new(options.marks.as_deref(), options.explain, options.memory);
    let mut measured = Measured::default();
    let heads = || HeadFinder::new(options.port, options.for_heads());
    let mut heads = options.explain.then(heads);
    let mut walk = Walk::new(reader);
    while let Some((packet, decoded)) = walk.next() {
        let segment = decoded.segment();
        // What is not listed needs no reading.
        if let (Some(heads), Some(segment)) = (&mut heads, segment)
            && measured.packets_left_out == 0
        {
            heads.segment(&packet, segment);
        }
        if let Some(accounted) = accountant.account(&packet, segment) {
            let (number, time) = (packet.number, packet.time);
            let packet = Numbered {
                number,
                time,
                accounted,
            };
            measured.add(&packet, options, &mut finder);
        } else {
            measured.add_held(&mut accountant, options, &mut finder);
        }
    }
    let others = walk.finish();
    accountant.finish();
    measured.add_held(&mut accountant, options, &mut finder);
    measured.connections = accountant.connections();
    measured.coverage = Coverage::new(reader, others).with_ended_early(accountant.ended_early());
    if let Some(heads) = heads {
        measured.tell_headers(&heads.finish());
    }
    measured.conclude(finder);
    measured
}

impl Measured {
    /// Returns the number of packets that are not TCP segments.
    #[must_use]
    pub const fn not_tcp(&self) -> u64 {
        self.roles[Role::NotTcp as usize].total_packets
    }

    /// Assigns the role of response header to the packets with these numbers, which are in order.
    fn tell_headers(&mut self, heads: &[u64]) {
        let mut heads = heads.iter().peekable();
        for packet in &mut self.packets {
            while heads.next_if(|head| **head < packet.number).is_some() {}
            if packet.role == Role::Body && heads.peek() == Some(&&packet.number) {
                packet.role = Role::ResponseHeader;
                self.roles[Role::Body as usize] -= packet.statistics;
                self.roles[Role::ResponseHeader as usize] += packet.statistics;
            }
        }
    }

    /// Adds up the packets that were held back.
    #[inline]
    fn add_held(
        &mut self,
        accountant: &mut Accountant,
        options: &Options,
        finder: &mut UpdateFinder,
    ) {
        while let Some(packet) = accountant.take_held() {
            self.add(&packet, options, finder);
        }
    }

    #[inline]
    fn add(&mut self, packet: &Numbered, options: &Options, finder: &mut UpdateFinder) {
        let Numbered {
            number,
            time,
            accounted,
        } = packet;
        self.roles[accounted.role as usize] += Statistics::from(accounted);
        if accounted.role != Role::NotTcp {
            finder.add(*number, *time, accounted);
        }
        if options.explain && self.packets.len() == options.most_listed() {
            self.packets_left_out += 1;
        } else if options.explain {
            self.packets.push(Explained::new(*number, *time, accounted));
        }
    }

    fn conclude(&mut self, finder: UpdateFinder) {
        self.overall = self.roles.iter().copied().sum();
        let windows = finder.finish();
        self.coverage.updates_left_out = windows.left_out();
        for packet in &mut self.packets {
            packet.phase = windows.phase(packet.number, packet.role);
        }
        self.updates = windows.updates().map(|window| window.statistics).collect();
        self.per_update = most_common(self.updates.iter().copied());
        let pushes = windows.updates().map(|window| window.push);
        self.server_push = most_common(pushes.filter(|push| push.app_packets > 0));
    }
}

impl Explained {
    fn new(number: u64, time: Timestamp, packet: &Accounted) -> Self {
        let statistics = Statistics::from(packet);
        Self {
            number,
            time,
            sender: packet.sender,
            role: packet.role,
            phase: Phase::Between,
            statistics,
        }
    }
}

/// Returns the value that occurs most often; of several, the one with the fewest packets and bytes: chance adds an
/// acknowledgement to an update, and never takes one away.
fn most_common(values: impl Iterator<Item = Statistics>) -> Option<Statistics> {
    let mut values: Vec<Statistics> = values.collect();
    values.sort_unstable();
    let groups = values.chunk_by(|one, other| one == other);
    // `max_by_key` would prefer the last of equals.
    groups
        .rev()
        .max_by_key(|group| group.len())
        .and_then(|group| group.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(total_packets: u64, app_bytes: u64) -> Statistics {
        Statistics {
            total_packets,
            app_bytes,
            ..Statistics::default()
        }
    }

    #[test]
    fn the_most_common_is_that_of_fewest_packets_where_several_are() {
        assert_eq!(most_common([].into_iter()), None);
        assert_eq!(
            most_common([of(4, 15), of(3, 15), of(3, 15)].into_iter()),
            Some(of(3, 15))
        );
        assert_eq!(
            most_common([of(4, 15), of(4, 15), of(3, 15)].into_iter()),
            Some(of(4, 15))
        );
        assert_eq!(
            most_common([of(4, 15), of(3, 15)].into_iter()),
            Some(of(3, 15))
        );
    }
}
