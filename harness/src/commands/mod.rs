//! The verbs of the command line, a module each.

pub mod accept;
mod browsers;
pub mod capture;
pub mod check;
mod checkup;
mod collisions;
mod confinement;
pub mod credentials;
pub mod diff;
pub mod docs;
pub mod doctor;
pub mod init;
mod interrupts;
mod lab;
pub mod learn;
pub mod list;
pub mod payload;
pub mod report;
pub mod snapshots;
pub mod stats;
pub mod validate;
mod variables;
mod whole_json;
mod write;

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use clap::Parser as _;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::error::{Class, Error};
use crate::lab::descriptors;
use crate::printer::{self, WhenClosed, say, standard_error, standard_output};
use crate::render::json::ascii_where_unsafe;
use crate::trace::reader::TraceError;

/// The fewest open files that a run gets along with: its own, and for each scenario a capture, a line and the ends of
/// processes.
const LEAST_DESCRIPTORS: u64 = 64;

/// Runs the `wiresnap` command: for its executable, and for any other that is to do the same.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return printer::answer(&answer),
    };
    let starts_others = matches!(
        cli.command,
        Command::Capture(_) | Command::Doctor(_) | Command::PlayTest
    );
    if starts_others && let Err(error) = descriptors::close_inherited() {
        say(&format!("error: {error}"));
        return ExitCode::from(error.class().exit_code());
    }
    if let Err(error) = confinement::apply(&cli) {
        say(&format!("error: {error}"));
        return ExitCode::from(error.class().exit_code());
    }
    run(&cli)
}

/// Carries out a command line and gives the exit code.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    match &cli.command {
        Command::KeepLab(arguments) => lab::keep(arguments),
        Command::PlayLab(arguments) => lab::play(arguments),
        Command::InitLab(_) => lab::init(),
        Command::PlayTest => capture::commission::serve(),
        command => print(command),
    }
}

/// Carries out a verb, and says how it went.
fn print(command: &Command) -> ExitCode {
    let mut out = standard_output(when_closed(command));
    let outcome = whole_json::or_error(command, &mut out, |out| {
        carry_out(command, out, &mut standard_error())
    });
    // What could not be printed hides how it went.
    let outcome = out.finish().map_err(anyhow::Error::new).and(outcome);
    match outcome {
        Err(error) if !out.has_stopped() => {
            say(&format!("error: {error:#}"));
            ExitCode::from(class_of(&error).exit_code())
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Returns the action of standard output when its reader is gone. A listing may be longer than anybody has time for;
/// everything else has a verdict.
const fn when_closed(command: &Command) -> WhenClosed {
    match command {
        Command::Payload(_) => WhenClosed::Stop,
        _ => WhenClosed::GoOn,
    }
}

fn carry_out(
    command: &Command,
    out: &mut (impl Write + Send),
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        Command::Capture(arguments) => Ok(capture::run(arguments, out)?),
        Command::Stats(arguments) => stats::run(arguments, out, talk),
        Command::Payload(arguments) => payload::run(arguments, out, talk),
        Command::Diff(arguments) => diff::run(arguments, out, talk),
        Command::Check(arguments) => check::run(arguments, out, talk),
        Command::Accept(arguments) => accept::run(arguments, out, talk),
        Command::Learn(arguments) => learn::run(arguments, out, talk),
        Command::List(arguments) => list::run(*arguments, out, talk),
        Command::Validate(arguments) => validate::run(arguments, out, talk),
        Command::Init(arguments) => init::run(arguments, out),
        Command::Docs(arguments) => docs::run(arguments, out),
        Command::Report(arguments) => report::run(arguments, out, talk),
        Command::Doctor(arguments) => doctor::run(*arguments, out),
        Command::KeepLab(_) | Command::PlayLab(_) | Command::InitLab(_) | Command::PlayTest => {
            Ok(())
        }
    }
}

/// Returns a runtime that has no thread but ours.
fn one_thread() -> crate::error::Result<tokio::runtime::Runtime> {
    require_descriptors()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::environment(format!("cannot start the async runtime: {error}")))
}

/// Makes sure that files can be opened: without, the runtime would not even say why it cannot be made, and programs would be
/// blamed for what this process lacks.
fn require_descriptors() -> crate::error::Result<()> {
    let few = |what: String| {
        Error::environment(what)
            .with_hint("`ulimit -n 1024` allows more, in the shell that starts wiresnap")
    };
    let limit = getrlimit(Resource::Nofile).current;
    if let Some(limit) = limit.filter(|limit| *limit < LEAST_DESCRIPTORS) {
        return Err(few(format!(
            "this process may have only {limit} files open, it takes {LEAST_DESCRIPTORS}"
        )));
    }
    let pairs: io::Result<Vec<_>> = (0..4).map(|_| UnixStream::pair()).collect();
    let _enough = pairs.map_err(|error| few(format!("cannot open any more files: {error}")))?;
    Ok(())
}

/// Prints a value as JSON, in one piece: what cannot be made is not begun.
fn print_json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut json = serde_json::to_vec_pretty(value)?;
    json.push(b'\n');
    out.write_all(&ascii_where_unsafe(&json))
}

/// Returns the class of an error: its own, or that of the environment if the system refused something, such as a
/// temporary file or one more open file. All other errors come from an invalid capture file.
fn class_of(error: &anyhow::Error) -> Class {
    if let Some(known) = error.downcast_ref::<Error>() {
        return known.class();
    }
    let is_refused = match error.downcast_ref::<TraceError>() {
        Some(TraceError::Open { reason, .. }) => is_exhausted(reason),
        _ => error.chain().any(<dyn std::error::Error>::is::<io::Error>),
    };
    if is_refused {
        Class::Environment
    } else {
        Class::Usage
    }
}

/// Returns true if the system has run out of something, whichever file it was for.
fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}
