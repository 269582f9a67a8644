//! The moment that a timeline is counted from.

use std::time::{Duration, SystemTime};

use jiff::Timestamp as ClockTime;
use tokio::time::Instant;

/// Where in a second of the wall clock the timeline starts.
///
/// Pages show whole seconds. Marks that are a second apart (time scale 0.1) see each a second of its own only if they
/// stay clear of the full second, by more than any step is late.
const START_IN_SECOND: Duration = Duration::from_millis(400);

/// The least time between the decision to start and the start: for the preparation of the first mark.
const START_NOTICE: Duration = Duration::from_millis(300);

/// The moment that the timeline counts from, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) instant: Instant,
    pub(super) clock: ClockTime,
}

impl Start {
    /// The next moment that is good to start at.
    pub(super) fn next() -> Self {
        let (instant, clock) = (Instant::now(), SystemTime::now());
        let wait = until_start(
            clock
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
        );
        Self {
            instant: instant + wait,
            clock: ClockTime::try_from(clock + wait).unwrap_or(ClockTime::UNIX_EPOCH),
        }
    }
}

/// How long to wait at this time of the wall clock for a moment to start at, [`START_NOTICE`] ahead at least.
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
