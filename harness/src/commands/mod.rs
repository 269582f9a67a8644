//! One file per verb.

pub mod in_order;
pub mod payload;
pub mod stats;
