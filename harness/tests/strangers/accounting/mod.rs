//! Every byte of a capture is compared, hidden by a rule, or counted as not compared.
//!
//! Single bytes are changed to check it: for every changed byte of every capture, `diff` differs and so does the
//! redacted listing, unless a rule hides the byte, and then the rule is named. A sample of that is made on every run of
//! the tests; `make mutation` changes every byte in several ways.

mod captures;
mod headers;
mod mutation;
mod rows;

use std::sync::atomic::{AtomicUsize, Ordering};

use self::captures::{Capture, all};
use self::mutation::{Original, Tally};
use super::workspace;

/// The number of changes of each capture in the ordinary tests.
const SAMPLE: usize = 12;

/// Numbers that look random and are the same on every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

fn report(capture: &Capture, failures: &[String]) {
    let shown = &failures[..failures.len().min(20)];
    assert!(
        failures.is_empty(),
        "{}: {} changes are not told:\n{}",
        capture.name,
        failures.len(),
        shown.join("\n")
    );
}

#[test]
fn a_changed_payload_byte_is_told_or_a_rule_hides_it() {
    let mut tally = Tally::default();
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    for capture in all() {
        let original = Original::new(&capture.file);
        let mut failures = Vec::new();
        for _ in 0..SAMPLE {
            let place = original.payload[chance.below(original.payload.len())];
            let byte = u8::try_from(chance.below(256)).unwrap();
            failures.extend(original.change(place, byte, &mut tally).err());
        }
        report(&capture, &failures);
    }
    println!("{tally:?}");
    assert!(tally.changes > 1000);
}

/// Returns the values that a byte is changed to if all are changed: each bit flipped, and bytes with a meaning.
fn values(byte: u8) -> Vec<u8> {
    let flips = (0..8).map(|bit| byte ^ 1 << bit);
    flips
        .chain(*b"\0\r\n aA09;:\xff")
        .filter(|value| *value != byte)
        .collect()
}

/// Changes every payload byte of a capture, and returns the changes that were not reported.
fn change_all(capture: &Capture) -> (Tally, Vec<String>) {
    let original = Original::new(&capture.file);
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    for place in &original.payload {
        for value in values(capture.file[*place]) {
            let failure = original.change(*place, value, &mut tally).err();
            if let Some(failure) = &failure {
                println!("not told: {}: {failure}", capture.name);
            }
            failures.extend(failure);
        }
    }
    println!(
        "{}: {} bytes, {} not told, {tally:?}",
        capture.name,
        original.payload.len(),
        failures.len()
    );
    (tally, failures)
}

#[test]
#[ignore = "takes minutes: `make mutation`"]
fn whatever_payload_byte_is_changed_is_told_or_a_rule_hides_it() {
    let mut captures: Vec<Capture> = all().into_iter().chain(committed()).collect();
    if let Ok(name) = std::env::var("MUTATION_OF") {
        captures.retain(|capture| capture.name.contains(&name));
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut sum, mut failures) = (Tally::default(), Vec::new());
        while let Some(capture) = captures.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (tally, found) = change_all(capture);
            sum.add(tally);
            failures.extend(found.iter().map(|text| format!("{}: {text}", capture.name)));
        }
        (sum, failures)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (sum, failures) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let (mut sum, mut failures) = (Tally::default(), Vec::new());
        for worker in workers {
            let (tally, found) = worker.join().unwrap();
            sum.add(tally);
            failures.extend(found);
        }
        (sum, failures)
    });
    println!("all: {sum:?}");
    let shown = &failures[..failures.len().min(50)];
    assert!(
        failures.is_empty(),
        "{} are not told:\n{}",
        failures.len(),
        shown.join("\n")
    );
}

/// Returns the captures of the experiment.
fn committed() -> Vec<Capture> {
    let folder = workspace::root().join("pcap");
    let files = ["", "chromium"].map(|browser| workspace::files(&folder.join(browser), "pcap"));
    let files = files.into_iter().flatten();
    files
        .map(|path| Capture {
            name: path.display().to_string(),
            file: std::fs::read(&path).unwrap(),
        })
        .collect()
}
