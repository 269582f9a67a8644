//! Keeps file descriptors from processes other than their owner.
//!
//! The descriptors that we open ourselves close on exec, as Rust's standard library opens them. Two kinds do not: those
//! that the process which started us left open, and those that a C library opens.

use std::os::fd::AsFd;

use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// The descriptors below this one are standard input, output and error.
const FIRST_BEYOND_STANDARD: i32 = 3;

/// The number of descriptors that a capture takes: a browser has a hundred open, and this process some for each
/// scenario.
const NEEDED: u64 = 256;

/// The advice to a user who has too few.
pub const MORE: &str =
    "allow more open files: `ulimit -n 1024`; `ulimit -Hn` tells how many the system allows";

/// Allows this process, and what it starts, to have as many descriptors open as a capture takes, if the system lets it.
pub fn allow_enough() {
    let limit = getrlimit(Resource::Nofile);
    let enough = |most: Option<u64>| most.is_none_or(|most| most >= NEEDED);
    if !enough(limit.current) && enough(limit.maximum) {
        let current = Some(NEEDED);
        // Where that is refused, whatever needs more says so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    }
}

/// Adds a remedy to the error if too many descriptors are open.
#[must_use]
pub fn with_cure(error: Error, cause: &std::io::Error) -> Error {
    let too_many = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    match cause.raw_os_error() {
        Some(number) if too_many.contains(&number) => error.or_hint(MORE),
        _ => error,
    }
}

/// Closes all descriptors beyond standard error that were left open by the process which started this one: a shell, a
/// build tool.
///
/// Call this before this process opens anything: what it closes is nobody's here.
///
/// # Errors
///
/// Returns an error if the system does not tell which there are.
pub fn close_inherited() -> Result<()> {
    for descriptor in inherited()
        .map_err(|error| Error::environment(format!("cannot list the open descriptors: {error}")))?
    {
        // The one that the list was read by is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

fn inherited() -> std::io::Result<Vec<i32>> {
    let mut descriptors = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let number: Option<i32> = name.to_str().and_then(|name| name.parse().ok());
        descriptors.extend(number.filter(|number| *number >= FIRST_BEYOND_STANDARD));
    }
    Ok(descriptors)
}

/// Keeps a descriptor from the programs that are started from now on.
///
/// # Errors
///
/// Returns the system's error if it refuses.
pub fn keep_from_programs(descriptor: impl AsFd) -> rustix::io::Result<()> {
    fcntl_setfd(descriptor, FdFlags::CLOEXEC)
}
