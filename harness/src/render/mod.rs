//! Renders values for people to read.

pub mod bitfield;
mod brands;
pub mod coverage;
pub mod difference;
pub mod dump;
pub mod explain;
pub mod hex;
pub mod json;
pub mod markup;
pub mod palette;
pub mod payload;
pub mod redact;
pub mod redactions;
pub mod safe_text;
pub mod sequence;
pub mod statistics;
pub mod style;
pub mod table;
