//! The first process of a lab's inner process namespace, in which programs, helpers and clients are.
//!
//! The player stays outside, so that none of them sees it: to them this process is number 1. It holds nothing and may do
//! nothing. It takes note of the end of orphans, and when it ends, for whatever reason, the kernel ends all others of the
//! namespace. Its standard input is a pipe from the player, whose end it follows.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{
    Signal, WaitOptions, set_child_subreaper, set_parent_process_death_signal, wait,
};
use rustix::thread::{CapabilitySet, UnshareFlags};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{SignalKind, signal};

use super::namespace::{self, refused, unshare};
use crate::error::{Error, Result};
use crate::machine::privilege;

/// An inner process namespace; it ends, with all that is in it, when this is dropped.
#[derive(Debug)]
pub(super) struct Init {
    /// The pipe that the process reads; the process ends when the pipe does.
    _lifeline: ChildStdin,
}

impl Init {
    /// Leaves this thread where it is, and has all that it starts from now on in a process namespace of their own, the first
    /// process of which is there when this returns. `/proc`, as this thread sees it, tells of that namespace then.
    ///
    /// # Errors
    ///
    /// Returns an error that names the step that the system refuses.
    pub(super) fn start(capture: &str) -> Result<Self> {
        unshare(UnshareFlags::NEWPID).map_err(refused("make a process namespace for programs"))?;
        privilege::pass_on(CapabilitySet::SYS_ADMIN)?;
        let mut process = Command::new("/proc/self/exe")
            .arg("init-lab")
            .args(["--capture", capture])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(refused("start a process in a namespace of its own"))?;
        let lifeline = process.stdin.take().ok_or_else(silent)?;
        await_readiness(&mut process)?;
        Ok(Self {
            _lifeline: lifeline,
        })
    }
}

/// Waits for the one line that the process says.
fn await_readiness(process: &mut Child) -> Result<()> {
    let stdout = process.stdout.take().ok_or_else(silent)?;
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .map_err(|_| silent())?;
    serde_json::from_str::<Result<()>>(&line).map_err(|_| silent())?
}

fn silent() -> Error {
    Error::environment("the first process of a process namespace ended at once")
}

/// Does the work of this process: settles, says so, and reaps orphans until the player is gone.
///
/// # Errors
///
/// Returns an error if it cannot settle, which is said as well, or there is nobody to say it to.
pub fn serve() -> Result<()> {
    let settled = settle();
    let line = serde_json::to_string(&settled).map_err(|_| silent())?;
    writeln!(std::io::stdout(), "{line}").map_err(|_| silent())?;
    settled?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(refused("watch over processes"))?;
    runtime.block_on(reap_until_alone())
}

fn settle() -> Result<()> {
    privilege::forbid_inspection()?;
    // Where the player is gone already, so is the other end of standard input.
    set_parent_process_death_signal(Some(Signal::KILL))
        .and_then(|()| set_child_subreaper(None))
        .map_err(|errno| refused("follow the end of the player")(errno.into()))?;
    namespace::settle()?;
    privilege::keep_only(CapabilitySet::empty())?;
    privilege::renounce()
}

/// Takes note of the end of orphans, which come to the first process of a namespace, until standard input ends.
async fn reap_until_alone() -> Result<()> {
    let mut child = signal(SignalKind::child()).map_err(refused("watch over processes"))?;
    let lifeline = std::io::stdin().as_fd().try_clone_to_owned();
    let mut lifeline = lifeline
        .and_then(Receiver::from_owned_fd)
        .map_err(refused("follow the end of the player"))?;
    let mut nothing = [0];
    loop {
        while matches!(wait(WaitOptions::NOHANG), Ok(Some(_))) {}
        tokio::select! {
            _ = child.recv() => {}
            // Nothing is ever said on it.
            _ = lifeline.read(&mut nothing) => return Ok(()),
        }
    }
}
