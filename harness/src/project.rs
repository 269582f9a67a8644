//! `wiresnap.toml`: the places of a project's scenarios, captures, snapshots and docs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::text::Shown as _;
use toml::Spanned;

use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
pub use crate::files::PROJECT_FILE as FILE_NAME;
use crate::files::{
    TRUST_VARIABLE, is_same, read_text, reason, require_trusted_project, require_within,
};
use crate::rule::{RawRule, Rules};

/// The folders of a project.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder that holds `wiresnap.toml`; empty if that is the current one.
    pub root: PathBuf,
    /// Scenario files, `NAME.toml`.
    pub scenarios: PathBuf,
    /// Captures, `NAME.pcap`, and their provenance, `NAME.json`.
    pub captures: PathBuf,
    /// Reviewed snapshots.
    pub snapshots: PathBuf,
    /// Markdown with generated blocks.
    pub docs: PathBuf,
    /// The rules for what to hide in all captures.
    pub rules: Rules,
    /// The known texts that look like a credential, and are not one, or are worth nothing.
    pub known_credentials: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProject {
    scenarios: Spanned<PathBuf>,
    captures: Spanned<PathBuf>,
    snapshots: Spanned<PathBuf>,
    docs: Spanned<PathBuf>,
    #[serde(default)]
    known_credentials: Vec<String>,
    #[serde(default)]
    redact: Vec<RawRule>,
}

impl Project {
    /// Finds the project that `folder` is in: the nearest one, going up, with a `wiresnap.toml`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no project, if it is not to be trusted, or if its file cannot be read or
    /// understood.
    pub fn find(folder: &Path) -> Result<Self> {
        let root = folder
            .ancestors()
            .find(|ancestor| ancestor.join(FILE_NAME).is_file())
            .ok_or_else(|| {
                Error::usage(format!("no {FILE_NAME} in {} or above it", folder.shown())).with_hint(
                    "run this in a wiresnap project, or begin one here with `wiresnap init`",
                )
            })?;
        require_trust(root)?;
        // Paths that are shown are as short as the user would type them.
        Self::read(if root == folder { Path::new("") } else { root })
    }

    /// Returns the project that a file or folder is in, if it is in one that is to be trusted; for one that is not,
    /// `untrusted` is given the reason.
    ///
    /// # Errors
    ///
    /// Returns an error if the project's file cannot be read or understood.
    pub fn of(file: &Path, untrusted: impl FnOnce(Error)) -> Result<Option<Self>> {
        let Ok(file) = file.canonicalize() else {
            return Ok(None);
        };
        let mut folders = file.ancestors();
        let Some(root) = folders.find(|folder| folder.join(FILE_NAME).is_file()) else {
            return Ok(None);
        };
        if let Err(why) = require_trust(root) {
            untrusted(why);
            return Ok(None);
        }
        Self::read(root).map(Some)
    }

    /// Returns the path of `wiresnap.toml`.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.root.join(FILE_NAME)
    }

    fn read(root: &Path) -> Result<Self> {
        let file = root.join(FILE_NAME);
        let text = read_text(&file)
            .map_err(|error| Error::usage(format!("cannot read {}: {error}", file.shown())))?;
        // The error of the toml crate shows line and caret itself.
        let raw: RawProject = toml::from_str(&text).map_err(|error| {
            Error::usage(format!(
                "{}: {}",
                file.shown(),
                error.to_string().trim_end()
            ))
        })?;
        let rules =
            Rules::check(&raw.redact, &text).map_err(|mistake| mistake.into_error(&file, &text))?;
        let folder = |named: &Spanned<PathBuf>| {
            folder_in(root, named).map_err(|mistake| mistake.into_error(&file, &text))
        };
        Ok(Self {
            rules,
            root: root.to_owned(),
            scenarios: folder(&raw.scenarios)?,
            captures: folder(&raw.captures)?,
            snapshots: folder(&raw.snapshots)?,
            docs: folder(&raw.docs)?,
            known_credentials: raw.known_credentials,
        })
    }

    /// Makes sure that a file of the project is in it, however links lead.
    ///
    /// # Errors
    ///
    /// Returns an error if it leads out of the project.
    pub fn require_inside(&self, file: &Path) -> Result<()> {
        require_within(&self.root, file).map_err(|error| {
            let why = reason(&error);
            Error::usage(format!("{} is not used: {why}", file.shown()))
                .with_hint("put the file itself there: nothing of a project is outside of it")
        })
    }

    /// Returns the names of all scenarios, in alphabetical order. Hidden files are skipped: editors keep locks and
    /// backups in them.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be read.
    pub fn scenario_names(&self) -> Result<Vec<String>> {
        let folder = self.scenarios.shown();
        let entries = std::fs::read_dir(&self.scenarios)
            .map_err(|error| Error::usage(format!("cannot read scenarios in {folder}: {error}")))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Returns the files of all scenarios, in alphabetical order of their names.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be read.
    pub fn all_scenario_files(&self) -> Result<Vec<PathBuf>> {
        let names = self.scenario_names()?.into_iter();
        let files = names.map(|name| self.scenarios.join(format!("{name}.toml")));
        Ok(files.collect())
    }

    /// Returns the files of the named scenarios, each once; of all scenarios if `names` is empty.
    ///
    /// # Errors
    ///
    /// Returns an error if one is not there, or if there are no scenarios at all.
    pub fn scenario_files(&self, names: &[String]) -> Result<Vec<PathBuf>> {
        if names.is_empty() {
            let all = self.all_scenario_files()?;
            all.iter().try_for_each(|file| self.require_inside(file))?;
            return if all.is_empty() {
                let folder = self.scenarios.shown();
                Err(Error::usage(format!("no scenario in {folder}")))
            } else {
                Ok(all)
            };
        }
        let mut files: Vec<PathBuf> = Vec::new();
        for name in names {
            let file = self.scenario_file(name)?;
            if !files.iter().any(|other| is_same(other, &file)) {
                files.push(file);
            }
        }
        Ok(files)
    }

    /// Returns the file of the scenario `name`: one of the project's, or a path to a `.toml` file.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such file; the hint names the existing scenarios.
    pub fn scenario_file(&self, name: &str) -> Result<PathBuf> {
        let is_path = Path::new(name).extension().is_some_and(|end| end == "toml");
        if !is_path && !name.contains('/') {
            let named = self.scenarios.join(format!("{name}.toml"));
            if named.is_file() {
                self.require_inside(&named)?;
                return Ok(named);
            }
        }
        if is_path && Path::new(name).is_file() {
            return Ok(PathBuf::from(name));
        }
        let known = self.scenario_names()?.join(", ");
        Err(
            Error::usage(format!("no scenario `{name}`")).with_hint(format!(
                "the scenarios here are {known}; a path must end in .toml"
            )),
        )
    }
}

/// Makes sure that a project can be trusted: it says which programs are started.
fn require_trust(root: &Path) -> Result<()> {
    require_trusted_project(root, &[FILE_NAME]).map_err(|error| {
        let (root, why) = (root.shown(), reason(&error));
        Error::usage(format!("the project in {root} is not used: {why}")).with_hint(format!(
            "look at what it starts; where you trust it, set {TRUST_VARIABLE}={root}"
        ))
    })
}

/// Returns a folder that the project names. It must be in the project, however links lead.
fn folder_in(root: &Path, named: &Spanned<PathBuf>) -> std::result::Result<PathBuf, Diagnostic> {
    let folder = root.join(named.get_ref());
    match require_within(root, &folder) {
        Ok(()) => Ok(folder),
        Err(error) => Err(Diagnostic::new(named.span(), reason(&error))
            .with_hint("name a folder below the one of wiresnap.toml")),
    }
}

/// Returns the folder in which projects are looked for, and to which paths are relative.
///
/// # Errors
///
/// Returns an error if it is gone, or out of reach.
pub fn current_folder() -> Result<PathBuf> {
    std::env::current_dir()
        .map_err(|error| Error::usage(format!("cannot tell the current folder: {error}")))
}
