//! A comparison of runs: the messages that only some have, and the bytes that vary in those that correspond.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::iter;
use std::ops::Range;
use std::rc::Rc;

use wirestream::message::Name;
use wirestream::message::part::{Part, parts};
use wirestream::message::{Detail, Message};

use super::runs::Run;
use super::talk::{Talk, asked, kind, partners};
use crate::analysis::variation::{COVERED, Place, places};
use crate::render::redact;
use crate::rule::{Rule, Rules};
use crate::text::counted;

/// The differences between runs.
#[derive(Default)]
pub(super) struct Survey {
    /// The numbers of connections and of messages of the first run.
    pub(super) size: (usize, usize),
    /// Messages that one run has and another has not, in words.
    pub(super) structure: Vec<String>,
    /// Places that rules hide already, by the rule's name.
    pub(super) hidden: BTreeMap<String, Vec<String>>,
    /// Rules of the project or the scenario that hide nothing in any run.
    pub(super) idle: Vec<String>,
    /// Variations that nothing hides.
    pub(super) open: Vec<Variation>,
    /// Further places that vary, which are only counted.
    more: u64,
    /// The number of places in `hidden`, and the number of further ones.
    hidden_places: usize,
    more_hidden: u64,
}

/// The most places that are told of what rules hide already.
const MOST_HIDDEN: usize = 20_000;

/// The most places that vary for which rules are looked for.
const MOST_OPEN: usize = 20_000;

/// A place that varies and that nothing hides.
pub(super) struct Variation {
    /// Its place, in words.
    pub(super) at: String,
    /// The name of the part of the message.
    pub(super) part: String,
    /// The part of the message, as it was in each run.
    pub(super) texts: Rc<[Vec<u8>]>,
    pub(super) place: Place,
    /// The message in the first run.
    pub(super) message: Rc<Message>,
}

impl Variation {
    /// The value in each run.
    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        let texts = self.texts.iter().zip(&self.place.ranges);
        texts.map(|(text, range)| &text[range.clone()])
    }
}

impl Survey {
    pub(super) fn of(runs: &[Run], rules: &Rules) -> Self {
        let mut survey = Self::default();
        let Some((first, others)) = runs.split_first() else {
            return survey;
        };
        let messages = first.talks.iter().map(|talk| talk.messages.len()).sum();
        survey.size = (first.connections, messages);
        let partners: Vec<Vec<Option<usize>>> = others
            .iter()
            .map(|other| partners(&first.talks, &other.talks))
            .collect();
        for (index, talk) in first.talks.iter().enumerate() {
            let mut talks: Vec<Option<&Talk>> = vec![Some(talk)];
            for (other, partners) in others.iter().zip(&partners) {
                talks.push(partners[index].map(|partner| &other.talks[partner]));
            }
            survey.talk(&talks, rules);
        }
        for (number, (other, partners)) in (2..).zip(others.iter().zip(&partners)) {
            let taken: HashSet<usize> = partners.iter().copied().flatten().collect();
            let lone = other.talks.iter().enumerate();
            let lone = lone.filter(|(place, talk)| !taken.contains(place) && !repeats(talk, rules));
            for (_, talk) in lone {
                let text = format!(
                    "nothing in run 1 corresponds to {} of run {number}",
                    talk.described()
                );
                survey.structure.push(text);
            }
        }
        survey.say_left_out(runs);
        survey.find_idle(runs, rules);
        survey
    }

    /// Finds the rules that match nowhere. Nothing is said of them where something was left out.
    fn find_idle(&mut self, runs: &[Run], rules: &Rules) {
        if runs.iter().any(|run| run.left_out > 0) {
            return;
        }
        let mut idle: Vec<&Rule> = rules.iter().collect();
        let talks = runs.iter().flat_map(|run| &run.talks);
        for (_, message) in talks.flat_map(|talk| &talk.messages) {
            let parts = parts(message);
            idle.retain(|rule| {
                let stands_for = rule.stand_in();
                let is_overwritten = |bytes: &[u8]| {
                    rule.secret && memchr::memmem::find(bytes, stands_for.as_bytes()).is_some()
                };
                let found = |part: &Part<'_>| {
                    rule.places(part.bytes).next().is_some() || is_overwritten(part.bytes)
                };
                !parts.iter().any(found)
            });
        }
        self.idle = idle.into_iter().map(|rule| rule.name.clone()).collect();
    }

    /// Says what was too much to be looked at.
    fn say_left_out(&mut self, runs: &[Run]) {
        for (run, number) in runs.iter().zip(1..) {
            if run.left_out > 0 {
                let text = format!(
                    "run {number} has {} messages more than are looked at",
                    run.left_out
                );
                self.structure.push(text);
            }
        }
        if self.more > 0 {
            let text = format!("{} values more vary than are looked at", self.more);
            self.structure.push(text);
        }
        if self.more_hidden > 0 {
            let place = format!("{} places more", self.more_hidden);
            self.hidden
                .entry("others".to_owned())
                .or_default()
                .push(place);
        }
    }

    fn talk(&mut self, talks: &[Option<&Talk>], rules: &Rules) {
        let Some(first) = talks.first().copied().flatten() else {
            return;
        };
        let (title, all) = (&first.title, first.messages.len());
        for (number, talk) in talks.iter().enumerate().skip(1) {
            match talk {
                Some(talk) if talk.messages.len() != all => self.structure.push(format!(
                    "{title} has {} in run {}, {all} in run 1",
                    counted(talk.messages.len(), "message"),
                    number + 1
                )),
                Some(_) => {}
                None if repeats(first, rules) => {}
                None => self.structure.push(format!(
                    "nothing in run {} corresponds to {}",
                    number + 1,
                    first.described()
                )),
            }
        }
        let others: Vec<HashMap<Name, &Message>> = talks[1..]
            .iter()
            .flatten()
            .map(|talk| {
                let messages = talk.messages.iter().rev();
                messages.map(|(name, message)| (*name, message)).collect()
            })
            .collect();
        let mut is_other_request = HashSet::new();
        for (name, message) in &first.messages {
            let at = format!("{name}, {title}");
            let mut messages = vec![message];
            for other in &others {
                messages.extend(other.get(name));
            }
            if asks_differ(&messages) {
                self.structure
                    .push(format!("{at} asks for something else in some runs"));
                is_other_request.insert(*name);
                continue;
            }
            let answers_another = matches!(name, Name::Response(number) if is_other_request.contains(&Name::Request(*number)));
            if messages.len() > 1 && !answers_another {
                self.message(&at, &messages, rules);
            }
        }
    }

    fn message<'a>(&mut self, at: &str, messages: &[&'a Message], rules: &Rules) {
        let kinds: BTreeSet<String> = messages.iter().map(|message| kind(message)).collect();
        if kinds.len() > 1 {
            let kinds: Vec<String> = kinds.into_iter().collect();
            self.structure
                .push(format!("{at} is {}", kinds.join(" or ")));
            return;
        }
        if masks_vary(messages) {
            self.hide("mask", at);
        }
        let all: Vec<Vec<NamedPart<'a>>> = messages.iter().map(|one| numbered(one)).collect();
        if let Some(lone) = lone_part(&all) {
            self.structure
                .push(format!("{at} has {lone} in some runs only"));
        }
        let by_name = |parts: &Vec<NamedPart<'a>>| -> HashMap<String, &'a [u8]> {
            let parts = parts.iter();
            parts
                .map(|(name, part)| (name.clone(), part.bytes))
                .collect()
        };
        let others: Vec<HashMap<String, &[u8]>> = all[1..].iter().map(by_name).collect();
        let mut kept = None;
        for (name, part) in &all[0] {
            // How long something is follows from what it is.
            if name.eq_ignore_ascii_case("content-length") {
                continue;
            }
            let others = others.iter().filter_map(|parts| parts.get(name).copied());
            let texts: Vec<&[u8]> = iter::once(part.bytes).chain(others).collect();
            let varies = texts.iter().any(|text| *text != texts[0]);
            if texts.len() == messages.len() && varies {
                let message = kept.get_or_insert_with(|| Rc::new(messages[0].clone()));
                self.part(&format!("{name} of {at}"), name, message, &texts, rules);
            }
        }
    }

    /// Takes a part that varies.
    fn part(
        &mut self,
        at: &str,
        name: &str,
        message: &Rc<Message>,
        texts: &[&[u8]],
        rules: &Rules,
    ) {
        let covered: Vec<Covered> = texts
            .iter()
            .map(|text| Covered::of(name, message, text, rules))
            .collect();
        let masked: Vec<&[u8]> = covered.iter().map(|one| one.masked.as_slice()).collect();
        let open = places(&masked);
        for rule in varying_rules(&covered) {
            self.hide(&rule, at);
        }
        let texts: Rc<[Vec<u8>]> = texts.iter().map(|text| text.to_vec()).collect();
        for place in open {
            let Range { start, end } = place.ranges[0];
            if !place.is_value {
                let text = format!(
                    "{at} differs by more than a value, from byte {} on",
                    start + 1
                );
                self.structure.push(text);
                continue;
            }
            if self.open.len() == MOST_OPEN {
                self.more += 1;
                continue;
            }
            self.open.push(Variation {
                at: format!("{at}, bytes {} to {end}", start + 1),
                part: name.to_owned(),
                texts: Rc::clone(&texts),
                place,
                message: Rc::clone(message),
            });
        }
    }

    fn hide(&mut self, rule: &str, at: &str) {
        if self.hidden_places == MOST_HIDDEN {
            self.more_hidden += 1;
            return;
        }
        self.hidden_places += 1;
        self.hidden
            .entry(rule.to_owned())
            .or_default()
            .push(at.to_owned());
    }
}

/// Returns true if requests in the place of each other ask for other things.
fn asks_differ(messages: &[&Message]) -> bool {
    let mut asked = messages.iter().map(|message| asked(message));
    let first = asked.next();
    asked.any(|other| Some(other) != first)
}

/// Returns true if a scenario says that this is asked for a number of times that varies.
fn repeats(talk: &Talk, rules: &Rules) -> bool {
    let first = talk.messages.first().map(|(_, message)| &message.detail);
    matches!(first, Some(Detail::Http(http)) if rules.repeats(http.head.target()))
}

/// A text with what rules hide covered.
struct Covered {
    masked: Vec<u8>,
    /// A hash of all that each rule hides, by its name.
    hidden: BTreeMap<String, DefaultHasher>,
}

impl Covered {
    fn of(name: &str, message: &Message, text: &[u8], rules: &Rules) -> Self {
        let mut covered = Self {
            masked: text.to_vec(),
            hidden: BTreeMap::new(),
        };
        for (place, rule) in rules.places(text) {
            covered.cover(place, rule);
        }
        for (place, what) in built_in(name, message, &covered.masked) {
            covered.cover(place, what);
        }
        covered
    }

    fn cover(&mut self, place: Range<usize>, rule: &str) {
        if !self.hidden.contains_key(rule) {
            self.hidden.insert(rule.to_owned(), DefaultHasher::new());
        }
        if let Some(hidden) = self.hidden.get_mut(rule) {
            // With its length, so that values do not run into each other.
            self.masked[place.clone()].hash(hidden);
        }
        self.masked[place].fill(COVERED);
    }
}

/// The rules that hide another thing in one text than in the others.
fn varying_rules(covered: &[Covered]) -> BTreeSet<String> {
    let all = covered.iter().flat_map(|one| one.hidden.keys());
    let varies = |rule: &&String| {
        let of_one = |one: &Covered| one.hidden.get(*rule).map(Hasher::finish);
        let mut hidden = covered.iter().map(of_one);
        let first = hidden.next();
        hidden.any(|other| Some(other) != first)
    };
    all.filter(varies).cloned().collect()
}

/// Returns the places in a part that the built-in rules hide.
fn built_in(name: &str, message: &Message, text: &[u8]) -> Vec<(Range<usize>, &'static str)> {
    let is_field = text
        .get(..name.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()));
    let value = match text.get(name.len()) {
        Some(b':') if is_field => {
            let rest = &text[name.len() + 1..];
            name.len() + 1 + (rest.len() - rest.trim_ascii_start().len())
        }
        _ => return redact::places(text),
    };
    let belongs =
        matches!(&message.detail, Detail::Http(http) if http.accept_belongs == Some(true));
    if belongs && name.eq_ignore_ascii_case("sec-websocket-accept") {
        return vec![(value..text.len(), "WebSocket accept")];
    }
    let places = redact::field_places(name.as_bytes(), &text[value..]).into_iter();
    places
        .map(|(place, what)| (place.start + value..place.end + value, what))
        .collect()
}

/// The name of a part that is not in all of the messages.
fn lone_part<'b>(all: &'b [Vec<NamedPart<'_>>]) -> Option<String> {
    let names_of = |parts: &'b Vec<NamedPart<'_>>| -> HashSet<&'b str> {
        parts.iter().map(|(name, _)| name.as_str()).collect()
    };
    let names: Vec<HashSet<&str>> = all.iter().map(names_of).collect();
    let is_lone = |name: &&String| !names.iter().all(|parts| parts.contains(name.as_str()));
    let mut names = all.iter().flatten().map(|(name, _)| name);
    names.find(is_lone).cloned()
}

/// A part with its name, and which of that name it is.
type NamedPart<'a> = (String, Part<'a>);

/// Parts with names that no two of them share.
fn numbered(message: &Message) -> Vec<NamedPart<'_>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let name = |part: Part<'_>| -> (String, usize) {
        let count = counts.entry(part.name.to_ascii_lowercase()).or_default();
        *count += 1;
        (part.name.clone().into_owned(), *count)
    };
    let all = parts(message);
    let names: Vec<(String, usize)> = all.iter().cloned().map(name).collect();
    let shown = |(name, count): (String, usize)| match count {
        1 => name,
        count => format!("{name} ({count})"),
    };
    names.into_iter().map(shown).zip(all).collect()
}

fn masks_vary(messages: &[&Message]) -> bool {
    let mask = |message: &&Message| match &message.detail {
        Detail::WebSocket(frame) => frame.header.mask,
        _ => None,
    };
    messages.iter().map(mask).collect::<BTreeSet<_>>().len() > 1
}
