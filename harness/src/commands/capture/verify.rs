//! Holds what a client showed against what was on the wire.

use std::net::SocketAddr;
use std::path::Path;

use crate::analysis::completeness::missing;
use crate::analysis::marks::{Window, windows};
use crate::error::{Error, Result};
use crate::trace::provenance::Provenance;
use crate::trace::reader;
use crate::units::Timestamp;

/// Adds to the provenance what the capture says, makes sure that it is whole, and that what was shown is what was sent.
pub(super) fn verify(
    mut provenance: Provenance,
    server: SocketAddr,
    pcap: &Path,
) -> Result<Provenance> {
    let (start, windows) = read_windows(&provenance, server, pcap)
        .map_err(|error| Error::run(format!("the capture cannot be read back: {error:#}")))?;
    require_complete(provenance.capture.packets, pcap)?;
    for (mark, window) in provenance.marks.iter_mut().zip(&windows) {
        mark.on_wire_seconds = window
            .reached_wire()
            .map(|time| time.since(start).as_secs_f64());
        require_sent(mark.shown.as_deref(), window, &mark.step)?;
    }
    Ok(provenance)
}

fn read_windows(
    provenance: &Provenance,
    server: SocketAddr,
    pcap: &Path,
) -> anyhow::Result<(Timestamp, Vec<Window>)> {
    let capture = reader::open(pcap)?;
    let windows = windows(capture, server, &provenance.marks()?)?;
    Ok((provenance.start()?, windows))
}

fn require_complete(packets: u64, pcap: &Path) -> Result<()> {
    let missing = reader::open(pcap)
        .and_then(|capture| missing(capture, packets))
        .map_err(|error| Error::run(format!("the capture cannot be read back: {error}")))?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::inconclusive(format!(
        "the capture is not complete: {}",
        missing.join("; ")
    ))
    .with_hint("run it again; is the disk full, or does somebody else talk to this port?"))
}

fn require_sent(shown: Option<&str>, window: &Window, step: &str) -> Result<()> {
    match shown {
        Some(text) if !window.answers(text) => Err(Error::run(format!(
            "after `{step}` the client showed {text:?}, which the program did not send"
        ))),
        _ => Ok(()),
    }
}
