//! Snapshot tests for the wire: plays a network scenario, captures it, and shows which bytes changed.
//!
//! See ARCHITECTURE.md for how the modules hang together.

pub mod analysis;
pub mod cli;
pub mod commands;
pub mod diagnostic;
pub mod docs;
pub mod error;
pub mod lab;
pub mod project;
pub mod render;
pub mod report;
pub mod rule;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod units;
pub mod wire;
