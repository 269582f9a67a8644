//! The names of a connection's messages: `request 1`, `C1`.

use std::fmt;

use super::{Detail, Message};
use crate::units::Side;

/// The name of a message among those of its connection: `C1` for a turn, words for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// The client's request of this number on its connection, counted from 1.
    Request(u64),
    /// The server's response of this number.
    Response(u64),
    /// A WebSocket frame or a turn in another protocol: `C1` is the client's first.
    Turn(Side, u64),
    /// A server-sent event.
    Event(u64),
    /// The end of a stream of events, after the last event.
    EventsEnd(u64),
    /// Payload that is not part of the side's stream.
    Aside(Side, u64),
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(number) => write!(formatter, "request {number}"),
            Self::Response(number) => write!(formatter, "response {number}"),
            Self::Turn(Side::Client, number) => write!(formatter, "C{number}"),
            Self::Turn(Side::Server, number) => write!(formatter, "S{number}"),
            Self::Event(number) => write!(formatter, "event {number}"),
            Self::EventsEnd(number) => write!(formatter, "end of event stream {number}"),
            Self::Aside(side, number) => write!(formatter, "{side}'s aside {number}"),
        }
    }
}

/// Counts the messages of a connection.
#[derive(Debug, Default)]
pub struct Names {
    requests: u64,
    responses: u64,
    events: u64,
    ends: u64,
    turns: [u64; 2],
    asides: [u64; 2],
}

impl Names {
    /// Returns the name of the next message.
    pub fn next(&mut self, message: &Message) -> Name {
        let count = |number: &mut u64| {
            *number += 1;
            *number
        };
        match (&message.detail, message.from) {
            (Detail::Http(_), Side::Client) => Name::Request(count(&mut self.requests)),
            (Detail::Http(_), Side::Server) => Name::Response(count(&mut self.responses)),
            (Detail::Event(_), _) => Name::Event(count(&mut self.events)),
            (Detail::EventsEnd(_), _) => Name::EventsEnd(count(&mut self.ends)),
            (Detail::WebSocket(_) | Detail::Raw(_), side) => {
                Name::Turn(side, count(&mut self.turns[side as usize]))
            }
            (Detail::Aside(_), side) => Name::Aside(side, count(&mut self.asides[side as usize])),
        }
    }
}
