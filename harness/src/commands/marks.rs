//! The marks of a capture, or a warning.

use std::io::{self, Write};
use std::path::Path;

use wirestream::units::Timestamp;

use crate::text::Shown as _;
use crate::trace::provenance::{marks_beside, path_beside};

/// Returns the marks of the capture's provenance, if it has one. Any file may have the name of a provenance: an invalid
/// one is only worth a warning.
pub(super) fn marks_or_warning(
    capture: &Path,
    talk: &mut impl Write,
) -> io::Result<Option<Vec<Timestamp>>> {
    match marks_beside(capture) {
        Ok(marks) => Ok(marks),
        Err(error) => {
            let beside = path_beside(capture);
            writeln!(
                talk,
                "warning: {}: not the record of a capture, so updates are told apart by idle time: {error}",
                beside.shown()
            )?;
            Ok(None)
        }
    }
}
