//! This machine, as far as nothing is started on it: its programs and browsers, and what this process may do.
//!
//! All that is live is in [`lab`](crate::lab). These modules are also there without the feature `capture`.

pub mod browser;
pub mod descriptors;
pub mod geckodriver;
pub mod privilege;
pub mod programs;
pub mod tools;
pub mod travelling;
