//! What is played: a program, a client, and what the client does at which mark of the timeline.
//!
//! A scenario is a TOML file (see [`mod@file`]); a new experiment is a new file, not new code.

pub mod expect;
pub mod file;
pub mod link;
pub mod program;
pub mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    /// What its file leaves open, with the values that it is played with; they are in its texts already.
    pub variables: Vec<Variable>,
    /// The program under study.
    pub program: Program,
    /// What it needs beside it; started before it, in this order.
    pub helpers: Vec<Program>,
    /// The address of the loopback interface that the program is told to listen on; `None` if that is 127.0.0.1, or the
    /// link's.
    pub host: Option<IpAddr>,
    /// The port that the program is told to listen on.
    pub port: u16,
    /// The link that parts program and client; none where they meet on the loopback interface.
    pub link: Option<Link>,
    /// Who talks to the program.
    pub client: Client,
    /// How many connections a browser may use.
    pub connections: Connections,
    /// What Enter is where a line is typed into netcat or a command.
    pub line_end: LineEnd,
    /// What happens when, in order of time. It begins with an open and ends with [`Action::Close`]; a client whose commands
    /// all end by themselves needs neither.
    pub marks: Vec<Mark>,
}

impl Scenario {
    /// The name of the file of a picture that is taken at the mark of this number, counted from 1.
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

    /// When the last mark is due, counted from the start.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.marks.last().map_or(Duration::ZERO, |mark| mark.at)
    }

    /// Whether the program is asked over HTTP if it is ready, which is none of what is captured.
    #[must_use]
    pub const fn is_probed(&self) -> bool {
        matches!(self.program.ready, program::Ready::Answers { .. })
    }

    /// Its variables, but not what those are that are secrets.
    #[must_use]
    pub fn variables_to_keep(&self) -> BTreeMap<String, Option<String>> {
        let kept = |variable: &Variable| {
            let value = (!variable.is_secret).then(|| variable.value.clone());
            (variable.name.clone(), value)
        };
        self.variables.iter().map(kept).collect()
    }

    /// A text with the names of its secrets in their places.
    #[must_use]
    pub fn without_secrets(&self, text: &str) -> String {
        variables::without_secrets(&self.variables, text)
    }

    /// The least time scale at which a client that shows whole seconds still changes from each mark to the next.
    #[must_use]
    pub fn least_time_scale(&self) -> f64 {
        let updates: Vec<_> = self
            .marks
            .iter()
            .filter(|mark| mark.expect.as_ref().is_some_and(Expect::has_clock))
            .collect();
        updates
            .windows(2)
            .map(|pair| 1.0 / pair[1].at.saturating_sub(pair[0].at).as_secs_f64())
            .fold(0.0, f64::max)
    }
}

/// The kind of client that a scenario is played with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Client {
    /// A browser, headless: Firefox, as scenario files call it, or another that a capture is told to take.
    Firefox,
    /// The system's netcat, typed into.
    Netcat,
    /// Commands of the scenario's own.
    Commands,
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Firefox => "Firefox",
            Self::Netcat => "nc",
            Self::Commands => "a command",
        })
    }
}

/// How many connections a browser may use to one server at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connections {
    /// As many as it likes.
    #[default]
    Any,
    /// One for HTTP, which takes one request after the other.
    One,
}

/// What a line that is typed ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineEnd {
    /// A line feed, as on a terminal.
    #[default]
    Lf,
    /// Carriage return and line feed, as most protocols of the Internet want it.
    CrLf,
}

impl LineEnd {
    /// The characters themselves.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}

/// One point of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// When, counted from the start, at time scale 1.
    pub at: Duration,
    /// What the client does, as its file says it: variables stand for themselves.
    pub step: String,
    /// What the client does.
    pub action: Action,
    /// What it must see as a consequence, before the next mark.
    pub expect: Option<Expect>,
    /// How long the step and what is expected of it may take; `None` if the file does not say.
    pub within: Option<Duration>,
}

impl Mark {
    /// Returns true if the step cannot be done without a packet, as when netcat connects. All else may be rightly done without: a
    /// page may come from the browser's cache, a click change no more than the page, a command not use the network.
    #[must_use]
    pub const fn reaches_wire(&self) -> bool {
        matches!(self.action, Action::Connect)
    }

    /// Returns true if who reads of the step takes it for one that has packets: it opens, runs or loads something, or
    /// something is expected of it.
    #[must_use]
    pub const fn is_thought_to_reach_wire(&self) -> bool {
        match self.action {
            Action::OpenPage(_) | Action::Connect | Action::Execute { .. } | Action::Reload(_) => {
                true
            }
            Action::Send(_) | Action::Click(_) | Action::Script(_) | Action::Wait => {
                self.expect.is_some()
            }
            Action::Start(_)
            | Action::Type { .. }
            | Action::Select { .. }
            | Action::WaitFor(_)
            | Action::Screenshot(_)
            | Action::Close => false,
        }
    }
}

/// What a client does at a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// The browser opens the page at this path of the program's address.
    OpenPage(String),
    /// Netcat connects to the program.
    Connect,
    /// A command is started that goes on until it is closed.
    Start(CommandLine),
    /// A command is started and ends by itself; it reads these lines.
    Execute {
        /// What is started.
        command: CommandLine,
        /// What it reads, a line each.
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
        /// What is typed.
        text: String,
    },
    /// The browser selects the option with this text in a list.
    Select {
        /// CSS selector of the list.
        element: String,
        /// What the option shows.
        text: String,
    },
    /// The browser loads its page again.
    Reload(Reload),
    /// The browser executes JavaScript in its page.
    Script(String),
    /// The browser waits until this CSS selector finds an element.
    WaitFor(String),
    /// The browser takes a picture of its page, which has this name; none where it is to be the number of the mark.
    Screenshot(Option<String>),
    /// The client does nothing: what is expected comes by itself.
    Wait,
    /// The client is closed: the browser quits, netcat or a command gets Ctrl-C.
    Close,
}

/// How a browser loads its page again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reload {
    /// As by F5: it asks whether what it has still holds, which may be answered with 304.
    Normal,
    /// As by Ctrl-F5: it asks for everything anew, past its cache.
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
            Self::Close => write!(formatter, "close"),
        }
    }
}
