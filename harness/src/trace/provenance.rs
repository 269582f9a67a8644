//! What is known of a capture besides its bytes: `NAME.json` beside `NAME.pcap`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

/// Where a capture came from, and what happened when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// What was played.
    pub scenario: ScenarioId,
    /// When mark 0 was due, as a date and time in UTC (RFC 3339).
    pub started: String,
    /// How much faster or slower than written it was played: 1 is as written, 0.1 ten times as fast.
    pub time_scale: f64,
    /// What happened at which mark.
    pub marks: Vec<MarkRecord>,
    /// Who took part.
    pub versions: Versions,
    /// How it was captured.
    pub capture: CaptureRecord,
}

/// Which scenario it was, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioId {
    /// Its name.
    pub name: String,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
}

/// A mark as it was kept. Times are seconds from the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkRecord {
    /// What the client did.
    pub step: String,
    /// When it was due.
    pub planned_seconds: f64,
    /// When the client was told to do it.
    pub actual_seconds: f64,
    /// When the first packet that it caused was on the wire; none where it caused none.
    pub on_wire_seconds: Option<f64>,
    /// What the client showed as its consequence, where something was expected.
    pub shown: Option<String>,
}

/// The versions of everything that had a part in the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This program.
    pub wiresnap: String,
    /// The browser, where there was one.
    pub firefox: Option<String>,
    /// What drove it.
    pub geckodriver: Option<String>,
    /// How netcat introduces itself, where it was the client.
    pub nc: Option<String>,
    /// The library that captured.
    pub libpcap: String,
    /// The operating system's kernel.
    pub kernel: String,
}

/// How the packets got into the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureRecord {
    /// The network interface.
    pub interface: String,
    /// Its link type, as in the capture file.
    pub link_type: u16,
    /// Packets in the file.
    pub packets: u64,
    /// What libpcap received; it counts each loopback packet twice.
    pub received: u32,
    /// What the kernel dropped because its buffer was full.
    pub dropped: u32,
    /// What the interface dropped.
    pub interface_dropped: u32,
}

impl Provenance {
    /// Reads what is known of a capture file; none where nothing is kept beside it.
    ///
    /// # Errors
    ///
    /// Where something is kept there that cannot be understood.
    pub fn read_beside(capture: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(path_beside(capture)) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When mark 0 was due, on the clock of the capture.
    ///
    /// # Errors
    ///
    /// Where `started` is no time since 1970.
    pub fn start(&self) -> io::Result<Timestamp> {
        let started: jiff::Timestamp = self.started.parse().map_err(io::Error::other)?;
        u64::try_from(started.as_nanosecond())
            .map(Timestamp::from_nanoseconds)
            .map_err(io::Error::other)
    }

    /// When the client was told to do each step, on the clock of the capture.
    ///
    /// # Errors
    ///
    /// Where `started` is no time since 1970, or a mark is before it.
    pub fn marks(&self) -> io::Result<Vec<Timestamp>> {
        let start = self.start()?;
        let mark = |mark: &MarkRecord| {
            let since =
                Duration::try_from_secs_f64(mark.actual_seconds).map_err(io::Error::other)?;
            Ok(start + since)
        };
        self.marks.iter().map(mark).collect()
    }

    /// How far the step that reached the wire farthest from its mark was from it; the close is no update.
    #[must_use]
    pub fn farthest_from_mark(&self) -> Option<Duration> {
        self.marks
            .iter()
            .filter(|mark| mark.shown.is_some())
            .filter_map(|mark| Some((mark.on_wire_seconds? - mark.planned_seconds).abs()))
            .max_by(f64::total_cmp)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}

/// Where the provenance of a capture file is kept.
#[must_use]
pub fn path_beside(capture: &Path) -> PathBuf {
    capture.with_extension("json")
}
