//! A browser elsewhere: the options that it takes, and the scenarios that can be played with it.

use std::net::IpAddr;

use crate::error::{Error, Result};
use crate::lab::network::{MeetingPoint, Network};
use crate::lab::remote::{Endpoint, Remote};
use crate::scenario::{ClientKind, Scenario};

/// The choice of a browser elsewhere.
#[derive(Clone, Debug)]
pub struct RemoteChoice {
    /// The URL of its WebDriver endpoint.
    pub endpoint: String,
    /// The address of this machine that the browser opens.
    pub address: Option<IpAddr>,
    /// The interface to capture on.
    pub interface: Option<String>,
}

/// Returns the browser elsewhere that was chosen.
///
/// # Errors
///
/// Returns an error if the choice says too little, or something that does not go with a browser elsewhere.
pub(super) fn remote(
    choice: RemoteChoice,
    network: Option<Network>,
    scenarios: &[Scenario],
) -> Result<Remote> {
    let endpoint = Endpoint::parse(&choice.endpoint)?;
    if network == Some(Network::Private) {
        return Err(Error::usage("nobody elsewhere reaches a private network")
            .with_hint("leave out `--network private`: with --webdriver it is the host's"));
    }
    require_playable(scenarios)?;
    let (Some(address), Some(interface)) = (choice.address, choice.interface) else {
        return Err(Error::usage(
            "--webdriver needs --advertise, the address that the browser opens, and --interface, to capture on",
        )
        .with_hint(suggestion(&endpoint)));
    };
    Ok(Remote {
        endpoint,
        meeting_point: MeetingPoint { interface, address },
    })
}

/// Suggests values of the two options: the address by which this machine reaches the endpoint, and its interface.
fn suggestion(endpoint: &Endpoint) -> String {
    let way = endpoint.way().ok();
    match way.and_then(|way| MeetingPoint::at(way.here)) {
        Some(MeetingPoint { interface, address }) => format!(
            "this machine reaches {} by `--advertise {address} --interface {interface}`",
            endpoint.url()
        ),
        None => "`ip address` lists this machine's addresses and their interfaces".to_owned(),
    }
}

/// Requires that the scenarios can be played: a browser elsewhere plays what a browser plays, on a network that it is
/// on.
fn require_playable(scenarios: &[Scenario]) -> Result<()> {
    let is_playable = |scenario: &&Scenario| {
        let is_browser = scenario.has_client(ClientKind::Firefox);
        is_browser && scenario.clients.len() == 1 && scenario.link.is_none()
    };
    let Some(other) = scenarios.iter().find(|scenario| !is_playable(scenario)) else {
        return Ok(());
    };
    let name = &other.name;
    let clients = other.clients_in_words();
    let error = Error::usage(if other.clients.len() > 1 {
        format!("{name} is played with {clients}, and elsewhere is one browser")
    } else if other.has_client(ClientKind::Firefox) {
        format!("{name} is played on a link of this machine, where no other is")
    } else {
        format!("{name} is played with {clients}, not with a browser")
    });
    let playable: Vec<&str> = scenarios
        .iter()
        .filter(is_playable)
        .map(|scenario| &*scenario.name)
        .collect();
    Err(if playable.is_empty() {
        error.with_hint("leave out --webdriver")
    } else {
        error.with_hint(format!("name those for a browser: {}", playable.join(" ")))
    })
}
