//! What a client must show after a step, and whether it does.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp as ClockTime, ToSpan as _};

use crate::error::{Error, Result};
use crate::lab::client::{Client, Prepared, Shown};
use crate::scenario::{Expect, Template};

/// Waits until the client shows what is expected, and gives the text in question.
pub(super) async fn see(
    client: &Client,
    expect: &Expect,
    prepared: &Prepared,
    acted: ClockTime,
    patience: Duration,
) -> Result<String> {
    let before = prepared.before();
    let is_it = |shown: &Shown| {
        let news = shown.news(before)?;
        texts_at(&expect.shows, acted)
            .into_iter()
            .find(|text| match shown {
                Shown::Transcript(_) => news.contains(text.as_str()),
                _ => news.trim() == text,
            })
    };
    let seen = client.wait_for(expect, patience, is_it).await?;
    seen.map_err(|last| {
        let place = expect.element.as_ref().map_or("nc".to_owned(), |element| format!("`{element}`"));
        let expected = texts_at(&expect.shows, acted).pop().unwrap_or_default();
        Error::run(format!(
            "{place} did not update: it showed {before} before and {last} {:.1} s after, expected {expected:?}",
            patience.as_secs_f64()
        ))
        .with_hint("is what the scenario file expects what the program sends?")
    })
}

/// What a template may read since `acted`, to the second: the program may have read its clock just before or after.
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
}
