//! Netcat as a person uses it: started, typed into, ended with Ctrl-C.

use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};

use super::Lab;
use super::process::{Pipes, Process};
use crate::error::{Error, Result};

/// How much of netcat's output is looked at; a scenario's answers are far shorter.
const KEPT_BYTES: usize = 1 << 20;

/// A running netcat.
#[derive(Debug)]
pub struct Netcat {
    process: Process,
    stdin: ChildStdin,
    output: Arc<Mutex<Vec<u8>>>,
}

impl Netcat {
    /// Starts netcat, which connects to the program on `port` at once.
    ///
    /// # Errors
    ///
    /// Where netcat is missing or cannot be started.
    pub fn connect(lab: &Lab, port: u16) -> Result<Self> {
        let netcat = lab.tools().netcat()?;
        let address = super::address(port);
        // No option at all: the variants of netcat agree on nothing else.
        let command = lab
            .command("nc", netcat)
            .arguments([address.ip().to_string().into(), port.to_string().into()])
            .advice(format!(
                "try it by hand, with the program running: `{} {} {port}`",
                netcat.display(),
                address.ip()
            ));
        let (process, Pipes { stdin, stdout }) = Process::start_with_pipes(&command)?;
        let output = Arc::default();
        tokio::spawn(collect(stdout, Arc::clone(&output)));
        Ok(Self {
            process,
            stdin,
            output,
        })
    }

    /// Types a line and Enter.
    ///
    /// # Errors
    ///
    /// Where netcat does not take it.
    pub async fn send(&mut self, line: &str) -> Result<()> {
        let typed = format!("{line}\n");
        self.stdin
            .write_all(typed.as_bytes())
            .await
            .map_err(|error| Error::run(format!("nc takes no more input: {error}")))
    }

    /// What netcat has printed so far.
    #[must_use]
    pub fn shown(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output).into_owned()
    }

    /// Waits for netcat to end by itself, which it should not.
    pub fn death(&self) -> impl Future<Output = Error> + Send + use<> {
        self.process.death()
    }

    /// Ends netcat with Ctrl-C; when this returns it is gone.
    pub async fn close(self) {
        self.process.stop(Signal::INT).await;
    }
}

async fn collect(mut stdout: ChildStdout, output: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = stdout.read(&mut piece).await {
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_BYTES - output.len().min(KEPT_BYTES);
        output.extend_from_slice(&piece[..length.min(room)]);
    }
}
