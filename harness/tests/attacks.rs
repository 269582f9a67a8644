//! Hostile captures, a little of each: every verb reads it to its end, in little memory, and says what it left out.
//!
//! `make hostile` tries them whole.

mod support;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::de::IgnoredAny;
use serde_json::Value;
use support::attack::verbs::{NEW, OLD, VERBS, Verb, make_project};
use support::attack::{Attack, Count, OVERHEAD, attacks};
use support::limited::{Limits, Output, run};
use tempfile::TempDir;

const MEMORY: &str = "8M";
const BUDGET: u64 = 8 << 20;

/// When the system ends a run: far above what a run may take, so that it is told how much it took.
const LIMITS: Limits = Limits {
    address_space: 2_000_000_000,
    data: 2_000_000_000,
    seconds: 100,
};

/// How many parts an attack is made of, one of which is tried.
fn parts(attack: &Attack) -> usize {
    match attack.name {
        // Each packet takes a few bytes of these.
        "file-compressed-100g" => 20_000,
        "file-compressed-empty-packets" | "tcp-empty-packets" => 1000,
        _ => 100,
    }
}

fn project(attack: &Attack, parts: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (variant, name) in (0..).zip([OLD, NEW]) {
        let mut file = BufWriter::new(File::create(folder.path().join(name)).unwrap());
        let count = Count {
            divisor: parts,
            variant,
        };
        attack.write(&mut file, count).unwrap();
        file.flush().unwrap();
    }
    make_project(folder.path(), attack.has_rules()).unwrap();
    folder
}

/// What a run said, and what it took.
struct Said {
    code: Option<i32>,
    out: Vec<u8>,
    err: String,
    peak: u64,
}

fn call(verb: Verb, project: &Path) -> Said {
    let arguments = verb.arguments(project, Some(MEMORY)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_wiresnap"));
    let run = run(program, &arguments, project, Output::Files, LIMITS).unwrap();
    Said {
        code: run.status.code(),
        out: fs::read(project.join("out")).unwrap(),
        err: String::from_utf8(fs::read(project.join("err")).unwrap()).unwrap(),
        peak: run.peak,
    }
}

/// What is wrong with how a verb bears an attack.
fn complaints(attack: &Attack, verb: Verb, said: &Said) -> Vec<String> {
    let mut found = Vec::new();
    let Said {
        code, err, peak, ..
    } = said;
    if !matches!(code, Some(0..=2)) {
        found.push(format!("ended with {code:?}: {err}"));
    }
    // Docs takes only what is whole, and what has room on a page.
    let may_fail = attack.name.starts_with("file-") || verb.name.starts_with("docs");
    if *code == Some(2) && !may_fail {
        found.push(format!("cannot be read: {err}"));
    }
    if verb.is_json() && serde_json::from_slice::<IgnoredAny>(&said.out).is_err() {
        found.push("its JSON is none".to_owned());
    }
    if *peak > BUDGET + OVERHEAD {
        found.push(format!("had {} MiB", peak >> 20));
    }
    let name = |what: String| format!("{}, {}: {what}", attack.name, verb.name);
    found.into_iter().map(name).collect()
}

fn try_attack(attack: &Attack) -> Vec<String> {
    let project = project(attack, parts(attack));
    let one = |verb: &Verb| complaints(attack, *verb, &call(*verb, project.path()));
    VERBS.iter().flat_map(one).collect()
}

#[test]
fn every_verb_bears_a_little_of_each_attack() {
    let attacks = attacks();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(attack) = attacks.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(try_attack(attack));
        }
        found
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let found: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let found = threads.into_iter().map(|thread| thread.join().unwrap());
        found.flatten().collect()
    });
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn verb(name: &str) -> Verb {
    *VERBS.iter().find(|verb| verb.name == name).unwrap()
}

fn attack(name: &str) -> Attack {
    *attacks().iter().find(|one| one.name == name).unwrap()
}
