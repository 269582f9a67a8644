//! What can happen to a lab as a whole: to its processes, its network, its port.

use std::net::TcpListener;
use std::process::Command;

use rustix::process::Signal;

use crate::live_support::{Bench, Outcome};
use crate::{FAST, is_root, misbehaving, ping, skip};

const GONE: &str = "hint: nothing that it had started is left running; run it again";

/// Plays until the first step after the opening is waited for, and kills the process of this name.
fn kill(bench: &Bench, name: &str, arguments: &[&str]) -> Outcome {
    let mut running = bench.start(&[&FAST[..], arguments].concat());
    running.until("send time");
    running.process(name).signal(Signal::KILL);
    running.end()
}

#[test]
fn player_killed() {
    kill(&Bench::new(), "play-lab", &["tcpapp"]).is(
        4,
        &[
            "error: tcpapp: step `send time`: the lab is gone: its player was killed by signal 9",
            GONE,
        ],
    );
}

#[test]
fn keeper_killed() {
    kill(&Bench::new(), "keep-lab", &["tcpapp"]).is(
        4,
        &[
            "error: tcpapp: step `send time`: the lab is gone: it was killed by signal 9",
            GONE,
        ],
    );
}

/// On the machine's own network no process namespace ends what was started.
#[test]
fn labs_killed_on_the_hosts_network() {
    let bench = Bench::alone();
    if !is_root() {
        return skip("faults on the host's network take root");
    }
    for (victim, how) in [
        ("play-lab", "its player was killed"),
        ("keep-lab", "it was killed"),
    ] {
        kill(&bench, victim, &["--network", "host", "tcpapp"])
            .is(4, &["the lab is gone: ", how, GONE]);
    }
    let mut running = bench.start(&[&FAST[..], &["--network", "host", "tcpapp"]].concat());
    running.until("send time");
    running.signal(Signal::KILL);
    assert_eq!(running.end().signal, Some(9));
}

#[test]
fn port_taken() {
    let bench = Bench::alone();
    if !is_root() {
        return skip("faults on the host's network take root");
    }
    let _taken = TcpListener::bind("127.0.0.1:8000").unwrap();

    bench.run(&["--network", "host", "tcpapp"]).is(
        3,
        &[
            "error: port 8000: taken by another program (tcpapp)",
            "hint: ss -ltnp",
        ],
    );
    // A lab of one's own has all ports.
    misbehaving::add(&bench, "pings");
    bench.scenario("pings", &ping("pings"));
    bench.run(&["--network", "private", "pings"]).is(0, &[]);
}

#[test]
fn interface_gone() {
    if !is_root() {
        return skip("to take down an interface from outside its lab takes root");
    }
    let bench = Bench::new();
    let mut running = bench.start(&[&FAST[..], &["tcpapp"]].concat());
    running.until("send time");

    let inside = running.process("tcpapp").id.to_string();
    let taken_down = Command::new("nsenter")
        .args([
            "--target", &inside, "--net", "ip", "link", "set", "lo", "down",
        ])
        .status()
        .unwrap();
    assert!(taken_down.success());

    running
        .end()
        .is(4, &["error: tcpapp: at ", "step `send time`", "hint: "]);
}
