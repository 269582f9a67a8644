//! Runs the executable on captures that a test made.

#![allow(dead_code, reason = "each module takes what it needs")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Writes a capture into a temporary file, which is removed with the value.
pub(crate) fn file(capture: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(capture).unwrap();
    file
}

/// Runs `wiresnap VERB … PATH`.
pub(crate) fn wiresnap(arguments: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wiresnap"))
        .args(arguments)
        .args(paths)
        .output()
        .unwrap()
}

/// Runs `wiresnap …` in a folder, with nobody to ask.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wiresnap"))
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Creates a project with empty folders.
pub(crate) fn empty_project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["scenarios", "pcap", "snapshots", "docs"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    let configuration = "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";
    fs::write(root.join("wiresnap.toml"), configuration).unwrap();
    folder
}

/// Returns what a run printed on standard output, as text.
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the listing of a capture, as `wiresnap payload` prints it.
pub(crate) fn listing(arguments: &[&str], capture: &[u8]) -> String {
    let file = file(capture);
    printed(&wiresnap(
        &[&["payload"], arguments].concat(),
        &[file.path()],
    ))
}
