//! Finds what looks like a credential in a capture: reported before it is committed, and never shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use wirestream::budget::Memory;
use wirestream::capture;
use wirestream::capture::ReadError;
use wirestream::walk::messages;

use crate::analysis::credential::find;
use crate::rule::{MOST_PLACES, Rules};
use crate::text::Shown as _;

/// Returns a warning about a capture that holds what looks like a credential; `None` if it holds no such thing, or only
/// what the project's rules hide or its file lists as worthless, `known`.
///
/// # Errors
///
/// Returns an error if the capture cannot be read.
pub fn warning(
    known: &[String],
    rules: &Rules,
    pcap: &Path,
    memory: Memory,
) -> Result<Option<String>, ReadError> {
    let found = places(known, rules, pcap, memory)?;
    if found.is_empty() {
        return Ok(None);
    }
    let mut text = format!(
        "warning: {} holds what looks like credentials:",
        pcap.shown()
    );
    for (kind, (first, more)) in &found {
        let more = match more {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {kind}: {first}{more}");
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

/// The most kinds of credentials that are told apart.
const MOST_KINDS: usize = 100;

/// Returns the position of the first credential of each kind, and the number of others.
fn places(
    known: &[String],
    rules: &Rules,
    pcap: &Path,
    memory: Memory,
) -> Result<BTreeMap<String, (String, u64)>, ReadError> {
    let covered = |text: &[u8]| {
        // Behind so many, it is rather said once too often that something looks like a credential.
        let places = rules.places(text).take(MOST_PLACES);
        places.map(|(place, _)| place).collect()
    };
    let mut found: BTreeMap<String, (String, u64)> = BTreeMap::new();
    let mut capture = capture::open_kept(pcap)?;
    messages(&mut capture, memory, |opening, name, message| {
        let connection = opening.index;
        for credential in find(&message, covered) {
            if known.contains(&credential.kind) {
                continue;
            }
            if let Some((_, more)) = found.get_mut(&credential.kind) {
                *more += 1;
                continue;
            }
            if found.len() == MOST_KINDS {
                continue;
            }
            let place = format!(
                "{} of {name}, connection {}",
                credential.part,
                connection + 1
            );
            found.insert(credential.kind, (place, 0));
        }
    });
    Ok(found)
}
