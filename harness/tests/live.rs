//! The real thing: all scenarios with the real Firefox and nc, ten times as fast, into a temporary folder.
//!
//! Needs the privilege to capture; `make test-live` runs it, and keeps insta from writing what only a passing capture
//! of the full 40 s may propose.

mod live_support;
mod workspace;

use std::path::Path;

use live_support::Bench;
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

#[test]
fn all_scenarios_give_the_committed_snapshots() {
    let bench = Bench::new();

    // Five browsers that open their pages at the same moment keep two cores busy for longer than there is to the next mark.
    let outcome = bench.run(&["--time-scale", "0.1", "--jobs", "4"]);

    outcome.is(0, &[]);
    for (name, packets, app_packets) in SCENARIOS {
        let capture = bench.captures().join(name).with_extension("pcap");
        let provenance = Provenance::read_beside(&capture).unwrap().unwrap();
        let overall = overall(&capture);
        workspace::settings()
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
    }
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
