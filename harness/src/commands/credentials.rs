//! What in a capture looks like a credential: said before it is committed, and never shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::named;
use crate::analysis::credential::find;
use crate::analysis::talks::hear;
use crate::render::redactions::Redactions;
use crate::trace::reader;

/// A warning about a capture that holds what looks like a credential; none where it holds none, or only such as the
/// project's rules hide or its file knows as worth nothing, `known`.
///
/// # Errors
///
/// Where the capture cannot be read.
pub fn warning(
    known: &[String],
    rules: &Redactions,
    pcap: &Path,
) -> anyhow::Result<Option<String>> {
    let found = places(known, rules, pcap)?;
    if found.is_empty() {
        return Ok(None);
    }
    let mut text = format!(
        "warning: {} holds what looks like credentials:",
        pcap.display()
    );
    for (kind, places) in &found {
        let more = match places.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {kind}: {}{more}", places[0]);
    }
    let kinds: Vec<String> = found.keys().map(|kind| format!("{kind:?}")).collect();
    let _ = write!(
        text,
        "\nhint: before it is committed, overwrite them by a rule with `secret = true`; where they are worth nothing, write \
         `known_credentials = [{}]` into wiresnap.toml",
        kinds.join(", ")
    );
    Ok(Some(text))
}

/// Where the credentials of each kind are.
fn places(
    known: &[String],
    rules: &Redactions,
    pcap: &Path,
) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let covered = |text: &[u8]| {
        let edits = rules.own().edits(text, |_| true).into_iter();
        edits.map(|(place, _)| place).collect()
    };
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut capture = reader::open(pcap).map_err(|error| named(error.into(), pcap))?;
    hear(&mut capture, |connection, name, message| {
        for credential in find(&message, covered) {
            let place = format!(
                "{} of {name}, connection {}",
                credential.part,
                connection + 1
            );
            found.entry(credential.kind).or_default().push(place);
        }
    });
    found.retain(|kind, _| !known.contains(kind));
    Ok(found)
}
