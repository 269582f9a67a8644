//! What reassembly says of a connection, and what the message decoders listen to.

use crate::units::{Side, Timestamp};

/// One piece of news about one side's byte stream, in stream order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent<'a> {
    /// The next bytes of the stream.
    Data(&'a [u8]),
    /// This many bytes were sent (the peer acknowledged them, or later ones were seen) but are not in the capture.
    Missing(u64),
    /// The side closed its half of the connection (FIN), and every byte before it has been delivered or reported missing.
    Finished,
    /// The connection was torn down (RST sent by this side), or the capture ended without a FIN from this side.
    Ended,
}

/// Where a piece of news came from: the packet that made it known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The side that sent the bytes.
    pub side: Side,
    /// Number of the packet in the capture, counted from 1, that delivered the bytes (for bytes that waited behind a
    /// gap: the packet that carried them, not the one that closed the gap).
    pub packet: u64,
    /// That packet's time.
    pub time: Timestamp,
}

/// Receives the news of one connection, both sides interleaved in the order in which it became known.
pub trait StreamSink {
    /// Takes one piece of news. `event` borrows from the reassembler's buffers: copy what is to be kept.
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>);
}
