//! The outcome of a check, for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::checked::Checked;
use super::comparison::UNREADABLE;
use crate::project::Project;
use crate::render::json::print;
use crate::text::Shown as _;

/// A capture in the array that is printed.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    pcap: String,
    snapshot: String,
    state: &'static str,
    /// The hunks of a unified diff.
    difference: Option<&'a str>,
    /// The reason why it could not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Writes an array with an object for each capture.
///
/// # Errors
///
/// Returns an error if `out` does not take it.
pub fn write(checked: &[Checked], project: &Project, out: &mut impl Write) -> io::Result<()> {
    let entries: Vec<Entry<'_>> = checked
        .iter()
        .map(|checked| entry(checked, project))
        .collect();
    print(&entries, out)
}

fn entry<'a>(checked: &'a Checked, project: &Project) -> Entry<'a> {
    let Checked { capture, found } = checked;
    let error = checked.failure();
    let comparison = found.as_ref().ok();
    let state = comparison.filter(|_| error.is_none());
    Entry {
        name: &capture.name,
        pcap: capture.pcap.to_text(),
        snapshot: capture.snapshot(project).to_text(),
        state: state.map_or(UNREADABLE, |found| found.state.name()),
        difference: comparison.and_then(|found| found.difference.as_deref()),
        error,
    }
}
