//! Temporary: dispatches what is there, until the command line is.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use wiresnap::commands::{payload, stats};

#[derive(Parser)]
enum Command {
    Stats(stats::StatsArgs),
    Payload(payload::PayloadArgs),
}

fn main() -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let talk = &mut io::stderr();
    let outcome = match Command::parse() {
        Command::Stats(args) => stats::run(&args, &mut out, talk),
        Command::Payload(args) => payload::run(&args, &mut out, talk),
    };
    match outcome.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
