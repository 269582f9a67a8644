//! Switches from HTTP to another protocol, on both sides at once: after a 101, or the answer to a CONNECT.

use super::Conversation;
use super::half::{After, Decoder, Fresh, Open, Part};
use super::pairing::Pairing;
use crate::http::{self, Framing, Lost, Parser, Role};
use crate::message::HttpMessage;
use crate::message::obstacle::{Cause, Obstacle, Piece};
use crate::note::Note;
use crate::tcp::event::Origin;
use crate::units::Side;
use crate::websocket::{self, Deflate, Offer};

/// The most bytes that the client may send after asking for an upgrade, before the answer is there.
const HELD_LIMIT: usize = 256 << 10;

/// Bytes of the client that wait for the answer to its upgrade request, and the place among all messages reserved for
/// the messages in them.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) order: u64,
    pub(super) origin: Origin,
    /// The client's turn that they belong to.
    turn: u32,
    bytes: Vec<u8>,
}

impl Conversation {
    /// Keeps the client's bytes until the answer to its upgrade request is there. The rest of that request is still
    /// HTTP. Returns true if the bytes are kept.
    pub(super) fn hold(&mut self, origin: Origin, bytes: &[u8]) -> bool {
        if origin.side == Side::Server || !self.is_asking() || bytes.is_empty() {
            return false;
        }
        if self.held_bytes + bytes.len() > HELD_LIMIT {
            self.release_all_held();
            return false;
        }
        self.held_bytes += bytes.len();
        // Bytes that waited before keep their place.
        let again = self.held_order;
        self.held.push(Held {
            order: again.unwrap_or(self.next_order),
            origin,
            turn: self.client.provenance.turn,
            bytes: bytes.to_vec(),
        });
        self.next_order += u64::from(again.is_none());
        // Looked at where a first line may end, not with each byte.
        if self.held_bytes - bytes.len() < http::START_LINE_LIMIT && bytes.contains(&b'\n') {
            self.release_requests();
        }
        true
    }

    /// Returns true if the client's next bytes come after a complete upgrade request.
    pub(super) const fn is_asking(&self) -> bool {
        self.switching && self.client.open.is_none()
    }

    /// Releases all held bytes: the answer to the upgrade request will not come. The held bytes may ask to switch
    /// again, and hold what is behind them.
    pub(super) fn release_all_held(&mut self) {
        while self.switching {
            if self.holds_frames() {
                self.client.decoder = Decoder::Raw;
                self.client.fresh = Fresh {
                    offset: self.client.offset,
                    after: After::Unanswered,
                };
            }
            self.release_held();
        }
    }

    /// Returns true if the held bytes are WebSocket frames, as if the answer had been a switch.
    fn holds_frames(&self) -> bool {
        let bytes: Vec<u8> = self
            .held
            .iter()
            .flat_map(|held| &held.bytes)
            .copied()
            .collect();
        websocket::looks_like_frames(Side::Client, &bytes, true)
    }

    /// Takes a hole in the server's stream: it may have held the answer to an upgrade request, and another protocol may
    /// follow.
    pub(super) fn switch_lost(&mut self, lost: Lost) {
        if !self.switching {
            return;
        }
        let is_first = self.server.fresh.after != After::Unanswered;
        self.server.fresh = Fresh {
            offset: lost.offset.saturating_add(lost.bytes),
            after: After::Unanswered,
        };
        if is_first {
            self.release_requests();
        }
    }

    /// Releases held requests if the answer to an upgrade request may be lost: a client that sends another request
    /// knows that there was no switch.
    pub(super) fn release_requests(&mut self) {
        while self.switching
            && self.server.fresh.after == After::Unanswered
            && http::begins_request(&self.held_start())
        {
            self.release_held();
        }
    }

    /// Returns the first line of the held bytes, as far as a request line goes.
    fn held_start(&self) -> Vec<u8> {
        let bytes = self.held.iter().flat_map(|held| &held.bytes).copied();
        let mut line = Vec::new();
        let is_empty = |byte: &u8| matches!(byte, b'\r' | b'\n');
        for byte in bytes.skip_while(is_empty).take(http::START_LINE_LIMIT) {
            line.push(byte);
            if byte == b'\n' {
                break;
            }
        }
        line
    }

    /// Reads what was held, as the client said it: in turns that were over when the server spoke. So it ends no turn of
    /// the server, which may be in the middle of one.
    pub(super) fn release_held(&mut self) {
        self.switching = false;
        self.held_bytes = 0;
        let before = self.held_order;
        let turn = self.client.provenance.turn;
        for held in std::mem::take(&mut self.held) {
            self.held_order = Some(held.order);
            self.client.provenance.turn = held.turn;
            self.allow_frames(held.origin.side);
            self.read(held.origin, &held.bytes);
        }
        self.client.provenance.turn = turn;
        self.end_former_turn(Side::Client);
        self.held_order = before;
    }

    /// Switches both sides to another protocol after a 101, or after the answer to a CONNECT.
    pub(super) fn switch_if_asked(&mut self, origin: Origin, offer: Option<&Offer>) {
        if origin.side == Side::Client {
            return;
        }
        let Some(Open {
            part: Part::Http(message, _),
            ..
        }) = &self.server.open
        else {
            return;
        };
        if message.head.framing != Framing::Switched {
            return;
        }
        if message.head.status() != 101 {
            self.end(Side::Server, &[]);
            return self.open_tunnel(origin);
        }
        let unasked = (message.request.is_some() && offer.is_none()).then(|| {
            let text = "the request did not ask for a switch";
            Note::new(message.head.offset, "RFC 9110 §7.8", text)
        });
        let is_websocket = message.head.has_token("upgrade", "websocket");
        let switch = if is_websocket {
            websocket_switch(message, offer)
        } else {
            let text = "the protocol that both sides switch to is not read here; shown raw";
            Switch::to_raw(Note::plain(message.head.offset, text), false)
        };
        for note in unasked.into_iter().chain(switch.notes) {
            self.note(Side::Server, note);
        }
        if let Some(open) = &mut self.server.open {
            open.obstacles.extend(switch.obstacle);
        }
        self.end(Side::Server, &[]);
        self.end_client_http(origin);
        match switch.next {
            Next::WebSocket(deflate) if !self.is_outline() => self.speak_websocket(deflate),
            Next::WebSocket(_) | Next::Raw { is_known: true } => self.speak_raw(After::Named),
            Next::Raw { is_known: false } => self.speak_raw(After::Switch),
        }
        self.release_held();
    }

    /// Switches both sides to raw bytes: they speak a protocol that is not decoded here.
    pub(super) fn speak_raw(&mut self, after: After) {
        for half in [&mut self.client, &mut self.server] {
            half.decoder = Decoder::Raw;
            half.fresh = Fresh {
                offset: half.offset,
                after,
            };
        }
    }

    /// Opens a tunnel (RFC 9110 §9.3.6): whatever both sides send from now on is read as a separate conversation.
    fn open_tunnel(&mut self, origin: Origin) {
        self.end_client_http(origin);
        self.pairing = Pairing::default();
        for (half, role) in [
            (&mut self.client, Role::Requests),
            (&mut self.server, Role::Responses),
        ] {
            half.decoder = Decoder::Http(Parser::at(role, half.offset));
            half.fresh = Fresh {
                offset: half.offset,
                after: After::Connect,
            };
        }
        self.release_held();
    }

    /// Cuts off the client's unfinished HTTP message, because the server switched unasked. It stays HTTP.
    pub(super) fn end_client_http(&mut self, origin: Origin) {
        self.client.settle();
        let Decoder::Http(parser) = &mut self.client.decoder else {
            return;
        };
        let items = parser.finish();
        let offset = parser.offset();
        let begun = self.client.open.as_ref().map(|open| open.origin);
        let origin = begun.unwrap_or(Origin {
            side: Side::Client,
            ..origin
        });
        self.http_items(origin, items, offset);
        self.close(Side::Client);
    }

    fn speak_websocket(&mut self, deflate: Option<(Deflate, Deflate)>) {
        let (client, server) = deflate.unzip();
        let budget = self.holding.budget();
        let client =
            websocket::Decoder::new(Side::Client, self.client.offset, client).within(budget);
        let server =
            websocket::Decoder::new(Side::Server, self.server.offset, server).within(budget);
        self.client.decoder = Decoder::WebSocket(Box::new(client));
        self.server.decoder = Decoder::WebSocket(Box::new(server));
        self.allow_frames(Side::Client);
        self.allow_frames(Side::Server);
    }
}

/// The protocol that both sides speak after a 101, with notes on it.
struct Switch {
    notes: Vec<Note>,
    obstacle: Option<Obstacle>,
    next: Next,
}

enum Next {
    /// WebSocket, and the compression of each side's messages, if they are compressed.
    WebSocket(Option<(Deflate, Deflate)>),
    /// A protocol that is not read here; `is_known` is true if a note names it.
    Raw { is_known: bool },
}

impl Switch {
    fn to_raw(note: Note, is_known: bool) -> Self {
        Self {
            notes: vec![note],
            obstacle: None,
            next: Next::Raw { is_known },
        }
    }
}

fn websocket_switch(message: &HttpMessage, offer: Option<&Offer>) -> Switch {
    let head = &message.head;
    let not_read = Obstacle::new(Piece::Raw, Cause::NotRead);
    let mut notes = Vec::new();
    if let Some(draft) = websocket::draft(head, offer) {
        let note = Note::plain(head.offset, draft.text());
        if !draft.has_its_frames() {
            return Switch {
                obstacle: draft.masks().then_some(not_read),
                ..Switch::to_raw(note, true)
            };
        }
        notes.push(note);
    }
    notes.extend(handshake_notes(message, offer));
    let extensions = websocket::extensions(head);
    notes.extend(extensions.notes);
    let (obstacle, next) = if extensions.are_read {
        (None, Next::WebSocket(extensions.deflate))
    } else {
        (Some(not_read), Next::Raw { is_known: true })
    };
    Switch {
        notes,
        obstacle,
        next,
    }
}

fn handshake_notes(message: &HttpMessage, offer: Option<&Offer>) -> Vec<Note> {
    let mut notes = Vec::new();
    if offer.is_some_and(|offer| offer.key.is_none()) {
        let text = "the request has no Sec-WebSocket-Key";
        notes.push(Note::new(message.head.offset, "RFC 6455 §4.1", text));
    }
    if message.accept_belongs == Some(false) {
        let text = "Sec-WebSocket-Accept does not belong to the request's key";
        notes.push(Note::new(message.head.offset, "RFC 6455 §4.2.2", text));
    }
    if message.head.field("sec-websocket-accept").is_none() {
        let text = "the 101 answer has no Sec-WebSocket-Accept";
        notes.push(Note::new(message.head.offset, "RFC 6455 §4.2.2", text));
    }
    notes
}
