//! The command line: types only, no behaviour.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::payload::PayloadArgs;
use crate::commands::stats::StatsArgs;

/// Snapshot tests for the wire: plays a scenario, captures it, shows which bytes changed
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  differs
  2  usage, a scenario file or a capture file that makes no sense
  3  this machine is not ready
  4  the run failed (130: Ctrl-C, 143: SIGTERM)
  5  inconclusive: the run went well, but its capture is not provably complete";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play scenarios and capture them
    Capture(CaptureArgs),
    /// Count packets and bytes, overall and per update
    Stats(StatsArgs),
    /// List the application payloads of a capture
    Payload(PayloadArgs),
}

/// Options of `capture`.
#[derive(Args, Debug)]
pub struct CaptureArgs {
    /// Scenarios to play, by name or as path of a .toml file [default: all]
    pub scenarios: Vec<String>,
    /// Folder to write NAME.pcap and NAME.json to [default: the project's]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Play this many times as long: 0.1 is ten times as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub time_scale: f64,
}
