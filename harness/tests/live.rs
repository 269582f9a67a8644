//! The real thing: all scenarios with the real Firefox, Chromium and nc, ten times as fast, into a temporary folder.
//!
//! The tests need the privilege to capture; `make test-live` runs them, and keeps insta from writing snapshots, which
//! only a passing capture of the full 40 s may propose.

mod live_support;
mod workspace;

use std::fs;
use std::path::Path;

use live_support::{Bench, has_chromium};
use wiresnap::analysis::stats::{Options, Statistics, measure};
use wiresnap::listing::listing;
use wiresnap::trace::provenance::Provenance;
use wirestream::capture;

/// Each scenario with its number of packets, if that is fixed, and its number of packets with a payload.
const SCENARIOS: [(&str, Option<u64>, u64); 6] = [
    ("ajaxapp", Some(27), 12),
    ("pollapp", None, 13),
    ("sseapp", None, 8),
    ("tcpapp", None, 7),
    ("webapp", Some(27), 12),
    ("wsapp", None, 13),
];

/// The same numbers with Chromium, which plays the pages.
const WITH_CHROMIUM: [(&str, Option<u64>, u64); 5] = [
    ("ajaxapp", None, 12),
    ("pollapp", None, 13),
    ("sseapp", None, 8),
    ("webapp", None, 12),
    ("wsapp", None, 13),
];

#[test]
fn all_scenarios_give_the_committed_snapshots() {
    let bench = Bench::new();

    // Five browsers that open their pages at the same moment keep two cores busy for longer than there is to the next mark.
    let outcome = bench.run(&["--time-scale", "0.1", "--jobs", "4"]);

    outcome.is(0, &[]);
    for scenario in SCENARIOS {
        assert_is_as_reviewed(&bench.captures(), "", scenario);
    }
}

/// Chromium requests the same pages: other bytes, but as many requests, and never other packets.
#[test]
fn chromium_gives_snapshots_of_its_own() {
    if !has_chromium() {
        return;
    }
    let bench = Bench::new();

    let outcome = bench.run(&[
        "--browser",
        "chromium",
        "--time-scale",
        "0.1",
        "--jobs",
        "3",
    ]);

    let note = "note: not played with Chromium, since their client is not a browser: tcpapp";
    outcome.is(0, &[note]);
    let folder = bench.captures().join("chromium");
    for scenario in WITH_CHROMIUM {
        let provenance = assert_is_as_reviewed(&folder, "chromium", scenario);
        let versions = provenance.versions;
        assert!(versions.chromium.is_some() && versions.chromedriver.is_some());
        assert!(versions.firefox.is_none() && versions.geckodriver.is_none());
    }
}

/// Compares a capture with its snapshot, which is in this folder of snapshots, and counts its packets.
fn assert_is_as_reviewed(
    captures: &Path,
    snapshots: &str,
    (name, packets, app_packets): (&str, Option<u64>, u64),
) -> Provenance {
    let capture = captures.join(name).with_extension("pcap");
    let provenance = Provenance::read_beside(&capture).unwrap().unwrap();
    let overall = overall(&capture);
    workspace::settings_in(snapshots)
        .bind(|| insta::assert_snapshot!(name, listing(&capture, true).unwrap()));
    assert_eq!(overall.app_packets, app_packets, "{name}: {overall:?}");
    assert_eq!(overall.total_packets, provenance.capture.packets, "{name}");
    if let Some(packets) = packets {
        assert_eq!(overall.total_packets, packets, "{name}: {overall:?}");
    }
    assert_eq!(provenance.capture.dropped, 0, "{name}");
    for (step, distance) in mark_distances(&provenance) {
        // How far is a matter of the machine; to be nearer to another mark is one of ours, and to be early where a program
        // counts from the request what it does at the marks to come.
        let pushes = ["pollapp", "sseapp"].contains(&name);
        let earliest = if pushes { 0.0 } else { -0.5 };
        println!(
            "{name}: {step} was on the wire {:.0} ms from its mark",
            distance * 1e3
        );
        assert!(
            (earliest..1.0).contains(&distance),
            "{name}: {step}: {distance} s"
        );
    }
    provenance
}

/// Returns the seconds from the mark of each update until it reached the wire.
fn mark_distances(provenance: &Provenance) -> Vec<(String, f64)> {
    let updates = provenance.marks.iter().filter(|mark| mark.shown.is_some());
    updates
        .map(|mark| {
            (
                mark.step.clone(),
                mark.on_wire_seconds.unwrap() - mark.planned_seconds,
            )
        })
        .collect()
}

fn overall(capture: &Path) -> Statistics {
    let options = Options {
        port: None,
        marks: None,
        explain: false,
        ..Options::default()
    };
    measure(&mut capture::open(capture).unwrap(), &options).overall
}

#[test]
fn a_capture_that_says_the_same_leaves_the_files_as_they_are() {
    let bench = Bench::new();
    let captures = bench.captures();
    let files = || {
        ["pcap", "json"].map(|end| fs::read(captures.join("tcpapp").with_extension(end)).unwrap())
    };
    let play = |more: &[&str]| {
        let outcome = bench.run(&[&["tcpapp", "--time-scale", "0.1"], more].concat());
        outcome.is(0, &[]);
        (outcome.printed, files())
    };

    // What is there before is no capture: it cannot be compared.
    let (printed, first) = play(&[]);
    assert!(
        !printed.contains("unchanged") && !printed.contains("replaced"),
        "{printed}"
    );

    let (printed, second) = play(&[]);
    let unchanged = "unchanged: captures/tcpapp.pcap; the files stay as they are (--replace takes the new captures)";
    assert!(printed.contains(unchanged), "{printed}");
    assert_eq!(second, first);

    let (printed, third) = play(&["--replace"]);
    assert!(
        printed.contains("replaced: captures/tcpapp.pcap (--replace)\n"),
        "{printed}"
    );
    assert_ne!(third, second);

    let scenario =
        fs::read_to_string(workspace::root().join("apps/scenarios/tcpapp.toml")).unwrap();
    let without_last = scenario.replacen(
        "send = \"time\"\nexpect = { shows = \"{clock}\" }\n\n[[mark]]\nat = 40\n",
        "",
        1,
    );
    assert_ne!(without_last, scenario);
    fs::write(bench.path("project/scenarios/tcpapp.toml"), without_last).unwrap();
    let (printed, _) = play(&[]);
    assert!(
        printed.contains("(the scenario; the wire differs: exchange)"),
        "{printed}"
    );
}

/// A server that is not ready when it is first asked, and reports what it received and sent.
const RELUCTANT: &str = r#"
import socket, sys

server = socket.create_server((sys.argv[1], int(sys.argv[2])))
answers = sys.argv[3:]
while True:
    connection, (host, port) = server.accept()
    request = connection.recv(4096)
    status = "200 OK"
    if request.startswith(b"GET /healthz") and answers:
        status = answers.pop(0) + " Later"
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n".encode()
    connection.sendall(answer)
    connection.close()
    print(f"connection {host}:{port}: received {len(request)} bytes, sent {len(answer)} bytes", flush=True)
"#;

/// Returns a scenario for it, in which it answers with these status codes that it is not ready.
fn reluctant(answers: &str) -> String {
    format!(
        r#"description = "a server that takes its time"
command = ["python3", "server.py", "{{host}}", "{{port}}"{answers}]
ready = {{ http = "/healthz" }}
client = "command"

[[mark]]
at = 0
run = ["curl", "--silent", "http://{{host}}:{{port}}/hello"]
expect = {{ shows = "hello" }}
"#
    )
}

#[test]
fn a_program_that_answers_is_ready_and_the_questions_are_in_no_capture() {
    let bench = Bench::new();
    fs::write(bench.path("project/server.py"), RELUCTANT).unwrap();
    bench.scenario("reluctant", &reluctant(r#", "503", "503", "302""#));

    bench.run(&["reluctant"]).is(0, &[]);

    let capture = bench.captures().join("reluctant.pcap");
    let provenance = Provenance::read_beside(&capture).unwrap().unwrap();
    let certificate = provenance.certificate.unwrap();
    // The program told of five connections, and captured was the one that is the scenario's.
    assert!(certificate.confirmed_by_program, "{certificate:?}");
    assert_eq!(certificate.connections.len(), 1, "{certificate:?}");
    let listing = listing(&capture, true).unwrap();
    assert!(listing.starts_with("GET /hello HTTP/1.1"), "{listing}");
    assert!(!listing.contains("healthz"), "{listing}");
}

#[test]
fn a_program_that_is_never_ready_is_told_with_its_last_answer() {
    let bench = Bench::new();
    fs::write(bench.path("project/server.py"), RELUCTANT).unwrap();
    // More answers than there is time for questions.
    let scenario = reluctant(&r#", "503""#.repeat(300));
    let scenario = scenario.replace("/healthz\" }", "/healthz\", within = 5 }");
    bench.scenario("reluctant", &scenario);

    let outcome = bench.run(&["reluctant"]);

    let last =
        "python3 is not ready after 5 s: GET http://127.0.0.1:8000/healthz was answered with 503";
    outcome.is(4, &[last, "hint: "]);
}

/// The beginning of a scenario with screenshots of a page.
const PICTURES: &str = r#"description = "pictures of a page"
program = "webapp"
client = "firefox"

[[mark]]
at = 0
open = "/"

[[mark]]
at = 1
screenshot = true

[[mark]]
at = 2
screenshot = "at-the-end"

[[mark]]
at = 3
close = true
"#;

#[test]
fn pictures_come_and_go_with_their_capture() {
    let bench = Bench::new();
    bench.scenario("pictures", PICTURES);
    let first = bench.captures().join("pictures-2.png");
    let last = bench.captures().join("pictures-at-the-end.png");

    bench.run(&["pictures"]).is(0, &[]);

    for picture in [&first, &last] {
        let (width, height) = size_of_png(&fs::read(picture).unwrap());
        assert!(width >= 300 && height >= 200, "{width} x {height}");
    }
    let provenance = Provenance::read_beside(&bench.captures().join("pictures.pcap"));
    let marks = provenance.unwrap().unwrap().marks;
    let named: Vec<_> = marks
        .iter()
        .filter_map(|mark| mark.picture.as_deref())
        .collect();
    assert_eq!(named, ["pictures-2.png", "pictures-at-the-end.png"]);

    let without = PICTURES.replace("screenshot = \"at-the-end\"", "reload = true");
    bench.scenario("pictures", &without);
    bench.run(&["pictures"]).is(0, &[]);

    assert!(first.exists());
    assert!(!last.exists(), "it is of a capture that is no more");
}

/// Returns the width and height of a PNG (PNG, third edition, §11.2.1), which is identified by its signature (§5.2).
fn size_of_png(png: &[u8]) -> (u32, u32) {
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(png[12..16], *b"IHDR");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}
