//! Bodies that are too large to stand in a snapshot.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::support::file::{RAW, paced, pcap};
use super::support::script::{Client, Script, Server};

const PROJECT: &str = "scenarios = \"s\"\ncaptures = \"pcap\"\nsnapshots = \"snap\"\ndocs = \"docs\"\n\
    [[redact]]\nname = \"visits\"\npattern = 'visits=([0-9]+)'\nplaceholder = \"<visits>\"\n";

const LINES: usize = 20_000;

/// A body of 20,000 lines, the visits in the last of them.
fn body(visits: usize) -> String {
    let mut lines: Vec<String> = (0..LINES).map(|line| format!("line {line:05}")).collect();
    lines.push(format!("visits={visits}\n"));
    lines.join("\n")
}

/// A capture of one exchange with this body.
fn write(path: &Path, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let mut script = Script::opened()
        .say(Client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        .say(Server, head);
    for piece in body.as_bytes().chunks(30_000) {
        script = script.say(Server, piece);
    }
    let packets = script.close().packets();
    fs::write(path, pcap(RAW, &paced(packets))).unwrap();
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wiresnap"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for name in ["s", "pcap", "snap", "docs"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("wiresnap.toml"), PROJECT).unwrap();
    folder
}

#[test]
fn a_large_body_stands_in_a_snapshot_by_its_first_lines_and_any_change_of_it_is_told() {
    let folder = project();
    let folder = folder.path();
    let capture = folder.join("pcap/page.pcap");
    write(&capture, &body(7));
    let accepted = run(folder, &["accept", "--all"]);
    assert!(accepted.status.success(), "{}", text(&accepted));
    let snapshot = fs::read_to_string(folder.join("snap/page.snap")).unwrap();
    insta::assert_snapshot!(snapshot);

    // What a rule hides may change, its width too.
    write(&capture, &body(123_456));
    let same = run(folder, &["check"]);
    assert!(same.status.success(), "{}", text(&same));

    for changed in ["line 15000", "line 19999"] {
        write(&capture, &body(7).replace(changed, "LINE 00000"));
        let differs = run(folder, &["check"]);
        assert_eq!(differs.status.code(), Some(1), "{changed}");
        let shown = text(&differs);
        assert_eq!(shown.matches("bytes in all, sha256").count(), 2, "{shown}");
    }
}

#[test]
fn a_scenario_says_how_much_of_a_body_is_shown_and_a_long_listing_is_compared() {
    let folder = project();
    let folder = folder.path();
    // Whatever else is in it: what is listed needs these lines.
    fs::write(folder.join("s/page.toml"), "body_limit = 1000000\n").unwrap();
    let capture = folder.join("pcap/page.pcap");
    write(&capture, &body(7));
    assert!(run(folder, &["accept", "--all"]).status.success());
    let snapshot = fs::read_to_string(folder.join("snap/page.snap")).unwrap();
    assert!(snapshot.contains("\nline 19999\n"));
    write(&capture, &body(7).replace("line 15000", "LINE 00000"));
    let differs = run(folder, &["check"]);
    assert_eq!(differs.status.code(), Some(1));
    let shown = text(&differs);
    assert!(
        shown.contains("\n line 14999\n-line 15000\n+LINE 00000\n line 15001\n"),
        "{shown}"
    );
}

#[test]
fn a_page_has_a_large_body_in_short() {
    let folder = project();
    let folder = folder.path();
    write(&folder.join("pcap/page.pcap"), &body(7));
    let page = "<!-- wiresnap: payload pcap/page.pcap -->\n<!-- /wiresnap -->\n";
    fs::write(folder.join("docs/page.md"), page).unwrap();
    let written = run(folder, &["docs"]);
    assert!(written.status.success(), "{}", text(&written));
    let page = fs::read_to_string(folder.join("docs/page.md")).unwrap();
    assert!(page.len() < 1000, "{page}");
    assert!(page.contains("line 00009\n["), "{page}");
    assert!(page.contains(" bytes in all, sha256 "), "{page}");
}
