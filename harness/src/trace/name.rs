//! The name of a capture, which all files that belong to it share.
//!
//! Endings are taken off or put on as text, never by `Path::with_extension`: that takes everything behind a dot for an
//! ending, so that `v1.1` and `v1.2` would both become `v1.pcap`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The endings of capture files.
const ENDINGS: [&str; 4] = [".pcap", ".pcapng", ".cap", ".dmp"];

/// The ending that a compressed one has in addition.
const COMPRESSED: &str = ".gz";

/// Returns the name of a capture: that of its file, without the ending of captures.
#[must_use]
pub fn capture_name(capture: &Path) -> &OsStr {
    let file = capture.file_name().unwrap_or(capture.as_os_str());
    let bytes = file.as_bytes();
    let plain = without(bytes, COMPRESSED).unwrap_or(bytes);
    let name = ENDINGS.iter().find_map(|ending| without(plain, ending));
    name.map_or(file, OsStr::from_bytes)
}

/// Returns the path of a capture's provenance, `NAME.json` next to it.
#[must_use]
pub fn path_beside(capture: &Path) -> PathBuf {
    capture.with_file_name(with_ending(capture_name(capture), ".json"))
}

/// Returns a name with an ending behind it, even if the name has dots.
#[must_use]
pub fn with_ending(name: impl Into<OsString>, ending: &str) -> OsString {
    let mut file = name.into();
    file.push(ending);
    file
}

/// Returns the name in front of an ending; `None` if nothing is in front of it.
fn without<'a>(file: &'a [u8], ending: &str) -> Option<&'a [u8]> {
    let (name, end) = file.split_at_checked(file.len().checked_sub(ending.len())?)?;
    (!name.is_empty() && end.eq_ignore_ascii_case(ending.as_bytes())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_dots() {
        for (file, name) in [
            ("v1.pcap", "v1"),
            ("pcap/v1.1.pcap", "v1.1"),
            ("/a.b/v1.2.pcapng", "v1.2"),
            ("v1.1.PCAP", "v1.1"),
            ("v1.1.cap", "v1.1"),
            ("v1.1.pcap.gz", "v1.1"),
            ("v1.1", "v1.1"),
            ("v1.gz", "v1.gz"),
            (".pcap", ".pcap"),
            ("-", "-"),
        ] {
            assert_eq!(capture_name(Path::new(file)), name, "{file}");
        }
    }

    #[test]
    fn each_name_has_a_provenance_of_its_own() {
        for (file, beside) in [
            ("pcap/v1.pcap", "pcap/v1.json"),
            ("pcap/v1.1.pcap", "pcap/v1.1.json"),
            ("pcap/v1.1.pcapng.gz", "pcap/v1.1.json"),
            ("v1.1", "v1.1.json"),
        ] {
            assert_eq!(path_beside(Path::new(file)), Path::new(beside), "{file}");
        }
    }

    #[test]
    fn a_name_need_not_be_text() {
        let file = Path::new(OsStr::from_bytes(b"\xff.1.pcap"));
        assert_eq!(capture_name(file).as_bytes(), b"\xff.1");
        assert_eq!(path_beside(file).as_os_str().as_bytes(), b"\xff.1.json");
    }
}
