//! The results: sums over runs, ratios between tools, and comparisons with the targets.

use std::cmp::Ordering;
use std::time::Duration;

use serde::Serialize;
use wiresnap::render::table::{Style, Table};

use crate::inputs::{Input, Kind};
use crate::tools::{Question, Run, Tool};

/// All runs of one tool on one capture.
pub(crate) struct Series {
    pub(crate) input: Input,
    pub(crate) question: Question,
    pub(crate) tool: Tool,
    pub(crate) runs: Vec<Run>,
}

impl Series {
    /// Returns the time of the run that was disturbed least.
    pub(crate) fn fastest(&self) -> f64 {
        self.walls().first().copied().unwrap_or(f64::INFINITY)
    }

    pub(crate) fn median(&self) -> f64 {
        let walls = self.walls();
        walls.get(walls.len() / 2).copied().unwrap_or(f64::INFINITY)
    }

    fn walls(&self) -> Vec<f64> {
        let mut walls: Vec<f64> = self.runs.iter().map(|run| run.wall.as_secs_f64()).collect();
        walls.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
        walls
    }

    /// Returns the least processor time: the figure that a busy machine changes least.
    fn processor(&self) -> f64 {
        let times = self.runs.iter().map(|run| run.processor);
        times.min().unwrap_or(Duration::ZERO).as_secs_f64()
    }

    pub(crate) fn peak_bytes(&self) -> u64 {
        let peaks = self.runs.iter().map(|run| run.peak_bytes);
        peaks.max().unwrap_or(0)
    }

    pub(crate) fn bytes_per_second(&self) -> f64 {
        float(self.input.file_bytes) / self.fastest()
    }

    fn is_of(&self, input: &Input, question: Question) -> bool {
        self.input.path == input.path && self.question == question
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and counts far below 2^52"
)]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

fn ours<'a>(all: &'a [Series], series: &Series) -> Option<&'a Series> {
    all.iter()
        .find(|other| other.tool.is_ours() && other.is_of(&series.input, series.question))
}

/// Returns the ratio of its time to ours, at the fastest run of each.
fn times_ours(all: &[Series], series: &Series) -> Option<f64> {
    Some(series.fastest() / ours(all, series)?.fastest())
}

/// Returns the same ratio of processor time.
fn times_our_processor(all: &[Series], series: &Series) -> Option<f64> {
    Some(series.processor() / ours(all, series)?.processor())
}

/// Returns the figures, a row for each tool and capture.
pub(crate) fn table(all: &[Series]) -> String {
    let mut table = Table::new(&[
        ("Capture", false),
        ("Tool", false),
        ("Runs", true),
        ("Min s", true),
        ("Median s", true),
        ("CPU s", true),
        ("MB/s", true),
        ("Peak MB", true),
        ("× Ours", true),
        ("× CPU", true),
    ]);
    let times = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}"));
    for series in all {
        table.row(vec![
            series.input.name(),
            series.tool.name().to_owned(),
            series.runs.len().to_string(),
            format!("{:.3}", series.fastest()),
            format!("{:.3}", series.median()),
            format!("{:.3}", series.processor()),
            format!("{:.0}", series.bytes_per_second() / 1e6),
            format!("{:.1}", float(series.peak_bytes()) / 1e6),
            times(times_ours(all, series)),
            times(times_our_processor(all, series)),
        ]);
    }
    table.render(Style::Text)
}

/// A promise, and the measurement for it.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    what: String,
    unit: &'static str,
    wanted: f64,
    measured: f64,
    is_met: bool,
}

impl Target {
    fn at_least(what: String, unit: &'static str, wanted: f64, measured: f64) -> Self {
        Self {
            what,
            unit,
            wanted,
            measured,
            is_met: measured >= wanted,
        }
    }

    fn at_most(what: String, unit: &'static str, wanted: f64, measured: f64) -> Self {
        Self {
            is_met: measured <= wanted,
            ..Self::at_least(what, unit, wanted, measured)
        }
    }
}

pub(crate) fn targets(all: &[Series]) -> Vec<Target> {
    let ours = all.iter().filter(|series| series.tool.is_ours());
    let per_capture = ours.flat_map(|series| targets_of(all, series));
    per_capture.chain(linear(all)).collect()
}

fn targets_of(all: &[Series], series: &Series) -> Vec<Target> {
    let (name, input) = (series.tool.name(), &series.input);
    let about = |what: &str| format!("{name}, {}: {what}", input.name());
    let mut targets = Vec::new();
    if input.kind != Kind::Live {
        let rate = match series.question {
            Question::Stats => 1000.0,
            Question::Payload => 300.0,
        };
        targets.push(Target::at_least(
            about("rate"),
            "MB/s",
            rate,
            series.bytes_per_second() / 1e6,
        ));
        for (peer, wanted) in [
            (Tool::TsharkConversations, 50.0),
            (Tool::TsharkFollow, 20.0),
            (Tool::Tcpflow, 2.0),
        ] {
            let other = all
                .iter()
                .find(|other| other.tool == peer && other.is_of(input, series.question));
            if let Some(times) = other.and_then(|other| times_ours(all, other)) {
                targets.push(Target::at_least(
                    about(&format!("speed beside {}", peer.name())),
                    "times",
                    wanted,
                    times,
                ));
            }
        }
    }
    if series.tool == Tool::Stats {
        targets.extend(memory(all, series));
    }
    if series.tool == Tool::Payload
        && let Some(times) = one_beside_follow(all, input)
    {
        let what = format!(
            "{}, {}: speed beside {}",
            Tool::PayloadOfOne.name(),
            input.name(),
            Tool::TsharkFollow.name()
        );
        targets.push(Target::at_least(what, "times", 20.0, times));
    }
    targets
}

/// Returns the ratio of tshark's time to ours for the listing of one connection; tshark never shows more than one.
fn one_beside_follow(all: &[Series], input: &Input) -> Option<f64> {
    let fastest = |tool: Tool| {
        let mut series = all.iter();
        let found = series.find(|series| series.tool == tool && series.input.path == input.path);
        found.map(Series::fastest)
    };
    Some(fastest(Tool::TsharkFollow)? / fastest(Tool::PayloadOfOne)?)
}

/// Returns the target for memory: for few connections all that is held, for more of them the memory that each adds.
fn memory(all: &[Series], series: &Series) -> Option<Target> {
    let (name, input) = (series.tool.name(), &series.input);
    let peak = float(series.peak_bytes());
    if input.kind == Kind::Few {
        let what = format!("{name}, {}: peak memory", input.name());
        return Some(Target::at_most(what, "MB", 64.0, peak / 1e6));
    }
    let few = all.iter().find(|other| {
        other.tool == series.tool
            && other.input.kind == Kind::Few
            && other.input.size.bytes == input.size.bytes
    })?;
    let each = (peak - float(few.peak_bytes())) / float(input.connections);
    let what = format!("{name}, {}: memory per connection", input.name());
    Some(Target::at_most(what, "bytes", 500.0, each))
}

/// Returns the targets for linear time: the largest capture should take as long per byte as the smallest.
fn linear(all: &[Series]) -> Vec<Target> {
    let per_byte = |series: &Series| series.fastest() / float(series.input.file_bytes);
    let mut targets = Vec::new();
    for tool in [Tool::Stats, Tool::Payload] {
        for kind in [Kind::Few, Kind::Short] {
            let mut sizes: Vec<&Series> = all
                .iter()
                .filter(|series| series.tool == tool && series.input.kind == kind)
                .collect();
            sizes.sort_by_key(|series| series.input.file_bytes);
            let [smallest, .., largest] = sizes[..] else {
                continue;
            };
            let what = format!(
                "{}, {}: time per byte, {} to {}",
                tool.name(),
                kind.name(),
                smallest.input.size.name,
                largest.input.size.name
            );
            let growth = per_byte(largest) / per_byte(smallest);
            targets.push(Target::at_most(what, "times", 1.25, growth));
        }
    }
    targets
}

pub(crate) fn target_table(targets: &[Target]) -> String {
    let mut table = Table::new(&[
        ("Target", false),
        ("Wanted", true),
        ("Measured", true),
        ("", false),
    ]);
    for target in targets {
        let decimals = usize::from(target.unit == "times");
        table.row(vec![
            target.what.clone(),
            format!("{} {}", target.wanted, target.unit),
            format!("{:.decimals$} {}", target.measured, target.unit),
            if target.is_met { "met" } else { "missed" }.to_owned(),
        ]);
    }
    table.render(Style::Text)
}

/// All results, for programs.
#[derive(Serialize)]
pub(crate) struct Report {
    processors: usize,
    missing: Vec<&'static str>,
    results: Vec<JsonSeries>,
    targets: Vec<Target>,
}

#[derive(Serialize)]
struct JsonSeries {
    capture: &'static str,
    size: String,
    file_bytes: u64,
    connections: u64,
    tool: &'static str,
    wall_seconds: Vec<f64>,
    minimum_seconds: f64,
    median_seconds: f64,
    processor_seconds: f64,
    bytes_per_second: f64,
    peak_bytes: u64,
    times_ours: Option<f64>,
    times_our_processor: Option<f64>,
}

impl Report {
    pub(crate) fn new(all: &[Series], targets: Vec<Target>, missing: Vec<&'static str>) -> Self {
        let results = all.iter().map(|series| JsonSeries {
            capture: series.input.kind.name(),
            size: series.input.size.name.clone(),
            file_bytes: series.input.file_bytes,
            connections: series.input.connections,
            tool: series.tool.name(),
            wall_seconds: series
                .runs
                .iter()
                .map(|run| run.wall.as_secs_f64())
                .collect(),
            minimum_seconds: series.fastest(),
            median_seconds: series.median(),
            processor_seconds: series.processor(),
            bytes_per_second: series.bytes_per_second(),
            peak_bytes: series.peak_bytes(),
            times_ours: times_ours(all, series),
            times_our_processor: times_our_processor(all, series),
        });
        Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            missing,
            results: results.collect(),
            targets,
        }
    }
}
