//! Captures as strangers have them: each kind of oddity, made by code, and what is right for it.
//!
//! What is right was checked with tshark, the text of the RFC or by hand. The folder `../shared/cases/`, where it lies
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
#[path = "../workspace/mod.rs"]
mod workspace;
