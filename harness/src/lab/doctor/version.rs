//! Versions, as programs tell them.

use std::fmt;

/// The first two numbers of a version, as in `153.7.0esr` or `0.37.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl Version {
    /// Finds the version in what a program says of itself: the first word that looks like one, with the whole of that
    /// word.
    #[must_use]
    pub fn find(text: &str) -> Option<(Self, &str)> {
        text.split_whitespace().find_map(|word| {
            let mut numbers = word.split('.').map(|number| {
                let digits = number.find(|character: char| !character.is_ascii_digit());
                number[..digits.unwrap_or(number.len())].parse().ok()
            });
            Some((Self(numbers.next()??, numbers.next()??), word))
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_wherever_a_program_puts_it() {
        for (text, version, word) in [
            ("Mozilla Firefox 153.7.0esr", Version(153, 7), "153.7.0esr"),
            ("Mozilla Firefox 128.0", Version(128, 0), "128.0"),
            (
                "geckodriver 0.37.1\n\nThe source code of",
                Version(0, 37),
                "0.37.1",
            ),
            (
                "geckodriver 0.34.0 (c44f0d09630a 2024-01-02)",
                Version(0, 34),
                "0.34.0",
            ),
            (
                "Chromium 156.0.8078.108 built on Debian GNU/Linux 12 (bookworm)",
                Version(156, 0),
                "156.0.8078.108",
            ),
            (
                "TShark (Wireshark) 4.0.17 (Git v4.0.17)",
                Version(4, 0),
                "4.0.17",
            ),
        ] {
            assert_eq!(Version::find(text), Some((version, word)), "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        for text in [
            "",
            "Firefox",
            "4",
            "a.b",
            "99999999999.1",
            "v1.2",
            ".1",
            "1.",
        ] {
            assert_eq!(Version::find(text), None, "{text}");
        }
    }
}
