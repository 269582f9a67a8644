//! Captures for every case that reading must get right, with the right results.

mod files;
mod links;
mod networks;
mod random;
mod streams;

use super::file::{self, paced, pcap};
use super::script::{Client, Script, Server};

pub use self::Streams::{Are, Followed};
pub use files::file_cases;
pub use links::{link_cases, loop_in_both_orders};
pub use networks::network_cases;
pub use random::{random_conversations, shuffled_conversations};
pub use streams::stream_cases;

/// The expected streams of a made capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// The streams of tshark's "follow".
    Followed,
    /// Other bytes than those, for this reason: the client's and the server's, of the first connection.
    Are(&'static [u8], &'static [u8], &'static str),
}

#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub file: Vec<u8>,
    pub streams: Streams,
    /// The bytes missing of client and server in total.
    pub missing: [u64; 2],
    pub connections: u64,
}

pub fn case(name: &'static str, file: Vec<u8>) -> Case {
    Case {
        name,
        file,
        streams: Followed,
        missing: [0, 0],
        connections: 1,
    }
}

impl Case {
    pub fn missing(self, client: u64, server: u64) -> Self {
        Self {
            missing: [client, server],
            ..self
        }
    }

    pub fn connections(self, connections: u64) -> Self {
        Self {
            connections,
            ..self
        }
    }

    pub fn streams(self, streams: Streams) -> Self {
        Self { streams, ..self }
    }
}

pub fn raw(script: &Script) -> Vec<u8> {
    pcap(file::RAW, &paced(script.packets()))
}

pub fn tcp_case(name: &'static str, script: &Script) -> Case {
    case(name, raw(script))
}

pub const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
pub const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

pub fn exchange() -> Script {
    let script = Script::opened()
        .data(Client, 0, REQUEST)
        .ack(Server, 18)
        .data(Server, 0, ANSWER);
    script.ack(Client, 43).close()
}
