//! Ctrl-C and similar signals, in each phase of a capture: once, and repeatedly.

use rustix::process::Signal;

use crate::live_support::{Bench, Outcome, Running};
use crate::{FAST, misbehaving, ping, skip};

/// The phases, each with its scenarios and the line that begins it; the scenarios are those of [`bench`].
const PHASES: [(&str, &[&str], &str); 6] = [
    ("the program starts", &["deaf"], "deaf: starting deaf"),
    ("the client starts", &["webapp"], "webapp: starting Firefox"),
    (
        "others are waited for",
        &["pings", "deaf"],
        "pings: starting nc",
    ),
    ("a mark is waited for", &["pings"], "pings: send ping"),
    ("the client is to be closed", &["pings"], "pings: close"),
    (
        "the last packet is waited for",
        &["never-closes"],
        "never-closes: waiting for the last packet",
    ),
];

fn bench() -> Bench {
    let bench = Bench::new();
    bench.program("deaf", "exec sleep 600");
    bench.scenario("deaf", &ping("deaf"));
    for name in ["pings", "never-closes"] {
        misbehaving::add(&bench, name);
        bench.scenario(name, &ping(name));
    }
    bench
}

#[test]
fn ctrl_c_in_each_phase() {
    let bench = bench();
    for (phase, scenarios, says) in PHASES {
        let mut running = bench.start(scenarios);
        running.until(says);

        running.signal(Signal::INT);

        let outcome = running.end();
        println!("while {phase}:\n{}", outcome.said);
        outcome.is(130, &["error: ", "ended by Ctrl-C"]);
    }
    println!("tried {0}, held {0}", PHASES.len());
}

#[test]
fn ctrl_c_twice_in_each_phase() {
    let bench = bench();
    for (phase, scenarios, says) in PHASES {
        let mut running = bench.start(scenarios);
        running.until(says);

        running.signal(Signal::INT);
        running.signal(Signal::INT);

        let outcome = running.end();
        println!("while {phase}:\n{}", outcome.said);
        outcome.is(130, &["error: ", "ended by Ctrl-C"]);
    }
    println!("tried {0}, held {0}", PHASES.len());
}

/// The second Ctrl-C kills every process that does not end by itself.
#[test]
fn second_ctrl_c_with_a_player_that_hangs() {
    let bench = bench();
    let mut running = bench.start(&["pings"]);
    running.until("send ping");
    running.process("play-lab").signal(Signal::STOP);

    interrupt_until_over(&mut running);

    running.end().is(
        130,
        &["error: pings: killed at the second signal: ended by Ctrl-C"],
    );
}

/// A stopped keeper does not prevent the end: it is made to continue, and to end.
#[test]
fn second_ctrl_c_with_a_keeper_that_is_stopped() {
    let bench = bench();
    let mut running = bench.start(&["pings"]);
    running.until("send ping");
    running.process("keep-lab").signal(Signal::STOP);

    running.signal(Signal::INT);
    running.signal(Signal::INT);

    running
        .end()
        .is(130, &["error: pings: ", "ended by Ctrl-C"]);
}

fn interrupt_until_over(running: &mut Running<'_>) {
    running.signal(Signal::INT);
    while !running.is_over() {
        running.signal(Signal::INT);
    }
}

/// Before there are labs, nothing has been started, and the system's own way of ending is as good.
#[test]
fn ctrl_c_at_once() {
    if interrupts_are_ignored() {
        return skip(
            "this was started with Ctrl-C ignored, as by `&` in a script, and so is what it starts",
        );
    }
    let bench = bench();
    let running = bench.start(&["pings"]);

    running.signal(Signal::INT);

    let Outcome {
        code, signal, said, ..
    } = running.end();
    assert!(
        code == Some(130) || signal == Some(2),
        "{code:?} {signal:?}\n{said}"
    );
}

#[test]
fn terminated() {
    let bench = bench();
    let mut running = bench.start(&["pings"]);
    running.until("send ping");

    running.signal(Signal::TERM);

    running
        .end()
        .is(143, &["error: pings: ", "ended by SIGTERM"]);
}

#[test]
fn terminal_gone() {
    let bench = bench();
    let mut running = bench.start(&["pings"]);
    running.until("send ping");

    running.signal(Signal::HUP);

    running.end().is(129, &["ended by SIGHUP"]);
}

#[test]
fn wiresnap_killed() {
    let bench = Bench::new();
    let mut running = bench.start(&[&FAST[..], &["ajaxapp", "tcpapp"]].concat());
    running.until("send time");

    running.signal(Signal::KILL);

    let outcome = running.end();
    assert_eq!(outcome.signal, Some(9), "{}", outcome.said);
}

/// Returns true if this process, and so its children, ignores Ctrl-C until it asks for it.
fn interrupts_are_ignored() -> bool {
    // proc(5): a bit for each signal, the first one in the lowest.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    ignored & (1 << (Signal::INT.as_raw() - 1)) != 0
}
