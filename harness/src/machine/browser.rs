//! The kinds of browsers that there are: their programs, the scenarios that they play, and where their captures are.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::scenario::{ClientKind, Connections, Scenario};
use crate::trace::provenance::Provenance;

/// A kind of browser that pages can be played with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Mozilla's, through geckodriver.
    #[default]
    Firefox,
    /// The one that Chrome is made of, through chromedriver.
    Chromium,
}

impl Kind {
    /// All browsers; the first one plays unless another is named.
    pub const ALL: [Self; 2] = [Self::Firefox, Self::Chromium];

    /// Returns its name as one word, as on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Firefox => "firefox",
            Self::Chromium => "chromium",
        }
    }

    /// Returns the name of the program that drives it.
    #[must_use]
    pub const fn driver(self) -> &'static str {
        match self {
            Self::Firefox => "geckodriver",
            Self::Chromium => "chromedriver",
        }
    }

    /// Returns the names that its executable may have, the likeliest first.
    #[must_use]
    pub const fn executables(self) -> &'static [&'static str] {
        match self {
            Self::Firefox => &["firefox-esr", "firefox"],
            Self::Chromium => &["chromium", "chromium-browser"],
        }
    }

    /// Returns the name of the folder, below that of the captures, for what is captured with it; `None` if its captures
    /// lie directly in that one.
    ///
    /// Their listings are kept in a folder of the same name.
    #[must_use]
    pub const fn folder(self) -> Option<&'static str> {
        match self {
            Self::Firefox => None,
            Self::Chromium => Some(self.word()),
        }
    }

    /// Returns true if the browser can be told to use one connection to a server.
    #[must_use]
    pub const fn can_use_one_connection(self) -> bool {
        matches!(self, Self::Firefox)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Firefox => "Firefox",
            Self::Chromium => "Chromium",
        })
    }
}

/// Returns true if a scenario is played with the browser that was asked for. With Firefox all are: it leaves those
/// without a browser to their own clients.
#[must_use]
pub fn plays(browser: Kind, scenario: &Scenario) -> bool {
    browser == Kind::default() || scenario.has_client(ClientKind::Firefox)
}

/// Returns why a scenario cannot be played with a browser that was asked for; `None` if it can.
#[must_use]
pub fn obstacle(browser: Kind, scenario: &Scenario) -> Option<String> {
    if !plays(browser, scenario) {
        let clients = scenario.clients_in_words();
        return Some(match scenario.clients.len() {
            1 => format!("its client is {clients}"),
            _ => format!("its clients are {clients}"),
        });
    }
    let mut clients = scenario.clients.iter();
    let cannot = clients.any(|client| client.connections == Connections::One)
        && !browser.can_use_one_connection();
    cannot
        .then(|| format!("it wants one connection, and {browser} cannot be told how many it opens"))
}

/// Returns the folder of a browser's captures, within the folder of all. A folder that is called after the browser is
/// already its own.
#[must_use]
pub fn folder(captures: &Path, browser: Kind) -> PathBuf {
    match browser.folder() {
        Some(folder) if !captures.ends_with(folder) => captures.join(folder),
        _ => captures.to_owned(),
    }
}

/// Returns the browser that a capture was made with, as far as its listing depends on it: captures without a browser
/// are kept with those of Firefox.
///
/// The capture's provenance names the browser. If there is no provenance, the folder does.
#[must_use]
pub fn of_capture(pcap: &Path) -> Kind {
    match Provenance::read_beside(pcap) {
        Ok(Some(known)) if known.versions.chromium.is_some() => Kind::Chromium,
        Ok(Some(_)) => Kind::Firefox,
        Ok(None) | Err(_) => of_folder(pcap.parent()),
    }
}

fn of_folder(folder: Option<&Path>) -> Kind {
    let name = folder.and_then(Path::file_name);
    let is_of = |kind: &Kind| name.is_some() && kind.folder().map(AsRef::as_ref) == name;
    Kind::ALL.into_iter().find(is_of).unwrap_or_default()
}
