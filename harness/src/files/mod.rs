//! Opens files and folders so that no other user of the machine decides what is read or written.
//!
//! A [`Folder`] is held open: another user who renames folders or puts links in their places cannot lead its holder
//! astray. Files of a project are opened within its root, and no link leads out of it. A file that is written gets its
//! name only when it is whole (a [`Replacement`]), and replaces nothing but a regular file. Temporary files are
//! accessible to their owner alone.

pub mod batch;
mod folder;
mod leftover;
mod owner;
mod replacement;
mod signals;
mod temporary;
mod trust;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

pub use self::folder::{Folder, Place, require_within};
pub use self::replacement::Replacement;
pub use self::signals::Deferred;
pub use self::temporary::private_folder;
pub use self::trust::{VARIABLE as TRUST_VARIABLE, require_trusted, require_trusted_project};

/// The name of the file that marks the top folder of a project.
pub const PROJECT_FILE: &str = "wiresnap.toml";

/// The most bytes of a file that people write: a scenario, a page, a reviewed listing.
pub const MOST_BYTES_OF_TEXT: u64 = 1 << 30;

/// Reads a text.
///
/// # Errors
///
/// Returns an error if the file is not a regular one, which might never end or never begin, or if it is not a text.
pub fn read_text(file: &Path) -> io::Result<String> {
    // A FIFO would be waited for: anybody may have put one there.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    text_of(
        OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(file)?,
    )
}

fn text_of(file: File) -> io::Result<String> {
    if !file.metadata()?.is_file() {
        return Err(not_regular());
    }
    let mut text = String::new();
    file.take(MOST_BYTES_OF_TEXT + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES_OF_TEXT {
        return Err(io::Error::other("it is longer than any text"));
    }
    Ok(text)
}

/// Writes a file that the user named, whole or not at all. A file that is not regular, such as `/dev/stdout`, is
/// written to and stays what it is.
///
/// # Errors
///
/// Returns an error if the system does; the old file is as it was then.
pub fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_replaced = |kind: std::fs::FileType| {
        !(kind.is_char_device() || kind.is_block_device() || kind.is_fifo() || kind.is_socket())
    };
    if let Ok(found) = std::fs::metadata(file)
        && !is_replaced(found.file_type())
    {
        return OpenOptions::new().write(true).open(file)?.write_all(bytes);
    }
    let _deferred = Deferred::begin()?;
    let place = Place::of(file)?;
    let mut replacement = place.folder().begin()?;
    replacement.write_all(bytes)?;
    replacement.put(place.name())
}

/// Returns true if two paths lead to the same file; a path that leads nowhere is a different one.
#[must_use]
pub fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Returns in a few words why the system refused, without the name of a file, which might be one that only wiresnap
/// knows.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    match (error.raw_os_error(), Errno::from_io_error(error)) {
        // The standard library has no kind for it.
        (_, Some(Errno::MFILE | Errno::NFILE)) => "too many open files".to_owned(),
        (Some(_), _) => error.kind().to_string(),
        (None, _) => error.to_string(),
    }
}

fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// Returns the folder that a file is in.
fn parent_of(file: &Path) -> PathBuf {
    or_here(file.parent().unwrap_or(Path::new(""))).to_owned()
}

/// Returns a folder's path, `.` if the path is empty.
fn or_here(folder: &Path) -> &Path {
    if folder == Path::new("") {
        return Path::new(".");
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn what_never_begins_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();

        assert_eq!(
            reason(&read_text(&fifo).unwrap_err()),
            "it is not a regular file"
        );
        assert_eq!(
            reason(&read_text(folder.path()).unwrap_err()),
            "it is not a regular file"
        );
        assert_eq!(
            reason(&read_text(Path::new("/dev/zero")).unwrap_err()),
            "it is not a regular file"
        );
    }

    #[test]
    fn what_is_no_regular_file_stays_what_it_is() {
        use std::os::unix::fs::FileTypeExt as _;
        write(Path::new("/dev/null"), b"nothing").unwrap();
        let null = std::fs::symlink_metadata("/dev/null").unwrap();
        assert!(null.file_type().is_char_device());

        let folder = tempfile::tempdir().unwrap();
        let error = write(folder.path(), b"nothing").unwrap_err();
        assert_eq!(reason(&error), "it is not a regular file");
    }
}
