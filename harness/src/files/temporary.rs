//! Temporary folders.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::{Builder, TempDir};

/// Makes a folder that nobody else can look into, below `parent`; it is removed with the value.
///
/// # Errors
///
/// Returns an error if the system does.
pub fn private_folder(parent: &Path, prefix: &str) -> io::Result<TempDir> {
    Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_folder_is_its_owners_alone() {
        let folder = private_folder(&std::env::temp_dir(), "wiresnap-").unwrap();
        let mode = std::fs::metadata(folder.path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
