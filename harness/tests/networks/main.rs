//! Networks other than the loopback interface: a link between two machines, and a browser on another machine.
//!
//! The tests need Firefox, geckodriver, nc, curl and Python, and everything else that a capture takes; `make test-live`
//! runs them.

mod link;
mod packets;
mod webdriver;

#[path = "../live_support/mod.rs"]
mod live_support;
#[path = "../workspace/mod.rs"]
mod workspace;
