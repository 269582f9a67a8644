//! What the six server-time programs share: their options, their clock, their HTTP connections.
//!
//! Each program in `src/bin/` delivers the same thing, the server's time of day, by other means. They are made to be
//! captured: what they write, and in how many pieces, is fixed to the byte (see the payload listings in `snapshots/`),
//! the clock aside. They know nothing of the harness that captures them.

pub mod clock;
pub mod connection;
pub mod http;
pub mod listen;
pub mod news;
