//! Finds the processes of a capture in the system's process table.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use wiresnap::lab::keeper::MARKER;

/// A process that a capture has started, directly or indirectly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: i32,
    /// The id of its parent.
    pub(crate) parent: i32,
    /// The name of the process, or the task of one of wiresnap's own: `keep-lab`, `play-lab`.
    pub(crate) name: String,
}

impl Process {
    /// Reads the process table's row of a process that is alive.
    fn read(id: i32) -> Option<Self> {
        // proc(5): behind the name, which may hold anything, come the state and the parent.
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (before, behind) = stat.rsplit_once(')')?;
        let mut fields = behind.split_ascii_whitespace();
        let is_alive = !matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let (_, name) = before.split_once('(')?;
        let command_line = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let task = command_line
            .split(|byte| *byte == 0)
            .nth(1)
            .filter(|task| task.ends_with(b"-lab"));
        let name = task
            .map_or(name.into(), String::from_utf8_lossy)
            .into_owned();
        is_alive.then_some(Self { id, parent, name })
    }

    /// Returns true if it is one of wiresnap's own processes, and belongs to this capture.
    fn is_part_of(&self, wiresnap: i32) -> bool {
        let command_line = std::fs::read(self.file("cmdline")).unwrap_or_default();
        contains(
            &command_line,
            format!("\0--capture\0{wiresnap}\0").as_bytes(),
        )
    }

    /// Returns its environment, if that may be read.
    pub(crate) fn environment(&self) -> Vec<u8> {
        std::fs::read(self.file("environ")).unwrap_or_default()
    }

    /// Returns a field of its status, as in `NoNewPrivs`.
    pub(crate) fn status(&self, field: &str) -> String {
        let status = std::fs::read_to_string(self.file("status")).unwrap();
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.id))
    }

    pub(crate) fn is_alive(&self) -> bool {
        Self::read(self.id).is_some_and(|process| process.name == self.name)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.id).unwrap(), signal).unwrap();
    }
}

/// Returns the processes that belong to the capture of process `wiresnap`: by their environment, which only root can
/// read of our own, by their command lines, or by their parents.
pub(crate) fn of_capture(wiresnap: i32) -> Vec<Process> {
    let marker = format!("{MARKER}={wiresnap}\0");
    let all: Vec<Process> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Process::read(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect();
    all.iter()
        .filter(|process| {
            process.parent == wiresnap
                || process.is_part_of(wiresnap)
                || contains(&process.environment(), marker.as_bytes())
        })
        .cloned()
        .collect()
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
