//! Plays a scenario several times, one run after the other, each into a folder of its own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use wirestream::budget::Memory;

use super::Captures;
use super::runs::{Run, open};
use crate::error::{Error, Result};
use crate::files::{private_folder, reason};
use crate::listing::client_beside;
use crate::log;
use crate::machine::browser::Kind;
use crate::machine::{browser, privilege};
use crate::printer::say;
use crate::run::PARENT;
use crate::run::interrupts::{Signals, watch_signals};
use crate::run::runtime::one_thread;
use crate::trace::name::with_ending;

/// The number of lines that are shown of a run that has told nothing else.
const LAST_LINES: usize = 8;

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
    let errors = match log::environment() {
        Some(_) => Stdio::inherit(),
        // Its progress and its warnings are those of one run of many: they are only shown if it says nothing else.
        None => Stdio::piped(),
    };
    let mut child = Command::new(ourselves)
        .arg("capture")
        .arg(playing.scenario)
        .arg("--out")
        .arg(place)
        .args(["--time-scale", &playing.time_scale.to_string()])
        .args(["--browser", playing.browser.word()])
        .args(assignments(playing.set))
        .env(PARENT, std::process::id().to_string())
        .envs(log::environment())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .map_err(cannot)?;
    let outcome = tokio::spawn(text_of(child.stdout.take()));
    let said = tokio::spawn(text_of(child.stderr.take()));
    let status = end_of(&mut child, signals).await?;
    let outcome = outcome.await.unwrap_or_default();
    let said = said.await.unwrap_or_default();
    outcome_of(&outcome, status, &said).map_err(|error| error.context("a run failed"))?;
    Ok(browser::folder(place, playing.browser).join(with_ending(name, ".pcap")))
}

/// The options that give variables these values.
fn assignments(values: &[(String, String)]) -> impl Iterator<Item = String> {
    let assignment = |(name, value): &(String, String)| format!("--set={name}={value}");
    values.iter().map(assignment)
}

async fn text_of(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read before it broke off is what there is to say.
        let _ = pipe.read_to_end(&mut bytes).await;
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

/// Returns the outcome that a run has told; of one that has told none, the last lines that it wrote.
fn outcome_of(told: &str, status: ExitStatus, said: &str) -> Result<()> {
    serde_json::from_str(told).unwrap_or_else(|_| {
        let lines: Vec<String> = said.lines().map(str::to_owned).collect();
        let last = lines.len().saturating_sub(LAST_LINES);
        Err(Error::run(format!("it has not told its outcome: {status}"))
            .with_output("wiresnap", lines[last..].to_vec()))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;
    use crate::error::Class;
    use crate::run::message::line;

    #[test]
    fn an_error_is_the_one_that_the_run_met_whatever_it_says() {
        let status = ExitStatus::from_raw(5 << 8);
        let met = Error::inconclusive("error: a\nhint: b")
            .with_output("x", vec!["error: c".to_owned()])
            .with_note("d")
            .with_hint("e");
        let told = String::from_utf8(line(&Err::<(), _>(met.clone()))).unwrap();
        let error = outcome_of(&told, status, "error: another").unwrap_err();
        assert_eq!(error.to_string(), met.to_string());
        assert_eq!(error.class(), Class::Inconclusive);
        let told = String::from_utf8(line(&Ok::<_, Error>(()))).unwrap();
        assert!(outcome_of(&told, ExitStatus::default(), "").is_ok());
    }

    #[test]
    fn a_run_that_tells_nothing_has_failed() {
        for told in ["", "{\"Ok\":", "half"] {
            let status = ExitStatus::from_raw(101 << 8);
            let error = outcome_of(told, status, "a\nthread 'main' panicked").unwrap_err();
            assert_eq!(
                error.to_string(),
                "it has not told its outcome: exit status: 101\n  last output of wiresnap:\n  | a\n  | thread 'main' panicked"
            );
        }
    }
}
