//! A capture compared with its reviewed listing.

use std::fmt::Write as _;
use std::iter;
use std::path::{Path, PathBuf};

use wirestream::budget::Memory;

use super::file::{self, Snapshot};
use super::kept::Kept;
use super::selection::Capture;
use crate::analysis::coverage::Coverage;
use crate::capture_rules;
use crate::docs::difference::unified;
use crate::error::{Error, Result};
use crate::files::batch::{self, Bounds};
use crate::files::{Folder, reason};
use crate::listing;
use crate::project::Project;
use crate::render::coverage::{self, named};
use crate::secrets::credentials;
use crate::text::Shown as _;

/// The word in JSON in place of a state if a capture or its snapshot cannot be read.
pub const UNREADABLE: &str = "unreadable";

/// The state of a capture compared with its snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The capture lists as reviewed.
    Same,
    /// The capture does not list as reviewed.
    Differs,
    /// The capture has no reviewed listing yet.
    New,
}

impl State {
    /// Returns the name that JSON has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::New => "new",
        }
    }
}

/// A capture, its snapshot, and what they differ in.
#[derive(Debug)]
pub struct Comparison {
    /// The capture.
    pub capture: Capture,
    /// The path of its snapshot, which need not exist.
    pub snapshot: PathBuf,
    /// The state of the comparison.
    pub state: State,
    /// The hunks of a unified diff, from the snapshot to the capture; `None` if they are the same.
    pub difference: Option<String>,
    /// The part of the capture that was read.
    pub coverage: Coverage,
    /// A warning about what looks like a credential in the capture.
    pub credentials: Option<String>,
    /// The root of the project; nothing is written outside of it.
    root: PathBuf,
    /// The snapshot that the capture's listing would be.
    proposed: Kept,
}

impl Comparison {
    /// Compares a capture with its snapshot.
    ///
    /// # Errors
    ///
    /// Returns an error if one of them cannot be read.
    pub fn of(project: &Project, capture: &Capture, memory: Memory) -> anyhow::Result<Self> {
        let snapshot = capture.snapshot(project);
        let rules = capture_rules::in_project(project, &capture.pcap)?;
        let pcap = &capture.pcap;
        let credentials =
            credentials::warning(&project.known_credentials, rules.own(), pcap, memory)
                .map_err(|error| named(error.into(), pcap))?;
        let listed = listing::redacted(pcap, rules, memory).map_err(|error| named(error, pcap))?;
        let listing = file::normal(&listed.output);
        let reviewed = Snapshot::read(&project.root, &snapshot)?;
        let state = match &reviewed {
            Some(reviewed) if reviewed.listing == listing => State::Same,
            Some(_) => State::Differs,
            None => State::New,
        };
        let old = reviewed.as_ref().map_or("", |reviewed| &reviewed.listing);
        Ok(Self {
            root: project.root.clone(),
            difference: (state != State::Same).then(|| unified(old, &listing)),
            credentials,
            proposed: Kept::new(&propose(project, capture, reviewed, &listing).text())?,
            capture: capture.clone(),
            coverage: listed.coverage,
            snapshot,
            state,
        })
    }

    /// Cuts what is shown of the difference to `room`, and takes it from there: all that is found of all captures is there at
    /// once.
    pub fn shorten(&mut self, room: &mut usize) {
        if let Some(difference) = &mut self.difference {
            if difference.len() > *room {
                let is_boundary = |end: &usize| difference.is_char_boundary(*end);
                let end = (0..=*room).rev().find(is_boundary).unwrap_or(0);
                let rest = difference.len() - end;
                difference.truncate(end);
                // Writing to a string cannot fail.
                let _ = writeln!(difference, "\n[{rest} bytes of differences more]");
            }
            *room = room.saturating_sub(difference.len());
        }
    }

    /// Returns true if there is something to review.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state != State::Same
    }

    /// Returns why the capture, or the rest of it, could not be read: only the part before was compared then.
    #[must_use]
    pub fn failure(&self) -> Option<anyhow::Error> {
        coverage::failure(&self.capture.pcap, &self.coverage)
    }

    /// Leaves a new listing where reviewers look for it, or removes the old one if nothing is new, as insta does. The
    /// listing of a capture that could not be read to its end is not left for review.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be written.
    pub fn leave_for_review(&self) -> Result<()> {
        if self.failure().is_some() {
            Ok(())
        } else if self.is_open() {
            self.write(&file::pending(&self.snapshot))
        } else {
            self.forget_pending();
            Ok(())
        }
    }

    /// Makes the capture's listing the reviewed one.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be written.
    pub fn accept(&self) -> Result<()> {
        if self.is_open() {
            self.write(&self.snapshot)?;
        }
        self.forget_pending();
        Ok(())
    }

    fn write(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            Folder::make_within(&self.root, folder).map_err(|error| {
                let why = reason(&error);
                Error::environment(format!("cannot make {}: {why}", folder.shown()))
                    .with_hint("the folder above it must belong to you")
            })?;
        }
        let text = self.proposed.text().map_err(|error| {
            Error::environment(format!("cannot read the new listing back: {error}"))
        })?;
        batch::write(iter::once((Bounds::Within(&self.root), file, &*text)))
    }

    /// Removes the pending listing; one that does not exist, or cannot be removed, does no harm.
    fn forget_pending(&self) {
        let pending = file::pending(&self.snapshot);
        if let (Some(folder), Some(name)) = (pending.parent(), pending.file_name()) {
            let _ = Folder::open_within(&self.root, folder).and_then(|folder| folder.remove(name));
        }
    }
}

/// Returns the snapshot of a new listing, under the header of the one that it replaces.
fn propose(
    project: &Project,
    capture: &Capture,
    reviewed: Option<Snapshot>,
    listing: &str,
) -> Snapshot {
    // A Rust test that found the capture first knows best where it is asserted.
    let pending = file::pending(&capture.snapshot(project));
    let known = reviewed.or_else(|| Snapshot::read(&project.root, &pending).ok().flatten());
    known.map_or_else(
        || Snapshot::first(&place_in(project, capture), listing),
        |known| known.with_listing(listing),
    )
}

/// Returns the path of the capture within the project, existing or not: snapshots are read on other machines too.
fn place_in(project: &Project, capture: &Capture) -> String {
    let folder = &project.captures;
    let folder = folder.strip_prefix(&project.root).unwrap_or(folder);
    let place = capture.below(folder);
    let file = capture.pcap.file_name().unwrap_or_default();
    place.join(file).to_text()
}
