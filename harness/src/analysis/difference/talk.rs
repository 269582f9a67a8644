//! Compares two connections that are counterparts: their messages, and every packet that carried them.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use wirestream::units::Side;

use super::align::{Key, Pair, align};
use super::entry::{Digest, Entry, digest};
use super::figures::Delta;
use super::header::{self, Header, HeaderId, Headers};
use super::kind::Kind;
use super::ledger::{Finding, Ledger, Value};
use super::live::Fold;
use super::message;
use super::record::{Ending, Sort, Talk};
use super::redaction::Redaction;
use super::spread;
use super::tally::{Compared, Tally};

const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// The packets that are there for a connection's sake.
const OF_CONNECTIONS: [Sort; 6] = [
    Sort::Handshake,
    Sort::Acknowledgement,
    Sort::KeepAlive,
    Sort::Fin,
    Sort::Reset,
    Sort::LastAcknowledgement,
];

/// The packets among them that neither open nor close it, with the name for a change of their number.
const BETWEEN: [(Sort, Kind, &str); 2] = [
    (Sort::Acknowledgement, Kind::Tcp, "pure ACKs of no message"),
    (Sort::KeepAlive, Kind::Tcp, "keepalive packets"),
];

/// The packets of no message that are not there for the connection's sake either.
const AMONG_MESSAGES: [(Sort, Kind, &str); 3] = [
    (
        Sort::Data,
        Kind::Segmentation,
        "packets whose payload nothing is known of",
    ),
    (Sort::Ignored, Kind::Tcp, "segments that a receiver ignores"),
    (Sort::Retransmission, Kind::Tcp, "retransmissions"),
];

/// Compares two connections, and enters the differences.
pub(super) struct Comparison<'a, 'r> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) redaction: Redaction<'r>,
    /// The number of bytes that were made of something hidden that is not the same.
    pub(super) not_compared: &'a mut u64,
    /// The largest time by which a message came earlier or later, in nanoseconds.
    pub(super) shift: &'a mut u64,
    /// The headers of both captures.
    tables: [&'a Headers; 2],
    /// The digests of the messages of either capture that may be repeated.
    repeated: &'a [HashSet<Digest>; 2],
    /// The differences between the headers of each side's packets.
    headers: [OfHeaders; 2],
    /// True if chance decided which connection took which exchange, and so how packets carry and acknowledge it.
    is_spread: bool,
}

/// The most pairs of headers that are told apart; of further ones only their existence is reported.
const MOST_PAIRS: usize = 4096;

/// The differences between the headers of packets that have a counterpart.
#[derive(Default)]
struct OfHeaders {
    /// The bytes of TCP headers, and of those below.
    tcp: Delta,
    below: Delta,
    /// The number of packets that have a counterpart.
    pairs: u64,
    changed: BTreeMap<[HeaderId; 2], u64>,
    /// True if there are others that differ.
    others: bool,
    /// True if the flags, and the options, of SYNs are reported already.
    told: [bool; 2],
}

impl<'a, 'r> Comparison<'a, 'r> {
    pub(super) fn new(
        ledger: &'a mut Ledger,
        redaction: Redaction<'r>,
        not_compared: &'a mut u64,
        shift: &'a mut u64,
        tables: [&'a Headers; 2],
        repeated: &'a [HashSet<Digest>; 2],
    ) -> Self {
        Self {
            ledger,
            redaction,
            not_compared,
            shift,
            tables,
            repeated,
            headers: Default::default(),
            is_spread: false,
        }
    }

    /// Compares the exchanges of connections between which chance spread them.
    pub(super) fn compare_spread(&mut self, olds: &[&Talk], news: &[&Talk]) {
        self.is_spread = true;
        let [old, new] = [olds, news].map(Talk::together);
        self.addresses(&old, &new);
        let [before, after] = [olds, news].map(spread::in_order);
        for side in SIDES {
            self.all_messages(&before[side as usize], &after[side as usize], side);
        }
        self.folds(&old.spoken.rest, &new.spoken.rest);
        for side in SIDES {
            self.headers[side as usize].told = self.syns(&old, &new, side, Delta::ZERO);
        }
        self.connections_taken(&old, &new, [olds.len(), news.len()]);
        self.packets_of(&old, &new, &AMONG_MESSAGES);
        self.ways_to_close(olds, news);
        self.streams(&old, &new);
        for side in SIDES {
            self.headers(side);
        }
    }

    /// Enters which connections took the exchanges, with the packets that are there for the connections' sake.
    fn connections_taken(&mut self, old: &Talk, new: &Talk, counts: [usize; 2]) {
        let mut delta = Delta::default();
        for sort in OF_CONNECTIONS {
            for side in SIDES {
                let [before, after] = [old, new].map(|talk| tally(talk, sort, side));
                delta += self.headers_of(before, after, side).count;
            }
        }
        let finding = Finding::new(Kind::Volatile, "which connection took which request");
        let finding = if counts[0] == counts[1] {
            finding
        } else {
            let [before, after] = counts.map(|count| Value::line(connections_text(count)));
            finding.from(before).to(after)
        };
        self.enter(finding.costs(delta));
    }

    /// Compares the ways in which connections with messages were closed, whichever connections they were.
    fn ways_to_close(&mut self, olds: &[&Talk], news: &[&Talk]) {
        let [before, after] = [olds, news].map(|talks| {
            let used = talks
                .iter()
                .filter(|talk| !talk.spoken.entries[0].is_empty());
            let ways: BTreeSet<String> = used.map(|talk| closing_text(talk)).collect();
            ways.into_iter().collect::<Vec<_>>().join("; or ")
        });
        if before != after {
            let finding = Finding::new(Kind::Closing, "end of the connections");
            let finding = finding.from(Value::line(before)).to(Value::line(after));
            let is_chance = olds.iter().chain(news).all(|talk| both_close(talk));
            self.enter(finding.chance(is_chance));
        }
    }

    pub(super) fn compare(&mut self, old: &Talk, new: &Talk) {
        self.addresses(old, new);
        for side in SIDES {
            self.messages(old, new, side);
        }
        for side in SIDES {
            self.asides(old, new, side);
        }
        self.folds(&old.spoken.rest, &new.spoken.rest);
        self.openings(old, new);
        self.packets_between(old, new);
        self.closings(old, new);
        self.streams(old, new);
        for side in SIDES {
            self.headers(side);
        }
    }

    fn enter(&mut self, finding: Finding) {
        self.ledger.enter(finding, [None, None]);
    }

    fn enter_all(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.enter(finding);
        }
    }

    fn addresses(&mut self, old: &Talk, new: &Talk) {
        let (Some(before), Some(after)) = (old.ends, new.ends) else {
            return;
        };
        for side in SIDES {
            let [before, after] = [before[side as usize], after[side as usize]];
            if before.ip() != after.ip() {
                let [old, new] = [before, after].map(|end| Value::line(end.ip().to_string()));
                let subject = format!("address of the {side}");
                self.enter(Finding::new(Kind::Host, subject).from(old).to(new));
            }
            if before.port() != after.port() {
                self.enter(Finding::new(Kind::Volatile, format!("port of the {side}")));
            }
        }
    }

    fn messages<'t>(&mut self, old: &'t Talk, new: &'t Talk, side: Side) {
        let entries = |talk: &'t Talk| talk.spoken.entries[side as usize].iter().collect();
        let [olds, news]: [Vec<&Entry>; 2] = [old, new].map(entries);
        self.all_messages(&olds, &news, side);
    }

    fn all_messages(&mut self, olds: &[&Entry], news: &[&Entry], side: Side) {
        let [old_keys, new_keys] = [olds, news]
            .map(|entries| entries.iter().map(|entry| key(entry)).collect::<Vec<Key>>());
        for pair in align(&old_keys, &new_keys) {
            match (
                pair.0.map(|place| olds[place]),
                pair.1.map(|place| news[place]),
            ) {
                (Some(before), Some(after)) => self.pair(before, after, side),
                (Some(before), None) => self.lone(before, -1),
                (None, Some(after)) => self.lone(after, 1),
                (None, None) => {}
            }
        }
    }

    /// Compares payload that is not part of the streams. Its cost is counted with all payload that a receiver does not
    /// take.
    fn asides(&mut self, old: &Talk, new: &Talk, side: Side) {
        let [olds, news] = [old, new].map(|talk| &talk.spoken.asides[side as usize]);
        let [old_keys, new_keys]: [Vec<Key>; 2] =
            [olds, news].map(|entries| entries.iter().map(key).collect());
        for (before, after) in align(&old_keys, &new_keys) {
            let entries = [
                before.map(|place| &olds[place]),
                after.map(|place| &news[place]),
            ];
            let findings = match entries {
                [Some(before), Some(after)] => {
                    message::compare(before, after, self.redaction).findings
                }
                [before, after] => message::lone_aside(before, after).into_iter().collect(),
            };
            for finding in findings {
                self.ledger.enter(finding, entries);
            }
        }
    }

    /// Enters a message that only one capture has: its bytes, and the packets that carried and acknowledged it.
    fn lone(&mut self, entry: &Entry, sign: i64) {
        let all =
            Delta::of_payload(entry.bytes) + entry.data.delta() + entry.acknowledgements.delta();
        let title = Value::line(entry.title());
        let (delta, values, messages) = if sign < 0 {
            (-all, [title, None], [Some(entry), None])
        } else {
            (all, [None, title], [None, Some(entry)])
        };
        let [old, new] = values;
        let (kind, subject) = if entry.is_repetition(&self.repeated[usize::from(sign < 0)]) {
            (Kind::Volatile, "repeated message")
        } else {
            (Kind::Exchange, "message")
        };
        let finding = Finding::new(kind, subject).from(old).to(new);
        self.ledger.enter(finding.costs(delta), messages);
    }

    fn pair(&mut self, old: &Entry, new: &Entry, side: Side) {
        *self.shift = (*self.shift).max(old.time.abs_diff(new.time));
        let compared = message::compare(old, new, self.redaction);
        *self.not_compared += compared.not_compared;
        let mut findings = compared.findings;
        let cause = cause(&findings, new.bytes - old.bytes);
        let of_packets = [
            self.segments(old, new, cause, side),
            self.acknowledgements(old, new, side.peer()),
        ];
        let of_packets = of_packets.into_iter().flatten();
        findings.extend(of_packets.map(|finding| self.as_chance(finding)));
        for finding in findings {
            self.ledger.enter(finding, [Some(old), Some(new)]);
        }
    }

    /// Marks a finding as volatile if chance spread the exchanges: then segments and acknowledgements follow from the
    /// connection's earlier exchanges, and from their times.
    const fn as_chance(&self, mut finding: Finding) -> Finding {
        if self.is_spread && matches!(finding.kind, Kind::Segmentation | Kind::Tcp) {
            finding.kind = Kind::Volatile;
        }
        finding
    }

    /// Explains a difference in segments: more bytes take more packets, for the reason that made the bytes more.
    /// Otherwise the same bytes were cut in another way.
    fn segments(
        &mut self,
        old: &Entry,
        new: &Entry,
        cause: Option<(Kind, bool)>,
        side: Side,
    ) -> Option<Finding> {
        let compared = self.headers_of(&old.data, &new.data, side);
        let is_more = compared.count.total_packets > 0;
        let kind = match cause {
            Some((kind, has_more_bytes)) if has_more_bytes == is_more => kind,
            _ if message::missing(old) != message::missing(new) => Kind::Capture,
            _ => Kind::Segmentation,
        };
        let other_cuts = old.bytes == new.bytes && old.cuts != new.cuts;
        if compared.count.is_zero() && !other_cuts {
            return None;
        }
        let [before, after] = [old, new].map(|entry| Value::line(entry.cuts.text()));
        let finding = Finding::new(kind, "segments").from(before).to(after);
        Some(finding.costs(compared.count))
    }

    fn acknowledgements(&mut self, old: &Entry, new: &Entry, side: Side) -> Option<Finding> {
        let compared = self.headers_of(&old.acknowledgements, &new.acknowledgements, side);
        let [before, after] = [old, new].map(|entry| entry.acknowledgements.packets());
        let subject = format!("pure ACKs of the {side}");
        let finding = counted(Kind::Tcp, &subject, [before, after], compared.count);
        finding.map(|finding| finding.chance(true))
    }

    /// Compares packets of one side: the differences of their headers are summed up, the rest is returned.
    fn headers_of(&mut self, old: &Tally, new: &Tally, side: Side) -> Compared {
        let compared = Tally::compare(old, new);
        let headers = &mut self.headers[side as usize];
        headers.add(&compared);
        headers.tcp += compared.tcp;
        compared
    }

    /// Compares messages that were too many to be compared one by one.
    fn folds(&mut self, old: &Fold, new: &Fold) {
        let is_more = old.messages != new.messages;
        for kind in Kind::ALL {
            let bytes = new.parts[kind as usize] - old.parts[kind as usize];
            if bytes != 0 {
                let kind = if is_more { Kind::Exchange } else { kind };
                let subject = "messages that are only counted";
                self.enter(Finding::new(kind, subject).costs(Delta::of_payload(bytes)));
            }
        }
        // Whose packets these are is not kept: their headers are taken for the server's, who says most.
        let data = self.headers_of(&old.data, &new.data, Side::Server).count;
        let acknowledgements =
            self.headers_of(&old.acknowledgements, &new.acknowledgements, Side::Client);
        let kinds = if is_more {
            [Kind::Exchange; 2]
        } else {
            [Kind::Segmentation, Kind::Tcp]
        };
        for (kind, delta) in kinds.into_iter().zip([data, acknowledgements.count]) {
            if !delta.is_zero() {
                let subject = "packets of messages that are only counted";
                self.enter(Finding::new(kind, subject).costs(delta));
            }
        }
        if old.digest != new.digest {
            let kind = if is_more { Kind::Exchange } else { Kind::Body };
            let [before, after] = [old, new].map(|fold| Value::line(messages_text(fold.messages)));
            let subject = "somewhere in messages that are only counted";
            self.enter(Finding::new(kind, subject).from(before).to(after));
        }
    }

    fn openings(&mut self, old: &Talk, new: &Talk) {
        for side in SIDES {
            let [before, after] = [old, new].map(|talk| tally(talk, Sort::Handshake, side));
            let compared = Tally::compare(before, after);
            self.headers[side as usize].add(&compared);
            let told = self.syns(old, new, side, compared.tcp);
            let headers = &mut self.headers[side as usize];
            headers.told = told;
            if !told[1] {
                headers.tcp += compared.tcp;
            }
            let opened = [old, new].map(|talk| talk.packets(Sort::Handshake) > 0);
            let kind = if opened[0] == opened[1] {
                Kind::Tcp
            } else {
                Kind::Capture
            };
            let counts = [before, after].map(Tally::packets);
            let subject = format!("opening packets of the {side}");
            let finding = counted(kind, &subject, counts, compared.count);
            self.enter_all(finding);
        }
    }

    /// Compares the SYNs. Returns true for flags, and for options, if these differ: then headers differ by them.
    fn syns(&mut self, old: &Talk, new: &Talk, side: Side, tcp: Delta) -> [bool; 2] {
        let [before, after] = [old, new].map(|talk| talk.facts[side as usize].syn.as_ref());
        let (Some(before), Some(after)) = (before, after) else {
            return [false; 2];
        };
        if before.window != after.window {
            let [old, new] = [before, after].map(|syn| Value::line(syn.window.to_string()));
            let subject = format!("window in the SYN of the {side}");
            self.enter(Finding::new(Kind::Tcp, subject).from(old).to(new));
        }
        let are_other = before.flags != after.flags;
        if are_other {
            let [old, new] = [before, after].map(|syn| Value::line(format!("{:?}", syn.flags)));
            let subject = format!("flags in the SYN of the {side}");
            self.enter(Finding::new(Kind::Tcp, subject).from(old).to(new));
        }
        let is_other = !before.has_options_of(after);
        if is_other {
            let [old, new] = [before, after].map(|syn| Value::line(syn.options_text()));
            let subject = format!("options in the SYN of the {side}");
            let finding = Finding::new(Kind::Tcp, subject).from(old).to(new);
            self.enter(finding.costs(tcp));
        }
        [are_other, is_other]
    }

    /// Compares packets of no message that neither open nor close.
    fn packets_between(&mut self, old: &Talk, new: &Talk) {
        self.packets_of(old, new, &BETWEEN);
        self.packets_of(old, new, &AMONG_MESSAGES);
    }

    fn packets_of(&mut self, old: &Talk, new: &Talk, sorts: &[(Sort, Kind, &str)]) {
        for (sort, kind, subject) in sorts {
            for side in SIDES {
                let [before, after] = [old, new].map(|talk| tally(talk, *sort, side));
                let compared = self.headers_of(before, after, side);
                let counts = [before, after].map(Tally::packets);
                let subject = format!("{subject}, of the {side}");
                let finding = counted(*kind, &subject, counts, compared.count);
                let is_chance = *sort == Sort::Acknowledgement;
                self.enter_all(finding.map(|finding| finding.chance(is_chance)));
            }
        }
    }

    fn closings(&mut self, old: &Talk, new: &Talk) {
        let mut delta = Delta::default();
        for sort in [Sort::Fin, Sort::Reset, Sort::LastAcknowledgement] {
            for side in SIDES {
                let [before, after] = [old, new].map(|talk| tally(talk, sort, side));
                delta += self.headers_of(before, after, side).count;
            }
        }
        let texts = [old, new].map(closing_text);
        if texts[0] != texts[1] || !delta.is_zero() {
            let finding = Finding::new(Kind::Closing, "end of the connection");
            let [from, to] = texts.map(Value::line);
            let finding = finding.from(from).to(to);
            let is_chance = both_close(old) && both_close(new);
            self.enter(finding.costs(delta).chance(is_chance));
        }
    }

    /// Compares payload that is in the packets and in no message, and the other way round.
    fn streams(&mut self, old: &Talk, new: &Talk) {
        let repeated = new.repeated().wrapping_sub(old.repeated());
        if repeated != 0 {
            let [before, after] = [old, new].map(|talk| Value::line(bytes_text(talk.repeated())));
            let finding = Finding::new(Kind::Tcp, "payload that was there before, or is not taken");
            let finding = finding.from(before).to(after);
            self.enter(finding.costs(Delta::of_payload(repeated)));
        }
        let lacking = new.lacking().wrapping_sub(old.lacking());
        if lacking != 0 {
            let text = |talk: &Talk| Value::line(bytes_text(talk.lacking().wrapping_neg()));
            let [before, after] = [old, new].map(text);
            let finding = Finding::new(Kind::Capture, "bytes missing from the capture");
            let finding = finding.from(before).to(after);
            self.enter(finding.costs(Delta::of_payload(lacking)));
        }
    }

    fn headers(&mut self, side: Side) {
        let mut headers = std::mem::take(&mut self.headers[side as usize]);
        let said = self.said(&mut headers);
        for ((kind, name, [old, new]), packets) in said {
            let packets = match packets {
                all if all == headers.pairs => String::new(),
                1 => "1 packet of ".to_owned(),
                some => format!("{some} packets of "),
            };
            let subject = format!("{name}, of {packets}the {side}");
            let delta = match name {
                header::OPTIONS => std::mem::take(&mut headers.tcp),
                header::BELOW => std::mem::take(&mut headers.below),
                _ => Delta::default(),
            };
            let finding = Finding::new(kind, subject).from(Value::line(old));
            self.enter(finding.to(Value::line(new)).costs(delta));
        }
        let rest = [
            (Kind::Tcp, header::OPTIONS, headers.tcp),
            (Kind::Link, header::BELOW, headers.below),
        ];
        for (kind, name, delta) in rest {
            if !delta.is_zero() {
                let subject = format!("{name}, of the {side}");
                self.enter(Finding::new(kind, subject).costs(delta));
            }
        }
        if headers.others {
            let subject = format!("further headers of the {side}");
            self.enter(Finding::new(Kind::Tcp, subject));
        }
    }

    /// Returns the facts that headers state differently, and the number of packets for each.
    fn said(&self, headers: &mut OfHeaders) -> BTreeMap<(Kind, &'static str, [String; 2]), u64> {
        let [olds, news] = self.tables;
        let mut found = BTreeMap::new();
        for ([old, new], packets) in &headers.changed {
            let (Some(old), Some(new)) = (olds.get(*old), news.get(*new)) else {
                headers.others = true;
                continue;
            };
            let are_syns = old.is_syn() && new.is_syn();
            for (before, after) in Header::differences(old, new) {
                let is_told = match before.name {
                    header::FLAGS => headers.told[0],
                    header::OPTIONS => headers.told[1],
                    _ => false,
                };
                if !(are_syns && is_told) {
                    let values = [before.value, after.value];
                    *found.entry((before.kind, before.name, values)).or_default() += packets;
                }
            }
        }
        found
    }
}

impl OfHeaders {
    /// Takes in what packets differ in, but for the bytes of TCP headers.
    fn add(&mut self, compared: &Compared) {
        self.below += compared.below;
        self.pairs += compared.pairs;
        self.others |= compared.others;
        for (pair, packets) in &compared.headers {
            if self.changed.len() < MOST_PAIRS || self.changed.contains_key(pair) {
                *self.changed.entry(*pair).or_default() += packets;
            } else {
                self.others = true;
            }
        }
    }
}

/// Returns a finding on packets that are more or fewer, if there are any.
fn counted(kind: Kind, subject: &str, counts: [u64; 2], delta: Delta) -> Option<Finding> {
    let [before, after] = counts.map(|count| Value::line(count.to_string()));
    let finding = Finding::new(kind, subject).from(before).to(after);
    (!delta.is_zero()).then(|| finding.costs(delta))
}

/// Returns the kind that makes a message longer or shorter most of all, and true if it is longer.
fn cause(findings: &[Finding], bytes: i64) -> Option<(Kind, bool)> {
    let is_longer = bytes > 0;
    let mut sums = [0_i64; Kind::ALL.len()];
    for finding in findings {
        sums[finding.kind as usize] += finding.delta.app_bytes;
    }
    let kinds = Kind::ALL.into_iter().rev();
    let kind = kinds.max_by_key(|kind| {
        let bytes = sums[*kind as usize];
        if is_longer {
            bytes
        } else {
            bytes.wrapping_neg()
        }
    })?;
    (bytes != 0).then_some((kind, is_longer))
}

fn tally(talk: &Talk, sort: Sort, side: Side) -> &Tally {
    static NONE: Tally = Tally::NONE;
    talk.sorts.get(&(sort, side)).unwrap_or(&NONE)
}

/// Returns true if both ends sent a FIN, and none an RST: which did so first may be a race.
fn both_close(talk: &Talk) -> bool {
    let closes = |side: Side| talk.endings.contains(&(side, Ending::Fin));
    let resets = |(_, ending): &(Side, Ending)| *ending == Ending::Reset;
    SIDES.into_iter().all(closes) && !talk.endings.iter().any(resets)
}

/// Returns the closing as text: `client FIN, server FIN, 1 ACK by the client`.
fn closing_text(talk: &Talk) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (side, ending) in &talk.endings {
        let name = match ending {
            Ending::Fin => "FIN",
            Ending::Reset => "RST",
        };
        parts.push(format!("{side} {name}"));
    }
    for side in SIDES {
        match tally(talk, Sort::LastAcknowledgement, side).packets() {
            0 => {}
            1 => parts.push(format!("ACK of a FIN by the {side}")),
            count => parts.push(format!("{count} ACKs of a FIN by the {side}")),
        }
    }
    if parts.is_empty() {
        return "not closed".to_owned();
    }
    parts.join(", ")
}

fn bytes_text(bytes: i64) -> String {
    format!("{bytes} bytes")
}

fn connections_text(connections: usize) -> String {
    let end = if connections == 1 { "" } else { "s" };
    format!("{connections} connection{end}")
}

fn messages_text(messages: u64) -> String {
    format!("{messages} messages")
}

fn key(entry: &Entry) -> Key {
    Key {
        exact: entry.exact,
        shape: entry.shape,
        family: entry.family(),
    }
}

/// Returns the key by which connections are told apart: all that was said on them, and the kind of the first message.
pub(super) fn key_of(talk: &Talk) -> Key {
    let entries = talk.spoken.entries.iter().flatten();
    let exact = digest(entries.map(|entry| &entry.exact[..]));
    let first = talk
        .spoken
        .entries
        .iter()
        .find_map(|entries| entries.first());
    let shape = first.map_or(Digest::default(), |entry| entry.shape);
    let family = first.map_or((u8::MAX, true), Entry::family);
    Key {
        exact,
        shape,
        family,
    }
}

/// Aligns connections. A browser opens several at the same time in any order: one without a counterpart at its place
/// gets one that does the same at another.
pub(super) fn align_connections(old: &[Key], new: &[Key]) -> Vec<Pair> {
    let mut pairs = align(old, new);
    reunite(&mut pairs, |one, other| old[one].exact == new[other].exact);
    reunite(&mut pairs, |one, other| old[one].shape == new[other].shape);
    pairs
}

/// The most connections without counterpart that are looked through for one.
const MOST_ALONE: usize = 2000;

fn reunite(pairs: &mut Vec<Pair>, is_like: impl Fn(usize, usize) -> bool) {
    let olds = pairs.iter().filter(|pair| pair.1.is_none());
    let olds: Vec<usize> = olds.filter_map(|pair| pair.0).take(MOST_ALONE).collect();
    let news = pairs.iter().filter(|pair| pair.0.is_none());
    let mut news: VecDeque<usize> = news.filter_map(|pair| pair.1).take(MOST_ALONE).collect();
    let mut found = Vec::new();
    for old in olds {
        if let Some(place) = news.iter().position(|new| is_like(old, *new)) {
            let new = news.remove(place);
            found.push((Some(old), new));
        }
    }
    let taken: BTreeSet<Option<usize>> = found.iter().map(|(_, new)| *new).collect();
    pairs.retain(|pair| pair.0.is_some() || !taken.contains(&pair.1));
    for (old, new) in found {
        if let Some(pair) = pairs.iter_mut().find(|pair| pair.0 == old) {
            pair.1 = new;
        }
    }
}
