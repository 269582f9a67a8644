//! Old and new values: side by side if they are short, otherwise one below the other, and line by line if they are
//! texts of several lines.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use crate::analysis::difference::Value;
use crate::render::hex;
use crate::render::safe_text::{is_text, safe_line};
use crate::render::style::Style;

/// The width of a line in columns.
pub(super) const WIDTH: usize = 80;

/// The most lines of content that are compared line by line: that takes time with the square of the difference.
const MOST_COMPARED: usize = 2000;

/// The most lines that are shown of one change.
const MOST_LINES: usize = 40;

/// The number of equal lines shown around a difference.
const CONTEXT: usize = 1;

/// The most bytes that are shown of content that is not text.
const MOST_BYTES: usize = 64;

/// The most bytes that are shown of one value on one line.
const MOST_VALUE: usize = 600;

const OLD: Style = Style::Red;
const NEW: Style = Style::Green;

/// A line of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The sign: `-`, `+`, or a space for a line around a difference.
    sign: char,
    text: String,
}

/// Returns `old → new`, if both are there and fit into so many columns.
pub(super) fn side_by_side(
    old: Option<&Value>,
    new: Option<&Value>,
    columns: usize,
) -> Option<String> {
    let (old, new) = (old.map(short)?, new.map(short)?);
    let text = format!("{} → {}", old?, new?);
    (text.chars().count() <= columns).then_some(text)
}

/// Returns a single value, if it fits into so many columns.
pub(super) fn alone(value: &Value, columns: usize) -> Option<String> {
    short(value).filter(|text| text.chars().count() <= columns)
}

/// Returns a value that is one line.
fn short(value: &Value) -> Option<String> {
    let bytes = value.bytes();
    let is_line = !bytes.contains(&b'\n') && bytes.len() <= WIDTH && is_text(bytes);
    is_line.then(|| shown(bytes))
}

fn shown(bytes: &[u8]) -> String {
    match bytes {
        b"" => "(empty)".to_owned(),
        _ if is_text(bytes) => safe_line(bytes),
        _ => hex_line(bytes),
    }
}

fn hex_line(bytes: &[u8]) -> String {
    let shown = hex::spaced(&bytes[..bytes.len().min(MOST_BYTES)]);
    match bytes.len().saturating_sub(MOST_BYTES) {
        0 => shown,
        more => format!("{shown} and {more} bytes more"),
    }
}

/// Returns old and new, one below the other.
pub(super) fn lines(old: Option<&Value>, new: Option<&Value>) -> Vec<Line> {
    match (old, new) {
        (Some(Value::Text(old)), Some(Value::Text(new))) if is_text(old) && is_text(new) => {
            text_lines(old, new)
        }
        _ => {
            let lines = [('-', old), ('+', new)].into_iter();
            let lines = lines.filter_map(|(sign, value)| Some((sign, value?.bytes())));
            lines.map(|(sign, bytes)| line(sign, bytes)).collect()
        }
    }
}

fn line(sign: char, bytes: &[u8]) -> Line {
    let text = if bytes.len() > MOST_VALUE && is_text(bytes) {
        format!("{}…", shown(&bytes[..MOST_VALUE]))
    } else {
        shown(bytes)
    };
    Line { sign, text }
}

fn text_lines(old: &[u8], new: &[u8]) -> Vec<Line> {
    let [old, new] = [old, new].map(|bytes| String::from_utf8_lossy(bytes));
    let counts = [&old, &new].map(|text| text.lines().count());
    if counts.iter().sum::<usize>() > MOST_COMPARED {
        let text = format!(
            "{} lines → {} lines: too many to compare",
            counts[0], counts[1]
        );
        return vec![Line { sign: ' ', text }];
    }
    let difference = TextDiff::from_lines(&*old, &*new);
    let mut lines = Vec::new();
    for (index, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            let text = "…".to_owned();
            lines.push(Line { sign: ' ', text });
        }
        for change in group
            .iter()
            .flat_map(|operation| difference.iter_changes(operation))
        {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let text = change.value();
            lines.push(line(
                sign,
                text.strip_suffix('\n').unwrap_or(text).as_bytes(),
            ));
        }
    }
    let more = lines.len().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.truncate(MOST_LINES);
        let text = format!("… {more} lines more");
        lines.push(Line { sign: ' ', text });
    }
    lines
}

impl Line {
    /// Returns the line, indented by so many columns and wrapped, with its line ends.
    pub(super) fn render(&self, indent: usize) -> String {
        let style = match self.sign {
            '-' => OLD,
            '+' => NEW,
            _ => Style::Plain,
        };
        let room = WIDTH.saturating_sub(indent + 2).max(20);
        let mut output = String::new();
        for (index, part) in wrapped(&self.text, room).into_iter().enumerate() {
            let sign = if index == 0 { self.sign } else { ' ' };
            let text = format!("{sign} {part}");
            let text = text.trim_end();
            let _ = writeln!(output, "{:indent$}{style}{text}{style:#}", "");
        }
        output
    }
}

/// Breaks text into lines of no more than so many characters, at spaces, or behind commas, if there are any.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    let mut rest = &characters[..];
    while rest.len() > width {
        let is_end = |place: &usize| rest[*place] == ' ' || matches!(rest[*place - 1], ',' | ';');
        let end = (width / 2 + 1..=width).rev().find(is_end).unwrap_or(width);
        lines.push(rest[..end].iter().collect());
        rest = &rest[end..];
        if rest.first() == Some(&' ') {
            rest = &rest[1..];
        }
    }
    lines.push(rest.iter().collect());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &str) -> Value {
        Value::Text(bytes.as_bytes().to_vec())
    }

    #[test]
    fn short_values_stand_side_by_side_and_long_ones_below_each_other() {
        let [old, new] = [text("a"), text("b\x1b")];
        assert_eq!(
            side_by_side(Some(&old), Some(&new), 20).as_deref(),
            None,
            "control bytes are no text"
        );
        assert_eq!(
            side_by_side(Some(&old), Some(&text("")), 20).as_deref(),
            Some("a → (empty)")
        );
        assert_eq!(side_by_side(Some(&old), Some(&text("b")), 4), None);
        assert_eq!(side_by_side(None, Some(&text("b")), 40), None);
    }

    #[test]
    fn of_texts_only_the_lines_that_differ_are_shown() {
        let found = lines(Some(&text("1\n2\n3\n4\n")), Some(&text("1\n2\nx\n4\n")));
        let signs: String = found.iter().map(|line| line.sign).collect();
        assert_eq!(signs, " -+ ");
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_but_spaces(text in "[a-z ]{0,200}", width in 1_usize..40) {
            let lines = wrapped(&text, width);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            prop_assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
