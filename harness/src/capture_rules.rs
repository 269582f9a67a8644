//! Finds the rules by which a capture is shown: those of its project, and those of the scenario that it is named after.

use std::path::Path;
use std::sync::{Arc, Once};

use tracing::debug;

use crate::error::{Error, Result};
use crate::printer::say;
use crate::project::{Project, current_folder};
use crate::render::redactions::Redactions;
use crate::rule::Rules;
use crate::scenario::file;
use crate::text::Shown as _;
use crate::trace::name::{capture_name, with_ending};

/// Returns the rules for a capture: of the project that we are in, and of the one that the capture is in; empty outside
/// of projects.
///
/// # Errors
///
/// Returns an error if there are invalid rules: nothing that they were to hide is shown then.
pub fn of(capture: &Path) -> Result<Arc<Redactions>> {
    let ours = ours()?;
    let its_own = Project::of(capture, note)?;
    let is_ours = |its_own: &Project| {
        let folder = |project: &Project| project.file().canonicalize().ok();
        ours.as_ref()
            .is_some_and(|ours| folder(ours) == folder(its_own))
    };
    let its_own = its_own.filter(|its_own| !is_ours(its_own));
    let projects = ours.iter().chain(&its_own);
    for project in projects.clone() {
        debug!(project = %project.file().shown(), capture = %capture.shown(), "rules are used");
    }
    let rules = projects
        .map(|project| rules_in(project, capture))
        .collect::<Result<Rules>>()?;
    Ok(Arc::new(rules.into()))
}

/// Returns the project that we are in, if we are in one.
fn ours() -> Result<Option<Project>> {
    Project::of(&current_folder()?, note)
}

/// Says once that a project's rules are not used: everybody can put one above the folder that we are in.
#[expect(clippy::needless_pass_by_value, reason = "a project hands it over")]
fn note(why: Error) {
    static SAID: Once = Once::new();
    SAID.call_once(|| say(&format!("note: {why}")));
}

/// Returns the rules for a capture that is looked at as one of this project's.
///
/// # Errors
///
/// Returns an error if the rules of its scenario are invalid.
pub fn in_project(project: &Project, capture: &Path) -> Result<Arc<Redactions>> {
    Ok(Arc::new(rules_in(project, capture)?.into()))
}

fn rules_in(project: &Project, capture: &Path) -> Result<Rules> {
    let scenario = project
        .scenarios
        .join(with_ending(capture_name(capture), ".toml"));
    let rules = project.rules.clone();
    if !scenario.is_file() {
        return Ok(rules);
    }
    Ok(rules.and(of_scenario(&scenario)?))
}

/// Returns the rules of a project, and those of one of its scenarios.
#[must_use]
pub fn with_scenario(project: &Project, own: Rules) -> Redactions {
    project.rules.clone().and(own).into()
}

/// Returns the rules in a scenario's file, whatever else is in it.
///
/// # Errors
///
/// Returns an error if the file cannot be read, or the rules are invalid.
pub fn of_scenario(scenario: &Path) -> Result<Rules> {
    Rules::of_text(scenario, &file::read_text(scenario)?)
}
