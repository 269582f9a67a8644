//! Reads what a scenario file expects of a step.

use serde::Deserialize;
use toml::Spanned;

use super::Checked;
use super::marks::LONGEST_SECONDS;
use super::programs::check_within;
use crate::diagnostic::Diagnostic;
use crate::scenario::expect::{Absent, Condition, Expect, Subject, Template, compile};
use crate::scenario::{Action, Client};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpect {
    element: Option<Spanned<String>>,
    #[serde(rename = "in")]
    place: Option<Spanned<String>>,
    shows: Option<Spanned<String>>,
    equals: Option<Spanned<String>>,
    pub(super) matches: Option<Spanned<String>>,
    pub(super) absent: Option<Spanned<toml::Value>>,
    within: Option<Spanned<f64>>,
}

impl RawExpect {
    /// Returns the texts that may hold variables, except a pattern and what is to be absent.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut Spanned<String>> {
        (self.element.iter_mut())
            .chain(&mut self.shows)
            .chain(&mut self.equals)
    }
}

pub(super) fn check_expect(
    expect: &Spanned<RawExpect>,
    action: &Action,
    client: Client,
) -> Checked<Expect> {
    let raw = expect.get_ref();
    if *action == Action::Close {
        return Err(
            Diagnostic::new(expect.span(), "nothing can be expected of a closed client")
                .with_hint("put the expectation at an earlier mark"),
        );
    }
    if matches!(action, Action::Screenshot(_)) {
        return Err(
            Diagnostic::new(expect.span(), "a screenshot cannot have `expect`")
                .with_hint("put the expectation at the mark before it"),
        );
    }
    let text = check_condition(raw)?;
    let absent = raw.absent.as_ref().map(|absent| check_absent(absent, raw));
    let absent = absent.transpose()?;
    if text.is_none() && absent.is_none() {
        return Err(
            Diagnostic::new(expect.span(), "`expect` needs a condition").with_hint(
                "add `shows = \"…\"`, a text that is part of it, or `equals`, `matches` or `absent`",
            ),
        );
    }
    let within = raw.within.as_ref();
    let within = within.map(|within| check_within(within, LONGEST_SECONDS, "an expectation"));
    Ok(Expect {
        of: check_subject(raw, client)?,
        text,
        absent,
        within: within.transpose()?,
    })
}

fn check_subject(raw: &RawExpect, client: Client) -> Checked<Subject> {
    if let (Client::Netcat | Client::Commands, Some(field)) =
        (client, raw.element.as_ref().or(raw.place.as_ref()))
    {
        let (what, name) = match raw.element {
            Some(_) => ("elements", "element"),
            None => ("page", "in"),
        };
        return Err(
            Diagnostic::new(field.span(), format!("{client} has no {what}"))
                .with_hint(format!("leave `{name}` out: what it prints is looked at")),
        );
    }
    match (&raw.element, &raw.place) {
        (Some(_), Some(place)) => Err(Diagnostic::new(
            place.span(),
            "an element is neither the title nor the URL",
        )
        .with_hint("keep one of `element` and `in`")),
        (Some(element), None) if element.get_ref().trim().is_empty() => Err(Diagnostic::new(
            element.span(),
            "`expect` needs an element",
        )
        .with_hint("give a CSS selector, as in `element = \"h1\"`, or leave it out for the whole page")),
        (Some(element), None) => Ok(Subject::Element(element.get_ref().clone())),
        (None, Some(place)) => match place.get_ref().as_str() {
            "page" => Ok(Subject::All),
            "title" => Ok(Subject::Title),
            "url" => Ok(Subject::Url),
            other => Err(
                Diagnostic::new(place.span(), format!("a page has no `{other}`"))
                    .with_hint("`in` is `\"page\"`, `\"title\"` or `\"url\"`; for an element, write `element = \"h1\"`"),
            ),
        },
        (None, None) => Ok(Subject::All),
    }
}

fn check_condition(raw: &RawExpect) -> Checked<Option<Condition>> {
    let conditions = [
        raw.shows
            .as_ref()
            .map(|text| check_text(text, Condition::Contains)),
        raw.equals
            .as_ref()
            .map(|text| check_text(text, Condition::Equals)),
        raw.matches.as_ref().map(check_pattern),
    ];
    let spans =
        [&raw.shows, &raw.equals, &raw.matches].map(|text| text.as_ref().map(Spanned::span));
    if let Some(second) = spans.into_iter().flatten().nth(1) {
        return Err(
            Diagnostic::new(second, "two conditions for one text").with_hint(
                "keep one of `shows` (part of it), `equals` (all of it) and `matches` (a pattern); `absent` may be added",
            ),
        );
    }
    conditions.into_iter().flatten().next().transpose()
}

fn check_text(text: &Spanned<String>, condition: fn(Template) -> Condition) -> Checked<Condition> {
    require_something(text.span(), text.get_ref())?;
    Ok(condition(Template(text.get_ref().clone())))
}

fn require_something(span: std::ops::Range<usize>, text: &str) -> Checked<()> {
    if !text.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::new(span, "an empty text is always there")
        .with_hint("say what must be shown; `{clock}` stands for the time, HH:MM:SS"))
}

fn check_pattern(pattern: &Spanned<String>) -> Checked<Condition> {
    let text = pattern.get_ref();
    let compiled = compile(text).map_err(|error| {
        let last = error.to_string();
        let last = last.lines().last().unwrap_or_default();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        Diagnostic::new(pattern.span(), format!("invalid regular expression: {why}")).with_hint(
            "the syntax is that of docs.rs/regex; in '…' TOML leaves backslashes as they are",
        )
    })?;
    if compiled.is_match("") {
        return Err(
            Diagnostic::new(pattern.span(), "the pattern matches an empty text")
                .with_hint("let it want one character at least: `+` in place of `*`"),
        );
    }
    Ok(Condition::Matches(text.clone()))
}

fn check_absent(absent: &Spanned<toml::Value>, raw: &RawExpect) -> Checked<Absent> {
    match absent.get_ref() {
        toml::Value::String(text) => {
            require_something(absent.span(), text)?;
            Ok(Absent::Text(Template(text.clone())))
        }
        toml::Value::Boolean(true) if raw.element.is_some() => {
            match [&raw.shows, &raw.equals, &raw.matches].into_iter().flatten().next() {
                None => Ok(Absent::Element),
                Some(text) => Err(Diagnostic::new(
                    text.span(),
                    "an element that is gone shows nothing",
                )
                .with_hint("leave this out, or `absent = true`")),
            }
        }
        _ => Err(
            Diagnostic::new(absent.span(), "`absent = true` needs `element`").with_hint(
                "write the text, as in `absent = \"loading\"`, or `true` beside an `element` that must be gone",
            ),
        ),
    }
}
