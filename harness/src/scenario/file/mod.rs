//! Scenario files: TOML, with every mistake reported at its place.
//!
//! ```
//! use wiresnap::scenario::file::parse;
//!
//! let text = r#"
//! description = "netcat asks for the time"
//! program = "tcpapp"
//! client = "nc"
//!
//! [[mark]]
//! at = 0
//! open = true
//!
//! [[mark]]
//! at = 10
//! send = "time"
//! expect = { shows = "{clock}" }
//!
//! [[mark]]
//! at = 20.5
//! close = true
//! "#;
//! let scenario = parse("tcpapp.toml".as_ref(), text, &["tcpapp".to_owned()])?;
//! assert_eq!(scenario.marks.len(), 3);
//! # Ok::<(), wiresnap::error::Error>(())
//! ```

mod marks;
mod programs;
mod steps;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::Spanned;

use self::marks::{RawMark, check_marks};
use self::programs::{RawCommand, RawHelper, RawReady, check_helper, check_program};
use super::program::Program;
use super::{Client, Mark, Scenario};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::rule::{RawRule, Rules};

/// Reads a scenario from its file.
///
/// # Errors
///
/// Where the file cannot be read or [`parse`] finds a mistake in it.
pub fn read(file: &Path, programs: &[String]) -> Result<Scenario> {
    parse(file, &read_text(file)?, programs)
}

/// The text of a scenario's file.
///
/// # Errors
///
/// Where it cannot be read.
pub fn read_text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .map_err(|error| Error::usage(format!("cannot read scenario {}: {error}", file.display())))
}

/// Makes a scenario of the text of `file`; `programs` are the names that it may call for.
///
/// # Errors
///
/// The first mistake in the text: TOML that is none, a field that does not exist, marks out of order, a step that the
/// client cannot do, a program that is not there; with line, caret and what would be right.
pub fn parse(file: &Path, text: &str, programs: &[String]) -> Result<Scenario> {
    let raw: RawScenario =
        toml::from_str(text).map_err(|error| from_toml(&error).into_error(file, text))?;
    let checked = check(&raw, programs)
        .and_then(|checked| Rules::check(&raw.redact, text).map(|_| checked))
        .map_err(|mistake| mistake.into_error(file, text))?;
    Ok(Scenario {
        name: name_of(file)?,
        sha256: sha256(text),
        description: raw.description,
        program: checked.program,
        helpers: checked.helpers,
        port: raw.port.map_or(DEFAULT_PORT, Spanned::into_inner),
        client: (*raw.client.get_ref()).into(),
        marks: checked.marks,
    })
}

fn sha256(text: &str) -> String {
    let mut hexadecimal = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a string cannot fail.
        let _ = write!(hexadecimal, "{byte:02x}");
    }
    hexadecimal
}

fn name_of(file: &Path) -> Result<String> {
    let name = file
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
        return Err(Error::usage(format!("{} is no name for a scenario", file.display()))
            .with_hint("use letters, digits, '-', '_' and '.': its captures and snapshots are named after it"));
    }
    Ok(name.to_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    description: String,
    program: Option<Spanned<String>>,
    command: Option<Spanned<RawCommand>>,
    #[serde(default)]
    arguments: Vec<Spanned<String>>,
    #[serde(default)]
    environment: BTreeMap<String, Spanned<String>>,
    folder: Option<Spanned<String>>,
    ready: Option<Spanned<RawReady>>,
    port: Option<Spanned<u16>>,
    client: Spanned<RawClient>,
    #[serde(default)]
    helper: Vec<Spanned<RawHelper>>,
    #[serde(default)]
    mark: Vec<Spanned<RawMark>>,
    #[serde(default)]
    redact: Vec<RawRule>,
}

/// The port of a scenario that does not say.
const DEFAULT_PORT: u16 = 8000;

#[derive(Clone, Copy, Deserialize)]
enum RawClient {
    #[serde(rename = "firefox")]
    Firefox,
    #[serde(rename = "nc")]
    Netcat,
    #[serde(rename = "command")]
    Commands,
}

impl From<RawClient> for Client {
    fn from(raw: RawClient) -> Self {
        match raw {
            RawClient::Firefox => Self::Firefox,
            RawClient::Netcat => Self::Netcat,
            RawClient::Commands => Self::Commands,
        }
    }
}

type Checked<T> = std::result::Result<T, Diagnostic>;

fn from_toml(error: &toml::de::Error) -> Diagnostic {
    // serde names Rust's types; a scenario's author may know none.
    let message = error
        .message()
        .trim_end()
        .replace("expected f64", "expected a number")
        .replace("expected u16", "expected a port from 1 to 65535");
    Diagnostic::new(error.span().unwrap_or(0..0), message)
}

/// What the fields of a file amount to.
struct Parts {
    program: Program,
    helpers: Vec<Program>,
    marks: Vec<Mark>,
}

fn check(raw: &RawScenario, programs: &[String]) -> Checked<Parts> {
    let program = check_program(raw, programs)?;
    let helpers = raw
        .helper
        .iter()
        .map(check_helper)
        .collect::<Checked<_>>()?;
    raw.port.iter().try_for_each(check_port)?;
    let marks = check_marks(&raw.mark, &raw.client)?;
    Ok(Parts {
        program,
        helpers,
        marks,
    })
}

fn check_port(port: &Spanned<u16>) -> Checked<()> {
    if *port.get_ref() != 0 {
        return Ok(());
    }
    Err(Diagnostic::new(port.span(), "port 0 is none")
        .with_hint("the capture has to know the port beforehand: choose one from 1 to 65535"))
}
