//! The sequence numbers of one side of a connection, and a receiver's verdict on its next segment.

use super::Kind;
use super::gaps::Gaps;
use crate::packet::{Flags, LARGEST_WINDOW, Segment, distance};
use crate::tcp::event::AsideReason;
use crate::units::Side;

/// The furthest that a sequence number may be from all others of its side: further than a window of today's systems,
/// but not so far that one damaged number would make a hole of the size of a film.
pub(super) const FURTHEST: i32 = 1 << 24;

/// The furthest that a SYN may be before its side's other segments, in sequence numbers, and still be that of their
/// connection, only late in the file.
const LATEST_SYN: i32 = 1 << 20;

/// The furthest that a number may be behind the end of a closed connection and still be its own.
const BEHIND_END: i32 = 1 << 16;

#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one side, not the states of a machine"
)]
#[derive(Debug, Default)]
pub(super) struct Half {
    /// The sequence number of its SYN, or the one before the first that was seen.
    pub(super) initial: Option<u32>,
    /// The sequence number after the last that was seen.
    pub(super) next: Option<u32>,
    /// The number up to which it has acknowledged its peer's bytes.
    pub(super) acknowledged: Option<u32>,
    /// The sequence number after its FIN, once there was one.
    after_fin: Option<u32>,
    /// The end of a segment that was too far from all others, and the acknowledgement of one that was: damaged, or the
    /// first of many after a hole.
    stray_sequence: Option<u32>,
    stray_acknowledgement: Option<u32>,
    gaps: Gaps,
    window: u16,
    /// True if one segment had both.
    has_stray_pair: bool,
    syn: bool,
    pub(super) reset: bool,
    /// True if it acknowledged the peer's SYN: the handshake is over.
    established: bool,
    /// True if its last segment was a keepalive probe.
    probing: bool,
    /// True if it sent so much that its first sequence numbers may be used again.
    is_long: bool,
}

/// A receiver's verdict on a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) kind: Kind,
    pub(super) ignored: Option<AsideReason>,
    pub(super) acknowledges: bool,
}

impl Half {
    /// Judges the next segment of this side, and takes note of what it says about both sides' sequence numbers.
    #[inline]
    pub(super) fn judge(&mut self, peer: &mut Self, side: Side, segment: &Segment<'_>) -> Judged {
        if let Some(reason) = self.reason_to_ignore(peer, segment) {
            return Judged {
                kind: Kind::Ignored,
                ignored: Some(reason),
                acknowledges: false,
            };
        }
        let kind = self.kind(peer, side, segment);
        let acknowledges = self.acknowledge(peer, segment);
        self.probing =
            kind == Kind::KeepAlive && self.next == Some(segment.sequence.wrapping_add(1));
        Judged {
            kind,
            ignored: None,
            acknowledges,
        }
    }

    /// Returns true if both sides have closed, or one has reset.
    #[inline]
    pub(super) const fn is_over_with(&self, peer: &Self) -> bool {
        self.reset || peer.reset || self.after_fin.is_some() && peer.after_fin.is_some()
    }

    /// Returns the reason why a receiver ignores a segment, if it does: RFC 9293 §3.10.7.4. The receiver's windows are
    /// not known here, nor what was sent and not captured. So only numbers far from all others are out of range, until
    /// a second segment goes on from there.
    #[inline]
    fn reason_to_ignore(&mut self, peer: &Self, segment: &Segment<'_>) -> Option<AsideReason> {
        let flags = segment.flags;
        if flags.has(Flags::SYN) {
            return self.reason_to_ignore_syn(peer, segment);
        }
        if flags.has(Flags::RST) {
            let is_outside = self.is_outside_for_reset(peer, segment.sequence);
            return is_outside.then_some(AsideReason::OutsideWindow);
        }
        if !flags.has(Flags::ACK) {
            return Some(AsideReason::NoAck);
        }
        let is_near = self.is_near(segment.sequence)
            && self.acknowledges_near(peer, segment.acknowledgement) != Some(false);
        if is_near {
            self.forget_strays();
            return None;
        }
        self.reason_to_ignore_stray(peer, segment)
    }

    #[cold]
    fn reason_to_ignore_syn(&mut self, peer: &Self, segment: &Segment<'_>) -> Option<AsideReason> {
        if segment.flags.has(Flags::RST) {
            return Some(AsideReason::SynAndReset);
        }
        if segment.flags.has(Flags::ACK) && peer.syn {
            // RFC 9293 §3.10.7.3: it must answer the peer's SYN, or that and what came with it.
            let answered = peer
                .initial
                .map_or(1, |initial| distance(initial, segment.acknowledgement));
            if !(1..=BEHIND_END).contains(&answered) {
                return Some(AsideReason::AckOutOfRange);
            }
        }
        let is_other = self.syn && self.initial != Some(segment.sequence);
        if is_other && self.is_unanswered(peer) {
            // The answer to a SYN that came twice, given by someone who does not remember the first.
            *self = Self::default();
            return None;
        }
        is_other.then_some(AsideReason::OutsideWindow)
    }

    /// Returns true if only the SYN of this side is known, and the peer has not acknowledged it.
    fn is_unanswered(&self, peer: &Self) -> bool {
        let after_syn = self.initial.map(|initial| initial.wrapping_add(1));
        self.next == after_syn && peer.acknowledged.is_none()
    }

    /// Returns true if a reset is outside of the window, which begins at what the peer acknowledged (RFC 9293
    /// §3.10.7.4). (A reset one short of it comes from a system that has just sent a FIN there.)
    fn is_outside_for_reset(&self, peer: &Self, sequence: u32) -> bool {
        let is_behind = peer
            .acknowledged
            .is_some_and(|begin| distance(sequence, begin) > 1);
        let is_ahead = self
            .next
            .is_some_and(|next| distance(next, sequence) > FURTHEST);
        is_behind || is_ahead
    }

    /// Returns true if a sequence number can be one of this side.
    #[inline]
    fn is_near(&self, sequence: u32) -> bool {
        self.next
            .is_none_or(|next| (-LARGEST_WINDOW..=FURTHEST).contains(&distance(next, sequence)))
    }

    /// Returns true if an acknowledgement by this side is near what its peer sent, or near what this side acknowledged
    /// before; `None` if neither is known.
    #[inline]
    fn acknowledges_near(&self, peer: &Self, acknowledgement: u32) -> Option<bool> {
        let is_near = |other: u32| near(other, acknowledgement);
        match (peer.next, self.acknowledged) {
            (None, None) => None,
            (Some(next), None) => Some(is_near(next)),
            (None, Some(before)) => Some(is_near(before)),
            (Some(next), Some(before)) => Some(is_near(next) || is_near(before)),
        }
    }

    #[inline]
    fn forget_strays(&mut self) {
        if self.stray_sequence.is_some() || self.stray_acknowledgement.is_some() {
            self.stray_sequence = None;
            self.stray_acknowledgement = None;
            self.has_stray_pair = false;
        }
    }

    /// Returns the reason to ignore a segment with a number far from all others; `None` if it goes on from one that was
    /// ignored.
    #[cold]
    fn reason_to_ignore_stray(
        &mut self,
        peer: &Self,
        segment: &Segment<'_>,
    ) -> Option<AsideReason> {
        let (sequence, end) = (segment.sequence, segment.next_sequence());
        let acknowledgement = segment.acknowledgement;
        let is_sequence_near = self.is_near(sequence);
        let is_acknowledgement_near = self.acknowledges_near(peer, acknowledgement) != Some(false);
        let goes_on = self
            .stray_sequence
            .is_some_and(|stray| goes_on_from(stray, sequence, end));
        let acknowledges_on = self
            .stray_acknowledgement
            .is_some_and(|stray| stray != acknowledgement && near(stray, acknowledgement));
        self.stray_sequence = (!is_sequence_near).then_some(end);
        self.stray_acknowledgement = (!is_acknowledgement_near).then_some(acknowledgement);
        self.has_stray_pair = !is_sequence_near && !is_acknowledgement_near;
        if !is_sequence_near && !goes_on {
            return Some(AsideReason::OutsideWindow);
        }
        if !is_acknowledgement_near && !acknowledges_on {
            return Some(AsideReason::AckOutOfRange);
        }
        self.forget_strays();
        if !is_sequence_near {
            self.jump(sequence);
        }
        if !is_acknowledgement_near {
            self.acknowledged = Some(acknowledgement);
        }
        None
    }

    /// Accepts a sequence number that is far from all before, and moves back to it if it is behind.
    fn jump(&mut self, sequence: u32) {
        self.is_long = true;
        if self.next.is_some_and(|next| distance(next, sequence) < 0) {
            self.gaps.clear();
            self.next = Some(sequence);
        }
    }

    /// Returns true if a segment goes on from one that was too far away in both its numbers, so that they are another
    /// connection's. `is_own` is true if this side sent it, false if its peer did.
    pub(super) fn has_stray_of(&self, segment: &Segment<'_>, is_own: bool) -> bool {
        let (Some(sequence), Some(acknowledgement)) =
            (self.stray_sequence, self.stray_acknowledgement)
        else {
            return false;
        };
        if !self.has_stray_pair || !segment.flags.has(Flags::ACK) {
            return false;
        }
        if is_own {
            goes_on_from(sequence, segment.sequence, segment.next_sequence())
                && near(acknowledgement, segment.acknowledgement)
        } else {
            near(acknowledgement, segment.sequence) && near(sequence, segment.acknowledgement)
        }
    }

    /// Returns true if a SYN opens a new connection between ends that had one before. As in Wireshark, a SYN with
    /// another initial sequence number belongs to a new one, whatever state the old one is in. But if no SYN was seen,
    /// that number is a guess, and a SYN a little in front of it is the connection's own: TCP does not care about the
    /// order in the file.
    pub(super) fn is_reopened_by(&self, sequence: u32) -> bool {
        self.initial.is_some_and(|initial| {
            let ahead = distance(sequence, initial);
            ahead != 0 && (self.syn || !(0..LATEST_SYN).contains(&ahead))
        })
    }

    /// Returns true if the answer to a SYN that was not captured belongs to a new connection: its own number is another
    /// one, and it does not answer the SYN that is known. (With the same SYN, it is one more answer to that.) If
    /// neither SYN nor answer was captured, it is the connection's own only if it is a little in front of all that was.
    pub(super) fn is_reopened_by_answer(&self, peer: &Self, segment: &Segment<'_>) -> bool {
        if self.initial.is_none() {
            return false;
        }
        let is_other = self.is_reopened_by(segment.sequence);
        let answers_other = peer.is_reopened_by(segment.acknowledgement.wrapping_sub(1));
        if self.syn || peer.syn {
            is_other && (answers_other || peer.initial.is_none())
        } else {
            is_other || answers_other
        }
    }

    /// Returns true if neither of a segment's numbers fits what the two sides sent: the sequence number this side, the
    /// acknowledgement its peer. Asked once both have closed.
    pub(super) fn is_beyond_end(&self, peer: &Self, segment: &Segment<'_>) -> bool {
        let is_own = self.has_sent(segment.sequence);
        let is_peers = match peer.next {
            Some(_) => peer.has_sent(segment.acknowledgement),
            None => self
                .acknowledged
                .is_none_or(|before| distance(before, segment.acknowledgement).abs() <= BEHIND_END),
        };
        !is_own && !is_peers
    }

    /// Returns true if a number is one that this side used, or a little behind.
    fn has_sent(&self, number: u32) -> bool {
        let Some(next) = self.next else {
            return true;
        };
        let begin = match self.initial {
            Some(initial) if !self.is_long && self.syn => initial,
            Some(initial) if !self.is_long => initial.wrapping_sub(LATEST_SYN.unsigned_abs()),
            _ => next.wrapping_sub(LARGEST_WINDOW.unsigned_abs()),
        };
        distance(begin, number) >= 0 && distance(number, next) >= -BEHIND_END
    }

    /// Finds out the purpose of a segment of this side; takes note of what it says about the side's sequence numbers.
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

    /// Learns the initial sequence numbers of both sides, or the nearest to them in what was captured.
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
            let before = self.initial.replace(segment.sequence);
            let first = before.map(|initial| initial.wrapping_add(1));
            let behind = segment.sequence.wrapping_add(1);
            if let Some(first) = first
                && distance(behind, first) > 0
            {
                self.gaps.note(behind, first);
            }
        }
        self.syn = true;
        self.advance(segment.sequence, segment.next_sequence());
        if repeated {
            Kind::Retransmission
        } else {
            Kind::Handshake
        }
    }

    /// Returns the purpose of a segment that takes sequence numbers: with payload, FIN, or both.
    #[inline]
    fn occupying_kind(&mut self, peer: &Self, segment: &Segment<'_>) -> Kind {
        if self.is_probe(peer, segment) {
            return Kind::KeepAlive;
        }
        let is_new = self.advance(segment.sequence, segment.next_sequence());
        if segment.flags.has(Flags::FIN) {
            self.note_fin(peer, segment.next_sequence());
        }
        match (is_new, segment.payload_length > 0) {
            (true, true) => Kind::Data,
            (true, false) => Kind::Close,
            (false, _) => Kind::Retransmission,
        }
    }

    /// Takes note of a FIN. The first one counts, unless it was not acknowledged and a later one is further on.
    fn note_fin(&mut self, peer: &Self, after: u32) {
        let is_replaced = self
            .after_fin
            .is_none_or(|before| distance(before, after) > 0 && peer.acknowledged != Some(before));
        if is_replaced {
            self.after_fin = Some(after);
        }
    }

    /// Returns true if a segment is a keepalive probe: it repeats the byte before the next one, which was acknowledged,
    /// or has none (RFC 9293 §3.8.4).
    #[inline]
    fn is_probe(&self, peer: &Self, segment: &Segment<'_>) -> bool {
        let is_small = segment.payload_length <= 1 && !segment.flags.has(Flags::FIN);
        let is_before_next = self.next == Some(segment.sequence.wrapping_add(1));
        is_small
            && is_before_next
            && (segment.payload_length == 0 || peer.acknowledged == self.next)
    }

    /// Returns the purpose of a segment that takes no sequence numbers.
    #[inline]
    fn empty_kind(&mut self, peer: &Self, side: Side, segment: &Segment<'_>) -> Kind {
        if self.is_probe(peer, segment) {
            return Kind::KeepAlive;
        }
        let acknowledgement = segment.acknowledgement;
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

    /// Moves on to `end`; returns false if all of the range was there before.
    #[inline]
    fn advance(&mut self, start: u32, end: u32) -> bool {
        let next = self.next.unwrap_or(start);
        if distance(next, end) <= 0 {
            let is_filled = self.gaps.fill(start, end);
            return self.is_before_all(start, end) || is_filled;
        }
        if distance(next, start) > 0 {
            self.gaps.note(next, start);
        } else if distance(start, next) > 0 {
            self.gaps.fill(start, next);
            self.is_before_all(start, next);
        }
        self.next = Some(end);
        self.is_long |= self
            .initial
            .is_some_and(|initial| !(0..LARGEST_WINDOW).contains(&distance(initial, end)));
        true
    }

    /// Returns true if a segment begins before all that was captured of a side without its SYN; then the side begins
    /// there from now on.
    #[inline]
    fn is_before_all(&mut self, start: u32, end: u32) -> bool {
        if self.syn || self.is_long {
            return false;
        }
        let Some(first) = self.initial.map(|initial| initial.wrapping_add(1)) else {
            return false;
        };
        if distance(start, first) <= 0 {
            return false;
        }
        if distance(end, first) > 0 {
            self.gaps.note(end, first);
        }
        self.initial = Some(start.wrapping_sub(1));
        true
    }

    /// Takes note of the segment's acknowledgement; returns true if it goes further than those before.
    #[inline]
    fn acknowledge(&mut self, peer: &mut Self, segment: &Segment<'_>) -> bool {
        self.window = segment.window;
        // RFC 9293 §3.5.3: what a reset acknowledges may be anything.
        if !segment.flags.has(Flags::ACK) || segment.flags.has(Flags::RST) {
            return false;
        }
        let acknowledgement = segment.acknowledgement;
        let peers_first = peer.initial.map(|initial| initial.wrapping_add(1));
        let before = self.acknowledged.or(peers_first).unwrap_or(acknowledgement);
        let goes_further = distance(before, acknowledgement) > 0;
        if goes_further || self.acknowledged.is_none() {
            self.acknowledged = Some(acknowledgement);
        }
        if peer.after_fin.is_some() {
            peer.refute_fin(acknowledgement);
        }
        goes_further
    }

    /// Forgets the FIN if bytes that were sent behind it were acknowledged: then it was not one.
    fn refute_fin(&mut self, acknowledgement: u32) {
        let is_behind = self
            .after_fin
            .is_some_and(|after| distance(after, acknowledgement) > 0);
        let was_sent = self
            .next
            .is_some_and(|next| distance(acknowledgement, next) >= 0);
        if is_behind && was_sent {
            self.after_fin = None;
        }
    }
}

fn near(one: u32, other: u32) -> bool {
    distance(one, other).unsigned_abs() <= FURTHEST.unsigned_abs()
}

/// Returns true if a segment goes on where another ended, or a little behind that.
fn goes_on_from(before: u32, sequence: u32, end: u32) -> bool {
    (0..=FURTHEST).contains(&distance(before, sequence)) && end != before
}
