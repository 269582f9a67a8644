//! A link: two machines in one, joined by an Ethernet cable.
//!
//! Two network namespaces, the server's and the client's, each with an `eth0`: the ends of a veth pair. Packets have real
//! MAC addresses and no more than 1500 bytes of IP, as on any Ethernet; see `offload.rs` for what that takes.
//!
//! Where the link has delay or loss, there is a third namespace between the two, the wire, with a bridge:
//!
//! ```text
//!  server            wire                     client
//!   eth0 ──── to-server  bridge  to-client ──── eth0
//! ```
//!
//! Packets are delayed and lost when they leave the wire. So what is captured at the server's `eth0` is what a capture on a
//! real server holds: what it sent at the time that it sent it, even if it was lost then, and of what the client sent only
//! what arrived, at the time that it did.

mod impairment;
mod interface;
mod offload;

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use self::interface::{End, MacAddress};
use super::namespace::{refused, unshare};
use crate::error::{Error, Result};
use crate::scenario::link::Link as Properties;

pub(super) use self::interface::bring_loopback_up;

/// The interface of either machine, called as most servers call theirs.
pub const INTERFACE: &str = "eth0";

/// The server's address; both are of a range that no machine out there has (RFC 1918).
pub const ADDRESS: IpAddr = IpAddr::V4(SERVER.address);

/// The largest payload of an Ethernet frame, in bytes (RFC 894).
const MTU: u32 = 1500;

const NETWORK_BITS: u8 = 24;

/// The addresses of one of the two machines, the same from capture to capture.
///
/// The second bit of a MAC address says that no manufacturer gave it (IEEE 802, 8.4).
struct Machine {
    address: Ipv4Addr,
    mac: MacAddress,
}

const SERVER: Machine = Machine {
    address: Ipv4Addr::new(10, 0, 0, 1),
    mac: [0x02, 0, 0, 0, 0, 0x01],
};

const CLIENT: Machine = Machine {
    address: Ipv4Addr::new(10, 0, 0, 2),
    mac: [0x02, 0, 0, 0, 0, 0x02],
};

/// The ends of the wire, if there is one.
const TO_SERVER: &str = "to-server";
const TO_CLIENT: &str = "to-client";

/// A link that is up.
#[derive(Debug)]
pub struct Link {
    client: OwnedFd,
    /// The wire's network, kept open since no process is in it.
    _wire: Option<OwnedFd>,
}

impl Link {
    /// Makes a link from the network namespace that this process is in, which becomes the server's.
    ///
    /// # Errors
    ///
    /// Returns an error that names the step that the system refuses.
    pub fn make(properties: &Properties) -> Result<Self> {
        let server = current()?;
        let client = new_network()?;
        let wire = if properties.is_impaired() {
            let wire = new_network()?;
            lay_wire(&server, &client, properties)?;
            Some(wire)
        } else {
            interface::make_pair(&CLIENT.end(), &SERVER.end(), server.as_fd(), MTU)
                .map_err(no_veth)?;
            None
        };
        enter(&client)?;
        CLIENT.set_up(&SERVER)?;
        enter(&server)?;
        SERVER.set_up(&CLIENT)?;
        Ok(Self {
            client,
            _wire: wire,
        })
    }

    /// Moves this thread, and all that it starts from now on, to the client's side.
    ///
    /// # Errors
    ///
    /// Returns an error if the system refuses.
    pub fn cross(&self) -> Result<()> {
        enter(&self.client)
    }
}

/// Joins both machines through the namespace that this thread is in.
fn lay_wire(server: &OwnedFd, client: &OwnedFd, properties: &Properties) -> Result<()> {
    for (name, machine, network) in [(TO_SERVER, SERVER, server), (TO_CLIENT, CLIENT, client)] {
        let here = End { name, mac: None };
        interface::make_pair(&here, &machine.end(), network.as_fd(), MTU).map_err(no_veth)?;
        interface::open(name).map_err(refused("bring up an interface"))?;
        impairment::impair(name, properties).map_err(no_netem)?;
    }
    interface::make_bridge("bridge", [TO_SERVER, TO_CLIENT]).map_err(no_bridge)
}

impl Machine {
    const fn end(&self) -> End<'static> {
        End {
            name: INTERFACE,
            mac: Some(self.mac),
        }
    }

    /// Makes the machine whose namespace this thread is in ready to talk to the other.
    fn set_up(&self, other: &Self) -> Result<()> {
        offload::turn_off(INTERFACE).map_err(|error| {
            refused("have packets of a link captured as they are (ethtool)")(error).with_hint(
                "that takes Linux 5.8 or newer: leave out `network = \"link\"` on this machine",
            )
        })?;
        interface::give_address(INTERFACE, self.address, NETWORK_BITS)
            .and_then(|()| interface::open(INTERFACE))
            .and_then(|()| interface::introduce(INTERFACE, other.address, other.mac))
            .map_err(refused("set up an end of the link"))
    }
}

/// Leaves the network namespace for a new one.
fn new_network() -> Result<OwnedFd> {
    unshare(UnshareFlags::NEWNET).map_err(refused("make a second network for the client"))?;
    bring_loopback_up().map_err(refused("bring up the loopback interface"))?;
    current()
}

/// Returns the network namespace that this thread is in.
fn current() -> Result<OwnedFd> {
    File::open("/proc/thread-self/ns/net")
        .map(OwnedFd::from)
        .map_err(refused("hold a network namespace"))
}

fn enter(network: &OwnedFd) -> Result<()> {
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(io::Error::from)
        .map_err(refused("enter a network namespace"))
}

fn no_veth(error: io::Error) -> Error {
    lacking("a pair of interfaces", "veth", error)
}

fn no_bridge(error: io::Error) -> Error {
    lacking("a bridge", "bridge", error)
}

fn no_netem(error: io::Error) -> Error {
    lacking("delay and loss", "sch_netem", error)
}

/// Returns the error for a step that the kernel refuses because it lacks the module for it, or for another reason.
fn lacking(what: &str, module: &str, error: io::Error) -> Error {
    let unknown = [Errno::OPNOTSUPP, Errno::NOENT].map(Errno::raw_os_error);
    if error
        .raw_os_error()
        .is_none_or(|number| !unknown.contains(&number))
    {
        return refused("set up a link")(error);
    }
    Error::environment(format!("this kernel has no module for {what} ({module})")).with_hint(
        format!("try `sudo modprobe {module}`; a distribution's own kernel has it, if need be in a package of further modules"),
    )
}
