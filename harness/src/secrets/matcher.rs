//! Looks for secrets in a text: by the patterns of the rules, and by the values that they matched anywhere in the
//! capture.
//!
//! Each text is searched as it is and with its encodings undone, up to [`MOST_DEPTH`] of them one in the other. All
//! values are looked for at once, and the patterns one by one only if one of them matches. So the time is that of a few
//! passes over the text, no matter how many rules and values there are.

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::{RegexSet, RegexSetBuilder};

use super::filler::{filler, is_filler, token};
use super::view::{Edit, Encoding, ON_THE_WIRE, View};
use crate::rule::{Rule, Rules};

/// The most encodings, one in the other, that are undone: JSON in base64 in a percent-encoded cookie occurs.
const MOST_DEPTH: usize = 3;
/// The shortest value that can be told from other bytes.
pub(super) const SHORTEST_VALUE: usize = 4;
/// The longest value that is looked for as a whole; a longer one is looked for in pieces of this many bytes.
const LONGEST_PIECE: usize = 16 << 10;
/// The shortest line of a value of several lines that is looked for by itself: line ends may change on the way.
const SHORTEST_LINE: usize = 16;
/// The most values that are looked for, and below, the most bytes that they may have together.
const MOST_VALUES: usize = 20_000;
const MOST_VALUE_BYTES: usize = 1 << 20;
/// The largest program that all patterns together may be compiled to, in bytes.
const LARGEST_SET: usize = 64 << 20;
/// The fewest readable bytes in a row that count as a text, if they are only a part of what could be base64 of
/// anything.
const SHORTEST_TEXT: usize = 12;

/// The patterns and values that are looked for.
pub(super) struct Matcher {
    rules: Vec<Rule>,
    /// The set that tells which of the patterns match at all; `None` if it would take too much memory, and each is
    /// tried.
    any: Option<RegexSet>,
    values: Values,
}

/// The values that patterns matched, each with the rule that it belongs to.
#[derive(Default)]
struct Values {
    known: HashMap<Vec<u8>, usize>,
    bytes: usize,
    exact: Option<Automaton>,
    folded: Option<Automaton>,
}

/// A set of values that are looked for together.
struct Automaton {
    automaton: AhoCorasick,
    rules: Vec<usize>,
}

/// The reason why not everything that was found can be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A rule of this name matched a value of so many bytes, which could be anything.
    TooShort(String, usize),
    /// There are too many values.
    TooMany,
}

/// A text, which may be a part of a longer one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    /// True if the text goes on before these bytes.
    pub(super) cut_before: bool,
    /// True if it goes on behind them.
    pub(super) cut_behind: bool,
}

/// The things that are looked for in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Patterns and values.
    All,
    /// Only values: the bytes are of several texts, which a pattern would take for one.
    Values,
    /// Only values, in no encoding: the bytes are not even texts.
    AsTheyAre,
}

/// The place of a secret, and the bytes that overwrite it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// The place in the text.
    pub(super) at: usize,
    /// The bytes that overwrite it.
    pub(super) bytes: Vec<u8>,
    /// The number of the rule.
    pub(super) rule: usize,
    /// The value, if a pattern found it.
    pub(super) value: Option<Vec<u8>>,
}

/// The findings in a text.
#[derive(Debug, Default)]
pub(super) struct Searched {
    /// The hits, in order and apart from each other.
    pub(super) hits: Vec<Hit>,
    /// The hits that may be the beginning, or the end, of something longer.
    pub(super) cut: Vec<Hit>,
}

impl Hit {
    pub(super) const fn place(&self) -> Range<usize> {
        self.at..self.at + self.bytes.len()
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            cut_before: false,
            cut_behind: false,
        }
    }
}

impl Matcher {
    /// Makes a matcher for the rules that are for secrets.
    pub(super) fn new(rules: &Rules) -> Self {
        let rules: Vec<Rule> = rules.iter().filter(|rule| rule.secret).cloned().collect();
        let patterns = rules.iter().map(Rule::pattern);
        let any = RegexSetBuilder::new(patterns)
            .multi_line(true)
            .crlf(true)
            .size_limit(LARGEST_SET)
            .build()
            .ok();
        Self {
            rules,
            any,
            values: Values::default(),
        }
    }

    /// Returns true if there is nothing to look for.
    pub(super) const fn is_idle(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn has_values(&self) -> bool {
        !self.values.known.is_empty()
    }

    pub(super) fn name(&self, rule: usize) -> &str {
        self.rules.get(rule).map_or("", |rule| &rule.name)
    }

    /// Returns the filler of this width for places where only the characters of a token are allowed.
    pub(super) fn token(&self, rule: usize, width: usize) -> Vec<u8> {
        token(self.name(rule), width)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// Takes note of values, to be looked for from now on; returns true if there was a new one.
    ///
    /// # Errors
    ///
    /// Returns an error if one cannot be looked for, or there are too many.
    pub(super) fn add(
        &mut self,
        values: impl IntoIterator<Item = (usize, Vec<u8>)>,
    ) -> Result<bool, Refusal> {
        let before = self.values.known.len();
        for (rule, value) in values {
            if value.len() < SHORTEST_VALUE {
                return Err(Refusal::TooShort(self.name(rule).to_owned(), value.len()));
            }
            for form in forms(&value) {
                self.add_form(rule, &form)?;
            }
        }
        let is_more = self.values.known.len() > before;
        if is_more {
            self.values.compile(&self.rules);
        }
        Ok(is_more)
    }

    fn add_form(&mut self, rule: usize, value: &[u8]) -> Result<(), Refusal> {
        let lines = value.split(|byte| matches!(byte, b'\r' | b'\n'));
        let lines = lines.filter(|line| (SHORTEST_LINE..value.len()).contains(&line.len()));
        let pieces: Vec<Vec<u8>> = lines
            .chain(value.chunks(LONGEST_PIECE))
            .map(<[u8]>::to_vec)
            .collect();
        for piece in pieces {
            if piece.len() < SHORTEST_VALUE || is_filler(self.names(), &piece) {
                continue;
            }
            let length = piece.len();
            if self.values.known.insert(piece, rule).is_none() {
                self.values.bytes += length;
            }
        }
        if self.values.known.len() > MOST_VALUES || self.values.bytes > MOST_VALUE_BYTES {
            return Err(Refusal::TooMany);
        }
        Ok(())
    }

    /// Finds the secrets of a text.
    pub(super) fn search(&self, text: Text<'_>, scope: Scope) -> Searched {
        let hits = self.look(text.bytes, scope, &ON_THE_WIRE, 0);
        // What touches a cut is seen whole in the part of the text that overlaps.
        let is_cut = |hit: &Hit| {
            let place = hit.place();
            let is_at_end = text.cut_before && place.start == 0
                || text.cut_behind && place.end == text.bytes.len();
            hit.value.is_some() && is_at_end
        };
        let (cut, hits) = hits.into_iter().partition(is_cut);
        Searched { hits, cut }
    }

    /// Finds the secrets of a text that is to be shown to somebody.
    pub(super) fn search_shown(&self, text: &[u8]) -> Vec<Hit> {
        let mut encodings = vec![Encoding::Shown];
        encodings.extend(ON_THE_WIRE);
        self.look(text, Scope::All, &encodings, 0)
    }

    fn look(&self, text: &[u8], scope: Scope, encodings: &[Encoding], depth: usize) -> Vec<Hit> {
        let mut hits = self.as_it_is(text, scope);
        if depth == MOST_DEPTH || text.len() < SHORTEST_VALUE || scope == Scope::AsTheyAre {
            return hits;
        }
        for encoding in encodings {
            if let Some(view) = View::new(*encoding, text) {
                let found = self.in_view(*encoding, &view, scope, depth + 1);
                join(&mut hits, found);
            }
        }
        hits
    }

    /// Finds the secrets in a text as it is, with no encoding undone.
    fn as_it_is(&self, text: &[u8], scope: Scope) -> Vec<Hit> {
        let mut hits = Vec::new();
        if scope == Scope::All {
            for rule in self.rules_of(text) {
                let found = self.rules[rule].places(text);
                let found = found.filter(|place| !is_filler(self.names(), &text[place.clone()]));
                let hits_of_rule =
                    found.map(|place| self.hit(rule, place.clone(), Some(&text[place])));
                join(&mut hits, hits_of_rule.collect());
            }
        }
        for automaton in [&self.values.exact, &self.values.folded]
            .into_iter()
            .flatten()
        {
            let found = automaton.automaton.find_iter(text);
            let found =
                found.map(|found| self.hit(automaton.rules[found.pattern()], found.range(), None));
            join(&mut hits, found.collect());
        }
        hits
    }

    /// Returns the rules whose patterns may match somewhere in a text.
    fn rules_of(&self, text: &[u8]) -> Vec<usize> {
        match &self.any {
            Some(any) => any.matches(text).into_iter().collect(),
            None => (0..self.rules.len()).collect(),
        }
    }

    fn hit(&self, rule: usize, place: Range<usize>, value: Option<&[u8]>) -> Hit {
        Hit {
            at: place.start,
            bytes: filler(self.name(rule), place.len()),
            rule,
            value: value.map(<[u8]>::to_vec),
        }
    }

    fn in_view(&self, encoding: Encoding, view: &View, scope: Scope, depth: usize) -> Vec<Hit> {
        let mut hits = match encoding {
            Encoding::Base64 { skipped } | Encoding::Hexadecimal { skipped } => {
                self.in_runs(view, skipped == 0, scope, depth)
            }
            _ => view
                .parts()
                .flat_map(|part| {
                    let found = self.look(&view.bytes[part.clone()], scope, &ON_THE_WIRE, depth);
                    moved(found, part.start)
                })
                .collect(),
        };
        hits.retain(|hit| view.source(&hit.place()).is_some());
        if hits.is_empty() {
            return hits;
        }
        let mut after = view.bytes.clone();
        for hit in &hits {
            after[hit.place()].copy_from_slice(&hit.bytes);
        }
        hits.into_iter()
            .flat_map(|hit| self.lower(view, hit, &after))
            .collect()
    }

    /// Searches runs that may be encoded, or may be just words: for values anywhere, for patterns only if they decode
    /// to text.
    fn in_runs(&self, view: &View, are_whole: bool, scope: Scope, depth: usize) -> Vec<Hit> {
        let mut hits = self.as_it_is(&view.bytes, Scope::Values);
        for part in view.parts() {
            for text in texts(&view.bytes[part.clone()], are_whole) {
                let place = part.start + text.start..part.start + text.end;
                let found = self.look(&view.bytes[place.clone()], scope, &ON_THE_WIRE, depth);
                join(&mut hits, moved(found, place.start));
            }
        }
        for big_endian in [false, true] {
            let encoding = Encoding::Utf16 { big_endian };
            if depth < MOST_DEPTH
                && let Some(inner) = View::new(encoding, &view.bytes)
            {
                join(&mut hits, self.in_view(encoding, &inner, scope, depth + 1));
            }
        }
        hits
    }

    /// Returns the hits in the text below a view that a hit in the view stands for.
    fn lower(&self, view: &View, hit: Hit, after: &[u8]) -> Vec<Hit> {
        let edits: Vec<Edit> = view.lower(self.name(hit.rule), &hit.place(), after);
        let mut value = hit.value;
        edits
            .into_iter()
            .map(|(at, bytes)| Hit {
                at,
                bytes,
                rule: hit.rule,
                value: value.take(),
            })
            .collect()
    }
}

impl Values {
    fn compile(&mut self, rules: &[Rule]) {
        let folds = |rule: &usize| rules.get(*rule).is_some_and(Rule::ignores_case);
        let (folded, exact): (Vec<_>, Vec<_>) =
            self.known.iter().partition(|(_, rule)| folds(rule));
        self.exact = Automaton::new(&exact, false);
        self.folded = Automaton::new(&folded, true);
    }
}

impl Automaton {
    fn new(values: &[(&Vec<u8>, &usize)], ignores_case: bool) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(ignores_case)
            .build(values.iter().map(|(value, _)| value))
            // It fails beyond two thousand million states; the values have far fewer bytes.
            .ok()?;
        Some(Self {
            automaton,
            rules: values.iter().map(|(_, rule)| **rule).collect(),
        })
    }
}

/// Returns the forms in which a value may be found elsewhere: as it was matched, and decoded if that was encoded.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    let single = [Encoding::Percent, Encoding::Escapes, Encoding::Entities];
    for encoding in single {
        let view = View::new(encoding, value);
        forms.extend(view.map(|view| view.bytes));
    }
    for encoding in [
        Encoding::Base64 { skipped: 0 },
        Encoding::Hexadecimal { skipped: 0 },
    ] {
        let Some(view) = View::new(encoding, value) else {
            continue;
        };
        // All of it must be one run, but for what pads it.
        let padded = value.iter().rev().take_while(|byte| **byte == b'=').count();
        let is_all = view.parts().next().is_some_and(|part| {
            part.end == view.bytes.len()
                && view
                    .source(&part)
                    .is_some_and(|source| source.len() + padded == value.len())
        });
        if is_all && is_printable(&view.bytes) {
            forms.push(view.bytes);
        }
    }
    forms.retain(|form| form.len() >= SHORTEST_VALUE);
    forms
}

/// Returns the stretches of bytes that read as a text: all of them, or only long ones.
fn texts(bytes: &[u8], are_whole: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if are_whole && bytes.len() >= SHORTEST_VALUE && is_printable(bytes) {
        found.push(0..bytes.len());
        return found;
    }
    let mut from = 0;
    for part in bytes.split(|byte| !is_printable(&[*byte])) {
        let place = from..from + part.len();
        from = place.end + 1;
        if place.len() >= SHORTEST_TEXT {
            found.push(place);
        }
    }
    found
}

fn is_printable(bytes: &[u8]) -> bool {
    let is_shown = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    bytes.iter().all(is_shown)
        || std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::is_control))
}

fn moved(mut hits: Vec<Hit>, by: usize) -> Vec<Hit> {
    for hit in &mut hits {
        hit.at += by;
    }
    hits
}

/// Adds hits to others, which are in order and apart from each other; if two claim the same bytes, the first has them.
fn join(hits: &mut Vec<Hit>, found: Vec<Hit>) {
    if found.is_empty() {
        return;
    }
    let mut all = std::mem::take(hits);
    let mut free = Vec::new();
    for hit in found {
        free.extend(left_of(&all, &hit));
    }
    all.append(&mut free);
    all.sort_by_key(|hit| hit.at);
    // What was found at once may overlap too.
    for hit in all {
        match hits.last().map(|last| last.place().end) {
            Some(end) if end > hit.at => {
                let known = end - hit.at;
                if let Some(rest) = hit.bytes.get(known..).filter(|rest| !rest.is_empty()) {
                    let bytes = rest.to_vec();
                    hits.push(Hit {
                        at: end,
                        bytes,
                        ..hit
                    });
                } else if hit.value.is_some() {
                    keep_value(hits, hit);
                }
            }
            _ => hits.push(hit),
        }
    }
}

/// Keeps the value of a hit whose bytes others have, so that it is looked for elsewhere too.
fn keep_value(hits: &mut [Hit], hit: Hit) {
    if let Some(last) = hits.last_mut()
        && last.value.is_none()
    {
        last.value = hit.value;
    }
}

/// Returns the parts of a hit that no other has.
fn left_of(all: &[Hit], hit: &Hit) -> Vec<Hit> {
    let place = hit.place();
    let next = all.partition_point(|other| other.place().end <= place.start);
    let mut left = Vec::new();
    let mut from = place.start;
    for other in &all[next..] {
        if other.at >= place.end {
            break;
        }
        if from < other.at {
            left.push(from..other.at);
        }
        from = from.max(other.place().end);
    }
    if from < place.end {
        left.push(from..place.end);
    }
    let mut value = hit.value.clone();
    left.into_iter()
        .map(|part| Hit {
            at: part.start,
            bytes: hit.bytes[part.start - place.start..part.end - place.start].to_vec(),
            rule: hit.rule,
            value: value.take(),
        })
        .collect()
}
