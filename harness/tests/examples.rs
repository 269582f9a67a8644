//! Captures the projects in `examples/` as their readers would.
//!
//! The tests need Python, curl and Firefox, and everything else that a capture takes; `make test-live` runs them.

mod live_support;
mod workspace;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use live_support::{Bench, has_chromium};
use wiresnap::listing::listing;
use wiresnap::trace::provenance::Provenance;

/// The scenarios of the example.
const SCENARIOS: [&str; 4] = ["curl", "form", "link", "shell"];

#[test]
fn a_server_in_python_is_captured_with_browser_and_commands() {
    let bench = Bench::new();
    let project = bench.path("project");
    let example = workspace::root().join("examples/greetings");
    for name in ["server.py", "greeter.py", "talk.py"] {
        fs::copy(example.join(name), project.join(name)).unwrap();
    }
    for name in SCENARIOS {
        let file = example.join("scenarios").join(name).with_extension("toml");
        bench.scenario(name, &fs::read_to_string(file).unwrap());
    }

    let outcome = bench.run(&[&SCENARIOS[..], &["--time-scale", "0.25"]].concat());

    outcome.is(0, &[]);
    for name in SCENARIOS {
        let capture = bench.captures().join(name).with_extension("pcap");
        let mut settings = workspace::settings();
        settings.set_snapshot_path(example.join("snapshots"));
        settings.bind(|| insta::assert_snapshot!(name, listing(&capture, true).unwrap()));
    }
}

/// Captures a chat again and again: two browsers, netcats and a command, and both kinds in one scenario.
#[test]
fn a_chat_lists_the_same_each_time() {
    let scenarios = ["browsers", "lines", "mixed"];
    let bench = chat(&scenarios);
    for _ in 0..5 {
        let options = ["--replace", "--time-scale", "0.5"];
        bench.run(&[&scenarios[..], &options].concat()).is(0, &[]);
        for name in scenarios {
            assert_chat_is_as_reviewed(&bench, "", name);
        }
    }
}

#[test]
fn a_chat_in_chromium_is_as_reviewed() {
    if !has_chromium() {
        return;
    }
    let scenarios = ["browsers", "mixed"];
    let bench = chat(&scenarios);

    let outcome = bench.run(&[&scenarios[..], &["--browser", "chromium"]].concat());

    outcome.is(0, &[]);
    for name in scenarios {
        assert_chat_is_as_reviewed(&bench, "chromium", name);
    }
}

/// Returns a workbench with these scenarios of the chat.
fn chat(scenarios: &[&str]) -> Bench {
    let bench = Bench::new();
    let example = workspace::root().join("examples/chat");
    fs::copy(example.join("chat.py"), bench.path("project/chat.py")).unwrap();
    for name in scenarios {
        let file = example.join("scenarios").join(name).with_extension("toml");
        bench.scenario(name, &fs::read_to_string(file).unwrap());
    }
    bench
}

/// Compares a capture of the chat with its snapshot; both are in this folder of captures and of snapshots.
#[track_caller]
fn assert_chat_is_as_reviewed(bench: &Bench, folder: &str, name: &str) {
    let capture = bench.captures().join(folder).join(name);
    let listing = listing(&capture.with_extension("pcap"), true).unwrap();
    let snapshots = workspace::root().join("examples/chat/snapshots");
    let mut settings = workspace::settings();
    settings.set_snapshot_path(snapshots.join(folder));
    settings.bind(|| insta::assert_snapshot!(name, listing));
}

/// Captures the example with its own rules: its session is overwritten in the capture itself.
#[test]
fn a_session_is_in_nothing_that_a_capture_leaves() {
    let bench = Bench::new();
    let example = login(&bench);
    let config = fs::read_to_string(example.join("wiresnap.toml")).unwrap();
    let config = config.replace("captures = \"pcap\"", "captures = \"captures\"");
    fs::write(bench.path("project/wiresnap.toml"), config).unwrap();

    let outcome = bench.run(&["login"]);

    outcome.is(0, &[]);
    assert!(!outcome.said.contains("credential"), "{}", outcome.said);
    let pcap = bench.captures().join("login.pcap");
    let bytes = fs::read(&pcap).unwrap();
    let sessions = values_behind(&bytes, b"session=");
    assert_eq!(sessions, [b"<session.......................>"; 2]);
    let provenance = Provenance::read_beside(&pcap).unwrap().unwrap();
    assert!(provenance.secrets_overwritten);
    let listing = String::from_utf8(
        wiresnap(&bench, &["payload", "--redact", pcap.to_str().unwrap()]).stdout,
    );
    let mut settings = workspace::settings();
    settings.set_snapshot_path(example.join("snapshots"));
    settings.bind(|| insta::assert_snapshot!("login", listing.unwrap()));
}

#[test]
fn what_learn_proposes_makes_the_next_capture_list_the_same() {
    let bench = Bench::new();
    login(&bench);
    let file = bench.path("project/wiresnap.toml");
    let config = fs::read_to_string(&file).unwrap();
    let known = "known_credentials = [\"form field password\"]\n";
    fs::write(&file, format!("{config}{known}")).unwrap();

    let said = learn_at_a_terminal(&bench, "login", "a\na\na\na\n");

    assert!(
        said.contains("4 rules written into wiresnap.toml"),
        "{said}"
    );
    let config = fs::read_to_string(&file).unwrap();
    assert_eq!(config.matches("secret = true").count(), 1, "{config}");
    for (arguments, exit_code) in [
        (&["capture", "login"][..], 0),
        (&["accept", "login"], 0),
        (&["capture", "login"], 0),
        (&["check", "login"], 0),
    ] {
        let output = wiresnap(&bench, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(exit_code),
            "{arguments:?}: {said}"
        );
        assert!(!said.contains("credential"), "{said}");
    }
}

#[test]
fn learn_finds_that_built_in_rules_hide_all_that_varies_in_the_experiment() {
    let bench = Bench::new();
    for (scenario, hidden) in [("tcpapp", "clock time"), ("wsapp", "WebSocket accept")] {
        let output = wiresnap(
            &bench,
            &["learn", scenario, "--times", "2", "--time-scale", "0.1"],
        );
        let out = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{out}{said}");
        assert!(out.contains(hidden), "{out}");
        assert!(out.contains("all 2 runs list the same"), "{out}");
    }
}

/// Puts the example with the login on the workbench; returns its path.
fn login(bench: &Bench) -> PathBuf {
    let example = workspace::root().join("examples/login");
    for name in ["server.py", "client.py"] {
        fs::copy(example.join(name), bench.path("project").join(name)).unwrap();
    }
    let scenario = fs::read_to_string(example.join("scenarios/login.toml")).unwrap();
    bench.scenario("login", &scenario);
    example
}

fn wiresnap(bench: &Bench, arguments: &[&str]) -> Output {
    let mut command = Command::new(bench.path("bin/wiresnap"));
    command.args(arguments).current_dir(bench.path("project"));
    command.output().unwrap()
}

fn learn_at_a_terminal(bench: &Bench, scenario: &str, typed: &str) -> String {
    let arguments = format!("learn {scenario} --times 3");
    let (wiresnap, project) = (bench.path("bin/wiresnap"), bench.path("project"));
    let said = workspace::at_a_terminal(&wiresnap, &project, &arguments, typed);
    assert_eq!(said.code, Some(0), "{}", said.out);
    said.out
}

/// Returns the 32 bytes after each occurrence of these.
fn values_behind<'a>(bytes: &'a [u8], name: &[u8]) -> Vec<&'a [u8]> {
    let places = memchr::memmem::find_iter(bytes, name);
    places.map(|at| &bytes[at + name.len()..][..32]).collect()
}

#[test]
fn what_init_writes_is_captured_reviewed_and_checked() {
    let bench = Bench::new();
    let project = bench.path("tmp/hello");
    let wiresnap = |arguments: &[&str]| {
        let mut command = Command::new(bench.path("bin/wiresnap"));
        let output = command.args(arguments).current_dir(&project).output();
        output.unwrap()
    };
    fs::create_dir(&project).unwrap();

    for (arguments, exit_code) in [
        (&["init"][..], 0),
        (&["validate"], 0),
        (&["capture", "--time-scale", "0.5"], 0),
        (&["check"], 1),
        (&["accept", "--all"], 0),
        (&["check"], 0),
        (&["capture"], 0),
        (&["check"], 0),
    ] {
        let output = wiresnap(arguments);

        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(exit_code),
            "{arguments:?}: {said}"
        );
    }
    let listing = fs::read_to_string(project.join("snapshots/hello.snap")).unwrap();
    assert!(listing.contains("GET /hello.txt HTTP/1.1"), "{listing}");
}
