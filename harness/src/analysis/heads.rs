//! Finds the packets of a capture that carry the headers of HTTP responses.
//!
//! Statistics run at the speed of memory and read no streams. Only a reader can tell the purpose of a packet's payload,
//! though: a header may come byte by byte, out of order, behind the body before it, or not at all if both sides speak
//! another protocol by now. So if packets are explained, each connection is read as a conversation, in outline.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use wirestream::budget::{Budget, Holding, Memory};
use wirestream::capture::Packet;
use wirestream::packet::Segment;
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Opening, Options, Reassembler};
use wirestream::units::Side;

use wirestream::conversation::Conversation;

type Open = Box<dyn FnMut(&Opening) -> Listener>;

/// The memory that a listener allocates.
const LISTENER_BYTES: usize = 512;

/// The memory for a packet whose payload is not yet known.
const CARRIER_BYTES: usize = size_of::<(u64, u64)>();

/// Reads the connections of one capture in outline.
pub struct HeadFinder {
    port: Option<u16>,
    reassembler: Reassembler<Listener, Open>,
    found: Rc<RefCell<Vec<u64>>>,
}

impl HeadFinder {
    /// Creates a finder for all packets of a capture, or for those of the server on `port`, in so much memory.
    #[must_use]
    pub fn new(port: Option<u16>, memory: Memory) -> Self {
        let found = Rc::new(RefCell::new(Vec::new()));
        let shared = Rc::clone(&found);
        let budget = Budget::new(memory);
        let of_listeners = budget.clone();
        let open: Open = Box::new(move |_| Listener::new(&of_listeners, Rc::clone(&shared)));
        let reassembler = Reassembler::new(Options::default(), open);
        Self {
            port,
            reassembler: reassembler.within(&budget, LISTENER_BYTES),
            found,
        }
    }

    /// Takes the next segment of the capture, with its packet.
    pub fn segment(&mut self, packet: &Packet<'_>, segment: &Segment<'_>) {
        let ports = [segment.source.port(), segment.destination.port()];
        if self.port.is_some_and(|port| !ports.contains(&port)) {
            return;
        }
        self.reassembler
            .segment(packet.number, packet.time, segment);
        for (_, listener) in self.reassembler.take_finished() {
            listener.finish();
        }
    }

    /// Returns the numbers of the packets that carry a byte of a response's header, in order.
    #[must_use]
    pub fn finish(self) -> Vec<u64> {
        for (_, listener) in self.reassembler.finish() {
            listener.finish();
        }
        let mut found = self.found.take();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Listens to one connection.
struct Listener {
    conversation: Conversation,
    /// The ends of the server's bytes whose meaning is not known yet, and the packets that carried them.
    carriers: VecDeque<(u64, u64)>,
    /// The number of bytes that the server sent.
    length: u64,
    /// The memory that `carriers` takes.
    holding: Holding,
    found: Rc<RefCell<Vec<u64>>>,
}

impl Listener {
    fn new(budget: &Budget, found: Rc<RefCell<Vec<u64>>>) -> Self {
        Self {
            conversation: Conversation::outline(budget),
            carriers: VecDeque::new(),
            length: 0,
            holding: Holding::of(budget),
            found,
        }
    }

    fn look(&mut self) {
        for head in self.conversation.take_heads() {
            self.find(&head);
        }
        let settled = self.conversation.settled();
        while self
            .carriers
            .front()
            .is_some_and(|(end, _)| *end <= settled)
        {
            self.carriers.pop_front();
        }
        self.holding.set(self.carriers.len() * CARRIER_BYTES);
    }

    /// Records the packets that carried a stretch of the stream.
    fn find(&self, head: &Range<u64>) {
        let first = self.carriers.partition_point(|(end, _)| *end <= head.start);
        let mut start = head.start;
        for (end, packet) in self.carriers.range(first..) {
            if start >= head.end {
                return;
            }
            self.found.borrow_mut().push(*packet);
            start = *end;
        }
    }

    fn finish(mut self) {
        self.cut();
        self.conversation.finish();
        self.look();
    }

    /// Records an unfinished header as it is: the rest of it will not come.
    fn cut(&self) {
        if let Some(head) = self.conversation.begun_head() {
            self.find(&head);
        }
    }
}

impl StreamSink for Listener {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        if origin.side == Side::Server {
            match event {
                StreamEvent::Data(bytes) => {
                    self.length = self.length.saturating_add(bytes.len() as u64);
                    // Where there is no room, the packets that came first are taken for what they were taken for.
                    if self.holding.budget().is_used_up() {
                        self.carriers.pop_front();
                    }
                    self.carriers.push_back((self.length, origin.packet));
                }
                StreamEvent::Missing(count) => self.length = self.length.saturating_add(count),
                StreamEvent::Finished | StreamEvent::Ended => self.cut(),
                StreamEvent::Aside(..) => {}
            }
        }
        self.conversation.event(origin, event);
        self.look();
    }
}
