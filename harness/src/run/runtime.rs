//! The async runtime of a process that is to have one thread.

use std::io;
use std::os::unix::net::UnixStream;

use rustix::process::{Resource, getrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// The fewest open files that a run gets along with: its own, and for each scenario a capture, a line and the ends of
/// processes.
const LEAST_DESCRIPTORS: u64 = 64;

/// Returns a runtime that has no thread but ours.
///
/// # Errors
///
/// Returns an error if too few files can be opened, or the system refuses.
pub fn one_thread() -> Result<Runtime> {
    require_descriptors()?;
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::environment(format!("cannot start the async runtime: {error}")))
}

/// Makes sure that files can be opened: without, the runtime would not even say why it cannot be made, and programs would be
/// blamed for what this process lacks.
fn require_descriptors() -> Result<()> {
    let few = |what: String| {
        Error::environment(what)
            .with_hint("`ulimit -n 1024` allows more, in the shell that starts wiresnap")
    };
    let limit = getrlimit(Resource::Nofile).current;
    if let Some(limit) = limit.filter(|limit| *limit < LEAST_DESCRIPTORS) {
        return Err(few(format!(
            "this process may have only {limit} files open, it takes {LEAST_DESCRIPTORS}"
        )));
    }
    let pairs: io::Result<Vec<_>> = (0..4).map(|_| UnixStream::pair()).collect();
    let _enough = pairs.map_err(|error| few(format!("cannot open any more files: {error}")))?;
    Ok(())
}
