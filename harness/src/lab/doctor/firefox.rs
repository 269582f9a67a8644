//! Checks that a Firefox and a geckodriver fit.

use super::version::Version;

/// The oldest and, if there is one, the newest Firefox for each geckodriver from the named version on.
///
/// After the table of "Supported platforms" in geckodriver's documentation, the newest release first.
const SUPPORTED: [(Version, u32, Option<u32>); 9] = [
    (Version(0, 36), 128, None),
    (Version(0, 34), 115, None),
    (Version(0, 32), 102, Some(120)),
    (Version(0, 31), 91, Some(120)),
    (Version(0, 30), 78, Some(90)),
    (Version(0, 26), 60, Some(90)),
    (Version(0, 25), 57, Some(90)),
    (Version(0, 21), 57, Some(79)),
    (Version(0, 0), 55, Some(62)),
];

/// The verdict on a Firefox and a geckodriver together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// geckodriver's documentation says so.
    Good,
    /// The geckodriver needs this Firefox or a newer one.
    FirefoxTooOld(u32),
    /// The geckodriver knows no Firefox newer than this one.
    GeckodriverTooOld(u32),
}

/// Compares a Firefox with a geckodriver and tells if the one can be driven by the other.
#[must_use]
pub fn fit(firefox: Version, geckodriver: Version) -> Fit {
    let release = SUPPORTED.iter().find(|(from, ..)| *from <= geckodriver);
    match release {
        Some((_, oldest, _)) if firefox.0 < *oldest => Fit::FirefoxTooOld(*oldest),
        Some((_, _, Some(newest))) if firefox.0 > *newest => Fit::GeckodriverTooOld(*newest),
        _ => Fit::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fit_as_geckodrivers_documentation_says() {
        for (firefox, geckodriver, expected) in [
            (Version(153, 7), Version(0, 37), Fit::Good),
            (Version(128, 0), Version(0, 36), Fit::Good),
            (Version(127, 0), Version(0, 36), Fit::FirefoxTooOld(128)),
            (Version(115, 9), Version(0, 37), Fit::FirefoxTooOld(128)),
            (Version(115, 9), Version(0, 35), Fit::Good),
            (Version(114, 0), Version(0, 34), Fit::FirefoxTooOld(115)),
            (Version(120, 0), Version(0, 33), Fit::Good),
            (Version(153, 0), Version(0, 33), Fit::GeckodriverTooOld(120)),
            (Version(91, 0), Version(0, 30), Fit::GeckodriverTooOld(90)),
            (Version(140, 0), Version(0, 9), Fit::GeckodriverTooOld(62)),
            (Version(200, 0), Version(1, 0), Fit::Good),
        ] {
            assert_eq!(
                fit(firefox, geckodriver),
                expected,
                "{firefox}, {geckodriver}"
            );
        }
    }
}
