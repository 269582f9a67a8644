//! A scenario in a test: the text of a file, and values for its variables.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::scenario::file::{self, Reading};
use crate::scenario::variables::Values;

/// A scenario to play: the program, the client, and the timeline.
///
/// It is written in TOML, as `docs/scenarios.md` describes. Values that only the test knows, such as the path of an
/// executable that cargo has built, are variables:
///
/// ```
/// use wiresnap::Scenario;
///
/// # fn main() -> Result<(), wiresnap::Error> {
/// let scenario = Scenario::from_toml(
///     "greets",
///     r#"
///     description = "curl asks for a greeting"
///     command = ["{greeter}", "{host}", "{port}"]
///     client = "command"
///
///     [variables]
///     greeter = {}
///
///     [[mark]]
///     at = 0
///     run = ["curl", "--silent", "http://{host}:{port}/greeting"]
///     expect = { shows = "Hello" }
///     "#,
/// )?
/// // In a test of a package with a binary target: env!("CARGO_BIN_EXE_greeter").
/// .set("greeter", "target/debug/greeter");
/// assert_eq!(scenario.name(), "greets");
/// # Ok(())
/// # }
/// ```
///
/// A mistake is reported with its line and a hint:
///
/// ```
/// # use wiresnap::{Class, Scenario};
/// let error = Scenario::from_toml("greets", "client = \"telnet\"").unwrap_err();
/// assert_eq!(error.class(), Class::Usage);
/// assert!(error.to_string().starts_with("greets.toml:1:10: unknown variant `telnet`"));
/// ```
#[derive(Clone, Debug)]
pub struct Scenario {
    name: String,
    file: PathBuf,
    text: String,
    set: Values,
}

impl Scenario {
    /// Creates a scenario from this text. Its capture is named after `name`, and so is the file in messages about
    /// mistakes.
    ///
    /// # Errors
    ///
    /// Returns an error for the first mistake in it, or if the name cannot be a file name. A missing value of a
    /// variable is reported when the scenario is played.
    pub fn from_toml(name: &str, text: &str) -> Result<Self> {
        Self::new(PathBuf::from(format!("{name}.toml")), text.to_owned())
    }

    /// Reads the scenario of a file, named after it. A relative path starts from the package's folder, where tests are
    /// run.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be read, or has a mistake.
    pub fn from_file(file: impl AsRef<Path>) -> Result<Self> {
        let file = file.as_ref();
        Self::new(file.to_owned(), file::read_text(file)?)
    }

    fn new(file: PathBuf, text: String) -> Result<Self> {
        let reading = Reading {
            programs: &[],
            set: &Values::new(),
            to_be_played: false,
        };
        let scenario = file::parse_for(&reading, &file, &text)?;
        Ok(Self {
            name: scenario.name,
            file,
            text,
            set: Values::new(),
        })
    }

    /// Sets a variable of the scenario, replacing its default or an earlier value.
    #[must_use]
    pub fn set(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.set.insert(variable.to_owned(), value.into());
        self
    }

    /// Returns the name of the scenario, which is that of its capture.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) const fn values(&self) -> &Values {
        &self.set
    }
}
