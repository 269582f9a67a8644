//! `wiresnap learn`: plays a scenario several times, shows which bytes vary, and proposes rules that hide them.
//!
//! Nothing is written that was not asked for and accepted.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::path::Path;

use super::answer::{Answer, ask};
#[cfg(feature = "capture")]
use super::browser;
#[cfg(not(feature = "capture"))]
use super::without_capture;
use crate::capture_rules;
use crate::cli::{LearnArgs, LearnFormat, RulesFile};
use crate::error::Result;
use crate::files::batch::Bounds;
use crate::learning::{Lesson, Proposal, Run, add, read};
#[cfg(feature = "capture")]
use crate::learning::{Playing, play};
#[cfg(feature = "capture")]
use crate::machine::{descriptors, privilege};
use crate::project::{Project, current_folder};
use crate::render::coverage;
use crate::scenario::file;
use crate::text::Shown as _;
use crate::text::counted;

/// Plays the scenario, or reads its captures, and prints what varies to `out`; asks on `talk`, where there is somebody to
/// ask, and hears the answers on standard input.
///
/// # Errors
///
/// Returns an error if the scenario cannot be played, a capture cannot be read, a file cannot be written, or something
/// varies that no rule hides.
pub(super) fn run(
    arguments: &LearnArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let is_played = arguments.from.is_empty();
    if is_played {
        prepare_to_play()?;
    }
    let project = Project::find(&current_folder()?)?;
    let scenario = project.scenario_file(&arguments.scenario)?;
    let rules = project
        .rules
        .clone()
        .and(capture_rules::of_scenario(&scenario)?);
    let name = file::name_of(&scenario)?;
    let memory = arguments.memory.memory;
    let mut runs = if is_played {
        play_often(arguments, &name)?
    } else {
        read(&arguments.from, memory)?
    };
    let last = if is_played { runs.pop() } else { None };
    let lesson = Lesson::new(name, &runs, last.as_ref(), rules, memory)?;
    let accepted = match arguments.format {
        LearnFormat::Json => {
            lesson.write_json(out)?;
            0
        }
        LearnFormat::Text => {
            lesson.write_text(out)?;
            out.flush()?;
            // Rules for half of what was said are none.
            coverage::first_of(runs.iter().filter_map(Run::failure), talk)?;
            let is_path = project.require_inside(&scenario).is_err();
            let (file, bounds) = match arguments.into {
                RulesFile::Project => (project.file(), Bounds::Within(&project.root)),
                // One from elsewhere was named by its path.
                RulesFile::Scenario if is_path => (scenario, Bounds::Anywhere),
                RulesFile::Scenario => (scenario, Bounds::Within(&project.root)),
            };
            review(&lesson, (bounds, &file), out, talk)?
        }
    };
    coverage::first_of(runs.iter().filter_map(Run::failure), talk)?;
    Ok(lesson.verdict(accepted)?)
}

/// Becomes the user whom this is done for: under sudo, what is read and written is theirs, as with `capture`.
#[cfg(feature = "capture")]
fn prepare_to_play() -> Result<()> {
    privilege::shed()?;
    descriptors::allow_enough();
    Ok(())
}

#[cfg(not(feature = "capture"))]
fn prepare_to_play() -> Result<()> {
    Err(without_capture::error())
}

#[cfg(feature = "capture")]
fn play_often(arguments: &LearnArgs, name: &str) -> anyhow::Result<Vec<Run>> {
    let playing = Playing {
        scenario: &arguments.scenario,
        set: &arguments.variables.set,
        times: arguments.times,
        time_scale: arguments.time_scale,
        browser: browser(arguments.browser),
        memory: arguments.memory.memory,
    };
    play(&playing, name)
}

#[cfg(not(feature = "capture"))]
fn play_often(_: &LearnArgs, _: &str) -> anyhow::Result<Vec<Run>> {
    Err(without_capture::error().into())
}

/// Asks for each rule whether it is wanted, and writes those that are; gives how many.
fn review(
    lesson: &Lesson,
    (bounds, file): (Bounds<'_>, &Path),
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<usize> {
    let offered = lesson.offered();
    if offered.is_empty() {
        return Ok(0);
    }
    if !io::stdin().is_terminal() {
        writeln!(
            talk,
            "note: cannot prompt, as standard input is not a terminal: copy the rules into {}",
            file.shown()
        )?;
        return Ok(0);
    }
    let wanted = wanted(&offered, &mut io::stdin().lock(), talk)?;
    if !wanted.is_empty() {
        add(bounds, file, &wanted)?;
        let rules = counted(wanted.len(), "rule");
        writeln!(out, "{rules} written into {}", file.shown())?;
    }
    Ok(wanted.len())
}

fn wanted<'a>(
    offered: &[&'a Proposal],
    answers: &mut impl BufRead,
    talk: &mut impl Write,
) -> io::Result<Vec<&'a Proposal>> {
    let mut wanted = Vec::new();
    for (index, proposal) in offered.iter().enumerate() {
        let question = format!("{}, {} of {}", proposal.name, index + 1, offered.len());
        match ask(&question, answers, talk)? {
            Answer::Accept => wanted.push(*proposal),
            Answer::Skip => {}
            Answer::Quit => break,
        }
    }
    Ok(wanted)
}
