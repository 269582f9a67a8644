//! All live contact with the operating system: processes, browser, netcat, packet capture, privilege.
//!
//! A [`Lab`] is the place that one scenario is played in: an interface to capture on, an address for the program, a
//! private folder, the environment that its processes get. It is a value, not a global, so that several can stand side
//! by side.

pub mod browser;
pub mod client;
pub mod doctor;
pub mod introduction;
pub mod keeper;
mod link;
pub mod listening;
pub mod namespace;
pub mod netcat;
pub mod network;
pub mod privilege;
pub mod process;
pub mod sniffer;
pub mod tools;
mod warm_up;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use self::privilege::Account;
use self::process::{Command, Groups, Process};
use self::tools::Tools;
use crate::error::Result;

/// The variables of the user's environment that programs and clients get to see; all others may hold secrets.
const PASSED_ON: [&str; 3] = ["PATH", "TZ", keeper::MARKER];

/// The interface that the traffic of every lab crosses.
pub const INTERFACE: &str = "lo";

/// The address of a program that listens on `port`.
///
/// It is 127.0.0.1 and never `localhost`, which may be `::1`, where every packet is 20 bytes longer.
#[must_use]
pub const fn address(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// A place to play one scenario in.
#[derive(Debug)]
pub struct Lab {
    folder: PathBuf,
    tools: Tools,
    account: Account,
    groups: Groups,
}

impl Lab {
    /// A lab whose processes may write to `folder` and work for `account`.
    #[must_use]
    pub fn new(folder: PathBuf, tools: Tools, account: Account) -> Self {
        Self {
            folder,
            tools,
            account,
            groups: Groups::default(),
        }
    }

    /// What was found on this machine.
    #[must_use]
    pub const fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The folder that processes of this lab may write to; it goes when the lab goes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the program under study, with these arguments besides its address, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// Where the port is taken, the program cannot be started, ends, or does not listen in time.
    pub async fn start_program(
        &self,
        name: &str,
        executable: &Path,
        port: u16,
        arguments: &[String],
    ) -> Result<Process> {
        let address = address(port);
        listening::require_free(address)?;
        let (ip, port) = (address.ip().to_string(), port.to_string());
        let own = ["--host", &ip, "--port", &port].map(str::to_owned);
        let arguments = [&own, arguments].concat();
        let command = self
            .command(name, executable)
            .arguments(arguments.iter().map(OsString::from))
            .advice(format!(
                "start it by hand to see more: `{} {}`",
                executable.display(),
                arguments.join(" ")
            ));
        let program = Process::start(&command)?;
        listening::wait_until_accepting(&program, address).await?;
        Ok(program)
    }

    /// Ends whatever was started here and is still running; when this returns it is gone.
    pub async fn end_processes(&self) {
        self.groups.end().await;
    }

    /// A command that runs in this lab: in its folder, with an environment that holds no secret.
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
            Some(home) if self.tools.firefox_is_snap() => home,
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
