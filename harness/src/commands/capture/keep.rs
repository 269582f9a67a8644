//! Puts what was captured in its place, whole or not at all.

use std::fs::{File, Permissions};
use std::io::{Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use super::overwrite::overwrite;
use crate::error::{Error, Result};
use crate::render::redactions::Redactions;
use crate::run::message::Picture;
use crate::trace::name::with_ending;
use crate::trace::provenance::{Provenance, path_beside};

/// The folder, beside the captures, for those that are not provably complete.
const INCONCLUSIVE: &str = "inconclusive";

/// A folder that captures are put in, ours alone until this is dropped.
pub(super) struct Folder {
    path: PathBuf,
    /// Holds the lock: the kernel lets go of it when we end, however we do.
    _locked: File,
}

impl Folder {
    /// Makes the folder where there is none, and keeps other captures out of it.
    pub(super) fn lock(path: PathBuf) -> Result<Self> {
        let cannot = |what: &str, error: std::io::Error| {
            Error::environment(format!("cannot {what} {}: {error}", path.display()))
                .with_hint("the folder must belong to you: name another one with --out")
        };
        std::fs::create_dir_all(&path).map_err(|error| cannot("make", error))?;
        let folder = File::open(&path).map_err(|error| cannot("open", error))?;
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                path,
                _locked: folder,
            }),
            Err(Errno::WOULDBLOCK) => Err(Error::environment(format!(
                "another `wiresnap capture` is writing to {}",
                path.display()
            ))
            .with_hint("wait until it is done, or name another folder with --out")),
            Err(errno) => Err(cannot("lock", errno.into())),
        }
    }

    /// A file in this folder that has no name, so that nothing is left of it, whoever is killed.
    pub(super) fn savefile(&self) -> Result<Savefile> {
        tempfile::tempfile_in(&self.path)
            .map(Savefile)
            .map_err(|error| cannot_write_to(&self.path, &error))
    }

    /// Returns the place of a scenario's capture in this folder.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.path.join(with_ending(name, ".pcap"))
    }

    /// Puts capture, pictures and provenance in their places, each whole or not at all. The pictures of the capture before go
    /// with it.
    pub(super) fn keep(
        &self,
        savefile: &Savefile,
        provenance: &Provenance,
        pictures: &[Picture],
    ) -> Result<PathBuf> {
        put(&self.path, savefile, provenance, pictures)
    }

    /// Puts a capture that proves nothing aside, for inspection; gives where.
    pub(super) fn put_aside(&self, savefile: &Savefile, name: &str) -> Result<PathBuf> {
        let folder = self.path.join(INCONCLUSIVE);
        std::fs::create_dir_all(&folder).map_err(|error| cannot_write_to(&folder, &error))?;
        let pcap = folder.join(with_ending(name, ".pcap"));
        savefile.copy_to(&folder, name, &pcap)?;
        Ok(pcap)
    }
}

/// A capture that has no name yet.
pub(super) struct Savefile(File);

impl Savefile {
    /// Another handle to it, for the player.
    pub(super) fn handle(&self) -> Result<File> {
        self.0
            .try_clone()
            .map_err(|error| Error::environment(format!("cannot hand on the capture: {error}")))
    }

    /// A path that reaches it while this is there.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// Overwrites what is secret in it, and gives whether that was anything; fails where something is left.
    pub(super) fn overwrite_secrets(&self, rules: &Redactions) -> Result<bool> {
        overwrite(&self.0, &self.path(), rules)
    }

    fn copy_to(&self, folder: &Path, name: &str, place: &Path) -> Result<()> {
        let mut part = beside(folder, name, "pcap")?;
        let mut from = &self.0;
        from.rewind()
            .and_then(|()| std::io::copy(&mut from, part.as_file_mut()))
            .and_then(|_| part.as_file().sync_all())
            .map_err(|error| cannot_write(place, &error))?;
        persist(part, place)
    }
}

fn put(
    folder: &Path,
    savefile: &Savefile,
    provenance: &Provenance,
    pictures: &[Picture],
) -> Result<PathBuf> {
    let name = &provenance.scenario.name;
    let pcap = folder.join(with_ending(name, ".pcap"));
    let json_place = path_beside(&pcap);
    let mut json = beside(folder, name, "json")?;
    serde_json::to_string_pretty(provenance)
        .map_err(std::io::Error::from)
        .and_then(|text| writeln!(json, "{text}"))
        .and_then(|()| json.as_file().sync_all())
        .map_err(|error| cannot_write(&json_place, &error))?;
    let pictures = pictures
        .iter()
        .map(|picture| written(picture, folder, name))
        .collect::<Result<Vec<_>>>()?;
    let before = pictures_of(&pcap);
    savefile.copy_to(folder, name, &pcap)?;
    for (picture, place) in pictures {
        persist(picture, &place)?;
    }
    persist(json, &json_place)?;
    remove_those_before(&before, provenance, folder);
    Ok(pcap)
}

/// A picture that is written, and its place.
fn written(picture: &Picture, folder: &Path, name: &str) -> Result<(NamedTempFile, PathBuf)> {
    let place = folder.join(&picture.file);
    let mut file = beside(folder, name, "png")?;
    file.write_all(&picture.png()?)
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| cannot_write(&place, &error))?;
    Ok((file, place))
}

/// The files of the pictures that belong to a capture which is there already.
fn pictures_of(pcap: &Path) -> Vec<String> {
    // Of what cannot be understood nothing is known to belong to it.
    let provenance = Provenance::read_beside(pcap).ok().flatten();
    let marks = provenance.into_iter().flat_map(|known| known.marks);
    marks.filter_map(|mark| mark.picture).collect()
}

/// Removes the pictures of the capture before that this one does not have.
fn remove_those_before(before: &[String], provenance: &Provenance, folder: &Path) {
    let name = &provenance.scenario.name;
    // Whatever the file says that is there: nothing but a picture of this scenario is removed.
    let is_ours = |file: &str| {
        let rest = file.strip_prefix(name.as_str());
        let picture = rest.and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".png"));
        picture.is_some_and(|picture| !picture.contains('/'))
    };
    let is_there = |file: &String| {
        let mut now = provenance.marks.iter();
        now.any(|mark| mark.picture.as_ref() == Some(file))
    };
    for file in before {
        if is_ours(file) && !is_there(file) {
            // One that somebody has removed already is gone.
            let _ = std::fs::remove_file(folder.join(file));
        }
    }
}

/// Gives a file that is whole its name, by which others may read it.
fn persist(part: NamedTempFile, place: &Path) -> Result<()> {
    part.as_file()
        .set_permissions(Permissions::from_mode(0o644))
        .map_err(|error| cannot_write(place, &error))?;
    part.persist(place)
        .map(drop)
        .map_err(|error| cannot_write(place, &error.error))
}

/// A file in the same folder as the one that it will replace, so that it can be renamed; nobody else may read it yet.
fn beside(folder: &Path, name: &str, end: &str) -> Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(&format!(".{end}.part"))
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(|error| cannot_write_to(folder, &error))
}

fn cannot_write_to(folder: &Path, error: &std::io::Error) -> Error {
    Error::environment(format!("cannot write to {}: {error}", folder.display()))
        .with_hint("the folder must belong to you and have room: name another one with --out")
}

fn cannot_write(file: &Path, error: &std::io::Error) -> Error {
    Error::run(format!("cannot write {}: {error}", file.display())).with_hint(
        "make room there, or name another folder with --out; the old capture is as it was",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_capture_takes_the_place_of_one_with_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let captures = Folder::lock(folder.path().to_owned()).unwrap();
        let known = include_str!("../../../../pcap/tcpapp.json");
        let mut provenance: Provenance = serde_json::from_str(known).unwrap();
        let names = ["v1", "v1.1", "v1.2", "v1.pcapng"];
        for name in names {
            name.clone_into(&mut provenance.scenario.name);
            let savefile = captures.savefile().unwrap();
            (&savefile.0).write_all(name.as_bytes()).unwrap();

            let kept = captures.keep(&savefile, &provenance, &[]).unwrap();
            let aside = captures.put_aside(&savefile, name).unwrap();

            let file = format!("{name}.pcap");
            assert_eq!(kept, folder.path().join(&file));
            assert_eq!(aside, folder.path().join(INCONCLUSIVE).join(&file));
        }
        for name in names {
            let pcap = folder.path().join(format!("{name}.pcap"));
            assert_eq!(std::fs::read_to_string(&pcap).unwrap(), name);
            let known = Provenance::read_beside(&pcap).unwrap().unwrap();
            assert_eq!(known.scenario.name, name);
        }
    }
}
