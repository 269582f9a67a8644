//! Interfaces of the network namespace that this thread is in: made, connected, given addresses.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;

use crate::lab::netlink::{CREATE, Message, Netlink};

/// The address of an Ethernet card.
pub(super) type MacAddress = [u8; 6];

/// The numbers from rtnetlink(7) and `linux/if_link.h`.
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const NEW_NEIGHBOUR: u16 = 28;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;

/// `AF_INET`, `AF_INET6` (socket(2)).
const INTERNET: u8 = 2;
const INTERNET_6: u16 = 10;

/// `IFF_UP` (netdevice(7)).
const UP: u32 = 1;

/// `IN6_ADDR_GEN_MODE_NONE` (`linux/if_link.h`): the kernel makes up no address.
const NO_ADDRESS_OF_ITS_OWN: u8 = 1;

/// `NUD_PERMANENT` (linux/neighbour.h): an address that need not be asked for.
const PERMANENT: u16 = 0x80;

/// The loopback interface is the first of every network namespace.
const LOOPBACK: u32 = 1;

/// Brings up the loopback interface, which a new namespace starts with down; up, it gets its addresses too.
pub(in crate::lab) fn bring_loopback_up() -> io::Result<()> {
    bring_up(&Netlink::route()?, LOOPBACK)
}

/// One end of a pair of interfaces.
pub(super) struct End<'a> {
    pub(super) name: &'a str,
    /// The MAC address; `None` leaves it to the kernel, if it is of no interest.
    pub(super) mac: Option<MacAddress>,
}

/// Makes a veth pair: `here`, and `there` in another network namespace. What goes into the one comes out of the other.
pub(super) fn make_pair(
    here: &End<'_>,
    there: &End<'_>,
    elsewhere: BorrowedFd<'_>,
    mtu: u32,
) -> io::Result<()> {
    let describe = |message: Message, end: &End<'_>| {
        let message = message.text(IFLA_IFNAME, end.name).number(IFLA_MTU, mtu);
        match &end.mac {
            Some(mac) => message.attribute(IFLA_ADDRESS, mac),
            None => message,
        }
    };
    let namespace = elsewhere.as_raw_fd().cast_unsigned();
    let message = describe(Message::new(NEW_LINK, CREATE, &interface(0, 0)), here);
    let message = message.nest(IFLA_LINKINFO, |info| {
        info.text(IFLA_INFO_KIND, "veth")
            .nest(IFLA_INFO_DATA, |data| {
                data.nest(VETH_INFO_PEER, |peer| {
                    describe(peer.raw(&interface(0, 0)), there).number(IFLA_NET_NS_FD, namespace)
                })
            })
    });
    Netlink::route()?.request(message)
}

/// Makes a bridge of interfaces that are up: what comes in at one goes out at the others.
pub(super) fn make_bridge(name: &str, ports: [&str; 2]) -> io::Result<()> {
    let netlink = Netlink::route()?;
    let message = Message::new(NEW_LINK, CREATE, &interface(0, 0)).text(IFLA_IFNAME, name);
    netlink.request(message.nest(IFLA_LINKINFO, |info| {
        info.text(IFLA_INFO_KIND, "bridge")
            // From the first packet on: there is no second way that it would have to look for.
            .nest(IFLA_INFO_DATA, |data| data.number(IFLA_BR_FORWARD_DELAY, 0))
    }))?;
    let bridge = index_of(&netlink, name)?;
    for port in ports {
        let port = index_of(&netlink, port)?;
        let message = Message::new(NEW_LINK, 0, &interface(port, 0));
        netlink.request(message.number(IFLA_MASTER, bridge))?;
    }
    hush(&netlink, bridge)?;
    bring_up(&netlink, bridge)
}

/// Brings an interface up; it sends nothing by itself from then on.
pub(super) fn open(name: &str) -> io::Result<()> {
    let netlink = Netlink::route()?;
    let index = index_of(&netlink, name)?;
    hush(&netlink, index)?;
    bring_up(&netlink, index)
}

/// Gives an interface its address, in a network of this many bits.
pub(super) fn give_address(name: &str, address: Ipv4Addr, bits: u8) -> io::Result<()> {
    let netlink = Netlink::route()?;
    let index = index_of(&netlink, name)?.to_ne_bytes();
    // struct ifaddrmsg: family, bits of the network, flags, scope, interface.
    let fixed = [&[INTERNET, bits, 0, 0][..], &index].concat();
    let message = Message::new(NEW_ADDRESS, CREATE, &fixed)
        .attribute(IFA_LOCAL, &address.octets())
        .attribute(IFA_ADDRESS, &address.octets());
    netlink.request(message)
}

/// Tells an interface the addresses at the other end, so that no packet waits for address resolution.
pub(super) fn introduce(name: &str, address: Ipv4Addr, mac: MacAddress) -> io::Result<()> {
    let netlink = Netlink::route()?;
    let index = index_of(&netlink, name)?.to_ne_bytes();
    // struct ndmsg: family and padding, interface, state, flags, type.
    let state = PERMANENT.to_ne_bytes();
    let fixed = [&[INTERNET, 0, 0, 0][..], &index, &state, &[0, 0]].concat();
    let message = Message::new(NEW_NEIGHBOUR, CREATE, &fixed)
        .attribute(NDA_DST, &address.octets())
        .attribute(NDA_LLADDR, &mac);
    netlink.request(message)
}

pub(super) fn index_of(netlink: &Netlink, name: &str) -> io::Result<u32> {
    Ok(name_to_index(netlink, name)?)
}

/// Keeps IPv6 from giving an interface an address, and from asking around for routers and namesakes.
fn hush(netlink: &Netlink, index: u32) -> io::Result<()> {
    let message = Message::new(NEW_LINK, 0, &interface(index, 0)).nest(IFLA_AF_SPEC, |families| {
        families.nest(INTERNET_6, |ipv6| {
            ipv6.attribute(IFLA_INET6_ADDR_GEN_MODE, &[NO_ADDRESS_OF_ITS_OWN])
        })
    });
    match netlink.request(message) {
        // A kernel without IPv6 says nothing anyway.
        Err(error) if error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error()) => Ok(()),
        outcome => outcome,
    }
}

fn bring_up(netlink: &Netlink, index: u32) -> io::Result<()> {
    netlink.request(Message::new(NEW_LINK, 0, &interface(index, UP)))
}

/// struct ifinfomsg: family and padding, type, index, flags, which of the flags are meant.
fn interface(index: u32, flags: u32) -> Vec<u8> {
    let [index, flags] = [index, flags].map(u32::to_ne_bytes);
    [[0; 4], index, flags, flags].concat()
}
