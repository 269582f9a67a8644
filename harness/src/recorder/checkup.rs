//! The check that `capture` begins with and that `doctor` shows: does this machine have what a capture needs?

use std::fs::File;

use tokio::runtime::Runtime;

use crate::error::{Error, Result};
use crate::lab::doctor::{self, Examination, Intent, Trials};
use crate::lab::network::{Ground, Network};
use crate::machine::privilege::{self, Account};
use crate::run::conductor::{Lab, make_lab};
use crate::run::interrupts::Signals;
use crate::scenario::link::Link;

/// Looks at everything that the scenarios need.
///
/// A lab is made on the way: call this while that is still possible, in the main thread. The programs that are asked who
/// they are do not get what the lab got.
///
/// # Errors
///
/// Where the system does not let us look, or a signal ends it.
pub fn examine(
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
    let enclosure = try_to_enclose(private.is_ok(), intent, account);
    Trials {
        private,
        links,
        enclosure,
    }
}

/// Makes a lab on the network that would be played on, and in it what programs are started in.
fn try_to_enclose(is_private: bool, intent: &Intent<'_>, account: &Account) -> Result<()> {
    let network = match intent.network {
        Some(network) => network,
        None if is_private => Network::Private,
        None => Network::Host,
    };
    lab_for_a_try(
        Ground {
            network,
            link: None,
        },
        intent,
        account,
    )?
    .try_enclosure()
}

/// Makes a lab and lets go of it again: nothing else tells as surely whether one can be made.
fn try_lab(link: Option<Link>, intent: &Intent<'_>, account: &Account) -> Result<()> {
    let network = Network::Private;
    lab_for_a_try(Ground { network, link }, intent, account).map(drop)
}

fn lab_for_a_try(ground: Ground, intent: &Intent<'_>, account: &Account) -> Result<Lab> {
    // Nothing will be captured: no folder has to have room for it.
    let nothing = File::open("/dev/null")
        .map_err(|error| Error::environment(format!("cannot open /dev/null: {error}")))?;
    let folder = ground.network.folder(intent.tools, account)?;
    make_lab(ground, &folder, nothing)
}
