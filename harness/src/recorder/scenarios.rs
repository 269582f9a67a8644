//! Selects the scenarios that are played, and checks that they can be played so.

use std::path::{Path, PathBuf};

use super::Choices;
use crate::capture_rules;
use crate::error::{Error, Result};
use crate::machine::browser;
use crate::machine::browser::Kind;
use crate::machine::programs::Programs;
use crate::printer::say;
use crate::project::Project;
use crate::render::redactions::Redactions;
use crate::rule::Rules;
use crate::scenario::file::{self, Reading};
use crate::scenario::outputs::Outputs;
use crate::scenario::{Scenario, assignment};

/// Ten times as slow is slow enough for anybody to watch.
const LARGEST_TIME_SCALE: f64 = 10.0;

/// A scenario, and the rules that hide parts of it.
type Read = (Scenario, Redactions);

/// Reads all scenarios before the first is played: a mistake in the last one is known at once. Returns each, in the
/// same order, with the rules that hide parts of it.
pub(super) fn read(
    project: &Project,
    programs: &Programs,
    choices: &Choices,
) -> Result<(Vec<Scenario>, Vec<Redactions>)> {
    let reading = Reading {
        programs: &programs.names,
        set: &assignment::values(&choices.set)?,
        to_be_played: true,
    };
    let files = project.scenario_files(&choices.scenarios)?;
    let read = files
        .iter()
        .map(|file| read_one(project, &reading, file))
        .collect::<Result<Vec<_>>>()?;
    refuse_collisions(project, programs, choices, files.iter().zip(&read))?;
    let scenarios: Vec<&Scenario> = read.iter().map(|(scenario, _)| scenario).collect();
    assignment::require_known(reading.set, &scenarios)?;
    let played = those_played_with(choices.browser, read, !choices.scenarios.is_empty())?;
    Ok(played.into_iter().unzip())
}

/// Makes sure that no two scenarios write the same file, also not one that is played and one that was before: those of the
/// project share its folder.
fn refuse_collisions<'a>(
    project: &Project,
    programs: &Programs,
    choices: &Choices,
    read: impl Iterator<Item = (&'a PathBuf, &'a Read)>,
) -> Result<()> {
    let mut outputs = Outputs::default();
    for (file, (scenario, _)) in read {
        outputs.add(file, scenario)?;
    }
    if choices.out.is_some() {
        return Ok(());
    }
    for file in project.all_scenario_files()? {
        outputs.add_unplayed(&file, &programs.names)?;
    }
    Ok(())
}

fn read_one(project: &Project, reading: &Reading<'_>, file: &Path) -> Result<Read> {
    let text = file::read_text(file)?;
    let scenario = file::parse_for(reading, file, &text)?;
    let rules = Rules::of_text(file, &text)?;
    Ok((scenario, capture_rules::with_scenario(project, rules)))
}

/// Returns the scenarios that are played with a browser. It is an error if a named one is not; others are left out,
/// with a note.
fn those_played_with(browser: Kind, read: Vec<Read>, are_named: bool) -> Result<Vec<Read>> {
    let obstacle = |(scenario, _): &Read| browser::obstacle(browser, scenario);
    let (played, others): (Vec<_>, Vec<_>) =
        read.into_iter().partition(|read| obstacle(read).is_none());
    let names = |others: &mut dyn Iterator<Item = &Read>| {
        let names: Vec<&str> = others.map(|(other, _)| &*other.name).collect();
        names.join(", ")
    };
    let all = names(&mut others.iter());
    if let (true, Some(other)) = (are_named, others.first()) {
        let (name, why) = (&other.0.name, obstacle(other).unwrap_or_default());
        return Err(
            Error::usage(format!("{name} cannot be played with {browser}: {why}")).with_hint(
                format!(
                    "leave out {all}, or play without `--browser {}`",
                    browser.word()
                ),
            ),
        );
    }
    if played.is_empty() {
        return Err(Error::usage(format!(
            "no scenario here can be played with {browser}: none has a browser for its client"
        ))
        .with_hint("a scenario of a browser has `client = \"firefox\"`"));
    }
    let (of_browsers, without): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|(scenario, _)| browser::plays(browser, scenario));
    let without = names(&mut without.iter());
    if !without.is_empty() {
        say(&format!(
            "note: not played with {browser}, since their client is not a browser: {without}"
        ));
    }
    for other in of_browsers {
        let (name, why) = (&other.0.name, obstacle(&other).unwrap_or_default());
        say(&format!("note: {name} is not played with {browser}: {why}"));
    }
    Ok(played)
}

/// Makes sure that a scenario can be played this many times as long.
pub(super) fn require_time_scale(scenario: &Scenario, time_scale: f64) -> Result<()> {
    let name = &scenario.name;
    if !time_scale.is_finite() || time_scale <= 0.0 || time_scale > LARGEST_TIME_SCALE {
        return Err(
            Error::usage(format!("invalid time scale {time_scale}")).with_hint(format!(
                "use a number above 0, up to {LARGEST_TIME_SCALE}; 1 plays as written"
            )),
        );
    }
    let least = scenario.least_time_scale();
    if time_scale < least {
        return Err(Error::usage(format!("time scale {time_scale} is too small for {name}"))
            .with_hint(format!("use {least} or more: it shows whole seconds, and each update must show another one")));
    }
    Ok(())
}
