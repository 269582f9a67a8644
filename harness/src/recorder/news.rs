//! Compares a capture with the kept one; if nothing is new, the kept one stays as it is.
//!
//! A capture that differs from the kept one only in ports, dates and times has no news, but its file is another one:
//! replacing the kept one by it would change every page that was made of it, for nothing. The same holds for the number of
//! pure ACKs, and for a connection that both ends close: which one is first may be a race.

use std::path::Path;

use wirestream::capture;

use crate::analysis::difference::{Difference, Kind, Record, Redaction};
use crate::render::redactions::Redactions;
use crate::trace::provenance::{CaptureRecord, Provenance, Versions};

/// Returns what makes a new capture worth keeping in place of the one at `kept`, in a few words each; empty if both say
/// the same and were made by the same versions. `None` if there is no kept capture that could be compared.
pub(super) fn news(
    kept: &Path,
    new: &Path,
    provenance: &Provenance,
    rules: &Redactions,
) -> Option<Vec<String>> {
    let before = Provenance::read_beside(kept).ok()??;
    let [old, new] = [kept, new].map(|path| record(path, rules));
    let difference = Difference::between(&old?, &new?, Redaction(rules));
    let mut news = news_of_origin(&before, provenance);
    news.extend(news_of_bytes(&difference));
    Some(news)
}

fn record(path: &Path, rules: &Redactions) -> Option<Record> {
    let mut capture = capture::open_kept(path).ok()?;
    let record = Record::read(&mut capture, Redaction(rules));
    record.coverage.failure().is_none().then_some(record)
}

/// Compares what is known of two captures, but for what is another one in each run.
fn news_of_origin(kept: &Provenance, new: &Provenance) -> Vec<String> {
    let mut news = news_of_versions(&kept.versions, &new.versions);
    let place = |capture: &CaptureRecord| {
        let network = &capture.network;
        (
            network.clone(),
            capture.link,
            capture.interface.clone(),
            capture.link_type,
        )
    };
    // A capture at the speed that its scenario is written for is worth more than a faster one.
    let is_slower = (kept.time_scale - 1.0).abs() > f64::EPSILON;
    let others = [
        (kept.scenario != new.scenario, "the scenario"),
        (kept.variables != new.variables, "variables"),
        (
            is_slower && (kept.time_scale - new.time_scale).abs() > f64::EPSILON,
            "the time scale",
        ),
        (place(&kept.capture) != place(&new.capture), "the network"),
        (
            kept.secrets_overwritten != new.secrets_overwritten,
            "overwritten secrets",
        ),
        (kept.certificate.is_none(), "a certificate"),
    ];
    let others = others.into_iter().filter(|(is_other, _)| *is_other);
    news.extend(others.map(|(_, what)| what.to_owned()));
    news
}

fn news_of_versions(kept: &Versions, new: &Versions) -> Vec<String> {
    let pairs = kept.named().into_iter().zip(new.named());
    let others = pairs.filter(|((_, before), (_, after))| before != after);
    let text = |version: Option<&str>| version.unwrap_or("none").to_owned();
    others
        .map(|((name, before), (_, after))| format!("{name} {} → {}", text(before), text(after)))
        .collect()
}

fn news_of_bytes(difference: &Difference) -> Option<String> {
    if difference.is_identical {
        return None;
    }
    let words: Vec<&str> = difference.kinds_of_news().map(Kind::word).collect();
    if !words.is_empty() {
        return Some(format!("the wire differs: {}", words.join(", ")));
    }
    let is_cut = difference.coverage.iter().any(|read| read.cut.is_some());
    let is_whole = difference.not_compared == 0 && !is_cut;
    (!is_whole).then(|| "bytes that cannot be compared".to_owned())
}
