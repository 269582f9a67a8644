//! Finds the Markdown files that the arguments name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::project::{Project, current_folder};
use crate::text::Shown as _;

/// Returns the named files or, if there are none, those of the project: its README.md, and what is in its docs folder.
pub(super) fn pages(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let project = Project::find(&current_folder()?)?;
    let mut pages = Vec::new();
    let readme = project.root.join("README.md");
    if readme.is_file() {
        pages.push(readme);
    }
    if project.docs.is_dir() {
        collect(&project.docs, &mut pages)?;
    }
    Ok(pages)
}

/// Collects the Markdown files of a folder and the folders in it, in alphabetical order; symbolic links are not
/// followed.
fn collect(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    let cannot = |error| Error::usage(format!("cannot read {}: {error}", folder.shown()));
    let entries = fs::read_dir(folder).map_err(cannot)?;
    let mut entries = entries
        .collect::<std::io::Result<Vec<fs::DirEntry>>>()
        .map_err(cannot)?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(cannot)?);
        if kind.is_dir() {
            collect(&path, pages)?;
        } else if kind.is_file() && path.extension().is_some_and(|end| end == "md") {
            pages.push(path);
        }
    }
    Ok(())
}
