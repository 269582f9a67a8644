//! The one error of the live side: the failure, the last output, and a hint for the user.
//!
//! A class decides the exit code (see `docs/cli.md`); the parts are kept apart so that they print the same way
//! wherever they come from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::is_safe;

/// The longest line of output that is shown, in bytes; the rest of it does not help in a message.
const LONGEST_LINE: usize = 400;

/// The most characters of a quoted text that are shown.
const LONGEST_QUOTE: usize = 200;

/// The most characters of a quoted text that are kept. Secrets are looked for in all of them: what is shown ends long before.
const KEPT_QUOTE: usize = 16 << 10;

/// The kind of a failure, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// The checked files are not as they should be. Exit code 1.
    Differs,
    /// The request is invalid: a scenario file, an option, an unreadable capture. Exit code 2.
    Usage,
    /// This machine lacks something that a capture needs. Exit code 3.
    Environment,
    /// The scenario was started and did not go as written. Exit code 4.
    Run,
    /// A signal ended it, such as Ctrl-C: exit code 128 and the signal's number, as shells have it.
    Signal(u8),
    /// The scenario went well, but its capture is not provably complete. Exit code 5.
    Inconclusive,
}

impl Class {
    /// Returns the process exit code of this class.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Differs => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Run => 4,
            Self::Inconclusive => 5,
            Self::Signal(number) => 128 + number,
        }
    }
}

/// A failure with the information that a user needs to fix it.
///
/// Its `Debug` form is the same text as its `Display` form: a test that returns an error shows the former, which people
/// read too.
#[derive(Clone, Serialize, Deserialize)]
pub struct Error {
    class: Class,
    message: String,
    quote: Option<Box<Quote>>,
    output: Option<(String, Vec<String>)>,
    note: Option<Box<str>>,
    hint: Option<Box<str>>,
    is_cause: bool,
}

/// A text in the middle of a message, of which the beginning is shown.
///
/// It is cut as late as that, or half of a secret would be left, which nobody finds.
#[derive(Clone, Serialize, Deserialize)]
struct Quote {
    text: String,
    /// The rest of the message.
    behind: String,
}

/// The result of anything that touches the system.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Creates an error for something that is not as it should be.
    pub fn differs(message: impl Into<String>) -> Self {
        Self::new(Class::Differs, message)
    }

    /// Creates an error for an invalid request.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Class::Usage, message)
    }

    /// Creates an error for something missing on this machine.
    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Class::Environment, message)
    }

    /// Creates an error for a run that went wrong.
    pub fn run(message: impl Into<String>) -> Self {
        Self::new(Class::Run, message)
    }

    /// Creates an error for a run that went well and proved nothing.
    pub fn inconclusive(message: impl Into<String>) -> Self {
        Self::new(Class::Inconclusive, message)
    }

    /// Creates an error for a run that a signal ended.
    #[must_use]
    pub fn ended_by(signal: u8, name: &str) -> Self {
        Self::new(Class::Signal(signal), format!("ended by {name}"))
    }

    fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            quote: None,
            output: None,
            note: None,
            hint: None,
            is_cause: false,
        }
    }

    /// Continues the message with a text from outside, in quotation marks, and the rest of the sentence.
    #[must_use]
    pub fn with_quote(mut self, text: &str, behind: impl Into<String>) -> Self {
        self.quote = Some(Box::new(Quote {
            text: text.chars().take(KEPT_QUOTE).collect(),
            behind: behind.into(),
        }));
        self
    }

    /// Adds the hint: one line, a command if there is one.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into_boxed_str());
        self
    }

    /// Marks it as known not to be a consequence of another failure, such as the end of a process.
    #[must_use]
    pub const fn as_cause(mut self) -> Self {
        self.is_cause = true;
        self
    }

    /// Returns true if it is known not to be a consequence of another failure.
    #[must_use]
    pub const fn is_cause(&self) -> bool {
        self.is_cause
    }

    /// Adds a note, such as the place where something was put.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into().into_boxed_str());
        self
    }

    /// Adds the last lines that `process` wrote; an empty list is reported too.
    #[must_use]
    pub fn with_output(mut self, process: impl Into<String>, lines: Vec<String>) -> Self {
        self.output = Some((process.into(), lines));
        self
    }

    /// Adds the last lines that `process` wrote, unless those of another process say more.
    #[must_use]
    pub fn or_output(self, process: &str, lines: Vec<String>) -> Self {
        if self.output.is_some() {
            return self;
        }
        self.with_output(process, lines)
    }

    /// Adds a hint, unless there is a better one.
    #[must_use]
    pub fn or_hint(self, hint: impl Into<String>) -> Self {
        if self.hint.is_some() {
            return self;
        }
        self.with_hint(hint)
    }

    /// Adds another hint to the existing one.
    #[must_use]
    pub fn add_to_hint(self, more: &str) -> Self {
        let hint = match &self.hint {
            Some(hint) => format!("{hint}; {more}"),
            None => more.to_owned(),
        };
        self.with_hint(hint)
    }

    /// Puts the activity in front of the message, as in `webapp: …`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Returns the error in other words: passes each of its texts through `reword`.
    #[must_use]
    pub fn reworded(mut self, reword: impl Fn(&str) -> String) -> Self {
        self.message = reword(&self.message);
        if let Some(quote) = &mut self.quote {
            quote.text = reword(&quote.text);
            quote.behind = reword(&quote.behind);
        }
        if let Some((process, lines)) = &mut self.output {
            *process = reword(process);
            for line in lines {
                *line = reword(line);
            }
        }
        for text in [&mut self.note, &mut self.hint].into_iter().flatten() {
            *text = reword(text).into_boxed_str();
        }
        self
    }

    /// Returns all its texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let output = self.output.iter();
        let output = output.flat_map(|(process, lines)| std::iter::once(process).chain(lines));
        let quote = self.quote.iter();
        let quote = quote.flat_map(|quote| [&quote.text, &quote.behind]);
        let more = [&self.note, &self.hint].into_iter().flatten();
        std::iter::once(&self.message)
            .chain(quote)
            .chain(output)
            .map(String::as_str)
            .chain(more.map(AsRef::as_ref))
    }

    /// Returns the message alone, without hint or output.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.quote {
            Some(quote) => format!(
                "{}{:?}{}",
                self.message,
                beginning_of(&quote.text),
                quote.behind
            ),
            None => self.message.clone(),
        }
    }

    /// Returns the hint, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the class, which decides the exit code.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&printable(&self.message()))?;
        match &self.output {
            Some((process, lines)) if lines.is_empty() => {
                write!(formatter, "\n  {process} wrote nothing")?;
            }
            Some((process, lines)) => {
                write!(formatter, "\n  last output of {process}:")?;
                for line in lines {
                    write!(formatter, "\n  | {}", printable(&shown_of(line)))?;
                }
            }
            None => {}
        }
        if let Some(note) = &self.note {
            write!(formatter, "\nnote: {}", printable(note))?;
        }
        match &self.hint {
            Some(hint) => write!(formatter, "\nhint: {}", printable(hint)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Returns the part of a quoted text that is shown.
fn beginning_of(text: &str) -> String {
    let mut characters = text.chars();
    let mut beginning: String = characters.by_ref().take(LONGEST_QUOTE).collect();
    if characters.next().is_some() {
        beginning.push('…');
    }
    beginning
}

/// Returns the part of a line of output that is shown: its beginning, without the control characters that a program may
/// write.
fn shown_of(line: &str) -> String {
    let is_in = |(at, character): &(usize, char)| at + character.len_utf8() <= LONGEST_LINE;
    let shown = line.char_indices().take_while(is_in);
    let shown = shown.map(|(_, character)| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    });
    shown.collect()
}

/// Returns a text that cannot control a terminal: pages, programs and files may contain anything.
///
/// Line feeds stay, and each other character keeps its place.
#[must_use]
pub fn printable(text: &str) -> String {
    let shown = |character| match character {
        '\n' => character,
        _ if is_safe(character) => character,
        _ => char::REPLACEMENT_CHARACTER,
    };
    text.chars().map(shown).collect()
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_reworded_in_all_its_texts() {
        let error = Error::run("a pin")
            .with_output("pin", vec!["pin 1".to_owned()])
            .with_note("pin")
            .with_hint("pin");

        let reworded = error.reworded(|text| text.replace("pin", "{pin}"));

        assert_eq!(
            format!("{reworded:?}"),
            "a {pin}\n  last output of {pin}:\n  | {pin} 1\nnote: {pin}\nhint: {pin}"
        );
    }

    #[test]
    fn a_line_is_cut_once_it_is_reworded() {
        let line = format!("{}{}", "a".repeat(LONGEST_LINE - 3), "secret");
        let error = Error::run("x").with_output("y", vec![line]);

        let shown = error
            .reworded(|text| text.replace("secret", "hidden"))
            .to_string();

        assert!(shown.ends_with("ahid"), "{shown}");
    }

    #[test]
    fn a_quoted_text_is_cut_once_it_is_reworded() {
        let text = format!("{}{}", "a".repeat(LONGEST_QUOTE - 3), "secret");
        let error = Error::run("it said ").with_quote(&text, ", not secret");
        let error = error.context("x");

        let shown = error.reworded(|text| text.replace("secret", "hidden"));

        let expected = format!(
            "x: it said \"{}hid…\", not hidden",
            "a".repeat(LONGEST_QUOTE - 3)
        );
        assert_eq!(shown.to_string(), expected);
        assert_eq!(shown.message(), expected);
        assert_eq!(shown.texts().count(), 3);
    }

    #[test]
    fn nothing_in_an_error_moves_the_terminal() {
        let error = Error::run("a\u{1b}[2Jb\nc")
            .with_output("x", vec!["\u{202e}d\r".to_owned()])
            .with_hint("\u{7}e");

        assert_eq!(
            error.to_string(),
            "a\u{fffd}[2Jb\nc\n  last output of x:\n  | \u{fffd}d \nhint: \u{fffd}e"
        );
    }
}
