//! The library for tests in Rust: [`Scenario`], [`Lab`], [`Recording`] and
//! [`assert_wire_snapshot!`](crate::assert_wire_snapshot).
//!
//! A lab is made by a process with one thread, and the first process in it is an executable that can play. The
//! executable of a test is neither, so a test asks a `wiresnap` executable of its own version (see [`Lab`]), by a
//! socket that it keeps open: if the test ends, however it ends, everything that was started for it ends too.

#[cfg(feature = "capture")]
mod executable;
#[cfg(feature = "capture")]
mod lab;
mod message;
mod recording;
#[cfg(feature = "capture")]
mod scenario;
mod snapshot;

#[cfg(feature = "capture")]
pub use self::lab::Lab;
pub use self::message::Message;
pub use self::recording::Recording;
#[cfg(feature = "capture")]
pub use self::scenario::Scenario;
#[doc(hidden)]
pub use self::snapshot::payload_to_assert;
