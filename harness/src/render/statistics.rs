//! Statistics of captures as tables and as JSON: packets and bytes in all, per update, and per push.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use serde::{Serialize, Serializer};
use wirestream::units::Timestamp;

use super::json::AsciiWhereUnsafe;
use super::table::{HEADINGS, Style, Table, cells, statistics_table};
use crate::analysis::coverage::Coverage;
use crate::analysis::role::Role;
use crate::analysis::stats::{Explained, Measured, Statistics};

/// A capture with its figures, as far as it could be read.
#[derive(Debug)]
pub struct Report {
    /// Its name for people.
    pub name: String,
    /// Its name for programs.
    pub pcap: String,
    /// Its figures.
    pub measured: Measured,
    /// The reason why it, or the rest of it, could not be read.
    pub failure: Option<anyhow::Error>,
}

impl Report {
    const fn coverage(&self) -> &Coverage {
        &self.measured.coverage
    }
}

/// The reason why a capture has nothing in the tables of updates.
pub const NO_UPDATE: &str =
    "no update found: all that was said belongs to the opening or the closing of a connection";

/// Prints the captures that could be read, table by table, and with `explain` packet by packet.
///
/// # Errors
///
/// Returns an error if `out` does not take it.
pub fn print_tables(
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

/// Prints an array with an object for each capture, and with `explain` its packets.
///
/// # Errors
///
/// Returns an error if `out` does not take it.
pub fn print_json(reports: &[Report], explain: bool, out: &mut impl Write) -> anyhow::Result<()> {
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
