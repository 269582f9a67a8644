//! The file of a reviewed listing, as insta keeps it: a header between two lines `---`, then the listing.
//!
//! The header is not parsed: it says where a listing comes from, to people and to `cargo insta review`, and stays as it
//! is when the listing changes.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::Place;
use crate::text::Shown as _;
use crate::trace::name::with_ending;

/// A header and a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The lines between the two `---`.
    header: String,
    /// The reviewed text, [normalized](normal).
    pub listing: String,
}

/// The beginning of the header's description if the file holds the listing of a capture.
const DESCRIPTION: &str = "payloads of ";

/// The header's field that insta itself leaves out of what it accepts.
const PASSING_FIELD: &str = "assertion_line:";

impl Snapshot {
    /// Reads a snapshot of the project in `root`; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be read, or has no header.
    pub fn read(root: &Path, file: &Path) -> Result<Option<Self>> {
        let text = match Place::within(root, file).and_then(|place| place.read_text()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Error::usage(format!(
                    "cannot read {}: {error}",
                    file.shown()
                )));
            }
        };
        let snapshot = Self::parse(&text).ok_or_else(|| {
            Error::usage(format!(
                "{} is not a snapshot: it does not begin with a line ---",
                file.shown()
            ))
            .with_hint("move it away; `wiresnap accept` writes a new one")
        })?;
        Ok(Some(snapshot))
    }

    fn parse(text: &str) -> Option<Self> {
        let is_rule = |line: &&str| line.trim_end() == "---";
        let mut lines = text.split_inclusive('\n');
        lines.next().filter(is_rule)?;
        let header = lines.by_ref().take_while(|line| !is_rule(line)).collect();
        let listing: String = lines.collect();
        Some(Self {
            header,
            listing: normal(&listing),
        })
    }

    /// Returns the first snapshot of a capture, which the header calls `pcap`.
    #[must_use]
    pub fn first(pcap: &str, listing: &str) -> Self {
        let description = format!("{DESCRIPTION}{pcap}, what is volatile hidden");
        let header = format!(
            "source: {}\ndescription: {}\n",
            yaml(pcap),
            yaml(&description)
        );
        Self {
            header,
            listing: normal(listing),
        }
    }

    /// Returns the snapshot with another listing.
    #[must_use]
    pub fn with_listing(&self, listing: &str) -> Self {
        let lines = self.header.lines();
        let kept = lines.filter(|line| !line.starts_with(PASSING_FIELD));
        Self {
            header: kept.flat_map(|line| [line, "\n"]).collect(),
            listing: normal(listing),
        }
    }

    /// Returns true if this is the listing of a capture, and no other text that insta keeps in the same folder.
    #[must_use]
    pub fn lists_payloads(&self) -> bool {
        self.header.lines().any(|line| {
            line.strip_prefix("description:")
                .is_some_and(|text| text.trim_start_matches([' ', '"']).starts_with(DESCRIPTION))
        })
    }

    /// Returns the text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        format!("---\n{}---\n{}\n", self.header, self.listing)
    }
}

/// Returns a listing as insta compares it: its ending, and its line endings, do not count.
#[must_use]
pub fn normal(listing: &str) -> String {
    let listing = listing.trim_end();
    let mut text = String::with_capacity(listing.len());
    for (number, line) in listing.split('\n').enumerate() {
        if number > 0 {
            text.push('\n');
        }
        text.push_str(line.trim_end_matches('\r'));
    }
    text
}

/// Returns the path at which a new listing waits for its review.
#[must_use]
pub fn pending(snapshot: &Path) -> PathBuf {
    with_ending(snapshot, ".new").into()
}

/// Returns a text as YAML: as it is if that is safe, else as JSON has it, which YAML takes too.
fn yaml(text: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    let begins_plainly = text.starts_with(|character: char| character.is_ascii_alphabetic());
    // A word might be `no`, which YAML takes for false; a path is none.
    if begins_plainly && text.contains('/') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "---\nsource: tests/golden.rs\ndescription: \"payloads of pcap/a.pcap, what is volatile hidden\"\n---\nC1: 5 bytes\n---\ntime\n";

    #[test]
    fn a_file_reads_and_writes_back_as_it_was() {
        let snapshot = Snapshot::parse(TEXT).unwrap();
        assert_eq!(snapshot.listing, "C1: 5 bytes\n---\ntime");
        assert_eq!(snapshot.text(), TEXT);
        assert!(snapshot.lists_payloads());
    }

    #[test]
    fn a_new_listing_leaves_the_header_as_it_was_but_for_where_it_was_asserted() {
        let pending = TEXT.replacen("description", "assertion_line: 7\ndescription", 1);
        let snapshot = Snapshot::parse(&pending).unwrap();
        let text = snapshot.with_listing("other\r\nlines\n\n").text();
        let header = TEXT.split("C1").next().unwrap();
        assert_eq!(text, format!("{header}other\nlines\n"));
    }

    #[test]
    fn a_first_header_says_what_is_listed() {
        assert_eq!(
            Snapshot::first("pcap/a.pcap", "x\n").text(),
            "---\nsource: pcap/a.pcap\ndescription: \"payloads of pcap/a.pcap, what is volatile hidden\"\n---\nx\n"
        );
        let odd = Snapshot::first("pcap/\"a: b\".pcap", "");
        assert!(
            odd.text()
                .starts_with("---\nsource: \"pcap/\\\"a: b\\\".pcap\"\n")
        );
        assert!(odd.lists_payloads());
    }

    #[test]
    fn other_snapshots_are_none_of_a_capture() {
        for text in [
            "---\nsource: tests/cli.rs\n---\npayloads of x\n",
            "---\n---\n",
        ] {
            assert!(!Snapshot::parse(text).unwrap().lists_payloads(), "{text}");
        }
        assert_eq!(Snapshot::parse("C1: 5 bytes\ntime\n"), None);
    }

    #[test]
    fn what_was_written_on_windows_is_the_same() {
        assert_eq!(
            Snapshot::parse("---\r\nsource: x\r\n---\r\na\r\nb\r\n")
                .unwrap()
                .listing,
            "a\nb"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(pcap in "\\PC{0,20}", listing in "[-a\\n\\r\\t ]{0,20}") {
            let snapshot = Snapshot::first(&pcap, &listing);
            prop_assert_eq!(Snapshot::parse(&snapshot.text()), Some(snapshot));
        }
    }
}
