//! Limits each verb that reads captures to the rights that it needs.

use std::fs::metadata;
use std::path::{Path, PathBuf};

use tracing::info;

use crate::cli::{CaptureSelection, Cli, Command, RulesFile};
use crate::confinement::{Files, confine};
use crate::error::Result;
use crate::machine::browser::Kind;
use crate::machine::{browser, privilege};
use crate::project::{FILE_NAME, Project, current_folder};
use crate::trace::name::path_beside;

/// Gives up what the verb does not need. A verb that works on a project then runs as the user who called sudo.
///
/// Call this before the process has a second thread.
///
/// # Errors
///
/// Returns an error if the kernel refuses to take back what can always be given up.
pub(super) fn apply(cli: &Cli) -> Result<()> {
    if is_of_a_project(&cli.command) {
        privilege::become_caller()?;
    }
    let Some(files) = files(&cli.command)? else {
        return Ok(());
    };
    privilege::keep_files_only()?;
    let confinement = confine(&files);
    info!("this process {confinement}");
    Ok(())
}

/// Returns true if a verb writes to a project, or reads one as a whole. (Verbs that start programs become the user by
/// themselves, and keep what this takes.)
fn is_of_a_project(command: &Command) -> bool {
    match command {
        Command::Learn(arguments) => !arguments.from.is_empty(),
        Command::Check(_)
        | Command::Accept(_)
        | Command::List(_)
        | Command::Validate(_)
        | Command::Init(_)
        | Command::Docs(_)
        | Command::Report(_) => true,
        _ => false,
    }
}

/// Returns the files that a verb keeps; `None` for one that does more than to read captures.
fn files(command: &Command) -> Result<Option<Files>> {
    let here = current_folder()?;
    let mut files = Files::default();
    files.scratch(std::env::temp_dir());
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        files.scratch(folder_of(Path::new(&profile)));
    }
    files.read(root_above(&here).unwrap_or_default());
    match command {
        Command::Payload(arguments) => capture(&mut files, &arguments.pcap),
        Command::Stats(arguments) => captures(&mut files, &arguments.captures),
        Command::Diff(arguments) => {
            captures(&mut files, [&arguments.old, &arguments.new]);
        }
        Command::Check(arguments) => {
            selection(&mut files, &arguments.selection);
            snapshots(&mut files, &here);
        }
        Command::Accept(arguments) => {
            selection(&mut files, &arguments.selection);
            snapshots(&mut files, &here);
        }
        Command::List(_) => programs(&mut files),
        Command::Validate(arguments) => {
            programs(&mut files);
            arguments.scenarios.iter().for_each(|file| files.read(file));
        }
        Command::Docs(arguments) if arguments.files.is_empty() => {
            write_unless(&mut files, arguments.check, root_above(&here));
        }
        Command::Docs(arguments) => {
            for page in &arguments.files {
                let folder = folder_of(page);
                let root = root_above(&folder).unwrap_or(folder);
                files.read(&root);
                write_unless(&mut files, arguments.check, Some(root));
            }
        }
        Command::Report(arguments) => {
            captures(&mut files, &arguments.captures);
            match &arguments.out {
                Some(out) if out == Path::new("-") => {}
                Some(out) => written(&mut files, out),
                None => files.write(root_above(&here).unwrap_or(here)),
            }
        }
        Command::Learn(arguments) if !arguments.from.is_empty() => {
            captures(&mut files, &arguments.from);
            let scenario = Path::new(&arguments.scenario);
            files.read(scenario);
            match arguments.into {
                RulesFile::Project => write_unless(&mut files, false, root_above(&here)),
                RulesFile::Scenario if scenario.is_file() => written(&mut files, scenario),
                RulesFile::Scenario => {
                    let project = Project::find(&here).ok();
                    write_unless(&mut files, false, project.map(|project| project.scenarios));
                }
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(files))
}

fn captures<'a>(files: &mut Files, named: impl IntoIterator<Item = &'a PathBuf>) {
    for path in named {
        capture(files, path);
    }
}

/// Adds a named capture, its record, and its project, whose rules hide what is in it.
fn capture(files: &mut Files, path: &Path) {
    files.read(path);
    files.read(path_beside(path));
    if let Some(root) = path.canonicalize().ok().and_then(|path| root_above(&path)) {
        files.read(root);
    }
}

/// Captures that are named, by their paths or by their names in a folder, and what leads elsewhere from there.
fn selection(files: &mut Files, selection: &CaptureSelection) {
    for name in &selection.names {
        capture(files, Path::new(name));
    }
    let Some(folder) = &selection.captures else {
        return;
    };
    for kind in Kind::ALL {
        let folder = browser::folder(folder, kind);
        files.read_links(&folder);
        files.read(folder);
    }
}

/// Adds the reviewed listings of the project that we are in. If their folder does not exist yet, it is made.
fn snapshots(files: &mut Files, here: &Path) {
    let Ok(project) = Project::find(here) else {
        return;
    };
    let folder = here.join(project.snapshots);
    let there = folder.ancestors().find(|folder| folder.is_dir());
    write_unless(files, false, there.map(Path::to_owned));
}

/// Adds the names of the files next to our executable.
fn programs(files: &mut Files) {
    let ourselves = std::env::current_exe().and_then(|path| path.canonicalize());
    if let Some(folder) = ourselves.ok().as_deref().and_then(Path::parent) {
        files.list(folder);
    }
}

fn write_unless(files: &mut Files, is_read: bool, folder: Option<PathBuf>) {
    if let Some(folder) = folder.filter(|_| !is_read) {
        files.write(folder);
    }
}

/// Adds a file that is to be written: the folder in which it is replaced, or the file itself if it is a device.
fn written(files: &mut Files, file: &Path) {
    let is_replaced = metadata(file).map_or(true, |found| found.is_file());
    if is_replaced {
        let target = file.canonicalize();
        files.write(folder_of(target.as_deref().unwrap_or(file)));
    } else {
        files.write(file);
    }
}

/// Returns the folder that a file is in.
fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// Returns the root of the project that a file or folder is in, trusted or not: an untrusted one is not used later.
fn root_above(path: &Path) -> Option<PathBuf> {
    let mut folders = path.ancestors();
    let root = folders.find(|folder| folder.join(FILE_NAME).is_file())?;
    Some(root.to_owned())
}
