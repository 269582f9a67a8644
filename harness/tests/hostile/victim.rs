//! The victim of the attacks: an ordinary user with a project in `/tmp`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::processes::{Process, of_capture};
use crate::{SECRET, is_root, workspace};

/// The number of the victim, if root makes one; and that of another user. Neither number belongs to a real user.
pub(crate) const VICTIM: u32 = 61_001;
pub(crate) const OTHER: u32 = 61_002;

/// The longest time that anything here may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The interval between looks at the process table, which has no events for processes that come and go.
const POLL: Duration = Duration::from_millis(10);

const CONFIG: &str = "scenarios = \"scenarios\"\ncaptures = \"captures\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";

/// A project of the victim, with wiresnap and this project's programs beside it.
pub(crate) struct Victim {
    folder: TempDir,
}

impl Victim {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("hostile-")
            .tempdir_in("/tmp")
            .unwrap();
        let victim = Self { folder };
        for name in [
            "bin",
            "project/scenarios",
            "project/.tools/bin",
            "project/captures",
        ] {
            fs::create_dir_all(victim.path(name)).unwrap();
        }
        fs::write(victim.path("project/wiresnap.toml"), CONFIG).unwrap();
        let executables = Path::new(env!("CARGO_BIN_EXE_wiresnap")).parent().unwrap();
        for name in ["wiresnap", "tcpapp", "webapp"] {
            copy(&executables.join(name), &victim.path("bin"));
        }
        let driver = workspace::root().join(".tools/bin/geckodriver");
        if driver.exists() {
            copy(&driver, &victim.path("project/.tools/bin"));
        }
        for name in ["tcpapp", "webapp"] {
            let file = workspace::root().join("apps/scenarios").join(name);
            let text = fs::read_to_string(file.with_extension("toml")).unwrap();
            victim.scenario(name, &text);
        }
        let attacker = workspace::root().join("harness/tests/hostile/attacker.py");
        fs::copy(attacker, victim.path("project/attacker.py")).unwrap();
        victim
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn scenario(&self, name: &str, text: &str) {
        let file = self.path("project/scenarios").join(name);
        fs::write(file.with_extension("toml"), text).unwrap();
    }

    /// Puts a script in the place of a tool; it is passed the path of the tool.
    pub(crate) fn tool(&self, name: &str, script: &str) {
        let file = self.path("project/.tools/bin").join(name);
        // A copy of the real one may be there.
        let _ = fs::remove_file(&file);
        workspace::write_executable(&file, script);
    }

    /// Gives everything to the victim.
    pub(crate) fn hand_over(&self) {
        if is_root() {
            let status = Command::new("chown")
                .args(["--recursive", &format!("{VICTIM}:{VICTIM}")])
                .arg(self.folder.path())
                .status();
            assert!(status.unwrap().success());
        }
    }

    /// Returns a command as the victim, with a secret in its environment and, if `to_capture`, with the one capability
    /// that the machine's own network needs.
    pub(crate) fn command(&self, to_capture: bool) -> Command {
        let wiresnap = self.path("bin/wiresnap");
        let mut command = if is_root() {
            let capabilities = if to_capture { "-all,+net_raw" } else { "-all" };
            let mut command = as_user(VICTIM, capabilities);
            command.arg(wiresnap);
            command
        } else {
            Command::new(wiresnap)
        };
        self.set_up(&mut command);
        command
    }

    pub(crate) fn set_up(&self, command: &mut Command) {
        command
            .current_dir(self.path("project"))
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }
}

/// Returns a command that runs its arguments as this user, with these capabilities to hand on.
pub(crate) fn as_user(user: u32, capabilities: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={user}"), format!("--regid={user}")])
        .args([
            "--clear-groups",
            "--inh-caps",
            capabilities,
            "--ambient-caps",
            capabilities,
        ])
        .arg("--");
    command
}

/// Copies an executable, by another process. If this process had it open for writing, a program started by a parallel
/// test could inherit it, and a file that is open for writing cannot be executed.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("--dereference")
        .arg(from)
        .arg(to)
        .status();
    assert!(copied.unwrap().success(), "{}", from.display());
}

/// A running capture.
pub(crate) struct Running {
    wiresnap: Child,
    said: Vec<String>,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
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
            wiresnap,
            said: Vec::new(),
            lines,
        }
    }

    /// Waits until it prints a line that ends like this.
    #[track_caller]
    pub(crate) fn until(&mut self, end: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let Ok(line) = line else {
                panic!("no {end:?} in:\n{}", self.said.join("\n"));
            };
            let is_it = line.ends_with(end);
            self.said.push(line);
            if is_it {
                return;
            }
        }
    }

    /// Returns the id of wiresnap itself; the command that runs it as the victim becomes it.
    pub(crate) fn id(&self) -> i32 {
        self.wiresnap.id().cast_signed()
    }

    /// Returns its processes, as soon as those of these names are among them.
    #[track_caller]
    pub(crate) fn processes(&self, names: &[&str]) -> Vec<Process> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let processes = of_capture(self.id());
            let is_there = |name: &&str| processes.iter().any(|one| one.name.starts_with(*name));
            if names.iter().all(is_there) {
                return processes;
            }
            assert!(Instant::now() < deadline, "no {names:?} in {processes:?}");
            std::thread::sleep(POLL);
        }
    }

    /// Waits for its end, and returns its exit code and its output.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.said.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(error) => panic!("{error} after:\n{}", self.said.join("\n")),
            }
        }
        let mut printed = String::new();
        let mut stdout = self.wiresnap.stdout.take().unwrap();
        stdout.read_to_string(&mut printed).unwrap();
        let code = self.wiresnap.wait().unwrap().code();
        (code, format!("{}\n{printed}", self.said.join("\n")))
    }
}

/// Gives a file or folder to the victim.
pub(crate) fn give(path: &Path) {
    if is_root() {
        chown(path, Some(VICTIM), Some(VICTIM)).unwrap();
    }
}
