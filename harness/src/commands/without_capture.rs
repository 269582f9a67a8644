//! The answer to a verb that captures in a build that cannot.

use crate::error::Error;

/// Returns the error of a verb that needs the feature `capture`.
pub(super) fn error() -> Error {
    Error::environment("this build of wiresnap cannot capture: it is without the feature `capture`")
        .with_hint(
            "`cargo install --path harness --locked` builds one that can; it takes libpcap and its headers (libpcap-dev)",
        )
}
