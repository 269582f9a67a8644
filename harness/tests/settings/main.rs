//! Scenarios with unusual times or places, and scenarios that fail for a reason which must be named.
//!
//! The tests need Python, curl, nc and Firefox, and everything else that a capture takes; `make test-live` runs them.

mod browser;
mod clients;
mod commands;

#[path = "../live_support/mod.rs"]
mod live_support;
#[path = "../workspace/mod.rs"]
mod workspace;

use std::fs;

use live_support::Bench;
use wiresnap::listing::listing;

/// Returns a workbench with the servers of this folder.
fn bench() -> Bench {
    let bench = Bench::new();
    let folder = workspace::root().join("harness/tests/settings");
    for name in ["guests.py", "odd.py", "pages.py"] {
        fs::copy(folder.join(name), bench.path("project").join(name)).unwrap();
    }
    bench
}

/// Returns the payloads of a capture that was just made.
#[track_caller]
fn payloads(bench: &Bench, name: &str) -> String {
    let capture = bench.captures().join(name).with_extension("pcap");
    listing(&capture, true).unwrap()
}
