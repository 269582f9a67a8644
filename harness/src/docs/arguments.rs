//! The arguments behind a command's verb: operands and options, each with its place.

use std::ops::Range;

use super::verbs::{Value, Verb};
use super::words::Word;
use crate::diagnostic::Diagnostic;

/// The arguments behind the verb.
pub(super) struct Arguments {
    pub(super) verb: &'static Verb,
    pub(super) operands: Vec<Word>,
    /// Options with their values.
    pub(super) options: Vec<(Word, Option<Word>)>,
}

impl Arguments {
    /// Parts words into operands and options; the messages name the verb.
    pub(super) fn read(
        verb: &'static Verb,
        mut words: impl Iterator<Item = Word>,
        end: Range<usize>,
    ) -> Result<Self, Diagnostic> {
        let mut arguments = Self {
            verb,
            operands: Vec::new(),
            options: Vec::new(),
        };
        while let Some(word) = words.next() {
            if word.text.starts_with('-') {
                arguments.option(word, &mut words)?;
            } else {
                arguments.operands.push(word);
            }
        }
        arguments.check_operands(end)?;
        Ok(arguments)
    }

    fn option(
        &mut self,
        option: Word,
        words: &mut impl Iterator<Item = Word>,
    ) -> Result<(), Diagnostic> {
        let mut known = self.verb.options.iter();
        let Some((name, value)) = known.find(|(name, _)| *name == option.text) else {
            let message = format!("`{}` has no option `{}`", self.verb.name, option.text);
            return Err(self.mistake(option.place, message));
        };
        if self.find(name).is_some() {
            return Err(self.mistake(option.place, format!("`{name}` is given twice")));
        }
        let value = match value {
            Value::None => None,
            Value::One => {
                let message = format!("`{name}` lacks its value");
                let value = words.next();
                Some(value.ok_or_else(|| self.mistake(option.place.clone(), message))?)
            }
        };
        self.options.push((option, value));
        Ok(())
    }

    fn check_operands(&self, end: Range<usize>) -> Result<(), Diagnostic> {
        let (least, most) = self.verb.operands.clone().into_inner();
        if let Some(surplus) = self.operands.get(most) {
            let message = format!("`{}` does not take this too", self.verb.name);
            return Err(self.mistake(surplus.place.clone(), message));
        }
        if self.operands.len() < least {
            return Err(self.mistake(
                end,
                format!("`{}` needs another argument here", self.verb.name),
            ));
        }
        Ok(())
    }

    /// Returns the option of this name, as it was written, with its value.
    pub(super) fn find(&self, name: &str) -> Option<&(Word, Option<Word>)> {
        self.options.iter().find(|(option, _)| option.text == name)
    }

    /// Returns an option's value.
    pub(super) fn value(&self, name: &str) -> Option<&Word> {
        self.find(name).and_then(|(_, value)| value.as_ref())
    }

    /// Returns an option's value that has to be a number, counted from 1.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Diagnostic> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        if let Ok(number @ 1..) = value.text.parse() {
            return Ok(Some(number));
        }
        let message = format!("`{}` is not a number; the first is 1", value.text);
        Err(self.mistake(value.place.clone(), message))
    }

    /// Makes a diagnostic of a mistake, with the right way to write it.
    pub(super) fn mistake(&self, place: Range<usize>, message: impl Into<String>) -> Diagnostic {
        let Verb { name, usage, .. } = self.verb;
        Diagnostic::new(place, message).with_hint(format!("usage: {name} {usage}"))
    }
}
