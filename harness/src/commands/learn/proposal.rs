//! Rules for what varies, each held against the runs before it is proposed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use super::survey::{Survey, Variation};
use crate::analysis::credential;
use crate::analysis::variation::{context, form};
use crate::rule::Rules;

/// Bytes of a value that are shown of it.
const SHOWN: usize = 4;

/// Values that are shown.
const MOST_SHOWN: usize = 5;

/// What varies in one or several places in the same way, and a rule for it.
pub(super) struct Proposal {
    pub(super) name: String,
    pub(super) pattern: String,
    /// Whether it looks like a credential, which is better overwritten.
    pub(super) secret: bool,
    same_width: bool,
    /// Where it is, in words.
    pub(super) places: Vec<String>,
    /// How many values there are, and some of them, shortened.
    pub(super) count: usize,
    pub(super) values: Vec<String>,
    /// The rule; none where there is none that hides this and no more.
    pub(super) rule: Option<Rules>,
}

/// Where a value is: what stands before it, and what behind it where nothing does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Setting {
    before: Vec<u8>,
    behind: Option<u8>,
}

impl Setting {
    fn of(variation: &Variation) -> Self {
        let texts: Vec<&[u8]> = variation.texts.iter().map(Vec::as_slice).collect();
        let before = context(&texts, &variation.place).to_vec();
        let behind = if before.is_empty() {
            let end = variation.place.ranges[0].end;
            variation.texts[0].get(end).copied()
        } else {
            None
        };
        Self { before, behind }
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
        let mut proposal = Self {
            pattern: pattern(setting, &values),
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

/// Whether a rule hides just what varies, in every run.
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

/// Whether there are fewer credentials in a message once the values are covered.
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
    let form = form(values);
    if !setting.before.is_empty() {
        return format!("{}({form})", escaped(&setting.before));
    }
    match setting.behind {
        None | Some(b'\r' | b'\n') => format!("^({form})$"),
        Some(byte) => format!("^({form}){}", escaped(&[byte])),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches(char::REPLACEMENT_CHARACTER);
    regex::escape(text)
        .replace('\t', "\\t")
        .replace("\\-", "-")
        .replace("\\&", "&")
}

/// The last word of what stands before a value; its place where there is none.
fn name_of(setting: &Setting) -> String {
    let before = String::from_utf8_lossy(&setting.before).to_ascii_lowercase();
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let words = before.split(|character: char| !is_part(character));
    let word = words
        .map(|word| word.trim_matches(['-', '_']))
        .rfind(|word| !word.is_empty());
    word.unwrap_or("value").to_owned()
}

/// Names for rules, no two the same.
struct Names {
    taken: HashSet<String>,
    /// How many rules wanted a name.
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
    let shown = String::from_utf8_lossy(&value[..value.len().min(SHOWN)]).into_owned();
    if value.len() <= SHOWN {
        return format!("{shown:?}");
    }
    let shown = format!("{shown:?}");
    format!("{}…\" ({} bytes)", shown.trim_end_matches('"'), value.len())
}
