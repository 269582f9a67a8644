//! The results: the packets that each tool missed, and comparisons with the targets.

use std::fs;
use std::path::Path;

use serde::Serialize;
use wiresnap::analysis::certificate::{Evidence, certify};
use wiresnap::lab;
use wiresnap::render::table::{Style, Table};
use wirestream::capture;

use crate::Outcome;
use crate::stage::{Passed, Tool};
use crate::traffic::PORT;

/// The payload bytes that must pass in total without a missing packet.
const WANTED_BYTES: u64 = 1_000_000_000;

/// The rate that must be reached at best without a missing packet, in packets per second.
const WANTED_PACKETS_PER_SECOND: f64 = 200_000.0;

/// The result for one kind of traffic and one tool.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    traffic: &'static str,
    tool: Tool,
    seconds: f64,
    payload_bytes: u64,
    packets: u64,
    packets_per_second: f64,
    /// The capture; `None` if nobody captured.
    capture: Option<Capture>,
}

/// The part of the traffic that one tool captured.
#[derive(Debug, Serialize)]
struct Capture {
    missing_packets: u64,
    kernel_drops: u64,
    /// The reasons why the capture is not provably complete; empty if it is.
    lacking: Vec<String>,
}

impl Capture {
    /// Inspects a capture.
    fn of(passed: &Passed, savefile: &Path) -> Outcome<Self> {
        let evidence = Evidence {
            packets: passed.captured_packets,
            drops: passed.dropped,
            server: lab::address(PORT),
            marks: &[],
            tallies: &passed.tallies,
        };
        let lacking = certify(capture::open(savefile)?, &evidence)
            .err()
            .unwrap_or_default();
        Ok(Self {
            missing_packets: passed.wire_packets.saturating_sub(passed.captured_packets),
            kernel_drops: passed.dropped,
            lacking,
        })
    }

    fn is_complete(&self) -> bool {
        self.lacking.is_empty() && self.missing_packets == 0
    }
}

impl Row {
    /// Creates a row from the traffic that passed, and from its capture.
    pub(crate) fn of(
        traffic: &'static str,
        tool: Tool,
        passed: &Passed,
        savefile: &Path,
    ) -> Outcome<Self> {
        let capture = match tool {
            Tool::Nobody => None,
            Tool::Wiresnap | Tool::Tcpdump => Some(Capture::of(passed, savefile)?),
        };
        let tallies = passed.tallies.iter();
        Ok(Self {
            traffic,
            tool,
            seconds: passed.seconds,
            payload_bytes: tallies.map(|tally| tally.received + tally.sent).sum(),
            packets: passed.wire_packets,
            packets_per_second: float(passed.wire_packets) / passed.seconds,
            capture,
        })
    }

    /// Returns our own capture, if this is one.
    fn ours(&self) -> Option<&Capture> {
        self.capture
            .as_ref()
            .filter(|_| self.tool == Tool::Wiresnap)
    }

    fn is_ours_and_complete(&self) -> bool {
        self.ours().is_some_and(Capture::is_complete)
    }
}

/// Returns the highest rate, in packets per second.
fn fastest<'a>(rows: impl Iterator<Item = &'a Row>) -> f64 {
    rows.map(|row| row.packets_per_second).fold(0.0, f64::max)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and counts far below 2^52"
)]
fn float(number: u64) -> f64 {
    number as f64
}

/// All results.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    processors: usize,
    /// The machine's load averages over the last minute, 5 and 15 minutes: others slow down both the traffic and us.
    load_average: String,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        let load_average = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let averages: Vec<&str> = load_average.split_ascii_whitespace().take(3).collect();
        Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            load_average: averages.join(" "),
            rows,
        }
    }

    /// Returns the figures, a row for each tool and traffic.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::new(&[
            ("Traffic", false),
            ("Tool", false),
            ("Seconds", true),
            ("Payload MB", true),
            ("Packets", true),
            ("Packets/s", true),
            ("Missing", true),
            ("Kernel Drops", true),
            ("Capture", false),
        ]);
        for row in &self.rows {
            let of_capture =
                |say: fn(&Capture) -> String| row.capture.as_ref().map_or_else(String::new, say);
            table.row(vec![
                row.traffic.to_owned(),
                row.tool.name().to_owned(),
                format!("{:.2}", row.seconds),
                format!("{:.0}", float(row.payload_bytes) / 1e6),
                row.packets.to_string(),
                format!("{:.0}", row.packets_per_second),
                of_capture(|capture| capture.missing_packets.to_string()),
                of_capture(|capture| capture.kernel_drops.to_string()),
                of_capture(|capture| {
                    let complete = capture.lacking.is_empty();
                    if complete { "complete" } else { "not complete" }.to_owned()
                }),
            ]);
        }
        table.render(Style::Text)
    }

    /// Returns the traffic that passed without a packet missed by us, compared with the target, and with the traffic
    /// without a capture.
    pub(crate) fn target_table(&self) -> String {
        let complete = || self.rows.iter().filter(|row| row.is_ours_and_complete());
        let uncaptured = self.rows.iter().filter(|row| row.capture.is_none());
        let bytes: u64 = complete().map(|row| row.payload_bytes).sum();
        let rate = fastest(complete());
        let uncaptured = fastest(uncaptured);
        let mut table = Table::new(&[
            ("Captured without a gap", false),
            ("Wanted", true),
            ("Measured", true),
            ("", false),
        ]);
        for (what, wanted, measured) in [
            ("MB", float(WANTED_BYTES) / 1e6, float(bytes) / 1e6),
            ("packets per second", WANTED_PACKETS_PER_SECOND, rate),
        ] {
            let met = if measured >= wanted { "met" } else { "missed" };
            table.row(vec![
                what.to_owned(),
                format!("{wanted:.0}"),
                format!("{measured:.0}"),
                met.to_owned(),
            ]);
        }
        format!(
            "{}Where nobody captured, {uncaptured:.0} packets passed per second: {} processors, load average {}\n",
            table.render(Style::Text),
            self.processors,
            self.load_average
        )
    }

    /// Returns an error if we missed anything: the speed of a busy machine says nothing about us, missing packets do.
    pub(crate) fn require_nothing_missing(&self) -> Outcome<()> {
        for row in &self.rows {
            if let Some(capture) = row.ours().filter(|capture| !capture.is_complete()) {
                return Err(format!(
                    "{}: {} of {} packets are missing; {}",
                    row.traffic,
                    capture.missing_packets,
                    row.packets,
                    capture.lacking.join("; ")
                )
                .into());
            }
        }
        Ok(())
    }
}
