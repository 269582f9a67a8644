//! `wiresnap list`: the scenarios of the project, and how far each has come: captured, reviewed.

use std::collections::BTreeMap;
use std::io::Write;
use std::iter;

use serde::Serialize;
use wirestream::budget::Memory;

use crate::cli::{ListArgs, ListFormat};
use crate::error::printable;
use crate::machine::browser::Kind;
use crate::machine::programs::Programs;
use crate::project::{Project, current_folder};
use crate::render::json::print;
use crate::render::table::{Style, Table};
use crate::review::comparison::{Comparison, UNREADABLE};
use crate::review::selection;
use crate::scenario::{Scenario, file};
use crate::text::Shown as _;
use crate::trace::provenance::Provenance;

/// Lists the scenarios on `out`; if there are none, says so on `talk`.
///
/// A scenario with a mistake is listed with it: it is `validate` that fails for one.
///
/// # Errors
///
/// Returns an error if there is no project, or its scenarios cannot be found.
pub(super) fn run(
    arguments: ListArgs,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let project = Project::find(&current_folder()?)?;
    let programs = Programs::beside_us()?;
    let names = project.scenario_names()?;
    let entries: Vec<Entry> = names
        .into_iter()
        .map(|name| Entry::of(&project, &programs.names, name, arguments.memory.memory))
        .collect();
    match arguments.format {
        ListFormat::Json => print(&entries, out)?,
        ListFormat::Text if entries.is_empty() => {
            let folder = project.scenarios.shown();
            writeln!(talk, "note: no scenario in {folder}")?;
        }
        ListFormat::Text => out.write_all(table(&entries).as_bytes())?,
    }
    out.flush()?;
    Ok(())
}

/// The facts about a scenario; those from its file are missing if the file has a mistake.
#[derive(Serialize)]
struct Entry {
    name: String,
    file: String,
    program: Option<String>,
    client: Option<String>,
    /// The length of its timeline, as it is written.
    seconds: Option<f64>,
    capture: Option<Captured>,
    /// The captures made with other browsers, by the browser's word.
    #[serde(flatten)]
    others: BTreeMap<&'static str, Option<Captured>>,
    /// The first line of what is wrong with its file.
    error: Option<String>,
}

/// The capture of a scenario.
#[derive(Serialize)]
struct Captured {
    pcap: String,
    /// The time at which it was made, if known: a date and time in UTC (RFC 3339).
    at: Option<String>,
    /// The state of its comparison with its reviewed listing.
    state: &'static str,
}

impl Entry {
    fn of(project: &Project, programs: &[String], name: String, memory: Memory) -> Self {
        let place = project.scenarios.join(format!("{name}.toml"));
        let mut entry = Self {
            file: place.to_text(),
            capture: captured(project, &name, Kind::default(), memory),
            others: others(project, &name, memory),
            name,
            program: None,
            client: None,
            seconds: None,
            error: None,
        };
        let scenario = project
            .require_inside(&place)
            .and_then(|()| file::read(&place, programs));
        match scenario {
            Ok(scenario) => entry.describe(&scenario),
            Err(error) => entry.error = error.to_string().lines().next().map(str::to_owned),
        }
        entry
    }

    fn describe(&mut self, scenario: &Scenario) {
        self.program = Some(scenario.program.name.clone());
        self.client = Some(scenario.clients_in_words());
        self.seconds = Some(scenario.duration().as_secs_f64());
    }
}

fn others(
    project: &Project,
    name: &str,
    memory: Memory,
) -> BTreeMap<&'static str, Option<Captured>> {
    let browsers = Kind::ALL.into_iter();
    browsers
        .filter(|browser| browser.folder().is_some())
        .map(|browser| (browser.word(), captured(project, name, browser, memory)))
        .collect()
}

fn captured(project: &Project, name: &str, browser: Kind, memory: Memory) -> Option<Captured> {
    let capture = selection::of_scenario(project, name, browser)?;
    // What cannot be read is `check`'s to explain.
    let provenance = Provenance::read_beside(&capture.pcap).ok().flatten();
    let comparison = project
        .require_inside(&capture.pcap)
        .ok()
        .and_then(|()| Comparison::of(project, &capture, memory).ok())
        .filter(|comparison| comparison.failure().is_none());
    Some(Captured {
        pcap: capture.pcap.to_text(),
        at: provenance.map(|known| known.started),
        state: comparison.map_or(UNREADABLE, |comparison| comparison.state.name()),
    })
}

fn table(entries: &[Entry]) -> String {
    let mut columns = vec![
        ("Scenario", false),
        ("Program", false),
        ("Client", false),
        ("Length", true),
        ("Captured", false),
        ("Reviewed", false),
    ];
    let with_mistakes = entries.iter().any(|entry| entry.error.is_some());
    if with_mistakes {
        columns.push(("Mistake", false));
    }
    let mut table = Table::new(&columns);
    for row in entries.iter().flat_map(rows) {
        // Files may hold anything.
        let cells = row.iter().take(columns.len()).map(|cell| printable(cell));
        table.row(cells.collect());
    }
    table.render(Style::Text)
}

/// Returns the row of a scenario, and one more for each other browser that it was captured with; the mistake comes
/// last.
fn rows(entry: &Entry) -> Vec<Vec<String>> {
    let first = cells(entry, entry.client.as_deref(), entry.capture.as_ref());
    let others = Kind::ALL.into_iter().filter_map(|browser| {
        let capture = entry.others.get(browser.word())?.as_ref()?;
        Some(cells(entry, Some(&browser.to_string()), Some(capture)))
    });
    iter::once(first).chain(others).collect()
}

fn cells(entry: &Entry, client: Option<&str>, capture: Option<&Captured>) -> Vec<String> {
    let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let seconds = entry.seconds.map(|seconds| format!("{seconds} s"));
    vec![
        entry.name.clone(),
        or_dash(entry.program.as_deref()),
        or_dash(client),
        or_dash(seconds.as_deref()),
        capture.map_or("no".to_owned(), when),
        capture.map_or("-", reviewed).to_owned(),
        entry.error.clone().unwrap_or_default(),
    ]
}

fn when(capture: &Captured) -> String {
    let at = capture.at.as_deref().unwrap_or("yes");
    let time = at.parse::<jiff::Timestamp>();
    time.map_or_else(
        |_| at.to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// Returns the state in the words of the column's heading.
fn reviewed(capture: &Captured) -> &'static str {
    match capture.state {
        "same" => "yes",
        "new" => "no",
        other => other,
    }
}
