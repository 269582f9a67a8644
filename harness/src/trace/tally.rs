//! Reads a program's own account of its connections, to compare it with what was captured.
//!
//! A program that wants its captures to be certified by its own account writes a line for each connection that is over:
//! `connection 127.0.0.1:54321: received 438 bytes, sent 552 bytes`.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A program's account of the bytes that it received and sent over one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The client's address.
    pub client: SocketAddr,
    /// The number of payload bytes that the program read.
    pub received: u64,
    /// The number of payload bytes that the program wrote.
    pub sent: u64,
}

impl Tally {
    /// Reads a line of a program's output; `None` if it is about something else.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let (client, counts) = line
            .strip_prefix("connection ")?
            .split_once(": received ")?;
        let (received, sent) = counts.strip_suffix(" bytes")?.split_once(" bytes, sent ")?;
        Some(Self {
            client: client.parse().ok()?,
            received: received.parse().ok()?,
            sent: sent.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_a_connection_is_read() {
        let tally = |client: &str| {
            Some(Tally {
                client: client.parse().unwrap(),
                received: 438,
                sent: 552,
            })
        };

        for client in ["127.0.0.1:54321", "[::1]:54321"] {
            let line = format!("connection {client}: received 438 bytes, sent 552 bytes");
            assert_eq!(Tally::read(&line), tally(client));
        }
    }

    #[test]
    fn any_other_line_is_not() {
        for line in [
            "",
            "listening on http://127.0.0.1:8000/",
            "connection ended: reset by peer",
            "connection 127.0.0.1:1: received 1 bytes",
            "connection 127.0.0.1: received 1 bytes, sent 2 bytes",
            "connection 127.0.0.1:1: received -1 bytes, sent 2 bytes",
            "connection 127.0.0.1:1: received 1 bytes, sent 2 bytes and more",
        ] {
            assert_eq!(Tally::read(line), None, "{line}");
        }
    }
}
