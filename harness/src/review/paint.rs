//! Differences in colour.

use std::io::{self, Write};

use crate::error::printable;
use crate::render::style::Style;

/// Writes the hunks of a unified diff, what was there red and what is there now green.
///
/// Whatever was captured is in it, so it must not reach the terminal as it is. Whether colours get there is for `out` to
/// decide.
///
/// # Errors
///
/// Returns an error if `out` does not take it.
pub(super) fn difference(difference: &str, out: &mut impl Write) -> io::Result<()> {
    for line in printable(&difference.replace('\t', " ")).lines() {
        let style = style(line);
        writeln!(out, "{style}{line}{style:#}")?;
    }
    Ok(())
}

const fn style(line: &str) -> Style {
    match line.as_bytes() {
        [b'-', ..] => Style::Red,
        [b'+', ..] => Style::Green,
        [b'@', ..] => Style::Cyan,
        _ => Style::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_captured_moves_the_terminal() {
        let mut out = Vec::new();
        difference("@@ -1 +1 @@\n-a\u{1b}[2J\n+b\tc\n d\n", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\u{fdd5}@@ -1 +1 @@\u{fdd6}\n\u{fdd2}-a\u{fffd}[2J\u{fdd6}\n\u{fdd3}+b c\u{fdd6}\n d\n"
        );
    }
}
