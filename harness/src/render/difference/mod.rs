//! The differences between two captures: as text for people, as JSON for programs, as Markdown for pages.
//!
//! The text first lists the kinds of differences, then the changes for each connection, and last how the kinds add up
//! to the difference of the figures. All of it may contain text from strangers, so nothing is written that controls a
//! terminal.

mod json;
mod names;
mod text;
mod value;

use serde::Serialize;

use crate::analysis::difference::{Delta, Difference, Kind};
use crate::render::table::{HEADINGS, Style, Table};

pub use self::json::write_json;
pub use self::text::{changes, write_text};

/// Two captures that were compared, with the kinds of differences that count.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The names of the old capture and of the new one.
    pub names: [&'a str; 2],
    /// The differences between them.
    pub difference: &'a Difference,
    /// The kinds that do not count, besides those that never do.
    pub ignored: &'a [Kind],
    /// True if text also shows values that change from run to run: ports, dates, times.
    pub with_volatile: bool,
}

/// The verdict on two captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// They are the same, packet for packet.
    Identical,
    /// Nothing differs that counts.
    Volatile,
    /// Something differs that counts.
    Differs,
}

impl Comparison<'_> {
    /// Returns true if differences of a kind make the captures differ.
    #[must_use]
    pub fn counts(&self, kind: Kind) -> bool {
        kind.counts() && !self.ignored.contains(&kind)
    }

    /// Returns true if changes of a kind are shown one by one.
    fn shows(&self, kind: Kind) -> bool {
        self.with_volatile || self.counts(kind)
    }

    /// Returns the verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.difference.is_identical {
            Verdict::Identical
        } else if self.difference.differs(self.ignored) {
            Verdict::Differs
        } else {
            Verdict::Volatile
        }
    }
}

/// Returns the figures of the old capture, the difference of each kind, and the figures of the new capture.
#[must_use]
pub fn reconciliation(difference: &Difference, names: [&str; 2], style: Style) -> String {
    let columns: Vec<(&str, bool)> = std::iter::once(("", false))
        .chain(HEADINGS.map(|heading| (heading, true)))
        .collect();
    let mut table = Table::new(&columns);
    let [old, new] = difference.figures;
    table.row(row(
        names[0],
        old.figures().map(|figure| figure.to_string()),
    ));
    for kind in difference.kinds() {
        let delta = difference.sum(kind);
        if !delta.is_zero() {
            table.row(row(kind.name(), signed_figures(delta)));
        }
    }
    table.row(row(
        names[1],
        new.figures().map(|figure| figure.to_string()),
    ));
    table.render(style)
}

fn row(name: &str, cells: [String; 5]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells).collect()
}

fn signed_figures(delta: Delta) -> [String; 5] {
    delta.figures().map(signed)
}

fn signed(figure: i64) -> String {
    match figure {
        0 => "0".to_owned(),
        _ => format!("{figure:+}"),
    }
}
