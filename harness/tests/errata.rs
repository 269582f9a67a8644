//! Compares `docs/errata.md` with its captures, and with the table of their figures in `docs/sockets-to-websockets.md`.
//!
//! These captures are not in the tree. They are looked for beside the project, or in `WIRESNAP_REFERENCE_DIR`; without
//! them, this test says so and passes.

mod workspace;

use std::fs;
use std::path::Path;

use wiresnap::analysis::role::Role;
use wiresnap::analysis::stats::{Explained, Measured, Options, measure};
use wirestream::capture;

/// A row of the page's table.
#[derive(Debug, PartialEq, Eq)]
struct Erratum {
    capture: String,
    printed: usize,
    right: usize,
    with_payload: Vec<u64>,
    left_out: Vec<u64>,
}

impl Erratum {
    fn parse(row: &str) -> Option<Self> {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [capture, printed, right, with_payload, left_out] = cells[..] else {
            return None;
        };
        let numbers = |cell: &str| -> Option<Vec<u64>> {
            cell.split(", ").map(|number| number.parse().ok()).collect()
        };
        Some(Self {
            capture: capture.to_owned(),
            printed: printed.parse().ok()?,
            right: right.parse().ok()?,
            with_payload: numbers(with_payload)?,
            left_out: numbers(left_out)?,
        })
    }
}

fn errata() -> Vec<Erratum> {
    let page = fs::read_to_string(workspace::root().join("docs/errata.md")).unwrap();
    page.lines().filter_map(Erratum::parse).collect()
}

fn measured(capture: &Path) -> Measured {
    let options = Options {
        explain: true,
        ..Options::default()
    };
    measure(&mut capture::open(capture).unwrap(), &options)
}

fn numbers(packets: &[Explained], choose: impl Fn(&Explained) -> bool) -> Vec<u64> {
    let chosen = packets.iter().filter(|packet| choose(packet));
    chosen.map(|packet| packet.number).collect()
}

#[test]
fn the_page_names_the_packets_that_the_captures_have() {
    let errata = errata();
    let captures: Vec<&str> = errata.iter().map(|row| row.capture.as_str()).collect();
    assert_eq!(captures, ["webapp.pcap", "ajaxapp.pcap", "wsapp.pcap"]);
    let Some(folder) = workspace::outside("WIRESNAP_REFERENCE_DIR", "reference") else {
        return;
    };
    for row in errata {
        let measured = measured(&folder.join(&row.capture));
        let right = u64::try_from(row.right).unwrap();
        assert_eq!(measured.overall.app_packets, right, "{}", row.capture);
        let with_payload = numbers(&measured.packets, |packet| packet.statistics.app_bytes > 0);
        assert_eq!(with_payload, row.with_payload, "{}", row.capture);
        assert_eq!(
            row.printed + row.left_out.len(),
            row.right,
            "{}",
            row.capture
        );
        assert!(row.left_out.iter().all(|number| {
            let packet = &measured.packets[usize::try_from(*number).unwrap() - 1];
            packet.role == Role::ResponseHeader
        }));
    }
}

#[test]
fn the_cell_that_is_called_right_is() {
    if let Some(folder) = workspace::outside("WIRESNAP_REFERENCE_DIR", "reference") {
        assert_eq!(measured(&folder.join("tcpapp.pcap")).overall.app_packets, 7);
    }
}

/// Returns the rows of a table that begin with the name of a capture, and go on with its figures.
fn figures(page: &str) -> Vec<(String, Vec<u64>)> {
    let row = |line: &str| {
        let mut cells = line
            .strip_prefix('|')?
            .trim_end_matches('|')
            .split('|')
            .map(str::trim);
        let name = cells.next()?;
        Path::new(name).extension().filter(|end| *end == "pcap")?;
        let figures = cells.map(|cell| cell.parse().ok());
        Some((name.to_owned(), figures.collect::<Option<_>>()?))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn the_figures_of_2021_are_those_of_the_captures() {
    let page = workspace::root().join("docs/sockets-to-websockets.md");
    let figures = figures(&fs::read_to_string(page).unwrap());
    let names: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["tcpapp.pcap", "webapp.pcap", "ajaxapp.pcap", "wsapp.pcap"]
    );
    if let Some(folder) = workspace::outside("WIRESNAP_REFERENCE_DIR", "reference") {
        for (name, figures) in figures {
            let overall = measured(&folder.join(&name)).overall;
            assert_eq!(overall.figures().to_vec(), figures, "{name}");
        }
    }
}
