//! What a program under study, a tool, or another user of the machine tries, and does not get.
//!
//! The victim is an ordinary user: as root, one is made for it, by number. What takes two users, or a capture on the machine's
//! own network, takes root; where it is not had, that is said and left out. They need Firefox, Chromium, nc, Python and what else
//! a capture takes; `make test-live` runs them.

mod drivers;
mod program;
mod sudo;
mod victim;

#[path = "../live_support/processes.rs"]
mod processes;
#[path = "../workspace/mod.rs"]
mod workspace;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What must reach nobody.
const SECRET: &str = "wiresnap-test-do-not-tell";

/// Held by a test that captures on the machine's own network: two would be in each other's captures.
fn alone() -> MutexGuard<'static, ()> {
    static HOST: Mutex<()> = Mutex::new(());
    HOST.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
