//! One connection while it is read: its messages as they are completed, each with the packets that carried it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::rc::Rc;

use wirestream::budget::{Budget, Holding};
use wirestream::conversation::Conversation;
use wirestream::message::Name;
use wirestream::message::{Detail, Message};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::units::{Side, Timestamp};

use super::entry::{Before, Digest, Entry, Said};
use super::kind::Kind;
use super::redaction::Redaction;
use super::tally::{Cost, Tally};

/// The most packets of one side, of messages not complete yet, that are kept one by one; further ones of the same cost
/// are counted together.
const MOST_MARKS: usize = 16_384;

/// The most packets kept because they may still turn out to carry something, once the data before them comes.
const MOST_WAITING: usize = 65_536;

/// The state shared by the connections of one capture.
pub(super) struct Shared<'r> {
    pub(super) redaction: Redaction<'r>,
    /// The time at which the capture began.
    pub(super) first: Cell<Timestamp>,
    /// The bytes of memory still free for messages; messages for which there is no room are only counted.
    pub(super) room: Cell<usize>,
    budget: Budget,
    packets: RefCell<Packets>,
    /// The connections whose sides have turned: all of them, and those that the reading does not know yet.
    turned: RefCell<(HashSet<u64>, Vec<u64>)>,
}

#[derive(Default)]
struct Packets {
    /// The packet that is read right now, until it is known to carry something new.
    current: Option<(u64, Carrying)>,
    waiting: BTreeMap<u64, (Carrying, Place)>,
}

/// A packet with payload.
#[derive(Clone, Copy)]
pub(super) struct Carrying {
    pub(super) cost: Cost,
    pub(super) payload_bytes: u32,
}

/// The place where a packet counts that turns out to carry nothing new.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) connection: u64,
    pub(super) sort: super::record::Sort,
    pub(super) side: Side,
    /// True if it was known which side is the client.
    pub(super) is_sure: bool,
}

impl<'r> Shared<'r> {
    pub(super) fn new(redaction: Redaction<'r>, budget: &Budget, room: usize) -> Self {
        Self {
            redaction,
            first: Cell::default(),
            room: Cell::new(room),
            budget: budget.clone(),
            packets: RefCell::default(),
            turned: RefCell::default(),
        }
    }

    fn turn(&self, connection: u64) {
        let mut turned = self.turned.borrow_mut();
        turned.0.insert(connection);
        turned.1.push(connection);
    }

    /// Returns the connections whose sides have turned since the last call.
    pub(super) fn take_turned(&self) -> Vec<u64> {
        std::mem::take(&mut self.turned.borrow_mut().1)
    }

    /// Returns the side that a packet counts for.
    pub(super) fn side(&self, place: &Place) -> Side {
        let has_turned = !place.is_sure && self.turned.borrow().0.contains(&place.connection);
        if has_turned {
            place.side.peer()
        } else {
            place.side
        }
    }

    pub(super) fn begin(&self, number: u64, packet: Carrying) {
        self.packets.borrow_mut().current = Some((number, packet));
    }

    /// Returns true if the last packet read carried nothing that is known to be new.
    pub(super) fn is_left(&self) -> bool {
        self.packets.borrow().current.is_some()
    }

    /// Keeps that packet, as it may wait behind a gap. Returns one that has waited too long.
    pub(super) fn wait(&self, place: Place) -> Option<(Carrying, Place)> {
        let mut packets = self.packets.borrow_mut();
        let (number, packet) = packets.current.take()?;
        packets.waiting.insert(number, (packet, place));
        if packets.waiting.len() > MOST_WAITING {
            return packets.waiting.pop_first().map(|(_, packet)| packet);
        }
        None
    }

    /// Returns all packets that never carried anything.
    pub(super) fn take_waiting(&self) -> BTreeMap<u64, (Carrying, Place)> {
        std::mem::take(&mut self.packets.borrow_mut().waiting)
    }

    /// Returns the packet of this number, the first time that it is asked for.
    fn take(&self, number: u64) -> Option<Carrying> {
        let mut packets = self.packets.borrow_mut();
        match packets.current {
            Some((current, packet)) if current == number => {
                packets.current = None;
                Some(packet)
            }
            _ => packets.waiting.remove(&number).map(|(packet, _)| packet),
        }
    }
}

/// Listens to one connection.
pub(super) struct Listener<'r>(pub(super) Rc<RefCell<Live<'r>>>);

impl StreamSink for Listener<'_> {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        self.0.borrow_mut().event(origin, event);
    }

    fn sides_have_turned(&mut self) {
        self.0.borrow_mut().turn_sides();
    }
}

/// The state of a connection that may go on.
pub(super) struct Live<'r> {
    shared: Rc<Shared<'r>>,
    /// Its number, counted from 0.
    index: u64,
    /// The conversation; `None` when the connection is over, because it is remembered for a while and should cost
    /// little.
    conversation: Option<Box<Conversation>>,
    streams: [Stream; 2],
    rest: Fold,
    /// The memory held by its growing parts.
    holding: Holding,
}

/// One side's stream.
#[derive(Default)]
struct Stream {
    delivered: u64,
    missing: u64,
    /// The payload bytes that came before anything was delivered: without its SYN, a stream waits for data that may
    /// come before.
    read_ahead: u64,
    /// The packets whose messages are still to come, in order of the places in the stream to which they belong.
    marks: VecDeque<Mark>,
    /// The last message, which ends where the next one begins; and the offset at which it begins.
    pending: Option<(Entry, u64)>,
    entries: Vec<Entry>,
    /// The index of an unfinished message in fragments.
    open: Option<usize>,
    names: [u64; 4],
    /// Payload that is not part of the stream.
    asides: Vec<Entry>,
    named_asides: u64,
    before: Before,
}

/// Packets that belong to a place in a stream.
#[derive(Clone, Copy)]
struct Mark {
    offset: u64,
    cost: Cost,
    /// The payload bytes of a packet that carries some; `None` for packets that acknowledge.
    payload_bytes: Option<u32>,
    count: u64,
}

/// The messages of a connection, and the way in which they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Spoken {
    /// The messages of the client, and of the server.
    pub(super) entries: [Vec<Entry>; 2],
    /// Payload that is not part of the stream of the client, and of the server.
    pub(super) asides: [Vec<Entry>; 2],
    /// The messages for which there was no room.
    pub(super) rest: Fold,
    /// The bytes of each side that were delivered, each counted once.
    pub(super) delivered: [u64; 2],
    /// The bytes of each side that are missing.
    pub(super) missing: [u64; 2],
}

/// Messages that are only counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Fold {
    pub(super) messages: u64,
    /// The bytes of the messages, by the kind of thing that they say.
    pub(super) parts: [i64; Kind::ALL.len()],
    pub(super) data: Tally,
    pub(super) acknowledgements: Tally,
    /// A digest that is equal for the same messages in any order, with volatile parts hidden.
    pub(super) digest: u64,
}

impl<'r> Live<'r> {
    pub(super) fn new(shared: Rc<Shared<'r>>, index: u64) -> Self {
        Self {
            holding: Holding::of(&shared.budget),
            conversation: Some(Box::new(Conversation::within(&shared.budget))),
            shared,
            index,
            streams: [Stream::default(), Stream::default()],
            rest: Fold::default(),
        }
    }

    /// Takes a packet of `side` that only acknowledges: it belongs to the last message that it can be about. Returns
    /// false if there is no such message.
    pub(super) fn acknowledge(&mut self, side: Side, cost: Cost) -> bool {
        let stream = &mut self.streams[side.peer() as usize];
        let Some(offset) = stream.come_so_far().checked_sub(1) else {
            return false;
        };
        if self.conversation.is_none() {
            return false;
        }
        stream.mark(offset, cost, None, self.shared.budget.is_used_up());
        self.take_stock();
        true
    }

    /// Takes a packet of `side` whose payload is not delivered, at least not yet.
    pub(super) fn wait(&mut self, side: Side, payload_bytes: u32) {
        let stream = &mut self.streams[side as usize];
        if stream.length() == 0 {
            stream.read_ahead += u64::from(payload_bytes);
        }
    }

    /// Returns everything that was said. Nothing more comes.
    pub(super) fn finish(&mut self) -> Spoken {
        self.conclude();
        let mut spoken = Spoken {
            rest: std::mem::take(&mut self.rest),
            ..Spoken::default()
        };
        for (side, stream) in self.streams.iter_mut().enumerate() {
            spoken.entries[side] = std::mem::take(&mut stream.entries);
            spoken.asides[side] = std::mem::take(&mut stream.asides);
            spoken.delivered[side] = stream.delivered;
            spoken.missing[side] = stream.missing;
        }
        spoken
    }

    /// Turns the sides. No message was read yet, but packets may have been noted.
    fn turn_sides(&mut self) {
        self.streams.reverse();
        self.shared.turn(self.index);
    }

    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        let stream = &mut self.streams[origin.side as usize];
        match event {
            StreamEvent::Data(bytes) => {
                if let Some(packet) = self.shared.take(origin.packet) {
                    let payload_bytes = Some(packet.payload_bytes);
                    let is_used_up = self.shared.budget.is_used_up();
                    stream.mark(stream.length(), packet.cost, payload_bytes, is_used_up);
                }
                stream.delivered += bytes.len() as u64;
            }
            StreamEvent::Missing(count) => stream.missing = stream.missing.saturating_add(count),
            StreamEvent::Aside(..) | StreamEvent::Finished | StreamEvent::Ended => {}
        }
        for piece in event.pieces() {
            if let Some(conversation) = &mut self.conversation {
                conversation.event(origin, piece);
            }
            self.take_messages();
        }
    }

    fn take_messages(&mut self) {
        while let Some(message) = self.conversation.as_mut().and_then(|talk| talk.take()) {
            self.message(message);
        }
    }

    fn message(&mut self, mut message: Message) {
        self.shared.redaction.hide_secrets(&mut message);
        if matches!(message.detail, Detail::Aside(_)) {
            return self.aside(message);
        }
        let side = message.from as usize;
        let stream = &mut self.streams[side];
        // A side's first message has all that is before it.
        let start = match &stream.pending {
            None => 0,
            Some((_, before)) => message.offset.max(*before),
        };
        self.settle(side, start);
        let name = self.streams[side].name(&message);
        let time = message.time.nanoseconds_after(self.shared.first.get());
        let redaction = self.shared.redaction;
        let before = &mut self.streams[side].before;
        let mut entry = Entry::new(message, name, time, redaction, before);
        if self.shared.budget.is_used_up() {
            entry.forget_shown();
        }
        self.streams[side].pending = Some((entry, start));
        self.take_stock();
    }

    /// Tells the budget how much is held of messages that are not at their places yet.
    fn take_stock(&mut self) {
        let held: usize = self.streams.iter().map(Stream::memory).sum();
        self.holding.set(held);
    }

    /// Takes payload that is not part of a stream. It does not separate messages, and no packets belong to it.
    fn aside(&mut self, message: Message) {
        let side = message.from;
        let stream = &mut self.streams[side as usize];
        stream.named_asides += 1;
        let name = Name::Aside(side, stream.named_asides);
        let time = message.time.nanoseconds_after(self.shared.first.get());
        let redaction = self.shared.redaction;
        let entry = Entry::new(message, name, time, redaction, &mut Before::default());
        if let Some(room) = self.shared.room.get().checked_sub(entry.weight()) {
            self.shared.room.set(room);
            stream.asides.push(entry);
        } else {
            self.rest.add(&entry);
        }
    }

    /// Ends the pending message of a side: it gets its packets, and its place among the others.
    fn settle(&mut self, side: usize, end: u64) {
        let stream = &mut self.streams[side];
        let Some((mut entry, start)) = stream.pending.take() else {
            return;
        };
        entry.bytes = end.saturating_sub(start).cast_signed();
        stream.give_marks(&mut entry, end);
        if let Some(open) = stream.open {
            let redaction = self.shared.redaction;
            match stream.entries[open].continue_with(entry, redaction) {
                Ok(()) => {
                    if !stream.entries[open].goes_on() {
                        stream.open = None;
                    }
                    return;
                }
                Err(other) => entry = *other,
            }
        }
        let room = self.shared.room.get().checked_sub(entry.weight());
        if let Some(room) = room {
            self.shared.room.set(room);
            if entry.goes_on() {
                stream.open = Some(stream.entries.len());
            }
            // Most connections of a capture with many hold one message a side.
            if stream.entries.capacity() == 0 {
                stream.entries.reserve_exact(1);
            }
            stream.entries.push(entry);
        } else {
            self.rest.add(&entry);
        }
    }

    /// Concludes the connection: nothing more can be said.
    fn conclude(&mut self) {
        let Some(mut conversation) = self.conversation.take() else {
            return;
        };
        conversation.finish();
        while let Some(message) = conversation.take() {
            self.message(message);
        }
        for side in 0..2 {
            let end = self.streams[side].length();
            self.settle(side, end);
            self.settle_the_rest(side);
        }
    }

    /// Settles packets that belong to no message: on a side that said nothing recognized as a message.
    fn settle_the_rest(&mut self, side: usize) {
        let redaction = self.shared.redaction;
        let stream = &mut self.streams[side];
        if stream.names == [0; 4] {
            self.rest.parts[Kind::Body as usize] += stream.length().cast_signed();
        }
        for mark in std::mem::take(&mut stream.marks) {
            let tally = match mark.payload_bytes {
                Some(_) => &mut self.rest.data,
                None => &mut self.rest.acknowledgements,
            };
            tally.add(mark.cost, mark.count);
        }
        if let Some(open) = stream.open.take()
            && let Said::Frames(frames) = &mut stream.entries[open].said
        {
            frames.end(redaction);
        }
    }
}

impl Stream {
    /// Returns the length of the stream so far, including holes.
    const fn length(&self) -> u64 {
        self.delivered.saturating_add(self.missing)
    }

    /// Returns the length of the stream so far, as far as its other side may have seen it.
    const fn come_so_far(&self) -> u64 {
        match self.length() {
            0 => self.read_ahead,
            length => length,
        }
    }

    /// Returns the number of bytes held of messages that are not at their places yet.
    fn memory(&self) -> usize {
        let pending = self.pending.as_ref().map_or(0, |(entry, _)| entry.weight());
        let open = self
            .open
            .map_or(0, |open| self.entries[open].growing_bytes());
        self.marks.len() * size_of::<Mark>() + pending + open
    }

    fn mark(&mut self, offset: u64, cost: Cost, payload_bytes: Option<u32>, is_used_up: bool) {
        let mark = Mark {
            offset,
            cost,
            payload_bytes,
            count: 1,
        };
        if self.marks.len() >= MOST_MARKS || is_used_up {
            let alike = |other: &&mut Mark| {
                other.cost == cost && other.payload_bytes.is_some() == payload_bytes.is_some()
            };
            if let Some(other) = self.marks.iter_mut().rev().take(4).find(alike) {
                other.count += 1;
                return;
            }
        }
        // Nearly always at the end; what was read ahead is acknowledged before it is delivered.
        let place = match self.marks.back() {
            Some(last) if last.offset > offset => {
                self.marks.partition_point(|mark| mark.offset <= offset)
            }
            _ => self.marks.len(),
        };
        self.marks.insert(place, mark);
    }

    fn give_marks(&mut self, entry: &mut Entry, end: u64) {
        while let Some(mark) = self.marks.front().copied().filter(|mark| mark.offset < end) {
            self.marks.pop_front();
            match mark.payload_bytes {
                Some(payload_bytes) => {
                    entry.data.add(mark.cost, mark.count);
                    // What is behind the message's end is another one's.
                    let own = end.saturating_sub(mark.offset);
                    let own = u32::try_from(own).unwrap_or(u32::MAX).min(payload_bytes);
                    for _ in 0..mark.count {
                        entry.cuts.push(own);
                    }
                }
                None => entry.acknowledgements.add(mark.cost, mark.count),
            }
        }
    }

    fn name(&mut self, message: &Message) -> Name {
        let sort = match &message.detail {
            Detail::Http(_) => 0,
            Detail::WebSocket(_) | Detail::Raw(_) | Detail::Aside(_) => 1,
            Detail::Event(_) => 2,
            Detail::EventsEnd(_) => 3,
        };
        self.names[sort] += 1;
        let number = self.names[sort];
        match &message.detail {
            Detail::Http(http) if http.head.is_request() => Name::Request(number),
            Detail::Http(_) => Name::Response(number),
            Detail::WebSocket(_) | Detail::Raw(_) | Detail::Aside(_) => {
                Name::Turn(message.from, number)
            }
            Detail::Event(_) => Name::Event(number),
            Detail::EventsEnd(_) => Name::EventsEnd(number),
        }
    }
}

impl Fold {
    fn add(&mut self, entry: &Entry) {
        self.messages += 1;
        for (kind, bytes) in entry.parts() {
            self.parts[kind as usize] += bytes;
        }
        self.data.merge(&entry.data);
        self.acknowledgements.merge(&entry.acknowledgements);
        self.digest = self.digest.wrapping_add(first_word(&entry.exact));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.messages += other.messages;
        for (own, more) in self.parts.iter_mut().zip(other.parts) {
            *own += more;
        }
        self.data.merge(&other.data);
        self.acknowledgements.merge(&other.acknowledgements);
        self.digest = self.digest.wrapping_add(other.digest);
    }

    /// Takes in all messages of one side.
    pub(super) fn add_all(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.add(entry);
        }
    }
}

fn first_word(digest: &Digest) -> u64 {
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}
