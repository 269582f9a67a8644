//! `wiresnap validate`: looks scenario files through for mistakes, without playing anything.

use std::io::Write;
use std::path::Path;

use crate::cli::ValidateArgs;
use crate::error::Error;
use crate::machine::programs::Programs;
use crate::project::{Project, current_folder};
use crate::scenario::file::{self, Reading};
use crate::scenario::outputs::Outputs;
use crate::scenario::variables::Values;
use crate::scenario::{Scenario, assignment};
use crate::text::counted;

/// Reads scenarios and says on `out` that they have no mistake; each mistake goes to `talk`.
///
/// # Errors
///
/// Returns an error if there is a mistake in any of them.
pub(super) fn run(
    arguments: &ValidateArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let project = Project::find(&current_folder()?)?;
    let programs = Programs::beside_us()?;
    let files = project.scenario_files(&arguments.scenarios)?;
    let set = assignment::values(&arguments.variables.set)?;
    let mut right = Vec::new();
    let mut outputs = Outputs::default();
    for file in &files {
        let scenario = look_through(file, &programs.names, &set).and_then(|scenario| {
            outputs.add(file, &scenario).map_err(|error| vec![error])?;
            Ok(scenario)
        });
        match scenario {
            Ok(scenario) => right.push(scenario),
            Err(mistakes) => {
                for mistake in mistakes {
                    writeln!(talk, "error: {mistake}")?;
                }
            }
        }
    }
    let wrong = files.len() - right.len();
    let all = counted(files.len(), "scenario");
    if wrong == 0 {
        assignment::require_known(&set, &right.iter().collect::<Vec<_>>())?;
        writeln!(out, "{all}, no mistake")?;
        return Ok(());
    }
    let verb = if wrong == 1 {
        "has a mistake"
    } else {
        "have mistakes"
    };
    Err(Error::usage(format!("{wrong} of {all} {verb}")).into())
}

/// Returns the scenario of a file, or its mistakes: the first one, and if that is a program that has not been built,
/// the next one too.
fn look_through(file: &Path, programs: &[String], set: &Values) -> Result<Scenario, Vec<Error>> {
    let text = file::read_text(file).map_err(|error| vec![error])?;
    let parse = |programs: &[String]| {
        // What must be set to play it, need not be to look at it.
        let to_be_played = false;
        let reading = Reading {
            programs,
            set,
            to_be_played,
        };
        file::parse_for(&reading, file, &text)
    };
    let first = match parse(programs) {
        Ok(scenario) => return Ok(scenario),
        Err(first) => first,
    };
    let Some(program) = missing_program(&text, programs) else {
        return Err(vec![first]);
    };
    // As if it had been built.
    Err(match parse(&[program]).err() {
        // It is no TOML, or has other fields: that comes before any program.
        Some(next) if next.to_string() == first.to_string() => vec![first],
        next => [first.with_hint(how_to_build(programs))]
            .into_iter()
            .chain(next)
            .collect(),
    })
}

/// Returns the program that the scenario calls for, if it is missing.
fn missing_program(text: &str, programs: &[String]) -> Option<String> {
    let scenario: toml::Table = text.parse().ok()?;
    let program = scenario.get("program")?.as_str()?;
    (!programs.iter().any(|known| known == program)).then(|| program.to_owned())
}

fn how_to_build(programs: &[String]) -> String {
    let build = "build it, so that its executable is beside wiresnap's (`make build`)";
    if programs.is_empty() {
        return build.to_owned();
    }
    format!(
        "{build}, or name one of those there: {}",
        programs.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = "description = \"x\"\nprogram = \"tcpapp\"\nclient = \"nc\"\n[[mark]]\nat = 0\nopen = true\n[[mark]]\nat = 1\nclose = true\n";

    /// Returns the first line of each mistake, behind the name of the file.
    fn found(text: &str, programs: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        std::fs::write(&file, text).unwrap();
        let programs: Vec<String> = programs.iter().map(|&name| name.to_owned()).collect();
        let first_line = |error: Error| {
            let message = error.to_string();
            let line = message.lines().next().unwrap();
            line.split_once("x.toml:").unwrap().1.to_owned()
        };
        look_through(&file, &programs, &Values::new())
            .err()
            .into_iter()
            .flatten()
            .map(first_line)
            .collect()
    }

    #[test]
    fn a_program_that_is_not_built_hides_no_other_mistake() {
        assert_eq!(found(SCENARIO, &["tcpapp"]), [""; 0]);
        assert_eq!(
            found(SCENARIO, &["webapp"]),
            ["2:11: unknown program `tcpapp`"]
        );
        assert_eq!(
            found(&SCENARIO.replace("at = 1", "at = 0"), &[]),
            [
                "2:11: unknown program `tcpapp`",
                "8:6: mark out of order: 0 s after 0 s"
            ]
        );
    }

    #[test]
    fn what_is_no_scenario_is_said_once() {
        assert_eq!(found(&format!("colour = 1\n{SCENARIO}"), &[]).len(), 1);
        assert_eq!(found("program = \"a\"\nprogram", &[]).len(), 1);
    }
}
