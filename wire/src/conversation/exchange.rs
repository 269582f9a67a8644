//! Requests and answers as they come, readable or refused, each put in its place.

use super::Conversation;
use super::half::{After, Decoder};
use super::pairing::{Answered, Place, Waiting};
use crate::http::{Framing, Head};
use crate::message::{HttpMessage, RequestLine};
use crate::note::Note;
use crate::tcp::event::Origin;
use crate::units::Side;
use crate::websocket::{self, Offer};

impl Conversation {
    pub(super) fn request(&mut self, head: &Head, origin: Origin) {
        let request = Waiting::new(head, origin);
        self.switching |= request.switches;
        self.wait(request);
        self.look_again(Side::Server);
    }

    fn wait(&mut self, request: Waiting) {
        let is_tight = self.holding.budget().is_used_up();
        let (server_end, _) = self.server.held();
        self.pairing.request(request, server_end, is_tight);
    }

    /// Takes a response. Returns the WebSocket offer of its request, if that asked for one.
    pub(super) fn response(
        &mut self,
        message: &mut HttpMessage,
        place: Place,
    ) -> Option<Box<Offer>> {
        self.look_again(Side::Client);
        let status = message.head.status();
        if is_interim(status) {
            self.pairing.interim(place);
            return None;
        }
        let request = self.answer(place).request?;
        let key = request
            .offer
            .as_ref()
            .and_then(|offer| offer.key.as_deref());
        if let (101, Some(key), Some(accept)) =
            (status, key, message.head.field("sec-websocket-accept"))
        {
            message.accept_belongs = Some(websocket::accept_for(key).as_bytes() == accept);
        }
        message.request = Some(RequestLine {
            method: request.method,
            target: request.target,
        });
        if request.switches && message.head.framing != Framing::Switched {
            self.release_held();
        }
        request.offer
    }

    /// Takes the request of an answer out, and says what is not sure about it.
    fn answer(&mut self, place: Place) -> Answered {
        let answered = self.pairing.answer(place);
        let lost = answered.lost.len();
        let text = if answered.is_doubtful {
            "which request this answers is not known: a hole before it may have had other answers in it".to_owned()
        } else if lost == 1 {
            "the answer to the request before is taken to be lost in a hole, or a part of it"
                .to_owned()
        } else {
            format!(
                "the answers to the {lost} requests before are taken to be lost in a hole, or parts of them"
            )
        };
        if lost > 0 || answered.is_doubtful {
            self.note(Side::Server, Note::new(place.offset, "RFC 9112 §9.2", text));
        }
        if let Some(assumption) = answered.assumption {
            let (section, text) = assumption.note();
            self.note(Side::Server, Note::new(place.offset, section, text));
        }
        // What the client sent behind a wish to switch can be read now: the answer was no switch.
        if answered.lost.iter().any(|request| request.switches) {
            self.release_held();
        }
        answered
    }

    /// Takes a head whose bytes are shown raw. It is a request, or the answer to one, all the same.
    pub(super) fn refused(&mut self, origin: Origin, mut head: Head) {
        let side = origin.side;
        self.end_raw(side);
        let offset = head.offset;
        self.outline_head(side, offset, head.raw.len());
        let notes = std::mem::take(&mut head.notes);
        let open = self.begin_at(origin, offset);
        open.notes.extend(notes);
        let begun = open.origin;
        // A turn in the middle of it begins with a packet of its own.
        self.raw(origin, &head.raw);
        if head.is_request() {
            self.request(&head, begun);
        } else if is_interim(head.status()) {
            self.pairing.interim(self.place(offset, begun));
        } else {
            self.use_up_request(self.place(offset, begun));
        }
        if head.framing == Framing::Switched {
            self.end_client_http(begun);
            self.speak_raw(After::Unanswered);
            self.release_held();
        }
    }

    pub(super) fn unreadable(&mut self, origin: Origin, method: Vec<u8>, target: Vec<u8>) {
        let half = self.half(origin.side);
        let offset = half.offset;
        self.end_raw(origin.side);
        let origin = self.begin_at(origin, offset).origin;
        match origin.side {
            Side::Client => {
                let request = Waiting::unreadable(method, target, offset, origin);
                self.wait(request);
                self.look_again(Side::Server);
            }
            Side::Server => self.use_up_request(self.place(offset, origin)),
        }
    }

    fn use_up_request(&mut self, place: Place) {
        self.look_again(Side::Client);
        let answered = self.answer(place);
        if let Some(request) = answered.request {
            let text = "it is an answer all the same, and uses up its request";
            self.note(Side::Server, Note::new(place.offset, "RFC 9112 §9.2", text));
            if request.switches {
                self.release_held();
            }
        }
    }

    /// Hands out a proxy's preamble as a separate message; the stream begins behind it.
    pub(super) fn preamble(&mut self, origin: Origin, bytes: &[u8], note: Note) {
        self.raw(origin, bytes);
        self.note(origin.side, note);
        self.close(origin.side);
        let half = self.half(origin.side);
        half.fresh.offset = half.offset;
    }

    /// Looks again for HTTP in bytes taken for another protocol: if one side speaks HTTP, so does its peer.
    fn look_again(&mut self, side: Side) {
        if let Decoder::Http(parser) = &mut self.half(side).decoder {
            parser.look_again();
        }
    }

    /// Settles that a side does not speak HTTP, because its peer never did. An incomplete first line of that side is
    /// not HTTP, and not to be told with what comes later.
    pub(super) fn speak_no_http(&mut self, side: Side) {
        let Decoder::Http(own) = &self.half(side).decoder else {
            return;
        };
        if !own.is_other_protocol() {
            return;
        }
        let peer = side.peer();
        let begun = self.half(peer).begun();
        let Decoder::Http(parser) = &mut self.half(peer).decoder else {
            return;
        };
        if let (Some(item), Some(origin)) = (parser.follow_peer(), begun) {
            let offset = parser.offset();
            self.half(peer).settle();
            self.http_items(origin, vec![item], offset);
            self.end_raw(peer);
            self.remember_held(origin, offset);
        }
    }
}

/// Returns true if an answer is interim (RFC 9110 §15.2): the final one is still to come.
const fn is_interim(status: u16) -> bool {
    status >= 100 && status <= 199 && status != 101
}
