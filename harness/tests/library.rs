//! The library as tests in Rust use it, as far as it goes without a lab; `examples/rust-service` is the rest.

mod workspace;

use std::path::Path;

use wiresnap::{Class, Lab, Recording, Scenario, assert_wire_snapshot};

/// A scenario in which curl requests a page from a server, which is to be set.
const GREETS: &str = r#"
description = "curl asks for a greeting"
command = ["python3", "server.py", "{host}", "{port}"]
client = "command"

[variables]
name = {}

[[mark]]
at = 0
run = ["curl", "http://{host}:{port}/{name}"]
"#;

fn greets() -> Scenario {
    Scenario::from_toml("greets", GREETS).unwrap()
}

/// Returns a lab in which this project's wiresnap plays.
fn lab() -> Lab {
    Lab::new().executable(env!("CARGO_BIN_EXE_wiresnap"))
}

fn committed(name: &str) -> Recording {
    let capture = workspace::root().join("pcap").join(name);
    Recording::open(capture.with_extension("pcap")).unwrap()
}

#[test]
fn a_recording_is_held_to_the_snapshot_by_the_insta_of_the_caller() {
    // The settings are those of this package's own insta, and the snapshot is the reviewed one of this capture.
    workspace::settings().bind(|| assert_wire_snapshot!("tcpapp", committed("tcpapp")));
}

#[test]
fn messages_are_those_of_the_capture() {
    let recording = committed("wsapp");
    let messages = recording.messages().unwrap();

    let upgrade = messages
        .iter()
        .find(|message| message.status() == Some(101));
    let frames: Vec<_> = messages
        .iter()
        .filter(|message| message.protocol() == "websocket")
        .collect();

    let upgrade = upgrade.unwrap();
    assert_eq!(upgrade.connection(), 2);
    assert_eq!(upgrade.header("UPGRADE"), Some("websocket"));
    assert!(frames[0].is_from_client());
    assert_eq!(frames[0].text(), Some("get-time"));
    assert_eq!(frames[0].status(), None);
    assert_eq!(frames[0].json()["opcode"], "text");
}

#[test]
fn what_is_saved_can_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let recording = committed("webapp");

    let saved = recording.save(folder.path().join("kept")).unwrap();

    assert_eq!(saved, folder.path().join("kept/webapp.pcap"));
    let again = Recording::open(&saved).unwrap();
    assert_eq!(again.bytes().unwrap(), recording.bytes().unwrap());
    assert_eq!(again.provenance(), recording.provenance());
    assert_eq!(again.stats().unwrap(), recording.stats().unwrap());
}

#[test]
fn what_is_no_capture_is_refused() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");

    let error = Recording::open(&manifest).unwrap_err();

    assert_eq!(error.class(), Class::Usage);
    let start = format!("cannot read {}: ", manifest.display());
    assert!(error.to_string().starts_with(&start), "{error}");
}

#[test]
fn a_scenario_without_a_value_is_not_played() {
    let error = lab().play_blocking(&greets()).unwrap_err();

    assert_eq!(error.class(), Class::Usage);
    let said = error.to_string();
    assert!(
        said.starts_with("greets.toml:7:1: `name` has no value"),
        "{said}"
    );
}

#[test]
fn a_variable_that_nobody_knows_is_told() {
    let scenario = greets().set("name", "Ada").set("nmae", "Ada");

    let error = lab().play_blocking(&scenario).unwrap_err();

    assert_eq!(error.class(), Class::Usage);
    assert_eq!(
        error.to_string(),
        "no scenario here has a variable `nmae`\nhint: the variables here are name"
    );
}

#[test]
fn an_executable_that_is_none_is_named() {
    let error = Lab::new()
        .executable("/nowhere/wiresnap")
        .play_blocking(&greets())
        .unwrap_err();

    assert_eq!(error.class(), Class::Environment);
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/wiresnap is not an executable file"),
        "{error}"
    );
}

/// Returns the error about an executable with this script.
fn told_of(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("wiresnap");
    workspace::write_executable(&other, script);
    let error = Lab::new()
        .executable(&other)
        .play_blocking(&greets())
        .unwrap_err();
    error
        .to_string()
        .replace(folder.path().to_str().unwrap(), "FOLDER")
}

#[test]
fn an_executable_of_another_version_is_refused() {
    let said = told_of("echo wiresnap 0.0.1");
    workspace::settings().bind(|| insta::assert_snapshot!("error-library-version", said));
}

#[test]
fn an_executable_that_does_not_answer_is_told() {
    let version = env!("CARGO_PKG_VERSION");
    let said = told_of(&format!(
        "[ \"$1\" = --version ] && echo wiresnap {version} || exit 7"
    ));
    workspace::settings().bind(|| insta::assert_snapshot!("error-library-no-answer", said));
}
