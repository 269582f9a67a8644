//! Snapshots of the traffic, kept beside the caller's other snapshots.

use super::recording::Recording;

/// Compares the messages of a recording with their reviewed snapshot, by [insta](https://insta.rs).
///
/// Values that change from run to run are hidden, as [`Recording::payload`] describes. The snapshot is in `snapshots/`
/// beside the test's source, named after the test or, if a name is given first, by that name; `cargo insta review`
/// shows and accepts new and changed snapshots. Insta need not be among the package's dependencies: it is
/// `wiresnap::insta`. If it is (in version 1), its settings apply here too.
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
/// Panics if the messages differ, if there is no snapshot yet, and if the capture cannot be read.
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

/// Returns the text that [`assert_wire_snapshot!`](crate::assert_wire_snapshot) compares.
///
/// # Panics
///
/// Panics if the capture cannot be read.
#[must_use]
#[track_caller]
pub fn payload_to_assert(recording: &Recording) -> String {
    recording
        .payload()
        .unwrap_or_else(|error| panic!("{error}"))
}
