//! Captures and their reviewed listings: compared, and selected.
//!
//! The files are those of insta, `snapshots/NAME.snap`, so that one review serves a project's Rust tests and those who
//! have no Rust at all.

pub mod checked;
pub mod comparison;
pub mod file;
pub mod json;
pub mod junit;
mod kept;
mod paint;
pub mod selection;
pub mod text;
