//! Puts what was captured in its place, whole or not at all.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::trace::provenance::{Provenance, path_beside};

/// A file in the same folder as the one that it will replace, so that it can be renamed.
pub(super) fn beside(folder: &Path, name: &str, end: &str) -> Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(&format!(".{end}.part"))
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(|error| {
            Error::environment(format!("cannot write to {}: {error}", folder.display()))
                .with_hint("the folder must belong to you: name another one with --out")
        })
}

/// Puts capture and provenance in their places, each whole or not at all.
pub(super) fn keep(
    savefile: NamedTempFile,
    provenance: &Provenance,
    folder: &Path,
) -> Result<PathBuf> {
    let name = &provenance.scenario.name;
    let pcap = folder.join(format!("{name}.pcap"));
    let cannot =
        |error: std::io::Error| Error::run(format!("cannot write {}: {error}", pcap.display()));
    let mut json = beside(folder, name, "json")?;
    let text = serde_json::to_string_pretty(provenance).map_err(|error| cannot(error.into()))?;
    writeln!(json, "{text}").map_err(cannot)?;
    File::open(savefile.path())
        .and_then(|file| file.sync_all())
        .map_err(cannot)?;
    json.as_file().sync_all().map_err(cannot)?;
    savefile
        .persist(&pcap)
        .map_err(|error| cannot(error.error))?;
    json.persist(path_beside(&pcap))
        .map_err(|error| cannot(error.error))?;
    Ok(pcap)
}
