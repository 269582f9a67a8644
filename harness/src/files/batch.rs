//! Writes files, all of them or none, as far as a file system allows it.

use std::io::{self, Write as _};
use std::path::Path;

use super::{Deferred, Folder, Place, Replacement, reason};
use crate::error::{Error, Result};
use crate::text::Shown as _;

/// The places to which files may be written.
#[derive(Clone, Copy, Debug)]
pub enum Bounds<'a> {
    /// Anywhere: the user named them.
    Anywhere,
    /// Below this folder, the root of the project that says where they are.
    Within(&'a Path),
}

/// Writes each file without giving it its name, and only then puts them in their places.
///
/// # Errors
///
/// Returns an error if one cannot be written.
pub fn write<'a>(files: impl Iterator<Item = (Bounds<'a>, &'a Path, &'a str)>) -> Result<()> {
    let places = files
        .map(|(bounds, file, text)| {
            let place = bounds
                .place_of(file)
                .map_err(|error| cannot(file, &error))?;
            Ok((file, text, place))
        })
        .collect::<Result<Vec<(&Path, &str, Place)>>>()?;
    let Some((first, ..)) = places.first() else {
        return Ok(());
    };
    let _deferred = Deferred::begin().map_err(|error| cannot(first, &error))?;
    let written = places
        .iter()
        .map(|(file, text, place)| {
            let written = written(place.folder(), text).map_err(|error| cannot(file, &error))?;
            Ok((*file, place, written))
        })
        .collect::<Result<Vec<(&Path, &Place, Replacement<'_>)>>>()?;
    for (file, place, _) in &written {
        let replaceable = place.folder().require_replaceable(place.name());
        replaceable.map_err(|error| cannot(file, &error))?;
    }
    for (file, place, written) in written {
        written
            .put(place.name())
            .map_err(|error| cannot(file, &error))?;
    }
    Ok(())
}

impl Bounds<'_> {
    /// Opens a folder, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does, or the folder is out of bounds.
    pub fn make_folder(self, folder: &Path) -> io::Result<Folder> {
        match self {
            Self::Anywhere => Folder::make(folder),
            Self::Within(root) => Folder::make_within(root, folder),
        }
    }

    fn place_of(self, file: &Path) -> io::Result<Place> {
        match self {
            Self::Anywhere => Place::of(file),
            Self::Within(root) => Place::within(root, file),
        }
    }
}

fn written<'a>(folder: &'a Folder, text: &str) -> io::Result<Replacement<'a>> {
    let mut written = folder.begin()?;
    written.write_all(text.as_bytes())?;
    Ok(written)
}

fn cannot(file: &Path, error: &io::Error) -> Error {
    let why = reason(error);
    Error::environment(format!("cannot write {}: {why}", file.shown()))
        .with_hint("the file and its folder must belong to you")
}
