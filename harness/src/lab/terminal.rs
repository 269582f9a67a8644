//! Clients as a person uses them on a terminal: started, typed into, ended with Ctrl-C. Netcat is one, any command
//! another.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::process::{Command, Pipes, Process};
use super::{Lab, Place};
use crate::error::{Error, Result};
use crate::machine::tools::command_path;
use crate::scenario::LineEnd;
use crate::scenario::program::CommandLine;
use crate::text::Shown as _;

/// The number of printed bytes that are looked at; a scenario's answers are far shorter.
const KEPT_BYTES: usize = 1 << 20;

/// The longest time that a command which ends by itself may take, if the mark does not say.
const RUN_PATIENCE: Duration = Duration::from_secs(30);

/// The output of the commands of a client, one after the other.
#[derive(Clone, Debug, Default)]
struct Transcript(Arc<Mutex<Vec<u8>>>);

impl Transcript {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Keeps what comes until the pipe ends.
    async fn collect(self, mut stdout: ChildStdout) {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = stdout.read(&mut piece).await {
            let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let room = KEPT_BYTES - bytes.len().min(KEPT_BYTES);
            bytes.extend_from_slice(&piece[..length.min(room)]);
        }
    }
}

/// A terminal, on which at most one command stays open.
#[derive(Debug)]
pub struct Terminal {
    /// The line end that Enter stands for.
    line_end: LineEnd,
    transcript: Transcript,
    running: Option<Running>,
    /// The name of the command that was started last.
    name: String,
}

#[derive(Debug)]
struct Running {
    process: Process,
    stdin: ChildStdin,
    collector: JoinHandle<()>,
}

impl Terminal {
    /// Returns a terminal on which nothing runs yet.
    #[must_use]
    pub fn new(line_end: LineEnd) -> Self {
        Self {
            line_end,
            transcript: Transcript::default(),
            running: None,
            name: String::new(),
        }
    }

    /// Starts netcat, which connects to the program at once.
    ///
    /// # Errors
    ///
    /// Returns an error if netcat is missing or cannot be started.
    pub fn connect(&mut self, lab: &Lab, place: &Place) -> Result<()> {
        let netcat = lab.tools().netcat()?;
        let address = place.setting.address;
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        // No option at all: the variants of netcat agree on nothing else.
        let command = lab
            .command("nc", netcat)
            .advice(format!(
                "try it by hand, with the program running: `{} {ip} {port}`",
                netcat.shown(),
            ))
            .arguments([ip.into(), port.into()]);
        "nc".clone_into(&mut self.name);
        self.running = Some(self.start(lab, command)?);
        Ok(())
    }

    /// Starts a command that goes on until it is closed.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be started.
    pub fn open(&mut self, lab: &Lab, place: &Place, command: &CommandLine) -> Result<()> {
        command.name().clone_into(&mut self.name);
        self.running = Some(self.start(lab, client_command(lab, place, command)?)?);
        Ok(())
    }

    /// Starts a command, gives it its input, and waits until it ends.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be started, takes too long, or says that it failed.
    pub async fn execute(
        &mut self,
        lab: &Lab,
        place: &Place,
        command: &CommandLine,
        input: &[String],
        within: Option<Duration>,
    ) -> Result<()> {
        command.name().clone_into(&mut self.name);
        let Running {
            process,
            mut stdin,
            collector,
        } = self.start(lab, client_command(lab, place, command)?)?;
        let typed: String = input
            .iter()
            .flat_map(|line| [line, self.line_end.text()])
            .collect();
        // One that ends before it has read everything may have read enough: its exit code tells.
        let _ = stdin.write_all(typed.as_bytes()).await;
        drop(stdin);
        let patience = within.unwrap_or(RUN_PATIENCE);
        let Ok(success) = timeout(patience, process.success()).await else {
            let seconds = patience.as_secs_f64();
            let error = process.failing(&format!("did not end within {seconds} s"));
            return Err(error
                .add_to_hint("where it only takes longer, give the mark time: `within = 60`")
                .as_cause());
        };
        success?;
        // All that it has printed is in the pipe; what it has started may keep that open.
        let _ = timeout(RUN_PATIENCE, collector).await;
        process.stop(Signal::TERM).await;
        Ok(())
    }

    /// Types a line and Enter.
    ///
    /// # Errors
    ///
    /// Returns an error if no command is running, or it does not take the line.
    pub async fn send(&mut self, line: &str) -> Result<()> {
        let Some(running) = &mut self.running else {
            return Err(Error::run(
                "nothing is open that a line could be typed into",
            ));
        };
        let typed = format!("{line}{}", self.line_end.text());
        let written = running.stdin.write_all(typed.as_bytes()).await;
        let name = running.process.name();
        written.map_err(|error| Error::run(format!("{name} takes no more input: {error}")))
    }

    /// Returns the name that messages give to the command started last.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the output so far.
    #[must_use]
    pub fn shown(&self) -> String {
        self.transcript.text()
    }

    /// Returns true if a command is running.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Waits for the command to end by itself, which it should not; `None` if no command is running.
    pub fn death(&self) -> Option<impl Future<Output = Error> + Send + use<>> {
        self.running.as_ref().map(|running| running.process.death())
    }

    /// Ends what is running with Ctrl-C; when this returns it is gone.
    pub async fn close(self) {
        if let Some(Running { process, .. }) = self.running {
            process.stop(Signal::INT).await;
        }
    }

    fn start(&self, lab: &Lab, command: Command) -> Result<Running> {
        let (process, Pipes { stdin, stdout }) = lab.start_client_with_pipes(command)?;
        let collector = tokio::spawn(self.transcript.clone().collect(stdout));
        Ok(Running {
            process,
            stdin,
            collector,
        })
    }
}

/// Returns a command of the scenario's, in the project's folder.
fn client_command(lab: &Lab, place: &Place, command: &CommandLine) -> Result<Command> {
    let arguments = place.setting.fill_in(&command.arguments);
    let executable = command_path(&command.executable, &place.root)?;
    let described = lab
        .command(command.name(), &executable)
        .folder(&place.root)
        .advice(format!(
            "try it by hand, with the program running: `{} {}`",
            command.executable,
            arguments.join(" ")
        ))
        .arguments(arguments.into_iter().map(Into::into));
    Ok(described)
}
