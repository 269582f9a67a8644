//! Removes the temporary names that killed processes left in a folder.
//!
//! Two system calls give a file its name, and SIGKILL between them leaves a temporary one. A file that is being written is
//! locked, and the kernel lifts the lock when its process ends.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{Dir, FileType, FlockOperation, Mode, OFlags, RawMode, flock, fstat, openat};
use rustix::process::geteuid;

use super::folder::Folder;

const BEFORE: &str = ".wiresnap.";
const BEHIND: &str = ".part";

/// Returns the temporary name of this number.
pub(super) fn name(number: u64) -> OsString {
    format!("{BEFORE}{number:016x}{BEHIND}").into()
}

/// Locks a file that is being written, so that nobody removes it.
pub(super) fn hold(file: &impl AsFd) {
    // On a file system without locks, nobody else gets one either, and nothing is removed.
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
}

/// Removes what killed processes of this user left in a folder, as far as it can be listed.
pub(super) fn remove_from(folder: &Folder) {
    // Somebody may have removed it before, or the folder may not be ours to list: the next one tries again.
    for name in names(folder).unwrap_or_default() {
        let _ = remove(folder, &name);
    }
}

fn names(folder: &Folder) -> io::Result<Vec<OsString>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let entries = Dir::new(openat(folder, ".", flags, Mode::empty())?)?;
    let names = entries.map(|entry| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).into()));
    names
        .filter(|name| {
            !name
                .as_ref()
                .is_ok_and(|name: &OsString| !is_temporary(name))
        })
        .collect()
}

fn is_temporary(name: &OsStr) -> bool {
    let number = name.to_str().and_then(|name| {
        let behind = name.strip_prefix(BEFORE)?;
        behind.strip_suffix(BEHIND)
    });
    number.is_some_and(|number| {
        number.len() == 16 && number.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

fn remove(folder: &Folder, name: &OsStr) -> io::Result<()> {
    let file: File = folder.open_file(name)?;
    let status = fstat(&file)?;
    let is_file = FileType::from_raw_mode(RawMode::from(status.st_mode)) == FileType::RegularFile;
    if !is_file || status.st_uid != geteuid().as_raw() {
        return Ok(());
    }
    // It is taken for as long as the file is removed: whoever has just made it looks afterwards whether it is there.
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    folder.remove(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_nobody_holds_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &OsStr| place.path().join(name);
        let folder = Folder::open(place.path()).unwrap();
        let [left, held, link, directory] = [1, 2, 3, 4].map(name);
        std::fs::write(path(&left), "left").unwrap();
        std::fs::create_dir(path(&directory)).unwrap();
        symlink("elsewhere", path(&link)).unwrap();
        let held_open = File::create(path(&held)).unwrap();
        hold(&held_open);
        let others = [
            ".wiresnap.part",
            ".wiresnap.0123.part",
            ".wiresnap.000000000000000g.part",
            ".wiresnap.0000000000000005.part.txt",
            "elsewhere",
        ];
        for other in others {
            std::fs::write(path(other.as_ref()), "").unwrap();
        }
        remove_from(&folder);
        assert!(!path(&left).exists());
        let stay = [held.clone(), link, directory];
        for name in stay.iter().map(AsRef::as_ref).chain(others.map(OsStr::new)) {
            assert!(path(name).symlink_metadata().is_ok(), "{name:?}");
        }
        drop(held_open);
        remove_from(&folder);
        assert!(!path(&held).exists());
    }
}
