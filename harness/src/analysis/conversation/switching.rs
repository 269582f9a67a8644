//! From HTTP to another protocol, on both sides at once: after a 101, or the answer to a CONNECT.

use super::Conversation;
use super::half::{Decoder, Open, Part};
use crate::analysis::message::HttpMessage;
use crate::units::Side;
use crate::wire::event::Origin;
use crate::wire::http::Framing;
use crate::wire::note::Note;
use crate::wire::websocket;

/// How many bytes the client may send after asking for an upgrade, before the answer is there.
const HELD_LIMIT: usize = 256 << 10;

impl Conversation {
    /// Keeps the client's bytes until the answer to its wish to switch is there. The rest of the request that wished so
    /// is still HTTP.
    pub(super) fn hold(&mut self, origin: Origin, bytes: &[u8]) -> bool {
        if origin.side == Side::Server || !self.is_asking() || bytes.is_empty() {
            return false;
        }
        if self.held_bytes + bytes.len() > HELD_LIMIT {
            self.release_all_held();
            return false;
        }
        self.held_bytes += bytes.len();
        self.held.push((origin, bytes.to_vec()));
        true
    }

    /// Whether the client's next bytes come after a whole request to switch.
    pub(super) const fn is_asking(&self) -> bool {
        self.switching && self.client.open.is_none()
    }

    /// What is held may ask to switch again, and hold what is behind it.
    pub(super) fn release_all_held(&mut self) {
        while self.switching {
            self.release_held();
        }
    }

    pub(super) fn release_held(&mut self) {
        self.switching = false;
        self.held_bytes = 0;
        for (origin, bytes) in std::mem::take(&mut self.held) {
            self.data(origin, &bytes);
        }
    }

    /// After a 101, or the answer to a CONNECT, both sides speak something else.
    pub(super) fn switch_if_asked(&mut self, origin: Origin) {
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
        let websocket =
            message.head.status() == 101 && message.head.has_token("upgrade", "websocket");
        let extensions = message.head.field("sec-websocket-extensions");
        let extensions = extensions.unwrap_or_default().to_vec();
        let mut notes = if websocket {
            handshake_notes(message)
        } else {
            Vec::new()
        };
        self.end_client_http(origin);
        if websocket {
            notes = self.speak_websocket(&extensions, notes);
        } else {
            self.client.decoder = Decoder::Raw;
            self.server.decoder = Decoder::Raw;
        }
        for note in notes {
            self.note(Side::Server, note);
        }
        self.end(Side::Server, &[]);
        self.release_held();
    }

    /// What the client had begun when the server switched unasked stays HTTP, cut off.
    fn end_client_http(&mut self, origin: Origin) {
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

    fn speak_websocket(&mut self, extensions: &[u8], mut notes: Vec<Note>) -> Vec<Note> {
        let parameters = websocket::negotiated(extensions).unwrap_or_else(|reason| {
            notes.push(Note::new(self.server.offset, "RFC 7692 §7.1", reason));
            None
        });
        let (client, server) = parameters.unzip();
        let budget = self.holding.budget();
        let client =
            websocket::Decoder::new(Side::Client, self.client.offset, client).within(budget);
        let server =
            websocket::Decoder::new(Side::Server, self.server.offset, server).within(budget);
        self.client.decoder = Decoder::WebSocket(Box::new(client));
        self.server.decoder = Decoder::WebSocket(Box::new(server));
        self.allow_frames(Side::Client);
        self.allow_frames(Side::Server);
        notes
    }
}

fn handshake_notes(message: &HttpMessage) -> Vec<Note> {
    let mut notes = Vec::new();
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
