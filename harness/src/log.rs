//! The log that a user asks for, to see what a command does, or to put it beside a bug report.
//!
//! `-v` says what is done, `-vv` also with what, and `WIRESNAP_LOG` chooses by module: `WIRESNAP_LOG=wiresnap::lab=trace`.
//! A line has the time in UTC, the level, the module, and the event. Lines go to standard error, over the place where
//! everything is made safe to print. Of a lab, where there is no standard error, they come home with its reports.
//!
//! No event says what was sent, what a program printed, or what a variable of the environment is.

use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::error::{Error, Result};

/// The variable of the environment that chooses what is logged.
const VARIABLE: &str = "WIRESNAP_LOG";

/// The filter of this process's log; empty if nothing is logged.
static FILTER: OnceLock<String> = OnceLock::new();

/// Begins the log on standard error, if the user asks for one: by so many `-v`, or by the environment.
///
/// # Errors
///
/// Returns an error if the environment's choice cannot be understood.
pub(crate) fn begin(verbosity: u8) -> Result<()> {
    let chosen = std::env::var_os(VARIABLE).filter(|chosen| !chosen.is_empty());
    let filter = match (chosen, verbosity) {
        (Some(chosen), _) => chosen.to_string_lossy().into_owned(),
        (None, 0) => return Ok(()),
        (None, 1) => "wiresnap=info".to_owned(),
        (None, 2) => "wiresnap=debug".to_owned(),
        (None, _) => "wiresnap=trace".to_owned(),
    };
    begin_with(&filter, crate::printer::say)
}

/// Begins the log of this process; each line goes to `write`.
///
/// # Errors
///
/// Returns an error if the filter cannot be understood.
pub(crate) fn begin_with(filter: &str, write: impl Fn(&str) + Send + Sync + 'static) -> Result<()> {
    let targets: Targets = filter.parse().map_err(|error| {
        Error::usage(format!("{VARIABLE}: {error}")).with_hint(format!(
            "{VARIABLE}=debug, or by module: {VARIABLE}=wiresnap::lab=trace,wiresnap::recorder=debug"
        ))
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_timer(Clock)
        .with_writer(Lines(write));
    let log = tracing_subscriber::registry().with(lines).with(targets);
    // A second one, as in a test, would be the same.
    if tracing::subscriber::set_global_default(log).is_ok() {
        let _ = FILTER.set(filter.to_owned());
    }
    Ok(())
}

/// Returns the filter of this process's log, which a process that it starts is to have too; `None` if nothing is logged.
#[cfg(feature = "capture")]
#[must_use]
pub(crate) fn filter() -> Option<&'static str> {
    FILTER.get().map(String::as_str)
}

/// Returns the variable that gives another process of ours the same log; `None` if nothing is logged.
#[cfg(feature = "capture")]
#[must_use]
pub(crate) fn environment() -> Option<(&'static str, &'static str)> {
    filter().map(|filter| (VARIABLE, filter))
}

/// The time of day in UTC, to the microsecond, as captures have it.
struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let now = jiff::Timestamp::now();
        write!(writer, "{}", now.strftime("%H:%M:%S%.6f"))
    }
}

/// Makes a writer for each event.
struct Lines<F>(F);

impl<'a, F: Fn(&str) + 'a> MakeWriter<'a> for Lines<F> {
    type Writer = Line<'a, F>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(&self.0)
    }
}

/// Takes an event, which comes as a whole.
struct Line<'a, F>(&'a F);

impl<F: Fn(&str)> Write for Line<'_, F> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        (self.0)(String::from_utf8_lossy(event).trim_end());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn an_event_is_a_line_with_time_level_and_module() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let write = move |line: &str| written.lock().unwrap().push(line.to_owned());
        begin_with("wiresnap=info", write).unwrap();

        tracing::info!(port = 8000, "listening");
        tracing::debug!("not asked for");

        let lines = lines.lock().unwrap();
        let own = lines.iter().filter(|line| line.contains("log::tests"));
        let own: Vec<&str> = own.map(|line| &line[15..]).collect();
        assert_eq!(own, ["  INFO wiresnap::log::tests: listening port=8000"]);
    }

    #[test]
    fn a_filter_that_is_none_is_a_mistake_of_usage() {
        let error = begin_with("wiresnap=loud", |_| ()).unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Usage);
        assert!(error.to_string().starts_with("WIRESNAP_LOG: "), "{error}");
    }
}
