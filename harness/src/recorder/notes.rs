//! The notes about a capture that went well.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;

use wirestream::capture;
use wirestream::conversation::{Unread, unread_protocol};
use wirestream::packet::Decoded;
use wirestream::walk::Walk;

use crate::scenario::Scenario;
use crate::trace::provenance::Provenance;

/// The largest number of steps without a packet that are named one by one.
const MOST_STEPS: usize = 5;

/// The most characters of a step that a note has.
const LONGEST_STEP: usize = 60;

/// Returns the notes about a capture: the steps that caused no packet, and what cannot be read in it.
pub(super) fn notes(scenario: &Scenario, provenance: &Provenance, pcap: &Path) -> Vec<String> {
    let mut notes = silent_steps(scenario, provenance);
    notes.extend(unread(scenario, pcap).into_iter().map(|protocol| {
        let what = match protocol {
            Unread::Tls => {
                "speaks TLS: encrypted; keys are not read yet, so its listing is raw bytes that differ each time; have the program \
                 speak plain HTTP in the test"
            }
            Unread::Http2 => {
                "speaks HTTP/2, which is not read yet: its listing is raw bytes; where the client can, have it speak HTTP/1.1"
            }
        };
        format!("note: {}: the client {what}", scenario.name)
    }));
    notes
}

/// Returns the steps that may be thought to have reached the wire, and have not.
fn silent_steps(scenario: &Scenario, provenance: &Provenance) -> Vec<String> {
    let marks = scenario.marks.iter().zip(&provenance.marks);
    let silent: Vec<_> = marks
        .filter(|(mark, record)| {
            mark.is_thought_to_reach_wire() && record.on_wire_seconds.is_none()
        })
        .collect();
    let name = &scenario.name;
    let named = silent.iter().take(MOST_STEPS).map(|(mark, record)| {
        let at = mark.at.as_secs_f64();
        let step = beginning(&record.step);
        let whose = record.client.as_ref();
        let whose = whose.map_or_else(String::new, |client| format!("{client}'s "));
        format!("note: {name}: {whose}`{step}` at {at} s caused no packet")
    });
    let mut notes: Vec<String> = named.collect();
    match silent.len().saturating_sub(MOST_STEPS) {
        0 => {}
        1 => notes.push(format!("note: {name}: nor did one more step")),
        more => notes.push(format!("note: {name}: nor did {more} more steps")),
    }
    notes
}

fn beginning(step: &str) -> String {
    let line = step.lines().next().unwrap_or_default();
    let mut characters = line.chars();
    let mut beginning: String = characters.by_ref().take(LONGEST_STEP).collect();
    if characters.next().is_some() || step.lines().nth(1).is_some() {
        beginning.push('…');
    }
    beginning
}

/// Returns the protocols that clients begin to speak and that are not read yet, each once.
fn unread(scenario: &Scenario, pcap: &Path) -> Vec<Unread> {
    // It has just been certified: it can be read.
    let Ok(mut capture) = capture::open(pcap) else {
        return Vec::new();
    };
    let mut clients: HashSet<SocketAddr> = HashSet::new();
    let mut protocols = Vec::new();
    let mut walk = Walk::new(&mut capture);
    while let Some((_, decoded)) = walk.next() {
        let Decoded::Segment(segment) = decoded else {
            continue;
        };
        let is_clients = segment.destination.port() == scenario.port;
        if !is_clients || segment.payload.is_empty() || !clients.insert(segment.source) {
            continue;
        }
        if let Some(protocol) = unread_protocol(segment.payload)
            && !protocols.contains(&protocol)
        {
            protocols.push(protocol);
        }
    }
    protocols
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_step_is_told_by_its_beginning() {
        assert_eq!(beginning("click #b"), "click #b");
        assert_eq!(beginning("execute a();\nb();"), "execute a();…");
        assert_eq!(beginning(&"x".repeat(99)), format!("{}…", "x".repeat(60)));
    }
}
