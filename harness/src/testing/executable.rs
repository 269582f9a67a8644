//! Finds the `wiresnap` executable that plays for a test, and checks that it has this library's version.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::machine::tools::is_executable;
use crate::text::Shown as _;

/// The environment variable that names the executable.
const VARIABLE: &str = "WIRESNAP";

/// The file name of the executable.
const NAME: &str = "wiresnap";

/// The version that the executable must have.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Returns the executable: `named`, or else the first that is found.
///
/// # Errors
///
/// Returns an error if there is no executable, or it is of another version.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf> {
    let here = std::env::current_exe().ok();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = named.map(Path::to_owned);
    let executable = match named.or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from)) {
        Some(named) if is_executable(&named) => named,
        Some(named) => {
            return Err(
                Error::environment(format!("{} is not an executable file", named.shown()))
                    .with_hint(format!(
                        "name a wiresnap executable, or leave it out and unset {VARIABLE}"
                    )),
            );
        }
        None => candidates(here.as_deref(), &path)
            .into_iter()
            .find(|candidate| is_executable(candidate))
            .ok_or_else(missing)?,
    };
    require_version(&executable)?;
    Ok(executable)
}

/// Returns the paths to try: those of programs that cargo has built beside a test, then those along `path`.
fn candidates(test: Option<&Path>, path: &OsString) -> Vec<PathBuf> {
    // Tests are in `deps`, documentation tests anywhere.
    let deps = test.and_then(Path::parent);
    let deps = deps.filter(|folder| folder.ends_with("deps"));
    let built = deps.and_then(Path::parent).into_iter();
    let beside = built.flat_map(|folder| [folder.join("examples"), folder.to_owned()]);
    beside
        .chain(std::env::split_paths(path))
        .map(|folder| folder.join(NAME))
        .collect()
}

fn missing() -> Error {
    Error::environment(format!(
        "there is no {NAME} executable beside the test or along PATH"
    ))
    .with_hint(format!(
        "let cargo build one: put `fn main() -> std::process::ExitCode {{ wiresnap::main() }}` into examples/{NAME}.rs and run \
         `cargo test`, or before a single test `cargo build --examples`; or install version {VERSION} and name it in {VARIABLE}"
    ))
}

fn require_version(executable: &Path) -> Result<()> {
    let output = Command::new(executable)
        .arg("--version")
        .output()
        .map_err(|error| cannot_start(executable, &error))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if said.trim() == format!("{NAME} {VERSION}") {
        return Ok(());
    }
    let said = said.lines().next().unwrap_or_default();
    Err(Error::environment(format!(
        "{} calls itself {said:?}, and the test was built with wiresnap {VERSION}",
        executable.shown()
    ))
    .with_hint(format!(
        "install that version, or let cargo build it: `cargo build --examples` where there is an examples/{NAME}.rs"
    )))
}

pub(super) fn cannot_start(executable: &Path, error: &std::io::Error) -> Error {
    Error::environment(format!("cannot start {}: {error}", executable.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_built_beside_the_test_comes_first() {
        let test = Path::new("/t/debug/deps/wire-0123");

        let found = candidates(Some(test), &"/usr/bin:/bin".into());

        let expected = [
            "/t/debug/examples/wiresnap",
            "/t/debug/wiresnap",
            "/usr/bin/wiresnap",
            "/bin/wiresnap",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn a_test_that_is_elsewhere_has_nothing_beside_it() {
        let test = Path::new("/tmp/rustdoctest/rust_out");

        let found = candidates(Some(test), &"/bin".into());

        assert_eq!(found, [PathBuf::from("/bin/wiresnap")]);
    }

    #[test]
    fn another_version_is_refused() {
        let error = require_version(Path::new("/bin/true")).unwrap_err();

        assert!(
            error.to_string().starts_with("/bin/true calls itself"),
            "{error}"
        );
    }
}
