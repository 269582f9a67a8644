//! The faults of a lab as a whole: of its processes, its network, its port.

use std::net::TcpListener;
use std::process::Command;

use rustix::process::Signal;

use crate::live_support::{Bench, Outcome};
use crate::{FAST, is_root, misbehaving, ping, skip};

const GONE: &str = "hint: nothing that it had started is left running; run it again";

/// Plays until the first step after the opening is due, and kills the process of this name.
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

/// On the machine's own network, no process namespace ends the started processes.
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
    both_killed(&bench, bench.capture(&HOST), "send time");
    println!("tried 4, held 4");
}

const HOST: [&str; 5] = ["--time-scale", "0.2", "--network", "host", "tcpapp"];

/// Kills the two processes that could end what the player has started.
fn both_killed(bench: &Bench, command: Command, when: &str) {
    let mut running = bench.start_command(command);
    running.until(when);
    let keeper = running.process("keep-lab");
    running.signal(Signal::KILL);
    keeper.signal(Signal::KILL);
    assert_eq!(running.end().signal, Some(9));
}

/// Does the same where programs cannot be in a process namespace: the player ends them when the kernel reports it.
#[test]
fn labs_killed_on_the_hosts_network_without_a_process_namespace() {
    let bench = Bench::new();
    let without =
        |bench: &Bench| bench.capture_in_script(&AS_ROOT_ALONE, WITHOUT_PROCESS_NAMESPACES, &HOST);

    both_killed(&bench, without(&bench), "send time");
    let outcome = bench.start_command(without(&bench)).end();

    let note =
        "note: tcpapp: programs and clients can see the processes and temporary files of others: ";
    outcome.is(0, &[note]);
}

/// The command that runs a script as root of its own user namespace, as any user may, with its own network in place of
/// the machine's.
const AS_ROOT_ALONE: [&str; 3] = ["unshare", "--map-root-user", "--net"];
const WITHOUT_PROCESS_NAMESPACES: &str =
    "ip link set lo up && echo 0 >/proc/sys/user/max_pid_namespaces || exit 99; exec \"$@\"";

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
