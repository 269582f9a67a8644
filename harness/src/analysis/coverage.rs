//! The part of a capture that was read, and the packets in it that are not TCP.
//!
//! A file may be damaged, cut off, or hold packets that mean nothing to this program. None of that keeps the rest from
//! being read, but any output of the rest must say so. This is what there is to say.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use wirestream::capture::CaptureReader;
use wirestream::capture::ReadError;
use wirestream::packet::Others;
use wirestream::units::LinkType;
use wirestream::walk::Walked;

/// The facts to report about a capture that was read to its end, or as far as possible.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// The number of packets that were read.
    pub packets: u64,
    /// The packets among them that are not TCP segments, by what they are instead.
    pub others: Others,
    /// The packet after which the file breaks off, if it does.
    pub cut: Option<u64>,
    /// The number of connections taken for ended while they were still open, to make room for others.
    pub ended_early: u64,
    /// The number of updates counted only in the overall figures, because there was no room to tell them apart.
    pub updates_left_out: u64,
    damage: Option<Arc<ReadError>>,
}

/// The reason why a capture could not be read as it should be.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file is damaged, from some place on or entirely.
    #[error(transparent)]
    File(Arc<ReadError>),
    /// All packets begin with an unknown link-layer header.
    #[error("{} is not supported: known are ETHERNET, NULL, LOOP, RAW, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, PPP, PPP_HDLC, PPP_ETHER and C_HDLC",
        links(.0))]
    LinkTypes(Vec<LinkType>),
}

impl From<ReadError> for CaptureError {
    fn from(error: ReadError) -> Self {
        Self::File(Arc::new(error))
    }
}

impl Coverage {
    /// Returns the coverage once `reader` has given its last packet; `others` are those that are not TCP segments.
    #[must_use]
    pub fn new<R: Read>(reader: &CaptureReader<R>, others: Others) -> Self {
        Self {
            packets: reader.packets(),
            others,
            cut: reader.cut(),
            ended_early: 0,
            updates_left_out: 0,
            damage: reader.damage().cloned(),
        }
    }

    /// Returns the coverage of a walk over the whole capture.
    #[must_use]
    pub fn of_walk<R: Read>(reader: &CaptureReader<R>, walked: Walked) -> Self {
        Self::new(reader, walked.others).with_ended_early(walked.ended_early)
    }

    /// Returns the same coverage with the number of connections taken for ended to make room for others.
    #[must_use]
    pub const fn with_ended_early(mut self, connections: u64) -> Self {
        self.ended_early = connections;
        self
    }

    /// Returns the number of packets that are TCP segments.
    #[must_use]
    pub fn tcp_packets(&self) -> u64 {
        self.packets.saturating_sub(self.others.total())
    }

    /// Returns true if there is a packet that could be read, even one that is not TCP.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.packets > self.unknown()
    }

    /// Returns why the capture, or the rest of it, could not be read.
    #[must_use]
    pub fn failure(&self) -> Option<CaptureError> {
        if let Some(damage) = &self.damage {
            return Some(CaptureError::File(Arc::clone(damage)));
        }
        let all_are_unknown = self.packets > 0 && !self.has_content();
        let types = || self.others.link_types().map(|(link_type, _)| link_type);
        all_are_unknown.then(|| CaptureError::LinkTypes(types().collect()))
    }

    /// Returns itself if the capture could be read to where its file ends.
    ///
    /// # Errors
    ///
    /// Returns an error if the capture could not be read to its end: the failure.
    pub fn require(self) -> Result<Self, CaptureError> {
        self.failure().map_or(Ok(self), Err)
    }

    /// Returns warnings for a reader of the rest, a line for each, without the capture's name.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.has_content() {
            for (link_type, count) in self.others.link_types() {
                warnings.push(format!(
                    "{} of {link_type} cannot be read",
                    packets_text(count)
                ));
            }
        }
        warnings.extend(self.cut.map(|packet| format!("cut after packet {packet}")));
        warnings.extend(self.shortages());
        warnings
    }

    /// Returns what was left out for want of memory, a line for each.
    #[must_use]
    pub fn shortages(&self) -> Vec<String> {
        let connections = |count: u64| {
            let (end, was) = if count == 1 {
                ("", "was")
            } else {
                ("s", "were")
            };
            format!(
                "{count} connection{end} {was} still open when there was no more room, and taken for ended"
            )
        };
        let updates = |count: u64| {
            let (end, is) = if count == 1 { ("", "is") } else { ("s", "are") };
            format!("{count} update{end} more {is} not told apart, for want of room")
        };
        let all = [
            (self.ended_early > 0).then(|| connections(self.ended_early)),
            (self.updates_left_out > 0).then(|| updates(self.updates_left_out)),
        ];
        let all = all.into_iter().flatten();
        all.map(|what| format!("{what}: a larger --memory has more"))
            .collect()
    }

    /// Returns what the packets are if none is TCP, as in `no packet is TCP: 12 UDP, 3 ARP`.
    #[must_use]
    pub fn without_tcp(&self) -> Option<String> {
        let is_without = self.has_content() && self.tcp_packets() == 0;
        is_without.then(|| format!("no packet is TCP: {}", self.others))
    }

    /// Returns the packets that are not TCP, by what they are, for programs.
    #[must_use]
    pub fn not_tcp(&self) -> BTreeMap<String, u64> {
        let others = self.others.iter();
        others
            .map(|(other, count)| (other.to_string(), count))
            .collect()
    }

    /// Returns the number of packets whose link type is not known.
    fn unknown(&self) -> u64 {
        self.others.link_types().map(|(_, count)| count).sum()
    }
}

fn packets_text(count: u64) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} packet{end}")
}

/// Returns the names of link types, each with its number.
fn links(types: &[LinkType]) -> String {
    let names: Vec<String> = types.iter().map(LinkType::to_string).collect();
    names.join(" and ")
}
