//! The network that a scenario is played on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::sniffer::interfaces;
use super::{link, namespace};
use crate::error::{Error, Result};
use crate::machine::privilege::Account;
use crate::machine::tools::Tools;
use crate::scenario::Scenario;
use crate::scenario::link::Link;
use crate::text::Shown as _;

/// The network that program and client meet on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The loopback interface of a network namespace of its own, one for each scenario: no other process is there.
    Private,
    /// The loopback interface of the machine, which everybody shares.
    Host,
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Private => "private",
            Self::Host => "host",
        })
    }
}

impl Network {
    /// Returns the folder in which a lab on this network makes its own.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder that a snap shares with us cannot be made.
    pub fn folder(self, tools: &Tools, account: &Account) -> Result<PathBuf> {
        match self {
            Self::Private => Ok(PathBuf::from(namespace::FOLDER)),
            // A snap has a /tmp of its own; its folder in the home is where it and we meet.
            Self::Host if tools.browser.is_snap => snap_folder(tools, account),
            Self::Host => Ok(std::env::temp_dir()),
        }
    }
}

/// The network and the link that a lab is made of.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    /// The network that it is on.
    pub network: Network,
    /// The link that parts program and client, on a private network.
    pub link: Option<Link>,
}

/// The interface that shows the packets of a scenario, and the address that reaches its program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingPoint {
    /// The interface to capture on.
    pub interface: String,
    /// The address that the program listens on.
    pub address: IpAddr,
}

impl MeetingPoint {
    /// Returns where program and client of a scenario meet: at the ends of its link, or at an address of the loopback
    /// interface.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let (interface, address) = match (&scenario.link, scenario.host) {
            (Some(_), _) => (link::INTERFACE, link::ADDRESS),
            (None, Some(host)) => (super::INTERFACE, host),
            // Never `localhost`, which may be `::1`, where every packet is 20 bytes longer.
            (None, None) => (super::INTERFACE, IpAddr::V4(Ipv4Addr::LOCALHOST)),
        };
        Self {
            interface: interface.to_owned(),
            address,
        }
    }

    /// Returns where a program is met by others who reach it by this address of this machine; `None` if the address is
    /// not ours.
    #[must_use]
    pub fn at(address: IpAddr) -> Option<Self> {
        let holder = interfaces()
            .into_iter()
            .find(|interface| interface.addresses.contains(&address))?;
        Some(Self {
            interface: holder.name,
            address,
        })
    }

    /// Returns the address of a program that listens there on `port`.
    #[must_use]
    pub const fn server(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }
}

fn snap_folder(tools: &Tools, account: &Account) -> Result<PathBuf> {
    let home = account.home.clone().unwrap_or_else(|| PathBuf::from("/"));
    let kind = tools.browser.kind;
    let folder = home.join("snap").join(kind.word()).join("common");
    std::fs::create_dir_all(&folder).map_err(|error| {
        Error::environment(format!("cannot make {}: {error}", folder.shown()))
            .with_hint(format!("{kind} is a snap here, which shares only this folder; another package has no such limit"))
    })?;
    Ok(folder)
}
