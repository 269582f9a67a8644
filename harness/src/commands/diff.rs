//! `wiresnap diff`: what two captures differ in, why, and how that adds up to the difference of their figures.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use wirestream::budget::Memory;
use wirestream::capture;

use crate::analysis::difference::{Difference, Kind, Record, Redaction};
use crate::capture_rules;
use crate::cli::{DiffArgs, DiffFormat};
use crate::error::Error;
use crate::render::coverage::{self, named};
use crate::render::difference::{Comparison, write_json, write_text};
use crate::render::redactions::Redactions;
use crate::text::Shown;

/// Compares the captures and prints to `out` what differs; what is noteworthy about the files goes to `talk`.
///
/// # Errors
///
/// Returns an error if a capture, or a part of one, cannot be read (what precedes it has been compared), or `out` cannot be
/// written; and if the captures differ in what counts.
pub(super) fn run(args: &DiffArgs, out: &mut impl Write, talk: &mut impl Write) -> Result<()> {
    if [&args.old, &args.new]
        .iter()
        .all(|path| path.as_os_str() == "-")
    {
        bail!("only one of the captures can be standard input");
    }
    let names = [&args.old, &args.new].map(Shown::to_text);
    let difference = between(&args.old, &args.new, args.memory.memory)?;
    let sides = [&args.old, &args.new].into_iter().zip(&difference.coverage);
    for (path, covered) in sides.clone() {
        coverage::warn(path, covered, talk)?;
    }
    let failures: Vec<anyhow::Error> = sides
        .clone()
        .filter_map(|(path, covered)| coverage::failure(path, covered))
        .collect();
    if !failures.is_empty() && !sides.clone().all(|(_, covered)| covered.has_content()) {
        return coverage::first_of(failures, talk);
    }
    let comparison = Comparison {
        names: [&names[0], &names[1]],
        difference: &difference,
        ignored: &args.ignore,
        with_volatile: args.volatile,
    };
    match args.format {
        DiffFormat::Text => write_text(comparison, out)?,
        DiffFormat::Json => write_json(comparison, out)?,
    }
    out.flush()?;
    coverage::first_of(failures, talk)?;
    if difference.differs(&args.ignore) {
        return Err(differs(&difference, &args.ignore).into());
    }
    Ok(())
}

/// Compares two capture files.
///
/// # Errors
///
/// Returns an error if one cannot be read.
pub(super) fn between(old: &Path, new: &Path, memory: Memory) -> Result<Difference> {
    // Each capture has the secrets of its own scenario; what is volatile, the new one says.
    let rules = capture_rules::of(new)?;
    let of_old = capture_rules::of(old)?;
    let (old, new) = (record(old, &of_old, memory)?, record(new, &rules, memory)?);
    let difference = Difference::between(&old, &new, Redaction(&*rules));
    ensure!(
        difference.adds_up(),
        "the kinds of differences do not add up to the difference of the figures: a mistake in wiresnap"
    );
    Ok(difference)
}

fn record(path: &Path, rules: &Redactions, memory: Memory) -> Result<Record> {
    let mut capture = capture::open(path).map_err(|error| named(error.into(), path))?;
    Ok(Record::read_in(&mut capture, Redaction(rules), memory))
}

fn differs(difference: &Difference, ignored: &[Kind]) -> Error {
    let counting = difference.kinds();
    let counting = counting.filter(|kind| kind.counts() && !ignored.contains(kind));
    let words: Vec<&str> = counting.map(Kind::word).collect();
    Error::differs(format!("the captures differ: {}", words.join(", ")))
}
