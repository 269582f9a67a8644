//! Real faults in real captures: each is reported with a hint, leaves no process and no file behind, and replaces no
//! capture (see [`Running::end`](live_support::Running::end)).
//!
//! The tests need Firefox, Chromium and nc; `make test-live` runs them. Tests that need root, or something that this
//! system forbids even root, are skipped with a message.

mod browser;
mod chromium;
mod clients;
mod interrupts;
mod labs;
mod library;
mod misbehaving;
mod netcat;
mod privilege;
mod program;
mod secrets;
mod system;

#[path = "../live_support/mod.rs"]
mod live_support;
#[path = "../workspace/mod.rs"]
mod workspace;

use workspace::skip;

/// The options that make a capture five times as fast: marks are 2 s apart, which a browser keeps on a busy machine
/// too.
const FAST: [&str; 2] = ["--time-scale", "0.2"];

/// Returns a scenario for nc that sends `ping` after half a second and expects the line `pong`.
fn ping(program: &str) -> String {
    format!(
        r#"
description = "A line and its answer"
program = "{program}"
port = 8000
client = "nc"

[[mark]]
at = 0
open = true

[[mark]]
at = 0.5
send = "ping"
expect = {{ shows = "pong" }}

[[mark]]
at = 3
close = true
"#
    )
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
