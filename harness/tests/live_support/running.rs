//! A running capture, and its outcome.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Bench;
use super::processes::{Process, of_capture};

/// The longest time that anything here may take before the test fails: four browsers at once on two busy cores took
/// half of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The longest time for which a killed process may be seen.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The interval between looks at the process table, which has no events for processes that come and go.
const POLL: Duration = Duration::from_millis(10);

/// A running capture.
pub(crate) struct Running<'a> {
    bench: &'a Bench,
    wiresnap: Child,
    said: Vec<String>,
    lines: Receiver<String>,
}

impl<'a> Running<'a> {
    pub(super) fn start(bench: &'a Bench, mut command: Command) -> Self {
        let mut wiresnap = command.spawn().unwrap();
        let stderr = BufReader::new(wiresnap.stderr.take().unwrap());
        let (tell, lines) = channel();
        // It ends with the pipe.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        Self {
            bench,
            wiresnap,
            said: Vec::new(),
            lines,
        }
    }

    pub(crate) fn id(&self) -> i32 {
        self.wiresnap.id().cast_signed()
    }

    /// Waits for its next line that ends like this.
    #[track_caller]
    pub(crate) fn until(&mut self, end: &str) {
        assert!(self.says(end), "no {end:?} in:\n{}", self.said.join("\n"));
    }

    /// Waits until it prints a line that contains this, or ends.
    pub(crate) fn until_said(&mut self, part: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                return;
            };
            let is_it = line.contains(part);
            self.said.push(line);
            if is_it {
                return;
            }
        }
    }

    /// Waits for such a line. Returns false if it ends before, or takes too long.
    pub(crate) fn says(&mut self, end: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                return false;
            };
            let is_it = line.ends_with(end);
            self.said.push(line);
            if is_it {
                return true;
            }
        }
    }

    /// Returns a process that it has started, whose name begins like this (firefox or firefox-esr), as soon as there is
    /// one.
    #[track_caller]
    pub(crate) fn process(&self, name: &str) -> Process {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let processes = of_capture(self.id());
            let named = processes
                .iter()
                .filter(|process| process.name.starts_with(name));
            // A browser is many processes of one name; the first is the one that the others belong to.
            if let Some(process) = named.min_by_key(|process| process.id) {
                return process.clone();
            }
            assert!(
                Instant::now() < deadline,
                "no process {name} among {processes:?}"
            );
            std::thread::sleep(POLL);
        }
    }

    /// Sends wiresnap itself a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.wiresnap), signal).unwrap();
    }

    /// Returns true if it is over, after waiting a moment.
    pub(crate) fn is_over(&mut self) -> bool {
        match self.lines.recv_timeout(POLL * 10) {
            Ok(line) => self.said.push(line),
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => {}
        }
        false
    }

    /// Waits for its end, and checks what is left: no process, no temporary file, every old capture.
    #[track_caller]
    pub(crate) fn end(mut self) -> Outcome {
        let before = of_capture(self.id());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no end after:\n{}", self.said.join("\n"))
                }
            }
        }
        let status = self.wiresnap.wait().unwrap();
        let mut printed = String::new();
        let mut stdout = self.wiresnap.stdout.take().unwrap();
        stdout.read_to_string(&mut printed).unwrap();
        let said = self.said.join("\n");
        assert_all_gone(self.id(), &before, &said);
        self.bench.assert_tidy(&printed);
        Outcome {
            code: status.code(),
            signal: status.signal(),
            said,
            printed,
        }
    }
}

/// Waits until neither these processes nor any other of the capture exist.
#[track_caller]
fn assert_all_gone(wiresnap: i32, known: &[Process], said: &str) {
    let deadline = Instant::now() + END_PATIENCE;
    loop {
        let mut left = of_capture(wiresnap);
        left.extend(known.iter().filter(|process| process.is_alive()).cloned());
        if left.is_empty() {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "still running: {left:?} after:\n{said}"
        );
        std::thread::sleep(POLL);
    }
}

/// The outcome of a capture.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) said: String,
    pub(crate) printed: String,
}

impl Outcome {
    /// Checks the exit code, and that the output contains all of these parts.
    #[track_caller]
    pub(crate) fn is(&self, code: i32, parts: &[&str]) {
        let Self { said, printed, .. } = self;
        assert_eq!(self.code, Some(code), "{said}\n{printed}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in:\n{said}");
        }
    }
}
