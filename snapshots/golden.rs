//! Compares the committed captures with the reviewed snapshots: no privilege, no browser, no network.
//!
//! `WIRESNAP_CAPTURES` names another folder with captures of the same scenarios, which must give the same snapshots;
//! `make soak` uses it.

#[path = "../harness/tests/workspace/mod.rs"]
mod workspace;

use std::path::{Path, PathBuf};

use wiresnap::listing::listing;
use wiresnap::trace::provenance::Provenance;

/// The folder of the captures made with Chromium, in the folder of captures.
const CHROMIUM: &str = "chromium";

/// The scenarios that every folder of captures must have, with the second at which each closes its client.
const SCENARIOS: [(&str, f64); 6] = [
    ("ajaxapp", 40.0),
    ("pollapp", 35.0),
    ("sseapp", 35.0),
    ("tcpapp", 40.0),
    ("webapp", 40.0),
    ("wsapp", 40.0),
];

/// Returns those of them that a browser plays.
fn scenarios_of_browsers() -> impl Iterator<Item = (&'static str, f64)> {
    SCENARIOS.into_iter().filter(|(name, _)| *name != "tcpapp")
}

#[test]
fn every_capture_lists_as_its_snapshot() {
    let captures = captures();
    let changed: Vec<&Path> = captures
        .iter()
        .filter(|capture| !lists_as_its_snapshot(capture))
        .map(PathBuf::as_path)
        .collect();

    assert!(
        changed.is_empty(),
        "{changed:?} differ from their snapshots, or have none yet (see above); `cargo insta review` shows and accepts them"
    );
}

#[test]
fn the_captures_have_all_marks_of_their_scenarios() {
    for (name, close) in SCENARIOS {
        assert_has_its_marks(&workspace::root().join("pcap"), name, close);
    }
}

#[test]
fn so_have_those_of_chromium() {
    for (name, close) in scenarios_of_browsers() {
        let folder = workspace::root().join("pcap").join(CHROMIUM);
        let provenance = assert_has_its_marks(&folder, name, close);
        assert!(provenance.versions.chromium.is_some(), "{name}");
    }
}

/// Asserts that a capture has all its marks. Their precision is not checked: it depends on the machine that made the
/// capture, and `capture` reports it.
#[track_caller]
fn assert_has_its_marks(folder: &Path, name: &str, close: f64) -> Provenance {
    let capture = folder.join(name).with_extension("pcap");
    let provenance = Provenance::read_beside(&capture).unwrap().unwrap();
    let planned = provenance.marks.iter().map(|mark| mark.planned_seconds);
    let unscaled: Vec<f64> = planned
        .map(|seconds| (seconds / provenance.time_scale * 1e6).round() / 1e6)
        .collect();
    assert_eq!(unscaled, [0.0, 10.0, 20.0, 30.0, close], "{name}");
    let on_wire = provenance.marks.iter().map(|mark| mark.on_wire_seconds);
    let on_wire: Vec<f64> = on_wire.flatten().collect();
    assert!(
        on_wire.len() >= 4 && on_wire.is_sorted(),
        "{name}: {on_wire:?}"
    );
    provenance
}

/// Returns the captures that are checked: those of this project with either browser, or those of another folder; with
/// at least this project's scenarios.
fn captures() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("WIRESNAP_CAPTURES") else {
        let folder = workspace::root().join("pcap");
        let captures = require_all(&folder, SCENARIOS.into_iter());
        let others = require_all(&folder.join(CHROMIUM), scenarios_of_browsers());
        return [captures, others].concat();
    };
    require_all(Path::new(&folder), SCENARIOS.into_iter())
}

fn require_all(
    folder: &Path,
    scenarios: impl Iterator<Item = (&'static str, f64)>,
) -> Vec<PathBuf> {
    let captures = workspace::files(folder, "pcap");
    for (name, _) in scenarios {
        let capture = folder.join(name).with_extension("pcap");
        assert!(
            captures.contains(&capture),
            "{} is missing",
            capture.display()
        );
    }
    captures
}

/// Compares a capture with its snapshot. If they differ, shows the difference and leaves the new listing for
/// `cargo insta review`.
fn lists_as_its_snapshot(capture: &Path) -> bool {
    let name = capture.file_stem().unwrap().to_str().unwrap();
    let listing = listing(capture, true).unwrap();
    let is_chromium = capture.parent().unwrap().ends_with(CHROMIUM);
    let folder = if is_chromium { CHROMIUM } else { "" };
    let mut settings = workspace::settings_in(folder);
    let place = Path::new("pcap").join(folder).join(name);
    settings.set_description(format!(
        "payloads of {}.pcap, what is volatile hidden",
        place.display()
    ));
    settings.bind(|| {
        // One capture that differs must not hide the others.
        std::panic::catch_unwind(|| insta::assert_snapshot!(name, listing)).is_ok()
    })
}
