//! Checks that a client shows what it must show after a step.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp as ClockTime, ToSpan as _};
use regex::Regex;

use crate::error::{Error, Result};
use crate::lab::client::{Client, Shown};
use crate::scenario::expect::{Absent, Condition, Expect, Subject, Template, compile};

/// Waits until the client shows what is expected, other than `before`, and returns the text in question; `None` if
/// something only has to be gone.
pub(super) async fn see(
    client: &Client,
    expect: &Expect,
    before: &Shown,
    acted: ClockTime,
    patience: Duration,
) -> Result<Option<String>> {
    let wanted = Wanted::new(expect, acted)?;
    let is_it = |shown: &Shown| wanted.is_met_by(shown, before);
    match client.wait_for(expect, patience, is_it).await? {
        Ok(seen) => Ok(seen),
        Err(last) => {
            let error = wanted.error(&client.name(), before, &last, patience);
            Err(match client.why_not_there(&expect.of, &last).await {
                Some(hint) => error.with_hint(hint),
                None => error,
            })
        }
    }
}

/// An expectation, ready to be checked.
struct Wanted<'a> {
    expect: &'a Expect,
    pattern: Option<Regex>,
    acted: ClockTime,
}

impl<'a> Wanted<'a> {
    fn new(expect: &'a Expect, acted: ClockTime) -> Result<Self> {
        let pattern = match &expect.text {
            Some(Condition::Matches(pattern)) => Some(compile(pattern).map_err(|error| {
                Error::usage(format!("invalid regular expression: `{pattern}`: {error}"))
            })?),
            _ => None,
        };
        Ok(Self {
            expect,
            pattern,
            acted,
        })
    }

    /// Returns the text in question if everything is as expected; the inner value is `None` if there is no such text.
    #[expect(clippy::option_option, reason = "it may be met without a text")]
    fn is_met_by(&self, shown: &Shown, before: &Shown) -> Option<Option<String>> {
        if !self.is_free_of_absent(shown, before) {
            return None;
        }
        let Some(condition) = &self.expect.text else {
            return Some(None);
        };
        let news = shown.news(before)?;
        self.find(condition, news).map(Some)
    }

    /// Returns true if the text or element that must not be there is absent.
    fn is_free_of_absent(&self, shown: &Shown, before: &Shown) -> bool {
        match (&self.expect.absent, shown) {
            (None, _) | (Some(_), Shown::Nothing) => true,
            (Some(Absent::Element), _) => false,
            (Some(Absent::Text(template)), Shown::Text(text)) => self.is_free(template, text),
            (Some(Absent::Text(template)), Shown::Transcript(_)) => {
                self.is_free(template, shown.news(before).unwrap_or_default())
            }
        }
    }

    fn is_free(&self, template: &Template, text: &str) -> bool {
        let texts = texts_at(template, self.acted);
        !texts
            .iter()
            .any(|unwanted| text.contains(unwanted.as_str()))
    }

    /// Returns the text in question, if it is in what is new.
    fn find(&self, condition: &Condition, news: &str) -> Option<String> {
        match condition {
            Condition::Contains(template) => {
                let mut texts = texts_at(template, self.acted).into_iter();
                texts.find(|text| news.contains(text.as_str()))
            }
            Condition::Equals(template) => {
                let mut texts = texts_at(template, self.acted).into_iter();
                texts.find(|text| news.trim() == text.trim())
            }
            Condition::Matches(_) => {
                let found = self.pattern.as_ref()?.find(news)?;
                Some(found.as_str().to_owned())
            }
        }
    }

    /// Returns the error after `patience`, with what was shown last.
    fn error(&self, client: &str, before: &Shown, last: &Shown, patience: Duration) -> Error {
        let seconds = patience.as_secs_f64();
        let place = place(&self.expect.of, client);
        let expected = self.described();
        let is_unchanged = !matches!(last, Shown::Nothing)
            && last.news(before).is_none()
            && self.expect.text.is_some();
        let hint = "is what the scenario file expects what the program sends?";
        let error = match last {
            Shown::Nothing => Error::run(format!(
                "there is no {place} on the page after {seconds} s, expected {expected}"
            ))
            .with_hint("is the selector in the scenario file the one of the page?"),
            Shown::Transcript(_) => {
                let behind = format!(" within {seconds} s, expected {expected}");
                match last.news(before).unwrap_or_default() {
                    "" => Error::run(format!("{client} printed nothing{behind}")),
                    news => Error::run(format!("{client} printed ")).with_quote(news, behind),
                }
                .with_hint(hint)
            }
            Shown::Text(text) if is_unchanged => Error::run(format!("{place} shows "))
                .with_quote(text, format!(
                    ", the same as before the step, and nothing else within {seconds} s, expected {expected}"
                ))
                .with_hint(format!(
                    "a text must change for the step to be seen to work: has it come too early, or is it always the same? \
                     (then look for something that changes, or empty {place} by `execute` before)"
                )),
            Shown::Text(text) => Error::run(format!("{place} shows "))
                .with_quote(text, format!(" after {seconds} s, expected {expected}"))
                .with_hint(hint),
        };
        // It was looked at to the end: no death is behind it.
        error.as_cause()
    }

    /// Returns a description of the expectation, with the time as it should be now.
    fn described(&self) -> String {
        let now = |template: &Template| {
            Template(texts_at(template, self.acted).pop().unwrap_or_default())
        };
        let text = match &self.expect.text {
            Some(Condition::Contains(text)) => Some(Condition::Contains(now(text))),
            Some(Condition::Equals(text)) => Some(Condition::Equals(now(text))),
            other => other.clone(),
        };
        Expect {
            text,
            ..self.expect.clone()
        }
        .to_string()
    }
}

fn place(of: &Subject, client: &str) -> String {
    match of {
        Subject::All => match client {
            "" => "page".to_owned(),
            client => client.to_owned(),
        },
        Subject::Element(selector) => format!("`{selector}`"),
        Subject::Title => "the title".to_owned(),
        Subject::Url => "the URL".to_owned(),
    }
}

/// Returns the texts that a template may read since `acted`, to the second: the program may have read its clock just
/// before or after.
fn texts_at(template: &Template, acted: ClockTime) -> Vec<String> {
    if !template.has_clock() {
        return vec![template.0.clone()];
    }
    let zone = TimeZone::system();
    let (first, last) = (acted - 1.second(), ClockTime::now() + 1.second());
    let mut texts = Vec::new();
    let mut moment = first;
    while moment <= last {
        let time_of_day = moment
            .to_zoned(zone.clone())
            .strftime("%H:%M:%S")
            .to_string();
        texts.push(template.at(&time_of_day));
        moment += 1.second();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_reads_every_second_since_the_step() {
        let acted = ClockTime::now();

        let texts = texts_at(&Template("Server time: {clock}".to_owned()), acted);

        assert!((2..=4).contains(&texts.len()), "{texts:?}");
        assert_eq!(
            texts_at(&Template("Good bye!".to_owned()), acted),
            ["Good bye!"]
        );
    }

    fn template(text: &str) -> Template {
        Template(text.to_owned())
    }

    fn expect(text: Option<Condition>, absent: Option<Absent>) -> Expect {
        Expect {
            of: Subject::Element("p".to_owned()),
            text,
            absent,
            within: None,
        }
    }

    #[expect(clippy::option_option, reason = "it may be met without a text")]
    fn met(expect: &Expect, before: &Shown, now: &Shown) -> Option<Option<String>> {
        let wanted = Wanted::new(expect, ClockTime::now()).unwrap();
        wanted.is_met_by(now, before)
    }

    fn shows(text: &str) -> Shown {
        Shown::Text(text.to_owned())
    }

    fn printed(text: &str) -> Shown {
        Shown::Transcript(text.to_owned())
    }

    /// Returns what a page and a command show before a step and after, with the same text behind it.
    fn both(before: &str, after: &str) -> [(Shown, Shown); 2] {
        [
            (shows(before), shows(after)),
            (printed(before), printed(&format!("{before}{after}"))),
        ]
    }

    #[test]
    fn one_rule_holds_for_pages_and_for_what_is_printed() {
        let contains = expect(Some(Condition::Contains(template("who"))), None);
        let equals = expect(Some(Condition::Equals(template("who?"))), None);
        let matches = expect(Some(Condition::Matches("wh[aeiou]".to_owned())), None);

        for (before, after) in both("-", " who? ") {
            let found = |expect: &Expect| met(expect, &before, &after).flatten();
            assert_eq!(found(&contains).as_deref(), Some("who"));
            assert_eq!(found(&equals).as_deref(), Some("who?"));
            assert_eq!(found(&matches).as_deref(), Some("who"));
        }
        for (before, after) in both("who?", "why") {
            for expect in [&contains, &equals, &matches] {
                assert_eq!(met(expect, &before, &after), None, "{after:?}");
            }
        }
    }

    #[test]
    fn what_must_be_absent_is_waited_for_beside_what_must_be_there() {
        let gone = expect(None, Some(Absent::Text(template("loading"))));
        let element = expect(None, Some(Absent::Element));
        let other = expect(
            Some(Condition::Contains(template("done"))),
            Some(Absent::Text(template("error"))),
        );

        assert_eq!(met(&gone, &shows("loading"), &shows("loading…")), None);
        assert_eq!(met(&gone, &shows("loading"), &shows("there")), Some(None));
        assert_eq!(met(&gone, &shows("loading"), &Shown::Nothing), Some(None));
        assert_eq!(met(&element, &shows("x"), &shows("x")), None);
        assert_eq!(met(&element, &shows("x"), &Shown::Nothing), Some(None));
        assert_eq!(met(&other, &printed(""), &printed("error, done")), None);
        // What was printed before the step does not count.
        let found = met(&other, &printed("error "), &printed("error done"));
        assert_eq!(found, Some(Some("done".to_owned())));
    }

    #[test]
    fn a_failure_says_what_was_there_and_what_was_expected() {
        let expected = expect(Some(Condition::Contains(template("saved"))), None);
        let wanted = Wanted::new(&expected, ClockTime::now()).unwrap();
        let said = |client: &str, before: &Shown, last: &Shown| {
            let error = wanted.error(client, before, last, Duration::from_secs(5));
            assert!(error.is_cause());
            error.message()
        };

        assert_eq!(
            said("", &shows("saved"), &shows("saved")),
            "`p` shows \"saved\", the same as before the step, and nothing else within 5 s, expected \"saved\""
        );
        assert_eq!(
            said("", &shows("-"), &shows("saving")),
            "`p` shows \"saving\" after 5 s, expected \"saved\""
        );
        assert_eq!(
            said("", &shows("-"), &Shown::Nothing),
            "there is no `p` on the page after 5 s, expected \"saved\""
        );
        assert_eq!(
            said("curl", &printed("a"), &printed("a")),
            "curl printed nothing within 5 s, expected \"saved\""
        );
    }
}
