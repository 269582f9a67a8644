//! Segments in any order, overlapping, repeated, cut and contradicting each other.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};
use wirestream::packet::{Flags, Segment};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Connection, Opening, Options, Reassembler};
use wirestream::units::Timestamp;

use super::input::Input;

/// The number of bytes that a segment is written with.
const STEP_BYTES: usize = 8;
/// The bound that the reassembler promises for all connections together, and some room for the segment at hand.
const MOST_WAITING: usize = (64 + 1) << 20;
/// The most bytes of payload that one run may have: more takes too long.
const MOST_PAYLOAD: usize = 96 << 20;

/// The sequence number and the payload of each packet.
type Sent = Rc<RefCell<Vec<(u32, Rc<[u8]>)>>>;

/// Checks that every byte that comes out is one that its packet carried, in its place, and that each side ends once,
/// after everything but asides.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let mut sent_bytes = 0;
    let sent = Sent::default();
    let open = |_: &Opening| Listener::new(&sent);
    let mut reassembler = Reassembler::new(Options { hash: true }, open);
    for number in 1.. {
        if input.0.len() < STEP_BYTES || sent_bytes > MOST_PAYLOAD {
            break;
        }
        let step = Step::read(&mut input);
        let payload = step.payload();
        sent_bytes += payload.len();
        let sequence = step.segment(&payload).payload_sequence();
        sent.borrow_mut().push((sequence, Rc::from(payload)));
        let payload = Rc::clone(&sent.borrow()[number - 1].1);
        let time = Timestamp::from_nanoseconds(number as u64);
        reassembler.segment(number as u64, time, &step.segment(&payload));
        assert!(reassembler.waiting_bytes() <= MOST_WAITING);
    }
    for (connection, listener) in reassembler.finish() {
        listener.compare(&connection);
    }
}

/// A segment in a few bytes, more often than not near others.
struct Step {
    choices: u8,
    flags: Flags,
    sequence: u32,
    acknowledgement: u32,
    length: usize,
}

impl Step {
    fn read(input: &mut Input<'_>) -> Self {
        let (choices, flags) = (input.byte(), Flags(input.byte()));
        let near = |number: u16| u32::from(number).wrapping_sub(0x8000);
        let (sequence, acknowledgement) = (near(input.number()), near(input.number()));
        let length = input.number();
        let far = if choices & 8 != 0 { 1 << 30 } else { 0 };
        // Short ones, since 64 KiB take as long as a thousand others; but some must fill what waits.
        let length = if choices & 16 != 0 {
            usize::from(length)
        } else {
            usize::from(length) % 64
        };
        Self {
            choices,
            flags,
            sequence: sequence.wrapping_add(far),
            acknowledgement,
            length,
        }
    }

    /// Returns a byte for each place in the sequence, the same in each copy unless the copy is to contradict.
    fn payload(&self) -> Vec<u8> {
        let salt = u32::from(self.choices >> 6);
        let start = self
            .sequence
            .wrapping_add(u32::from(self.flags.has(Flags::SYN)));
        let byte = |at: usize| {
            let place = start.wrapping_add(u32::try_from(at).unwrap());
            (place.wrapping_mul(0x9e37_79b1).wrapping_add(salt) >> 24) as u8
        };
        (0..self.length).map(byte).collect()
    }

    fn segment<'a>(&self, payload: &'a [u8]) -> Segment<'a> {
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000 + u16::from(self.choices & 2)));
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        let (source, destination) = if self.choices & 1 == 0 {
            (client, server)
        } else {
            (server, client)
        };
        // The snapshot length cut it.
        let captured = if self.choices & 32 != 0 {
            payload.len() / 2
        } else {
            payload.len()
        };
        Segment {
            source,
            destination,
            sequence: self.sequence,
            acknowledgement: self.acknowledgement,
            flags: self.flags,
            window: 1000,
            header_bytes: 20,
            header: &[],
            payload: &payload[..captured],
            payload_length: u32::try_from(payload.len()).unwrap(),
        }
    }
}

struct Listener {
    sent: Sent,
    sides: [Heard; 2],
}

#[derive(Default)]
struct Heard {
    bytes: u64,
    missing: u64,
    aside: u64,
    hash: Sha256,
    /// The sequence numbers that byte 0 of the stream can have; `None` before the first bytes.
    beginnings: Option<Vec<u32>>,
    has_ended: bool,
}

impl Listener {
    fn new(sent: &Sent) -> Self {
        Self {
            sent: Rc::clone(sent),
            sides: Default::default(),
        }
    }

    fn compare(self, connection: &Connection) {
        let streams = [&connection.client_stream, &connection.server_stream];
        for (heard, stream) in self.sides.into_iter().zip(streams) {
            assert!(heard.has_ended, "each side ends");
            assert_eq!(heard.bytes, stream.bytes);
            assert_eq!(heard.missing, stream.missing);
            assert_eq!(heard.aside, stream.aside);
            assert_eq!(stream.sha256, Some(heard.hash.finalize().into()));
        }
    }
}

impl StreamSink for Listener {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        let heard = &mut self.sides[origin.side as usize];
        let is_aside = matches!(event, StreamEvent::Aside(..));
        assert!(
            !heard.has_ended || is_aside,
            "nothing else comes after the end"
        );
        match event {
            StreamEvent::Aside(_, bytes) => {
                let index = usize::try_from(origin.packet).unwrap() - 1;
                let (_, payload) = &self.sent.borrow()[index];
                let is_carried = payload.windows(bytes.len()).any(|part| part == bytes);
                assert!(is_carried, "an aside is a part of what its packet carried");
                heard.aside += bytes.len() as u64;
            }
            StreamEvent::Data(bytes) => {
                let index = usize::try_from(origin.packet).unwrap() - 1;
                let (sequence, payload) = self.sent.borrow()[index].clone();
                heard.data(bytes, sequence, &payload);
            }
            StreamEvent::Missing(count) => {
                assert!(count > 0, "a hole is never empty");
                heard.missing += count;
            }
            StreamEvent::Finished | StreamEvent::Ended => heard.has_ended = true,
        }
    }
}

impl Heard {
    /// Checks that the bytes are at one place of their packet's payload, and that all packets agree where the stream
    /// began.
    fn data(&mut self, bytes: &[u8], sequence: u32, payload: &[u8]) {
        assert!(!bytes.is_empty(), "data is never empty");
        #[expect(
            clippy::cast_possible_truncation,
            reason = "sequence numbers count modulo 2^32"
        )]
        let offset = (self.bytes + self.missing) as u32;
        let carries = |beginning: &u32| {
            let place = beginning.wrapping_add(offset).wrapping_sub(sequence) as usize;
            payload
                .get(place..)
                .is_some_and(|rest| rest.starts_with(bytes))
        };
        let beginnings = self.beginnings.get_or_insert_with(|| {
            let begin = |place: usize| {
                let place = u32::try_from(place).unwrap();
                sequence.wrapping_add(place).wrapping_sub(offset)
            };
            (0..payload.len()).map(begin).collect()
        });
        beginnings.retain(carries);
        assert!(
            !beginnings.is_empty(),
            "bytes that are not where they were sent"
        );
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }
}
