//! Which captures are meant: those of the project, those in another folder, some of them by name, or files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::file::Snapshot;
use crate::cli::CaptureSelection;
use crate::error::{Error, Result};
use crate::project::Project;

/// How the names of capture files end.
const ENDS: [&str; 2] = ["pcap", "pcapng"];

const HOW_TO_MAKE: &str = "make them with `wiresnap capture`, or name capture files";

/// A capture and the name that its snapshot has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capture {
    /// Its name.
    pub name: String,
    /// Its file.
    pub pcap: PathBuf,
}

/// The captures that were asked for: all of the folder where none is named.
///
/// # Errors
///
/// Where there is none, or two have the same name.
pub fn selected(project: &Project, selection: &CaptureSelection) -> Result<Vec<Capture>> {
    let folder = selection.captures.as_ref().unwrap_or(&project.captures);
    let files = if selection.names.is_empty() {
        in_folder(folder)?
    } else {
        let named = selection.names.iter().map(|name| named(name, folder));
        named.collect::<Result<Vec<PathBuf>>>()?
    };
    let captures: BTreeSet<Capture> = files.into_iter().map(Capture::of).collect();
    let captures: Vec<Capture> = captures.into_iter().collect();
    refuse_shared_names(&captures)?;
    Ok(captures)
}

impl Capture {
    fn of(pcap: PathBuf) -> Self {
        let stem = pcap.file_stem().unwrap_or_default();
        Self {
            name: stem.to_string_lossy().into_owned(),
            pcap,
        }
    }

    /// Where its snapshot is, or would be.
    #[must_use]
    pub fn snapshot(&self, project: &Project) -> PathBuf {
        project.snapshots.join(format!("{}.snap", self.name))
    }
}

/// The project's capture of a scenario, where there is one.
#[must_use]
pub fn of_scenario(project: &Project, scenario: &str) -> Option<Capture> {
    find(scenario, &project.captures).map(Capture::of)
}

/// The capture files in a folder, in alphabetical order.
///
/// # Errors
///
/// Where it cannot be read, or there is none.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let place = folder.display();
    let entries = fs::read_dir(folder).map_err(|error| {
        Error::usage(format!("cannot read captures in {place}: {error}")).with_hint(HOW_TO_MAKE)
    })?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut captures: Vec<PathBuf> = paths.filter(|path| is_capture(path)).collect();
    captures.sort();
    if captures.is_empty() {
        return Err(Error::usage(format!("no captures in {place}")).with_hint(HOW_TO_MAKE));
    }
    Ok(captures)
}

fn is_capture(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| ENDS.iter().any(|known| end == *known))
}

/// The file that is called so: one in the folder, or a path.
fn named(name: &str, folder: &Path) -> Result<PathBuf> {
    if name.contains('/') || is_capture(Path::new(name)) {
        return Ok(PathBuf::from(name));
    }
    find(name, folder).ok_or_else(|| unknown(name, folder))
}

/// The capture file in the folder that is called so.
fn find(name: &str, folder: &Path) -> Option<PathBuf> {
    let files = ENDS.map(|end| folder.join(format!("{name}.{end}")));
    files.into_iter().find(|file| file.is_file())
}

fn unknown(name: &str, folder: &Path) -> Error {
    let error = Error::usage(format!("no capture `{name}` in {}", folder.display()));
    let known = in_folder(folder).unwrap_or_default();
    let known: Vec<String> = known
        .into_iter()
        .map(|file| Capture::of(file).name)
        .collect();
    error.with_hint(if known.is_empty() {
        "make it with `wiresnap capture`, or name a file that ends in .pcap or .pcapng".to_owned()
    } else {
        format!(
            "the captures there are {}; a path must end in .pcap or .pcapng",
            known.join(", ")
        )
    })
}

/// They would share a snapshot.
fn refuse_shared_names(captures: &[Capture]) -> Result<()> {
    match captures
        .windows(2)
        .find(|pair| pair[0].name == pair[1].name)
    {
        Some([one, other]) => Err(Error::usage(format!(
            "{} and {} would have the same snapshot",
            one.pcap.display(),
            other.pcap.display()
        ))
        .with_hint("look at one of them at a time")),
        _ => Ok(()),
    }
}

/// Reviewed listings of captures that are not there; none where only some captures were asked for.
///
/// The folder may hold other snapshots too: only those that say that they are listings count.
#[must_use]
pub fn orphans(
    project: &Project,
    selection: &CaptureSelection,
    captures: &[Capture],
) -> Vec<PathBuf> {
    if !selection.names.is_empty() {
        return Vec::new();
    }
    let entries = fs::read_dir(&project.snapshots).into_iter().flatten();
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut orphans: Vec<PathBuf> = files
        .filter(|file| file.extension().is_some_and(|end| end == "snap"))
        .filter(|file| !captures.iter().any(|capture| is_of(file, capture)))
        .filter(
            |file| matches!(Snapshot::read(file), Ok(Some(snapshot)) if snapshot.lists_payloads()),
        )
        .collect();
    orphans.sort();
    orphans
}

fn is_of(snapshot: &Path, capture: &Capture) -> bool {
    snapshot
        .file_stem()
        .is_some_and(|name| name == &*capture.name)
}
