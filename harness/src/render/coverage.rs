//! The messages about a capture that could not be read as a whole, or that holds nothing to be read: the same words for
//! every verb.

use std::io::{self, Write};
use std::path::Path;

use tracing::debug;
use wirestream::capture::ReadError;

use crate::analysis::coverage::Coverage;
use crate::text::Shown as _;

/// Returns the error with the capture file that it is about, unless it names it itself.
#[must_use]
pub fn named(error: anyhow::Error, capture: &Path) -> anyhow::Error {
    match error.downcast_ref() {
        Some(ReadError::Open { .. }) => error,
        _ => error.context(capture.shown().to_string()),
    }
}

/// Writes to `talk` what a reader of the rest should know.
///
/// # Errors
///
/// Returns an error if `talk` does not take it.
pub fn warn(path: &Path, coverage: &Coverage, talk: &mut impl Write) -> io::Result<()> {
    debug!(capture = %path.shown(), packets = coverage.packets, "read");
    for warning in warnings(path, coverage) {
        writeln!(talk, "{warning}")?;
    }
    Ok(())
}

/// Returns what a reader of the rest should know, a line for each.
#[must_use]
pub fn warnings(path: &Path, coverage: &Coverage) -> Vec<String> {
    let warnings = coverage.warnings().into_iter();
    warnings
        .map(|warning| format!("warning: {}: {warning}", path.shown()))
        .collect()
}

/// Returns why a capture, or the rest of it, could not be read, with its name.
#[must_use]
pub fn failure(path: &Path, coverage: &Coverage) -> Option<anyhow::Error> {
    coverage
        .failure()
        .map(|failure| named(failure.into(), path))
}

/// Returns the first of the errors, once `talk` has the others: so many files, so many sentences, and one exit code.
///
/// # Errors
///
/// Returns the first error, if there is one.
pub fn first_of(
    errors: impl IntoIterator<Item = anyhow::Error>,
    talk: &mut impl Write,
) -> anyhow::Result<()> {
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Ok(());
    };
    for other in errors {
        writeln!(talk, "error: {other:#}")?;
    }
    Err(first)
}
