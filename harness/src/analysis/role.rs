//! What each packet of a capture is there for.
//!
//! "Where do the bytes go?" is the question that statistics are asked, and it is only answered when every packet has a
//! role and the roles add up to the totals. The role of a packet follows from its TCP header and from what its connection
//! had before. Only what of a server's payload is a response's header takes more: a reader of the streams (`heads`).

use std::fmt;

use serde::Serialize;

use crate::trace::reader::Packet;
use crate::units::Side;
use crate::wire::connection::{Kind, Tracker};
use crate::wire::frame::{Decoded, FrameDecoder};
use crate::wire::segment::Segment;

/// The part that a packet plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// SYN, its answer, and the ACK that completes the opening.
    Handshake,
    /// Payload from the client.
    Request,
    /// Payload from the server with bytes of an HTTP response's header (and perhaps of bodies too).
    ResponseHeader,
    /// Any other payload from the server: the body of a response, a WebSocket frame, a line of text. Where packets are not
    /// explained, all of it.
    Body,
    /// Nothing but an acknowledgement, or another window.
    PureAck,
    /// A probe whether the peer is still there, or the answer to one.
    Keepalive,
    /// Payload, SYN or FIN that was there before.
    Retransmission,
    /// FIN or RST without payload, and the ACK of a FIN.
    Close,
    /// Anything that is no whole TCP segment.
    NotTcp,
}

impl Role {
    /// All roles, in the order in which tables list them.
    pub const ALL: [Self; 9] = [
        Self::Handshake,
        Self::Request,
        Self::ResponseHeader,
        Self::Body,
        Self::PureAck,
        Self::Keepalive,
        Self::Retransmission,
        Self::Close,
        Self::NotTcp,
    ];

    /// As tables write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Request => "request",
            Self::ResponseHeader => "response header",
            Self::Body => "body",
            Self::PureAck => "pure ACK",
            Self::Keepalive => "keepalive",
            Self::Retransmission => "retransmission",
            Self::Close => "close",
            Self::NotTcp => "not TCP",
        }
    }

    /// Whether packets of this role carry payload that was not there before.
    #[must_use]
    pub const fn is_data(self) -> bool {
        matches!(self, Self::Request | Self::ResponseHeader | Self::Body)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A packet with its role and the figures that statistics add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounted {
    /// What it is there for.
    pub role: Role,
    /// Its connection, counted from 0, and the side that sent it; none for what is not TCP.
    pub sender: Option<(u64, Side)>,
    /// Bytes on the link.
    pub frame_bytes: u32,
    /// Bytes of the TCP header with its options.
    pub tcp_bytes: u32,
    /// Bytes of TCP payload, as sent.
    pub app_bytes: u32,
    /// Whether a push from the server would take this packet even if nobody had asked: the server's payload, and the
    /// client's acknowledgements of it.
    pub is_push: bool,
}

/// Gives the packets of one capture their roles, in order.
#[derive(Debug, Default)]
pub struct Accountant {
    /// Only segments from or to this port count, where there is one.
    port: Option<u16>,
    decoder: FrameDecoder,
    tracker: Tracker,
}

impl Accountant {
    /// For all packets of a capture, or for those of the server on `port`.
    #[must_use]
    pub fn new(port: Option<u16>) -> Self {
        Self {
            port,
            ..Self::default()
        }
    }

    /// Connections that were seen so far.
    #[must_use]
    pub const fn connections(&self) -> u64 {
        self.tracker.connections()
    }

    /// Returns the decoder that has seen all packets.
    #[must_use]
    pub const fn decoder(&self) -> &FrameDecoder {
        &self.decoder
    }

    /// Gives the next packet its role; `None` where it is not from or to the port that was asked for.
    #[inline]
    pub fn account(&mut self, packet: &Packet<'_>) -> Option<Accounted> {
        let decoded = self
            .decoder
            .decode(packet.link_type, packet.bytes, packet.original_length);
        let Decoded::Segment(segment) = decoded else {
            return self.port.is_none().then(|| Accounted::not_tcp(packet));
        };
        if self
            .port
            .is_some_and(|port| segment.source.port() != port && segment.destination.port() != port)
        {
            return None;
        }
        let tracked = self.tracker.track(&segment);
        let side = side(self.port, &segment, tracked.side);
        let role = match tracked.kind {
            Kind::Handshake => Role::Handshake,
            Kind::Data if side == Side::Client => Role::Request,
            Kind::Data => Role::Body,
            Kind::Retransmission => Role::Retransmission,
            Kind::KeepAlive => Role::Keepalive,
            Kind::Acknowledgement | Kind::WindowUpdate => Role::PureAck,
            Kind::Close => Role::Close,
        };
        let is_push = match side {
            Side::Client => role == Role::PureAck && tracked.acknowledges,
            Side::Server => role.is_data(),
        };
        Some(Accounted {
            role,
            sender: Some((tracked.connection, side)),
            frame_bytes: packet.original_length,
            tcp_bytes: segment.header_bytes,
            app_bytes: segment.payload_length,
            is_push,
        })
    }
}

/// A port that was asked for is the server's, even where a capture that starts in mid-connection lets it look otherwise.
#[inline]
fn side(port: Option<u16>, segment: &Segment<'_>, tracked: Side) -> Side {
    match port {
        Some(port) if segment.source.port() != segment.destination.port() => {
            if segment.source.port() == port {
                Side::Server
            } else {
                Side::Client
            }
        }
        _ => tracked,
    }
}

impl Accounted {
    const fn not_tcp(packet: &Packet<'_>) -> Self {
        Self {
            role: Role::NotTcp,
            sender: None,
            frame_bytes: packet.original_length,
            tcp_bytes: 0,
            app_bytes: 0,
            is_push: false,
        }
    }
}
