//! A file that gets its name when it is whole.

use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, linkat, openat, renameat};
use rustix::io::Errno;

use super::folder::{Folder, require_plain};
use super::leftover;
use super::not_regular;
use super::owner::Owner;

/// The permissions of a file as long as it is not whole: nobody else may read what may still be removed from it.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The number of attempts with another name if one is taken.
const TRIES: usize = 16;

/// A file that is being written in a folder, and has no name there yet: if the process is killed, nothing is left of
/// it.
///
/// On a file system without unnamed files it gets a temporary name, which is removed with the value. If the process is killed
/// while it has one, the next file that is put into the folder removes it.
#[derive(Debug)]
pub struct Replacement<'a> {
    folder: &'a Folder,
    file: File,
    /// The temporary name, if it has one.
    passing: Option<OsString>,
}

impl<'a> Replacement<'a> {
    pub(super) fn begin(folder: &'a Folder) -> io::Result<Self> {
        let (file, passing) = Self::file_in(folder)?;
        Ok(Self {
            folder,
            file,
            passing,
        })
    }

    /// Makes a new file in a folder, accessible to its owner alone; returns its name if it has to have one.
    pub(super) fn file_in(folder: &Folder) -> io::Result<(File, Option<OsString>)> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(folder, ".", flags, PRIVATE) {
            Ok(file) => {
                leftover::hold(&file);
                Ok((file.into(), None))
            }
            // The last two are from kernels before there were any, which take it for the folder itself.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::ISDIR | Errno::INVAL) => {
                let (file, name) = named_file_in(folder)?;
                Ok((file, Some(name)))
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Returns the file, to be written.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives the file its name, in the place of a regular file or a link that has it. It gets the permissions of that
    /// file, and as root its owner or, if there is none, the folder's; only root can give files away.
    ///
    /// # Errors
    ///
    /// Returns an error if something else has the name, or the system takes no more; what is there stays as it is then.
    pub fn put(mut self, name: &OsStr) -> io::Result<()> {
        require_plain(name)?;
        let old = self.folder.stat(name)?;
        match old.map(|old| (FileType::from_raw_mode(old.st_mode), old)) {
            Some((FileType::RegularFile, old)) => {
                Owner::of(&old).take_file(&self.file);
                let permissions = Permissions::from_mode(old.st_mode & 0o777);
                self.file.set_permissions(permissions)?;
            }
            // What it leads to is none of ours: it is the link that is replaced.
            None | Some((FileType::Symlink, _)) => {
                self.folder.owner()?.take_file(&self.file);
                let permissions = Permissions::from_mode(0o666 & !umask());
                self.file.set_permissions(permissions)?;
            }
            Some(_) => return Err(not_regular()),
        }
        self.file.sync_all()?;
        let passing = match self.passing.take() {
            Some(passing) => passing,
            None => self.link()?,
        };
        self.passing = Some(passing.clone());
        renameat(self.folder, &passing, self.folder, name)?;
        self.passing = None;
        leftover::remove_from(self.folder);
        Ok(())
    }

    /// Gives a temporary name to a file without one: only a rename puts it in the place of another.
    fn link(&self) -> io::Result<OsString> {
        let by_number = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        let link = |name: &OsStr| {
            // Old kernels have only the other way, for which there has to be a /proc.
            match linkat(&self.file, "", self.folder, name, AtFlags::EMPTY_PATH) {
                Err(Errno::NOENT | Errno::INVAL) => {
                    linkat(CWD, &by_number, self.folder, name, AtFlags::SYMLINK_FOLLOW)
                }
                linked => linked,
            }
        };
        let ((), name) = with_free_name(link)?;
        Ok(name)
    }
}

impl Write for Replacement<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Replacement<'_> {
    fn drop(&mut self) {
        if let Some(passing) = &self.passing {
            // What somebody else has removed is gone.
            let _ = self.folder.remove(passing);
        }
    }
}

fn named_file_in(folder: &Folder) -> io::Result<(File, OsString)> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (file, name) = with_free_name(|name| {
        let file = openat(folder, name, flags, PRIVATE)?;
        leftover::hold(&file);
        // Before it was locked, it could be taken for what a killed process left.
        match fstat(&file)?.st_nlink {
            0 => Err(Errno::EXIST),
            _ => Ok(file),
        }
    })?;
    Ok((file.into(), name))
}

/// Returns the permissions that the user does not want new files to have, as proc(5) tells; if it does not tell, files
/// are the user's alone. The system call that returns the mask also changes it, for all threads.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    mask.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o077)
}

/// Does something with a name that is not taken.
fn with_free_name<T>(
    mut act: impl FnMut(&OsStr) -> rustix::io::Result<T>,
) -> io::Result<(T, OsString)> {
    for _ in 0..TRIES {
        let number = RandomState::new().build_hasher().finish();
        let name = leftover::name(number);
        match act(&name) {
            Ok(done) => return Ok((done, name)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(Errno::EXIST.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::{MetadataExt as _, symlink};
    use std::path::Path;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        entries.map(name).collect()
    }

    fn named(folder: &Folder) -> Replacement<'_> {
        let (file, name) = named_file_in(folder).unwrap();
        let passing = Some(name);
        Replacement {
            folder,
            file,
            passing,
        }
    }

    fn unnamed(folder: &Folder) -> Replacement<'_> {
        folder.begin().unwrap()
    }

    /// The two ways to begin a replacement: without a name until it is whole, and with a temporary one.
    const BOTH_WAYS: [fn(&Folder) -> Replacement<'_>; 2] = [unnamed, named];

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        for begin in BOTH_WAYS {
            let mut replacement = begin(&folder);
            std::fs::write(place.path().join("a"), "old").unwrap();
            replacement.write_all(b"new").unwrap();
            assert_eq!(
                std::fs::read_to_string(place.path().join("a")).unwrap(),
                "old"
            );
            replacement.put("a".as_ref()).unwrap();
            assert_eq!(
                std::fs::read_to_string(place.path().join("a")).unwrap(),
                "new"
            );
            assert_eq!(names_in(place.path()), ["a"]);
        }
        for begin in BOTH_WAYS {
            let replacement = begin(&folder);
            drop(replacement);
            assert_eq!(names_in(place.path()), ["a"]);
        }
    }

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_file() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        for begin in BOTH_WAYS {
            std::fs::write(place.path().join(leftover::name(1)), "left").unwrap();
            let other = named(&folder);
            begin(&folder).put("a".as_ref()).unwrap();
            // It is being written.
            assert_eq!(names_in(place.path()).len(), 2);
            other.put("b".as_ref()).unwrap();
            assert_eq!(names_in(place.path()).len(), 2);
            std::fs::remove_file(place.path().join("b")).unwrap();
        }
    }

    #[test]
    fn what_is_not_whole_is_its_owners_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        for begin in BOTH_WAYS {
            let replacement = begin(&folder);
            assert_eq!(replacement.file.metadata().unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_permissions_of_a_replaced_file_stay_and_a_new_one_has_those_of_any_other() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let mode = |name: &str| std::fs::metadata(place.path().join(name)).unwrap().mode() & 0o777;
        std::fs::write(place.path().join("usual"), "").unwrap();
        for begin in BOTH_WAYS {
            let replacement = begin(&folder);
            let private = Permissions::from_mode(0o640);
            std::fs::write(place.path().join("private"), "").unwrap();
            std::fs::set_permissions(place.path().join("private"), private).unwrap();
            replacement.put("private".as_ref()).unwrap();
            assert_eq!(mode("private"), 0o640);
        }
        for begin in BOTH_WAYS {
            let replacement = begin(&folder);
            let _ = std::fs::remove_file(place.path().join("new"));
            replacement.put("new".as_ref()).unwrap();
            assert_eq!(mode("new"), mode("usual"));
        }
    }

    #[test]
    fn nothing_but_a_regular_file_is_replaced_and_a_link_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        std::fs::create_dir(place.path().join("folder")).unwrap();
        std::fs::write(place.path().join("other"), "other").unwrap();
        for name in ["folder", "..", ".", "", "/tmp/a", "../a", "folder/a"] {
            for begin in BOTH_WAYS {
                let replacement = begin(&folder);
                assert!(replacement.put(name.as_ref()).is_err(), "{name}");
            }
        }
        for begin in BOTH_WAYS {
            let mut replacement = begin(&folder);
            let _ = std::fs::remove_file(place.path().join("link"));
            symlink("other", place.path().join("link")).unwrap();
            replacement.write_all(b"new").unwrap();
            replacement.put("link".as_ref()).unwrap();
            assert!(!place.path().join("link").is_symlink());
        }
        assert_eq!(
            std::fs::read_to_string(place.path().join("other")).unwrap(),
            "other"
        );
        assert_eq!(names_in(place.path()).len(), 3);
    }

    #[test]
    fn a_file_without_a_name_is_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let mut file = Folder::open(place.path()).unwrap().unnamed_file().unwrap();
        file.write_all(b"a").unwrap();
        assert_eq!(names_in(place.path()), [""; 0]);
        let mut text = String::new();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        File::open(path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "a");
    }
}
