//! The selection of captures: those of the project, those in another folder, some of them by name, or files.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::file::Snapshot;
use crate::error::{Error, Result};
use crate::machine::browser;
use crate::machine::browser::Kind;
use crate::project::Project;
use crate::text::Shown as _;
use crate::trace::name::{capture_name, with_ending};

/// The extensions of capture files.
const ENDS: [&str; 2] = ["pcap", "pcapng"];

const HOW_TO_MAKE: &str = "make them with `wiresnap capture`, or name capture files";

/// The captures that are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// Their names or paths; all captures of the folder if it is empty.
    pub names: &'a [OsString],
    /// The folder; that of the project's captures if it is `None`.
    pub captures: Option<&'a Path>,
}

/// A capture and the name that its snapshot has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capture {
    /// The browser that it was made with, those without one first.
    browser: Kind,
    /// The name: that of the file, below that of the browser's folder if there is one, as in `chromium/webapp`.
    pub name: String,
    /// The path of the capture file.
    pub pcap: PathBuf,
}

/// Returns the captures that were asked for: all of the folder if none is named.
///
/// # Errors
///
/// Returns an error if there are no captures, or two have the same name.
pub fn selected(project: &Project, selection: Selection<'_>) -> Result<Vec<Capture>> {
    let folder = selection.captures.unwrap_or(&project.captures);
    let files = if selection.names.is_empty() {
        in_folder(folder)?
    } else {
        let named = selection.names.iter().map(|name| named(name, folder));
        named.collect::<Result<Vec<PathBuf>>>()?
    };
    if selection.captures.is_none() {
        // Those that are named by their paths may be anywhere.
        let mut of_project = files
            .iter()
            .filter(|file| file.starts_with(&project.captures));
        of_project.try_for_each(|file| project.require_inside(file))?;
    }
    let captures: BTreeSet<Capture> = files.into_iter().map(Capture::of).collect();
    let captures: Vec<Capture> = captures.into_iter().collect();
    refuse_shared_names(&captures)?;
    Ok(captures)
}

impl Capture {
    /// Returns the capture in a file.
    #[must_use]
    pub fn of(pcap: PathBuf) -> Self {
        let browser = browser::of_capture(&pcap);
        let name = capture_name(&pcap).to_text();
        Self {
            browser,
            name: browser
                .folder()
                .map_or_else(|| name.clone(), |folder| format!("{folder}/{name}")),
            pcap,
        }
    }

    /// Returns the folder for what belongs to the capture, within the folder of all captures.
    #[must_use]
    pub fn below(&self, folder: &Path) -> PathBuf {
        browser::folder(folder, self.browser)
    }

    /// Returns the path of its snapshot, which need not exist.
    #[must_use]
    pub fn snapshot(&self, project: &Project) -> PathBuf {
        let file = with_ending(capture_name(&self.pcap), ".snap");
        self.below(&project.snapshots).join(file)
    }
}

/// Returns the project's capture of a scenario with a browser, if there is one.
#[must_use]
pub fn of_scenario(project: &Project, scenario: &str, browser: Kind) -> Option<Capture> {
    find(
        scenario.as_ref(),
        &browser::folder(&project.captures, browser),
    )
    .map(Capture::of)
}

/// Returns the capture files in a folder, in alphabetical order, and after them those in the folders of browsers in it.
///
/// # Errors
///
/// Returns an error if it cannot be read, or it has no captures.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let place = folder.shown();
    let mut captures = files_in(folder).map_err(|error| {
        Error::usage(format!("cannot read captures in {place}: {error}")).with_hint(HOW_TO_MAKE)
    })?;
    for browser in Kind::ALL.into_iter().filter_map(Kind::folder) {
        // Most projects have none.
        captures.extend(files_in(&folder.join(browser)).unwrap_or_default());
    }
    if captures.is_empty() {
        return Err(Error::usage(format!("no captures in {place}")).with_hint(HOW_TO_MAKE));
    }
    Ok(captures)
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    // A FIFO would be waited for.
    let mut captures: Vec<PathBuf> = paths
        .filter(|path| is_capture(path) && path.is_file())
        .collect();
    captures.sort();
    Ok(captures)
}

fn is_capture(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| ENDS.iter().any(|known| end == *known))
}

/// Returns the file with this name: one in the folder, or a path.
fn named(name: &OsStr, folder: &Path) -> Result<PathBuf> {
    if is_capture(Path::new(name)) {
        return Ok(PathBuf::from(name));
    }
    if let Some(file) = find(name, folder).or_else(|| find_by_browser(name, folder)) {
        return Ok(file);
    }
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    Err(unknown(name, folder))
}

/// Finds the capture file in the folder with this name, in that of the browser that it was made with.
fn find_by_browser(name: &OsStr, folder: &Path) -> Option<PathBuf> {
    let files = in_folder(folder).unwrap_or_default();
    let mut captures = files.into_iter().map(Capture::of);
    let found = captures.find(|capture| name == capture.name.as_str())?;
    Some(found.pcap)
}

/// Finds the capture file in the folder with this name.
fn find(name: &OsStr, folder: &Path) -> Option<PathBuf> {
    let files = ENDS.map(|end| folder.join(with_ending(name, &format!(".{end}"))));
    files.into_iter().find(|file| file.is_file())
}

fn unknown(name: &OsStr, folder: &Path) -> Error {
    let error = Error::usage(format!(
        "no capture `{}` in {}",
        name.shown(),
        folder.shown()
    ));
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

/// Returns an error if two captures have the same name: they would share a snapshot.
fn refuse_shared_names(captures: &[Capture]) -> Result<()> {
    match captures
        .windows(2)
        .find(|pair| pair[0].name == pair[1].name)
    {
        Some([one, other]) => Err(Error::usage(format!(
            "{} and {} would have the same snapshot",
            one.pcap.shown(),
            other.pcap.shown()
        ))
        .with_hint("look at one of them at a time")),
        _ => Ok(()),
    }
}

/// Returns the reviewed listings of missing captures; empty if only some captures were asked for.
///
/// The folder may hold other snapshots too: only those that say that they are listings count. Captures elsewhere, as of
/// a run before a review, may be those of one browser: then the listings of others are not asked for.
#[must_use]
pub fn orphans(project: &Project, selection: Selection<'_>, captures: &[Capture]) -> Vec<PathBuf> {
    if !selection.names.is_empty() {
        return Vec::new();
    }
    let is_asked_for = |browser: &Kind| {
        selection.captures.is_none() || captures.iter().any(|capture| capture.browser == *browser)
    };
    let asked_for = Kind::ALL.into_iter().filter(is_asked_for);
    let folders: Vec<PathBuf> = asked_for
        .map(|browser| browser::folder(&project.snapshots, browser))
        .collect();
    let entries = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let files = entries
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    let is_known = |file: &PathBuf| {
        let mut captures = captures.iter();
        captures.any(|capture| capture.snapshot(project) == *file)
    };
    let mut orphans: Vec<PathBuf> = files
        .filter(|file| file.extension().is_some_and(|end| end == "snap"))
        .filter(|file| !is_known(file))
        .filter(
            |file| matches!(Snapshot::read(&project.root, file), Ok(Some(snapshot)) if snapshot.lists_payloads()),
        )
        .collect();
    orphans.sort();
    orphans
}
