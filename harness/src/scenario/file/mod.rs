//! Reads scenario files: TOML, with every mistake reported at its place.
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

mod clients;
mod expect;
mod link;
mod marks;
mod order;
mod programs;
mod steps;
mod variables;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::Spanned;

use self::clients::{Clients, RawClients, RawConnections, RawLineEnd, check_clients};
use self::link::{RawLink, RawNetwork, check_link};
use self::marks::{RawMark, check_marks};
use self::programs::{RawCommand, RawHelper, RawReady, check_helper, check_program};
use self::variables::{RawVariables, check_variables, fill_in};
use super::link::Link;
use super::program::Program;
use super::variables::{Values, Variable};
use super::{Client, Mark, Scenario};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::files;
use crate::rule::{RawRule, Rules};
use crate::text::Shown as _;

/// The purpose of reading a file, and what is known at that time.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The programs that a scenario may call for.
    pub programs: &'a [String],
    /// The variables that were set; those that the file does not declare are for other files.
    pub set: &'a Values,
    /// True if every variable must have a value. If the scenario is only looked at, a variable without a value stands
    /// for itself.
    pub to_be_played: bool,
}

/// Reads a scenario from its file, to be looked at.
///
/// # Errors
///
/// Returns an error if the file cannot be read or [`parse`] finds a mistake in it.
pub fn read(file: &Path, programs: &[String]) -> Result<Scenario> {
    parse(file, &read_text(file)?, programs)
}

/// Returns the text of a scenario's file.
///
/// # Errors
///
/// Returns an error if it cannot be read.
pub fn read_text(file: &Path) -> Result<String> {
    files::read_text(file)
        .map_err(|error| Error::usage(format!("cannot read scenario {}: {error}", file.shown())))
}

/// Makes a scenario of the text of `file`, to be looked at; `programs` are the names that it may call for.
///
/// # Errors
///
/// Returns the first mistake in the text: invalid TOML, a field that does not exist, marks out of order, a step that
/// the client cannot do, a program that is not there; with line, caret and what would be right.
pub fn parse(file: &Path, text: &str, programs: &[String]) -> Result<Scenario> {
    let reading = Reading {
        programs,
        set: &Values::new(),
        to_be_played: false,
    };
    parse_for(&reading, file, text)
}

/// Makes a scenario of the text of `file`.
///
/// # Errors
///
/// Returns the first mistake in the text, as [`parse`] does; also a variable without a value, if the scenario is to be
/// played.
pub fn parse_for(reading: &Reading<'_>, file: &Path, text: &str) -> Result<Scenario> {
    let mut raw: RawScenario =
        toml::from_str(text).map_err(|error| from_toml(&error, text).into_error(file, text))?;
    let checked = check(&mut raw, reading)
        .and_then(|checked| {
            let rules = Rules::check(&raw.redact, text)?;
            let rules = rules.with_body_limit(raw.body_limit.as_ref())?;
            rules.with_repeats(raw.repeats.as_ref())?;
            Ok(checked)
        })
        .map_err(|mistake| mistake.into_error(file, text))?;
    Ok(Scenario {
        name: name_of(file)?,
        sha256: sha256(text),
        description: raw.description,
        variables: checked.variables,
        program: checked.program,
        helpers: checked.helpers,
        host: checked.host,
        port: raw.port.map_or(DEFAULT_PORT, Spanned::into_inner),
        link: checked.link,
        clients: checked.clients,
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

/// The endings that a name may not have: on the command line, they mean a file.
const ENDINGS_OF_FILES: [&str; 3] = [".toml", ".pcap", ".pcapng"];

/// Returns the name of the scenario that a file holds: the file's, without `.toml`.
///
/// # Errors
///
/// Returns an error if captures and snapshots cannot have this name, or a command line would take it for something
/// else.
pub fn name_of(file: &Path) -> Result<String> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.map_or("", |name| name.strip_suffix(".toml").unwrap_or(name));
    let wrong = |hint: &str| {
        let message = format!("{} is not a valid name for a scenario", file.shown());
        Err(Error::usage(message).with_hint(hint))
    };
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
        return wrong(
            "use letters, digits, '-', '_' and '.': its captures and snapshots are named after it",
        );
    }
    if name.starts_with('-') {
        return wrong("begin it with a letter or a digit: with '-' begin the options of a command");
    }
    let lower_case = name.to_ascii_lowercase();
    if let Some(ending) = ENDINGS_OF_FILES
        .iter()
        .find(|ending| lower_case.ends_with(**ending))
    {
        return wrong(&format!(
            "leave out {ending}: on a command line, a name that ends so is the path of a file"
        ));
    }
    Ok(name.to_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    description: String,
    #[serde(default)]
    variables: RawVariables,
    program: Option<Spanned<String>>,
    command: Option<Spanned<RawCommand>>,
    #[serde(default)]
    arguments: Vec<Spanned<String>>,
    #[serde(default)]
    environment: BTreeMap<String, Spanned<String>>,
    folder: Option<Spanned<String>>,
    ready: Option<Spanned<RawReady>>,
    #[serde(default)]
    daemon: bool,
    host: Option<Spanned<String>>,
    port: Option<Spanned<u16>>,
    network: Option<RawNetwork>,
    link: Option<Spanned<RawLink>>,
    client: Spanned<RawClients>,
    connections: Option<Spanned<RawConnections>>,
    line_end: Option<Spanned<RawLineEnd>>,
    body_limit: Option<Spanned<u32>>,
    repeats: Option<Spanned<toml::Value>>,
    #[serde(default)]
    helper: Vec<Spanned<RawHelper>>,
    #[serde(default)]
    mark: Vec<Spanned<RawMark>>,
    #[serde(default)]
    redact: Vec<RawRule>,
}

/// The port of a scenario whose file does not give one.
const DEFAULT_PORT: u16 = 8000;

type Checked<T> = std::result::Result<T, Diagnostic>;

fn from_toml(error: &toml::de::Error, text: &str) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    // The first table of several is an error by its name alone if `client` has a value already.
    if text.get(span.clone()) == Some("client") && text[..span.start].ends_with("[[") {
        return Diagnostic::new(span, "both `client = …` and `[[client]]`").with_hint(
            "keep one of them: one client by its kind, or a table with a name for each of several",
        );
    }
    // serde names Rust's types; a scenario's author may know none.
    let message = error
        .message()
        .trim_end()
        .replace("expected f64", "expected a number")
        .replace("expected u16", "expected a port from 1 to 65535")
        .replace("expected u32", "expected a number of bytes");
    Diagnostic::new(span, message)
}

/// The parts of a scenario that its file's fields make.
struct Parts {
    variables: Vec<Variable>,
    program: Program,
    helpers: Vec<Program>,
    host: Option<IpAddr>,
    link: Option<Link>,
    clients: Vec<Client>,
    marks: Vec<Mark>,
}

fn check(raw: &mut RawScenario, reading: &Reading<'_>) -> Checked<Parts> {
    let variables = check_variables(&raw.variables, reading)?;
    for mark in &mut raw.mark {
        mark.get_mut().keep_step();
    }
    fill_in(raw, &variables)?;
    let program = check_program(raw, reading.programs)?;
    let helpers = raw
        .helper
        .iter()
        .map(check_helper)
        .collect::<Checked<_>>()?;
    raw.port.iter().try_for_each(check_port)?;
    let link = check_link(raw)?;
    let host = raw
        .host
        .as_ref()
        .map(|host| check_host(host, link.as_ref()));
    let host = host.transpose()?;
    let clients = check_clients(raw)?;
    let marks = check_marks(&raw.mark, &Clients::new(&clients, &raw.client))?;
    Ok(Parts {
        variables,
        program,
        helpers,
        host,
        link,
        clients,
        marks,
    })
}

fn check_port(port: &Spanned<u16>) -> Checked<()> {
    if *port.get_ref() != 0 {
        return Ok(());
    }
    Err(Diagnostic::new(port.span(), "port 0 cannot be listened on")
        .with_hint("the capture has to know the port beforehand: choose one from 1 to 65535"))
}

/// Checks the address to listen on: one of the loopback interface, which is up in every lab.
fn check_host(host: &Spanned<String>, link: Option<&Link>) -> Checked<IpAddr> {
    let text = host.get_ref();
    if link.is_some() {
        return Err(Diagnostic::new(host.span(), "`host` on a link").with_hint(
            "leave it out: behind a link the program is at 10.0.0.1, which `{host}` stands for",
        ));
    }
    match text.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => Ok(ip),
        _ => Err(Diagnostic::new(
            host.span(),
            format!("`{text}` is not an address of the loopback interface"),
        )
        .with_hint("write `host = \"::1\"` for IPv6, or leave it out for 127.0.0.1")),
    }
}
