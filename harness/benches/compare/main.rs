//! Measures the speed and memory of `stats` and `payload`, beside other tools in use today.
//!
//! `make bench` makes captures under `target/bench/`, lets ours and the installed peers read each in turn, and prints
//! time and memory, and how these compare with the targets; `target/bench/results.json` holds the same for programs. It
//! is not a test: a busy machine makes everything slower, so only the ratios within one call mean something.
//!
//! These variables shorten it, shown with their defaults:
//!
//! - `BENCH_SIZES=10M,100M,1G`: the sizes;
//! - `BENCH_CAPTURES=few,short,live`: few long connections, many short ones, many that stay open;
//! - `BENCH_TOOLS=wiresnap,tshark,capinfos,tcpflow`: the programs (tshark needs 9 GB of memory for a gigabyte of `short`);
//! - `BENCH_ROUNDS=5`: how often each tool runs;
//! - `BENCH_SECONDS=40`: after which time a tool is not run on the same capture again.

#[path = "../../tests/support/network.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the tests, which need more of it"
)]
mod network;

mod inputs;
mod results;
mod tools;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use inputs::{Input, Kind, Size};
use results::{Report, Series};
use tools::{Question, Tool};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    // `cargo test --all-targets` calls benchmarks too, without this argument, to see that they run at all.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let settings = Settings::from_environment()?;
    fs::create_dir_all(&settings.folder)?;
    let missing = settings.missing_tools();
    let all = measure_all(&settings)?;
    let targets = results::targets(&all);
    println!(
        "{}\n{}",
        results::table(&all),
        results::target_table(&targets)
    );
    println!(
        "× Ours: the tool's fastest run by that of wiresnap on the same capture; × CPU: the same of time on a processor."
    );
    for tool in &missing {
        println!("{tool} is not installed, so it was left out.");
    }
    let path = settings.folder.join("results.json");
    let report = Report::new(&all, targets, missing);
    serde_json::to_writer_pretty(BufWriter::new(File::create(&path)?), &report)?;
    println!("The same as JSON: {}", path.display());
    Ok(())
}

struct Settings {
    sizes: Vec<Size>,
    captures: Vec<Kind>,
    tools: Vec<Tool>,
    rounds: usize,
    most_time: Duration,
    folder: PathBuf,
}

impl Settings {
    fn from_environment() -> Outcome<Self> {
        let sizes = variable("BENCH_SIZES", "10M,100M,1G");
        let sizes: Result<Vec<Size>, String> = sizes.split(',').map(Size::parse).collect();
        let captures = variable("BENCH_CAPTURES", "few,short,live");
        let programs = variable("BENCH_TOOLS", "wiresnap,tshark,capinfos,tcpflow");
        let is_in = |list: &str, name: &str| list.split(',').any(|entry| entry.trim() == name);
        let tools = Question::ALL.into_iter().flat_map(Tool::for_question);
        Ok(Self {
            sizes: sizes?,
            captures: Kind::ALL
                .into_iter()
                .filter(|kind| is_in(&captures, kind.name()))
                .collect(),
            tools: tools
                .filter(|tool| is_in(&programs, tool.program()))
                .copied()
                .collect(),
            rounds: variable("BENCH_ROUNDS", "5").parse::<usize>()?.max(1),
            most_time: Duration::from_secs(variable("BENCH_SECONDS", "40").parse()?),
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench"),
        })
    }

    fn missing_tools(&self) -> Vec<&'static str> {
        let missing = self.tools.iter().filter(|tool| tool.find().is_none());
        missing.map(|tool| tool.name()).collect()
    }
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn measure_all(settings: &Settings) -> Outcome<Vec<Series>> {
    let mut all = Vec::new();
    for kind in &settings.captures {
        for size in &settings.sizes {
            let input = Input::prepare(&settings.folder, *kind, size)?;
            for question in Question::ALL {
                all.extend(measure(settings, &input, question)?);
            }
        }
    }
    Ok(all)
}

/// Lets the tools read a capture in turn, so that a disturbance affects all of them.
fn measure(settings: &Settings, input: &Input, question: Question) -> io::Result<Vec<Series>> {
    let scratch = settings.folder.join("scratch");
    let suiting = Tool::for_question(question)
        .iter()
        .filter(|tool| tool.suits(input) && settings.tools.contains(tool));
    let programs: Vec<(Tool, PathBuf)> = suiting
        .filter_map(|tool| tool.find().map(|program| (*tool, program)))
        .collect();
    let mut all: Vec<Series> = programs
        .iter()
        .map(|(tool, _)| Series {
            input: input.clone(),
            question,
            tool: *tool,
            runs: Vec::new(),
        })
        .collect();
    input.warm()?;
    for round in 0..settings.rounds {
        for (series, (tool, program)) in all.iter_mut().zip(&programs) {
            let spent: Duration = series.runs.iter().map(|run| run.wall).sum();
            if round == 0 || spent < settings.most_time {
                eprintln!("{}: {} (round {})", input.name(), tool.name(), round + 1);
                series.runs.push(tool.run(program, input, &scratch)?);
            }
        }
    }
    tools::empty(&scratch)?;
    Ok(all)
}
