//! Makes captures for tests: packets of every shape, in files of every kind.
//!
//! What is built here is checked against tshark (see `oracle.rs`), so that a mistake in these builders does not hide one
//! in the decoders.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test takes what it needs, and fuzz targets take it from outside"
)]

pub mod cases;
pub mod file;
pub mod hostile;
pub mod network;
pub mod script;
pub mod tshark;
