//! Snapshots of what was on the wire, kept where the caller's other snapshots are.

use super::recording::Recording;

/// Compares what was said on the wire with the reviewed snapshot of it, by [insta](https://insta.rs).
///
/// What changes from run to run is hidden, as [`Recording::payload`] tells. The snapshot lies in `snapshots/` beside the
/// test's source, named after the test or, where it is given first, by its own name; `cargo insta review` shows and accepts
/// what is new or has changed. That insta need not be among the package's dependencies: it is `wiresnap::insta`. Where it is
/// (of version 1), its settings hold here too.
///
/// ```no_run
/// use wiresnap::{Lab, Scenario, assert_wire_snapshot};
///
/// # fn test() -> Result<(), wiresnap::Error> {
/// let recording = Lab::new().play_blocking(&Scenario::from_file("tests/greets.toml")?)?;
/// assert_wire_snapshot!(recording);
/// assert_wire_snapshot!("a-greeting", recording);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Where it differs, where there is no snapshot yet, and where the capture cannot be read.
#[macro_export]
macro_rules! assert_wire_snapshot {
    ($recording:expr $(,)?) => {{
        let payload = $crate::testing::payload_to_assert(&$recording);
        $crate::insta::assert_snapshot!(payload);
    }};
    ($name:expr, $recording:expr $(,)?) => {{
        let payload = $crate::testing::payload_to_assert(&$recording);
        $crate::insta::assert_snapshot!($name, payload);
    }};
}

/// What [`assert_wire_snapshot!`](crate::assert_wire_snapshot) compares.
///
/// # Panics
///
/// Where the capture cannot be read.
#[must_use]
#[track_caller]
pub fn payload_to_assert(recording: &Recording) -> String {
    recording
        .payload()
        .unwrap_or_else(|error| panic!("{error}"))
}
