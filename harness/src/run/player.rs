//! The player: a process that plays one scenario, told to and heard by the process that the user started.
//!
//! It is born with the capabilities to settle in its lab and to open the capture, and gives them up step by step: when
//! program and client are started it has none.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::process::{Signal, getpid, set_child_subreaper, set_parent_process_death_signal};
use rustix::thread::CapabilitySet;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, watch};

use super::message::{Instruction, Order, Recording, Report, line};
use super::start::Start;
use super::{Run, play};
use crate::error::{Error, Result};
use crate::lab::link::Link;
use crate::lab::network::{Ground, Network};
use crate::lab::remote::Visit;
use crate::lab::server_side::ServerSide;
use crate::lab::sniffer::{OpenCapture, Pace, Sniffer};
use crate::lab::{Lab, keeper, namespace, privilege, probe};

/// What the capture is written to: the file that the player was given as its standard input.
const SAVEFILE: &str = "/proc/self/fd/0";

/// Plays what it is told to, in the lab that this process was started in, and reports.
///
/// # Errors
///
/// Where there is nobody to report to; all else is reported.
pub fn serve(ground: Ground, folder: &Path) -> Result<()> {
    let mut line = keeper::line()?;
    let cable = match settle(ground) {
        Ok(cable) => cable,
        Err(error) => return tell(&mut line, &Report::Refused(error)),
    };
    tell(&mut line, &Report::Ready)?;
    let Some(order) = await_order(&mut line) else {
        // Nobody wants anything played.
        return Ok(());
    };
    match open_stage(&order, cable) {
        Ok(stage) => play_and_report(order, folder, stage, line),
        Err(error) => tell(&mut line, &Report::Played(Box::new(Err(error)))),
    }
}

/// Makes this process one that dies with its keeper, sees all orphans, and may do nothing more than open a capture (and
/// cross its link).
fn settle(ground: Ground) -> Result<Option<Link>> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .and_then(|()| set_child_subreaper(Some(getpid())))
        .map_err(|errno| Error::environment(format!("cannot watch over processes: {errno}")))?;
    if ground.network == Network::Private {
        namespace::settle()?;
    }
    let link = ground.link.as_ref().map(Link::make).transpose()?;
    privilege::keep_only(match link {
        Some(_) => CapabilitySet::NET_RAW.union(CapabilitySet::SYS_ADMIN),
        None => CapabilitySet::NET_RAW,
    })?;
    Ok(link)
}

/// Where a scenario is played, when no capability is needed any more.
struct Stage {
    capture: OpenCapture,
    /// Where programs are started, where that is on the other side of a link.
    server_side: Option<ServerSide>,
    /// Held until the end: a link that nobody holds is no more.
    _link: Option<Link>,
}

/// Opens the capture, crosses the link where there is one, and gives up all capabilities.
fn open_stage(order: &Order, link: Option<Link>) -> Result<Stage> {
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
    // A snap is started by a program that has to gain privilege.
    let for_good = !order.tools.browser.is_snap;
    let server_side = link.as_ref().map(|link| {
        let server_side = ServerSide::stay(move || give_up_privilege(for_good))?;
        link.cross().map(|()| server_side)
    });
    let server_side = server_side.transpose()?;
    give_up_privilege(for_good)?;
    Ok(Stage {
        capture,
        server_side,
        _link: link,
    })
}

/// Gives up all capabilities of this thread, and where it is `for_good`, those that a program could give it, too.
fn give_up_privilege(for_good: bool) -> Result<()> {
    privilege::keep_only(CapabilitySet::empty())?;
    if for_good {
        privilege::renounce()?;
    }
    Ok(())
}

fn play_and_report(order: Order, folder: &Path, stage: Stage, line: UnixStream) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Error::environment(format!("cannot start the async runtime: {error}")))?;
    let told = runtime.block_on(async {
        let (line, instructions) = connect(line)?;
        let played = perform(order, folder, stage, &line, instructions).await;
        line.report(Report::Played(Box::new(played)));
        line.close().await
    });
    // A thread that still waits for a process has no news for anybody.
    runtime.shutdown_background();
    told
}

async fn perform(
    order: Order,
    folder: &Path,
    stage: Stage,
    reports: &Reports,
    instructions: Instructions,
) -> Result<Recording> {
    let Stage {
        capture,
        server_side,
        _link,
    } = stage;
    let sniffer = Sniffer::start(capture, Pace::of(order.scenario.link.as_ref()))?;
    let lab = Lab::new(
        PathBuf::from(folder),
        order.tools.clone(),
        order.account.clone(),
    )
    .with_server_side(server_side)
    .with_visit(order.remote.as_ref().map(Visit::to));
    let run = Run {
        order: &order,
        lab: &lab,
        reports,
    };
    let start = instructions.start();
    play(&run, sniffer, start, Box::pin(instructions.end())).await
}

fn tell(line: &mut UnixStream, report: &Report) -> Result<()> {
    line.write_all(&super::message::line(report))
        .map_err(|error| Error::environment(format!("nobody hears this player: {error}")))
}

/// Reads the first instruction, byte by byte: what comes behind it is for others.
fn await_order(line: &mut UnixStream) -> Option<Order> {
    let mut instruction = Vec::new();
    let mut byte = [0];
    while line.read(&mut byte).ok()? == 1 {
        if byte == *b"\n" {
            return match serde_json::from_slice(&instruction).ok()? {
                Instruction::Play(order) => Some(*order),
                Instruction::Start(_) | Instruction::End(_) => None,
            };
        }
        instruction.extend(byte);
    }
    None
}

/// What a player tells while it plays.
pub(super) struct Reports {
    outgoing: mpsc::UnboundedSender<Report>,
    writer: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Reports {
    fn report(&self, report: Report) {
        // Where nobody listens any more, the instructions have ended too, and with them the run.
        let _ = self.outgoing.send(report);
    }

    pub(super) fn phase(&self, phase: &str) {
        self.report(Report::Phase(phase.to_owned()));
    }

    pub(super) fn step(&self, step: &str) {
        self.report(Report::Step(step.to_owned()));
    }

    pub(super) fn prepared(&self) {
        self.report(Report::Prepared);
    }

    /// Waits until everything is told.
    async fn close(self) -> Result<()> {
        drop(self.outgoing);
        let written = self.writer.await;
        written
            .map_err(std::io::Error::from)
            .and_then(|written| written)
            .map_err(|error| Error::environment(format!("nobody hears this player: {error}")))
    }
}

/// What a player is told while it plays.
#[derive(Clone)]
struct Instructions(watch::Receiver<Told>);

#[derive(Clone, Default)]
struct Told {
    start: Option<Start>,
    end: Option<Error>,
}

impl Instructions {
    /// When the timeline begins.
    fn start(&self) -> impl Future<Output = Result<Start>> + use<> {
        let mut told = self.0.clone();
        async move {
            let told = told.wait_for(|told| told.start.is_some()).await;
            told.ok()
                .and_then(|told| told.start)
                .ok_or_else(nobody_there)
        }
    }

    /// Why everything must end.
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

/// Turns the line into something to report by and something to be told by.
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
                Ok(Instruction::End(why)) => tell.send_modify(|told| told.end = Some(why)),
                Ok(Instruction::Play(_)) | Err(_) => {}
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
