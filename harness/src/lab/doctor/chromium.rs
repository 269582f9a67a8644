//! Checks that a Chromium and a chromedriver fit.

use super::version::Version;

/// Returns true if this chromedriver can drive this Chromium: they are of one source, and of one release.
///
/// The documentation of chromedriver says: "The major version must match".
#[must_use]
pub const fn fit(chromium: Version, chromedriver: Version) -> bool {
    chromium.0 == chromedriver.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_release_counts() {
        assert!(fit(Version(156, 0), Version(156, 1)));
        assert!(!fit(Version(156, 0), Version(155, 0)));
        assert!(!fit(Version(155, 0), Version(156, 0)));
    }
}
