//! The owner of files that root makes.

use std::ffi::OsStr;
use std::fs::File;

use rustix::fs::{AtFlags, Gid, Stat, Uid, chownat, fchown};
use rustix::process::geteuid;

use super::folder::Folder;

/// A user and a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    user: Uid,
    group: Gid,
}

impl Owner {
    /// Returns the owner of a file.
    pub(super) fn of(file: &Stat) -> Self {
        Self {
            user: Uid::from_raw(file.st_uid),
            group: Gid::from_raw(file.st_gid),
        }
    }

    /// Gives a new file to the owner. Only root can do this; on a file system without owners, nothing is lost.
    pub(super) fn take_file(self, file: &File) {
        if geteuid().is_root() {
            let _ = fchown(file, Some(self.user), Some(self.group));
        }
    }

    /// Gives a new folder to the owner, likewise.
    pub(super) fn take_folder(self, parent: &Folder, name: &OsStr) {
        if geteuid().is_root() {
            let (user, group) = (Some(self.user), Some(self.group));
            let _ = chownat(parent, name, user, group, AtFlags::SYMLINK_NOFOLLOW);
        }
    }
}
