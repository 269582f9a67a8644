//! Who listens where, read from the kernel's tables.
//!
//! A probe connection would tell as much, but it would be served by the program, and its last packets could end up in
//! the capture.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::process::Process;
use crate::error::{Error, Result};
use crate::text::Shown as _;

/// How long a program may take from its start until it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often to look: the kernel has no event for this.
const POLL: Duration = Duration::from_millis(10);

/// The state of a listening socket in /proc/net/tcp.
const LISTEN: &str = "0A";

/// The tables of a network.
#[derive(Clone, Debug)]
pub struct Tables(PathBuf);

impl Default for Tables {
    /// Those of the network that this process is in.
    fn default() -> Self {
        Self(PathBuf::from("/proc/net"))
    }
}

impl Tables {
    /// The tables in this folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Makes sure that nobody listens on `address` yet.
    ///
    /// # Errors
    ///
    /// Where somebody does.
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
    /// Where the program ends first, or takes too long.
    pub async fn wait_until_accepting(
        &self,
        program: &Process,
        addresses: &[SocketAddr],
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_listening_on_any(addresses)? {
            if Instant::now() >= deadline {
                return Err(self.not_listening(program, addresses[0]));
            }
            tokio::select! {
                death = program.death() => return Err(death.context("before it listened")),
                () = sleep(POLL) => {}
            }
        }
        Ok(())
    }

    fn not_listening(&self, program: &Process, address: SocketAddr) -> Error {
        let seconds = PATIENCE.as_secs();
        let error = program.failing(&format!("does not listen on {address} after {seconds} s"));
        let loopback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port());
        if loopback != address && self.is_listening(loopback).is_ok_and(|listens| listens) {
            return error.with_hint(format!(
                "it listens on {loopback}, which its client does not reach: give it `{{host}}` to listen on"
            ));
        }
        error
    }

    fn is_listening_on_any(&self, addresses: &[SocketAddr]) -> Result<bool> {
        for address in addresses {
            if self.is_listening(*address)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether any socket listens where a connection to `address` would arrive.
    fn is_listening(&self, address: SocketAddr) -> Result<bool> {
        for (name, required) in [("tcp", true), ("tcp6", false)] {
            let path = self.0.join(name);
            match std::fs::read_to_string(&path) {
                Ok(table) if table.lines().skip(1).any(|row| accepts(row, address)) => {
                    return Ok(true);
                }
                Err(error) if required => {
                    let path = path.shown();
                    return Err(Error::environment(format!("cannot read {path}: {error}")));
                }
                // A kernel without IPv6 has no second table.
                _ => {}
            }
        }
        Ok(false)
    }
}

/// Waits until `program` has printed a line with `text` in it.
///
/// # Errors
///
/// Where the program ends first, or takes too long.
pub async fn wait_until_saying(program: &Process, text: &str) -> Result<()> {
    let line = program.line(|line| line.contains(text).then_some(()));
    tokio::select! {
        () = line => Ok(()),
        death = program.death() => Err(death.context("before it was ready")),
        () = sleep(PATIENCE) => {
            let seconds = PATIENCE.as_secs();
            Err(program.failing(&format!("does not say {text:?} after {seconds} s")))
        }
    }
}

/// Whether a row of the kernel's table is of a socket that listens on `address` or on every address.
fn accepts(row: &str, address: SocketAddr) -> bool {
    let mut columns = row.split_ascii_whitespace();
    let (Some(local), Some(_remote), Some(state)) =
        (columns.nth(1), columns.next(), columns.next())
    else {
        return false;
    };
    state == LISTEN
        && parse_address(local).is_some_and(|local| {
            local.port() == address.port()
                && (local.ip().is_unspecified() || local.ip().to_canonical() == address.ip())
        })
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

    fn address() -> SocketAddr {
        "127.0.0.1:8000".parse().unwrap()
    }

    #[test]
    fn a_listener_on_the_address_or_on_any_accepts() {
        let own = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1 0 100 0";
        let any = own.replace("0100007F", "00000000");
        let any6 = own.replace("0100007F", "00000000000000000000000000000000");
        let mapped = own.replace("0100007F", "0000000000000000FFFF00000100007F");

        for row in [own, &any, &any6, &mapped] {
            assert!(accepts(row, address()), "{row}");
        }
    }

    #[test]
    fn another_port_address_or_state_does_not() {
        let other_port = "   0: 0100007F:1F41 00000000:0000 0A";
        let other_address = "   0: 0200007F:1F40 00000000:0000 0A";
        let established = "   0: 0100007F:1F40 0100007F:C001 01";
        let heading = "  sl  local_address rem_address   st tx_queue";

        for row in [other_port, other_address, established, heading, ""] {
            assert!(!accepts(row, address()), "{row}");
        }
    }
}
