//! The expectation after a step: one rule for all clients.

use std::fmt;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The most memory that a pattern may take when it is compiled.
const LARGEST_PATTERN: usize = 1 << 20;

/// The expectation after an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// The text that is checked.
    pub of: Subject,
    /// The condition that the text must meet.
    pub text: Option<Condition>,
    /// The text or element that must not be there.
    pub absent: Option<Absent>,
    /// The longest time until it comes true; `None` if the file does not say.
    pub within: Option<Duration>,
}

/// A text that a client shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// All that netcat or a command has printed since the step, or the text of the whole page.
    All,
    /// The text of the first element of the page that this CSS selector finds.
    Element(String),
    /// The title of the page.
    Title,
    /// The address of the page.
    Url,
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// It contains this.
    Contains(Template),
    /// It is this and nothing else, apart from white space around it.
    Equals(Template),
    /// This regular expression fits somewhere in it.
    Matches(String),
}

/// The text or element that must not be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Absent {
    /// This text.
    Text(Template),
    /// The element itself.
    Element,
}

impl Expect {
    /// Returns true if what is expected depends on the time of day.
    #[must_use]
    pub fn has_clock(&self) -> bool {
        match &self.text {
            Some(Condition::Contains(text) | Condition::Equals(text)) => text.has_clock(),
            Some(Condition::Matches(_)) | None => false,
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        if let Some(text) = &self.text {
            match text {
                Condition::Contains(text) => write!(formatter, "{:?}", text.0)?,
                Condition::Equals(text) => write!(formatter, "{:?} and nothing else", text.0)?,
                Condition::Matches(pattern) => write!(formatter, "a match for `{pattern}`")?,
            }
            between = ", ";
        }
        match &self.absent {
            Some(Absent::Text(text)) => write!(formatter, "{between}no {:?}", text.0),
            Some(Absent::Element) => write!(formatter, "{between}no such element"),
            None => Ok(()),
        }
    }
}

/// Compiles a pattern of `matches`: `^` and `$` are the beginning and the end of a line.
///
/// # Errors
///
/// Returns an error if it is not a regular expression, or takes too much memory.
pub fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .multi_line(true)
        .crlf(true)
        .size_limit(LARGEST_PATTERN)
        .build()
}

/// A text in which `{clock}` stands for the time of day, `HH:MM:SS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template(pub String);

impl Template {
    const CLOCK: &str = "{clock}";

    /// Returns true if the text depends on the time.
    #[must_use]
    pub fn has_clock(&self) -> bool {
        self.0.contains(Self::CLOCK)
    }

    /// Returns the text as it reads at `time_of_day`.
    #[must_use]
    pub fn at(&self, time_of_day: &str) -> String {
        self.0.replace(Self::CLOCK, time_of_day)
    }
}
