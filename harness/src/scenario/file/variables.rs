//! Reads the variables of a scenario file: the declarations, and `{name}` in every text that may have it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::expect::RawExpects;
use super::{Checked, RawScenario, Reading};
use crate::diagnostic::Diagnostic;
use crate::scenario::variables::{Piece, Variable, is_name, looks_secret, pieces};

/// The declarations of a file, as they are written.
pub(super) type RawVariables = BTreeMap<Spanned<String>, Spanned<toml::Value>>;

/// The names that have a meaning of their own in braces.
const TAKEN: [(&str, &str); 3] = [
    ("host", "the address that the program listens on"),
    ("port", "the port that the program listens on"),
    ("clock", "the time of day"),
];

/// Returns the variables with their values: the value that was set, or else the default.
pub(super) fn check_variables(raw: &RawVariables, reading: &Reading<'_>) -> Checked<Vec<Variable>> {
    let variable = |(name, declared)| check_variable(name, declared, reading);
    raw.iter().map(variable).collect()
}

fn check_variable(
    spanned: &Spanned<String>,
    declared: &Spanned<toml::Value>,
    reading: &Reading<'_>,
) -> Checked<Variable> {
    let name = check_name(spanned)?;
    let declaration = Declaration::read(declared)?;
    let value = match reading.set.get(name).or(declaration.default) {
        Some(value) => value.clone(),
        // It is not known yet, and stands for itself.
        None if !reading.to_be_played => format!("{{{name}}}"),
        None => {
            return Err(
                Diagnostic::new(spanned.span(), format!("`{name}` has no value")).with_hint(
                    format!("set it, as in `--set {name}=VALUE`, or give it a default here"),
                ),
            );
        }
    };
    Ok(Variable {
        name: name.clone(),
        value,
        is_secret: declaration.is_secret.unwrap_or_else(|| looks_secret(name)),
    })
}

fn check_name(spanned: &Spanned<String>) -> Checked<&String> {
    let name = spanned.get_ref();
    if !is_name(name) {
        return Err(Diagnostic::new(
            spanned.span(),
            format!("`{name}` is not a valid name for a variable"),
        )
        .with_hint("use a letter, then letters, digits, `_` and `-`"));
    }
    match TAKEN.iter().find(|(taken, _)| taken == name) {
        None => Ok(name),
        Some((_, meaning)) => Err(Diagnostic::new(
            spanned.span(),
            format!("`{{{name}}}` is {meaning} already"),
        )
        .with_hint("give the variable another name")),
    }
}

/// The declaration of a variable in a file.
#[derive(Default)]
struct Declaration<'a> {
    default: Option<&'a String>,
    is_secret: Option<bool>,
}

impl<'a> Declaration<'a> {
    /// Reads a declaration. A text is the default; a table may have one, and may say that the variable is a secret, or
    /// not.
    fn read(declared: &'a Spanned<toml::Value>) -> Checked<Self> {
        let mistake = || {
            Diagnostic::new(declared.span(), "a variable is a text, or a table with `default`").with_hint(
                "write a text, as in `\"hello\"`; or `{}` for a variable that has to be set, which may have `default = \"…\"` and `secret = true`",
            )
        };
        let table = match declared.get_ref() {
            toml::Value::String(default) => {
                return Ok(Self {
                    default: Some(default),
                    is_secret: None,
                });
            }
            toml::Value::Table(table) => table,
            _ => return Err(mistake()),
        };
        let mut declaration = Self::default();
        for (field, value) in table {
            match (field.as_str(), value) {
                ("default", toml::Value::String(default)) => declaration.default = Some(default),
                ("secret", toml::Value::Boolean(is_secret)) => {
                    declaration.is_secret = Some(*is_secret);
                }
                _ => return Err(mistake()),
            }
        }
        Ok(declaration)
    }
}

/// Puts the values of the variables into all texts of a scenario.
///
/// Returns a mistake if a name in braces is not one of the declared variables. If none are declared, nothing is
/// checked; scripts are never checked, as they are full of braces.
pub(super) fn fill_in(raw: &mut RawScenario, variables: &[Variable]) -> Checked<()> {
    if variables.is_empty() {
        return Ok(());
    }
    for mark in &mut raw.mark {
        let mark = mark.get_mut();
        if let Some(script) = &mut mark.execute {
            *script.get_mut() = filled_in(script.get_ref(), variables);
        }
        let expects = mark.expect.iter_mut().map(Spanned::get_mut);
        for expect in expects.flat_map(RawExpects::each_mut) {
            // A pattern has braces of its own.
            if let Some(pattern) = &mut expect.matches {
                *pattern.get_mut() = filled_in(pattern.get_ref(), variables);
            }
            if let Some(absent) = &mut expect.absent {
                let span = absent.span();
                for text in texts_of_value(absent.get_mut()) {
                    fill_in_text(text, span.clone(), variables)?;
                }
            }
        }
        if let Some(open) = &mut mark.open {
            let span = open.span();
            for text in texts_of_value(open.get_mut()) {
                fill_in_text(text, span.clone(), variables)?;
            }
        }
    }
    for text in texts(raw) {
        let span = text.span();
        fill_in_text(text.get_mut(), span, variables)?;
    }
    Ok(())
}

fn fill_in_text(text: &mut String, span: Range<usize>, variables: &[Variable]) -> Checked<()> {
    if let Some(name) = unknown(text, variables) {
        let known: Vec<&str> = variables.iter().map(|known| known.name.as_str()).collect();
        let hint = format!(
            "the variables here are {}: declare another one in `[variables]`",
            known.join(", ")
        );
        return Err(
            Diagnostic::new(span, format!("unknown variable `{{{name}}}`")).with_hint(hint),
        );
    }
    *text = filled_in(text, variables);
    Ok(())
}

/// Returns the first name in braces that is neither a variable nor has a meaning of its own.
fn unknown(text: &str, variables: &[Variable]) -> Option<String> {
    pieces(text).into_iter().find_map(|piece| match piece {
        Piece::Braced(name) if value_of(name, variables).is_none() && !is_taken(name) => {
            Some(name.to_owned())
        }
        _ => None,
    })
}

fn is_taken(name: &str) -> bool {
    TAKEN.iter().any(|(taken, _)| *taken == name)
}

fn filled_in(text: &str, variables: &[Variable]) -> String {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => filled.push_str(plain),
            Piece::Braced(name) => match value_of(name, variables) {
                Some(value) => filled.push_str(value),
                None => filled.extend(["{", name, "}"]),
            },
        }
    }
    filled
}

fn value_of<'a>(name: &str, variables: &'a [Variable]) -> Option<&'a str> {
    let variable = variables.iter().find(|variable| variable.name == name);
    variable.map(|variable| variable.value.as_str())
}

/// Returns all texts of a scenario that may hold variables, except scripts and what is opened.
fn texts(raw: &mut RawScenario) -> impl Iterator<Item = &mut Spanned<String>> {
    let marks = raw.mark.iter_mut().flat_map(|mark| mark.get_mut().texts());
    let helpers = raw
        .helper
        .iter_mut()
        .flat_map(|helper| helper.get_mut().texts());
    let command = raw.command.iter_mut().flat_map(Spanned::get_mut);
    let ready = raw.ready.iter_mut();
    (raw.arguments.iter_mut())
        .chain(command)
        .chain(raw.environment.values_mut())
        .chain(&mut raw.folder)
        .chain(&mut raw.host)
        .chain(ready.flat_map(|ready| ready.get_mut().texts()))
        .chain(helpers)
        .chain(marks)
}

fn texts_of_value(value: &mut toml::Value) -> Vec<&mut String> {
    match value {
        toml::Value::String(text) => vec![text],
        toml::Value::Array(values) => values.iter_mut().flat_map(texts_of_value).collect(),
        _ => Vec::new(),
    }
}
