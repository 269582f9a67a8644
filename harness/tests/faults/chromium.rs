//! The faults of Chromium and chromedriver.

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

/// Plays a click on a button with this style, which requests the page again and says so.
fn click_on(style: &str) -> Outcome {
    let bench = Bench::new();
    let page = format!(
        "<p>before</p><button style='{style}' onclick=\"fetch('/').then(() => document.querySelector('p').textContent = 'after')\">Button</button>"
    );
    std::fs::write(bench.path("project/index.html"), page).unwrap();
    bench.scenario("page", PAGE);
    bench.run(&[&FAST[..], &CHROMIUM, &["page"]].concat())
}

const PAGE: &str = r#"
description = "A page with a button"
command = ["python3", "-m", "http.server", "--bind", "{host}", "{port}"]
client = "firefox"

[[mark]]
at = 0
open = "/"

[[mark]]
at = 10
click = "button"
expect = { element = "p", shows = "after" }

[[mark]]
at = 20
close = true
"#;

/// A button that the pointer would miss is clicked as the driver does, which brings it into view first.
#[test]
fn a_button_out_of_view_is_clicked() {
    if !has_chromium() {
        return;
    }
    click_on("margin-top: 3000px").is(0, &[]);
}

#[test]
fn a_button_that_nobody_sees_is_not_clicked() {
    if !has_chromium() {
        return;
    }
    click_on("display: none").is(
        4,
        &[
            "error: page: at ",
            "step `click button` of mark 2.0 s: Chromium could not click: element not interactable",
            "hint: the element is there, but hidden",
        ],
    );
}

/// A browser that does not know the driver's options ends at once, and this is reported.
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
