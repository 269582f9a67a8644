//! Captures: scenarios are played, all at the same time, and what was on the wire is verified and kept.

pub mod checkup;
pub mod commission;
mod keep;
mod lock;
mod news;
mod notes;
mod plan;
mod progress;
mod remote;
mod scenarios;
pub mod summary;
mod verify;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::runtime::Runtime;
use tracing::{debug, info};
use wirestream::budget::Memory;

use self::keep::Savefile;
use self::news::news;
use self::notes::notes;
use self::plan::{CaptureRequest, Part, Plan};
use self::progress::Terminal;
pub use self::remote::RemoteChoice;
use self::verify::verify;
use crate::error::{Class, Error, Result};
use crate::lab::doctor::Intent;
use crate::lab::keeper;
use crate::lab::network::Network;
use crate::machine::browser::Kind;
use crate::machine::descriptors;
use crate::machine::privilege::{self, Account};
use crate::render::coverage::named;
use crate::render::redactions::Redactions;
use crate::run::conductor::{Played, Times, conduct};
use crate::run::interrupts::{Signals, watch_signals};
use crate::run::message::Recording;
use crate::run::runtime::one_thread;
use crate::scenario::Scenario;
use crate::secrets::{Secrets, credentials};
use crate::text::Shown as _;
use crate::trace::provenance::Provenance;

/// The choices of a user who has scenarios captured.
#[derive(Debug)]
pub struct Choices {
    /// The scenarios, by name or as path of a file; all if it is empty.
    pub scenarios: Vec<String>,
    /// The values for variables of the scenarios.
    pub set: Vec<(String, String)>,
    /// The folder for the captures; `None` for the project's.
    pub out: Option<PathBuf>,
    /// The browser that plays the scenarios of a browser.
    pub browser: Kind,
    /// The browser elsewhere to play with; `None` if one is started here.
    pub remote: Option<RemoteChoice>,
    /// The network to play on; `None` for a private one where the system allows.
    pub network: Option<Network>,
    /// The factor by which timelines take longer.
    pub time_scale: f64,
    /// The most scenarios that play at once.
    pub jobs: Option<u16>,
    /// The most scenarios that prepare at once.
    pub preparing: Option<u16>,
    /// True if captures that say the same are replaced too.
    pub replace: bool,
    /// True if it is accepted that other users of this machine can drive the browser.
    pub is_shared: bool,
    /// The process that this one ends with, by its number, if there is one.
    pub parent: Option<OsString>,
}

/// Plays scenarios and keeps their captures.
///
/// The labs are made, and privilege is given up, before there is a second thread.
///
/// # Errors
///
/// Returns an error if nothing could be played; the error of a scenario is in its outcome.
pub fn capture(choices: Choices) -> Result<Vec<Outcome>> {
    let session = Session::set(None)?;
    if let Some(parent) = &choices.parent {
        end_with(parent)?;
    }
    let request = CaptureRequest::of(choices)?;
    let progress = Terminal::new(&request.scenarios, &request.redactions);
    session.play(request, &progress)
}

/// Has this process told as by SIGTERM when the one ends that has started it.
fn end_with(parent: &OsStr) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| Error::environment(format!("cannot watch a process: {error}")))?;
    let is_there = |now: Pid| parent == now.as_raw_nonzero().to_string().as_str();
    if getppid().is_some_and(is_there) {
        return Ok(());
    }
    Err(Error::ended_by(15, "the process that has started it"))
}

/// The things that any capture needs.
struct Session {
    account: Account,
    runtime: Runtime,
    signals: Signals,
}

impl Session {
    /// Becomes the user whom this is done for, and begins to watch for signals, and for the end of the line to the
    /// asker.
    ///
    /// Call this in the main thread, while there is no other.
    fn set(asker: Option<UnixStream>) -> Result<Self> {
        let account = privilege::shed()?;
        // Where there is no process namespace, programs under study see it.
        privilege::forbid_inspection()?;
        descriptors::allow_enough();
        let runtime = one_thread()?;
        let signals = runtime.block_on(async { watch_signals(asker) })?;
        Ok(Self {
            account,
            runtime,
            signals,
        })
    }

    /// Plays what is wished for, and keeps what was captured.
    fn play(self, request: CaptureRequest, progress: &Terminal) -> Result<Vec<Outcome>> {
        let Self {
            account,
            runtime,
            signals,
        } = self;
        let (jobs, preparing) = (request.jobs, request.preparing);
        info!(
            version = env!("CARGO_PKG_VERSION"),
            scenarios = request.scenarios.len(),
            project = %Path::new(".").join(&request.root).shown(),
            captures = %request.captures.shown(),
            "capturing"
        );
        let examine = |intent: &Intent<'_>| checkup::examine(intent, &account, &runtime, &signals);
        let plan = Plan::make(request, account.clone(), examine)?;
        for exposure in &plan.exposures {
            progress.warn(exposure);
        }
        privilege::hand_on_to_labs()?;
        let folder = plan.network.folder(&plan.tools, &plan.account)?;
        let parts = plan.parts(&folder)?;
        info!(network = ?plan.network, labs = parts.len(), folder = %folder.shown(), "labs are made");
        privilege::labs_are_made()?;
        let jobs = match plan.network {
            Network::Private => jobs.map_or(parts.len(), usize::from),
            // They may want the same port, and would be in each other's captures.
            Network::Host => 1,
        };
        if plan.network == Network::Host {
            keeper::adopt_orphans()?;
        }
        // Browsers that start side by side slow each other down; `make bench` compares.
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        let preparing = preparing.map_or_else(processors, usize::from);
        let capturing = play(&plan, parts, jobs, preparing, &signals, progress);
        let outcomes = runtime.block_on(capturing);
        if plan.network == Network::Host {
            keeper::clear_up(&folder);
        }
        outcomes
    }
}

/// A scenario that was played and its capture.
#[derive(Debug)]
pub struct Captured {
    /// The path of the capture.
    pub pcap: PathBuf,
    /// Its provenance.
    pub provenance: Provenance,
    /// The differences from the capture that was there, if there was one; if the list is empty, the old one stays.
    pub news: Option<Vec<String>>,
    /// The warning about bytes that look like a credential.
    pub warning: Option<String>,
    /// The other notes about it.
    pub notes: Vec<String>,
}

/// The outcome of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// Its capture, or why there is none.
    pub captured: Result<Captured>,
    /// The time that it took.
    pub times: Times,
}

/// Plays the parts, as many at once as `jobs` says, of which so many prepare at once, and keeps what they leave. A signal
/// ends those still to come too.
async fn play(
    plan: &Plan,
    parts: Vec<Part>,
    jobs: usize,
    preparing: usize,
    signals: &Signals,
    progress: &Terminal,
) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(parts.len());
    let mut parts = parts.into_iter().enumerate().peekable();
    while parts.peek().is_some() && signals.borrow().is_empty() {
        let mut savefiles = Vec::new();
        let mut performances = Vec::new();
        for (player, part) in parts.by_ref().take(jobs) {
            savefiles.push(part.savefile);
            performances.push((player, part.order, part.lab));
        }
        let played = conduct(performances, preparing, progress, signals).await;
        for ((player, played), savefile) in played.into_iter().zip(savefiles) {
            let scenario = &plan.scenarios[player];
            let Played { outcome, times } = played;
            let rules = &plan.redactions[player];
            let mut secrets = Secrets::new(rules.own());
            let captured = outcome
                .and_then(|recording| {
                    keep(plan, scenario, rules, &mut secrets, recording, &savefile)
                })
                .map_err(|error| put_aside(plan, scenario, &mut secrets, error, &savefile))
                .map_err(|error| without_secrets(scenario, &mut secrets, &error, &savefile));
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
    rules: &Redactions,
    secrets: &mut Secrets,
    mut recording: Recording,
    savefile: &Savefile,
) -> Result<Captured> {
    learn(secrets, &recording)?;
    let pictures = std::mem::take(&mut recording.pictures);
    let provenance = verify(
        recording,
        scenario,
        &plan.meeting_point(scenario),
        &savefile.path(),
    )?;
    let overwritten = savefile.overwrite(secrets)?;
    debug!(scenario = %scenario.name.shown(), overwritten, "secrets are looked for");
    let mut provenance = provenance.map_texts(|text| secrets.hide(text));
    provenance.secrets_overwritten = overwritten;
    require_hidden(secrets, &provenance)?;
    let kept = plan.folder.place(&scenario.name);
    let mut news = news(&kept, &savefile.path(), &provenance, rules);
    if let Some(news) = &mut news
        && news.is_empty()
    {
        if plan.replace {
            news.push("--replace".to_owned());
        } else if !is_free_of(secrets, &kept) {
            news.push("secrets".to_owned());
        }
    }
    let pcap = if news.as_ref().is_some_and(Vec::is_empty) {
        info!(capture = %kept.shown(), "says the same: the capture that is there stays");
        kept
    } else {
        info!(capture = %kept.shown(), ?news, "kept");
        plan.folder.keep(savefile, &provenance, &pictures)?
    };
    let warning = credentials::warning(
        &plan.known_credentials,
        rules.own(),
        &pcap,
        Memory::default(),
    )
    .map_err(|error| named(error.into(), &pcap))
    .map_err(|error| Error::run(format!("{} cannot be read back: {error:#}", pcap.shown())))?;
    let notes = notes(scenario, &provenance, &pcap);
    Ok(Captured {
        pcap,
        provenance,
        news,
        warning,
        notes,
    })
}

/// Keeps a capture that proves nothing in a place where it can be looked at and is in nobody's way.
fn put_aside(
    plan: &Plan,
    scenario: &Scenario,
    secrets: &mut Secrets,
    error: Error,
    savefile: &Savefile,
) -> Error {
    if error.class() != Class::Inconclusive {
        return error;
    }
    let place = savefile
        .overwrite(secrets)
        .and_then(|_| plan.folder.put_aside(savefile, &scenario.name));
    match place {
        Ok(place) => error.with_note(format!(
            "nothing was replaced; what was captured is in {}",
            place.shown()
        )),
        Err(failed) => error.with_note(format!("nothing was replaced; {failed}")),
    }
}

/// Takes note of the secrets in what the client showed, which is held against the capture before it is hidden.
fn learn(secrets: &mut Secrets, recording: &Recording) -> Result<()> {
    for mark in &recording.provenance.marks {
        for text in [Some(&mark.step), mark.shown.as_ref()]
            .into_iter()
            .flatten()
        {
            secrets.learn(text.as_bytes())?;
        }
    }
    Ok(())
}

/// Returns true if the capture that is already there is free of secrets; one made before there was a rule for it may
/// hold some.
fn is_free_of(secrets: &Secrets, pcap: &Path) -> bool {
    File::open(pcap).is_ok_and(|capture| secrets.is_free(&capture))
}

/// Checks the names kept beside a capture for secrets: they stay as they are, and are those of files.
fn require_hidden(secrets: &Secrets, provenance: &Provenance) -> Result<()> {
    let pictures = provenance
        .marks
        .iter()
        .filter_map(|mark| mark.picture.as_ref());
    let mut names = std::iter::once(&provenance.scenario.name)
        .chain(provenance.variables.keys())
        .chain(pictures);
    if names.all(|name| secrets.hide(name) == *name) {
        return Ok(());
    }
    Err(Error::run(
        "the capture is not kept: a secret is in the name of its scenario, of a variable or of a picture",
    )
    .with_hint("choose another name in the scenario's file"))
}

/// Returns the error with all secrets hidden: those that its texts hold, and those that the capture does.
fn without_secrets(
    scenario: &Scenario,
    secrets: &mut Secrets,
    error: &Error,
    savefile: &Savefile,
) -> Error {
    savefile.teach(secrets);
    for text in error.texts() {
        // One that is too short to be looked for elsewhere is hidden here.
        let _ = secrets.learn(text.as_bytes());
    }
    let hidden = |text: &str| secrets.hide(&scenario.without_secrets(text));
    error.clone().reworded(hidden)
}
