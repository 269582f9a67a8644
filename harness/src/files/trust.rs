//! Checks who owns a project before its files decide which programs are started.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::geteuid;

use super::or_here;
use crate::text::Shown as _;

/// The variable that names further projects that are trusted, separated by colons.
pub const VARIABLE: &str = "WIRESNAP_TRUST";

const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Makes sure that a project's folder and these files in it are as their owner left them, that the owner is this user,
/// the user who called sudo, or root, and that nobody else can put another folder in its place.
///
/// # Errors
///
/// Returns an error that says what belongs to another user, or may be written by others.
pub fn require_trusted_project(root: &Path, files: &[&str]) -> io::Result<()> {
    let root = or_here(root).canonicalize()?;
    let trusted = std::env::var_os(VARIABLE).unwrap_or_default();
    if std::env::split_paths(&trusted)
        .any(|folder| folder.canonicalize().is_ok_and(|folder| folder == root))
    {
        return Ok(());
    }
    require_trusted(&root)?;
    for file in files {
        require_trusted(&root.join(file))?;
    }
    // In a sticky folder, such as /tmp, nobody renames what belongs to others.
    for above in root.ancestors().skip(1) {
        let found = std::fs::metadata(above)?;
        if found.mode() & STICKY == 0 {
            require_nobody_else_writes(above, &found)?;
        }
    }
    Ok(())
}

/// Makes sure that a file or folder belongs to this user, the user who called sudo, or root, and that nobody else may
/// write to it.
///
/// # Errors
///
/// Returns an error that says why it is not to be trusted.
pub fn require_trusted(path: &Path) -> io::Result<()> {
    let found = std::fs::metadata(path)?;
    if !trusted_users().any(|user| user == found.uid()) {
        let user = found.uid();
        return Err(io::Error::other(format!(
            "{} belongs to another user ({user})",
            path.shown()
        )));
    }
    require_nobody_else_writes(path, &found)
}

fn require_nobody_else_writes(path: &Path, found: &Metadata) -> io::Result<()> {
    let mode = found.mode();
    let path = path.shown();
    if mode & OTHERS_WRITE != 0 {
        return Err(io::Error::other(format!("everybody may write to {path}")));
    }
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    if mode & GROUP_WRITES != 0
        && has_others(
            &read("/etc/group"),
            &read("/etc/passwd"),
            found.gid(),
            found.uid(),
        )
    {
        return Err(io::Error::other(format!(
            "a group of users may write to {path}"
        )));
    }
    Ok(())
}

/// Returns this user, root, and as root the user who called sudo.
fn trusted_users() -> impl Iterator<Item = u32> {
    let user = geteuid();
    let caller = std::env::var("SUDO_UID").ok();
    let caller = caller.and_then(|user| user.parse().ok());
    [user.as_raw(), 0]
        .into_iter()
        .chain(caller.filter(|_| user.is_root()))
}

/// Returns true if a group has members besides its files' owner and root. Most systems give each user a group of their
/// own, which may write to all of their files. A group that is missing from the system's files is such a one if it has
/// the user's number.
fn has_others(groups: &str, users: &str, group: u32, owner: u32) -> bool {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let users: Vec<Vec<String>> = users.lines().map(fields).collect();
    let number = |user: &[String], field: usize| user.get(field)?.parse::<u32>().ok();
    let is_other = |user: &[String]| !matches!(number(user, 2), Some(id) if id == owner || id == 0);
    let by_default = |user: &Vec<String>| number(user, 3) == Some(group) && is_other(user);
    if users.iter().any(by_default) {
        return true;
    }
    let Some(found) = groups
        .lines()
        .map(fields)
        .find(|found| number(found, 2) == Some(group))
    else {
        return group != owner;
    };
    let members = found.get(3).map_or("", String::as_str);
    members
        .split(',')
        .filter(|member| !member.is_empty())
        .any(|member| {
            let known = users
                .iter()
                .find(|user| user.first().is_some_and(|name| name == member));
            known.is_none_or(|user| is_other(user))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_group_of_ones_own_is_nobody_else() {
        let users = "root:x:0:0::/root:\nada:x:1000:1000::/home/ada:\nbob:x:1001:100::/home/bob:\n";
        let groups = "root:x:0:\nada:x:1000:\nusers:x:100:\ndevelopers:x:50:ada,bob\nadas:x:51:ada,root\nout:x:52:eve\n";
        for (group, expected) in [
            (1000, false),
            (100, true),
            (50, true),
            (51, false),
            (52, true),
            (0, false),
            (77, true),
        ] {
            assert_eq!(has_others(groups, users, group, 1000), expected, "{group}");
        }
        assert!(!has_others("", "", 1000, 1000));
    }

    #[test]
    fn what_others_may_write_to_is_not_trusted() {
        let stage = tempfile::tempdir().unwrap();
        let above = stage.path().join("above");
        let root = above.join("project");
        create_dir(&above).unwrap();
        create_dir(&root).unwrap();
        write(root.join("file"), "").unwrap();
        let trust = || require_trusted_project(&root, &["file"]);
        trust().unwrap();
        for (path, mode, is_trusted) in [
            (&above, 0o777, false),
            (&above, 0o1777, true),
            (&root, 0o777, false),
            (&root, 0o1777, false),
            (&root.join("file"), 0o666, false),
        ] {
            let before = std::fs::metadata(path).unwrap().permissions();
            set_permissions(path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(trust().is_ok(), is_trusted, "{} {mode:o}", path.display());
            set_permissions(path, before).unwrap();
        }
    }
}
