//! Plays scenarios, each in a lab of its own, and leaves captures.
//!
//! The [`conductor`] makes sure that all are prepared, and starts them together; a [`player`] plays one.
//!
//! The order matters: the capture is live before there is a client, and it ends after the last connection was seen to
//! close. Marks are deadlines counted from one start, never pauses added up, so a slow step delays only itself.

mod clients;
pub mod commission;
pub mod conductor;
mod due_mark;
mod expectation;
pub mod interrupts;
mod liveness;
pub mod message;
pub mod player;
mod records;
pub mod runtime;
mod start;

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp as ClockTime;
use rustix::process::Signal;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use self::clients::{Clients, naming};
use self::due_mark::DueMark;
use self::expectation::see;
use self::liveness::LivenessWatch;
use self::message::{Order, Picture, Recording};
use self::player::Reports;
use self::start::Start;

use crate::error::{Error, Result};
use crate::lab::client::{Client, Prepared};
use crate::lab::process::Process;
use crate::lab::sniffer::{Counters, Sniffer};
use crate::lab::{Lab, Place, probe};
use crate::scenario::program::{Program, Setting};
use crate::scenario::{Action, ClientKind, Mark};
use crate::trace::provenance::MarkRecord;
use crate::trace::tally::Tally;

/// The variable that names the process which a capture ends with, as `learn` has it for each of its runs.
///
/// That process is told the outcome on standard output, as a line of JSON, and tells the user.
pub const PARENT: &str = "WIRESNAP_PARENT";

/// The longest time until the consequence of a step. If that is beyond the next mark, that mark is late, as the
/// provenance shows: the bytes are the same.
const STEP_PATIENCE: Duration = Duration::from_secs(5);

/// The time before a mark at which its preparation begins: WebDriver finds and reads an element in some ten
/// milliseconds.
const PREPARATION: Duration = Duration::from_millis(200);

/// The time that the wire may go on after the client has taken leave; it is closed then in any case.
const LEAVE_PATIENCE: Duration = Duration::from_secs(1);

/// The longest time until the connections close after the client was told to close them.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// The most that the clock may be off after a run: some clocks are slewed, by half a thousandth at most.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(100);

/// A future that completes when the run must end, with the error that says why.
type Interrupt = Pin<Box<dyn Future<Output = Error> + Send>>;

/// The parts of a run besides its order.
struct Run<'a> {
    order: &'a Order,
    lab: &'a Lab,
    reports: &'a Reports,
}

/// The questions to the conductor during a run.
struct Consent<S, T> {
    /// The moment at which the timeline begins; asked for when everything is ready.
    start: S,
    /// The confirmation that it has the capture; asked for before the program is told to end.
    taken: T,
}

/// Plays a scenario to its end. When this returns, successful or not, nothing that it started is left running.
///
/// An error is the first thing that went wrong: a process that ended, a page that did not update, a capture without an
/// end.
async fn play(
    run: &Run<'_>,
    mut sniffer: Sniffer,
    consent: Consent<impl Future<Output = Result<Start>>, impl Future<Output = Result<()>>>,
    interrupt: Interrupt,
) -> Result<Recording> {
    let mut liveness = LivenessWatch::default();
    liveness.watch(interrupt);
    liveness.watch(sniffer.failure());
    let mut started = Started::default();
    let played = run
        .play(&mut started, &mut liveness, &mut sniffer, consent)
        .await;
    run.reports.phase("closing");
    // A run that went well has closed everything. What a failed one has left is not asked: it may hang.
    drop(started);
    run.lab.end_processes().await;
    played
}

/// The processes that were started and must be ended.
#[derive(Default)]
struct Started {
    helpers: Vec<Process>,
    program: Option<Process>,
    clients: Clients,
    /// The pictures that were taken so far.
    pictures: Vec<Picture>,
}

impl Started {
    /// Ends the program, and returns its own account of its connections.
    async fn end_program(&mut self) -> Vec<Tally> {
        match self.program.take() {
            Some(program) => program.stop(Signal::TERM).await,
            None => Vec::new(),
        }
    }

    /// Adds the program's last output, if no other process has more to say.
    fn words_of_program(&self, error: Error) -> Error {
        match &self.program {
            Some(program) => error.or_output(program.name(), program.last_output()),
            None => error,
        }
    }
}

impl Run<'_> {
    async fn play(
        &self,
        started: &mut Started,
        liveness: &mut LivenessWatch,
        sniffer: &mut Sniffer,
        consent: Consent<impl Future<Output = Result<Start>>, impl Future<Output = Result<()>>>,
    ) -> Result<Recording> {
        self.start_programs(started, liveness).await?;
        self.start_clients(started, liveness).await?;
        let versions = self.versions(started);
        let clients = self.client_records(started);
        self.reports.prepared();
        let start = liveness.during(consent.start).await?;
        let marks = self.keep_marks(start, started, liveness, sniffer).await?;
        // Commands that end by themselves have no mark for it.
        Self::close_all(started, liveness, sniffer).await?;
        self.note_udp(started);
        let counters = self.finish_capture(sniffer, liveness).await?;
        info!(
            packets = counters.packets,
            dropped = counters.dropped,
            interface_dropped = counters.interface_dropped,
            "the capture has ended"
        );
        // Whatever the program does when it is told to end, the capture is out of its reach.
        self.reports.captured(counters.sum);
        liveness.during(consent.taken).await?;
        let mut tallies = started.end_program().await;
        let probes = probe::ports(self.order.scenario.port);
        tallies.retain(|tally| !probes.contains(&tally.client.port()));
        require_no_drops(counters)?;
        require_steady_clock(start)?;
        let capture = self.capture_record(sniffer, counters);
        Ok(Recording {
            provenance: self.provenance(start, marks, (versions, clients), capture),
            tallies,
            pictures: std::mem::take(&mut started.pictures),
        })
    }

    /// Adds a note if the program uses UDP, which is not captured.
    fn note_udp(&self, started: &Started) {
        let program = started.program.as_ref();
        let sockets = program.and_then(|program| Some((program.name(), program.udp_sockets()?)));
        if let Some((name, sockets)) = sockets {
            self.reports.note(format!(
                "{name} is on UDP too ({sockets}), which is not captured"
            ));
        }
    }

    /// Starts the helpers, then the program under study.
    async fn start_programs(
        &self,
        started: &mut Started,
        liveness: &mut LivenessWatch,
    ) -> Result<()> {
        let scenario = &self.order.scenario;
        for (helper, executable) in scenario.helpers.iter().zip(&self.order.helpers) {
            let helper = self.start_program(helper, executable, liveness).await?;
            started.helpers.push(helper);
        }
        let program = self.start_program(&scenario.program, &self.order.program, liveness);
        started.program = Some(program.await?);
        Ok(())
    }

    async fn start_program(
        &self,
        program: &Program,
        executable: &Path,
        liveness: &mut LivenessWatch,
    ) -> Result<Process> {
        self.reports.phase(&format!("starting {}", program.name));
        let place = self.place();
        let started = self.lab.start_program(program, executable, &place);
        let process = liveness.during(started).await?;
        liveness.watch(process.death());
        Ok(process)
    }

    /// Returns the place of the scenario: its folder, address and time scale.
    fn place(&self) -> Place {
        let Order {
            scenario,
            root,
            time_scale,
            meeting_point,
            ..
        } = self.order;
        Place {
            root: root.clone(),
            setting: Setting {
                address: meeting_point.server(scenario.port),
                time_scale: *time_scale,
            },
        }
    }

    /// Starts the clients one after the other: browsers that start side by side slow each other down.
    async fn start_clients(
        &self,
        started: &mut Started,
        liveness: &mut LivenessWatch,
    ) -> Result<()> {
        for (index, described) in self.order.scenario.clients.iter().enumerate() {
            let name = described.name.as_deref();
            let kind = match described.kind {
                ClientKind::Firefox => self.order.tools.browser.kind.to_string(),
                other => other.to_string(),
            };
            let whose = name.map_or_else(String::new, |name| format!("{name}: "));
            self.reports.phase(&format!("{whose}starting {kind}"));
            let starting = Client::start(self.lab, described);
            let client = liveness
                .during(starting)
                .await
                .map_err(|error| naming(name, error))?;
            liveness.watch_client(index, name, &client);
            started.clients.push(client, described);
        }
        Ok(())
    }

    async fn keep_marks(
        &self,
        start: Start,
        started: &mut Started,
        liveness: &mut LivenessWatch,
        sniffer: &mut Sniffer,
    ) -> Result<Vec<MarkRecord>> {
        let marks = &self.order.scenario.marks;
        let start = start.instant();
        let mut records = Vec::with_capacity(marks.len());
        for (index, mark) in marks.iter().enumerate() {
            let following = &marks[index + 1..];
            let next = following.first();
            let is_answered_later = next.is_some_and(|next| next.action == Action::Wait);
            let next = following.iter().find(|next| !next.action.is_close());
            let due_mark = DueMark {
                mark,
                number: index + 1,
                due: start + self.scaled(mark.at),
                is_answered_later,
                more_after: next.map(|next| self.scaled(next.at.saturating_sub(mark.at))),
            };
            let kept = self
                .keep_mark(&due_mark, start, started, liveness, sniffer)
                .await;
            let kept = kept.map_err(|error| {
                let error = started.words_of_program(error);
                let failed = liveness.failed_at().unwrap_or_else(Instant::now);
                self.at(failed - start, mark, error)
            })?;
            records.push(kept);
        }
        Ok(records)
    }

    async fn keep_mark(
        &self,
        due_mark: &DueMark<'_>,
        start: Instant,
        started: &mut Started,
        liveness: &mut LivenessWatch,
        sniffer: &mut Sniffer,
    ) -> Result<MarkRecord> {
        let DueMark { mark, due, .. } = due_mark;
        let scenario = &self.order.scenario;
        self.reports.step(&scenario.step_at(mark));
        let (moment, prepared) = Self::prepare(due_mark, started, liveness).await?;
        let before_others = liveness.during(started.clients.before_others(mark)).await?;
        liveness.during(until(moment)).await?;
        let (acted, acted_at) = (due_mark.acted(), ClockTime::now());
        let (mut shown, mut picture) = (None, None);
        match &mark.action {
            Action::Close => Self::close(mark.client, started, liveness, sniffer).await?,
            Action::CloseAll => Self::close_all(started, liveness, sniffer).await?,
            Action::Screenshot(name) => {
                let file = scenario.picture_file(name.as_deref(), due_mark.number);
                picture = Some(Self::take_picture(file, mark, started, liveness).await?);
            }
            _ => shown = self.act(due_mark, &prepared, started, liveness).await?,
        }
        let shown_by_others = started
            .clients
            .see_others(due_mark, &before_others, acted_at, liveness)
            .await?;
        debug!(
            step = %mark.step,
            planned = seconds_between(start, *due),
            actual = seconds_between(start, acted),
            "mark is kept"
        );
        Ok(MarkRecord {
            client: scenario.name_at(mark).map(str::to_owned),
            step: mark.step.clone(),
            planned_seconds: seconds_between(start, *due),
            actual_seconds: seconds_between(start, acted),
            on_wire_seconds: None,
            shown,
            shown_by_others,
            picture,
        })
    }

    /// Waits until it is time to prepare a mark, prepares it, and returns the moment at which the client is to act.
    async fn prepare(
        due_mark: &DueMark<'_>,
        started: &mut Started,
        liveness: &mut LivenessWatch,
    ) -> Result<(Instant, Prepared)> {
        let mark = due_mark.mark;
        if mark.action == Action::CloseAll {
            let prepared = due_mark.preparation(due_mark.due);
            liveness.during(until(prepared)).await?;
            return Ok((due_mark.due, Prepared::default()));
        }
        let client = started.clients.get(mark.client)?;
        let moment = due_mark.moment(client);
        liveness.during(until(due_mark.preparation(moment))).await?;
        let patience = mark.within.unwrap_or(STEP_PATIENCE);
        let prepared = liveness.during(client.prepare(mark, patience)).await?;
        Ok((moment, prepared))
    }

    /// Takes a picture of what the client shows, and returns the name of its file.
    async fn take_picture(
        file: String,
        mark: &Mark,
        started: &mut Started,
        liveness: &mut LivenessWatch,
    ) -> Result<String> {
        let client = started.clients.get(mark.client)?;
        let png = liveness.during(client.screenshot()).await?;
        started.pictures.push(Picture::new(file.clone(), &png));
        Ok(file)
    }

    /// Does the step of the mark, and waits for what is expected of it.
    async fn act(
        &self,
        due_mark: &DueMark<'_>,
        prepared: &Prepared,
        started: &mut Started,
        liveness: &mut LivenessWatch,
    ) -> Result<Option<String>> {
        let mark = due_mark.mark;
        let client = started.clients.get(mark.client)?;
        let was_running = client.is_running();
        let acted = ClockTime::now();
        let place = self.place();
        liveness
            .during(client.perform(self.lab, &place, mark, prepared))
            .await?;
        if !was_running {
            let name = self.order.scenario.name_at(mark);
            liveness.watch_client(mark.client, name, client);
        }
        let Some(expect) = &mark.expect else {
            return Ok(None);
        };
        let patience = due_mark.patience(expect);
        let seen = see(client, expect, prepared.before(), acted, patience);
        liveness.during(seen).await
    }

    /// Closes all clients that are open, one after the other.
    async fn close_all(
        started: &mut Started,
        liveness: &mut LivenessWatch,
        sniffer: &mut Sniffer,
    ) -> Result<()> {
        // The program may hang up on one because another has left, and netcat ends of that.
        for index in started.clients.terminals() {
            liveness.let_client_go(index);
        }
        for index in 0..started.clients.len() {
            let closed = Self::close(index, started, liveness, sniffer).await;
            closed.map_err(|error| started.clients.naming(index, error))?;
        }
        Ok(())
    }

    /// Closes a client. Its end is not an accident any more; that of the program and of other clients still is.
    async fn close(
        index: usize,
        started: &mut Started,
        liveness: &mut LivenessWatch,
        sniffer: &mut Sniffer,
    ) -> Result<()> {
        let Some(client) = started.clients.take(index) else {
            return Ok(());
        };
        // A browser that quits waits for nobody: it may be gone before the answer to its last WebSocket frame.
        liveness.during(client.take_leave()).await?;
        liveness
            .during(sniffer.wait_for_silence(LEAVE_PATIENCE))
            .await?;
        liveness.let_client_go(index);
        liveness.during(client.close()).await
    }

    async fn finish_capture(
        &self,
        sniffer: &mut Sniffer,
        liveness: &mut LivenessWatch,
    ) -> Result<Counters> {
        self.reports.phase("waiting for the last packet");
        let closed = liveness
            .during(sniffer.wait_for_close(CLOSE_PATIENCE))
            .await;
        closed.map_err(|error| match self.order.remote {
            Some(_) => error.or_hint("is the interface the one that faces the browser?"),
            None => error,
        })?;
        let counters = liveness.during(sniffer.finish()).await?;
        if self.order.scenario.link.is_none() {
            return Ok(counters);
        }
        // libpcap reads this one from /sys, which tells of the machine's own interface of the same name.
        let interface_dropped = 0;
        Ok(Counters {
            interface_dropped,
            ..counters
        })
    }

    fn scaled(&self, at: Duration) -> Duration {
        at.mul_f64(self.order.time_scale)
    }

    /// Adds to an error when in the timeline it happened.
    fn at(&self, elapsed: Duration, mark: &Mark, error: Error) -> Error {
        let elapsed = elapsed.as_secs_f64();
        let Mark { at, step, .. } = mark;
        let due = self.scaled(*at).as_secs_f64();
        let name = self.order.scenario.name_at(mark);
        let whose = name.map_or_else(String::new, |name| format!("{name}'s "));
        error.context(format!(
            "at {elapsed:.1} s, {whose}step `{step}` of mark {due:.1} s"
        ))
    }
}

/// Waits for a moment of the timeline.
async fn until(due: Instant) -> Result<()> {
    sleep_until(due).await;
    Ok(())
}

/// Returns an error if the wall clock was set during the run: the capture's timestamps are from it, so marks could not
/// be found in it.
fn require_steady_clock(start: Start) -> Result<()> {
    let set_by = start.clock_was_set_by();
    if set_by <= CLOCK_TOLERANCE {
        return Ok(());
    }
    Err(Error::inconclusive(format!(
        "the system's clock was set by {:.1} s during the run: the capture's times make no sense",
        set_by.as_secs_f64()
    ))
    .with_hint("run it again while nobody sets the clock"))
}

fn require_no_drops(counters: Counters) -> Result<()> {
    let Counters {
        dropped,
        interface_dropped,
        ..
    } = counters;
    if dropped == 0 && interface_dropped == 0 {
        return Ok(());
    }
    Err(Error::inconclusive(format!(
        "the kernel dropped {dropped} packets and the interface {interface_dropped}: the capture is not complete"
    ))
    .with_hint("run it again on a machine that is less busy"))
}

/// Returns the seconds from one moment to another, negative if that is earlier. Microseconds are as fine as a capture
/// file's clock.
fn seconds_between(from: Instant, to: Instant) -> f64 {
    let seconds = (to - from).as_secs_f64() - (from - to).as_secs_f64();
    (seconds * 1e6).round() / 1e6
}
