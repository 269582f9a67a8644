//! The projects in `examples/`, captured as their readers would capture them.
//!
//! They need Python, curl and Firefox, and what else a capture takes; `make test-live` runs them.

mod live_support;
mod workspace;

use std::fs;
use std::process::Command;

use live_support::Bench;
use wiresnap::commands::payload::listing;

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
