//! The command: parse, run, map the outcome to an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use wiresnap::cli::Cli;
use wiresnap::commands;

fn main() -> ExitCode {
    commands::run(&Cli::parse())
}
