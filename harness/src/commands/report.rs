//! `wiresnap report`: one self-contained HTML page of some captures.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::snapshots::selection::{self, in_folder};
use super::stats::marks_of;
use super::{current_folder, named, redactions};
use crate::analysis::dissection::Dissection;
use crate::analysis::message::Message;
use crate::analysis::stats::{Options, StatsError};
use crate::cli::ReportArgs;
use crate::error::Error;
use crate::project::Project;
use crate::render::redactions::Scope;
use crate::report::fact::Fact;
use crate::report::{Capture, page};
use crate::trace::provenance::path_beside;
use crate::trace::reader;

/// The page's name where none is given.
const FILE_NAME: &str = "report.html";

/// Writes the page of the captures; what is noteworthy goes to `talk`.
///
/// # Errors
///
/// Where a capture cannot be read, there is none, or the page cannot be written.
pub fn run(args: &ReportArgs, out: &mut impl Write, talk: &mut impl Write) -> anyhow::Result<()> {
    let captures = captures(args)?;
    let parts = captures
        .iter()
        .map(|path| capture(path))
        .collect::<anyhow::Result<Vec<Capture>>>()?;
    for (path, capture) in captures.iter().zip(&parts) {
        if let Some(packet) = capture.dissection.measured.cut {
            writeln!(
                talk,
                "warning: {}: cut after packet {packet}",
                path.display()
            )?;
        }
    }
    let page = page(&parts);
    let target = target(args);
    if target == Path::new("-") {
        out.write_all(page.as_bytes())?;
        return Ok(());
    }
    replace(&target, page.as_bytes())?;
    let captures = match parts.len() {
        1 => "a page of 1 capture".to_owned(),
        count => format!("a page of {count} captures"),
    };
    let kilobytes = page.len().div_ceil(1000);
    writeln!(talk, "{}: {captures}, {kilobytes} kB", target.display())?;
    Ok(())
}

/// The captures that were named, or else those of the project.
fn captures(args: &ReportArgs) -> anyhow::Result<Vec<PathBuf>> {
    if !args.captures.is_empty() {
        return Ok(args.captures.clone());
    }
    let project = Project::find(&current_folder()?)?;
    Ok(in_folder(&project.captures)?)
}

/// A capture, taken apart.
fn capture(path: &Path) -> anyhow::Result<Capture> {
    // A capture is read twice, which standard input cannot be.
    let spooled = (path == Path::new("-")).then(spool).transpose()?;
    let place = spooled.as_ref().map(path_of);
    let file = place.as_deref().unwrap_or(path);
    let options = Options {
        marks: marks_of(path)?,
        ..Options::default()
    };
    let rules = redactions::of(path)?;
    let hide = |message: &mut Message| rules.hide(message, Scope::Secrets);
    let dissection = Dissection::hiding(|| reader::open(file), options, &hide);
    let provenance = provenance(path)?;
    Ok(Capture {
        name: name(path),
        dissection: dissection.map_err(|error| about(error, path))?,
        provenance: provenance.map(|fact| fact.map(&|text| rules.without_secrets(text))),
    })
}

/// The error with the capture that it is about.
fn about(error: StatsError, path: &Path) -> anyhow::Error {
    match error {
        StatsError::Trace(error) => named(error.into(), path),
        other @ StatsError::Frame { .. } => named(other.into(), path),
    }
}

/// Copies standard input into a file without a name, so that nothing is left of it however we end.
fn spool() -> anyhow::Result<File> {
    let mut file = tempfile::tempfile().context("cannot keep standard input")?;
    io::copy(&mut io::stdin().lock(), &mut file).context("cannot keep standard input")?;
    Ok(file)
}

/// A path that reaches a file without a name while this process has it.
fn path_of(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn name(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    selection::Capture::of(path.to_owned()).name
}

/// What is kept beside a capture, as it is: also what this version does not know.
fn provenance(capture: &Path) -> anyhow::Result<Option<Fact>> {
    let path = path_beside(capture);
    match std::fs::read(&path) {
        Ok(json) => {
            let value =
                serde_json::from_slice(&json).with_context(|| path.display().to_string())?;
            Ok(Some(value))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Where the page goes: where it was told to, to the top of the project, or here.
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
        // The file that it names is one that is renamed in the end.
        let why = error.kind();
        Error::usage(format!("cannot write {}: {why}", target.display()))
            .with_hint("name another file with --out, or - for standard output")
    };
    if !folder.is_dir() {
        return Err(Error::usage(format!("no folder {}", folder.display()))
            .with_hint("make it, or name another file with --out")
            .into());
    }
    let mut part = tempfile::Builder::new()
        .prefix(".report.")
        .suffix(".part")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(cannot)?;
    part.write_all(bytes).map_err(cannot)?;
    part.persist(target).map_err(|error| cannot(error.error))?;
    Ok(())
}
