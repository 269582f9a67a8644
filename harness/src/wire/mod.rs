//! Bytes to values: frames to segments, segments to streams, streams to messages.
//!
//! Everything in here is a pure function of its input: no files, no clock, no async runtime. Nothing panics, hangs or
//! grows without bound for any bytes. If something cannot be decoded, a value says why and where.

mod ahead;
pub mod coding;
pub mod connection;
mod delivered;
pub mod event;
pub mod fingerprint;
pub mod fragment;
pub mod frame;
pub mod http;
pub mod layers;
pub mod list;
pub mod note;
pub mod other;
mod ppp;
pub mod segment;
pub mod sse;
pub mod stream;
mod tunnel;
pub mod websocket;
