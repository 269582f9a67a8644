//! Asks a program to say what it is, and guards against anything that its answer could do to us.
//!
//! A program on PATH may be anything: it may hang, write without end, or leave a child behind that keeps its pipes open.
//! So it gets a deadline, only the beginning of what it says is read, and its whole group of processes is ended.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::error::printable;

/// The longest time that a program may take to say what it is.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The number of bytes of an answer that are read: versions come first.
const LONGEST_ANSWER: u64 = 16 << 10;

/// The number of characters of a line that are worth showing.
const LONGEST_LINE: usize = 80;

/// The outcome of a question. Texts are safe to show, standard error after standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The text that the program wrote.
    Said(String),
    /// The text that the program wrote before it failed, as for want of a library.
    Failed(String),
    /// The program was still running when its time was over.
    Hung,
    /// The system could not start it, and why.
    CannotStart(String),
}

/// Starts `executable` with one argument, such as `--version`, and takes down what it says within `patience`.
pub async fn ask(executable: &Path, argument: &str, patience: Duration) -> Answer {
    answer(start(executable, argument), patience).await
}

/// Starts `executable` with one argument, to be [listened to](answer).
///
/// # Errors
///
/// Returns the system's error if it cannot be started.
pub(super) fn start(executable: &Path, argument: &str) -> io::Result<Child> {
    Command::new(executable)
        .arg(argument)
        // It needs no secret of the user's to say who it is, and is to say it in the language that we read.
        .env_clear()
        .envs(
            ["PATH", "HOME"]
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Takes down what a program says within `patience`, and ends it.
pub(super) async fn answer(started: io::Result<Child>, patience: Duration) -> Answer {
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return Answer::CannotStart(error.to_string()),
    };
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let answer = async {
        let (output, errors) = tokio::join!(
            beginning(child.stdout.take()),
            beginning(child.stderr.take())
        );
        let has_failed = child.wait().await.is_ok_and(|status| !status.success());
        (text(&[output, errors].concat()), has_failed)
    };
    let answer = timeout(patience, answer).await;
    drop(group);
    let _ = child.wait().await;
    match answer {
        Ok((text, false)) => Answer::Said(text),
        Ok((text, true)) => Answer::Failed(text),
        Err(_) => Answer::Hung,
    }
}

/// A group of processes that does not outlive our interest in it.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // One that is gone already needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads the first bytes that come out of a pipe; what could not be read is as if it had not been written.
async fn beginning(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let _: io::Result<usize> = pipe.take(LONGEST_ANSWER).read_to_end(&mut bytes).await;
    }
    bytes
}

/// Returns an answer as lines that are safe to show.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<String> = printable(&text)
        .lines()
        .map(|line| line.trim().chars().take(LONGEST_LINE).collect())
        .collect();
    lines.join("\n")
}

/// Returns the name and version of a netcat by its answer to `-h`: there are several programs of this name.
#[must_use]
pub fn netcat_variant(answer: &Answer) -> String {
    let variant = match answer {
        Answer::Said(help) | Answer::Failed(help) => variant_of(help),
        Answer::Hung | Answer::CannotStart(_) => None,
    };
    variant.unwrap_or_else(|| "unknown".to_owned())
}

/// The beginning of the line that identifies each variant of netcat, and the text that follows its name and version
/// there.
const VARIANTS: [(&str, &str); 5] = [
    ("OpenBSD netcat ", "\n"),
    ("Ncat ", " ("),
    ("BusyBox v", " multi-call binary"),
    ("GNU netcat ", ", a rewrite"),
    ("Toybox ", " multicall binary"),
];

/// Returns the name and version of the netcat that has this help text; `None` if it is not one that we know.
#[must_use]
pub fn variant_of(help: &str) -> Option<String> {
    help.lines().find_map(|line| {
        if let Some(version) = line.strip_prefix("[v1.") {
            // Hobbit's netcat of 1996 gives its version only; Debian calls it traditional.
            return Some(format!(
                "traditional netcat 1.{}",
                version.trim_end_matches(']')
            ));
        }
        if line.starts_with("usage: nc [-46") {
            return Some("OpenBSD netcat".to_owned());
        }
        let (_, behind) = VARIANTS.iter().find(|(start, _)| line.starts_with(start))?;
        Some(line.split(behind).next().unwrap_or(line).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    /// Makes an executable that runs a shell script.
    fn program(script: &str) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        // Written by another process: while this one had it open, a test beside could start a program, which would have
        // it open too, and what is open to be written cannot be executed.
        let written = std::process::Command::new("sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
                "sh",
            ])
            .arg(&path)
            .arg(script)
            .status();
        assert!(written.unwrap().success());
        (folder, path)
    }

    async fn ask_program(script: &str, patience: Duration) -> Answer {
        let (_folder, path) = program(script);
        ask(&path, "--version", patience).await
    }

    #[tokio::test]
    async fn both_channels_are_read_and_only_show_themselves() {
        let answer = ask_program(r"printf 'a\033[2J\n'; echo b >&2; echo $1", PATIENCE).await;

        assert_eq!(
            answer,
            Answer::Said("a\u{fffd}[2J\n--version\nb".to_owned())
        );
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let ids = folder.path().join("ids");
        let script = format!(
            "sleep 600 & echo $! > {0}; echo $$ >> {0}; wait",
            ids.display()
        );

        assert_eq!(
            ask_program(&script, Duration::from_secs(1)).await,
            Answer::Hung
        );

        for id in fs::read_to_string(ids).unwrap().lines() {
            // The kernel needs a moment for it.
            let ended = timeout(PATIENCE, async {
                while is_running(id) {
                    tokio::task::yield_now().await;
                }
            });
            assert!(ended.await.is_ok(), "process {id} is still running");
        }
    }

    fn is_running(id: &str) -> bool {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        // One that nobody has taken note of yet is a zombie.
        !status.is_empty() && !status.contains("State:\tZ")
    }

    #[tokio::test]
    async fn a_program_that_writes_without_end_is_heard_for_a_while() {
        let answer = ask_program("while :; do echo y; done", PATIENCE).await;

        let Answer::Failed(said) = answer else {
            panic!("{answer:?}");
        };
        assert!(said.len() as u64 <= LONGEST_ANSWER);
    }

    #[tokio::test]
    async fn a_program_that_fails_is_heard_too() {
        let answer = ask_program("echo no library >&2; exit 127", PATIENCE).await;

        assert_eq!(answer, Answer::Failed("no library".to_owned()));
    }

    #[tokio::test]
    async fn what_cannot_be_started_is_no_answer() {
        let answer = ask(Path::new("/nowhere/nc"), "-h", PATIENCE).await;

        assert!(matches!(answer, Answer::CannotStart(_)), "{answer:?}");
    }

    #[test]
    fn each_netcat_is_called_by_its_name() {
        for (help, name) in [
            (
                "OpenBSD netcat (Debian patchlevel 1.219-1)\nusage: nc [-46CDdFhklNnrStUuvZz] [-I length]",
                "OpenBSD netcat (Debian patchlevel 1.219-1)",
            ),
            (
                "usage: nc [-46cDdFhklNnrStUuvz] [-C certfile]",
                "OpenBSD netcat",
            ),
            (
                "[v1.10-47]\nconnect to somewhere:\tnc [-options] hostname port[s] [ports] ...",
                "traditional netcat 1.10-47",
            ),
            (
                "Ncat 7.93 ( https://nmap.org/ncat )\nUsage: ncat [options] [hostname] [port]",
                "Ncat 7.93",
            ),
            (
                "nc: invalid option -- 'h'\nBusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.",
                "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1)",
            ),
            (
                "GNU netcat 0.7.1, a rewrite of the famous networking tool.",
                "GNU netcat 0.7.1",
            ),
            (
                "Toybox 0.8.9 multicall binary: https://landley.net/toybox (see toybox --help)",
                "Toybox 0.8.9",
            ),
        ] {
            assert_eq!(variant_of(help).as_deref(), Some(name), "{help}");
        }
        assert_eq!(variant_of("Usage: nothing [-46]\n"), None);
        assert_eq!(variant_of(""), None);
    }
}
