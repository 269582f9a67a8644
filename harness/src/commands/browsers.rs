//! Browsers other than Firefox: how they are asked for, and where their captures are.

use std::path::{Path, PathBuf};

use crate::cli::BrowserChoice;
use crate::lab::browser::Kind;
use crate::scenario::{ClientKind, Connections, Scenario};
use crate::trace::provenance::Provenance;

/// Returns the browser that was asked for.
pub(super) const fn kind(choice: BrowserChoice) -> Kind {
    match choice {
        BrowserChoice::Firefox => Kind::Firefox,
        BrowserChoice::Chromium => Kind::Chromium,
    }
}

/// Returns true if a scenario is played with the browser that was asked for. With Firefox all are: it leaves those
/// without a browser to their own clients.
pub(super) fn plays(browser: Kind, scenario: &Scenario) -> bool {
    browser == Kind::default() || scenario.has_client(ClientKind::Firefox)
}

/// Returns why a scenario cannot be played with a browser that was asked for; `None` if it can.
pub(super) fn obstacle(browser: Kind, scenario: &Scenario) -> Option<String> {
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
pub(super) fn folder(captures: &Path, browser: Kind) -> PathBuf {
    match browser.folder() {
        Some(folder) if !captures.ends_with(folder) => captures.join(folder),
        _ => captures.to_owned(),
    }
}

/// Returns the browser that a capture was made with, as far as its listing depends on it: captures without a browser
/// are kept with those of Firefox.
///
/// The capture's provenance names the browser. If there is no provenance, the folder does.
pub(super) fn of_capture(pcap: &Path) -> Kind {
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
