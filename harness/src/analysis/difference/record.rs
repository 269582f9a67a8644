//! A capture as it is compared: every packet and every byte of it in exactly one place.
//!
//! One reading, in bounded memory whatever the capture is. Messages are kept as long as there is room for them, and
//! otherwise counted by their kinds; packets are counted by their costs, with the message that they carry or
//! acknowledge.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use wirestream::budget::{Budget, Memory};
use wirestream::capture::{CaptureReader, Packet};
use wirestream::packet::{Decoded, Flags, Other, Segment};
use wirestream::tcp::connection::{Kind, Tracked};
use wirestream::tcp::stream::{Connection, Opening, Options, Reassembler};
use wirestream::units::Side;
use wirestream::walk::Walk;

use super::entry::Digest;
use super::facts::Facts;
use super::header::Headers;
use super::live::{Carrying, Listener, Live, Place, Shared, Spoken};
use super::redaction::Redaction;
use super::tally::{Cost, Tally};
use crate::analysis::coverage::Coverage;
use crate::analysis::stats::Statistics;

/// The most connections that are compared one by one; further ones are compared as a whole.
const MOST_CONNECTIONS: u64 = 20_000;

/// The memory that a listener allocates, and that is kept of its connection besides its messages.
const LISTENER_BYTES: usize = 2048;

/// The memory kept of a connection besides its messages.
const TALK_BYTES: usize = 2048;

/// The number of connections that are compared one by one in any case.
const LEAST_CONNECTIONS: u64 = 100;

/// The most FINs and RSTs of a connection whose order is kept.
const MOST_ENDINGS: usize = 16;

/// A capture, read to be compared with another one.
#[derive(Debug)]
pub struct Record {
    /// Its figures, added up packet by packet.
    pub statistics: Statistics,
    /// The part of the file that was read.
    pub coverage: Coverage,
    /// The time from its first packet to its last.
    pub duration: Duration,
    /// A digest of every packet with its bytes and its time.
    pub(super) digest: Digest,
    /// A digest of the same without times.
    pub(super) timeless: Digest,
    pub(super) connections: Vec<Talk>,
    /// All connections beyond those, taken together.
    pub(super) rest: Talk,
    /// The number of these connections.
    pub(super) more_connections: u64,
    /// The most connections before those.
    most_connections: u64,
    /// Packets that are not TCP, by what they are.
    pub(super) not_tcp: BTreeMap<String, Tally>,
    /// The headers of its packets.
    pub(super) headers: Headers,
}

/// One connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    /// The client and the server; `None` for several connections taken together.
    pub(super) ends: Option<[SocketAddr; 2]>,
    pub(super) statistics: Statistics,
    /// Packets that belong to no message.
    pub(super) sorts: BTreeMap<(Sort, Side), Tally>,
    pub(super) facts: [Facts; 2],
    /// FINs and RSTs, in order.
    pub(super) endings: Vec<(Side, Ending)>,
    pub(super) spoken: Spoken,
    /// Payload bytes of each side's packets, as sent.
    sent: [u64; 2],
    /// The payload bytes among them that the snapshot length cut off new packets.
    cut_off: [u64; 2],
}

/// The purpose of packets that belong to no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sort {
    Handshake,
    /// Payload of unknown content: cut off by the snapshot length, or beyond the end of the stream.
    Data,
    Retransmission,
    KeepAlive,
    /// A segment that a receiver ignores.
    Ignored,
    Acknowledgement,
    Fin,
    Reset,
    /// The acknowledgement of a FIN.
    LastAcknowledgement,
}

/// The way in which a side ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Fin,
    Reset,
}

impl Talk {
    /// Returns the bytes of payload sent more than once, or that no receiver would take.
    pub(super) fn repeated(&self) -> i64 {
        let of = |side: usize| {
            let new = self.spoken.delivered[side].wrapping_add(self.cut_off[side]);
            self.sent[side].wrapping_sub(new).cast_signed()
        };
        of(0).wrapping_add(of(1))
    }

    /// Returns the number of bytes that were sent and are in no packet of the capture, as a negative number.
    pub(super) fn lacking(&self) -> i64 {
        let of = |side: usize| {
            let lacking = self.cut_off[side].wrapping_sub(self.spoken.missing[side]);
            lacking.cast_signed()
        };
        of(0).wrapping_add(of(1))
    }

    pub(super) fn packets(&self, sort: Sort) -> u64 {
        let of = |side| self.sorts.get(&(sort, side)).map_or(0, Tally::packets);
        of(Side::Client) + of(Side::Server)
    }

    fn add(&mut self, sort: Sort, side: Side, cost: Cost) {
        self.sorts.entry((sort, side)).or_default().add(cost, 1);
    }

    /// Returns true if all that was said are repetitions of messages that the other capture has.
    pub(super) fn is_repetition(&self, others: &HashSet<Digest>) -> bool {
        let mut entries = self.spoken.entries.iter().flatten().peekable();
        entries.peek().is_some()
            && entries.all(|entry| entry.is_repetition(others))
            && self.spoken.rest.messages == 0
            && self.spoken.asides.iter().all(Vec::is_empty)
    }

    /// Returns several connections taken together, without the messages that are told apart; the ends are those of the
    /// first.
    pub(super) fn together(talks: &[&Self]) -> Self {
        let mut all = Self::default();
        for talk in talks {
            all.ends = all.ends.or(talk.ends);
            all.statistics += talk.statistics;
            all.spoken.rest.merge(&talk.spoken.rest);
            for (sort, tally) in &talk.sorts {
                all.sorts.entry(*sort).or_default().merge(tally);
            }
            for side in 0..2 {
                if all.facts[side].syn.is_none() {
                    all.facts[side] = talk.facts[side].clone();
                }
                all.sent[side] = all.sent[side].wrapping_add(talk.sent[side]);
                all.cut_off[side] = all.cut_off[side].wrapping_add(talk.cut_off[side]);
                let (sum, own) = (&mut all.spoken, &talk.spoken);
                sum.delivered[side] = sum.delivered[side].wrapping_add(own.delivered[side]);
                sum.missing[side] = sum.missing[side].wrapping_add(own.missing[side]);
            }
        }
        all
    }

    /// Swaps the sides: the side taken for the client is the server.
    fn turn_sides(&mut self) {
        self.facts.reverse();
        self.sent.reverse();
        self.cut_off.reverse();
        for (side, _) in &mut self.endings {
            *side = side.peer();
        }
        let sorts = std::mem::take(&mut self.sorts).into_iter();
        self.sorts = sorts
            .map(|((sort, side), tally)| ((sort, side.peer()), tally))
            .collect();
    }

    fn note_ending(&mut self, side: Side, tracked: &Tracked, flags: Flags) {
        let ending = if flags.has(Flags::RST) {
            Ending::Reset
        } else if flags.has(Flags::FIN) {
            Ending::Fin
        } else {
            return;
        };
        if !matches!(tracked.kind, Kind::Retransmission | Kind::Ignored)
            && self.endings.len() < MOST_ENDINGS
        {
            self.endings.push((side, ending));
        }
    }

    /// Adds what was said on one of several connections.
    fn add_spoken(&mut self, spoken: &Spoken) {
        self.spoken.rest.merge(&spoken.rest);
        for side in 0..2 {
            self.spoken.rest.add_all(&spoken.entries[side]);
            self.spoken.rest.add_all(&spoken.asides[side]);
            let own = &mut self.spoken;
            own.delivered[side] = own.delivered[side].wrapping_add(spoken.delivered[side]);
            own.missing[side] = own.missing[side].wrapping_add(spoken.missing[side]);
        }
    }
}

impl Sort {
    const fn of(kind: Kind, flags: Flags) -> Self {
        match kind {
            Kind::Handshake => Self::Handshake,
            Kind::Data => Self::Data,
            Kind::Retransmission => Self::Retransmission,
            Kind::KeepAlive => Self::KeepAlive,
            Kind::Acknowledgement | Kind::WindowUpdate => Self::Acknowledgement,
            Kind::Close if flags.has(Flags::RST) => Self::Reset,
            Kind::Close if flags.has(Flags::FIN) => Self::Fin,
            Kind::Close => Self::LastAcknowledgement,
            Kind::Ignored => Self::Ignored,
        }
    }
}

impl Record {
    /// Reads a capture to its end, or as far as it can be read.
    pub fn read<R: Read>(reader: &mut CaptureReader<R>, redaction: Redaction<'_>) -> Self {
        Self::read_in(reader, redaction, Memory::default())
    }

    /// Reads a capture within so much memory, leaving room for another one to be read and compared with it.
    pub fn read_in<R: Read>(
        reader: &mut CaptureReader<R>,
        redaction: Redaction<'_>,
        memory: Memory,
    ) -> Self {
        let budget = Budget::new(memory);
        let room = budget.kept() / 2;
        Self::read_by(reader, redaction, &budget, room)
    }

    /// Reads a capture with about so many bytes of memory for its messages; further messages are only counted.
    pub fn read_within<R: Read>(
        reader: &mut CaptureReader<R>,
        redaction: Redaction<'_>,
        room: usize,
    ) -> Self {
        Self::read_by(reader, redaction, &Budget::default(), room)
    }

    fn read_by<R: Read>(
        reader: &mut CaptureReader<R>,
        redaction: Redaction<'_>,
        budget: &Budget,
        room: usize,
    ) -> Self {
        let shared = Rc::new(Shared::new(redaction, budget, room));
        let lives = Rc::new(RefCell::new(HashMap::new()));
        let open = |opening: &Opening| {
            let live = Rc::new(RefCell::new(Live::new(Rc::clone(&shared), opening.index)));
            lives
                .borrow_mut()
                .insert(opening.index, (Rc::clone(&live), *opening));
            Listener(live)
        };
        let mut reassembler =
            Reassembler::new(Options::default(), open).within(budget, LISTENER_BYTES);
        let mut reading = Reading::new(Rc::clone(&shared), Rc::clone(&lives));
        let mut walk = Walk::new(reader);
        while let Some((packet, decoded)) = walk.next() {
            reading.begin(&packet);
            match decoded {
                Decoded::Segment(segment) => {
                    let carrying = reading.carrying(&packet, &segment);
                    let tracked = reassembler.segment(packet.number, packet.time, &segment);
                    reading.turn_sides();
                    reading.segment(&packet, &segment, tracked, carrying);
                    reading.close(reassembler.take_finished());
                }
                Decoded::Other(other) => reading.not_tcp(&packet, other),
            }
        }
        let others = walk.finish();
        let ended_early = reassembler.ended_early();
        let finished = reassembler.finish();
        reading.turn_sides();
        reading.close(finished);
        let coverage = Coverage::new(reader, others);
        reading.finish(coverage.with_ended_early(ended_early))
    }

    /// Returns what stands for its messages that may be repeated.
    pub(super) fn repeated(&self) -> HashSet<Digest> {
        let entries = self.connections.iter();
        let entries = entries.flat_map(|talk| talk.spoken.entries.iter().flatten());
        let repeated = entries.filter(|entry| entry.may_repeat);
        repeated.map(|entry| entry.exact).collect()
    }

    /// Returns the connection of this number, counted from 0.
    fn talk(&mut self, index: u64) -> &mut Talk {
        if index >= self.most_connections {
            self.more_connections = self.more_connections.max(index + 1 - self.most_connections);
            return &mut self.rest;
        }
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        if self.connections.len() <= place {
            self.connections.resize_with(place + 1, Talk::default);
        }
        &mut self.connections[place]
    }
}

type Lives<'r> = HashMap<u64, (Rc<RefCell<Live<'r>>>, Opening)>;

/// A reading of a capture.
struct Reading<'r> {
    shared: Rc<Shared<'r>>,
    lives: Rc<RefCell<Lives<'r>>>,
    record: Record,
    digest: Sha256,
    timeless: Sha256,
    is_first: bool,
}

impl<'r> Reading<'r> {
    fn new(shared: Rc<Shared<'r>>, lives: Rc<RefCell<Lives<'r>>>) -> Self {
        let room = shared.room.get() / 2 / TALK_BYTES;
        let most_connections = (room as u64).clamp(LEAST_CONNECTIONS, MOST_CONNECTIONS);
        Self {
            shared,
            lives,
            record: Record {
                statistics: Statistics::default(),
                coverage: Coverage::default(),
                duration: Duration::ZERO,
                digest: Digest::default(),
                timeless: Digest::default(),
                connections: Vec::new(),
                rest: Talk::default(),
                more_connections: 0,
                most_connections,
                not_tcp: BTreeMap::new(),
                headers: Headers::default(),
            },
            digest: Sha256::new(),
            timeless: Sha256::new(),
            is_first: true,
        }
    }

    fn begin(&mut self, packet: &Packet<'_>) {
        if std::mem::take(&mut self.is_first) {
            self.shared.first.set(packet.time);
        }
        let since_first = packet.time.since(self.shared.first.get());
        self.record.duration = self.record.duration.max(since_first);
        self.digest.update(packet.time.nanoseconds.to_be_bytes());
        self.timeless.update(packet.link_type.0.to_be_bytes());
        self.timeless.update(packet.original_length.to_be_bytes());
        self.timeless
            .update((packet.bytes.len() as u64).to_be_bytes());
        self.timeless.update(packet.bytes);
    }

    /// Turns the sides of the connections whose client is known now and is not the side taken for it.
    fn turn_sides(&mut self) {
        for index in self.shared.take_turned() {
            if index < MOST_CONNECTIONS {
                self.record.talk(index).turn_sides();
            }
        }
    }

    fn carrying(&mut self, packet: &Packet<'_>, segment: &Segment<'_>) -> Carrying {
        let carrying = Carrying {
            cost: Cost::new(
                packet.original_length,
                segment.header_bytes,
                segment.payload_length,
                self.record.headers.id(packet, Some(segment)),
            ),
            payload_bytes: segment.payload_length,
        };
        self.shared.begin(packet.number, carrying);
        carrying
    }

    fn segment(
        &mut self,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        tracked: Tracked,
        carrying: Carrying,
    ) {
        let statistics = Statistics {
            total_packets: 1,
            app_packets: u64::from(segment.payload_length > 0),
            frame_bytes: u64::from(packet.original_length),
            tcp_bytes: u64::from(segment.header_bytes),
            app_bytes: u64::from(segment.payload_length),
        };
        self.record.statistics += statistics;
        let side = tracked.side;
        let talk = self.record.talk(tracked.connection);
        talk.statistics += statistics;
        if tracked.ignored.is_none() {
            talk.facts[side as usize].note(segment);
        }
        talk.note_ending(side, &tracked, segment.flags);
        let own = side as usize;
        talk.sent[own] += u64::from(segment.payload_length);
        if tracked.kind == Kind::Data {
            let captured = segment.payload.len() as u64;
            talk.cut_off[own] += u64::from(segment.payload_length) - captured;
        }
        if self.shared.is_left() {
            self.place(segment, &tracked, carrying);
        }
    }

    /// Finds the place of a packet that has not brought anything new to a stream, at least not yet.
    fn place(&mut self, segment: &Segment<'_>, tracked: &Tracked, carrying: Carrying) {
        let (connection, side) = (tracked.connection, tracked.side);
        let sort = Sort::of(tracked.kind, segment.flags);
        if carrying.payload_bytes > 0 {
            if let Some((live, _)) = self.lives.borrow().get(&connection) {
                live.borrow_mut().wait(side, carrying.payload_bytes);
            }
            let place = Place {
                connection,
                sort,
                side,
                is_sure: tracked.is_sure,
            };
            if let Some((carrying, place)) = self.shared.wait(place) {
                self.add_waiting(carrying, place);
            }
            return;
        }
        let acknowledged = sort == Sort::Acknowledgement
            && self
                .lives
                .borrow()
                .get(&connection)
                .is_some_and(|(live, _)| live.borrow_mut().acknowledge(side, carrying.cost));
        if !acknowledged {
            self.record.talk(connection).add(sort, side, carrying.cost);
        }
    }

    /// Counts a packet that never carried anything.
    fn add_waiting(&mut self, carrying: Carrying, place: Place) {
        let side = self.shared.side(&place);
        let talk = self.record.talk(place.connection);
        talk.add(place.sort, side, carrying.cost);
    }

    fn not_tcp(&mut self, packet: &Packet<'_>, other: Other) {
        let frame_bytes = packet.original_length;
        self.record.statistics += Statistics {
            total_packets: 1,
            frame_bytes: u64::from(frame_bytes),
            ..Statistics::default()
        };
        let tally = self.record.not_tcp.entry(other.to_string()).or_default();
        let header = self.record.headers.id(packet, None);
        tally.add(Cost::new(frame_bytes, 0, 0, header), 1);
    }

    fn close(&mut self, finished: Vec<(Connection, Listener<'r>)>) {
        for (connection, listener) in finished {
            let index = connection.index;
            self.lives.borrow_mut().remove(&index);
            let spoken = listener.0.borrow_mut().finish();
            let is_alone = index < self.record.most_connections;
            let talk = self.record.talk(index);
            if is_alone {
                talk.ends = Some([connection.client, connection.server]);
                talk.spoken = spoken;
            } else {
                talk.add_spoken(&spoken);
            }
        }
    }

    fn finish(mut self, coverage: Coverage) -> Record {
        for (carrying, place) in self.shared.take_waiting().into_values() {
            self.add_waiting(carrying, place);
        }
        self.record.coverage = coverage;
        self.record.headers.finish();
        self.record.timeless = self.timeless.finalize().into();
        self.digest.update(self.record.timeless);
        self.record.digest = self.digest.finalize().into();
        self.record
    }
}
