//! What `capture` begins with and `doctor` is about: whether this machine has what a capture needs.

use tokio::runtime::Runtime;

use super::interrupts::Signals;
use crate::error::{Error, Result};
use crate::lab::doctor::{self, Examination, Intent, Trials};
use crate::lab::network::{Ground, Network};
use crate::lab::privilege::{self, Account};
use crate::run::conductor::make_lab;
use crate::scenario::link::Link;

/// Looks at everything that the scenarios need.
///
/// A lab is made on the way: call this while that is still possible, in the main thread. The programs that are asked who
/// they are do not get what the lab got.
///
/// # Errors
///
/// Where the system does not let us look, or a signal ends it.
pub(super) fn examine(
    intent: &Intent<'_>,
    account: &Account,
    runtime: &Runtime,
    signals: &Signals,
) -> Result<Examination> {
    privilege::hand_on_to_labs()?;
    let trials = try_labs(intent, account);
    privilege::withhold()?;
    let mut signals = signals.clone();
    runtime.block_on(async {
        tokio::select! {
            examination = doctor::examine(intent, trials) => Ok(examination),
            // Whatever was asked and has not answered ends with this.
            Some(ended) = first(&mut signals) => Err(ended),
        }
    })
}

async fn first(signals: &mut Signals) -> Option<Error> {
    let signals = signals.wait_for(|signals| !signals.is_empty()).await.ok()?;
    signals.first().cloned()
}

fn try_labs(intent: &Intent<'_>, account: &Account) -> Trials {
    let private = try_lab(None, intent, account);
    let links = if private.is_ok() {
        intent.links()
    } else {
        Vec::new()
    };
    let links = links
        .into_iter()
        .map(|link| (link, try_lab(Some(link), intent, account)))
        .collect();
    Trials { private, links }
}

/// Makes a lab and lets go of it again: nothing else tells as surely whether one can be made.
fn try_lab(link: Option<Link>, intent: &Intent<'_>, account: &Account) -> Result<()> {
    let nothing = tempfile::tempfile()
        .map_err(|error| Error::environment(format!("cannot make a temporary file: {error}")))?;
    let network = Network::Private;
    let folder = network.folder(intent.tools, account)?;
    make_lab(Ground { network, link }, &folder, nothing).map(drop)
}
