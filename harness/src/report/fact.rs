//! The contents of a provenance file, of any form, in the order in which they were written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value of JSON, as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A text, a number, yes or no, or a dash for nothing.
    Plain(String),
    /// Several facts.
    List(Vec<Fact>),
    /// Facts with names.
    Record(Vec<(String, Fact)>),
}

impl Fact {
    /// Returns true if it fits in a line.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::List(items) => items.iter().all(|item| matches!(item, Self::Plain(_))),
            Self::Record(_) => false,
        }
    }

    /// Returns the same with its texts changed.
    #[must_use]
    pub fn map(self, change: &impl Fn(&str) -> String) -> Self {
        match self {
            Self::Plain(text) => Self::Plain(change(&text)),
            Self::List(items) => {
                Self::List(items.into_iter().map(|item| item.map(change)).collect())
            }
            Self::Record(fields) => {
                let fields = fields.into_iter();
                Self::Record(
                    fields
                        .map(|(name, fact)| (name, fact.map(change)))
                        .collect(),
                )
            }
        }
    }

    /// Returns its named facts; empty if it has none.
    #[must_use]
    pub fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Record(fields) => fields,
            _ => &[],
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |facts: Vec<String>| facts.join(", ");
        match self {
            Self::Plain(text) => formatter.write_str(text),
            Self::List(items) if items.is_empty() => formatter.write_str("none"),
            Self::List(items) => {
                formatter.write_str(&joined(items.iter().map(ToString::to_string).collect()))
            }
            Self::Record(fields) => {
                let said = |(key, fact): &(String, Self)| format!("{key} {fact}");
                formatter.write_str(&joined(fields.iter().map(said).collect()))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Fact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Fact;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Fact, E> {
        Ok(Fact::Plain("\u{2013}".to_owned()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Fact, E> {
        Ok(Fact::Plain(if value { "yes" } else { "no" }.to_owned()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Fact, E> {
        Ok(Fact::Plain(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Fact, E> {
        Ok(Fact::Plain(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Fact, E> {
        Ok(Fact::Plain(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Fact, E> {
        Ok(Fact::Plain(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Fact, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Fact::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fact, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Fact::Record(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_keep_their_order_and_are_said_in_words() {
        let json = r#"{"b": true, "a": [1, 2.5, null], "c": {"d": []}}"#;
        let fact: Fact = serde_json::from_str(json).unwrap();
        assert_eq!(fact.to_string(), "b yes, a 1, 2.5, \u{2013}, c d none");
        assert!(!fact.is_plain());
        assert!(fact.fields()[1].1.is_plain());
    }
}
