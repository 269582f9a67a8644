//! From values to text: the payload listing, its redaction, frames taken apart.

pub mod explain;
pub mod hex;
pub mod json;
pub mod payload;
pub mod redact;
pub mod safe_text;
