//! Other users of the machine, and projects from elsewhere: what they leave in a project decides neither what is started nor what
//! is written outside of it.

mod workspace;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use workspace::{Said, wiresnap};

/// A user who is nobody here.
const ANOTHER: u32 = 64_123;

/// A project with a capture and its snapshot, and beside it a folder that is none of its.
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

/// As root there are other users to be; else that is said.
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

/// A program that leaves a trace where it is started.
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
    for file in [".github/workflows/ci.yml", "action.yml", "README.md"] {
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
