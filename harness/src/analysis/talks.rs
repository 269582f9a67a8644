//! Reads all messages of a capture, one after the other, with their names.

use std::cell::RefCell;
use std::io::Read;
use std::rc::Rc;

use super::conversation::Conversation;
use super::coverage::Coverage;
use super::difference::Name;
use super::message::{Detail, Message};
use wirestream::budget::{Budget, Memory};
use wirestream::capture::CaptureReader;
use wirestream::packet::frame::{Decoded, FrameDecoder};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Opening, Options, Reassembler};
use wirestream::units::Side;

/// A function that receives each message with its connection and its name there.
type Hearer<'a> = Rc<RefCell<&'a mut dyn FnMut(&Opening, Name, Message)>>;

/// Reads a capture as far as possible and hands over each message as soon as it is complete.
pub fn hear<R: Read>(
    reader: &mut CaptureReader<R>,
    hear: impl FnMut(&Opening, Name, Message),
) -> Coverage {
    hear_within(reader, Memory::default(), hear)
}

/// Does the same within so much memory.
pub fn hear_within<R: Read>(
    reader: &mut CaptureReader<R>,
    memory: Memory,
    mut hear: impl FnMut(&Opening, Name, Message),
) -> Coverage {
    let budget = Budget::new(memory);
    let hearer: Hearer<'_> = Rc::new(RefCell::new(&mut hear));
    let mut reassembler = Reassembler::new(Options::default(), |opening| Listener {
        opening: *opening,
        conversation: Conversation::within(&budget),
        names: Names::default(),
        hearer: Rc::clone(&hearer),
    })
    .within(&budget, LISTENER_BYTES);
    let mut decoder = FrameDecoder::default();
    while let Some(packet) = reader.next() {
        let frame = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        if let Decoded::Segment(segment) = frame {
            reassembler.segment(packet.number, packet.time, &segment);
        }
        for (_, listener) in reassembler.take_finished() {
            listener.finish();
        }
    }
    let ended_early = reassembler.ended_early();
    for (_, listener) in reassembler.finish() {
        listener.finish();
    }
    Coverage::new(reader, &decoder).with_ended_early(ended_early)
}

/// The memory that a listener allocates.
const LISTENER_BYTES: usize = 512;

/// Listens to one connection.
struct Listener<'a> {
    opening: Opening,
    conversation: Conversation,
    names: Names,
    hearer: Hearer<'a>,
}

impl Listener<'_> {
    fn tell(&mut self) {
        while let Some(message) = self.conversation.take() {
            let name = self.names.next(&message);
            (self.hearer.borrow_mut())(&self.opening, name, message);
        }
    }

    fn finish(mut self) {
        self.conversation.finish();
        self.tell();
    }
}

impl StreamSink for Listener<'_> {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        for piece in event.pieces() {
            self.conversation.event(origin, piece);
            self.tell();
        }
    }
}

/// Counts the messages of a connection.
#[derive(Default)]
pub struct Names {
    requests: u64,
    responses: u64,
    events: u64,
    ends: u64,
    turns: [u64; 2],
    asides: [u64; 2],
}

impl Names {
    /// Returns the name of the next message.
    pub fn next(&mut self, message: &Message) -> Name {
        let count = |number: &mut u64| {
            *number += 1;
            *number
        };
        match (&message.detail, message.from) {
            (Detail::Http(_), Side::Client) => Name::Request(count(&mut self.requests)),
            (Detail::Http(_), Side::Server) => Name::Response(count(&mut self.responses)),
            (Detail::Event(_), _) => Name::Event(count(&mut self.events)),
            (Detail::EventsEnd(_), _) => Name::EventsEnd(count(&mut self.ends)),
            (Detail::WebSocket(_) | Detail::Raw(_), side) => {
                Name::Turn(side, count(&mut self.turns[side as usize]))
            }
            (Detail::Aside(_), side) => Name::Aside(side, count(&mut self.asides[side as usize])),
        }
    }
}
