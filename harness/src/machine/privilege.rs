//! Reduces privilege: as little as a capture needs, for as short as it needs it.
//!
//! Under `sudo` the process becomes the user who called sudo, and keeps three capabilities: to make namespaces, to bring
//! up the network in one, to open a packet socket. Each of the processes that a capture consists of gives up its own as
//! soon as they have served: the first when all labs are made, a lab when its capture is open. Programs and clients
//! have none, every file is the user's, and no path is ever followed with root's rights. (Root itself, on a server or
//! in CI, stays root; what it starts is root without capabilities.)

use std::ffi::CString;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{DumpableBehavior, Gid, RawGid, RawUid, Uid, geteuid, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use serde::{Deserialize, Serialize};

use super::travelling;
use crate::error::{Error, Result};

/// The capabilities that making labs takes under sudo, if it is not left to a user namespace.
const FOR_LABS: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::NET_RAW);

/// The capabilities that root takes to read and write files that are not its own.
const FOR_FILES: CapabilitySet = CapabilitySet::DAC_OVERRIDE
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::FOWNER);

/// The account on whose behalf everything is done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// The user's name, if the system knows it.
    pub name: Option<String>,
    /// The user's home folder, if the system knows it.
    #[serde(with = "travelling")]
    pub home: Option<PathBuf>,
}

/// Becomes the user who called sudo, if one did, and keeps only the capabilities that making labs takes.
///
/// In a folder that belongs to root, root is meant even if it came by way of sudo (`sudo -i` on a server).
/// Credentials belong to threads: call this before the process has a second one.
///
/// # Errors
///
/// Returns an error if the kernel refuses, or sudo's variables make no sense.
pub fn shed() -> Result<Account> {
    step_down()?;
    Ok(account())
}

/// Becomes the user who called sudo, if one did, with no capability at all: nothing is captured.
///
/// In a folder that belongs to root, root is meant even if it came by way of sudo. Call this before the process has a second
/// thread.
///
/// # Errors
///
/// Returns an error if the kernel refuses, or sudo's variables make no sense.
pub fn become_caller() -> Result<()> {
    step_down()?;
    if geteuid().is_root() {
        return Ok(());
    }
    keep_only(CapabilitySet::empty())
}

/// Keeps of root's capabilities those that open files and give them to their owners, and of anybody else's none.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn keep_files_only() -> Result<()> {
    if geteuid().is_root() {
        return keep_only(FOR_FILES);
    }
    keep_only(CapabilitySet::empty())
}

fn step_down() -> Result<()> {
    if let (true, Some((uid, gid))) = (geteuid().is_root(), invoking_user()?) {
        become_user(uid, gid).map_err(|errno| {
            let uid = uid.as_raw();
            Error::environment(format!(
                "cannot go on as the user who called sudo ({uid}): {errno}"
            ))
        })?;
    }
    Ok(())
}

/// Hands capabilities that this process has on to the programs that it starts from now on.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn pass_on(these: CapabilitySet) -> Result<()> {
    let pass = || {
        let mut sets = capabilities(None)?;
        sets.inheritable = these;
        set_capabilities(None, sets)?;
        these
            .iter()
            .try_for_each(|one| configure_capability_in_ambient_set(one, true))
    };
    pass().map_err(|errno: rustix::io::Errno| {
        Error::environment(format!("cannot hand on a capability: {errno}"))
    })
}

/// Gives up all capabilities but these, for this process and for all that it starts.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn keep_only(these: CapabilitySet) -> Result<()> {
    let keep = || {
        let kept = capabilities(None)?.permitted.intersection(these);
        clear_ambient_capability_set()?;
        hold(kept)
    };
    keep().map_err(|errno: rustix::io::Errno| {
        Error::environment(format!("cannot give up capabilities: {errno}"))
    })
}

/// Hands the capabilities for making labs, as far as this process has them, on to the labs.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn hand_on_to_labs() -> Result<()> {
    // Root's programs are root, with all that this process may do.
    if geteuid().is_root() {
        return Ok(());
    }
    let ours = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.permitted);
    pass_on(ours.intersection(FOR_LABS))
}

/// Stops handing on capabilities; this process keeps its own.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn withhold() -> Result<()> {
    clear_ambient_capability_set()
        .map_err(|errno| Error::environment(format!("cannot withhold capabilities: {errno}")))
}

/// Gives up the capabilities that only making labs took; root itself keeps what it needs to write where it may.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn labs_are_made() -> Result<()> {
    if geteuid().is_root() {
        return Ok(());
    }
    keep_only(CapabilitySet::empty())
}

/// Gives up all capabilities of this thread and, if it is `for_good`, also those that a program could give it.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn give_up(for_good: bool) -> Result<()> {
    keep_only(CapabilitySet::empty())?;
    if for_good {
        renounce()?;
    }
    Ok(())
}

/// Keeps other processes, of the same user too, from looking into this one: from its memory (ptrace), its descriptors
/// (`/proc/PID/fd`, `pidfd_getfd`) and its environment.
///
/// The setting holds until the next exec.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn forbid_inspection() -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|errno| {
        Error::environment(format!(
            "cannot keep other processes from looking into this one: {errno}"
        ))
    })
}

/// Makes sure that nothing started from here on can gain privilege, not even through a set-user-ID program, nor by
/// being root.
///
/// # Errors
///
/// Returns an error if the kernel refuses.
pub fn renounce() -> Result<()> {
    set_no_new_privs(true)
        .map_err(|errno| Error::environment(format!("cannot set no_new_privs: {errno}")))
}

/// Returns the user that this process is now, as the system's database has it: sudo leaves root's name and home behind.
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

/// Returns the user and group that called sudo; `None` if root did, sudo was not used, or the current folder belongs to
/// root.
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
    set_thread_groups(&groups_of(uid, gid))?;
    set_thread_res_gid(gid, gid, gid)?;
    set_keep_capabilities(true)?;
    let kept = capabilities(None)?.permitted.intersection(FOR_LABS);
    set_thread_res_uid(uid, uid, uid)?;
    hold(kept)
}

/// Returns the groups of a user, as the system's database has them: files of the user's may be there for one of these
/// alone.
fn groups_of(uid: Uid, gid: Gid) -> Vec<Gid> {
    let user = nix::unistd::User::from_uid(uid.as_raw().into())
        .ok()
        .flatten();
    let groups = user
        .and_then(|user| CString::new(user.name).ok())
        .and_then(|name| nix::unistd::getgrouplist(&name, gid.as_raw().into()).ok());
    // Of a user that the database does not know, sudo knows the one.
    groups.map_or_else(
        || vec![gid],
        |groups| {
            groups
                .iter()
                .map(|group| Gid::from_raw(group.as_raw()))
                .collect()
        },
    )
}

/// Makes these the capabilities of this process, which no program that it starts inherits.
fn hold(these: CapabilitySet) -> rustix::io::Result<()> {
    set_capabilities(
        None,
        CapabilitySets {
            effective: these,
            permitted: these,
            inheritable: CapabilitySet::empty(),
        },
    )
}

/// Returns true if this process has these capabilities.
#[must_use]
pub fn has(these: CapabilitySet) -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(these))
}

/// Returns true if this process may open a packet socket.
#[must_use]
pub fn can_capture() -> bool {
    has(CapabilitySet::NET_RAW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_groups_of_the_database_and_an_unknown_one_that_of_sudo() {
        let root = Gid::from_raw(0);
        assert!(groups_of(Uid::from_raw(0), root).contains(&root));
        let theirs = Gid::from_raw(64_123);
        assert_eq!(groups_of(Uid::from_raw(64_123), theirs), [theirs]);
    }
}
