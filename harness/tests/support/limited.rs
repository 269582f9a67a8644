//! Runs a program within limits of memory and time, and measures both.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// The limits of a run. The system ends it when it exceeds them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The address space, in bytes.
    pub address_space: u64,
    /// The memory that it writes to, in bytes: heap and anonymous mappings.
    pub data: u64,
    /// The processor time, in seconds.
    pub seconds: u64,
}

/// The measurements of a run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub status: ExitStatus,
    /// The peak resident memory, in bytes.
    pub peak: u64,
    pub wall: Duration,
    /// The processor time, of all threads together.
    pub processor: Duration,
}

/// Runs a program in a folder; its output goes to the two files there, `out` and `err`, or nowhere.
///
/// # Errors
///
/// Returns an error if it cannot be started.
pub fn run(
    program: &Path,
    arguments: &[OsString],
    folder: &Path,
    output: Output,
    limits: Limits,
) -> io::Result<Run> {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg("ulimit -v \"$1\"; ulimit -d \"$2\"; ulimit -t \"$3\"; shift 3; exec \"$@\"")
        .arg("limited")
        .arg((limits.address_space / 1024).to_string())
        .arg((limits.data / 1024).to_string())
        .arg(limits.seconds.to_string())
        .arg(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    match output {
        Output::None => command.stdout(Stdio::null()).stderr(Stdio::null()),
        Output::Files => command
            .stdout(File::create(folder.join("out"))?)
            .stderr(File::create(folder.join("err"))?),
    };
    let start = Instant::now();
    let used = command.spawn()?.wait4()?;
    Ok(Run {
        status: used.status,
        peak: used.rusage.maxrss,
        wall: start.elapsed(),
        processor: used.rusage.utime + used.rusage.stime,
    })
}

/// The place of a run's output.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    None,
    Files,
}
