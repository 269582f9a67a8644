//! The programs of this machine that a capture needs: a browser and its driver, netcat.

use std::io;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use serde::{Deserialize, Serialize};

use super::browser::Kind;
use super::travelling;
use crate::error::{Error, Result};
use crate::files::{PROJECT_FILE, require_trusted, require_trusted_project};
use crate::text::Shown as _;

/// The folder below a project's root where `make setup` puts tools that no package brings.
pub const PROJECT_TOOLS: &str = ".tools/bin";

/// The folder of a user's data, below the home folder, unless `XDG_DATA_HOME` names another one.
const DATA: &str = ".local/share";

/// The folder below that of the user's data where `wiresnap doctor --fix` puts such tools.
const USERS_TOOLS: &str = "wiresnap/tools";

/// The tools that were found; a method reports the one that is missing when it is needed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tools {
    /// The browser that pages are played with.
    pub browser: Browser,
    /// Netcat, of whichever kind.
    #[serde(with = "travelling")]
    pub netcat: Option<PathBuf>,
}

/// A browser and its driver, each if it was found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Browser {
    /// The kind of the browser.
    pub kind: Kind,
    /// The executable to start.
    #[serde(with = "travelling")]
    pub executable: Option<PathBuf>,
    /// True if the executable is a snap, which sees neither /tmp nor hidden folders.
    pub is_snap: bool,
    /// The program that drives it.
    #[serde(with = "travelling")]
    pub driver: Option<PathBuf>,
}

impl Tools {
    /// Looks for the tools, first in the project's own folder, then in the user's, then along PATH.
    #[must_use]
    pub fn find(project: &Path, browser: Kind) -> Self {
        let folders = search_path(project);
        Self {
            browser: Browser::find(browser, &folders),
            netcat: executable(&folders, "nc"),
        }
    }

    /// Returns the browser's executable.
    ///
    /// # Errors
    ///
    /// Returns an error if no browser is installed.
    pub fn browser(&self) -> Result<&Path> {
        let Browser {
            kind, executable, ..
        } = &self.browser;
        executable
            .as_deref()
            .ok_or_else(|| missing(&kind.to_string()))
    }

    /// Returns the driver of the browser.
    ///
    /// # Errors
    ///
    /// Returns an error if no driver is installed.
    pub fn driver(&self) -> Result<&Path> {
        let Browser { kind, driver, .. } = &self.browser;
        driver.as_deref().ok_or_else(|| missing(kind.driver()))
    }

    /// Returns netcat's executable.
    ///
    /// # Errors
    ///
    /// Returns an error if netcat is not installed.
    pub fn netcat(&self) -> Result<&Path> {
        self.netcat.as_deref().ok_or_else(|| missing("nc (netcat)"))
    }
}

impl Browser {
    fn find(kind: Kind, folders: &[PathBuf]) -> Self {
        let mut names = kind.executables().iter();
        let found = names.find_map(|name| executable(folders, name));
        Self {
            kind,
            is_snap: found.as_deref().is_some_and(is_snap),
            executable: found,
            driver: executable(folders, kind.driver()),
        }
    }
}

fn missing(tool: &str) -> Error {
    Error::environment(format!("{tool} is not installed"))
        .with_hint("`wiresnap doctor` says what installs it")
}

/// Returns the folders in which programs are looked for, in this order.
#[must_use]
pub fn search_path(project: &Path) -> Vec<PathBuf> {
    let of_user = users_tools().and_then(|folder| own_tools(&folder).ok());
    let own = tools_of(project).into_iter().chain(of_user);
    own.chain(path()).collect()
}

/// Returns the folder of the tools that were built for this user; `None` if the user has no folder for data.
///
/// With sudo, the variables are root's, and the system's database has the user's home folder.
#[must_use]
pub fn users_tools() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let folder = std::env::var_os(name).map(PathBuf::from);
        folder.filter(|folder| folder.is_absolute())
    };
    let data = if std::env::var_os("SUDO_UID").is_some() {
        let user = nix::unistd::User::from_uid(geteuid().as_raw().into());
        let home = user.ok().flatten()?.dir;
        home.join(DATA)
    } else {
        absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(DATA)))?
    };
    Some(data.join(USERS_TOOLS))
}

/// Returns the folder with the executables in a folder of the user's own tools, if nobody else can put others in their
/// place.
pub(super) fn own_tools(folder: &Path) -> io::Result<PathBuf> {
    require_trusted_project(folder, &["bin"])?;
    Ok(folder.join("bin"))
}

/// Returns the folder of a project's own tools, if the project is to be trusted with what is started.
fn tools_of(project: &Path) -> Option<PathBuf> {
    let files = [PROJECT_FILE, ".tools", PROJECT_TOOLS];
    require_trusted_project(project, &files).ok()?;
    // What is found is started in another folder.
    std::path::absolute(project.join(PROJECT_TOOLS)).ok()
}

/// Returns the folders of `PATH`, without relative ones: anyone may have put a program there.
fn path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect()
}

/// Finds the first executable of this name.
#[must_use]
pub fn executable(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    let mut files = folders.iter().map(|folder| folder.join(name));
    let is_ours = |file: &Path| {
        let is_own = |folder: &Path| {
            folder.ends_with(PROJECT_TOOLS) || folder.ends_with(Path::new(USERS_TOOLS).join("bin"))
        };
        !file.parent().is_some_and(is_own) || require_trusted(file).is_ok()
    };
    files.find(|file| is_executable(file) && is_ours(file))
}

/// Returns true if the file exists and is executable.
#[must_use]
pub fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file)
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Returns the file that is executed for a scenario's command: looked for along `PATH`, or with a slash in it, from
/// `folder`.
///
/// # Errors
///
/// Returns an error if there is no such executable file.
pub fn command_path(command: &str, folder: &Path) -> Result<PathBuf> {
    if command.contains('/') {
        let path = folder.join(command);
        return if is_executable(&path) {
            Ok(path)
        } else {
            Err(
                Error::usage(format!("{} is not an executable file", path.shown()))
                    .with_hint("is the path right, and may the file be executed (`chmod +x`)?"),
            )
        };
    }
    executable(&path(), command).ok_or_else(|| {
        Error::environment(format!("{command} is not installed")).with_hint(format!(
            "install what has `{command}`, or name another command in the scenario"
        ))
    })
}

/// Returns true if an executable is a snap's: a snap is started through /snap/bin, by a link or by a script that Ubuntu
/// puts in its place.
fn is_snap(executable: &Path) -> bool {
    let is_link = executable
        .canonicalize()
        .is_ok_and(|target| target.starts_with("/snap") || target.ends_with("snap"));
    let is_script = std::fs::read(executable).is_ok_and(|bytes| {
        bytes.starts_with(b"#!") && bytes.windows(10).any(|window| window == b"/snap/bin/")
    });
    is_link || is_script
}
