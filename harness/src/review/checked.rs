//! Captures that were compared with their snapshots, and what there is to say about them.

use wirestream::budget::Memory;

use super::comparison::Comparison;
use super::selection::{self, Capture, Selection};
use crate::project::Project;
use crate::render::coverage;
use crate::text::Shown as _;

/// The share of the memory (one part of so many) for the differences of captures, until they are written.
pub const SHARE: usize = 16;

/// A capture and what was found of it.
#[derive(Debug)]
pub struct Checked {
    /// The capture.
    pub capture: Capture,
    /// Its comparison with its snapshot; the error if one of them cannot be read.
    pub found: anyhow::Result<Comparison>,
}

impl Checked {
    /// Compares a capture with its snapshot. What is shown of the difference takes its room from `room`.
    pub fn of(project: &Project, capture: Capture, memory: Memory, room: &mut usize) -> Self {
        let mut found = Comparison::of(project, &capture, memory);
        if let Ok(found) = &mut found {
            found.shorten(room);
        }
        Self { capture, found }
    }

    /// Returns true if there is something to review.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.failure().is_none() && self.found.as_ref().is_ok_and(Comparison::is_open)
    }

    /// Returns the reason why the capture, or the rest of it, could not be compared.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        match &self.found {
            Ok(comparison) => comparison.failure().map(|error| format!("{error:#}")),
            Err(error) => Some(format!("{error:#}")),
        }
    }

    /// Returns the error for which the capture, or the rest of it, could not be compared.
    #[must_use]
    pub fn into_failure(self) -> Option<anyhow::Error> {
        match self.found {
            Ok(comparison) => comparison.failure(),
            Err(error) => Some(error),
        }
    }
}

/// Leaves new listings where reviewers look for them, and returns what else there is to say.
#[must_use]
pub fn notes(project: &Project, selection: Selection<'_>, checked: &[Checked]) -> Vec<String> {
    let mut notes = Vec::new();
    for comparison in checked.iter().flat_map(|checked| &checked.found) {
        notes.extend(coverage::warnings(
            &comparison.capture.pcap,
            &comparison.coverage,
        ));
        notes.extend(comparison.credentials.clone());
        if let Err(error) = comparison.leave_for_review() {
            let why = error.to_string();
            let why = why.lines().next().unwrap_or_default();
            notes.push(format!(
                "note: the new listing is not left for review: {why}"
            ));
        }
    }
    let captures: Vec<Capture> = checked
        .iter()
        .map(|checked| checked.capture.clone())
        .collect();
    for orphan in selection::orphans(project, selection, &captures) {
        notes.push(format!(
            "warning: {}: reviewed, but its capture is not there",
            orphan.shown()
        ));
    }
    notes
}
