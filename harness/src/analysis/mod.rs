//! From streams and segments to what they mean: messages, statistics, updates, differences.

pub mod content;
pub mod conversation;
pub mod message;
