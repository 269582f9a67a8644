//! The changes, and their sum: a change is never entered without its cost, nor a cost without a change.

use std::collections::HashMap;
use std::net::SocketAddr;

use wirestream::message::Name;

use super::entry::Entry;
use super::figures::Delta;
use super::kind::Kind;

/// The most changes that are listed one by one.
const MOST_CHANGES: usize = 5000;

/// The most messages that are named for one change.
const MOST_NAMES: usize = 100;

/// The most bytes of old and new values that are kept.
const MOST_VALUES: usize = 16 << 20;

/// Something that is not the same in both captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The kind of the change.
    pub kind: Kind,
    /// The subject: a field's name, or words.
    pub subject: String,
    /// The old value; `None` if there was nothing, or nothing worth showing.
    pub old: Option<Value>,
    /// The new value, likewise.
    pub new: Option<Value>,
    /// The messages that changed so; empty if the change is not about messages. (No more than a hundred are named.)
    pub messages: Vec<Named>,
    /// The number of times that it occurs.
    pub count: u64,
    /// The packets and bytes that it makes more or fewer, in total.
    pub delta: Delta,
}

/// A message by its names in both captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name in the old capture.
    pub old: Option<Name>,
    /// The name in the new capture.
    pub new: Option<Name>,
    /// The title: a request's method and target, the first line of a text.
    pub title: Vec<u8>,
}

/// Bytes that are shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// On one line.
    Line(Vec<u8>),
    /// Content, of any length and lines; volatile parts are hidden.
    Text(Vec<u8>),
}

impl Value {
    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Line(bytes) | Self::Text(bytes) => bytes,
        }
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "a value is there or not wherever this goes"
    )]
    pub(super) fn line(text: impl Into<Vec<u8>>) -> Option<Self> {
        Some(Self::Line(text.into()))
    }
}

/// The changes of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The place.
    pub place: Place,
    /// The changes there, in the order in which they were found.
    pub changes: Vec<Change>,
}

/// The thing that changes are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The capture as a whole.
    Capture,
    /// A connection, in one of the captures or in both.
    Connection([Option<Ends>; 2]),
    /// The requests to a server, on connections that chance spread them over.
    Requests(SocketAddr),
    /// All connections beyond those that are compared one by one.
    Rest,
}

/// A connection of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Its number, counted from 1.
    pub number: u64,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's address and port.
    pub server: SocketAddr,
}

/// A change of one message, or of no message.
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) subject: String,
    pub(super) old: Option<Value>,
    pub(super) new: Option<Value>,
    pub(super) delta: Delta,
    /// True if the same programs may do it otherwise in the next run.
    pub(super) is_chance: bool,
}

impl Finding {
    pub(super) fn new(kind: Kind, subject: impl Into<String>) -> Self {
        Self {
            kind,
            subject: subject.into(),
            old: None,
            new: None,
            delta: Delta::default(),
            is_chance: false,
        }
    }

    pub(super) fn from(mut self, old: Option<Value>) -> Self {
        self.old = old;
        self
    }

    pub(super) fn to(mut self, new: Option<Value>) -> Self {
        self.new = new;
        self
    }

    pub(super) const fn chance(mut self, is_chance: bool) -> Self {
        self.is_chance = is_chance;
        self
    }

    pub(super) const fn costs(mut self, delta: Delta) -> Self {
        self.delta = delta;
        self
    }
}

/// The properties by which changes are told apart.
type Identity = (Kind, String, Option<Value>, Option<Value>);

/// All changes.
pub(super) struct Ledger {
    pub(super) sums: [Delta; Kind::ALL.len()],
    pub(super) counts: [u64; Kind::ALL.len()],
    /// The number of those that may be otherwise in the next run of the same programs.
    pub(super) by_chance: [u64; Kind::ALL.len()],
    pub(super) sections: Vec<Section>,
    known: HashMap<Identity, usize>,
    changes: usize,
    room: usize,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            sums: Default::default(),
            counts: Default::default(),
            by_chance: Default::default(),
            sections: Vec::new(),
            known: HashMap::new(),
            changes: 0,
            room: MOST_VALUES,
        }
    }

    /// Begins a place: the changes entered from now on are about it.
    pub(super) fn begin(&mut self, place: Place) {
        self.end();
        self.known.clear();
        self.sections.push(Section {
            place,
            changes: Vec::new(),
        });
    }

    /// Ends a place. A place without changes is dropped.
    pub(super) fn end(&mut self) {
        if self
            .sections
            .last()
            .is_some_and(|section| section.changes.is_empty())
        {
            self.sections.pop();
        }
    }

    /// Enters a change; if it is the same as an earlier one, adds it to that.
    pub(super) fn enter(&mut self, finding: Finding, messages: [Option<&Entry>; 2]) {
        self.sums[finding.kind as usize] += finding.delta;
        self.counts[finding.kind as usize] += 1;
        self.by_chance[finding.kind as usize] += u64::from(finding.is_chance);
        let named = named(messages);
        let change = self.change(finding.kind, finding.subject, finding.old, finding.new);
        let Some(change) = change else {
            return;
        };
        change.count += 1;
        change.delta += finding.delta;
        if change.messages.len() < MOST_NAMES {
            change.messages.extend(named);
        }
    }

    fn change(
        &mut self,
        kind: Kind,
        subject: String,
        old: Option<Value>,
        new: Option<Value>,
    ) -> Option<&mut Change> {
        let mut identity = (kind, subject, old, new);
        if !self.known.contains_key(&identity) {
            let size =
                |value: &Option<Value>| value.as_ref().map_or(0, |value| value.bytes().len());
            let room = self.room.checked_sub(size(&identity.2) + size(&identity.3));
            self.changes += 1;
            match room {
                Some(room) if self.changes <= MOST_CHANGES => self.room = room,
                _ => identity = (kind, "further changes".to_owned(), None, None),
            }
        }
        let section = self.sections.last_mut()?;
        let next = section.changes.len();
        let place = *self.known.entry(identity.clone()).or_insert(next);
        if place == next {
            let (kind, subject, old, new) = identity;
            section.changes.push(Change {
                kind,
                subject,
                old,
                new,
                messages: Vec::new(),
                count: 0,
                delta: Delta::default(),
            });
        }
        section.changes.get_mut(place)
    }
}

fn named([old, new]: [Option<&Entry>; 2]) -> Option<Named> {
    let title = new.or(old)?.title();
    Some(Named {
        old: old.map(|entry| entry.name),
        new: new.map(|entry| entry.name),
        title,
    })
}
