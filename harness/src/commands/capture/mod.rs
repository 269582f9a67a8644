//! `wiresnap capture`: plays scenarios, all at the same time, and keeps what was on the wire.

mod keep;
pub(super) mod programs;
mod progress;
mod scenarios;
mod summary;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};

use self::keep::{Folder, Savefile};
use self::programs::Programs;
use self::progress::Terminal;
use self::summary::{summary, timings};
use self::verify::verify;
use crate::cli::{CaptureArgs, NetworkChoice};
use crate::commands::interrupts::{Signals, watch_signals};
use crate::commands::{browsers, checkup, one_thread, say};
use crate::error::{Class, Error, Result};
use crate::lab::doctor::{Examination, Intent};
use crate::lab::keeper;
use crate::lab::network::Network;
use crate::lab::privilege::{self, Account};
use crate::lab::tools::Tools;
use crate::project::Project;
use crate::run::conductor::{Lab, Played, Times, conduct, make_lab};
use crate::run::message::{Order, Recording};
use crate::scenario::Scenario;
use crate::scenario::program::Program;
use crate::trace::provenance::Provenance;

/// Plays what the arguments name and writes a table of what was captured to `out`.
///
/// The labs are made, and privilege is given up, before there is a second thread.
///
/// # Errors
///
/// The first that a scenario met; the captures of the others have been written, and are in the table.
pub fn run(arguments: &CaptureArgs, out: &mut impl Write) -> Result<()> {
    let account = privilege::shed()?;
    let runtime = one_thread()?;
    let signals = runtime.block_on(async { watch_signals() })?;
    let examine = |intent: &Intent<'_>| checkup::examine(intent, &account, &runtime, &signals);
    let plan = Plan::make(arguments, account.clone(), examine)?;
    privilege::hand_on_to_labs()?;
    let folder = plan.network.folder(&plan.tools, &plan.account)?;
    let parts = plan.parts(&folder)?;
    privilege::labs_are_made()?;
    let jobs = match plan.network {
        Network::Private => arguments.jobs.map_or(parts.len(), usize::from),
        // They may want the same port, and would be in each other's captures.
        Network::Host => 1,
    };
    if plan.network == Network::Host {
        keeper::adopt_orphans()?;
    }
    // Browsers that start side by side slow each other down; `make bench` compares.
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let preparing = arguments.preparing.map_or_else(processors, usize::from);
    let outcomes = runtime.block_on(capture(&plan, parts, jobs, preparing, &signals));
    if plan.network == Network::Host {
        keeper::clear_up(&folder);
    }
    let outcomes = outcomes?;
    conclude(outcomes, arguments.timings, out)
}

/// Prints what was captured, and what was not; the first failure decides the exit code.
fn conclude(outcomes: Vec<Outcome>, with_timings: bool, out: &mut impl Write) -> Result<()> {
    if with_timings {
        say(&timings(&outcomes));
    }
    let mut captured = Vec::new();
    let mut errors = Vec::new();
    for outcome in outcomes {
        match outcome.captured {
            Ok(capture) => captured.push(capture),
            Err(error) => errors.push(error.context(&outcome.scenario)),
        }
    }
    if !captured.is_empty() {
        let table = summary(&captured)?;
        // Nobody who stops reading a table is in trouble.
        let _ = write!(out, "{table}");
    }
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Ok(());
    };
    for other in errors {
        // One signal ends all: once is enough to say so.
        if !matches!(other.class(), Class::Signal(_)) {
            say(&format!("error: {other}"));
        }
    }
    Err(first)
}

/// A scenario that was played and its capture.
struct Captured {
    pcap: PathBuf,
    provenance: Provenance,
}

/// What has become of a scenario.
struct Outcome {
    scenario: String,
    captured: Result<Captured>,
    times: Times,
}

/// A scenario with all that it is played with.
struct Part {
    order: Order,
    savefile: Savefile,
    lab: Lab,
}

/// What is to be played, and all that is needed for it.
struct Plan {
    scenarios: Vec<Scenario>,
    /// The project's folder, as an absolute path.
    root: PathBuf,
    programs: Programs,
    tools: Tools,
    account: Account,
    network: Network,
    folder: Folder,
    time_scale: f64,
}

impl Plan {
    /// Reads what is to be played, and has this machine examined for it.
    fn make(
        arguments: &CaptureArgs,
        account: Account,
        examine: impl FnOnce(&Intent<'_>) -> Result<Examination>,
    ) -> Result<Self> {
        let here = current_folder()?;
        let project = Project::find(&here)?;
        let programs = Programs::beside_us()?;
        let scenarios = scenarios::read(&project, &programs, arguments)?;
        let browser = browsers::kind(arguments.browser);
        let tools = Tools::find(&project.root, browser);
        let captures = arguments
            .out
            .clone()
            .unwrap_or_else(|| browsers::folder(&project.captures, browser));
        let intent = Intent {
            project: &project.root,
            tools: &tools,
            scenarios: &scenarios,
            captures: &captures,
            network: wanted(arguments.network),
            with_optional: false,
        };
        let network = network(&intent, &examine(&intent)?)?;
        let folder = Folder::lock(captures)?;
        Ok(Self {
            scenarios,
            root: here.join(&project.root),
            programs,
            tools,
            account,
            network,
            folder,
            time_scale: arguments.time_scale,
        })
    }

    /// Makes a lab for each scenario.
    fn parts(&self, folder: &Path) -> Result<Vec<Part>> {
        let network = self.network;
        let executable = |program: &Program| self.programs.executable(program, &self.root);
        for scenario in &self.scenarios {
            Programs::require_commands(scenario, &self.root)?;
        }
        let part = |scenario: &Scenario| {
            let savefile = self.folder.savefile()?;
            let lab = make_lab(network, folder, savefile.handle()?)?;
            let order = Order {
                scenario: scenario.clone(),
                root: self.root.clone(),
                program: executable(&scenario.program)?,
                helpers: scenario
                    .helpers
                    .iter()
                    .map(executable)
                    .collect::<Result<_>>()?,
                time_scale: self.time_scale,
                network,
                tools: self.tools.clone(),
                account: self.account.clone(),
            };
            Ok(Part {
                order,
                savefile,
                lab,
            })
        };
        self.scenarios.iter().map(part).collect()
    }
}

const fn wanted(choice: NetworkChoice) -> Option<Network> {
    match choice {
        NetworkChoice::Auto => None,
        NetworkChoice::Private => Some(Network::Private),
        NetworkChoice::Host => Some(Network::Host),
    }
}

/// The network to play on, where this machine has all that it takes.
fn network(intent: &Intent<'_>, examination: &Examination) -> Result<Network> {
    let network = examination.require_ready()?;
    if let (None, Network::Host) = (intent.network, network) {
        let why = examination.why_not_private();
        say(&format!(
            "note: playing on the host's network, one scenario after the other: {why}"
        ));
    }
    Ok(network)
}

/// Plays the parts, as many at once as `jobs` says, of which so many prepare at once, and keeps what they leave. A signal
/// ends those still to come too.
async fn capture(
    plan: &Plan,
    parts: Vec<Part>,
    jobs: usize,
    preparing: usize,
    signals: &Signals,
) -> Result<Vec<Outcome>> {
    let progress = Terminal::new(&plan.scenarios);
    let mut outcomes = Vec::with_capacity(parts.len());
    let mut parts = parts.into_iter().enumerate().peekable();
    while parts.peek().is_some() && signals.borrow().is_empty() {
        let mut savefiles = Vec::new();
        let mut performances = Vec::new();
        for (player, part) in parts.by_ref().take(jobs) {
            savefiles.push(part.savefile);
            performances.push((player, part.order, part.lab));
        }
        let played = conduct(performances, preparing, &progress, signals).await;
        for ((player, played), savefile) in played.into_iter().zip(savefiles) {
            let scenario = &plan.scenarios[player];
            let Played { outcome, times } = played;
            let captured = outcome
                .and_then(|recording| keep(plan, scenario, recording, &savefile))
                .map_err(|error| put_aside(plan, scenario, error, &savefile));
            progress.ended(player, captured.is_ok());
            outcomes.push(Outcome {
                scenario: scenario.name.clone(),
                captured,
                times,
            });
        }
    }
    Ok(outcomes)
}

fn keep(
    plan: &Plan,
    scenario: &Scenario,
    recording: Recording,
    savefile: &Savefile,
) -> Result<Captured> {
    let provenance = verify(recording, scenario, &savefile.path())?;
    let pcap = plan.folder.keep(savefile, &provenance)?;
    Ok(Captured { pcap, provenance })
}

/// Keeps a capture that proves nothing where it can be looked at and is in nobody's way.
fn put_aside(plan: &Plan, scenario: &Scenario, error: Error, savefile: &Savefile) -> Error {
    if error.class() != Class::Inconclusive {
        return error;
    }
    match plan.folder.put_aside(savefile, &scenario.name) {
        Ok(place) => error.with_note(format!(
            "nothing was replaced; what was captured is in {}",
            place.display()
        )),
        Err(failed) => error.with_note(format!("nothing was replaced; {failed}")),
    }
}

fn current_folder() -> Result<PathBuf> {
    std::env::current_dir()
        .map_err(|error| Error::environment(format!("cannot tell the current folder: {error}")))
}
