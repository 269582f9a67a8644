//! The clients of a scenario: one, or several with names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A client that talks to the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The name that marks call it by; `None` if the file has one client, without a name.
    pub name: Option<String>,
    /// The kind of client.
    pub kind: ClientKind,
    /// The connections that a browser may use.
    pub connections: Connections,
    /// The line end that Enter stands for when a line is typed into netcat or a command.
    pub line_end: LineEnd,
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "{name} ({})", self.kind),
            None => write!(formatter, "{}", self.kind),
        }
    }
}

/// The kind of client that a scenario is played with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientKind {
    /// A browser, headless: Firefox, as in scenario files, or another one that the user chose for a capture.
    Firefox,
    /// The system's netcat, with lines typed into it.
    Netcat,
    /// Commands of the scenario's own.
    Commands,
}

impl fmt::Display for ClientKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Firefox => "Firefox",
            Self::Netcat => "nc",
            Self::Commands => "a command",
        })
    }
}

/// The number of connections that a browser may use to one server at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connections {
    /// Any number.
    #[default]
    Any,
    /// One for HTTP, which takes one request after the other.
    One,
}

/// The end of a line that is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineEnd {
    /// A line feed, as on a terminal.
    #[default]
    Lf,
    /// Carriage return and line feed, as most protocols of the Internet want it.
    CrLf,
}

impl LineEnd {
    /// Returns the characters themselves.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}
