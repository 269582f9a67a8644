//! The commands that a block may contain, written as on the command line.

use std::ops::Range;
use std::path::Path;

use super::arguments::Arguments;
use super::verbs::VERBS;
pub use super::verbs::overview;
pub use super::words::Word;
use super::words::words;
use crate::diagnostic::Diagnostic;

/// A command that fills a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A table of figures, a row per capture.
    Stats(Figures, Vec<Word>),
    /// The messages of the two ends.
    Payload(Listing),
    /// The frames of WebSocket connections as rows of hexadecimal.
    Hex(Listing),
    /// One WebSocket frame, taken apart, by its name in listings: `C1` is the client's first.
    Frame(Listing, String),
    /// The times at which each step was due, done, and on the wire.
    Timeline(Vec<Word>),
    /// The origin of captures, and the way to make them again.
    Provenance(Vec<Word>),
    /// A capture as a drawing, in a file of its own.
    Diagram {
        /// The capture.
        capture: Word,
        /// The drawing's file, next to the page; by default it has the capture's name.
        to: Option<Word>,
    },
    /// The difference of two captures: the old one, the new one.
    Diff(Word, Word),
    /// The help text of a verb, or of the whole program.
    Help(Option<Word>),
}

/// A table of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figures {
    /// The figures of all packets.
    Overall,
    /// The figures of an update.
    PerUpdate,
    /// The figures of what a server would push.
    ServerPush,
}

/// The part of a capture that is to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The capture.
    pub capture: Word,
    /// The only connection, counted from 1.
    pub connection: Option<u64>,
    /// The only message of that connection, counted from 1.
    pub message: Option<u64>,
    /// True if values that change from run to run are hidden.
    pub redact: bool,
}

/// Reads the command at this place of a page.
///
/// # Errors
///
/// Returns an error if there is no such command, or it is given an argument that it does not take.
pub fn parse(page: &str, command: Range<usize>) -> Result<Command, Diagnostic> {
    let end = command.end..command.end;
    let mut words = words(page, command)?.into_iter();
    let names = || VERBS.map(|verb| verb.name).join(", ");
    let Some(name) = words.next() else {
        return Err(
            Diagnostic::new(end, "command is missing").with_hint(format!("one of {}", names()))
        );
    };
    let verb = VERBS.iter().find(|verb| verb.name == name.text);
    let verb = verb.ok_or_else(|| {
        let message = format!("unknown command `{}`", name.text);
        Diagnostic::new(name.place.clone(), message).with_hint(format!("one of {}", names()))
    })?;
    command_of(Arguments::read(verb, words, end)?)
}

fn command_of(mut arguments: Arguments) -> Result<Command, Diagnostic> {
    match arguments.verb.name {
        "stats" => Ok(Command::Stats(figures(&arguments)?, arguments.operands)),
        "payload" => Ok(Command::Payload(listing(arguments)?)),
        "hex" => Ok(Command::Hex(listing(arguments)?)),
        "frame" => {
            let name = arguments.operands.split_off(1);
            let name = name.first().map(frame_name).transpose()?;
            Ok(Command::Frame(
                listing(arguments)?,
                name.unwrap_or_default(),
            ))
        }
        "timeline" => Ok(Command::Timeline(arguments.operands)),
        "provenance" => Ok(Command::Provenance(arguments.operands)),
        "diagram" => Ok(Command::Diagram {
            to: drawing_name(&arguments)?,
            capture: arguments.operands.swap_remove(0),
        }),
        "diff" => {
            let old = arguments.operands.swap_remove(0);
            Ok(Command::Diff(old, arguments.operands.swap_remove(0)))
        }
        _ => Ok(Command::Help(arguments.operands.pop())),
    }
}

fn figures(arguments: &Arguments) -> Result<Figures, Diagnostic> {
    match &arguments.options[..] {
        [] => Ok(Figures::Overall),
        [(option, _)] if option.text == "--per-update" => Ok(Figures::PerUpdate),
        [_] => Ok(Figures::ServerPush),
        [.., (option, _)] => {
            let message = "one block holds one table";
            Err(arguments.mistake(option.place.clone(), message))
        }
    }
}

fn listing(mut arguments: Arguments) -> Result<Listing, Diagnostic> {
    let connection = arguments.number("--connection")?;
    let message = arguments.number("--message")?;
    if let (None, Some((option, _))) = (connection, arguments.find("--message")) {
        let message = "`--message` needs `--connection`";
        return Err(arguments.mistake(option.place.clone(), message));
    }
    Ok(Listing {
        connection,
        message,
        redact: arguments.find("--redact").is_some(),
        capture: arguments.operands.swap_remove(0),
    })
}

fn frame_name(word: &Word) -> Result<String, Diagnostic> {
    let number = word.text.strip_prefix(['C', 'S']).map(str::parse::<u64>);
    if let Some(Ok(number @ 1..)) = number {
        return Ok(format!("{}{number}", &word.text[..1]));
    }
    let message = format!("`{}` is not a frame", word.text);
    Err(Diagnostic::new(word.place.clone(), message)
        .with_hint("C1 is the client's first frame, S1 the server's"))
}

/// Returns the name of the file to write. It is next to the page, so that a page cannot write just anywhere.
fn drawing_name(arguments: &Arguments) -> Result<Option<Word>, Diagnostic> {
    let Some(file) = arguments.value("--to") else {
        return Ok(None);
    };
    let is_drawing = Path::new(&file.text)
        .extension()
        .is_some_and(|end| end == "svg");
    if is_drawing && is_file_name(&file.text) {
        return Ok(Some(file.clone()));
    }
    let message = format!("`{}` is not a valid name for a drawing", file.text);
    Err(Diagnostic::new(file.place.clone(), message)
        .with_hint("letters, digits, - _ . and .svg at the end; the file stands beside the page"))
}

/// Returns true if a file may have this name: plain characters, so that a link needs no escapes and nothing leaves the
/// folder.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain)
}
