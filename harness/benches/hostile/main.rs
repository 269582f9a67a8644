//! Measures every verb on every hostile capture: its memory and its time.
//!
//! `make hostile` makes the attacks under `target/hostile/`, lets each verb read each of them within limits that the
//! system enforces, and prints memory and time. It fails if one of them exceeds its bounds, and says which:
//!
//! - each run ends by itself, with exit code 0, 1 or 2;
//! - none takes more than 40 s on a processor;
//! - none has more resident memory than the budget and a fixed amount, [`OVERHEAD`];
//! - time is linear in the bytes of the file: what takes two seconds or more is tried on a tenth of the attack too, and a
//!   byte may cost no more than three times what it costs there.
//!
//! These variables shorten it, shown with their defaults:
//!
//! - `HOSTILE_ATTACKS=` and `HOSTILE_VERBS=`: only those whose names contain one of these words, parted by commas;
//! - `HOSTILE_PART=1`: a part of each attack, one of so many;
//! - `HOSTILE_MEMORY=256M`: the budget, in MiB; empty for a wiresnap that knows none;
//! - `HOSTILE_KEEP=1`: whether captures stay for the next call; they take some 3 GB;
//! - `HOSTILE_WIRESNAP=`: another executable;
//! - `HOSTILE_ADDRESS_SPACE=4000` and `HOSTILE_SECONDS=120`: when the system ends a run, in MB and on a processor.

#[path = "../../tests/support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use support::attack::verbs::{NEW, OLD, VERBS, Verb, make_project};
use support::attack::{Attack, Count, attacks};
use support::limited::{Limits, Output, Run, run};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The version of the captures. It changes with their contents, so that those of an earlier version are not taken for
/// this one's.
const VERSION: u32 = 2;

/// The memory that a process may have besides its budget: its own, and a message on its way through (see
/// docs/speed.md).
const OVERHEAD: u64 = support::attack::OVERHEAD;

/// The longest processor time of a run.
const MOST_TIME: Duration = Duration::from_secs(40);

/// The shortest processor time that is tested for linear growth: less of it depends too little on bytes.
const LEAST_TIME: Duration = Duration::from_secs(2);

/// The most times that a byte of a whole attack may cost as much as a byte of a tenth.
const MOST_GROWTH: f64 = 3.0;

/// The variable that names the one attack to make in a separate process. A process counts as its own the memory of the
/// one that started it, so the one that measures should be small.
const MAKE: &str = "HOSTILE_MAKE";

fn main() -> Outcome<ExitCode> {
    // `cargo test --all-targets` calls benchmarks too, without this argument, to see that they run at all.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let settings = Settings::from_environment()?;
    if let Ok(name) = std::env::var(MAKE) {
        let attack = attacks().into_iter().find(|attack| attack.name == name);
        make(&attack.ok_or("no such attack")?, &settings)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut all = Vec::new();
    let mut exceeded = Vec::new();
    for attack in attacks() {
        if settings.wants_attack(&attack) {
            let measured = measure(&settings, &attack)?;
            for one in &measured {
                let found = one.exceeded(&settings)?;
                for bound in &found {
                    println!("EXCEEDED: {bound}");
                }
                exceeded.extend(found);
            }
            all.extend(measured);
            settings.clear(&attack);
        }
    }
    report(&settings, &all);
    for bound in &exceeded {
        println!("{bound}");
    }
    Ok(if exceeded.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[derive(Clone)]
struct Settings {
    attacks: String,
    verbs: String,
    part: usize,
    memory: String,
    program: PathBuf,
    limits: Limits,
    folder: PathBuf,
    /// True if captures stay, for another call.
    keeps: bool,
}

impl Settings {
    fn from_environment() -> Outcome<Self> {
        let program = variable("HOSTILE_WIRESNAP", env!("CARGO_BIN_EXE_wiresnap"));
        let megabytes: u64 = variable("HOSTILE_ADDRESS_SPACE", "4000").parse()?;
        Ok(Self {
            attacks: variable("HOSTILE_ATTACKS", ""),
            verbs: variable("HOSTILE_VERBS", ""),
            part: variable("HOSTILE_PART", "1").parse::<usize>()?.max(1),
            memory: variable("HOSTILE_MEMORY", "256M"),
            program: fs::canonicalize(program)?,
            limits: Limits {
                address_space: megabytes * 1_000_000,
                data: megabytes * 1_000_000,
                seconds: variable("HOSTILE_SECONDS", "120").parse()?,
            },
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("hostile"),
            keeps: variable("HOSTILE_KEEP", "1") == "1",
        })
    }

    /// Returns the same settings for a tenth of each attack.
    fn of_a_tenth(&self) -> Self {
        Self {
            part: self.part * 10,
            ..self.clone()
        }
    }

    /// Returns the budget in bytes, if there is one.
    fn budget(&self) -> Outcome<Option<u64>> {
        let Some(mebibytes) = self.memory.strip_suffix('M') else {
            return Ok(None);
        };
        Ok(Some(mebibytes.parse::<u64>()? << 20))
    }

    /// Removes the captures of an attack, whole and of a tenth, unless they are to stay.
    fn clear(&self, attack: &Attack) {
        if !self.keeps {
            for settings in [self, &self.of_a_tenth()] {
                // What was not made is not there.
                let _ = fs::remove_dir_all(settings.project(attack));
            }
        }
    }

    fn project(&self, attack: &Attack) -> PathBuf {
        let name = format!("{}-{}-v{VERSION}", attack.name, self.part);
        self.folder.join(name)
    }

    fn wants_attack(&self, attack: &Attack) -> bool {
        is_wanted(&self.attacks, attack.name)
    }

    fn wants_verb(&self, verb: &Verb) -> bool {
        is_wanted(&self.verbs, verb.name)
    }
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn is_wanted(words: &str, name: &str) -> bool {
    words.is_empty() || words.split(',').any(|word| name.contains(word.trim()))
}

/// The measurement of a verb on an attack.
#[derive(Clone, Copy)]
struct Measured {
    attack: Attack,
    file_bytes: u64,
    verb: Verb,
    run: Run,
}

fn measure(settings: &Settings, attack: &Attack) -> Outcome<Vec<Measured>> {
    let mut all = Vec::new();
    for verb in VERBS.iter().filter(|verb| settings.wants_verb(verb)) {
        let measured = measure_one(settings, attack, *verb)?;
        println!("{}", measured.row());
        io::stdout().flush()?;
        all.push(measured);
    }
    let project = settings.project(attack);
    for left in ["page.html", "snapshots/x.snap", "snapshots/x.snap.new"] {
        let _ = fs::remove_file(project.join(left));
    }
    Ok(all)
}

fn measure_one(settings: &Settings, attack: &Attack, verb: Verb) -> Outcome<Measured> {
    let project = settings.project(attack);
    if !project.exists() {
        let mut maker = Command::new(std::env::current_exe()?);
        maker.arg("--bench").env(MAKE, attack.name);
        let made = maker
            .env("HOSTILE_PART", settings.part.to_string())
            .status()?;
        if !made.success() {
            return Err(format!("{} cannot be made", attack.name).into());
        }
    }
    let memory = Some(settings.memory.as_str()).filter(|memory| !memory.is_empty());
    let arguments = verb.arguments(&project, memory)?;
    let run = run(
        &settings.program,
        &arguments,
        &project,
        Output::None,
        settings.limits,
    )?;
    Ok(Measured {
        attack: *attack,
        file_bytes: fs::metadata(project.join(OLD))?.len(),
        verb,
        run,
    })
}

/// Makes both variants of an attack. The folder gets its name once they are complete.
fn make(attack: &Attack, settings: &Settings) -> Outcome<()> {
    let project = settings.project(attack);
    let unfinished = project.with_extension("part");
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir_all(&unfinished)?;
    for (variant, name) in (0..).zip([OLD, NEW]) {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(unfinished.join(name))?);
        let count = Count {
            divisor: settings.part,
            variant,
        };
        attack.write(&mut file, count)?;
        file.flush()?;
    }
    make_project(&unfinished, attack.has_rules())?;
    fs::rename(unfinished, project)?;
    Ok(())
}

impl Measured {
    /// Returns the bounds that it exceeds, a sentence for each.
    fn exceeded(&self, settings: &Settings) -> Outcome<Vec<String>> {
        let mut found = Vec::new();
        if !matches!(self.run.status.code(), Some(0..=2)) {
            found.push(format!("did not end by itself: {}", self.run.status));
        }
        let seconds = self.run.processor.as_secs_f64();
        if self.run.processor > MOST_TIME {
            found.push(format!("took {seconds:.1} s on a processor"));
        }
        if let Some(budget) = settings.budget()?
            && self.run.peak > budget + OVERHEAD
        {
            let [peak, most] = [self.run.peak, budget + OVERHEAD].map(|bytes| bytes >> 20);
            found.push(format!("had {peak} MiB, more than {most} MiB"));
        }
        if self.run.processor > LEAST_TIME && settings.part == 1 {
            let tenth = measure_one(&settings.of_a_tenth(), &self.attack, self.verb)?;
            let growth = self.cost_of_a_byte() / tenth.cost_of_a_byte();
            println!(
                "|   a byte costs {growth:.2} times as much as in a tenth, of {} kB |",
                tenth.file_bytes.div_ceil(1000)
            );
            if growth > MOST_GROWTH {
                found.push(format!(
                    "took {growth:.1} times as long for a byte as in a tenth"
                ));
            }
        }
        let [attack, verb] = [self.attack.name, self.verb.name];
        let named = found
            .into_iter()
            .map(|what| format!("{attack}, {verb}: {what}"));
        Ok(named.collect())
    }

    /// Returns the processor time per byte, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "files are smaller")]
    fn cost_of_a_byte(&self) -> f64 {
        self.run.processor.as_secs_f64().max(0.001) / (self.file_bytes.max(1) as f64)
    }

    fn row(&self) -> String {
        let Self {
            attack,
            file_bytes,
            verb,
            run,
        } = self;
        let [attack, verb] = [attack.name, verb.name];
        let kilobytes = file_bytes.div_ceil(1000);
        let mebibytes = run.peak >> 20;
        let seconds = run.processor.as_secs_f64();
        let wall = run.wall.as_secs_f64();
        let each = run.processor.as_nanos() / u128::from((*file_bytes).max(1));
        format!(
            "| {attack:28} | {kilobytes:8} kB | {verb:22} | {mebibytes:6} MiB | {seconds:7.2} s | {wall:7.2} s | {each:7} ns/B | {} |",
            run.status
        )
    }
}

fn report(settings: &Settings, all: &[Measured]) {
    let ended = all
        .iter()
        .filter(|measured| !matches!(measured.run.status.code(), Some(0..=2)));
    let ended = ended.count();
    let most = all.iter().map(|measured| measured.run.peak).max();
    let slowest = all.iter().map(|measured| measured.run.processor).max();
    println!(
        "{} runs with {} of memory: {ended} ended by the system; at most {} MiB, {:.1} s",
        all.len(),
        settings.memory,
        most.unwrap_or_default() >> 20,
        slowest.unwrap_or_default().as_secs_f64()
    );
}
