//! Reads the network of a scenario file: the loopback interface, or a link with its delay and loss.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Checked, RawScenario};
use crate::diagnostic::Diagnostic;
use crate::scenario::link::Link;

/// The longest delay: an answer has to arrive within the five seconds that an expectation waits.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// The largest loss: with more, connections break off before their timeline is over.
const LARGEST_LOSS: f64 = 0.5;

/// Units of time, the longer names first.
const UNITS: [(&str, f64); 3] = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0)];

/// The network on which program and client meet.
#[derive(Clone, Copy, Deserialize)]
pub(super) enum RawNetwork {
    #[serde(rename = "loopback")]
    Loopback,
    #[serde(rename = "link")]
    Link,
}

/// The effect of a link on packets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLink {
    delay: Option<Spanned<String>>,
    loss: Option<Spanned<String>>,
}

/// Returns the link of a scenario, if it is played on one.
pub(super) fn check_link(raw: &RawScenario) -> Checked<Option<Link>> {
    match (&raw.network, &raw.link) {
        (Some(RawNetwork::Link), None) => Ok(Some(Link::default())),
        (Some(RawNetwork::Link), Some(link)) => {
            let RawLink { delay, loss } = link.get_ref();
            Ok(Some(Link {
                delay: delay.as_ref().map_or(Ok(Duration::ZERO), check_delay)?,
                loss: loss.as_ref().map_or(Ok(0.0), check_loss)?,
            }))
        }
        (_, Some(link)) => Err(Diagnostic::new(
            link.span(),
            "the loopback interface has neither delay nor loss",
        )
        .with_hint("add `network = \"link\"` above the first table")),
        (_, None) => Ok(None),
    }
}

fn check_delay(delay: &Spanned<String>) -> Checked<Duration> {
    let mistake = |what: String| {
        Diagnostic::new(delay.span(), what).with_hint(format!(
            "give what a packet takes one way, up to {} s, as in `delay = \"20ms\"`",
            LONGEST_DELAY.as_secs()
        ))
    };
    let text = delay.get_ref();
    let length = length_of_time(text).ok_or_else(|| mistake(format!("`{text}` is not a delay")))?;
    if length > LONGEST_DELAY {
        return Err(mistake(format!("a delay of {text} is too long")));
    }
    Ok(length)
}

fn length_of_time(text: &str) -> Option<Duration> {
    let (number, seconds) = UNITS
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    Duration::try_from_secs_f64(plain_number(number)? * seconds).ok()
}

fn check_loss(loss: &Spanned<String>) -> Checked<f64> {
    let text = loss.get_ref();
    let mistake = |what: String| {
        Diagnostic::new(loss.span(), what).with_hint(format!(
            "give the share of packets that get lost each way, up to {} %, as in `loss = \"1%\"`",
            LARGEST_LOSS * 100.0
        ))
    };
    let percent = text.strip_suffix('%').and_then(plain_number);
    let share = percent.ok_or_else(|| mistake(format!("`{text}` is not a loss rate")))? / 100.0;
    if share > LARGEST_LOSS {
        return Err(mistake(format!("a loss of {text} is too large")));
    }
    Ok(share)
}

/// Parses a number of digits, with or without a point; no sign, no exponent.
fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim_end();
    let is_plain = |character: char| character.is_ascii_digit() || character == '.';
    text.chars()
        .all(is_plain)
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_unit() {
        for (text, expected) in [
            ("20ms", Some(Duration::from_millis(20))),
            ("0.5 s", Some(Duration::from_millis(500))),
            ("250us", Some(Duration::from_micros(250))),
            ("0s", Some(Duration::ZERO)),
            ("20", None),
            ("ms", None),
            ("-1ms", None),
            ("1e3ms", None),
            ("20 minutes", None),
        ] {
            assert_eq!(length_of_time(text), expected, "{text}");
        }
    }
}
