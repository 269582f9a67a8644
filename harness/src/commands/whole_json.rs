//! JSON on standard output is whole, whatever happens: a verb that fails before it has printed anything says so there too.

use std::io::{self, Write};

use serde_json::json;

use crate::cli::{
    CheckFormat, Command, DiffFormat, DoctorFormat, LearnFormat, ListFormat, PayloadFormat,
    StatsFormat,
};
use crate::render::json::print;

/// Has a verb print to `out`. In place of JSON that it has not begun when it fails, an object with the error is printed.
///
/// # Errors
///
/// Returns the verb's error, or that of printing it.
pub(super) fn or_error<W: Write + Send>(
    command: &Command,
    out: &mut W,
    carry_out: impl FnOnce(&mut Watched<'_, W>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut watched = Watched {
        out,
        is_written: false,
    };
    let outcome = carry_out(&mut watched);
    if let Err(error) = &outcome
        && !watched.is_written
        && prints_json(command)
    {
        print(&json!({"error": format!("{error:#}")}), out)?;
        out.flush()?;
    }
    outcome
}

const fn prints_json(command: &Command) -> bool {
    match command {
        Command::Stats(arguments) => matches!(arguments.format, StatsFormat::Json),
        Command::Payload(arguments) => matches!(arguments.format, PayloadFormat::Json),
        Command::Diff(arguments) => matches!(arguments.format, DiffFormat::Json),
        Command::Check(arguments) => matches!(arguments.format, CheckFormat::Json),
        Command::Learn(arguments) => matches!(arguments.format, LearnFormat::Json),
        Command::List(arguments) => matches!(arguments.format, ListFormat::Json),
        Command::Doctor(arguments) => matches!(arguments.format, DoctorFormat::Json),
        _ => false,
    }
}

/// An output that knows if anything was written to it, or was to be.
pub(super) struct Watched<'a, W> {
    out: &'a mut W,
    is_written: bool,
}

impl<W: Write> Write for Watched<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_written |= !bytes.is_empty();
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
