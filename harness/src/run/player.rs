//! The player: a process that plays one scenario. It takes its instructions from, and reports to, the process that the
//! user started.
//!
//! It is born with the capabilities to settle in its lab and to open the capture, and gives them up step by step: it
//! has none when program and client are started.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Signal, getpid, set_child_subreaper, set_parent_process_death_signal};
use rustix::thread::CapabilitySet;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::message::{Instruction, Order, Recording, Report, line};
use super::start::Start;
use super::{Consent, Run, play};
use crate::error::{Error, Result};
use crate::lab::enclosure::{Launchers, Subject, needed};
use crate::lab::link::Link;
use crate::lab::network::{Ground, Network};
use crate::lab::remote::Visit;
use crate::lab::sniffer::{OpenCapture, Pace, Sniffer};
use crate::lab::{Lab, keeper, namespace, probe};
use crate::log;
use crate::machine::privilege;
use crate::machine::tools::{Browser, command_path};
use crate::scenario::Action;
use crate::trace::sum::Sum;

/// The file of the capture, which the player was given as its standard input.
const SAVEFILE: &str = "/proc/self/fd/0";

/// Plays the scenario that it is told to, in the lab that this process was started in, and reports.
///
/// # Errors
///
/// Returns an error if there is nobody to report to; all other errors are reported.
pub fn serve(capture: &str, ground: Ground, folder: &Path) -> Result<()> {
    privilege::forbid_inspection()?;
    let mut line = keeper::line()?;
    let cable = match settle(ground) {
        Ok(cable) => cable,
        Err(error) => return tell(&mut line, &Report::Refused(error)),
    };
    tell(&mut line, &Report::Ready)?;
    let order = match await_instruction(&mut line) {
        Some(Instruction::Play(order)) => *order,
        Some(Instruction::Enclose) => {
            let enclosed = try_to_enclose(capture, ground, folder);
            return tell(&mut line, &Report::Enclosed(enclosed));
        }
        // Nobody wants anything played.
        Some(Instruction::Start(_) | Instruction::Taken | Instruction::End(_)) | None => {
            return Ok(());
        }
    };
    match set_up(&order, capture, folder, cable) {
        Ok(setup) => play_and_report(order, folder, setup, line),
        Err(error) => tell(&mut line, &Report::Played(Box::new(Err(error)))),
    }
}

/// Makes an enclosure in which nothing is started.
fn try_to_enclose(capture: &str, ground: Ground, folder: &Path) -> Result<()> {
    let subject = Subject {
        capture: capture.to_owned(),
        needed: vec![PathBuf::from(folder)],
        home: None,
        is_private: ground.network == Network::Private,
    };
    Launchers::enclosed(&subject, None).map(drop)
}

/// Settles this process: it dies with its keeper, adopts all orphans, and may only open a capture, make an enclosure
/// and cross its link.
fn settle(ground: Ground) -> Result<Option<Link>> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .and_then(|()| set_child_subreaper(Some(getpid())))
        .map_err(|errno| Error::environment(format!("cannot watch over processes: {errno}")))?;
    if ground.network == Network::Private {
        namespace::settle()?;
    }
    let link = ground.link.as_ref().map(Link::make).transpose()?;
    privilege::keep_only(CapabilitySet::NET_RAW.union(CapabilitySet::SYS_ADMIN))?;
    Ok(link)
}

/// The capture and the launchers for a scenario, when no capability is needed any more.
struct LabSetup {
    capture: OpenCapture,
    launchers: Launchers,
    /// The reason why programs are not enclosed, if they are not.
    open_because: Option<Error>,
    /// The link, held until the end: it goes when nobody holds it.
    _link: Option<Arc<Link>>,
}

/// Opens the capture, makes the enclosure, crosses the link if there is one, and gives up all capabilities.
fn set_up(order: &Order, capture_id: &str, folder: &Path, link: Option<Link>) -> Result<LabSetup> {
    let Order {
        scenario,
        meeting_point,
        ..
    } = order;
    let address = meeting_point.server(scenario.port);
    let probes = scenario.is_probed().then(|| probe::ports(scenario.port));
    let capture = OpenCapture::open(
        &meeting_point.interface,
        address,
        probes,
        Path::new(SAVEFILE),
    )?;
    // What has it open from here on is the capture alone, and until that ends.
    keeper::let_go_of_capture()?;
    let link = link.map(Arc::new);
    // A snap is started by a program that has to gain privilege.
    let for_good = !order.tools.browser.is_snap;
    let enclosed = if for_good {
        Launchers::enclosed(&subject(order, capture_id, folder), link.as_ref())
    } else {
        Err(Error::environment("the browser is a snap"))
    };
    let (launchers, open_because) = match enclosed {
        Ok(launchers) => (launchers, None),
        Err(why) => (Launchers::open(for_good, link.as_ref())?, Some(why)),
    };
    if let Some(link) = &link {
        link.cross()?;
    }
    privilege::give_up(for_good)?;
    Ok(LabSetup {
        capture,
        launchers,
        open_because,
        _link: link,
    })
}

/// Returns what is to be enclosed to play this.
fn subject(order: &Order, capture: &str, folder: &Path) -> Subject {
    let Order { tools, helpers, .. } = order;
    let Browser {
        executable, driver, ..
    } = &tools.browser;
    let tools = [executable, driver, &tools.netcat].into_iter().flatten();
    let commands = order
        .scenario
        .marks
        .iter()
        .filter_map(|mark| match &mark.action {
            Action::Start(command) | Action::Execute { command, .. } => {
                command_path(&command.executable, &order.root).ok()
            }
            _ => None,
        });
    let executables: Vec<PathBuf> = [&order.program]
        .into_iter()
        .chain(helpers)
        .chain(tools)
        .cloned()
        .chain(commands)
        .collect();
    Subject {
        capture: capture.to_owned(),
        needed: needed(
            &order.root,
            folder,
            executables.iter().map(PathBuf::as_path),
        ),
        home: order.account.home.clone(),
        is_private: order.network == Network::Private,
    }
}

fn play_and_report(order: Order, folder: &Path, setup: LabSetup, line: UnixStream) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Error::environment(format!("cannot start the async runtime: {error}")))?;
    let is_on_host = order.network == Network::Host;
    let told = runtime.block_on(async {
        let (line, instructions) = connect(line)?;
        let dismissal = Dismissal::watch(order.network)?;
        let played = perform(order, folder, setup, &line, instructions, &dismissal).await;
        // Of a keeper that is gone others tell more.
        if !dismissal.has_come() {
            line.report(Report::Played(Box::new(played)));
        }
        line.close().await
    });
    // A thread that still waits for a process has no news for anybody.
    runtime.shutdown_background();
    if is_on_host {
        keeper::end_orphans();
        // Where the keeper is there, it does that too.
        let _ = std::fs::remove_dir_all(folder);
    }
    told
}

/// The news that the keeper wants this player to end, or is gone. It only comes on the machine's own network, where
/// nobody else may be left then to end what was started.
#[derive(Clone)]
struct Dismissal(watch::Receiver<bool>);

impl Dismissal {
    /// Begins to watch for SIGTERM, which the kernel sends when the keeper ends.
    fn watch(network: Network) -> Result<Self> {
        let (tell, told) = watch::channel(false);
        if network == Network::Host {
            let cannot = |error| Error::environment(format!("cannot watch for signals: {error}"));
            let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
            set_parent_process_death_signal(Some(Signal::TERM))
                .map_err(|errno| cannot(errno.into()))?;
            tokio::spawn(async move {
                terminate.recv().await;
                tell.send_replace(true);
            });
        }
        Ok(Self(told))
    }

    fn has_come(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for it, and returns it as an error.
    fn comes(&self) -> impl Future<Output = Error> + Send + use<> {
        let mut told = self.0.clone();
        async move {
            if told.wait_for(|has_come| *has_come).await.is_err() {
                std::future::pending::<()>().await;
            }
            nobody_there()
        }
    }
}

async fn perform(
    order: Order,
    folder: &Path,
    setup: LabSetup,
    reports: &Reports,
    instructions: Instructions,
    dismissal: &Dismissal,
) -> Result<Recording> {
    let LabSetup {
        capture,
        launchers,
        open_because,
        _link,
    } = setup;
    if let Some(why) = open_because {
        reports.note(format!(
            "programs and clients can see the processes and temporary files of others: {}",
            why.message()
        ));
    }
    reports.begin_log(order.log.as_deref())?;
    let sniffer = Sniffer::start(capture, Pace::of(order.scenario.link.as_ref()))?;
    let lab = Lab::new(
        PathBuf::from(folder),
        order.tools.clone(),
        order.account.clone(),
    )
    .with_launchers(launchers)
    .with_visit(order.remote.as_ref().map(Visit::to));
    let run = Run {
        order: &order,
        lab: &lab,
        reports,
    };
    let (told, dismissed) = (instructions.end(), dismissal.comes());
    let interrupt = Box::pin(async move {
        tokio::select! {
            error = told => error,
            error = dismissed => error,
        }
    });
    let consent = Consent {
        start: instructions.start(),
        taken: instructions.taken(),
    };
    play(&run, sniffer, consent, interrupt).await
}

fn tell(line: &mut UnixStream, report: &Report) -> Result<()> {
    line.write_all(&super::message::line(report))
        .map_err(|error| Error::environment(format!("nobody hears this player: {error}")))
}

/// Reads the first instruction, byte by byte: the bytes behind it are for other readers.
fn await_instruction(line: &mut UnixStream) -> Option<Instruction> {
    let mut instruction = Vec::new();
    let mut byte = [0];
    while line.read(&mut byte).ok()? == 1 {
        if byte == *b"\n" {
            return serde_json::from_slice(&instruction).ok();
        }
        instruction.extend(byte);
    }
    None
}

/// The reports of a player while it plays.
pub(super) struct Reports {
    outgoing: mpsc::UnboundedSender<Report>,
    writer: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Reports {
    fn report(&self, report: Report) {
        // Where nobody listens any more, the instructions have ended too, and with them the run.
        let _ = self.outgoing.send(report);
    }

    /// Has the log of this process reported, if there is to be one.
    fn begin_log(&self, filter: Option<&str>) -> Result<()> {
        let Some(filter) = filter else {
            return Ok(());
        };
        // The log lasts as long as the process, and must not keep the line open.
        let outgoing = self.outgoing.downgrade();
        log::begin_with(filter, move |line| {
            if let Some(outgoing) = outgoing.upgrade() {
                // As for any report: without a listener the run has ended.
                let _ = outgoing.send(Report::Log(line.to_owned()));
            }
        })
    }

    pub(super) fn phase(&self, phase: &str) {
        self.report(Report::Phase(phase.to_owned()));
    }

    pub(super) fn step(&self, step: &str) {
        self.report(Report::Step(step.to_owned()));
    }

    pub(super) fn note(&self, note: String) {
        self.report(Report::Note(note));
    }

    pub(super) fn captured(&self, sum: Sum) {
        self.report(Report::Captured(sum));
    }

    pub(super) fn prepared(&self) {
        self.report(Report::Prepared);
    }

    /// Waits until everything is reported.
    async fn close(self) -> Result<()> {
        drop(self.outgoing);
        let written = self.writer.await;
        written
            .map_err(std::io::Error::from)
            .and_then(|written| written)
            .map_err(|error| Error::environment(format!("nobody hears this player: {error}")))
    }
}

/// The instructions to a player while it plays.
#[derive(Clone)]
struct Instructions(watch::Receiver<Told>);

#[derive(Clone, Default)]
struct Told {
    start: Option<Start>,
    is_taken: bool,
    end: Option<Error>,
}

impl Instructions {
    /// Waits for the moment at which the timeline begins.
    fn start(&self) -> impl Future<Output = Result<Start>> + use<> {
        let mut told = self.0.clone();
        async move {
            let told = told.wait_for(|told| told.start.is_some()).await;
            told.ok()
                .and_then(|told| told.start)
                .ok_or_else(nobody_there)
        }
    }

    /// Waits until the conductor has the capture.
    fn taken(&self) -> impl Future<Output = Result<()>> + use<> {
        let mut told = self.0.clone();
        async move {
            let told = told.wait_for(|told| told.is_taken).await;
            told.map(drop).map_err(|_| nobody_there())
        }
    }

    /// Waits for the reason why everything must end.
    fn end(&self) -> impl Future<Output = Error> + Send + use<> {
        let mut told = self.0.clone();
        async move {
            let told = told.wait_for(|told| told.end.is_some()).await;
            told.ok()
                .and_then(|told| told.end.clone())
                .unwrap_or_else(nobody_there)
        }
    }
}

fn nobody_there() -> Error {
    Error::run("the process that asked for this is gone")
}

/// Splits the line into reports and instructions.
fn connect(line: UnixStream) -> Result<(Reports, Instructions)> {
    let cannot = |error| Error::environment(format!("cannot watch the line: {error}"));
    line.set_nonblocking(true).map_err(cannot)?;
    let stream = tokio::net::UnixStream::from_std(line).map_err(cannot)?;
    let (incoming, mut outgoing) = stream.into_split();
    let (sender, mut reports) = mpsc::unbounded_channel::<Report>();
    let writer = tokio::spawn(async move {
        while let Some(report) = reports.recv().await {
            outgoing.write_all(&self::line(&report)).await?;
        }
        Ok(())
    });
    let (tell, told) = watch::channel(Told::default());
    tokio::spawn(async move {
        let mut lines = BufReader::new(incoming).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(Instruction::Start(start)) => tell.send_modify(|told| told.start = Some(start)),
                Ok(Instruction::Taken) => tell.send_modify(|told| told.is_taken = true),
                Ok(Instruction::End(why)) => tell.send_modify(|told| told.end = Some(why)),
                Ok(Instruction::Enclose | Instruction::Play(_)) | Err(_) => {}
            }
        }
        // Whoever wanted this played is gone, and the line with them.
        tell.send_modify(|told| told.end = Some(nobody_there()));
    });
    Ok((
        Reports {
            outgoing: sender,
            writer,
        },
        Instructions(told),
    ))
}
