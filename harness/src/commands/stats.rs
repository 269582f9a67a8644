//! `wiresnap stats`: how many packets and bytes captures take, in all, per update, and per push.

use std::io::{self, Write};
use std::path::Path;

use wirestream::budget::Memory;
use wirestream::capture;

use super::marks::marks_or_warning;
use crate::analysis::stats::{Measured, Options, measure};
use crate::cli::{StatsArgs, StatsFormat};
use crate::render::coverage::{self, named};
use crate::render::statistics::{Report, print_json, print_tables};
use crate::render::table::Style;
use crate::text::Shown as _;

/// Measures the captures and prints their figures to `out`; what is noteworthy about the files goes to `talk`.
///
/// # Errors
///
/// Returns an error if a capture, or a part of one, cannot be read (the figures of all else are in the output), or if `out`
/// cannot be written.
pub(super) fn run(
    args: &StatsArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
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
    Ok(match capture::open(path) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::statistics::NO_UPDATE;
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
