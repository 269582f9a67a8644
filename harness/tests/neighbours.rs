//! Other users of the machine, and projects from elsewhere: the files that they leave in a project decide neither which
//! programs are started nor which files are written outside of it.

mod workspace;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use workspace::{Said, files_below, named_files_below, wiresnap};

/// The number of a user who does not exist here.
const ANOTHER: u32 = 64_123;

/// A project with a capture and its snapshot, and beside it a folder that does not belong to it.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        for folder in [
            "project/pcap",
            "project/snapshots",
            "project/scenarios",
            "outside",
        ] {
            fs::create_dir_all(stage.path(folder)).unwrap();
        }
        for file in ["pcap/tcpapp.pcap", "snapshots/tcpapp.snap"] {
            fs::copy(workspace::root().join(file), stage.project().join(file)).unwrap();
        }
        stage.configure("snapshots");
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn project(&self) -> PathBuf {
        self.path("project")
    }

    fn configure(&self, snapshots: &str) {
        let text = format!(
            "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"{snapshots}\"\ndocs = \"docs\"\n"
        );
        fs::write(self.project().join("wiresnap.toml"), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Said {
        wiresnap(&self.project(), arguments)
    }
}

/// Prints how many of the attempts held.
fn tell(tried: usize, held: usize) {
    println!("tried {tried}, held {held}");
    assert_eq!(tried, held);
}

/// Returns true if this is root, who can act as other users; otherwise says so.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        workspace::skip("only root can give files to another user");
    }
    is_root
}

#[test]
fn nothing_is_written_outside_of_a_project_that_says_so() {
    let stage = Stage::new();
    let outside = stage.path("outside");
    symlink(&outside, stage.project().join("out")).unwrap();
    for snapshots in [
        outside.to_str().unwrap(),
        "../outside",
        "out",
        "out/deeper",
        "pcap/../../outside",
    ] {
        stage.configure(snapshots);
        for verb in [&["check"][..], &["accept", "--all"]] {
            let Said { code, error, .. } = stage.run(verb);
            assert_eq!(code, Some(2), "{error}");
            assert!(
                error.contains("it leads out of the project, to "),
                "{error}"
            );
        }
    }
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
    tell(10, 10);
}

#[test]
fn no_link_in_a_project_leads_out() {
    let stage = Stage::new();
    let theirs = stage.path("outside/theirs");
    fs::write(&theirs, "theirs").unwrap();
    let snapshot = stage.project().join("snapshots/tcpapp.snap");
    fs::remove_file(&snapshot).unwrap();
    // A listing that is left for review, and one that is accepted.
    symlink(&theirs, stage.project().join("snapshots/tcpapp.snap.new")).unwrap();
    assert_eq!(stage.run(&["check"]).code, Some(1));
    symlink(&theirs, &snapshot).unwrap();
    for verb in [&["check"][..], &["accept", "--all"]] {
        let Said { code, error, .. } = stage.run(verb);
        assert_eq!(code, Some(2), "{error}");
        assert!(
            error.contains("it leads out of the project, to "),
            "{error}"
        );
    }
    // A capture, and a scenario.
    fs::remove_file(&snapshot).unwrap();
    symlink(&theirs, stage.project().join("pcap/other.pcap")).unwrap();
    symlink(&theirs, stage.project().join("scenarios/other.toml")).unwrap();
    for verb in [&["check"][..], &["validate"], &["capture", "other"]] {
        let Said { code, error, .. } = stage.run(verb);
        assert_eq!(code, Some(2), "{error}");
        assert!(
            error.contains("is not used: it leads out of the project, to "),
            "{error}"
        );
    }
    assert_eq!(fs::read_to_string(theirs).unwrap(), "theirs");
    tell(6, 6);
}

#[test]
fn a_page_and_its_drawing_stay_in_the_project() {
    let stage = Stage::new();
    let theirs = stage.path("outside/theirs.svg");
    fs::write(&theirs, "theirs").unwrap();
    fs::create_dir(stage.project().join("docs")).unwrap();
    symlink(&theirs, stage.project().join("docs/a.svg")).unwrap();
    let page = |capture: &str| {
        let text = format!("<!-- wiresnap: diagram {capture} --to a.svg -->\n<!-- /wiresnap -->\n");
        fs::write(stage.project().join("docs/page.md"), text).unwrap();
        stage.run(&["docs"])
    };
    fs::copy(
        stage.project().join("pcap/tcpapp.pcap"),
        stage.path("outside/a.pcap"),
    )
    .unwrap();
    for capture in ["pcap/tcpapp.pcap", "../outside/a.pcap"] {
        let Said { code, error, .. } = page(capture);
        assert_ne!(code, Some(0), "{error}");
        assert!(error.contains("it leads out of the project"), "{error}");
    }
    assert_eq!(fs::read_to_string(theirs).unwrap(), "theirs");
    tell(2, 2);
}

#[test]
fn what_never_begins_is_waited_for_by_nobody() {
    let stage = Stage::new();
    for file in [
        "pcap/tcpapp.json",
        "pcap/a.pcap",
        "snapshots/tcpapp.snap.new",
        "scenarios/a.toml",
    ] {
        let fifo = stage.project().join(file);
        mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    }
    fs::remove_file(stage.project().join("snapshots/tcpapp.snap")).unwrap();
    for verb in ["check", "list", "validate", "report"] {
        // `timeout` ends with 124 what does not end by itself.
        let status = Command::new("timeout")
            .args(["60", env!("CARGO_BIN_EXE_wiresnap"), verb])
            .current_dir(stage.project())
            .stdin(Stdio::null())
            .output()
            .unwrap()
            .status;
        assert!(
            status.code().is_some_and(|code| code < 124),
            "{verb}: {status}"
        );
    }
}

#[test]
fn what_is_written_has_the_permissions_that_the_user_wants() {
    for (mask, mode) in [("022", 0o644), ("077", 0o600), ("002", 0o664)] {
        let stage = Stage::new();
        let snapshot = stage.project().join("snapshots/tcpapp.snap");
        fs::remove_file(&snapshot).unwrap();
        let command = format!(
            "umask {mask} && \"$0\" accept --all && \"$0\" report pcap/tcpapp.pcap --out report.html"
        );
        let output = Command::new("sh")
            .args(["-c", &command, env!("CARGO_BIN_EXE_wiresnap")])
            .current_dir(stage.project())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        for file in [&snapshot, &stage.project().join("report.html")] {
            assert_eq!(
                fs::metadata(file).unwrap().permissions().mode() & 0o777,
                mode
            );
        }
    }
}

#[test]
fn a_project_that_everybody_may_write_to_is_not_used() {
    let stage = Stage::new();
    for (folder, says) in [
        ("project", "everybody may write to "),
        ("", "everybody may write to "),
    ] {
        let folder = stage.path(folder);
        let before = fs::metadata(&folder).unwrap().permissions();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let Said { code, error, .. } = stage.run(&["check"]);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(says) && error.contains("hint: "), "{error}");
        fs::set_permissions(&folder, before).unwrap();
    }
    assert_eq!(stage.run(&["check"]).code, Some(0));
}

#[test]
fn a_project_of_another_user_is_not_used_unless_it_is_trusted() {
    if !is_root() {
        return;
    }
    for theirs in ["project", "project/wiresnap.toml"] {
        let stage = Stage::new();
        chown(stage.path(theirs), Some(ANOTHER), Some(ANOTHER)).unwrap();

        let Said { code, error, .. } = stage.run(&["check"]);
        assert_eq!(code, Some(2), "{error}");
        assert!(
            error.contains(&format!("belongs to another user ({ANOTHER})")),
            "{error}"
        );

        // What needs no project does without, and says so.
        let Said { code, error, .. } = stage.run(&["payload", "pcap/tcpapp.pcap"]);
        assert_eq!(code, Some(0), "{error}");
        assert!(error.starts_with("note: the project in "), "{error}");

        let trusted = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
            .arg("check")
            .current_dir(stage.project())
            .env("WIRESNAP_TRUST", stage.project())
            .output()
            .unwrap();
        assert_eq!(trusted.status.code(), Some(0));
    }
}

/// Returns a program that leaves a trace when it is started.
fn trap(folder: &Path, trace: &Path) {
    fs::create_dir_all(folder).unwrap();
    for name in ["geckodriver", "nc", "firefox", "firefox-esr"] {
        workspace::write_executable(
            &folder.join(name),
            &format!("touch {}; exit 1", trace.display()),
        );
    }
}

#[test]
fn no_tool_is_started_that_lies_about_or_is_somebody_elses() {
    let stage = Stage::new();
    let trace = stage.path("trace");
    // Outside of any project, and along a `PATH` that begins where we are.
    trap(&stage.path("outside/.tools/bin"), &trace);
    trap(&stage.path("outside"), &trace);
    let path = format!(":.:{}", std::env::var("PATH").unwrap());
    let examine = |folder: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
            .arg("doctor")
            .current_dir(folder)
            .env("PATH", &path)
            .stdin(Stdio::null())
            .output();
        output.unwrap();
        trace.exists()
    };
    assert!(!examine(&stage.path("outside")));
    // In a project whose tools everybody may write to.
    let tools = stage.project().join(".tools/bin");
    trap(&tools, &trace);
    fs::set_permissions(&tools, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(!examine(&stage.project()));
    fs::set_permissions(&tools, fs::Permissions::from_mode(0o755)).unwrap();
    if is_root() {
        for name in ["geckodriver", "nc", "firefox", "firefox-esr"] {
            chown(tools.join(name), Some(ANOTHER), None).unwrap();
        }
        assert!(!examine(&stage.project()));
    }
    // The trap would have been noticed.
    trap(&tools, &trace);
    if is_root() {
        for name in ["geckodriver", "nc", "firefox", "firefox-esr"] {
            chown(tools.join(name), Some(0), None).unwrap();
        }
    }
    assert!(examine(&stage.project()));
}

#[test]
fn no_name_of_a_scenario_is_an_option_of_the_action() {
    let stage = Stage::new();
    // The script beside a wiresnap that tells what it was called with.
    let said = stage.path("said");
    for folder in ["scripts", "target/release", ".tools/bin"] {
        fs::create_dir_all(stage.path(folder)).unwrap();
    }
    let script = stage.path("scripts/capture-and-check");
    fs::copy(workspace::root().join("scripts/capture-and-check"), &script).unwrap();
    let tell = format!("printf '<%s>' \"$@\" >>{0}; echo >>{0}", said.display());
    workspace::write_executable(&stage.path("target/release/wiresnap"), &tell);

    let status = Command::new("sh")
        .arg(&script)
        .current_dir(stage.project())
        .env("SCENARIOS", "tcpapp --out=/elsewhere *")
        .env("TIME_SCALE", "--all")
        .status();

    assert!(status.unwrap().success());
    let said = fs::read_to_string(said).unwrap();
    let names = "<--><tcpapp><--out=/elsewhere><*>";
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[0],
        format!("<capture><--time-scale=--all><--out><wiresnap-out>{names}")
    );
    assert!(
        lines[2].ends_with(names) && lines[3].ends_with(names),
        "{said}"
    );
}

#[test]
fn what_is_taken_from_elsewhere_is_of_one_version() {
    let root = workspace::root();
    for file in [
        ".github/workflows/ci.yml",
        "action.yml",
        "README.md",
        "docs/testing.md",
    ] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        for action in text
            .lines()
            .filter_map(|line| line.split_once("uses: actions/"))
        {
            let (_, commit) = action.1.split_once('@').unwrap();
            let hash = commit.split(' ').next().unwrap();
            let is_hash = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_hash && commit.contains(" # v"), "{file}: {}", action.1);
        }
    }
    for (file, install) in [
        ("scripts/fuzz", "cargo-fuzz"),
        ("Makefile", "cargo-insta"),
        ("Makefile", "cargo-deny"),
        ("scripts/package", "cargo-deb"),
        ("scripts/setup", "geckodriver"),
    ] {
        let text = fs::read_to_string(root.join(file))
            .unwrap()
            .replace("\\\n", " ");
        let lines = text
            .lines()
            .filter(|line| line.contains(" install --quiet"));
        let mut lines = lines.filter(|line| line.contains(install));
        let line = lines.next().unwrap();
        assert!(
            line.contains("--locked") && line.contains("--version "),
            "{line}"
        );
    }
}

/// A FIFO in the place of a capture that is read twice, or that nobody named, is not waited for.
#[test]
fn no_capture_is_a_fifo_that_is_waited_for() {
    let stage = Stage::new();
    fs::create_dir(stage.project().join("docs")).unwrap();
    let page = "<!-- wiresnap: stats pcap/fifo.pcap -->\n<!-- /wiresnap -->\n";
    fs::write(stage.project().join("docs/page.md"), page).unwrap();
    fs::write(stage.project().join("scenarios/tcpapp.toml"), SLEEPS).unwrap();
    let fifo = |name: &str| {
        let file = stage.project().join(name);
        mknodat(CWD, &file, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    };
    fifo("pcap/fifo.pcap");
    fifo("docs/a.svg");
    let verbs = [
        "check pcap/fifo.pcap",
        "accept pcap/fifo.pcap",
        "learn tcpapp --from pcap/fifo.pcap pcap/fifo.pcap",
        "docs",
    ];
    for verb in verbs {
        let output = Command::new("timeout")
            .args(["60", env!("CARGO_BIN_EXE_wiresnap")])
            .args(verb.split(' '))
            .current_dir(stage.project())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{verb}: {error}");
        assert!(
            error.contains("it is not a regular file"),
            "{verb}: {error}"
        );
    }
    let page = page.replace(
        "stats pcap/fifo.pcap",
        "diagram pcap/tcpapp.pcap --to a.svg",
    );
    fs::write(stage.project().join("docs/page.md"), page).unwrap();
    let Said { code, error, .. } = stage.run(&["docs"]);
    assert_eq!(code, Some(3), "{error}");
    tell(verbs.len() + 1, verbs.len() + 1);
}

const SLEEPS: &str = "description = \"sleeps\"\ncommand = [\"sleep\", \"1\"]\nclient = \"nc\"\n\
    [[mark]]\nat = 0\nopen = true\n[[mark]]\nat = 1\nclose = true\n";

/// Creates a project in which every verb that writes has something to write.
fn stale() -> Stage {
    let stage = Stage::new();
    for name in ["ajaxapp", "webapp"] {
        let file = format!("pcap/{name}.pcap");
        fs::copy(workspace::root().join(&file), stage.project().join(&file)).unwrap();
        let snapshot = fs::read_to_string(stage.project().join("snapshots/tcpapp.snap")).unwrap();
        let file = format!("snapshots/{name}.snap");
        fs::write(stage.project().join(file), snapshot).unwrap();
    }
    fs::create_dir(stage.project().join("docs")).unwrap();
    let page = "<!-- wiresnap: payload pcap/webapp.pcap -->\n<!-- /wiresnap -->\n\
        <!-- wiresnap: diagram pcap/ajaxapp.pcap --to a.svg -->\n<!-- /wiresnap -->\n";
    for name in ["a.svg", "report.html"] {
        fs::write(stage.project().join("docs").join(name), "old").unwrap();
    }
    fs::write(stage.project().join("docs/page.md"), page).unwrap();
    stage
}

#[test]
fn a_signal_leaves_each_file_as_it_was_or_as_it_is_to_be() {
    const MOMENTS: u32 = 8;
    let (mut tried, mut held) = (0, 0);
    for verb in [
        "check",
        "accept --all",
        "docs",
        "report --out docs/report.html",
    ] {
        let command = |stage: &Stage| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wiresnap"));
            command
                .args(verb.split(' '))
                .current_dir(stage.project())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        let stage = stale();
        let old = files_below(&stage.project());
        let began = Instant::now();
        command(&stage).status().unwrap();
        let takes = began.elapsed();
        let new = files_below(&stage.project());
        assert_ne!(old, new, "{verb}");
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            for moment in 0..=MOMENTS {
                let stage = stale();
                let mut process = command(&stage).spawn().unwrap();
                // The moment is what is tried: there is nothing to wait for.
                std::thread::sleep(takes * moment / MOMENTS);
                kill_process(Pid::from_child(&process), signal).unwrap();
                process.wait().unwrap();
                let left = if signal == Signal::KILL {
                    named_files_below(&stage.project())
                } else {
                    files_below(&stage.project())
                };
                let is_whole = |(name, bytes): (&PathBuf, &Vec<u8>)| {
                    old.get(name) == Some(bytes) || new.get(name) == Some(bytes)
                };
                let is_there = old.keys().all(|name| left.contains_key(name));
                tried += 1;
                held += usize::from(is_there && left.iter().all(is_whole));
            }
        }
    }
    tell(tried, held);
}

/// The lack of descriptors is blamed, and nothing is taken for missing or for different.
#[test]
fn few_descriptors_are_said_to_be_few() {
    let stage = Stage::new();
    fs::write(stage.project().join("scenarios/tcpapp.toml"), SLEEPS).unwrap();
    let (mut tried, mut held) = (0, 0);
    for most in [4, 5, 6, 7, 8, 16, 63] {
        for verb in [
            "payload pcap/tcpapp.pcap",
            "stats pcap/tcpapp.pcap",
            "diff pcap/tcpapp.pcap pcap/tcpapp.pcap",
            "check",
            "accept --all",
            "list",
            "validate",
            "report",
            "learn tcpapp --from pcap/tcpapp.pcap pcap/tcpapp.pcap",
            "capture",
            "doctor",
        ] {
            let script = format!("ulimit -n {most} && exec \"$0\" {verb}");
            let output = Command::new("sh")
                .args(["-c", &script, env!("CARGO_BIN_EXE_wiresnap")])
                .current_dir(stage.project())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let blames = ["Too many open files", "too many open files", "files open"];
            let is_said = blames.iter().any(|blame| said.contains(blame));
            let is_right = match output.status.code() {
                Some(0) => true,
                Some(1..=5) => is_said,
                _ => false,
            };
            tried += 1;
            held += usize::from(is_right);
            assert!(is_right, "{most} {verb}: {:?} {said}", output.status);
        }
    }
    tell(tried, held);
}

/// A temporary folder that cannot be written is blamed, and neither the capture nor the output.
#[test]
fn a_temporary_folder_that_takes_nothing_is_blamed() {
    let stage = Stage::new();
    for nowhere in ["/nowhere", "/proc", "/dev/null"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wiresnap"));
        let capture = fs::File::open(stage.project().join("pcap/tcpapp.pcap")).unwrap();
        let output = command
            .args(["report", "-", "--out", "-"])
            .env("TMPDIR", nowhere)
            .current_dir(stage.project())
            .stdin(capture)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(
            error.contains("error: cannot keep standard input in a temporary file: "),
            "{error}"
        );
        assert!(
            error.contains("hint: TMPDIR names a folder that has room"),
            "{error}"
        );
    }
    tell(3, 3);
}

/// Other files in a project do no harm: editors leave locks, other programs leave their own JSON, and a folder may have
/// any name.
#[test]
fn what_else_lies_in_a_project_is_in_nobodys_way() {
    let stage = Stage::new();
    let strange = stage
        .0
        .path()
        .join(OsStr::from_bytes(b"\xff\xfe strange\n\x1b[31m"));
    fs::rename(stage.project(), &strange).unwrap();
    fs::write(strange.join("scenarios/tcpapp.toml"), SLEEPS).unwrap();
    symlink("nobody@nowhere.1:2", strange.join("scenarios/.#x.toml")).unwrap();
    symlink("nobody@nowhere.1:2", strange.join("pcap/.#y.pcap")).unwrap();
    fs::write(strange.join("pcap/tcpapp.json"), "{\"theirs\": [1, 2").unwrap();
    fs::write(strange.join("snapshots/theirs.snap"), [0xff, 0xfe]).unwrap();
    let verbs = [
        "payload pcap/tcpapp.pcap",
        "stats pcap/tcpapp.pcap",
        "diff pcap/tcpapp.pcap pcap/tcpapp.pcap",
        "check",
        "accept --all",
        "list",
        "validate",
        "report",
        "learn tcpapp --from pcap/tcpapp.pcap pcap/tcpapp.pcap",
        "docs",
        "init new",
    ];
    for verb in verbs {
        let arguments: Vec<&str> = verb.split(' ').collect();
        let Said { code, out, error } = wiresnap(&strange, &arguments);
        assert_eq!(code, Some(0), "{verb}: {error}");
        assert!(
            !out.contains('\x1b') && !error.contains('\x1b'),
            "{verb}: {out}{error}"
        );
    }
    tell(verbs.len(), verbs.len());
}

/// Returns a command as sudo starts it for another user.
fn through_sudo(stage: &Stage, verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wiresnap"));
    let id = ANOTHER.to_string();
    command
        .args(verb.split(' '))
        .current_dir(stage.project())
        .env("SUDO_UID", &id)
        .env("SUDO_GID", &id);
    command
}

fn hand_over(folder: &Path) {
    let owner = format!("{ANOTHER}:{ANOTHER}");
    let status = Command::new("chown")
        .args(["--recursive", &owner])
        .arg(folder)
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn what_works_on_a_project_is_the_users_who_called_sudo() {
    if !is_root() {
        return;
    }
    let stage = stale();
    fs::write(stage.project().join("scenarios/tcpapp.toml"), SLEEPS).unwrap();
    hand_over(stage.0.path());
    let roots = stage.path("outside/roots");
    fs::create_dir(&roots).unwrap();
    fs::set_permissions(&roots, fs::Permissions::from_mode(0o755)).unwrap();
    // It reads what only root may read, or writes where only root may, if it is root.
    let capture = roots.join("private.pcap");
    fs::copy(stage.project().join("pcap/tcpapp.pcap"), &capture).unwrap();
    fs::set_permissions(&capture, fs::Permissions::from_mode(0o600)).unwrap();
    let (mut tried, mut held) = (0, 0);
    for verb in [
        "check ../outside/roots/private.pcap",
        "accept ../outside/roots/private.pcap",
        "report ../outside/roots/private.pcap --out -",
        "report pcap/tcpapp.pcap --out ../outside/roots/report.html",
        "learn tcpapp --from pcap/tcpapp.pcap ../outside/roots/private.pcap",
        "init ../outside/roots",
        "docs ../outside/roots/page.md",
    ] {
        fs::write(
            roots.join("page.md"),
            "<!-- wiresnap: help diff -->\n<!-- /wiresnap -->\n",
        )
        .unwrap();
        let output = through_sudo(&stage, verb).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(
            matches!(output.status.code(), Some(2 | 3)),
            "{verb}: {error}"
        );
        assert!(error.contains("permission denied"), "{verb}: {error}");
        tried += 1;
        let names: Vec<_> = fs::read_dir(&roots).unwrap().collect();
        held += usize::from(names.len() == 2);
    }
    // What is the user's is written, and stays the user's.
    for verb in [
        "check",
        "accept --all",
        "docs",
        "report",
        "init ../outside/new",
        "list",
        "validate",
    ] {
        let output = through_sudo(&stage, verb).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{verb}: {error}"
        );
        let is_theirs = |path: &PathBuf| fs::metadata(path).unwrap().uid() == ANOTHER;
        let files = files_below(&stage.project()).into_keys();
        let files = files.map(|file| stage.project().join(file));
        tried += 1;
        held += usize::from(
            files
                .chain(
                    [stage.path("outside/new/wiresnap.toml")]
                        .into_iter()
                        .filter(|file| file.exists()),
                )
                .all(|file| is_theirs(&file)),
        );
    }
    assert!(stage.path("outside/new/wiresnap.toml").exists());
    tell(tried, held);
}

#[test]
fn nothing_of_roots_is_left_while_a_page_is_made_through_sudo() {
    if !is_root() {
        return;
    }
    let stage = Stage::new();
    hand_over(stage.0.path());
    let mut command = through_sudo(&stage, "report -v - --out -");
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut note = String::new();
    let mut said = BufReader::new(process.stderr.take().unwrap());
    said.read_line(&mut note).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(field("Uid:"), [ANOTHER.to_string().as_str(); 4].join("\t"));
    assert_eq!(field("Gid:"), [ANOTHER.to_string().as_str(); 4].join("\t"));
    assert_eq!(field("Groups:"), ANOTHER.to_string());
    for set in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    let capture = fs::read(workspace::root().join("pcap/tcpapp.pcap")).unwrap();
    process.stdin.take().unwrap().write_all(&capture).unwrap();
    assert!(process.wait().unwrap().success());
    tell(7, 7);
}

/// Root itself keeps the capability that opens files, and nothing else.
#[test]
fn root_reads_captures_with_what_opens_files_alone() {
    if !is_root() {
        return;
    }
    let stage = Stage::new();
    let mut process = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
        .args(["payload", "-v", "-"])
        .current_dir(stage.project())
        .env_remove("SUDO_UID")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut note = String::new();
    let mut said = BufReader::new(process.stderr.take().unwrap());
    said.read_line(&mut note).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    // CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER.
    assert!(status.contains("CapEff:\t000000000000000f\n"), "{status}");
    drop(process.stdin.take());
    assert_eq!(process.wait().unwrap().code(), Some(2));
}
