//! `wiresnap accept`: makes what captures list now the reviewed listings, after asking for each of them.

use std::io::{self, BufRead, IsTerminal as _, Write};

use super::answer::{Answer, ask};
use super::selection;
use crate::cli::AcceptArgs;
use crate::error::Error;
use crate::project::{Project, current_folder};
use crate::render::coverage;
use crate::review::checked::SHARE;
use crate::review::comparison::Comparison;
use crate::review::selection::selected;
use crate::review::text;
use crate::text::Shown as _;

/// Takes over the listings of captures that differ from their snapshots and says so on `out`; asks on `talk`, and hears
/// the answers on standard input, unless the captures are named or all of them are wanted.
///
/// # Errors
///
/// Returns an error if nobody can be asked, a capture or a snapshot cannot be read (nothing has been accepted then), or
/// a snapshot cannot be written.
pub(super) fn run(
    arguments: &AcceptArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let asks = !arguments.all && arguments.selection.names.is_empty();
    if asks {
        require_somebody_to_ask()?;
    }
    let project = Project::find(&current_folder()?)?;
    let captures = selected(&project, selection(&arguments.selection))?;
    let memory = arguments.memory.memory;
    let mut room = memory.bytes() / SHARE;
    let mut compared = Vec::new();
    for capture in &captures {
        let mut comparison = Comparison::of(&project, capture, memory)?;
        comparison.shorten(&mut room);
        compared.push(comparison);
    }
    refuse_damaged(&compared, out, talk)?;
    if asks {
        review(&compared, &mut io::stdin().lock(), out, talk)
    } else {
        accept_all(&compared, out)
    }
}

/// Shows the changes before the damage of captures that could not be read to their ends: nothing is accepted then.
fn refuse_damaged(
    compared: &[Comparison],
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let mut failures = Vec::new();
    for comparison in compared {
        coverage::warn(&comparison.capture.pcap, &comparison.coverage, talk)?;
        if let Some(failure) = comparison.failure() {
            text::capture(comparison, out)?;
            failures.push(failure);
        }
    }
    out.flush()?;
    coverage::first_of(failures, talk)
}

fn require_somebody_to_ask() -> Result<(), Error> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(
        Error::usage("cannot prompt: standard input is not a terminal").with_hint(
            "`wiresnap accept --all` takes over all that differ, `wiresnap accept NAME…` those that are named",
        ),
    )
}

fn accept_all(compared: &[Comparison], out: &mut impl Write) -> anyhow::Result<()> {
    for comparison in compared {
        comparison.accept()?;
        if comparison.is_open() {
            say_accepted(comparison, out)?;
        }
    }
    if !compared.iter().any(Comparison::is_open) {
        say_nothing_is_open(out)?;
    }
    Ok(())
}

fn say_accepted(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "accepted: {}", comparison.snapshot.shown())
}

fn say_nothing_is_open(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "nothing to accept: all as reviewed")
}

/// Shows what differs, capture by capture, and does with each as the answer says.
///
/// What has been accepted stays so, however the review ends.
fn review(
    compared: &[Comparison],
    answers: &mut impl BufRead,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let open: Vec<&Comparison> = compared.iter().filter(|found| found.is_open()).collect();
    if open.is_empty() {
        say_nothing_is_open(out)?;
        return Ok(());
    }
    let mut accepted = 0;
    for (index, comparison) in open.iter().enumerate() {
        text::capture(comparison, out)?;
        out.flush()?;
        let name = comparison.capture.name.shown();
        let question = format!("{name}, {} of {}", index + 1, open.len());
        match ask(&question, answers, talk)? {
            Answer::Accept => {
                comparison.accept()?;
                say_accepted(comparison, out)?;
                accepted += 1;
            }
            Answer::Skip => {}
            Answer::Quit => break,
        }
    }
    let left = open.len() - accepted;
    writeln!(out, "{accepted} accepted, {left} left")?;
    Ok(())
}
