//! Nothing from outside reaches a terminal unchanged: names of files, folders and scenarios, descriptions, values in
//! TOML and JSON, captures, the command line.
//!
//! One test looks at the sources: there is one place that prints, and one way to put a name into a sentence. The others
//! run every verb in a project in which every word is hostile, and look at the output.

#[path = "support/mod.rs"]
mod support;
mod workspace;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::hostile::{self, TEXT, WORD};
use wiresnap::text::is_safe;

/// Ways to print, or to show a path as it is, and the files that may use them.
const WAYS: [(&str, &[&str]); 9] = [
    ("println!", &[]),
    ("print!", &[]),
    // What a test that failed left behind: said where the test runner shows it.
    ("eprintln!", &["testing/recording.rs"]),
    ("eprint!", &[]),
    ("dbg!", &[]),
    // Standard output of the processes of a lab is a line to those above them, and no terminal.
    ("stdout()", &["printer.rs", "lab/keeper.rs", "lab/init.rs"]),
    ("stderr()", &["printer.rs"]),
    ("anstream::", &["printer.rs"]),
    (".display()", &[]),
];

/// Returns the part of a source that is compiled into the program, without comments.
fn code(source: &str) -> String {
    let end = source
        .find("#[cfg(test)]\nmod tests")
        .unwrap_or(source.len());
    source[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<&str>>()
        .join("\n")
}

fn holds(code: &str, way: &str) -> bool {
    let is_word = |one: char| one.is_alphanumeric() || one == '_';
    // `eprintln!` is not `println!`.
    let is_whole = |at| !way.starts_with(is_word) || !code[..at].ends_with(is_word);
    code.match_indices(way).any(|(at, _)| is_whole(at))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

#[test]
fn there_is_one_place_that_prints_and_one_way_to_show_a_path() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut offences = Vec::new();
    for path in sources(&root) {
        let place = path
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if place.ends_with("tests.rs") {
            continue;
        }
        let code = code(&fs::read_to_string(&path).unwrap());
        for (way, allowed) in WAYS {
            if holds(&code, way) && !allowed.contains(&&*place) {
                offences.push(format!("{place}: {way}"));
            }
        }
    }
    assert!(
        offences.is_empty(),
        "print with a `Printer` (printer.rs), show paths with `shown()` (text.rs):\n{}",
        offences.join("\n")
    );
}

#[test]
fn every_way_to_print_is_seen() {
    for (source, way) in [
        ("fn f() {\n    println!(\"x\");\n}", "println!"),
        ("let out = io::stdout();", "stdout()"),
        ("let name = path.display();", ".display()"),
    ] {
        assert!(holds(&code(source), way), "{source}");
    }
    for source in [
        "// println!(\"x\")",
        "eprintln!(\"x\")",
        "x\n#[cfg(test)]\nmod tests {\n println!(\"x\") }",
    ] {
        assert!(!holds(&code(source), "println!"), "{source}");
    }
}

/// Returns a name that no terminal should see unchanged: escape sequences, a bell, both kinds of line ends,
/// right-to-left text, invisible characters, and bytes that are not UTF-8.
fn name(end: &str) -> OsString {
    let mut bytes = b"a\x1b[31m\x1b]0;owned\x07\x7f\r\n\t".to_vec();
    bytes.extend("\u{202e}\u{2066}\u{200b}\u{feff}\u{9b}2J\u{2028}\u{fdd2}\u{e0041}".as_bytes());
    bytes.extend(b"\xff\xfe");
    bytes.extend(end.as_bytes());
    OsString::from_vec(bytes)
}

/// A name of the same kind as text, which TOML can hold in an escaped form.
const HOSTILE: &str =
    "a\u{1b}[31m\u{1b}]0;owned\u{7}\u{7f}\u{202e}\u{200b}\u{9b}2J\u{2028}\u{fdd2}";

fn toml(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|one| {
            if is_safe(one) && !matches!(one, '"' | '\\') {
                one.to_string()
            } else {
                format!("\\U{:08x}", u32::from(one))
            }
        })
        .collect();
    format!("\"{escaped}\"")
}

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// Creates a project in a folder with a hostile name, in which everything has one.
    fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let root = project.root();
        for folder in ["scenarios", "pcap", "snapshots", "docs"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let known = toml(HOSTILE);
        fs::write(
            root.join("wiresnap.toml"),
            format!(
                "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\nknown_credentials = [{known}]\n"
            ),
        )
        .unwrap();
        let scenario = format!(
            "description = {0}\ncommand = [{0}]\nclient = \"nc\"\n[variables]\nx = {0}\n[[mark]]\nat = 0\nopen = true\nsend = {0}\n[[mark]]\nat = 1\nclose = true\n",
            toml(HOSTILE)
        );
        for (file, text) in [
            ("talk.toml", scenario.clone()),
            ("wrong.toml", format!("{scenario}{} = 1\n", toml(HOSTILE))),
            ("raw.toml", format!("description = \"{HOSTILE}\"\n")),
        ] {
            fs::write(root.join("scenarios").join(file), text).unwrap();
        }
        fs::write(root.join("scenarios").join(name(".toml")), &scenario).unwrap();
        let capture = hostile::capture();
        for file in ["talk.pcap", "new.pcap"] {
            fs::write(root.join("pcap").join(file), &capture).unwrap();
        }
        fs::write(root.join("pcap").join(name(".pcap")), &capture).unwrap();
        let damaged = [&capture[..], &[0xff; 40]].concat();
        fs::write(root.join("pcap").join(name("2.pcap")), damaged).unwrap();
        fs::write(root.join("pcap").join(name(".json")), TEXT).unwrap();
        fs::write(root.join("pcap/talk.json"), format!("{{\"{WORD}\": 1}}")).unwrap();
        let snapshot = format!("---\nsource: {TEXT}\nexpression: payload\n---\n{TEXT}\n");
        fs::write(root.join("snapshots/talk.snap"), &snapshot).unwrap();
        fs::write(root.join("snapshots").join(name("3.snap")), &snapshot).unwrap();
        let page =
            format!("# {TEXT}\n\n<!-- wiresnap: stats {WORD}.pcap -->\n<!-- /wiresnap -->\n");
        fs::write(root.join("docs/page.md"), page).unwrap();
        project
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join(name(""))
    }

    fn run(&self, arguments: &[impl AsRef<OsStr>], colours: bool) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wiresnap"));
        if colours {
            command.env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
        }
        command
            .current_dir(self.root())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

/// Returns the text without the colours of wiresnap and of clap.
fn without_colours(text: &str) -> String {
    let ours = ["1", "2", "4", "31", "32", "33", "36", "0"];
    let sequences = ours.map(|number| format!("\u{1b}[{number}m"));
    let mut text = text.to_owned();
    for sequence in sequences {
        text = text.replace(&sequence, "");
    }
    text
}

#[track_caller]
fn assert_safe(what: &str, printed: &[u8], colours: bool) {
    let text = std::str::from_utf8(printed).unwrap_or_else(|error| panic!("{what}: {error}"));
    let text = if colours {
        without_colours(text)
    } else {
        text.to_owned()
    };
    let hostile = text
        .lines()
        .find(|line| line.chars().any(|one| one != '\t' && !is_safe(one)));
    assert!(hostile.is_none(), "{what}: {hostile:?}");
}

/// The verbs that read a capture, with their further arguments.
const READING: [&[&str]; 15] = [
    &["stats"],
    &["stats", "--explain"],
    &["stats", "--format", "markdown"],
    &["stats", "--format", "json", "--explain"],
    &["payload"],
    &["payload", "--explain"],
    &["payload", "--redact"],
    &["payload", "--format", "json"],
    &["diff", "pcap/talk.pcap"],
    &["diff", "--format", "json", "pcap/talk.pcap"],
    &["report", "--out", "-"],
    &["check"],
    &["check", "--format", "json"],
    &["check", "--format", "junit"],
    &["accept"],
];

/// The verbs for the whole project.
const WHOLE: [&[&str]; 16] = [
    &["check"],
    &["check", "--format", "json"],
    &["check", "--format", "junit"],
    &["list"],
    &["list", "--format", "json"],
    &["validate"],
    &["docs", "--check"],
    &["docs"],
    &["doctor"],
    &["doctor", "--format", "json"],
    &["capture"],
    &["learn", "talk", "--from", "pcap/talk.pcap", "pcap/new.pcap"],
    &[
        "learn",
        "talk",
        "--from",
        "pcap/talk.pcap",
        "pcap/new.pcap",
        "--format",
        "json",
    ],
    &["report"],
    &["init"],
    &["accept", "--all"],
];

/// Returns the command lines of every verb, with hostile names wherever it takes one.
fn command_lines() -> Vec<Vec<OsString>> {
    let line = |words: &[&str], more: &[&OsStr]| -> Vec<OsString> {
        let words = words.iter().map(OsString::from);
        words.chain(more.iter().map(OsString::from)).collect()
    };
    let [hostile, damaged, missing] =
        [name(".pcap"), name("2.pcap"), name("4.pcap")].map(|name| Path::new("pcap").join(name));
    let scenario = Path::new("scenarios").join(name(".toml"));
    let (argument, out) = (name("5"), name("6.html"));
    let no_folder = Path::new(&name("7")).join(name("8"));
    let mut lines: Vec<Vec<OsString>> = WHOLE.iter().map(|words| line(words, &[])).collect();
    for file in [&hostile, &damaged, &missing] {
        lines.extend(READING.map(|words| line(words, &[file.as_os_str()])));
    }
    for verb in [
        "validate", "capture", "check", "accept", "docs", "init", "learn", "list", "doctor",
    ] {
        lines.push(line(&[verb], &[&argument]));
        lines.push(line(&[verb, "--out"], &[&argument]));
        lines.push(line(&[verb, "--set"], &[&argument]));
        lines.push(line(&[verb], &[no_folder.as_os_str()]));
        lines.push(line(&[verb], &[scenario.as_os_str()]));
    }
    lines.push(line(&[], &[&argument]));
    lines.push(line(&["--colour"], &[&argument]));
    let page = [hostile.as_os_str(), OsStr::new("--out")];
    lines.push(line(&["report"], &[&page[..], &[&out]].concat()));
    lines.push(line(
        &["report"],
        &[&page[..], &[no_folder.as_os_str()]].concat(),
    ));
    lines.push(line(&["check", "--captures"], &[no_folder.as_os_str()]));
    let files = [damaged.as_os_str(), hostile.as_os_str()];
    lines.push(line(&["learn", "talk", "--from"], &files));
    lines
}

#[test]
fn no_verb_prints_what_a_terminal_would_obey() {
    let project = Project::new();
    for arguments in command_lines() {
        for colours in [false, true] {
            let output = project.run(&arguments, colours);
            let what = format!("{arguments:?}");
            assert_safe(&what, &output.stdout, colours);
            assert_safe(&what, &output.stderr, colours);
            assert_ne!(output.status.code(), None, "{what}: ended by a signal");
            assert_ne!(output.status.code(), Some(101), "{what}: a panic");
            let is_json = arguments.iter().any(|argument| argument == "json");
            if is_json && !output.stdout.is_empty() {
                serde_json::from_slice::<serde_json::Value>(&output.stdout)
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
            }
        }
    }
}

#[test]
fn names_that_are_no_utf_8_are_names_as_any_other() {
    let project = Project::new();
    let capture = Path::new("pcap").join(name(".pcap"));
    let run = |arguments: &[&str], path: &Path| {
        let arguments = arguments.iter().map(|one| OsStr::new(*one));
        let arguments: Vec<&OsStr> = arguments.chain([path.as_os_str()]).collect();
        project.run(&arguments, false)
    };
    for arguments in [&["payload"][..], &["stats"], &["diff", "pcap/talk.pcap"]] {
        let output = run(arguments, &capture);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
    let page = name("9.html");
    let output = run(&["report", "pcap/talk.pcap", "--out"], Path::new(&page));
    assert_eq!(output.status.code(), Some(0));
    let mut written = String::new();
    let mut file = fs::File::open(project.root().join(&page)).unwrap();
    file.read_to_string(&mut written).unwrap();
    assert!(written.ends_with("</html>\n"));
    // A listing of such a capture is reviewed and compared like any other.
    let output = run(&["accept"], &capture);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = run(&["check"], &capture);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let init = name("10");
    let output = run(&["init"], Path::new(&init));
    assert_eq!(output.status.code(), Some(0));
    assert!(project.root().join(&init).join("wiresnap.toml").is_file());
}

/// Creates a project whose one capture differs from its snapshot, with a stale page and a wrong scenario.
fn unreviewed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["scenarios", "pcap", "snapshots", "docs"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    let configuration = "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";
    fs::write(root.join("wiresnap.toml"), configuration).unwrap();
    let of_tree = |name: &str| workspace::root().join("pcap").join(name);
    fs::copy(of_tree("webapp.pcap"), root.join("pcap/one.pcap")).unwrap();
    fs::copy(of_tree("tcpapp.pcap"), root.join("pcap/two.pcap")).unwrap();
    let page = "<!-- wiresnap: stats pcap/one.pcap -->\n<!-- /wiresnap -->\n";
    fs::write(root.join("docs/page.md"), page).unwrap();
    fs::write(root.join("scenarios/wrong.toml"), "description = 1\n").unwrap();
    folder
}

/// The verbs with their exit codes in the project of [`unreviewed`].
const VERDICTS: [(&[&str], i32); 12] = [
    (&["check"], 1),
    (&["check", "--format", "json"], 1),
    (&["check", "--format", "junit"], 1),
    (&["diff", "pcap/one.pcap", "pcap/two.pcap"], 1),
    (
        &["diff", "pcap/one.pcap", "pcap/two.pcap", "--format", "json"],
        1,
    ),
    (&["diff", "pcap/one.pcap", "pcap/one.pcap"], 0),
    (&["docs", "--check"], 1),
    (&["list"], 0),
    (&["stats", "pcap/one.pcap"], 0),
    (&["stats", "pcap/one.pcap", "no/such.pcap"], 2),
    (&["payload", "pcap/one.pcap"], 0),
    (&["report", "pcap/one.pcap", "--out", "-"], 0),
];

#[test]
fn a_closed_pipe_loses_output_and_no_verdict() {
    let project = unreviewed();
    for (arguments, code) in VERDICTS {
        let run = |out: Stdio, error: Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wiresnap"));
            command.current_dir(project.path()).args(arguments);
            command.stdin(Stdio::null()).stdout(out).stderr(error);
            command.spawn().unwrap().wait_with_output().unwrap()
        };
        let closed = || {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            Stdio::from(writer)
        };
        let open = run(Stdio::piped(), Stdio::piped());
        assert_eq!(open.status.code(), Some(code), "{arguments:?}");
        let output = run(closed(), Stdio::piped());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}, nobody reads"
        );
        assert_eq!(
            output.stderr, open.stderr,
            "{arguments:?}: what is wrong is said"
        );
        let output = run(Stdio::piped(), closed());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}, nobody listens"
        );
        assert_eq!(output.stdout, open.stdout, "{arguments:?}");
        let output = run(closed(), closed());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}, nobody is there"
        );
    }
}

#[test]
fn a_full_disk_is_the_environments_fault() {
    let Ok(_) = fs::metadata("/dev/full") else {
        return;
    };
    let project = unreviewed();
    let help = [(&["--help"][..], 0), (&["stats", "--help"], 0)];
    for (arguments, _) in VERDICTS.into_iter().chain(help) {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
            .current_dir(project.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(full)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(
            said.contains("error: cannot write to standard output: no storage space\n"),
            "{arguments:?}: {said}"
        );
    }
}

#[test]
fn few_open_files_are_an_error_that_says_so() {
    let project = unreviewed();
    for limit in (4..12).chain([20, 40, 63, 64]) {
        for arguments in [
            "stats pcap/one.pcap",
            "payload pcap/one.pcap",
            "diff pcap/one.pcap pcap/one.pcap",
            "report pcap/one.pcap --out page.html",
            "check",
            "list",
            "doctor",
            "capture",
            "learn wrong",
        ] {
            // What the machine lacks besides takes seconds to find out.
            let examines = ["doctor", "capture", "learn wrong"].contains(&arguments);
            if examines && limit > 63 {
                continue;
            }
            let wiresnap = env!("CARGO_BIN_EXE_wiresnap");
            let output = Command::new("bash")
                .current_dir(project.path())
                .arg("-c")
                .arg(format!("ulimit -n {limit}; exec {wiresnap} {arguments}"))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                !said.contains("panicked"),
                "{limit} files, {arguments}: {said}"
            );
            assert!(
                output.status.code().is_some_and(|code| code < 6),
                "{arguments}"
            );
            if examines && output.status.code() == Some(3) {
                assert!(
                    said.contains("files open"),
                    "{limit} files, {arguments}: {said}"
                );
            }
        }
    }
}
