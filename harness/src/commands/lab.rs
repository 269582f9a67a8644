//! The hidden verbs: what `capture` starts for each scenario, a keeper, its player, and the first process of those enclosed.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitCode;

use crate::cli::{Command, LabArgs};
use crate::lab::network::{Ground, Network};
use crate::lab::{init, keeper};
use crate::recorder::commission;
use crate::run::message::{Report, line};
use crate::run::player;

/// Carries out a hidden verb and gives its exit code; `None` for any other verb.
pub(super) fn run(command: &Command) -> Option<ExitCode> {
    match command {
        Command::KeepLab(arguments) => Some(keep(arguments)),
        Command::PlayLab(arguments) => Some(play(arguments)),
        Command::InitLab(_) => Some(init()),
        Command::PlayTest => Some(commission::serve()),
        _ => None,
    }
}

/// Makes a lab and ends as its player does; what keeps it from being made is reported on the line.
fn keep(arguments: &LabArgs) -> ExitCode {
    match keeper::keep(&arguments.capture, ground(arguments), &arguments.folder) {
        Ok(status) => {
            let signal = status.signal().map(|signal| 128 + signal);
            let code = signal.or(status.code()).unwrap_or(1);
            ExitCode::from(u8::try_from(code).unwrap_or(1))
        }
        Err(error) => {
            let code = error.class().exit_code();
            if let Ok(mut to) = keeper::line() {
                // Where nobody listens any more, nobody misses the lab.
                let _ = to.write_all(&line(&Report::Refused(error)));
            }
            ExitCode::from(code)
        }
    }
}

/// Plays what it is told to.
fn play(arguments: &LabArgs) -> ExitCode {
    match player::serve(&arguments.capture, ground(arguments), &arguments.folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(error.class().exit_code()),
    }
}

/// Runs as the first process of those enclosed.
fn init() -> ExitCode {
    match init::serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(error.class().exit_code()),
    }
}

fn ground(arguments: &LabArgs) -> Ground {
    Ground {
        network: if arguments.private {
            Network::Private
        } else {
            Network::Host
        },
        // It is our own writing: it makes sense.
        link: arguments
            .link
            .as_deref()
            .and_then(|link| serde_json::from_str(link).ok()),
    }
}
