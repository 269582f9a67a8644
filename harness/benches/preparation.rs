//! Measures the time that a capture of all scenarios takes besides its timeline, by the number of them that prepare at
//! once.
//!
//! Programs, captures and browsers are started before the common start; side by side they are ready together, one after
//! the other each is ready sooner. All scenarios are played ten times as fast, in turns, with one preparing at a time,
//! with one for each processor (as `wiresnap capture` does), and with all of them. `PREPARATION_ROUNDS=3` is the number
//! of rounds.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use wiresnap::render::table::{Style, Table};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The factor by which the timeline is scaled.
const TIME_SCALE: f64 = 0.1;

/// The length of the longest timeline as written, in seconds.
const TIMELINE_SECONDS: f64 = 40.0;

/// A number greater than that of the scenarios.
const ALL: usize = 100;

fn main() -> Outcome<()> {
    // `cargo test --all-targets` calls benchmarks too, without this argument, to see that they run at all.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let processors = std::thread::available_parallelism()?.get();
    let mut ways = vec![
        Way::new("one at a time", 1),
        Way::new("one for each processor", processors),
        Way::new("all at once", ALL),
    ];
    let rounds = match std::env::var("PREPARATION_ROUNDS") {
        Ok(rounds) => rounds.parse()?,
        Err(_) => 3,
    };
    for _ in 0..rounds {
        for way in &mut ways {
            eprintln!("preparing {}", way.name);
            way.play()?;
        }
    }
    print(&ways);
    Ok(())
}

/// A way to prepare.
struct Way {
    name: &'static str,
    preparing: usize,
    /// The time of each whole round, with its own report on its time; sorted by time.
    rounds: Vec<(Duration, String)>,
}

impl Way {
    fn new(name: &'static str, preparing: usize) -> Self {
        Self {
            name,
            preparing,
            rounds: Vec::new(),
        }
    }

    fn play(&mut self) -> Outcome<()> {
        let folder = tempfile::tempdir()?;
        let begin = Instant::now();
        let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
            .args(["capture", "--timings"])
            .args(["--time-scale", &TIME_SCALE.to_string()])
            .args(["--preparing", &self.preparing.to_string()])
            .arg("--out")
            .arg(folder.path())
            .output()?;
        let took = begin.elapsed();
        let talk = String::from_utf8_lossy(&stderr).into_owned();
        if !status.success() {
            return Err(format!("the capture failed:\n{talk}").into());
        }
        self.rounds.push((took, talk));
        self.rounds.sort();
        Ok(())
    }

    fn median(&self) -> Option<&(Duration, String)> {
        self.rounds.get(self.rounds.len() / 2)
    }
}

fn print(ways: &[Way]) {
    let mut table = Table::new(&[
        ("Preparing", false),
        ("Fastest", true),
        ("Median", true),
        ("Median Besides Timeline", true),
    ]);
    for way in ways {
        let (Some((fastest, _)), Some((median, _))) = (way.rounds.first(), way.median()) else {
            continue;
        };
        let besides = median.as_secs_f64() - TIMELINE_SECONDS * TIME_SCALE;
        table.row(vec![
            way.name.to_owned(),
            format!("{:.1} s", fastest.as_secs_f64()),
            format!("{:.1} s", median.as_secs_f64()),
            format!("{besides:.1} s"),
        ]);
    }
    println!("{}", table.render(Style::Text));
    for way in ways {
        if let Some((_, talk)) = way.median() {
            println!("{}, the median round:\n{}", way.name, table_of(talk));
        }
    }
}

/// Returns the table in the output of a capture.
fn table_of(talk: &str) -> String {
    let lines: Vec<&str> = talk
        .lines()
        .skip_while(|line| !line.starts_with("Scenario"))
        .collect();
    format!("{}\n", lines.join("\n"))
}
