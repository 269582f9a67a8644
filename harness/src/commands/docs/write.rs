//! Writes files, all of them or none, as far as a file system allows it.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Writes each file beside its place, and only then puts them there.
pub(super) fn all<'a>(files: impl Iterator<Item = (&'a Path, &'a str)>) -> Result<()> {
    let written = files
        .map(|(file, text)| beside(file, text).map_err(|error| cannot(file, &error)))
        .collect::<Result<Vec<(NamedTempFile, PathBuf)>>>()?;
    for (written, place) in written {
        let kept = written.persist(&place);
        kept.map_err(|error| cannot(&place, &error.error))?;
    }
    Ok(())
}

/// A new file beside the one that it will replace, with its permissions. A symbolic link stays one: what it leads to is
/// replaced.
fn beside(file: &Path, text: &str) -> io::Result<(NamedTempFile, PathBuf)> {
    let (place, permissions) = match fs::metadata(file) {
        Ok(metadata) => (file.canonicalize()?, metadata.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (file.to_owned(), Permissions::from_mode(0o644))
        }
        Err(error) => return Err(error),
    };
    let folder = place.parent().unwrap_or(Path::new("."));
    let mut written = tempfile::Builder::new()
        .prefix(".wiresnap.")
        .suffix(".part")
        .tempfile_in(folder)?;
    written.write_all(text.as_bytes())?;
    written.as_file().set_permissions(permissions)?;
    written.as_file().sync_all()?;
    Ok((written, place))
}

fn cannot(file: &Path, error: &io::Error) -> Error {
    Error::environment(format!("cannot write {}: {error}", file.display()))
        .with_hint("the file and its folder must belong to you")
}
