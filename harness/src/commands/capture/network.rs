//! Which network the scenarios are played on: private ones, or the host's own.

use crate::cli::NetworkChoice;
use crate::commands::say;
use crate::error::{Error, Result};
use crate::lab::network::Network;
use crate::lab::privilege::{self, Account};
use crate::lab::tools::Tools;
use crate::run::conductor::make_lab;

/// Chooses what the user wants, as far as the system allows it.
///
/// # Errors
///
/// Where it allows neither; says why, and how to mend it.
pub(super) fn choose(choice: NetworkChoice, tools: &Tools, account: &Account) -> Result<Network> {
    if choice == NetworkChoice::Host {
        require_privilege()?;
        return Ok(Network::Host);
    }
    let refused = match try_private(tools, account) {
        Ok(()) => return Ok(Network::Private),
        Err(refused) => refused,
    };
    if choice == NetworkChoice::Private || !privilege::can_capture() {
        return Err(refused.context("no private network"));
    }
    say(&format!(
        "note: playing on the host's network, one scenario after the other: {refused}"
    ));
    Ok(Network::Host)
}

/// Makes a lab and lets go of it again: nothing else tells as surely whether one can be made.
fn try_private(tools: &Tools, account: &Account) -> Result<()> {
    if tools.firefox_is_snap() {
        return Err(
            Error::environment("Firefox is a snap here, which does not start in a network of its own")
                .with_hint("install Mozilla's own package of Firefox, or use `sudo make capture`, which plays on the host's network"),
        );
    }
    let nothing = tempfile::tempfile()
        .map_err(|error| Error::environment(format!("cannot make a temporary file: {error}")))?;
    let folder = Network::Private.folder(tools, account)?;
    make_lab(Network::Private, &folder, nothing).map(drop)
}

fn require_privilege() -> Result<()> {
    if privilege::can_capture() {
        return Ok(());
    }
    Err(
        Error::environment("capturing on the host's network needs privilege, and there is none")
            .with_hint("run `sudo make capture`, or leave out `--network host`: private networks need no privilege"),
    )
}
