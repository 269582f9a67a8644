//! News: what a server has to tell without being asked, every so often, and to all clients at the same time.

use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

/// How often there is news.
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
/// Where it is no number, less than a millisecond (which is as fine as the timers are) or more than a day.
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
/// They are counted from when the first client came, so that what it sees does not depend on when the program was
/// started, and never added up, so that a late update delays nothing but itself.
#[derive(Debug)]
pub struct News {
    interval: Duration,
    began: OnceLock<Instant>,
}

impl News {
    /// News in this rhythm.
    #[must_use]
    pub const fn new(rhythm: Rhythm) -> Self {
        Self {
            interval: rhythm.interval,
            began: OnceLock::new(),
        }
    }

    /// When the next news is due, for a client that is there now: after this moment, no later than one interval from it.
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
