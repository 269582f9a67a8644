//! Errors that point at their place: file, line, column, the line itself and a caret.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use crate::error::Error;
use crate::text::Shown as _;

/// A problem at a place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The place in the text, in bytes.
    pub span: Range<usize>,
    /// The problem.
    pub message: String,
    /// A hint at the right text.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Creates a problem at `span`.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds a hint at the right text.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the error that a user sees, with the place in `text`, which is the content of `file`.
    #[must_use]
    pub fn into_error(self, file: &Path, text: &str) -> Error {
        let place = Place::of(&self.span, text);
        let mut message = format!(
            "{}:{}:{}: {}",
            file.shown(),
            place.line,
            place.column,
            self.message
        );
        place.quote(&mut message);
        let error = Error::usage(message);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// A span as line and column.
struct Place<'a> {
    /// The number of the line, counted from 1.
    line: usize,
    /// The column, counted from 1, in characters.
    column: usize,
    /// The number of characters that are marked, at least 1.
    width: usize,
    content: &'a str,
}

impl<'a> Place<'a> {
    fn of(span: &Range<usize>, text: &'a str) -> Self {
        let start = floor_char_boundary(text, span.start);
        let end = floor_char_boundary(text, span.end.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end.clamp(start, line_end)]
                .chars()
                .count()
                .max(1),
            content: text[line_start..line_end].trim_end_matches('\r'),
        }
    }

    fn quote(&self, message: &mut String) {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // A tab is one character wide here and in the line above, whatever the terminal makes of it.
        let content = self.content.replace('\t', " ");
        let indent = " ".repeat(self.column - 1);
        let carets = "^".repeat(self.width);
        let _ = write!(
            message,
            "\n{margin} |\n{number} | {content}\n{margin} | {indent}{carets}"
        );
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(span: Range<usize>, text: &str) -> String {
        Diagnostic::new(span, "wrong")
            .into_error(Path::new("x.toml"), text)
            .to_string()
    }

    #[test]
    fn points_at_the_place() {
        assert_eq!(
            shown(6..9, "a = 1\nbcd = 2\n"),
            "x.toml:2:1: wrong\n  |\n2 | bcd = 2\n  | ^^^"
        );
    }

    #[test]
    fn commands_nothing() {
        assert_eq!(
            shown(1..2, "\u{1b}[2J = \u{202e}"),
            "x.toml:1:2: wrong\n  |\n1 | \u{fffd}[2J = \u{fffd}\n  |  ^"
        );
    }

    #[test]
    fn survives_any_span() {
        for start in 0..12 {
            for end in 0..12 {
                shown(start..end, "ä\n\u{200d}ü\r\n");
            }
        }
        assert_eq!(shown(0..0, ""), "x.toml:1:1: wrong\n  |\n1 | \n  | ^");
    }
}
