//! Threads that start processes in the thread's own surroundings: in a network, a process namespace, a view of the file
//! system.
//!
//! Entering any of these takes capabilities, and a player has none when it starts programs. But a thread keeps what it
//! is in, and hands it on to what it starts.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::process::Pid;
use rustix::thread::gettid;
use tokio::runtime::Handle;

use super::process::{Command, Pipes, Process};
use crate::error::{Error, Result};

type Task = Box<dyn FnOnce() + Send>;

/// A thread that starts processes; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Launcher {
    tasks: Sender<Task>,
    thread: Pid,
}

impl Launcher {
    /// Starts the thread, in the namespaces of the calling one.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no thread left.
    pub(super) fn start(name: &str) -> Result<Self> {
        let (tasks, incoming) = channel::<Task>();
        let (tell, thread) = channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // It is waited for, just below.
                let _ = tell.send(gettid());
                work(&incoming);
            })
            .map_err(|error| Error::environment(format!("cannot start a thread: {error}")))?;
        let thread = thread.recv().map_err(|_| gone())?;
        Ok(Self { tasks, thread })
    }

    /// Returns the id of the thread.
    pub(super) const fn thread(&self) -> Pid {
        self.thread
    }

    /// Returns the folder in which the kernel tells of the network that the thread is in.
    #[must_use]
    pub(super) fn tables(&self) -> PathBuf {
        let thread = self.thread.as_raw_nonzero();
        PathBuf::from(format!("/proc/self/task/{thread}/net"))
    }

    /// Does something in the thread, and waits for it.
    ///
    /// # Errors
    ///
    /// Returns an error if the thread is gone.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (tell, done) = channel();
        let task = move || {
            // It is waited for, just below.
            let _ = tell.send(work());
        };
        self.tasks.send(Box::new(task)).map_err(|_| gone())?;
        done.recv().map_err(|_| gone())
    }

    /// Does the same for what has to be done within the runtime of the calling thread, such as starting a process.
    ///
    /// # Errors
    ///
    /// Returns an error if the thread is gone.
    pub(super) fn run_in_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let runtime = Handle::current();
        self.run(move || {
            let _runtime = runtime.enter();
            work()
        })
    }

    /// Starts a process that reads nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot start it.
    pub(super) fn launch(&self, command: Command) -> Result<Process> {
        self.run_in_runtime(move || Process::start(&command))?
    }

    /// Starts a process, and hands out its standard input and output.
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot start it.
    pub(super) fn launch_with_pipes(&self, command: Command) -> Result<(Process, Pipes)> {
        self.run_in_runtime(move || Process::start_with_pipes(&command))?
    }
}

fn work(tasks: &Receiver<Task>) {
    while let Ok(task) = tasks.recv() {
        task();
    }
}

fn gone() -> Error {
    Error::run("the thread that starts processes is gone")
}
