//! Captures that cannot be opened or read at all: what each verb prints for programs is JSON all the same, with the reason.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::run::{empty_project, printed, run_in};
use super::support::file::{ETHERNET, paced, pcap};
use super::support::network::ethernet;
use super::support::script::Script;
use super::workspace;

/// The place in the project that each fault is made at.
const FAULTY: &str = "pcap/talk.pcap";

/// A capture that nothing is wrong with.
const GOOD: &str = "good.pcap";

fn missing(_: &Path) {}

fn directory(place: &Path) {
    fs::create_dir(place).unwrap();
}

/// A file that not even root may read.
fn no_permission(place: &Path) {
    symlink("/proc/sys/net/ipv4/route/flush", place).unwrap();
}

fn not_a_capture(place: &Path) {
    fs::write(place, "<html>\n").unwrap();
}

fn empty(place: &Path) {
    fs::write(place, "").unwrap();
}

fn cut_in_its_header(place: &Path) {
    fs::write(place, &capture()[..10]).unwrap();
}

/// Makes a fault at a place.
type Make = fn(&Path);

/// The faults, and what makes them.
const FAULTS: [(&str, Make); 6] = [
    ("missing", missing),
    ("directory", directory),
    ("no-permission", no_permission),
    ("not-a-capture", not_a_capture),
    ("empty", empty),
    ("cut-in-its-header", cut_in_its_header),
];

/// Every verb that prints JSON about captures.
const VERBS: [&[&str]; 8] = [
    &["payload", "--format", "json", FAULTY],
    &["stats", "--format", "json", FAULTY, GOOD],
    &["diff", "--format", "json", FAULTY, GOOD],
    &["diff", "--format", "json", GOOD, FAULTY],
    &["learn", "talk", "--format", "json", "--from", FAULTY, GOOD],
    &["learn", "talk", "--format", "json", "--from", GOOD, FAULTY],
    &["check", "--format", "json", "talk"],
    &["list", "--format", "json"],
];

fn capture() -> Vec<u8> {
    let packets = Script::opened().close().packets();
    let frames: Vec<_> = packets.iter().map(|packet| ethernet(packet)).collect();
    pcap(ETHERNET, &paced(frames))
}

fn project(make: Make) -> tempfile::TempDir {
    let folder = empty_project();
    let root = folder.path();
    let scenario = "description = \"a talk\"\ncommand = [\"true\"]\nclient = \"nc\"\n[[mark]]\nat = 0\nopen = true\n[[mark]]\nat = 1\nclose = true\n";
    fs::write(root.join("scenarios/talk.toml"), scenario).unwrap();
    fs::write(root.join("snapshots/talk.snap"), "---\nsource: x\n---\n").unwrap();
    fs::write(root.join(GOOD), capture()).unwrap();
    make(&root.join(FAULTY));
    folder
}

fn json(arguments: &[&str], output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", printed(output)))
}

/// Every `error` in it.
fn errors(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().flat_map(errors).collect(),
        Value::Object(fields) => {
            let own = fields.get("error").and_then(Value::as_str);
            own.into_iter()
                .chain(fields.values().flat_map(errors))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn every_verb_prints_whole_json_whatever_is_wrong_with_a_capture() {
    for (name, make) in FAULTS {
        let project = project(make);
        let mut shown = String::new();
        for arguments in VERBS {
            let output = run_in(project.path(), arguments);
            let value = json(arguments, &output);
            let is_list = arguments[0] == "list";
            // A listing of scenarios says how each stands; that one cannot be read fails `check`.
            let expected = if is_list { 0 } else { 2 };
            assert_eq!(
                output.status.code(),
                Some(expected),
                "{name}: {arguments:?}"
            );
            assert_eq!(errors(&value).is_empty(), is_list, "{name}: {arguments:?}");
            let said = String::from_utf8_lossy(&output.stderr);
            for error in errors(&value) {
                assert!(said.contains(error), "{name}: {arguments:?}: {said}");
            }
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let arguments = arguments.join(" ");
            writeln!(shown, "$ wiresnap {arguments}\n{pretty}\n{said}").unwrap();
        }
        workspace::settings().bind(|| insta::assert_snapshot!(format!("whole-json-{name}"), shown));
    }
}

/// Outside of a project, and with one that makes no sense, there is nothing to print but why.
#[test]
fn a_verb_that_cannot_begin_says_so_in_json() {
    let bare = tempfile::tempdir().unwrap();
    let damaged = project(not_a_capture);
    fs::write(damaged.path().join("wiresnap.toml"), "scenarios = 1\n").unwrap();
    let mut shown = String::new();
    for (folder, verbs) in [(&bare, &VERBS[4..]), (&damaged, &VERBS[..])] {
        for arguments in verbs {
            let output = run_in(folder.path(), arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            let value = json(arguments, &output);
            assert!(!errors(&value).is_empty(), "{arguments:?}: {value}");
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let pretty = pretty.replace(folder.path().to_str().unwrap(), "PROJECT");
            writeln!(shown, "$ wiresnap {}\n{pretty}", arguments.join(" ")).unwrap();
        }
    }
    workspace::settings().bind(|| insta::assert_snapshot!("whole-json-no-project", shown));
}

/// Pages are no JSON: where nothing can be read, nothing is printed.
#[test]
fn what_is_not_json_is_not_begun() {
    for (name, make) in FAULTS {
        let project = project(make);
        let output = run_in(project.path(), &["report", "--out", "-", FAULTY]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert_eq!(printed(&output), "", "{name}");
    }
}
