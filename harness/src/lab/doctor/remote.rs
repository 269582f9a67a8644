//! Checks that a browser elsewhere can be driven, and can reach the program.

use std::net::IpAddr;

use super::check::Check;
use super::confinement::Container;
use crate::lab::remote::{Remote, Status, Way};
use crate::lab::sniffer::{Interface, interfaces};

/// Looks at the endpoint, then at the way between its browser and the program.
pub(super) async fn checks(remote: &Remote) -> Vec<Check> {
    let way = remote.endpoint.way().ok();
    let interfaces = interfaces();
    vec![
        endpoint(remote).await,
        address(remote, way, &interfaces),
        interface(remote, way, &interfaces),
    ]
}

async fn endpoint(remote: &Remote) -> Check {
    let name = "WebDriver endpoint";
    let url = remote.endpoint.url();
    match remote.endpoint.status().await {
        Status::Ready => Check::ok(name, &format!("{url} is ready")),
        Status::Busy(message) => Check::missing(name, &format!("{url} takes no session now: {message}"))
            .fixed_by("wait for its other session to end, or end it there"),
        Status::Stranger(answer) => {
            Check::missing(name, &format!("{url} answers, but not as a WebDriver does ({answer})"))
                .fixed_by("look at its port and path: a Selenium Grid has 4444, an old one /wd/hub")
        }
        Status::Silent(how) => {
            Check::missing(name, &format!("{url} cannot be reached: {how}")).fixed_by(
                if remote.endpoint.is_local() && Container::find().is_some() {
                    "this is a container, and its `localhost` is the container: name the machine that the endpoint is on"
                } else {
                    "start it there, as with `geckodriver --host ADDRESS`; look whether a firewall is between"
                },
            )
        }
    }
}

fn address(remote: &Remote, way: Option<Way>, interfaces: &[Interface]) -> Check {
    let name = "advertised address";
    let address = remote.meeting_point.address;
    let instead = way.map_or_else(
        || "advertise one of those (`ip address` lists them)".to_owned(),
        |way| {
            format!(
                "--advertise {}, by which this machine reaches the endpoint",
                way.here
            )
        },
    );
    if holder(address, interfaces).is_none() {
        let ours = list(interfaces.iter().flat_map(Interface::named_addresses));
        return Check::missing(
            name,
            &format!("{address} is none of this machine's, which has {ours}"),
        )
        .fixed_by(instead);
    }
    match way {
        Some(way) if address.is_loopback() && !way.is_local() => Check::missing(
            name,
            &format!("{address} is, where the browser runs, that machine itself"),
        )
        .fixed_by(instead),
        Some(way) if address.is_loopback() => Check::ok(
            name,
            &format!(
                "{address}, for a browser on this machine ({}); one in a container would look into its container",
                way.there
            ),
        ),
        _ => Check::ok(name, &format!("{address} is what the browser opens")),
    }
}

fn interface(remote: &Remote, way: Option<Way>, interfaces: &[Interface]) -> Check {
    let name = "interface";
    let address = remote.meeting_point.address;
    let wanted = &remote.meeting_point.interface;
    let Some(found) = interfaces
        .iter()
        .find(|interface| interface.name == *wanted)
    else {
        let there_are = list(interfaces.iter().map(|interface| interface.name.clone()));
        let check = Check::missing(
            name,
            &format!("there is no {wanted} here; there are {there_are}"),
        );
        return match holder(address, interfaces) {
            Some(holder) => check.fixed_by(format!("--interface {holder}, which has {address}")),
            None => check,
        };
    };
    if found.addresses.contains(&address) {
        return Check::ok(name, &format!("{wanted}, which has {address}"));
    }
    // What a machine sends to itself crosses its loopback interface, whatever the address.
    if found.is_loopback && way.is_some_and(Way::is_local) {
        return Check::ok(name, &format!("{wanted}, for a browser on this machine"));
    }
    let check = Check::missing(name, &format!("{wanted} does not have {address}"));
    match holder(address, interfaces) {
        Some(holder) => check.fixed_by(format!("--interface {holder}, which has it")),
        None => check.fixed_by("advertise an address that it has"),
    }
}

/// Returns the interface that has an address.
fn holder(address: IpAddr, interfaces: &[Interface]) -> Option<&str> {
    let holder = interfaces
        .iter()
        .find(|interface| interface.addresses.contains(&address));
    holder.map(|interface| interface.name.as_str())
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::doctor::check::State;
    use crate::lab::network::MeetingPoint;
    use crate::lab::remote::Endpoint;

    fn machine() -> Vec<Interface> {
        let interface = |name: &str, address: &str| Interface {
            name: name.to_owned(),
            addresses: vec![address.parse().unwrap()],
            is_loopback: name == "lo",
        };
        vec![
            interface("lo", "127.0.0.1"),
            interface("eth0", "192.168.1.5"),
        ]
    }

    fn remote(address: &str, interface: &str) -> Remote {
        Remote {
            endpoint: Endpoint::parse("http://192.168.1.20:4444").unwrap(),
            meeting_point: MeetingPoint {
                interface: interface.to_owned(),
                address: address.parse().unwrap(),
            },
        }
    }

    fn way(there: &str, here: &str) -> Way {
        let [there, here] = [there, here].map(|address| address.parse().unwrap());
        Way { there, here }
    }

    #[track_caller]
    fn assert_missing(check: &Check, found: &str, fix: &str) {
        assert_eq!(check.state, State::Missing, "{check:?}");
        assert_eq!(check.found, found);
        assert_eq!(check.fix.as_deref(), Some(fix));
    }

    #[test]
    fn an_address_is_one_of_ours_that_a_browser_elsewhere_can_reach() {
        let there = Some(way("192.168.1.20", "192.168.1.5"));
        let good = remote("192.168.1.5", "eth0");
        assert_eq!(address(&good, there, &machine()).state, State::Ok);

        assert_missing(
            &address(&remote("192.168.1.9", "eth0"), there, &machine()),
            "192.168.1.9 is none of this machine's, which has 127.0.0.1 (lo), 192.168.1.5 (eth0)",
            "--advertise 192.168.1.5, by which this machine reaches the endpoint",
        );
        let loopback = remote("127.0.0.1", "lo");
        assert_missing(
            &address(&loopback, there, &machine()),
            "127.0.0.1 is, where the browser runs, that machine itself",
            "--advertise 192.168.1.5, by which this machine reaches the endpoint",
        );
        let here = Some(way("127.0.0.1", "127.0.0.1"));
        assert_eq!(address(&loopback, here, &machine()).state, State::Ok);
    }

    #[test]
    fn an_interface_is_the_one_with_the_address() {
        let there = Some(way("192.168.1.20", "192.168.1.5"));
        let good = remote("192.168.1.5", "eth0");
        assert_eq!(interface(&good, there, &machine()).state, State::Ok);

        assert_missing(
            &interface(&remote("192.168.1.5", "eth1"), there, &machine()),
            "there is no eth1 here; there are lo, eth0",
            "--interface eth0, which has 192.168.1.5",
        );
        let loopback = remote("192.168.1.5", "lo");
        assert_missing(
            &interface(&loopback, there, &machine()),
            "lo does not have 192.168.1.5",
            "--interface eth0, which has it",
        );
        // To itself, a machine speaks over its loopback interface.
        let here = Some(way("192.168.1.5", "192.168.1.5"));
        assert_eq!(interface(&loopback, here, &machine()).state, State::Ok);
    }
}
