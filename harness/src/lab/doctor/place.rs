//! Checks the ports and folders of a capture.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use rustix::fs::{Access, access, statvfs};
use rustix::io::Errno;

use super::check::Check;
use super::packages::Packages;
use crate::lab::listening::Tables;
use crate::lab::network::Network;
use crate::scenario::Scenario;
use crate::text::shell_word;

/// The space that a folder should have left for captures, in bytes: a hundred times what ours take.
const ROOM_FOR_CAPTURES: u64 = 16 << 20;

/// The space that a folder should have left for a browser's profile, in bytes.
const ROOM_FOR_PROFILES: u64 = 256 << 20;

/// Checks that the ports which the scenarios want are free; private labs have them all. A browser elsewhere meets its
/// programs at the address `remote`.
pub(super) fn ports(
    scenarios: &[Scenario],
    remote: Option<IpAddr>,
    labs_are_private: bool,
) -> Vec<Check> {
    let mut ports: BTreeMap<(u16, IpAddr), Vec<&str>> = BTreeMap::new();
    for scenario in scenarios {
        let host = remote.or(scenario.host);
        let host = host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = (scenario.port, host);
        ports.entry(port).or_default().push(&scenario.name);
    }
    ports
        .into_iter()
        .map(|((port, host), names)| {
            port_check(
                SocketAddr::new(host, port),
                &names.join(", "),
                labs_are_private,
            )
        })
        .collect()
}

fn port_check(address: SocketAddr, scenarios: &str, labs_are_private: bool) -> Check {
    let port = address.port();
    let name = format!("port {port}");
    if Tables::default().require_free(address).is_ok() {
        return Check::ok(name, &format!("free ({scenarios})"));
    }
    let check = if labs_are_private {
        Check::warning(name, "taken, which matters only with --network host")
    } else {
        Check::missing(name, &format!("taken by another program ({scenarios})"))
    };
    check.fixed_by(format!(
        "ss -ltnp 'sport = :{port}' names the program; stop it"
    ))
}

/// Checks the folder that captures go to.
pub(super) fn captures(folder: &Path, project: &Path, packages: Packages) -> Check {
    let fix = |existing: &Path| {
        // Only a folder of the project is the user's to have: never one of the system's, such as `/` or `/etc`.
        let is_in_project = match (project.canonicalize(), existing.canonicalize()) {
            (Ok(project), Ok(existing)) => existing != project && existing.starts_with(project),
            _ => false,
        };
        if is_in_project {
            packages.as_root(&format!("chown \"$USER\" {}", shell_word(existing)))
        } else {
            "name another folder with --out".to_owned()
        }
    };
    folder_check("captures folder", folder, ROOM_FOR_CAPTURES, fix)
}

/// Checks the folder in which browsers get their profiles; `None` for a private lab, whose own folder is in memory.
pub(super) fn temporary(network: Network) -> Option<Check> {
    let folder = match network {
        Network::Private => return None,
        Network::Host => std::env::temp_dir(),
    };
    Some(folder_check(
        "temporary folder",
        &folder,
        ROOM_FOR_PROFILES,
        |_| "name another folder with TMPDIR".to_owned(),
    ))
}

/// Checks that a folder can be written to and has room; a missing folder is checked by its nearest existing parent.
///
/// The closure `fix` returns the remedy for one that cannot be written to.
fn folder_check(name: &str, folder: &Path, room: u64, fix: impl Fn(&Path) -> String) -> Check {
    // An empty path is the current folder.
    let existing = folder
        .ancestors()
        .map(|folder| {
            if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            }
        })
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("/"));
    if let Err(errno) = access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        let fix = if errno == Errno::ROFS {
            "name another place: what is there is read-only".to_owned()
        } else {
            fix(existing)
        };
        return Check::missing(name, &format!("cannot be written to: {errno}"))
            .at(folder)
            .fixed_by(fix);
    }
    let free = match statvfs(existing) {
        Ok(system) => system.f_bavail.saturating_mul(system.f_frsize),
        Err(errno) => {
            return Check::warning(name, &format!("does not tell its free space: {errno}"))
                .at(folder);
        }
    };
    if free < room {
        let (free, room) = (megabytes(free), megabytes(room));
        return Check::missing(name, &format!("{free} free, {room} are needed"))
            .at(folder)
            .fixed_by("make room there, or name another place");
    }
    Check::ok(name, &format!("{} free", megabytes(free))).at(folder)
}

fn megabytes(bytes: u64) -> String {
    let megabytes = bytes / 1_000_000;
    if megabytes < 10_000 {
        format!("{megabytes} MB")
    } else {
        format!("{} GB", megabytes / 1000)
    }
}
