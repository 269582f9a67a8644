//! The findings of `learn`, for people.

use std::io::{self, Write};

use super::proposal::Proposal;
use super::{Lesson, Proof};
use crate::error::printable;
use crate::render::style::Style;
use crate::text::counted;

/// Places of one rule that are told.
const MOST_PLACES: usize = 3;

const BOLD: Style = Style::Title;

pub(super) fn write(lesson: &Lesson, out: &mut impl Write) -> io::Result<()> {
    let (connections, messages) = lesson.survey.size;
    writeln!(
        out,
        "{}, {} runs: {}, {}",
        lesson.scenario,
        lesson.runs,
        counted(connections, "connection"),
        counted(messages, "message")
    )?;
    list(out, "not said alike in all runs", &lesson.survey.structure)?;
    hidden(lesson, out)?;
    let idle = &lesson.survey.idle;
    list(out, "rules that matched nothing in any run", idle)?;
    for (index, proposal) in lesson.proposals.iter().enumerate() {
        let number = format!("{} of {}", index + 1, lesson.proposals.len());
        self::proposal(proposal, lesson.runs, &number, out)?;
    }
    outlook(lesson, out)
}

fn list(out: &mut impl Write, heading: &str, lines: &[String]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}{heading}{BOLD:#}")?;
    for line in lines {
        writeln!(out, "  {}", printable(line))?;
    }
    Ok(())
}

fn hidden(lesson: &Lesson, out: &mut impl Write) -> io::Result<()> {
    let lines = lesson.survey.hidden.iter();
    let lines: Vec<String> = lines
        .map(|(rule, places)| format!("{rule:<16}  {}", told(places, "; ")))
        .collect();
    list(out, "varies, and is hidden by a rule", &lines)
}

/// The first places, and how many more there are.
fn told(places: &[String], between: &str) -> String {
    let first: Vec<&str> = places
        .iter()
        .take(MOST_PLACES)
        .map(String::as_str)
        .collect();
    let more = match places.len().saturating_sub(first.len()) {
        0 => String::new(),
        more => format!("{between}{more} more"),
    };
    format!("{}{more}", first.join(between))
}

fn proposal(
    proposal: &Proposal,
    runs: usize,
    number: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = printable(&proposal.name);
    writeln!(
        out,
        "\n{BOLD}varies, and nothing hides it: {name}, {number}{BOLD:#}"
    )?;
    writeln!(
        out,
        "  where   {}",
        printable(&told(&proposal.places, "\n          "))
    )?;
    let values = proposal.values.join(", ");
    writeln!(
        out,
        "  values  {} in {runs} runs: {}",
        proposal.count,
        printable(&values)
    )?;
    if proposal.secret {
        writeln!(
            out,
            "  it looks like a credential, so the rule overwrites it in captures too"
        )?;
    }
    if proposal.rule.is_none() {
        let text = "no rule: a pattern that hides just this was not found; what varies is not told apart from what does not";
        return writeln!(out, "  {text}");
    }
    let style = Style::Green;
    for line in proposal.toml().lines() {
        writeln!(out, "  {style}{}{style:#}", printable(line))?;
    }
    Ok(())
}

fn outlook(lesson: &Lesson, out: &mut impl Write) -> io::Result<()> {
    let offered = lesson
        .proposals
        .iter()
        .filter(|one| one.rule.is_some())
        .count();
    let with = match offered {
        0 => String::new(),
        1 => "with this rule ".to_owned(),
        count => format!("with these {count} rules "),
    };
    writeln!(out)?;
    match &lesson.outlook.differs {
        None => {
            writeln!(out, "{with}all {} runs list the same", lesson.runs)?;
            proof(lesson, out)
        }
        Some([one, other]) => {
            writeln!(
                out,
                "{with}the listings of the {} runs still differ, first in",
                lesson.runs
            )?;
            writeln!(out, "  {}", printable(one))?;
            writeln!(out, "  {}", printable(other))
        }
    }
}

/// Writes what one more run showed, from which nothing was learned.
fn proof(lesson: &Lesson, out: &mut impl Write) -> io::Result<()> {
    match &lesson.outlook.proof {
        Proof::None => Ok(()),
        Proof::Same => writeln!(out, "so does one more run, which was played to prove it"),
        Proof::Differs([one, other]) => {
            writeln!(
                out,
                "one more run, which was played to prove it, differs, first in"
            )?;
            writeln!(out, "  {}", printable(one))?;
            writeln!(out, "  {}", printable(other))?;
            writeln!(
                out,
                "more runs show more of what varies: `--times {}`",
                lesson.runs * 2
            )
        }
    }
}
