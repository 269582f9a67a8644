//! A workbench for captures: a project, programs and tools that may misbehave, and the conditions that must hold after
//! every capture, however it ended.

#![allow(dead_code, unused_imports, reason = "each test takes what it needs")]

pub(crate) mod processes;
mod running;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tempfile::TempDir;
use wiresnap::machine::browser::Kind;
use wiresnap::machine::tools::Tools;

use crate::workspace;
pub(crate) use running::{Outcome, Running};

/// The contents of each capture before, which must still be there after a failure.
const OLD: &[u8] = b"an old capture";

/// The programs of this project and their scenarios.
const PROGRAMS: [&str; 6] = ["ajaxapp", "pollapp", "sseapp", "tcpapp", "webapp", "wsapp"];

/// A lock: captures in private networks disturb nobody and share it. One on the host's network, or one that sets the
/// clock, runs alone.
static MACHINE: RwLock<()> = RwLock::new(());

/// The lock held for as long as the workbench is used.
#[expect(dead_code, reason = "they are held, not looked at")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// A project in a temporary folder, with this project's scenarios and programs.
pub(crate) struct Bench {
    folder: TempDir,
    _turn: Turn,
}

impl Bench {
    /// Creates a workbench beside which others may be used.
    pub(crate) fn new() -> Self {
        let turn = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        Self::furnish(Turn::Shared(turn))
    }

    /// Creates a workbench that is the only one.
    pub(crate) fn alone() -> Self {
        let turn = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        Self::furnish(Turn::Alone(turn))
    }

    fn furnish(turn: Turn) -> Self {
        // Where the executables are, so that one can be linked; another user's target folder cannot be written to.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let bench = Self {
            folder,
            _turn: turn,
        };
        for name in [
            "bin",
            "project/scenarios",
            "project/.tools/bin",
            "project/captures",
            "tmp",
        ] {
            fs::create_dir_all(bench.path(name)).unwrap();
        }
        let config = "scenarios = \"scenarios\"\ncaptures = \"captures\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";
        fs::write(bench.path("project/wiresnap.toml"), config).unwrap();
        let executables = Path::new(env!("CARGO_BIN_EXE_wiresnap")).parent().unwrap();
        place(&executables.join("wiresnap"), &bench.path("bin/wiresnap"));
        for name in PROGRAMS {
            symlink(executables.join(name), bench.path("bin").join(name)).unwrap();
            let scenario = workspace::root().join("apps/scenarios").join(name);
            let text = fs::read_to_string(scenario.with_extension("toml")).unwrap();
            bench.scenario(name, &text);
        }
        let driver = workspace::root().join(".tools/bin/geckodriver");
        if let Ok(driver) = driver.canonicalize() {
            symlink(driver, bench.path("project/.tools/bin/geckodriver")).unwrap();
        }
        for name in ["", "project", "project/captures", "tmp"] {
            give_to_invoker(&bench.path(name));
        }
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the folder of captures.
    pub(crate) fn captures(&self) -> PathBuf {
        self.path("project/captures")
    }

    /// Adds a scenario, with an old capture in its place.
    pub(crate) fn scenario(&self, name: &str, text: &str) {
        let file = self.path("project/scenarios").join(name);
        fs::write(file.with_extension("toml"), text).unwrap();
        fs::write(self.captures().join(name).with_extension("pcap"), OLD).unwrap();
    }

    /// Adds a program under study: a script for sh.
    pub(crate) fn program(&self, name: &str, script: &str) {
        write_script(&self.path("bin").join(name), script);
    }

    /// Puts a script in the place of a tool such as geckodriver.
    pub(crate) fn tool(&self, name: &str, script: &str) {
        write_script(&self.path("project/.tools/bin").join(name), script);
    }

    /// Returns `wiresnap capture` with these arguments.
    pub(crate) fn capture(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/wiresnap"));
        self.set_up(command.arg("capture").args(arguments));
        command
    }

    /// Returns `wiresnap` with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/wiresnap"));
        self.set_up(command.args(arguments));
        command
    }

    /// Returns the same in a script for sh, which finds the folder for captures in `OUT` and `wiresnap capture …` in
    /// `"$@"`.
    pub(crate) fn capture_in_script(
        &self,
        before: &[&str],
        script: &str,
        arguments: &[&str],
    ) -> Command {
        let [program, options @ ..] = before else {
            unreachable!("something runs the script");
        };
        let mut command = Command::new(program);
        command.args(options).args(["sh", "-c", script, "sh"]);
        command.arg(self.path("bin/wiresnap")).arg("capture");
        self.set_up(command.args(arguments).env("OUT", self.captures()));
        command
    }

    fn set_up(&self, command: &mut Command) {
        command
            .current_dir(self.path("project"))
            .env("TMPDIR", self.path("tmp"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    /// Starts a capture.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running<'_> {
        Running::start(self, self.capture(arguments))
    }

    /// Captures to the end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).end()
    }

    /// Starts a command of this workbench.
    pub(crate) fn start_command(&self, command: Command) -> Running<'_> {
        Running::start(self, command)
    }

    /// Checks that every old capture is unchanged, except those that were replaced according to `printed`; and that no
    /// temporary file is left.
    #[track_caller]
    fn assert_tidy(&self, printed: &str) {
        for name in names_in(&self.captures()) {
            let file = self.captures().join(&name);
            let is_folder = ["inconclusive", "chromium"].contains(&&*name);
            assert!(
                is_folder || is_whole(&name),
                "{name} is left beside the captures"
            );
            let is_capture = file.extension().is_some_and(|end| end == "pcap");
            if is_capture && !printed.contains(&format!("/{name} ")) {
                assert_eq!(fs::read(&file).unwrap(), OLD, "{name} was replaced");
            }
        }
        let of_chromium = self.captures().join("chromium");
        for name in of_chromium
            .exists()
            .then(|| names_in(&of_chromium))
            .into_iter()
            .flatten()
        {
            assert!(is_whole(&name), "{name} is left beside Chromium's captures");
        }
        assert_eq!(names_in(&self.path("tmp")), [""; 0], "left in TMPDIR");
        let left = names_in(Path::new("/dev/shm"));
        let ours = left.iter().any(|name| name.starts_with("wiresnap"));
        assert!(!ours, "left in /dev/shm: {left:?}");
    }
}

/// Returns true if Chromium and its driver are installed and usable: some systems have them only as a snap.
pub(crate) fn has_chromium() -> bool {
    let tools = Tools::find(&workspace::root(), Kind::Chromium);
    let is_there = tools.browser().is_ok() && tools.driver().is_ok() && !tools.browser.is_snap;
    if !is_there {
        workspace::skip("Chromium or chromedriver is not installed");
    }
    is_there
}

/// Returns true if a file is one that a capture puts in its place when it is complete.
fn is_whole(name: &str) -> bool {
    let is_known = ["pcap", "json", "png"]
        .iter()
        .any(|end| name.ends_with(end));
    is_known && !name.starts_with('.')
}

/// Links a file, or copies it if that is impossible.
fn place(from: &Path, to: &Path) {
    fs::hard_link(from, to)
        .or_else(|_| fs::copy(from, to).map(drop))
        .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

fn write_script(file: &Path, script: &str) {
    // A tool that is linked to is not to be written to.
    let _ = fs::remove_file(file);
    workspace::write_executable(file, script);
}

/// Gives a folder to the user who called sudo, if any: a capture's files belong to that user, and so must the folder.
fn give_to_invoker(folder: &Path) {
    let id = |name: &str| std::env::var(name).ok().and_then(|id| id.parse().ok());
    if let (true, Some(uid), Some(gid)) = (
        rustix::process::geteuid().is_root(),
        id("SUDO_UID"),
        id("SUDO_GID"),
    ) {
        chown(folder, Some(uid), Some(gid)).unwrap();
    }
}

pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
