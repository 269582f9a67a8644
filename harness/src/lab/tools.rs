//! The programs of this machine that a capture needs: Firefox, geckodriver, netcat.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The folder below a project's root where `make setup` puts tools that no package brings.
pub const PROJECT_TOOLS: &str = ".tools/bin";

/// The tools that were found; whoever needs one that was not says so.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tools {
    /// The browser.
    pub firefox: Option<Firefox>,
    /// The program that drives it.
    pub geckodriver: Option<PathBuf>,
    /// Netcat, of whichever kind.
    pub netcat: Option<PathBuf>,
}

/// An installed Firefox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Firefox {
    /// What to start.
    pub executable: PathBuf,
    /// Whether it is a snap, which sees neither /tmp nor hidden folders.
    pub is_snap: bool,
}

impl Tools {
    /// Looks for the tools, first in the project's own folder, then along PATH.
    pub fn find(project: &Path) -> Self {
        let folders = search_path(project);
        Self {
            firefox: ["firefox-esr", "firefox"]
                .iter()
                .find_map(|name| executable(&folders, name))
                .map(Firefox::at),
            geckodriver: executable(&folders, "geckodriver"),
            netcat: executable(&folders, "nc"),
        }
    }

    /// Whether the browser is a snap, which has rules of its own.
    #[must_use]
    pub fn firefox_is_snap(&self) -> bool {
        self.firefox.as_ref().is_some_and(|firefox| firefox.is_snap)
    }

    /// The browser.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn firefox(&self) -> Result<&Firefox> {
        self.firefox.as_ref().ok_or_else(|| missing("Firefox"))
    }

    /// The driver of the browser.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn geckodriver(&self) -> Result<&Path> {
        self.geckodriver
            .as_deref()
            .ok_or_else(|| missing("geckodriver"))
    }

    /// Netcat.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn netcat(&self) -> Result<&Path> {
        self.netcat.as_deref().ok_or_else(|| missing("nc (netcat)"))
    }
}

impl Firefox {
    fn at(executable: PathBuf) -> Self {
        Self {
            is_snap: is_snap(&executable),
            executable,
        }
    }
}

fn missing(tool: &str) -> Error {
    Error::environment(format!("{tool} is not installed"))
        .with_hint("run `make setup`, which installs it")
}

/// Where programs are looked for, in this order.
pub(super) fn search_path(project: &Path) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = project.join(PROJECT_TOOLS);
    // What is found is started in another folder.
    std::iter::once(std::path::absolute(&own).unwrap_or(own))
        .chain(std::env::split_paths(&path))
        .collect()
}

/// The first executable of this name.
pub(super) fn executable(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    let mut files = folders.iter().map(|folder| folder.join(name));
    files.find(|file| is_executable(file))
}

/// Whether a file is there to be executed.
#[must_use]
pub fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file)
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The file that is executed for a scenario's command: looked for along `PATH`, or with a slash in it, from `folder`.
///
/// # Errors
///
/// Where there is none.
pub fn command_path(command: &str, folder: &Path) -> Result<PathBuf> {
    if command.contains('/') {
        let path = folder.join(command);
        return if is_executable(&path) {
            Ok(path)
        } else {
            Err(Error::usage(format!("{} is no program", path.display()))
                .with_hint("is the path right, and may the file be executed (`chmod +x`)?"))
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    executable(&folders, command).ok_or_else(|| {
        Error::environment(format!("{command} is not installed")).with_hint(format!(
            "install what has `{command}`, or name another command in the scenario"
        ))
    })
}

/// A snap is started through /snap/bin, by a link or by a script that Ubuntu puts in its place.
fn is_snap(executable: &Path) -> bool {
    let is_link = executable
        .canonicalize()
        .is_ok_and(|target| target.starts_with("/snap") || target.ends_with("snap"));
    let is_script = std::fs::read(executable).is_ok_and(|bytes| {
        bytes.starts_with(b"#!") && bytes.windows(10).any(|window| window == b"/snap/bin/")
    });
    is_link || is_script
}
