//! The common parts of the six server-time programs: their options, their clock, their HTTP connections.
//!
//! Each program in `src/bin/` delivers the same thing, the server's time of day, by other means. They are made to be
//! captured: the bytes that they write, and in how many pieces, are fixed (see the payload listings in `snapshots/`),
//! except the time. They know nothing of the harness that captures them.

pub mod clock;
pub mod connection;
pub mod http;
pub mod listen;
pub mod news;
