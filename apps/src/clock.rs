//! Reads the clock: one reading gives both the time of day that a page shows and the `Date` header that goes with it.

use jiff::Zoned;
use jiff::fmt::rfc2822::DateTimePrinter;

/// One reading of the server's clock.
#[derive(Clone, Debug)]
pub struct Reading(Zoned);

impl Reading {
    /// Reads the clock, in the server's own time zone.
    #[must_use]
    pub fn now() -> Self {
        Self(Zoned::now())
    }

    /// Returns the time of day as `HH:MM:SS`, always eight bytes.
    #[must_use]
    pub fn time_of_day(&self) -> String {
        self.0.strftime("%H:%M:%S").to_string()
    }

    /// Returns one update as JSON, spaced as in the original experiment, always 20 bytes: the same for WebSocket,
    /// server-sent events and long polling, so that only the transport differs.
    #[must_use]
    pub fn update(&self) -> String {
        format!("{{\"time\": \"{}\"}}", self.time_of_day())
    }

    /// Returns the value of a `Date` header field (RFC 9110 §5.6.7), always 29 bytes.
    ///
    /// # Panics
    ///
    /// Never panics in the years 0 to 9999, which the format can express.
    #[must_use]
    pub fn http_date(&self) -> String {
        DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.0.timestamp())
            .expect("the system clock reads a year of four digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_has_the_widths_that_the_pages_count_on() {
        let reading = Reading("2021-06-06T09:36:17Z[UTC]".parse().unwrap());

        assert_eq!(reading.time_of_day(), "09:36:17");
        assert_eq!(reading.http_date(), "Sun, 06 Jun 2021 09:36:17 GMT");
    }

    #[test]
    fn the_date_header_is_in_gmt_wherever_the_server_stands() {
        let reading = Reading("2021-06-06T15:06:17+05:30[Asia/Kolkata]".parse().unwrap());

        assert_eq!(reading.time_of_day(), "15:06:17");
        assert_eq!(reading.http_date(), "Sun, 06 Jun 2021 09:36:17 GMT");
    }
}
