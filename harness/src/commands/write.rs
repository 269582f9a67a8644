//! Writes files, all of them or none, as far as a file system allows it.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Writes each file beside its place, and only then puts them there.
pub(super) fn all<'a>(files: impl Iterator<Item = (&'a Path, &'a str)>) -> Result<()> {
    let written = files
        .map(|(file, text)| match beside(file, text) {
            Ok((written, place)) => Ok((file, written, place)),
            Err(error) => Err(cannot(file, &error)),
        })
        .collect::<Result<Vec<(&Path, NamedTempFile, PathBuf)>>>()?;
    for (file, written, place) in written {
        let kept = written.persist(place);
        kept.map_err(|error| cannot(file, &error.error))?;
    }
    Ok(())
}

/// A new file beside the one that it will replace, with its permissions and its owner. A symbolic link stays one: what it
/// leads to is replaced.
fn beside(file: &Path, text: &str) -> io::Result<(NamedTempFile, PathBuf)> {
    let (place, permissions, model) = match fs::metadata(file) {
        Ok(metadata) => (file.canonicalize()?, metadata.permissions(), metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let permissions = Permissions::from_mode(0o644);
            (file.to_owned(), permissions, fs::metadata(folder_of(file))?)
        }
        Err(error) => return Err(error),
    };
    let mut written = tempfile::Builder::new()
        .prefix(".wiresnap.")
        .suffix(".part")
        .tempfile_in(folder_of(&place))?;
    written.write_all(text.as_bytes())?;
    give_to_owner_of(&model, &written);
    written.as_file().set_permissions(permissions)?;
    written.as_file().sync_all()?;
    Ok((written, place))
}

fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new("."))
}

/// What root writes belongs to whom the replaced file, or the folder of a new one, belongs to. Nobody else can give files
/// away; where a file system knows no owners, nothing is lost.
fn give_to_owner_of(model: &Metadata, written: &NamedTempFile) {
    if rustix::process::geteuid().is_root() {
        let _ = fchown(written.as_file(), Some(model.uid()), Some(model.gid()));
    }
}

fn cannot(file: &Path, error: &io::Error) -> Error {
    // The file that it names itself is one that is renamed in the end.
    let why = error.kind();
    Error::environment(format!("cannot write {}: {why}", file.display()))
        .with_hint("the file and its folder must belong to you")
}
