//! Old and new values: side by side where they are short, else one below the other, and line by line where they are
//! texts of several.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use crate::analysis::difference::Value;
use crate::render::hex;
use crate::render::safe_text::{is_text, safe_line};
use crate::render::style::Style;

/// Columns of a line.
pub(super) const WIDTH: usize = 80;

/// Lines of content that are compared line by line: that takes time with the square of what differs.
const MOST_COMPARED: usize = 2000;

/// Lines that are shown of one change.
const MOST_LINES: usize = 40;

/// Equal lines that stand around what differs.
const CONTEXT: usize = 1;

/// Bytes that are shown of content that is not text.
const MOST_BYTES: usize = 64;

/// Bytes that are shown of one value on one line.
const MOST_VALUE: usize = 600;

const OLD: Style = Style::Red;
const NEW: Style = Style::Green;

/// A line of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `-`, `+`, or a space for what stands around.
    sign: char,
    text: String,
}

/// `old → new`, where both are there and that fits into so many columns.
pub(super) fn side_by_side(
    old: Option<&Value>,
    new: Option<&Value>,
    columns: usize,
) -> Option<String> {
    let (old, new) = (old.map(short)?, new.map(short)?);
    let text = format!("{} → {}", old?, new?);
    (text.chars().count() <= columns).then_some(text)
}

/// A value that stands alone, where it fits into so many columns.
pub(super) fn alone(value: &Value, columns: usize) -> Option<String> {
    short(value).filter(|text| text.chars().count() <= columns)
}

/// A value that is one line.
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

/// Old and new, one below the other.
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
    /// The line at so many columns from the left, in as many lines as it takes, with their line ends.
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

/// Text in lines of no more than so many characters, broken at spaces, or behind commas, where there are any.
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
