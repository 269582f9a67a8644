//! `wiresnap capture`: plays scenarios, all at the same time, and keeps what was on the wire.

use std::ffi::OsString;
use std::io::{self, Write};

use super::browser;
use crate::cli::{CaptureArgs, NetworkChoice};
use crate::error::{Class, Result};
use crate::lab::network::Network;
use crate::printer::say;
use crate::recorder::summary::{summary, timings};
use crate::recorder::{Choices, Outcome, RemoteChoice, capture};
use crate::run::PARENT;
use crate::run::message::line;

/// Plays what the arguments name and writes a table of what was captured to `out`.
///
/// # Errors
///
/// Returns the first error that a scenario met; the captures of the others have been written, and are in the table.
pub(super) fn run(arguments: &CaptureArgs, out: &mut impl Write) -> Result<()> {
    let Some(parent) = std::env::var_os(PARENT) else {
        return play(arguments, None, out);
    };
    let outcome = play(arguments, Some(parent), &mut io::sink());
    // A parent that reads no more has ended, and this ends with it.
    let _ = out.write_all(&line(&outcome));
    outcome
}

fn play(arguments: &CaptureArgs, parent: Option<OsString>, out: &mut impl Write) -> Result<()> {
    let outcomes = capture(choices(arguments, parent))?;
    conclude(outcomes, arguments.timings, out)
}

fn choices(arguments: &CaptureArgs, parent: Option<OsString>) -> Choices {
    Choices {
        scenarios: arguments.scenarios.clone(),
        set: arguments.variables.set.clone(),
        out: arguments.out.clone(),
        browser: browser(arguments.browser),
        remote: remote(arguments),
        network: match arguments.network {
            NetworkChoice::Auto => None,
            NetworkChoice::Private => Some(Network::Private),
            NetworkChoice::Host => Some(Network::Host),
        },
        time_scale: arguments.time_scale,
        jobs: arguments.jobs,
        preparing: arguments.preparing,
        replace: arguments.replace,
        is_shared: arguments.shared_machine,
        parent,
    }
}

fn remote(arguments: &CaptureArgs) -> Option<RemoteChoice> {
    Some(RemoteChoice {
        endpoint: arguments.webdriver.clone()?,
        address: arguments.advertise,
        interface: arguments.interface.clone(),
    })
}

/// Prints what was captured, and what was not; the first failure decides the exit code.
fn conclude(outcomes: Vec<Outcome>, with_timings: bool, out: &mut impl Write) -> Result<()> {
    if with_timings {
        say(&timings(&outcomes));
    }
    let mut captured = Vec::new();
    let mut errors = Vec::new();
    for outcome in outcomes {
        match outcome.captured {
            Ok(capture) => captured.push(capture),
            Err(error) => errors.push(error.context(&outcome.scenario)),
        }
    }
    for capture in &captured {
        let told = capture.notes.iter().chain(&capture.warning);
        told.for_each(|note| say(note));
    }
    if !captured.is_empty() {
        let table = summary(&captured)?;
        // Nobody who stops reading a table is in trouble.
        let _ = write!(out, "{table}");
    }
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Ok(());
    };
    for other in errors {
        // One signal ends all: once is enough to say so.
        if !matches!(other.class(), Class::Signal(_)) {
            say(&format!("error: {other}"));
        }
    }
    Err(first)
}
