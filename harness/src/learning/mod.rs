//! What varies from run to run of a scenario, and rules that hide it.

mod json;
#[cfg(feature = "capture")]
mod play;
mod proposal;
mod runs;
mod survey;
mod talk;
mod text;

use std::fs::File;
use std::io::{self, Write};
use std::iter;
#[cfg(feature = "capture")]
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use wirestream::budget::Memory;

#[cfg(feature = "capture")]
pub use self::play::{Playing, play};
pub use self::proposal::Proposal;
pub use self::runs::{Run, read};
use self::survey::Survey;
use crate::error::Error;
use crate::files::batch::{self, Bounds};
use crate::render::json::print;
use crate::rule::Rules;
use crate::scenario::file;
use crate::text::counted;

/// The findings about the runs of a scenario.
pub struct Lesson {
    scenario: String,
    runs: usize,
    survey: Survey,
    proposals: Vec<Proposal>,
    outlook: Outlook,
}

impl Lesson {
    /// Finds what varies in the runs of a scenario and is not hidden by its rules, and proposes rules. Nothing is learned
    /// from the `last` run: the proposed rules are tried on it.
    ///
    /// # Errors
    ///
    /// Returns an error if a capture cannot be read.
    pub fn new(
        scenario: String,
        runs: &[Run],
        last: Option<&Run>,
        rules: Rules,
        memory: Memory,
    ) -> anyhow::Result<Self> {
        let mut survey = Survey::of(runs, &rules);
        let (proposals, more) = proposal::proposals(&survey, &rules);
        if more > 0 {
            let text = format!("{more} values more vary than rules were looked for");
            survey.structure.push(text);
        }
        Ok(Self {
            scenario,
            runs: runs.len(),
            survey,
            outlook: Outlook::of(runs, last, rules, &proposals, memory)?,
            proposals,
        })
    }

    /// Writes the findings for people.
    ///
    /// # Errors
    ///
    /// Returns an error if `out` does not take it.
    pub fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        text::write(self, out)
    }

    /// Writes the findings as one JSON object.
    ///
    /// # Errors
    ///
    /// Returns an error if `out` does not take it.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        print(&json::view(self), out)
    }

    /// Returns the proposals that have a rule.
    #[must_use]
    pub fn offered(&self) -> Vec<&Proposal> {
        let proposals = self.proposals.iter();
        proposals.filter(|one| one.rule.is_some()).collect()
    }

    /// Checks that nothing varies that no rule hides, once so many proposals were accepted.
    ///
    /// # Errors
    ///
    /// Returns an error that says what varies.
    pub fn verdict(&self, accepted: usize) -> Result<(), Error> {
        let open = self.proposals.len() - accepted;
        let structure = self.survey.structure.len();
        let is_proved = !matches!(self.outlook.proof, Proof::Differs(_));
        if open == 0 && structure == 0 && self.outlook.differs.is_none() && is_proved {
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
            self.scenario,
            what.join(", ")
        );
        Err(Error::differs(message))
    }
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

/// Appends rules to a file, which stays as it is besides.
///
/// # Errors
///
/// Returns an error if the file cannot be read or written.
pub fn add(bounds: Bounds<'_>, file: &Path, wanted: &[&Proposal]) -> anyhow::Result<()> {
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
    batch::write(iter::once((bounds, file, &*text)))?;
    Ok(())
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
    #[cfg(feature = "capture")]
    fn of(open: Vec<File>) -> Self {
        let path = |file: &File| PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let files = open.iter().map(path).collect();
        Self { files, open }
    }
}
