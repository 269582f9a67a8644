//! The verbs of the command line, a module each.

pub mod accept;
mod browsers;
pub mod capture;
pub mod check;
mod checkup;
mod collisions;
mod coverage;
pub mod credentials;
pub mod diff;
pub mod docs;
pub mod doctor;
pub mod in_order;
pub mod init;
mod interrupts;
mod lab;
pub mod learn;
pub mod list;
pub mod payload;
mod redactions;
pub mod report;
pub mod snapshots;
mod spill;
pub mod stats;
pub mod validate;
mod variables;
mod write;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::error::{Class, Error};
use crate::render::json::ascii_where_unsafe;
use crate::trace::reader::TraceError;

/// The `wiresnap` command: what its executable does, and any other that is to do the same.
#[must_use]
pub fn main() -> ExitCode {
    run(&Cli::parse())
}

/// Carries out a command line and gives the exit code.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let outcome = match &cli.command {
        Command::KeepLab(arguments) => return lab::keep(arguments),
        Command::PlayLab(arguments) => return lab::play(arguments),
        Command::InitLab(_) => return lab::init(),
        Command::PlayTest => return capture::commission::serve(),
        command => carry_out(command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::from(class_of(&error).exit_code())
        }
    }
}

fn carry_out(command: &Command) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let mut talk = io::stderr();
    match command {
        Command::Capture(arguments) => Ok(capture::run(arguments, &mut out)?),
        Command::Stats(arguments) => stats::run(arguments, &mut out, &mut talk),
        Command::Payload(arguments) => payload::run(arguments, &mut out, &mut talk),
        Command::Diff(arguments) => diff::run(arguments, &mut anstream::stdout(), &mut talk),
        Command::Check(arguments) => check::run(arguments, &mut anstream::stdout(), &mut talk),
        Command::Accept(arguments) => accept::run(arguments, &mut anstream::stdout(), &mut talk),
        Command::Learn(arguments) => learn::run(arguments, &mut anstream::stdout(), &mut talk),
        Command::List(arguments) => list::run(*arguments, &mut out, &mut talk),
        Command::Validate(arguments) => validate::run(arguments, &mut out, &mut talk),
        Command::Init(arguments) => init::run(arguments, &mut out),
        Command::Docs(arguments) => docs::run(arguments, &mut out),
        Command::Report(arguments) => report::run(arguments, &mut out, &mut talk),
        Command::Doctor(arguments) => doctor::run(*arguments, &mut anstream::stdout()),
        Command::KeepLab(_) | Command::PlayLab(_) | Command::InitLab(_) | Command::PlayTest => {
            Ok(())
        }
    }
}

/// So many of something, as `1 capture`, `2 captures`.
fn counted(count: usize, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// Where projects are looked for, and what paths are relative to.
fn current_folder() -> crate::error::Result<PathBuf> {
    std::env::current_dir()
        .map_err(|error| Error::usage(format!("cannot tell the current folder: {error}")))
}

/// A runtime that has no thread but ours.
fn one_thread() -> crate::error::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::environment(format!("cannot start the async runtime: {error}")))
}

/// Prints a value as JSON, in one piece: what cannot be made is not begun.
fn print_json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut json = serde_json::to_vec_pretty(value)?;
    json.push(b'\n');
    out.write_all(&ascii_where_unsafe(&json))
}

/// Talks to the user; where nobody listens any more, that is no reason to fail.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whoever stops reading our output has seen enough of it.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// The error with the capture file that it is about, unless it names it itself.
fn named(error: anyhow::Error, capture: &Path) -> anyhow::Error {
    match error.downcast_ref() {
        Some(TraceError::Open { .. }) => error,
        _ => error.context(capture.display().to_string()),
    }
}

/// What has no class of its own is a capture file that makes no sense.
fn class_of(error: &anyhow::Error) -> Class {
    error
        .downcast_ref::<Error>()
        .map_or(Class::Usage, Error::class)
}
