//! What is known of a capture besides its bytes: `NAME.json` beside `NAME.pcap`.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

pub use super::name::path_beside;
use crate::units::Timestamp;

/// The most bytes of a provenance: some hundred thousand marks.
const MOST_BYTES: u64 = 64 << 20;

/// Where a capture came from, and what happened when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// What was played.
    pub scenario: ScenarioId,
    /// The scenario's variables with what they were, but for secrets, which are kept nowhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Option<String>>,
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
    /// The proof that it is complete; captures of before there were certificates have none.
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// How far the updates were from their marks on the wire, where there were any.
    #[serde(default)]
    pub mark_distance: Option<MarkDistance>,
    /// Whether secrets were overwritten in the file: those of its bytes were not on the wire.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secrets_overwritten: bool,
}

impl Provenance {
    /// The same with what the client did and showed, and what was set, changed.
    #[must_use]
    pub fn map_texts(mut self, change: impl Fn(&str) -> String) -> Self {
        for value in self.variables.values_mut().flatten() {
            *value = change(value);
        }
        for mark in &mut self.marks {
            mark.step = change(&mark.step);
            mark.shown = mark.shown.as_deref().map(&change);
        }
        self
    }
}

/// What was found when the capture's own bytes were looked through: with this, it is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Packets, each a segment of one of the connections below.
    pub packets: u64,
    /// Packets that the kernel or the interface dropped: none.
    pub kernel_drops: u64,
    /// Packets from each mark to the next: at least one.
    pub packets_per_mark: Vec<u64>,
    /// The connections, each with its SYN, its end, and every byte between.
    pub connections: Vec<CertifiedConnection>,
    /// Whether the program itself says that it received and sent just this; false where it does not say.
    pub confirmed_by_program: bool,
}

/// A connection that is in the capture as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedConnection {
    /// The client's address.
    pub client: SocketAddr,
    /// Packets of both sides.
    pub packets: u64,
    /// Payload bytes that the client sent, each counted once.
    pub client_bytes: u64,
    /// Payload bytes that the server sent, each counted once.
    pub server_bytes: u64,
    /// How it ended.
    pub closed_by: ClosedBy,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ClosedBy {
    /// Both sides said that they were done.
    Fin,
    /// One side broke it off.
    Rst,
}

/// How far updates were from their marks: from the planned time to the first packet of the request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkDistance {
    /// 95 of 100 updates were no farther, in seconds (nearest rank).
    pub percentile_95_seconds: f64,
    /// None was farther, in seconds.
    pub farthest_seconds: f64,
}

impl MarkDistance {
    /// Of these distances, in seconds; none of nothing.
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
    /// When the client was told to do it: a browser as much earlier as it takes from there to the wire.
    pub actual_seconds: f64,
    /// When the first packet that it caused was on the wire, at the server's end of it; none where it caused none.
    pub on_wire_seconds: Option<f64>,
    /// What the client showed as its consequence, where something was expected.
    pub shown: Option<String>,
    /// The file of the picture that was taken, beside the capture, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// The versions of everything that had a part in the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This program.
    pub wiresnap: String,
    /// Firefox, where that was the browser.
    pub firefox: Option<String>,
    /// What drove it.
    pub geckodriver: Option<String>,
    /// Chromium, where that was the browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chromium: Option<String>,
    /// What drove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chromedriver: Option<String>,
    /// The operating system of a browser that was elsewhere, as in `mac`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_platform: Option<String>,
    /// How netcat introduces itself, where it was the client.
    pub nc: Option<String>,
    /// The library that captured.
    pub libpcap: String,
    /// The operating system's kernel.
    pub kernel: String,
}

impl Versions {
    /// The names of all that had a part, each with its version, in the order of the fields.
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

/// How the packets got into the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaptureRecord {
    /// `private`: a network namespace that nobody else was in; `link`: two of them, joined by an Ethernet cable; `host`: the
    /// machine's own network.
    #[serde(default = "host")]
    pub network: String,
    /// What the link did to packets, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkRecord>,
    /// The network interface.
    pub interface: String,
    /// Its link type, as in the capture file.
    pub link_type: u16,
    /// Packets in the file.
    pub packets: u64,
    /// What libpcap received, with what was dropped; older captures count each loopback packet twice.
    pub received: u32,
    /// What the kernel dropped because its buffer was full.
    pub dropped: u32,
    /// What the interface dropped.
    pub interface_dropped: u32,
}

/// What a link did to the packets that crossed it, in both directions alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// How long each was under way, in seconds.
    pub delay_seconds: f64,
    /// The share that never arrived, from 0 to 1.
    pub loss: f64,
}

impl Provenance {
    /// Reads what is known of a capture file; none where nothing is kept beside it.
    ///
    /// # Errors
    ///
    /// Where something is kept there that cannot be understood.
    pub fn read_beside(capture: &Path) -> io::Result<Option<Self>> {
        read_beside(capture)?
            .map(|json| Ok(serde_json::from_slice(&json)?))
            .transpose()
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
    /// Where `started` is no time since 1970, or a mark's is none.
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

    /// How far each update was from its mark when it reached the wire, in seconds; the close is no update.
    ///
    /// What a request takes to cross a link is not the client's doing, and not counted.
    #[must_use]
    pub fn mark_distances(&self) -> Vec<f64> {
        let under_way = self.capture.link.map_or(0.0, |link| link.delay_seconds);
        self.marks
            .iter()
            .filter(|mark| mark.shown.is_some())
            .filter_map(|mark| {
                Some((mark.on_wire_seconds? - under_way - mark.planned_seconds).abs())
            })
            // Captures tell microseconds; more digits are the machine's arithmetic.
            .map(|seconds| (seconds * 1e6).round() / 1e6)
            .collect()
    }
}

/// The network of captures of before there were private ones.
fn host() -> String {
    "host".to_owned()
}

/// Reads the file that is kept beside a capture file; `None` if there is none.
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
