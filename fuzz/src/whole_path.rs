//! The whole path from the bytes of a file to everything that is printed about it.

use std::io::{Cursor, Read};

use wiresnap::analysis::stats::{self, Measured, Statistics, measure};
use wiresnap::listing::{Format, Request, list};
use wiresnap::render::payload::Style;
use wirestream::capture::{CaptureReader, read_from};
use wirestream::units::Timestamp;

use super::output::{assert_json, assert_safe};

/// Checks that listings are safe, JSON is JSON, figures add up, and all of them speak of the same capture.
pub fn check(file: &[u8]) {
    for (redact, explain) in [(false, false), (false, true), (true, true)] {
        let style = Style {
            redact,
            explain,
            // Both ways to show a body.
            limit: explain.then_some(100),
        };
        if let Some(text) = listing(file, Format::Text, style) {
            assert_safe(&text);
        }
    }
    let style = Style {
        redact: true,
        ..Style::default()
    };
    if let Some(text) = listing(file, Format::Json, style) {
        assert_json(&text);
    }
    let json = listing(file, Format::Json, Style::default());
    let json = json.map(|text| assert_json(&text));
    let measured = check_statistics(file);
    if let (Some(json), Some(measured)) = (json, measured) {
        compare(&json, &measured);
    }
}

fn open(file: &[u8]) -> Option<CaptureReader<Box<dyn Read>>> {
    read_from(Box::new(Cursor::new(file.to_vec()))).ok()
}

fn listing(file: &[u8], format: Format, style: Style) -> Option<Vec<u8>> {
    let request = Request {
        style,
        format,
        name: "a\u{1b}\".pcap".to_owned(),
        ..Request::default()
    };
    let outcome = list(open(file)?, request, Vec::new()).ok()?;
    Some(outcome.output)
}

fn check_statistics(file: &[u8]) -> Option<Measured> {
    let mut options = stats::Options {
        explain: true,
        ..stats::Options::default()
    };
    let measured = measure(&mut open(file)?, &options);
    assert_adds_up(&measured);
    options.marks = Some(every_third(&measured));
    let marked = measure(&mut open(file)?, &options);
    assert_adds_up(&marked);
    assert_eq!(marked.overall, measured.overall);
    Some(measured)
}

fn every_third(measured: &Measured) -> Vec<Timestamp> {
    let times = measured.packets.iter().map(|packet| packet.time);
    times.step_by(3).collect()
}

fn assert_adds_up(measured: &Measured) {
    let listed: Statistics = measured
        .packets
        .iter()
        .map(|packet| packet.statistics)
        .sum();
    let roles: Statistics = measured.roles.into_iter().sum();
    let updates: Statistics = measured.updates.iter().copied().sum();
    assert_eq!((listed, roles), (measured.overall, measured.overall));
    assert!(updates.total_packets <= measured.overall.total_packets);
    assert!(updates.app_bytes <= measured.overall.app_bytes);
    assert!(
        measured
            .per_update
            .is_none_or(|most| measured.updates.contains(&most))
    );
}

fn compare(json: &serde_json::Value, measured: &Measured) {
    let connections = json["connections"].as_array().expect("an array");
    assert_eq!(connections.len() as u64, measured.connections);
    let bytes = |connection: &serde_json::Value| {
        ["client_stream", "server_stream"]
            .map(|stream| connection[stream]["bytes"].as_u64().expect("a number"))
            .into_iter()
            .sum::<u64>()
    };
    let reassembled: u64 = connections.iter().map(bytes).sum();
    assert!(
        reassembled <= measured.overall.app_bytes,
        "no byte is made up"
    );
}
