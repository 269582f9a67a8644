//! Rules for what varies, each held against the runs before it is proposed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use super::survey::{Survey, Variation};
use crate::analysis::credential;
use crate::analysis::variation::{context, form, is_binary};
use crate::render::hex;
use crate::rule::Rules;

/// Bytes of a value that are shown of it.
const SHOWN: usize = 4;

/// Values that are shown.
const MOST_SHOWN: usize = 5;

/// A rule for a value that varies in one or several places in the same way.
pub struct Proposal {
    /// The name that its rule would have.
    pub name: String,
    pub(super) pattern: String,
    /// True if it looks like a credential, which is better overwritten.
    pub(super) secret: bool,
    same_width: bool,
    /// The places of the value, in words.
    pub(super) places: Vec<String>,
    /// The number of values, and some of them, shortened.
    pub(super) count: usize,
    pub(super) values: Vec<String>,
    /// The rule; none where there is none that hides this and no more.
    pub(super) rule: Option<Rules>,
}

/// The surroundings of a value: the bytes before it, or those behind it if nothing stands before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Setting {
    before: Vec<u8>,
    behind: Option<u8>,
    /// True if it is among bytes that are not text.
    is_binary: bool,
    /// True if nothing stands before those bytes.
    is_first: bool,
    /// The name of the part of the message.
    part: String,
}

impl Setting {
    fn of(variation: &Variation) -> Self {
        let texts: Vec<&[u8]> = variation.texts.iter().map(Vec::as_slice).collect();
        if texts.iter().any(|text| is_binary(text)) {
            let start = variation.place.ranges[0].start;
            let before = &texts[0][start.saturating_sub(MOST_BYTES_BEFORE)..start];
            let known = before.iter().rev().zip(1..).take_while(|(byte, back)| {
                let same = |text: &&[u8]| text.get(start - *back) == Some(*byte);
                texts.iter().all(same)
            });
            let known = known.count();
            return Self {
                before: before[before.len() - known..].to_vec(),
                behind: None,
                is_binary: true,
                is_first: known == start,
                part: String::new(),
            };
        }
        let before = context(&texts, &variation.place).to_vec();
        let behind = if before.is_empty() {
            let end = variation.place.ranges[0].end;
            variation.texts[0].get(end).copied()
        } else {
            None
        };
        let part = if key_of(&before).is_some_and(|key| key.len() < SHORT) {
            variation.part.clone()
        } else {
            String::new()
        };
        Self {
            before,
            behind,
            is_binary: false,
            is_first: false,
            part,
        }
    }
}

/// Returns rules for what nothing hides yet, and how many places more vary that no rule was looked for.
pub(super) fn proposals(survey: &Survey, rules: &Rules) -> (Vec<Proposal>, usize) {
    let mut more = 0;
    let mut order: Vec<Setting> = Vec::new();
    let mut groups: BTreeMap<Setting, Vec<&Variation>> = BTreeMap::new();
    for variation in &survey.open {
        let setting = Setting::of(variation);
        if !groups.contains_key(&setting) {
            order.push(setting.clone());
        }
        groups.entry(setting).or_default().push(variation);
    }
    let mut names = Names {
        taken: rules.iter().map(|rule| rule.name.clone()).collect(),
        counts: HashMap::new(),
    };
    let mut proposals = Vec::new();
    let mut work = 0_usize;
    for setting in order {
        let variations = &groups[&setting];
        work = work.saturating_add(text_bytes(variations));
        if proposals.len() == MOST_PROPOSALS || work > MOST_WORK {
            more += variations.len();
            continue;
        }
        let name = names.free(&name_of(&setting));
        proposals.push(Proposal::of(name, &setting, variations));
    }
    (proposals, more)
}

/// The most rules that are proposed: more than anybody reads.
const MOST_PROPOSALS: usize = 100;

/// The most bytes of texts that rules are held against: each rule is held against all texts that what it hides is in.
const MOST_WORK: usize = 512 << 20;

/// The bytes of the texts that variations are in.
fn text_bytes(variations: &[&Variation]) -> usize {
    let texts = by_texts(variations);
    let of_one =
        |(variation, _): &(&Variation, _)| variation.texts.iter().map(Vec::len).sum::<usize>();
    texts.iter().map(of_one).sum()
}

impl Proposal {
    fn of(name: String, setting: &Setting, variations: &[&Variation]) -> Self {
        let values: Vec<&[u8]> = variations.iter().flat_map(|one| one.values()).collect();
        let distinct: BTreeSet<&[u8]> = values.iter().copied().collect();
        let same_width = values.iter().all(|value| value.len() == values[0].len());
        let secret = same_width && looks_like_a_credential(variations);
        let pattern = pattern(setting, &values);
        let same_width = same_width && (setting.is_binary || !form(&values).ends_with('+'));
        let mut proposal = Self {
            pattern,
            name,
            secret,
            same_width,
            places: variations.iter().map(|one| one.at.clone()).collect(),
            count: distinct.len(),
            values: distinct
                .iter()
                .take(MOST_SHOWN)
                .map(|value| shortened(value))
                .collect(),
            rule: None,
        };
        let rule = Rules::of_text(Path::new("rule"), &proposal.toml()).ok();
        let hides_all = |rule: &Rules| hides(rule, variations);
        proposal.rule = rule.filter(hides_all);
        proposal
    }

    /// The rule as it is written into a file.
    pub(super) fn toml(&self) -> String {
        let quote = if self.pattern.contains('\'') {
            "'''"
        } else {
            "'"
        };
        let mut text = format!(
            "[[redact]]\nname = \"{}\"\npattern = {quote}{}{quote}\n",
            self.name, self.pattern
        );
        if self.secret {
            text.push_str("secret = true\n");
        } else if !self.same_width {
            text = format!("{text}placeholder = \"<{}>\"\n", self.name);
        }
        text
    }
}

/// The ranges of variations that are in the same texts, run by run.
fn by_texts<'a>(variations: &[&'a Variation]) -> Vec<(&'a Variation, Vec<Vec<Range<usize>>>)> {
    let mut all: Vec<(&Variation, Vec<Vec<Range<usize>>>)> = Vec::new();
    for variation in variations {
        // Those of one text come one behind the other.
        let is_same = |(other, _): &(&Variation, _)| Rc::ptr_eq(&other.texts, &variation.texts);
        if !all.last().is_some_and(is_same) {
            all.push((variation, vec![Vec::new(); variation.texts.len()]));
        }
        if let Some((_, ranges)) = all.last_mut() {
            for (own, range) in ranges.iter_mut().zip(&variation.place.ranges) {
                own.push(range.clone());
            }
        }
    }
    all
}

/// Returns true if a rule hides just what varies, in every run.
fn hides(rule: &Rules, variations: &[&Variation]) -> bool {
    by_texts(variations).iter().all(|(variation, ranges)| {
        let mut texts = variation.texts.iter().zip(ranges);
        texts.all(|(text, ranges)| {
            let edits = rule.edits(text, |_| true);
            let hidden: HashSet<&Range<usize>> = edits.iter().map(|(place, _)| place).collect();
            ranges.iter().all(|range| hidden.contains(range))
        })
    })
}

/// Returns true if a message has fewer credentials once the values are covered.
fn looks_like_a_credential(variations: &[&Variation]) -> bool {
    by_texts(variations).iter().any(|(variation, ranges)| {
        let text = &variation.texts[0];
        let with = credential::find(&variation.message, |_| Vec::new()).len();
        let covered = |part: &[u8]| {
            if part == text.as_slice() {
                ranges[0].clone()
            } else {
                Vec::new()
            }
        };
        credential::find(&variation.message, covered).len() < with
    })
}

fn pattern(setting: &Setting, values: &[&[u8]]) -> String {
    if setting.is_binary {
        let begin = if setting.is_first { "\\A" } else { "" };
        let before = escaped_bytes(&setting.before);
        let count = values.first().map_or(0, |value| value.len());
        return format!("(?s-u){begin}{before}(.{{{count}}})");
    }
    let form = form(values);
    if !setting.before.is_empty() {
        return format!("{}({form})", escaped(&setting.before));
    }
    match setting.behind {
        None | Some(b'\r' | b'\n') => format!("^({form})$"),
        Some(byte) => format!("^({form}){}", escaped(&[byte])),
    }
}

/// Bytes as a pattern that is not for text has them.
fn escaped_bytes(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|byte| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => char::from(*byte).to_string(),
        other => format!("\\x{other:02x}"),
    });
    escaped.collect()
}

fn escaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches(char::REPLACEMENT_CHARACTER);
    regex::escape(text)
        .replace('\t', "\\t")
        .replace("\\-", "-")
        .replace("\\&", "&")
}

/// A name of fewer letters says too little.
const SHORT: usize = 3;

/// The most bytes before a value, among others, that say where it is.
const MOST_BYTES_BEFORE: usize = 8;

/// Returns the name of a value: the key before it, as in `key=value`, `Key: value` and `"key":"value"`; otherwise the
/// last word before it.
fn key_of(before: &[u8]) -> Option<String> {
    let before = String::from_utf8_lossy(before).to_ascii_lowercase();
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let last_word = |text: &str| {
        let words = text.split(|character: char| !is_part(character));
        let mut words = words.map(|word| word.trim_matches(['-', '_', '.']));
        let word = words.rfind(|word| !word.is_empty());
        word.map(|word| word.replace('.', "-"))
    };
    // The value may begin with a mark of its own, as signed cookies do.
    let key = before.rfind(['=', ':']).map(|at| &before[..at]);
    key.and_then(last_word).or_else(|| last_word(&before))
}

/// The name of a rule: what the value is called. Where that is a letter or two, what it is in too.
fn name_of(setting: &Setting) -> String {
    if setting.is_binary {
        return "bytes".to_owned();
    }
    let key = key_of(&setting.before).unwrap_or_else(|| "value".to_owned());
    let part = setting.part.to_ascii_lowercase();
    let whose = match part.as_str() {
        "" => return key,
        "request line" => "query",
        "set-cookie" => "cookie",
        other => other,
    };
    format!("{whose}-{key}")
}

/// Names for rules, no two the same.
struct Names {
    taken: HashSet<String>,
    /// The number of rules that wanted each name.
    counts: HashMap<String, usize>,
}

impl Names {
    /// Takes a name, with a number behind it if it is taken.
    fn free(&mut self, name: &str) -> String {
        loop {
            let count = self.counts.entry(name.to_owned()).or_default();
            *count += 1;
            let free = match *count {
                1 => name.to_owned(),
                number => format!("{name}-{number}"),
            };
            if self.taken.insert(free.clone()) {
                return free;
            }
        }
    }
}

/// The beginning of a value, and how long it is: enough to tell values apart, too little to use one.
fn shortened(value: &[u8]) -> String {
    if is_binary(value) {
        let shown = hex::spaced(&value[..value.len().min(SHOWN / 2)]);
        return format!("{shown}… ({} bytes)", value.len());
    }
    let shown = String::from_utf8_lossy(&value[..value.len().min(SHOWN)]).into_owned();
    if value.len() <= SHOWN {
        return format!("{shown:?}");
    }
    let shown = format!("{shown:?}");
    format!("{}…\" ({} bytes)", shown.trim_end_matches('"'), value.len())
}
