//! Puts what was captured in its place, whole or not at all.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use crate::error::{Error, Result};
use crate::files::batch::Bounds;
use crate::files::{self, Replacement};
use crate::run::message::Picture;
use crate::secrets::Secrets;
use crate::text::Shown as _;
use crate::trace::name::with_ending;
use crate::trace::provenance::{Provenance, path_beside};

/// The folder, next to the captures, for those that are not provably complete.
const INCONCLUSIVE: &str = "inconclusive";

/// A folder that captures are put in, ours alone until this is dropped.
pub(super) struct Folder {
    path: PathBuf,
    open: files::Folder,
    _lock: Lock,
}

impl Folder {
    /// Makes the folder if it is missing, and keeps other captures out of it.
    pub(super) fn lock(path: PathBuf, bounds: Bounds<'_>) -> Result<Self> {
        let open = bounds.make_folder(&path).map_err(|error| {
            let why = files::reason(&error);
            Error::environment(format!("cannot open {}: {why}", path.shown()))
                .with_hint("the folder must belong to you: name another one with --out")
        })?;
        Ok(Self {
            _lock: Lock::take(&open, &path)?,
            open,
            path,
        })
    }

    /// Makes a file in this folder that has no name, so that nothing is left of it, whichever process is killed.
    pub(super) fn savefile(&self) -> Result<Savefile> {
        self.open
            .unnamed_file()
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
        let pcap = with_ending(&provenance.scenario.name, ".pcap");
        let json = path_beside(Path::new(&pcap));
        let written_json = self.written(&json, &text_of(provenance)?)?;
        let written_pictures = pictures
            .iter()
            .map(|picture| {
                Ok((
                    &picture.file,
                    self.written(Path::new(&picture.file), &picture.png()?)?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        let pictures = written_pictures.iter().map(|(file, _)| Path::new(*file));
        for file in pictures.chain([Path::new(&pcap), &json]) {
            self.require_replaceable(file)?;
        }
        let before = pictures_of(&self.path.join(&pcap));
        savefile.copy_to(&self.open, &self.path, Path::new(&pcap))?;
        for (picture, written) in written_pictures {
            self.put(written, Path::new(picture))?;
        }
        self.put(written_json, &json)?;
        self.remove_those_before(&before, provenance);
        Ok(self.path.join(pcap))
    }

    /// Puts a capture that proves nothing aside, for inspection; returns its path.
    pub(super) fn put_aside(&self, savefile: &Savefile, name: &str) -> Result<PathBuf> {
        let path = self.path.join(INCONCLUSIVE);
        let folder = self
            .open
            .make_folder(INCONCLUSIVE.as_ref())
            .map_err(|error| cannot_write_to(&path, &error))?;
        let pcap = with_ending(name, ".pcap");
        savefile.copy_to(&folder, &path, Path::new(&pcap))?;
        Ok(path.join(pcap))
    }

    /// Writes a file that has no name yet.
    fn written(&self, name: &Path, bytes: &[u8]) -> Result<Replacement<'_>> {
        let write = || {
            let mut file = self.open.begin()?;
            file.write_all(bytes)?;
            file.file().sync_all()?;
            Ok(file)
        };
        write().map_err(|error| cannot_write(&self.path.join(name), &error))
    }

    /// Makes sure that a file can be replaced, before the first one is.
    fn require_replaceable(&self, name: &Path) -> Result<()> {
        self.open
            .require_replaceable(name.as_os_str())
            .map_err(|error| {
                let file = self.path.join(name);
                Error::run(format!("cannot write {}: {error}", file.shown())).with_hint(
                    "remove it, or name another folder with --out; the old capture is as it was",
                )
            })
    }

    fn put(&self, written: Replacement<'_>, name: &Path) -> Result<()> {
        written
            .put(name.as_os_str())
            .map_err(|error| cannot_write(&self.path.join(name), &error))
    }

    /// Removes the pictures of the capture before that this one does not have.
    fn remove_those_before(&self, before: &[String], provenance: &Provenance) {
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
                let _ = self.open.remove(file.as_ref());
            }
        }
    }
}

/// A capture that has no name yet.
pub(super) struct Savefile(File);

impl Savefile {
    /// Returns another handle to it, for the player.
    pub(super) fn handle(&self) -> Result<File> {
        self.0
            .try_clone()
            .map_err(|error| Error::environment(format!("cannot hand on the capture: {error}")))
    }

    /// Returns a path that reaches it while this is there.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// Overwrites what is secret in it, and gives whether that was anything; fails where something may be left.
    pub(super) fn overwrite(&self, secrets: &mut Secrets) -> Result<bool> {
        secrets.overwrite(&self.0)
    }

    /// Takes note of the secrets in it, as far as it can be read.
    pub(super) fn teach(&self, secrets: &mut Secrets) {
        secrets.learn_from(&self.0);
    }

    /// Copies it to the file of this name in a folder, which is called `path`.
    fn copy_to(&self, folder: &files::Folder, path: &Path, name: &Path) -> Result<()> {
        let copy = || {
            let mut file = folder.begin()?;
            let mut from = &self.0;
            from.rewind()?;
            io::copy(&mut from, file.file())?;
            file.put(name.as_os_str())
        };
        copy().map_err(|error| cannot_write(&path.join(name), &error))
    }
}

fn text_of(provenance: &Provenance) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(provenance)
        .map_err(|error| Error::run(format!("the provenance cannot be written: {error}")))?;
    text.push(b'\n');
    Ok(text)
}

/// Returns the files of the pictures that belong to a capture which is there already.
fn pictures_of(pcap: &Path) -> Vec<String> {
    // Of what cannot be understood nothing is known to belong to it.
    let provenance = Provenance::read_beside(pcap).ok().flatten();
    let marks = provenance.into_iter().flat_map(|known| known.marks);
    marks.filter_map(|mark| mark.picture).collect()
}

fn cannot_write_to(folder: &Path, error: &io::Error) -> Error {
    Error::environment(format!("cannot write to {}: {error}", folder.shown()))
        .with_hint("the folder must belong to you and have room: name another one with --out")
}

fn cannot_write(file: &Path, error: &io::Error) -> Error {
    Error::run(format!("cannot write {}: {error}", file.shown())).with_hint(
        "make room there, or name another folder with --out; the old capture is as it was",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_replaced_if_one_of_the_files_cannot_be() {
        let known = include_str!("../../../pcap/tcpapp.json");
        let provenance: Provenance = serde_json::from_str(known).unwrap();
        for taken in ["tcpapp.pcap", "tcpapp.json", "tcpapp-1.png"] {
            let folder = tempfile::tempdir().unwrap();
            let files = ["tcpapp.pcap", "tcpapp.json", "tcpapp-1.png"];
            for file in files.iter().filter(|file| **file != taken) {
                std::fs::write(folder.path().join(file), "old").unwrap();
            }
            std::fs::create_dir(folder.path().join(taken)).unwrap();
            let captures = Folder::lock(folder.path().to_owned(), Bounds::Anywhere).unwrap();
            let savefile = captures.savefile().unwrap();
            (&savefile.0).write_all(b"new").unwrap();
            let picture = Picture::new("tcpapp-1.png".to_owned(), b"new");

            let error = captures
                .keep(&savefile, &provenance, &[picture])
                .unwrap_err();

            let file = folder.path().join(taken);
            let says = format!(
                "cannot write {}: it is not a regular file\nhint: remove it",
                file.display()
            );
            assert!(error.to_string().starts_with(&says), "{error}");
            for file in files.iter().filter(|file| **file != taken) {
                let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
                assert_eq!(text, "old", "{file} beside {taken}");
            }
        }
    }

    #[test]
    fn no_capture_takes_the_place_of_one_with_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let captures = Folder::lock(folder.path().to_owned(), Bounds::Anywhere).unwrap();
        let known = include_str!("../../../pcap/tcpapp.json");
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
