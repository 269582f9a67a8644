//! What Chromium and chromedriver can do wrong.

use rustix::process::Signal;

use crate::FAST;
use crate::live_support::{Bench, Outcome, has_chromium};

const CHROMIUM: [&str; 2] = ["--browser", "chromium"];

/// Plays `ajaxapp` until it waits for its first click, and sends a process a signal.
fn strike(victim: &str, signal: Signal) -> Outcome {
    let bench = Bench::new();
    let mut running = bench.start(&[&FAST[..], &CHROMIUM, &["ajaxapp"]].concat());
    running.until("click #button");
    running.process(victim).signal(signal);
    running.end()
}

#[test]
fn chromium_killed() {
    if !has_chromium() {
        return;
    }
    strike("chromium", Signal::KILL).is(
        4,
        &[
            "error: ajaxapp: at ",
            "step `click #button` of mark 2.0 s: Chromium (process ",
            ") ended",
            "last output of Chromium and chromedriver:",
            "hint: run it again",
        ],
    );
}

#[test]
fn chromium_hangs() {
    if !has_chromium() {
        return;
    }
    strike("chromium", Signal::STOP).is(
        4,
        &[
            "error: ajaxapp: at ",
            "step `click #button` of mark 2.0 s: Chromium could not ",
            "hint: run it again",
        ],
    );
}

#[test]
fn chromedriver_killed() {
    if !has_chromium() {
        return;
    }
    strike("chromedriver", Signal::KILL).is(
        4,
        &[
            "error: ajaxapp: at ",
            "step `click #button` of mark 2.0 s: chromedriver was killed by signal 9",
            "hint: run it again",
        ],
    );
}

/// One that does not know what it is asked for ends at once, and says so.
#[test]
fn chromium_that_cannot_be_driven() {
    if !has_chromium() {
        return;
    }
    let bench = Bench::new();
    bench.tool(
        "chromium",
        "[ \"$1\" != --version ] || exec chromedriver --version\n\
         echo 'Error: unrecognized option --headless' >&2; exit 1",
    );

    bench.run(&[&FAST[..], &CHROMIUM, &["webapp"]].concat()).is(
        4,
        &[
            "error: webapp: Chromium did not start: ",
            "last output of Chromium and chromedriver:",
            "| Error: unrecognized option --headless",
            "hint: check that Chromium and chromedriver fit: `chromium --version`, `chromedriver --version`",
        ],
    );
}
