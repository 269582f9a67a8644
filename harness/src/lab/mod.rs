//! All live contact with the operating system: processes, browser, netcat, packet capture, privilege.
//!
//! A [`Lab`] is the place that one scenario is played in: an interface to capture on, an address for the program, a
//! private folder, the environment that its processes get. It is a value, not a global, so that several can stand side
//! by side.

pub mod browser;
pub mod client;
mod copies;
pub mod doctor;
pub mod enclosure;
mod family;
pub mod init;
pub mod introduction;
pub mod keeper;
mod launcher;
pub mod link;
pub mod listening;
pub mod namespace;
mod netlink;
pub mod network;
mod paths;
pub mod probe;
pub mod process;
mod rehearsal;
pub mod remote;
pub mod sniffer;
pub mod terminal;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rustix::process::Pid;
use tokio::time::Instant;
use tracing::info;

use self::enclosure::Launchers;
use self::introduction::Answer;
use self::launcher::Launcher;
use self::listening::Tables;
use self::process::{Command, Groups, Pipes, Process, Service};
use self::remote::Visit;
use crate::error::Result;
use crate::machine::privilege::Account;
use crate::machine::tools::Tools;
use crate::scenario::program::{Executable, Program, Ready, Setting};
use crate::text::Shown as _;

/// The variables of the user's environment that programs and clients get to see; all others may hold secrets.
const PASSED_ON: [&str; 3] = ["PATH", "TZ", keeper::MARKER];

/// The interface that the traffic of a lab crosses, unless it has a link.
pub const INTERFACE: &str = "lo";

/// Returns the address of a program that listens on `port`.
///
/// It is 127.0.0.1 and never `localhost`, which may be `::1`, where every packet is 20 bytes longer.
#[must_use]
pub const fn address(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// The surroundings of a scenario while it is played.
#[derive(Clone, Debug)]
pub struct Place {
    /// The project's folder, as an absolute path.
    pub root: PathBuf,
    /// The values of the placeholders.
    pub setting: Setting,
}

/// A place to play one scenario in.
#[derive(Debug)]
pub struct Lab {
    folder: PathBuf,
    tools: Tools,
    account: Account,
    groups: Groups,
    /// The launchers of processes; `None` if processes are started directly, next to us.
    launchers: Option<Launchers>,
    /// The browser elsewhere; `None` if the browser is started here.
    visit: Option<Visit>,
}

impl Lab {
    /// Returns a lab whose processes may write to `folder` and work for `account`.
    #[must_use]
    pub fn new(folder: PathBuf, tools: Tools, account: Account) -> Self {
        Self {
            folder,
            tools,
            account,
            groups: Groups::default(),
            launchers: None,
            visit: None,
        }
    }

    /// Returns the same lab, with processes that these launchers start.
    #[must_use]
    pub fn with_launchers(mut self, launchers: Launchers) -> Self {
        self.launchers = Some(launchers);
        self
    }

    /// Returns the same lab, with a browser elsewhere.
    #[must_use]
    pub fn with_visit(mut self, visit: Option<Visit>) -> Self {
        self.visit = visit;
        self
    }

    /// Returns the browser elsewhere; `None` if the browser is started here.
    pub(super) const fn visit(&self) -> Option<&Visit> {
        self.visit.as_ref()
    }

    /// Returns the tools that were found on this machine.
    #[must_use]
    pub const fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Returns the folder that processes of this lab may write to; it goes when the lab goes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a program and waits until it is ready. The one under study must find its port free.
    ///
    /// # Errors
    ///
    /// Returns an error if the port is taken, the program cannot be started, ends, or is not ready in time.
    pub async fn start_program(
        &self,
        program: &Program,
        executable: &Path,
        place: &Place,
    ) -> Result<Process> {
        let server = place.setting.address;
        let listens_on = match program.ready {
            Ready::Listening | Ready::Answers { port: None, .. } => vec![server],
            // A helper may be there for the program alone.
            Ready::ListeningOn(port) => vec![address(port), SocketAddr::new(server.ip(), port)],
            Ready::Answers {
                port: Some(port), ..
            } => vec![SocketAddr::new(server.ip(), port)],
            Ready::Started | Ready::Says(_) => Vec::new(),
        };
        let tables = self.tables();
        for address in &listens_on {
            tables.require_free(*address)?;
        }
        let command = self
            .command_of(program, executable, place)
            .service(Service {
                tables: tables.clone(),
                listens_on: listens_on.clone(),
                before: family::ids(),
                is_daemon: program.is_daemon,
            });
        let within = program.within;
        let began = Instant::now();
        let deadline = Instant::now() + within;
        let mut process = match self.programs() {
            Some(programs) => programs.launch(command)?,
            None => Process::start(&command)?,
        };
        match &program.ready {
            Ready::Listening | Ready::ListeningOn(_) => {
                tables
                    .wait_until_accepting(&process, &listens_on, within)
                    .await?;
            }
            Ready::Answers { path, .. } => {
                tables
                    .wait_until_accepting(&process, &listens_on, within)
                    .await?;
                for address in &listens_on {
                    probe::wait_until_answering(&process, *address, path, deadline, within).await?;
                }
            }
            Ready::Says(text) => {
                let said = listening::wait_until_saying(&process, text, within).await;
                said.map_err(|error| match tables.is_listening(server) {
                    Ok(true) => error.with_hint(format!(
                        "it listens on {server}, though: leave `ready` out, or give a text that it prints"
                    )),
                    _ => error,
                })?;
            }
            Ready::Started => {}
        }
        if program.is_daemon {
            process.go_into_background(deadline).await?;
        }
        info!(program = program.name, sockets = ?listens_on, after = ?began.elapsed(), "is ready");
        Ok(process)
    }

    /// Returns the tables of listening sockets in the network of the programs.
    fn tables(&self) -> Tables {
        match self.programs() {
            Some(programs) => Tables::of(&programs.tables()),
            None => Tables::default(),
        }
    }

    fn programs(&self) -> Option<&Launcher> {
        Some(self.launchers.as_ref()?.programs())
    }

    fn clients(&self) -> Option<&Launcher> {
        Some(self.launchers.as_ref()?.clients())
    }

    /// Starts a client, or what drives it.
    pub(super) fn start_client(&self, command: Command) -> Result<Process> {
        match self.clients() {
            Some(clients) => clients.launch(command),
            None => Process::start(&command),
        }
    }

    /// Starts a client that is talked to.
    pub(super) fn start_client_with_pipes(&self, command: Command) -> Result<(Process, Pipes)> {
        match self.clients() {
            Some(clients) => clients.launch_with_pipes(command),
            None => Process::start_with_pipes(&command),
        }
    }

    /// Asks a client's executable for its name and version.
    pub(super) async fn ask_client(&self, executable: &Path, argument: &'static str) -> Answer {
        let executable = executable.to_owned();
        let started = match self.clients() {
            Some(clients) => clients
                .run_in_runtime(move || introduction::start(&executable, argument))
                .unwrap_or_else(|error| Err(std::io::Error::other(error))),
            None => introduction::start(&executable, argument),
        };
        introduction::answer(started, introduction::PATIENCE).await
    }

    /// Returns the process that a client says it has started, by the number that it has for us; `None` if there is
    /// none.
    pub(super) fn seen_from_here(&self, process: Pid) -> Option<Pid> {
        match &self.launchers {
            Some(launchers) => launchers.seen_from_here(process),
            None => Some(process),
        }
    }

    fn command_of(&self, program: &Program, executable: &Path, place: &Place) -> Command {
        let arguments = place.setting.fill_in(&program.arguments);
        let environment = program.environment.iter();
        let environment =
            environment.map(|(name, value)| (name.into(), value.filled_in(place.setting).into()));
        let folder = match (&program.executable, &program.folder) {
            (_, Some(folder)) => place.root.join(folder),
            (Executable::Command(_), None) => place.root.clone(),
            (Executable::Built(_), None) => self.folder.clone(),
        };
        self.command(&program.name, executable)
            .folder(&folder)
            .environment(environment)
            .advice(format!(
                "start it by hand to see more: `{} {}`",
                executable.shown(),
                arguments.join(" ")
            ))
            .arguments(arguments.into_iter().map(OsString::from))
    }

    /// Ends whatever was started here and is still running; when this returns it is gone. A session with a browser elsewhere
    /// was started here, too.
    pub async fn end_processes(&self) {
        if let Some(visit) = &self.visit {
            visit.end().await;
        }
        self.groups.end().await;
    }

    /// Returns a command that runs in this lab: in its folder, with an environment that holds no secret.
    #[must_use]
    pub fn command(&self, name: &str, executable: &Path) -> Command {
        Command::new(name, executable)
            .folder(self.folder())
            .environment(self.environment())
            .in_groups(&self.groups)
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let home = match &self.account.home {
            // A snap sees its user's real home folder only.
            Some(home) if self.tools.browser.is_snap => home,
            _ => self.folder(),
        };
        let own = [
            ("HOME".into(), home.into()),
            ("TMPDIR".into(), self.folder().into()),
            // One language for every machine: it shows in what browsers send.
            ("LC_ALL".into(), "C.UTF-8".into()),
        ];
        let name = self.account.name.iter();
        let name = name.flat_map(|name| ["USER", "LOGNAME"].map(|key| (key.into(), name.into())));
        let passed_on = PASSED_ON
            .iter()
            .filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
        own.into_iter().chain(name).chain(passed_on).collect()
    }
}
