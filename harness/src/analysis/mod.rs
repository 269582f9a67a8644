//! Analyses a capture: its figures, its updates, its conversations.

pub mod certificate;
pub mod clock;
pub mod coverage;
pub mod credential;
pub mod difference;
pub mod dissection;
pub mod heads;
pub mod layout;
pub mod marks;
pub mod role;
pub mod stats;
pub mod update;
pub mod variation;
