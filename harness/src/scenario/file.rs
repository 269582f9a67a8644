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

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::Spanned;

use super::{Action, Argument, Client, Expect, Mark, Scenario, Template};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};

/// The longest timeline that makes sense: one hour.
const LONGEST_SECONDS: f64 = 3600.0;

/// Reads a scenario from its file.
///
/// # Errors
///
/// Where the file cannot be read or [`parse`] finds a mistake in it.
pub fn read(file: &Path, programs: &[String]) -> Result<Scenario> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Error::usage(format!("cannot read scenario {}: {error}", file.display()))
    })?;
    parse(file, &text, programs)
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
    let checked = check(&raw, programs).map_err(|mistake| mistake.into_error(file, text))?;
    Ok(Scenario {
        name: name_of(file)?,
        sha256: sha256(text),
        description: raw.description,
        program: raw.program.into_inner(),
        arguments: raw.arguments.into_iter().map(into_argument).collect(),
        port: raw.port.map_or(DEFAULT_PORT, Spanned::into_inner),
        client: raw.client.into(),
        marks: checked,
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
    program: Spanned<String>,
    #[serde(default)]
    arguments: Vec<Spanned<String>>,
    port: Option<Spanned<u16>>,
    client: RawClient,
    #[serde(default)]
    mark: Vec<Spanned<RawMark>>,
}

/// The port of a scenario that does not say.
const DEFAULT_PORT: u16 = 8000;

#[derive(Clone, Copy, Deserialize)]
enum RawClient {
    #[serde(rename = "firefox")]
    Firefox,
    #[serde(rename = "nc")]
    Netcat,
}

impl From<RawClient> for Client {
    fn from(raw: RawClient) -> Self {
        match raw {
            RawClient::Firefox => Self::Firefox,
            RawClient::Netcat => Self::Netcat,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMark {
    at: Spanned<f64>,
    open: Option<Spanned<toml::Value>>,
    send: Option<Spanned<String>>,
    click: Option<Spanned<String>>,
    wait: Option<Spanned<bool>>,
    close: Option<Spanned<bool>>,
    expect: Option<Spanned<RawExpect>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpect {
    element: Option<Spanned<String>>,
    shows: Spanned<String>,
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

fn check(raw: &RawScenario, programs: &[String]) -> Checked<Vec<Mark>> {
    check_program(&raw.program, programs)?;
    raw.arguments.iter().try_for_each(check_argument)?;
    raw.port.iter().try_for_each(check_port)?;
    let mut marks: Vec<Mark> = Vec::with_capacity(raw.mark.len());
    for spanned in &raw.mark {
        let mark = check_mark(spanned, raw.client.into())?;
        check_order(marks.last(), &mark, spanned)?;
        marks.push(mark);
    }
    check_end(&marks, &raw.mark, raw.program.span())?;
    Ok(marks)
}

fn check_program(program: &Spanned<String>, programs: &[String]) -> Checked<()> {
    if programs.contains(program.get_ref()) {
        return Ok(());
    }
    let mistake = Diagnostic::new(
        program.span(),
        format!("unknown program `{}`", program.get_ref()),
    );
    Err(mistake.with_hint(if programs.is_empty() {
        "no program has been built yet: run `make build`".to_owned()
    } else {
        format!("the programs here are {}", programs.join(", "))
    }))
}

fn into_argument(raw: Spanned<String>) -> Argument {
    Argument(raw.into_inner())
}

fn check_argument(raw: &Spanned<String>) -> Checked<()> {
    if raw.get_ref().contains('\0') {
        return Err(
            Diagnostic::new(raw.span(), "an argument cannot hold a NUL byte")
                .with_hint("the system ends an argument there: leave it out"),
        );
    }
    match Argument(raw.get_ref().clone()).mistake() {
        None => Ok(()),
        Some(braced) => Err(
            Diagnostic::new(raw.span(), format!("`{braced}` is no length of time")).with_hint(
                "write `{10s}` for ten seconds of the timeline; the program gets the number of seconds, scaled",
            ),
        ),
    }
}

fn check_port(port: &Spanned<u16>) -> Checked<()> {
    if *port.get_ref() != 0 {
        return Ok(());
    }
    Err(Diagnostic::new(port.span(), "port 0 is none")
        .with_hint("the capture has to know the port beforehand: choose one from 1 to 65535"))
}

fn check_mark(spanned: &Spanned<RawMark>, client: Client) -> Checked<Mark> {
    let raw = spanned.get_ref();
    let action = check_action(raw, spanned.span(), client)?;
    check_wait(raw)?;
    let expect = raw
        .expect
        .as_ref()
        .map(|expect| check_expect(expect, &action, client))
        .transpose()?;
    Ok(Mark {
        at: check_time(&raw.at)?,
        action,
        expect,
    })
}

fn check_time(at: &Spanned<f64>) -> Checked<Duration> {
    let seconds = *at.get_ref();
    if (0.0..=LONGEST_SECONDS).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(
        Diagnostic::new(at.span(), format!("a mark cannot be at {seconds} s")).with_hint(format!(
            "marks are seconds from the start, 0 to {LONGEST_SECONDS}"
        )),
    )
}

/// The one thing that the client does at this mark.
fn check_action(raw: &RawMark, span: Range<usize>, client: Client) -> Checked<Action> {
    match (&raw.open, &raw.send, &raw.click, &raw.wait, &raw.close) {
        (Some(open), None, None, None, None) => check_open(open, client),
        (None, Some(send), None, None, None) => check_send(send, client),
        (None, None, Some(click), None, None) => check_click(click, client),
        (None, None, None, Some(wait), None) => check_true(wait, "wait", Action::Wait),
        (None, None, None, None, Some(close)) => check_true(close, "close", Action::Close),
        (None, None, None, None, None) => Err(Diagnostic::new(span, "a mark without a step")
            .with_hint(
                "say what the client does: one of `open`, `send`, `click`, `wait`, `close`",
            )),
        _ => Err(Diagnostic::new(span, "a mark with more than one step")
            .with_hint("give each step a mark of its own")),
    }
}

fn check_open(open: &Spanned<toml::Value>, client: Client) -> Checked<Action> {
    match (client, open.get_ref()) {
        (Client::Firefox, toml::Value::String(path)) if path.starts_with('/') => {
            Ok(Action::OpenPage(path.clone()))
        }
        (Client::Netcat, toml::Value::Boolean(true)) => Ok(Action::Connect),
        (Client::Firefox, _) => Err(Diagnostic::new(open.span(), "a browser opens a page")
            .with_hint("give the path of the page, as in `open = \"/\"`")),
        (Client::Netcat, _) => Err(Diagnostic::new(
            open.span(),
            "nc opens a connection, not a page",
        )
        .with_hint("write `open = true`")),
    }
}

fn check_send(send: &Spanned<String>, client: Client) -> Checked<Action> {
    if client != Client::Netcat {
        return Err(cannot(client, "send", send.span()).with_hint("a browser can `click`"));
    }
    if send.get_ref().contains(['\n', '\r']) {
        return Err(Diagnostic::new(send.span(), "`send` types one line")
            .with_hint("give each line a mark of its own; Enter is typed at its end"));
    }
    Ok(Action::Send(send.get_ref().clone()))
}

fn check_click(click: &Spanned<String>, client: Client) -> Checked<Action> {
    if client != Client::Firefox {
        return Err(cannot(client, "click", click.span()).with_hint("nc can `send` a line"));
    }
    if click.get_ref().trim().is_empty() {
        return Err(Diagnostic::new(click.span(), "`click` needs an element")
            .with_hint("give a CSS selector, as in `click = \"#button\"`"));
    }
    Ok(Action::Click(click.get_ref().clone()))
}

/// A step that is nothing but its name.
fn check_true(step: &Spanned<bool>, name: &str, action: Action) -> Checked<Action> {
    if *step.get_ref() {
        return Ok(action);
    }
    Err(
        Diagnostic::new(step.span(), format!("`{name} = false` does nothing"))
            .with_hint("leave it out"),
    )
}

/// Something must be waited for.
fn check_wait(raw: &RawMark) -> Checked<()> {
    match &raw.wait {
        Some(wait) if raw.expect.is_none() => Err(Diagnostic::new(
            wait.span(),
            "what is to be waited for?",
        )
        .with_hint("add what the client shows then, as in `expect = { shows = \"{clock}\" }`")),
        _ => Ok(()),
    }
}

fn cannot(client: Client, step: &str, span: Range<usize>) -> Diagnostic {
    Diagnostic::new(span, format!("{client} cannot `{step}`"))
}

fn check_expect(expect: &Spanned<RawExpect>, action: &Action, client: Client) -> Checked<Expect> {
    let raw = expect.get_ref();
    if *action == Action::Close {
        return Err(
            Diagnostic::new(expect.span(), "nothing can be expected of a closed client")
                .with_hint("put the expectation at an earlier mark"),
        );
    }
    match (client, &raw.element) {
        (Client::Firefox, None) => {
            return Err(
                Diagnostic::new(expect.span(), "which element is to show it?")
                    .with_hint("add a CSS selector, as in `element = \"time\"`"),
            );
        }
        (Client::Netcat, Some(element)) => {
            return Err(Diagnostic::new(element.span(), "nc has no elements")
                .with_hint("leave `element` out: what nc prints is looked at"));
        }
        _ => {}
    }
    if raw.shows.get_ref().is_empty() {
        return Err(
            Diagnostic::new(raw.shows.span(), "an empty text is always there")
                .with_hint("say what must be shown; `{clock}` stands for the time, HH:MM:SS"),
        );
    }
    Ok(Expect {
        element: raw
            .element
            .as_ref()
            .map(|element| element.get_ref().clone()),
        shows: Template(raw.shows.get_ref().clone()),
    })
}

fn check_order(last: Option<&Mark>, mark: &Mark, raw: &Spanned<RawMark>) -> Checked<()> {
    let at = raw.get_ref().at.span();
    let opens = matches!(mark.action, Action::OpenPage(_) | Action::Connect);
    match last {
        None if !opens => Err(Diagnostic::new(
            raw.span(),
            format!("`{}` before `open`", mark.action),
        )
        .with_hint("the first mark opens the connection")),
        Some(_) if opens => Err(Diagnostic::new(raw.span(), "a second `open`")
            .with_hint("a scenario opens its client once, at its first mark")),
        Some(last) if last.action == Action::Close => {
            Err(Diagnostic::new(raw.span(), "a mark after `close`")
                .with_hint("`close` is the last mark"))
        }
        Some(last) if mark.at <= last.at => {
            let (now, before) = (mark.at.as_secs_f64(), last.at.as_secs_f64());
            Err(
                Diagnostic::new(at, format!("mark out of order: {now} s after {before} s"))
                    .with_hint(format!("marks go up: this one must be later than {before}")),
            )
        }
        _ => Ok(()),
    }
}

fn check_end(marks: &[Mark], raw: &[Spanned<RawMark>], program: Range<usize>) -> Checked<()> {
    match (marks.last(), raw.last()) {
        (Some(mark), _) if mark.action == Action::Close => Ok(()),
        (Some(_), Some(raw)) => Err(Diagnostic::new(
            raw.span(),
            "the last mark does not `close` the client",
        )
        .with_hint("end with a mark that has `close = true`")),
        _ => Err(
            Diagnostic::new(program, "a scenario without a timeline").with_hint(
                "add `[[mark]]` tables: the first with `open`, the last with `close = true`",
            ),
        ),
    }
}
