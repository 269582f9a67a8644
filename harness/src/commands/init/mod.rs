//! `wiresnap init`: begins a project, with a first scenario that can be captured as it is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::InitArgs;
use crate::error::{Error, Result};
use crate::project::FILE_NAME;
use crate::text::{Shown as _, shell_word};

/// The files of a new project. The one that makes the folder a project comes last: what is not complete is none.
const FILES: [(&str, &str); 3] = [
    ("scenarios/hello/hello.txt", include_str!("hello.txt")),
    ("scenarios/hello.toml", include_str!("hello.toml")),
    (FILE_NAME, include_str!("wiresnap.toml")),
];

/// The folders of a new project, each after the one that it is in.
const FOLDERS: [&str; 5] = ["scenarios", "scenarios/hello", "pcap", "snapshots", "docs"];

/// Makes a project of a folder and says on `out` what is there now and what comes next.
///
/// # Errors
///
/// Returns an error if something is there already (nothing has been written then), or cannot be written.
pub(super) fn run(arguments: &InitArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let folder = arguments.folder.as_deref().unwrap_or(Path::new(""));
    refuse_to_overwrite(folder)?;
    make_folders(folder)?;
    for (name, text) in FILES {
        let file = folder.join(name);
        write_new(&file, text).map_err(|error| cannot("write", &file, &error))?;
    }
    say_what_is_next(folder, out)?;
    Ok(())
}

/// Refuses to overwrite: folders may exist, files must not; and a folder cannot be in the place of a file.
fn refuse_to_overwrite(folder: &Path) -> Result<()> {
    let is_there = |name: &&str| folder.join(name).symlink_metadata().is_ok();
    let is_no_folder = |name: &&str| is_there(name) && !folder.join(name).is_dir();
    let files = FILES.iter().map(|(name, _)| *name).filter(is_there);
    let folders = FOLDERS.into_iter().filter(is_no_folder);
    let in_the_way: Vec<String> = files
        .chain(folders)
        .map(|name| folder.join(name).shown().to_string())
        .collect();
    if in_the_way.is_empty() {
        return Ok(());
    }
    Err(
        Error::usage(format!("already there: {}", in_the_way.join(", "))).with_hint(
            "nothing was written: move it away, or name another folder, `wiresnap init DIR`",
        ),
    )
}

fn make_folders(folder: &Path) -> Result<()> {
    let below = FOLDERS.iter().map(|name| folder.join(name));
    let all: Vec<PathBuf> = std::iter::once(folder.to_owned()).chain(below).collect();
    all.iter().try_for_each(|folder| {
        fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))
    })
}

/// Writes a new file; one that was made there in the meantime stays.
fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut new = File::create_new(file)?;
    new.write_all(text.as_bytes())
}

fn cannot(what: &str, file: &Path, error: &io::Error) -> Error {
    Error::environment(format!("cannot {what} {}: {error}", file.shown()))
        .with_hint("the folder must belong to you: name another one, `wiresnap init DIR`")
}

fn say_what_is_next(folder: &Path, out: &mut impl Write) -> io::Result<()> {
    for (name, _) in FILES {
        writeln!(out, "wrote {}", folder.join(name).shown())?;
    }
    writeln!(out, "\nnext:")?;
    if folder != Path::new("") {
        writeln!(out, "  cd {}", shell_word(folder))?;
    }
    out.write_all(NEXT.as_bytes())
}

const NEXT: &str = "  \
  wiresnap capture   plays the scenario and captures it into pcap/
  wiresnap check     shows what it lists, which nobody has reviewed yet
  wiresnap accept    takes it over as reviewed: from now on `check` tells what changes
";
