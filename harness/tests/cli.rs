//! The command line: its help texts and its errors, as users see them, each with its exit code.

mod workspace;

use std::path::Path;
use std::process::{Command, Stdio};

use workspace::{Said, wiresnap};

/// Compares the output of a failing command with its snapshot.
#[track_caller]
fn assert_fails(name: &str, folder: &Path, arguments: &[&str], code: i32) {
    let said = wiresnap(folder, arguments);
    assert_eq!(said.code, Some(code), "{}", said.error);
    assert_eq!(said.out, "");
    // The one thing that differs from machine to machine.
    let said = said.error.replace(folder.to_str().unwrap(), "FOLDER");
    workspace::settings().bind(|| insta::assert_snapshot!(format!("error-{name}"), said));
}

#[test]
fn help() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help-capture", &["capture", "--help"]),
        ("help-stats", &["stats", "--help"]),
        ("help-payload", &["payload", "--help"]),
        ("help-diff", &["diff", "--help"]),
        ("help-check", &["check", "--help"]),
        ("help-accept", &["accept", "--help"]),
        ("help-list", &["list", "--help"]),
        ("help-validate", &["validate", "--help"]),
        ("help-init", &["init", "--help"]),
        ("help-docs", &["docs", "--help"]),
        ("help-report", &["report", "--help"]),
        ("help-doctor", &["doctor", "--help"]),
    ] {
        let Said { code, out, .. } = wiresnap(&workspace::root(), arguments);
        assert_eq!(code, Some(0));
        workspace::settings().bind(|| insta::assert_snapshot!(name, out));
    }
}

/// Creates a project with one invalid scenario.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let configuration = "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";
    std::fs::write(folder.path().join("wiresnap.toml"), configuration).unwrap();
    std::fs::create_dir(folder.path().join("scenarios")).unwrap();
    std::fs::write(
        folder.path().join("scenarios/broken.toml"),
        "colour = \"red\"\n",
    )
    .unwrap();
    folder
}

#[test]
fn capture_of_what_makes_no_sense() {
    let project = project();
    assert_fails("capture-broken-scenario", project.path(), &["capture"], 2);
    assert_fails(
        "capture-unknown-scenario",
        project.path(),
        &["capture", "webap"],
        2,
    );
    assert_fails(
        "capture-unknown-option",
        project.path(),
        &["capture", "--speed", "2"],
        2,
    );
    let scenarios = project.path().join("scenarios");
    std::fs::remove_file(scenarios.join("broken.toml")).unwrap();
    let chromium = ["capture", "--browser", "chromium", "talk"];
    let talk = "description = \"x\"\ncommand = [\"true\"]\nclient = \"nc\"\n[[mark]]\nat = 0\nopen = true\n[[mark]]\nat = 1\nclose = true\n";
    std::fs::write(scenarios.join("talk.toml"), talk).unwrap();
    assert_fails("capture-not-of-a-browser", project.path(), &chromium, 2);
    assert_fails(
        "capture-none-of-a-browser",
        project.path(),
        &chromium[..3],
        2,
    );
    assert!(
        !project.path().join("pcap").exists(),
        "a folder was made for nothing"
    );
}

#[test]
fn capture_outside_a_project() {
    let folder = tempfile::tempdir().unwrap();
    assert_fails("capture-outside-a-project", folder.path(), &["capture"], 2);
}

#[test]
fn a_project_file_that_makes_no_sense() {
    let project = project();
    std::fs::write(project.path().join("wiresnap.toml"), "scenarios = 1\n").unwrap();
    assert_fails("project-file", project.path(), &["capture"], 2);
}

#[test]
fn captures_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text.pcap"), "this is no capture").unwrap();
    std::fs::write(folder.path().join("empty.pcap"), "").unwrap();
    for verb in ["stats", "payload", "report"] {
        for file in ["text.pcap", "empty.pcap", "missing.pcap"] {
            let name = format!("{verb}-{}", file.trim_end_matches(".pcap"));
            assert_fails(&name, folder.path(), &[verb, file], 2);
        }
    }
}

#[test]
fn captures_that_cannot_be_compared() {
    let folder = tempfile::tempdir().unwrap();
    let capture = workspace::root().join("pcap/tcpapp.pcap");
    std::fs::copy(capture, folder.path().join("whole.pcap")).unwrap();
    std::fs::write(folder.path().join("text.pcap"), "this is no capture").unwrap();
    for (name, arguments) in [
        ("diff-missing", &["missing.pcap", "whole.pcap"][..]),
        ("diff-text", &["whole.pcap", "text.pcap"]),
        ("diff-one", &["whole.pcap"]),
        ("diff-input-twice", &["-", "-"]),
        (
            "diff-unknown-kind",
            &["whole.pcap", "whole.pcap", "--ignore", "timing,other"],
        ),
    ] {
        let arguments = [&["diff"], arguments].concat();
        assert_fails(name, folder.path(), &arguments, 2);
    }
}

#[test]
fn reports_that_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    assert_fails("report-outside-a-project", folder.path(), &["report"], 2);
    let project = project();
    std::fs::create_dir(project.path().join("pcap")).unwrap();
    assert_fails("report-without-captures", project.path(), &["report"], 2);
    let capture = workspace::root()
        .join("pcap/tcpapp.pcap")
        .canonicalize()
        .unwrap();
    let capture = capture.to_str().unwrap();
    let arguments = ["report", capture, "--out", "no/such/folder.html"];
    assert_fails("report-into-no-folder", project.path(), &arguments, 2);
}

#[test]
fn a_file_that_only_has_the_name_of_a_record_is_no_reason_to_fail() {
    let project = project();
    let root = project.path();
    std::fs::create_dir(root.join("pcap")).unwrap();
    let capture = workspace::root().join("pcap/tcpapp.pcap");
    std::fs::copy(capture, root.join("pcap/one.pcap")).unwrap();
    for foreign in ["{}", "[1, 2]", "no JSON", ""] {
        std::fs::write(root.join("pcap/one.json"), foreign).unwrap();
        for arguments in [&["stats", "pcap/one.pcap"][..], &["report", "--out", "-"]] {
            let Said { code, out, error } = wiresnap(root, arguments);
            assert_eq!(code, Some(0), "{error}");
            assert!(out.contains("one"), "{out}");
            let warning = "warning: pcap/one.json: not the record of a capture";
            assert_eq!(error.matches(warning).count(), 1, "{error}");
        }
    }
}

#[test]
fn comparisons_that_make_no_sense() {
    let project = project();
    let root = project.path();
    assert_fails("check-without-captures", root, &["check"], 2);
    assert_fails("validate-unknown-scenario", root, &["validate", "x"], 2);
    assert_fails("accept-nobody-to-ask", root, &["accept"], 2);
    let all_and_named = ["accept", "--all", "tcpapp"];
    assert_fails("accept-all-and-named", root, &all_and_named, 2);
    std::fs::create_dir(root.join("pcap")).unwrap();
    assert_fails("check-no-such-capture", root, &["check", "tcpap"], 2);
    let capture = workspace::root().join("pcap/tcpapp.pcap");
    std::fs::copy(&capture, root.join("pcap/tcpapp.pcap")).unwrap();
    assert_fails("check-unknown-capture", root, &["check", "tcpap"], 2);
    std::fs::copy(&capture, root.join("pcap/tcpapp.pcapng")).unwrap();
    assert_fails("check-shared-name", root, &["check"], 2);
    std::fs::create_dir(root.join("snapshots")).unwrap();
    std::fs::write(root.join("snapshots/tcpapp.snap"), "C1: 5 bytes\n").unwrap();
    assert_fails("accept-no-snapshot", root, &["accept", "tcpapp"], 2);
}

#[test]
fn a_capture_cut_in_mid_packet_is_read_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(workspace::root().join("pcap/tcpapp.pcap")).unwrap();
    std::fs::write(folder.path().join("cut.pcap"), &whole[..whole.len() - 1]).unwrap();

    for verb in ["stats", "payload"] {
        let Said { code, out, error } = wiresnap(folder.path(), &[verb, "cut.pcap"]);

        assert_eq!(code, Some(0));
        assert_eq!(error, "warning: cut.pcap: cut after packet 17\n");
        assert!(!out.is_empty());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let capture = workspace::root().join("pcap/webapp.pcap");
    let command = format!(
        "{} payload {} | head -n 1",
        env!("CARGO_BIN_EXE_wiresnap"),
        capture.display()
    );

    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", &command])
        .output()
        .unwrap();

    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "GET / HTTP/1.1\n"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn nobody_reading_is_no_error_whatever_is_written() {
    let capture = workspace::root().join("pcap/webapp.pcap");
    for (command, format) in [
        ("check", "text"),
        ("check", "json"),
        ("check", "junit"),
        ("stats", "table"),
        ("stats", "markdown"),
        ("stats", "json"),
        ("payload", "text"),
        ("payload", "json"),
        ("diff", "text"),
        ("diff", "json"),
    ] {
        let captures = if command == "diff" { 2 } else { 1 };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
            .arg(command)
            .args(vec![&capture; captures])
            .current_dir(workspace::root())
            .args(["--format", format])
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(
            (
                output.status.code(),
                String::from_utf8_lossy(&output.stderr)
            ),
            (Some(0), "".into()),
            "{command} --format {format}"
        );
    }
}
