//! Temporary: dispatches `stats` alone, until the command line is there.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use wiresnap::commands::stats::{StatsArgs, run};

#[derive(Parser)]
enum Command {
    Stats(StatsArgs),
}

fn main() -> ExitCode {
    let Command::Stats(args) = Command::parse();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let outcome = run(&args, &mut out, &mut io::stderr()).and_then(|()| Ok(out.flush()?));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
