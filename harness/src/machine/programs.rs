//! The programs under study: their names and paths.

use std::path::{Path, PathBuf};

use super::tools::{command_path, is_executable};
use crate::error::{Error, Result};
use crate::scenario::program::{Executable, Program};
use crate::scenario::{Action, Scenario};

/// The programs that scenarios can call for: the executables beside our own, as cargo builds them.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
    /// Their names, in alphabetical order.
    pub names: Vec<String>,
}

impl Programs {
    /// Finds the programs.
    ///
    /// # Errors
    ///
    /// Returns an error if our own folder cannot be read.
    pub fn beside_us() -> Result<Self> {
        let cannot = |error: std::io::Error| {
            Error::environment(format!("cannot look for programs: {error}"))
        };
        let ourselves = std::env::current_exe()
            .and_then(|path| path.canonicalize())
            .map_err(cannot)?;
        let folder = ourselves.parent().unwrap_or(Path::new("/")).to_owned();
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .map_err(cannot)?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let is_program =
                    path != ourselves && path.extension().is_none() && is_executable(&path);
                is_program
                    .then(|| path.file_name()?.to_str().map(str::to_owned))
                    .flatten()
            })
            .collect();
        names.sort();
        Ok(Self { folder, names })
    }

    /// Returns the file that is executed for a program; `root` is the project's folder.
    ///
    /// # Errors
    ///
    /// Returns an error if it is a command that is not there.
    pub fn executable(&self, program: &Program, root: &Path) -> Result<PathBuf> {
        match &program.executable {
            Executable::Built(name) => Ok(self.folder.join(name)),
            Executable::Command(command) => {
                let folder = program.folder.as_deref().unwrap_or(Path::new(""));
                command_path(command, &root.join(folder))
            }
        }
    }

    /// Makes sure that what the client starts is there: a missing one is better known before the first mark.
    ///
    /// # Errors
    ///
    /// Returns an error that names the first one that is not.
    pub fn require_commands(scenario: &Scenario, root: &Path) -> Result<()> {
        for mark in &scenario.marks {
            if let Action::Start(command) | Action::Execute { command, .. } = &mark.action {
                command_path(&command.executable, root)
                    .map_err(|error| error.context(&scenario.name))?;
            }
        }
        Ok(())
    }
}
