//! Writes the differences between two captures for programs: one object.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{Comparison, Verdict};
use crate::analysis::difference::{Change, Delta, Ends, Kind, Named, Place, Section, Value};
use crate::analysis::stats::Statistics;
use crate::render::json::{Bytes, ascii_where_unsafe};

#[derive(Serialize)]
struct Document<'a> {
    old: Capture<'a>,
    new: Capture<'a>,
    verdict: Verdict,
    ignored: &'a [Kind],
    kinds: Vec<KindView>,
    difference: Delta,
    sections: Vec<SectionView>,
    not_compared_bytes: u64,
}

#[derive(Serialize)]
struct Capture<'a> {
    pcap: &'a str,
    overall: Statistics,
    cut_after_packet: Option<u64>,
    /// The number of connections taken for ended, because there was no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_early: Option<u64>,
    /// Packets that are not TCP, by what they are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    not_tcp: BTreeMap<String, u64>,
    /// The reason why the rest of the capture could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The sum of the changes of one kind.
#[derive(Serialize)]
struct KindView {
    kind: Kind,
    counts: bool,
    changes: u64,
    difference: Delta,
}

#[derive(Serialize)]
struct SectionView {
    /// `connection`, `capture` or `further connections`.
    place: &'static str,
    old: Option<EndsView>,
    new: Option<EndsView>,
    changes: Vec<ChangeView>,
}

#[derive(Serialize)]
struct EndsView {
    connection: u64,
    client: String,
    server: String,
}

#[derive(Serialize)]
struct ChangeView {
    kind: Kind,
    subject: String,
    old: Option<Bytes>,
    new: Option<Bytes>,
    count: u64,
    messages: Vec<NamedView>,
    difference: Delta,
}

#[derive(Serialize)]
struct NamedView {
    old: Option<String>,
    new: Option<String>,
}

/// Writes the comparison as an object, on one line.
///
/// # Errors
///
/// Returns an error if `out` cannot be written.
pub fn write_json(comparison: Comparison<'_>, out: &mut impl Write) -> io::Result<()> {
    let json = serde_json::to_vec(&document(comparison))?;
    out.write_all(&ascii_where_unsafe(&json))?;
    out.write_all(b"\n")
}

fn document(comparison: Comparison<'_>) -> Document<'_> {
    let difference = comparison.difference;
    let capture = |place: usize| Capture {
        pcap: comparison.names[place],
        overall: difference.figures[place],
        cut_after_packet: difference.coverage[place].cut,
        ended_early: Some(difference.coverage[place].ended_early).filter(|count| *count > 0),
        not_tcp: difference.coverage[place].not_tcp(),
        error: (difference.coverage[place].failure()).map(|failure| failure.to_string()),
    };
    let kinds = difference.kinds().map(|kind| KindView {
        kind,
        counts: comparison.counts(kind),
        changes: difference.count(kind),
        difference: difference.sum(kind),
    });
    Document {
        old: capture(0),
        new: capture(1),
        verdict: comparison.verdict(),
        ignored: comparison.ignored,
        kinds: kinds.collect(),
        difference: difference.total(),
        sections: difference.sections.iter().map(section).collect(),
        not_compared_bytes: difference.not_compared,
    }
}

fn section(section: &Section) -> SectionView {
    let (place, [old, new]) = match section.place {
        Place::Capture => ("capture", [None, None]),
        Place::Rest => ("further connections", [None, None]),
        Place::Requests(_) => ("requests", [None, None]),
        Place::Connection(ends) => ("connection", ends),
    };
    SectionView {
        place,
        old: old.map(ends),
        new: new.map(ends),
        changes: section.changes.iter().map(change).collect(),
    }
}

fn ends(ends: Ends) -> EndsView {
    EndsView {
        connection: ends.number,
        client: ends.client.to_string(),
        server: ends.server.to_string(),
    }
}

fn change(change: &Change) -> ChangeView {
    let bytes = |value: &Value| Bytes::new(value.bytes());
    ChangeView {
        kind: change.kind,
        subject: change.subject.clone(),
        old: change.old.as_ref().map(bytes),
        new: change.new.as_ref().map(bytes),
        count: change.count,
        messages: change.messages.iter().map(named).collect(),
        difference: change.delta,
    }
}

fn named(named: &Named) -> NamedView {
    NamedView {
        old: named.old.map(|name| name.to_string()),
        new: named.new.map(|name| name.to_string()),
    }
}
