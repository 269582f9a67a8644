//! `wiresnap diff`: what two captures differ in, why, and how that adds up to the difference of their figures.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::{named, redactions};
use crate::analysis::difference::{Difference, Kind, Record, Redaction};
use crate::cli::{DiffArgs, DiffFormat};
use crate::error::Error;
use crate::render::difference::{Comparison, write_json, write_text};
use crate::render::redactions::Redactions;
use crate::trace::reader;

/// Compares the captures and prints to `out` what differs; what is noteworthy about the files goes to `talk`.
///
/// # Errors
///
/// Where a capture cannot be read, or `out` be written; and where the captures differ in what counts.
pub fn run(args: &DiffArgs, out: &mut impl Write, talk: &mut impl Write) -> Result<()> {
    if [&args.old, &args.new]
        .iter()
        .all(|path| path.as_os_str() == "-")
    {
        bail!("only one of the captures can be standard input");
    }
    let names = [&args.old, &args.new].map(|path| path.display().to_string());
    let difference = between(&args.old, &args.new)?;
    for (name, cut) in names.iter().zip(difference.cuts) {
        if let Some(packet) = cut {
            writeln!(talk, "warning: {name}: cut after packet {packet}")?;
        }
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
    if difference.differs(&args.ignore) {
        return Err(differs(&difference, &args.ignore).into());
    }
    Ok(())
}

/// Compares two capture files.
///
/// # Errors
///
/// Where one cannot be read.
pub(super) fn between(old: &Path, new: &Path) -> Result<Difference> {
    // Each capture has the secrets of its own scenario; what is volatile, the new one says.
    let rules = redactions::of(new)?;
    let of_old = redactions::of(old)?;
    let (old, new) = (record(old, &of_old)?, record(new, &rules)?);
    let difference = Difference::between(&old, &new, Redaction(&*rules));
    ensure!(
        difference.adds_up(),
        "the kinds of differences do not add up to the difference of the figures: a mistake in wiresnap"
    );
    Ok(difference)
}

fn record(path: &Path, rules: &Redactions) -> Result<Record> {
    let mut capture = reader::open(path).map_err(|error| named(error.into(), path))?;
    Record::read(&mut capture, Redaction(rules)).map_err(|error| named(error.into(), path))
}

fn differs(difference: &Difference, ignored: &[Kind]) -> Error {
    let counting = difference.kinds();
    let counting = counting.filter(|kind| kind.counts() && !ignored.contains(kind));
    let words: Vec<&str> = counting.map(Kind::word).collect();
    Error::differs(format!("the captures differ: {}", words.join(", ")))
}
