//! Real faults in the middle of a real run: each names what failed, leaves nothing running and replaces nothing.
//!
//! Needs the privilege to capture; `make test-live` runs it.

mod live_support;
mod workspace;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use live_support::Workbench;
use rustix::process::{Pid, Signal, kill_process};

/// What was in the way before, and must still be there after.
const OLD: &[u8] = b"an old capture";

/// A capture that meets a fault.
struct Fault {
    scenario: &'static str,
    /// The line of progress after which it strikes.
    after: &'static str,
    /// The process that it strikes.
    victim: &'static str,
    signal: Signal,
}

/// Plays until the fault strikes, and gives exit code and last words; the checks that hold for every fault are made.
fn strike(fault: &Fault) -> (Option<i32>, String) {
    let bench = Workbench::new();
    let old = bench.folder().join(fault.scenario).with_extension("pcap");
    std::fs::write(&old, OLD).unwrap();
    let (mut wiresnap, mut said, mut lines) = bench.start(&["--time-scale", "0.2", fault.scenario]);

    for line in lines.by_ref().map(Result::unwrap) {
        let is_it = line.ends_with(fault.after);
        said.push(line);
        if is_it {
            break;
        }
    }
    let victim = bench.process(fault.victim);
    kill_process(Pid::from_raw(victim).unwrap(), fault.signal).unwrap();
    let struck = Instant::now();
    said.extend(lines.map(Result::unwrap));
    let status = wiresnap.wait().unwrap();

    let said = said.join("\n");
    assert!(
        struck.elapsed() < Duration::from_secs(15),
        "took {:?}: {said}",
        struck.elapsed()
    );
    assert_eq!(std::fs::read(&old).unwrap(), OLD, "{said}");
    bench.assert_nothing_is_left();
    (status.code(), said)
}

#[track_caller]
fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

#[test]
fn program_killed() {
    let (code, said) = strike(&Fault {
        scenario: "webapp",
        after: "click #button",
        victim: "webapp",
        signal: Signal::KILL,
    });

    assert_eq!(code, Some(4), "{said}");
    assert_says(
        &said,
        &[
            "error: webapp: at ",
            " s, step `click #button`",
            "webapp was killed by signal 9",
            "| listening on http://127.0.0.1:8000/",
        ],
    );
}

#[test]
fn program_killed_under_nc() {
    let (code, said) = strike(&Fault {
        scenario: "tcpapp",
        after: "send time",
        victim: "tcpapp",
        signal: Signal::KILL,
    });

    // nc ends too, because of it, and sooner than anybody looks: that is not what failed.
    assert_eq!(code, Some(4), "{said}");
    assert_says(
        &said,
        &["error: tcpapp: at ", "tcpapp was killed by signal 9"],
    );
}

#[test]
fn terminal_gone() {
    let (code, said) = strike(&Fault {
        scenario: "tcpapp",
        after: "send time",
        victim: "wiresnap",
        signal: Signal::HUP,
    });

    assert_eq!(code, Some(129), "{said}");
    assert_says(&said, &["ended by SIGHUP"]);
}

#[test]
fn firefox_killed() {
    let (code, said) = strike(&Fault {
        scenario: "ajaxapp",
        after: "click #button",
        victim: "firefox",
        signal: Signal::KILL,
    });

    assert_eq!(code, Some(4), "{said}");
    assert_says(
        &said,
        &[
            "error: ajaxapp: at ",
            "step `click #button`",
            "Firefox (process ",
            ") ended",
            "last output of Firefox and geckodriver:",
        ],
    );
}

#[test]
fn geckodriver_killed() {
    let (code, said) = strike(&Fault {
        scenario: "wsapp",
        after: "click #button",
        victim: "geckodriver",
        signal: Signal::KILL,
    });

    assert_eq!(code, Some(4), "{said}");
    assert_says(
        &said,
        &[
            "error: wsapp: at ",
            "step `click #button`",
            "geckodriver was killed by signal 9",
            "last output of geckodriver:",
        ],
    );
}

#[test]
fn nc_killed() {
    let (code, said) = strike(&Fault {
        scenario: "tcpapp",
        after: "send time",
        victim: "nc",
        signal: Signal::KILL,
    });

    assert_eq!(code, Some(4), "{said}");
    assert_says(
        &said,
        &[
            "error: tcpapp: at ",
            "step `send time`",
            "nc was killed by signal 9",
        ],
    );
}

#[test]
fn geckodriver_ended_while_firefox_starts() {
    let (code, said) = strike(&Fault {
        scenario: "webapp",
        after: "starting Firefox",
        victim: "geckodriver",
        signal: Signal::TERM,
    });

    assert_eq!(code, Some(4), "{said}");
    assert_says(&said, &["error: webapp: ", "geckodriver "]);
}

#[test]
fn interrupted() {
    let (code, said) = strike(&Fault {
        scenario: "webapp",
        after: "click #button",
        victim: "wiresnap",
        signal: Signal::INT,
    });

    assert_eq!(code, Some(130), "{said}");
    assert_says(&said, &["error: webapp: ", "ended by Ctrl-C"]);
}

#[test]
fn terminated_while_firefox_starts() {
    let (code, said) = strike(&Fault {
        scenario: "webapp",
        after: "starting Firefox",
        victim: "wiresnap",
        signal: Signal::TERM,
    });

    assert_eq!(code, Some(143), "{said}");
    assert_says(&said, &["error: webapp: ended by SIGTERM"]);
}

#[test]
fn port_taken() {
    let bench = Workbench::new();
    let _taken = TcpListener::bind("127.0.0.1:8000").unwrap();

    let output = bench.capture(&["tcpapp"]).output().unwrap();

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_says(
        &said,
        &["error: tcpapp: port 8000 is taken", "hint: find it with"],
    );
    bench.assert_nothing_is_left();
}
