//! A scenario as a test has it: the text of a file, and values for its variables.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::scenario::file::{self, Reading};
use crate::scenario::variables::Values;

/// What is to be played: which program, which client, and what happens when.
///
/// It is written in TOML, as `docs/scenarios.md` tells. What only the test knows, such as the path of an executable that
/// cargo has built, is a variable:
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
/// A mistake is told with its line and its cure:
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
    /// A scenario of this text; its capture and, where a snapshot is given no name, messages are named after `name`.
    ///
    /// # Errors
    ///
    /// The first mistake in it, or a name that files cannot have. That a variable has no value is told when it is played.
    pub fn from_toml(name: &str, text: &str) -> Result<Self> {
        Self::new(PathBuf::from(format!("{name}.toml")), text.to_owned())
    }

    /// The scenario of a file, named after it. A relative path starts from the package's folder, where tests are run.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or has a mistake.
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

    /// Gives a variable of the scenario a value, in the place of its default or of what was set before.
    #[must_use]
    pub fn set(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.set.insert(variable.to_owned(), value.into());
        self
    }

    /// What its capture is named after.
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
