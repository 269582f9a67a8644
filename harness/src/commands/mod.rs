//! The verbs of the command line, a module each.

mod accept;
mod answer;
#[cfg(feature = "capture")]
mod capture;
mod check;
mod confinement;
mod diff;
mod docs;
#[cfg(feature = "capture")]
mod doctor;
mod init;
#[cfg(feature = "capture")]
mod lab;
mod learn;
mod list;
mod marks;
mod payload;
mod report;
mod stats;
mod validate;
mod whole_json;
#[cfg(not(feature = "capture"))]
mod without_capture;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser as _;
use rustix::io::Errno;

#[cfg(feature = "capture")]
use crate::cli::BrowserChoice;
use crate::cli::{CaptureSelection, Cli, Command};
use crate::error::{Class, Error};
use crate::log;
#[cfg(feature = "capture")]
use crate::machine::browser::Kind;
use crate::machine::descriptors;
use crate::printer::{self, WhenClosed, say, standard_error, standard_output};
use crate::review::selection::Selection;
use wirestream::capture::ReadError;

/// Runs the `wiresnap` command: for its executable, and for any other that is to do the same.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return printer::answer(&answer),
    };
    if let Err(error) = prepare(&cli) {
        say(&format!("error: {error}"));
        return ExitCode::from(error.class().exit_code());
    }
    run(&cli)
}

/// Closes what is open, begins the log, and gives up what the verb does not need.
fn prepare(cli: &Cli) -> Result<(), Error> {
    let starts_others = matches!(
        cli.command,
        Command::Capture(_) | Command::Doctor(_) | Command::PlayTest
    );
    if starts_others {
        descriptors::close_inherited()?;
    }
    log::begin(cli.verbose)?;
    confinement::apply(cli)
}

/// Carries out a command line and gives the exit code.
fn run(cli: &Cli) -> ExitCode {
    #[cfg(feature = "capture")]
    if let Some(code) = lab::run(&cli.command) {
        return code;
    }
    print(&cli.command)
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
        #[cfg(feature = "capture")]
        Command::Capture(arguments) => Ok(capture::run(arguments, out)?),
        #[cfg(feature = "capture")]
        Command::Doctor(arguments) => doctor::run(*arguments, out, talk),
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
        // The hidden verbs have been carried out.
        #[cfg(feature = "capture")]
        Command::KeepLab(_) | Command::PlayLab(_) | Command::InitLab(_) | Command::PlayTest => {
            Ok(())
        }
        #[cfg(not(feature = "capture"))]
        _ => Err(without_capture::error().into()),
    }
}

/// Returns the captures that the arguments name.
fn selection(arguments: &CaptureSelection) -> Selection<'_> {
    Selection {
        names: &arguments.names,
        captures: arguments.captures.as_deref(),
    }
}

/// Returns the browser that was asked for.
#[cfg(feature = "capture")]
const fn browser(choice: BrowserChoice) -> Kind {
    match choice {
        BrowserChoice::Firefox => Kind::Firefox,
        BrowserChoice::Chromium => Kind::Chromium,
    }
}

/// Returns the class of an error: its own, or that of the environment if the system refused something, such as a
/// temporary file or one more open file. All other errors come from an invalid capture file.
fn class_of(error: &anyhow::Error) -> Class {
    if let Some(known) = error.downcast_ref::<Error>() {
        return known.class();
    }
    let is_refused = match error.downcast_ref::<ReadError>() {
        Some(ReadError::Open { reason, .. }) => is_exhausted(reason),
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
