//! File descriptors that nobody but their owner is to have.
//!
//! What we open ourselves ends with an exec, as Rust's standard library opens it. Two kinds of descriptors do not: those that
//! whoever started us left open, and those that a C library opens.

use std::os::fd::AsFd;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::error::{Error, Result};

/// The descriptors below this one are standard input, output and error.
const FIRST_BEYOND_STANDARD: i32 = 3;

/// Closes all descriptors beyond standard error, which whoever started this process left open: a shell's, a build tool's.
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
pub(super) fn keep_from_programs(descriptor: impl AsFd) -> rustix::io::Result<()> {
    fcntl_setfd(descriptor, FdFlags::CLOEXEC)
}
