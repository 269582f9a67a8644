//! Privilege: as little of it as a capture needs, for as short as it needs it.
//!
//! Under `sudo` the process becomes the user who called sudo, and keeps one capability: to open a packet socket. What
//! it starts has none, every file it makes belongs to that user, and no path is ever followed with root's rights. (Root
//! itself, on a server or in CI, stays root, and so does what it starts.)

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Gid, RawGid, RawUid, Uid, geteuid, getpid, set_child_subreaper};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_keep_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::error::{Error, Result};

/// On whose behalf everything is done.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The user's name, where the system knows it.
    pub name: Option<String>,
    /// The user's home folder, where the system knows it.
    pub home: Option<PathBuf>,
}

/// Gives up every privilege but that of capturing, and becomes the user who called sudo, where one did.
///
/// In a folder that belongs to root, root is meant even if it came by way of sudo (`sudo -i` on a server).
/// Credentials belong to threads: call this before the process has a second one.
///
/// # Errors
///
/// Where the kernel refuses, or sudo's variables make no sense.
pub fn shed() -> Result<Account> {
    if let (true, Some((uid, gid))) = (geteuid().is_root(), invoking_user()?) {
        become_user(uid, gid).map_err(|errno| {
            let uid = uid.as_raw();
            Error::environment(format!(
                "cannot go on as the user who called sudo ({uid}): {errno}"
            ))
        })?;
    }
    // Orphans of what we start come to us: we can then see them end, whoever else does not care.
    let _ = set_child_subreaper(Some(getpid()));
    Ok(account())
}

/// From here on nothing that is started can gain privilege, not even through a set-user-ID program.
///
/// # Errors
///
/// Where the kernel refuses.
pub fn renounce() -> Result<()> {
    set_no_new_privs(true)
        .map_err(|errno| Error::environment(format!("cannot set no_new_privs: {errno}")))
}

/// The user that this process is now, as the system's database has it: sudo leaves root's name and home behind.
fn account() -> Account {
    let uid = geteuid().as_raw().to_string();
    let entry = Command::new("getent").args(["passwd", &uid]).output();
    let entry = entry.map(|output| output.stdout).unwrap_or_default();
    let entry = String::from_utf8_lossy(&entry).into_owned();
    let fields: Vec<&str> = entry.trim_end().split(':').collect();
    let field = |index: usize| fields.get(index).filter(|field| !field.is_empty()).copied();
    Account {
        name: field(0).map(str::to_owned),
        home: field(5).map(PathBuf::from),
    }
}

/// The user and group that called sudo; none where root did, or nobody.
fn invoking_user() -> Result<Option<(Uid, Gid)>> {
    let (Ok(uid), Ok(gid)) = (std::env::var("SUDO_UID"), std::env::var("SUDO_GID")) else {
        return Ok(None);
    };
    let (Ok(uid), Ok(gid)) = (uid.parse::<RawUid>(), gid.parse::<RawGid>()) else {
        return Err(Error::environment(format!(
            "SUDO_UID={uid} and SUDO_GID={gid} are not numbers"
        )));
    };
    let here_is_roots = std::fs::metadata(".").is_ok_and(|folder| folder.uid() == 0);
    Ok((uid != 0 && !here_is_roots).then(|| (Uid::from_raw(uid), Gid::from_raw(gid))))
}

fn become_user(uid: Uid, gid: Gid) -> rustix::io::Result<()> {
    set_thread_groups(&[gid])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_keep_capabilities(true)?;
    set_thread_res_uid(uid, uid, uid)?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: CapabilitySet::NET_RAW,
            permitted: CapabilitySet::NET_RAW,
            inheritable: CapabilitySet::empty(),
        },
    )
}

/// Whether this process may open a packet socket.
#[must_use]
pub fn can_capture() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_RAW))
}
