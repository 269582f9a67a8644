//! Runs of a program that may take so much memory and so much time, and what they took.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// What a run may take. The system ends it when it takes more.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Address space, in bytes.
    pub address_space: u64,
    /// Memory that it writes to, in bytes: heap and anonymous mappings.
    pub data: u64,
    /// Time on a processor.
    pub seconds: u64,
}

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub status: ExitStatus,
    /// Resident memory at its highest, in bytes.
    pub peak: u64,
    pub wall: Duration,
    /// On processors, threads added up.
    pub processor: Duration,
}

/// Runs a program in a folder; what it says goes to the two files there, `out` and `err`, or nowhere.
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

/// Where a run says what it has to say.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    None,
    Files,
}
