//! Snapshot tests for the wire.

pub mod analysis;
pub mod commands;
pub mod render;
pub mod trace;
pub mod units;
pub mod wire;
