//! Which network a scenario is played on.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::namespace;
use super::privilege::Account;
use super::tools::Tools;
use crate::error::{Error, Result};

/// The network that program and client meet on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The loopback interface of a network namespace of its own, one for each scenario: nobody else is there.
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
    /// The folder in which a lab on this network makes its own.
    ///
    /// # Errors
    ///
    /// Where the folder that a snap shares with us cannot be made.
    pub fn folder(self, tools: &Tools, account: &Account) -> Result<PathBuf> {
        match self {
            Self::Private => Ok(PathBuf::from(namespace::FOLDER)),
            // A snap has a /tmp of its own; its folder in the home is where it and we meet.
            Self::Host if tools.browser.is_snap => snap_folder(tools, account),
            Self::Host => Ok(std::env::temp_dir()),
        }
    }
}

fn snap_folder(tools: &Tools, account: &Account) -> Result<PathBuf> {
    let home = account.home.clone().unwrap_or_else(|| PathBuf::from("/"));
    let kind = tools.browser.kind;
    let folder = home.join("snap").join(kind.word()).join("common");
    std::fs::create_dir_all(&folder).map_err(|error| {
        Error::environment(format!("cannot make {}: {error}", folder.display()))
            .with_hint(format!("{kind} is a snap here, which shares only this folder; another package has no such limit"))
    })?;
    Ok(folder)
}
