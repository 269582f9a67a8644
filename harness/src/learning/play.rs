//! Plays a scenario several times, one run after the other, each into a folder of its own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::Captures;
use super::runs::{Run, open};
use crate::budget::Memory;
use crate::error::{Error, Result};
use crate::files::{private_folder, reason};
use crate::listing::client_beside;
use crate::machine::browser::Kind;
use crate::machine::{browser, privilege};
use crate::printer::say;
use crate::run::PARENT;
use crate::run::interrupts::{Signals, watch_signals};
use crate::run::runtime::one_thread;
use crate::trace::name::with_ending;

/// The choices of a user who has a scenario played several times.
#[derive(Clone, Copy, Debug)]
pub struct Playing<'a> {
    /// The scenario, by name or as path of a file.
    pub scenario: &'a str,
    /// The values for its variables.
    pub set: &'a [(String, String)],
    /// The number of runs to learn from.
    pub times: u16,
    /// The factor by which its timeline takes longer.
    pub time_scale: f64,
    /// The browser that plays it, if it is one for a browser.
    pub browser: Kind,
    /// The amount of memory that reading the captures may take.
    pub memory: Memory,
}

/// Plays the scenario, which is called `name`, as often as it is wanted.
///
/// One more is played, to hold the rules against that were made of the others.
///
/// # Errors
///
/// Returns an error if a run fails, or its capture cannot be read.
pub fn play(playing: &Playing<'_>, name: &str) -> anyhow::Result<Vec<Run>> {
    let folder = folder()?;
    let runtime = one_thread()?;
    privilege::hand_on_to_labs()?;
    let files = runtime.block_on(async {
        let mut signals = watch_signals(None)?;
        let mut files = Vec::new();
        for number in 1..=playing.times + 1 {
            if number > playing.times {
                say("one more run, to prove what is proposed");
            } else {
                say(&format!("run {number} of {}", playing.times));
            }
            let place = folder.path().join(number.to_string());
            let pcap = capture(playing, name, &place, &mut signals).await?;
            let known = client_beside(&pcap);
            files.push((without_name(&place, &pcap)?, known));
        }
        Ok::<_, Error>(files)
    })?;
    privilege::labs_are_made()?;
    let (files, known) = files.into_iter().unzip();
    open(Captures::of(files), known, playing.memory)
}

/// Opens a capture and removes the folder that it is in: nothing is left of it then, whoever is killed.
fn without_name(place: &Path, pcap: &Path) -> Result<File> {
    let cannot = |error: io::Error| {
        let why = reason(&error);
        Error::run(format!("cannot take over the capture of a run: {why}"))
    };
    let capture = File::open(pcap).map_err(cannot)?;
    std::fs::remove_dir_all(place).map_err(cannot)?;
    Ok(capture)
}

/// A folder for the captures.
fn folder() -> Result<TempDir> {
    let cannot = |error: std::io::Error| {
        Error::environment(format!("cannot make a folder for the captures: {error}"))
            .with_hint("TMPDIR names a folder that has room")
    };
    // What varies may be a secret that no rule names yet.
    private_folder(&std::env::temp_dir(), "wiresnap-learn-").map_err(cannot)
}

/// Plays the scenario once, by the command that does: a process of its own, as it gives up privilege on its way.
async fn capture(
    playing: &Playing<'_>,
    name: &str,
    place: &Path,
    signals: &mut Signals,
) -> Result<PathBuf> {
    let cannot = |error: std::io::Error| Error::environment(format!("cannot start a run: {error}"));
    let ourselves = std::env::current_exe().map_err(cannot)?;
    let mut child = Command::new(ourselves)
        .arg("capture")
        .arg(playing.scenario)
        .arg("--out")
        .arg(place)
        .args(["--time-scale", &playing.time_scale.to_string()])
        .args(["--browser", playing.browser.word()])
        .args(assignments(playing.set))
        .env(PARENT, std::process::id().to_string())
        // Its table, its progress and its warnings are those of one run of many.
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    let said = child.stderr.take();
    let listen = tokio::spawn(async move { said_by(said).await });
    let status = end_of(&mut child, signals).await?;
    let said = listen.await.unwrap_or_default();
    if !status.success() {
        return Err(failed(status, &said));
    }
    Ok(browser::folder(place, playing.browser).join(with_ending(name, ".pcap")))
}

/// The options that give variables these values.
fn assignments(values: &[(String, String)]) -> impl Iterator<Item = String> {
    let assignment = |(name, value): &(String, String)| format!("--set={name}={value}");
    values.iter().map(assignment)
}

async fn said_by(stderr: Option<tokio::process::ChildStderr>) -> String {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    if let Some(mut stderr) = stderr {
        // What was read before it broke off is what there is to say.
        let _ = stderr.read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for the end of a run; a signal is handed on, and the run ends what it has started.
async fn end_of(child: &mut Child, signals: &mut Signals) -> Result<ExitStatus> {
    let cannot = |error: std::io::Error| Error::run(format!("cannot wait for a run: {error}"));
    tokio::select! {
        status = child.wait() => return status.map_err(cannot),
        _ = signals.changed() => {}
    }
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // One that is gone already needs no signal.
        let _ = kill_process(pid, Signal::TERM);
    }
    child.wait().await.map_err(cannot)?;
    let ended = signals.borrow().first().cloned();
    Err(ended.unwrap_or_else(|| Error::run("a signal ended the run")))
}

/// A run's own error, from where it begins, of the class that it ended with.
fn failed(status: ExitStatus, said: &str) -> Error {
    let error = said
        .rfind("error: ")
        .map_or(said, |at| &said[at + "error: ".len()..]);
    let (message, hint) = match error.trim_end().split_once("\nhint: ") {
        Some((message, hint)) => (message, Some(hint)),
        None => (error.trim_end(), None),
    };
    let message = format!("a run failed: {message}");
    let error = match status.code() {
        Some(2) => Error::usage(message),
        Some(3) => Error::environment(message),
        Some(5) => Error::inconclusive(message),
        _ => Error::run(message),
    };
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
