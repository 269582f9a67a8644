//! The runs of a scenario, as their captures tell.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wirestream::budget::{Budget, Memory};
use wirestream::capture;
use wirestream::message::Message;
use wirestream::message::Name;
use wirestream::message::part::parts;
use wirestream::walk::messages;

use super::Captures;
use super::talk::{self, Talk};
use crate::analysis::coverage::Coverage;
use crate::analysis::layout::Client;
use crate::listing::{client_beside, redacted_as};
use crate::render::coverage::{self, named};
use crate::rule::Rules;

/// The messages of one run.
pub struct Run {
    pcap: PathBuf,
    /// Its client, if the provenance tells.
    known: Option<Client>,
    /// Connection by connection, in order of their first messages; of a browser, exchange by exchange.
    pub(super) talks: Vec<Talk>,
    /// The number of connections.
    pub(super) connections: usize,
    /// The number of further messages for which there was no room.
    pub(super) left_out: u64,
    /// Keeps the capture while this is there.
    _captures: Arc<Captures>,
    /// The part of the capture that was read.
    coverage: Coverage,
}

impl Run {
    /// Returns why the capture, or the rest of it, could not be read.
    #[must_use]
    pub fn failure(&self) -> Option<anyhow::Error> {
        coverage::failure(&self.pcap, &self.coverage)
    }

    /// Returns the listing that a snapshot would keep, with these rules.
    pub(super) fn listing(&self, rules: Rules, memory: Memory) -> anyhow::Result<String> {
        let rules = Arc::new(rules.into());
        Ok(redacted_as(&self.pcap, rules, memory, self.known.as_ref())?.output)
    }
}

/// Reads captures that there are already.
///
/// # Errors
///
/// Returns an error if one of them cannot be read.
pub fn read(files: &[PathBuf], memory: Memory) -> anyhow::Result<Vec<Run>> {
    let files = files.to_vec();
    let known = files.iter().map(|file| client_beside(file)).collect();
    let captures = Captures {
        files,
        open: Vec::new(),
    };
    open(captures, known, memory)
}

pub(super) fn open(
    captures: Captures,
    known: Vec<Option<Client>>,
    memory: Memory,
) -> anyhow::Result<Vec<Run>> {
    // All runs are held at once, in what is kept of a capture otherwise.
    let room = Budget::new(memory).kept() / captures.files.len().max(1);
    let captures = Arc::new(captures);
    let run = |(pcap, known): (&PathBuf, Option<Client>)| {
        let (talks, left_out, coverage) =
            talks(pcap, memory, room).map_err(|error| named(error, pcap))?;
        let is_browser = known.as_ref().is_some_and(|known| known.is_browser);
        Ok(Run {
            connections: talks.len(),
            talks: talk::all(talks, is_browser),
            known,
            left_out,
            coverage,
            pcap: pcap.clone(),
            _captures: Arc::clone(&captures),
        })
    };
    captures.files.iter().zip(known).map(run).collect()
}

type Talks = Vec<Vec<(Name, Message)>>;

/// The number of bytes that a message takes besides its content.
const MESSAGE_BYTES: usize = 1024;

/// Reads the messages of a capture, as far as there is room for them, and counts the others.
fn talks(pcap: &Path, memory: Memory, room: usize) -> anyhow::Result<(Talks, u64, Coverage)> {
    let (mut talks, mut left_out, mut room) = (Talks::new(), 0, room);
    let mut capture = capture::open_kept(pcap)?;
    let walked = messages(&mut capture, memory, |opening, name, message| {
        let parts = parts(&message);
        let bytes: usize = parts.iter().map(|part| part.bytes.len()).sum();
        // Whatever has a place in a text takes more than its bytes there.
        let weight = MESSAGE_BYTES + 4 * bytes;
        drop(parts);
        let place = usize::try_from(opening.index).unwrap_or(usize::MAX);
        let more = (place + 1).saturating_sub(talks.len()) * size_of::<Vec<(Name, Message)>>();
        let Some(left) = room.checked_sub(weight + more) else {
            left_out += 1;
            return;
        };
        room = left;
        if talks.len() <= place {
            talks.resize_with(place + 1, Vec::new);
        }
        talks[place].push((name, message));
    });
    // A connection on which nothing was said has nothing that varies.
    talks.retain(|talk| !talk.is_empty());
    Ok((talks, left_out, Coverage::of_walk(&capture, walked)))
}
