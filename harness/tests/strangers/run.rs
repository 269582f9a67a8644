//! Runs the executable on captures that a test made.

#![allow(dead_code, reason = "each module takes what it needs")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

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
