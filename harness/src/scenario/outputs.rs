//! Scenarios that would write the same file, told before one of them overwrites what another has left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Scenario, file};
use crate::error::{Error, Result};
use crate::files::is_same;
use crate::text::Shown as _;

/// The files to be written, with the scenario that writes each. Not every file system tells upper from lower case, so
/// all names are in lower case.
#[derive(Default)]
pub struct Outputs(BTreeMap<String, Output>);

/// A file that is written, and the scenario that it comes from.
struct Output {
    name: String,
    scenario: PathBuf,
}

impl Outputs {
    /// Adds what a scenario writes. Its snapshot and its provenance are called as its capture is.
    ///
    /// # Errors
    ///
    /// Returns an error if another one writes a file of that name.
    pub fn add(&mut self, file: &Path, scenario: &Scenario) -> Result<()> {
        self.add_capture(file, &scenario.name)?;
        let mut pictures = scenario.picture_files();
        pictures.try_for_each(|picture| self.add_file(file, picture))
    }

    /// Adds the files written by a scenario that is not played now: its capture, and its pictures as far as its file
    /// can be understood.
    ///
    /// # Errors
    ///
    /// Returns an error if another one writes a file of that name.
    pub fn add_unplayed(&mut self, file: &Path, programs: &[String]) -> Result<()> {
        if let Ok(scenario) = file::read(file, programs) {
            return self.add(file, &scenario);
        }
        // A file whose name is no scenario's is never played.
        file::name_of(file).map_or(Ok(()), |name| self.add_capture(file, &name))
    }

    fn add_capture(&mut self, file: &Path, name: &str) -> Result<()> {
        self.add_file(file, format!("{name}.pcap"))
    }

    fn add_file(&mut self, scenario: &Path, name: String) -> Result<()> {
        let new = Output {
            scenario: scenario.to_owned(),
            name,
        };
        match self.0.get(&new.name.to_ascii_lowercase()) {
            Some(other) if !is_same(&other.scenario, &new.scenario) => Err(collision(other, &new)),
            _ => {
                self.0.insert(new.name.to_ascii_lowercase(), new);
                Ok(())
            }
        }
    }
}

fn collision(one: &Output, other: &Output) -> Error {
    let scenarios = format!("{} and {}", one.scenario.shown(), other.scenario.shown());
    if one.name == other.name {
        return Error::usage(format!("{scenarios} would both write {}", one.name))
            .with_hint("rename one of the two, or capture into another folder with --out");
    }
    Error::usage(format!("{scenarios} would write {} and {}", one.name, other.name)).with_hint(
        "rename one of the two: where file systems do not tell upper from lower case, that is one file",
    )
}
