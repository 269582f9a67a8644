//! Tries a small part of each hostile capture: verbs read it to its end, in little memory, and say what they left out.
//!
//! `make hostile` tries them whole.

mod support;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde::de::IgnoredAny;
use support::attack::verbs::{NEW, OLD, VERBS, Verb, make_project};
use support::attack::{Attack, Count, OVERHEAD, attacks};
use support::limited::{Limits, Output, run};
use tempfile::TempDir;

const MEMORY: &str = "8M";
const BUDGET: u64 = 8 << 20;

/// The limits at which the system ends a run: far above what a run may take, so that its real use is reported.
const LIMITS: Limits = Limits {
    address_space: 2_000_000_000,
    data: 2_000_000_000,
    seconds: 100,
};

/// Returns the number of parts of an attack, one of which is tried: all verbs on all attacks should take less than a
/// minute.
fn parts(attack: &Attack) -> usize {
    match attack.name {
        // Each packet takes a few bytes of these.
        "file-compressed-100g" => 50_000,
        "file-compressed-empty-packets" | "tcp-empty-packets" => 2000,
        _ => 400,
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

/// The output of a run, and its memory.
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

/// Returns the complaints about a verb on an attack.
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
    // Where a file cannot be opened at all, an error may be all that there is to say.
    let is_silent = *code == Some(2) && said.out.is_empty();
    if verb.is_json() && !is_silent && serde_json::from_slice::<IgnoredAny>(&said.out).is_err() {
        found.push("its JSON is none".to_owned());
    }
    if *peak > BUDGET + OVERHEAD {
        found.push(format!("had {} MiB", peak >> 20));
    }
    let name = |what: String| format!("{}, {}: {what}", attack.name, verb.name);
    found.into_iter().map(name).collect()
}

/// The verbs that are tried on each attack: one for each way to read a capture. `make hostile` tries all of them.
const TRIED: [&str; 6] = [
    "stats --explain (JSON)",
    "payload (JSON)",
    "diff (JSON)",
    "check (new)",
    "report",
    "learn (JSON)",
];

fn try_attack(attack: &Attack) -> Vec<String> {
    let start = Instant::now();
    let project = project(attack, parts(attack));
    let one = |verb: &Verb| complaints(attack, *verb, &call(*verb, project.path()));
    let verbs = VERBS.iter().filter(|verb| TRIED.contains(&verb.name));
    let found = verbs.flat_map(one).collect();
    println!("{:28} {:?}", attack.name, start.elapsed());
    found
}

#[test]
fn verbs_bear_a_little_of_each_attack() {
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

/// The output that a verb writes a sentence to.
#[derive(Clone, Copy)]
enum Place {
    Out,
    Err,
}

#[test]
fn what_is_left_out_is_said() {
    use Place::{Err, Out};
    let open = "connections were still open when there was no more room";
    for (name, parts, verb, place, phrase, code) in [
        ("tcp-syn-flood", 50, "stats", Err, open, 0),
        (
            "tcp-syn-flood",
            50,
            "stats --explain (JSON)",
            Out,
            "\"ended_early\":",
            0,
        ),
        (
            "tcp-syn-flood",
            50,
            "payload (JSON)",
            Out,
            "\"ended_early\":",
            0,
        ),
        ("tcp-syn-flood", 50, "diff", Err, open, 0),
        ("tcp-syn-flood", 50, "check (new)", Err, open, 1),
        ("tcp-syn-flood", 50, "docs (diff)", Err, open, 2),
        (
            "tcp-pauses",
            60,
            "stats",
            Err,
            "updates more are not told apart",
            0,
        ),
        (
            "tcp-empty-packets",
            200,
            "stats --explain",
            Out,
            "packets more are not listed",
            0,
        ),
        (
            "http-gzip-1g",
            100,
            "payload",
            Out,
            "decoded body cut after 524288 bytes",
            0,
        ),
        (
            "http-gzip-unfinished",
            100,
            "payload",
            Out,
            "not decoded further",
            0,
        ),
        (
            "http-pipelined",
            100,
            "check (new)",
            Out,
            "the listing is too long to be kept",
            1,
        ),
        (
            "http-pipelined",
            100,
            "learn",
            Out,
            "messages more than are looked at",
            1,
        ),
        ("http-pipelined", 100, "docs", Err, "too long for a page", 2),
        (
            "rules-line",
            40,
            "payload --redact",
            Out,
            "rules hide more than 65536 places",
            0,
        ),
    ] {
        let said = call(verb_of(verb), project(&attack(name), parts).path());
        let heard = match place {
            Out => String::from_utf8_lossy(&said.out).into_owned(),
            Err => said.err.clone(),
        };
        let beginning: String = heard.chars().take(2000).collect();
        assert!(heard.contains(phrase), "{name}, {verb}: {beginning}");
        assert_eq!(said.code, Some(code), "{name}, {verb}: {}", said.err);
    }
}

/// Changes the last byte of the longest packet, or of the last of several.
fn change_what_was_carried(capture: &Path) {
    let mut bytes = fs::read(capture).unwrap();
    let (mut at, mut longest) = (24, (0, 0));
    while let Some(length) = bytes.get(at + 8..at + 12) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        at += 16 + length;
        longest = longest.max((length, at - 1));
    }
    bytes[longest.1] ^= 1;
    fs::write(capture, bytes).unwrap();
}

#[test]
fn a_change_in_what_is_left_out_is_told() {
    for (name, parts) in [
        ("http-gzip-1g", 200),
        ("http-brotli-16g", 200),
        ("http-pipelined", 1000),
        ("http-field-line", 200),
        ("http-bodies-unfinished", 300),
        ("ws-messages-open", 400),
        ("sse-endless-line", 50),
        ("tcp-waiting", 100),
        ("rules-line", 49),
    ] {
        let start = Instant::now();
        // Both variants are the first one, but for one byte.
        let project = project(&attack(name), parts);
        fs::copy(project.path().join(OLD), project.path().join(NEW)).unwrap();
        for verb in ["diff", "accept", "check (same)"] {
            let said = call(verb_of(verb), project.path());
            assert_eq!(said.code, Some(0), "{name}, {verb}: {}", said.err);
        }
        change_what_was_carried(&project.path().join(NEW));
        for verb in ["diff", "check (differs)"] {
            let said = call(verb_of(verb), project.path());
            assert_eq!(said.code, Some(1), "{name}, {verb}: {}", said.err);
        }
        println!("{name:28} {:?}", start.elapsed());
    }
}

fn verb_of(name: &str) -> Verb {
    *VERBS.iter().find(|verb| verb.name == name).unwrap()
}

fn attack(name: &str) -> Attack {
    *attacks().iter().find(|one| one.name == name).unwrap()
}
