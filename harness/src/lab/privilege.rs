//! Privilege: as little of it as a capture needs, for as short as it needs it.
//!
//! Under `sudo` the process becomes the user who called sudo, and keeps one capability: to open a packet socket. What
//! it starts has none, every file it makes belongs to that user, and no path is ever followed with root's rights.

use rustix::process::{Gid, RawGid, RawUid, Uid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_keep_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::error::{Error, Result};

/// Gives up every privilege but that of capturing, and becomes the user who called sudo, where one did.
///
/// Credentials belong to threads: call this before the process has a second one.
///
/// # Errors
///
/// Where the kernel refuses, or sudo's variables make no sense.
pub fn shed() -> Result<()> {
    if let (true, Some((uid, gid))) = (geteuid().is_root(), invoking_user()?) {
        become_user(uid, gid).map_err(|errno| {
            let uid = uid.as_raw();
            Error::environment(format!(
                "cannot go on as the user who called sudo ({uid}): {errno}"
            ))
        })?;
    }
    // Whatever is started from here on cannot gain privilege, not even through a set-user-ID program.
    set_no_new_privs(true)
        .map_err(|errno| Error::environment(format!("cannot set no_new_privs: {errno}")))
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
    Ok((uid != 0).then(|| (Uid::from_raw(uid), Gid::from_raw(gid))))
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
