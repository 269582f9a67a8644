//! What is played: a program, a client, and what the client does at which mark of the timeline.
//!
//! A scenario is a TOML file (see [`file`]); a new experiment is a new file, not new code.

pub mod file;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A scenario as its file describes it, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// The file's name without `.toml`; captures and snapshots are named after it.
    pub name: String,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub sha256: String,
    /// One line for people.
    pub description: String,
    /// Name of the program under study.
    pub program: String,
    /// What the program is started with besides its address, each with its lengths of time as the timeline has them.
    pub arguments: Vec<Argument>,
    /// The port that the program is told to listen on.
    pub port: u16,
    /// Who talks to the program.
    pub client: Client,
    /// What happens when, in order of time: it begins with an open and ends with [`Action::Close`].
    pub marks: Vec<Mark>,
}

impl Scenario {
    /// When the last mark is due, counted from the start.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.marks.last().map_or(Duration::ZERO, |mark| mark.at)
    }

    /// The least time scale at which a client that shows whole seconds still changes from each mark to the next.
    #[must_use]
    pub fn least_time_scale(&self) -> f64 {
        let updates: Vec<_> = self
            .marks
            .iter()
            .filter(|mark| {
                mark.expect
                    .as_ref()
                    .is_some_and(|expect| expect.shows.has_clock())
            })
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
    /// Firefox, headless, through geckodriver.
    Firefox,
    /// The system's netcat, typed into.
    Netcat,
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Firefox => "Firefox",
            Self::Netcat => "nc",
        })
    }
}

/// An argument of a program, in which `{10s}` stands for ten seconds of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument(pub String);

impl Argument {
    /// The argument where the timeline is played this many times as long: `{10s}` becomes `10`, or `1` at 0.1.
    ///
    /// ```
    /// use wiresnap::scenario::Argument;
    ///
    /// let interval = Argument("--interval={10s}".to_owned());
    /// assert_eq!(interval.at(1.0), "--interval=10");
    /// assert_eq!(interval.at(0.25), "--interval=2.5");
    /// assert_eq!(Argument("{\"json\": {}}".to_owned()).at(1.0), "{\"json\": {}}");
    /// ```
    #[must_use]
    pub fn at(&self, time_scale: f64) -> String {
        let mut text = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some(place) = rest.find('{') {
            let (before, braced) = rest.split_at(place);
            text.push_str(before);
            if let Some((seconds, length)) = Self::length_of_time(braced) {
                // Finer than a microsecond is nothing but the machine's arithmetic.
                let scaled = (seconds * time_scale * 1e6).round() / 1e6;
                text.push_str(&scaled.to_string());
                rest = &braced[length..];
            } else {
                text.push('{');
                rest = &braced[1..];
            }
        }
        text.push_str(rest);
        text
    }

    /// The first place where a number follows a brace as in `{10s}` and is no length of time, as in `{10}`.
    fn mistake(&self) -> Option<&str> {
        self.0.match_indices('{').find_map(|(place, _)| {
            let braced = &self.0[place..];
            let is_number = braced[1..].starts_with(|character: char| character.is_ascii_digit());
            let end = braced.find('}').map_or(braced.len(), |end| end + 1);
            (is_number && Self::length_of_time(braced).is_none()).then(|| &braced[..end])
        })
    }

    /// The seconds of a length of time that a text begins with, and how many bytes of the text it is.
    fn length_of_time(text: &str) -> Option<(f64, usize)> {
        let end = text.find('}')?;
        let seconds = text[..end].strip_prefix('{')?.strip_suffix('s')?;
        let is_plain = |character: char| character.is_ascii_digit() || character == '.';
        let seconds: f64 = seconds
            .chars()
            .all(is_plain)
            .then(|| seconds.parse().ok())??;
        seconds.is_finite().then_some((seconds, end + 1))
    }
}

/// One point of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// When, counted from the start, at time scale 1.
    pub at: Duration,
    /// What the client does.
    pub action: Action,
    /// What it must see as a consequence, before the next mark.
    pub expect: Option<Expect>,
}

/// What a client does at a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// The browser opens the page at this path of the program's address.
    OpenPage(String),
    /// Netcat connects to the program.
    Connect,
    /// A line is typed into netcat and ended with Enter.
    Send(String),
    /// The browser clicks the first element that this CSS selector finds.
    Click(String),
    /// The client does nothing: what is expected comes by itself.
    Wait,
    /// The client is closed: the browser quits, netcat gets Ctrl-C.
    Close,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenPage(path) => write!(formatter, "open {path}"),
            Self::Connect => write!(formatter, "open"),
            Self::Send(line) => write!(formatter, "send {line}"),
            Self::Click(selector) => write!(formatter, "click {selector}"),
            Self::Wait => write!(formatter, "wait"),
            Self::Close => write!(formatter, "close"),
        }
    }
}

/// What must be seen after an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// CSS selector of the element whose text is looked at; none for netcat, whose output is.
    pub element: Option<String>,
    /// The text that must be there.
    pub shows: Template,
}

/// A text in which `{clock}` stands for the time of day, `HH:MM:SS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template(pub String);

impl Template {
    const CLOCK: &str = "{clock}";

    /// Whether the text depends on the time.
    #[must_use]
    pub fn has_clock(&self) -> bool {
        self.0.contains(Self::CLOCK)
    }

    /// The text as it reads at `time_of_day`.
    #[must_use]
    pub fn at(&self, time_of_day: &str) -> String {
        self.0.replace(Self::CLOCK, time_of_day)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
