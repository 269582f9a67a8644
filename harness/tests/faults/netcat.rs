//! The faults of netcat.

use rustix::process::Signal;

use crate::FAST;
use crate::live_support::Bench;

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
