//! `wiresnap doctor`: reports what this machine lacks for a capture, and the remedy; with `--fix`, builds what can be built.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::answer::agrees;
use crate::cli::{DoctorArgs, DoctorFormat};
use crate::error::{Error, Result};
use crate::lab::doctor::Intent;
use crate::lab::doctor::check::{Check, State};
use crate::lab::network::Network;
use crate::machine::browser::Kind;
use crate::machine::programs::Programs;
use crate::machine::tools::{Tools, executable, search_path, users_tools};
use crate::machine::{browser, descriptors, geckodriver, privilege};
use crate::project::Project;
use crate::recorder::checkup;
use crate::render::json::print;
use crate::render::style::Style;
use crate::run::interrupts::watch_signals;
use crate::run::runtime::one_thread;
use crate::scenario::{Scenario, file};
use crate::text::Shown as _;

/// Looks at everything that a capture of all scenarios needs, and writes what it found to `out`.
///
/// Privilege is given up before anything else, as a capture does: what counts is what the user has then.
///
/// # Errors
///
/// Returns an error if a capture would fail, or if the findings cannot be written to `out`.
pub(super) fn run(
    arguments: DoctorArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    if arguments.fix && !arguments.yes {
        require_somebody_to_ask()?;
    }
    let account = privilege::shed()?;
    descriptors::allow_enough();
    let kind = super::browser(arguments.browser);
    let (subject, scenarios) = Subject::find(kind);
    // Outside of a project there is none.
    let captures = if subject.captures.as_os_str().is_empty() {
        PathBuf::new()
    } else {
        browser::folder(&subject.captures, kind)
    };
    let tools = Tools::find(&subject.root, kind);
    let intent = Intent {
        project: &subject.root,
        tools: &tools,
        scenarios: &subject.scenarios,
        captures: &captures,
        network: None,
        remote: None,
        is_shared: false,
        with_optional: true,
    };
    let runtime = one_thread()?;
    let signals = runtime.block_on(async { watch_signals(None) })?;
    let examination = checkup::examine(&intent, &account, &runtime, &signals)?;
    let mut checks = vec![scenarios];
    checks.extend_from_slice(examination.checks());
    let missing = missing_of(&checks);
    let examined = Examined {
        ready: missing.is_empty(),
        network: examination.network(),
        checks: &checks,
    };
    match arguments.format {
        DoctorFormat::Text => write_text(&examined, out)?,
        DoctorFormat::Json => print(&examined, out)?,
    }
    out.flush()?;
    if arguments.fix {
        return fix(&checks, &subject.root, arguments.yes, out, talk);
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(not_ready(&missing).into())
}

fn not_ready(missing: &[&str]) -> Error {
    Error::environment(format!("not ready to capture: {}", missing.join(", ")))
        .with_hint("the fix for each is listed with it")
}

fn require_somebody_to_ask() -> Result<()> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(
        Error::usage("cannot ask before anything is built: standard input is not a terminal")
            .with_hint("`wiresnap doctor --fix --yes` builds without asking"),
    )
}

/// Has cargo build what can be built, if the user agrees, and says what is still missing.
fn fix(
    checks: &[Check],
    project: &Path,
    without_asking: bool,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let (ours, others): (Vec<&Check>, Vec<&Check>) =
        checks.iter().partition(|check| check.is_fixed_by_us);
    let others: Vec<&str> = missing_of(others);
    if ours.is_empty() {
        writeln!(out, "nothing to build")?;
    } else {
        let folder = users_tools().ok_or_else(no_folder)?;
        let cargo = executable(&search_path(project), "cargo").ok_or_else(no_cargo)?;
        let version = geckodriver::VERSION;
        let what = format!("geckodriver {version} into {}", folder.shown());
        let question = format!("build {what} with {} (some minutes)?", cargo.shown());
        if !without_asking && !agrees(&question, &mut io::stdin().lock(), talk)? {
            return Err(not_ready(&missing_of(checks)).into());
        }
        writeln!(talk, "building {what}")?;
        talk.flush()?;
        let driver = geckodriver::build(&cargo, &folder)?;
        writeln!(out, "built: {}", driver.shown())?;
    }
    out.flush()?;
    if others.is_empty() {
        return Ok(());
    }
    Err(not_ready(&others).into())
}

fn no_folder() -> Error {
    Error::environment("there is no folder for what would be built: HOME names none")
        .with_hint("set HOME, or XDG_DATA_HOME, to a folder of yours")
}

fn no_cargo() -> Error {
    Error::environment("cargo, which builds geckodriver, is not installed")
        .with_hint("install Rust as https://rustup.rs says, and call this again in a new shell")
}

/// Returns the names of the things for which a capture would fail.
fn missing_of<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Vec<&'a str> {
    checks
        .into_iter()
        .filter(|check| check.state == State::Missing)
        .map(|check| &*check.name)
        .collect()
}

/// The output of `--format json`.
#[derive(Serialize)]
struct Examined<'a> {
    /// True if a capture of all scenarios can be played.
    ready: bool,
    /// The network that it would be played on.
    network: Option<Network>,
    checks: &'a [Check],
}

/// The scenarios that would be captured, and the folders.
#[derive(Default)]
struct Subject {
    root: PathBuf,
    captures: PathBuf,
    scenarios: Vec<Scenario>,
}

impl Subject {
    /// Finds the project of the current folder, and its state; outside of one, there is still a machine to check.
    fn find(browser: Kind) -> (Self, Check) {
        let name = "scenarios";
        let found = std::env::current_dir()
            .map_err(|error| error.to_string())
            .and_then(|folder| Project::find(&folder).map_err(|error| first_line(&error)));
        let project = match found {
            Ok(project) => project,
            Err(error) => {
                let check = Check::new(name, State::Warning, &error);
                let cure = "run this in a project, or begin one here with `wiresnap init`";
                return (Self::default(), check.fixed_by(cure));
            }
        };
        let (scenarios, check) = match scenarios(&project, browser) {
            Ok(scenarios) => {
                let names: Vec<_> = scenarios.iter().map(|scenario| &*scenario.name).collect();
                let check = Check::new(name, State::Ok, &names.join(", "));
                (scenarios, check)
            }
            Err(error) => {
                let check = Check::new(name, State::Missing, &first_line(&error));
                (
                    Vec::new(),
                    check.fixed_by("`wiresnap capture` shows the place"),
                )
            }
        };
        let subject = Self {
            root: project.root,
            captures: project.captures,
            scenarios,
        };
        (subject, check)
    }
}

/// Returns the scenarios that are played with a browser.
fn scenarios(project: &Project, browser: Kind) -> Result<Vec<Scenario>> {
    let programs = Programs::beside_us()?;
    let mut scenarios = project
        .all_scenario_files()?
        .iter()
        .map(|file| file::read(file, &programs.names))
        .collect::<Result<Vec<_>>>()?;
    scenarios.retain(|scenario| browser::plays(browser, scenario));
    Ok(scenarios)
}

fn first_line(error: &Error) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Writes a line for each check, and another one for its remedy.
fn write_text(examined: &Examined<'_>, out: &mut impl Write) -> io::Result<()> {
    let checks = examined.checks;
    let width = checks
        .iter()
        .map(|check| check.name.chars().count())
        .max()
        .unwrap_or(0);
    for check in checks {
        let (style, state) = shown(check.state);
        let name = &check.name;
        write!(
            out,
            "{style}{state:<7}{style:#}  {name:<width$}  {}",
            check.found
        )?;
        match &check.path {
            Some(path) => writeln!(out, ", {path}")?,
            None => writeln!(out)?,
        }
        if let Some(fix) = &check.fix {
            writeln!(out, "{:9}fix: {fix}", "")?;
        }
    }
    if let (true, Some(network)) = (examined.ready, examined.network) {
        writeln!(
            out,
            "ready: `wiresnap capture` plays on the {}",
            match network {
                Network::Private => "scenarios' private networks",
                Network::Host => "host's network",
            }
        )?;
    }
    Ok(())
}

const fn shown(state: State) -> (Style, &'static str) {
    match state {
        State::Ok => (Style::Green, "ok"),
        State::Warning => (Style::Yellow, "warning"),
        State::Missing => (Style::Red, "missing"),
    }
}
