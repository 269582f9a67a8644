//! Connections: segments to the bytes that each side sent.

mod ahead;
pub mod connection;
mod delivered;
pub mod event;
pub mod stream;
