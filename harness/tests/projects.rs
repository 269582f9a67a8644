//! `wiresnap list`, `validate` and `init`: the contents of a project, its mistakes, and its beginning.

mod workspace;

use std::fs;
use std::process::Command;

use workspace::{Said, wiresnap};

const CONFIGURATION: &str =
    "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";

/// Returns a scenario for netcat.
fn scenario(program: &str) -> String {
    format!(
        "description = \"x\"\nprogram = \"{program}\"\nclient = \"nc\"\n[[mark]]\nat = 0\nopen = true\n[[mark]]\nat = 2.5\nclose = true\n"
    )
}

/// wiresnap in a separate folder, beside one program, `app`, and a project there.
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

/// Creates three scenarios: captured and reviewed, never captured, and broken.
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
fn a_list_has_a_row_more_for_another_browser() {
    let stage = Stage::new();
    stage.put(
        "scenarios/webapp.toml",
        &scenario("app")
            .replace("\"nc\"", "\"firefox\"")
            .replace("open = true", "open = \"/\""),
    );
    for file in [
        "pcap/chromium/webapp.pcap",
        "pcap/chromium/webapp.json",
        "snapshots/chromium/webapp.snap",
    ] {
        stage.copy(file, file);
    }

    let Said { code, out, error } = stage.run(&["list"]);

    assert_eq!((code, &*error), (Some(0), ""));
    let rows: Vec<&str> = out.lines().skip(2).collect();
    assert!(
        rows[0].starts_with("webapp    app      Firefox    2.5 s  no "),
        "{out}"
    );
    assert!(
        rows[1].starts_with("webapp    app      Chromium   2.5 s  2026-"),
        "{out}"
    );
    assert!(rows[1].ends_with("UTC  yes"), "{out}");
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
        "scenarios/broken.toml:1:1: unknown field `colour`, expected one of `description`, `variables`, `program`, `command`, `arguments`, `environment`, `folder`, `ready`, `daemon`, `host`, `port`, `network`, `link`, `client`, `connections`, `line_end`, `body_limit`, `repeats`, `helper`, `mark`, `redact`"
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
            "chromium": null,
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

#[test]
fn what_is_set_is_a_variable_of_a_scenario_and_set_once() {
    let stage = Stage::new();
    let variables = "\n[variables]\nlanguage = \"en\"\nname = {}\n";
    let greets = scenario("app").replace(
        "\n[[mark]]\nat = 0",
        &format!("{variables}[[mark]]\nat = 0"),
    );
    stage.put("scenarios/greets.toml", &greets);
    stage.put("scenarios/other.toml", &scenario("app"));
    for (set, code, says) in [
        // What has to be set to be played, need not be to be looked at.
        (&[][..], 0, ""),
        (&["name=Ada"], 0, ""),
        (&["name="], 0, ""),
        (
            &["nmae=Ada"],
            2,
            "error: no scenario here has a variable `nmae`\nhint: the variables here are language, name\n",
        ),
        (
            &["name=Ada", "name=Bob"],
            2,
            "error: `--set name=…` is given twice\nhint: keep one of the two\n",
        ),
    ] {
        let options = set.iter().flat_map(|set| ["--set", set]);
        let arguments: Vec<&str> = std::iter::once("validate").chain(options).collect();

        let said = stage.run(&arguments);

        assert_eq!((said.code, &*said.error), (Some(code), says), "{set:?}");
    }

    let Said { code, error, .. } = stage.run(&["capture", "greets"]);

    assert_eq!(code, Some(2));
    assert!(
        error.starts_with("error: scenarios/greets.toml:6:1: `name` has no value"),
        "{error}"
    );
}

#[test]
fn names_with_dots_are_names_of_their_own() {
    let stage = Stage::new();
    for (name, capture) in [("v1", "tcpapp"), ("v1.1", "wsapp"), ("v1.2", "sseapp")] {
        stage.put(&format!("scenarios/{name}.toml"), &scenario("app"));
        stage.copy(
            &format!("pcap/{capture}.pcap"),
            &format!("pcap/{name}.pcap"),
        );
        stage.copy(
            &format!("pcap/{capture}.json"),
            &format!("pcap/{name}.json"),
        );
    }
    let snapshot = |name: &str| stage.0.path().join("project/snapshots").join(name);

    // What is left for review is beside the snapshot that it would be, and what is accepted is what was named.
    assert_eq!(stage.run(&["check"]).code, Some(1));
    for name in ["v1", "v1.1", "v1.2"] {
        assert!(snapshot(&format!("{name}.snap.new")).is_file(), "{name}");
    }
    let Said { code, out, .. } = stage.run(&["accept", "v1.1"]);
    assert_eq!((code, &*out), (Some(0), "accepted: snapshots/v1.1.snap\n"));
    for name in ["v1.snap", "v1.2.snap", "v1.1.snap.new"] {
        assert!(!snapshot(name).exists(), "{name}");
    }
    let accepted = fs::read_to_string(snapshot("v1.1.snap")).unwrap();
    assert!(
        accepted.contains("payloads of pcap/v1.1.pcap"),
        "{accepted}"
    );
    assert!(accepted.contains("Upgrade: websocket"), "{accepted}");

    let Said { out, .. } = stage.run(&["list"]);
    let reviewed = |line: &&str| line.ends_with("yes");
    let reviewed: Vec<&str> = out.lines().filter(reviewed).collect();
    assert!(
        matches!(reviewed[..], [one] if one.starts_with("v1.1 ")),
        "{out}"
    );
}

/// Returns the errors of `validate` and `capture` for a project with these scenarios; those of a browser take a
/// screenshot with this name at mark 2.
fn refused(scenarios: &[(&str, Option<&str>)]) -> String {
    let stage = Stage::new();
    for (name, picture) in scenarios {
        let text = picture.map_or_else(
            || scenario("app"),
            |picture| {
                format!(
                    "description = \"x\"\nprogram = \"app\"\nclient = \"firefox\"\n[[mark]]\nat = 0\nopen = \"/\"\n[[mark]]\nat = 1\nscreenshot = {picture}\n[[mark]]\nat = 2.5\nclose = true\n"
                )
            },
        );
        stage.put(&format!("scenarios/{name}.toml"), &text);
    }
    let validated = stage.run(&["validate"]);
    let captured = stage.run(&["capture", scenarios[0].0]);
    assert_eq!(
        [validated.code, captured.code],
        [Some(2); 2],
        "{}{}",
        validated.error,
        captured.error
    );
    let first = validated
        .error
        .split_inclusive('\n')
        .take(2)
        .collect::<String>();
    assert_eq!(first, captured.error);
    first
}

#[test]
fn scenarios_that_would_write_the_same_file_are_refused() {
    let hint = "hint: rename one of the two, or capture into another folder with --out\n";
    let same_on_some = "hint: rename one of the two: where file systems do not tell upper from lower case, that is one file\n";
    for (scenarios, message, hint) in [
        (
            &[("V1", None), ("v1", None)][..],
            "scenarios/V1.toml and scenarios/v1.toml would write V1.pcap and v1.pcap",
            same_on_some,
        ),
        (
            &[("a", Some("\"b-2\"")), ("a-b", Some("true"))],
            "scenarios/a.toml and scenarios/a-b.toml would both write a-b-2.png",
            hint,
        ),
        (
            &[("a", Some("\"B-2\"")), ("a-b", Some("true"))],
            "scenarios/a.toml and scenarios/a-b.toml would write a-B-2.png and a-b-2.png",
            same_on_some,
        ),
    ] {
        assert_eq!(refused(scenarios), format!("error: {message}\n{hint}"));
    }
}

#[test]
fn a_scenario_from_elsewhere_does_not_take_the_place_of_one_of_the_project() {
    let stage = Stage::new();
    for file in ["scenarios/later.toml", "later.toml", "other.toml"] {
        stage.put(file, &scenario("app"));
    }

    let Said { code, error, .. } = stage.run(&["capture", "later.toml"]);

    assert_eq!(code, Some(2));
    assert_eq!(
        error,
        "error: later.toml and scenarios/later.toml would both write later.pcap\nhint: rename one of the two, or capture into another folder with --out\n"
    );
    // Named twice, it is one.
    let Said { code, out, .. } = stage.run(&["validate", "later", "scenarios/later.toml"]);
    assert_eq!((code, &*out), (Some(0), "1 scenario, no mistake\n"));
}

#[test]
fn a_name_that_is_taken_for_something_else_is_none() {
    for name in ["--out", "-v", "a.pcap", "a.PCAPNG", "a.toml", "a b"] {
        let stage = Stage::new();
        stage.put(&format!("scenarios/{name}.toml"), &scenario("app"));

        let Said { code, error, .. } = stage.run(&["validate"]);

        assert_eq!(code, Some(2));
        let message =
            format!("error: scenarios/{name}.toml is not a valid name for a scenario\nhint: ");
        assert!(error.starts_with(&message), "{error}");
    }
}

#[test]
fn what_editors_leave_beside_scenarios_is_none() {
    let stage = Stage::new();
    stage.put("scenarios/later.toml", &scenario("app"));
    for name in [
        "later.toml~",
        "#later.toml#",
        ".later.toml.swp",
        ".later.toml",
    ] {
        stage.put(&format!("scenarios/{name}"), "half of a scena");
    }
    let lock = stage.0.path().join("project/scenarios/.#later.toml");
    std::os::unix::fs::symlink("somebody@somewhere.1:2", lock).unwrap();

    for (arguments, said) in [
        (["validate"], "1 scenario, no mistake\n"),
        (["list"], "later"),
    ] {
        let Said { code, out, error } = stage.run(&arguments);
        assert_eq!((code, &*error), (Some(0), ""));
        assert!(
            out.contains(said) && out.matches("later").count() <= 1,
            "{out}"
        );
    }
}
