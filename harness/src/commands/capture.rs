//! `wiresnap capture`: plays scenarios, one after the other, and keeps what was on the wire.

use std::fs::{File, Permissions};
use std::io::{IsTerminal as _, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tempfile::NamedTempFile;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::analysis::marks::{Window, windows};
use crate::analysis::stats::{Options, Statistics, measure};
use crate::cli::CaptureArgs;
use crate::error::{Error, Result};
use crate::lab::tools::Tools;
use crate::lab::{Lab, privilege};
use crate::project::Project;
use crate::render::table::{HEADINGS, Style, Table, cells};
use crate::run::{self, Interrupt, Order, Progress};
use crate::scenario::{Scenario, file};
use crate::trace::provenance::{Provenance, path_beside};
use crate::trace::reader;
use crate::units::Timestamp;

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

/// The programs that scenarios can call for: the executables beside our own, as cargo builds them.
struct Programs {
    folder: PathBuf,
    names: Vec<String>,
}

impl Programs {
    fn beside_us() -> Result<Self> {
        let cannot = |error: std::io::Error| {
            Error::environment(format!("cannot look for programs: {error}"))
        };
        let ourselves = std::env::current_exe()
            .and_then(|path| path.canonicalize())
            .map_err(cannot)?;
        let folder = ourselves.parent().unwrap_or(Path::new("/")).to_owned();
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .map_err(cannot)?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let is_program =
                    path != ourselves && path.extension().is_none() && is_executable(&path);
                is_program
                    .then(|| path.file_name()?.to_str().map(str::to_owned))
                    .flatten()
            })
            .collect();
        names.sort();
        Ok(Self { folder, names })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Adds to the provenance what the capture says, and makes sure that what was shown is what was sent.
fn verify(mut provenance: Provenance, server: SocketAddr, pcap: &Path) -> Result<Provenance> {
    let windows = read_windows(&provenance, server, pcap)
        .map_err(|error| Error::run(format!("the capture cannot be read back: {error:#}")))?;
    let (start, windows) = windows;
    for (mark, window) in provenance.marks.iter_mut().zip(&windows) {
        mark.on_wire_seconds = window
            .reached_wire()
            .map(|time| time.since(start).as_secs_f64());
        require_sent(mark.shown.as_deref(), window, &mark.step)?;
    }
    Ok(provenance)
}

fn read_windows(
    provenance: &Provenance,
    server: SocketAddr,
    pcap: &Path,
) -> anyhow::Result<(Timestamp, Vec<Window>)> {
    let capture = reader::open(pcap)?;
    let windows = windows(capture, server, &provenance.marks()?)?;
    Ok((provenance.start()?, windows))
}

fn require_sent(shown: Option<&str>, window: &Window, step: &str) -> Result<()> {
    match shown {
        Some(text) if !window.answers(text) => Err(Error::run(format!(
            "after `{step}` the client showed {text:?}, which the program did not send"
        ))),
        _ => Ok(()),
    }
}

/// A file in the same folder as the one that it will replace, so that it can be renamed.
fn beside(folder: &Path, name: &str, end: &str) -> Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(&format!(".{end}.part"))
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(|error| {
            Error::environment(format!("cannot write to {}: {error}", folder.display()))
                .with_hint("the folder must belong to you: name another one with --out")
        })
}

/// Puts capture and provenance in their places, each whole or not at all.
fn keep(savefile: NamedTempFile, provenance: &Provenance, folder: &Path) -> Result<PathBuf> {
    let name = &provenance.scenario.name;
    let pcap = folder.join(format!("{name}.pcap"));
    let cannot =
        |error: std::io::Error| Error::run(format!("cannot write {}: {error}", pcap.display()));
    let mut json = beside(folder, name, "json")?;
    let text = serde_json::to_string_pretty(provenance).map_err(|error| cannot(error.into()))?;
    writeln!(json, "{text}").map_err(cannot)?;
    File::open(savefile.path())
        .and_then(|file| file.sync_all())
        .map_err(cannot)?;
    json.as_file().sync_all().map_err(cannot)?;
    savefile
        .persist(&pcap)
        .map_err(|error| cannot(error.error))?;
    json.persist(path_beside(&pcap))
        .map_err(|error| cannot(error.error))?;
    Ok(pcap)
}

/// Ctrl-C and SIGTERM, for as many runs as there are.
struct Interrupts(watch::Receiver<Option<Error>>);

impl Interrupts {
    fn watch() -> Result<Self> {
        let cannot = |error| Error::environment(format!("cannot watch for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        let (tell, told) = watch::channel(None);
        tokio::spawn(async move {
            let ended = tokio::select! {
                _ = interrupt.recv() => Error::interrupted(),
                _ = terminate.recv() => Error::terminated(),
            };
            tell.send_replace(Some(ended));
            tell.closed().await;
        });
        Ok(Self(told))
    }

    fn next(&self) -> Interrupt {
        let mut told = self.0.clone();
        Box::pin(async move {
            let told = told.wait_for(Option::is_some).await;
            match told.ok().and_then(|ended| ended.clone()) {
                Some(ended) => ended,
                None => std::future::pending().await,
            }
        })
    }
}

/// One line on the terminal, or a line per step where there is none.
struct Terminal {
    name: String,
    bar: Option<ProgressBar>,
}

impl Terminal {
    fn new(scenario: &Scenario) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{prefix:8} [{bar:32}] {pos:>2}/{len} s  {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> ");
            let length = scenario.duration().as_secs();
            let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
            bar.set_style(style);
            bar.set_prefix(scenario.name.clone());
            bar
        });
        Self {
            name: scenario.name.clone(),
            bar,
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{}: {text}", self.name),
        }
    }

    fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.set_position(bar.length().unwrap_or_default());
            bar.finish_with_message("done");
        } else {
            self.say("done");
        }
    }
}

impl Progress for Terminal {
    fn phase(&self, phase: &str) {
        self.say(phase);
    }

    fn step(&self, step: &str) {
        self.say(step);
    }

    fn at(&self, elapsed: Duration) {
        if let Some(bar) = &self.bar {
            bar.set_position(elapsed.as_secs());
        }
    }
}
