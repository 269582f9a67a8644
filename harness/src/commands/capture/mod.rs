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
use crate::lab::tools::Tools;
use crate::lab::{Lab, privilege};
use crate::project::Project;
use crate::render::table::{HEADINGS, Style, Table, cells};
use crate::run::{self, Order};
use crate::scenario::{Scenario, file};
use crate::trace::provenance::Provenance;
use crate::trace::reader;

/// Plays what the arguments name and writes a table of what was captured to `out`.
///
/// Privilege is given up before anything else, while the process has one thread.
///
/// # Errors
///
/// The first that a scenario meets; those before it have been written.
pub fn run(arguments: &CaptureArgs, out: &mut impl Write) -> Result<()> {
    privilege::shed()?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Error::environment(format!("cannot start the async runtime: {error}")))?;
    let captured = runtime.block_on(capture(arguments))?;
    let table = summary(&captured)?;
    // Nobody who stops reading a table is in trouble.
    let _ = write!(out, "{table}");
    Ok(())
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

async fn capture(arguments: &CaptureArgs) -> Result<Vec<Captured>> {
    let project = Project::find(&current_folder()?)?;
    let programs = Programs::beside_us()?;
    let scenarios = scenarios(&project, &programs, arguments)?;
    let tools = Tools::find(&project.root).await;
    for scenario in &scenarios {
        tools.require(scenario.client)?;
    }
    let folder = arguments.out.as_deref().unwrap_or(&project.captures);
    std::fs::create_dir_all(folder).map_err(|error| {
        Error::environment(format!("cannot make {}: {error}", folder.display()))
    })?;
    let interrupts = Interrupts::watch()?;
    let mut captured = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        let played = play(
            scenario,
            &programs,
            &tools,
            folder,
            arguments.time_scale,
            &interrupts,
        )
        .await?;
        captured.push(played);
    }
    Ok(captured)
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
    let least = scenario.least_time_scale();
    if time_scale.is_finite() && time_scale > 0.0 && time_scale >= least {
        return Ok(());
    }
    Err(Error::usage(format!(
        "time scale {time_scale} is too small for {}",
        scenario.name
    ))
    .with_hint(format!(
        "use {least} or more: its page shows whole seconds, and each update must show another one"
    )))
}

async fn play(
    scenario: Scenario,
    programs: &Programs,
    tools: &Tools,
    folder: &Path,
    time_scale: f64,
    interrupts: &Interrupts,
) -> Result<Captured> {
    let name = scenario.name.clone();
    let played = async {
        let savefile = beside(folder, &name, "pcap")?;
        let order = Order {
            scenario: &scenario,
            program: &programs.path(&scenario.program),
            savefile: savefile.path(),
            time_scale,
        };
        let lab = Lab::on_loopback(tools)?;
        let progress = Terminal::new(&scenario);
        let provenance = run::play(&order, &lab, &progress, interrupts.next()).await?;
        let provenance = verify(provenance, lab.address(scenario.port), savefile.path())?;
        let pcap = keep(savefile, &provenance, folder)?;
        progress.done();
        Ok((pcap, provenance))
    }
    .await;
    let (pcap, provenance) = played.map_err(|error: Error| error.context(&name))?;
    Ok(Captured { pcap, provenance })
}
