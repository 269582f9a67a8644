//! Puts the byte streams of TCP connections back together from their segments.
//!
//! A capture holds the bytes of a connection in any order, twice, overlapping, cut, or not at all. This module gives a
//! [`StreamSink`] the bytes of each side in order with the holes marked, as soon as they are known:
//!
//! - What was delivered first stays: later copies of the same bytes are dropped. Of segments that waited behind a gap and
//!   can be next, the one that came first goes first. (That is what Wireshark's "follow" does.)
//! - A gap is given up as missing when the peer acknowledges data behind it: then it was received, just not captured.
//!   Gaps that nothing closes are given up at the end of the connection, or when too much waits behind them.
//! - Captured payload without a place in the stream is reported as [`StreamEvent::Aside`]: copies with other contents
//!   than those delivered (as far back as the last MiB of the side; asides of bytes that cannot be compared say so),
//!   bytes after a FIN, which RFC 9293 §3.10.7.4 has the receiver ignore, bytes outside of every window. Only a keepalive
//!   probe's byte (§3.8.4) is not reported.
//! - A side whose first bytes were not captured begins with the first that were.
//! - The order of the packets in the file does not matter: before a gap is given up, or a side begins without its SYN,
//!   the connection's next [`MOST_AHEAD`] bytes of packets are searched for the missing ones.
//!
//! Each side ends with exactly one of [`StreamEvent::Finished`] and [`StreamEvent::Ended`]. `Finished` waits until the
//! peer has acknowledged the FIN, since one that it never saw ends nothing: bytes behind it belong to the stream if the
//! peer acknowledges them. `Ended` waits until nothing can follow (a RST may be forged, or overtake data). A connection
//! that was closed is given out when it was quiet for the next [`LINGER`] segments of the capture, so that a million of
//! them cost little; others when the ports are used again, or the capture ends.
//!
//! As long as it is not known which end is the client (see [`sides`](super::connection::sides)), a connection's
//! segments wait.
//!
//! [`LINGER`]: super::connection::LINGER
//!
//! ```
//! use wirestream::capture::CaptureReader;
//! use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
//! use wirestream::packet::{Decoded, FrameDecoder};
//! use wirestream::tcp::stream::{Options, Reassembler};
//!
//! struct Bytes(Vec<u8>);
//! impl StreamSink for Bytes {
//!     fn event(&mut self, _origin: Origin, event: StreamEvent<'_>) {
//!         if let StreamEvent::Data(bytes) = event {
//!             self.0.extend_from_slice(bytes);
//!         }
//!     }
//! }
//!
//! # fn read(file: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let mut reader = CaptureReader::new(file)?;
//! let mut decoder = FrameDecoder::default();
//! let mut reassembler = Reassembler::new(Options::default(), |_opening| Bytes(Vec::new()));
//! while let Some(packet) = reader.next() {
//!     let decoded = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
//!     if let Decoded::Segment(segment) = decoded {
//!         reassembler.segment(packet.number, packet.time, &segment);
//!     }
//! }
//! for (connection, sink) in reassembler.finish() {
//!     println!("{} → {}: {} bytes", connection.client, connection.server, sink.0.len());
//! }
//! # Ok(())
//! # }
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::SocketAddr;

use sha2::{Digest, Sha256};

use super::ahead::{Ahead, Held};
use super::connection::{Keeper, Kind, Retired, Tracked, Tracker};
use super::delivered::{Compared, Delivered};
use super::event::{AsideReason, Origin, StreamEvent, StreamSink};
use crate::budget::Budget;
use crate::packet::{self, Flags, Segment, distance};
use crate::units::{Side, Timestamp};

/// The most bytes of a connection's packets, with the cost of keeping each, that are read ahead before missing bytes
/// are given up.
pub const MOST_AHEAD: usize = 256 * 1024;
/// The most bytes of one side that may wait behind a gap.
const MOST_WAITING: usize = 8 * 1024 * 1024;
/// The cost of a waiting segment besides its bytes.
const WAITING_OVERHEAD: usize = 96;
/// The bytes that the tracker keeps of a connection, with its place in the tables.
const TRACKED_BYTES: usize = 320;
/// The distance beyond which bytes belong to another stream.
const LARGEST_WINDOW: u64 = packet::LARGEST_WINDOW.unsigned_abs() as u64;
/// The most segments that may wait at one place, each longer than those before it. All of them are looked at for every
/// further one.
const MOST_COPIES: usize = 32;

/// The optional work of a reassembler.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// True if the SHA-256 of each stream is to be computed.
    pub hash: bool,
}

/// The limits on what a reassembler holds of all connections together.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The bytes that wait behind gaps, or until the client is known; the latter have a quarter of it (see
    /// [`super::connection::sides`]).
    waiting: usize,
    /// The bytes that are remembered to compare copies with; if there are more, those that have been remembered longest
    /// are forgotten.
    remembered: usize,
    /// The number of connections; if there are more, those that closed first end, and then those that were quiet
    /// longest.
    connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            waiting: 64 * 1024 * 1024,
            remembered: 24 * 1024 * 1024,
            connections: usize::MAX,
        }
    }
}

/// A connection whose first packet was just seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Number of the connection in the capture, counted from 0.
    pub index: u64,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's address and port.
    pub server: SocketAddr,
}

/// A connection as it was when it ended, or the capture did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Number of the connection in the capture, counted from 0 in order of first packets.
    pub index: u64,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's address and port.
    pub server: SocketAddr,
    /// Time of its first packet.
    pub first: Timestamp,
    /// The time of its last packet. (Packets that come after the connection was given out are not looked at any more.)
    pub last: Timestamp,
    /// True if all of it is in the capture (both SYNs, or of a refused connection the client's; both FINs or a RST;
    /// every byte between), and nothing else is: no payload that is not part of the streams, and no segment that a
    /// receiver ignores.
    pub complete: bool,
    /// The client's bytes.
    pub client_stream: Stream,
    /// The server's bytes.
    pub server_stream: Stream,
}

/// One direction of a connection, in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// The number of packets sent, of any kind.
    pub packets: u64,
    /// The number of bytes that are in the capture, each counted once.
    pub bytes: u64,
    /// The number of bytes that are known to have been sent, but are not in the capture.
    pub missing: u64,
    /// The number of segments that repeated bytes with other contents than before.
    pub conflicts: u64,
    /// The number of bytes that are in the capture, but not part of the stream; each was reported as
    /// [`StreamEvent::Aside`].
    pub aside: u64,
    /// The number of segments without payload that a receiver ignores: no ACK, an acknowledgement of bytes that were
    /// never sent, a FIN that was not one. (A reset outside of the window is not counted: that of a connection which is
    /// just over often comes so.)
    pub ignored: u64,
    /// The SHA-256 of the bytes, holes left out; `None` unless [`Options::hash`] asked for it.
    pub sha256: Option<[u8; 32]>,
    /// The sequence number of its first byte; `None` if it is unknown where it begins.
    pub first_sequence: Option<u32>,
}

impl Connection {
    /// Returns the figures of one side.
    #[must_use]
    pub const fn stream(&self, side: Side) -> &Stream {
        match side {
            Side::Client => &self.client_stream,
            Side::Server => &self.server_stream,
        }
    }
}

/// Reassembles all the connections of a capture at once.
///
/// `open` is called with each new connection and makes the sink that gets its events.
pub struct Reassembler<Sink, Open> {
    options: Options,
    bounds: Bounds,
    open: Open,
    /// The number of connections that were not given out.
    live: usize,
    /// The table of connections, without a state for those that were given out: the tracker still tells their late
    /// packets from new ones.
    tracker: Tracker<Kept<Sink>>,
    finished: Vec<(Connection, Sink)>,
    waiting_in_all: usize,
    remembered_in_all: usize,
    /// The slots and numbers of the connections with remembered bytes, in the order in which that began.
    remembering: VecDeque<(usize, u64)>,
}

/// The state of a connection; `None` once it was given out.
type Kept<Sink> = Option<Box<Live<Sink>>>;

/// Opens connections for the tracker, and takes them back.
struct Opener<'a, Sink, Open> {
    options: Options,
    open: &'a mut Open,
    time: Timestamp,
    retired: Vec<Box<Live<Sink>>>,
    /// The slots and numbers of connections whose client is known now.
    decided: Vec<(usize, u64)>,
}

impl<Sink: StreamSink, Open: FnMut(&Opening) -> Sink> Keeper for Opener<'_, Sink, Open> {
    type State = Kept<Sink>;

    fn open(&mut self, index: u64, client: SocketAddr, server: SocketAddr) -> Kept<Sink> {
        let opening = Opening {
            index,
            client,
            server,
        };
        let live = Live::new(self.options, self.open, opening, self.time);
        Some(Box::new(live))
    }

    fn sides_are_known(&mut self, slot: usize, have_turned: bool, kept: &mut Kept<Sink>) {
        if let Some(live) = kept {
            live.decide(have_turned);
            self.decided.push((slot, live.opening.index));
        }
    }

    fn retire(&mut self, retired: Retired<Kept<Sink>>) {
        self.retired.extend(retired.state);
    }
}

/// A connection that was not given out yet.
struct Live<Sink> {
    opening: Opening,
    first: Timestamp,
    last: Timestamp,
    client: Half,
    server: Half,
    ahead: Ahead,
    /// True if it is known which end is the client; until then, all segments are read ahead.
    is_sure: bool,
    sink: Sink,
}

/// The tracker's findings about a segment, as far as its stream is concerned.
#[derive(Clone, Copy)]
pub(super) struct Verdict {
    /// True if it is a keepalive probe.
    is_probe: bool,
    /// The reason why a receiver ignores it, if it does.
    ignored: Option<AsideReason>,
}

impl From<&Tracked> for Verdict {
    fn from(tracked: &Tracked) -> Self {
        Self {
            is_probe: tracked.kind == Kind::KeepAlive,
            ignored: tracked.ignored,
        }
    }
}

impl<Sink: StreamSink, Open: FnMut(&Opening) -> Sink> Reassembler<Sink, Open> {
    /// Makes a reassembler without connections yet.
    #[must_use]
    pub fn new(options: Options, open: Open) -> Self {
        Self {
            options,
            bounds: Bounds::default(),
            open,
            live: 0,
            tracker: Tracker::default(),
            finished: Vec::new(),
            waiting_in_all: 0,
            remembered_in_all: 0,
            remembering: VecDeque::new(),
        }
    }

    /// Limits the reassembler to the budget. Each sink takes `sink_bytes` besides its own size.
    #[must_use]
    pub fn within(mut self, budget: &Budget, sink_bytes: usize) -> Self {
        let each = size_of::<Live<Sink>>() + TRACKED_BYTES + sink_bytes;
        self.bounds = Bounds {
            waiting: budget.waiting(),
            remembered: budget.remembered(),
            connections: budget.connections(each),
        };
        self
    }

    /// Takes the next segment of the capture, with the number and time of its packet. Returns its connection and the
    /// tracker's other findings.
    pub fn segment(&mut self, packet: u64, time: Timestamp, segment: &Segment<'_>) -> Tracked {
        self.crowd_out(time);
        let mut opener = Opener::new(self.options, &mut self.open, time);
        let before = self.tracker.connections();
        let tracked = self.tracker.track_with(segment, &mut opener);
        let (retired, decided) = (opener.retired, opener.decided);
        self.live += usize::from(self.tracker.connections() > before);
        self.end_all(retired);
        for (slot, connection) in decided {
            self.change(slot, connection, Live::take_decided);
        }
        let origin = Origin {
            side: tracked.side,
            packet,
            time,
            acknowledged: 0,
        };
        let verdict = Verdict::from(&tracked);
        self.change(tracked.slot, tracked.connection, |live, room| {
            live.is_sure |= tracked.is_sure;
            live.segment(origin, segment, verdict, room);
        });
        self.forget_surplus();
        tracked
    }

    /// Ends connections if there are too many.
    fn crowd_out(&mut self, time: Timestamp) {
        while self.live >= self.bounds.connections {
            let mut opener = Opener::new(self.options, &mut self.open, time);
            let has_forgotten = self.tracker.forget_one(&mut opener);
            let retired = opener.retired;
            self.end_all(retired);
            if !has_forgotten {
                return;
            }
        }
    }

    /// Forgets delivered bytes until the rest is within its bound.
    fn forget_surplus(&mut self) {
        while self.remembered_in_all > self.bounds.remembered
            && let Some((slot, connection)) = self.remembering.pop_front()
        {
            if let Some(Some(live)) = self.tracker.state(slot)
                && live.opening.index == connection
            {
                self.remembered_in_all -= live.remembered();
                live.client.forget_delivered();
                live.server.forget_delivered();
            }
        }
    }

    /// Returns the number of bytes that wait behind gaps, which is bounded for any input.
    #[must_use]
    pub const fn waiting_bytes(&self) -> usize {
        self.waiting_in_all
    }

    /// Returns the number of connections that were ended before they closed, to make room for others. Their later
    /// segments count as other connections.
    #[must_use]
    pub const fn ended_early(&self) -> u64 {
        self.tracker.crowded_out()
    }

    /// Returns the connections that have ended since the last call, for a caller that wants them before the capture
    /// ends.
    pub fn take_finished(&mut self) -> Vec<(Connection, Sink)> {
        std::mem::take(&mut self.finished)
    }

    /// Ends every connection; returns all that [`Self::take_finished`] did not give, in order of their first packets.
    #[must_use]
    pub fn finish(mut self) -> Vec<(Connection, Sink)> {
        let mut opener = Opener::new(self.options, &mut self.open, Timestamp::default());
        self.tracker.finish(&mut opener);
        let remaining = std::mem::take(&mut self.tracker).into_remaining();
        self.end_all(
            remaining
                .into_iter()
                .filter_map(|remaining| remaining.state),
        );
        self.finished
            .sort_by_key(|(connection, _)| connection.index);
        self.finished
    }

    /// Changes a connection, and keeps count of what it holds.
    fn change(
        &mut self,
        slot: usize,
        connection: u64,
        change: impl FnOnce(&mut Live<Sink>, usize),
    ) {
        let Some(Some(live)) = self.tracker.state(slot) else {
            return;
        };
        if live.opening.index != connection {
            return;
        }
        let (waiting, remembered) = (live.waiting(), live.remembered());
        let room = self.bounds.waiting - self.bounds.waiting / 4;
        change(live, room.saturating_sub(self.waiting_in_all - waiting));
        self.waiting_in_all = self.waiting_in_all - waiting + live.waiting();
        self.remembered_in_all = self.remembered_in_all - remembered + live.remembered();
        if remembered == 0 && live.remembered() > 0 {
            self.remembering.push_back((slot, connection));
        }
    }

    fn end_all(&mut self, lives: impl IntoIterator<Item = Box<Live<Sink>>>) {
        for live in lives {
            self.live -= 1;
            self.waiting_in_all -= live.waiting();
            self.remembered_in_all -= live.remembered();
            self.finished.push(live.end());
        }
    }
}

impl<'a, Sink, Open> Opener<'a, Sink, Open> {
    const fn new(options: Options, open: &'a mut Open, time: Timestamp) -> Self {
        Self {
            options,
            open,
            time,
            retired: Vec::new(),
            decided: Vec::new(),
        }
    }
}

impl<Sink: StreamSink> Live<Sink> {
    fn new(
        options: Options,
        open: &mut impl FnMut(&Opening) -> Sink,
        opening: Opening,
        first: Timestamp,
    ) -> Self {
        let sink = open(&opening);
        let half = |side| Half::new(side, options);
        Self {
            opening,
            first,
            last: first,
            client: half(Side::Client),
            server: half(Side::Server),
            ahead: Ahead::default(),
            is_sure: false,
            sink,
        }
    }

    /// Takes note that the client is known now.
    fn decide(&mut self, have_turned: bool) {
        self.is_sure = true;
        if have_turned {
            let opening = &mut self.opening;
            std::mem::swap(&mut opening.client, &mut opening.server);
            self.ahead.turn_sides();
            self.sink.sides_have_turned();
        }
    }

    /// Takes the segments that were read ahead until the client was known.
    fn take_decided(&mut self, room: usize) {
        self.take_ahead(self.most_ahead(room), room);
    }

    /// Returns the number of bytes that may be read ahead.
    fn most_ahead(&self, room: usize) -> usize {
        let behind_gaps = self.client.waiting_bytes + self.server.waiting_bytes;
        MOST_AHEAD.min(room.saturating_sub(behind_gaps))
    }

    fn waiting(&self) -> usize {
        self.client.waiting_bytes + self.server.waiting_bytes + self.ahead.bytes()
    }

    fn remembered(&self) -> usize {
        self.client.delivered.memory() + self.server.delivered.memory()
    }

    const fn half(&self, side: Side) -> &Half {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn segment(&mut self, origin: Origin, segment: &Segment<'_>, verdict: Verdict, room: usize) {
        self.last = origin.time;
        if !self.is_sure {
            self.ahead.push(origin, segment, verdict);
            return;
        }
        if self.ahead.is_empty() && !self.is_doubtful(origin.side, segment, verdict) {
            self.take(origin, segment, verdict, room);
            return;
        }
        self.ahead.push(origin, segment, verdict);
        let most = self.most_ahead(room);
        if self.ahead.bytes() > most || self.last_may_help_first() {
            self.take_ahead(most, room);
        }
    }

    /// Returns true if bytes that are missing before a segment are to be looked for in the segments behind it.
    fn is_doubtful(&self, side: Side, segment: &Segment<'_>, verdict: Verdict) -> bool {
        verdict.ignored.is_none()
            && (self.lacks_beginning(side, segment) || self.acknowledges_gap(side, segment))
    }

    /// Takes segments that were read ahead, until a doubt is left and no more than `most` bytes are.
    fn take_ahead(&mut self, most: usize, room: usize) {
        while let Some(first) = self.ahead.first() {
            let side = first.origin.side;
            let may_wait = self.ahead.bytes() <= most;
            let is_taken = first.verdict.ignored.is_none();
            if is_taken && self.lacks_beginning(side, &first.segment()) && !self.begin_ahead(side) {
                if may_wait {
                    return;
                }
                self.begin_with_lowest(side);
            }
            if is_taken && self.first_acknowledges_gap() && !self.is_filled_ahead(side.peer()) {
                if may_wait {
                    return;
                }
                self.give_up_gap_of_peer();
            } else if let Some(first) = self.ahead.pop() {
                self.take(first.origin, &first.segment(), first.verdict, room);
            }
        }
    }

    fn take(&mut self, origin: Origin, segment: &Segment<'_>, verdict: Verdict, room: usize) {
        let room = room.saturating_sub(self.ahead.bytes());
        let (own, peer) = match origin.side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        if let Some(reason) = verdict.ignored {
            own.ignore(origin, segment, reason, &mut self.sink);
            return;
        }
        if acknowledges(segment) {
            peer.acknowledge(origin, segment.acknowledgement, &mut self.sink);
        }
        let origin = Origin {
            acknowledged: peer.acknowledged_so_far(),
            ..origin
        };
        own.segment(origin, segment, verdict.is_probe, room, &mut self.sink);
    }

    fn first_acknowledges_gap(&self) -> bool {
        let asks = |first: &Held| self.acknowledges_gap(first.origin.side, &first.segment());
        self.ahead.first().is_some_and(asks)
    }

    /// Gives up the first gap in the stream of the peer of the first segment's sender: its bytes were received, just
    /// not captured.
    fn give_up_gap_of_peer(&mut self) {
        let Some(Held { origin: by, .. }) = self.ahead.first() else {
            return;
        };
        match by.side {
            Side::Client => self.server.give_up_first_gap(*by, &mut self.sink),
            Side::Server => self.client.give_up_first_gap(*by, &mut self.sink),
        }
    }

    /// Returns true if it is unknown where the stream of the segment's sender begins, and so where its bytes belong.
    fn lacks_beginning(&self, side: Side, segment: &Segment<'_>) -> bool {
        let has_place = segment.payload_length > 0 || segment.flags.has(Flags::FIN);
        let is_known = self.half(side).beginning == Beginning::Known;
        has_place && !is_known && !segment.flags.has(Flags::SYN)
    }

    /// Begins a side with its SYN, if that comes later in the file.
    fn begin_ahead(&mut self, side: Side) -> bool {
        let is_its = |held: &&Held| {
            held.origin.side == side && held.is_syn() && held.verdict.ignored.is_none()
        };
        let Some(syn) = self.ahead.rest().find(is_its) else {
            return false;
        };
        match side {
            Side::Client => self.client.begin(&syn.segment()),
            Side::Server => self.server.begin(&syn.segment()),
        }
        true
    }

    /// Begins a side whose SYN was not captured. It begins with the first of the bytes read ahead that go on up to its
    /// first segment in the file: their order there does not matter.
    fn begin_with_lowest(&mut self, side: Side) {
        let Some(first) = self.ahead.first() else {
            return;
        };
        let reference = first.segment().sequence;
        let is_its = |held: &&Held| {
            let segment = held.segment();
            let has_place = segment.payload_length > 0 || segment.flags.has(Flags::FIN);
            let is_taken = held.verdict.ignored.is_none() && !held.verdict.is_probe;
            held.origin.side == side && has_place && is_taken
        };
        let mut before: Vec<&Held> = self.ahead.rest().filter(is_its).collect();
        before.sort_by_key(|held| Reverse(distance(reference, held.segment().sequence)));
        let mut begin = first;
        for held in before {
            let (begins, ends) = (held.segment().sequence, held.segment().next_sequence());
            let sequence = begin.segment().sequence;
            if distance(begins, sequence) > 0 && distance(sequence, ends) >= 0 {
                begin = held;
            }
        }
        match side {
            Side::Client => self.client.begin(&begin.segment()),
            Side::Server => self.server.begin(&begin.segment()),
        }
    }

    /// Returns true if the segment acknowledges data behind a gap in the peer's stream.
    fn acknowledges_gap(&self, side: Side, segment: &Segment<'_>) -> bool {
        let peer = self.half(side.peer());
        acknowledges(segment) && peer.would_give_up_before(segment.acknowledgement)
    }

    /// Returns true if the gap in a side's stream is filled later in the file.
    fn is_filled_ahead(&self, side: Side) -> bool {
        self.ahead.rest().any(|held| self.fills_gap(side, held))
    }

    fn fills_gap(&self, side: Side, held: &Held) -> bool {
        held.origin.side == side
            && held.verdict.ignored.is_none()
            && self.half(side).is_in_gap(&held.segment())
    }

    /// Returns true if the segment that came last can end the doubt about the first.
    fn last_may_help_first(&self) -> bool {
        let (Some(first), Some(last)) = (self.ahead.first(), self.ahead.last()) else {
            return false;
        };
        last.is_syn() || self.fills_gap(first.origin.side.peer(), last)
    }

    fn end(mut self) -> (Connection, Sink) {
        self.take_ahead(0, MOST_WAITING);
        let last = self.client.last.or(self.server.last);
        self.client.end(last, &mut self.sink);
        let last = self.server.last.or(last);
        self.server.end(last, &mut self.sink);
        let complete = self.is_complete();
        let connection = Connection {
            index: self.opening.index,
            client: self.opening.client,
            server: self.opening.server,
            first: self.first,
            last: self.last,
            complete,
            client_stream: self.client.figures(),
            server_stream: self.server.figures(),
        };
        (connection, self.sink)
    }

    fn is_complete(&self) -> bool {
        let (client, server) = (&self.client, &self.server);
        let is_reset = client.reset.is_some() || server.reset.is_some();
        let is_refused = is_reset && server.figures.bytes == 0;
        let is_opened = client.syn && (server.syn || is_refused);
        let is_closed = is_reset || client.fin.is_some() && server.fin.is_some();
        let is_whole = |half: &Half| {
            half.figures.missing == 0 && half.figures.aside == 0 && half.figures.ignored == 0
        };
        is_opened && is_closed && is_whole(client) && is_whole(server)
    }
}

/// Returns the origin of an event of this side, made known by a packet that may be its peer's: then its acknowledgement
/// is not this side's, and is left out.
const fn heard(side: Side, by: Origin) -> Origin {
    Origin {
        side,
        acknowledged: 0,
        ..by
    }
}

/// One direction of a connection. Its bytes are counted from 0; `offset` is the next one to deliver.
struct Half {
    side: Side,
    /// Sequence number of byte 0.
    first_sequence: u32,
    beginning: Beginning,
    offset: u64,
    figures: Stream,
    /// The hash of the bytes. Boxed, since most connections are read without, and it is a quarter of this.
    hash: Option<Box<Sha256>>,
    /// The segments behind a gap, by offset and, for the same offset, in order of arrival.
    waiting: BTreeMap<(u64, u64), Waiting>,
    waiting_bytes: usize,
    arrivals: u64,
    /// The offset behind all that was captured, its FIN included.
    seen: u64,
    /// The offset up to which the peer has acknowledged; below, the packet that did.
    acknowledged: u64,
    acknowledged_by: Option<Origin>,
    /// The peer's last acknowledgement, if it is of more than was captured: believed once its next acknowledgement is
    /// no less, or if none follows.
    claim: Option<(u64, Origin)>,
    /// The furthest claim whose next acknowledgement was less.
    disputed: u64,
    delivered: Delivered,
    /// The end of the stream.
    fin: Option<Fin>,
    /// Another FIN, at another place.
    other_fin: Option<Fin>,
    syn: bool,
    reset: Option<Origin>,
    last: Option<Origin>,
    is_finished: bool,
}

/// The end of a stream.
#[derive(Clone, Copy)]
struct Fin {
    end: u64,
    /// The packet that told it.
    origin: Origin,
    /// True if the peer has acknowledged it: then bytes behind it are not part of the stream.
    is_sure: bool,
}

/// The certainty of the sequence number of byte 0.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    Unknown,
    /// Guessed from an acknowledgement, or a segment without data, in a capture that starts in mid-connection.
    Guessed,
    Known,
}

struct Waiting {
    origin: Origin,
    bytes: Box<[u8]>,
    sent: u32,
}

/// Payload with its place in the stream.
#[derive(Clone, Copy)]
struct PieceOfStream<'a> {
    start: u64,
    /// The bytes that were captured.
    bytes: &'a [u8],
    /// The number of bytes that were sent.
    sent: u32,
}

/// Returns true if the acknowledgement number is meaningful (RFC 9293 §3.5.3: that of a reset may be anything).
const fn acknowledges(segment: &Segment<'_>) -> bool {
    segment.flags.has(Flags::ACK) && !segment.flags.has(Flags::RST)
}

impl Half {
    fn new(side: Side, options: Options) -> Self {
        Self {
            side,
            first_sequence: 0,
            beginning: Beginning::Unknown,
            offset: 0,
            figures: Stream::default(),
            hash: options.hash.then(Box::default),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            arrivals: 0,
            seen: 0,
            acknowledged: 0,
            acknowledged_by: None,
            claim: None,
            disputed: 0,
            delivered: Delivered::default(),
            fin: None,
            other_fin: None,
            syn: false,
            reset: None,
            last: None,
            is_finished: false,
        }
    }

    /// Returns the offset that a sequence number stands for: of all possible ones, the one nearest to the next byte.
    fn position(&self, sequence: u32) -> i64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "sequence numbers count modulo 2^32"
        )]
        let next = self.first_sequence.wrapping_add(self.offset as u32);
        self.offset.cast_signed() + i64::from(distance(next, sequence))
    }

    fn segment(
        &mut self,
        origin: Origin,
        segment: &Segment<'_>,
        is_probe: bool,
        room: usize,
        sink: &mut impl StreamSink,
    ) {
        self.figures.packets += 1;
        self.last = Some(origin);
        self.begin(segment);
        if segment.payload_length > 0 {
            self.payload(origin, segment, is_probe, room, sink);
        }
        if segment.flags.has(Flags::FIN.with(Flags::ACK)) {
            self.note_fin(origin, segment, sink);
        }
        if segment.flags.has(Flags::RST) {
            self.reset.get_or_insert(origin);
        }
        self.finish_if_done(sink);
    }

    /// Takes note of a segment that a receiver ignores.
    fn ignore(
        &mut self,
        origin: Origin,
        segment: &Segment<'_>,
        reason: AsideReason,
        sink: &mut impl StreamSink,
    ) {
        self.figures.packets += 1;
        self.last = Some(origin);
        self.put_aside(reason, segment.payload, origin, sink);
        let is_late_reset = reason == AsideReason::OutsideWindow && segment.flags.has(Flags::RST);
        if segment.payload.is_empty() && !is_late_reset {
            self.figures.ignored += 1;
        }
    }

    /// Finds out where the stream begins, from its SYN or, without one, from the first segment.
    fn begin(&mut self, segment: &Segment<'_>) {
        let is_syn = segment.flags.has(Flags::SYN);
        self.syn |= is_syn;
        let sequence = segment.payload_sequence();
        if self.beginning == Beginning::Known {
            if is_syn && self.seen == 0 && self.acknowledged_by.is_none() {
                // Nothing came of the SYN before.
                self.first_sequence = sequence;
            }
            return;
        }
        let is_certain = is_syn || segment.payload_length > 0 || segment.flags.has(Flags::FIN);
        match self.beginning {
            Beginning::Guessed if !is_certain => {}
            Beginning::Guessed => self.correct_guess(sequence, is_syn),
            Beginning::Unknown | Beginning::Known => self.first_sequence = sequence,
        }
        self.beginning = if is_certain {
            Beginning::Known
        } else {
            Beginning::Guessed
        };
    }

    /// Corrects a guessed beginning. The first data decides, unless it is a little way after what the peer
    /// acknowledged: then there is a gap before it.
    fn correct_guess(&mut self, sequence: u32, is_syn: bool) {
        let ahead = self.position(sequence);
        let acknowledged = self.acknowledged_so_far();
        let behind_acknowledged = ahead - acknowledged.cast_signed();
        // A keepalive probe was seen before: it is one short of the next byte.
        let was_probe = ahead == 1 && acknowledged <= 1;
        let is_plausible = ahead >= 0 && behind_acknowledged.unsigned_abs() < LARGEST_WINDOW / 64;
        if is_syn || was_probe || !is_plausible {
            self.acknowledged = u64::try_from(-behind_acknowledged).unwrap_or(0);
            self.claim = None;
            self.first_sequence = sequence;
        }
    }

    /// Takes note of the peer's acknowledgement.
    fn acknowledge(&mut self, by: Origin, acknowledgement: u32, sink: &mut impl StreamSink) {
        if self.beginning == Beginning::Unknown {
            self.beginning = Beginning::Guessed;
            self.first_sequence = acknowledgement;
        }
        if let Some(position) = self.acknowledged_position(acknowledgement) {
            let side = self.side;
            self.weigh(position, heard(side, by));
            self.look_at_fin(position, sink);
        }
    }

    /// Believes an acknowledgement of captured bytes at once; one of more than that only once the next one is no less.
    /// (One damaged number must not make a hole.)
    fn weigh(&mut self, position: u64, by: Origin) {
        if let Some((claimed, claimed_by)) = self.claim.take() {
            if claimed <= position.max(self.seen) {
                self.believe(claimed, claimed_by);
            } else {
                self.disputed = self.disputed.max(claimed);
            }
        }
        if position <= self.seen {
            self.believe(position, by);
        } else {
            self.claim = Some((position, by));
        }
    }

    /// Returns the offset up to which the peer says that it has acknowledged.
    fn acknowledged_so_far(&self) -> u64 {
        let claimed = self.claim.map_or(0, |(position, _)| position);
        self.acknowledged.max(claimed)
    }

    fn believe(&mut self, position: u64, by: Origin) {
        if position > self.acknowledged || self.acknowledged_by.is_none() {
            self.acknowledged = self.acknowledged.max(position);
            self.acknowledged_by = Some(by);
        }
    }

    /// Ends the stream at a FIN that the peer acknowledged. If the peer acknowledged bytes that were sent behind a FIN,
    /// it never saw that FIN.
    fn look_at_fin(&mut self, acknowledged: u64, sink: &mut impl StreamSink) {
        let Some(fin) = self.fin.filter(|fin| !fin.is_sure) else {
            return;
        };
        let is_its = |fin: Fin| fin.end + 1 == acknowledged;
        let is_refuted = acknowledged > fin.end + 1 && acknowledged <= self.seen;
        if is_its(fin) {
            self.make_sure_of_fin(sink);
        } else if is_refuted || self.other_fin.is_some_and(is_its) {
            self.figures.ignored += 1;
            self.fin = self.other_fin.take();
            self.deliver_waiting(sink);
            if self.fin.is_some_and(is_its) {
                self.make_sure_of_fin(sink);
            }
        }
    }

    fn make_sure_of_fin(&mut self, sink: &mut impl StreamSink) {
        let Some(fin) = &mut self.fin else {
            return;
        };
        fin.is_sure = true;
        let end = fin.end;
        for waiting in self.waiting.split_off(&(end, 0)).into_values() {
            self.waiting_bytes -= waiting.bytes.len() + WAITING_OVERHEAD;
            self.put_aside(AsideReason::BehindFin, &waiting.bytes, waiting.origin, sink);
        }
        self.finish_if_done(sink);
    }

    fn acknowledged_position(&self, acknowledgement: u32) -> Option<u64> {
        let position = u64::try_from(self.position(acknowledgement)).ok();
        position.filter(|position| *position <= self.offset + LARGEST_WINDOW)
    }

    fn give_up_first_gap(&mut self, by: Origin, sink: &mut impl StreamSink) {
        if let Some(start) = self.first_waiting() {
            let side = self.side;
            self.give_up_before(start, heard(side, by), sink);
            self.finish_if_done(sink);
        }
    }

    /// Returns true if the peer acknowledges data behind a gap.
    fn would_give_up_before(&self, acknowledgement: u32) -> bool {
        let Some(start) = self.first_waiting() else {
            return false;
        };
        let position = self.acknowledged_position(acknowledgement);
        self.acknowledged.max(position.unwrap_or(0)) > start
    }

    /// Returns true if a segment has bytes that the first gap lacks.
    fn is_in_gap(&self, segment: &Segment<'_>) -> bool {
        let start = self.position(segment.payload_sequence());
        let end = start + i64::from(segment.payload_length);
        segment.payload_length > 0
            && end > self.offset.cast_signed()
            && self
                .first_waiting()
                .is_some_and(|waiting| start < waiting.cast_signed())
    }

    fn payload(
        &mut self,
        origin: Origin,
        segment: &Segment<'_>,
        is_probe: bool,
        room: usize,
        sink: &mut impl StreamSink,
    ) {
        let position = self.position(segment.payload_sequence());
        let is_old = position + i64::from(segment.payload_length) <= self.offset.cast_signed();
        // RFC 9293 §3.8.4: the byte of a probe is garbage.
        if is_probe && (is_old || self.fin.is_some()) {
            return;
        }
        let piece = self.in_reach(position, origin, segment, sink);
        let Some(piece) = piece else {
            return;
        };
        self.seen = self.seen.max(piece.start + u64::from(piece.sent));
        let Some(piece) = self.before_fin(piece, origin, sink) else {
            self.keep_within(room.min(MOST_WAITING), origin, sink);
            return;
        };
        if piece.start > self.offset {
            self.wait(origin, piece, sink);
            self.keep_within(room.min(MOST_WAITING), origin, sink);
        } else {
            self.compare(piece, origin, sink);
            self.deliver(origin, piece, sink);
            self.deliver_waiting(sink);
        }
    }

    /// Returns the part of a segment's payload that can be in the stream. Bytes before byte 0 were sent before the
    /// capture started, or belong to another stream, as do bytes that are too far away.
    fn in_reach<'a>(
        &mut self,
        position: i64,
        origin: Origin,
        segment: &Segment<'a>,
        sink: &mut impl StreamSink,
    ) -> Option<PieceOfStream<'a>> {
        let (bytes, sent) = (segment.payload, segment.payload_length);
        let before = u32::try_from(position.min(0).unsigned_abs()).unwrap_or(u32::MAX);
        let (outside, rest) = bytes.split_at(bytes.len().min(before as usize));
        self.put_aside(AsideReason::OutsideWindow, outside, origin, sink);
        let sent = sent.checked_sub(before).filter(|sent| *sent > 0)?;
        let start = u64::try_from(position).unwrap_or(0);
        if start > self.offset + LARGEST_WINDOW {
            self.put_aside(AsideReason::OutsideWindow, rest, origin, sink);
            return None;
        }
        Some(PieceOfStream {
            start,
            bytes: rest,
            sent,
        })
    }

    /// Returns the part of a piece that comes before the end of the stream. The part behind it waits as long as the
    /// peer may not have seen the FIN.
    fn before_fin<'a>(
        &mut self,
        piece: PieceOfStream<'a>,
        origin: Origin,
        sink: &mut impl StreamSink,
    ) -> Option<PieceOfStream<'a>> {
        let Some(fin) = self.fin else {
            return Some(piece);
        };
        let sent = u64::from(piece.sent).min(fin.end.saturating_sub(piece.start));
        let length = usize::try_from(sent).unwrap_or(usize::MAX);
        let (bytes, behind) = piece.bytes.split_at(length.min(piece.bytes.len()));
        if fin.is_sure {
            self.put_aside(AsideReason::BehindFin, behind, origin, sink);
        } else if u64::from(piece.sent) > sent {
            let behind = PieceOfStream {
                start: piece.start.max(fin.end),
                bytes: behind,
                sent: piece.sent - u32::try_from(sent).unwrap_or(piece.sent),
            };
            self.wait(origin, behind, sink);
        }
        let sent = u32::try_from(sent).ok().filter(|sent| *sent > 0)?;
        Some(PieceOfStream {
            bytes,
            sent,
            ..piece
        })
    }

    fn put_aside(
        &mut self,
        reason: AsideReason,
        bytes: &[u8],
        origin: Origin,
        sink: &mut impl StreamSink,
    ) {
        if !bytes.is_empty() {
            self.figures.aside += bytes.len() as u64;
            sink.event(origin, StreamEvent::Aside(reason, bytes));
        }
    }

    /// Puts aside the parts of a piece that were delivered with other bytes, or came too late for their place.
    fn compare(&mut self, piece: PieceOfStream<'_>, origin: Origin, sink: &mut impl StreamSink) {
        let known = usize::try_from(self.offset - piece.start).unwrap_or(usize::MAX);
        let copy = &piece.bytes[..known.min(piece.bytes.len())];
        if copy.is_empty() {
            return;
        }
        let mut is_conflict = false;
        for (known, place) in self.delivered.compare(piece.start, copy) {
            let reason = match known {
                Compared::Same => continue,
                Compared::Other => AsideReason::Conflict,
                Compared::Missing => AsideReason::TooLate,
                Compared::Forgotten => AsideReason::NotCompared,
            };
            is_conflict |= known == Compared::Other;
            self.put_aside(reason, &copy[place], origin, sink);
        }
        self.figures.conflicts += u64::from(is_conflict);
    }

    fn forget_delivered(&mut self) {
        self.delivered.forget_before(self.offset);
    }

    fn wait(&mut self, origin: Origin, piece: PieceOfStream<'_>, sink: &mut impl StreamSink) {
        let PieceOfStream { start, bytes, sent } = piece;
        let same = self.waiting.range((start, 0)..=(start, u64::MAX));
        let longer = |other: &&Waiting| other.sent >= sent && other.bytes.len() >= bytes.len();
        let mut longer = same.clone().map(|(_, other)| other).filter(longer);
        let first = longer.next();
        if let Some(first) = first {
            let is_same = first.bytes.starts_with(bytes)
                || longer.any(|other| other.bytes.starts_with(bytes));
            if !is_same {
                self.figures.conflicts += 1;
                self.put_aside(AsideReason::Conflict, bytes, origin, sink);
            }
            return;
        }
        if same.count() >= MOST_COPIES {
            self.put_aside(AsideReason::TooManyCopies, bytes, origin, sink);
            return;
        }
        self.arrivals += 1;
        self.waiting_bytes += bytes.len() + WAITING_OVERHEAD;
        self.waiting.insert(
            (start, self.arrivals),
            Waiting {
                origin,
                bytes: bytes.into(),
                sent,
            },
        );
    }

    /// Returns the offset of the first segment that waits behind a gap; one that waits behind a FIN does not count.
    fn first_waiting(&self) -> Option<u64> {
        let first = self.waiting.first_key_value().map(|((start, _), _)| *start);
        first.filter(|start| self.fin.is_none_or(|fin| *start < fin.end))
    }

    /// Gives up gaps until the waiting bytes fit in `room`.
    fn keep_within(&mut self, room: usize, origin: Origin, sink: &mut impl StreamSink) {
        while self.waiting_bytes > room
            && let Some(start) = self.first_waiting()
        {
            self.give_up_before(start, origin, sink);
        }
        if self.waiting_bytes > room {
            self.make_sure_of_fin(sink);
        }
    }

    fn give_up_before(&mut self, start: u64, origin: Origin, sink: &mut impl StreamSink) {
        self.miss(start.saturating_sub(self.offset), origin, sink);
        self.deliver_waiting(sink);
    }

    /// Delivers the waiting segments that are next now: of those that begin at or before the next byte, the one that
    /// came first.
    fn deliver_waiting(&mut self, sink: &mut impl StreamSink) {
        let mut ready = BinaryHeap::new();
        let mut looked_up_to = 0;
        loop {
            // What is at the FIN's place waits for the peer's word on that.
            let end = self
                .fin
                .map_or(u64::MAX, |fin| fin.end)
                .min(self.offset + 1);
            if looked_up_to < end {
                let range = (looked_up_to, 0)..(end, 0);
                let places = self.waiting.range(range).map(|(place, _)| *place);
                ready.extend(places.map(|(start, arrival)| Reverse((arrival, start))));
                looked_up_to = end;
            }
            let Some(Reverse((arrival, start))) = ready.pop() else {
                return;
            };
            if let Some(waiting) = self.waiting.remove(&(start, arrival)) {
                self.waiting_bytes -= waiting.bytes.len() + WAITING_OVERHEAD;
                let piece = PieceOfStream {
                    start,
                    bytes: &waiting.bytes,
                    sent: waiting.sent,
                };
                if let Some(piece) = self.before_fin(piece, waiting.origin, sink) {
                    self.compare(piece, waiting.origin, sink);
                    self.deliver(waiting.origin, piece, sink);
                }
            }
        }
    }

    /// Delivers the new part of a piece that begins at or before the next byte.
    fn deliver(&mut self, origin: Origin, piece: PieceOfStream<'_>, sink: &mut impl StreamSink) {
        let end = piece.start + u64::from(piece.sent);
        let known = usize::try_from(self.offset - piece.start).unwrap_or(usize::MAX);
        let new = piece.bytes.get(known..).unwrap_or_default();
        if !new.is_empty() {
            self.delivered.push(self.offset, new);
            if let Some(hash) = &mut self.hash {
                hash.update(new);
            }
            self.offset += new.len() as u64;
            self.figures.bytes += new.len() as u64;
            sink.event(origin, StreamEvent::Data(new));
        }
        // The snapshot length cut the packet: the rest of what it carried is a hole.
        self.miss(end.saturating_sub(self.offset), origin, sink);
    }

    fn miss(&mut self, count: u64, origin: Origin, sink: &mut impl StreamSink) {
        if count > 0 {
            self.offset += count;
            self.figures.missing += count;
            sink.event(origin, StreamEvent::Missing(count));
        }
    }

    fn note_fin(&mut self, origin: Origin, segment: &Segment<'_>, sink: &mut impl StreamSink) {
        let position =
            self.position(segment.payload_sequence()) + i64::from(segment.payload_length);
        let Ok(end) = u64::try_from(position) else {
            return;
        };
        let fin = Fin {
            end,
            origin,
            is_sure: false,
        };
        if self
            .fin
            .is_some_and(|known| known.is_sure || known.end == end)
            || !(self.offset..=self.offset + LARGEST_WINDOW).contains(&end)
        {
            return;
        }
        self.seen = self.seen.max(end + 1);
        if self.fin.is_some() {
            self.other_fin = Some(fin);
            return;
        }
        self.fin = Some(fin);
        let claimed = self.claim.map_or(0, |(position, _)| position);
        let known = [self.acknowledged, claimed, self.disputed];
        if known.contains(&(end + 1)) {
            self.make_sure_of_fin(sink);
        } else {
            self.look_at_fin(self.acknowledged, sink);
        }
    }

    fn finish_if_done(&mut self, sink: &mut impl StreamSink) {
        if let Some(fin) = self.fin
            && fin.is_sure
            && self.offset >= fin.end
            && !self.is_finished
        {
            self.is_finished = true;
            sink.event(fin.origin, StreamEvent::Finished);
        }
    }

    /// Ends the stream with the connection: missing bytes stay missing. `last` is the last packet of the side, or of
    /// its peer if none of the side was captured.
    fn end(&mut self, last: Option<Origin>, sink: &mut impl StreamSink) {
        let side = self.side;
        let last = self.reset.or(last).map(|last| heard(side, last));
        let Some(last) = last else {
            return;
        };
        while let Some(start) = self.first_waiting() {
            self.give_up_before(start, last, sink);
        }
        if let Some((claimed, by)) = self.claim.take() {
            self.believe(claimed, by);
        }
        // What the peer acknowledged, and what came before the FIN, was sent, even where nothing of it was captured.
        let sent = match self.fin {
            Some(fin) => fin.end,
            // One more than was seen: a FIN that was not captured rather than a byte.
            None if self.acknowledged == self.offset + 1 => self.offset,
            None => self.acknowledged,
        };
        let shown_by = match self.fin {
            Some(fin) => fin.origin,
            None => self.acknowledged_by.unwrap_or(last),
        };
        self.miss(sent.saturating_sub(self.offset), shown_by, sink);
        self.figures.ignored += u64::from(self.disputed > self.offset + 1);
        self.make_sure_of_fin(sink);
        if !self.is_finished {
            sink.event(last, StreamEvent::Ended);
        }
    }

    fn figures(&mut self) -> Stream {
        let sha256 = self.hash.take().map(|hash| hash.finalize().into());
        let is_known = self.beginning != Beginning::Unknown;
        Stream {
            sha256,
            first_sequence: is_known.then_some(self.first_sequence),
            ..std::mem::take(&mut self.figures)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::LINGER;
    use super::super::delivered::MOST_REMEMBERED;
    use super::*;
    use proptest::prelude::*;

    /// The events that a sink got, in words.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Heard(Vec<(Side, u64, String)>);

    impl StreamSink for Heard {
        fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
            let words = match event {
                StreamEvent::Data(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                StreamEvent::Missing(count) => format!("[{count} bytes missing]"),
                StreamEvent::Aside(reason, bytes) => {
                    format!("[{}: {}]", reason.word(), String::from_utf8_lossy(bytes))
                }
                StreamEvent::Finished => "finished".to_owned(),
                StreamEvent::Ended => "ended".to_owned(),
            };
            self.0.push((origin.side, origin.packet, words));
        }
    }

    impl Heard {
        fn of(&self, side: Side) -> Vec<(u64, &str)> {
            let own = self.0.iter().filter(|(from, _, _)| *from == side);
            own.map(|(_, packet, words)| (*packet, words.as_str()))
                .collect()
        }
    }

    const CLIENT: &str = "10.0.0.1:50000";
    const SERVER: &str = "10.0.0.2:80";

    fn segment(
        from: Side,
        sequence: u32,
        acknowledgement: u32,
        flags: Flags,
        payload: &[u8],
    ) -> Segment<'_> {
        let (source, destination) = match from {
            Side::Client => (CLIENT, SERVER),
            Side::Server => (SERVER, CLIENT),
        };
        Segment {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            sequence,
            acknowledgement,
            flags,
            window: 1000,
            header_bytes: 20,
            header: &[],
            payload,
            payload_length: u32::try_from(payload.len()).unwrap(),
        }
    }

    fn reassemble<'a>(segments: impl IntoIterator<Item = Segment<'a>>) -> Vec<(Connection, Heard)> {
        let mut reassembler =
            Reassembler::new(Options { hash: true }, |_: &Opening| Heard::default());
        for (packet, segment) in (1..).zip(segments) {
            reassembler.segment(packet, Timestamp::from_nanoseconds(packet), &segment);
        }
        reassembler.finish()
    }

    const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
    const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);
    use Side::{Client, Server};

    fn opening() -> [Segment<'static>; 3] {
        [
            segment(Client, 99, 0, Flags::SYN, b""),
            segment(Server, 499, 100, SYN_ACK, b""),
            segment(Client, 100, 500, Flags::ACK, b""),
        ]
    }

    #[test]
    fn copies_that_grow_and_grow_are_not_all_kept() {
        let mut reassembler = Reassembler::new(Options::default(), |_| Heard::default());
        let time = Timestamp::default();
        let begin = segment(Side::Client, 0, 0, Flags::ACK, b"x");
        reassembler.segment(1, time, &begin);
        for packet in 2..20_000 {
            // The snapshot length left nothing of it.
            let longer = Segment {
                payload_length: packet,
                ..segment(Side::Client, 1000, 0, Flags::ACK, b"")
            };
            reassembler.segment(u64::from(packet), time, &longer);
        }
        assert_eq!(reassembler.waiting_bytes(), MOST_COPIES * WAITING_OVERHEAD);
    }

    #[test]
    fn bytes_name_the_packet_that_carried_them_and_holes_the_one_that_told() {
        let segments = opening().into_iter().chain([
            segment(Client, 103, 500, Flags::ACK, b"def"),
            segment(Client, 100, 500, Flags::ACK, b"abc"),
            segment(Client, 110, 500, Flags::ACK, b"klm"),
            segment(Server, 500, 113, Flags::ACK, b"ok"),
            segment(Client, 113, 502, FIN_ACK, b""),
        ]);
        let (connection, heard) = reassemble(segments).remove(0);
        assert_eq!(
            heard.of(Client),
            [
                (5, "abc"),
                (4, "def"),
                (7, "[4 bytes missing]"),
                (6, "klm"),
                (8, "finished")
            ]
        );
        assert_eq!(heard.of(Server), [(7, "ok"), (7, "ended")]);
        assert_eq!(
            (
                connection.client_stream.bytes,
                connection.client_stream.missing
            ),
            (9, 4)
        );
        assert!(!connection.complete);
    }

    #[test]
    fn a_connection_is_complete_when_nothing_of_it_is_missing() {
        let whole = || {
            opening().into_iter().chain([
                segment(Client, 100, 500, FIN_ACK, b"abc"),
                segment(Server, 500, 104, FIN_ACK, b"xyz"),
                segment(Client, 104, 504, Flags::ACK, b""),
            ])
        };
        let complete = |segments: Vec<Segment<'_>>| reassemble(segments).remove(0).0.complete;
        assert!(complete(whole().collect()));
        assert!(
            !complete(whole().skip(1).collect()),
            "the SYN was not captured"
        );
        assert!(
            !complete(whole().take(5).collect::<Vec<_>>()[..4].to_vec()),
            "no FIN of the server"
        );
        let reset = opening()
            .into_iter()
            .chain([segment(Server, 500, 0, Flags::RST, b"")]);
        assert!(complete(reset.collect()));
        let refused = [
            segment(Client, 99, 0, Flags::SYN, b""),
            segment(Server, 0, 100, Flags::RST.with(Flags::ACK), b""),
        ];
        assert!(complete(refused.to_vec()));
    }

    #[test]
    fn a_connection_that_was_closed_is_given_out_after_a_while() {
        let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
        let mut take = |segment: Segment<'_>| {
            let tracked = reassembler.segment(1, Timestamp::default(), &segment);
            let finished = reassembler.take_finished();
            let indices = finished.iter().map(|(connection, _)| connection.index);
            (tracked.connection, indices.collect::<Vec<u64>>())
        };
        let segments = opening().into_iter().chain([
            segment(Client, 100, 500, FIN_ACK, b"abc"),
            segment(Server, 500, 104, FIN_ACK, b"xyz"),
            segment(Client, 104, 504, Flags::ACK, b""),
        ]);
        for segment in segments {
            assert_eq!(take(segment), (0, vec![]));
        }
        let other = Segment {
            source: "10.0.0.3:1".parse().unwrap(),
            ..segment(Client, 1, 0, Flags::SYN, b"")
        };
        for _ in 1..LINGER {
            assert_eq!(take(other), (1, vec![]));
        }
        // A late copy is still that connection's, and begins the while anew.
        assert_eq!(
            take(segment(Server, 500, 104, FIN_ACK, b"xyz")),
            (0, vec![])
        );
        for _ in 0..LINGER {
            assert_eq!(take(other), (1, vec![]));
        }
        assert_eq!(take(other), (1, vec![0]));
        // After that, what has no payload changes nothing, and what has is the next one.
        assert_eq!(
            take(segment(Client, 104, 504, Flags::ACK, b"")),
            (0, vec![])
        );
        assert_eq!(
            take(segment(Client, 104, 504, Flags::ACK, b"!")),
            (2, vec![])
        );
        assert_eq!(
            take(segment(Client, 7000, 0, Flags::SYN, b"")),
            (3, vec![2])
        );
        assert_eq!(reassembler.finish().len(), 2);
    }

    #[test]
    fn a_packet_cut_by_the_snapshot_length_leaves_a_hole() {
        let cut = Segment {
            payload_length: 10,
            ..segment(Client, 100, 500, Flags::ACK, b"abc")
        };
        let next = segment(Client, 110, 500, Flags::ACK, b"klm");
        let (_, heard) = reassemble(opening().into_iter().chain([cut, next])).remove(0);
        assert_eq!(
            heard.of(Client)[..3],
            [(4, "abc"), (4, "[7 bytes missing]"), (5, "klm")]
        );
    }

    #[test]
    fn copies_with_other_bytes_are_counted() {
        let segments = opening().into_iter().chain([
            segment(Client, 100, 500, Flags::ACK, b"abc"),
            segment(Client, 100, 500, Flags::ACK, b"abc"),
            segment(Client, 100, 500, Flags::ACK, b"XXX"),
        ]);
        let (connection, heard) = reassemble(segments).remove(0);
        assert_eq!(connection.client_stream.conflicts, 1);
        assert_eq!(
            heard.of(Client),
            [(4, "abc"), (6, "[conflict: XXX]"), (6, "ended")]
        );
        assert_eq!(connection.client_stream.aside, 3);
    }

    #[test]
    fn every_captured_byte_that_is_not_in_the_stream_is_put_aside() {
        let cut = Segment {
            payload_length: 6,
            ..segment(Client, 105, 500, Flags::ACK, b"fgh")
        };
        let segments = opening().into_iter().chain([
            segment(Client, 103, 500, Flags::ACK, b"de"),
            segment(Client, 103, 500, Flags::ACK, b"dX"),
            segment(Client, 100, 500, Flags::ACK, b"abc"),
            cut,
            segment(Client, 108, 500, Flags::ACK, b"ijk"),
            segment(Client, 99, 500, Flags::ACK, b"?a"),
            segment(Client, 100 + (1 << 31), 500, Flags::ACK, b"far"),
            segment(Client, 111, 500, FIN_ACK, b""),
            segment(Client, 109, 500, FIN_ACK, b"jklm"),
        ]);
        let (connection, heard) = reassemble(segments).remove(0);
        assert_eq!(
            heard.of(Client),
            [
                (5, "[conflict: dX]"),
                (6, "abc"),
                (4, "de"),
                (7, "fgh"),
                (7, "[3 bytes missing]"),
                (8, "[too-late: ijk]"),
                (9, "[outside-window: ?]"),
                (10, "[outside-window: far]"),
                (12, "[too-late: jk]"),
                (12, "[behind-fin: lm]"),
                (11, "finished"),
            ]
        );
        assert_eq!(connection.client_stream.aside, 2 + 3 + 1 + 3 + 2 + 2);
    }

    #[test]
    fn the_byte_of_a_keepalive_probe_is_garbage() {
        let segments = opening().into_iter().chain([
            segment(Client, 100, 500, Flags::ACK, b"abc"),
            segment(Server, 500, 103, Flags::ACK, b""),
            segment(Client, 102, 500, Flags::ACK, b"?"),
            segment(Server, 500, 103, Flags::ACK, b""),
            segment(Client, 103, 500, FIN_ACK, b""),
            segment(Server, 500, 104, Flags::ACK, b""),
            segment(Client, 103, 500, Flags::ACK, b"!"),
            segment(Server, 500, 104, FIN_ACK, b""),
        ]);
        let (connection, heard) = reassemble(segments).remove(0);
        assert_eq!(heard.of(Client), [(4, "abc"), (8, "finished")]);
        assert!(connection.complete);
    }

    #[test]
    fn copies_are_compared_as_long_as_their_bytes_are_remembered() {
        let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
        let time = Timestamp::default();
        let block = vec![b'x'; 1 << 15];
        let say =
            |reassembler: &mut Reassembler<_, _>, packet: u64, sequence: u32, bytes: &[u8]| {
                reassembler.segment(
                    packet,
                    time,
                    &segment(Client, sequence, 500, Flags::ACK, bytes),
                );
            };
        reassembler.segment(1, time, &opening()[0]);
        for packet in 0..64_u32 {
            say(&mut reassembler, 2, 100 + (packet << 15), &block);
        }
        say(&mut reassembler, 3, 100, b"xxx");
        say(&mut reassembler, 4, 100 + (63 << 15), b"xxY");
        say(&mut reassembler, 5, 100 + (63 << 15), b"xxx");
        assert_eq!(reassembler.remembered_in_all, MOST_REMEMBERED);
        let (connection, heard) = reassembler.finish().remove(0);
        let asides: Vec<_> = heard.of(Client).split_off(64);
        assert_eq!(
            asides,
            [
                (3, "[not-compared: xxx]"),
                (4, "[conflict: xxY]"),
                (5, "ended")
            ]
        );
        assert_eq!(
            (
                connection.client_stream.conflicts,
                connection.client_stream.aside
            ),
            (1, 6)
        );
    }

    #[test]
    fn what_all_connections_remember_is_bounded() {
        let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
        let block = vec![b'x'; 1 << 15];
        for connection in 0..3000_u16 {
            let from = |mut segment: Segment<'static>| {
                segment.source.set_port(50_000 + connection);
                segment
            };
            let time = Timestamp::default();
            reassembler.segment(1, time, &from(opening()[0]));
            let data = Segment {
                source: from(opening()[0]).source,
                ..segment(Client, 100, 500, Flags::ACK, &block)
            };
            reassembler.segment(1, time, &data);
            assert!(reassembler.remembered_in_all <= Bounds::default().remembered);
            assert!(reassembler.remembering.len() <= Bounds::default().remembered >> 15);
        }
        assert_eq!(reassembler.remembered_in_all, Bounds::default().remembered);
        let _ = reassembler.finish();
    }

    #[test]
    fn connections_that_ended_can_be_had_before_the_capture_does() {
        let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
        let first = opening().into_iter();
        let again = [segment(Client, 7000, 0, Flags::SYN, b"")];
        for (packet, segment) in (1..).zip(first.chain(again)) {
            reassembler.segment(packet, Timestamp::default(), &segment);
        }
        let finished = reassembler.take_finished();
        assert_eq!(
            (finished.len(), finished[0].0.index),
            (1, 0),
            "the ports were used again"
        );
        assert_eq!(reassembler.finish()[0].0.index, 1);
    }

    /// Generates a way to send a stream: pieces (start, length) in the order of sending, which cover it together.
    fn sending(length: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
        let extra = proptest::collection::vec((0..length, 1..60_usize), 0..30);
        let cuts = proptest::collection::btree_set(1..length, 0..20);
        (extra, cuts)
            .prop_map(move |(extra, cuts)| {
                let starts = std::iter::once(0).chain(cuts.iter().copied());
                let ends = cuts.iter().copied().chain([length]);
                let cover = starts.zip(ends).map(|(start, end)| (start, end - start));
                cover.chain(extra).collect::<Vec<_>>()
            })
            .prop_shuffle()
    }

    /// Makes a connection from SYN to last acknowledgement: both sides send pieces, each of which the other
    /// acknowledges. The pieces that are `lost` were sent, but not captured.
    fn dialogue(
        [initial_client, initial_server]: [u32; 2],
        pieces: &[(bool, Vec<u8>, bool)],
    ) -> Vec<Segment<'_>> {
        let (mut client, mut server) = (
            initial_client.wrapping_add(1),
            initial_server.wrapping_add(1),
        );
        let mut segments = vec![
            segment(Client, initial_client, 0, Flags::SYN, b""),
            segment(Server, initial_server, client, SYN_ACK, b""),
            segment(Client, client, server, Flags::ACK, b""),
        ];
        for (from_client, bytes, is_lost) in pieces {
            let length = u32::try_from(bytes.len()).unwrap();
            let (data, answer) = if *from_client {
                let data = segment(Client, client, server, Flags::ACK, bytes);
                client = client.wrapping_add(length);
                (data, segment(Server, server, client, Flags::ACK, b""))
            } else {
                let data = segment(Server, server, client, Flags::ACK, bytes);
                server = server.wrapping_add(length);
                (data, segment(Client, client, server, Flags::ACK, b""))
            };
            segments.extend((!is_lost).then_some(data));
            segments.push(answer);
        }
        let (after_client, after_server) = (client.wrapping_add(1), server.wrapping_add(1));
        segments.extend([
            segment(Client, client, server, FIN_ACK, b""),
            segment(Server, server, after_client, FIN_ACK, b""),
            segment(Client, after_client, after_server, Flags::ACK, b""),
        ]);
        segments
    }

    fn order_of(length: usize) -> impl Strategy<Value = Vec<usize>> {
        Just((0..length).collect::<Vec<_>>()).prop_shuffle()
    }

    #[test]
    fn what_fills_a_gap_after_its_acknowledgement_is_taken_and_what_does_not_changes_nothing() {
        let late = opening().into_iter().chain([
            segment(Client, 103, 500, Flags::ACK, b"def"),
            segment(Server, 500, 106, Flags::ACK, b"ok"),
            segment(Client, 100, 500, Flags::ACK, b"abc"),
        ]);
        let (_, heard) = reassemble(late).remove(0);
        assert_eq!(heard.of(Client)[..2], [(6, "abc"), (4, "def")], "{heard:?}");
        let never = opening().into_iter().chain([
            segment(Client, 103, 500, Flags::ACK, b"def"),
            segment(Server, 500, 106, Flags::ACK, b"ok"),
            segment(Client, 106, 502, Flags::ACK, b"ghi"),
        ]);
        let (_, heard) = reassemble(never).remove(0);
        let words: Vec<_> = heard.0.iter().map(|(_, _, words)| words.as_str()).collect();
        assert_eq!(
            words,
            ["[3 bytes missing]", "def", "ok", "ghi", "ended", "ended"]
        );
    }

    #[test]
    fn looking_ahead_is_bounded() {
        let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
        let payload = [b'x'; 1000];
        for packet in 0..1000_u32 {
            let data = segment(Client, packet * 1000, 0, Flags::ACK, &payload);
            reassembler.segment(u64::from(packet), Timestamp::default(), &data);
            assert!(reassembler.waiting_bytes() <= MOST_AHEAD);
        }
        assert_eq!(reassembler.waiting_bytes(), 0, "it begins without a SYN");
    }

    proptest! {
        #[test]
        fn any_segmentation_order_duplication_and_overlap_gives_the_same_bytes(
            initial in any::<u32>(),
            (stream, pieces) in proptest::collection::vec(any::<u8>(), 2..500)
                .prop_flat_map(|stream| { let length = stream.len(); (Just(stream), sending(length)) }),
        ) {
            let first = initial.wrapping_add(1);
            let syn = segment(Client, initial, 0, Flags::SYN, b"");
            let data = pieces.iter().map(|(start, length)| {
                let end = (start + length).min(stream.len());
                let sequence = first.wrapping_add(u32::try_from(*start).unwrap());
                segment(Client, sequence, 500, Flags::ACK, &stream[*start..end])
            });
            let after = first.wrapping_add(u32::try_from(stream.len()).unwrap());
            let fin = segment(Client, after, 500, FIN_ACK, b"");
            let (connection, heard) = reassemble([syn].into_iter().chain(data).chain([fin])).remove(0);
            let figures = connection.client_stream;
            prop_assert_eq!(figures.bytes, stream.len() as u64);
            prop_assert_eq!(figures.missing, 0);
            prop_assert_eq!(figures.conflicts, 0);
            let expected: [u8; 32] = Sha256::digest(&stream).into();
            prop_assert_eq!(figures.sha256, Some(expected));
            prop_assert_eq!(heard.0.last().map(|(_, _, words)| words.as_str()), Some("ended"));
            prop_assert!(heard.of(Client).iter().any(|(_, words)| *words == "finished"));
        }

        #[test]
        fn any_order_of_the_packets_in_the_file_gives_the_same_streams(
            initial in any::<[u32; 2]>(),
            (pieces, order) in proptest::collection::vec(
                (any::<bool>(), proptest::collection::vec(any::<u8>(), 1..40), proptest::bool::weighted(0.1)),
                0..12,
            ).prop_flat_map(|pieces| { let length = dialogue([0; 2], &pieces).len(); (Just(pieces), order_of(length)) }),
        ) {
            let segments = dialogue(initial, &pieces);
            let shuffled: Vec<_> = order.iter().map(|index| segments[*index]).collect();
            let (expected, _) = reassemble(segments).remove(0);
            let mut connections = reassemble(shuffled);
            prop_assert_eq!(connections.len(), 1);
            let (connection, _) = connections.remove(0);
            let streams = |connection: Connection| [connection.client_stream, connection.server_stream]
                .map(|stream| (stream.bytes, stream.missing, stream.sha256));
            prop_assert_eq!(connection.complete, expected.complete, "{:?} {:?}", connection, expected);
            prop_assert_eq!(streams(connection), streams(expected));
        }
    }
}
