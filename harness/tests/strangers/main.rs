//! Captures of every oddity that users may have, made by code, with the right results.
//!
//! The right results were checked with tshark, the text of the RFC or by hand. The folder `../shared/cases/`, if it is
//! beside the checkout, holds captures of the same kinds that were made elsewhere.

mod accounting;
mod cases;
mod files;
mod http;
mod large;
mod run;
mod secrets;
mod spread;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod whole_json;
#[path = "../workspace/mod.rs"]
mod workspace;
