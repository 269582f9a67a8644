//! `wiresnap learn`: plays a scenario several times, shows which bytes vary, and proposes rules that hide them.
//!
//! Nothing is written that was not asked for and accepted.

mod json;
mod proposal;
mod runs;
mod survey;
mod talk;
mod text;

use std::fs::File;
use std::io::{self, BufRead, IsTerminal as _, Write};
use std::iter;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use self::proposal::Proposal;
use self::runs::{Run, play, read};
use self::survey::Survey;
use super::accept::{Answer, ask};
use super::write::Bounds;
use super::{print_json, write};
use crate::budget::Memory;
use crate::capture_rules;
use crate::cli::{LearnArgs, LearnFormat, RulesFile};
use crate::error::Error;
use crate::lab::{descriptors, privilege};
use crate::project::{Project, current_folder};
use crate::render::coverage;
use crate::rule::Rules;
use crate::scenario::file;
use crate::text::Shown as _;
use crate::units::counted;

/// Plays the scenario, or reads its captures, and prints what varies to `out`; asks on `talk`, where there is somebody to
/// ask, and hears the answers on standard input.
///
/// # Errors
///
/// Where the scenario cannot be played, a capture cannot be read, or a file not be written; and where something varies that
/// no rule hides.
pub fn run(
    arguments: &LearnArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    if arguments.from.is_empty() {
        // Under sudo, what is read and written is the user's, as with `capture`.
        privilege::shed()?;
        descriptors::allow_enough();
    }
    let project = Project::find(&current_folder()?)?;
    let scenario = project.scenario_file(&arguments.scenario)?;
    let rules = project
        .rules
        .clone()
        .and(capture_rules::of_scenario(&scenario)?);
    let name = file::name_of(&scenario)?;
    let is_played = arguments.from.is_empty();
    let mut runs = if is_played {
        play(arguments, &name)?
    } else {
        read(&arguments.from, arguments.memory.memory)?
    };
    let last = if is_played { runs.pop() } else { None };
    let mut survey = Survey::of(&runs, &rules);
    let (proposals, more) = proposal::proposals(&survey, &rules);
    if more > 0 {
        let text = format!("{more} values more vary than rules were looked for");
        survey.structure.push(text);
    }
    let outlook = Outlook::of(
        &runs,
        last.as_ref(),
        rules,
        &proposals,
        arguments.memory.memory,
    )?;
    let lesson = Lesson {
        scenario: &name,
        runs: runs.len(),
        survey: &survey,
        proposals: &proposals,
        outlook: &outlook,
    };
    let accepted = match arguments.format {
        LearnFormat::Json => {
            print_json(&json::view(&lesson), out)?;
            0
        }
        LearnFormat::Text => {
            text::write(&lesson, out)?;
            out.flush()?;
            // Rules for half of what was said are none.
            coverage::first_of(runs.iter().filter_map(Run::failure), talk)?;
            let is_path = project.require_inside(&scenario).is_err();
            let (file, bounds) = match arguments.into {
                RulesFile::Project => (project.file(), Bounds::Within(&project.root)),
                // One from elsewhere was named by its path.
                RulesFile::Scenario if is_path => (scenario, Bounds::Anywhere),
                RulesFile::Scenario => (scenario, Bounds::Within(&project.root)),
            };
            review(&proposals, (bounds, &file), out, talk)?
        }
    };
    coverage::first_of(runs.iter().filter_map(Run::failure), talk)?;
    verdict(&lesson, accepted)
}

/// The findings of one call.
struct Lesson<'a> {
    scenario: &'a str,
    runs: usize,
    survey: &'a Survey,
    proposals: &'a [Proposal],
    outlook: &'a Outlook,
}

/// The listings of all runs with all proposed rules: are they the same?
struct Outlook {
    /// The first lines that still differ, of the first run and of another one.
    differs: Option<[String; 2]>,
    proof: Proof,
}

/// The listing of one more run, from which nothing was learned.
enum Proof {
    /// None was played.
    None,
    /// The same.
    Same,
    /// The first lines that differ.
    Differs([String; 2]),
}

impl Outlook {
    fn of(
        runs: &[Run],
        last: Option<&Run>,
        rules: Rules,
        proposals: &[Proposal],
        memory: Memory,
    ) -> anyhow::Result<Self> {
        let proposed = proposals
            .iter()
            .filter_map(|proposal| proposal.rule.clone());
        let rules = rules.and(proposed.collect());
        let Some((first, others)) = runs.split_first() else {
            return Ok(Self {
                differs: None,
                proof: Proof::None,
            });
        };
        let first = first.listing(rules.clone(), memory)?;
        for other in others {
            let differs = first_difference(&first, &other.listing(rules.clone(), memory)?);
            if differs.is_some() {
                return Ok(Self {
                    differs,
                    proof: Proof::None,
                });
            }
        }
        let proof = match last {
            None => Proof::None,
            Some(last) => first_difference(&first, &last.listing(rules, memory)?)
                .map_or(Proof::Same, Proof::Differs),
        };
        Ok(Self {
            differs: None,
            proof,
        })
    }
}

/// The first lines in which two texts differ.
fn first_difference(one: &str, other: &str) -> Option<[String; 2]> {
    let ends = || iter::once("(the end)");
    let mut lines = one.lines().chain(ends()).zip(other.lines().chain(ends()));
    let (one, other) = lines.find(|(one, other)| one != other)?;
    Some([one.to_owned(), other.to_owned()])
}

/// Asks for each rule whether it is wanted, and writes those that are; gives how many.
fn review(
    proposals: &[Proposal],
    (bounds, file): (Bounds<'_>, &Path),
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<usize> {
    let offered: Vec<&Proposal> = proposals.iter().filter(|one| one.rule.is_some()).collect();
    if offered.is_empty() {
        return Ok(0);
    }
    if !io::stdin().is_terminal() {
        writeln!(
            talk,
            "note: nobody can be asked, as standard input is no terminal: the rules can be copied into {}",
            file.shown()
        )?;
        return Ok(0);
    }
    let wanted = wanted(&offered, &mut io::stdin().lock(), talk)?;
    if !wanted.is_empty() {
        add(bounds, file, &wanted)?;
        let rules = counted(wanted.len(), "rule");
        writeln!(out, "{rules} written into {}", file.shown())?;
    }
    Ok(wanted.len())
}

fn wanted<'a>(
    offered: &[&'a Proposal],
    answers: &mut impl BufRead,
    talk: &mut impl Write,
) -> io::Result<Vec<&'a Proposal>> {
    let mut wanted = Vec::new();
    for (index, proposal) in offered.iter().enumerate() {
        let question = format!("{}, {} of {}", proposal.name, index + 1, offered.len());
        match ask(&question, answers, talk)? {
            Answer::Accept => wanted.push(*proposal),
            Answer::Skip => {}
            Answer::Quit => break,
        }
    }
    Ok(wanted)
}

/// Appends rules to a file, which stays as it is besides.
fn add(bounds: Bounds<'_>, file: &Path, wanted: &[&Proposal]) -> anyhow::Result<()> {
    let mut text = file::read_text(file)?;
    for proposal in wanted {
        let line_end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        text = format!("{text}{line_end}\n{}", proposal.toml());
    }
    // What cannot be read again is not written.
    Rules::of_text(file, &text)?;
    write::all(iter::once((bounds, file, &*text)))?;
    Ok(())
}

fn verdict(lesson: &Lesson<'_>, accepted: usize) -> anyhow::Result<()> {
    let open = lesson.proposals.len() - accepted;
    let structure = lesson.survey.structure.len();
    let is_proved = !matches!(lesson.outlook.proof, Proof::Differs(_));
    if open == 0 && structure == 0 && lesson.outlook.differs.is_none() && is_proved {
        return Ok(());
    }
    let mut what = Vec::new();
    if open > 0 {
        what.push(format!("{} that no rule hides", counted(open, "value")));
    }
    if structure > 0 {
        what.push(counted(structure, "difference in what was said"));
    }
    if what.is_empty() {
        what.push("the listings".to_owned());
    }
    let message = format!(
        "{} varies from run to run: {}",
        lesson.scenario,
        what.join(", ")
    );
    Err(Error::differs(message).into())
}

/// Captures of runs.
struct Captures {
    files: Vec<PathBuf>,
    /// Captures without a name, which are reached by their descriptors for as long as those are open.
    #[expect(dead_code, reason = "they are held, not looked at")]
    open: Vec<File>,
}

impl Captures {
    /// Captures that have no name.
    fn of(open: Vec<File>) -> Self {
        let path = |file: &File| PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let files = open.iter().map(path).collect();
        Self { files, open }
    }
}
