//! Where the captures came from: whatever stands in the file beside each, its certificate too.
//!
//! The file is shown as what it is, an object of JSON, whatever fields it has: what another version writes there is not
//! lost.

use serde_json::{Map, Value};

use super::figures::table;
use super::{Capture, capture_id};
use crate::render::markup::Markup;

/// How deep a file may nest.
const DEEPEST: usize = 6;

/// Writes what is known of all captures.
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
                    Some(Value::Object(fields)) => object(page, &capture.name, fields, DEEPEST),
                    Some(other) => page.element("p", &[], scalar(other)),
                    None => page.element("p", &[("class", &"quiet")], "Nothing is kept beside this capture."),
                }
            });
        }
    });
    page.line_end();
}

/// Plain values first, then what has values of its own.
fn object(page: &mut Markup, name: &str, fields: &Map<String, Value>, depth: usize) {
    let (plain, nested): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_plain(value));
    if !plain.is_empty() {
        page.within("dl", &[("class", &"facts")], |page| {
            for (key, value) in plain {
                page.within("div", &[], |page| {
                    page.element("dt", &[], spoken(key));
                    page.element("dd", &[], scalar(value));
                });
            }
        });
    }
    for (key, value) in nested {
        let title = spoken(key);
        match (value, depth.checked_sub(1)) {
            (Value::Object(fields), Some(depth)) => {
                page.element("h4", &[], &title);
                object(page, &format!("{name}: {title}"), fields, depth);
            }
            (Value::Array(items), Some(_)) if items.iter().all(Value::is_object) => {
                objects(page, &format!("{name}: {title}"), items);
            }
            _ => {
                page.element("h4", &[], &title);
                page.element("p", &[], value);
            }
        }
    }
}

/// Objects that are alike, as a table.
fn objects(page: &mut Markup, caption: &str, items: &[Value]) {
    let mut columns: Vec<&str> = Vec::new();
    for key in items
        .iter()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
    {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    let row = |item: &Value| {
        let cell = |column: &&str| item.get(*column).map_or_else(String::new, scalar);
        columns.iter().map(cell).collect()
    };
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    let headings: Vec<String> = columns.iter().map(|column| spoken(column)).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    table(page, caption, &headings, &rows);
}

/// Whether a value fits on a line.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items
            .iter()
            .all(|item| !item.is_object() && !item.is_array()),
        _ => true,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "\u{2013}".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A key as words.
fn spoken(key: &str) -> String {
    key.replace('_', " ")
}
