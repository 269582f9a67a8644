//! Captures and their reviewed listings: what `check`, `accept` and `list` share.
//!
//! The files are those of insta, `snapshots/NAME.snap`, so that one review serves a project's Rust tests and those who
//! have no Rust at all.

pub mod comparison;
pub mod file;
mod kept;
pub mod paint;
pub mod selection;
