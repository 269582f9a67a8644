//! One side of a connection: its bytes put in order, with what waits, is missing, or has no place.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use sha2::{Digest as _, Sha256};

use super::super::delivered::{Compared, Delivered};
use super::super::event::{AsideReason, Origin, StreamEvent, StreamSink};
use super::{Options, Stream};
use crate::packet::{self, Flags, Segment, distance};
use crate::units::Side;

/// The most bytes of one side that may wait behind a gap.
pub(super) const MOST_WAITING: usize = 8 * 1024 * 1024;
/// The cost of a waiting segment besides its bytes.
pub(super) const WAITING_OVERHEAD: usize = 96;
/// The distance beyond which bytes belong to another stream.
const LARGEST_WINDOW: u64 = packet::LARGEST_WINDOW.unsigned_abs() as u64;
/// The most segments that may wait at one place, each longer than those before it. All of them are looked at for every
/// further one.
pub(super) const MOST_COPIES: usize = 32;

/// One direction of a connection. Its bytes are counted from 0; `offset` is the next one to deliver.
pub(super) struct Half {
    side: Side,
    /// Sequence number of byte 0.
    first_sequence: u32,
    pub(super) beginning: Beginning,
    offset: u64,
    pub(super) figures: Stream,
    /// The hash of the bytes. Boxed, since most connections are read without, and it is a quarter of this.
    hash: Option<Box<Sha256>>,
    /// The segments behind a gap, by offset and, for the same offset, in order of arrival.
    waiting: BTreeMap<(u64, u64), Waiting>,
    pub(super) waiting_bytes: usize,
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
    pub(super) delivered: Delivered,
    /// The end of the stream.
    pub(super) fin: Option<Fin>,
    /// Another FIN, at another place.
    other_fin: Option<Fin>,
    pub(super) syn: bool,
    pub(super) reset: Option<Origin>,
    pub(super) last: Option<Origin>,
    is_finished: bool,
}

/// The end of a stream.
#[derive(Clone, Copy)]
pub(super) struct Fin {
    end: u64,
    /// The packet that told it.
    origin: Origin,
    /// True if the peer has acknowledged it: then bytes behind it are not part of the stream.
    is_sure: bool,
}

/// The certainty of the sequence number of byte 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
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
pub(super) const fn acknowledges(segment: &Segment<'_>) -> bool {
    segment.flags.has(Flags::ACK) && !segment.flags.has(Flags::RST)
}

impl Half {
    pub(super) fn new(side: Side, options: Options) -> Self {
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

    pub(super) fn segment(
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
    pub(super) fn ignore(
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
    pub(super) fn begin(&mut self, segment: &Segment<'_>) {
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
    pub(super) fn acknowledge(
        &mut self,
        by: Origin,
        acknowledgement: u32,
        sink: &mut impl StreamSink,
    ) {
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
    pub(super) fn acknowledged_so_far(&self) -> u64 {
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

    pub(super) fn give_up_first_gap(&mut self, by: Origin, sink: &mut impl StreamSink) {
        if let Some(start) = self.first_waiting() {
            let side = self.side;
            self.give_up_before(start, heard(side, by), sink);
            self.finish_if_done(sink);
        }
    }

    /// Returns true if the peer acknowledges data behind a gap.
    pub(super) fn would_give_up_before(&self, acknowledgement: u32) -> bool {
        let Some(start) = self.first_waiting() else {
            return false;
        };
        let position = self.acknowledged_position(acknowledgement);
        self.acknowledged.max(position.unwrap_or(0)) > start
    }

    /// Returns true if a segment has bytes that the first gap lacks.
    pub(super) fn is_in_gap(&self, segment: &Segment<'_>) -> bool {
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

    pub(super) fn forget_delivered(&mut self) {
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
    pub(super) fn keep_within(&mut self, room: usize, origin: Origin, sink: &mut impl StreamSink) {
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
    pub(super) fn end(&mut self, last: Option<Origin>, sink: &mut impl StreamSink) {
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

    pub(super) fn figures(&mut self) -> Stream {
        let sha256 = self.hash.take().map(|hash| hash.finalize().into());
        let is_known = self.beginning != Beginning::Unknown;
        Stream {
            sha256,
            first_sequence: is_known.then_some(self.first_sequence),
            ..std::mem::take(&mut self.figures)
        }
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
