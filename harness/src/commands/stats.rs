//! `wiresnap stats`: how many packets and bytes captures take, in all, per update, and per push.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::analysis::coverage::Coverage;
use crate::analysis::role::Role;
use crate::analysis::stats::{Explained, Measured, Options, Statistics, measure};
use crate::budget::Memory;
use crate::cli::{StatsArgs, StatsFormat};
use crate::render::coverage::{self, named};
use crate::render::json::AsciiWhereUnsafe;
use crate::render::table::{HEADINGS, Style, Table, cells, statistics_table};
use crate::text::Shown as _;
use crate::trace::provenance::{Provenance, path_beside};
use crate::trace::reader;
use crate::units::Timestamp;

/// A capture with its figures, as far as it could be read.
struct Report {
    /// Its name for people; `pcap` is its name for programs.
    name: String,
    pcap: String,
    measured: Measured,
    /// The reason why it, or the rest of it, could not be read.
    failure: Option<anyhow::Error>,
}

/// Measures the captures and prints their figures to `out`; what is noteworthy about the files goes to `talk`.
///
/// # Errors
///
/// Returns an error if a capture, or a part of one, cannot be read (the figures of all else are in the output), or if `out`
/// cannot be written.
pub fn run(args: &StatsArgs, out: &mut impl Write, talk: &mut impl Write) -> anyhow::Result<()> {
    let mut reports = Vec::new();
    for path in &args.captures {
        let report = report(args, path, talk)?;
        coverage::warn(path, &report.measured.coverage, talk)?;
        reports.push(report);
    }
    match args.format {
        StatsFormat::Table => print_tables(&reports, Style::Text, args.explain, out)?,
        StatsFormat::Markdown => print_tables(&reports, Style::Markdown, args.explain, out)?,
        StatsFormat::Json => print_json(&reports, args.explain, out)?,
    }
    out.flush()?;
    coverage::first_of(
        reports.into_iter().filter_map(|report| report.failure),
        talk,
    )
}

fn report(args: &StatsArgs, path: &Path, talk: &mut impl Write) -> io::Result<Report> {
    let (name, pcap) = (path.shown().to_string(), path.to_text());
    let options = Options {
        port: args.port,
        marks: marks_or_warning(path, talk)?,
        explain: args.explain,
        // The packets of all captures are held at once.
        memory: Memory::of(args.memory.memory.bytes() / args.captures.len().max(1)),
    };
    Ok(match reader::open(path) {
        Ok(mut capture) => {
            let measured = measure(&mut capture, &options);
            Report {
                name,
                pcap,
                failure: coverage::failure(path, &measured.coverage),
                measured,
            }
        }
        Err(error) => Report {
            name,
            pcap,
            measured: Measured::default(),
            failure: Some(named(error.into(), path)),
        },
    })
}

/// Returns the marks of the capture's provenance, if it has one. Any file may have the name of a provenance: an invalid
/// one is only worth a warning.
pub(super) fn marks_or_warning(
    capture: &Path,
    talk: &mut impl Write,
) -> io::Result<Option<Vec<Timestamp>>> {
    match marks_of(capture) {
        Ok(marks) => Ok(marks),
        Err(error) => {
            let beside = path_beside(capture);
            writeln!(
                talk,
                "warning: {}: not the record of a capture, so updates are told apart by idle time: {error}",
                beside.shown()
            )?;
            Ok(None)
        }
    }
}

/// Returns the marks of the capture's provenance, if it has one.
pub(super) fn marks_of(capture: &Path) -> io::Result<Option<Vec<Timestamp>>> {
    Provenance::read_beside(capture)?
        .map(|provenance| provenance.marks())
        .transpose()
}

impl Report {
    const fn coverage(&self) -> &Coverage {
        &self.measured.coverage
    }
}

/// The reason why a capture has nothing in the tables of updates.
const NO_UPDATE: &str =
    "no update found: all that was said belongs to the opening or the closing of a connection";

fn print_tables(
    reports: &[Report],
    style: Style,
    explain: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    type Choice = fn(&Measured) -> Option<Statistics>;
    let tables: [(&str, Choice); 3] = [
        ("Overall Statistics", |measured| Some(measured.overall)),
        ("Per Update Statistics", |measured| measured.per_update),
        ("Server Push Statistics", |measured| measured.server_push),
    ];
    let readable = || {
        let reports = reports.iter();
        reports.filter(|report| report.failure.is_none() || report.coverage().has_content())
    };
    if readable().next().is_none() {
        return Ok(());
    }
    for (index, (title, choose)) in tables.into_iter().enumerate() {
        let table = statistics_table(
            readable().map(|report| (report.name.as_str(), choose(&report.measured))),
        );
        if index > 0 {
            writeln!(out)?;
        }
        print_titled(title, &table, style, out)?;
    }
    for report in readable() {
        let (not_tcp, total) = (
            report.measured.not_tcp(),
            report.measured.overall.total_packets,
        );
        if not_tcp > 0 {
            writeln!(
                out,
                "\n{}: {}",
                report.name,
                report.coverage().others.sentence(&format!(" of {total}"))
            )?;
        }
    }
    for report in readable().filter(|report| report.measured.per_update.is_none()) {
        writeln!(out, "\n{}: {NO_UPDATE}", report.name)?;
    }
    if explain {
        for report in readable() {
            print_explanation(report, style, out)?;
        }
    }
    Ok(())
}

fn print_titled(
    title: &str,
    table: &Table,
    style: Style,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    print_title(title, style, out)?;
    writeln!(out, "{}", table.render(style).trim_end())?;
    Ok(())
}

fn print_title(title: &str, style: Style, out: &mut impl Write) -> io::Result<()> {
    let prefix = if style == Style::Markdown { "### " } else { "" };
    writeln!(out, "{prefix}{title}\n")
}

fn print_explanation(report: &Report, style: Style, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out)?;
    print_title(&format!("Packets of {}", report.name), style, out)?;
    print_packets(&report.measured, style, out)?;
    let left_out = report.measured.packets_left_out;
    if left_out > 0 {
        writeln!(
            out,
            "\n{left_out} packets more are not listed: --memory lists more"
        )?;
    }
    writeln!(out)?;
    print_titled(
        &format!("Roles in {}", report.name),
        &role_table(&report.measured),
        style,
        out,
    )
}

/// Prints the packets row by row: there may be very many.
fn print_packets(measured: &Measured, style: Style, out: &mut impl Write) -> io::Result<()> {
    let columns = [
        ("Packet", true),
        ("Time", true),
        ("Connection", true),
        ("From", false),
        ("Role", false),
        ("Phase", false),
        ("Frame Bytes", true),
        ("TCP Bytes", true),
        ("App Bytes", true),
    ];
    let start = measured
        .packets
        .first()
        .map_or(Timestamp::default(), |packet| packet.time);
    let row = |packet: &Explained| {
        let (connection, from) = packet.sender.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |(connection, side)| ((connection + 1).to_string(), side.to_string()),
        );
        vec![
            packet.number.to_string(),
            packet.time.shown_after(start),
            connection,
            from,
            packet.role.to_string(),
            packet.phase.to_string(),
            packet.statistics.frame_bytes.to_string(),
            packet.statistics.tcp_bytes.to_string(),
            packet.statistics.app_bytes.to_string(),
        ]
    };
    let mut out = BufWriter::new(out);
    let rows = || measured.packets.iter().map(row);
    Table::new(&columns).write_with(style, rows, &mut out)?;
    out.flush()
}

fn role_table(measured: &Measured) -> Table {
    let columns: Vec<(&str, bool)> = std::iter::once(("Role", false))
        .chain(HEADINGS.map(|heading| (heading, true)))
        .collect();
    let mut table = Table::new(&columns);
    let mut row = |name: &str, statistics| {
        table.row(
            std::iter::once(name.to_owned())
                .chain(cells(statistics))
                .collect(),
        );
    };
    for (role, statistics) in Role::ALL.into_iter().zip(measured.roles) {
        if statistics.total_packets > 0 {
            row(role.name(), statistics);
        }
    }
    row("total", measured.overall);
    table
}

/// A capture's figures as the design lays them down.
#[derive(Serialize)]
struct JsonReport<'a> {
    pcap: &'a str,
    overall: Statistics,
    per_update: Option<Statistics>,
    /// The reason why there is no update.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_update: Option<&'static str>,
    updates: &'a [Statistics],
    server_push: Option<Statistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packets: Option<JsonPackets<'a>>,
    /// Packets that are not listed, since there was no room.
    #[serde(skip_serializing_if = "is_zero")]
    packets_left_out: u64,
    /// Packets that are not TCP, by what they are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    not_tcp: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_after_packet: Option<u64>,
    /// Connections that were taken for ended, since there was no room.
    #[serde(skip_serializing_if = "is_zero")]
    ended_early: u64,
    /// Updates that are not told apart, since there was no room.
    #[serde(skip_serializing_if = "is_zero")]
    updates_left_out: u64,
    /// The reason why it, or the rest of it, could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The packets of `--explain`, each made when it is written: there may be very many.
struct JsonPackets<'a>(&'a [Explained]);

impl Serialize for JsonPackets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(JsonPacket::from))
    }
}

/// A packet of `--explain`.
#[derive(Serialize)]
struct JsonPacket {
    number: u64,
    time: u64,
    connection: Option<u64>,
    from: Option<&'static str>,
    role: Role,
    phase: String,
    frame_bytes: u64,
    tcp_bytes: u64,
    app_bytes: u64,
}

impl From<&Explained> for JsonPacket {
    fn from(packet: &Explained) -> Self {
        Self {
            number: packet.number,
            time: packet.time.nanoseconds,
            connection: packet.sender.map(|(connection, _)| connection),
            from: packet.sender.map(|(_, side)| side.name()),
            role: packet.role,
            phase: packet.phase.to_string(),
            frame_bytes: packet.statistics.frame_bytes,
            tcp_bytes: packet.statistics.tcp_bytes,
            app_bytes: packet.statistics.app_bytes,
        }
    }
}

fn print_json(reports: &[Report], explain: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let reports: Vec<JsonReport<'_>> = reports.iter().map(|report| report.json(explain)).collect();
    let mut out = AsciiWhereUnsafe(BufWriter::new(out));
    serde_json::to_writer_pretty(&mut out, &reports).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

impl Report {
    fn json(&self, explain: bool) -> JsonReport<'_> {
        let measured = &self.measured;
        JsonReport {
            pcap: &self.pcap,
            overall: measured.overall,
            per_update: measured.per_update,
            no_update: measured.per_update.is_none().then_some(NO_UPDATE),
            updates: &measured.updates,
            server_push: measured.server_push,
            packets: explain.then_some(JsonPackets(&measured.packets)),
            packets_left_out: self.measured.packets_left_out,
            not_tcp: measured.coverage.not_tcp(),
            cut_after_packet: measured.coverage.cut,
            ended_early: measured.coverage.ended_early,
            updates_left_out: measured.coverage.updates_left_out,
            error: (self.failure.as_ref()).map(|failure| format!("{failure:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Makes a file with one SYN over RAW, and the rest of `more`.
    fn capture(link_type: u8, more: &[u8]) -> tempfile::NamedTempFile {
        let mut bytes = vec![
            0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0,
        ];
        bytes.extend([link_type, 0, 0, 0]);
        bytes.extend([1, 0, 0, 0, 2, 0, 0, 0, 40, 0, 0, 0, 40, 0, 0, 0]);
        bytes.extend([
            0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ]);
        bytes.extend([
            0xc3, 0x50, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0,
        ]);
        bytes.extend(more);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        file
    }

    fn run_on(
        file: &tempfile::NamedTempFile,
        format: StatsFormat,
        explain: bool,
    ) -> (anyhow::Result<()>, String, String) {
        let args = StatsArgs {
            captures: vec![file.path().to_owned()],
            format,
            explain,
            port: None,
            memory: crate::cli::MemoryArgs::default(),
        };
        let (mut out, mut talk) = (Vec::new(), Vec::new());
        let outcome = run(&args, &mut out, &mut talk);
        let name = file.path().display().to_string();
        let shown = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&name, "NAME");
        (outcome, shown(out), shown(talk))
    }

    #[test]
    fn json_has_exactly_the_keys_that_it_promises() {
        let (outcome, out, talk) = run_on(&capture(101, b""), StatsFormat::Json, false);
        outcome.unwrap();
        assert_eq!(talk, "");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let overall = serde_json::json!({"total_packets": 1, "app_packets": 0, "frame_bytes": 40, "tcp_bytes": 20, "app_bytes": 0});
        let expected = serde_json::json!(
            [{"pcap": "NAME", "overall": overall, "per_update": null, "no_update": NO_UPDATE, "updates": [], "server_push": null}]
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn a_file_that_was_cut_gives_what_is_there_and_a_warning() {
        let (outcome, out, talk) = run_on(&capture(101, b"\x01\0"), StatsFormat::Markdown, false);
        outcome.unwrap();
        assert_eq!(talk, "warning: NAME: cut after packet 1\n");
        assert!(out.starts_with("### Overall Statistics\n\n| PCAP"), "{out}");
    }

    #[test]
    fn packets_are_listed_with_role_and_phase() {
        let (outcome, out, _) = run_on(&capture(101, b""), StatsFormat::Table, true);
        outcome.unwrap();
        let words = |start: &str| -> Vec<String> {
            let line = out
                .lines()
                .find(|line| line.trim_start().starts_with(start))
                .unwrap();
            line.split_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(
            words("1 "),
            [
                "1",
                "0.000000",
                "1",
                "client",
                "handshake",
                "opening",
                "40",
                "20",
                "0"
            ]
        );
        assert_eq!(words("total"), ["total", "1", "0", "40", "20", "0"]);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named_once() {
        let path = PathBuf::from("no/such.pcap");
        let args = StatsArgs {
            captures: vec![path],
            format: StatsFormat::Table,
            explain: false,
            port: None,
            memory: crate::cli::MemoryArgs::default(),
        };
        let error = run(&args, &mut Vec::new(), &mut Vec::new()).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "cannot open no/such.pcap: no such file or directory"
        );
    }

    #[test]
    fn a_link_that_is_not_known_is_an_error_that_names_it() {
        let file = capture(105, b"");
        let (outcome, out, _) = run_on(&file, StatsFormat::Table, false);
        assert_eq!(out, "");
        let message = format!("{:#}", outcome.unwrap_err())
            .replace(&file.path().display().to_string(), "NAME");
        assert!(
            message.starts_with("NAME: link type 105 (IEEE802_11) is not supported"),
            "{message}"
        );
    }
}
