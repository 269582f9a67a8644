//! Bytes to values: frames to segments, segments to streams, streams to messages.
//!
//! Everything in here is a pure function of its input: no files, no clock, no async runtime. Nothing panics, hangs or
//! grows without bound for any bytes. If something cannot be decoded, a value says why and where.

pub mod budget;
pub mod capture;
pub mod coding;
pub mod conversation;
pub mod edit;
pub mod fingerprint;
pub mod http;
mod list;
pub mod message;
pub mod note;
pub mod packet;
pub mod sse;
pub mod tcp;
pub mod units;
pub mod walk;
pub mod websocket;
