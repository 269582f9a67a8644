//! One packet: its link layer, IP with its fragments and tunnels, and the TCP segment in it.

mod fragment;
pub mod frame;
pub mod layers;
pub mod other;
mod ppp;
pub mod segment;
mod tunnel;
