//! Tells the connections of a capture apart, and finds out the purpose of each segment.
//!
//! Statistics need no payload, only the part that each packet plays; they run at the speed of memory, over files of any
//! size. So the tracker keeps of a connection only what the next segment is compared with: about 200 bytes, which are
//! freed a while after the connection closed. Reassembly builds on the same table, and keeps what it needs as the
//! `state` of each connection. So both always agree on what a connection is, which end is its client, and which
//! segments a receiver ignores.
//!
//! A connection is a pair of addresses and ports, until they are used again:
//!
//! - by a SYN with another initial sequence number, or the answer to a SYN that was not captured;
//! - once both sides have closed, or one has reset, by a segment whose numbers fit neither the bytes of its side nor
//!   those of the other one;
//! - by two segments in a row that go on from each other, and are far from all others in both their numbers;
//! - by payload, if the connection has closed and had none of the next [`LINGER`] segments of the capture.
//!
//! The client is the sender of the SYN. A connection's own SYN may come after its other segments in the file, or not at
//! all: see [`sides`].
//!
//! ```
//! use wirestream::units::Side;
//! use wirestream::tcp::connection::{Kind, Tracker};
//! use wirestream::packet::{Flags, Segment};
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
//!     header: b"",
//!     payload: b"",
//!     payload_length: 0,
//! };
//! let tracked = tracker.track(&syn);
//! assert_eq!((tracked.connection, tracked.side, tracked.kind), (0, Side::Client, Kind::Handshake));
//! ```

mod gaps;
mod half;
mod key;
pub mod sides;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::SocketAddr;

use hashbrown::{DefaultHashBuilder, HashTable};

use self::half::{Half, Judged};
use self::key::Key;
use self::sides::{Doubt, side_by_port, side_by_syn};
use super::event::AsideReason;
use crate::packet::{Flags, Segment};
use crate::units::Side;

/// The most closed connections whose last packets are still told apart from new connections.
const MOST_CLOSED: usize = 65_536;
/// The most connections that are known at the same time; if there are more, those that were quiet longest are
/// forgotten.
const MOST_CONNECTIONS: usize = 1_048_576;
/// The number of segments of the capture after which a closed connection is given out, unless one of them was its own.
pub const LINGER: u64 = 4096;

/// The purpose of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SYN, its answer, and the ACK that completes the opening.
    Handshake,
    /// Payload that was not there before.
    Data,
    /// Payload, SYN or FIN that was there before.
    Retransmission,
    /// A probe for whether the peer is still there, or the answer to one.
    KeepAlive,
    /// Only an acknowledgement.
    Acknowledgement,
    /// Only a change of the window.
    WindowUpdate,
    /// FIN or RST without new payload, and the ACK of a FIN.
    Close,
    /// A segment that a receiver ignores.
    Ignored,
}

/// The tracker's findings about a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// The connection's number in the capture, counted from 0 in order of first packets.
    pub connection: u64,
    /// The side that sent the segment.
    pub side: Side,
    /// The purpose of the segment.
    pub kind: Kind,
    /// The reason why a receiver ignores it, if it does.
    pub ignored: Option<AsideReason>,
    /// True if it acknowledges bytes that no segment before had acknowledged.
    pub acknowledges: bool,
    /// True if it is known which end is the client. Until then, the sides are a guess, and [`Keeper::sides_are_known`]
    /// is called later.
    pub is_sure: bool,
    /// The place of the connection in the tracker, for [`Tracker::state`]; valid until the next segment.
    pub slot: usize,
}

/// A connection that the tracker has forgotten: closed a while ago, replaced by a new one, or crowded out.
#[derive(Debug)]
pub struct Retired<State> {
    /// The connection's number in the capture.
    pub connection: u64,
    /// The state that was kept with it.
    pub state: State,
}

/// A user of a tracker that keeps a state with each connection.
pub trait Keeper {
    /// The state of a connection.
    type State: Default;

    /// Makes the state of a new connection, from its number, client and server.
    fn open(&mut self, connection: u64, client: SocketAddr, server: SocketAddr) -> Self::State;

    /// Takes note that the client of the connection kept at `slot` is known now. If the sides have turned, the end
    /// taken for the client until now is the server.
    fn sides_are_known(&mut self, slot: usize, have_turned: bool, state: &mut Self::State) {
        let _ = (slot, have_turned, state);
    }

    /// Takes the state of a connection that closed a while ago, or is forgotten.
    fn retire(&mut self, retired: Retired<Self::State>) {
        let _ = retired;
    }
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug)]
struct Nothing;

impl Keeper for Nothing {
    type State = ();

    fn open(&mut self, _: u64, _: SocketAddr, _: SocketAddr) {}
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
    /// The closed connections that were not given out yet, with the segment at which that is due.
    lingering: VecDeque<(u32, u64, u64)>,
    /// The places of connections whose client may not be known yet, with their numbers and first segments.
    doubtful: VecDeque<(u32, u64, u64)>,
    /// The bytes of payload of connections whose client is not known yet.
    doubtful_payload: u64,
    /// The next place to look at for a connection to forget.
    hand: usize,
    /// The most connections that are known at the same time.
    most: usize,
    /// The number of connections that were forgotten before they closed.
    crowded_out: u64,
    connections: u64,
    segments: u64,
    /// The connection of the segment before, which is most often that of the next one too.
    recent: Option<u32>,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one connection, not the states of a machine"
)]
#[derive(Debug)]
struct Entry<State> {
    key: Key,
    connection: u64,
    /// Its last segment.
    last: u64,
    /// True if the lower end, by which the key is sorted, is the client.
    client_is_lower: bool,
    /// True if it had a packet since the hand passed.
    active: bool,
    closed: bool,
    /// True if it is in `closed`, and below, if it is in `lingering`. A connection may close more than once: a late
    /// segment may show that it is still open.
    is_among_closed: bool,
    is_lingering: bool,
    /// True if it was given out.
    is_given_out: bool,
    /// The doubt about which end is the client; `None` once that is known.
    doubt: Option<Doubt>,
    client: Half,
    server: Half,
    state: State,
}

impl<State> Default for Tracker<State> {
    fn default() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            places: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            closed: VecDeque::new(),
            lingering: VecDeque::new(),
            doubtful: VecDeque::new(),
            doubtful_payload: 0,
            hand: 0,
            most: MOST_CONNECTIONS,
            crowded_out: 0,
            connections: 0,
            segments: 0,
            recent: None,
        }
    }
}

impl Tracker {
    /// Finds out the purpose of a segment.
    #[inline]
    pub fn track(&mut self, segment: &Segment<'_>) -> Tracked {
        self.track_with(segment, &mut Nothing)
    }
}

impl<State: Default> Tracker<State> {
    /// Makes a tracker that takes about this many bytes. If there are more connections than fit, those that were quiet
    /// longest are forgotten.
    #[must_use]
    pub fn within(bytes: usize) -> Self {
        // Of the hash table, whose places are up to half empty, and of which there are two while it grows.
        const PLACES: usize = 4 * size_of::<u32>();
        let each = size_of::<Option<Entry<State>>>() + PLACES;
        Self {
            most: (bytes / each).clamp(1, MOST_CONNECTIONS),
            ..Self::default()
        }
    }

    /// Returns the number of connections that were forgotten before they closed, to make room for others. Their later
    /// segments count as other connections.
    #[must_use]
    pub const fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    /// Finds out the purpose of a segment; `keeper` makes the state of a new connection, and gets that of each
    /// connection which is over.
    #[inline]
    pub fn track_with(
        &mut self,
        segment: &Segment<'_>,
        keeper: &mut impl Keeper<State = State>,
    ) -> Tracked {
        self.segments += 1;
        self.give_out(keeper);
        self.end_doubts(keeper);
        let (key, source_is_lower) = Key::of(segment);
        let place = match self.find(&key) {
            Some(place) if !self.is_reused(place, source_is_lower, segment) => place,
            found => {
                if let Some(place) = found {
                    self.forget(place, keeper);
                }
                self.make_room(keeper);
                self.open(key, source_is_lower, segment, keeper)
            }
        };
        self.recent = Some(place);
        self.look_for_client(place, source_is_lower, segment, keeper);
        self.classify(place, source_is_lower, segment)
    }

    /// Ends all doubts about which end of a connection is the client: no segment follows.
    pub fn finish(&mut self, keeper: &mut impl Keeper<State = State>) {
        while let Some((place, connection, _)) = self.doubtful.pop_front() {
            self.end_doubt(place, connection, keeper);
        }
    }

    /// Returns the number of connections that were seen so far.
    #[must_use]
    pub const fn connections(&self) -> u64 {
        self.connections
    }

    /// Returns the state kept with the connection that [`Tracked::slot`] names.
    pub fn state(&mut self, slot: usize) -> Option<&mut State> {
        self.entries
            .get_mut(slot)?
            .as_mut()
            .map(|entry| &mut entry.state)
    }

    /// Returns all connections that were not given out, in order of their first packets.
    #[must_use]
    pub fn into_remaining(self) -> Vec<Retired<State>> {
        let entries = self.entries.into_iter().flatten();
        let entries = entries.filter(|entry| !entry.is_given_out);
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

    /// Returns true if a segment belongs to a new connection between ends that had one before.
    #[inline]
    fn is_reused(&self, place: u32, source_is_lower: bool, segment: &Segment<'_>) -> bool {
        let Some(entry) = self.entry(place) else {
            return false;
        };
        let (own, peer) = if entry.client_is_lower == source_is_lower {
            (&entry.client, &entry.server)
        } else {
            (&entry.server, &entry.client)
        };
        let flags = segment.flags;
        if flags.has(Flags::RST) {
            return false;
        }
        if flags.has(Flags::SYN) {
            return if flags.has(Flags::ACK) {
                own.is_reopened_by_answer(peer, segment)
            } else {
                entry.is_given_out || own.is_reopened_by(segment.sequence)
            };
        }
        if !flags.has(Flags::ACK) {
            return entry.is_given_out && segment.payload_length > 0;
        }
        entry.closed
            && (entry.is_given_out && segment.payload_length > 0
                || own.is_beyond_end(peer, segment))
            || own.has_stray_of(segment, true)
            || peer.has_stray_of(segment, false)
    }

    fn open(
        &mut self,
        key: Key,
        source_is_lower: bool,
        segment: &Segment<'_>,
        keeper: &mut impl Keeper<State = State>,
    ) -> u32 {
        let by_syn = side_by_syn(segment);
        let side = by_syn.unwrap_or_else(|| side_by_port(segment));
        let from_client = side == Side::Client;
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
            last: self.segments,
            client_is_lower: from_client == source_is_lower,
            active: true,
            closed: false,
            is_among_closed: false,
            is_lingering: false,
            is_given_out: false,
            doubt: by_syn.is_none().then(Doubt::default),
            client: Half::default(),
            server: Half::default(),
            state: keeper.open(connection, client, server),
        };
        let place = self.keep(entry);
        if by_syn.is_none() {
            self.doubtful.push_back((place, connection, self.segments));
        }
        place
    }

    /// Gives out the connections that closed a while ago.
    #[inline]
    fn give_out(&mut self, keeper: &mut impl Keeper<State = State>) {
        while let Some((place, connection, due)) = self.lingering.front().copied()
            && due < self.segments
        {
            self.lingering.pop_front();
            let Some(Some(entry)) = self.entries.get_mut(place as usize) else {
                continue;
            };
            if entry.connection != connection {
                continue;
            }
            entry.is_lingering = false;
            if !entry.closed || entry.is_given_out {
                continue;
            }
            if entry.last + LINGER >= self.segments {
                entry.is_lingering = true;
                self.lingering
                    .push_back((place, connection, entry.last + LINGER));
                continue;
            }
            entry.is_given_out = true;
            let state = std::mem::take(&mut entry.state);
            keeper.retire(Retired { connection, state });
        }
    }

    /// Ends the doubts that are too old.
    #[inline]
    fn end_doubts(&mut self, keeper: &mut impl Keeper<State = State>) {
        while let Some((place, connection, first)) = self.doubtful.front().copied()
            && first + sides::MOST_AGE <= self.segments
        {
            self.doubtful.pop_front();
            self.end_doubt(place, connection, keeper);
        }
    }

    /// Ends a doubt by what was seen so far, if it is still there.
    fn end_doubt(&mut self, place: u32, connection: u64, keeper: &mut impl Keeper<State = State>) {
        if let Some(Some(entry)) = self.entries.get_mut(place as usize)
            && entry.connection == connection
            && let Some(doubt) = &entry.doubt
        {
            self.doubtful_payload -= doubt.payload();
            let client_is_lower = doubt.guess().unwrap_or(entry.client_is_lower);
            entry.decide(client_is_lower, place as usize, keeper);
        }
    }

    /// Looks for evidence of the client in a segment, as long as the client is not known.
    #[inline]
    fn look_for_client(
        &mut self,
        place: u32,
        source_is_lower: bool,
        segment: &Segment<'_>,
        keeper: &mut impl Keeper<State = State>,
    ) {
        if let Some(Some(entry)) = self.entries.get_mut(place as usize)
            && let Some(doubt) = &mut entry.doubt
        {
            let before = doubt.payload();
            let known = doubt.hear(segment, source_is_lower);
            self.doubtful_payload = self.doubtful_payload - before + doubt.payload();
            let is_over = doubt.is_over() || self.doubtful_payload > sides::MOST_PAYLOAD_IN_ALL;
            if let Some(client_is_lower) = known {
                self.doubtful_payload -= doubt.payload();
                entry.decide(client_is_lower, place as usize, keeper);
            } else if is_over {
                let connection = entry.connection;
                self.end_doubt(place, connection, keeper);
            }
        }
    }

    fn keep(&mut self, entry: Entry<State>) -> u32 {
        let hash = self.hasher.hash_one(entry.key);
        let place = self.free.pop().unwrap_or_else(|| {
            if self.entries.len() == self.entries.capacity() {
                // Grows as a `Vec` does, but not past what is needed.
                let more = self.entries.len().max(64);
                let left = self.most.saturating_sub(self.entries.len());
                self.entries.reserve_exact(more.min(left.max(1)));
            }
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

    fn forget(&mut self, place: u32, keeper: &mut impl Keeper<State = State>) {
        if let Some(entry) = self.entry(place) {
            self.end_doubt(place, entry.connection, keeper);
        }
        let Some(entry) = self.entries[place as usize].take() else {
            return;
        };
        let hash = self.hasher.hash_one(entry.key);
        if let Ok(found) = self.places.find_entry(hash, |other| *other == place) {
            found.remove();
        }
        self.free.push(place);
        if !entry.is_given_out {
            keeper.retire(Retired {
                connection: entry.connection,
                state: entry.state,
            });
        }
    }

    /// Keeps the table within its bounds before a connection is added.
    fn make_room(&mut self, keeper: &mut impl Keeper<State = State>) {
        while self.closed.len() > MOST_CLOSED.min(self.most / 4) {
            self.forget_closed(keeper);
        }
        if self.places.len() >= self.most {
            self.forget_quiet(keeper);
        }
    }

    /// Forgets a connection to make room: a closed one if there is one, else one that was quiet for long. Returns false
    /// if there is none.
    pub(super) fn forget_one(&mut self, keeper: &mut impl Keeper<State = State>) -> bool {
        while !self.closed.is_empty() {
            if self.forget_closed(keeper) {
                return true;
            }
        }
        let is_any = !self.places.is_empty();
        if is_any {
            self.forget_quiet(keeper);
        }
        is_any
    }

    /// Forgets the connection that closed first, unless it is open again, or forgotten; then it returns false.
    fn forget_closed(&mut self, keeper: &mut impl Keeper<State = State>) -> bool {
        let Some((place, connection)) = self.closed.pop_front() else {
            return false;
        };
        let Some(Some(entry)) = self.entries.get_mut(place as usize) else {
            return false;
        };
        if entry.connection != connection {
            return false;
        }
        entry.is_among_closed = false;
        let is_closed = entry.closed;
        if is_closed {
            self.forget(place, keeper);
        }
        is_closed
    }

    /// Goes around the table until it finds a connection without a packet since the last time around.
    fn forget_quiet(&mut self, keeper: &mut impl Keeper<State = State>) {
        for _ in 0..=2 * self.entries.len() {
            self.hand = (self.hand + 1) % self.entries.len();
            match &mut self.entries[self.hand] {
                Some(entry) if entry.active => entry.active = false,
                Some(entry) => {
                    self.crowded_out += u64::from(!entry.closed);
                    self.forget(u32::try_from(self.hand).unwrap_or(u32::MAX), keeper);
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
        entry.last = self.segments;
        let (side, own, peer) = if entry.client_is_lower == source_is_lower {
            (Side::Client, &mut entry.client, &mut entry.server)
        } else {
            (Side::Server, &mut entry.server, &mut entry.client)
        };
        let Judged {
            kind,
            ignored,
            acknowledges,
        } = own.judge(peer, side, segment);
        let is_over = own.is_over_with(peer);
        if is_over && !entry.closed {
            if !std::mem::replace(&mut entry.is_among_closed, true) {
                self.closed.push_back((place, entry.connection));
            }
            if !std::mem::replace(&mut entry.is_lingering, true) {
                let due = self.segments + LINGER;
                self.lingering.push_back((place, entry.connection, due));
            }
        }
        entry.closed = is_over;
        Tracked {
            connection: entry.connection,
            side,
            kind,
            ignored,
            acknowledges,
            is_sure: entry.doubt.is_none(),
            slot: place as usize,
        }
    }
}

impl<State: Default> Entry<State> {
    /// Takes note of which end is the client, which is known now.
    fn decide(
        &mut self,
        client_is_lower: bool,
        slot: usize,
        keeper: &mut impl Keeper<State = State>,
    ) {
        self.doubt = None;
        let have_turned = self.client_is_lower != client_is_lower;
        if have_turned {
            self.client_is_lower = client_is_lower;
            std::mem::swap(&mut self.client, &mut self.server);
        }
        if !self.is_given_out {
            keeper.sides_are_known(slot, have_turned, &mut self.state);
        }
    }
}
