//! The faults of Firefox and geckodriver.

use rustix::process::Signal;

use crate::live_support::{Bench, Outcome};
use crate::{FAST, misbehaving};

/// Plays `ajaxapp` until it waits for its `click`-th click, and sends a process a signal.
fn strike(victim: &str, click: usize, signal: Signal) -> Outcome {
    let bench = Bench::new();
    let mut running = bench.start(&[&FAST[..], &["ajaxapp"]].concat());
    for _ in 0..click {
        running.until("click #button");
    }
    running.process(victim).signal(signal);
    running.end()
}

/// Kills it 5 s into a timeline of full length, while the first click is due.
#[test]
fn firefox_killed_at_5_s() {
    strike("firefox", 1, Signal::KILL).is(
        4,
        &[
            "error: ajaxapp: at ",
            "step `click #button` of mark 2.0 s: Firefox (process ",
            ") ended",
            "last output of Firefox and geckodriver:",
            "hint: run it again",
        ],
    );
}

/// Kills it 25 s into a timeline of full length, while the third click is due.
#[test]
fn firefox_killed_at_25_s() {
    strike("firefox", 3, Signal::KILL).is(
        4,
        &[
            "error: ajaxapp: at ",
            "step `click #button` of mark 6.0 s: Firefox (process ",
            ") ended",
            "hint: run it again",
        ],
    );
}

#[test]
fn firefox_hangs() {
    strike("firefox", 1, Signal::STOP).is(
        4,
        &[
            "error: ajaxapp: at ",
            "step `click #button` of mark 2.0 s: Firefox could not ",
            ": no answer within 20 s",
            "hint: run it again",
        ],
    );
}

#[test]
fn geckodriver_killed() {
    strike("geckodriver", 1, Signal::KILL).is(
        4,
        &[
            "error: ajaxapp: at ",
            "step `click #button` of mark 2.0 s: geckodriver was killed by signal 9",
            "last output of geckodriver:",
            "hint: run it again",
        ],
    );
}

#[test]
fn geckodriver_hangs() {
    strike("geckodriver", 1, Signal::STOP).is(
        4,
        &[
            "error: ajaxapp: at ",
            ": no answer within 20 s",
            "hint: run it again",
        ],
    );
}

#[test]
fn geckodriver_ended_while_firefox_starts() {
    let bench = Bench::new();
    let mut running = bench.start(&[&FAST[..], &["webapp"]].concat());
    running.until("starting Firefox");

    running.process("geckodriver").signal(Signal::TERM);

    running
        .end()
        .is(4, &["error: webapp: ", "geckodriver", "hint: "]);
}

#[test]
fn geckodriver_does_not_listen() {
    let bench = Bench::new();
    bench.tool(
        "geckodriver",
        "[ \"$1\" != --version ] || exec echo geckodriver 0.37.1\nexec sleep 600",
    );

    bench.run(&[&FAST[..], &["webapp"]].concat()).is(
        4,
        &[
            "error: webapp: geckodriver does not listen after 10 s",
            "geckodriver wrote nothing",
            "hint: run it again",
        ],
    );
}

#[test]
fn geckodriver_answers_nonsense() {
    let bench = Bench::new();
    let script = misbehaving::script("nonsense-driver");
    let version = "[ \"$1\" != --version ] || exec echo geckodriver 0.37.1";
    bench.tool("geckodriver", &format!("{version}\n{script}"));

    bench.run(&[&FAST[..], &["webapp"]].concat()).is(
        4,
        &[
            "error: webapp: Firefox did not start: ",
            "hint: check that Firefox and geckodriver fit",
        ],
    );
}

/// A browser that does not know geckodriver's options ends at once, and this is reported.
#[test]
fn firefox_that_cannot_be_driven() {
    let bench = Bench::new();
    bench.tool(
        "firefox-esr",
        "[ \"$1\" != --version ] || exec echo Mozilla Firefox 128.0esr\n\
         echo 'Error: unrecognized option --marionette' >&2; exit 1",
    );

    bench.run(&[&FAST[..], &["webapp"]].concat()).is(
        4,
        &[
            "error: webapp: Firefox did not start: ",
            "last output of Firefox and geckodriver:",
            "| Error: unrecognized option --marionette",
            "hint: check that Firefox and geckodriver fit",
        ],
    );
}
