//! `wiresnap list`, `validate` and `init`: what a project holds, what is wrong with it, and how one begins.

mod workspace;

use std::fs;
use std::process::Command;

use workspace::{Said, wiresnap};

const CONFIGURATION: &str =
    "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";

/// A scenario for netcat.
fn scenario(program: &str) -> String {
    format!(
        "description = \"x\"\nprogram = \"{program}\"\nclient = \"nc\"\n[[mark]]\nat = 0\nopen = true\n[[mark]]\nat = 2.5\nclose = true\n"
    )
}

/// wiresnap in a folder of its own, beside one program, `app`, and a project there.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("bin")).unwrap();
        fs::create_dir_all(folder.path().join("project/scenarios")).unwrap();
        let status = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_wiresnap"))
            .arg(folder.path().join("bin/wiresnap"))
            .status();
        assert!(status.unwrap().success());
        workspace::write_executable(&folder.path().join("bin/app"), "exit 1");
        fs::write(folder.path().join("project/wiresnap.toml"), CONFIGURATION).unwrap();
        Self(folder)
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.0.path().join("project").join(file), text).unwrap();
    }

    fn copy(&self, file: &str, to: &str) {
        let place = self.0.path().join("project").join(to);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(workspace::root().join(file), place).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let folder = self.0.path();
        workspace::run(
            &folder.join("bin/wiresnap"),
            &folder.join("project"),
            arguments,
        )
    }
}

/// Three scenarios: captured and reviewed, never captured, and broken.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.put("scenarios/tcpapp.toml", &scenario("app"));
    stage.put("scenarios/later.toml", &scenario("app"));
    stage.put("scenarios/broken.toml", "colour = \"red\"\n");
    stage.copy("pcap/tcpapp.pcap", "pcap/tcpapp.pcap");
    stage.put(
        "pcap/tcpapp.json",
        &fs::read_to_string(workspace::root().join("pcap/tcpapp.json"))
            .unwrap()
            .replace(
                "\"started\": \"",
                "\"started\": \"2026-01-02T03:04:05.4Z\", \"was\": \"",
            ),
    );
    stage.copy("snapshots/tcpapp.snap", "snapshots/tcpapp.snap");
    stage
}

#[test]
fn a_list_tells_how_far_each_scenario_has_come() {
    let Said { code, out, error } = stage().run(&["list"]);
    assert_eq!((code, &*error), (Some(0), ""));
    workspace::settings().bind(|| insta::assert_snapshot!("list", out));
}

#[test]
fn a_list_for_programs_holds_the_same() {
    let stage = stage();
    fs::remove_file(stage.0.path().join("project/snapshots/tcpapp.snap")).unwrap();

    let Said { code, out, error } = stage.run(&["list", "--format", "json"]);

    assert_eq!((code, &*error), (Some(0), ""));
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        list[0]["error"],
        "scenarios/broken.toml:1:1: unknown field `colour`, expected one of `description`, `program`, `command`, `arguments`, `environment`, `folder`, `ready`, `port`, `network`, `link`, `client`, `helper`, `mark`"
    );
    assert_eq!(list[1]["capture"], serde_json::Value::Null);
    assert_eq!(
        list[2],
        serde_json::json!({
            "name": "tcpapp",
            "file": "scenarios/tcpapp.toml",
            "program": "app",
            "client": "nc",
            "seconds": 2.5,
            "capture": {
                "pcap": "pcap/tcpapp.pcap",
                "at": "2026-01-02T03:04:05.4Z",
                "state": "new",
            },
            "error": null,
        })
    );
}

#[test]
fn no_scenario_is_a_short_list() {
    let Said { code, out, error } = Stage::new().run(&["list"]);
    assert_eq!((code, &*out), (Some(0), ""));
    assert_eq!(error, "note: no scenario in scenarios\n");
}

#[test]
fn every_file_with_a_mistake_is_told() {
    let stage = stage();
    stage.put(
        "scenarios/unbuilt.toml",
        &scenario("appp").replace("2.5", "0"),
    );

    let Said { code, out, error } = stage.run(&["validate"]);

    assert_eq!((code, &*out), (Some(2), ""));
    workspace::settings().bind(|| insta::assert_snapshot!("error-validate", error));
}

#[test]
fn scenarios_without_mistake_are_counted() {
    let stage = stage();
    for (arguments, said) in [
        (
            &["validate", "tcpapp", "later"][..],
            "2 scenarios, no mistake\n",
        ),
        (
            &["validate", "scenarios/later.toml"],
            "1 scenario, no mistake\n",
        ),
    ] {
        let Said { code, out, error } = stage.run(arguments);
        assert_eq!((code, &*out, &*error), (Some(0), said, ""));
    }
}

#[test]
fn a_project_begins_with_files_that_are_its_own() {
    let folder = tempfile::tempdir().unwrap();

    let Said { code, out, error } = wiresnap(folder.path(), &["init", "my project"]);

    assert_eq!((code, &*error), (Some(0), ""));
    workspace::settings().bind(|| insta::assert_snapshot!("init", out));
    let project = folder.path().join("my project");
    for file in [
        "wiresnap.toml",
        "scenarios/hello.toml",
        "scenarios/hello/hello.txt",
    ] {
        assert!(project.join(file).is_file(), "{file}");
    }
    for folder in ["pcap", "snapshots", "docs"] {
        assert!(project.join(folder).is_dir(), "{folder}");
    }
    let Said { out, .. } = wiresnap(&project, &["list", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(list[0]["name"], "hello");
}

#[test]
fn the_first_scenario_has_no_mistake() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(wiresnap(folder.path(), &["init"]).code, Some(0));
    let Said { code, out, error } = wiresnap(folder.path(), &["validate"]);
    assert_eq!(
        (code, &*out, &*error),
        (Some(0), "1 scenario, no mistake\n", "")
    );
}

#[test]
fn what_is_there_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scenarios")).unwrap();
    fs::write(folder.path().join("scenarios/hello.toml"), "mine").unwrap();
    fs::write(folder.path().join("docs"), "mine too").unwrap();

    let Said { code, out, error } = wiresnap(folder.path(), &["init"]);

    assert_eq!((code, &*out), (Some(2), ""));
    workspace::settings().bind(|| insta::assert_snapshot!("error-init-already-there", error));
    let mine = fs::read_to_string(folder.path().join("scenarios/hello.toml"));
    assert_eq!(mine.unwrap(), "mine");
    assert!(!folder.path().join("wiresnap.toml").exists());
}
