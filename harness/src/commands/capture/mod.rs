//! `wiresnap capture`: plays scenarios, one after the other, and keeps what was on the wire.

mod interrupts;
mod keep;
mod programs;
mod progress;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};

use self::interrupts::Interrupts;
use self::keep::{beside, keep};
use self::programs::Programs;
use self::progress::Terminal;
use self::verify::verify;
use crate::analysis::stats::{Options, Statistics, measure};
use crate::cli::CaptureArgs;
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::lab::privilege::{self, Account};
use crate::lab::tools::Tools;
use crate::project::Project;
use crate::render::table::{HEADINGS, Style, Table, cells};
use crate::run::{self, Order};
use crate::scenario::{Scenario, file};
use crate::trace::provenance::Provenance;
use crate::trace::reader;

/// Ten times as slow is slow enough for anybody to watch.
const LARGEST_TIME_SCALE: f64 = 10.0;

/// Plays what the arguments name and writes a table of what was captured to `out`.
///
/// Privilege is given up before anything else, while the process has one thread.
///
/// # Errors
///
/// The first that a scenario meets; the captures of those before it have been written, and are in the table.
pub fn run(arguments: &CaptureArgs, out: &mut impl Write) -> Result<()> {
    let account = privilege::shed()?;
    let plan = Plan::make(arguments, account)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Error::environment(format!("cannot start the async runtime: {error}")))?;
    let (captured, outcome) = runtime.block_on(capture(&plan));
    // A thread that still waits for a process has no news for anybody.
    runtime.shutdown_background();
    if !captured.is_empty() {
        let table = summary(&captured)?;
        // Nobody who stops reading a table is in trouble.
        let _ = write!(out, "{table}");
    }
    outcome
}

/// The closing table: what was captured, and how well.
fn summary(captured: &[Captured]) -> Result<String> {
    let mut columns = vec![("PCAP", false)];
    columns.extend(HEADINGS.map(|heading| (heading, true)));
    columns.extend([("Farthest From Mark", true), ("Kernel Drops", true)]);
    let mut table = Table::new(&columns);
    for Captured { pcap, provenance } in captured {
        let statistics = statistics(pcap).map_err(|error| {
            Error::run(format!("{} cannot be read back: {error:#}", pcap.display()))
        })?;
        let distance = provenance.farthest_from_mark().map_or_else(
            || "-".to_owned(),
            |distance| format!("{} ms", distance.as_millis()),
        );
        let drops = provenance.capture.dropped + provenance.capture.interface_dropped;
        let mut row = vec![pcap.display().to_string()];
        row.extend(cells(statistics));
        row.extend([distance, drops.to_string()]);
        table.row(row);
    }
    Ok(table.render(Style::Text))
}

fn statistics(pcap: &Path) -> anyhow::Result<Statistics> {
    let options = Options {
        port: None,
        marks: None,
        explain: false,
    };
    Ok(measure(&mut reader::open(pcap)?, &options)?.overall)
}

/// A scenario that was played and its capture.
struct Captured {
    pcap: PathBuf,
    provenance: Provenance,
}

/// What is to be played, and all that is needed for it.
struct Plan {
    scenarios: Vec<Scenario>,
    programs: Programs,
    tools: Tools,
    account: Account,
    folder: PathBuf,
    time_scale: f64,
}

impl Plan {
    fn make(arguments: &CaptureArgs, account: Account) -> Result<Self> {
        let project = Project::find(&current_folder()?)?;
        let programs = Programs::beside_us()?;
        let scenarios = scenarios(&project, &programs, arguments)?;
        let tools = Tools::find(&project.root);
        for scenario in &scenarios {
            tools.require(scenario.client)?;
        }
        // A snap is started by a program that has to gain privilege.
        if !tools.firefox_is_snap() {
            privilege::renounce()?;
        }
        let folder = arguments.out.clone().unwrap_or(project.captures);
        std::fs::create_dir_all(&folder).map_err(|error| {
            Error::environment(format!("cannot make {}: {error}", folder.display()))
        })?;
        Ok(Self {
            scenarios,
            programs,
            tools,
            account,
            folder,
            time_scale: arguments.time_scale,
        })
    }
}

/// Plays one scenario after the other, up to the first that fails.
async fn capture(plan: &Plan) -> (Vec<Captured>, Result<()>) {
    let mut captured = Vec::with_capacity(plan.scenarios.len());
    let interrupts = match Interrupts::watch() {
        Ok(interrupts) => interrupts,
        Err(error) => return (captured, Err(error)),
    };
    for scenario in &plan.scenarios {
        match play(scenario, plan, &interrupts).await {
            Ok(played) => captured.push(played),
            Err(error) => {
                let error = error.context(&scenario.name);
                return (captured, Err(error));
            }
        }
    }
    (captured, Ok(()))
}

fn current_folder() -> Result<PathBuf> {
    std::env::current_dir()
        .map_err(|error| Error::environment(format!("cannot tell the current folder: {error}")))
}

/// Reads all scenarios before the first is played: a mistake in the last one is known at once.
fn scenarios(
    project: &Project,
    programs: &Programs,
    arguments: &CaptureArgs,
) -> Result<Vec<Scenario>> {
    let names = if arguments.scenarios.is_empty() {
        project.scenario_names()?
    } else {
        arguments.scenarios.clone()
    };
    if names.is_empty() {
        return Err(Error::usage(format!(
            "no scenario in {}",
            project.scenarios.display()
        )));
    }
    let scenarios = names
        .iter()
        .map(|name| file::read(&project.scenario_file(name)?, &programs.names))
        .collect::<Result<Vec<_>>>()?;
    for scenario in &scenarios {
        require_time_scale(scenario, arguments.time_scale)?;
    }
    Ok(scenarios)
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

async fn play(scenario: &Scenario, plan: &Plan, interrupts: &Interrupts) -> Result<Captured> {
    let savefile = beside(&plan.folder, &scenario.name, "pcap")?;
    let order = Order {
        scenario,
        program: &plan.programs.path(&scenario.program),
        savefile: savefile.path(),
        time_scale: plan.time_scale,
    };
    let lab = Lab::on_loopback(&plan.tools, &plan.account)?;
    let progress = Terminal::new(scenario);
    let provenance = run::play(&order, &lab, &progress, interrupts.next()).await?;
    let provenance = verify(provenance, lab.address(scenario.port), savefile.path())?;
    let pcap = keep(savefile, &provenance, &plan.folder)?;
    progress.done();
    Ok(Captured { pcap, provenance })
}
