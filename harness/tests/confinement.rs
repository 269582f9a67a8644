//! Tries what a process that reads captures could do if a capture took it over: nothing but access its own files.

mod workspace;

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;
use wiresnap::confinement::{Confinement, Files, confine};
use workspace::{Said, wiresnap};

/// The name of an attempt, and the attempt, which must be refused.
type Attempt = (&'static str, Box<dyn FnOnce() -> io::Result<()> + Send>);

/// Makes attempts from inside a confined process; a thread is confined by itself.
fn inside(
    files: Files,
    attempts: Vec<Attempt>,
) -> (Confinement, Vec<(&'static str, io::Result<()>)>) {
    let thread = std::thread::spawn(move || {
        let confinement = confine(&files);
        let tried = attempts.into_iter();
        let outcomes = tried.map(|(what, attempt)| (what, attempt())).collect();
        (confinement, outcomes)
    });
    thread.join().unwrap()
}

fn attempt(
    what: &'static str,
    attempt: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> Attempt {
    (what, Box::new(attempt))
}

/// Prints how many attempts failed as they should, once all of them have.
fn refused(outcomes: &[(&'static str, io::Result<()>)], as_this: Errno) {
    let held = outcomes.iter().filter(|(_, outcome)| {
        let error = outcome.as_ref().err();
        error.and_then(Errno::from_io_error) == Some(as_this)
    });
    let held = held.count();
    assert_eq!(held, outcomes.len(), "{outcomes:?}");
    println!("tried {}, held {held}", outcomes.len());
}

#[test]
fn a_confined_reader_speaks_to_nobody_and_starts_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let mut files = Files::default();
    files.scratch(folder.path());

    let (confinement, outcomes) = inside(
        files,
        vec![
            attempt("connect", move || TcpStream::connect(address).map(drop)),
            attempt("listen", || TcpListener::bind("127.0.0.1:0").map(drop)),
            attempt("look a name up", || {
                let unix = UnixStream::connect("/run/systemd/resolve/io.systemd.Resolve");
                unix.map(drop)
            }),
            attempt("pair", || UnixStream::pair().map(drop)),
            attempt("start a program", || {
                Command::new("/bin/true").spawn().map(drop)
            }),
            attempt("signal its parent", || {
                let parent = rustix::process::getppid().unwrap();
                Ok(rustix::process::test_kill_process(parent)?)
            }),
            attempt("take hold of its parent", || {
                let parent = rustix::process::getppid().unwrap();
                let flags = rustix::process::PidfdFlags::empty();
                rustix::process::pidfd_open(parent, flags)?;
                Ok(())
            }),
            attempt("limit the time of its parent", || {
                let parent = rustix::process::getppid();
                let resource = rustix::process::Resource::Cpu;
                let unlimited = rustix::process::getrlimit(resource);
                rustix::process::prlimit(parent, resource, unlimited)?;
                Ok(())
            }),
            attempt("become somebody else", || {
                rustix::thread::set_thread_res_uid(
                    rustix::process::Uid::from_raw(1),
                    rustix::process::Uid::from_raw(1),
                    rustix::process::Uid::from_raw(1),
                )?;
                Ok(())
            }),
            attempt("mount", || {
                rustix::mount::mount(
                    "none",
                    "/mnt",
                    "tmpfs",
                    rustix::mount::MountFlags::empty(),
                    None,
                )?;
                Ok(())
            }),
            attempt("change what a file may be used for", move || {
                Ok(rustix::fs::chmod(&file, Mode::from_raw_mode(0o777))?)
            }),
        ],
    );
    if let Err(why) = &confinement.calls {
        workspace::skip(why);
        assert!(confinement.to_string().contains("may reach the network"));
        return;
    }
    refused(&outcomes, Errno::PERM);
    // This thread is as it was.
    TcpStream::connect(address).unwrap();
}

#[test]
fn a_confined_reader_opens_no_files_but_its_own() {
    let stage = tempfile::tempdir().unwrap();
    let path = |name: &str| stage.path().join(name);
    for folder in ["read", "written", "listed", "scratch", "outside"] {
        fs::create_dir(path(folder)).unwrap();
        fs::write(path(folder).join("file"), "text").unwrap();
    }
    symlink(path("outside/file"), path("read/link")).unwrap();
    let mut files = Files::default();
    files.read(path("read"));
    files.write(path("written"));
    files.list(path("listed"));
    files.scratch(path("scratch"));
    files.read(path("is not there"));
    let open = |what, name: &str| {
        let name = path(name);
        attempt(what, move || File::open(&name).map(drop))
    };
    let write = |what, name: &str| {
        let name = path(name);
        attempt(what, move || fs::write(&name, "new"))
    };
    let made = path("read/folder");
    let removed = path("read/file");
    let moved = [path("scratch/file"), path("read/other")];
    let list = |what, name: &str| {
        let name = path(name);
        attempt(what, move || fs::read_dir(&name).map(drop))
    };

    let (confinement, outcomes) = inside(
        files.clone(),
        vec![
            open("read", "outside/file"),
            open("read by a link", "read/link"),
            open("read by a way round", "read/../outside/file"),
            open("read what is written", "written/file"),
            open("read what is listed", "listed/file"),
            open("read the system", "/etc/hostname"),
            list("list", "outside"),
            list("list what is written", "written"),
            write("write", "outside/file"),
            write("write what is read", "read/file"),
            write("make", "outside/new"),
            write("make a device a file", "/dev/new"),
            attempt("make a folder", move || fs::create_dir(&made)),
            attempt("remove", move || fs::remove_file(&removed)),
        ],
    );
    if let Err(why) = &confinement.files {
        workspace::skip(why);
        assert!(confinement.to_string().contains("may open any file"));
        return;
    }
    refused(&outcomes, Errno::ACCESS);

    // To be moved where it could be read is refused in its own way.
    let (_, outcomes) = inside(
        files.clone(),
        vec![attempt("move", move || fs::rename(&moved[0], &moved[1]))],
    );
    assert!(outcomes[0].1.is_err());

    let (_, outcomes) = inside(
        files,
        vec![
            open("read", "read/file"),
            list("list", "listed"),
            write("write", "written/file"),
            write("make", "written/new"),
            open("read back", "scratch/file"),
            write("make there", "scratch/new"),
            attempt("write nothing", || fs::write("/dev/null", "nothing")),
            attempt("know itself", || fs::read("/proc/self/status").map(drop)),
        ],
    );
    assert!(
        outcomes.iter().all(|(_, outcome)| outcome.is_ok()),
        "{outcomes:?}"
    );
}

/// A project with captures, and beside it a folder that does not belong to it.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        for folder in [
            "project/pcap",
            "project/snapshots",
            "project/scenarios",
            "project/docs",
            "outside",
        ] {
            fs::create_dir_all(stage.path(folder)).unwrap();
        }
        let text = "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";
        fs::write(stage.path("project/wiresnap.toml"), text).unwrap();
        for file in [
            "pcap/tcpapp.pcap",
            "pcap/tcpapp.json",
            "snapshots/tcpapp.snap",
        ] {
            fs::copy(
                workspace::root().join(file),
                stage.path("project").join(file),
            )
            .unwrap();
        }
        stage.capture("outside/elsewhere.pcap");
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn capture(&self, name: &str) {
        fs::copy(workspace::root().join("pcap/tcpapp.pcap"), self.path(name)).unwrap();
    }

    fn run(&self, arguments: &str) -> Said {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        wiresnap(&self.path("project"), &arguments)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wiresnap"));
        command.args(arguments).current_dir(self.path("project"));
        command
    }
}

/// Returns true if a process is confined, according to proc(5).
fn is_held(process: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    status.contains("\nSeccomp:\t2\n") && status.contains("\nNoNewPrivs:\t1\n")
}

#[test]
fn a_verb_is_confined_before_it_reads_the_first_byte() {
    let stage = Stage::new();
    let fifo = stage.path("outside/fifo.pcap");
    let capture = fs::read(stage.path("outside/elsewhere.pcap")).unwrap();
    let page = stage.path("outside/page.html");
    let verbs = [
        &["payload"][..],
        &["stats"],
        &["diff", "pcap/tcpapp.pcap"],
        &["report", "--out", page.to_str().unwrap()],
    ];
    let mut held = 0;
    for verb in verbs {
        mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let mut command = stage.command(verb);
        command
            .arg("-v")
            .arg(&fifo)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut note = String::new();
        said.read_line(&mut note).unwrap();
        assert!(note.contains(" this process "), "{verb:?}: {note}");
        held += usize::from(is_held(&process));
        // It waits for whoever writes, and reads on as ever.
        File::options()
            .write(true)
            .open(&fifo)
            .unwrap()
            .write_all(&capture)
            .unwrap();
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{verb:?}: {rest}");
        fs::remove_file(&fifo).unwrap();
    }
    assert_eq!(held, verbs.len());
    println!("tried {}, held {held}", verbs.len());
}

#[test]
fn every_verb_that_reads_captures_says_what_it_gave_up() {
    let stage = Stage::new();
    fs::write(stage.path("project/scenarios/tcpapp.toml"), TCPAPP).unwrap();
    let verbs = [
        "payload -v pcap/tcpapp.pcap",
        "stats --verbose pcap/tcpapp.pcap",
        "-v diff pcap/tcpapp.pcap pcap/tcpapp.pcap",
        "check -v",
        "accept -v --all",
        "docs -v",
        "report -v",
        "learn tcpapp -v --from pcap/tcpapp.pcap pcap/tcpapp.pcap",
        "list -v",
        "validate -v",
    ];
    for verb in verbs {
        let Said { error, .. } = stage.run(verb);
        assert!(error.contains(": this process "), "{verb}: {error}");
        let plain = verb
            .replace("-v ", "")
            .replace(" -v", "")
            .replace("--verbose ", "");
        let Said { error, .. } = stage.run(&plain);
        assert!(!error.contains(" this process "), "{plain}: {error}");
    }
    println!("tried {0}, held {0}", verbs.len());
}

const TCPAPP: &str = "description = \"sleeps\"\ncommand = [\"sleep\", \"1\"]\nclient = \"nc\"\n\
    [[mark]]\nat = 0\nopen = true\n[[mark]]\nat = 1\nclose = true\n";

/// Everything that was possible without confinement still is.
#[test]
fn what_was_possible_still_is() {
    let stage = Stage::new();
    fs::write(stage.path("project/scenarios/tcpapp.toml"), TCPAPP).unwrap();
    // A link within the project, one beside it, and a folder of captures that are links.
    symlink("tcpapp.pcap", stage.path("project/pcap/link.pcap")).unwrap();
    symlink(
        stage.path("project/pcap/tcpapp.pcap"),
        stage.path("outside/link.pcap"),
    )
    .unwrap();
    fs::create_dir_all(stage.path("outside/links/chromium")).unwrap();
    symlink(
        stage.path("outside/elsewhere.pcap"),
        stage.path("outside/links/tcpapp.pcap"),
    )
    .unwrap();
    symlink(
        stage.path("outside/elsewhere.pcap"),
        stage.path("outside/links/chromium/a.pcap"),
    )
    .unwrap();
    let page = "<!-- wiresnap: stats pcap/tcpapp.pcap -->\n<!-- /wiresnap -->\n\
        <!-- wiresnap: diagram pcap/tcpapp.pcap --to a.svg -->\n<!-- /wiresnap -->\n";
    fs::write(stage.path("project/docs/page.md"), page).unwrap();
    let alone = "<!-- wiresnap: stats elsewhere.pcap -->\n<!-- /wiresnap -->\n";
    fs::write(stage.path("outside/page.md"), alone).unwrap();
    for (arguments, code) in [
        ("payload ../outside/link.pcap", 0),
        ("payload ../outside/elsewhere.pcap --redact --memory 1M", 0),
        ("stats --explain pcap/link.pcap ../outside/link.pcap", 0),
        ("diff pcap/link.pcap ../outside/elsewhere.pcap", 0),
        ("check", 1),
        ("check --captures ../outside/links", 1),
        ("check --captures ../outside/links tcpapp", 0),
        ("check ../outside/link.pcap", 1),
        ("accept --all", 0),
        ("accept ../outside/elsewhere.pcap", 0),
        ("check", 0),
        ("docs", 0),
        ("docs --check docs/page.md", 0),
        ("docs ../outside/page.md", 0),
        ("report", 0),
        ("report pcap/link.pcap --out ../outside/new.html", 0),
        ("report pcap/link.pcap --out ../outside/new.html", 0),
        ("report pcap/link.pcap --out new.html", 0),
        ("report pcap/link.pcap --out /dev/null", 0),
        ("report pcap/link.pcap --out /dev/stdout", 0),
        ("report pcap/link.pcap --out -", 0),
        ("learn tcpapp --from pcap/link.pcap ../outside/link.pcap", 0),
        ("list", 0),
        ("validate", 0),
        ("validate scenarios/tcpapp.toml", 0),
        ("payload ../outside", 2),
        ("payload ../outside/nothing.pcap", 2),
    ] {
        let Said {
            code: was, error, ..
        } = stage.run(arguments);
        assert_eq!(was, Some(code), "{arguments}: {error}");
        assert!(
            !error.to_lowercase().contains("permission denied"),
            "{arguments}: {error}"
        );
    }
    // What a snapshot's folder is made for, and what is left for review.
    fs::remove_dir_all(stage.path("project/snapshots")).unwrap();
    assert_eq!(stage.run("check").code, Some(1));
    assert!(stage.path("project/snapshots/tcpapp.snap.new").exists());
    let drawing = fs::metadata(stage.path("project/docs/a.svg")).unwrap();
    assert_eq!(drawing.permissions().mode() & 0o077, 0o044);
}

#[test]
fn streams_are_read_and_written_as_ever() {
    let stage = Stage::new();
    let input = || File::open(stage.path("outside/elsewhere.pcap")).unwrap();
    for arguments in [
        &["payload", "-"][..],
        &["payload", "/dev/stdin"],
        &["report", "-", "--out", "-"],
    ] {
        let output = stage.command(arguments).stdin(input()).output().unwrap();
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{arguments:?}"
        );
    }
    // A file, a pipe and a terminal behind /dev/stdout, which is opened anew.
    let to = stage.path("outside/to.html");
    let report = ["report", "pcap/tcpapp.pcap", "--out", "/dev/stdout"];
    let status = stage
        .command(&report)
        .stdout(File::create(&to).unwrap())
        .status()
        .unwrap();
    assert!(status.success() && fs::metadata(&to).unwrap().len() > 10_000);
    let shell = "\"$0\" report pcap/tcpapp.pcap --out /dev/stdout | wc -c; \"$0\" diff <(cat pcap/tcpapp.pcap) <(cat pcap/tcpapp.pcap); \
        \"$0\" report <(cat pcap/tcpapp.pcap) --out >(wc -c)";
    let output = Command::new("bash")
        .args(["-ec", shell, env!("CARGO_BIN_EXE_wiresnap")])
        .current_dir(stage.path("project"))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let at_terminal = workspace::at_a_terminal(
        Path::new(env!("CARGO_BIN_EXE_wiresnap")),
        &stage.path("project"),
        "report pcap/tcpapp.pcap --out /dev/stdout",
        "",
    );
    assert_eq!(at_terminal.code, Some(0), "{}", at_terminal.out);
    assert!(at_terminal.out.contains("<!DOCTYPE html>"));
}

/// Data that is too large for memory goes into temporary files, in whatever folder these are.
#[test]
fn spills_go_where_they_are_told_to() {
    let stage = Stage::new();
    let scratch = stage.path("outside/scratch");
    fs::create_dir(&scratch).unwrap();
    let shown = |memory: &str| {
        let output = stage
            .command(&["stats", "--explain", "--memory", memory])
            .arg(workspace::root().join("pcap/wsapp.pcap"))
            .env("TMPDIR", &scratch)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    };
    assert_eq!(shown("1M"), shown("256M"));
    let mut command = stage.command(&["report", "-", "--out", "-"]);
    let input = File::open(stage.path("outside/elsewhere.pcap")).unwrap();
    let output = command
        .stdin(input)
        .env("TMPDIR", &scratch)
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
}
