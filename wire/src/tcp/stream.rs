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
//! [`StreamEvent::Aside`]: super::event::StreamEvent::Aside
//! [`StreamEvent::Finished`]: super::event::StreamEvent::Finished
//! [`StreamEvent::Ended`]: super::event::StreamEvent::Ended
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

mod half;
mod live;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;

use self::live::Live;
use super::connection::{Keeper, Kind, Retired, Tracked, Tracker};
use super::event::{AsideReason, Origin, StreamSink};
use crate::budget::Budget;
use crate::packet::Segment;
use crate::units::{Side, Timestamp};

/// The most bytes of a connection's packets, with the cost of keeping each, that are read ahead before missing bytes
/// are given up.
pub const MOST_AHEAD: usize = 256 * 1024;
/// The bytes that the tracker keeps of a connection, with its place in the tables.
const TRACKED_BYTES: usize = 320;

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
    /// [`StreamEvent::Aside`](super::event::StreamEvent::Aside).
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
