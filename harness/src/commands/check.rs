//! `wiresnap check`: do the captures still list as they were reviewed?
//!
//! A listing that is new is left beside its snapshot, `NAME.snap.new`, where `cargo insta review` finds it. That is a
//! service, not the result: where nothing can be written, it is said and the comparison stands.

use std::io::Write;

use super::selection;
use crate::cli::{CaptureSelection, CheckArgs, CheckFormat};
use crate::error::Error;
use crate::project::{Project, current_folder};
use crate::render::coverage;
use crate::review::checked::{Checked, SHARE, notes};
use crate::review::selection::selected;
use crate::review::{json, junit, text};
use crate::text::counted;
use crate::text::shell_word;

/// Compares captures with their snapshots and writes what they differ in to `out`, the rest to `talk`.
///
/// # Errors
///
/// Where a capture differs or has no snapshot yet, or cannot be read; all have been looked at and are in the output.
pub(super) fn run(
    arguments: &CheckArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let project = Project::find(&current_folder()?)?;
    let selection = selection(&arguments.selection);
    let captures = selected(&project, selection)?;
    let mut room = arguments.memory.memory.bytes() / SHARE;
    let checked: Vec<Checked> = captures
        .into_iter()
        .map(|capture| Checked::of(&project, capture, arguments.memory.memory, &mut room))
        .collect();
    let notes = notes(&project, selection, &checked);
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
