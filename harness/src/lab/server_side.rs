//! The server's side of a link, for a process that is on the client's: a thread that stayed behind.
//!
//! To start something in another network takes a capability, and a player has none when it starts programs. But a thread
//! keeps the network that it is in, and hands it on to what it starts.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::thread::gettid;
use tokio::runtime::Handle;

use super::process::{Command, Process};
use crate::error::{Error, Result};

type Task = Box<dyn FnOnce() + Send>;

/// A thread on the server's side.
#[derive(Debug)]
pub struct ServerSide {
    tasks: Sender<Task>,
    tables: PathBuf,
}

impl ServerSide {
    /// Leaves a thread where this one is; the first thing that it does is `settle`.
    ///
    /// # Errors
    ///
    /// Where the system has no thread left, or `settle` fails.
    pub fn stay(settle: impl FnOnce() -> Result<()> + Send + 'static) -> Result<Self> {
        let (tasks, incoming) = channel::<Task>();
        let (tell, settled) = channel();
        std::thread::Builder::new()
            .name("server's side".to_owned())
            .spawn(move || {
                let is_settled = settle();
                // Who does not wait for it wants nothing done.
                let _ = tell.send(is_settled.map(|()| gettid()));
                work(&incoming);
            })
            .map_err(|error| Error::environment(format!("cannot start a thread: {error}")))?;
        let thread = settled.recv().map_err(|_| gone())??;
        let tables = format!("/proc/self/task/{}/net", thread.as_raw_nonzero());
        Ok(Self {
            tasks,
            tables: PathBuf::from(tables),
        })
    }

    /// Where the kernel tells of the network there.
    #[must_use]
    pub const fn tables(&self) -> &PathBuf {
        &self.tables
    }

    /// Starts a process there that reads nothing.
    ///
    /// # Errors
    ///
    /// Where the system cannot start it.
    pub fn start(&self, command: Command) -> Result<Process> {
        let runtime = Handle::current();
        let (tell, started) = channel();
        let task = move || {
            let _runtime = runtime.enter();
            // It is waited for, just below.
            let _ = tell.send(Process::start(&command));
        };
        self.tasks.send(Box::new(task)).map_err(|_| gone())?;
        started.recv().map_err(|_| gone())?
    }
}

fn work(tasks: &Receiver<Task>) {
    while let Ok(task) = tasks.recv() {
        task();
    }
}

fn gone() -> Error {
    Error::run("the thread on the server's side is gone")
}
