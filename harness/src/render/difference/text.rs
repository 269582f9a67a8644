//! Writes the differences between two captures for people.

use std::fmt::Write as _;
use std::io::{self, Write};

use wirestream::packet::not_tcp_sentence;

use super::names::heading;
use super::value::{WIDTH, alone, lines, side_by_side, wrapped};
use super::{Comparison, Verdict, reconciliation, signed};
use crate::analysis::difference::{Change, Delta, Difference, Ends, Kind, Place, Section};
use crate::render::safe_text::safe_line;
use crate::render::style::Style;
use crate::render::table::Style as TableStyle;
use crate::text::Shown;

/// The width in columns of a kind's name.
const KIND_WIDTH: usize = 15;

/// The most subjects of one kind that the summary names.
const MOST_SUBJECTS: usize = 8;

/// The most connections whose changes are shown.
const MOST_PLACES: usize = 40;

/// The most groups of messages of one connection whose changes are shown.
const MOST_GROUPS: usize = 40;

const TITLE: Style = Style::Title;
const QUIET: Style = Style::Quiet;

/// Writes the differences: in short, one by one, and in figures.
///
/// # Errors
///
/// Returns an error if `out` cannot be written.
pub fn write_text(comparison: Comparison<'_>, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{}", summary(comparison))?;
    if comparison.difference.is_identical {
        return Ok(());
    }
    let changes = changes(comparison);
    if !changes.is_empty() {
        write!(out, "\n{changes}")?;
    }
    let names = ["old", "new"];
    let table = reconciliation(comparison.difference, names, TableStyle::Text);
    let title = "From the old figures to the new ones";
    write!(out, "\n{TITLE}{title}{TITLE:#}\n\n{table}")
}

fn summary(comparison: Comparison<'_>) -> String {
    let difference = comparison.difference;
    let [old, new] = comparison.names.map(Shown::shown);
    let is_read = (difference.coverage.iter()).all(|covered| covered.failure().is_none());
    let verdict = match comparison.verdict() {
        Verdict::Identical if is_read => "They are identical, packet for packet.",
        Verdict::Identical => "As far as they can be read, they are identical, packet for packet.",
        Verdict::Volatile if difference.not_compared > 0 => {
            "Only what changes from run to run differs (volatile), as far as it can be compared."
        }
        Verdict::Volatile if comparison.ignored.is_empty() => {
            "Only what changes from run to run differs (volatile)."
        }
        Verdict::Volatile => "Nothing differs that counts.",
        Verdict::Differs => "They differ:",
    };
    let mut text = format!("old  {old}\nnew  {new}\n\n{TITLE}{verdict}{TITLE:#}\n");
    let kinds = |counts| {
        let kinds = difference.kinds();
        kinds.filter(move |kind| comparison.counts(*kind) == counts)
    };
    for (counts, style) in [(true, Style::Plain), (false, QUIET)] {
        if !counts && kinds(false).next().is_some() && kinds(true).next().is_some() {
            let _ = writeln!(text, "\n{style}What does not count:{style:#}");
        }
        for kind in kinds(counts) {
            text.push_str(&kind_text(difference, kind, style));
        }
    }
    text.push_str(&limits(difference));
    text
}

fn kind_text(difference: &Difference, kind: Kind, style: Style) -> String {
    let mut text = String::new();
    let subjects = subjects(difference, kind);
    let lines = wrapped(&subjects, WIDTH - KIND_WIDTH - 4);
    for (index, line) in lines.into_iter().enumerate() {
        let name = if index == 0 { kind.name() } else { "" };
        let _ = writeln!(text, "  {style}{name:KIND_WIDTH$}  {line}{style:#}");
    }
    text
}

/// Returns the subjects of a kind's changes.
fn subjects(difference: &Difference, kind: Kind) -> String {
    let mut found: Vec<String> = Vec::new();
    let changes = difference
        .sections
        .iter()
        .flat_map(|section| &section.changes);
    for change in changes.filter(|change| change.kind == kind) {
        let subject = safe_line(change.subject.as_bytes());
        if !found.contains(&subject) {
            if found.len() == MOST_SUBJECTS {
                found.push("…".to_owned());
                break;
            }
            found.push(subject);
        }
    }
    found.join(", ")
}

/// Returns the limits of the comparison.
fn limits(difference: &Difference) -> String {
    let mut text = String::new();
    let mut say = |line: String| {
        let _ = writeln!(text, "\n{line}");
    };
    for (name, covered) in ["old", "new"].into_iter().zip(&difference.coverage) {
        if let Some(packet) = covered.cut {
            say(format!(
                "The {name} capture is cut off after packet {packet}."
            ));
        }
        if covered.failure().is_some() {
            let packets = covered.packets;
            say(format!(
                "Of the {name} capture only the first {packets} packets can be read."
            ));
        }
        for (link_type, count) in covered.others.link_types() {
            say(format!(
                "{count} packets of the {name} capture are of {link_type}: only their lengths are compared."
            ));
        }
    }
    if difference.not_compared > 0 {
        let bytes = difference.not_compared;
        say(format!(
            "{bytes} bytes are not compared: what is compressed there is hidden, and not the same."
        ));
    }
    if difference.not_tcp > 0 && !difference.is_identical {
        let [old, new] = (difference.coverage.each_ref()).map(|covered| covered.others.counts());
        let counts = [old[0] + new[0], old[1] + new[1]];
        let packets = not_tcp_sentence(counts, "");
        let their = if difference.not_tcp == 1 {
            "its length is"
        } else {
            "their lengths are"
        };
        say(format!("{packets}: only {their} compared."));
    }
    text
}

/// Returns all changes that count, and volatile ones if the comparison wants them, by connection and message; empty if
/// there are no changes.
#[must_use]
pub fn changes(comparison: Comparison<'_>) -> String {
    let sections = &comparison.difference.sections;
    let common = common(comparison);
    let mut parts: Vec<String> = Vec::new();
    if !common.is_empty() {
        let lines: String = common.iter().map(change_text).collect();
        parts.push(format!("{TITLE}All connections{TITLE:#}\n\n{lines}"));
    }
    for section in sections {
        let is_told = |change: &Change| common.iter().any(|other| is_same(change, other));
        let is_pair = is_pair(section);
        let changes = section.changes.iter();
        let changes = changes.filter(|change| comparison.shows(change.kind));
        let changes = changes.filter(|change| !(is_pair && is_told(change)));
        let changes: Vec<&Change> = changes.collect();
        if !changes.is_empty() {
            let is_shown = parts.len() < MOST_PLACES;
            let text = is_shown
                .then(|| place(comparison, section) + &groups_text(section.place, &changes));
            parts.push(text.unwrap_or_default());
        }
    }
    let more = parts.len().saturating_sub(MOST_PLACES);
    if more > 0 {
        parts.truncate(MOST_PLACES);
        parts.push(format!("{more} more differ; --format json has them\n"));
    }
    parts.join("\n")
}

/// Returns the changes that are the same for every connection of both captures, if there are several.
fn common(comparison: Comparison<'_>) -> Vec<Change> {
    let sections = comparison.difference.sections.iter();
    let pairs: Vec<&Section> = sections.filter(|section| is_pair(section)).collect();
    let [first, others @ ..] = &pairs[..] else {
        return Vec::new();
    };
    if others.is_empty() {
        return Vec::new();
    }
    let of_none = |change: &&Change| change.messages.is_empty() && comparison.shows(change.kind);
    let mut common = Vec::new();
    for change in first.changes.iter().filter(of_none) {
        let mut sum = change.clone();
        let found = others.iter().map_while(|section| {
            let mut changes = section.changes.iter();
            changes.find(|other| is_same(change, other))
        });
        let found: Vec<&Change> = found.collect();
        if found.len() < others.len() {
            continue;
        }
        for other in found {
            sum.count += other.count;
            sum.delta += other.delta;
        }
        common.push(sum);
    }
    common.sort_by_key(|change| change.kind);
    common
}

fn is_pair(section: &Section) -> bool {
    matches!(section.place, Place::Connection([Some(_), Some(_)]))
}

/// Returns true if two changes without messages are the same.
fn is_same(one: &Change, other: &Change) -> bool {
    one.messages.is_empty()
        && other.messages.is_empty()
        && (one.kind, &one.subject, &one.old, &one.new)
            == (other.kind, &other.subject, &other.old, &other.new)
}

fn place(comparison: Comparison<'_>, section: &Section) -> String {
    match section.place {
        Place::Capture => format!("{TITLE}Outside of connections{TITLE:#}\n"),
        Place::Rest => format!("{TITLE}All further connections{TITLE:#}\n"),
        Place::Requests(server) => format!("{TITLE}Requests to {server}{TITLE:#}\n"),
        Place::Connection(ends) => {
            let [old, new] = ends.map(|ends| Some((ends?.number, ends_text(comparison, ends?))));
            connection(old, new)
        }
    }
}

/// Returns the ends as `127.0.0.1 to 127.0.0.1:8000`: the client's port is another one each time.
fn ends_text(comparison: Comparison<'_>, ends: Ends) -> String {
    let Ends { client, server, .. } = ends;
    if comparison.with_volatile {
        return format!("{client} to {server}");
    }
    format!("{} to {server}", client.ip())
}

/// Returns the heading of a connection, from its number and its ends in each of the captures.
fn connection(old: Option<(u64, String)>, new: Option<(u64, String)>) -> String {
    match (old, new) {
        (Some((old_number, old_ends)), Some((number, ends))) => {
            let number = if old_number == number {
                format!("{number}")
            } else {
                format!("{old_number}, now {number}")
            };
            format!("{TITLE}Connection {number}{TITLE:#}\n  old {old_ends}\n  new {ends}\n")
        }
        (Some((number, ends)), None) => {
            format!("{TITLE}Connection {number} of the old capture{TITLE:#}\n  old {ends}\n")
        }
        (None, Some((number, ends))) => {
            format!("{TITLE}Connection {number} of the new capture{TITLE:#}\n  new {ends}\n")
        }
        (None, None) => format!("{TITLE}Connection{TITLE:#}\n"),
    }
}

/// Groups changes of the same messages.
fn groups<'a>(changes: &[&'a Change]) -> Vec<Vec<&'a Change>> {
    let mut groups: Vec<Vec<&Change>> = Vec::new();
    for change in changes {
        let alike = |group: &&mut Vec<&Change>| {
            let first = group.first();
            first.is_some_and(|first| {
                first.messages == change.messages && first.count == change.count
            })
        };
        // A change that is about no message is one of its connection, however often it is so.
        let of_none = |group: &&mut Vec<&Change>| {
            change.messages.is_empty()
                && group.first().is_some_and(|first| first.messages.is_empty())
        };
        let found = groups
            .iter_mut()
            .find(|group| alike(group) || of_none(group));
        match found {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    groups
}

fn groups_text(place: Place, changes: &[&Change]) -> String {
    let groups = groups(changes);
    let shown = groups.iter().take(MOST_GROUPS);
    let mut text: String = shown.map(|group| group_text(place, group)).collect();
    let more = groups.len().saturating_sub(MOST_GROUPS);
    if more > 0 {
        let _ = writeln!(
            text,
            "\n  {more} more groups of messages; --format json has them"
        );
    }
    text
}

fn group_text(place: Place, group: &[&Change]) -> String {
    let mut text = String::new();
    let Some(first) = group.first() else {
        return text;
    };
    let title = if first.messages.is_empty() {
        match place {
            Place::Capture => "The capture",
            Place::Connection(_) => "The connection",
            Place::Requests(_) | Place::Rest => "The connections",
        }
        .to_owned()
    } else {
        heading(&first.messages, first.count)
    };
    let _ = writeln!(text, "\n  {TITLE}{title}{TITLE:#}");
    let mut changes = group.to_vec();
    changes.sort_by_key(|change| change.kind);
    for change in changes {
        text.push_str(&change_text(change));
    }
    text
}

fn change_text(change: &Change) -> String {
    let subject = safe_line(change.subject.as_bytes());
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let fate = match (old, new) {
        (Some(_), None) => " gone",
        (None, Some(_)) => " added",
        _ => "",
    };
    let head = format!("    {:KIND_WIDTH$}  {subject}{fate}", change.kind.name());
    let costs = costs(change);
    let taken = head.chars().count() + costs.chars().count() + ": ".len();
    let room = WIDTH.saturating_sub(taken);
    let values = match (old, new) {
        (Some(value), None) | (None, Some(value)) => alone(value, room),
        _ => side_by_side(old, new, room),
    };
    if let Some(values) = values {
        return format!("{head}: {values}{costs}\n");
    }
    let mut text = format!("{head}{costs}\n");
    for line in lines(old, new) {
        text.push_str(&line.render(6));
    }
    text
}

/// Returns the costs as ` (-1 packet, -66 bytes)`; of several messages that cost the same, as ` (4 × -12 bytes)`.
fn costs(change: &Change) -> String {
    let Delta {
        total_packets: packets,
        frame_bytes: bytes,
        ..
    } = change.delta;
    let times = i64::try_from(change.count).unwrap_or(1).max(1);
    let each = |figure: i64| figure.checked_rem(times) == Some(0);
    if times > 1 && packets == 0 && bytes != 0 && each(bytes) {
        return format!(" ({times} × {})", unit(bytes / times, "byte"));
    }
    let parts = [(packets, "packet"), (bytes, "byte")].into_iter();
    let parts = parts.filter(|(figure, _)| *figure != 0);
    let parts: Vec<String> = parts.map(|(figure, name)| unit(figure, name)).collect();
    if parts.is_empty() {
        return String::new();
    }
    format!(" ({})", parts.join(", "))
}

fn unit(figure: i64, name: &str) -> String {
    let end = if figure.unsigned_abs() == 1 { "" } else { "s" };
    format!("{} {name}{end}", signed(figure))
}
