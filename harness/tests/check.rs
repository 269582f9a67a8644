//! `wiresnap check` and `wiresnap accept`: the captures of this project against its own snapshots, and projects in
//! which they differ.

mod workspace;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use workspace::{Said, wiresnap};

/// Creates a project with two captures of the experiment and their snapshots.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = workspace::root();
    for file in [
        "wiresnap.toml",
        "pcap/tcpapp.pcap",
        "pcap/wsapp.pcap",
        "snapshots/tcpapp.snap",
        "snapshots/wsapp.snap",
        "snapshots/help-stats.snap",
    ] {
        let place = folder.path().join(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(root.join(file), place).unwrap();
    }
    folder
}

/// Changes a snapshot, as if something else had been reviewed.
fn change(project: &Path, snapshot: &str, from: &str, to: &str) {
    let file = project.join("snapshots").join(snapshot);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from));
    fs::write(&file, text.replace(from, to)).unwrap();
}

fn read(project: &Path, file: &str) -> String {
    fs::read_to_string(project.join(file)).unwrap()
}

#[test]
fn the_captures_of_this_project_are_as_reviewed() {
    let Said { code, out, error } = wiresnap(&workspace::root(), &["check"]);
    assert_eq!(code, Some(0), "{out}{error}");
    assert_eq!(error, "");
}

#[test]
fn the_same_is_said_of_each_and_old_news_is_removed() {
    let project = project();
    let pending = project.path().join("snapshots/wsapp.snap.new");
    fs::write(&pending, "---\n---\nold\n").unwrap();

    let Said { code, out, error } = wiresnap(project.path(), &["check"]);

    assert_eq!((code, &*error), (Some(0), ""));
    assert_eq!(
        out,
        "same     tcpapp\nsame     wsapp\n2 captures as reviewed\n"
    );
    assert!(!pending.exists());
}

/// Adds a capture with Chromium and its snapshot.
fn add_chromium(project: &Path) {
    for file in [
        "pcap/chromium/wsapp.pcap",
        "pcap/chromium/wsapp.json",
        "snapshots/chromium/wsapp.snap",
    ] {
        let place = project.join(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(workspace::root().join(file), place).unwrap();
    }
}

#[test]
fn a_capture_of_another_browser_has_a_name_of_its_own() {
    let project = project();
    add_chromium(project.path());

    let Said { code, out, error } = wiresnap(project.path(), &["check"]);

    assert_eq!((code, &*error), (Some(0), ""));
    assert_eq!(
        out,
        "same     tcpapp\nsame     wsapp\nsame     chromium/wsapp\n3 captures as reviewed\n"
    );
    let Said { out, .. } = wiresnap(project.path(), &["check", "chromium/wsapp"]);
    assert_eq!(out, "same     chromium/wsapp\n1 capture as reviewed\n");
}

#[test]
fn which_browser_made_a_capture_is_known_wherever_it_is() {
    let project = project();
    add_chromium(project.path());
    fs::rename(
        project.path().join("pcap/chromium"),
        project.path().join("try"),
    )
    .unwrap();

    for arguments in [
        &["check", "--captures", "try", "wsapp"],
        &["check", "--captures", "try", "chromium/wsapp"],
    ] {
        let Said { code, out, .. } = wiresnap(project.path(), arguments);
        assert_eq!(
            (code, &*out),
            (Some(0), "same     chromium/wsapp\n1 capture as reviewed\n")
        );
    }
    let Said { error, .. } = wiresnap(project.path(), &["check"]);
    assert_eq!(
        error,
        "warning: snapshots/chromium/wsapp.snap: reviewed, but its capture is not there\n"
    );
}

#[test]
fn a_new_capture_of_another_browser_is_accepted_into_its_folder() {
    let project = project();
    add_chromium(project.path());
    let snapshot = project.path().join("snapshots/chromium/wsapp.snap");
    let reviewed = fs::read_to_string(&snapshot).unwrap();
    fs::remove_dir_all(snapshot.parent().unwrap()).unwrap();

    let Said { code, .. } = wiresnap(project.path(), &["accept", "chromium/wsapp"]);

    assert_eq!(code, Some(0));
    assert_eq!(
        read(project.path(), "snapshots/chromium/wsapp.snap"),
        reviewed.replace(
            "source: harness/../snapshots/golden.rs",
            "source: pcap/chromium/wsapp.pcap"
        )
    );
}

#[test]
fn what_differs_is_shown_and_left_for_review() {
    let project = project();
    change(
        project.path(),
        "tcpapp.snap",
        "Hello!",
        "Good\u{1b}[2J evening!",
    );
    fs::remove_file(project.path().join("snapshots/wsapp.snap")).unwrap();

    let Said { code, out, error } = wiresnap(project.path(), &["check"]);

    assert_eq!(code, Some(1));
    let (differs, new) = out.split_once("new      ").unwrap();
    assert_eq!(
        differs,
        "differs  tcpapp: pcap/tcpapp.pcap against snapshots/tcpapp.snap\n@@ -1,5 +1,5 @@\n S1: 30 bytes\n-Good\u{fffd}[2J evening!\n+Hello!\n Server time: HH:MM:SS\n \n C1: 5 bytes\n\n"
    );
    assert!(
        new.starts_with("wsapp: not reviewed yet, pcap/wsapp.pcap\n@@ -0,0 +1,"),
        "{new}"
    );
    assert_eq!(
        error,
        "error: 2 of 2 captures not as reviewed: tcpapp, wsapp\nhint: `wiresnap accept` takes over what is right, one by one; with --all without asking\n"
    );
    let root = workspace::root();
    assert_eq!(
        read(project.path(), "snapshots/tcpapp.snap.new"),
        read(&root, "snapshots/tcpapp.snap")
    );
    assert_eq!(
        read(project.path(), "snapshots/wsapp.snap.new"),
        read(&root, "snapshots/wsapp.snap")
            .replace("source: harness/tests/golden.rs", "source: pcap/wsapp.pcap")
    );
}

#[test]
fn a_capture_that_is_gone_is_told_and_other_snapshots_are_none_of_ours() {
    let project = project();
    fs::remove_file(project.path().join("pcap/wsapp.pcap")).unwrap();

    let Said { code, out, error } = wiresnap(project.path(), &["check"]);

    assert_eq!(
        (code, &*out),
        (Some(0), "same     tcpapp\n1 capture as reviewed\n")
    );
    assert_eq!(
        error,
        "warning: snapshots/wsapp.snap: reviewed, but its capture is not there\n"
    );
    // Who asks for one capture does not ask for others.
    assert_eq!(wiresnap(project.path(), &["check", "tcpapp"]).error, "");
}

#[test]
fn captures_elsewhere_need_not_be_of_every_browser() {
    let project = project();
    add_chromium(project.path());
    let elsewhere = project.path().join("try");
    fs::rename(project.path().join("pcap"), &elsewhere).unwrap();
    fs::remove_dir_all(elsewhere.join("chromium")).unwrap();

    let of_firefox = wiresnap(project.path(), &["check", "--captures", "try"]);

    assert_eq!((of_firefox.code, &*of_firefox.error), (Some(0), ""));
    // But one that its browser's others are there without is missed.
    fs::remove_file(elsewhere.join("wsapp.pcap")).unwrap();
    let Said { error, .. } = wiresnap(project.path(), &["check", "--captures", "try"]);
    assert_eq!(
        error,
        "warning: snapshots/wsapp.snap: reviewed, but its capture is not there\n"
    );
}

#[test]
fn captures_of_elsewhere_are_held_against_the_same_snapshots() {
    let project = project();
    let elsewhere = project.path().join("else where");
    fs::create_dir(&elsewhere).unwrap();
    fs::copy(
        project.path().join("pcap/tcpapp.pcap"),
        elsewhere.join("wsapp.pcap"),
    )
    .unwrap();

    let folder = ["check", "--captures", "else where", "wsapp"];
    let file = ["check", "else where/wsapp.pcap"];
    for (arguments, cure) in [
        (&folder[..], "wiresnap accept --captures 'else where' wsapp"),
        (&file, "wiresnap accept 'else where/wsapp.pcap'"),
    ] {
        let Said { code, error, .. } = wiresnap(project.path(), arguments);
        assert_eq!(code, Some(1));
        assert_eq!(
            error,
            format!(
                "error: 1 of 1 capture not as reviewed: wsapp\nhint: `{cure}` takes over what is right\n"
            )
        );
    }
}

#[test]
fn json_has_an_object_for_each_capture() {
    let project = project();
    change(project.path(), "tcpapp.snap", "Hello!", "Hi!");
    fs::write(project.path().join("pcap/text.pcap"), "no capture").unwrap();

    let Said { code, out, error } = wiresnap(project.path(), &["check", "--format", "json"]);

    assert_eq!(
        code,
        Some(2),
        "what cannot be read is worse than what differs"
    );
    assert!(
        error.starts_with("error: pcap/text.pcap: not a capture file"),
        "{error}"
    );
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let states: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["state"])
        .collect();
    assert_eq!(states, ["differs", "unreadable", "same"]);
    assert_eq!(
        found[0],
        serde_json::json!({
            "name": "tcpapp",
            "pcap": "pcap/tcpapp.pcap",
            "snapshot": "snapshots/tcpapp.snap",
            "state": "differs",
            "difference": "@@ -1,5 +1,5 @@\n S1: 30 bytes\n-Hi!\n+Hello!\n Server time: HH:MM:SS\n \n C1: 5 bytes\n",
        })
    );
    assert_eq!(found[2]["difference"], serde_json::Value::Null);
}

#[test]
fn junit_has_a_case_for_each_capture_and_is_xml_whatever_is_in_it() {
    let project = project();
    change(
        project.path(),
        "tcpapp.snap",
        "Hello!",
        "<b>]]>&\u{1}\u{1b}\u{fffe}",
    );
    fs::remove_file(project.path().join("snapshots/wsapp.snap")).unwrap();
    fs::write(project.path().join("pcap/a\"<\u{7}.pcap"), "no capture").unwrap();

    let Said { code, out, .. } = wiresnap(project.path(), &["check", "--format", "junit"]);

    assert_eq!(code, Some(2));
    assert!(out.starts_with(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"wiresnap check\" tests=\"3\" failures=\"2\" errors=\"1\" skipped=\"0\">\n<testcase classname=\"wiresnap.check\" name=\"a&quot;&lt;\u{fffd}\"><error message="
    ), "{out}");
    assert!(out.contains("<testcase classname=\"wiresnap.check\" name=\"tcpapp\"><failure message=\"pcap/tcpapp.pcap differs from snapshots/tcpapp.snap\" type=\"differs\">@@ -1,5 +1,5 @@\n S1: 30 bytes\n-&lt;b&gt;]]&gt;&amp;\u{fffd}\u{fffd}\u{fffd}\n+Hello!\n"), "{out}");
    assert!(out.contains("<failure message=\"pcap/wsapp.pcap is not reviewed yet\" type=\"new\">"));
    assert!(out.ends_with("</testsuite>\n</testsuites>\n"));
    // XML 1.0 §2.2: Char
    let is_allowed =
        |character| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(out.chars().all(is_allowed));
}

#[test]
fn where_nothing_can_be_written_the_comparison_stands() {
    let project = project();
    change(project.path(), "tcpapp.snap", "Hello!", "Hi!");
    // A folder in its place keeps root from writing too.
    fs::create_dir(project.path().join("snapshots/tcpapp.snap.new")).unwrap();

    let Said { code, out, error } = wiresnap(project.path(), &["check"]);

    assert_eq!(code, Some(1));
    assert!(out.contains("-Hi!\n+Hello!\n"));
    assert!(
        error.starts_with(
            "note: the new listing is not left for review: cannot write snapshots/tcpapp.snap.new: "
        ),
        "{error}"
    );
}

#[test]
fn all_is_accepted_without_asking_and_then_the_same() {
    let project = project();
    let snapshot = project.path().join("snapshots/tcpapp.snap");
    change(project.path(), "tcpapp.snap", "Hello!", "Hi!");
    change(
        project.path(),
        "tcpapp.snap",
        "description:",
        "expression: of_mine\ndescription:",
    );
    let text = read(project.path(), "snapshots/tcpapp.snap");
    fs::set_permissions(&snapshot, fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(project.path().join("snapshots/wsapp.snap")).unwrap();
    assert_eq!(wiresnap(project.path(), &["check"]).code, Some(1));

    let Said { code, out, error } = wiresnap(project.path(), &["accept", "--all"]);

    assert_eq!((code, &*error), (Some(0), ""));
    assert_eq!(
        out,
        "accepted: snapshots/tcpapp.snap\naccepted: snapshots/wsapp.snap\n"
    );
    assert_eq!(
        read(project.path(), "snapshots/tcpapp.snap"),
        text.replace("Hi!", "Hello!")
    );
    let mode = fs::metadata(&snapshot).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(workspace::files(&project.path().join("snapshots"), "new").is_empty());
    assert_eq!(wiresnap(project.path(), &["check"]).code, Some(0));
    let Said { out, .. } = wiresnap(project.path(), &["accept", "--all"]);
    assert_eq!(out, "nothing to accept: all as reviewed\n");
}

#[test]
fn only_what_is_named_is_accepted() {
    let project = project();
    for name in ["tcpapp", "wsapp"] {
        fs::remove_file(project.path().join(format!("snapshots/{name}.snap"))).unwrap();
    }

    let Said { code, out, .. } = wiresnap(project.path(), &["accept", "wsapp"]);

    assert_eq!((code, &*out), (Some(0), "accepted: snapshots/wsapp.snap\n"));
    assert!(!project.path().join("snapshots/tcpapp.snap").exists());
}

/// Reads accepted snapshots with insta itself, which must find the same.
#[test]
fn insta_takes_what_was_accepted_for_its_own() {
    let project = project();
    for name in ["tcpapp", "wsapp"] {
        fs::remove_file(project.path().join(format!("snapshots/{name}.snap"))).unwrap();
    }
    let odd = "no: #1 \"quoted\" {é}";
    fs::copy(
        project.path().join("pcap/tcpapp.pcap"),
        project.path().join(format!("pcap/{odd}.pcap")),
    )
    .unwrap();
    assert_eq!(wiresnap(project.path(), &["accept", "--all"]).code, Some(0));

    let mut settings = workspace::settings();
    settings.set_snapshot_path(project.path().join("snapshots"));
    settings.bind(|| {
        for name in ["tcpapp", "wsapp", odd] {
            let pcap = project.path().join(format!("pcap/{name}.pcap"));
            let listing = wiresnap::listing::listing(&pcap, true).unwrap();
            insta::assert_snapshot!(name, listing);
        }
    });
}

#[test]
fn somebody_at_a_terminal_is_asked_for_each() {
    let project = project();
    for name in ["tcpapp", "wsapp"] {
        fs::remove_file(project.path().join(format!("snapshots/{name}.snap"))).unwrap();
    }
    let wiresnap = Path::new(env!("CARGO_BIN_EXE_wiresnap"));
    let Said {
        code, out: said, ..
    } = workspace::at_a_terminal(wiresnap, project.path(), "accept", "what?\ns\na\n");

    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said.matches("tcpapp, 1 of 2: [a]ccept, [s]kip, [q]uit? ")
            .count(),
        2,
        "{said}"
    );
    assert_eq!(
        said.matches("wsapp, 2 of 2: [a]ccept, [s]kip, [q]uit? ")
            .count(),
        1,
        "{said}"
    );
    assert!(
        said.contains("accepted: snapshots/wsapp.snap\r\n1 accepted, 1 left\r\n"),
        "{said}"
    );
    assert!(!said.contains('\u{1b}'), "{said}");
    assert!(project.path().join("snapshots/wsapp.snap").exists());
    assert!(!project.path().join("snapshots/tcpapp.snap").exists());
}
