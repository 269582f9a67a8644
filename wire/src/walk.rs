//! The walk over a capture: its messages, one after the other, with their names.
//!
//! ```
//! use wirestream::budget::Memory;
//! use wirestream::capture::CaptureReader;
//! use wirestream::walk::messages;
//!
//! # let file: &[u8] = &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
//! let mut reader = CaptureReader::new(file)?;
//! messages(&mut reader, Memory::default(), |opening, name, message| {
//!     println!("connection {}, {name}: {} bytes", opening.index, message.length);
//! });
//! if let Some(damage) = reader.damage() {
//!     println!("damaged: {damage}");
//! }
//! # Ok::<(), wirestream::capture::ReadError>(())
//! ```

use std::cell::RefCell;
use std::io::Read;
use std::rc::Rc;

use crate::budget::{Budget, Memory};
use crate::capture::CaptureReader;
use crate::conversation::Conversation;
use crate::message::{Message, Name, Names};
use crate::packet::{Decoded, FrameDecoder, Others};
use crate::tcp::event::{Origin, StreamEvent, StreamSink};
use crate::tcp::stream::{Opening, Options, Reassembler};

/// A function that takes each message with its connection and its name there.
type Visitor<'a> = Rc<RefCell<&'a mut dyn FnMut(&Opening, Name, Message)>>;

/// The facts about a walk that no message tells.
#[derive(Clone, Debug, Default)]
pub struct Walked {
    /// The packets that are not TCP segments, by what they are instead.
    pub others: Others,
    /// The number of connections taken for ended while they were still open, to make room for others.
    pub ended_early: u64,
}

/// Reads a capture as far as possible and hands over each message as soon as it is complete: with its connection, and
/// its name there. No more is held at a time than `memory` allows; what that leaves out is noted at the messages.
///
/// Afterwards [`CaptureReader::damage`] and [`CaptureReader::cut`] tell if the capture was read to its end.
pub fn messages<R: Read>(
    reader: &mut CaptureReader<R>,
    memory: Memory,
    mut visit: impl FnMut(&Opening, Name, Message),
) -> Walked {
    let budget = Budget::new(memory);
    let visitor: Visitor<'_> = Rc::new(RefCell::new(&mut visit));
    let mut reassembler = Reassembler::new(Options::default(), |opening| Listener {
        opening: *opening,
        conversation: Conversation::within(&budget),
        names: Names::default(),
        visitor: Rc::clone(&visitor),
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
    Walked {
        others: decoder.others().clone(),
        ended_early,
    }
}

/// The memory that a listener allocates.
const LISTENER_BYTES: usize = 512;

/// Listens to one connection.
struct Listener<'a> {
    opening: Opening,
    conversation: Conversation,
    names: Names,
    visitor: Visitor<'a>,
}

impl Listener<'_> {
    fn hand_over(&mut self) {
        while let Some(message) = self.conversation.take() {
            let name = self.names.next(&message);
            (self.visitor.borrow_mut())(&self.opening, name, message);
        }
    }

    fn finish(mut self) {
        self.conversation.finish();
        self.hand_over();
    }
}

impl StreamSink for Listener<'_> {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        for piece in event.pieces() {
            self.conversation.event(origin, piece);
            self.hand_over();
        }
    }
}
