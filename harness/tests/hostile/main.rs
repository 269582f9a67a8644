//! Attacks by a program under study, a tool, or another user of the machine, none of which may succeed.
//!
//! The victim is an ordinary user: as root, one is made for it, by number. Tests with two users, or with a capture on
//! the machine's own network, need root; without it, they are skipped with a message. The tests need Firefox, Chromium,
//! nc, Python and everything else that a capture takes; `make test-live` runs them.

mod drivers;
mod program;
mod sudo;
mod victim;

#[path = "../live_support/processes.rs"]
mod processes;
#[path = "../workspace/mod.rs"]
mod workspace;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A secret that must not reach anybody.
const SECRET: &str = "wiresnap-test-do-not-tell";

/// Returns the lock of a test that captures on the machine's own network: two would be in each other's captures.
fn alone() -> MutexGuard<'static, ()> {
    static HOST: Mutex<()> = Mutex::new(());
    HOST.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
