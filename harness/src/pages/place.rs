//! The place of a page, and the meaning of its blocks' paths there.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::project::FILE_NAME;
use crate::text::Shown as _;

/// The place of a page in its project.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The folder of the page.
    folder: PathBuf,
    /// The folder that paths are relative to: the nearest, going up, with a project file, else the page's own.
    root: PathBuf,
    /// The number of folders that the page is below `root`.
    depth: usize,
}

impl Place {
    /// Returns the place of a file.
    pub(super) fn of(file: &Path) -> Result<Self> {
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let folder = folder
            .canonicalize()
            .map_err(|error| Error::usage(format!("cannot read {}: {error}", file.shown())))?;
        let has_project = |folder: &Path| folder.join(FILE_NAME).is_file();
        let depth = folder.ancestors().position(has_project).unwrap_or(0);
        let root = folder.ancestors().nth(depth).unwrap_or(&folder).to_owned();
        Ok(Self {
            folder,
            root,
            depth,
        })
    }

    /// Returns the folder that paths are relative to, and stay in.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a file that a block names.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Returns a sentence for messages: the folder from which paths in blocks are read.
    pub(super) fn rule(&self) -> &'static str {
        if self.root.join(FILE_NAME).is_file() {
            "paths begin at the project of the page, the folder of its wiresnap.toml"
        } else {
            "paths begin at the folder of the page, since no wiresnap.toml is there or above it"
        }
    }

    /// Returns the path of a file in the folder of the page.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the link from the page to a file that a block names.
    pub(super) fn link(&self, name: &str) -> String {
        let path = Path::new(name);
        if path.is_relative() {
            return "../".repeat(self.depth) + name;
        }
        // The way to a file that is named from the top of the machine is another one elsewhere, but for one in the project.
        let inside = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        inside.map_or_else(
            || name.to_owned(),
            |inside| "../".repeat(self.depth) + inside,
        )
    }
}
