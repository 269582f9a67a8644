//! Tables of the records beside captures: the times of the steps, and what took part.

use std::fmt::Write as _;

use crate::docs::markdown::{code, fenced};
use crate::render::table::{Style, Table};
use crate::text::shell_word;
use crate::trace::provenance::{MarkDistance, MarkRecord, Provenance};

/// The number of characters of a scenario's hash that tell it from others.
const HASH_SHOWN: usize = 12;

/// The name of a capture, and what is known of it.
type Record = (String, Provenance);

/// Returns a table of the steps: when each was due, when the client was told, when it was on the wire, and what the
/// client then showed.
pub(super) fn timeline(records: &[Record]) -> String {
    let with_names = records.len() > 1;
    let mut marks = records.iter().flat_map(|(_, known)| &known.marks);
    let with_clients = marks.any(|mark| mark.client.is_some());
    let mut columns = vec![
        ("Planned", true),
        ("Step", false),
        ("Client Told", true),
        ("On The Wire", true),
        ("Shown", false),
    ];
    if with_clients {
        columns.insert(1, ("Client", false));
    }
    if with_names {
        columns.insert(0, ("PCAP", false));
    }
    let mut table = Table::new(&columns);
    for (name, provenance) in records {
        for mark in &provenance.marks {
            let mut cells = mark_cells(mark);
            if with_clients {
                cells.insert(1, mark.client.clone().unwrap_or_else(|| "-".to_owned()));
            }
            if with_names {
                cells.insert(0, name.clone());
            }
            table.row(cells);
        }
    }
    table.render(Style::Markdown)
}

fn mark_cells(mark: &MarkRecord) -> Vec<String> {
    let seconds = |seconds: f64| format!("{seconds:.3} s");
    vec![
        format!("{} s", mark.planned_seconds),
        code(&mark.step),
        seconds(mark.actual_seconds),
        mark.on_wire_seconds.map_or_else(|| "-".to_owned(), seconds),
        shown(mark),
    ]
}

/// Returns what the clients showed; what another than the acting one showed, behind its name.
fn shown(mark: &MarkRecord) -> String {
    let by_others = mark.shown_by_others.iter();
    let by_others = by_others.map(|(name, text)| format!("{name}: {}", code(text)));
    let all: Vec<String> = mark
        .shown
        .iter()
        .map(|text| code(text))
        .chain(by_others)
        .collect();
    if all.is_empty() {
        return "-".to_owned();
    }
    all.join(", ")
}

/// Returns the clients with their kinds and versions; `None` if they have no names.
fn clients(known: &Provenance) -> Option<String> {
    let described = known.clients.iter().map(|client| {
        let version = client.version.as_ref();
        let version = version.map_or_else(String::new, |version| format!(" {}", code(version)));
        format!("{}: {}{version}", code(&client.name), code(&client.kind))
    });
    let all: Vec<String> = described.collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Returns a date and time as people write it; a text that is not one, as it is.
fn date(started: &str) -> String {
    let time = started.parse::<jiff::Timestamp>();
    time.map_or_else(
        |_| code(started),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// A fact about captures: its heading, and what it is for each of them.
type Fact = (&'static str, fn(&Provenance) -> Option<String>);

const FACTS: &[Fact] = &[
    ("Captured", |known| Some(date(&known.started))),
    ("Scenario, SHA-256", |known| {
        let hash: String = known.scenario.sha256.chars().take(HASH_SHOWN).collect();
        Some(code(&format!("{hash}…")))
    }),
    ("Time scale", |known| Some(known.time_scale.to_string())),
    ("wiresnap", |known| Some(code(&known.versions.wiresnap))),
    ("Firefox", |known| {
        known.versions.firefox.as_deref().map(code)
    }),
    ("geckodriver", |known| {
        known.versions.geckodriver.as_deref().map(code)
    }),
    ("Chromium", |known| {
        known.versions.chromium.as_deref().map(code)
    }),
    ("chromedriver", |known| {
        known.versions.chromedriver.as_deref().map(code)
    }),
    ("Clients", clients),
    ("nc", |known| known.versions.nc.as_deref().map(code)),
    ("libpcap", |known| Some(code(&known.versions.libpcap))),
    ("Kernel", |known| Some(code(&known.versions.kernel))),
    ("Network", |known| Some(code(&known.capture.network))),
    ("Interface", |known| Some(code(&known.capture.interface))),
    ("Packets", |known| Some(known.capture.packets.to_string())),
    ("Dropped by the kernel", |known| {
        Some(known.capture.dropped.to_string())
    }),
    ("Dropped by the interface", |known| {
        Some(known.capture.interface_dropped.to_string())
    }),
    ("Farthest update from its mark", |known| {
        let distance = MarkDistance::of(known.mark_distances())?;
        Some(format!("{:.0} ms", distance.farthest_seconds * 1000.0))
    }),
    ("Certificate", |known| {
        let by_program = known.certificate.as_ref()?.confirmed_by_program;
        let found = if by_program {
            "complete, program agrees"
        } else {
            "complete"
        };
        Some(found.to_owned())
    }),
    ("Connections", |known| {
        let connections = &known.certificate.as_ref()?.connections;
        Some(connections.len().to_string())
    }),
    ("Bytes from the client", |known| {
        let connections = &known.certificate.as_ref()?.connections;
        let bytes = connections.iter().map(|connection| connection.client_bytes);
        Some(bytes.fold(0_u64, u64::saturating_add).to_string())
    }),
    ("Bytes from the server", |known| {
        let connections = &known.certificate.as_ref()?.connections;
        let bytes = connections.iter().map(|connection| connection.server_bytes);
        Some(bytes.fold(0_u64, u64::saturating_add).to_string())
    }),
];

/// Returns a table of who took part in what, a column for each capture, and the command that makes them again.
pub(super) fn provenance(records: &[Record]) -> String {
    let names = records.iter().map(|(name, _)| (name.as_str(), false));
    let columns: Vec<(&str, bool)> = std::iter::once(("", false)).chain(names).collect();
    let mut table = Table::new(&columns);
    for (heading, fact) in FACTS {
        let cells: Vec<Option<String>> = records.iter().map(|(_, known)| fact(known)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells
                .into_iter()
                .map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
            table.row(
                std::iter::once((*heading).to_owned())
                    .chain(cells)
                    .collect(),
            );
        }
    }
    let commands = fenced("sh", &commands(records));
    format!(
        "{}\nTo make them again:\n\n{commands}",
        table.render(Style::Markdown)
    )
}

/// Returns a command for each browser and time scale.
fn commands(records: &[Record]) -> String {
    let mut commands: Vec<(String, String)> = Vec::new();
    for (_, known) in records {
        let scenario = format!(" {}", shell_word(&known.scenario.name));
        let options = options(known);
        match commands.iter_mut().find(|(same, _)| *same == options) {
            Some((_, scenarios)) => scenarios.push_str(&scenario),
            None => commands.push((options, scenario)),
        }
    }
    let lines = commands.into_iter();
    let lines = lines.map(|(options, scenarios)| format!("wiresnap capture{scenarios}{options}"));
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Returns the options that a capture was made with, if they are not the usual ones.
fn options(known: &Provenance) -> String {
    let mut options = String::new();
    if known.versions.chromium.is_some() {
        options.push_str(" --browser chromium");
    }
    if known.time_scale.total_cmp(&1.0).is_ne() {
        let _ = write!(options, " --time-scale {}", known.time_scale);
    }
    options
}
