//! What a test in Rust uses: [`Scenario`], [`Lab`], [`Recording`] and [`assert_wire_snapshot!`](crate::assert_wire_snapshot).
//!
//! A lab is made by a process that has one thread, and the first process in it is an executable that knows how to play.
//! The executable of a test is neither, so a test asks a `wiresnap` executable of its own version (see [`Lab`]), by a
//! socket on which it stays: whatever ends the test ends what was started for it.

mod executable;
mod lab;
mod message;
mod recording;
mod scenario;
mod snapshot;

pub use self::lab::Lab;
pub use self::message::Message;
pub use self::recording::Recording;
pub use self::scenario::Scenario;
#[doc(hidden)]
pub use self::snapshot::payload_to_assert;
