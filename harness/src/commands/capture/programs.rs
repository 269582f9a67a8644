//! The programs under study: where they are, and which there are.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The programs that scenarios can call for: the executables beside our own, as cargo builds them.
pub(in crate::commands) struct Programs {
    folder: PathBuf,
    pub(in crate::commands) names: Vec<String>,
}

impl Programs {
    pub(in crate::commands) fn beside_us() -> Result<Self> {
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

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
