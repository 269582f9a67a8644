//! What came out: what each tool missed, and how that stands to the targets.

use std::fs;
use std::path::Path;

use serde::Serialize;
use wiresnap::analysis::certificate::{Evidence, certify};
use wiresnap::lab;
use wiresnap::render::table::{Style, Table};
use wiresnap::trace::reader;

use crate::Outcome;
use crate::stage::{Passed, Tool};
use crate::traffic::PORT;

/// What must pass in all, in bytes of payload, while nothing is missed.
const WANTED_BYTES: u64 = 1_000_000_000;

/// What must pass at its fastest, in packets per second, while nothing is missed.
const WANTED_PACKETS_PER_SECOND: f64 = 200_000.0;

/// One tool's capture of one kind of traffic.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    traffic: &'static str,
    tool: &'static str,
    seconds: f64,
    payload_bytes: u64,
    packets: u64,
    packets_per_second: f64,
    missing_packets: u64,
    kernel_drops: u64,
    /// Why the capture is not provably complete; nothing where it is.
    lacking: Vec<String>,
}

impl Row {
    /// Looks at what was captured.
    pub(crate) fn of(
        traffic: &'static str,
        tool: Tool,
        passed: &Passed,
        savefile: &Path,
    ) -> Outcome<Self> {
        let evidence = Evidence {
            packets: passed.captured_packets,
            drops: passed.dropped,
            server: lab::address(PORT),
            marks: &[],
            tallies: &passed.tallies,
        };
        let lacking = certify(reader::open(savefile)?, &evidence)?
            .err()
            .unwrap_or_default();
        let tallies = passed.tallies.iter();
        Ok(Self {
            traffic,
            tool: tool.name(),
            seconds: passed.seconds,
            payload_bytes: tallies.map(|tally| tally.received + tally.sent).sum(),
            packets: passed.wire_packets,
            packets_per_second: float(passed.wire_packets) / passed.seconds,
            missing_packets: passed.wire_packets.saturating_sub(passed.captured_packets),
            kernel_drops: passed.dropped,
            lacking,
        })
    }

    fn is_ours(&self) -> bool {
        self.tool == Tool::Wiresnap.name()
    }

    fn is_complete(&self) -> bool {
        self.lacking.is_empty() && self.missing_packets == 0
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and counts far below 2^52"
)]
fn float(number: u64) -> f64 {
    number as f64
}

/// All of it.
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

    /// The figures, a row for each tool and traffic.
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
            table.row(vec![
                row.traffic.to_owned(),
                row.tool.to_owned(),
                format!("{:.2}", row.seconds),
                format!("{:.0}", float(row.payload_bytes) / 1e6),
                row.packets.to_string(),
                format!("{:.0}", row.packets_per_second),
                row.missing_packets.to_string(),
                row.kernel_drops.to_string(),
                if row.lacking.is_empty() {
                    "complete".to_owned()
                } else {
                    "not complete".to_owned()
                },
            ]);
        }
        table.render(Style::Text)
    }

    /// How what passed while we missed nothing stands to what was wanted.
    pub(crate) fn target_table(&self) -> String {
        let complete = || {
            self.rows
                .iter()
                .filter(|row| row.is_ours() && row.is_complete())
        };
        let bytes: u64 = complete().map(|row| row.payload_bytes).sum();
        let rate = complete()
            .map(|row| row.packets_per_second)
            .fold(0.0, f64::max);
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
            "{}{} processors, load average {}\n",
            table.render(Style::Text),
            self.processors,
            self.load_average
        )
    }

    /// Fails where we missed anything: how fast a busy machine is says nothing about us, what is missing does.
    pub(crate) fn require_nothing_missing(&self) -> Outcome<()> {
        match self
            .rows
            .iter()
            .find(|row| row.is_ours() && !row.is_complete())
        {
            None => Ok(()),
            Some(row) => Err(format!(
                "{}: {} of {} packets are missing; {}",
                row.traffic,
                row.missing_packets,
                row.packets,
                row.lacking.join("; ")
            )
            .into()),
        }
    }
}
