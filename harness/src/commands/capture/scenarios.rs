//! Which scenarios are played, and whether they can be played so.

use super::programs::Programs;
use crate::cli::CaptureArgs;
use crate::commands::{browsers, say};
use crate::error::{Error, Result};
use crate::lab::browser::Kind;
use crate::project::Project;
use crate::scenario::{Scenario, file};

/// Ten times as slow is slow enough for anybody to watch.
const LARGEST_TIME_SCALE: f64 = 10.0;

/// Reads all scenarios before the first is played: a mistake in the last one is known at once.
pub(super) fn read(
    project: &Project,
    programs: &Programs,
    arguments: &CaptureArgs,
) -> Result<Vec<Scenario>> {
    let scenarios = project
        .scenario_files(&arguments.scenarios)?
        .iter()
        .map(|file| file::read(file, &programs.names))
        .collect::<Result<Vec<_>>>()?;
    let browser = browsers::kind(arguments.browser);
    let scenarios = those_played_with(browser, scenarios, !arguments.scenarios.is_empty())?;
    for scenario in &scenarios {
        require_time_scale(scenario, arguments.time_scale)?;
    }
    Ok(scenarios)
}

/// Those that are played with a browser. What was named must be one of them; what was not is left out, and that is said.
fn those_played_with(
    browser: Kind,
    scenarios: Vec<Scenario>,
    are_named: bool,
) -> Result<Vec<Scenario>> {
    let is_played = |scenario: &Scenario| browsers::plays(browser, scenario);
    let (played, others): (Vec<_>, Vec<_>) = scenarios.into_iter().partition(is_played);
    let names: Vec<&str> = others.iter().map(|other| &*other.name).collect();
    let names = names.join(", ");
    if let (true, Some(other)) = (are_named, others.first()) {
        let Scenario { name, client, .. } = other;
        return Err(Error::usage(format!(
            "{name} cannot be played with {browser}: its client is {client}"
        ))
        .with_hint(format!(
            "leave out {names}, or play without `--browser {}`",
            browser.word()
        )));
    }
    if played.is_empty() {
        return Err(Error::usage(format!(
            "no scenario here can be played with {browser}: none has a browser for its client"
        ))
        .with_hint("a scenario of a browser has `client = \"firefox\"`"));
    }
    if !others.is_empty() {
        say(&format!(
            "note: not played with {browser}, since their client is no browser: {names}"
        ));
    }
    Ok(played)
}

fn require_time_scale(scenario: &Scenario, time_scale: f64) -> Result<()> {
    let name = &scenario.name;
    if !time_scale.is_finite() || time_scale <= 0.0 || time_scale > LARGEST_TIME_SCALE {
        return Err(
            Error::usage(format!("time scale {time_scale} makes no sense")).with_hint(format!(
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
