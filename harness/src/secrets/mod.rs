//! Finds secrets anywhere, overwrites them where that is possible, and keeps nothing where it is not.
//!
//! A capture is searched again and again. The patterns of the rules are matched against every text, in clear and with
//! its encodings undone; every value that they matched anywhere is looked for everywhere; each finding is overwritten
//! at its width, in every packet that carried it; until a search finds nothing more. Bytes that could not be read in
//! clear may hold anything, and compressed bytes cannot be overwritten: such a capture is refused. So is one that would
//! be read in another way once its secrets are overwritten.

pub mod credentials;
mod filler;
mod hidden;
mod matcher;
mod scan;
mod stream;
mod survey;
mod view;
mod window;

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use self::matcher::{Matcher, Refusal};
use self::survey::{Place, Survey, survey};
use crate::error::{Error, Result};
use crate::rule::Rules;

/// The most searches of a capture before it is given up: to find values, to overwrite them, to check that none is left,
/// and some more for secrets that show only then.
const MOST_LOOKS: usize = 8;

const HARMLESS: &str = "use a credential that is worth nothing, and leave `secret` out";

/// The secrets of one scenario: its rules for secrets, and the values that they have matched so far.
pub struct Secrets {
    matcher: Matcher,
}

impl Secrets {
    /// Makes the secrets of these rules, as far as they are marked as such.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self {
            matcher: Matcher::new(rules),
        }
    }

    /// Returns true if no rule is for secrets.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.matcher.is_idle()
    }

    /// Takes note of the secrets in a text that is not in the capture, as in what a program printed.
    ///
    /// # Errors
    ///
    /// Returns an error if one of them cannot be looked for.
    pub fn learn(&mut self, text: &[u8]) -> Result<()> {
        let hits = self.matcher.search_shown(text);
        let values = hits
            .into_iter()
            .filter_map(|hit| Some((hit.rule, hit.value?)));
        let values: Vec<_> = values.collect();
        self.matcher
            .add(values)
            .map(drop)
            .map_err(|refusal| refused(&refusal))
    }

    /// Takes note of the secrets in a capture, as far as it can be read, so that they are hidden in texts.
    pub fn learn_from(&mut self, capture: &File) {
        if self.is_empty() {
            return;
        }
        // What cannot be read, or is too short or too much to look for, is hidden by the patterns alone.
        if let Ok(found) = survey(capture, &self.matcher) {
            let _ = self.matcher.add(found.values);
        }
    }

    /// Returns true if a capture can be read in clear as a whole, and holds none of the secrets.
    #[must_use]
    pub fn is_free(&self, capture: &File) -> bool {
        if self.is_empty() {
            return true;
        }
        let looked = survey(capture, &self.matcher);
        let looked = looked
            .map_err(|error| cannot(&error))
            .and_then(|survey| self.checked(survey));
        looked.is_ok_and(|survey| survey.patches.is_empty() && survey.values.is_empty())
    }

    /// Returns a text with its secrets overwritten at their width, and with it those that are known from elsewhere.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut bytes = text.as_bytes().to_vec();
        // What one encoding hides in another shows once that is overwritten.
        for _ in 0..MOST_LOOKS {
            let hits = self.matcher.search_shown(&bytes);
            if hits.is_empty() {
                break;
            }
            for hit in hits {
                bytes[hit.place()].copy_from_slice(&hit.bytes);
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Overwrites the secrets of a capture file; returns true if there were any.
    ///
    /// # Errors
    ///
    /// Returns an error if the file may hold a secret afterwards, or cannot be read or written.
    pub fn overwrite(&mut self, capture: &File) -> Result<bool> {
        if self.is_empty() {
            return Ok(false);
        }
        let mut changed = false;
        let mut structure = None;
        let mut left = Place::File;
        for _ in 0..MOST_LOOKS {
            let found = survey(capture, &self.matcher).map_err(|error| cannot(&error))?;
            let Survey {
                patches,
                values,
                structure: read,
                first,
                ..
            } = self.checked(found)?;
            left = first.unwrap_or(left);
            match &structure {
                None => structure = Some(read),
                Some(before) => {
                    if let Some(place) = before.difference(&read) {
                        return Err(needed(place));
                    }
                }
            }
            let is_more = self
                .matcher
                .add(values)
                .map_err(|refusal| refused(&refusal))?;
            if is_more {
                continue;
            }
            if patches.is_empty() {
                return Ok(changed);
            }
            for (place, bytes) in &patches {
                capture
                    .write_all_at(bytes, *place)
                    .map_err(|error| cannot(&error.into()))?;
            }
            changed = true;
        }
        Err(not_overwritten(left))
    }

    /// Returns the findings, or an error if they are a reason not to keep the capture.
    fn checked(&self, survey: Survey) -> Result<Survey> {
        if let Some((place, hidden)) = &survey.hidden {
            let message = format!(
                "the capture is not kept: {place} may hold a secret that cannot be seen: {hidden}"
            );
            return Err(Error::run(message).with_hint(hidden.hint()));
        }
        if let Some((place, rule)) = survey.too_long {
            let name = self.matcher.name(rule);
            let message = format!(
                "the capture is not kept: in {place}, rule `{name}` matches more than {} bytes",
                window::OVERLAP
            );
            return Err(
                Error::run(message).with_hint("write a pattern that ends where the secret does")
            );
        }
        match survey.compressed {
            Some(place) => Err(not_overwritten(place)),
            None => Ok(survey),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(connection, Some(name)) => {
                write!(formatter, "{name} of connection {}", connection + 1)
            }
            Self::Message(connection, None) => write!(formatter, "connection {}", connection + 1),
            Self::Packet(number) => write!(formatter, "packet {number}"),
            Self::File => formatter.write_str("what the file says of its packets"),
        }
    }
}

fn cannot(error: &anyhow::Error) -> Error {
    Error::run(format!(
        "cannot overwrite the secrets of the capture: {error:#}"
    ))
}

fn not_overwritten(place: Place) -> Error {
    Error::run(format!("the capture is not kept: a secret in {place} cannot be overwritten")).with_hint(
        "what is compressed cannot: have the client ask for it as it is, as with `Accept-Encoding: identity`, or use a \
         credential that is worth nothing and leave `secret` out",
    )
}

/// Returns the error for a secret whose bytes matter to how a place is read, so that they cannot be overwritten.
fn needed(place: Place) -> Error {
    Error::run(format!(
        "the capture is not kept: a secret cannot be overwritten, as {place} would be read in another way"
    ))
    .with_hint("use another value for the credential: this one is also a length or another word of the protocol")
}

fn refused(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::TooShort(rule, length) => Error::run(format!(
            "the capture is not kept: rule `{rule}` matches a secret of {length} bytes, which could be anywhere"
        ))
        .with_hint(format!(
            "use a credential of {} bytes at least, or one that is worth nothing, and leave `secret` out",
            matcher::SHORTEST_VALUE
        )),
        Refusal::TooMany => Error::run(
            "the capture is not kept: its rules match too many different secrets to look for",
        )
        .with_hint(HARMLESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const SECRET: &str = "0123456789abcdef";

    fn secrets(pattern: &str) -> Secrets {
        let text = format!("[[redact]]\nname = \"key\"\npattern = '{pattern}'\nsecret = true\n");
        Secrets::new(&Rules::of_text(Path::new("x.toml"), &text).unwrap())
    }

    #[test]
    fn a_text_has_its_secrets_hidden_in_whatever_form_they_are() {
        let secrets = secrets("key=([0-9a-f]{16})");
        for (text, shown) in [
            ("a key=0123456789abcdef b", "a key=<key...........> b"),
            (
                "a key=01234567\u{7}89abcdef b",
                "a key=<key....\u{7}.......> b",
            ),
            (
                "key=\u{1b}[31m0123456789abcdef\u{1b}[0m",
                "key=\u{1b}[31m<key...........>\u{1b}[0m",
            ),
            ("key%3D0123456789abcdef", "key%3D<key...........>"),
            (
                "{\"a\":\"key=\\u0030123456789abcdef\"}",
                "{\"a\":\"key=<key................>\"}",
            ),
            (
                "Basic a2V5PTAxMjM0NTY3ODlhYmNkZWY=",
                "Basic a2V5PTxrZXkuLi4uLi4uLi4uLj4=",
            ),
            ("nothing", "nothing"),
        ] {
            assert_eq!(secrets.hide(text), shown);
            assert_eq!(secrets.hide(shown), shown, "it is hidden already");
        }
    }

    #[test]
    fn a_value_that_is_known_is_hidden_where_no_pattern_matches() {
        let mut secrets = secrets("key=([0-9a-f]{16})");
        assert_eq!(secrets.hide(SECRET), SECRET);
        secrets.learn(format!("key={SECRET}").as_bytes()).unwrap();
        assert_eq!(secrets.hide(SECRET), "<key...........>");
        // In base64 behind one byte.
        assert_eq!(
            secrets.hide("eDAxMjM0NTY3ODlhYmNkZWY="),
            "eDxrZXkuLi4uLi4uLi4uLj4="
        );
        assert_eq!(
            secrets.hide("30313233343536373839616263646566"),
            "3c6b65792e2e2e2e2e2e2e2e2e2e2e3e"
        );
    }

    #[test]
    fn a_value_in_either_case_is_hidden_where_its_pattern_is_for_either() {
        let mut secrets = secrets("(?i)key=([0-9a-f]{16})");
        secrets.learn(format!("key={SECRET}").as_bytes()).unwrap();
        assert_eq!(secrets.hide("0123456789ABCDEF"), "<key...........>");
    }

    #[test]
    fn what_is_too_short_to_be_told_from_other_bytes_is_refused() {
        let mut secrets = secrets("pin=([0-9]+)");
        let error = secrets.learn(b"pin=123").unwrap_err().to_string();
        assert!(
            error.contains("rule `key` matches a secret of 3 bytes"),
            "{error}"
        );
    }
}
