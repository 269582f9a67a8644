//! Emphasis and colours on a terminal.
//!
//! A style is written into a text as a mark, not as an escape sequence. Marks are characters that Unicode reserves for
//! a program's internal use (the noncharacters U+FDD0 to U+FDEF), and no text from outside has them once it was made
//! safe. Whether colours get to the terminal is decided where the text is printed; text written elsewhere is [`plain`].

use std::fmt;

/// The look of a stretch of text: `{STYLE}` begins it, and `{STYLE:#}` ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The look of everything else.
    Plain,
    /// A heading.
    Title,
    /// Something that does not matter.
    Quiet,
    /// Something that was there, or is wrong.
    Red,
    /// Something that is there now, or is right.
    Green,
    /// Something noteworthy.
    Yellow,
    /// The place of a difference.
    Cyan,
}

const STYLES: [(Style, char, &str); 6] = [
    (Style::Title, '\u{fdd0}', "\x1b[1m"),
    (Style::Quiet, '\u{fdd1}', "\x1b[2m"),
    (Style::Red, '\u{fdd2}', "\x1b[31m"),
    (Style::Green, '\u{fdd3}', "\x1b[32m"),
    (Style::Yellow, '\u{fdd4}', "\x1b[33m"),
    (Style::Cyan, '\u{fdd5}', "\x1b[36m"),
];

const END: (char, &str) = ('\u{fdd6}', "\x1b[0m");

impl fmt::Display for Style {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = STYLES.iter().find(|(style, ..)| style == self);
        match mark {
            None => Ok(()),
            Some(_) if formatter.alternate() => write!(formatter, "{}", END.0),
            Some((_, mark, _)) => write!(formatter, "{mark}"),
        }
    }
}

/// Returns the escape sequence for a mark; `None` for any other character.
#[must_use]
pub fn sequence(mark: char) -> Option<&'static str> {
    if mark == END.0 {
        return Some(END.1);
    }
    let style = STYLES.iter().find(|(_, known, _)| *known == mark);
    style.map(|(.., sequence)| *sequence)
}

/// Returns a text without its marks.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .filter(|character| sequence(*character).is_none())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::is_safe;

    #[test]
    fn marks_are_no_characters_that_a_text_could_show() {
        let title = Style::Title;
        let text = format!("{title}a{title:#} b{}", Style::Plain);
        assert_eq!(text, "\u{fdd0}a\u{fdd6} b");
        assert_eq!(plain(&text), "a b");
        assert!(
            text.chars()
                .all(|one| is_safe(one) == sequence(one).is_none())
        );
    }
}
