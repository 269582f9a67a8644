//! The faults of one of several clients: each is reported with its name, and ends all others.

use rustix::process::Signal;

use crate::live_support::processes::{Process, of_capture};
use crate::live_support::{Bench, Outcome, Running};
use crate::misbehaving;

/// Two netcats that stay, and a program that answers each.
const TALK: &str = r#"
description = "two send a line, in turn"
program = "pings"

[[client]]
name = "alice"
kind = "nc"

[[client]]
name = "bob"
kind = "nc"

[[mark]]
at = 0
open = true

[[mark]]
at = 1
client = "bob"
open = true

[[mark]]
at = 4
send = "ping"
expect = { shows = "pong" }

[[mark]]
at = 5
client = "bob"
send = "ping"
expect = { shows = "pong" }

[[mark]]
at = 6
close = true
"#;

/// Two browsers.
const PAGES: &str = r#"
description = "two look at a page, in turn"
program = "webapp"

[[client]]
name = "alice"
kind = "firefox"

[[client]]
name = "bob"
kind = "firefox"

[[mark]]
at = 0
open = "/"

[[mark]]
at = 1
client = "bob"
open = "/"

[[mark]]
at = 5
reload = true

[[mark]]
at = 6
close = true
"#;

fn bench(scenario: &str) -> Bench {
    let bench = Bench::new();
    misbehaving::add(&bench, "pings");
    bench.scenario("both", scenario);
    bench
}

/// Plays one of the two until it says this, sends one of the clients' processes a signal, and returns the outcome.
fn strike(scenario: &str, says: &str, victim: &str, which: usize, signal: Signal) -> Outcome {
    let bench = bench(scenario);
    let mut running = bench.start(&["both"]);
    running.until(says);
    processes(&running, victim)[which].signal(signal);
    running.end()
}

/// Returns the processes whose names begin like this, in the order in which they were started; of a browser only those
/// that its others belong to.
fn processes(running: &Running<'_>, name: &str) -> Vec<Process> {
    let all = of_capture(running.id());
    let is_part = |process: &Process| {
        let mut parents = all.iter().filter(|other| other.id == process.parent);
        parents.any(|parent| parent.name.starts_with(name))
    };
    let named = all.iter().filter(|process| process.name.starts_with(name));
    let mut found: Vec<Process> = named.filter(|one| !is_part(one)).cloned().collect();
    found.sort_by_key(|process| process.id);
    assert_eq!(found.len(), 2, "{found:?} among {all:?}");
    found
}

#[test]
fn a_netcat_that_is_killed_is_named() {
    for (which, name) in [(0, "alice"), (1, "bob")] {
        strike(TALK, "alice: send ping", "nc", which, Signal::KILL).is(
            4,
            &[
                "error: both: at ",
                "alice's step `send ping` of mark 4.0 s: ",
                &format!("{name}: nc was killed by signal 9"),
                "hint: try it by hand",
            ],
        );
    }
}

#[test]
fn a_browser_that_is_killed_is_named() {
    for (which, name) in [(0, "alice"), (1, "bob")] {
        strike(PAGES, "alice: reload", "firefox", which, Signal::KILL).is(
            4,
            &[
                "error: both: at ",
                "alice's step `reload` of mark 5.0 s: ",
                &format!("{name}: Firefox (process "),
                ") ended",
            ],
        );
    }
}

#[test]
fn a_driver_that_is_killed_while_another_browser_starts_is_named() {
    let bench = bench(PAGES);
    let mut running = bench.start(&["both"]);
    running.until("bob: starting Firefox");

    running.process("geckodriver").signal(Signal::KILL);

    running.end().is(
        4,
        &["error: both: ", "alice: geckodriver was killed by signal 9"],
    );
}

#[test]
fn ctrl_c_ends_all_of_them() {
    for (scenario, says) in [
        (TALK, "bob: starting nc"),
        (TALK, "bob: send ping"),
        (PAGES, "bob: starting Firefox"),
        (PAGES, "alice: reload"),
    ] {
        let bench = bench(scenario);
        let mut running = bench.start(&["both"]);
        running.until(says);

        running.signal(Signal::INT);

        running.end().is(130, &["error: ", "ended by Ctrl-C"]);
    }
}

#[test]
fn a_program_that_is_killed_is_the_cause() {
    let bench = bench(TALK);
    let mut running = bench.start(&["both"]);
    running.until("alice: send ping");

    running.process("faults").signal(Signal::KILL);

    running.end().is(
        4,
        &["alice's step `send ping`", ": pings was killed by signal 9"],
    );
}

#[test]
fn what_another_client_does_not_show_is_told_with_its_name() {
    let never = TALK.replacen(
        "expect = { shows = \"pong\" }",
        "expect = [{ shows = \"pong\" }, { client = \"bob\", shows = \"never\", within = 1 }]",
        1,
    );
    assert_ne!(never, TALK);

    bench(&never).run(&["both"]).is(
        4,
        &[
            "error: both: at ",
            "alice's step `send ping` of mark 4.0 s: bob: nc printed nothing within 1 s, expected \"never\"",
            "hint: ",
        ],
    );
}

/// Only when it is closed may a client end.
#[test]
fn a_client_that_ends_by_itself_is_named() {
    let ends = TALK
        .replacen(
            "name = \"bob\"\nkind = \"nc\"",
            "name = \"bob\"\nkind = \"command\"",
            1,
        )
        .replacen(
            "client = \"bob\"\nopen = true",
            "client = \"bob\"\nopen = [\"sleep\", \"1.5\"]",
            1,
        );

    bench(&ends).run(&["both"]).is(
        4,
        &[
            "alice's step `send ping` of mark 4.0 s: bob: sleep ended with exit code 0",
            "hint: try it by hand",
        ],
    );
}
