//! Statistics as tables: for a terminal, and as the Markdown that documents take in.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::analysis::stats::Statistics;

/// The column headings of the tables, after the one for the name.
pub const HEADINGS: [&str; 5] = [
    "Total Packets",
    "App Packets",
    "Frame Bytes",
    "TCP Bytes",
    "App Bytes",
];

/// The format in which a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text with columns separated by spaces, numbers to the right.
    Text,
    /// A Markdown table, its source aligned.
    Markdown,
}

/// A table of words and numbers; each row has one cell per heading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    /// True for columns of numbers, which are aligned to the right in text.
    numeric: Vec<bool>,
}

impl Table {
    /// Creates a table without rows; `numeric` says for each column if it holds numbers.
    #[must_use]
    pub fn new(columns: &[(&str, bool)]) -> Self {
        Self {
            headings: columns
                .iter()
                .map(|(heading, _)| (*heading).to_owned())
                .collect(),
            rows: Vec::new(),
            numeric: columns.iter().map(|(_, numeric)| *numeric).collect(),
        }
    }

    /// Writes a table with the rows that `rows` gives instead of its own: it is asked twice, so that no row has to be
    /// kept.
    ///
    /// # Errors
    ///
    /// Returns an error if `output` does.
    pub fn write_with<Rows: Iterator<Item = Vec<String>>>(
        &self,
        style: Style,
        rows: impl Fn() -> Rows,
        output: &mut impl Write,
    ) -> io::Result<()> {
        let mut widths = self.widths();
        for row in rows() {
            for (width, cell) in widths.iter_mut().zip(&row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let mut line = String::new();
        for row in [self.headings.clone(), rule].into_iter().chain(rows()) {
            line.clear();
            self.line(&mut line, &row, &widths, style);
            output.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Returns the table as text, each line with its line feed.
    #[must_use]
    pub fn render(&self, style: Style) -> String {
        let widths = self.widths();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let mut text = String::new();
        for cells in [&self.headings, &rule].into_iter().chain(&self.rows) {
            self.line(&mut text, cells, &widths, style);
        }
        text
    }

    fn line(&self, text: &mut String, cells: &[String], widths: &[usize], style: Style) {
        match style {
            Style::Text => self.text_line(text, cells, widths),
            Style::Markdown => markdown_line(text, cells, widths),
        }
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self
                .rows
                .iter()
                .chain([&self.headings])
                .filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..self.headings.len()).map(width).collect()
    }

    fn text_line(&self, text: &mut String, cells: &[String], widths: &[usize]) {
        let mut line = String::new();
        for ((cell, width), numeric) in cells.iter().zip(widths).zip(&self.numeric) {
            let _ = if *numeric {
                write!(line, "{cell:>width$}  ")
            } else {
                write!(line, "{cell:<width$}  ")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn markdown_line(text: &mut String, cells: &[String], widths: &[usize]) {
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(text, "| {cell:<width$} ");
    }
    text.push_str("|\n");
}

/// Returns the table of one kind of statistics, a row per capture; dashes if a capture has none.
#[must_use]
pub fn statistics_table<'a>(
    rows: impl IntoIterator<Item = (&'a str, Option<Statistics>)>,
) -> Table {
    let columns: Vec<(&str, bool)> = std::iter::once(("PCAP", false))
        .chain(HEADINGS.map(|heading| (heading, true)))
        .collect();
    let mut table = Table::new(&columns);
    for (name, statistics) in rows {
        let cells = statistics.map_or_else(|| HEADINGS.map(|_| "-".to_owned()), cells);
        table.row(std::iter::once(name.to_owned()).chain(cells).collect());
    }
    table
}

/// Returns the five figures, in the order of [`HEADINGS`].
#[must_use]
pub fn cells(statistics: Statistics) -> [String; 5] {
    statistics.figures().map(|number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let statistics = Statistics {
            total_packets: 18,
            app_packets: 7,
            frame_bytes: 1283,
            tcp_bytes: 596,
            app_bytes: 75,
        };
        statistics_table([
            ("[pcap/tcpapp.pcap]", Some(statistics)),
            ("pcap/empty.pcap", None),
        ])
    }

    #[test]
    fn markdown_is_aligned_as_in_the_document_that_it_goes_into() {
        assert_eq!(
            table().render(Style::Markdown),
            "\
| PCAP               | Total Packets | App Packets | Frame Bytes | TCP Bytes | App Bytes |
| ------------------ | ------------- | ----------- | ----------- | --------- | --------- |
| [pcap/tcpapp.pcap] | 18            | 7           | 1283        | 596       | 75        |
| pcap/empty.pcap    | -             | -           | -           | -         | -         |
"
        );
    }

    #[test]
    fn text_has_numbers_to_the_right() {
        assert_eq!(
            table().render(Style::Text),
            "\
PCAP                Total Packets  App Packets  Frame Bytes  TCP Bytes  App Bytes
------------------  -------------  -----------  -----------  ---------  ---------
[pcap/tcpapp.pcap]             18            7         1283        596         75
pcap/empty.pcap                 -            -            -          -          -
"
        );
    }
}
