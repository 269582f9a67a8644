//! All live contact with the operating system: processes, browser, netcat, packet capture, privilege.
//!
//! A [`Lab`] is the place that one scenario is played in: an interface to capture on, an address for the program, a
//! private folder, the environment that its processes get. It is a value, not a global, so that several can stand side
//! by side.

pub mod browser;
pub mod client;
pub mod listening;
pub mod netcat;
pub mod privilege;
pub mod process;
pub mod sniffer;
pub mod tools;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use self::privilege::Account;
use self::process::{Command, Groups, Process};
use self::sniffer::Sniffer;
use self::tools::Tools;
use crate::error::{Error, Result};

/// The variables of the user's environment that programs and clients get to see; all others may hold secrets.
const PASSED_ON: [&str; 2] = ["PATH", "TZ"];

/// A place to play one scenario in.
#[derive(Debug)]
pub struct Lab {
    interface: &'static str,
    address: IpAddr,
    folder: TempDir,
    tools: Tools,
    account: Account,
    groups: Groups,
}

impl Lab {
    /// A lab on the host's own loopback interface.
    ///
    /// The address is 127.0.0.1 and never `localhost`, which may be `::1`, where every packet is 20 bytes longer.
    ///
    /// # Errors
    ///
    /// Where no private folder can be made.
    pub fn on_loopback(tools: &Tools, account: &Account) -> Result<Self> {
        Ok(Self {
            interface: "lo",
            address: Ipv4Addr::LOCALHOST.into(),
            folder: private_folder(tools, account)?,
            tools: tools.clone(),
            account: account.clone(),
            groups: Groups::default(),
        })
    }

    /// The interface that the traffic crosses.
    #[must_use]
    pub fn interface(&self) -> &str {
        self.interface
    }

    /// What was found on this machine.
    #[must_use]
    pub const fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The address of a program that listens on `port`.
    #[must_use]
    pub const fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// The folder that processes of this lab may write to; it goes when the lab goes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the program under study and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// Where the port is taken, the program cannot be started, ends, or does not listen in time.
    pub async fn start_program(&self, name: &str, executable: &Path, port: u16) -> Result<Process> {
        let address = self.address(port);
        listening::require_free(address)?;
        let command = self
            .command(name, executable)
            .arguments(["--host".into(), address.ip().to_string().into()])
            .arguments(["--port".into(), port.to_string().into()]);
        let program = Process::start(&command)?;
        listening::wait_until_accepting(&program, address).await?;
        Ok(program)
    }

    /// Opens the capture of everything to and from `port`; it is live when this returns.
    ///
    /// # Errors
    ///
    /// Where the system does not let us capture, or `savefile` cannot be written.
    pub fn start_sniffer(&self, port: u16, savefile: &Path) -> Result<Sniffer> {
        Sniffer::start(self.interface, self.address(port), savefile)
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

/// A folder that only we can read, where the browser can see it.
fn private_folder(tools: &Tools, account: &Account) -> Result<TempDir> {
    let parent = if tools.firefox_is_snap() {
        // A snap has a /tmp of its own; its folder in the home is where it and we meet.
        snap_folder(account)?
    } else {
        std::env::temp_dir()
    };
    tempfile::Builder::new()
        .prefix("wiresnap-")
        .tempdir_in(&parent)
        .map_err(|error| {
            let parent = parent.display();
            Error::environment(format!("cannot make a folder in {parent}: {error}"))
                .with_hint("make room there, or name another place with TMPDIR")
        })
}

fn snap_folder(account: &Account) -> Result<PathBuf> {
    let home = account.home.as_deref().unwrap_or(Path::new("/"));
    let folder = home.join("snap/firefox/common");
    std::fs::create_dir_all(&folder).map_err(|error| {
        Error::environment(format!("cannot make {}: {error}", folder.display()))
            .with_hint("Firefox is a snap here, which shares only this folder; Mozilla's own package has no such limit")
    })?;
    Ok(folder)
}
