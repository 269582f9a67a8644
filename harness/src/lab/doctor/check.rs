//! A thing that was checked, and the finding.

use std::path::Path;

use serde::Serialize;

use crate::error::printable;

/// The verdict on a thing that a capture needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The thing is as a capture needs it.
    Ok,
    /// The thing is not, but a capture can do without.
    Warning,
    /// The thing is not, and a capture would fail.
    Missing,
}

/// A thing that was checked. All of its texts are safe to show, each a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The thing that was checked, such as `geckodriver`.
    pub name: String,
    /// The verdict.
    pub state: State,
    /// The finding, in a few words.
    pub found: String,
    /// The version, of what has one.
    pub version: Option<String>,
    /// The path of the thing, if it has one.
    pub path: Option<String>,
    /// The remedy: a command, or what else there is to do.
    pub fix: Option<String>,
    /// True if `wiresnap doctor --fix` does that.
    #[serde(skip)]
    pub is_fixed_by_us: bool,
}

impl Check {
    /// Returns the check of something that is as it should be.
    pub(super) fn ok(name: impl Into<String>, found: &str) -> Self {
        Self::new(name, State::Ok, found)
    }

    /// Returns the check of something that a capture can do without.
    pub(super) fn warning(name: impl Into<String>, found: &str) -> Self {
        Self::new(name, State::Warning, found)
    }

    /// Returns the check of something that would make a capture fail.
    pub(super) fn missing(name: impl Into<String>, found: &str) -> Self {
        Self::new(name, State::Missing, found)
    }

    /// Returns a check with this verdict.
    pub fn new(name: impl Into<String>, state: State, found: &str) -> Self {
        Self {
            name: name.into(),
            state,
            found: line(found),
            version: None,
            path: None,
            fix: None,
            is_fixed_by_us: false,
        }
    }

    /// Adds the path.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.path = Some(line(&path.to_string_lossy()));
        self
    }

    /// Adds the remedy.
    #[must_use]
    pub fn fixed_by(mut self, fix: impl AsRef<str>) -> Self {
        self.fix = Some(line(fix.as_ref()));
        self
    }

    pub(super) fn of_version(mut self, version: &str) -> Self {
        self.version = Some(line(version));
        self
    }
}

/// Returns a text as one line that is safe to show on a terminal.
fn line(text: &str) -> String {
    printable(text).replace('\n', " ")
}
