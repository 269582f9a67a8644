//! The differences between two captures, and their reasons.
//!
//! Connections are aligned, then the messages of each, then the fields of these; whatever differs is a [`Change`] of
//! one [`Kind`]. The kinds reconcile the figures: each packet and each byte that one capture has more than the other
//! belongs to a change, so that the changes of all kinds add up to the difference of the five totals. That holds by
//! construction: every packet and byte is attributed to a kind.
//!
//! The place to which a byte goes:
//!
//! - Payload that is new to its stream belongs to a message, and in it to a part: a field, the body, what wraps it. Two
//!   messages that answer each other are compared part by part; a message that only one capture has is
//!   [`Kind::Exchange`].
//! - A packet with payload belongs to the message whose bytes it brings first, one that only acknowledges to the message
//!   that it acknowledges last. More or fewer of them for the same bytes is [`Kind::Segmentation`], or the acknowledging
//!   of the [`Kind::Tcp`] stack; for more or fewer bytes, it is what changed these.
//! - All other packets are told by what they are there for: opening, closing, probes, copies.
//! - Payload that is captured and not part of a stream (a copy with other contents, data behind a FIN, …) is compared
//!   byte by byte too, as part of [`Kind::Tcp`]. The one exception is the byte of a keepalive probe, which RFC 9293 §3.8.4
//!   calls garbage.
//! - Of packets that have a counterpart, the headers are compared bit by bit: TCP's belong to [`Kind::Tcp`], those below to
//!   [`Kind::Link`]. Of packets that are not TCP, length and headers of IP do to [`Kind::NotTcp`].
//!
//! Not compared is what differs each time, or is told elsewhere:
//!
//! - of the link: hardware addresses, the number of the interface, the `PPPoE` session, the length in a header of 802.3 or
//!   `PPPoE`, and what padding and trailers hold;
//! - of IP: identification, flow label, checksums, what an authentication header has behind its length, and headers of
//!   tunnels but for IP in IP;
//! - of TCP: ports (which are volatile), sequence and acknowledgement numbers (but for where they put the payload), PSH,
//!   windows after the SYN, checksums, and values of the options that are another number each time (see `options`);
//! - of packets that are not TCP: addresses, and what follows IP;
//! - what was made of something hidden that is not the same in both captures. It is counted, see
//!   [`Difference::not_compared`].
//!
//! `docs/diff.md` has the same list for users, and a test changes every bit to hold it to that.

mod align;
mod body;
mod entry;
mod facts;
mod field;
mod figures;
mod frames;
mod header;
mod kind;
mod ledger;
mod live;
mod message;
mod options;
mod record;
mod redaction;
mod spread;
mod talk;
mod tally;

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use self::align::Key;
use self::entry::Digest;
pub use self::figures::Delta;
use self::header::{Header, Headers};
pub use self::kind::Kind;
pub use self::ledger::{Change, Ends, Named, Place, Section, Value};
use self::ledger::{Finding, Ledger};
pub use self::record::Record;
use self::record::Talk;
pub use self::redaction::{Hidden, Moves, Redaction, Rules, Sort};
use self::spread::take_groups;
use self::talk::{Comparison, align_connections, key_of};
use self::tally::Tally;
use crate::analysis::coverage::Coverage;
use crate::analysis::stats::Statistics;

/// The differences between two captures.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The figures of the old capture and of the new one.
    pub figures: [Statistics; 2],
    /// True if every packet of one is in the other, byte by byte and at the same time.
    pub is_identical: bool,
    /// The changes, by what they are about.
    pub sections: Vec<Section>,
    /// The sums of the changes of each kind, in the order of [`Kind::ALL`].
    sums: [Delta; Kind::ALL.len()],
    /// The number of changes of each kind.
    counts: [u64; Kind::ALL.len()],
    /// The number of those that may be otherwise in the next run of the same programs.
    by_chance: [u64; Kind::ALL.len()],
    /// The number of bytes not compared, because they were made of something hidden that is not the same.
    pub not_compared: u64,
    /// The number of packets that are not TCP, whose contents are not compared.
    pub not_tcp: u64,
    /// The parts of the old file and of the new one that were read.
    pub coverage: [Coverage; 2],
}

impl Difference {
    /// Compares two captures.
    #[must_use]
    pub fn between<'r>(old: &'r Record, new: &'r Record, redaction: Redaction<'r>) -> Self {
        let mut work = Work {
            ledger: Ledger::new(),
            redaction,
            not_compared: 0,
            shift: 0,
            tables: [&old.headers, &new.headers],
            repeated: [old, new].map(Record::repeated),
        };
        if old.digest != new.digest {
            work.connections(old, new);
            work.capture(old, new);
        }
        work.ledger.end();
        Self {
            figures: [old.statistics, new.statistics],
            is_identical: old.digest == new.digest,
            sections: work.ledger.sections,
            sums: work.ledger.sums,
            counts: work.ledger.counts,
            by_chance: work.ledger.by_chance,
            not_compared: work.not_compared,
            not_tcp: [old, new].map(not_tcp).into_iter().sum(),
            coverage: [old, new].map(|record| record.coverage.clone()),
        }
    }

    /// Returns the difference of the totals.
    #[must_use]
    pub fn total(&self) -> Delta {
        Delta::between(self.figures[0], self.figures[1])
    }

    /// Returns the sum of the changes of a kind.
    #[must_use]
    pub const fn sum(&self, kind: Kind) -> Delta {
        self.sums[kind as usize]
    }

    /// Returns the number of changes of a kind.
    #[must_use]
    pub const fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// Returns the kinds of which there are changes.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| self.count(*kind) > 0)
    }

    /// Returns the kinds that count and of which there are changes that a further run of the same programs would have too.
    /// Chance decides how many pure ACKs there are, and which of two ends that both close does so first.
    pub fn kinds_of_news(&self) -> impl Iterator<Item = Kind> {
        let is_news = |kind: &Kind| self.count(*kind) > self.by_chance[*kind as usize];
        self.kinds().filter(|kind| kind.counts()).filter(is_news)
    }

    /// Returns true if the kinds add up to the totals. Anything else is a bug in this module.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.sums.iter().copied().sum::<Delta>() == self.total()
    }

    /// Returns true if there are changes that count, other than those of ignored kinds.
    #[must_use]
    pub fn differs(&self, ignored: &[Kind]) -> bool {
        self.kinds()
            .any(|kind| kind.counts() && !ignored.contains(&kind))
    }
}

fn not_tcp(record: &Record) -> u64 {
    record.not_tcp.values().map(Tally::packets).sum()
}

struct Work<'r> {
    ledger: Ledger,
    redaction: Redaction<'r>,
    not_compared: u64,
    /// The largest time by which a message came earlier or later, in nanoseconds.
    shift: u64,
    tables: [&'r Headers; 2],
    /// The digests of the messages of either capture that may be repeated.
    repeated: [HashSet<Digest>; 2],
}

impl<'r> Work<'r> {
    fn connections(&mut self, old: &Record, new: &Record) {
        let [old_keys, new_keys] = [old, new].map(|record| {
            let keys = record.connections.iter().map(key_of);
            keys.collect::<Vec<Key>>()
        });
        let mut pairs = align_connections(&old_keys, &new_keys);
        for group in take_groups(&mut pairs, &old.connections, &new.connections) {
            self.ledger.begin(Place::Requests(group.server));
            let [olds, news] =
                [(old, &group.places[0]), (new, &group.places[1])].map(|(record, places)| {
                    let talks = places.iter().map(|place| &record.connections[*place]);
                    talks.collect::<Vec<_>>()
                });
            self.comparison().compare_spread(&olds, &news);
        }
        for (before, after) in pairs {
            let places = [ends(old, before), ends(new, after)];
            self.ledger.begin(Place::Connection(places));
            let talks = (
                before.map(|place| &old.connections[place]),
                after.map(|place| &new.connections[place]),
            );
            match talks {
                (Some(before), Some(after)) => self.comparison().compare(before, after),
                (Some(before), None) => self.lone(before, true),
                (None, Some(after)) => self.lone(after, false),
                (None, None) => {}
            }
        }
        self.ledger.begin(Place::Rest);
        if old.more_connections == new.more_connections {
            self.comparison().compare(&old.rest, &new.rest);
        } else {
            self.more_connections(old, new);
        }
    }

    fn comparison(&mut self) -> Comparison<'_, 'r> {
        Comparison::new(
            &mut self.ledger,
            self.redaction,
            &mut self.not_compared,
            &mut self.shift,
            self.tables,
            &self.repeated,
        )
    }

    /// Enters a connection that only one capture has.
    fn lone(&mut self, talk: &Talk, is_old: bool) {
        let all = Delta::from(talk.statistics);
        let messages: usize = talk.spoken.entries.iter().map(Vec::len).sum();
        let messages = messages as u64 + talk.spoken.rest.messages;
        let text = Value::line(format!("{messages} messages"));
        let others = &self.repeated[usize::from(is_old)];
        let kind = if talk.is_repetition(others) {
            Kind::Volatile
        } else {
            Kind::Exchange
        };
        let finding = Finding::new(kind, "connection");
        let finding = if is_old {
            finding.from(text).costs(-all)
        } else {
            finding.to(text).costs(all)
        };
        self.ledger.enter(finding, [None, None]);
    }

    fn more_connections(&mut self, old: &Record, new: &Record) {
        let [before, after] =
            [old, new].map(|record| Value::line(record.more_connections.to_string()));
        let finding = Finding::new(Kind::Exchange, "connections")
            .from(before)
            .to(after);
        let delta = Delta::between(old.rest.statistics, new.rest.statistics);
        self.ledger.enter(finding.costs(delta), [None, None]);
    }

    /// Compares everything that does not belong to a connection.
    fn capture(&mut self, old: &Record, new: &Record) {
        self.ledger.begin(Place::Capture);
        let mut names: Vec<&String> = old.not_tcp.keys().chain(new.not_tcp.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let none = Tally::default();
            let [before, after] =
                [old, new].map(|record| record.not_tcp.get(name).unwrap_or(&none));
            if before != after {
                self.not_tcp(name, before, after);
            }
        }
        self.times(old, new);
    }

    /// Compares packets of one sort that are not TCP: their number, their lengths, and the contents of their headers.
    fn not_tcp(&mut self, name: &str, before: &Tally, after: &Tally) {
        let delta = after.delta() + -before.delta();
        let compared = Tally::compare(before, after);
        let mut said = BTreeSet::new();
        for ([old, new], _) in compared.headers {
            let headers = (self.tables[0].get(old), self.tables[1].get(new));
            if let (Some(old), Some(new)) = headers {
                let found = Header::differences(old, new).into_iter();
                said.extend(found.map(|(old, new)| (old.name, old.value, new.value)));
            }
        }
        if said.is_empty() || before.packets() != after.packets() || !delta.is_zero() {
            let values = [before, after].map(|tally| packets_text(tally.packets()));
            let [before, after] = values.map(Value::line);
            let finding = Finding::new(Kind::NotTcp, name).from(before).to(after);
            self.ledger.enter(finding.costs(delta), [None, None]);
        }
        for (what, old, new) in said {
            let finding = Finding::new(Kind::NotTcp, format!("{name}: {what}"));
            let finding = finding.from(Value::line(old)).to(Value::line(new));
            self.ledger.enter(finding, [None, None]);
        }
    }

    fn times(&mut self, old: &Record, new: &Record) {
        let same_packets = old.timeless == new.timeless;
        if !same_packets {
            let subject = "sequence numbers, time stamps and other values that differ each time";
            let finding = Finding::new(Kind::Volatile, subject);
            self.ledger.enter(finding, [None, None]);
        }
        if self.shift > 0 || old.duration != new.duration {
            let [before, after] = [old, new].map(|record| seconds_text(record.duration));
            // Figures are values, not the subject: those who do not want to see what is volatile see only that.
            let shift = seconds_text(Duration::from_nanos(self.shift));
            let after = format!("{after}, messages up to {shift} earlier or later");
            let finding = Finding::new(Kind::Timing, "duration and times of messages");
            let finding = finding.from(Value::line(before)).to(Value::line(after));
            self.ledger.enter(finding, [None, None]);
        } else if same_packets {
            let finding = Finding::new(Kind::Timing, "times of packets");
            self.ledger.enter(finding, [None, None]);
        }
    }
}

fn packets_text(packets: u64) -> String {
    let end = if packets == 1 { "" } else { "s" };
    format!("{packets} packet{end}")
}

fn seconds_text(duration: Duration) -> String {
    if duration < Duration::from_millis(1) {
        return format!("{:.6} s", duration.as_secs_f64());
    }
    format!("{:.3} s", duration.as_secs_f64())
}

fn ends(record: &Record, place: Option<usize>) -> Option<Ends> {
    let place = place?;
    let [client, server] = record.connections.get(place)?.ends?;
    Some(Ends {
        number: place as u64 + 1,
        client,
        server,
    })
}
