//! A folder to capture into, and the means to look at (and to kill) what a capture has started.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wiresnap::trace::provenance::Provenance;

use crate::workspace;

/// How long anything here may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder to capture into, and the command that does it.
pub(crate) struct Workbench {
    folder: TempDir,
    /// Temporary folders of the capture itself.
    scratch: TempDir,
}

impl Workbench {
    pub(crate) fn new() -> Self {
        Self {
            folder: folder_of_the_invoker(),
            scratch: folder_of_the_invoker(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `wiresnap capture --out FOLDER` with these arguments.
    pub(crate) fn capture(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wiresnap"));
        command
            .current_dir(workspace::root())
            .env("TMPDIR", self.scratch.path())
            .args(["capture", "--out"])
            .arg(self.folder())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Starts a capture and hands over the lines that it says.
    pub(crate) fn start(&self, arguments: &[&str]) -> (Child, Vec<String>, Lines) {
        let mut child = self
            .capture(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        (child, Vec::new(), lines)
    }

    /// No process that was started here, no temporary file.
    pub(crate) fn assert_nothing_is_left(&self) {
        let left = processes_in(self.scratch.path());
        assert!(left.is_empty(), "still running: {left:?}");
        assert_eq!(
            names_in(self.scratch.path()),
            Vec::<String>::new(),
            "left in TMPDIR"
        );
        let parts: Vec<String> = names_in(self.folder())
            .into_iter()
            .filter(|name| name.starts_with('.'))
            .collect();
        assert_eq!(parts, Vec::<String>::new(), "left beside the captures");
    }
}

/// The lines of a running capture's standard error.
pub(crate) type Lines = std::io::Lines<BufReader<std::process::ChildStderr>>;

/// A temporary folder that belongs to the user who called sudo, as what the capture makes in it does.
fn folder_of_the_invoker() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let id = |name: &str| std::env::var(name).ok().and_then(|id| id.parse().ok());
    if let (true, Some(uid), Some(gid)) = (
        rustix::process::geteuid().is_root(),
        id("SUDO_UID"),
        id("SUDO_GID"),
    ) {
        chown(folder.path(), Some(uid), Some(gid)).unwrap();
    }
    folder
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The processes whose environment points into a folder: name and id.
pub(crate) fn processes_in(folder: &Path) -> Vec<(String, i32)> {
    let folder = folder.to_str().unwrap();
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let path: PathBuf = entry.path();
        let environment = std::fs::read(path.join("environ")).unwrap_or_default();
        // Our own children carry it as TMPDIR too, but they are wiresnap itself and gone by now.
        if String::from_utf8_lossy(&environment).contains(folder) {
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            processes.push((name.trim().to_owned(), id));
        }
    }
    processes
}

impl Workbench {
    /// The id of a process whose name begins like this (firefox or firefox-esr) that the capture has started, as soon as there is one.
    pub(crate) fn process(&self, name: &str) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = processes_in(self.scratch.path());
            // A browser is many processes of one name; the first is the one that the others belong to.
            let ids = found
                .iter()
                .filter(|(other, _)| other.starts_with(name))
                .map(|(_, id)| *id);
            if let Some(id) = ids.min() {
                return id;
            }
            assert!(
                Instant::now() < deadline,
                "no process {name} among {found:?}"
            );
            std::thread::yield_now();
        }
    }
}

/// How far, in seconds, each update reached the wire from its mark.
pub(crate) fn mark_distances(provenance: &Provenance) -> Vec<(String, f64)> {
    let updates = provenance.marks.iter().filter(|mark| mark.shown.is_some());
    updates
        .map(|mark| {
            (
                mark.step.clone(),
                mark.on_wire_seconds.unwrap() - mark.planned_seconds,
            )
        })
        .collect()
}
