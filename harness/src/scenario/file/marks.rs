//! Reads the timeline of a scenario file: its marks, in order of time.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::expect::{RawExpect, check_expect};
use super::programs::{RawCommand, check_within};
use super::steps::{check_action, written};
use super::{Checked, RawClient};
use crate::diagnostic::Diagnostic;
use crate::scenario::{Action, Client, Mark};

/// The longest timeline that is accepted: one hour.
pub(super) const LONGEST_SECONDS: f64 = 3600.0;

/// The most marks that one table of a file stands for.
const MOST_TIMES: u16 = 1000;

/// A mark, or several at equal distances.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMark {
    at: Spanned<f64>,
    every: Option<Spanned<f64>>,
    times: Option<Spanned<u16>>,
    pub(super) open: Option<Spanned<toml::Value>>,
    pub(super) run: Option<Spanned<RawCommand>>,
    pub(super) input: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) send: Option<Spanned<String>>,
    pub(super) click: Option<Spanned<String>>,
    #[serde(rename = "type")]
    pub(super) type_text: Option<Spanned<RawText>>,
    pub(super) select: Option<Spanned<RawText>>,
    pub(super) reload: Option<Spanned<toml::Value>>,
    pub(super) execute: Option<Spanned<String>>,
    pub(super) wait: Option<Spanned<bool>>,
    pub(super) wait_for: Option<Spanned<String>>,
    pub(super) screenshot: Option<Spanned<toml::Value>>,
    pub(super) close: Option<Spanned<bool>>,
    pub(super) expect: Option<Spanned<RawExpect>>,
    within: Option<Spanned<f64>>,
    /// The step as it is written, before variables have their values.
    #[serde(skip)]
    step: String,
}

impl RawMark {
    /// Keeps the step as it is written.
    pub(super) fn keep_step(&mut self) {
        self.step = written(self).map_or_else(String::new, |action| action.to_string());
    }

    /// Returns the texts that may hold variables, except scripts and what is opened.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut Spanned<String>> {
        let expect = self.expect.iter_mut().map(Spanned::get_mut);
        let text = self.type_text.iter_mut().chain(&mut self.select);
        (self.run.iter_mut().flat_map(Spanned::get_mut))
            .chain(self.input.iter_mut().flat_map(Spanned::get_mut))
            .chain(&mut self.send)
            .chain(&mut self.click)
            .chain(&mut self.wait_for)
            .chain(text.flat_map(|text| text.get_mut().texts()))
            .chain(expect.flat_map(RawExpect::texts))
    }
}

/// A text for an element of a page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawText {
    pub(super) element: Spanned<String>,
    pub(super) text: Spanned<String>,
}

impl RawText {
    fn texts(&mut self) -> [&mut Spanned<String>; 2] {
        [&mut self.element, &mut self.text]
    }
}

/// Returns all marks, in order; a table with `times` stands for several.
pub(super) fn check_marks(
    raw: &[Spanned<RawMark>],
    raw_client: &Spanned<RawClient>,
) -> Checked<Vec<Mark>> {
    let client = (*raw_client.get_ref()).into();
    let mut marks: Vec<Mark> = Vec::with_capacity(raw.len());
    for spanned in raw {
        let first = check_mark(spanned, client)?;
        for mark in repeated(first, spanned.get_ref())? {
            check_order(&marks, &mark, spanned)?;
            check_picture(&marks, &mark, spanned.get_ref())?;
            marks.push(mark);
        }
    }
    check_end(&marks, raw.last(), raw_client)?;
    Ok(marks)
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
        step: raw.step.clone(),
        within: check_limit(raw, &action)?,
        action,
        expect,
    })
}

/// Returns the mark and its repetitions: as many as `times` says, `every` so many seconds.
fn repeated(first: Mark, raw: &RawMark) -> Checked<Vec<Mark>> {
    let (every, times) = match (&raw.every, &raw.times) {
        (None, None) => return Ok(vec![first]),
        (Some(every), Some(times)) => (check_time(every)?, check_times(times)?),
        (Some(every), None) => {
            return Err(Diagnostic::new(every.span(), "`every` needs `times`")
                .with_hint("add the number, the first one included, as in `times = 3`"));
        }
        (None, Some(times)) => {
            return Err(Diagnostic::new(times.span(), "`times` needs `every`")
                .with_hint("add the distance in seconds, as in `every = 10`"));
        }
    };
    let last = first.at + every * u32::from(times - 1);
    if last.as_secs_f64() > LONGEST_SECONDS {
        return Err(no_time(raw.at.span(), last.as_secs_f64()));
    }
    let mark = |number: u16| Mark {
        at: first.at + every * u32::from(number),
        ..first.clone()
    };
    Ok((0..times).map(mark).collect())
}

fn check_times(times: &Spanned<u16>) -> Checked<u16> {
    if (1..=MOST_TIMES).contains(times.get_ref()) {
        return Ok(*times.get_ref());
    }
    Err(Diagnostic::new(
        times.span(),
        format!("a mark cannot be repeated {} times", times.get_ref()),
    )
    .with_hint(format!("use a number from 1 to {MOST_TIMES}")))
}

fn check_time(at: &Spanned<f64>) -> Checked<Duration> {
    let seconds = *at.get_ref();
    if (0.0..=LONGEST_SECONDS).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(no_time(at.span(), seconds))
}

fn no_time(span: Range<usize>, seconds: f64) -> Diagnostic {
    Diagnostic::new(span, format!("a mark cannot be at {seconds} s")).with_hint(format!(
        "marks are seconds from the start, 0 to {LONGEST_SECONDS}"
    ))
}

/// Checks that a mark that waits has something to wait for.
fn check_wait(raw: &RawMark) -> Checked<()> {
    match &raw.wait {
        Some(wait) if raw.expect.is_none() => Err(Diagnostic::new(
            wait.span(),
            "`wait` needs `expect`",
        )
        .with_hint("add what the client shows then, as in `expect = { shows = \"{clock}\" }`")),
        _ => Ok(()),
    }
}

/// Checks the time that the step and its expectation may take.
fn check_limit(raw: &RawMark, action: &Action) -> Checked<Option<Duration>> {
    let Some(within) = &raw.within else {
        return Ok(None);
    };
    if matches!(action, Action::Close | Action::Screenshot(_)) {
        return Err(
            Diagnostic::new(within.span(), "this step does not wait for anything")
                .with_hint("leave `within` out"),
        );
    }
    check_within(within, LONGEST_SECONDS, "a step").map(Some)
}

fn check_order(marks: &[Mark], mark: &Mark, raw: &Spanned<RawMark>) -> Checked<()> {
    let at = raw.get_ref().at.span();
    let is_connection = |mark: &Mark| matches!(mark.action, Action::Connect | Action::Start(_));
    // A browser opens one page after the other; a command that ends by itself opens whatever it needs.
    let opens =
        is_connection(mark) || matches!(mark.action, Action::OpenPage(_) | Action::Execute { .. });
    match marks.last() {
        None if !opens => Err(Diagnostic::new(
            raw.span(),
            format!("`{}` before `open`", mark.step),
        )
        .with_hint("the first mark opens the connection")),
        Some(_) if is_connection(mark) && marks.iter().any(is_connection) => {
            Err(Diagnostic::new(raw.span(), "a second `open`")
                .with_hint("a scenario opens its client once, until it is closed"))
        }
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

/// Checks that no picture takes the place of another one of its scenario.
fn check_picture(marks: &[Mark], mark: &Mark, raw: &RawMark) -> Checked<()> {
    let name = |mark: &Mark, index: usize| match &mark.action {
        Action::Screenshot(name) => Some(name.clone().unwrap_or_else(|| (index + 1).to_string())),
        _ => None,
    };
    let Some(new) = name(mark, marks.len()) else {
        return Ok(());
    };
    let mut others = marks
        .iter()
        .enumerate()
        .filter_map(|(index, mark)| name(mark, index));
    // Not every file system tells upper from lower case.
    if !others.any(|other| other.eq_ignore_ascii_case(&new)) {
        return Ok(());
    }
    let span = raw.screenshot.as_ref().map_or(0..0, Spanned::span);
    Err(
        Diagnostic::new(span, format!("a second screenshot `{new}`")).with_hint(
            "give it another name, or write `true`, by which it gets the number of its mark",
        ),
    )
}

fn check_end(
    marks: &[Mark],
    last: Option<&Spanned<RawMark>>,
    client: &Spanned<RawClient>,
) -> Checked<()> {
    let ends_by_itself = Client::from(*client.get_ref()) == Client::Commands;
    let goes_on = |mark: &Mark| !matches!(mark.action, Action::Execute { .. } | Action::Wait);
    match (marks.last(), last) {
        (Some(mark), _) if mark.action == Action::Close => Ok(()),
        // Commands that end by themselves leave nothing to be closed.
        (Some(_), _) if ends_by_itself && !marks.iter().any(goes_on) => Ok(()),
        (Some(_), Some(raw)) => Err(Diagnostic::new(
            raw.span(),
            "the last mark does not `close` the client",
        )
        .with_hint("end with a mark that has `close = true`")),
        _ => Err(
            Diagnostic::new(client.span(), "a scenario without a timeline").with_hint(
                "add `[[mark]]` tables: the first with `open`, the last with `close = true`",
            ),
        ),
    }
}
