//! The provenance of a capture, all that is known besides its bytes: `NAME.json` next to `NAME.pcap`.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use wirestream::units::Timestamp;

pub use super::name::path_beside;

/// The most bytes of a provenance: some hundred thousand marks.
const MOST_BYTES: u64 = 64 << 20;

/// The origin of a capture, and what happened during it at which time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The scenario that was played.
    pub scenario: ScenarioId,
    /// The scenario's variables with their values, except secrets, which are kept nowhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Option<String>>,
    /// The time at which mark 0 was due, as a date and time in UTC (RFC 3339).
    pub started: String,
    /// The factor on the times of the scenario: 1 plays it as written, 0.1 ten times as fast.
    pub time_scale: f64,
    /// The clients, if the scenario has given them names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientRecord>,
    /// The marks, and what happened at each of them.
    pub marks: Vec<MarkRecord>,
    /// The versions of the programs that took part.
    pub versions: Versions,
    /// The way in which it was captured.
    pub capture: CaptureRecord,
    /// The proof that it is complete; `None` in captures older than certificates.
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// The distance of the updates from their marks on the wire, if there were any.
    #[serde(default)]
    pub mark_distance: Option<MarkDistance>,
    /// True if secrets were overwritten in the file: the bytes there were not on the wire.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secrets_overwritten: bool,
}

impl Provenance {
    /// Returns the same with changes to what the client did and showed, and to what was set.
    #[must_use]
    pub fn map_texts(mut self, change: impl Fn(&str) -> String) -> Self {
        for value in self.variables.values_mut().flatten() {
            *value = change(value);
        }
        for mark in &mut self.marks {
            mark.step = change(&mark.step);
            mark.shown = mark.shown.as_deref().map(&change);
            for shown in mark.shown_by_others.values_mut() {
                *shown = change(shown);
            }
        }
        self
    }
}

/// The findings from a check of the capture's own bytes: with these, it is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The number of packets, each a segment of one of the connections below.
    pub packets: u64,
    /// The number of packets that the kernel or the interface dropped: 0.
    pub kernel_drops: u64,
    /// The number of packets from each mark to the next: at least one.
    pub packets_per_mark: Vec<u64>,
    /// The connections, each with its SYN, its end, and every byte between.
    pub connections: Vec<CertifiedConnection>,
    /// True if the program itself says that it received and sent just this; false if it does not say.
    pub confirmed_by_program: bool,
}

/// A connection that is in the capture as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedConnection {
    /// The client's address.
    pub client: SocketAddr,
    /// The number of packets of both sides.
    pub packets: u64,
    /// The number of payload bytes that the client sent, each counted once.
    pub client_bytes: u64,
    /// The number of payload bytes that the server sent, each counted once.
    pub server_bytes: u64,
    /// The way in which it ended.
    pub closed_by: ClosedBy,
}

/// The way in which a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ClosedBy {
    /// Both sides ended their stream.
    Fin,
    /// One side reset the connection.
    Rst,
}

/// The distances of updates from their marks: from the planned time to the first packet of the request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkDistance {
    /// The distance in seconds that 95 of 100 updates did not exceed (nearest rank).
    pub percentile_95_seconds: f64,
    /// The largest distance, in seconds.
    pub farthest_seconds: f64,
}

impl MarkDistance {
    /// Summarises these distances, in seconds; `None` if there are none.
    #[must_use]
    pub fn of(mut distances: Vec<f64>) -> Option<Self> {
        distances.sort_by(f64::total_cmp);
        // Nearest rank: the smallest that as many are not above.
        let rank = (distances.len() * 95).div_ceil(100);
        Some(Self {
            percentile_95_seconds: *distances.get(rank.checked_sub(1)?)?,
            farthest_seconds: *distances.last()?,
        })
    }
}

/// The identity of the scenario.
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
    /// The name of the client that acted; `None` if it has no name, or all were closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The step that the client did.
    pub step: String,
    /// The time at which it was due.
    pub planned_seconds: f64,
    /// The time at which the client was told to do it: a browser as much earlier as it takes from there to the wire.
    pub actual_seconds: f64,
    /// The time at which the first packet that it caused was on the wire, at the server's end of it; `None` if it
    /// caused none.
    pub on_wire_seconds: Option<f64>,
    /// The text that the client showed as its consequence, if something was expected.
    pub shown: Option<String>,
    /// The texts that other clients showed as its consequence, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shown_by_others: BTreeMap<String, String>,
    /// The file of the picture that was taken, next to the capture, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

impl MarkRecord {
    /// Returns true if a client showed a consequence of the step; the close is not an update.
    #[must_use]
    pub fn is_update(&self) -> bool {
        !self.is_close() && (self.shown.is_some() || !self.shown_by_others.is_empty())
    }

    /// Returns true if a client was closed.
    #[must_use]
    pub fn is_close(&self) -> bool {
        self.step == "close"
    }
}

/// A client with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// Its name in the scenario.
    pub name: String,
    /// Its kind: `firefox`, `chromium`, `nc` or `command`.
    pub kind: String,
    /// Its version, if it tells one.
    pub version: Option<String>,
}

/// The versions of everything that had a part in the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This program.
    pub wiresnap: String,
    /// Firefox, if that was the browser.
    pub firefox: Option<String>,
    /// The driver of Firefox.
    pub geckodriver: Option<String>,
    /// Chromium, if that was the browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chromium: Option<String>,
    /// The driver of Chromium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chromedriver: Option<String>,
    /// The operating system of a browser that ran elsewhere, as in `mac`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_platform: Option<String>,
    /// The version that netcat tells, if it was the client.
    pub nc: Option<String>,
    /// The library that captured.
    pub libpcap: String,
    /// The operating system's kernel.
    pub kernel: String,
}

impl Versions {
    /// Returns the names of all that had a part, each with its version, in the order of the fields.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Option<&str>); 9] {
        [
            ("wiresnap", Some(&self.wiresnap)),
            ("firefox", self.firefox.as_deref()),
            ("geckodriver", self.geckodriver.as_deref()),
            ("chromium", self.chromium.as_deref()),
            ("chromedriver", self.chromedriver.as_deref()),
            ("browser platform", self.browser_platform.as_deref()),
            ("nc", self.nc.as_deref()),
            ("libpcap", Some(&self.libpcap)),
            ("kernel", Some(&self.kernel)),
        ]
    }
}

/// The way in which the packets got into the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaptureRecord {
    /// `private`: a network namespace that no other process was in; `link`: two of them, joined by an Ethernet cable;
    /// `host`: the machine's own network.
    #[serde(default = "host")]
    pub network: String,
    /// The effect of the link on packets, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkRecord>,
    /// The network interface.
    pub interface: String,
    /// Its link type, as in the capture file.
    pub link_type: u16,
    /// The number of packets in the file.
    pub packets: u64,
    /// The number of packets that libpcap received, dropped ones included; older captures count each loopback packet
    /// twice.
    pub received: u32,
    /// The number of packets that the kernel dropped because its buffer was full.
    pub dropped: u32,
    /// The number of packets that the interface dropped.
    pub interface_dropped: u32,
}

/// The effect of a link on the packets that crossed it, in both directions alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The time that each was under way, in seconds.
    pub delay_seconds: f64,
    /// The share that never arrived, from 0 to 1.
    pub loss: f64,
}

impl Provenance {
    /// Reads the provenance of a capture file; `None` if nothing is kept next to it.
    ///
    /// # Errors
    ///
    /// Returns an error if the file that is kept there cannot be understood.
    pub fn read_beside(capture: &Path) -> io::Result<Option<Self>> {
        read_beside(capture)?
            .map(|json| Ok(serde_json::from_slice(&json)?))
            .transpose()
    }

    /// Returns the time at which mark 0 was due, on the clock of the capture.
    ///
    /// # Errors
    ///
    /// Returns an error if `started` is not a time since 1970.
    pub fn start(&self) -> io::Result<Timestamp> {
        let started: jiff::Timestamp = self.started.parse().map_err(io::Error::other)?;
        u64::try_from(started.as_nanosecond())
            .map(Timestamp::from_nanoseconds)
            .map_err(io::Error::other)
    }

    /// Returns the time at which the client was told to do each step, on the clock of the capture.
    ///
    /// # Errors
    ///
    /// Returns an error if `started` is not a time since 1970, or the time of a mark is not one.
    pub fn marks(&self) -> io::Result<Vec<Timestamp>> {
        let start = self.start()?;
        let mark = |mark: &MarkRecord| {
            // A client may be told before its mark, even before the first.
            let distance = Duration::try_from_secs_f64(mark.actual_seconds.abs());
            let distance = distance.map_err(io::Error::other)?;
            if mark.actual_seconds < 0.0 {
                Ok(start - distance)
            } else {
                Ok(start + distance)
            }
        };
        self.marks.iter().map(mark).collect()
    }

    /// Returns the distance of each update from its mark when it reached the wire, in seconds; the close is not an
    /// update.
    ///
    /// The time that a request takes to cross a link is not the client's doing, and not counted.
    #[must_use]
    pub fn mark_distances(&self) -> Vec<f64> {
        let under_way = self.capture.link.map_or(0.0, |link| link.delay_seconds);
        self.marks
            .iter()
            .filter(|mark| mark.is_update())
            .filter_map(|mark| {
                Some((mark.on_wire_seconds? - under_way - mark.planned_seconds).abs())
            })
            // Captures tell microseconds; more digits are the machine's arithmetic.
            .map(|seconds| (seconds * 1e6).round() / 1e6)
            .collect()
    }
}

/// Returns the network of captures that are older than private ones.
fn host() -> String {
    "host".to_owned()
}

/// Returns the marks in the provenance of a capture file, on the clock of the capture; `None` if nothing is kept next to
/// it.
///
/// # Errors
///
/// Returns an error if the file that is kept there cannot be understood.
pub fn marks_beside(capture: &Path) -> io::Result<Option<Vec<Timestamp>>> {
    Provenance::read_beside(capture)?
        .map(|provenance| provenance.marks())
        .transpose()
}

/// Reads the file that is kept next to a capture file; `None` if there is none.
///
/// # Errors
///
/// Returns an error if what is there is not a regular file, too long to be a provenance, or cannot be read.
pub fn read_beside(capture: &Path) -> io::Result<Option<Vec<u8>>> {
    // Anybody may have put anything there: to open a FIFO would wait for its writer.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path_beside(capture));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("longer than any record"));
    }
    Ok(Some(bytes))
}
