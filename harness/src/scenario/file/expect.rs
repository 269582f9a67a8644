//! Reads what a scenario file expects of a step.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::Checked;
use super::clients::Clients;
use super::marks::LONGEST_SECONDS;
use super::order::Timeline;
use super::programs::check_within;
use crate::diagnostic::Diagnostic;
use crate::scenario::expect::{Absent, Condition, Expect, Subject, Template, compile};
use crate::scenario::{Action, Client, ClientKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpect {
    client: Option<Spanned<String>>,
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

/// The expectations of a mark as they are written: one table, or a list of them.
pub(super) enum RawExpects {
    One(Box<RawExpect>),
    Several(Vec<Spanned<RawExpect>>),
}

impl RawExpects {
    /// Returns each of them, to be changed.
    pub(super) fn each_mut(&mut self) -> Vec<&mut RawExpect> {
        match self {
            Self::One(expect) => vec![expect],
            Self::Several(expects) => expects.iter_mut().map(Spanned::get_mut).collect(),
        }
    }

    /// Returns each of them with its place; `whole` is the place of all.
    fn each(&self, whole: Range<usize>) -> Vec<(Range<usize>, &RawExpect)> {
        match self {
            Self::One(expect) => vec![(whole, expect)],
            Self::Several(expects) => expects
                .iter()
                .map(|expect| (expect.span(), expect.get_ref()))
                .collect(),
        }
    }
}

impl<'de> Deserialize<'de> for RawExpects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExpectsVisitor)
    }
}

struct ExpectsVisitor;

impl<'de> Visitor<'de> for ExpectsVisitor {
    type Value = RawExpects;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table as in `{ shows = \"hello\" }`, or a list of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<RawExpects, A::Error> {
        let expect = RawExpect::deserialize(MapAccessDeserializer::new(table))?;
        Ok(RawExpects::One(Box::new(expect)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, tables: A) -> Result<RawExpects, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(tables)).map(RawExpects::Several)
    }
}

/// The client that acts at a mark, and its action.
pub(super) struct Acting<'a> {
    pub(super) index: usize,
    pub(super) action: &'a Action,
}

/// The expectations of a mark: of the client that acts, and of others by their index.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) of_acting: Option<Expect>,
    pub(super) of_others: Vec<(usize, Expect)>,
}

impl Expected {
    fn has(&self, client: usize, acting: &Acting<'_>) -> bool {
        if client == acting.index {
            return self.of_acting.is_some();
        }
        self.of_others.iter().any(|(other, _)| *other == client)
    }
}

/// Checks the expectations of a mark; `before` are the marks before it.
pub(super) fn check_expects(
    expects: &Spanned<RawExpects>,
    acting: &Acting<'_>,
    clients: &Clients<'_>,
    before: &Timeline<'_>,
) -> Checked<Expected> {
    let each = expects.get_ref().each(expects.span());
    if each.is_empty() {
        return Err(nothing_shown(expects.span()));
    }
    let mut expected = Expected::default();
    for (span, raw) in each {
        let named = raw.client.as_ref().map(|name| clients.index(name));
        let client = named.transpose()?.unwrap_or(acting.index);
        if expected.has(client, acting) {
            let of = clients.of(client);
            let hint = if clients.are_named() {
                "put it at a mark of its own, or say with `client` whose it is"
            } else {
                "put it at a mark of its own"
            };
            return Err(
                Diagnostic::new(span, format!("a second expectation{of} at one mark"))
                    .with_hint(hint),
            );
        }
        check_moment(&span, client, acting, clients, before)?;
        let expect = check_expect(raw, span, &clients.all[client])?;
        if client == acting.index {
            expected.of_acting = Some(expect);
        } else {
            expected.of_others.push((client, expect));
        }
    }
    Ok(expected)
}

/// Checks that a client shows anything at this mark.
fn check_moment(
    span: &Range<usize>,
    client: usize,
    acting: &Acting<'_>,
    clients: &Clients<'_>,
    before: &Timeline<'_>,
) -> Checked<()> {
    let is_acting = client == acting.index;
    if *acting.action == Action::CloseAll || is_acting && acting.action.is_close() {
        return Err(
            Diagnostic::new(span.clone(), "nothing can be expected of a closed client")
                .with_hint("put the expectation at an earlier mark"),
        );
    }
    if matches!(acting.action, Action::Screenshot(_)) {
        return Err(
            Diagnostic::new(span.clone(), "a screenshot cannot have `expect`")
                .with_hint("put the expectation at the mark before it"),
        );
    }
    if !is_acting && !before.is_open(client) {
        let name = clients.all[client].name.as_deref().unwrap_or_default();
        return Err(Diagnostic::new(
            span.clone(),
            format!("{name} has nothing open at this mark"),
        )
        .with_hint(format!(
            "expect something of {name} between its `open` and its `close`"
        )));
    }
    Ok(())
}

fn check_expect(raw: &RawExpect, span: Range<usize>, client: &Client) -> Checked<Expect> {
    let text = check_condition(raw)?;
    let absent = raw.absent.as_ref().map(|absent| check_absent(absent, raw));
    let absent = absent.transpose()?;
    if text.is_none() && absent.is_none() {
        return Err(nothing_shown(span));
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

fn nothing_shown(span: Range<usize>) -> Diagnostic {
    Diagnostic::new(span, "`expect` needs a condition").with_hint(
        "add `shows = \"…\"`, a text that is part of it, or `equals`, `matches` or `absent`",
    )
}

fn check_subject(raw: &RawExpect, client: &Client) -> Checked<Subject> {
    if let (ClientKind::Netcat | ClientKind::Commands, Some(field)) =
        (client.kind, raw.element.as_ref().or(raw.place.as_ref()))
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

fn require_something(span: Range<usize>, text: &str) -> Checked<()> {
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
