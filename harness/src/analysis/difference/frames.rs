//! WebSocket messages as they are compared: one frame, or the fragments of one message.

use std::fmt::Write as _;

use wirestream::fingerprint::Fingerprint;
use wirestream::message::content::{Content, Hole};
use wirestream::websocket::{Frame, Header, Opcode};

use super::body::{Body, beginning};
use super::entry::{Context, Digest, digest};
use super::field;
use super::redaction::{Redaction, Sort};

/// The most frames of one message whose headers are kept.
const MOST_HEADERS: usize = 64;

/// The most bytes of a fragmented message that are put together.
const MOST_OPEN: usize = 16 << 20;

/// A WebSocket message.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    /// The header of each frame without the mask.
    pub(super) headers: Vec<Header>,
    /// The number of frames beyond those whose headers are kept, and a digest of their headers.
    more: u64,
    rest: Fingerprint,
    /// The bytes of all headers, including masks.
    pub(super) header_bytes: i64,
    /// The number of bytes missing because the stream ended too early.
    cut: u64,
    pub(super) body: Body,
    /// The compressed form, if the message was compressed.
    pub(super) compressed: Option<Compressed>,
    masks: Vec<[u8; 4]>,
    /// The payload so far of an unfinished message.
    open: Content,
}

/// A compressed message.
#[derive(Clone, Debug)]
pub(super) struct Compressed {
    pub(super) length: u64,
    pub(super) digest: Digest,
    /// The beginning of the bytes, if not all of them could be inflated.
    pub(super) not_inflated: Option<Vec<u8>>,
    /// True if it follows from something hidden, in it or in messages before it.
    pub(super) follows: bool,
    /// A digest of all that it was made of.
    context: Context,
    has_context: bool,
}

impl Frames {
    pub(super) fn new(
        frame: Frame,
        redaction: Redaction<'_>,
        was_hidden: bool,
        (hidden_before, mut known): (bool, Context),
    ) -> Self {
        let is_fragment = !frame.header.fin || frame.header.opcode == Opcode::CONTINUATION;
        let sort = Sort::Payload(frame.message_opcode);
        let compressed = frame.compressed.then(|| Compressed {
            length: frame.deflated.length(),
            digest: frame.deflated.digest(),
            not_inflated: (!frame.inflated).then(|| beginning(frame.sent())),
            follows: false,
            context: Context::default(),
            has_context: frame.has_context,
        });
        let hole = |(at, missing): &(usize, u64)| Hole {
            at: *at,
            missing: *missing,
        };
        let content = Content {
            holes: frame.holes.iter().map(hole).collect(),
            bytes: frame.payload,
            left_out: frame.left_out,
        };
        let (body, _) = Body::new(&content, sort, redaction, was_hidden);
        let mut frames = Self {
            headers: vec![Header {
                mask: frame.header.mask.map(|_| [0; 4]),
                ..frame.header
            }],
            more: 0,
            rest: Fingerprint::default(),
            header_bytes: field::length(frame.header_length),
            cut: frame.cut,
            body,
            compressed,
            masks: frame.header.mask.into_iter().collect(),
            open: if is_fragment {
                content
            } else {
                Content::default()
            },
        };
        let is_hidden = frames.body.is_hidden;
        if let Some(compressed) = &mut frames.compressed {
            compressed.follows = is_hidden || (hidden_before && compressed.has_context);
            if !compressed.has_context {
                known = Context::default();
            }
            known.add(&frames.body);
            compressed.context = known;
        }
        frames
    }

    /// Returns true if later compressed messages may refer to something hidden, with a digest of all that they may
    /// refer to; `None` if the message says nothing about that.
    pub(super) fn for_later(&self) -> Option<(bool, Context)> {
        let compressed = self.compressed.as_ref()?;
        let later = (compressed.follows, compressed.context);
        compressed.has_context.then_some(later)
    }

    pub(super) fn first_opcode(&self) -> Opcode {
        self.headers
            .first()
            .map_or(Opcode::CONTINUATION, |header| header.opcode)
    }

    pub(super) fn goes_on(&self) -> bool {
        let is_data = !self.first_opcode().is_control();
        is_data && self.headers.last().is_some_and(|header| !header.fin)
    }

    /// Takes in the next fragment.
    pub(super) fn append(&mut self, next: &Self, redaction: Redaction<'_>) {
        self.header_bytes += next.header_bytes;
        self.cut = self.cut.saturating_add(next.cut);
        if self.headers.len() < MOST_HEADERS {
            self.headers.extend_from_slice(&next.headers);
            self.masks.extend_from_slice(&next.masks);
        } else if let Some(last) = self.headers.pop() {
            self.more += 1;
            let mut bytes = Vec::new();
            last.emit(&mut bytes);
            self.rest.push(&bytes);
            self.headers.extend_from_slice(&next.headers);
        }
        let before = self.open.bytes.len();
        for hole in &next.open.holes {
            let at = before + hole.at;
            self.open.holes.push(Hole { at, ..*hole });
        }
        self.open.push(&next.open.bytes, MOST_OPEN);
        if !next.open.left_out.is_empty() {
            let rest = &next.open.left_out;
            self.open.left_out.push_for(rest.length(), &rest.digest());
        }
        self.body.is_hidden |= next.body.is_hidden;
        if let (Some(own), Some(other)) = (&mut self.compressed, &next.compressed) {
            own.append(other);
        }
        if !self.goes_on() {
            self.put_together(redaction);
        }
    }

    fn put_together(&mut self, redaction: Redaction<'_>) {
        let content = std::mem::take(&mut self.open);
        let sort = Sort::Payload(self.first_opcode());
        self.body = Body::new(&content, sort, redaction, self.body.is_hidden).0;
        let is_hidden = self.body.is_hidden;
        if let Some(compressed) = &mut self.compressed {
            compressed.follows |= is_hidden;
        }
    }

    /// Ends the message: nothing more comes, so the part that is there is all of it.
    pub(super) fn end(&mut self, redaction: Redaction<'_>) {
        if self.headers.len() > 1 && self.goes_on() {
            self.put_together(redaction);
        }
        self.open = Content::default();
    }

    /// Returns true if each frame has the length of the other's.
    pub(super) fn has_lengths_of(&self, other: &Self) -> bool {
        let lengths = |frames: &Self| -> Vec<u64> {
            frames.headers.iter().map(|header| header.length).collect()
        };
        self.compressed.is_some() || lengths(self) == lengths(other)
    }

    /// Returns true if both are masked by the same keys.
    pub(super) fn has_masks_of(&self, other: &Self) -> bool {
        self.masks == other.masks
    }

    /// Returns the number of bytes of a fragmented message that are put together.
    pub(super) const fn growing_bytes(&self) -> usize {
        self.open.bytes.len()
    }

    /// Drops the content to be shown.
    pub(super) fn forget_shown(&mut self) {
        self.body.shown = Vec::new();
        if let Some(compressed) = &mut self.compressed
            && let Some(bytes) = &mut compressed.not_inflated
        {
            *bytes = Vec::new();
        }
    }

    /// Returns the memory that it takes.
    pub(super) fn weight(&self) -> usize {
        let compressed = self.compressed.as_ref();
        let kept = compressed.and_then(|compressed| compressed.not_inflated.as_ref());
        self.body.shown.len() + self.headers.len() * 64 + kept.map_or(0, Vec::len)
    }

    /// Returns the number of frames beyond those whose headers are kept, and a digest of these.
    pub(super) fn rest(&self) -> (u64, Digest) {
        (self.more, self.rest.digest())
    }

    /// Returns a digest of all of it, without volatile parts and what follows from them.
    pub(super) fn exact(&self) -> Digest {
        let compressed = self.compressed.as_ref();
        let compressed = compressed.filter(|compressed| !compressed.follows);
        let compressed = compressed.map_or(&[][..], |compressed| &compressed.digest[..]);
        let (more, rest) = self.rest();
        let text = self.text();
        digest([
            text.as_bytes(),
            &self.body.hidden,
            compressed,
            &more.to_be_bytes(),
            &rest,
        ])
    }

    /// Returns a description: `text, masked`, or `text (5 bytes) + continuation (3 bytes), masked, compressed`.
    pub(super) fn text(&self) -> String {
        let masked = self.headers.iter().filter(|header| header.mask.is_some());
        let masked = masked.count();
        let are_mixed = masked > 0 && masked < self.headers.len();
        let parts = self.headers.iter().map(|header| {
            let remarks = self.remarks(header, are_mixed);
            match remarks.as_slice() {
                [] => header.opcode.to_string(),
                remarks => format!("{} ({})", header.opcode, remarks.join(", ")),
            }
        });
        let mut text = parts.collect::<Vec<_>>().join(" + ");
        if self.more > 0 {
            let _ = write!(text, " + {} more", self.more);
        }
        if masked > 0 && !are_mixed {
            text.push_str(", masked");
        }
        if self.compressed.is_some() {
            text.push_str(", compressed");
        }
        if self.headers.last().is_some_and(|header| !header.fin) {
            text.push_str(", more follows");
        }
        if self.cut > 0 {
            let _ = write!(text, ", cut off {} bytes before its end", self.cut);
        }
        text
    }

    /// Returns remarks on one frame: on whatever is not the same for all, or not as it should be.
    fn remarks(&self, header: &Header, with_mask: bool) -> Vec<String> {
        let follows = match &self.compressed {
            Some(compressed) => compressed.follows,
            None => self.body.is_hidden,
        };
        let mut remarks = Vec::new();
        if !header.opcode.is_known() {
            remarks.push(format!("opcode {:#x}", header.opcode.0));
        }
        if header.reserved != 0 {
            remarks.push(format!("reserved bits {:03b}", header.reserved));
        }
        if self.headers.len() > 1 && !follows {
            remarks.push(format!("{} bytes", header.length));
        }
        if header.length_form != Header::form_for(header.length) {
            remarks.push(format!("length in {} bits", header.length_form.bits()));
        }
        if with_mask && header.mask.is_some() {
            remarks.push("masked".to_owned());
        }
        remarks
    }
}

impl Compressed {
    /// Returns true if both were made of the same, byte by byte.
    pub(super) fn has_context_of(&self, other: &Self) -> bool {
        self.context.is_same(&other.context)
    }

    fn append(&mut self, next: &Self) {
        self.context.join(&next.context);
        self.length += next.length;
        self.digest = digest([&self.digest[..], &next.digest]);
        self.follows |= next.follows;
        if let Some(bytes) = &next.not_inflated {
            let own = self.not_inflated.get_or_insert_default();
            own.extend_from_slice(bytes);
            *own = beginning(std::mem::take(own));
        }
    }
}
