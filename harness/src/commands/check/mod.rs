//! `wiresnap check`: do the captures still list as they were reviewed?
//!
//! A listing that is new is left beside its snapshot, `NAME.snap.new`, where `cargo insta review` finds it. That is a
//! service, not the result: where nothing can be written, it is said and the comparison stands.

mod json;
mod junit;
pub(super) mod text;

use std::io::Write;

use super::snapshots::comparison::Comparison;
use super::snapshots::selection::{self, Capture};
use crate::budget::Memory;
use crate::cli::{CaptureSelection, CheckArgs, CheckFormat};
use crate::error::Error;
use crate::project::{Project, current_folder};
use crate::render::coverage;
use crate::text::{Shown as _, shell_word};
use crate::units::counted;

/// Compares captures with their snapshots and writes what they differ in to `out`, the rest to `talk`.
///
/// # Errors
///
/// Where a capture differs or has no snapshot yet, or cannot be read; all have been looked at and are in the output.
pub fn run(
    arguments: &CheckArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let project = Project::find(&current_folder()?)?;
    let captures = selection::selected(&project, &arguments.selection)?;
    let mut room = arguments.memory.memory.bytes() / SHARE;
    let checked: Vec<Checked> = captures
        .into_iter()
        .map(|capture| Checked::of(&project, capture, arguments.memory.memory, &mut room))
        .collect();
    let notes = notes(&project, &arguments.selection, &checked);
    match arguments.format {
        CheckFormat::Text => text::write(&checked, out)?,
        CheckFormat::Json => json::write(&checked, &project, out)?,
        CheckFormat::Junit => junit::write(&checked, &notes, out)?,
    }
    out.flush()?;
    for note in &notes {
        writeln!(talk, "{note}")?;
    }
    verdict(checked, &arguments.selection, talk)
}

/// The share of the memory (one part of so many) for the differences of captures, until they are written.
pub(super) const SHARE: usize = 16;

/// A capture and what was found of it.
struct Checked {
    capture: Capture,
    found: anyhow::Result<Comparison>,
}

impl Checked {
    fn of(project: &Project, capture: Capture, memory: Memory, room: &mut usize) -> Self {
        let mut found = Comparison::of(project, &capture, memory);
        if let Ok(found) = &mut found {
            found.shorten(room);
        }
        Self { capture, found }
    }

    fn is_open(&self) -> bool {
        self.failure().is_none() && self.found.as_ref().is_ok_and(Comparison::is_open)
    }

    /// Returns the reason why the capture, or the rest of it, could not be compared.
    fn failure(&self) -> Option<String> {
        match &self.found {
            Ok(comparison) => comparison.failure().map(|error| format!("{error:#}")),
            Err(error) => Some(format!("{error:#}")),
        }
    }

    fn into_failure(self) -> Option<anyhow::Error> {
        match self.found {
            Ok(comparison) => comparison.failure(),
            Err(error) => Some(error),
        }
    }
}

/// Returns what else there is to say. New listings stay where reviewers look for them.
fn notes(project: &Project, selection: &CaptureSelection, checked: &[Checked]) -> Vec<String> {
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

fn verdict(
    checked: Vec<Checked>,
    selection: &CaptureSelection,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let all = checked.len();
    let open: Vec<String> = checked
        .iter()
        .filter(|checked| checked.is_open())
        .map(|checked| checked.capture.name.clone())
        .collect();
    coverage::first_of(checked.into_iter().filter_map(Checked::into_failure), talk)?;
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} of {} not as reviewed: {}",
        open.len(),
        counted(all, "capture"),
        open.join(", ")
    );
    Err(Error::differs(message).with_hint(cure(selection)).into())
}

/// The command that looks at the same captures and takes them over.
fn cure(selection: &CaptureSelection) -> String {
    let mut command = "wiresnap accept".to_owned();
    if let Some(folder) = &selection.captures {
        command = format!("{command} --captures {}", shell_word(folder));
    }
    for name in &selection.names {
        command = format!("{command} {}", shell_word(name));
    }
    let how = if selection.names.is_empty() {
        ", one by one; with --all without asking"
    } else {
        ""
    };
    format!("`{command}` takes over what is right{how}")
}
