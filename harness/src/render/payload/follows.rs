//! What follows from something hidden: lengths of it, and what it was compressed to.
//!
//! Where a placeholder has another width than what it stands for, the lengths that are told are those of the text as it is
//! shown. Of what is coded there is no such length: where something in it is hidden, neither its length nor its digest is
//! told. A compressed frame may refer to all those before it.

use super::super::redact::Shown;
use crate::analysis::message::{HttpMessage, Message};
use crate::units::Side;
use crate::wire::http::Framing;
use crate::wire::websocket::Frame;

/// Stands for a number that follows from something hidden.
pub(super) const UNKNOWN: &str = "<n>";

/// What was hidden earlier on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct HiddenBefore {
    /// In compressed messages of each side that later ones may refer to.
    frames: [bool; 2],
    /// In events of a stream.
    events: [bool; 2],
}

impl HiddenBefore {
    pub(super) const NOTHING: Self = Self {
        frames: [false; 2],
        events: [false; 2],
    };

    /// Takes note of a frame. Returns true if its compressed form follows from something hidden.
    pub(super) const fn frame(&mut self, from: Side, frame: &Frame, is_hidden: bool) -> bool {
        let before = &mut self.frames[from as usize];
        let follows = is_hidden || (*before && frame.has_context);
        if frame.compressed && frame.has_context {
            *before = follows;
        }
        follows
    }

    /// Takes note of an event.
    pub(super) const fn event(&mut self, from: Side, is_hidden: bool) {
        self.events[from as usize] |= is_hidden;
    }

    /// Takes the end of an event stream. Returns true if anything was hidden in it.
    pub(super) const fn end_events(&mut self, from: Side) -> bool {
        std::mem::replace(&mut self.events[from as usize], false)
    }
}

/// What is told of the body of an HTTP message.
pub(super) struct Lengths {
    /// Whether something in it is hidden.
    pub(super) is_hidden: bool,
    /// What stands for its Content-Length.
    pub(super) content_length: Option<Vec<u8>>,
}

impl Lengths {
    pub(super) fn of(message: &Message, http: &HttpMessage, shown: &Shown<'_>) -> Self {
        let undecoded = http.coded.as_ref();
        let undecoded = undecoded.map(|coded| Shown::content(&coded.undecoded.bytes));
        let is_hidden = message.is_hidden
            || shown.is_hidden()
            || undecoded.is_some_and(|undecoded| undecoded.is_hidden());
        let is_whole =
            http.head.framing == Framing::Length(http.coded_length) && http.missing_bytes() == 0;
        let content_length = (is_hidden && is_whole).then(|| {
            if http.coded.is_some() {
                return UNKNOWN.as_bytes().to_vec();
            }
            let length = shown.bytes.len() as u64 + http.body.left_out.length();
            length.to_string().into_bytes()
        });
        Self {
            is_hidden,
            content_length,
        }
    }
}
