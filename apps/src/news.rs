//! The news of a server: what it tells without being asked, at regular times, and to all clients at the same time.

use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

/// The rhythm of the news.
#[derive(Args, Clone, Copy, Debug)]
pub struct Rhythm {
    /// Seconds from one update to the next
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    interval: Duration,
}

/// Reads a length of time in seconds, as in `10` or `0.5`.
///
/// # Errors
///
/// Returns an error if it is not a number, less than a millisecond (which is as fine as the timers are) or more than a
/// day.
pub fn seconds(text: &str) -> Result<Duration, String> {
    const LONGEST: f64 = 86_400.0;
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=LONGEST).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("not within 0.001 and {LONGEST}"))
    }
}

/// The times at which there is news.
///
/// They are counted from the arrival of the first client, so that its view does not depend on when the program was
/// started. They are never added up, so that a late update delays only itself.
#[derive(Debug)]
pub struct News {
    interval: Duration,
    began: OnceLock<Instant>,
}

impl News {
    /// Makes news in this rhythm.
    #[must_use]
    pub const fn new(rhythm: Rhythm) -> Self {
        Self {
            interval: rhythm.interval,
            began: OnceLock::new(),
        }
    }

    /// Returns the time of the next news for a client that is there now: after this moment, no later than one interval
    /// from it.
    #[must_use]
    pub fn next(&self) -> Instant {
        self.next_after(Instant::now())
    }

    fn next_after(&self, now: Instant) -> Instant {
        let began = *self.began.get_or_init(|| now);
        let elapsed = now.saturating_duration_since(began).as_nanos();
        let interval = self.interval.as_nanos();
        let rest = interval - elapsed % interval;
        // No longer than the interval, which is a day at most.
        now + Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_comes_at_whole_intervals_from_when_the_first_client_came() {
        let interval = Duration::from_secs(10);
        let news = News::new(Rhythm { interval });
        let start = Instant::now();
        let at = |milliseconds: u64| start + Duration::from_millis(milliseconds);

        assert_eq!(news.next_after(start), at(10_000));
        assert_eq!(news.next_after(at(7)), at(10_000));
        assert_eq!(news.next_after(at(9_999)), at(10_000));
        assert_eq!(news.next_after(at(10_000)), at(20_000));
        assert_eq!(news.next_after(at(34_567)), at(40_000));
    }

    #[test]
    fn a_length_of_time_is_one_that_can_be_waited_for() {
        assert_eq!(seconds("10"), Ok(Duration::from_secs(10)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for none in ["", "ten", "0", "-1", "1e9", "NaN", "inf"] {
            assert!(seconds(none).is_err(), "{none}");
        }
    }
}
