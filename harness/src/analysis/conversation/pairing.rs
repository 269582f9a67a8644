//! Requests wait for their answers: a response cannot be read without its request.

use super::{Conversation, reserve_one};
use crate::analysis::message::{HttpMessage, RequestLine};
use crate::wire::http::{Asked, Framing, Head};
use crate::wire::websocket;

/// How many requests may wait for their answers; in a capture of one direction they would pile up.
pub(super) const MOST_WAITING: usize = 1024;

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) asked: Asked,
    target: Vec<u8>,
    key: Option<Vec<u8>>,
    switches: bool,
}

impl Waiting {
    /// How many bytes it takes.
    fn memory(&self) -> usize {
        let key = self.key.as_ref().map_or(0, Vec::len);
        size_of::<Self>() + self.asked.method.len() + self.target.len() + key
    }
}

impl Conversation {
    pub(super) fn request(&mut self, head: &Head) {
        let upgrade = head.field("upgrade").is_some() && head.has_token("connection", "upgrade");
        let switches = upgrade || head.method() == b"CONNECT";
        let are_many = self.waiting.len() >= MOST_WAITING || self.holding.budget().is_used_up();
        if are_many && let Some(oldest) = self.waiting.pop_front() {
            self.asked_bytes -= oldest.memory();
        }
        self.switching |= switches;
        reserve_one(&mut self.waiting);
        let waiting = Waiting {
            asked: Asked {
                method: head.method().to_vec(),
            },
            target: head.target().to_vec(),
            key: head.field("sec-websocket-key").map(<[u8]>::to_vec),
            switches,
        };
        self.asked_bytes += waiting.memory();
        self.waiting.push_back(waiting);
    }

    pub(super) fn response(&mut self, message: &mut HttpMessage) {
        let status = message.head.status();
        // RFC 9110 §15.2: an interim answer; the final one is still to come.
        if (100..=199).contains(&status) && status != 101 {
            return;
        }
        let Some(waiting) = self.waiting.pop_front() else {
            return;
        };
        self.asked_bytes -= waiting.memory();
        if let (101, Some(key), Some(accept)) = (
            status,
            &waiting.key,
            message.head.field("sec-websocket-accept"),
        ) {
            message.accept_belongs = Some(websocket::accept_for(key).as_bytes() == accept);
        }
        message.request = Some(RequestLine {
            method: waiting.asked.method,
            target: waiting.target,
        });
        if waiting.switches && message.head.framing != Framing::Switched {
            self.release_held();
        }
    }
}
