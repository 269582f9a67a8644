//! A project's own rules of redaction: `[[redact]]` tables in `wiresnap.toml` and in scenario files.
//!
//! Rules are read and checked here; they are applied in `render::redactions`.
//!
//! ```
//! use wiresnap::rule::Rules;
//!
//! let text = r#"
//! [[redact]]
//! name = "session"
//! pattern = 'session=([0-9a-f]+)'
//! placeholder = "<session>"
//! "#;
//! let rules = Rules::of_text("wiresnap.toml".as_ref(), text)?;
//! assert_eq!(rules.hide(b"a=1; session=07af", |_| true), b"a=1; session=<session>");
//! # Ok::<(), wiresnap::error::Error>(())
//! ```

use std::fmt::Write as _;
use std::iter;
use std::ops::Range;
use std::path::Path;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::Spanned;
use wirestream::edit::{Edit, apply};

use crate::diagnostic::Diagnostic;
use crate::error::Result;

/// The name of the group that marks the part of a match to hide.
const GROUP: &str = "value";

/// The value of `placeholder` that keeps the number of hidden bytes.
const SAME_WIDTH: &str = "same-width";

/// The largest program that a pattern may be compiled to, in bytes: a pattern that needs more is a mistake.
const LARGEST_PATTERN: usize = 1 << 20;

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name of what it hides, in a word.
    pub name: String,
    /// True if it is applied wherever something is written, and to the capture itself.
    pub secret: bool,
    pattern: Regex,
    /// The group that is hidden; 0 is the whole match.
    group: usize,
    placeholder: Placeholder,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Placeholder {
    SameWidth,
    Text(String),
}

/// The most places of a text that are hidden one by one.
pub const MOST_PLACES: usize = 65_536;

/// The most bytes of a body that are shown in full if a scenario does not say.
const BODY_LIMIT: usize = 64 << 10;

/// The least that a scenario may say: as much is shown of larger ones.
const LEAST_BODY_LIMIT: usize = 1024;

/// Rules in the order in which they are applied.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    own: Vec<Rule>,
    hides_chunks: bool,
    body_limit: Option<usize>,
    repeats: Vec<String>,
}

/// A `[[redact]]` table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    name: Spanned<String>,
    pattern: Option<Spanned<String>>,
    /// The field that replaces a pattern: the rule hides how bodies are cut into chunks.
    #[serde(default)]
    chunks: bool,
    placeholder: Option<Spanned<String>>,
    #[serde(default)]
    secret: bool,
}

/// The part of a file that contains rules.
#[derive(Deserialize)]
struct RulesAlone {
    body_limit: Option<Spanned<u32>>,
    repeats: Option<Spanned<toml::Value>>,
    #[serde(default)]
    redact: Vec<RawRule>,
}

impl Rules {
    /// Reads the rules in a file, and ignores everything else in it.
    ///
    /// # Errors
    ///
    /// Returns an error for the first mistake in them, at its place in `text`, which is the content of `file`.
    pub fn of_text(file: &Path, text: &str) -> Result<Self> {
        let raw: RulesAlone = toml::from_str(text).map_err(|error| {
            Diagnostic::new(error.span().unwrap_or(0..0), error.message().trim_end())
                .into_error(file, text)
        })?;
        let rules = Self::check(&raw.redact, text).and_then(|rules| {
            rules
                .with_body_limit(raw.body_limit.as_ref())?
                .with_repeats(raw.repeats.as_ref())
        });
        rules.map_err(|mistake| mistake.into_error(file, text))
    }

    /// The rules with what a scenario says of large bodies.
    ///
    /// # Errors
    ///
    /// Returns an error if that is too little to show anything by.
    pub fn with_body_limit(
        mut self,
        limit: Option<&Spanned<u32>>,
    ) -> std::result::Result<Self, Diagnostic> {
        if let Some(limit) = limit {
            let bytes = usize::try_from(*limit.get_ref()).unwrap_or(usize::MAX);
            if bytes < LEAST_BODY_LIMIT {
                let message = format!("`body_limit` is less than {LEAST_BODY_LIMIT} bytes");
                return Err(Diagnostic::new(limit.span(), message).with_hint(
                    "write 1024 or more: so much is shown of a body beyond the limit too",
                ));
            }
            self.body_limit = Some(bytes);
        }
        Ok(self)
    }

    /// The rules with the paths that a scenario says are asked for a number of times that varies.
    ///
    /// # Errors
    ///
    /// Returns an error if that is neither a path nor several.
    pub fn with_repeats(
        mut self,
        repeats: Option<&Spanned<toml::Value>>,
    ) -> std::result::Result<Self, Diagnostic> {
        let Some(repeats) = repeats else {
            return Ok(self);
        };
        let paths = match repeats.get_ref() {
            toml::Value::Array(paths) => paths.as_slice(),
            one => std::slice::from_ref(one),
        };
        for path in paths {
            let path = path.as_str().unwrap_or_default();
            if !path.starts_with('/') || path.contains(['?', '#', ' ']) {
                return Err(Diagnostic::new(repeats.span(), "not a path of the program").with_hint(
                    "write `repeats = \"/poll\"`, or several: `[\"/poll\", \"/status\"]`; what follows on `?` does not count",
                ));
            }
            self.repeats.push(path.to_owned());
        }
        Ok(self)
    }

    /// Returns true if a request for this target may be repeated a number of times that varies.
    #[must_use]
    pub fn repeats(&self, target: &[u8]) -> bool {
        let end = memchr::memchr(b'?', target).unwrap_or(target.len());
        let path = &target[..end];
        self.repeats.iter().any(|known| known.as_bytes() == path)
    }

    /// Returns true if any request may.
    #[must_use]
    pub const fn has_repeats(&self) -> bool {
        !self.repeats.is_empty()
    }

    /// Returns how many bytes of a body listings show in full; a larger one is shown in short.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.body_limit.unwrap_or(BODY_LIMIT)
    }

    /// Checks tables; `text` is the file that they are in.
    ///
    /// # Errors
    ///
    /// Returns an error for the first mistake.
    pub fn check(tables: &[RawRule], text: &str) -> std::result::Result<Self, Diagnostic> {
        let mut rules = Self::default();
        let mut names: Vec<&str> = Vec::new();
        for table in tables {
            let name = table.name.get_ref();
            match check(table, text)? {
                Some(rule) => rules.own.push(rule),
                None => rules.hides_chunks = true,
            }
            if names.contains(&name.as_str()) {
                let message = format!("two rules with the name `{name}`");
                return Err(
                    Diagnostic::new(table.name.span(), message).with_hint("choose another name")
                );
            }
            names.push(name);
        }
        Ok(rules)
    }

    /// Returns these rules, followed by others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.own.extend(others.own);
        self.hides_chunks |= others.hides_chunks;
        self.body_limit = others.body_limit.or(self.body_limit);
        self.repeats.extend(others.repeats);
        self
    }

    /// Returns the rules with a pattern, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.own.iter()
    }

    /// Returns true if one of them hides how bodies are cut into chunks.
    #[must_use]
    pub const fn hides_chunks(&self) -> bool {
        self.hides_chunks
    }

    /// Returns true if there are no rules.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.own.is_empty() && !self.hides_chunks
    }

    /// Returns the edits of those of the rules that are `wanted` in a text. If two match the same bytes, the first has
    /// them.
    ///
    /// If they hide more than [`MOST_PLACES`], the rest of the text is one more place: it is replaced by the SHA-256 of
    /// its hidden form.
    pub fn edits(&self, text: &[u8], wanted: impl Fn(&Rule) -> bool) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        let mut found = self.found(text, wanted);
        while let Some((place, rule)) = found.next() {
            if edits.len() == MOST_PLACES {
                let rest = edits.last().map_or(0, |(last, _)| last.end)..text.len();
                let found = iter::once((place, rule)).chain(found);
                let remark = told_by_hash(text, rest.clone(), found);
                edits.push((rest, remark.into_bytes()));
                break;
            }
            let value = rule.stands_for(place.len());
            edits.push((place, value));
        }
        edits
    }

    /// Returns the places at which something is hidden in a text, each with the name of its rule.
    pub fn places<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (Range<usize>, &'a str)> {
        let found = self.found(text, |_| true);
        found.map(|(place, rule)| (place, rule.name.as_str()))
    }

    /// Returns the places in order, each with its rule.
    fn found<'a>(&'a self, text: &'a [u8], wanted: impl Fn(&Rule) -> bool) -> Places<'a> {
        let mut places = Places(None);
        for rule in self.own.iter().filter(|rule| wanted(rule)) {
            let mut own = rule.places(text);
            let next = own.next();
            if next.is_some() {
                places = Places(Some(Box::new(Merged {
                    rule,
                    own: Box::new(own),
                    next,
                    next_before: places.next(),
                    before: places,
                })));
            }
        }
        places
    }

    /// Returns a text with the matches of the `wanted` rules hidden.
    pub fn hide(&self, text: &[u8], wanted: impl Fn(&Rule) -> bool) -> Vec<u8> {
        apply(text, &self.edits(text, wanted))
    }
}

/// The places that rules hide in a text, in order: however many there are, they take no memory.
struct Places<'a>(Option<Box<Merged<'a>>>);

/// The places of a rule, merged with those of the rules before it.
struct Merged<'a> {
    rule: &'a Rule,
    own: Box<dyn Iterator<Item = Range<usize>> + 'a>,
    next: Option<Range<usize>>,
    before: Places<'a>,
    next_before: Option<(Range<usize>, &'a Rule)>,
}

impl<'a> Iterator for Places<'a> {
    type Item = (Range<usize>, &'a Rule);

    fn next(&mut self) -> Option<Self::Item> {
        let merged = self.0.as_mut()?;
        loop {
            let Some(own) = &merged.next else {
                return std::mem::replace(&mut merged.next_before, merged.before.next());
            };
            match &merged.next_before {
                Some((other, _)) if other.end <= own.start => {
                    return std::mem::replace(&mut merged.next_before, merged.before.next());
                }
                // The rules before it have these bytes.
                Some((other, _)) if other.start < own.end => merged.next = merged.own.next(),
                _ => {
                    let own = std::mem::replace(&mut merged.next, merged.own.next());
                    return own.map(|own| (own, merged.rule));
                }
            }
        }
    }
}

/// Returns the replacement for the rest of a text with too many hidden places: two such texts are the same if this is
/// the same.
fn told_by_hash<'a>(
    text: &[u8],
    rest: Range<usize>,
    found: impl Iterator<Item = (Range<usize>, &'a Rule)>,
) -> String {
    let mut hash = Sha256::new();
    let mut position = rest.start;
    for (place, rule) in found {
        hash.update(&text[position..place.start]);
        hash.update(rule.stands_for(place.len()));
        position = place.end;
    }
    hash.update(&text[position..]);
    let mut told = format!(
        "[rules hide more than {MOST_PLACES} places: {} bytes more, shown as SHA-256 ",
        rest.len()
    );
    for byte in hash.finalize() {
        // Writing to memory does not fail.
        let _ = write!(told, "{byte:02x}");
    }
    told + "]"
}

impl FromIterator<Rules> for Rules {
    fn from_iter<Parts: IntoIterator<Item = Rules>>(parts: Parts) -> Self {
        parts.into_iter().fold(Self::default(), Rules::and)
    }
}

impl Rule {
    /// Returns the pattern as it is written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// Returns the places that the rule hides in a text, from left to right.
    pub fn places<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
        let places = self.pattern.captures_iter(text);
        let places = places.filter_map(|found| Some(found.get(self.group)?.range()));
        places.filter(|place| !place.is_empty())
    }

    /// Returns true if the pattern, or a part of it, ignores case.
    #[must_use]
    pub fn ignores_case(&self) -> bool {
        let mut parser = regex_syntax::ast::parse::Parser::new();
        let parsed = parser.parse(self.pattern());
        parsed.is_ok_and(|ast| regex_syntax::ast::visit(&ast, CaseFlags(false)).unwrap_or(false))
    }

    /// Returns the beginning of what a secret is overwritten with.
    #[must_use]
    pub fn stand_in(&self) -> String {
        format!("<{}", self.name)
    }

    /// Returns the replacement for so many bytes.
    fn stands_for(&self, width: usize) -> Vec<u8> {
        match &self.placeholder {
            Placeholder::Text(text) => text.clone().into_bytes(),
            Placeholder::SameWidth => same_width(&self.name, width).into_bytes(),
        }
    }
}

/// A visitor that becomes true if a pattern sets the flag `i` anywhere.
struct CaseFlags(bool);

impl regex_syntax::ast::Visitor for CaseFlags {
    type Output = bool;
    type Err = std::convert::Infallible;

    fn finish(self) -> std::result::Result<bool, Self::Err> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &regex_syntax::ast::Ast) -> std::result::Result<(), Self::Err> {
        use regex_syntax::ast::{Ast, Flag};
        let flags = match ast {
            Ast::Flags(set) => Some(&set.flags),
            Ast::Group(group) => group.flags(),
            _ => None,
        };
        self.0 |= flags.is_some_and(|flags| flags.flag_state(Flag::CaseInsensitive) == Some(true));
        Ok(())
    }
}

/// Returns `<session.......>`: the name, as much of it as there is room for, at the width of the hidden bytes.
#[must_use]
pub fn same_width(name: &str, width: usize) -> String {
    let Some(room) = width.checked_sub(2) else {
        return "x".repeat(width);
    };
    let name = &name[..name.len().min(room)];
    format!("<{name:.<room$}>")
}

type Checked<T> = std::result::Result<T, Diagnostic>;

/// Checks a table; `None` for the one that hides how bodies are cut into chunks.
fn check(raw: &RawRule, text: &str) -> Checked<Option<Rule>> {
    check_name(&raw.name)?;
    let Some(of_table) = &raw.pattern else {
        return check_chunks(raw).map(|()| None);
    };
    if raw.chunks {
        return Err(
            Diagnostic::new(of_table.span(), "a rule with `chunks` has no pattern")
                .with_hint("write two rules"),
        );
    }
    let pattern = check_pattern(of_table, text)?;
    Ok(Some(Rule {
        name: raw.name.get_ref().clone(),
        secret: raw.secret,
        group: check_group(&pattern, of_table)?,
        placeholder: check_placeholder(raw)?,
        pattern,
    }))
}

fn check_chunks(raw: &RawRule) -> Checked<()> {
    let hint = "write `pattern`, or `chunks = true` to hide how bodies are cut into chunks";
    if !raw.chunks {
        return Err(Diagnostic::new(raw.name.span(), "missing field `pattern`").with_hint(hint));
    }
    if raw.secret || raw.placeholder.is_some() {
        let message = "a rule with `chunks` has neither placeholder nor secret";
        return Err(Diagnostic::new(raw.name.span(), message).with_hint("leave them out"));
    }
    Ok(())
}

fn check_name(name: &Spanned<String>) -> Checked<()> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if !name.get_ref().is_empty() && name.get_ref().chars().all(is_plain) {
        return Ok(());
    }
    Err(
        Diagnostic::new(name.span(), "not a name for a rule").with_hint(
            "use letters, digits, `-` and `_`: placeholders are made of it, as in `<session>`",
        ),
    )
}

fn check_pattern(raw: &Spanned<String>, text: &str) -> Checked<Regex> {
    let pattern = raw.get_ref();
    if let Err(error) = parser().parse(pattern) {
        return Err(no_pattern(raw, text, &error));
    }
    let compiled = RegexBuilder::new(pattern)
        .multi_line(true)
        .crlf(true)
        .size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|_| {
            Diagnostic::new(raw.span(), "the pattern takes too much memory")
                .with_hint("repeat less in it: `{1000}` makes a thousand copies")
        })?;
    if compiled.is_match(b"") {
        return Err(
            Diagnostic::new(raw.span(), "the pattern matches an empty text")
                .with_hint("let it want one byte at least: `+` in place of `*`"),
        );
    }
    Ok(compiled)
}

/// Creates a parser that reads patterns as the bytes API of `regex` does.
fn parser() -> regex_syntax::Parser {
    let mut builder = regex_syntax::ParserBuilder::new();
    builder.utf8(false).multi_line(true).crlf(true).build()
}

fn no_pattern(raw: &Spanned<String>, text: &str, error: &regex_syntax::Error) -> Diagnostic {
    let (kind, place) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
        other => return Diagnostic::new(raw.span(), other.to_string()),
    };
    let place = place.start.offset..place.end.offset;
    Diagnostic::new(
        in_file(raw, text, place),
        format!("invalid regular expression: {kind}"),
    )
    .with_hint("the syntax is that of docs.rs/regex; in '…' TOML leaves backslashes as they are")
}

/// Returns the place of a part of the pattern in the file; all of the pattern if TOML's own escapes are in between.
fn in_file(raw: &Spanned<String>, text: &str, part: Range<usize>) -> Range<usize> {
    let span = raw.span();
    let written = text.get(span.clone()).unwrap_or_default();
    match written.find(raw.get_ref().as_str()) {
        Some(quote) => span.start + quote + part.start..span.start + quote + part.end,
        None => span,
    }
}

/// Returns the group that is hidden: the one with that name, or the only one, or the whole match.
fn check_group(pattern: &Regex, raw: &Spanned<String>) -> Checked<usize> {
    let named = pattern.capture_names().position(|name| name == Some(GROUP));
    match (named, pattern.captures_len() - 1) {
        (Some(group), _) => Ok(group),
        (None, groups @ 0..=1) => Ok(groups),
        (None, groups) => Err(Diagnostic::new(
            raw.span(),
            format!("the pattern has {groups} groups"),
        )
        .with_hint("write the group to hide as `(?<value>…)`, or the others as `(?:…)`")),
    }
}

fn check_placeholder(raw: &RawRule) -> Checked<Placeholder> {
    let Some(placeholder) = &raw.placeholder else {
        return Ok(Placeholder::SameWidth);
    };
    let text = placeholder.get_ref();
    let mistake = |message: &str, hint: &str| {
        Err(Diagnostic::new(placeholder.span(), message).with_hint(hint))
    };
    match text.as_str() {
        SAME_WIDTH => Ok(Placeholder::SameWidth),
        _ if raw.secret => mistake(
            "a secret keeps its width",
            "it is overwritten in the capture itself: leave `placeholder` out",
        ),
        "" => mistake(
            "nothing would show that something is hidden",
            "write a word, as in `placeholder = \"<session>\"`, or \"same-width\"",
        ),
        _ if !text.chars().all(|character| matches!(character, ' '..='~')) => mistake(
            "a placeholder is one line of plain ASCII",
            "write a word, as in `placeholder = \"<session>\"`, or \"same-width\"",
        ),
        _ => Ok(Placeholder::Text(text.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        Rules::of_text(Path::new("wiresnap.toml"), text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn hidden(rules: &Rules, text: &str) -> String {
        String::from_utf8(rules.hide(text.as_bytes(), |_| true)).unwrap()
    }

    #[test]
    fn the_group_is_hidden_and_the_rest_of_the_match_stays() {
        for (pattern, shown) in [
            ("id=[0-9]+", "a <id> b"),
            ("id=([0-9]+)", "a id=<id> b"),
            ("(id)=(?<value>[0-9]+)", "a id=<id> b"),
            ("(?:id|no)=([0-9]+)", "a id=<id> b"),
        ] {
            let text =
                format!("[[redact]]\nname = 'id'\npattern = '{pattern}'\nplaceholder = '<id>'\n");
            assert_eq!(hidden(&rules(&text), "a id=4711 b"), shown, "{pattern}");
        }
    }

    #[test]
    fn what_keeps_its_width_says_its_name_where_there_is_room() {
        for (width, shown) in [
            (0, ""),
            (1, "x"),
            (2, "<>"),
            (5, "<ses>"),
            (9, "<session>"),
            (12, "<session...>"),
        ] {
            assert_eq!(same_width("session", width), shown);
        }
    }

    #[test]
    fn what_hides_very_much_is_told_apart_by_what_is_shown() {
        let rules = rules("[[redact]]\nname = \"n\"\npattern = '[0-9]'\n");
        let texts = ["1a", "2a", "1b"].map(|one| one.repeat(MOST_PLACES) + "3c");
        let hidden = texts.each_ref().map(|text| hidden(&rules, text));
        assert_eq!(hidden[0], hidden[1], "only what is hidden differs");
        let other = texts[0].replace("3c", "3d");
        assert_ne!(hidden[0], super::tests::hidden(&rules, &other));
        let remark = "[rules hide more than 65536 places: 3 bytes more, shown as SHA-256 ";
        assert!(hidden[0].starts_with("xaxa") && hidden[0].contains(remark));
        let just = "1a".repeat(MOST_PLACES);
        assert_eq!(
            super::tests::hidden(&rules, &just),
            "xa".repeat(MOST_PLACES)
        );
    }

    #[test]
    fn the_first_rule_has_what_two_want() {
        let both = rules(
            "[[redact]]\nname = 'a'\npattern = 'id=([0-9]+)'\nplaceholder = 'A'\n[[redact]]\nname = 'b'\npattern = '[0-9]+'\nplaceholder = 'B'\n",
        );
        assert_eq!(hidden(&both, "1 id=23 4"), "B id=A B");
        let places: Vec<_> = both.places(b"1 id=23 4").collect();
        assert_eq!(places, [(0..1, "b"), (5..7, "a"), (8..9, "b")]);
    }

    #[test]
    fn a_pattern_for_either_case_is_known() {
        for (pattern, ignores_case) in [
            ("(?i)key=([0-9a-f]+)", true),
            ("key=((?i:[0-9a-f]+))", true),
            ("(?-i)key=([0-9a-f]+)", false),
            ("(?s)key=([0-9a-f]+)", false),
            ("key=([0-9a-f]+)", false),
        ] {
            let text = format!("[[redact]]\nname = 'x'\npattern = '{pattern}'\n");
            let rules = rules(&text);
            let rule = rules.iter().next().unwrap();
            assert_eq!(rule.ignores_case(), ignores_case, "{pattern}");
        }
    }

    #[test]
    fn lines_end_as_they_do_on_the_wire() {
        let rules = rules("[[redact]]\nname = 'x'\npattern = '^id: (.+)$'\nplaceholder = 'X'\n");
        assert_eq!(hidden(&rules, "a\r\nid: 1\r\nb\n"), "a\r\nid: X\r\nb\n");
    }
}
