//! The origin of the captures: everything in the file next to each, its certificate too.
//!
//! The file is shown as an object of JSON with any fields, so that fields of another version are not lost.

use super::fact::Fact;
use super::figures::table;
use super::{Capture, capture_id};
use crate::render::markup::Markup;

/// Writes the provenance of all captures.
pub(super) fn section(page: &mut Markup, captures: &[Capture]) {
    page.within("section", &[("id", &"provenance"), ("aria-labelledby", &"provenance-heading")], |page| {
        page.element("h2", &[("id", &"provenance-heading")], "Provenance");
        page.within("p", &[], |page| {
            page.literal(
                "Who took part, when each step was due and when it reached the wire, and what is known of the capture\u{2019}s \
                 completeness, as it was written down when the capture was made.",
            );
        });
        for (index, capture) in captures.iter().enumerate() {
            page.within("section", &[("class", &"provenance")], |page| {
                page.within("h3", &[], |page| {
                    let target = format!("#{}", capture_id(index));
                    page.element("a", &[("href", &target)], &capture.name);
                });
                match &capture.provenance {
                    Some(Fact::Record(fields)) => record(page, &capture.name, fields),
                    Some(other) => page.element("p", &[], other),
                    None => page.element("p", &[("class", &"quiet")], "Nothing is kept beside this capture."),
                }
            });
        }
    });
    page.line_end();
}

/// Writes plain facts first, then those that have facts of their own.
fn record(page: &mut Markup, name: &str, fields: &[(String, Fact)]) {
    let (plain, nested): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, fact)| fact.is_plain());
    if !plain.is_empty() {
        page.within("dl", &[("class", &"facts")], |page| {
            for (key, fact) in plain {
                page.within("div", &[], |page| {
                    page.element("dt", &[], spoken(key));
                    page.element("dd", &[], fact);
                });
            }
        });
    }
    for (key, fact) in nested {
        let title = spoken(key);
        let name = format!("{name}: {title}");
        match fact {
            Fact::Record(fields) => {
                page.element("h4", &[], &title);
                record(page, &name, fields);
            }
            Fact::List(items) => records(page, &name, items),
            Fact::Plain(_) => {}
        }
    }
}

/// Writes records that are alike as a table.
fn records(page: &mut Markup, caption: &str, items: &[Fact]) {
    let mut columns: Vec<&str> = Vec::new();
    for (key, _) in items.iter().flat_map(Fact::fields) {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    let row = |item: &Fact| {
        let cell = |column: &&str| {
            let found = item.fields().iter().find(|(key, _)| key == column);
            found.map_or_else(String::new, |(_, fact)| fact.to_string())
        };
        columns.iter().map(cell).collect()
    };
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    let headings: Vec<String> = columns.iter().map(|column| spoken(column)).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    table(page, caption, &headings, &rows);
}

/// Returns a key as words.
fn spoken(key: &str) -> String {
    key.replace('_', " ")
}
