//! One file per verb.

pub mod stats;
