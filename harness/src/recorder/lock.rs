//! Allows one capture at a time in a folder.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::error::{Error, Result};
use crate::files::Folder;
use crate::text::Shown as _;

/// The file that is locked if another user has locked the folder itself; no other user can open the file.
const FILE: &str = ".wiresnap.lock";

/// Keeps other captures out of a folder: the kernel lets go of it when we end, however we do.
///
/// The folder itself is locked, so that no file remains. But every user who may look into a folder can lock it, too. If
/// another user has done so, a file that only we can open is locked instead.
pub(super) struct Lock {
    folder: File,
    file: Option<File>,
}

impl Lock {
    /// Locks a folder, which is called `path`.
    ///
    /// # Errors
    ///
    /// Returns an error if another capture has it, or if the system does.
    pub(super) fn take(folder: &Folder, path: &Path) -> Result<Self> {
        let lock = Self::try_to_take(folder).map_err(|error| {
            Error::environment(format!("cannot lock {}: {error}", path.shown()))
                .with_hint("the folder must belong to you: name another one with --out")
        })?;
        lock.ok_or_else(|| {
            Error::environment(format!(
                "another `wiresnap capture` is writing to {}",
                path.shown()
            ))
            .with_hint("wait until it is done, or name another folder with --out")
        })
    }

    /// Takes the lock; `None` if another capture has it.
    fn try_to_take(folder: &Folder) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = File::from(openat(folder, ".", flags, Mode::empty())?);
        let is_locked = try_to_lock(&folder)?;
        if !is_locked && is_held_by_a_capture(&folder)? {
            return Ok(None);
        }
        // Where the folder could be locked, a capture that could not may still have the file.
        let Some(file) = open_file(&folder, !is_locked)? else {
            let file = None;
            return Ok(Some(Self { folder, file }));
        };
        if !is_trusted(file.metadata()?.uid(), &folder)? {
            if is_locked {
                let file = None;
                return Ok(Some(Self { folder, file }));
            }
            return Err(io::Error::other(format!(
                "{FILE} in it belongs to another user"
            )));
        }
        if !try_to_lock(&file)? || !is_there(&file, &folder)? {
            return Ok(None);
        }
        let file = Some(file);
        Ok(Some(Self { folder, file }))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What somebody else has removed is gone.
            let _ = unlinkat(&self.folder, FILE, AtFlags::empty());
        }
    }
}

fn try_to_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Opens the file that is locked instead of the folder; `None` if there is none and it is not to be made.
fn open_file(folder: &File, make: bool) -> io::Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = if make { flags | OFlags::CREATE } else { flags };
    match openat(folder, FILE, flags, Mode::from_raw_mode(0o600)) {
        Ok(file) => Ok(Some(file.into())),
        Err(Errno::NOENT) if !make => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Returns true if the name still belongs to this file: its holder removes it when done.
fn is_there(file: &File, folder: &File) -> io::Result<bool> {
    match statat(folder, FILE, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(found.st_ino == file.metadata()?.ino()),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Returns true if a user may keep us out of a folder: we ourselves, root, and the folder's owner.
fn is_trusted(user: u32, folder: &File) -> io::Result<bool> {
    let trusted = [geteuid().as_raw(), 0, folder.metadata()?.uid()];
    Ok(trusted.contains(&user))
}

/// Returns true if a folder's lock is held by a capture, as far as the system tells; else it belongs to a user who only
/// wants to keep captures from being made.
fn is_held_by_a_capture(folder: &File) -> io::Result<bool> {
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let users: Vec<u32> = holders(&locks, folder.metadata()?.ino())
        .filter_map(user_of)
        .collect();
    for user in &users {
        if is_trusted(*user, folder)? {
            return Ok(true);
        }
    }
    // Of those that it does not tell of nothing is known.
    Ok(users.is_empty())
}

/// Returns the processes that have locked a file, as proc(5) lists them: `1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE
/// 0 EOF`.
fn holders(locks: &str, inode: u64) -> impl Iterator<Item = u32> {
    locks.lines().filter_map(move |line| {
        let [_, "FLOCK", _, _, process, file, ..] =
            line.split_ascii_whitespace().collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let (_, locked) = file.rsplit_once(':')?;
        (locked.parse() == Ok(inode)).then(|| process.parse().ok())?
    })
}

/// Returns the user that a process acts for.
fn user_of(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_captures_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let open = Folder::open(folder.path()).unwrap();
        let first = Lock::try_to_take(&open).unwrap();
        assert!(first.is_some());
        assert!(Lock::try_to_take(&open).unwrap().is_none());
        drop(first);
        assert!(Lock::try_to_take(&open).unwrap().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// Every user who may look into a folder can lock it: that keeps nobody else from capturing, and captures from each
    /// other.
    #[test]
    fn another_users_lock_is_in_nobodys_way() {
        use std::io::{BufRead as _, BufReader, Write as _};
        use std::os::unix::fs::PermissionsExt as _;
        use std::process::{Command, Stdio};
        if !geteuid().is_root() {
            let _ = writeln!(std::io::stderr(), "skipped: only root can be another user");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let all_may_look = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), all_may_look).unwrap();
        let mut theirs = Command::new("setpriv")
            .args(["--reuid=64124", "--regid=64124", "--clear-groups", "--"])
            .args(["flock", "--exclusive", "--no-fork"])
            .arg(folder.path())
            .args(["sh", "-c", "echo locked; read -r end"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut stdout = BufReader::new(theirs.stdout.take().unwrap());
        stdout.read_line(&mut said).unwrap();
        assert_eq!(said, "locked\n");

        let open = Folder::open(folder.path()).unwrap();
        let first = Lock::try_to_take(&open).unwrap();
        assert!(first.is_some());
        assert!(Lock::try_to_take(&open).unwrap().is_none());
        drop(first);
        let second = Lock::try_to_take(&open).unwrap();
        assert!(second.is_some());
        // They let go: who captures then finds the one that does already.
        drop(theirs.stdin.take());
        theirs.wait().unwrap();
        assert!(Lock::try_to_take(&open).unwrap().is_none());
        drop(second);
        assert!(Lock::try_to_take(&open).unwrap().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        println!("tried 5, held 5");
    }

    #[test]
    fn those_who_wait_hold_no_lock() {
        let locks = "1: FLOCK  ADVISORY  WRITE 12 fe:00:34 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 13 fe:00:34 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 14 fe:00:34 0 EOF\n\
                     3: FLOCK  ADVISORY  READ 15 fe:00:34 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 16 fe:00:345 0 EOF\n";
        assert_eq!(holders(locks, 34).collect::<Vec<u32>>(), [12, 15]);
    }
}
