//! The faults of netcat.

use std::time::Instant;

use rustix::process::Signal;

use crate::live_support::Bench;
use crate::{FAST, misbehaving, ping};

#[test]
fn dies_at_once() {
    let bench = Bench::new();
    bench.tool(
        "nc",
        "[ \"$1\" != -h ] || exit 0\necho 'nc: no such option' >&2; exit 3",
    );

    bench.run(&[&FAST[..], &["tcpapp"]].concat()).is(
        4,
        &[
            "error: tcpapp: at ",
            "step `open` of mark 0.0 s: nc ended with exit code 3",
            "| nc: no such option",
            "hint: try it by hand",
        ],
    );
}

#[test]
fn killed() {
    let bench = Bench::new();
    let mut running = bench.start(&[&FAST[..], &["tcpapp"]].concat());
    running.until("send time");

    running.process("nc").signal(Signal::KILL);

    running.end().is(
        4,
        &[
            "error: tcpapp: at ",
            "step `send time`",
            "nc was killed by signal 9",
            "nc wrote nothing",
            "hint: try it by hand",
        ],
    );
}

/// What is expected in vain fails when its time is over, is told with that time, and nothing is waited for behind it.
#[test]
fn what_does_not_come_is_told_with_its_time() {
    // A death would be waited for 3 s longer: half of that is enough for a busy machine.
    const LATER: f64 = 1.5;
    let bench = Bench::new();
    misbehaving::add(&bench, "pings");
    let scenario = ping("pings");
    let expected = scenario.replace("shows = \"", "shows = \"no ");
    assert_ne!(scenario, expected);
    bench.scenario("pings", &expected);
    let mut running = bench.start(&["pings"]);
    running.until("pings: send ping");
    let began = Instant::now();
    running.until("pings: closing");
    let took = began.elapsed().as_secs_f64();

    let outcome = running.end();

    outcome.is(4, &["step `send ping` of mark 0.5 s", "within 5 s"]);
    let (_, behind) = outcome.said.split_once("error: pings: at ").unwrap();
    let (seconds, _) = behind.split_once(" s, ").unwrap();
    let seconds: f64 = seconds.parse().unwrap();
    // The mark is at 0.5 s.
    assert!((5.5..5.5 + LATER).contains(&seconds), "{}", outcome.said);
    assert!(took < 5.5 + LATER, "{took}: {}", outcome.said);
}
