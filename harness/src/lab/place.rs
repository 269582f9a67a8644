//! Where a scenario is at home: its project's folder, and what its placeholders stand for.

use std::path::{Path, PathBuf};

use crate::scenario::program::Setting;

/// Where a scenario is at home while it is played.
#[derive(Clone, Debug)]
pub struct Place {
    /// The project's folder, as an absolute path.
    pub root: PathBuf,
    /// What placeholders stand for.
    pub setting: Setting,
}

impl Place {
    /// What is started for a command: a name is looked for along `PATH` by the system, a path begins at `folder`.
    #[must_use]
    pub fn executable(&self, command: &str, folder: &Path) -> PathBuf {
        if command.contains('/') {
            self.root.join(folder).join(command)
        } else {
            PathBuf::from(command)
        }
    }
}
