//! The scenario of an experiment: a program, its clients, and what a client does at which mark of the timeline.
//!
//! A scenario is a TOML file (see [`mod@file`]); a new experiment is a new file, not new code.

pub mod assignment;
pub mod client;
pub mod expect;
pub mod file;
pub mod link;
pub mod outputs;
pub mod program;
pub mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::client::{Client, ClientKind, Connections, LineEnd};
use self::expect::Expect;
use self::link::Link;
use self::program::{CommandLine, Program};
use self::variables::Variable;

/// A scenario as its file describes it, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// The file's name without `.toml`; captures and snapshots are named after it.
    pub name: String,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub sha256: String,
    /// One line for people.
    pub description: String,
    /// The variables of its file, with the values that it is played with; they are in its texts already.
    pub variables: Vec<Variable>,
    /// The program under study.
    pub program: Program,
    /// The programs that it needs; started before it, in this order.
    pub helpers: Vec<Program>,
    /// The address of the loopback interface that the program is told to listen on; `None` if that is 127.0.0.1, or the
    /// link's.
    pub host: Option<IpAddr>,
    /// The port that the program is told to listen on.
    pub port: u16,
    /// The link between program and client; `None` if they meet on the loopback interface.
    pub link: Option<Link>,
    /// The clients that talk to the program, in the order of the file: at least one.
    pub clients: Vec<Client>,
    /// The marks, in order of time. Those of a client begin with an open and end with its close; one whose commands all
    /// end by themselves needs neither.
    pub marks: Vec<Mark>,
}

impl Scenario {
    /// Returns the name of the file of a picture that is taken at the mark of this number, counted from 1.
    #[must_use]
    pub fn picture_file(&self, name: Option<&str>, number: usize) -> String {
        let picture = name.map_or_else(|| number.to_string(), str::to_owned);
        format!("{}-{picture}.png", self.name)
    }

    /// Returns the names of the files of all its pictures.
    pub fn picture_files(&self) -> impl Iterator<Item = String> {
        let marks = self.marks.iter().zip(1..);
        marks.filter_map(|(mark, number)| match &mark.action {
            Action::Screenshot(name) => Some(self.picture_file(name.as_deref(), number)),
            _ => None,
        })
    }

    /// Returns true if one of its clients is of this kind.
    #[must_use]
    pub fn has_client(&self, kind: ClientKind) -> bool {
        self.clients.iter().any(|client| client.kind == kind)
    }

    /// Returns its clients in a few words: `nc`, or `alice (Firefox), bob (nc)`.
    #[must_use]
    pub fn clients_in_words(&self) -> String {
        let clients: Vec<String> = self.clients.iter().map(Client::to_string).collect();
        clients.join(", ")
    }

    /// Returns the name of the client that acts at a mark; `None` if it has none, or all of them act.
    #[must_use]
    pub fn name_at(&self, mark: &Mark) -> Option<&str> {
        let client = self.clients.get(mark.client)?;
        match mark.action {
            Action::CloseAll => None,
            _ => client.name.as_deref(),
        }
    }

    /// Returns the step of a mark, with the name of the client that does it if it has one: `bob: send hello`.
    #[must_use]
    pub fn step_at(&self, mark: &Mark) -> String {
        match self.name_at(mark) {
            Some(name) => format!("{name}: {}", mark.step),
            None => mark.step.clone(),
        }
    }

    /// Returns the time of the last mark, counted from the start.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.marks.last().map_or(Duration::ZERO, |mark| mark.at)
    }

    /// Returns true if the program is asked over HTTP whether it is ready; this is not part of the capture.
    #[must_use]
    pub const fn is_probed(&self) -> bool {
        matches!(self.program.ready, program::Ready::Answers { .. })
    }

    /// Returns its variables, without the values of secrets.
    #[must_use]
    pub fn variables_to_keep(&self) -> BTreeMap<String, Option<String>> {
        let kept = |variable: &Variable| {
            let value = (!variable.is_secret).then(|| variable.value.clone());
            (variable.name.clone(), value)
        };
        self.variables.iter().map(kept).collect()
    }

    /// Returns a text with the names of its secrets in their places.
    #[must_use]
    pub fn without_secrets(&self, text: &str) -> String {
        variables::without_secrets(&self.variables, text)
    }

    /// Returns the least time scale at which a client that shows whole seconds still changes from each mark to the
    /// next.
    #[must_use]
    pub fn least_time_scale(&self) -> f64 {
        let updates: Vec<_> = self
            .marks
            .iter()
            .filter(|mark| mark.expectations().any(Expect::has_clock))
            .collect();
        updates
            .windows(2)
            .map(|pair| 1.0 / pair[1].at.saturating_sub(pair[0].at).as_secs_f64())
            .fold(0.0, f64::max)
    }
}

/// One point of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The time, counted from the start, at time scale 1.
    pub at: Duration,
    /// The client that acts, by its index.
    pub client: usize,
    /// The step of the client in the words of the file: variables stand for themselves.
    pub step: String,
    /// The action of the client.
    pub action: Action,
    /// The consequence that the client must see before the next mark.
    pub expect: Option<Expect>,
    /// The consequences that other clients must see, each with the index of its client.
    pub expect_of_others: Vec<(usize, Expect)>,
    /// The time that the step and its expectation may take; `None` if the file does not say.
    pub within: Option<Duration>,
}

impl Mark {
    /// Returns all consequences that must be seen.
    pub fn expectations(&self) -> impl Iterator<Item = &Expect> {
        let others = self.expect_of_others.iter().map(|(_, expect)| expect);
        self.expect.iter().chain(others)
    }

    /// Returns true if the step cannot be done without a packet, as when netcat connects. All others may succeed
    /// without one: a page may come from the browser's cache, a click may only change the page, a command may not use
    /// the network.
    #[must_use]
    pub const fn reaches_wire(&self) -> bool {
        matches!(self.action, Action::Connect)
    }

    /// Returns true if a reader takes the step for one with packets: it opens, runs or loads something, or something is
    /// expected of it.
    #[must_use]
    pub const fn is_thought_to_reach_wire(&self) -> bool {
        match self.action {
            Action::OpenPage(_) | Action::Connect | Action::Execute { .. } | Action::Reload(_) => {
                true
            }
            Action::Send(_) | Action::Click(_) | Action::Script(_) | Action::Wait => {
                self.expect.is_some() || !self.expect_of_others.is_empty()
            }
            Action::Start(_)
            | Action::Type { .. }
            | Action::Select { .. }
            | Action::WaitFor(_)
            | Action::Screenshot(_)
            | Action::Close
            | Action::CloseAll => false,
        }
    }
}

/// An action of a client at a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// The browser opens the page at this path of the program's address.
    OpenPage(String),
    /// Netcat connects to the program.
    Connect,
    /// A command is started that runs until it is closed.
    Start(CommandLine),
    /// A command is started and ends by itself; it reads these lines.
    Execute {
        /// The command that is started.
        command: CommandLine,
        /// The lines that it reads.
        input: Vec<String>,
    },
    /// A line is typed into netcat, or into the command that was started, and ended with Enter.
    Send(String),
    /// The browser clicks the first element that this CSS selector finds.
    Click(String),
    /// The browser types a text into the first element that this CSS selector finds.
    Type {
        /// CSS selector of a field.
        element: String,
        /// The text that is typed.
        text: String,
    },
    /// The browser selects the option with this text in a list.
    Select {
        /// CSS selector of the list.
        element: String,
        /// The text that the option shows.
        text: String,
    },
    /// The browser loads its page again.
    Reload(Reload),
    /// The browser executes JavaScript in its page.
    Script(String),
    /// The browser waits until this CSS selector finds an element.
    WaitFor(String),
    /// The browser takes a picture of its page, which has this name; `None` if the number of the mark is to be the
    /// name.
    Screenshot(Option<String>),
    /// The client does nothing: the expected text comes by itself.
    Wait,
    /// The client is closed: the browser quits, netcat or a command gets Ctrl-C.
    Close,
    /// All clients that are open are closed, in the order of the file.
    CloseAll,
}

impl Action {
    /// Returns true if it closes the client, or all of them.
    #[must_use]
    pub const fn is_close(&self) -> bool {
        matches!(self, Self::Close | Self::CloseAll)
    }
}

/// The way in which a browser loads its page again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reload {
    /// A reload as by F5: it asks if its copy is still valid, which may be answered with 304.
    Normal,
    /// A reload as by Ctrl-F5: it asks for everything anew, past its cache.
    Forced,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenPage(path) => write!(formatter, "open {path}"),
            Self::Connect => write!(formatter, "open"),
            Self::Start(command) => write!(formatter, "open {command}"),
            Self::Execute { command, .. } => write!(formatter, "run {command}"),
            Self::Send(line) => write!(formatter, "send {line}"),
            Self::Click(selector) => write!(formatter, "click {selector}"),
            Self::Type { element, text } => write!(formatter, "type {text} into {element}"),
            Self::Select { element, text } => write!(formatter, "select {text} in {element}"),
            Self::Reload(Reload::Normal) => write!(formatter, "reload"),
            Self::Reload(Reload::Forced) => write!(formatter, "reload by force"),
            Self::Script(script) => write!(formatter, "execute {script}"),
            Self::WaitFor(selector) => write!(formatter, "wait for {selector}"),
            Self::Screenshot(None) => write!(formatter, "screenshot"),
            Self::Screenshot(Some(name)) => write!(formatter, "screenshot {name}"),
            Self::Wait => write!(formatter, "wait"),
            Self::Close | Self::CloseAll => write!(formatter, "close"),
        }
    }
}
