//! The events that reassembly reports about a connection to the message decoders.

use std::fmt;

use crate::units::{Side, Timestamp};

/// One event of one side's byte stream, in stream order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent<'a> {
    /// The next bytes of the stream.
    Data(&'a [u8]),
    /// The number of bytes that were sent (the peer acknowledged them, or later ones were seen) but are not in the
    /// capture.
    Missing(u64),
    /// Captured payload that is not part of the stream and has no place in it: the stream goes on as if it were not
    /// there.
    Aside(AsideReason, &'a [u8]),
    /// The side closed its half of the connection (FIN), and every byte before it has been delivered or reported missing.
    Finished,
    /// The connection was torn down (RST sent by this side), or the capture ended without a FIN from this side.
    Ended,
}

/// The reason why captured payload is not part of its side's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AsideReason {
    /// Bytes that were sent before, now with other contents; those that were delivered first stay.
    Conflict,
    /// Bytes behind the side's FIN: RFC 9293 §3.10.7.4 has the receiver ignore them.
    BehindFin,
    /// Bytes further away from the others than any window reaches, or from before the first that were captured.
    OutsideWindow,
    /// Bytes that were given up as missing before they came.
    TooLate,
    /// Bytes that were sent before, so long ago that there is nothing to compare them with any more.
    NotCompared,
    /// More copies of bytes behind a gap than are kept.
    TooManyCopies,
    /// A segment without ACK, which RFC 9293 §3.10.7.4 has the receiver drop.
    NoAck,
    /// A segment that acknowledges bytes that were never sent (RFC 9293 §3.10.7.4).
    AckOutOfRange,
    /// A segment that opens and resets at the same time.
    SynAndReset,
}

impl AsideReason {
    /// All reasons.
    pub const ALL: [Self; 9] = [
        Self::Conflict,
        Self::BehindFin,
        Self::OutsideWindow,
        Self::TooLate,
        Self::NotCompared,
        Self::TooManyCopies,
        Self::NoAck,
        Self::AckOutOfRange,
        Self::SynAndReset,
    ];

    /// Returns the word for it in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::BehindFin => "behind-fin",
            Self::OutsideWindow => "outside-window",
            Self::TooLate => "too-late",
            Self::NotCompared => "not-compared",
            Self::TooManyCopies => "too-many-copies",
            Self::NoAck => "no-ack",
            Self::AckOutOfRange => "ack-out-of-range",
            Self::SynAndReset => "syn-and-rst",
        }
    }

    /// Returns the reason in a few words, as in listings.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Conflict => "a copy with other contents",
            Self::BehindFin => "behind the FIN",
            Self::OutsideWindow => "outside every window",
            Self::TooLate => "given up as missing before",
            Self::NotCompared => "a copy that came too late to be compared",
            Self::TooManyCopies => "one copy too many",
            Self::NoAck => "no ACK",
            Self::AckOutOfRange => "ACK out of range",
            Self::SynAndReset => "SYN and RST",
        }
    }
}

impl fmt::Display for AsideReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.text())
    }
}

/// The number of bytes of data that [`StreamEvent::pieces`] gives at a time.
const PIECE: usize = 16 << 10;

impl StreamEvent<'_> {
    /// Splits long data into pieces, so that a caller that takes the messages after each of them never has very many.
    pub fn pieces(self) -> impl Iterator<Item = Self> {
        let (data, other) = match self {
            Self::Data(bytes) => (bytes, None),
            other => (&[][..], Some(other)),
        };
        data.chunks(PIECE).map(StreamEvent::Data).chain(other)
    }
}

/// The origin of an event: the packet that made it known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The side that sent the bytes.
    pub side: Side,
    /// The number of the packet in the capture, counted from 1, that delivered the bytes (for bytes that waited behind
    /// a gap: the packet that carried them, not the one that closed the gap).
    pub packet: u64,
    /// The time of that packet.
    pub time: Timestamp,
    /// The number of bytes of the peer's stream that its sender had acknowledged by then; 0 if that is not known.
    pub acknowledged: u64,
}

/// A receiver of the events of one connection, both sides interleaved in the order in which they became known.
pub trait StreamSink {
    /// Takes one event. `event` borrows from the reassembler's buffers: copy what is to be kept.
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>);

    /// Takes note that the sides have turned: the end taken for the client is the server, and the other way round.
    /// Comes before any event.
    fn sides_have_turned(&mut self) {}
}
