//! The faults of a program under study.

use rustix::process::Signal;

use crate::live_support::Bench;
use crate::{FAST, misbehaving, ping};

/// Returns a scenario for Firefox that opens a page, and then clicks its button twice.
fn clicks(program: &str, shows: &str) -> String {
    let click = |at: u32| {
        format!(
            "[[mark]]\nat = {at}\nclick = \"#button\"\nexpect = {{ element = \"time\", shows = \"{shows}\" }}\n"
        )
    };
    format!(
        "description = \"A page\"\nprogram = \"{program}\"\nport = 8000\nclient = \"firefox\"\n\n\
         [[mark]]\nat = 0\nopen = \"/\"\nexpect = {{ element = \"time\", shows = \"{shows}\" }}\n\n{}\n{}\n\
         [[mark]]\nat = 30\nclose = true\n",
        click(10),
        click(20)
    )
}

fn bench_with(name: &str, scenario: &str) -> Bench {
    let bench = Bench::new();
    misbehaving::add(&bench, name);
    bench.scenario(name, scenario);
    bench
}

#[test]
fn exits_at_once() {
    let bench = Bench::new();
    bench.program("quits", "echo 'no configuration' >&2; exit 7");
    bench.scenario("quits", &ping("quits"));

    bench.run(&["quits"]).is(
        4,
        &[
            "error: quits: before it listened: quits ended with exit code 7",
            "| no configuration",
            "hint: start it by hand to see more: `",
        ],
    );
}

#[test]
fn never_listens() {
    let bench = Bench::new();
    bench.program("deaf", "echo 'waiting for a database'; exec sleep 600");
    bench.scenario("deaf", &ping("deaf"));

    bench.run(&["deaf"]).is(
        4,
        &[
            "error: deaf: deaf does not listen on 127.0.0.1:8000 after 30 s",
            "| waiting for a database",
            "hint: start it by hand",
        ],
    );
}

#[test]
fn stops_listening() {
    let bench = bench_with("stops-listening", &clicks("stops-listening", "{clock}"));

    bench.run(&[&FAST[..], &["stops-listening"]].concat()).is(
        4,
        &[
            "error: stops-listening: at ",
            "step `click #button` of mark 4.0 s",
            "hint: ",
        ],
    );
}

#[test]
fn answers_garbage_to_firefox() {
    let bench = bench_with("garbage", &clicks("garbage", "{clock}"));

    bench.run(&[&FAST[..], &["garbage"]].concat()).is(
        4,
        &[
            "error: garbage: at ",
            "step `open /` of mark 0.0 s",
            "hint: ",
        ],
    );
}

#[test]
fn answers_garbage_to_nc() {
    let bench = bench_with("garbage", &ping("garbage"));

    let outcome = bench.run(&["garbage"]);

    outcome.is(4, &["error: garbage: at ", "step `send ping`", "hint: "]);
    assert!(!outcome.said.contains('\u{1b}'), "{}", outcome.said);
}

#[test]
fn hangs() {
    let bench = bench_with("hangs", &ping("hangs"));

    bench.run(&["hangs"]).is(
        4,
        &[
            "error: hangs: at ",
            "step `send ping` of mark 0.5 s: nc printed nothing within 5 s, expected \"pong\"",
            "last output of hangs:",
            "| listening",
            "hint: is what the scenario file expects what the program sends?",
        ],
    );
}

#[test]
fn page_without_the_button() {
    let bench = bench_with("buttonless", &clicks("buttonless", "now"));

    bench.run(&[&FAST[..], &["buttonless"]].concat()).is(
        4,
        &[
            "error: buttonless: at ",
            "step `click #button` of mark 2.0 s: no element `#button` on the page, looked for 5.0 s",
            "hint: is the selector in the scenario file",
        ],
    );
}

#[test]
fn page_that_never_updates() {
    let bench = bench_with("never-updates", &clicks("never-updates", "now"));

    bench.run(&[&FAST[..], &["never-updates"]].concat()).is(
        4,
        &[
            "error: never-updates: at ",
            "step `click #button` of mark 2.0 s: `time` shows \"now\", the same as before",
            "hint: ",
        ],
    );
}

/// Returns a scenario for Firefox that opens a page, and then waits for it to change by itself.
fn waits(program: &str, shows: &str) -> String {
    let expect = format!("expect = {{ element = \"time\", shows = \"{shows}\" }}");
    format!(
        "description = \"A page\"\nprogram = \"{program}\"\nport = 8000\nclient = \"firefox\"\n\n\
         [[mark]]\nat = 0\nopen = \"/\"\n{expect}\n\n[[mark]]\nat = 10\nwait = true\n{expect}\n\n\
         [[mark]]\nat = 20\nclose = true\n"
    )
}

#[test]
fn page_that_is_told_nothing() {
    let bench = bench_with("never-updates", &waits("never-updates", "now"));

    bench.run(&[&FAST[..], &["never-updates"]].concat()).is(
        4,
        &[
            "error: never-updates: at ",
            "step `wait` of mark 2.0 s: `time` shows \"now\", the same as before",
            "hint: ",
        ],
    );
}

#[test]
fn killed_under_firefox() {
    let bench = Bench::new();
    let mut running = bench.start(&[&FAST[..], &["webapp"]].concat());
    running.until("click #button");

    running.process("webapp").signal(Signal::KILL);

    running.end().is(
        4,
        &[
            "error: webapp: at ",
            " s, step `click #button`",
            "webapp was killed by signal 9",
            "| listening on http://127.0.0.1:8000/",
            "hint: start it by hand",
        ],
    );
}

#[test]
fn killed_under_nc() {
    let bench = Bench::new();
    let mut running = bench.start(&[&FAST[..], &["tcpapp"]].concat());
    running.until("send time");

    running.process("tcpapp").signal(Signal::KILL);

    // nc ends too, because of it, and sooner than anybody looks: that is not what failed.
    running
        .end()
        .is(4, &["error: tcpapp: at ", "tcpapp was killed by signal 9"]);
}

#[test]
fn keeps_its_connection_open() {
    let bench = bench_with("never-closes", &ping("never-closes"));

    let outcome = bench.run(&["never-closes"]);

    outcome.is(
        5,
        &[
            "error: never-closes: the capture has no end: 127.0.0.1:",
            "was still open 10 s after the client was closed",
            "note: nothing was replaced; what was captured is in ",
            "hint: ",
        ],
    );
    assert!(
        bench
            .captures()
            .join("inconclusive/never-closes.pcap")
            .is_file()
    );
}

#[test]
fn fails_beside_one_that_does_not() {
    let bench = Bench::new();
    bench.program("quits", "exit 7");
    bench.scenario("quits", &ping("quits"));
    misbehaving::add(&bench, "pings");
    bench.scenario("pings", &ping("pings"));
    bench.program("fails", "exit 8");
    bench.scenario("fails", &ping("fails"));

    let outcome = bench.run(&["quits", "pings", "fails"]);

    outcome.is(
        4,
        &[
            "error: quits: before it listened: quits ended with exit code 7",
            "error: fails: before it listened: fails ended with exit code 8",
        ],
    );
    assert!(
        outcome.printed.contains("/pings.pcap "),
        "{}",
        outcome.printed
    );
}
