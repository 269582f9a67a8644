//! A capture with its metadata.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wirestream::capture;

use super::message::Message;
use crate::analysis::stats::{Options, Statistics, measure};
use crate::error::{Error, Result};
use crate::listing::{Format, Request, list, listing_for_test};
use crate::rule::Rules;
use crate::text::Shown as _;
use crate::trace::provenance::{Certificate, MarkRecord, Provenance, path_beside};

/// A capture: that of a scenario which was [played](crate::Lab::play), or any other.
///
/// ```
/// use wiresnap::Recording;
///
/// # fn main() -> Result<(), wiresnap::Error> {
/// let recording = Recording::open("../pcap/tcpapp.pcap")?;
///
/// // What the two ends said, and what changes from run to run hidden.
/// assert!(recording.payload()?.contains("Server time: HH:MM:SS"));
/// // What that took.
/// assert_eq!(recording.stats()?.app_packets, 7);
/// // Which steps it consists of, and the proof that nothing of it is missing.
/// let steps: Vec<&str> = recording.marks().iter().map(|mark| mark.step.as_str()).collect();
/// assert_eq!(steps, ["open", "send time", "send time", "send time", "close"]);
/// assert!(recording.certificate().is_some_and(|certificate| certificate.kernel_drops == 0));
/// # Ok(())
/// # }
/// ```
///
/// The capture of a scenario is in a temporary folder, which is removed with this value. The folder stays if a test
/// fails while it holds the value, and its path is printed then; [`Recording::save`] keeps the capture in any case.
#[derive(Debug)]
pub struct Recording {
    pcap: PathBuf,
    provenance: Option<Provenance>,
    /// The rules of its scenario, which say what to hide.
    rules: Rules,
    /// The folder that is removed with this value.
    _folder: Option<Temporary>,
}

impl Recording {
    /// Opens an existing capture, with its provenance if there is a file of it: pcap or pcapng, compressed or not.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not a capture, or its provenance cannot be understood.
    pub fn open(pcap: impl AsRef<Path>) -> Result<Self> {
        let pcap = pcap.as_ref();
        capture::open(pcap).map_err(|error| unreadable(pcap, &error))?;
        Ok(Self {
            provenance: Provenance::read_beside(pcap)
                .map_err(|error| unreadable(&path_beside(pcap), &error))?,
            pcap: pcap.to_owned(),
            rules: Rules::default(),
            _folder: None,
        })
    }

    #[cfg(feature = "capture")]
    /// Takes over a capture in a folder of its own, with the rules of its scenario.
    pub(super) fn of_delivery(pcap: &Path, rules: Rules) -> Result<Self> {
        Ok(Self {
            rules,
            _folder: pcap.parent().map(|folder| Temporary(folder.to_owned())),
            ..Self::open(pcap)?
        })
    }

    /// Returns the path of the capture file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.pcap
    }

    /// Returns the capture's bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        fs::read(&self.pcap).map_err(|error| unreadable(&self.pcap, &error))
    }

    /// Returns its provenance: versions, times, the way in which it was captured. `None` if there is no such file
    /// beside the capture.
    #[must_use]
    pub const fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }

    /// Returns the steps of the client, with the times at which they reached the wire; empty if no provenance is known.
    #[must_use]
    pub fn marks(&self) -> &[MarkRecord] {
        self.provenance
            .as_ref()
            .map_or(&[], |provenance| &provenance.marks)
    }

    /// Returns the proof that the capture is complete; every capture that was played has one.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.provenance.as_ref()?.certificate.as_ref()
    }

    /// Returns the figures of the whole capture, as `wiresnap stats` counts them.
    ///
    /// # Errors
    ///
    /// Returns an error if the capture cannot be read.
    pub fn stats(&self) -> Result<Statistics> {
        let measured = capture::open(&self.pcap)
            .map_err(|error| unreadable(&self.pcap, &error))
            .map(|mut capture| measure(&mut capture, &Options::default()))?;
        let covered = measured.coverage.require();
        covered.map_err(|error| unreadable(&self.pcap, &error))?;
        Ok(measured.overall)
    }

    /// Returns the messages of both ends of each connection, as `wiresnap payload --redact` lists them: dates, times,
    /// ports, versions, keys and masks are hidden, and so is everything that the rules of the scenario and of
    /// `wiresnap.toml` hide. So two runs of the same scenario give the same text.
    ///
    /// # Errors
    ///
    /// Returns an error if the capture cannot be read.
    pub fn payload(&self) -> Result<String> {
        listing_for_test(&self.pcap, self.rules.clone())
            .map_err(|error| unreadable(&self.pcap, &error))
    }

    /// Returns all messages, connection by connection, with nothing hidden.
    ///
    /// ```
    /// # use wiresnap::Recording;
    /// # fn main() -> Result<(), wiresnap::Error> {
    /// let messages = Recording::open("../pcap/webapp.pcap")?.messages()?;
    /// let [request, response, ..] = messages.as_slice() else { panic!("too few: {messages:?}") };
    /// assert_eq!((request.method(), request.target()), (Some("GET"), Some("/")));
    /// assert_eq!(response.status(), Some(200));
    /// assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    /// assert!(response.text().is_some_and(|page| page.starts_with("<!DOCTYPE html>")));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the capture cannot be read.
    pub fn messages(&self) -> Result<Vec<Message>> {
        let request = Request {
            format: Format::Json,
            ..Request::default()
        };
        let capture = capture::open(&self.pcap).map_err(|error| unreadable(&self.pcap, &error))?;
        let listed = list(capture, request, Vec::new())
            .and_then(|outcome| {
                outcome.coverage.require()?;
                Ok(serde_json::from_slice::<Value>(&outcome.output)?)
            })
            .map_err(|error| unreadable(&self.pcap, &error))?;
        let connections = listed["connections"].as_array().into_iter().flatten();
        let messages = connections.zip(1..).flat_map(|(connection, number)| {
            let messages = connection["messages"].as_array().into_iter().flatten();
            messages.map(move |fields| Message::new(number, fields.clone()))
        });
        Ok(messages.collect())
    }

    /// Returns the screenshots of the client, in the order of their marks.
    #[must_use]
    pub fn pictures(&self) -> Vec<PathBuf> {
        let files = self.marks().iter().filter_map(|mark| mark.picture.as_ref());
        files.map(|file| self.pcap.with_file_name(file)).collect()
    }

    /// Copies capture, provenance and screenshots into a folder, where `wiresnap diff` and `wiresnap report` find them;
    /// returns the path of the copy.
    ///
    /// # Errors
    ///
    /// Returns an error if they cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let cannot = |error: io::Error| {
            Error::environment(format!("cannot write to {}: {error}", folder.shown()))
        };
        fs::create_dir_all(folder).map_err(cannot)?;
        let copy = folder.join(self.pcap.file_name().unwrap_or_default());
        fs::copy(&self.pcap, &copy).map_err(cannot)?;
        if self.provenance.is_some() {
            fs::copy(path_beside(&self.pcap), path_beside(&copy)).map_err(cannot)?;
        }
        for picture in self.pictures() {
            let place = folder.join(picture.file_name().unwrap_or_default());
            fs::copy(&picture, place).map_err(cannot)?;
        }
        Ok(copy)
    }
}

fn unreadable(file: &Path, error: &impl std::fmt::Display) -> Error {
    Error::usage(format!("cannot read {}: {error:#}", file.shown()))
}

/// A folder that is removed in the end, unless a test fails: then it is kept to be looked at.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("note: what was captured is kept in {}", self.0.shown());
            return;
        }
        // What somebody else has removed needs no removal.
        let _ = fs::remove_dir_all(&self.0);
    }
}
