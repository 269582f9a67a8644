//! Values that follow from something hidden: its lengths, and its compressed form.
//!
//! If a placeholder has another width than the hidden value, the listed lengths are those of the text as it is shown.
//! Coded content has no such length: if something in it is hidden, neither its length nor its digest is listed. A
//! compressed frame may refer to all those before it.

use wirestream::fingerprint::Fingerprint;
use wirestream::http::Framing;
use wirestream::message::{HttpMessage, Message};
use wirestream::units::Side;
use wirestream::websocket::{Frame, Opcode};

use super::super::redact::Shown;

/// The placeholder for a number that follows from something hidden.
pub(in crate::render) const UNKNOWN: &str = "<n>";

/// The places where something was hidden earlier on a connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::render) struct HiddenBefore {
    /// True for each side if something is hidden in compressed messages that later ones may refer to.
    frames: [bool; 2],
    /// True for each side if something is hidden in events of a stream.
    events: [bool; 2],
}

impl HiddenBefore {
    pub(in crate::render) const NOTHING: Self = Self {
        frames: [false; 2],
        events: [false; 2],
    };

    /// Takes a frame. Returns true if its compressed form follows from something hidden.
    pub(in crate::render) const fn frame(
        &mut self,
        from: Side,
        frame: &Frame,
        is_hidden: bool,
    ) -> bool {
        let before = &mut self.frames[from as usize];
        let follows = is_hidden || (*before && frame.has_context);
        if frame.compressed && frame.has_context {
            *before = follows;
        }
        follows
    }

    /// Takes an event.
    pub(in crate::render) const fn event(&mut self, from: Side, is_hidden: bool) {
        self.events[from as usize] |= is_hidden;
    }

    /// Takes the end of an event stream. Returns true if anything was hidden in it.
    pub(in crate::render) const fn end_events(&mut self, from: Side) -> bool {
        std::mem::replace(&mut self.events[from as usize], false)
    }
}

/// The fragments of a compressed message so far. Hidden text may be in the last of them, and then the compressed form
/// of the first follows from it too: so no digest is listed for each, but one for all of them after the last.
#[derive(Clone, Debug)]
pub(in crate::render) struct Fragments {
    rest: Fingerprint,
    is_hidden: bool,
    /// True if there are any fragments.
    goes_on: bool,
}

/// The listed compressed form of a frame.
pub(in crate::render) enum Form {
    /// No compressed form: the frame is not compressed.
    Plain,
    /// A form that is not listed, not even its length.
    Hidden,
    /// The form of a whole message.
    Whole(Fingerprint),
    /// The last fragment, with a fingerprint of all of them.
    Last(Fingerprint),
}

impl Fragments {
    pub(in crate::render) const NONE: Self = Self {
        rest: Fingerprint::EMPTY,
        is_hidden: false,
        goes_on: false,
    };

    /// Takes a frame. `follows` says that its compressed form follows from something hidden.
    pub(in crate::render) fn form(&mut self, frame: &Frame, follows: bool) -> Form {
        let header = &frame.header;
        if !frame.compressed {
            return Form::Plain;
        }
        let is_first = header.opcode != Opcode::CONTINUATION;
        if is_first {
            *self = Self::NONE;
        }
        if is_first && header.fin {
            if follows {
                return Form::Hidden;
            }
            return Form::Whole(frame.deflated.clone());
        }
        self.goes_on = true;
        self.is_hidden |= follows;
        let (length, digest) = (frame.deflated.length(), frame.deflated.digest());
        self.rest.push_for(length, &digest);
        if !header.fin {
            return Form::Hidden;
        }
        self.end().map_or(Form::Hidden, Form::Last)
    }

    /// Returns a fingerprint of all of them, if there are any and nothing in them is hidden.
    pub(in crate::render) fn end(&mut self) -> Option<Fingerprint> {
        let all = std::mem::replace(self, Self::NONE);
        (all.goes_on && !all.is_hidden).then_some(all.rest)
    }
}

/// The listed lengths of the body of an HTTP message.
pub(in crate::render) struct Lengths {
    /// True if something in the body is hidden.
    pub(in crate::render) is_hidden: bool,
    /// The replacement for its Content-Length.
    pub(in crate::render) content_length: Option<Vec<u8>>,
}

impl Lengths {
    pub(in crate::render) fn of(message: &Message, http: &HttpMessage, shown: &Shown<'_>) -> Self {
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
