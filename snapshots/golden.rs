//! The committed captures against the reviewed snapshots: no privilege, no browser, no network.
//!
//! `WIRESNAP_CAPTURES` names another folder with captures of the same scenarios, which must give the same snapshots;
//! that is how `make capture` and the live test check what they have just captured.

#[path = "../harness/tests/workspace/mod.rs"]
mod workspace;

use std::path::{Path, PathBuf};

use wiresnap::commands::payload::listing;

/// Scenarios that every folder of captures must have.
const SCENARIOS: [&str; 4] = ["ajaxapp", "tcpapp", "webapp", "wsapp"];

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
        "the wire changed: {changed:?} differ from their snapshots (see the differences above); \
         `cargo insta review` shows and accepts them"
    );
}

/// The folder that is checked, with at least the four captures of the experiment.
fn captures() -> Vec<PathBuf> {
    let folder = std::env::var_os("WIRESNAP_CAPTURES")
        .map_or_else(|| workspace::root().join("pcap"), PathBuf::from);
    let captures = workspace::files(&folder, "pcap");
    for name in SCENARIOS {
        let capture = folder.join(name).with_extension("pcap");
        assert!(
            captures.contains(&capture),
            "{} is missing",
            capture.display()
        );
    }
    captures
}

/// Compares, and where there is a difference, shows it and leaves the new listing for `cargo insta review`.
fn lists_as_its_snapshot(capture: &Path) -> bool {
    let name = capture.file_stem().unwrap().to_str().unwrap();
    let listing = listing(capture, true).unwrap();
    let mut settings = workspace::settings();
    settings.set_description(format!(
        "payloads of pcap/{name}.pcap, what is volatile hidden"
    ));
    settings.bind(|| {
        // One capture that differs must not hide the others.
        std::panic::catch_unwind(|| insta::assert_snapshot!(name, listing)).is_ok()
    })
}
