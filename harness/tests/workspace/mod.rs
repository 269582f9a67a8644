//! Finds the project's files for tests, and defines how tests keep snapshots.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Returns the top folder of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the files in a folder with this extension, in alphabetical order.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .collect();
    files.sort();
    files
}

/// Returns all files below a folder, with their contents.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            let below = files_below(&path).into_iter();
            files.extend(below.map(|(file, bytes)| (name.join(file), bytes)));
        } else {
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
    files
}

/// Returns all files below a folder without temporary ones, of which SIGKILL may leave one: the next file that is written
/// there removes it (`files/leftover.rs`).
pub(crate) fn named_files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files_below(folder);
    files.retain(|path, _| {
        let name = path.file_name().unwrap().to_string_lossy();
        !(name.starts_with(".wiresnap.") && name.ends_with(".part"))
    });
    files
}

/// Returns the settings for snapshots, which are in the project's `snapshots/`, each under its own name.
pub(crate) fn settings() -> insta::Settings {
    settings_in("")
}

/// Returns the same settings for a folder in there.
pub(crate) fn settings_in(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// Prints why something was not tested, past the test runner, which hides the output of a passing test.
pub(crate) fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Returns the folder that `variable` names, or the one in `../shared` beside the project; if it is not there, this is
/// said.
pub(crate) fn outside(variable: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable)
        .map_or_else(|| root().join("../shared").join(name), PathBuf::from);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("{} is not there (see {variable})", path.display()));
    None
}

/// Makes an executable that runs a shell script.
///
/// It is written by another process. If this process had it open for writing, a program started by a parallel test
/// could inherit it, and a file that is open for writing cannot be executed.
pub(crate) fn write_executable(file: &Path, script: &str) {
    let status = Command::new("sh")
        .args([
            "-c",
            r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
            "sh",
        ])
        .arg(file)
        .arg(script)
        .status();
    assert!(status.unwrap().success(), "{}", file.display());
}

/// The output and the exit code of a command.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs wiresnap in a folder.
pub(crate) fn wiresnap(folder: &Path, arguments: &[&str]) -> Said {
    run(Path::new(env!("CARGO_BIN_EXE_wiresnap")), folder, arguments)
}

/// Runs a command in a folder, with nobody at its standard input.
pub(crate) fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said::of(output)
}

/// Runs a command in a folder for a user at a terminal, who types this; both outputs are the same there.
pub(crate) fn at_a_terminal(program: &Path, folder: &Path, arguments: &str, typed: &str) -> Said {
    let command = format!("{} {arguments}", program.display());
    // A terminal is made by `script`, which util-linux brings everywhere.
    let mut script = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = script.stdin.take().unwrap();
    keyboard.write_all(typed.as_bytes()).unwrap();
    drop(keyboard);
    Said::of(script.wait_with_output().unwrap())
}
