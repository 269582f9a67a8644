//! Analyses a capture: its figures, its updates, its conversations.

pub mod certificate;
pub mod chunks;
pub mod clock;
pub mod content;
pub mod conversation;
pub mod coverage;
pub mod credential;
pub mod difference;
pub mod dissection;
pub mod heads;
pub mod layout;
pub mod marks;
pub mod message;
pub mod obstacle;
pub mod part;
pub mod role;
pub mod stats;
pub mod talks;
pub mod update;
pub mod variation;
