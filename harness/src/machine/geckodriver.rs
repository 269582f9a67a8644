//! geckodriver, which few systems have a package of: cargo builds it into a folder of the user's.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tools::own_tools;
use crate::error::{Error, Result};
use crate::text::Shown as _;

/// The version that is built: the one that wiresnap is tested with.
pub const VERSION: &str = "0.37.1";

/// Has `cargo` build geckodriver into `folder`, and returns the path of the executable.
///
/// # Errors
///
/// Returns an error if it cannot be built, or others could replace what was built.
pub fn build(cargo: &Path, folder: &Path) -> Result<PathBuf> {
    let cannot =
        |what: &str, error: std::io::Error| Error::environment(format!("cannot {what}: {error}"));
    let executable = folder.join("bin/geckodriver");
    // Whatever the umask is, nobody else may write there.
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder.join("bin"))
        .map_err(|error| cannot(&format!("make {}", folder.shown()), error))?;
    let status = Command::new(cargo)
        .args(["install", "geckodriver", "--version", VERSION])
        .args(["--locked", "--force", "--root"])
        .arg(folder)
        // A project's own settings are not meant for it.
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| cannot(&format!("start {}", cargo.shown()), error))?;
    if !status.success() {
        return Err(
            Error::environment(format!("cargo could not build geckodriver {VERSION}"))
                .with_hint("its messages above say why; geckodriver takes a recent Rust, as `rustup update` brings"),
        );
    }
    own_tools(folder).map_err(|error| {
        Error::environment(format!("geckodriver was built, but is not used: {error}"))
            .with_hint("folder and file must belong to you, and nobody else may write to them")
    })?;
    Ok(executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_up_of_this_repository_builds_the_same_version() {
        let setup = include_str!("../../../scripts/setup");
        let line = format!("GECKODRIVER_VERSION={VERSION}");
        assert!(setup.lines().any(|other| other == line));
    }
}
