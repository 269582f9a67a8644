//! Tells the connections of a capture apart, and says of each segment what it is for.
//!
//! Statistics want no payload, only the part that each packet plays; they run at the speed of memory, over files of any
//! size. So this knows of a connection just what the next segment is compared with: about 200 bytes, which are given
//! back a while after the connection closed. Reassembly builds on the same table, and keeps what it needs as the
//! `state` of each connection, so both always agree on what a connection is.
//!
//! A connection is a pair of addresses and ports, until a SYN with another initial sequence number uses them again. (A
//! connection's own SYN may come after its other segments in the file; both ends are then taken by their ports.)
//!
//! ```
//! use wiresnap::units::Side;
//! use wiresnap::wire::connection::{Kind, Tracker};
//! use wiresnap::wire::segment::{Flags, Segment};
//!
//! let mut tracker = Tracker::default();
//! let syn = Segment {
//!     source: "127.0.0.1:50000".parse().unwrap(),
//!     destination: "127.0.0.1:80".parse().unwrap(),
//!     sequence: 100,
//!     acknowledgement: 0,
//!     flags: Flags::SYN,
//!     window: 65535,
//!     header_bytes: 20,
//!     payload: b"",
//!     payload_length: 0,
//! };
//! let tracked = tracker.track(&syn);
//! assert_eq!((tracked.connection, tracked.side, tracked.kind), (0, Side::Client, Kind::Handshake));
//! ```

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::segment::{Flags, Segment, distance};
use crate::units::Side;

/// Connections whose last packets are still told apart from new connections after they closed.
const MOST_CLOSED: usize = 65_536;
/// Connections that are known at the same time; where there are more, those that were quiet longest are forgotten.
const MOST_CONNECTIONS: usize = 1_048_576;
/// How far behind its side's other segments a SYN may be, in sequence numbers, and yet be that of their connection which
/// comes late in the file.
const LATEST_SYN: i32 = 1 << 20;
/// Holes in one side's sequence that are remembered, to tell late segments from repeated ones.
const MOST_GAPS: usize = 3;

/// What a segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SYN, its answer, and the ACK that completes the opening.
    Handshake,
    /// Payload that was not there before.
    Data,
    /// Payload, SYN or FIN that was there before.
    Retransmission,
    /// A probe whether the peer is still there, or the answer to one.
    KeepAlive,
    /// Nothing but an acknowledgement.
    Acknowledgement,
    /// Nothing but another window.
    WindowUpdate,
    /// FIN or RST without new payload, and the ACK of a FIN.
    Close,
}

/// What was found out about a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// The connection's number in the capture, counted from 0 in order of first packets.
    pub connection: u64,
    /// The side that sent the segment.
    pub side: Side,
    /// What it is for.
    pub kind: Kind,
    /// Whether it acknowledges bytes that no segment before had acknowledged.
    pub acknowledges: bool,
    /// Where the tracker keeps the connection, for [`Tracker::state`]; good until the next segment.
    pub slot: usize,
}

/// A connection that the tracker has forgotten: closed a while ago, replaced by a new one, or crowded out.
#[derive(Debug)]
pub struct Retired<State> {
    /// The connection's number in the capture.
    pub connection: u64,
    /// What was kept with it.
    pub state: State,
}

/// The table of connections. `State` is what its user keeps with each of them.
#[derive(Debug)]
pub struct Tracker<State = ()> {
    hasher: DefaultHashBuilder,
    /// Places in `entries`, found by key.
    places: HashTable<u32>,
    entries: Vec<Option<Entry<State>>>,
    free: Vec<u32>,
    /// Places of closed connections with their numbers, in order of closing.
    closed: VecDeque<(u32, u64)>,
    /// Next place to look at for a connection to forget.
    hand: usize,
    connections: u64,
    /// The connection of the segment before: most often that of the next one too.
    recent: Option<u32>,
}

#[derive(Debug)]
struct Entry<State> {
    key: Key,
    connection: u64,
    /// Whether the lower end, by which the key is sorted, is the client.
    client_is_lower: bool,
    /// Whether it had a packet since the hand passed.
    active: bool,
    closed: bool,
    /// The lower end's side first.
    client: Half,
    server: Half,
    state: State,
}

/// The two ends of a connection in an order that does not depend on who sends.
#[derive(Clone, Copy, Debug, Eq)]
struct Key {
    addresses: [u64; 4],
    ports: u32,
    is_ipv6: bool,
}

/// What is known of what one side sends.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one side, not the states of a machine"
)]
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    /// Sequence number of its SYN, or the one before the first that was seen.
    initial: Option<u32>,
    /// The sequence number after the last that was seen.
    next: Option<u32>,
    /// What it acknowledged last.
    acknowledged: Option<u32>,
    /// The sequence number after its FIN, once there was one.
    after_fin: Option<u32>,
    window: u16,
    syn: bool,
    reset: bool,
    /// It acknowledged the peer's SYN: the handshake is over.
    established: bool,
    /// Its last segment was a keepalive probe.
    probing: bool,
    gaps: Gaps,
}

/// Sequence numbers that were passed over: where they come later, they are no retransmission.
#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    /// Starts and ends; empty where both are the same.
    ranges: [(u32, u32); MOST_GAPS],
}

impl<State> Default for Tracker<State> {
    fn default() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            places: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            closed: VecDeque::new(),
            hand: 0,
            connections: 0,
            recent: None,
        }
    }
}

impl Tracker {
    /// Says what a segment is for.
    #[inline]
    pub fn track(&mut self, segment: &Segment<'_>) -> Tracked {
        self.track_with(segment, |_, _, _| (), |_| ())
    }
}

impl<State> Tracker<State> {
    /// Says what a segment is for; `open` makes the state of a new connection, from its number, client and server, and
    /// `retire` gets that of each connection which is forgotten.
    #[inline]
    pub fn track_with(
        &mut self,
        segment: &Segment<'_>,
        open: impl FnOnce(u64, SocketAddr, SocketAddr) -> State,
        mut retire: impl FnMut(Retired<State>),
    ) -> Tracked {
        let (key, source_is_lower) = Key::of(segment);
        let place = match self.find(&key) {
            Some(place) if !self.is_reused(place, source_is_lower, segment) => place,
            found => {
                if let Some(place) = found {
                    self.forget(place, &mut retire);
                }
                self.make_room(&mut retire);
                self.open(key, source_is_lower, segment, open)
            }
        };
        self.recent = Some(place);
        self.classify(place, source_is_lower, segment)
    }

    /// Connections that were seen so far.
    #[must_use]
    pub const fn connections(&self) -> u64 {
        self.connections
    }

    /// The state kept with the connection that [`Tracked::slot`] names.
    pub fn state(&mut self, slot: usize) -> Option<&mut State> {
        self.entries
            .get_mut(slot)?
            .as_mut()
            .map(|entry| &mut entry.state)
    }

    /// All connections that were not retired, in order of their first packets.
    #[must_use]
    pub fn into_remaining(self) -> Vec<Retired<State>> {
        let entries = self.entries.into_iter().flatten();
        let mut remaining: Vec<_> = entries
            .map(|entry| Retired {
                connection: entry.connection,
                state: entry.state,
            })
            .collect();
        remaining.sort_unstable_by_key(|retired| retired.connection);
        remaining
    }

    #[inline]
    fn entry(&self, place: u32) -> Option<&Entry<State>> {
        self.entries.get(place as usize)?.as_ref()
    }

    #[inline]
    fn find(&self, key: &Key) -> Option<u32> {
        let is_it = |place: u32| self.entry(place).is_some_and(|entry| entry.key == *key);
        if let Some(recent) = self.recent
            && is_it(recent)
        {
            return Some(recent);
        }
        self.places
            .find(self.hasher.hash_one(key), |place| is_it(*place))
            .copied()
    }

    /// Whether a SYN opens a new connection between ends that had one before. As in Wireshark: whatever state the old
    /// one is in, a SYN with another initial sequence number belongs to a new one. But where no SYN was seen, that number
    /// is a guess, and a SYN a little in front of it is the connection's own: any order in the file is the same to TCP.
    #[inline]
    fn is_reused(&self, place: u32, source_is_lower: bool, segment: &Segment<'_>) -> bool {
        segment.flags.opens()
            && self.entry(place).is_some_and(|entry| {
                let own = if entry.client_is_lower == source_is_lower {
                    &entry.client
                } else {
                    &entry.server
                };
                own.initial.is_some_and(|initial| {
                    let ahead = distance(segment.sequence, initial);
                    ahead != 0 && (own.syn || !(0..LATEST_SYN).contains(&ahead))
                })
            })
    }

    fn open(
        &mut self,
        key: Key,
        source_is_lower: bool,
        segment: &Segment<'_>,
        open: impl FnOnce(u64, SocketAddr, SocketAddr) -> State,
    ) -> u32 {
        let from_client = source_is_client(segment);
        let (client, server) = if from_client {
            (segment.source, segment.destination)
        } else {
            (segment.destination, segment.source)
        };
        let connection = self.connections;
        self.connections += 1;
        let entry = Entry {
            key,
            connection,
            client_is_lower: from_client == source_is_lower,
            active: true,
            closed: false,
            client: Half::default(),
            server: Half::default(),
            state: open(connection, client, server),
        };
        self.keep(entry)
    }

    fn keep(&mut self, entry: Entry<State>) -> u32 {
        let hash = self.hasher.hash_one(entry.key);
        let place = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        });
        self.entries[place as usize] = Some(entry);
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.places.insert_unique(hash, place, |place| {
            entries[*place as usize]
                .as_ref()
                .map_or(0, |entry| hasher.hash_one(entry.key))
        });
        place
    }

    fn forget(&mut self, place: u32, retire: &mut impl FnMut(Retired<State>)) {
        let Some(entry) = self.entries[place as usize].take() else {
            return;
        };
        let hash = self.hasher.hash_one(entry.key);
        if let Ok(found) = self.places.find_entry(hash, |other| *other == place) {
            found.remove();
        }
        self.free.push(place);
        retire(Retired {
            connection: entry.connection,
            state: entry.state,
        });
    }

    /// Keeps the table within its bounds before a connection is added.
    fn make_room(&mut self, retire: &mut impl FnMut(Retired<State>)) {
        while self.closed.len() > MOST_CLOSED {
            if let Some((place, connection)) = self.closed.pop_front()
                && self
                    .entry(place)
                    .is_some_and(|entry| entry.connection == connection)
            {
                self.forget(place, retire);
            }
        }
        if self.places.len() >= MOST_CONNECTIONS {
            self.forget_quiet(retire);
        }
    }

    /// Forgets a connection to make room: one that is closed, where there is one, else one that was quiet for long. Returns false
    /// if there is none.
    pub(super) fn forget_one(&mut self, mut retire: impl FnMut(Retired<State>)) -> bool {
        while let Some((place, connection)) = self.closed.pop_front() {
            let is_it = |entry: &Entry<State>| entry.connection == connection;
            if self.entry(place).is_some_and(is_it) {
                self.forget(place, &mut retire);
                return true;
            }
        }
        let is_any = !self.places.is_empty();
        if is_any {
            self.forget_quiet(&mut retire);
        }
        is_any
    }

    /// Goes around the table until it finds a connection without a packet since the last time around.
    fn forget_quiet(&mut self, retire: &mut impl FnMut(Retired<State>)) {
        for _ in 0..=2 * self.entries.len() {
            self.hand = (self.hand + 1) % self.entries.len();
            match &mut self.entries[self.hand] {
                Some(entry) if entry.active => entry.active = false,
                Some(_) => {
                    self.forget(u32::try_from(self.hand).unwrap_or(u32::MAX), retire);
                    return;
                }
                None => {}
            }
        }
    }

    #[inline]
    fn classify(&mut self, place: u32, source_is_lower: bool, segment: &Segment<'_>) -> Tracked {
        let Some(entry) = self.entries[place as usize].as_mut() else {
            unreachable!("the place was found, or filled, just before");
        };
        entry.active = true;
        let (side, own, peer) = if entry.client_is_lower == source_is_lower {
            (Side::Client, &mut entry.client, &mut entry.server)
        } else {
            (Side::Server, &mut entry.server, &mut entry.client)
        };
        let kind = own.kind(peer, side, segment);
        let acknowledges = own.acknowledge(peer, segment);
        own.probing = kind == Kind::KeepAlive && own.next == Some(segment.sequence.wrapping_add(1));
        let is_over = own.reset || own.after_fin.is_some() && peer.after_fin.is_some();
        if is_over && !entry.closed {
            entry.closed = true;
            self.closed.push_back((place, entry.connection));
        }
        Tracked {
            connection: entry.connection,
            side,
            kind,
            acknowledges,
            slot: place as usize,
        }
    }
}

/// Whether a connection's first segment comes from its client: SYNs tell, and where there is none the ports guess.
fn source_is_client(segment: &Segment<'_>) -> bool {
    if segment.flags.has(Flags::SYN) {
        return !segment.flags.has(Flags::ACK);
    }
    segment.source.port() >= segment.destination.port()
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        for number in self.addresses {
            state.write_u64(number);
        }
        state.write_u64(u64::from(self.ports) << 1 | u64::from(self.is_ipv6));
    }
}

impl PartialEq for Key {
    /// Number by number: the key was just written so, and reading it back in wider pieces would wait for the writes.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let [[one, two, three, four], theirs] = [self.addresses, other.addresses];
        self.ports == other.ports
            && four == theirs[3]
            && two == theirs[1]
            && one == theirs[0]
            && three == theirs[2]
            && self.is_ipv6 == other.is_ipv6
    }
}

impl Key {
    /// The key of a segment's connection, and whether the segment comes from its lower end.
    #[inline]
    fn of(segment: &Segment<'_>) -> (Self, bool) {
        let (source, is_ipv6) = number(segment.source.ip());
        let (destination, _) = number(segment.destination.ip());
        let (source_port, destination_port) = (segment.source.port(), segment.destination.port());
        let source_is_lower = (source, source_port) <= (destination, destination_port);
        let ((low, low_port), (high, high_port)) = if source_is_lower {
            ((source, source_port), (destination, destination_port))
        } else {
            ((destination, destination_port), (source, source_port))
        };
        let ports = u32::from(low_port) << 16 | u32::from(high_port);
        (
            Self {
                addresses: [low.0, low.1, high.0, high.1],
                ports,
                is_ipv6,
            },
            source_is_lower,
        )
    }
}

#[inline]
fn number(address: IpAddr) -> ((u64, u64), bool) {
    match address {
        IpAddr::V4(address) => ((0, u64::from(Ipv4Addr::to_bits(address))), false),
        IpAddr::V6(address) => {
            let bits = Ipv6Addr::to_bits(address);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the two halves of the number"
            )]
            let halves = ((bits >> 64) as u64, bits as u64);
            (halves, true)
        }
    }
}

impl Half {
    /// What a segment of this side is for; takes note of what it says about the side's sequence numbers.
    #[inline]
    fn kind(&mut self, peer: &mut Self, side: Side, segment: &Segment<'_>) -> Kind {
        let flags = segment.flags;
        self.learn_initial(peer, segment);
        if flags.has(Flags::SYN) {
            return self.syn_kind(segment);
        }
        if flags.has(Flags::RST) {
            self.reset = true;
            return if segment.payload_length > 0 {
                self.occupying_kind(peer, segment)
            } else {
                Kind::Close
            };
        }
        if segment.payload_length > 0 || flags.has(Flags::FIN) {
            self.established = true;
            return self.occupying_kind(peer, segment);
        }
        self.empty_kind(peer, side, segment)
    }

    /// The initial sequence numbers of both sides, or what comes nearest to them in what was captured.
    #[inline]
    fn learn_initial(&mut self, peer: &mut Self, segment: &Segment<'_>) {
        let before = u32::from(!segment.flags.has(Flags::SYN));
        self.initial
            .get_or_insert(segment.sequence.wrapping_sub(before));
        self.next.get_or_insert(segment.sequence);
        if segment.flags.has(Flags::ACK) {
            peer.initial
                .get_or_insert(segment.acknowledgement.wrapping_sub(1));
        }
    }

    fn syn_kind(&mut self, segment: &Segment<'_>) -> Kind {
        let repeated = self.syn;
        if !repeated {
            // What came before it could only tell where it must be.
            self.initial = Some(segment.sequence);
        }
        self.syn = true;
        self.advance(segment.sequence, segment.next_sequence());
        if repeated {
            Kind::Retransmission
        } else {
            Kind::Handshake
        }
    }

    /// A segment that takes sequence numbers: with payload, FIN, or both.
    #[inline]
    fn occupying_kind(&mut self, peer: &Self, segment: &Segment<'_>) -> Kind {
        if self.is_probe(peer, segment) {
            return Kind::KeepAlive;
        }
        let is_fin = segment.flags.has(Flags::FIN);
        let is_new = self.advance(segment.sequence, segment.next_sequence());
        if is_fin {
            self.after_fin.get_or_insert(segment.next_sequence());
        }
        match (is_new, segment.payload_length > 0) {
            (true, true) => Kind::Data,
            (true, false) => Kind::Close,
            (false, _) => Kind::Retransmission,
        }
    }

    /// RFC 9293 §3.8.4: a keepalive probe repeats the byte before the next one, which was acknowledged, or has none.
    #[inline]
    fn is_probe(&self, peer: &Self, segment: &Segment<'_>) -> bool {
        let is_small = segment.payload_length <= 1 && !segment.flags.has(Flags::FIN);
        let is_before_next = self.next == Some(segment.sequence.wrapping_add(1));
        is_small
            && is_before_next
            && (segment.payload_length == 0 || peer.acknowledged == self.next)
    }

    /// A segment that takes no sequence numbers.
    #[inline]
    fn empty_kind(&mut self, peer: &Self, side: Side, segment: &Segment<'_>) -> Kind {
        if self.is_probe(peer, segment) {
            return Kind::KeepAlive;
        }
        let acknowledgement = segment.acknowledgement;
        if !segment.flags.has(Flags::ACK) {
            return Kind::Acknowledgement;
        }
        let after_peers_syn = peer.syn && peer.initial == Some(acknowledgement.wrapping_sub(1));
        if side == Side::Client && !self.established && after_peers_syn {
            self.established = true;
            return Kind::Handshake;
        }
        let repeats = self.acknowledged == Some(acknowledgement);
        if peer.after_fin == Some(acknowledgement) && !repeats {
            return Kind::Close;
        }
        if repeats && peer.probing {
            return Kind::KeepAlive;
        }
        if repeats && self.window != segment.window {
            return Kind::WindowUpdate;
        }
        Kind::Acknowledgement
    }

    /// Moves on to `end`; false where all of the range was there before.
    #[inline]
    fn advance(&mut self, start: u32, end: u32) -> bool {
        let next = self.next.unwrap_or(start);
        if distance(next, end) <= 0 {
            return self.gaps.fill(start, end);
        }
        if distance(next, start) > 0 {
            self.gaps.note(next, start);
        }
        self.next = Some(end);
        true
    }

    /// Takes note of the segment's acknowledgement; whether it goes further than those before.
    #[inline]
    fn acknowledge(&mut self, peer: &Self, segment: &Segment<'_>) -> bool {
        self.window = segment.window;
        if !segment.flags.has(Flags::ACK) {
            return false;
        }
        let peers_first = peer.initial.map(|initial| initial.wrapping_add(1));
        let before = self
            .acknowledged
            .or(peers_first)
            .unwrap_or(segment.acknowledgement);
        let goes_further = distance(before, segment.acknowledgement) > 0;
        if goes_further || self.acknowledged.is_none() {
            self.acknowledged = Some(segment.acknowledgement);
        }
        goes_further
    }
}

impl Gaps {
    fn note(&mut self, start: u32, end: u32) {
        self.ranges.rotate_right(1);
        self.ranges[0] = (start, end);
    }

    /// Whether the range lies, at least in part, in a gap; what is in front of it in that gap stays open, and what is
    /// after it.
    fn fill(&mut self, start: u32, end: u32) -> bool {
        let overlaps =
            |(from, to): &(u32, u32)| distance(*from, end) > 0 && distance(start, *to) > 0;
        let Some(index) = self.ranges.iter().position(overlaps) else {
            return false;
        };
        let (from, to) = self.ranges[index];
        self.ranges[index] = (0, 0);
        if distance(from, start) > 0 {
            self.ranges[index] = (from, start);
        }
        if distance(end, to) > 0 {
            self.note(end, to);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "10.0.0.1:50000";
    const SERVER: &str = "10.0.0.2:80";

    struct Exchange {
        tracker: Tracker,
    }

    impl Exchange {
        fn new() -> Self {
            Self {
                tracker: Tracker::default(),
            }
        }

        fn send(
            &mut self,
            side: Side,
            sequence: u32,
            acknowledgement: u32,
            flags: Flags,
            length: usize,
        ) -> Tracked {
            let (source, destination) = if side == Side::Client {
                (CLIENT, SERVER)
            } else {
                (SERVER, CLIENT)
            };
            self.tracker.track(&Segment {
                source: source.parse().unwrap(),
                destination: destination.parse().unwrap(),
                sequence,
                acknowledgement,
                flags,
                window: 1000,
                header_bytes: 20,
                payload: &vec![0; length],
                payload_length: u32::try_from(length).unwrap(),
            })
        }

        fn open(&mut self) {
            self.send(Side::Client, 100, 0, Flags::SYN, 0);
            self.send(Side::Server, 500, 101, Flags::SYN.with(Flags::ACK), 0);
            self.send(Side::Client, 101, 501, Flags::ACK, 0);
        }
    }

    #[test]
    fn a_plain_connection_is_told_apart_packet_by_packet() {
        use Side::{Client, Server};
        let fin = Flags::FIN.with(Flags::ACK);
        let script = [
            (Client, 100, 0, Flags::SYN, 0, Kind::Handshake),
            (
                Server,
                500,
                101,
                Flags::SYN.with(Flags::ACK),
                0,
                Kind::Handshake,
            ),
            (Client, 101, 501, Flags::ACK, 0, Kind::Handshake),
            (Client, 101, 501, Flags::ACK, 10, Kind::Data),
            (Server, 501, 111, Flags::ACK, 0, Kind::Acknowledgement),
            (Server, 501, 111, Flags::ACK, 20, Kind::Data),
            (Server, 501, 111, Flags::ACK, 20, Kind::Retransmission),
            (Client, 111, 521, Flags::ACK, 0, Kind::Acknowledgement),
            (Client, 110, 521, Flags::ACK, 0, Kind::KeepAlive),
            (Server, 521, 111, Flags::ACK, 0, Kind::KeepAlive),
            (Client, 110, 521, Flags::ACK, 1, Kind::KeepAlive),
            (Server, 521, 111, Flags::ACK, 0, Kind::KeepAlive),
            (Client, 111, 521, fin, 0, Kind::Close),
            (Server, 521, 112, Flags::ACK, 0, Kind::Close),
            (Server, 521, 112, fin, 0, Kind::Close),
            (Server, 521, 112, fin, 0, Kind::Retransmission),
            (Client, 112, 522, Flags::ACK, 0, Kind::Close),
            (Client, 112, 522, Flags::RST, 0, Kind::Close),
        ];
        let mut exchange = Exchange::new();
        for (index, (side, sequence, acknowledgement, flags, length, kind)) in
            script.into_iter().enumerate()
        {
            let tracked = exchange.send(side, sequence, acknowledgement, flags, length);
            assert_eq!(
                (tracked.side, tracked.kind),
                (side, kind),
                "packet {}",
                index + 1
            );
        }
        assert_eq!(exchange.tracker.connections(), 1);
    }

    #[test]
    fn a_late_segment_is_data_and_a_repeated_one_is_not() {
        use Kind::{Data, Retransmission};
        let mut exchange = Exchange::new();
        exchange.open();
        let kinds = [101, 121, 111, 111, 101].map(|sequence| {
            exchange
                .send(Side::Client, sequence, 501, Flags::ACK, 10)
                .kind
        });
        assert_eq!(kinds, [Data, Data, Data, Retransmission, Retransmission]);
    }

    #[test]
    fn the_server_is_known_by_its_syn_and_else_by_its_port() {
        let mut first_is_answer = Exchange::new();
        let tracked = first_is_answer.send(Side::Client, 1, 9, Flags::SYN.with(Flags::ACK), 0);
        assert_eq!(
            tracked.side,
            Side::Server,
            "who answers a SYN is the server, whatever the ports"
        );
        let mut midway = Exchange::new();
        assert_eq!(
            midway.send(Side::Server, 1, 9, Flags::ACK, 5).side,
            Side::Server
        );
        assert_eq!(
            midway.send(Side::Client, 9, 6, Flags::ACK, 5).side,
            Side::Client
        );
    }

    #[test]
    fn a_syn_with_another_number_is_another_connection() {
        let mut exchange = Exchange::new();
        exchange.open();
        assert_eq!(
            exchange
                .send(Side::Client, 100, 0, Flags::SYN, 0)
                .connection,
            0,
            "repeated"
        );
        let reused = exchange.send(Side::Client, 7000, 0, Flags::SYN, 0);
        assert_eq!((reused.connection, reused.kind), (1, Kind::Handshake));
        assert_eq!(exchange.tracker.connections(), 2);
    }

    #[test]
    fn a_syn_that_was_captured_after_its_answer_belongs_to_it() {
        let mut exchange = Exchange::new();
        exchange.send(Side::Server, 500, 101, Flags::SYN.with(Flags::ACK), 0);
        assert_eq!(
            exchange
                .send(Side::Client, 100, 0, Flags::SYN, 0)
                .connection,
            0
        );
    }

    #[test]
    fn closed_connections_are_forgotten_in_time() {
        let mut tracker: Tracker<u64> = Tracker::default();
        let mut retired = Vec::new();
        for client in 0..u32::try_from(MOST_CLOSED).unwrap() + 1000 {
            for flags in [Flags::SYN, Flags::RST] {
                let segment = Segment {
                    source: SocketAddr::new(Ipv4Addr::from_bits(client).into(), 9),
                    destination: SERVER.parse().unwrap(),
                    sequence: 1,
                    acknowledgement: 0,
                    flags,
                    window: 0,
                    header_bytes: 20,
                    payload: &[],
                    payload_length: 0,
                };
                tracker.track_with(
                    &segment,
                    |number, _, _| number,
                    |gone| retired.push(gone.state),
                );
            }
        }
        assert!((990..=1000).contains(&retired.len()), "{}", retired.len());
        assert!(retired.is_sorted(), "the one that closed first goes first");
        assert!(
            tracker.entries.len() <= MOST_CLOSED + 10,
            "places are used again"
        );
    }

    #[test]
    fn a_connection_takes_little_memory() {
        let table = size_of::<u32>() + 1;
        assert!(
            size_of::<Option<Entry<()>>>() + 4 * table <= 250,
            "{}",
            size_of::<Option<Entry<()>>>()
        );
    }
}
