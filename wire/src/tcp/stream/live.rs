//! A connection that was not given out yet: its two sides, and what was read ahead of them.

use std::cmp::Reverse;

use super::super::ahead::{Ahead, Held};
use super::super::event::{Origin, StreamSink};
use super::half::{Beginning, Half, MOST_WAITING, acknowledges};
use super::{Connection, MOST_AHEAD, Opening, Options, Verdict};
use crate::packet::{Flags, Segment, distance};
use crate::units::{Side, Timestamp};

/// A connection that was not given out yet.
pub(super) struct Live<Sink> {
    pub(super) opening: Opening,
    first: Timestamp,
    last: Timestamp,
    pub(super) client: Half,
    pub(super) server: Half,
    ahead: Ahead,
    /// True if it is known which end is the client; until then, all segments are read ahead.
    pub(super) is_sure: bool,
    sink: Sink,
}

impl<Sink: StreamSink> Live<Sink> {
    pub(super) fn new(
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
    pub(super) fn decide(&mut self, have_turned: bool) {
        self.is_sure = true;
        if have_turned {
            let opening = &mut self.opening;
            std::mem::swap(&mut opening.client, &mut opening.server);
            self.ahead.turn_sides();
            self.sink.sides_have_turned();
        }
    }

    /// Takes the segments that were read ahead until the client was known.
    pub(super) fn take_decided(&mut self, room: usize) {
        self.take_ahead(self.most_ahead(room), room);
    }

    /// Returns the number of bytes that may be read ahead.
    fn most_ahead(&self, room: usize) -> usize {
        let behind_gaps = self.client.waiting_bytes + self.server.waiting_bytes;
        MOST_AHEAD.min(room.saturating_sub(behind_gaps))
    }

    pub(super) fn waiting(&self) -> usize {
        self.client.waiting_bytes + self.server.waiting_bytes + self.ahead.bytes()
    }

    pub(super) fn remembered(&self) -> usize {
        self.client.delivered.memory() + self.server.delivered.memory()
    }

    const fn half(&self, side: Side) -> &Half {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(super) fn segment(
        &mut self,
        origin: Origin,
        segment: &Segment<'_>,
        verdict: Verdict,
        room: usize,
    ) {
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

    pub(super) fn end(mut self) -> (Connection, Sink) {
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
