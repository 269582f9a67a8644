//! The moment that a timeline is counted from.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The place in a second of the wall clock at which the timeline starts.
///
/// Pages show whole seconds. Marks that are a second apart (time scale 0.1) each see a second of their own only if they
/// stay clear of the full second, by more than any step is late.
const START_IN_SECOND: Duration = Duration::from_millis(400);

/// The least time between the decision to start and the start: for the preparation of the first mark.
const START_NOTICE: Duration = Duration::from_millis(300);

/// The moment that timelines count from, on both clocks; the same for all processes of this machine.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The time since the machine started: a clock that nobody sets.
    monotonic: Duration,
    /// The time on the wall clock, which the capture's timestamps are from.
    pub clock: SystemTime,
}

impl Start {
    /// Returns the next moment that is good to start at.
    #[must_use]
    pub fn next() -> Self {
        let (monotonic, clock) = (monotonic(), SystemTime::now());
        let wait = until_start(
            clock
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
        );
        Self {
            monotonic: monotonic + wait,
            clock: clock + wait,
        }
    }

    /// Returns the start on the clock that is used for waiting.
    #[must_use]
    pub fn instant(self) -> Instant {
        Instant::now() + self.monotonic.saturating_sub(monotonic())
    }

    /// Returns how far the wall clock was set since the start was chosen, forwards or backwards.
    #[must_use]
    pub fn clock_was_set_by(self) -> Duration {
        let (monotonic, clock) = (monotonic(), SystemTime::now());
        let expected = self.clock + monotonic.saturating_sub(self.monotonic);
        clock
            .duration_since(expected)
            .unwrap_or_else(|backwards| backwards.duration())
    }
}

/// Returns the time since the machine started.
fn monotonic() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// Returns how long to wait at this time of the wall clock for a moment to start at, [`START_NOTICE`] ahead at least.
fn until_start(since_epoch: Duration) -> Duration {
    let earliest = since_epoch + START_NOTICE;
    let this_second = Duration::from_secs(earliest.as_secs()) + START_IN_SECOND;
    let start = if this_second < earliest {
        this_second + Duration::from_secs(1)
    } else {
        this_second
    };
    start.saturating_sub(since_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_early_in_a_second_and_never_at_once() {
        for milliseconds in (10_000..12_000).step_by(7) {
            let now = Duration::from_millis(milliseconds);

            let wait = until_start(now);

            assert!(
                (START_NOTICE..START_NOTICE + Duration::from_secs(1)).contains(&wait),
                "{now:?} {wait:?}"
            );
            assert_eq!((now + wait).subsec_nanos(), START_IN_SECOND.subsec_nanos());
        }
    }
}
