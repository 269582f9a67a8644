//! Conducts the players: makes their labs, makes them prepare, and starts their timelines at the same moment.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;

use super::message::{Instruction, Order, Recording, Report, line};
use super::start::Start;
use crate::error::{Error, Result};
use crate::lab::keeper;
use crate::lab::network::Ground;
use crate::machine::descriptors;
use crate::trace::sum::Sum;

/// The longest time that the making of a lab may take; it takes some ten milliseconds.
const LAB_PATIENCE: Duration = Duration::from_secs(10);

/// The time that a lab has to end after it was told to, before it is forced.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The period for checking if a lab is gone, where the system cannot report it.
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// A receiver of the players' progress.
pub trait Progress {
    /// Reports what this player does outside the timeline, as in `starting Firefox`.
    fn phase(&self, player: usize, phase: &str);
    /// Reports the step of its timeline that this player waits for or does.
    fn step(&self, player: usize, step: &str);
    /// Reports something about this player that the user should know.
    fn note(&self, player: usize, note: &str);
    /// Passes on a line of this player's log.
    fn log(&self, player: usize, line: &str);
    /// Reports that the timelines of these players have begun.
    fn started(&self, players: &[usize]);
}

/// The reason why nothing more is heard from a player.
enum Silence {
    /// The line to its lab has ended; what ended it, the keeper tells.
    Gone,
    /// It has failed, or is to end.
    Failed(Error),
}

impl From<Error> for Silence {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A lab with its player, which waits for an order. Dropping it ends it.
#[derive(Debug)]
pub struct Lab {
    keeper: Keeper,
    line: std::os::unix::net::UnixStream,
    savefile: File,
}

/// The process with whose end a lab ends.
#[derive(Debug)]
struct Keeper(std::process::Child);

impl Keeper {
    /// Ends the lab, if it has not ended by itself, and waits until it is gone.
    fn end(&mut self) -> ExitStatus {
        if let Ok(Some(status)) = self.0.try_wait() {
            return status;
        }
        self.signal(Signal::TERM);
        // One that was stopped hears it only when it goes on.
        self.signal(Signal::CONT);
        if let Some(status) = self.ends_within(END_PATIENCE) {
            return status;
        }
        // Its player ends with it, in whichever way that goes.
        self.signal(Signal::KILL);
        self.ends_within(END_PATIENCE).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        // One that is gone already needs no signal.
        let _ = kill_process(Pid::from_child(&self.0), signal);
    }

    /// Waits for its end; `None` if that takes too long.
    fn ends_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Some(status);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            self.wait_at_most(left);
        }
    }

    /// Waits until it ends, or for a while.
    fn wait_at_most(&self, patience: Duration) {
        let Ok(end) = pidfd_open(Pid::from_child(&self.0), PidfdFlags::empty()) else {
            // Where the system has no such descriptors, only looking is left.
            return std::thread::sleep(LOOK_PERIOD.min(patience));
        };
        let timeout = Timespec::try_from(patience).ok();
        // Whatever ends the waiting, the next look tells.
        let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], timeout.as_ref());
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
    }
}

/// Makes a lab on this ground; its player will capture into `savefile`.
///
/// Call this in the main thread, while there is no other: the thread passes on to the lab what it needs.
///
/// # Errors
///
/// Returns an error if the system refuses one of the steps; nothing is left then.
pub fn make_lab(ground: Ground, folder: &Path, savefile: File) -> Result<Lab> {
    let ours = savefile.try_clone().map_err(cannot_watch)?;
    let (keeper, line) = keeper::start(ground, folder, savefile)?;
    let mut keeper = Keeper(keeper);
    line.set_read_timeout(Some(LAB_PATIENCE))
        .map_err(cannot_watch)?;
    // The player says nothing more until it is told something.
    match answer(&line)? {
        Some(Report::Ready) => Ok(Lab {
            keeper,
            line,
            savefile: ours,
        }),
        Some(Report::Refused(error)) => Err(error),
        Some(_) => Err(no_sense()),
        None => Err(gone(keeper.end())),
    }
}

impl Lab {
    /// Finds out if programs that would be started here can be enclosed, and ends the lab.
    ///
    /// # Errors
    ///
    /// Returns an error that names the step that the system refuses.
    pub fn try_enclosure(self) -> Result<()> {
        let Self {
            mut keeper, line, ..
        } = self;
        std::io::Write::write_all(&mut &line, &self::line(&Instruction::Enclose))
            .map_err(cannot_watch)?;
        match answer(&line)? {
            Some(Report::Enclosed(outcome)) => outcome,
            Some(_) => Err(no_sense()),
            None => Err(gone(keeper.end())),
        }
    }
}

/// Reads a player's message before there are several to speak to it; `None` if the line has ended.
fn answer(line: &std::os::unix::net::UnixStream) -> Result<Option<Report>> {
    let mut answer = String::new();
    let read = std::io::BufRead::read_line(&mut std::io::BufReader::new(line), &mut answer)
        .map_err(|error| Error::environment(format!("the lab does not answer: {error}")))?;
    if read == 0 {
        return Ok(None);
    }
    serde_json::from_str(&answer)
        .map(Some)
        .map_err(|_| no_sense())
}

fn no_sense() -> Error {
    Error::environment("invalid answer from the lab")
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn cannot_watch(error: std::io::Error) -> Error {
    descriptors::with_cure(
        Error::environment(format!("cannot watch a lab: {error}")),
        &error,
    )
}

/// Returns the error for a lab that ended without a message.
fn gone(status: ExitStatus) -> Error {
    let how = match (status.code(), status.signal()) {
        // A keeper ends like its player, as shells have it.
        (Some(code @ 129..), _) => format!("its player was killed by signal {}", code - 128),
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, signal) => format!("it was killed by signal {}", signal.unwrap_or_default()),
    };
    Error::run(format!("the lab is gone: {how}"))
        .with_hint("nothing that it had started is left running; run it again")
}

/// The outcome of a player's run, and the time that the parts outside the timeline took.
#[derive(Debug)]
pub struct Played {
    /// The recording, or the error.
    pub outcome: Result<Recording>,
    /// The times of the run's parts.
    pub times: Times,
}

/// The times of a run's parts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// The time from the order until program, capture and client were ready.
    pub preparation: Duration,
    /// The time from there until the common start.
    pub waiting: Duration,
    /// The time from the start until everything was ended, the timeline included.
    pub playing: Duration,
}

/// Plays the orders in their labs, all at the same time. A failure of one does not end another.
///
/// At most `at_once` prepare at the same time: browsers that start side by side slow each other down.
pub async fn conduct(
    performances: Vec<(usize, Order, Lab)>,
    at_once: usize,
    progress: &impl Progress,
    signals: &watch::Receiver<Vec<Error>>,
) -> Vec<(usize, Played)> {
    let players: Vec<usize> = performances.iter().map(|(player, ..)| *player).collect();
    let readiness = Readiness::of(players.len());
    let preparing = Semaphore::new(at_once);
    let playing = performances.into_iter().map(|(player, order, lab)| {
        let player_run = PlayerRun {
            player,
            progress,
            preparing: &preparing,
            readiness: &readiness,
            signals: signals.clone(),
            doing: String::new(),
        };
        async move { (player, player_run.play(order, lab).await) }
    });
    let starting = async {
        readiness.all().await;
        progress.started(&players);
        readiness.start.send_replace(Some(Start::next()));
    };
    let (played, ()) = tokio::join!(join_all(playing), starting);
    played
}

/// The number of players that are still to prepare, and the start of all.
struct Readiness {
    missing: watch::Sender<usize>,
    start: watch::Sender<Option<Start>>,
}

impl Readiness {
    fn of(players: usize) -> Self {
        Self {
            missing: watch::Sender::new(players),
            start: watch::Sender::new(None),
        }
    }

    fn one_less(&self) {
        self.missing.send_modify(|missing| *missing -= 1);
    }

    async fn all(&self) {
        // Its sender is ours: it does not end before we do.
        let _ = self
            .missing
            .subscribe()
            .wait_for(|missing| *missing == 0)
            .await;
    }

    async fn start(&self) -> Option<Start> {
        let mut start = self.start.subscribe();
        start
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|start| *start)
    }
}

/// One player's part.
struct PlayerRun<'a, P> {
    player: usize,
    progress: &'a P,
    preparing: &'a Semaphore,
    readiness: &'a Readiness,
    signals: watch::Receiver<Vec<Error>>,
    /// The phase or the step that was reported last.
    doing: String,
}

impl<P: Progress> PlayerRun<'_, P> {
    async fn play(mut self, order: Order, lab: Lab) -> Played {
        let mut times = Times::default();
        // Whoever fails before the start holds up nobody.
        let outcome = match self.prepare(order, lab, &mut times).await {
            Ok(running_lab) => {
                self.readiness.one_less();
                self.keep_time(running_lab, &mut times).await
            }
            Err(error) => {
                self.readiness.one_less();
                Err(error)
            }
        };
        Played { outcome, times }
    }

    /// Makes the player prepare, when it is its turn.
    async fn prepare(&mut self, order: Order, lab: Lab, times: &mut Times) -> Result<RunningLab> {
        let mut running_lab = RunningLab::open(lab)?;
        // The semaphore is never closed.
        let _turn = self.preparing.acquire().await;
        let began = Instant::now();
        running_lab
            .instruct(&Instruction::Play(Box::new(order)))
            .await?;
        let prepared = self.listen(&mut running_lab).await;
        times.preparation = began.elapsed();
        match prepared {
            Ok(None) => Ok(running_lab),
            Ok(Some(_)) => Err(Error::run("the player ended before the start")),
            Err(silence) => Err(running_lab.leave(silence, &self.doing).await),
        }
    }

    /// Waits for the common start, then for the end.
    async fn keep_time(
        &mut self,
        mut running_lab: RunningLab,
        times: &mut Times,
    ) -> Result<Recording> {
        let prepared = Instant::now();
        let readiness = self.readiness;
        let start = tokio::select! {
            start = readiness.start() => start,
            // It says nothing before it is told to start, unless something went wrong.
            report = self.listen(&mut running_lab) => match report {
                Err(silence) => return Err(running_lab.leave(silence, &self.doing).await),
                Ok(_) => None,
            },
        };
        let Some(start) = start else {
            return Err(Error::run("the player did not wait for the start"));
        };
        times.waiting = prepared.elapsed();
        let started = Instant::now();
        running_lab.instruct(&Instruction::Start(start)).await?;
        let recording = self.listen(&mut running_lab).await;
        times.playing = started.elapsed();
        match recording {
            Ok(Some(recording)) => {
                let taken = running_lab.taken.take();
                running_lab.clear().await;
                match taken {
                    Some(capture) => capture.require_unchanged().await.map(|()| recording),
                    None => Err(Error::run("the player did not hand over its capture")),
                }
            }
            Ok(None) => Err(Error::run("the player prepared twice")),
            Err(silence) => Err(running_lab.leave(silence, &self.doing).await),
        }
    }

    /// Listens until the player is prepared (`None`) or has played.
    async fn listen(
        &mut self,
        running_lab: &mut RunningLab,
    ) -> std::result::Result<Option<Recording>, Silence> {
        loop {
            tokio::select! {
                report = running_lab.report() => match report? {
                    Report::Phase(phase) => {
                        self.progress.phase(self.player, &phase);
                        self.doing = phase;
                    }
                    Report::Step(step) => {
                        self.progress.step(self.player, &step);
                        self.doing = format!("step `{step}`");
                    }
                    Report::Prepared => return Ok(None),
                    Report::Captured(sum) => running_lab.take(sum).await?,
                    Report::Played(outcome) => return Ok(Some((*outcome)?)),
                    Report::Refused(error) => return Err(error.into()),
                    Report::Note(note) => self.progress.note(self.player, &note),
                    Report::Log(line) => self.progress.log(self.player, &line),
                    Report::Ready | Report::Enclosed(_) => {}
                },
                Ok(()) = self.signals.changed() => {
                    let signals = self.signals.borrow_and_update().clone();
                    match signals.as_slice() {
                        [] => {}
                        [first] => running_lab.instruct(&Instruction::End(first.clone())).await?,
                        [first, ..] => return Err(first.clone().context("killed at the second signal").into()),
                    }
                }
            }
        }
    }
}

/// A capture that is complete.
struct Taken {
    savefile: Arc<File>,
    sum: Sum,
}

impl Taken {
    /// Makes sure that only the player has written to it, and nobody since it was handed over.
    async fn require_unchanged(&self) -> Result<()> {
        let (savefile, sum) = (Arc::clone(&self.savefile), self.sum);
        let now = spawn_blocking(move || Sum::of_file(&savefile))
            .await
            .map_err(std::io::Error::from)
            .and_then(|sum| sum)
            .map_err(|error| Error::run(format!("the capture cannot be read back: {error}")))?;
        if now == sum {
            return Ok(());
        }
        Err(Error::run(
            "the capture is not what was on the wire: somebody else has written to it, so it is not kept",
        ))
    }
}

/// A lab at work.
struct RunningLab {
    keeper: Keeper,
    savefile: Arc<File>,
    /// The capture, once it is complete.
    taken: Option<Taken>,
    reports: Lines<BufReader<OwnedReadHalf>>,
    instructions: OwnedWriteHalf,
}

impl RunningLab {
    fn open(lab: Lab) -> Result<Self> {
        let Lab {
            keeper,
            line,
            savefile,
        } = lab;
        line.set_read_timeout(None)
            .and_then(|()| line.set_nonblocking(true))
            .map_err(cannot_watch)?;
        let (reports, instructions) = UnixStream::from_std(line)
            .map_err(cannot_watch)?
            .into_split();
        Ok(Self {
            keeper,
            savefile: Arc::new(savefile),
            taken: None,
            reports: BufReader::new(reports).lines(),
            instructions,
        })
    }

    async fn instruct(&mut self, instruction: &Instruction) -> Result<()> {
        // A player that is gone is noticed where its reports end.
        let _ = self.instructions.write_all(&line(instruction)).await;
        Ok(())
    }

    /// Takes the capture, if it is the one that the player says the kernel handed over.
    async fn take(&mut self, sum: Sum) -> Result<()> {
        let capture = Taken {
            savefile: Arc::clone(&self.savefile),
            sum,
        };
        capture.require_unchanged().await?;
        self.taken = Some(capture);
        self.instruct(&Instruction::Taken).await
    }

    async fn report(&mut self) -> std::result::Result<Report, Silence> {
        let Ok(Some(line)) = self.reports.next_line().await else {
            return Err(Silence::Gone);
        };
        let report = serde_json::from_str(&line)
            .map_err(|error| Error::run(format!("invalid message from the player: {error}")))?;
        Ok(report)
    }

    /// Ends the lab because of `silence`; if that is the lab's own end, finds out its cause.
    async fn leave(self, silence: Silence, doing: &str) -> Error {
        let status = self.clear().await;
        match silence {
            Silence::Failed(error) => error,
            Silence::Gone => {
                let error = gone(status.unwrap_or_default());
                if doing.is_empty() {
                    error
                } else {
                    error.context(doing)
                }
            }
        }
    }

    /// Ends the lab; when this returns it is gone, with everything in it.
    async fn clear(self) -> Option<ExitStatus> {
        let Self { mut keeper, .. } = self;
        spawn_blocking(move || keeper.end()).await.ok()
    }
}
