//! The findings of `learn`, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Lesson, Proof};

#[derive(Serialize)]
pub(super) struct View<'a> {
    scenario: &'a str,
    runs: usize,
    connections: usize,
    messages: usize,
    /// Messages that one run has and another has not.
    structure: &'a [String],
    /// Rules that hide what varies, and where.
    hidden: &'a BTreeMap<String, Vec<String>>,
    proposals: Vec<ProposalView<'a>>,
    /// Rules that hide nothing in any run.
    never_matched: &'a [String],
    /// True if all runs list the same with all proposed rules.
    runs_list_the_same: bool,
    /// True if one more run does; `null` if none was played to prove it.
    proved: Option<bool>,
}

#[derive(Serialize)]
struct ProposalView<'a> {
    name: &'a str,
    places: &'a [String],
    values: usize,
    some_values: &'a [String],
    pattern: &'a str,
    secret: bool,
    /// True if the pattern hides just this, in every run.
    fits: bool,
    toml: String,
}

pub(super) fn view(lesson: &Lesson) -> View<'_> {
    let proposals = lesson.proposals.iter().map(|proposal| ProposalView {
        name: &proposal.name,
        places: &proposal.places,
        values: proposal.count,
        some_values: &proposal.values,
        pattern: &proposal.pattern,
        secret: proposal.secret,
        fits: proposal.rule.is_some(),
        toml: proposal.toml(),
    });
    View {
        scenario: &lesson.scenario,
        runs: lesson.runs,
        connections: lesson.survey.size.0,
        messages: lesson.survey.size.1,
        structure: &lesson.survey.structure,
        hidden: &lesson.survey.hidden,
        proposals: proposals.collect(),
        never_matched: &lesson.survey.idle,
        runs_list_the_same: lesson.outlook.differs.is_none(),
        proved: match lesson.outlook.proof {
            Proof::None => None,
            Proof::Same => Some(true),
            Proof::Differs(_) => Some(false),
        },
    }
}
