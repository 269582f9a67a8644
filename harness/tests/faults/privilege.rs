//! The rights and the knowledge of the processes of a capture: as little as possible.

use crate::FAST;
use crate::live_support::Bench;
use crate::live_support::processes::{contains, of_capture};

/// A secret that must not reach a program or a client.
const SECRET: &str = "wiresnap-test-do-not-tell";

#[test]
fn programs_and_clients_have_no_capability_and_see_no_secret() {
    let bench = Bench::new();
    let mut command = bench.capture(&[&FAST[..], &["ajaxapp", "tcpapp"]].concat());
    command.env("AWS_SECRET_ACCESS_KEY", SECRET);
    let mut running = bench.start_command(command);
    running.until("tcpapp: send time");
    running.until("tcpapp: send time");

    let processes = of_capture(running.id());
    for name in [
        "play-lab",
        "ajaxapp",
        "tcpapp",
        "geckodriver",
        "firefox",
        "nc",
    ] {
        let named: Vec<_> = processes
            .iter()
            .filter(|process| process.name.starts_with(name))
            .collect();
        assert!(!named.is_empty(), "no {name} among {processes:?}");
        // A browser gives its children less still, in namespaces of its own; the first is ours.
        let process = named.into_iter().min_by_key(|process| process.id).unwrap();
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(process.status(set), "0000000000000000", "{name}: {set}");
        }
        assert_eq!(process.status("NoNewPrivs"), "1", "{name}");
    }
    let ours = ["play-lab", "keep-lab"];
    for process in processes
        .iter()
        .filter(|process| !ours.contains(&process.name.as_str()))
    {
        let environment = process.environment();
        assert!(!contains(&environment, SECRET.as_bytes()), "{process:?}");
    }
    running.end().is(0, &[]);
}
