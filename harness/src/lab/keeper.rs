//! The keeper of a lab: a process that makes the lab, starts the player in it, and stays until the player is gone.
//!
//! A capture consists of three kinds of process, all of the same executable: the one that the user started; for each
//! scenario a keeper; and under each keeper a player, which plays the scenario and starts program and client. Whichever
//! of them is killed, those below it end: the kernel tells each of the death of the one above it, and a process
//! namespace ends with its first process, the player.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, wait,
};
use rustix::thread::CapabilitySet;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::namespace;
use super::network::{Ground, Network};
use crate::error::{Error, Result};
use crate::files::private_folder;
use crate::machine::{descriptors, privilege};
use crate::text::Shown as _;

/// The variable by which what a lab starts can be found: it holds the id of the process that the user started. Keepers and
/// players have that on their command line.
pub const MARKER: &str = "WIRESNAP_CAPTURE";

/// The variables of the user's environment that the processes of a lab get to see; all others may hold secrets. The last one is
/// for ourselves: it may be what finds libpcap.
const PASSED_ON: [&str; 3] = ["PATH", "TZ", "LD_LIBRARY_PATH"];

/// The interval between checks whether the last orphan is gone: the system has no event for all of them.
const POLL: Duration = Duration::from_millis(5);

/// The longest time that a player may take to end what it has started; in a process namespace nothing has to be waited
/// for.
const PLAYERS_PATIENCE: Duration = Duration::from_secs(2);

/// The longest time that orphans may take to end after they were killed: one that waits for a lost disk never does.
const ORPHANS_PATIENCE: Duration = Duration::from_secs(5);

/// Starts a keeper, whose player captures into `savefile`; its line reads what the player reports.
///
/// Call this in the main thread: when the thread that started a keeper ends, the keeper does.
///
/// # Errors
///
/// Returns an error if the system cannot start another process.
pub fn start(ground: Ground, folder: &Path, savefile: File) -> Result<(Child, UnixStream)> {
    let (line, far_end) = UnixStream::pair().map_err(cannot_start)?;
    let capture = getpid().as_raw_nonzero().to_string();
    let environment = PASSED_ON
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    let keeper = ourselves("keep-lab", &capture, ground, folder)
        .env_clear()
        .envs(environment)
        // A group of its own: Ctrl-C reaches the process that the user started, which then ends its labs in order.
        .process_group(0)
        .stdin(Stdio::from(savefile))
        .stdout(Stdio::from(OwnedFd::from(far_end)))
        .spawn()
        .map_err(cannot_start)?;
    Ok((keeper, line))
}

/// Returns a command for our own executable with another task, for this capture.
fn ourselves(task: &str, capture: &str, ground: Ground, folder: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(task).args(["--capture", capture]);
    command.arg("--folder").arg(folder);
    if ground.network == Network::Private {
        command.arg("--private");
    }
    if let Some(link) = ground.link {
        // Numbers always have a form in JSON.
        let link = serde_json::to_string(&link).unwrap_or_default();
        command.arg("--link").arg(link);
    }
    command
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn cannot_start(error: io::Error) -> Error {
    let what = Error::environment(format!("cannot start the processes of a lab: {error}"));
    descriptors::with_cure(what, &error)
}

/// Returns the line to the process that the user started: standard output, which nothing else is written to.
///
/// # Errors
///
/// Returns an error if standard output cannot be used.
pub fn line() -> Result<UnixStream> {
    io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from)
        .map_err(cannot_start)
}

/// Does the work of a keeper: makes the lab, starts the player, waits for its end and leaves nothing of it behind.
///
/// # Errors
///
/// Returns an error if the system refuses one of the steps; nothing was started then.
pub fn keep(capture: &str, ground: Ground, parent: &Path) -> Result<ExitStatus> {
    descriptors::close_inherited()?;
    privilege::forbid_inspection()?;
    if ground.network == Network::Private {
        namespace::enter()?;
        privilege::pass_on(match ground.link {
            Some(_) => namespace::NEEDED_INSIDE.union(namespace::NEEDED_FOR_LINK),
            None => namespace::NEEDED_INSIDE,
        })?;
    }
    // After the namespaces: the kernel forgets it where credentials change.
    set_parent_process_death_signal(Some(Signal::TERM))
        .and_then(|()| set_child_subreaper(Some(getpid())))
        .map_err(|errno| cannot_start(errno.into()))?;
    let folder = folder_in(parent, capture)?;
    // One thread: a process that has left its process namespace can have no second one.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(cannot_start)?;
    let mut player = ourselves("play-lab", capture, ground, folder.path());
    // A group of its own: what becomes of ours, such as a hangup where we are stopped and the first process ends, is not its.
    player.env(MARKER, capture).process_group(0);
    let status = runtime.block_on(end_of(player.into(), ground.network))?;
    end_orphans();
    Ok(status)
}

/// Starts the player and waits for its end, which SIGTERM hastens.
async fn end_of(mut player: tokio::process::Command, network: Network) -> Result<ExitStatus> {
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_start)?;
    let mut player = player.spawn().map_err(cannot_start)?;
    let_go()?;
    tokio::select! {
        status = player.wait() => return status.map_err(cannot_start),
        _ = terminate.recv() => {}
    }
    // On the machine's own network it ends what it has started; we may not live long enough to do that.
    let player_id = player.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let (Network::Host, Some(id)) = (network, player_id) {
        // One that is gone already needs no signal.
        let _ = kill_process(id, Signal::TERM);
        if let Ok(status) = timeout(PLAYERS_PATIENCE, player.wait()).await {
            return status.map_err(cannot_start);
        }
    }
    // One that is gone already needs no signal.
    let _ = player.start_kill();
    player.wait().await.map_err(cannot_start)
}

/// Gives up what the player was started for: the capture, which is its own from here on, and all capabilities.
fn let_go() -> Result<()> {
    let_go_of_capture()?;
    privilege::keep_only(CapabilitySet::empty())
}

/// Closes the capture, which is standard input.
///
/// # Errors
///
/// Returns an error if there is nothing to put in its place.
pub fn let_go_of_capture() -> Result<()> {
    let nothing = File::open("/dev/null").map_err(cannot_start)?;
    rustix::stdio::dup2_stdin(nothing).map_err(|errno| cannot_start(errno.into()))
}

/// Makes this process, which the user started, the parent of those whose keeper is killed, so that [`clear_up`] finds them.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn adopt_orphans() -> Result<()> {
    set_child_subreaper(Some(getpid())).map_err(|errno| cannot_start(errno.into()))
}

/// Ends and removes what keepers that were killed have left: processes that became our children, and folders in `parent`.
///
/// Call this when every lab is gone, in the process that the user started.
pub fn clear_up(parent: &Path) {
    end_orphans();
    let ours = prefix(&getpid().as_raw_nonzero().to_string());
    let Ok(folders) = std::fs::read_dir(parent) else {
        return;
    };
    for folder in folders.flatten() {
        if folder
            .file_name()
            .as_encoded_bytes()
            .starts_with(ours.as_bytes())
        {
            // What cannot be removed is not ours: anybody can make a folder of this name.
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}

/// Ends all our children, which are what a player or a keeper that was killed has left: on the machine's own network there may be
/// no process namespace that does that.
pub fn end_orphans() {
    let deadline = Instant::now() + ORPHANS_PATIENCE;
    while Instant::now() < deadline {
        let orphans = children();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            // One that is gone already needs no signal.
            let _ = kill_process(orphan, Signal::KILL);
        }
        while matches!(wait(WaitOptions::NOHANG), Ok(Some(_))) {}
        std::thread::sleep(POLL);
    }
}

/// Returns the processes that are our children, as orphans become.
fn children() -> Vec<Pid> {
    let ourselves = getpid().as_raw_nonzero().to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let id = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            // proc(5): behind the name, which may hold anything, come the state and the parent.
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (_, behind_name) = stat.rsplit_once(')')?;
            (behind_name.split_ascii_whitespace().nth(1)? == ourselves).then_some(id)
        })
        .collect()
}

/// Returns the prefix of the names of a capture's folders: `capture` is the id of the process that the user started.
fn prefix(capture: &str) -> String {
    format!("wiresnap-{capture}-")
}

/// Makes a folder that only we can read.
fn folder_in(parent: &Path, capture: &str) -> Result<TempDir> {
    private_folder(parent, &prefix(capture)).map_err(|error| {
        let parent = parent.shown();
        Error::environment(format!("cannot make a folder in {parent}: {error}"))
            .with_hint("make room there, or name another place with TMPDIR")
    })
}
