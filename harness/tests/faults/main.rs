//! Real faults in real captures: each is named with a hint, leaves nothing running and nothing behind, and replaces no
//! capture (see [`Running::end`](live_support::Running::end)).
//!
//! They need Firefox, Chromium and nc; `make test-live` runs them. What takes root, or what this system forbids even root, is said
//! and left out.

mod browser;
mod chromium;
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

/// What makes a capture five times as fast: marks are 2 s apart, which a browser keeps on a machine that is busy too.
const FAST: [&str; 2] = ["--time-scale", "0.2"];

/// A scenario for nc that sends `ping` after half a second and expects the line `pong`.
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
