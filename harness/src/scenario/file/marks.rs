//! Reads the timeline of a scenario file: its marks, in order of time.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::Checked;
use super::clients::Clients;
use super::expect::{Acting, Expected, RawExpect, RawExpects, check_expects};
use super::order::Timeline;
use super::programs::{RawCommand, check_within};
use super::steps::{check_action, written};
use crate::diagnostic::Diagnostic;
use crate::scenario::{Action, Mark};

/// The longest timeline that is accepted: one hour.
pub(super) const LONGEST_SECONDS: f64 = 3600.0;

/// The most marks that one table of a file stands for.
const MOST_TIMES: u16 = 1000;

/// A mark, or several at equal distances.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMark {
    pub(super) at: Spanned<f64>,
    client: Option<Spanned<String>>,
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
    pub(super) expect: Option<Spanned<RawExpects>>,
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
        let expects = self.expect.iter_mut().map(Spanned::get_mut);
        let text = self.type_text.iter_mut().chain(&mut self.select);
        (self.run.iter_mut().flat_map(Spanned::get_mut))
            .chain(self.input.iter_mut().flat_map(Spanned::get_mut))
            .chain(&mut self.send)
            .chain(&mut self.click)
            .chain(&mut self.wait_for)
            .chain(text.flat_map(|text| text.get_mut().texts()))
            .chain(
                expects
                    .flat_map(RawExpects::each_mut)
                    .flat_map(RawExpect::texts),
            )
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
pub(super) fn check_marks(raw: &[Spanned<RawMark>], clients: &Clients<'_>) -> Checked<Vec<Mark>> {
    let mut timeline = Timeline::new(clients, raw.len());
    for spanned in raw {
        let first = check_mark(spanned, clients, &timeline)?;
        for mark in repeated(first, spanned.get_ref())? {
            timeline.check(&mark, spanned)?;
            check_picture(&timeline.marks, &mark, spanned.get_ref())?;
            timeline.push(mark);
        }
    }
    timeline.finish(raw.last())
}

fn check_mark(
    spanned: &Spanned<RawMark>,
    clients: &Clients<'_>,
    before: &Timeline<'_>,
) -> Checked<Mark> {
    let raw = spanned.get_ref();
    let named = raw.client.as_ref().map(|name| clients.index(name));
    // Who acts if nobody is named: the first.
    let index = named.transpose()?.unwrap_or(0);
    let client = &clients.all[index];
    let action = match check_action(raw, spanned.span(), client)? {
        Action::Close if clients.are_named() && raw.client.is_none() => Action::CloseAll,
        action => action,
    };
    check_wait(raw)?;
    let expected = match &raw.expect {
        Some(expect) => check_expects(
            expect,
            &Acting {
                index,
                action: &action,
            },
            clients,
            before,
        )?,
        None => Expected::default(),
    };
    Ok(Mark {
        at: check_time(&raw.at)?,
        client: index,
        step: raw.step.clone(),
        within: check_limit(raw, &action)?,
        action,
        expect: expected.of_acting,
        expect_of_others: expected.of_others,
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
    if action.is_close() || matches!(action, Action::Screenshot(_)) {
        return Err(
            Diagnostic::new(within.span(), "this step does not wait for anything")
                .with_hint("leave `within` out"),
        );
    }
    check_within(within, LONGEST_SECONDS, "a step").map(Some)
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
