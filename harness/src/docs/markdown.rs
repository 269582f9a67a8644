//! Writes text as Markdown that shows exactly this text, no matter what is in it.

use crate::error::printable;

/// Returns a code block that no line of `text` can end: its fence is longer than any run of backticks in it.
///
/// ```
/// use wiresnap::docs::markdown::fenced;
///
/// assert_eq!(fenced("text", "a\n```\n"), "````text\na\n```\n````\n");
/// ```
#[must_use]
pub fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat((longest_run(text, '`') + 1).max(3));
    let text = shown(text);
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// Returns a piece of code for a line, or for a cell of a table, where a bar would end the cell (GFM §4.10).
///
/// ```
/// use wiresnap::docs::markdown::code;
///
/// assert_eq!(code("a|`b"), "``a\\|`b``");
/// ```
#[must_use]
pub fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(text, '`') + 1);
    let text = one_line(text);
    // CommonMark §6.1: one space at each end is taken away, and backticks there must not join the fence.
    let needs_space = |edge: Option<char>| matches!(edge, Some('`' | ' '));
    let space = if needs_space(text.chars().next()) || needs_space(text.chars().last()) {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Returns text for a line, its punctuation escaped (`CommonMark` §2.4) where it could have a meaning.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut output = String::new();
    for character in printable(text).replace('\n', " ").chars() {
        if "\\`*_[]<>&!~#|".contains(character) {
            output.push('\\');
        }
        output.push(character);
    }
    output
}

/// Returns a link to a file, by its path; a path that has anything but plain characters is only shown.
#[must_use]
pub fn file_link(name: &str, path: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    if name.chars().chain(path.chars()).all(is_plain) && !name.contains("__") {
        format!("[{name}]({path})")
    } else {
        code(name)
    }
}

/// Returns a text with its line feeds and tabs; every other character that is not visible is replaced with a visible
/// sign.
fn shown(text: &str) -> String {
    let parts: Vec<String> = text.split('\t').map(printable).collect();
    parts.join("\t")
}

fn one_line(text: &str) -> String {
    // A bar behind a backslash cannot be written in a table's code: whether two backslashes are one is disputed there.
    printable(text)
        .replace('\n', "\u{fffd}")
        .replace("\\|", "\\x7c")
        .replace('|', "\\|")
}

/// Returns the length of the longest run of this character.
fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|character| character != wanted)
        .map(str::len)
        .max()
        .unwrap_or(0)
}
