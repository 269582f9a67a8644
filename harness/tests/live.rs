//! The real thing: all scenarios with the real Firefox, Chromium and nc, ten times as fast, into a temporary folder.
//!
//! Needs the privilege to capture; `make test-live` runs it, and keeps insta from writing what only a passing capture
//! of the full 40 s may propose.

mod live_support;
mod workspace;

use std::path::Path;

use live_support::{Bench, has_chromium};
use wiresnap::analysis::stats::{Options, Statistics, measure};
use wiresnap::commands::payload::listing;
use wiresnap::trace::provenance::Provenance;
use wiresnap::trace::reader;

/// Each scenario with its packets, where those are fixed, and its packets with a payload.
const SCENARIOS: [(&str, Option<u64>, u64); 6] = [
    ("ajaxapp", Some(27), 12),
    ("pollapp", None, 13),
    ("sseapp", None, 8),
    ("tcpapp", None, 7),
    ("webapp", Some(27), 12),
    ("wsapp", None, 13),
];

/// The same with Chromium, which plays the pages.
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

/// The same pages, sent for by the other browser: other bytes, but as many requests, and never other packets.
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

    let note = "note: not played with Chromium, since their client is no browser: tcpapp";
    outcome.is(0, &[note]);
    let folder = bench.captures().join("chromium");
    for scenario in WITH_CHROMIUM {
        let provenance = assert_is_as_reviewed(&folder, "chromium", scenario);
        let versions = provenance.versions;
        assert!(versions.chromium.is_some() && versions.chromedriver.is_some());
        assert!(versions.firefox.is_none() && versions.geckodriver.is_none());
    }
}

/// Holds a capture against its snapshot, which is in this folder of snapshots, and counts its packets.
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
        // How late is a matter of the machine; to be early, or as late as the next mark, is one of ours.
        println!(
            "{name}: {step} was on the wire {:.0} ms after its mark",
            distance * 1e3
        );
        assert!(
            (0.0..1.0).contains(&distance),
            "{name}: {step}: {distance} s"
        );
    }
    provenance
}

/// How far, in seconds, each update reached the wire from its mark.
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
    };
    measure(&mut reader::open(capture).unwrap(), &options)
        .unwrap()
        .overall
}
