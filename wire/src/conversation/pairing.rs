//! Pairs requests with their answers: a response cannot be read without its request.
//!
//! Answers come in the order of the requests (RFC 9112 §9.2), so one that cannot be read uses up its request like any
//! other. Where a hole may have held whole messages, it is worked out how many: an answer begins with a hole that begins
//! where an answer was due; it cannot be that to a request which was sent only after it was received; and a request that
//! acknowledges more than the one before it was sent by a client that had its answer, unless that client is one that does
//! not wait for answers (RFC 9112 §9.3.2). What cannot be known is not claimed.

use std::collections::VecDeque;

use super::reserve_one;
use crate::http::{Asked, Head, Lost};
use crate::tcp::event::Origin;
use crate::websocket::Offer;

/// The most requests that may wait for their answers; in a capture of one direction they would pile up.
pub(super) const MOST_WAITING: usize = 1024;

/// The shortest answer: `HTTP/1.1 200`, and two line ends.
const SHORTEST_ANSWER: u64 = 16;

/// The shortest request: `GET / HTTP/1.1`, and two line ends.
const SHORTEST_REQUEST: u64 = 18;

/// The most answers without a request that are remembered, in case the request comes later in the file.
const MOST_UNASKED: usize = 64;

/// A request, with what its answer must know about it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) switches: bool,
    /// The offer against which a WebSocket's answer is checked.
    pub(super) offer: Option<Box<Offer>>,
    /// The most bytes that the offer takes.
    offer_bytes: usize,
    /// True if it asks for an interim answer (RFC 9110 §10.1.1).
    expects: bool,
    /// The offset in the client's stream at which it begins.
    offset: u64,
    packet: u64,
    /// The number of bytes of the server's stream received when it was sent.
    heard: u64,
    /// The number of requests in the hole in front of it.
    before: Range,
}

/// A range of counts: the least and the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Range {
    least: i64,
    most: i64,
}

/// The place at which an answer begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The offset in the server's stream.
    pub(super) offset: u64,
    /// The packet that carries its first byte.
    pub(super) origin: Origin,
    /// The most requests that its sender had received and that are not captured so far.
    pub(super) unseen: u64,
}

impl Place {
    /// Returns the place of an answer, given that the client's stream is known up to `client_end`.
    pub(super) const fn behind(client_end: u64, offset: u64, origin: Origin) -> Self {
        let unseen = origin.acknowledged.saturating_sub(client_end) / SHORTEST_REQUEST;
        Self {
            offset,
            origin,
            unseen,
        }
    }
}

/// The offsets at which an answer may begin, its interim answers included.
#[derive(Clone, Copy, Debug)]
struct Begun {
    /// The offset of the first part that is there.
    at: u64,
    /// The offset of the hole before it, if that may have held the first part.
    from: u64,
}

/// The request that an answer is for.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// The request, if it is known.
    pub(super) request: Option<Waiting>,
    /// The requests before it whose answers are lost.
    pub(super) lost: Vec<Waiting>,
    /// True if the request may be one of several.
    pub(super) is_doubtful: bool,
    /// The assumption without which the request would be doubtful.
    pub(super) assumption: Option<Assumption>,
}

/// An assumption about a client or a server that holds for most, and that nothing in the capture contradicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assumption {
    /// The client waits for each answer before it sends its next request.
    ClientWaits,
    /// A hole where an answer was due held the beginning of a final one, not only an interim one.
    FinalAnswerLost,
}

impl Assumption {
    /// Returns the section that allows for the contrary, and a sentence for the answer that rests on it.
    pub(super) const fn note(self) -> (&'static str, &'static str) {
        match self {
            Self::ClientWaits => (
                "RFC 9112 §9.3.2",
                "paired as if the client waits for each answer before its next request: nothing shows otherwise",
            ),
            Self::FinalAnswerLost => (
                "RFC 9110 §15.2",
                "paired as if the hole before it held a final answer, not an interim one: nothing shows otherwise",
            ),
        }
    }
}

/// The requests of a connection whose answers are still to come.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// The waiting requests, oldest first.
    waiting: VecDeque<Waiting>,
    /// The number of waiting requests to pass over to reach that of the next answer; negative if that answers an
    /// unknown one.
    passed_over: Range,
    /// The offset in the server's stream at which the holes counted by `passed_over` begin.
    since: u64,
    /// The number of requests in a hole behind the last one.
    behind: Range,
    /// True if the client was seen to send a request without waiting for the answer to the one before.
    pipelines: bool,
    /// True if the server was seen to send interim answers, or a request has asked for one.
    has_interims: bool,
    /// The number of holes counted by `passed_over` that are taken to have begun with a final answer.
    taken_for_final: i64,
    /// The number of bytes of the server's stream received when the last request was sent.
    last_heard: Option<u64>,
    /// True if a hole is taken to have held no more requests than there were answers to.
    is_assumed: bool,
    /// The number of answers since the last request; `None` if a hole may have held more.
    answers: Option<i64>,
    /// The offset of the first hole behind the last answer that is there.
    hole: Option<u64>,
    /// The start of the first of the interim answers behind which the final one is due.
    interim: Option<Begun>,
    /// For each answer that no request waited for, the number of bytes of the client's stream that the server had
    /// received.
    unasked: VecDeque<u64>,
    /// The number of bytes that the waiting requests take.
    bytes: usize,
}

impl Waiting {
    pub(super) fn new(head: &Head, origin: Origin) -> Self {
        let upgrade = head.field("upgrade").is_some() && head.has_token("connection", "upgrade");
        Self {
            method: head.method().to_vec(),
            target: head.target().to_vec(),
            switches: upgrade || head.method() == b"CONNECT",
            offer: upgrade.then(|| Box::new(Offer::new(head))),
            offer_bytes: if upgrade { head.raw.len() } else { 0 },
            expects: head.field("expect").is_some(),
            ..Self::unreadable(Vec::new(), Vec::new(), head.offset, origin)
        }
    }

    /// Creates a request whose line cannot be read.
    pub(super) fn unreadable(
        method: Vec<u8>,
        target: Vec<u8>,
        offset: u64,
        origin: Origin,
    ) -> Self {
        Self {
            method,
            target,
            offset,
            packet: origin.packet,
            heard: origin.acknowledged,
            ..Self::default()
        }
    }

    /// Returns the number of bytes that it takes.
    fn memory(&self) -> usize {
        size_of::<Self>() + self.method.len() + self.target.len() + self.offer_bytes
    }

    /// Returns true if the last byte of the request may have been there before an answer began.
    fn is_before(&self, place: Place) -> bool {
        let received = place.origin.acknowledged;
        let was_sent = if received > 0 {
            self.offset < received
        } else {
            self.packet <= place.origin.packet
        };
        was_sent && self.heard <= place.offset
    }
}

impl Pairing {
    /// Takes a request. Where memory is tight, as few wait as can be.
    ///
    /// The server's stream is known up to `server_end`.
    pub(super) fn request(&mut self, mut request: Waiting, server_end: u64, is_tight: bool) {
        request.before = std::mem::take(&mut self.behind);
        self.look_for_pipelining(&request, server_end);
        if request.expects {
            self.expect_interims();
        }
        if request.before.most == 0 && self.is_answered(request.offset) {
            return;
        }
        if self.waiting.len() >= MOST_WAITING || is_tight {
            self.forget_first();
        }
        reserve_one(&mut self.waiting);
        self.bytes += request.memory();
        self.waiting.push_back(request);
    }

    /// Notes whether the client waits: then it has received an answer to each request before it sends the next.
    fn look_for_pipelining(&mut self, request: &Waiting, server_end: u64) {
        let due = request.before.least + i64::from(self.last_heard.is_some());
        let before = self.last_heard.unwrap_or_default();
        let shortest = SHORTEST_ANSWER.saturating_mul(u64::try_from(due).unwrap_or_default());
        let interim = self.interim.map(|begun| begun.at);
        self.pipelines |= request.heard < before.saturating_add(shortest)
            || interim.is_some_and(|at| request.heard > at)
            || self.answers.is_some_and(|answers| answers < due) && request.heard <= server_end;
        self.last_heard = Some(request.heard);
        self.answers = Some(0);
    }

    /// Notes whether the client waits: then an answer begins where all had been received when its request was sent.
    fn look_for_overlap(&mut self, place: Place) {
        let begun = self.begun(place);
        let earlier = |request: &Waiting| request.heard < begun.from;
        let next = self.waiting.partition_point(earlier);
        let (is_there, lost) = match self.waiting.get(next) {
            Some(next) => (next.heard <= begun.at, next.before.most),
            None => (
                false,
                self.behind.most.saturating_add_unsigned(place.unseen),
            ),
        };
        self.pipelines |= !is_there && lost == 0;
    }

    /// Returns the beginning of an answer there, its interim answers included.
    fn begun(&self, place: Place) -> Begun {
        let at = place.offset;
        let from = self.hole.unwrap_or(at);
        self.interim.unwrap_or(Begun { at, from })
    }

    /// Returns the number of bytes that the waiting requests take.
    pub(super) const fn memory(&self) -> usize {
        self.bytes
    }

    /// Returns true if an answer came before its request did: the server had received the request, and the file has it
    /// late.
    fn is_answered(&mut self, offset: u64) -> bool {
        while let Some(received) = self.unasked.pop_front() {
            if received > offset {
                return true;
            }
        }
        false
    }

    /// Forgets the first request. No waiting request takes its answer.
    fn forget_first(&mut self) {
        if let Some(first) = self.take_first() {
            self.pass_lost(first.before);
            self.pass_lost(Range { least: 1, most: 1 });
        }
    }

    fn take_first(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes -= first.memory();
        Some(first)
    }

    fn pass_lost(&mut self, requests: Range) {
        self.passed_over.least -= requests.most;
        self.passed_over.most -= requests.least;
    }

    /// Returns what the parser must know about the request of an answer that begins there.
    pub(super) fn asked(&self, place: Place) -> Option<Asked> {
        let (range, has_lost) = self.candidates(place);
        let least = usize::try_from(range.least).ok()?;
        let most = usize::try_from(range.most).ok()?;
        if has_lost && most > 0 {
            return None;
        }
        let methods = || (least..=most).filter_map(|index| Some(&self.waiting.get(index)?.method));
        // What a HEAD or a CONNECT changes must be sure; of the others each will do.
        let decides = |method: &&Vec<u8>| matches!(method.as_slice(), b"HEAD" | b"CONNECT");
        let first = methods().next()?;
        let same =
            methods().all(|method| method == first) || !methods().any(|method| decides(&method));
        same.then(|| Asked {
            method: first.clone(),
        })
    }

    /// Returns the range of waiting requests to pass over to reach that of an answer, and true if lost ones may be
    /// among them.
    fn candidates(&self, place: Place) -> (Range, bool) {
        self.candidates_if(self.pipelines, place)
    }

    fn candidates_if(&self, pipelines: bool, place: Place) -> (Range, bool) {
        let first = self.waiting.front();
        let before = first.map_or(self.behind, |first| first.before);
        let passed_over = Range {
            least: self.passed_over.least - before.most,
            most: self.passed_over.most - before.least,
        };
        if passed_over == Range::default() {
            let nothing = i64::from(first.is_none());
            let range = Range {
                least: -nothing,
                most: -nothing,
            };
            return (range, false);
        }
        let sent = self.waiting.iter();
        let sent = sent.take_while(|request| request.is_before(place)).count();
        let lost = self.lost_among(sent, place);
        let before_last = i64::try_from(sent).unwrap_or(i64::MAX) - 1;
        let most = passed_over.most.min(before_last.saturating_add(lost));
        let least = passed_over.least.min(most);
        if most < 0 {
            return (Range { least, most }, lost > 0);
        }
        if pipelines {
            return (Range { least, most }, lost > 0);
        }
        let in_step = self.in_step(sent);
        let index = i64::try_from(in_step).unwrap_or(i64::MAX);
        let heard = self.waiting.get(in_step).map_or(0, |request| request.heard);
        let is_last = in_step + 1 == sent && lost == 0;
        if is_last && heard > self.since && heard == self.begun(place).at {
            // All before the answer had been received when this request was sent.
            let range = Range {
                least: index,
                most: index,
            };
            return (range, false);
        }
        if least < 0 {
            return (Range { least, most }, lost > 0);
        }
        let passed = if in_step > 0 { index + 1 } else { least };
        let range = Range {
            least: least.max(passed).min(most),
            most,
        };
        (range, lost > 0)
    }

    /// Returns the most requests lost behind the first of those sent before an answer: the answer may be to one of
    /// these.
    fn lost_among(&self, sent: usize, place: Place) -> i64 {
        let later = self.waiting.iter().take(sent.saturating_add(1)).skip(1);
        let between: i64 = later.map(|request| request.before.most).sum();
        if sent < self.waiting.len() {
            return between;
        }
        let unseen = i64::try_from(place.unseen).unwrap_or(i64::MAX >> 16);
        between + self.behind.most + unseen
    }

    /// Returns the number of requests, from the first, sent by a client that had received the answer to the one before,
    /// or a part of it: these answers are in the hole.
    fn in_step(&self, sent: usize) -> usize {
        let mut heard = self.waiting.front().map_or(0, |first| first.heard);
        heard = heard.max(self.since);
        let mut later = self.waiting.iter().take(sent).skip(1);
        let mut in_step = 0;
        while let Some(request) = later.next()
            && request.heard > heard
            && request.before.most == 0
        {
            heard = request.heard;
            in_step += 1;
        }
        in_step
    }

    /// Takes an interim answer (RFC 9110 §15.2): the final one is still to come.
    pub(super) fn interim(&mut self, place: Place) {
        self.interim = Some(self.begun(place));
        self.hole = None;
        self.expect_interims();
    }

    /// Takes back that holes began with final answers: they may have held interim ones.
    fn expect_interims(&mut self) {
        self.has_interims = true;
        self.passed_over.least -= std::mem::take(&mut self.taken_for_final);
    }

    /// Takes out the request that an answer is for, which may be unknown.
    pub(super) fn answer(&mut self, place: Place) -> Answered {
        self.look_for_overlap(place);
        let (range, _) = self.candidates(place);
        let is_assumed = range != self.candidates_if(true, place).0;
        (self.interim, self.hole) = (None, None);
        self.answers = self.answers.map(|answers| answers + 1);
        let before = self.waiting.front_mut().map(|first| &mut first.before);
        let before = std::mem::take(before.unwrap_or(&mut self.behind));
        self.pass_lost(before);
        if self.waiting.is_empty() && self.passed_over.least >= 0 {
            self.passed_over = Range::default();
            return self.answer_unasked(place);
        }
        let Range { least, most } = range;
        if most < 0 || least < 0 && least < most {
            self.passed_over = Range {
                least: least + 1,
                most: most + 1,
            };
            return Answered {
                is_doubtful: most >= 0,
                ..Answered::default()
            };
        }
        self.since = place.offset;
        let used = Range {
            least: least + 1,
            most: most + 1,
        };
        let (mut lost, taken) = self.use_up(used.least);
        self.passed_over = Range {
            least: used.least - taken.most,
            most: used.most - taken.least,
        };
        let is_sure = used == taken && taken.least == taken.most;
        let assumption = if is_sure {
            self.assumption(is_assumed, lost.len() < 2)
        } else {
            None
        };
        if self.passed_over == Range::default() {
            self.taken_for_final = 0;
        }
        Answered {
            request: if is_sure { lost.pop() } else { None },
            lost,
            is_doubtful: !is_sure,
            assumption,
        }
    }

    /// Returns the assumption on which a pair rests.
    ///
    /// What an answer says of lost ones tells of a hole already.
    fn assumption(&mut self, client_waits: bool, says_nothing: bool) -> Option<Assumption> {
        if std::mem::take(&mut self.is_assumed) || client_waits {
            return Some(Assumption::ClientWaits);
        }
        (self.taken_for_final > 0 && says_nothing).then_some(Assumption::FinalAnswerLost)
    }

    /// Takes out the requests that `count` answers use up, including lost ones in between. Also returns the total
    /// number of these.
    fn use_up(&mut self, count: i64) -> (Vec<Waiting>, Range) {
        let mut taken = Vec::new();
        let mut all = Range::default();
        while let Some(next) = self.waiting.front()
            && all.most + next.before.most < count
        {
            all.least += next.before.least + 1;
            all.most += next.before.most + 1;
            taken.extend(self.take_first());
        }
        (taken, all)
    }

    fn answer_unasked(&mut self, place: Place) -> Answered {
        if self.unasked.len() >= MOST_UNASKED {
            self.unasked.pop_front();
        }
        self.unasked.push_back(place.origin.acknowledged);
        Answered::default()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn shrink(&mut self) {
        self.waiting.shrink_to_fit();
    }

    /// Takes a hole in the server's stream, which may have held answers.
    pub(super) fn answers_lost(&mut self, lost: Lost) {
        if self.passed_over == Range::default() {
            self.since = lost.offset;
        }
        let from = self.interim.take().map_or(lost.offset, |begun| begun.from);
        self.hole.get_or_insert(from);
        self.answers = None;
        // RFC 9110 §15.2: what begins in the hole may be an interim answer, where there is reason to expect one.
        let is_final = i64::from(lost.begins_message && !self.has_interims);
        self.passed_over.least += is_final;
        self.taken_for_final += is_final;
        self.passed_over.most += begun(lost, SHORTEST_ANSWER);
    }

    /// Takes a hole in the client's stream, which may have held requests. If answers to them were seen, there were no
    /// more: a client waits for its answer, as a rule.
    pub(super) fn requests_lost(&mut self, mut lost: Lost) {
        let end = lost.offset.saturating_add(lost.bytes);
        // Where nothing was acknowledged, the order on the wire is all that is known.
        let explains = |received: &&u64| **received > lost.offset || **received == 0;
        let answered = self.unasked.iter().filter(explains).count();
        let answered = i64::try_from(answered).unwrap_or(i64::MAX);
        let most = begun(lost, SHORTEST_REQUEST) - answered;
        if answered > 0 && self.pipelines {
            self.unasked.clear();
            self.behind.most += most.max(0);
            return;
        }
        if let Some(received) = self.unasked.iter().rev().find(explains).copied() {
            self.is_assumed |= most > 0;
            self.unasked.clear();
            lost.bytes = match received {
                0 => 0,
                received => end.saturating_sub(received),
            };
            lost.begins_message = true;
        }
        if lost.bytes == 0 {
            return;
        }
        self.behind.least += i64::from(lost.begins_message);
        self.behind.most += begun(lost, SHORTEST_REQUEST);
    }
}

/// Returns the most messages that can have begun in a hole.
fn begun(lost: Lost, shortest: u64) -> i64 {
    i64::try_from(lost.bytes.div_ceil(shortest)).unwrap_or(i64::MAX >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Side, Timestamp};

    /// Adds a request in that packet, sent when `heard` bytes of the server's stream had been received.
    fn request(pairing: &mut Pairing, packet: u64, heard: u64, method: &str) {
        let offset = packet * 100;
        let origin = origin(Side::Client, packet, heard);
        let request = Waiting::unreadable(method.into(), b"/".to_vec(), offset, origin);
        pairing.request(request, 0, false);
    }

    fn origin(side: Side, packet: u64, acknowledged: u64) -> Origin {
        Origin {
            side,
            packet,
            time: Timestamp::default(),
            acknowledged,
        }
    }

    /// Returns the method of the request that an answer is to, `none`, or `?` if it is not known.
    fn answer(pairing: &mut Pairing, packet: u64, offset: u64) -> String {
        let origin = origin(Side::Server, packet, 0);
        let answered = pairing.answer(Place {
            offset,
            origin,
            unseen: 0,
        });
        match answered.request {
            Some(request) => String::from_utf8(request.method).unwrap(),
            None if answered.is_doubtful => "?".to_owned(),
            None => "none".to_owned(),
        }
    }

    fn hole(offset: u64, bytes: u64, begins_message: bool) -> Lost {
        Lost {
            offset,
            bytes,
            begins_message,
        }
    }

    #[test]
    fn a_client_that_waits_for_its_answers_tells_which_are_in_the_hole() {
        let mut pairing = Pairing::default();
        for (packet, heard, method) in [(1, 0, "A"), (2, 100, "B"), (3, 300, "C"), (4, 350, "D")] {
            request(&mut pairing, packet, heard, method);
        }
        pairing.answers_lost(hole(0, 300, true));
        assert_eq!(answer(&mut pairing, 5, 300), "C");
        assert_eq!(answer(&mut pairing, 6, 350), "D");
        assert_eq!(answer(&mut pairing, 7, 400), "none");
    }

    #[test]
    fn the_rest_of_the_hole_is_the_answer_to_the_last_request_before_it() {
        let mut pairing = Pairing::default();
        for (packet, heard, method) in [(1, 0, "A"), (2, 100, "B"), (3, 350, "C")] {
            request(&mut pairing, packet, heard, method);
        }
        // B's answer begins in the hole, and its rest was looked through up to C's.
        pairing.answers_lost(hole(0, 300, true));
        assert_eq!(answer(&mut pairing, 4, 350), "C");
    }

    #[test]
    fn of_pipelined_requests_it_is_not_known_until_only_one_is_left() {
        let mut pairing = Pairing::default();
        for method in ["A", "B", "C"] {
            request(&mut pairing, 1, 0, method);
        }
        pairing.answers_lost(hole(0, 100, true));
        assert_eq!(answer(&mut pairing, 2, 100), "?");
        // It was B's or C's, so that this is C's or that of one to come; but none has come.
        assert_eq!(answer(&mut pairing, 3, 200), "C");
    }

    #[test]
    fn a_hole_that_has_no_room_for_two_answers_had_one() {
        let mut pairing = Pairing::default();
        for method in ["A", "B", "C"] {
            request(&mut pairing, 1, 0, method);
        }
        pairing.answers_lost(hole(0, SHORTEST_ANSWER, true));
        assert_eq!(answer(&mut pairing, 2, 16), "B");
        assert_eq!(answer(&mut pairing, 3, 60), "C");
    }

    #[test]
    fn the_end_of_an_answer_in_a_hole_takes_no_request_where_one_waits() {
        let mut pairing = Pairing::default();
        request(&mut pairing, 1, 0, "A");
        assert_eq!(answer(&mut pairing, 2, 0), "A");
        request(&mut pairing, 3, 100, "B");
        pairing.answers_lost(hole(50, 50, false));
        assert_eq!(answer(&mut pairing, 4, 100), "B");
    }

    #[test]
    fn an_interim_answer_in_the_hole_takes_no_request() {
        let mut pairing = Pairing::default();
        let mut first = Waiting::unreadable(
            b"POST".to_vec(),
            b"/".to_vec(),
            0,
            origin(Side::Client, 1, 0),
        );
        first.expects = true;
        pairing.request(first, 0, false);
        pairing.answers_lost(hole(0, 25, true));
        assert_eq!(answer(&mut pairing, 2, 25), "POST");
        request(&mut pairing, 3, 60, "A");
        assert_eq!(answer(&mut pairing, 4, 60), "A");
    }

    #[test]
    fn answers_to_lost_requests_are_none_of_the_requests_around_them() {
        let mut pairing = Pairing::default();
        // The answer came before the hole was known.
        pairing.answer(Place {
            offset: 0,
            origin: origin(Side::Server, 1, 28),
            unseen: 1,
        });
        pairing.requests_lost(hole(0, 28, true));
        request(&mut pairing, 2, 47, "A");
        assert_eq!(answer(&mut pairing, 3, 47), "A");
    }

    #[test]
    fn between_pipelined_requests_a_hole_has_room_for_so_many() {
        for (bytes, told) in [(18, ["B", "none", "C"]), (30, ["B", "none", "?"])] {
            let mut pairing = Pairing::default();
            request(&mut pairing, 4, 90, "B");
            pairing.requests_lost(hole(500, bytes, true));
            request(&mut pairing, 6, 90, "C");
            let answers = [90, 130, 170].map(|offset| answer(&mut pairing, 7, offset));
            assert_eq!(answers, told);
        }
    }

    #[test]
    fn a_request_that_the_file_has_behind_its_answer_does_not_wait() {
        let mut pairing = Pairing::default();
        pairing.answer(Place {
            offset: 0,
            origin: origin(Side::Server, 1, 228),
            unseen: 0,
        });
        request(&mut pairing, 2, 0, "A");
        request(&mut pairing, 3, 40, "B");
        assert_eq!(answer(&mut pairing, 4, 40), "B");
    }

    /// The server had received a request that is not captured: the answer behind the hole may be to that one.
    #[test]
    fn a_request_that_only_the_server_saw_takes_an_answer_too() {
        let mut pairing = Pairing::default();
        request(&mut pairing, 1, 0, "A");
        pairing.answers_lost(hole(0, 100, true));
        let answered = pairing.answer(Place {
            offset: 100,
            origin: origin(Side::Server, 2, 146),
            unseen: 1,
        });
        assert!(answered.is_doubtful && answered.request.is_none());
        pairing.requests_lost(hole(128, SHORTEST_REQUEST, true));
        request(&mut pairing, 3, 120, "B");
        assert_eq!(answer(&mut pairing, 4, 120), "B");
    }

    #[test]
    fn forgotten_requests_keep_their_answers() {
        let mut pairing = Pairing::default();
        for packet in 0..MOST_WAITING as u64 + 2 {
            request(&mut pairing, packet + 1, 0, &format!("R{packet}"));
        }
        let told: Vec<_> = (0..4)
            .map(|index| answer(&mut pairing, 5000, index * 100))
            .collect();
        assert_eq!(told, ["none", "none", "R2", "R3"]);
    }
}
