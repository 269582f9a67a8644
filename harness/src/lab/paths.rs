//! The part of the machine's file system that programs, helpers and clients see: all of it but temporary files and
//! sockets of others.
//!
//! A network namespace keeps nobody from a Unix socket that has a path: to reach the desktop's bus, a container engine or an
//! agent that holds keys, it is enough to see it. So the folders that such sockets lie in are covered by empty ones, and of
//! what was there only what the scenario needs is put back.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change};
use rustix::thread::UnshareFlags;

use super::namespace::{FOLDER, refused, unshare};
use crate::error::Result;

/// Folders for temporary files, which everybody may put sockets into.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// Folders for what belongs to running services and sessions: their sockets. The second is the same as the first but on old
/// systems.
const RUNTIME: [&str; 2] = ["/run", "/var/run"];

/// The paths in the first of them that programs need: where NixOS keeps all programs, and the file that names the
/// resolvers of host names.
const NEEDED: [&str; 6] = [
    "/run/current-system",
    "/run/booted-system",
    "/run/opengl-driver",
    "/run/opengl-driver-32",
    "/run/wrappers",
    "/etc/resolv.conf",
];

/// Folders of the user's home that agents and clients have sockets in.
const OF_AGENTS: [&str; 3] = [".ssh", ".gnupg", ".docker"];

/// The largest number of symbolic links followed from one path; the kernel follows forty.
const MOST_LINKS: usize = 40;

/// The paths that a scenario needs to see.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// Folders and files that must stay in sight: the project, programs, tools, the lab's own folder.
    pub(super) needed: Vec<PathBuf>,
    /// The user's home folder.
    pub(super) home: Option<PathBuf>,
    /// True if the folder for shared memory is the lab's own already.
    pub(super) owns_shared_memory: bool,
}

/// Gives this thread, and all that it starts from now on, the view.
///
/// # Errors
///
/// Returns an error that names the step that the system refuses.
pub(super) fn restrict(view: &View) -> Result<()> {
    unshare(UnshareFlags::NEWNS).map_err(refused("have mounts of its own for programs"))?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(io::Error::from)
    .map_err(refused("make mounts private"))?;
    cover_all(view).map_err(refused("cover the folders of others"))
}

fn cover_all(view: &View) -> io::Result<()> {
    for folder in folders(&TEMPORARY) {
        // Beside a program may lie what it needs.
        cover(&folder, &view.needed, Share::Neighbours)?;
    }
    let runtime: Vec<PathBuf> = NEEDED
        .iter()
        .map(PathBuf::from)
        .chain(view.needed.iter().cloned())
        .collect();
    for folder in folders(&RUNTIME) {
        cover(&folder, &runtime, Share::Nothing)?;
    }
    let shared_memory = (!view.owns_shared_memory).then(|| PathBuf::from(FOLDER));
    let home = view.home.iter();
    let of_agents = home.flat_map(|home| OF_AGENTS.map(|name| home.join(name)));
    for folder in folders(
        &shared_memory
            .into_iter()
            .chain(of_agents)
            .collect::<Vec<_>>(),
    ) {
        cover(&folder, &view.needed, Share::Nothing)?;
    }
    Ok(())
}

/// Returns the folders among these that exist, each by its true path and once.
fn folders(named: &[impl AsRef<Path>]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in named
        .iter()
        .filter_map(|name| name.as_ref().canonicalize().ok())
    {
        if folder.is_dir() && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The part of a covered folder that is put back together with a needed path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// All that has its first folder in common with it.
    Neighbours,
    /// Nothing else.
    Nothing,
}

/// Something of a folder that is to stay in sight when that is covered.
#[derive(Debug)]
struct Kept {
    place: PathBuf,
    what: Held,
}

#[derive(Debug)]
enum Held {
    /// A symbolic link, and its target.
    Link(PathBuf),
    /// A folder.
    Folder(OwnedFd),
    /// Anything else.
    File(OwnedFd),
}

/// Puts an empty folder in the place of `folder`, and the needed parts of it into that. A folder that is needed as a
/// whole, such as one inside of a project, stays as it is.
fn cover(folder: &Path, needed: &[PathBuf], share: Share) -> io::Result<()> {
    let mut places = Vec::new();
    for path in needed {
        match places_of(folder, path, share) {
            Some(found) => places.extend(found),
            None => return Ok(()),
        }
    }
    places.sort();
    places.dedup();
    // What lies in a folder that is put back comes with it.
    places.dedup_by(|later, earlier| later.starts_with(earlier));
    let kept = places.into_iter().filter_map(hold).collect::<Vec<_>>();
    put_over(folder)?;
    kept.into_iter().try_for_each(put_back)
}

/// Returns the places in `folder` that a path leads through; `None` if the path needs all of the folder.
fn places_of(folder: &Path, path: &Path, share: Share) -> Option<Vec<PathBuf>> {
    let mut places = Vec::new();
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..MOST_LINKS {
        if folder.starts_with(&path) {
            return None;
        }
        let Some((link, target)) = first_link(&path) else {
            places.extend(place_in(folder, &path, share));
            return Some(places);
        };
        if link.starts_with(folder) {
            places.push(link);
        }
        path = target;
    }
    Some(places)
}

/// Returns the place in `folder` that is put back for a path.
fn place_in(folder: &Path, path: &Path, share: Share) -> Option<PathBuf> {
    let inside = path.strip_prefix(folder).ok()?;
    match share {
        Share::Neighbours => Some(folder.join(inside.components().next()?)),
        Share::Nothing => Some(path.to_owned()),
    }
}

/// Returns the first symbolic link on the way to a path, and the path as it leads through that link.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut so_far = PathBuf::new();
    let mut components = path.components();
    while let Some(component) = components.next() {
        so_far.push(component);
        let Ok(target) = fs::read_link(&so_far) else {
            continue;
        };
        let folder = so_far.parent().unwrap_or(Path::new("/"));
        let whole = folder.join(target).join(components.as_path());
        return Some((so_far, without_dots(&whole)));
    }
    None
}

/// Returns a path without `.` and `..`, given that nothing before a `..` is a symbolic link.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// Holds what is at a place; what is not there need not be kept.
fn hold(place: PathBuf) -> Option<Kept> {
    if let Ok(target) = fs::read_link(&place) {
        let what = Held::Link(target);
        return Some(Kept { place, what });
    }
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let descriptor = openat(CWD, &place, flags, Mode::empty()).ok()?;
    let what = if place.is_dir() {
        Held::Folder(descriptor)
    } else {
        Held::File(descriptor)
    };
    Some(Kept { place, what })
}

/// Mounts an empty folder with the same permissions.
fn put_over(folder: &Path) -> io::Result<()> {
    let mode = fs::metadata(folder)?.permissions().mode() & 0o7777;
    let options = std::ffi::CString::new(format!("mode={mode:o}"))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", folder, "tmpfs", flags, &*options)?;
    Ok(())
}

fn put_back(Kept { place, what }: Kept) -> io::Result<()> {
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent)?;
    }
    let held = match &what {
        Held::Link(target) => return symlink(target, &place),
        Held::Folder(held) => {
            fs::create_dir(&place)?;
            held
        }
        Held::File(held) => {
            File::create_new(&place)?;
            held
        }
    };
    mount_bind_recursive(format!("/proc/self/fd/{}", held.as_raw_fd()), &place)?;
    Ok(())
}
