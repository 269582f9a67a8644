//! The role of each packet of a capture.
//!
//! "Where do the bytes go?" is the question that statistics must answer. It is only answered if every packet has a role
//! and the roles add up to the totals. The role of a packet follows from its TCP header and from the earlier packets of
//! its connection. Only response headers in a server's payload take more: a reader of the streams (`heads`).

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use serde::Serialize;

use wirestream::capture::Packet;
use wirestream::packet::Segment;
use wirestream::tcp::connection::{Keeper, Kind, Tracked, Tracker};
use wirestream::units::{Side, Timestamp};

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
    /// Any other payload from the server: the body of a response, a WebSocket frame, a line of text. If packets are not
    /// explained, all payload from the server.
    Body,
    /// Nothing but an acknowledgement, or another window.
    PureAck,
    /// A probe whether the peer is still there, or the answer to one.
    Keepalive,
    /// Payload, SYN or FIN that was sent before.
    Retransmission,
    /// FIN or RST without payload, and the ACK of a FIN.
    Close,
    /// A segment that a receiver ignores: no ACK, a number out of range, SYN and RST at once.
    Ignored,
    /// A packet that is not a whole TCP segment.
    NotTcp,
}

impl Role {
    /// All roles, in the order in which tables list them.
    pub const ALL: [Self; 10] = [
        Self::Handshake,
        Self::Request,
        Self::ResponseHeader,
        Self::Body,
        Self::PureAck,
        Self::Keepalive,
        Self::Retransmission,
        Self::Close,
        Self::Ignored,
        Self::NotTcp,
    ];

    /// Returns its name as tables write it.
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
            Self::Ignored => "ignored",
            Self::NotTcp => "not TCP",
        }
    }

    /// Returns true if packets of this role carry payload that was not sent before.
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
    /// The role of the packet.
    pub role: Role,
    /// Its connection, counted from 0, and the side that sent it; `None` if it is not TCP.
    pub sender: Option<(u64, Side)>,
    /// Bytes on the link.
    pub frame_bytes: u32,
    /// Bytes of the TCP header with its options.
    pub tcp_bytes: u32,
    /// Bytes of TCP payload, as sent.
    pub app_bytes: u32,
    /// True if a push from the server would take this packet even without a request: the server's payload, and the
    /// client's acknowledgements of it.
    pub is_push: bool,
}

/// A packet of the capture with its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number in the capture.
    pub number: u64,
    /// The time at which it was captured.
    pub time: Timestamp,
    /// Its role and figures.
    pub accounted: Accounted,
}

/// Gives the packets of one capture their roles, in order.
///
/// If the client of a connection is not known yet, its packets are held back, and all behind them.
#[derive(Debug, Default)]
pub struct Accountant {
    /// The only port whose segments count, if there is one.
    port: Option<u16>,
    tracker: Tracker<Kept>,
    held: VecDeque<Held>,
}

/// The state kept for each connection.
#[derive(Debug, Default)]
struct Kept {
    /// True if the requested port tells which side is the server.
    is_told_by_port: bool,
    /// The verdict that its held-back packets wait for.
    verdict: Option<Rc<Cell<Verdict>>>,
}

/// The answer to a guess: the sides of a connection are as guessed, or turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Open,
    AsGuessed,
    Turned,
}

/// A packet that waits.
#[derive(Debug)]
struct Held {
    packet: Numbered,
    /// Its role if the sides turn out to be the other way round, and true if it is then one of a push.
    turned: (Role, bool),
    /// The verdict that it waits for; `None` if it only waits for packets before it.
    verdict: Option<Rc<Cell<Verdict>>>,
}

/// Keeps the state of connections of the server on a port, or of all connections.
struct Ports(Option<u16>);

impl Keeper for Ports {
    type State = Kept;

    fn open(&mut self, _: u64, client: SocketAddr, server: SocketAddr) -> Kept {
        Kept {
            is_told_by_port: self.0.is_some() && client.port() != server.port(),
            verdict: None,
        }
    }

    fn sides_are_known(&mut self, _: usize, have_turned: bool, kept: &mut Kept) {
        if let Some(verdict) = kept.verdict.take() {
            verdict.set(if have_turned {
                Verdict::Turned
            } else {
                Verdict::AsGuessed
            });
        }
    }
}

impl Accountant {
    /// Creates an accountant for all packets of a capture, or for those of the server on `port`.
    #[must_use]
    pub fn new(port: Option<u16>) -> Self {
        Self {
            port,
            ..Self::default()
        }
    }

    /// Returns the accountant with a limit: its table of connections takes about so many bytes.
    #[must_use]
    pub fn within(mut self, bytes: usize) -> Self {
        self.tracker = Tracker::within(bytes);
        self
    }

    /// Returns how many connections were forgotten before they closed, to make room for others.
    #[must_use]
    pub const fn ended_early(&self) -> u64 {
        self.tracker.crowded_out()
    }

    /// Returns the number of connections seen so far.
    #[must_use]
    pub const fn connections(&self) -> u64 {
        self.tracker.connections()
    }

    /// Returns the next packet with its role, given its segment (`None` if it has none); `None` if it is not from or to
    /// the requested port, or is held back.
    #[inline]
    pub fn account(
        &mut self,
        packet: &Packet<'_>,
        segment: Option<&Segment<'_>>,
    ) -> Option<Accounted> {
        let Some(segment) = segment else {
            let is_wanted = self.port.is_none();
            let accounted = is_wanted.then(|| Accounted::not_tcp(packet));
            return accounted.and_then(|accounted| self.in_order(packet, accounted));
        };
        if self
            .port
            .is_some_and(|port| segment.source.port() != port && segment.destination.port() != port)
        {
            return None;
        }
        let tracked = self.tracker.track_with(segment, &mut Ports(self.port));
        let side = side(self.port, segment, tracked.side);
        let kept = self.tracker.state(tracked.slot);
        let is_sure = tracked.is_sure || kept.is_some_and(|kept| kept.is_told_by_port);
        let (role, is_push) = role(&tracked, side);
        let accounted = Accounted {
            role,
            sender: Some((tracked.connection, side)),
            frame_bytes: packet.original_length,
            tcp_bytes: segment.header_bytes,
            app_bytes: segment.payload_length,
            is_push,
        };
        if is_sure {
            return self.in_order(packet, accounted);
        }
        let kept = self.tracker.state(tracked.slot);
        let packet = Numbered::new(packet, accounted);
        self.held.push_back(Held::new(packet, kept, &tracked));
        None
    }

    /// Returns the next packet that was held back and now has its role.
    #[inline]
    pub fn take_held(&mut self) -> Option<Numbered> {
        let first = self.held.front()?;
        let verdict = first
            .verdict
            .as_ref()
            .map_or(Verdict::AsGuessed, |verdict| verdict.get());
        if verdict == Verdict::Open {
            return None;
        }
        let Held {
            mut packet, turned, ..
        } = self.held.pop_front()?;
        if verdict == Verdict::Turned {
            let accounted = &mut packet.accounted;
            (accounted.role, accounted.is_push) = turned;
            accounted.sender = accounted
                .sender
                .map(|(connection, side)| (connection, side.peer()));
        }
        Some(packet)
    }

    /// Takes the end of the capture: no packet is held back any more.
    pub fn finish(&mut self) {
        self.tracker.finish(&mut Ports(self.port));
    }

    /// Returns a packet at once, unless others wait before it.
    #[inline]
    fn in_order(&mut self, packet: &Packet<'_>, accounted: Accounted) -> Option<Accounted> {
        if self.held.is_empty() {
            return Some(accounted);
        }
        self.held.push_back(Held {
            packet: Numbered::new(packet, accounted),
            turned: (accounted.role, accounted.is_push),
            verdict: None,
        });
        None
    }
}

impl Held {
    /// Creates a packet that waits until the client is known.
    #[cold]
    fn new(packet: Numbered, kept: Option<&mut Kept>, tracked: &Tracked) -> Self {
        let verdict = kept.map(|kept| {
            let verdict = &mut kept.verdict;
            Rc::clone(verdict.get_or_insert_with(|| Rc::new(Cell::new(Verdict::Open))))
        });
        Self {
            packet,
            turned: role(tracked, tracked.side.peer()),
            verdict,
        }
    }
}

impl Numbered {
    const fn new(packet: &Packet<'_>, accounted: Accounted) -> Self {
        Self {
            number: packet.number,
            time: packet.time,
            accounted,
        }
    }
}

/// Returns the role of a segment that this side sent, and true if a push would take it.
#[inline]
const fn role(tracked: &Tracked, side: Side) -> (Role, bool) {
    let role = match (tracked.kind, side) {
        (Kind::Handshake, _) => Role::Handshake,
        (Kind::Data, Side::Client) => Role::Request,
        (Kind::Data, Side::Server) => Role::Body,
        (Kind::Retransmission, _) => Role::Retransmission,
        (Kind::KeepAlive, _) => Role::Keepalive,
        (Kind::Acknowledgement | Kind::WindowUpdate, _) => Role::PureAck,
        (Kind::Close, _) => Role::Close,
        (Kind::Ignored, _) => Role::Ignored,
    };
    let is_push = match side {
        Side::Client => matches!(role, Role::PureAck) && tracked.acknowledges,
        Side::Server => role.is_data(),
    };
    (role, is_push)
}

/// Returns the side of a segment. A requested port is the server's, even if a capture that starts in mid-connection
/// looks otherwise.
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
