//! The variables of a scenario: texts that a user may set to play it.
//!
//! A file declares them, and uses them as `{name}` in any of its texts. Their values are kept next to the capture,
//! except secrets, which are kept nowhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The values that were set, by name.
pub type Values = BTreeMap<String, String>;

/// The words that mark a variable as a secret if its name contains one, unless its declaration says otherwise.
const SECRET_WORDS: [&str; 9] = [
    "auth",
    "credential",
    "credentials",
    "key",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "token",
];

/// A variable with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name, without the braces.
    pub name: String,
    /// The value: the one that was set, or else its default.
    pub value: String,
    /// True if its value is to be kept nowhere.
    pub is_secret: bool,
}

/// Returns true if a variable of this name looks like a secret.
#[must_use]
pub fn looks_secret(name: &str) -> bool {
    let mut words = name.split(['_', '-']);
    words.any(|word| SECRET_WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

/// Returns true if this can be the name of a variable: a letter, then letters, digits, `_` and `-`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_inside = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.chars().all(is_inside)
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A piece that stands for itself.
    Plain(&'a str),
    /// A name in braces, given without them.
    Braced(&'a str),
}

/// Takes a text apart at its `{name}`s. Those of other programs, `%{name}` of curl and `${name}` of shells, are plain.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut plain, mut from) = (0, 0);
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some(name) = text[from..].find('}').map(|end| &text[from..from + end]) else {
            break;
        };
        if !is_name(name) || text[..open].ends_with(['$', '%']) {
            continue;
        }
        pieces.push(Piece::Plain(&text[plain..open]));
        pieces.push(Piece::Braced(name));
        from += name.len() + 1;
        plain = from;
    }
    pieces.push(Piece::Plain(&text[plain..]));
    pieces
}

/// Returns the text with `{name}` in the place of each secret.
#[must_use]
pub fn without_secrets(variables: &[Variable], text: &str) -> String {
    let is_hidden = |variable: &&Variable| variable.is_secret && !variable.value.is_empty();
    let mut secrets: Vec<&Variable> = variables.iter().filter(is_hidden).collect();
    // One may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.value.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(&secret.value, &format!("{{{}}}", secret.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_at_names_in_braces() {
        use Piece::{Braced, Plain};

        assert_eq!(pieces("a"), [Plain("a")]);
        assert_eq!(
            pieces("{a}b{c-d_1}"),
            [
                Plain(""),
                Braced("a"),
                Plain("b"),
                Braced("c-d_1"),
                Plain("")
            ]
        );
        for plain in [
            "{",
            "{a",
            "{}",
            "{1s}",
            "{a b}",
            "%{a}",
            "${a}",
            "{\"a\": {}}",
        ] {
            assert_eq!(pieces(plain), [Plain(plain)]);
        }
        assert_eq!(pieces("{{a}}"), [Plain("{"), Braced("a"), Plain("}")]);
    }

    #[test]
    fn secrets_are_told_by_their_names() {
        for name in ["token", "API_KEY", "db-password"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["greeting", "monkey", "keyboard", "author"] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_replaced_by_their_names() {
        let variable = |name: &str, value: &str, is_secret| Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            is_secret,
        };
        let variables = [
            variable("pin", "12", true),
            variable("token", "1234", true),
            variable("greeting", "hello", false),
            variable("empty", "", true),
        ];

        assert_eq!(
            without_secrets(&variables, "hello 1234 12 3"),
            "hello {token} {pin} 3"
        );
    }
}
