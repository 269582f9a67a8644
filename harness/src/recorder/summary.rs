//! The end of a capture's output: the table of what was captured, and where the time went.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use wirestream::capture;

use super::{Captured, Outcome};
use crate::analysis::stats::{Options, Statistics, measure};
use crate::error::{Error, Result};
use crate::render::table::{HEADINGS, Style, Table, cells};
use crate::text::Shown as _;
use crate::trace::provenance::{MarkDistance, Provenance};

/// Returns the closing table: what was captured, and how well.
///
/// # Errors
///
/// Returns an error if a capture cannot be read back.
pub fn summary(captured: &[Captured]) -> Result<String> {
    let mut columns = vec![("PCAP", false)];
    columns.extend(HEADINGS.map(|heading| (heading, true)));
    columns.extend([("Farthest From Mark", true), ("Certificate", false)]);
    let mut table = Table::new(&columns);
    for Captured {
        pcap, provenance, ..
    } in captured
    {
        let statistics = statistics(pcap).map_err(|error| {
            Error::run(format!("{} cannot be read back: {error:#}", pcap.shown()))
        })?;
        let distance = provenance.mark_distance.map_or_else(
            || "-".to_owned(),
            |distance| milliseconds(distance.farthest_seconds),
        );
        let mut row = vec![pcap.shown().to_string()];
        row.extend(cells(statistics));
        row.extend([distance, certificate(provenance).to_owned()]);
        table.row(row);
    }
    let mut text = table.render(Style::Text);
    text.push_str(&kept_and_replaced(captured));
    let distances: Vec<f64> = captured
        .iter()
        .flat_map(|captured| captured.provenance.mark_distances())
        .collect();
    let updates = distances.len();
    if let Some(all) = MarkDistance::of(distances) {
        // A text that is written to memory never fails to be.
        let _ = writeln!(
            text,
            "marks: of {updates} updates, 95 % were on the wire within {} of their mark, all within {}{}",
            milliseconds(all.percentile_95_seconds),
            milliseconds(all.farthest_seconds),
            if captured.iter().any(has_delay) {
                ", the delay of links not counted"
            } else {
                ""
            }
        );
    }
    Ok(text)
}

/// Tells which captures stayed as they were, and why the others were replaced; empty if there were none before.
fn kept_and_replaced(captured: &[Captured]) -> String {
    let mut text = String::new();
    let mut unchanged = Vec::new();
    for Captured { pcap, news, .. } in captured {
        match news.as_deref() {
            None => {}
            Some([]) => unchanged.push(pcap.shown().to_string()),
            Some(news) => {
                // A text that is written to memory never fails to be.
                let _ = writeln!(text, "replaced: {} ({})", pcap.shown(), news.join("; "));
            }
        }
    }
    if !unchanged.is_empty() {
        let all = unchanged.len() == captured.len() && unchanged.len() > 1;
        let names = if all {
            "all of them".to_owned()
        } else {
            unchanged.join(", ")
        };
        let _ = writeln!(
            text,
            "unchanged: {names}; the files stay as they are (--replace takes the new captures)"
        );
    }
    text
}

/// Returns true if packets arrive later by the delay of a link.
fn has_delay(captured: &Captured) -> bool {
    let link = captured.provenance.capture.link;
    link.is_some_and(|link| link.delay_seconds > 0.0)
}

/// Returns the word for the proof of a capture. Every capture that was kept is complete; the better ones have their
/// program's word for it.
fn certificate(provenance: &Provenance) -> &'static str {
    match &provenance.certificate {
        Some(certificate) if certificate.confirmed_by_program => "complete, program agrees",
        Some(_) => "complete",
        None => "-",
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.0} ms", seconds * 1e3)
}

fn statistics(pcap: &Path) -> anyhow::Result<Statistics> {
    let options = Options {
        explain: false,
        ..Options::default()
    };
    let measured = measure(&mut capture::open(pcap)?, &options);
    measured.coverage.require()?;
    Ok(measured.overall)
}

/// Returns a table of the time spent, scenario by scenario.
#[must_use]
pub fn timings(outcomes: &[Outcome]) -> String {
    let mut table = Table::new(&[
        ("Scenario", false),
        ("Preparing", true),
        ("Waiting For Others", true),
        ("Playing", true),
    ]);
    for Outcome {
        scenario, times, ..
    } in outcomes
    {
        let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        table.row(vec![
            scenario.clone(),
            seconds(times.preparation),
            seconds(times.waiting),
            seconds(times.playing),
        ]);
    }
    table.render(Style::Text)
}
