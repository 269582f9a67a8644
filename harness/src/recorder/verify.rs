//! Holds what a client showed, and what a program told, against what was on the wire.

use std::path::Path;

use tracing::info;
use wirestream::capture;
use wirestream::units::Timestamp;

use crate::analysis::certificate::{Evidence, MarkEvidence, certify};
use crate::analysis::marks::{Window, windows};
use crate::error::{Error, Result};
use crate::lab::network::MeetingPoint;
use crate::run::message::Recording;
use crate::scenario::Scenario;
use crate::text::Shown as _;
use crate::trace::provenance::{Certificate, MarkDistance, MarkRecord, Provenance};

/// Adds to the provenance what the capture says: when each step was on the wire, and the certificate of completeness.
///
/// # Errors
///
/// Returns an error if the capture is not complete, or what was shown is not what was sent.
pub(super) fn verify(
    recording: Recording,
    scenario: &Scenario,
    meeting_point: &MeetingPoint,
    pcap: &Path,
) -> Result<Provenance> {
    let server = meeting_point.server(scenario.port);
    let Recording {
        mut provenance,
        tallies,
        ..
    } = recording;
    let cannot_read =
        |error: anyhow::Error| Error::run(format!("the capture cannot be read back: {error:#}"));
    let (start, marks) = times(&provenance).map_err(cannot_read)?;
    let mark_evidence: Vec<MarkEvidence> = marks
        .iter()
        .zip(&scenario.marks)
        .map(|(&time, mark)| MarkEvidence {
            time,
            reaches_wire: mark.reaches_wire(),
        })
        .collect();
    let evidence = Evidence {
        packets: provenance.capture.packets,
        drops: u64::from(provenance.capture.dropped)
            + u64::from(provenance.capture.interface_dropped),
        server,
        marks: &mark_evidence,
        tallies: &tallies,
    };
    provenance.certificate = Some(require_certificate(&evidence, pcap)?);
    info!(
        scenario = %provenance.scenario.name.shown(),
        packets = evidence.packets,
        "the capture is complete"
    );
    let windows = capture::open(pcap)
        .map(|capture| windows(capture, server, &marks))
        .map_err(|error| cannot_read(error.into()))?;
    for (mark, window) in provenance.marks.iter_mut().zip(&windows) {
        mark.on_wire_seconds = window.reached_wire().map(|time| time.seconds_after(start));
        // What another program sends may be compressed, or be put together by its page.
        // And what is shown without a packet was not sent.
        if scenario.program.is_built() && mark.on_wire_seconds.is_some() {
            require_sent(mark, window)?;
        }
        // They have served their purpose; what is kept is kept for long.
        let texts = mark.shown.iter_mut();
        for shown in texts.chain(mark.shown_by_others.values_mut()) {
            *shown = scenario.without_secrets(shown);
        }
    }
    provenance.mark_distance = MarkDistance::of(provenance.mark_distances());
    Ok(provenance)
}

fn times(provenance: &Provenance) -> anyhow::Result<(Timestamp, Vec<Timestamp>)> {
    Ok((provenance.start()?, provenance.marks()?))
}

fn require_certificate(evidence: &Evidence<'_>, pcap: &Path) -> Result<Certificate> {
    let certified = capture::open(pcap)
        // A file without even a header: the disk was full from the start.
        .map_err(|error| vec![format!("the file cannot be read: {error}")])
        .and_then(|capture| certify(capture, evidence));
    certified.map_err(|missing| {
        Error::inconclusive(format!(
            "the capture is not complete: {}",
            missing.join("; ")
        ))
        .with_hint("run it again; is the disk full, or does somebody else talk to this port?")
    })
}

/// Requires that the program has sent what the clients showed after a step.
fn require_sent(mark: &MarkRecord, window: &Window) -> Result<()> {
    let acting = mark.client.as_deref().unwrap_or("the client");
    let by_others = mark.shown_by_others.iter();
    let mut shown = mark
        .shown
        .iter()
        .map(|text| (acting, text))
        .chain(by_others.map(|(name, text)| (name.as_str(), text)));
    match shown.find(|(_, text)| !window.answers(text)) {
        Some((who, text)) => Err(Error::run(format!(
            "after `{}` {who} showed {text:?}, which the program did not send",
            mark.step
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_any_client_showed_must_have_been_sent() {
        let window = Window {
            answered: b"alice: hello".to_vec(),
            ..Window::default()
        };
        let mark = |shown: &str, by_bob: &str| MarkRecord {
            client: Some("alice".to_owned()),
            step: "send hello".to_owned(),
            planned_seconds: 0.0,
            actual_seconds: 0.0,
            on_wire_seconds: Some(0.0),
            shown: Some(shown.to_owned()),
            shown_by_others: [("bob".to_owned(), by_bob.to_owned())].into(),
            picture: None,
        };
        let error = |mark: &MarkRecord| {
            let error = require_sent(mark, &window).unwrap_err();
            error.message()
        };

        assert!(require_sent(&mark("hello", "alice: hello"), &window).is_ok());
        assert_eq!(
            error(&mark("hi", "hello")),
            "after `send hello` alice showed \"hi\", which the program did not send"
        );
        assert_eq!(
            error(&mark("hello", "hi")),
            "after `send hello` bob showed \"hi\", which the program did not send"
        );
    }
}
