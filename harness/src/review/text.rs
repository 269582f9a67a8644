//! The outcome of a check, for people.

use std::io::{self, Write};

use super::checked::Checked;
use super::comparison::{Comparison, State};
use super::paint;
use crate::render::style::Style;
use crate::text::Shown as _;
use crate::text::counted;

/// Writes a line for each capture, with what differs below it.
///
/// # Errors
///
/// Returns an error if `out` does not take it.
pub fn write(checked: &[Checked], out: &mut impl Write) -> io::Result<()> {
    for checked in checked {
        match &checked.found {
            Ok(comparison) => capture(comparison, out)?,
            // Its error is told at the end.
            Err(_) => line(Style::Red, "error", &checked.capture.name, out)?,
        }
    }
    if checked
        .iter()
        .all(|checked| checked.failure().is_none() && !checked.is_open())
    {
        let captures = counted(checked.len(), "capture");
        writeln!(out, "{captures} as reviewed")?;
    }
    Ok(())
}

/// Writes a capture's line, and what differs.
///
/// # Errors
///
/// Returns an error if `out` does not take it.
pub fn capture(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    let name = comparison.capture.name.as_str();
    let (pcap, snapshot) = (&comparison.capture.pcap, &comparison.snapshot);
    let is_whole = comparison.failure().is_none();
    match comparison.state {
        // Its error is told at the end; what precedes the damage can be seen here.
        _ if !is_whole => line(Style::Red, "error", name, out)?,
        State::Same => line(Style::Green, "same", name, out)?,
        State::Differs => {
            let what = format!("{name}: {} against {}", pcap.shown(), snapshot.shown());
            line(Style::Red, "differs", &what, out)?;
        }
        State::New => {
            let what = format!("{name}: not reviewed yet, {}", pcap.shown());
            line(Style::Yellow, "new", &what, out)?;
        }
    }
    if let Some(difference) = &comparison.difference {
        paint::difference(difference, out)?;
        writeln!(out)?;
    }
    Ok(())
}

fn line(style: Style, state: &str, what: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{style}{state:<7}{style:#}  {}", what.shown())
}
