//! Finds the listening sockets in the kernel's tables.
//!
//! A probe connection would tell as much, but it would be served by the program, and its last packets could end up in
//! the capture.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::process::Process;
use crate::error::{Error, Result};
use crate::text::Shown as _;

/// The time that a program listening on its port at another address may take until it also listens at the expected one.
const ELSEWHERE_PATIENCE: Duration = Duration::from_secs(5);

/// The interval between looks: the kernel has no event for this.
const POLL: Duration = Duration::from_millis(10);

/// The state of a listening socket in /proc/net/tcp.
const LISTEN: &str = "0A";

/// The state of a socket in /proc/net/udp that takes datagrams from anybody.
const UNCONNECTED: &str = "07";

/// The tables of a network.
#[derive(Clone, Debug)]
pub struct Tables(PathBuf);

/// A socket that waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) address: SocketAddr,
    pub(super) is_udp: bool,
    /// The number by which a process's open files tell that it is theirs.
    pub(super) inode: u64,
}

impl Socket {
    /// Reads a row of a table.
    fn read(row: &str, is_udp: bool) -> Option<Self> {
        let mut columns = row.split_ascii_whitespace();
        let address = parse_address(columns.nth(1)?)?;
        let state = columns.nth(1)?;
        let inode = columns.nth(5).and_then(|inode| inode.parse().ok());
        let waits = state == if is_udp { UNCONNECTED } else { LISTEN };
        waits.then_some(Self {
            address,
            is_udp,
            inode: inode.unwrap_or_default(),
        })
    }

    /// Returns true if a TCP connection to `address` arrives here.
    pub(super) fn accepts(&self, address: SocketAddr) -> bool {
        let ip = self.address.ip();
        let is_any = match ip {
            IpAddr::V4(ip) => ip.is_unspecified() && address.is_ipv4(),
            IpAddr::V6(ip) => ip.is_unspecified(),
        };
        !self.is_udp
            && self.address.port() == address.port()
            && (is_any || ip.to_canonical() == address.ip())
    }
}

impl std::fmt::Display for Socket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            address, is_udp, ..
        } = self;
        write!(
            formatter,
            "{address}{}",
            if *is_udp { " (UDP)" } else { "" }
        )
    }
}

impl Default for Tables {
    /// Returns the tables of the network that this process is in.
    fn default() -> Self {
        Self(PathBuf::from("/proc/net"))
    }
}

impl Tables {
    /// Returns the tables in this folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Makes sure that no program listens on `address` yet.
    ///
    /// # Errors
    ///
    /// Returns an error if another program does.
    pub fn require_free(&self, address: SocketAddr) -> Result<()> {
        if self.is_listening(address)? {
            let port = address.port();
            return Err(
                Error::environment(format!("port {port} is taken: another program listens on it"))
                    .with_hint(format!("find it with `ss -ltnp 'sport = :{port}'` and stop it, or give the scenario another `port`")),
            );
        }
        Ok(())
    }

    /// Waits until connections to one of these addresses, the first of which is meant, are accepted by `program`.
    ///
    /// # Errors
    ///
    /// Returns an error if the program ends first, or takes longer than `within`.
    pub async fn wait_until_accepting(
        &self,
        program: &Process,
        addresses: &[SocketAddr],
        within: Duration,
    ) -> Result<()> {
        let deadline = Instant::now() + within;
        let mut elsewhere_since = None;
        while !self.is_listening_on_any(addresses)? {
            let now = Instant::now();
            if now >= deadline {
                return Err(self.not_listening(program, addresses[0], within));
            }
            // It has found its place, and it is the wrong one.
            if self.same_port_elsewhere(program, addresses[0]).is_some() {
                let since = *elsewhere_since.get_or_insert(now);
                if now - since >= ELSEWHERE_PATIENCE {
                    return Err(self.not_listening(program, addresses[0], ELSEWHERE_PATIENCE));
                }
            }
            tokio::select! {
                death = program.death() => return Err(death.context("before it listened")),
                () = sleep(POLL) => {}
            }
        }
        Ok(())
    }

    fn not_listening(&self, program: &Process, address: SocketAddr, within: Duration) -> Error {
        let seconds = within.as_secs_f64();
        let error = program.failing(&format!("does not listen on {address} after {seconds} s"));
        let own = program.own_sockets(&self.sockets().unwrap_or_default());
        match hint_of_place(&own, address) {
            Some(hint) => error.with_hint(hint),
            None => error
                .add_to_hint("where it only takes longer, give it time: `ready = { within = 60 }`"),
        }
    }

    /// Returns the program's socket at the port of `address`, but at another address.
    fn same_port_elsewhere(&self, program: &Process, address: SocketAddr) -> Option<Socket> {
        let sockets = self.sockets().ok()?;
        let at_port = |socket: &&Socket| !socket.is_udp && socket.address.port() == address.port();
        let at_port: Vec<Socket> = sockets.iter().filter(at_port).copied().collect();
        // Whose they are takes longer to find out, and is needed only if there are any.
        if at_port.is_empty() {
            return None;
        }
        program.own_sockets(&at_port).first().copied()
    }

    fn is_listening_on_any(&self, addresses: &[SocketAddr]) -> Result<bool> {
        let sockets = self.sockets()?;
        let is_served =
            |address: &SocketAddr| sockets.iter().any(|socket| socket.accepts(*address));
        Ok(addresses.iter().any(is_served))
    }

    /// Returns true if any socket listens where a connection to `address` would arrive.
    pub(super) fn is_listening(&self, address: SocketAddr) -> Result<bool> {
        self.is_listening_on_any(&[address])
    }

    /// Returns all sockets that wait for others.
    pub(super) fn sockets(&self) -> Result<Vec<Socket>> {
        let mut sockets = Vec::new();
        for (name, is_udp) in [
            ("tcp", false),
            ("tcp6", false),
            ("udp", true),
            ("udp6", true),
        ] {
            let path = self.0.join(name);
            match std::fs::read_to_string(&path) {
                Ok(table) => {
                    let rows = table.lines().skip(1);
                    sockets.extend(rows.filter_map(|row| Socket::read(row, is_udp)));
                }
                Err(error) if name == "tcp" => {
                    let path = path.shown();
                    return Err(Error::environment(format!("cannot read {path}: {error}")));
                }
                // A kernel without IPv6 has no second table.
                Err(_) => {}
            }
        }
        Ok(sockets)
    }
}

/// Returns a hint about a program that has these sockets, but accepts no connections to `address`.
fn hint_of_place(own: &[Socket], address: SocketAddr) -> Option<String> {
    let port = address.port();
    let at_port =
        |is_udp| move |socket: &&Socket| socket.is_udp == is_udp && socket.address.port() == port;
    if let Some(socket) = own.iter().find(at_port(false)) {
        let is_other_loopback = socket.address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST)
            && address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST);
        return Some(if is_other_loopback {
            format!(
                "it listens on {socket}: add `host = \"::1\"` to the scenario, or give it `{{host}}` to listen on"
            )
        } else {
            format!(
                "it listens on {socket}, which its client does not reach: give it `{{host}}` to listen on"
            )
        });
    }
    if own.iter().any(|socket| at_port(true)(&socket)) {
        return Some(format!(
            "it listens on UDP only at port {port}: wiresnap captures TCP, and UDP is not supported yet"
        ));
    }
    let other = own.iter().find(|socket| !socket.is_udp)?;
    let other_port = other.address.port();
    Some(format!(
        "it listens on {other}: give it `{{port}}` to listen on, or say `port = {other_port}` in the scenario"
    ))
}

/// Waits until `program` has printed a line with `text` in it.
///
/// # Errors
///
/// Returns an error if the program ends first, or takes longer than `within`.
pub async fn wait_until_saying(program: &Process, text: &str, within: Duration) -> Result<()> {
    let line = program.line(|line| line.contains(text).then_some(()));
    tokio::select! {
        () = line => Ok(()),
        death = program.death() => Err(death.context("before it was ready")),
        () = sleep(within) => {
            let seconds = within.as_secs_f64();
            Err(program.failing(&format!("does not say {text:?} after {seconds} s")))
        }
    }
}

/// Reads `0100007F:1F40`: the address as the machine's own words in hexadecimal, then the port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<u8> = address
        .as_bytes()
        .chunks(8)
        .map(|word| {
            Some(
                u32::from_str_radix(std::str::from_utf8(word).ok()?, 16)
                    .ok()?
                    .to_ne_bytes(),
            )
        })
        .collect::<Option<Vec<_>>>()?
        .concat();
    let address = match *words {
        [a, b, c, d] => IpAddr::from(Ipv4Addr::new(a, b, c, d)),
        _ => IpAddr::from(<[u8; 16]>::try_from(words).ok()?),
    };
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    const OWN: &str = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1 0 100 0";

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn accepts(row: &str, to: &str) -> bool {
        Socket::read(row, false).is_some_and(|socket| socket.accepts(address(to)))
    }

    #[test]
    fn a_listener_on_the_address_or_on_any_accepts() {
        let any = OWN.replace("0100007F", "00000000");
        let any6 = OWN.replace("0100007F", "00000000000000000000000000000000");
        let mapped = OWN.replace("0100007F", "0000000000000000FFFF00000100007F");
        let own6 = OWN.replace("0100007F", "00000000000000000000000001000000");

        for row in [OWN, &any, &any6, &mapped] {
            assert!(accepts(row, "127.0.0.1:8000"), "{row}");
        }
        for row in [&any6, &own6] {
            assert!(accepts(row, "[::1]:8000"), "{row}");
        }
    }

    #[test]
    fn another_port_address_or_state_does_not() {
        let other_port = "   0: 0100007F:1F41 00000000:0000 0A";
        let other_address = "   0: 0200007F:1F40 00000000:0000 0A";
        let established = "   0: 0100007F:1F40 0100007F:C001 01";
        let heading = "  sl  local_address rem_address   st tx_queue";

        for row in [other_port, other_address, established, heading, ""] {
            assert!(!accepts(row, "127.0.0.1:8000"), "{row}");
        }
        let any = OWN.replace("0100007F", "00000000");
        assert!(!accepts(&any, "[::1]:8000"), "IPv4 alone");
        assert!(!accepts(OWN, "[::1]:8000"));
    }

    #[test]
    fn a_socket_is_known_by_its_number() {
        assert_eq!(Socket::read(OWN, false).unwrap().inode, 4711);
        assert_eq!(
            Socket::read(OWN, true),
            None,
            "the state of a UDP socket is another"
        );
    }

    #[test]
    fn the_hint_says_where_the_program_listens_instead() {
        let socket = |text: &str, is_udp| Socket {
            address: address(text),
            is_udp,
            inode: 1,
        };
        let hint = |own: &[Socket], at: &str| hint_of_place(own, address(at)).unwrap_or_default();
        let meant = "127.0.0.1:8000";

        assert!(hint(&[socket("[::1]:8000", false)], meant).contains("`host = \"::1\"`"));
        let lan = hint(&[socket("127.0.0.1:8000", false)], "10.0.0.1:8000");
        assert!(lan.contains("give it `{host}`"), "{lan}");
        let udp = [socket("127.0.0.1:8000", true)];
        assert!(hint(&udp, meant).contains("UDP only"));
        let other = [socket("127.0.0.1:9000", false)];
        assert!(hint(&other, meant).contains("`port = 9000`"));
        assert_eq!(hint(&[socket("127.0.0.1:5353", true)], meant), "");
        assert_eq!(hint(&[], meant), "");
    }
}
