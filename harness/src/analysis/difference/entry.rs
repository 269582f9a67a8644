//! A message as it is compared: what of it is kept, and what its packets cost.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::field;
use super::kind::Kind;
use super::redaction::Redaction;
use super::tally::Tally;
use crate::analysis::content::Content;
use crate::analysis::conversation::BODY_LIMIT;
use crate::analysis::message::{Detail, HttpMessage, Message, RequestLine};
use crate::units::Side;
use crate::wire::event::AsideReason;
use crate::wire::http::Head;
use crate::wire::sse::Event;
use crate::wire::websocket::{Frame, Header, Opcode};

/// How much of one body is kept to show what changed in it; all of it is compared.
const BODY_SHOWN: usize = 64 << 10;

/// How many segments of a message are told by their lengths.
const CUTS_SHOWN: usize = 12;

/// What stands for bytes that are not kept.
pub(super) type Digest = [u8; 32];

/// What a message is called: in words where listings do not name it, else as they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// The client's request of this number on its connection, counted from 1.
    Request(u64),
    /// The server's response, likewise.
    Response(u64),
    /// A WebSocket frame or a turn in another protocol: `C1` is the client's first.
    Turn(Side, u64),
    /// A server-sent event.
    Event(u64),
    /// Payload that is not part of the side's stream.
    Aside(Side, u64),
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(number) => write!(formatter, "request {number}"),
            Self::Response(number) => write!(formatter, "response {number}"),
            Self::Turn(Side::Client, number) => write!(formatter, "C{number}"),
            Self::Turn(Side::Server, number) => write!(formatter, "S{number}"),
            Self::Event(number) => write!(formatter, "event {number}"),
            Self::Aside(side, number) => write!(formatter, "{side}'s aside {number}"),
        }
    }
}

/// A message of one capture.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Name,
    /// When its first byte was on the wire, in nanoseconds after the first packet of the capture.
    pub(super) time: i64,
    /// Bytes of its side's stream that are its own, missing ones included.
    pub(super) bytes: i64,
    pub(super) said: Said,
    /// Packets whose first new byte is its own.
    pub(super) data: Tally,
    /// What these carried.
    pub(super) cuts: Cuts,
    /// The other side's packets that do nothing but acknowledge it.
    pub(super) acknowledgements: Tally,
    /// The same for two messages that differ in what is volatile only.
    pub(super) exact: Digest,
    /// The same for two messages that do the same: the same request, the answer to it, a frame of the same kind.
    pub(super) shape: Digest,
}

/// What a message says.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Http(Box<Http>),
    Frames(Box<Frames>),
    Event(Body),
    Raw(Body),
    /// Payload that is not part of the stream: its bytes are none of the message's.
    Aside(AsideReason, Body),
}

#[derive(Clone, Debug)]
pub(super) struct Http {
    pub(super) head: Head,
    pub(super) accept_belongs: bool,
    pub(super) body: Body,
    /// Bytes of the body on the wire, before codings were undone.
    pub(super) body_bytes: i64,
    pub(super) codings: Vec<&'static str>,
    pub(super) trailers: Vec<u8>,
}

/// A WebSocket message: one frame, or the fragments of one.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    /// Of each frame: its header without the mask.
    pub(super) headers: Vec<Header>,
    /// Bytes of all headers, masks included.
    pub(super) header_bytes: i64,
    pub(super) compressed: bool,
    pub(super) body: Body,
    /// Frames beyond those whose headers are kept.
    pub(super) more: u64,
    masks: Vec<[u8; 4]>,
    /// The payload so far, of a message that goes on.
    open: Vec<u8>,
}

/// Content, and what stands for all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Body {
    /// The beginning of it, what is volatile hidden.
    pub(super) shown: Vec<u8>,
    pub(super) length: u64,
    /// Bytes that are not compared: they were too many to keep.
    pub(super) left_out: u64,
    /// Bytes that the capture lacks.
    pub(super) missing: u64,
    pub(super) digest: Digest,
    /// With what is volatile hidden.
    pub(super) hidden: Digest,
}

/// How a message's bytes were cut into segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cuts {
    /// The payload bytes of the first segments.
    pub(super) first: Vec<u32>,
    pub(super) count: u64,
    /// Stands for all of them.
    digest: u64,
}

impl Cuts {
    pub(super) fn push(&mut self, payload_bytes: u32) {
        if self.first.len() < CUTS_SHOWN {
            self.first.push(payload_bytes);
        }
        self.count += 1;
        // FNV-1a, in words.
        self.digest = (self.digest ^ u64::from(payload_bytes)).wrapping_mul(0x0100_0000_01b3);
    }

    fn append(&mut self, next: &Self) {
        let room = CUTS_SHOWN - self.first.len().min(CUTS_SHOWN);
        self.first.extend(next.first.iter().take(room));
        self.count += next.count;
        self.digest = (self.digest ^ next.digest).wrapping_mul(0x0100_0000_01b3);
    }

    /// `117 + 435 bytes`.
    pub(super) fn text(&self) -> String {
        let lengths: Vec<String> = self.first.iter().map(u32::to_string).collect();
        let more = self.count.saturating_sub(lengths.len() as u64);
        let rest = if more > 0 {
            format!(" + {more} more")
        } else {
            String::new()
        };
        format!("{}{rest} bytes", lengths.join(" + "))
    }
}

/// Hashes parts so that no two sequences of parts give the same.
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl Body {
    fn new(bytes: &[u8], redaction: Redaction<'_>) -> Self {
        let mut hidden = redaction.text(bytes);
        let (digest, hidden_digest) = (digest([bytes]), digest([&hidden[..]]));
        hidden.truncate(BODY_SHOWN);
        hidden.shrink_to_fit();
        Self {
            shown: hidden,
            length: bytes.len() as u64,
            left_out: 0,
            missing: 0,
            digest,
            hidden: hidden_digest,
        }
    }

    fn of_content(content: &Content, redaction: Redaction<'_>) -> Self {
        let mut body = Self::new(&content.bytes, redaction);
        if content.left_out > 0 {
            let rest = content.left_out_hash.to_be_bytes();
            body.digest = digest([&body.digest[..], &rest]);
            body.hidden = digest([&body.hidden[..], &rest]);
        }
        Self {
            length: body.length + content.left_out,
            missing: content.missing_bytes(),
            ..body
        }
    }
}

impl Entry {
    /// What a message is, before its end and its packets are known.
    pub(super) fn new(message: Message, name: Name, time: i64, redaction: Redaction<'_>) -> Self {
        let said = Said::of(message.detail, redaction);
        let mut entry = Self {
            name,
            time,
            bytes: 0,
            exact: Digest::default(),
            shape: Digest::default(),
            said: said.0,
            data: Tally::default(),
            cuts: Cuts::default(),
            acknowledgements: Tally::default(),
        };
        entry.shape = entry.shape(said.1.as_ref(), redaction);
        entry.exact = entry.exact(redaction);
        entry
    }

    /// Takes in the next fragment of the message; gives it back where it is none.
    pub(super) fn continue_with(
        &mut self,
        next: Self,
        redaction: Redaction<'_>,
    ) -> Result<(), Box<Self>> {
        let (Said::Frames(own), Said::Frames(other)) = (&mut self.said, &next.said) else {
            return Err(Box::new(next));
        };
        if !own.goes_on() || other.first_opcode() != Opcode::CONTINUATION {
            return Err(Box::new(next));
        }
        own.append(other, redaction);
        self.bytes += next.bytes;
        self.data.merge(&next.data);
        self.acknowledgements.merge(&next.acknowledgements);
        self.cuts.append(&next.cuts);
        self.exact = self.exact(redaction);
        Ok(())
    }

    /// Whether another fragment may follow.
    pub(super) fn goes_on(&self) -> bool {
        matches!(&self.said, Said::Frames(frames) if frames.goes_on())
    }

    /// Of which protocol it is, and of which side: messages that differ in that have nothing to do with each other.
    pub(super) fn family(&self) -> (u8, bool) {
        let protocol = match &self.said {
            Said::Http(_) => 0,
            Said::Frames(frames) if frames.first_opcode().is_control() => 1,
            Said::Frames(_) => 2,
            Said::Event(_) => 3,
            Said::Raw(_) => 4,
            Said::Aside(reason, _) => 5 + *reason as u8,
        };
        let is_client = match self.name {
            Name::Request(_) | Name::Turn(Side::Client, _) | Name::Aside(Side::Client, _) => true,
            Name::Response(_)
            | Name::Event(_)
            | Name::Turn(Side::Server, _)
            | Name::Aside(Side::Server, _) => false,
        };
        (protocol, is_client)
    }

    /// Its own bytes, by the kind of thing that they say. They add up to all of them.
    pub(super) fn parts(&self) -> Vec<(Kind, i64)> {
        match &self.said {
            Said::Http(http) => {
                let parts = field::Parts::of(&http.head);
                let is_request = http.head.is_request();
                let start = field::length(parts.start.len());
                let mut kinds = vec![(Kind::Head, start), (Kind::Body, http.body_bytes)];
                let fields = parts.fields.iter();
                kinds.extend(
                    fields.map(|field| (field::kind_of(field.name, is_request), field.bytes)),
                );
                let known: i64 = kinds.iter().map(|(_, bytes)| bytes).sum();
                kinds.push((Kind::Framing, self.bytes - known));
                kinds
            }
            Said::Frames(frames) => vec![
                (Kind::Framing, frames.header_bytes),
                (Kind::Body, self.bytes - frames.header_bytes),
            ],
            Said::Event(body) => {
                let body_bytes = body.length.cast_signed();
                vec![
                    (Kind::Body, body_bytes),
                    (Kind::Framing, self.bytes - body_bytes),
                ]
            }
            Said::Raw(_) => vec![(Kind::Body, self.bytes)],
            Said::Aside(..) => Vec::new(),
        }
    }

    /// Bytes of a message in fragments that are put together.
    pub(super) const fn growing_bytes(&self) -> usize {
        match &self.said {
            Said::Frames(frames) => frames.open.len(),
            _ => 0,
        }
    }

    /// Keeps nothing of the content to be shown. It is compared all the same.
    pub(super) fn forget_shown(&mut self) {
        match &mut self.said {
            Said::Http(http) => http.body.shown = Vec::new(),
            Said::Frames(frames) => frames.body.shown = Vec::new(),
            Said::Event(body) | Said::Raw(body) | Said::Aside(_, body) => body.shown = Vec::new(),
        }
    }

    /// How much memory it takes.
    pub(super) fn weight(&self) -> usize {
        const OVERHEAD: usize = 768;
        let content = match &self.said {
            Said::Http(http) => {
                http.head.raw.len() * 2 + http.body.shown.len() + http.trailers.len()
            }
            Said::Frames(frames) => frames.body.shown.len() + frames.headers.len() * 64,
            Said::Event(body) | Said::Raw(body) | Said::Aside(_, body) => body.shown.len(),
        };
        OVERHEAD + content
    }

    /// What it is in a few words: a request's start line, a frame's kind.
    pub(super) fn title(&self) -> Vec<u8> {
        match &self.said {
            Said::Http(http) => field::start(&http.head),
            Said::Frames(frames) => frames.first_opcode().name().as_bytes().to_vec(),
            Said::Event(_) => Vec::new(),
            Said::Raw(body) | Said::Aside(_, body) => {
                let line = body.shown.split(|byte| *byte == b'\n').next();
                let line = line.unwrap_or_default().trim_ascii_end();
                line[..line.len().min(40)].to_vec()
            }
        }
    }

    fn shape(&self, request: Option<&RequestLine>, redaction: Redaction<'_>) -> Digest {
        let family = self.family();
        let family = [family.0, u8::from(family.1)];
        match &self.said {
            Said::Http(http) => {
                let head = &http.head;
                let asked = request.map(|line| (line.method.as_slice(), line.target.as_slice()));
                let (method, target) = asked.unwrap_or((head.method(), head.target()));
                let target = redaction.target(method, target);
                digest([&family[..], method, &target, &head.status().to_be_bytes()])
            }
            Said::Frames(frames) => digest([&family[..], &[frames.first_opcode().0]]),
            Said::Event(_) | Said::Raw(_) | Said::Aside(..) => digest([&family[..]]),
        }
    }

    fn exact(&self, redaction: Redaction<'_>) -> Digest {
        let bytes = self.bytes.to_be_bytes();
        match &self.said {
            Said::Http(http) => {
                let start = field::start(&http.head);
                let start = redaction.text(&start);
                let value = |name: &[u8], value| match name.to_ascii_lowercase().as_slice() {
                    b"sec-websocket-accept" if http.accept_belongs => Vec::new(),
                    _ => redaction.field(name, value),
                };
                let fields = http.head.fields();
                let fields = fields.flat_map(|(name, bytes)| [name.to_vec(), value(name, bytes)]);
                let fields: Vec<Vec<u8>> = fields.collect();
                let fields = fields.iter().map(Vec::as_slice);
                let parts = [&self.shape[..], &start[..], &http.body.hidden[..]];
                digest(parts.into_iter().chain(fields))
            }
            Said::Frames(frames) => digest([&self.shape[..], &frames.body.hidden, &bytes]),
            Said::Event(body) | Said::Raw(body) | Said::Aside(_, body) => {
                digest([&self.shape[..], &body.hidden])
            }
        }
    }
}

impl Said {
    fn of(detail: Detail, redaction: Redaction<'_>) -> (Self, Option<RequestLine>) {
        match detail {
            Detail::Http(http) => {
                let (http, request) = Http::new(*http, redaction);
                (Self::Http(Box::new(http)), request)
            }
            Detail::WebSocket(frame) => {
                let frames = Frames::new(*frame, redaction);
                (Self::Frames(Box::new(frames)), None)
            }
            Detail::Event(event) => (Self::Event(event_body(&event, redaction)), None),
            Detail::Raw(content) => (Self::Raw(Body::of_content(&content, redaction)), None),
            Detail::Aside(aside) => {
                let body = Body::of_content(&aside.content, redaction);
                (Self::Aside(aside.reason, body), None)
            }
        }
    }
}

fn event_body(event: &Event, redaction: Redaction<'_>) -> Body {
    Body::new(&event.raw, redaction)
}

impl Http {
    fn new(message: HttpMessage, redaction: Redaction<'_>) -> (Self, Option<RequestLine>) {
        let body_bytes = message
            .coded_length
            .saturating_add(message.body.missing_bytes());
        let mut body = Body::of_content(&message.body, redaction);
        if !message.codings.is_empty() && message.body.bytes.len() >= BODY_LIMIT {
            // Decoding ended at the limit, and what is behind it is not known.
            body.left_out = message.coded_length;
        }
        let http = Self {
            accept_belongs: message.accept_belongs == Some(true),
            body,
            body_bytes: body_bytes.cast_signed(),
            codings: message.codings,
            trailers: message.trailers,
            head: message.head,
        };
        (http, message.request)
    }
}

/// Frames of one message whose headers are kept.
const MOST_HEADERS: usize = 64;

/// How much of a fragmented message is put together.
const MOST_OPEN: usize = 16 << 20;

impl Frames {
    fn new(frame: Frame, redaction: Redaction<'_>) -> Self {
        let is_fragment = !frame.header.fin;
        let body = Body {
            length: frame.payload.len() as u64 + frame.left_out,
            left_out: frame.left_out,
            missing: frame.holes.iter().map(|(_, missing)| missing).sum(),
            ..Body::new(&frame.payload, redaction)
        };
        Self {
            headers: vec![Header {
                mask: frame.header.mask.map(|_| [0; 4]),
                ..frame.header
            }],
            header_bytes: field::length(frame.header_length),
            compressed: frame.compressed,
            body,
            more: 0,
            masks: frame.header.mask.into_iter().collect(),
            open: if is_fragment || frame.header.opcode == Opcode::CONTINUATION {
                frame.payload
            } else {
                Vec::new()
            },
        }
    }

    fn first_opcode(&self) -> Opcode {
        self.headers
            .first()
            .map_or(Opcode::CONTINUATION, |header| header.opcode)
    }

    fn goes_on(&self) -> bool {
        let is_data = !self.first_opcode().is_control();
        is_data && self.headers.last().is_some_and(|header| !header.fin)
    }

    fn append(&mut self, next: &Self, redaction: Redaction<'_>) {
        self.header_bytes += next.header_bytes;
        if self.headers.len() < MOST_HEADERS {
            self.headers.extend_from_slice(&next.headers);
            self.masks.extend_from_slice(&next.masks);
        } else {
            self.more += 1;
            self.headers.pop();
            self.headers.extend_from_slice(&next.headers);
        }
        let room = MOST_OPEN.saturating_sub(self.open.len());
        let kept = room.min(next.open.len());
        self.open.extend_from_slice(&next.open[..kept]);
        let left_out = self.body.left_out + next.body.left_out + (next.open.len() - kept) as u64;
        let missing = self.body.missing + next.body.missing;
        self.body = Body {
            left_out,
            missing,
            ..Body::default()
        };
        if !self.goes_on() {
            self.put_together(redaction);
        }
    }

    fn put_together(&mut self, redaction: Redaction<'_>) {
        let whole = Body::new(&std::mem::take(&mut self.open), redaction);
        self.body = Body {
            length: whole.length + self.body.left_out,
            left_out: self.body.left_out,
            missing: self.body.missing,
            ..whole
        };
    }

    /// Nothing more comes: what is there of a message that goes on is all of it.
    pub(super) fn end(&mut self, redaction: Redaction<'_>) {
        if self.headers.len() > 1 && self.goes_on() {
            self.put_together(redaction);
        }
        self.open = Vec::new();
    }

    /// Whether both are masked by the same keys.
    pub(super) fn has_masks_of(&self, other: &Self) -> bool {
        self.masks == other.masks
    }
}
