//! Runs every seed of the fuzz targets, and every former finding, again: without a fuzzer, on every test run.

mod workspace;

#[path = "../../fuzz/src/lib.rs"]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::missing_panics_doc,
    reason = "written for the fuzz targets, where it is a library whose purpose is to panic"
)]
mod fuzz;

use std::path::{Path, PathBuf};

/// Returns the files in `fuzz/KIND/TARGET`, if there is such a folder.
fn inputs(kind: &str, target: &str) -> Vec<PathBuf> {
    let folder = workspace::root().join("fuzz").join(kind).join(target);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(check: fuzz::Check, file: &Path) {
    // Captured unless the test fails: then it names the file.
    println!("{}", file.display());
    check(&std::fs::read(file).unwrap());
}

#[test]
fn every_seed_is_fine() {
    for (target, check) in fuzz::TARGETS {
        let files = inputs("seeds", target);
        assert!(!files.is_empty(), "no seeds for {target}");
        for file in files {
            replay(check, &file);
        }
    }
}

#[test]
fn no_finding_comes_back() {
    for (target, check) in fuzz::TARGETS {
        for file in inputs("regressions", target) {
            replay(check, &file);
        }
    }
}

#[test]
fn every_target_is_named() {
    let folder = workspace::root().join("fuzz/fuzz_targets");
    let files = workspace::files(&folder, "rs");
    let names: Vec<_> = files.iter().map(|file| file.file_stem().unwrap()).collect();
    assert_eq!(names, fuzz::TARGETS.map(|(name, _)| name));
}
