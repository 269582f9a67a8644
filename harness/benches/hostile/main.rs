//! What hostile captures get: memory and time of every verb on every attack.
//!
//! `make hostile` makes the attacks under `target/hostile/`, lets each verb read each of them within limits that the
//! system holds, and prints what they took.
//!
//! These variables shorten it, shown with their defaults:
//!
//! - `HOSTILE_ATTACKS=` and `HOSTILE_VERBS=`: only those whose names contain one of these words, parted by commas;
//! - `HOSTILE_PART=1`: a part of each attack, one of so many;
//! - `HOSTILE_MEMORY=256M`: the budget; empty for a wiresnap that knows none;
//! - `HOSTILE_WIRESNAP=`: another executable;
//! - `HOSTILE_ADDRESS_SPACE=4000` and `HOSTILE_SECONDS=120`: when the system ends a run, in MB and on a processor.

#[path = "../../tests/support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::attack::verbs::{NEW, OLD, VERBS, Verb, make_project};
use support::attack::{Attack, Count, attacks};
use support::limited::{Limits, Output, Run, run};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Changes with what is written, so that captures of an earlier version are not taken for this one's.
const VERSION: u32 = 1;

/// Names the one attack that a process of this is only to make: a process counts as its own what the one that started it
/// held, so that the one that measures should be small.
const MAKE: &str = "HOSTILE_MAKE";

fn main() -> Outcome<()> {
    // `cargo test --all-targets` calls benchmarks too, without this argument, to see that they run at all.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let settings = Settings::from_environment()?;
    if let Ok(name) = std::env::var(MAKE) {
        let attack = attacks().into_iter().find(|attack| attack.name == name);
        return make(&attack.ok_or("no such attack")?, &settings);
    }
    let mut all = Vec::new();
    for attack in attacks() {
        if settings.wants_attack(&attack) {
            all.extend(measure(&settings, &attack)?);
        }
    }
    report(&settings, &all);
    Ok(())
}

struct Settings {
    attacks: String,
    verbs: String,
    part: usize,
    memory: String,
    program: PathBuf,
    limits: Limits,
    folder: PathBuf,
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
        })
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

/// A verb on an attack.
struct Measured {
    attack: &'static str,
    file_bytes: u64,
    verb: &'static str,
    run: Run,
}

fn measure(settings: &Settings, attack: &Attack) -> Outcome<Vec<Measured>> {
    let project = settings.project(attack);
    if !project.exists() {
        let mut maker = Command::new(std::env::current_exe()?);
        let made = maker.arg("--bench").env(MAKE, attack.name).status()?;
        if !made.success() {
            return Err(format!("{} cannot be made", attack.name).into());
        }
    }
    let file_bytes = fs::metadata(project.join(OLD))?.len();
    let memory = Some(settings.memory.as_str()).filter(|memory| !memory.is_empty());
    let mut all = Vec::new();
    for verb in VERBS.iter().filter(|verb| settings.wants_verb(verb)) {
        let arguments = verb.arguments(&project, memory)?;
        let run = run(
            &settings.program,
            &arguments,
            &project,
            Output::None,
            settings.limits,
        )?;
        let measured = Measured {
            attack: attack.name,
            file_bytes,
            verb: verb.name,
            run,
        };
        println!("{}", measured.row());
        io::stdout().flush()?;
        all.push(measured);
    }
    for left in ["page.html", "snapshots/x.snap", "snapshots/x.snap.new"] {
        let _ = fs::remove_file(project.join(left));
    }
    Ok(all)
}

/// Makes both variants of an attack. The folder has its name when they are whole.
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
    make_project(&unfinished)?;
    fs::rename(unfinished, project)?;
    Ok(())
}

impl Measured {
    fn row(&self) -> String {
        let Self {
            attack,
            file_bytes,
            verb,
            run,
        } = self;
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
