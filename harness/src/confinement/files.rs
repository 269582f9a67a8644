//! The files that a process keeps: Landlock.

use std::fs::{metadata, read_dir};
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, AddRuleError, AddRulesError, BitFlags, LandlockStatus,
    PathBeneath, PathFd, PathFdError, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::io::Errno;

/// The version of Landlock whose rights are given up; an older kernel has fewer of them.
const VERSION: ABI = ABI::V7;

/// Files of the system that any reader takes: who belongs to a group, and what the process itself is.
const OF_THE_SYSTEM: [&str; 4] = ["/etc/passwd", "/etc/group", "/proc/self", "/dev/null"];

/// The files that a process keeps when it is confined.
///
/// A path stands for the file that it leads to; one that leads nowhere is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    read: Vec<PathBuf>,
    listed: Vec<PathBuf>,
    written: Vec<PathBuf>,
    scratch: Vec<PathBuf>,
}

impl Files {
    /// Keeps a file for reading, or a folder with all that is in it.
    pub fn read(&mut self, path: impl Into<PathBuf>) {
        self.read.push(path.into());
    }

    /// Keeps the names of the files in a folder.
    pub fn list(&mut self, folder: impl Into<PathBuf>) {
        self.listed.push(folder.into());
    }

    /// Keeps the files that the links in a folder lead to, for reading.
    pub fn read_links(&mut self, folder: &Path) {
        let entries = read_dir(folder).into_iter().flatten().flatten();
        let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
        self.read.extend(links.map(|entry| entry.path()));
    }

    /// Keeps a folder for writing: files in it and below it are made and replaced.
    pub fn write(&mut self, folder: impl Into<PathBuf>) {
        self.written.push(folder.into());
    }

    /// Keeps a folder for temporary files.
    pub fn scratch(&mut self, folder: impl Into<PathBuf>) {
        self.scratch.push(folder.into());
    }

    /// Gives up all other files, and returns the version of Landlock that holds this thread to these; else why none does.
    pub(super) fn hold_to(&self) -> Result<String, String> {
        let status = self.restrict()?;
        match (status.ruleset, status.landlock) {
            (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => {
                Err("Landlock is switched off in this kernel".to_owned())
            }
            (RulesetStatus::NotEnforced, _) | (_, LandlockStatus::NotImplemented) => {
                Err("this kernel has no Landlock".to_owned())
            }
            (_, LandlockStatus::NotEnabled) => Err("Landlock is switched off".to_owned()),
            (_, LandlockStatus::Available { effective_abi, .. }) => {
                Ok(effective_abi.min(VERSION).to_string())
            }
        }
    }

    fn restrict(&self) -> Result<RestrictionStatus, String> {
        let create = || {
            Ruleset::default()
                .handle_access(AccessFs::from_all(VERSION))?
                .handle_access(AccessNet::from_all(VERSION))?
                .scope(Scope::from_all(VERSION))?
                .create()
        };
        let mut rules = create().map_err(|error: RulesetError| error.to_string())?;
        let system = OF_THE_SYSTEM.map(PathBuf::from);
        for path in system.iter().chain(&self.read) {
            allow(&mut rules, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
        }
        for path in &self.listed {
            allow(&mut rules, path, AccessFs::ReadDir.into())?;
        }
        let made = AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::RemoveFile;
        let null = PathBuf::from("/dev/null");
        for path in self.written.iter().chain([&null]) {
            allow(&mut rules, path, made)?;
        }
        for path in &self.scratch {
            allow(&mut rules, path, made | AccessFs::ReadFile)?;
        }
        // `/dev/stdout` and its like are opened anew, whatever they lead to.
        for stream in ["/dev/stdin", "/dev/stdout", "/dev/stderr"] {
            let stream = Path::new(stream);
            if !metadata(stream).is_ok_and(|found| found.is_dir()) {
                let access = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
                allow(&mut rules, stream, access)?;
            }
        }
        rules.restrict_self().map_err(|error| error.to_string())
    }
}

/// Allows something of a file, or of a folder and all that is in it.
fn allow(
    rules: &mut RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<(), String> {
    // What is not there, or not to be reached, is for the verb to say.
    let Ok(found) = metadata(path) else {
        return Ok(());
    };
    let place = match PathFd::new(path) {
        Ok(place) => place,
        Err(PathFdError::OpenCall { source, .. }) if is_exhausted(&source) => {
            return Err("this process may have too few files open".to_owned());
        }
        Err(_) => return Ok(()),
    };
    let of_files = AccessFs::from_file(VERSION);
    let access = if found.is_dir() {
        access
    } else {
        access & of_files
    };
    match rules.add_rule(PathBeneath::new(place, access)) {
        // A pipe, a socket or memory without a name belongs to no folder: Landlock leaves it alone, and takes no rule for it.
        Err(error) if is_nowhere(&error) => Ok(()),
        added => added.map(drop).map_err(|error| error.to_string()),
    }
}

/// Returns true if no more files can be opened at all, so that the error says nothing about this one.
fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}

fn is_nowhere(error: &RulesetError) -> bool {
    let RulesetError::AddRules(AddRulesError::Fs(AddRuleError::AddRuleCall { source, .. })) = error
    else {
        return false;
    };
    Errno::from_io_error(source) == Some(Errno::BADFD)
}
