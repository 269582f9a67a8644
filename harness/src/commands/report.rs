//! `wiresnap report`: one self-contained HTML page of some captures.

use std::fs::{File, Metadata, metadata};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use wirestream::budget::Memory;
use wirestream::capture;
use wirestream::message::Message;

use super::marks::marks_or_warning;
use crate::analysis::dissection::Dissection;
use crate::analysis::stats::Options;
use crate::capture_rules;
use crate::cli::ReportArgs;
use crate::error::Error;
use crate::files;
use crate::project::{Project, current_folder};
use crate::render::coverage::{self, named};
use crate::render::redactions::Scope;
use crate::report::fact::Fact;
use crate::report::{Capture, page};
use crate::review::selection::{self, in_folder};
use crate::text::Shown as _;
use crate::trace::provenance::{self, Provenance};

/// The page's name if none is given.
const FILE_NAME: &str = "report.html";

/// Writes the page of the captures; what is noteworthy goes to `talk`.
///
/// # Errors
///
/// Returns an error if a capture cannot be read, there are no captures, or the page cannot be written.
pub(super) fn run(
    args: &ReportArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let captures = captures(args)?;
    // What is shown of all captures is held at once.
    let memory = Memory::of(args.memory.memory.bytes() / captures.len().max(1));
    let mut parts = Vec::new();
    let mut failures = Vec::new();
    for path in &captures {
        let capture = capture(path, memory, talk)?;
        let covered = &capture.dissection.measured.coverage;
        coverage::warn(path, covered, talk)?;
        let failure = coverage::failure(path, covered);
        // A page of a capture that says nothing would be worth nothing.
        if failure.is_none() || covered.has_content() {
            parts.push(capture);
        }
        failures.extend(failure);
    }
    if parts.is_empty() {
        return coverage::first_of(failures, talk);
    }
    let page = page(&parts);
    let target = target(args);
    if target == Path::new("-") {
        out.write_all(page.as_bytes())?;
        out.flush()?;
        return coverage::first_of(failures, talk);
    }
    replace(&target, page.as_bytes())?;
    let captures = match parts.len() {
        1 => "a page of 1 capture".to_owned(),
        count => format!("a page of {count} captures"),
    };
    let kilobytes = page.len().div_ceil(1000);
    writeln!(talk, "{}: {captures}, {kilobytes} kB", target.shown())?;
    coverage::first_of(failures, talk)
}

/// Returns the captures that were named, or else those of the project.
fn captures(args: &ReportArgs) -> anyhow::Result<Vec<PathBuf>> {
    if !args.captures.is_empty() {
        return Ok(args.captures.clone());
    }
    let project = Project::find(&current_folder()?)?;
    let captures = in_folder(&project.captures)?;
    let mut of_project = captures.iter();
    of_project.try_for_each(|capture| project.require_inside(capture))?;
    Ok(captures)
}

/// Reads a capture and takes it apart.
fn capture(path: &Path, memory: Memory, talk: &mut impl Write) -> anyhow::Result<Capture> {
    // A capture is read twice, which standard input, a FIFO and a shell's `<(…)` cannot be.
    let spooled = is_read_once(path).then(|| spool(path)).transpose()?;
    let place = spooled.as_ref().map(path_of);
    let file = place.as_deref().unwrap_or(path);
    let options = Options {
        marks: marks_or_warning(path, talk)?,
        memory,
        ..Options::default()
    };
    let rules = capture_rules::of(path)?;
    let hide = |message: &mut Message| rules.hide(message, Scope::Secrets);
    let dissection = Dissection::hiding(|| capture::open(file), options, &hide);
    let provenance = record(path);
    Ok(Capture {
        name: name(path),
        dissection: dissection.map_err(|error| named(error.into(), path))?,
        provenance: provenance.map(|fact| fact.map(&|text| rules.without_secrets(text))),
    })
}

/// Returns true if the content of a path is gone once it was read, such as a pipe's or standard input's.
fn is_read_once(path: &Path) -> bool {
    let is_file = |kind: Metadata| kind.is_file() || kind.is_dir();
    // What is not there is for the reader to say.
    path == Path::new("-") || !metadata(path).map_or(true, is_file)
}

/// Copies what can be read only once into a file without a name, so that no file remains, however we end.
fn spool(path: &Path) -> Result<File, Error> {
    let cannot = |error: io::Error| {
        let (name, why) = (name(path), files::reason(&error));
        Error::environment(format!(
            "cannot keep {} in a temporary file: {why}",
            name.shown()
        ))
        .with_hint("TMPDIR names a folder that has room")
    };
    let mut file = tempfile::tempfile().map_err(cannot)?;
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(cannot)?)
    };
    io::copy(&mut input, &mut file).map_err(cannot)?;
    Ok(file)
}

/// Returns a path that reaches a file without a name while this process has it.
fn path_of(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn name(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    selection::Capture::of(path.to_owned()).name
}

/// Returns the record kept beside a capture, as it is: with what this version does not know.
fn record(capture: &Path) -> Option<Fact> {
    // What is not a record was warned of already.
    let json = provenance::read_beside(capture).ok().flatten()?;
    serde_json::from_slice::<Provenance>(&json).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Returns the path of the page: the one in the arguments, the top of the project, or the current folder.
fn target(args: &ReportArgs) -> PathBuf {
    if let Some(out) = &args.out {
        return out.clone();
    }
    let project = current_folder()
        .ok()
        .and_then(|folder| Project::find(&folder).ok());
    project.map_or_else(
        || PathBuf::from(FILE_NAME),
        |project| project.root.join(FILE_NAME),
    )
}

/// Writes a file whole or not at all.
fn replace(target: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let cannot = |error: io::Error| {
        let why = files::reason(&error);
        Error::usage(format!("cannot write {}: {why}", target.shown()))
            .with_hint("name another file with --out, or - for standard output")
    };
    if !folder.is_dir() {
        return Err(Error::usage(format!("no folder {}", folder.shown()))
            .with_hint("make it, or name another file with --out")
            .into());
    }
    files::write(target, bytes).map_err(cannot)?;
    Ok(())
}
