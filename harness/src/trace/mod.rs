//! Capture files, in and out.

pub mod error;
mod gzip;
pub mod name;
mod pcap;
mod pcapng;
pub mod provenance;
pub mod reader;
mod source;
pub mod sum;
pub mod tally;
pub mod writer;
