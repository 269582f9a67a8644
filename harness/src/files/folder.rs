//! A folder that is held open, and the place of a file in one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::owner::Owner;
use super::replacement::Replacement;
use super::{not_regular, or_here, parent_of, text_of};
use crate::text::Shown as _;

/// A folder that is held open: all actions happen in this folder, even if its name is given to another.
#[derive(Debug)]
pub struct Folder {
    handle: OwnedFd,
}

/// The flags for opening folders: to reach what is in them, which needs no right to list it.
const FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// Opens a folder that the user named; links are followed.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            handle: rustix::fs::open(or_here(path), FLAGS, Mode::empty())?,
        })
    }

    /// Opens a folder that the user named, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does.
    pub fn make(path: &Path) -> io::Result<Self> {
        match Self::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = Self::make(&parent_of(path))?;
                parent.make_folder(path.file_name().unwrap_or_default())
            }
            opened => opened,
        }
    }

    /// Opens a folder below `root`, which has to be within it even after links are followed.
    ///
    /// # Errors
    ///
    /// Returns an error if it leads out of there, or if the system does.
    pub fn open_within(root: &Path, path: &Path) -> io::Result<Self> {
        let mut folder = Self::open(root)?;
        for name in within(root, path)?.components() {
            folder = folder.folder(name.as_os_str())?;
        }
        Ok(folder)
    }

    /// Opens a folder below `root`, as [`Folder::open_within`] does, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// Returns an error if it leads out of there, or if the system does.
    pub fn make_within(root: &Path, path: &Path) -> io::Result<Self> {
        let mut folder = Self::open(root)?;
        for name in within(root, path)?.components() {
            folder = folder.make_folder(name.as_os_str())?;
        }
        Ok(folder)
    }

    /// Opens a folder in this one, which must not be a link.
    fn folder(&self, name: &OsStr) -> io::Result<Self> {
        let flags = FLAGS.union(OFlags::NOFOLLOW);
        Ok(Self {
            handle: openat(&self.handle, name, flags, Mode::empty())?,
        })
    }

    /// Opens a folder in this one, which must not be a link, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does.
    pub fn make_folder(&self, name: &OsStr) -> io::Result<Self> {
        require_plain(name)?;
        match mkdirat(&self.handle, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => {
                self.owner()?.take_folder(self, name);
                self.folder(name)
            }
            Err(Errno::EXIST) => self.folder(name),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes a file that has no name and gets none: nothing is left of it, even if the process is killed.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does.
    pub fn unnamed_file(&self) -> io::Result<File> {
        let (file, passing) = Replacement::file_in(self)?;
        passing.map_or(Ok(()), |name| self.remove(&name))?;
        Ok(file)
    }

    /// Begins a file that gets its name in this folder when it is whole.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does.
    pub fn begin(&self) -> io::Result<Replacement<'_>> {
        Replacement::begin(self)
    }

    /// Makes sure that a file may get this name: that nothing has it but a regular file or a link.
    ///
    /// # Errors
    ///
    /// Returns an error if something else has the name, or if the system does.
    pub fn require_replaceable(&self, name: &OsStr) -> io::Result<()> {
        require_plain(name)?;
        let kind = self
            .stat(name)?
            .map(|found| FileType::from_raw_mode(found.st_mode));
        match kind {
            None | Some(FileType::RegularFile | FileType::Symlink) => Ok(()),
            Some(_) => Err(not_regular()),
        }
    }

    /// Removes a file, or the link of this name.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        require_plain(name)?;
        Ok(unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    /// Returns the status of the entry of this name; a link is not followed.
    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Opens a file in this folder that is not a link, without waiting for anything.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let flags =
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(openat(&self.handle, name, flags, Mode::empty())?.into())
    }

    /// Returns the owner of the folder.
    pub(super) fn owner(&self) -> io::Result<Owner> {
        Ok(Owner::of(&fstat(&self.handle)?))
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// The place of a file: a folder that is held open, and the file's name in it.
#[derive(Debug)]
pub struct Place {
    folder: Folder,
    name: OsString,
}

impl Place {
    /// Returns the place of a file that the user named. If a link has that name, it is the place that the link leads
    /// to.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such folder.
    pub fn of(file: &Path) -> io::Result<Self> {
        let file = target(file);
        Ok(Self {
            folder: Folder::open(&parent_of(&file))?,
            name: name_of(&file)?,
        })
    }

    /// Returns the place of a file that has to be below `root`, even after links are followed.
    ///
    /// # Errors
    ///
    /// Returns an error if it leads out of there, or if there is no such folder.
    pub fn within(root: &Path, file: &Path) -> io::Result<Self> {
        let file = target(file);
        Ok(Self {
            folder: Folder::open_within(root, &parent_of(&file))?,
            name: name_of(&file)?,
        })
    }

    /// Reads the text that is there.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no regular file, or if it is not a text.
    pub fn read_text(&self) -> io::Result<String> {
        text_of(self.folder.open_file(&self.name)?)
    }

    /// Returns the folder that the file is in.
    #[must_use]
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Returns the name of the file in its folder.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }
}

/// Makes sure that a path is below `root`, even after links are followed. A path that does not exist yet leads nowhere.
///
/// # Errors
///
/// Returns an error if it leads out of there.
pub fn require_within(root: &Path, path: &Path) -> io::Result<()> {
    within(root, path).map(drop)
}

/// Returns the way from `root` to a path, without links and `..`.
fn within(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let root = or_here(root).canonicalize()?;
    let resolved = resolved(path)?;
    let way = resolved.strip_prefix(&root).map_err(|_| {
        io::Error::other(format!(
            "it leads out of the project, to {}",
            resolved.shown()
        ))
    })?;
    Ok(way.to_owned())
}

/// Returns a path without links and `..`, as far as it exists; the part that does not exist yet must not go back up.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut missing = Vec::new();
    for folder in std::path::absolute(path)?.ancestors() {
        match folder.canonicalize() {
            Ok(found) => {
                return Ok(missing
                    .iter()
                    .rev()
                    .fold(found, |path, name| path.join(name)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        match folder.components().next_back() {
            Some(Component::Normal(name)) => missing.push(name.to_owned()),
            _ => {
                return Err(io::Error::other(
                    "it leads through a folder that is not there",
                ));
            }
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Returns the file that a link leads to; the file itself if it is not a link, or leads nowhere.
fn target(file: &Path) -> PathBuf {
    file.canonicalize().unwrap_or_else(|_| file.to_owned())
}

fn name_of(file: &Path) -> io::Result<OsString> {
    let name = file.file_name().map(OsStr::to_owned);
    name.ok_or_else(not_regular)
}

/// Makes sure that a name is only a name, not a path to another folder.
pub(super) fn require_plain(name: &OsStr) -> io::Result<()> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(()),
        _ => Err(io::Error::other("it is not a file name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir, create_dir_all, read_dir, write};
    use std::io::Write as _;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Makes a project, and next to it a folder that does not belong to it.
    fn stage() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let stage = tempfile::tempdir().unwrap();
        let (root, outside) = (stage.path().join("project"), stage.path().join("outside"));
        create_dir_all(root.join("inside")).unwrap();
        create_dir(&outside).unwrap();
        write(outside.join("file"), "theirs").unwrap();
        symlink("inside", root.join("link")).unwrap();
        symlink(&outside, root.join("out")).unwrap();
        symlink("../../outside/file", root.join("inside/file-outside")).unwrap();
        symlink("/nowhere/at/all", root.join("dangling")).unwrap();
        (stage, root, outside)
    }

    #[test]
    fn a_link_leads_where_it_leads_but_not_out() {
        let (_stage, root, outside) = stage();
        for path in [
            "",
            "inside",
            "link",
            "link/../inside",
            "new",
            "new/deeper",
            "link/new",
        ] {
            require_within(&root, &root.join(path)).unwrap();
        }
        for path in [
            "..",
            "out",
            "out/new",
            "link/../../outside",
            "/etc",
            "new/../../outside",
        ] {
            let error = require_within(&root, &root.join(path)).unwrap_err();
            assert!(
                error.to_string().starts_with("it leads "),
                "{path}: {error}"
            );
        }
        for folder in ["out", "out/new", "../outside", "dangling", "dangling/new"] {
            assert!(
                Folder::make_within(&root, &root.join(folder)).is_err(),
                "{folder}"
            );
            assert!(
                Folder::open_within(&root, &root.join(folder)).is_err(),
                "{folder}"
            );
        }
        for file in [
            "out/file",
            "inside/file-outside",
            "../outside/file",
            "out/new",
        ] {
            assert!(Place::within(&root, &root.join(file)).is_err(), "{file}");
        }
        assert_eq!(read_dir(outside).unwrap().count(), 1);
        assert!(!Path::new("/nowhere").exists());
    }

    #[test]
    fn folders_are_made_and_found_below_the_root() {
        let (_stage, root, _) = stage();
        Folder::make_within(&root, &root.join("link/a/b")).unwrap();
        assert!(root.join("inside/a/b").is_dir());
        let place = Place::within(&root, &root.join("link/a/b/file")).unwrap();
        let mut file = place.folder().begin().unwrap();
        file.write_all(b"text").unwrap();
        file.put(place.name()).unwrap();
        assert_eq!(place.read_text().unwrap(), "text");
        Folder::make(&root.join("c/d")).unwrap();
        assert!(root.join("c/d").is_dir());
    }

    #[test]
    fn nobody_who_puts_links_in_the_place_of_folders_leads_us_out() {
        let (_stage, root, outside) = stage();
        let snapshots = root.join("snapshots");
        let aside = root.join("aside");
        create_dir(&snapshots).unwrap();
        let is_over = AtomicBool::new(false);
        let written = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::fs::rename(&snapshots, &aside).unwrap();
                    symlink(&outside, &snapshots).unwrap();
                    std::fs::remove_file(&snapshots).unwrap();
                    std::fs::rename(&aside, &snapshots).unwrap();
                }
            });
            let attempts = (0..2000).filter(|number| {
                let file = snapshots.join(format!("{number}.snap"));
                let write = || {
                    let place = Place::within(&root, &file)?;
                    place.folder().begin()?.put(place.name())
                };
                write().is_ok()
            });
            let written = attempts.count();
            is_over.store(true, Ordering::Relaxed);
            written
        });
        assert_eq!(
            read_dir(&outside).unwrap().count(),
            1,
            "{written} of 2000 written"
        );
        assert_eq!(read_dir(&snapshots).unwrap().count(), written);
    }
}
