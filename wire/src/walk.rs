//! The walk over a capture: its packets, each decoded, or its messages, each with its name.
//!
//! [`Walk`] is the one loop over a capture: every reader of packets goes through it, so that all of them agree on what
//! a packet is, and on where a damaged file ends.
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
use crate::capture::{CaptureReader, Packet};
use crate::conversation::Conversation;
use crate::message::{Message, Name, Names};
use crate::packet::{Decoded, FrameDecoder, Others};
use crate::tcp::event::{Origin, StreamEvent, StreamSink};
use crate::tcp::stream::{Opening, Options, Reassembler};

/// A walk over a capture, packet by packet.
///
/// ```
/// use wirestream::capture::CaptureReader;
/// use wirestream::packet::Decoded;
/// use wirestream::walk::Walk;
///
/// # let file: &[u8] = &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
/// let mut reader = CaptureReader::new(file)?;
/// let mut walk = Walk::new(&mut reader);
/// while let Some((packet, decoded)) = walk.next() {
///     match decoded {
///         Decoded::Segment(segment) => println!("packet {}: {}", packet.number, segment.payload_length),
///         Decoded::Other(other) => println!("packet {}: {other}", packet.number),
///     }
/// }
/// let others = walk.finish();
/// # assert_eq!(others.total(), 0);
/// # Ok::<(), wirestream::capture::ReadError>(())
/// ```
pub struct Walk<'r, R> {
    reader: &'r mut CaptureReader<R>,
    decoder: FrameDecoder,
}

impl<'r, R: Read> Walk<'r, R> {
    /// Begins a walk at the reader's next packet.
    pub fn new(reader: &'r mut CaptureReader<R>) -> Self {
        Self {
            reader,
            decoder: FrameDecoder::default(),
        }
    }

    /// Returns the next packet, and the segment in it or what it is instead; `None` at the end, or where the file is
    /// damaged. The segment of a datagram in fragments comes with the packet that completes it.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    #[inline]
    pub fn next(&mut self) -> Option<(Packet<'_>, Decoded<'_>)> {
        let packet = self.reader.next()?;
        let decoded = self
            .decoder
            .decode(packet.link_type, packet.bytes, packet.original_length);
        Some((packet, decoded))
    }

    /// Ends the walk, and returns the packets that are not TCP segments, by what they are instead.
    #[must_use]
    pub fn finish(self) -> Others {
        self.decoder.others().clone()
    }
}

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
    let mut walk = Walk::new(reader);
    while let Some((packet, decoded)) = walk.next() {
        if let Decoded::Segment(segment) = decoded {
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
        others: walk.finish(),
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
