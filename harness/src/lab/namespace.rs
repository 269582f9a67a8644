//! A world of one's own for one scenario: namespaces for users, network, processes and mounts.
//!
//! Inside, every port is free, nothing else is on the wire, and nothing can leave. When the first process of the
//! process namespace ends, for whatever reason, the kernel ends all the others; no guard can be as sure. None of it
//! needs root: a user namespace gives an ordinary user the capabilities over what lies inside, and nothing outside.
//!
//! Two processes take part. The *keeper* calls `enter` and stays, so that somebody outside of the process namespace
//! sees it end. What it starts next is the first process inside, the *player*, which calls [`settle`]. Both have one
//! thread at that time: the kernel moves no other.

use std::fs;
use std::io;
use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{DumpableBehavior, getegid, geteuid, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, UnshareFlags};

use super::link;
use crate::error::{Error, Result};
use crate::machine::privilege;

/// The parent of the lab's own folder: in memory that is gone when the lab is, whichever process is killed.
///
/// It is the one place that every Linux system has and that nobody keeps a project in.
pub const FOLDER: &str = "/dev/shm";

/// The least port that takes no privilege to listen on (ip-sysctl).
const LEAST_PORT: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// The capabilities that the player needs inside: to mount its `/proc`, and to open the capture.
pub(super) const NEEDED_INSIDE: CapabilitySet =
    CapabilitySet::SYS_ADMIN.union(CapabilitySet::NET_RAW);

/// The capability that a link to a second network takes besides.
pub(super) const NEEDED_FOR_LINK: CapabilitySet = CapabilitySet::NET_ADMIN;

/// The capabilities that it takes to make namespaces without a user namespace, as under sudo.
const NEEDED_OUTSIDE: CapabilitySet = CapabilitySet::SYS_ADMIN.union(CapabilitySet::NET_ADMIN);

/// Leaves the network, the processes and the mounts of the machine for new ones, and brings up the new loopback.
///
/// # Errors
///
/// Returns an error that names the step that the system refuses.
pub(super) fn enter() -> Result<()> {
    if !privilege::has(NEEDED_OUTSIDE) {
        enter_user_namespace()?;
    }
    let flags = UnshareFlags::NEWNET | UnshareFlags::NEWPID | UnshareFlags::NEWNS;
    unshare(flags).map_err(refused("make a network of its own"))?;
    // What is mounted from here on stays inside.
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(io::Error::from)
    .map_err(refused("make mounts private"))?;
    mount(
        "tmpfs",
        FOLDER,
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        c"mode=1777",
    )
    .map_err(io::Error::from)
    .map_err(refused("mount a temporary file system"))?;
    allow_all_ports();
    link::bring_loopback_up().map_err(refused("bring up the loopback interface"))
}

/// Allows every process in this network to listen on ports below 1024 too: there are no others to be protected.
fn allow_all_ports() {
    // Where /proc/sys cannot be written to, as in some containers, a program that wants such a port says so itself.
    let _ = fs::write(LEAST_PORT, "0");
}

/// Makes `/proc` tell of the new process namespace, which the caller is the first process of.
///
/// # Errors
///
/// Returns an error if the system refuses.
pub fn settle() -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None)
        .map_err(io::Error::from)
        .map_err(refused("mount /proc"))
}

/// Enters a user namespace, in which a user may do what else takes root; all users stay who they are.
pub(super) fn enter_user_namespace() -> Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    // The maps of a process that nobody may look into are root's to write.
    let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
    unshare(UnshareFlags::NEWUSER).map_err(refused("make a user namespace"))?;
    let map = |file: &str, line: String| {
        fs::write(Path::new("/proc/self").join(file), line)
            .map_err(refused("map the user into a user namespace"))
    };
    // user_namespaces(7): a group map of one's own is taken only where groups cannot be dropped.
    map("setgroups", "deny".to_owned())?;
    map("uid_map", format!("{user} {user} 1"))?;
    map("gid_map", format!("{group} {group} 1"))?;
    privilege::forbid_inspection()
}

pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "what is unsafe about it are separate file descriptors per thread, which are not asked for"
    )]
    rustix::thread::unshare(flags).map_err(io::Error::from)
}

pub(super) fn refused(step: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::environment(format!("the system does not let us {step}: {error}"))
}
