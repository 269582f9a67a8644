//! A capture taken apart to be shown: its packets with their bytes and layers, its messages, and where the bytes of an
//! update go.
//!
//! The kept part is bounded, however long the capture is: of many packets those that [`selection`] chooses, of many
//! messages the first. The rest is counted, so that any output can say so. A capture is read twice for that: once to
//! see what there is, and once to take what is wanted.

pub mod cost;
mod dialogue;
mod packet;
pub mod selection;

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::rc::Rc;

use wirestream::budget::{Budget, Memory};
use wirestream::capture::CaptureReader;
use wirestream::capture::ReadError;
use wirestream::message::Message;
use wirestream::packet::Segment;
use wirestream::tcp::stream::{self, Opening, Reassembler};
use wirestream::units::{Side, Timestamp};
use wirestream::walk::Walk;

use self::cost::Cost;
pub use self::dialogue::{Dialogue, Hide};
use self::dialogue::{Listener, Shared};
pub use self::packet::{BYTES_SHOWN, Packet, Tcp};
use super::stats::{Measured, Options, measure};
use super::update::Phase;

/// A capture taken apart.
#[derive(Debug)]
pub struct Dissection {
    /// Its figures, with every packet explained.
    pub measured: Measured,
    /// The packets that are shown, in order. Gaps in their numbers are packets that are not shown.
    pub packets: Vec<Packet>,
    /// The messages of each connection, in order of first packets.
    pub dialogues: Vec<Dialogue>,
    /// The bytes of the most common update by layer; `None` if there are no updates.
    pub update: Option<Cost>,
}

impl Dissection {
    /// Takes a capture apart; `open` opens it, each time that it is called.
    ///
    /// # Errors
    ///
    /// Returns an error if the capture cannot be read to its end, or has packets of an unknown link type.
    pub fn of<R: Read>(
        open: impl Fn() -> Result<CaptureReader<R>, ReadError>,
        options: Options,
    ) -> Result<Self, ReadError> {
        Self::hiding(open, options, &|_| false)
    }

    /// Takes a capture apart, and hides in its messages what `hide` hides. The packets that carried these messages show
    /// nothing of their payload.
    ///
    /// # Errors
    ///
    /// Returns an error as [`Dissection::of`] does.
    pub fn hiding<R: Read>(
        open: impl Fn() -> Result<CaptureReader<R>, ReadError>,
        options: Options,
        hide: Hide<'_>,
    ) -> Result<Self, ReadError> {
        let options = Options {
            explain: true,
            ..options
        };
        let measured = measure(&mut open()?, &options);
        // The list of packets keeps its half.
        let budget = Budget::new(Memory::of(options.memory.bytes() / 2));
        Ok(Reading::new(measured).read(&mut open()?, &budget, hide))
    }

    /// Blanks the payloads of packets that carried something hidden. A later copy of the same bytes carried it too, so
    /// all packets of a side with bytes of such a packet are blanked.
    fn hide_packets(mut self, shared: &Shared<'_>) -> Self {
        let hidden_packets: Vec<Carried> = self
            .packets
            .iter()
            .filter(|packet| shared.hides(packet.explained.number))
            .filter_map(|packet| Some((packet.explained.sender, packet.tcp.as_ref()?.bytes())))
            .collect();
        for packet in &mut self.packets {
            let Some(bytes) = packet.tcp.as_ref().map(Tcp::bytes) else {
                continue;
            };
            let sender = packet.explained.sender;
            let repeats = |(other, stretch): &Carried| {
                *other == sender && stretch.start < bytes.end && bytes.start < stretch.end
            };
            if shared.hides(packet.explained.number) || hidden_packets.iter().any(repeats) {
                packet.veil();
            }
        }
        self
    }

    /// Returns the time at which its first packet was captured.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        let first = self.measured.packets.first();
        first.map_or_else(Timestamp::default, |packet| packet.time)
    }

    /// Returns the message that begins in a packet; of several, the first.
    #[must_use]
    pub fn message_at(&self, packet: u64) -> Option<&Message> {
        let messages = self
            .dialogues
            .iter()
            .flat_map(|dialogue| &dialogue.messages);
        messages
            .filter(|message| message.packet == packet)
            .min_by_key(|message| message.offset)
    }
}

/// The sender of a packet, and the bytes of its stream that the packet carried.
type Carried = (Option<(u64, Side)>, Range<u32>);

/// The second reading of a capture.
struct Reading {
    measured: Measured,
    selected: Vec<usize>,
    packets: Vec<Packet>,
    /// The first sequence number of each side of each connection.
    origins: HashMap<(u64, Side), u32>,
}

impl Reading {
    fn new(measured: Measured) -> Self {
        let mut selected = selection::select(&measured.packets);
        selected.reverse();
        Self {
            packets: Vec::with_capacity(selected.len()),
            measured,
            selected,
            origins: HashMap::new(),
        }
    }

    fn read<R: Read>(
        mut self,
        reader: &mut CaptureReader<R>,
        budget: &Budget,
        hide: Hide<'_>,
    ) -> Dissection {
        let representative = Representative::of(&self.measured);
        let shared = Rc::new(Shared::new(representative.packets, hide));
        let sink = |opening: &Opening| Listener::new(opening, Rc::clone(&shared), budget);
        let mut reassembler = Reassembler::new(stream::Options::default(), sink)
            .within(budget, dialogue::LISTENER_BYTES);
        let mut index = 0;
        let mut walk = Walk::new(reader);
        while let Some((packet, decoded)) = walk.next() {
            let explained = self.measured.packets.get(index).copied();
            let Some(explained) = explained.filter(|other| other.number == packet.number) else {
                continue;
            };
            let segment = decoded.segment();
            if let Some(segment) = segment {
                reassembler.segment(packet.number, packet.time, segment);
            }
            let tcp = segment
                .zip(explained.sender)
                .map(|(segment, sender)| relative(&mut self.origins, segment, sender));
            if self.selected.last() == Some(&index) {
                self.selected.pop();
                self.packets.push(Packet::new(explained, &packet, tcp));
            }
            index += 1;
        }
        let finished = reassembler.finish();
        let dissection = self.conclude(finished, representative.cost);
        dissection.hide_packets(&shared)
    }

    fn conclude(
        self,
        finished: Vec<(stream::Connection, Listener<'_>)>,
        mut cost: Option<Cost>,
    ) -> Dissection {
        let mut dialogues: Vec<Dialogue> = Vec::new();
        for (connection, listener) in finished {
            let (dialogue, parts) = listener.finish(&connection);
            if let Some(cost) = &mut cost {
                cost.add(parts);
            }
            dialogues.push(dialogue);
        }
        dialogues.sort_by_key(|dialogue| dialogue.index);
        Dissection {
            measured: self.measured,
            packets: self.packets,
            dialogues,
            update: cost,
        }
    }
}

/// Returns sequence numbers counted from the first of their side, as every analyser shows them.
fn relative(
    origins: &mut HashMap<(u64, Side), u32>,
    segment: &Segment<'_>,
    (connection, side): (u64, Side),
) -> Tcp {
    let origin = *origins
        .entry((connection, side))
        .or_insert(segment.sequence);
    let peer = *origins
        .entry((connection, side.peer()))
        .or_insert(segment.acknowledgement);
    if segment.flags.opens() {
        // What it acknowledges means nothing: the peer's numbers are not known yet.
        origins.remove(&(connection, side.peer()));
    }
    Tcp::new(segment, origin, peer)
}

/// The update that stands for all of them: the first of those that are the most common.
struct Representative {
    cost: Option<Cost>,
    /// The numbers of its packets, in order.
    packets: Vec<u64>,
}

impl Representative {
    fn of(measured: &Measured) -> Self {
        let per_update = measured.per_update;
        let place = per_update.and_then(|common| {
            let mut updates = measured.updates.iter();
            updates.position(|update| *update == common)
        });
        let phase = place.map(|place| Phase::Update(place as u64 + 1));
        let is_in = |phase_of: Phase| Some(phase_of) == phase;
        let packets = measured.packets.iter();
        let packets = packets.filter(|packet| is_in(packet.phase));
        let cost = per_update.zip(place).map(|(statistics, place)| {
            let number = place as u64 + 1;
            Cost::new(number, statistics)
        });
        Self {
            cost,
            packets: packets.map(|packet| packet.number).collect(),
        }
    }
}
