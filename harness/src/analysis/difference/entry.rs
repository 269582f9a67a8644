//! A message as it is compared: the kept part of it, and the cost of its packets.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use wirestream::http::{Framing, Head};
use wirestream::message::chunks::{Case, Chunks};
use wirestream::message::content::Content;
use wirestream::message::{Detail, EventsEnd, HttpMessage, Message, Name, RequestLine};
use wirestream::sse;
use wirestream::tcp::event::AsideReason;
use wirestream::units::Side;
use wirestream::websocket::Opcode;

use super::body::{Body, Coded, chunks_digest, chunks_text};
use super::field;
use super::frames::Frames;
use super::kind::Kind;
use super::redaction::{Redaction, Sort};
use super::tally::Tally;

/// The most segments of a message whose lengths are listed.
const CUTS_SHOWN: usize = 12;

/// A digest of bytes that are not kept.
pub(super) type Digest = [u8; 32];

/// A message of one capture.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Name,
    /// The time at which its first byte was on the wire, in nanoseconds after the first packet of the capture.
    pub(super) time: i64,
    /// The bytes of its side's stream that belong to it, including missing ones.
    pub(super) bytes: i64,
    pub(super) said: Said,
    /// The packets whose first new byte belongs to it.
    pub(super) data: Tally,
    /// The payload sizes of these packets.
    pub(super) cuts: Cuts,
    /// The other side's packets that only acknowledge it.
    pub(super) acknowledgements: Tally,
    /// A digest that is equal for two messages that differ only in volatile parts.
    pub(super) exact: Digest,
    /// A digest that is equal for such messages, whatever they answer.
    pub(super) form: Digest,
    /// A digest that is equal for two messages that do the same: the same request, the answer to it, a frame of the
    /// same kind.
    pub(super) shape: Digest,
    /// True for a message of an exchange that may be repeated a number of times that varies.
    pub(super) may_repeat: bool,
}

/// The contents of a message.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Http(Box<Http>),
    Frames(Box<Frames>),
    Event(Box<Event>),
    EventsEnd(Box<End>),
    Raw(Body),
    /// Payload that is not part of the stream. Its bytes do not count as bytes of the message.
    Aside(AsideReason, Body),
}

#[derive(Clone, Debug)]
pub(super) struct Http {
    pub(super) head: Head,
    pub(super) accept_belongs: bool,
    pub(super) body: Body,
    /// The bytes of the body on the wire, before codings were undone.
    pub(super) body_bytes: i64,
    /// True if Content-Length says how many these are.
    pub(super) has_its_length: bool,
    pub(super) codings: Vec<&'static str>,
    pub(super) coded: Option<Coded>,
    /// The lines around the chunks of the body; `None` if it was cut as most bodies are.
    pub(super) chunks: Option<Vec<u8>>,
    /// A digest of these lines as they are, if something in the body is hidden.
    pub(super) cuts: Digest,
    pub(super) trailers: Vec<u8>,
}

/// A server-sent event.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) body: Body,
    pub(super) chunks: Option<Vec<u8>>,
    /// A digest of the lines around its chunks as they are, if something in it is hidden.
    pub(super) cuts: Digest,
    /// True if it came out of a coded stream, in which its own bytes are not known.
    pub(super) is_of_coded: bool,
}

/// The end of an event stream.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) codings: Vec<&'static str>,
    pub(super) coded: Option<Coded>,
    /// True if something in the events before is hidden.
    pub(super) is_hidden: bool,
    /// A digest of these events.
    pub(super) context: Context,
    pub(super) chunks: Option<Vec<u8>>,
    /// A digest of the lines around its chunks as they are, if something in the events is hidden.
    pub(super) cuts: Digest,
    pub(super) trailers: Vec<u8>,
}

/// A digest of all contents that something was made of, including hidden parts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    digest: Digest,
    /// True if it includes a secret: then it is the digest of the replacement.
    is_secret: bool,
}

impl Context {
    pub(super) fn add(&mut self, body: &Body) {
        self.digest = digest([&self.digest[..], &body.digest]);
        self.is_secret |= body.is_secret;
    }

    /// Adds the digest of more contents.
    pub(super) fn join(&mut self, next: &Self) {
        self.digest = digest([&self.digest[..], &next.digest]);
        self.is_secret |= next.is_secret;
    }

    /// Returns true if both are the same byte by byte.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest && !self.is_secret && !other.is_secret
    }
}

/// The state remembered from earlier messages of one side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    /// True if compressed messages refer to something hidden.
    frames: bool,
    /// A digest of what compressed messages refer to.
    frames_context: Context,
    /// True if something in the events of this stream is hidden.
    events: bool,
    /// A digest of these events.
    events_context: Context,
    /// True if this stream of events is coded.
    is_coded: bool,
    /// The case in which the sizes of chunks are written.
    case: Case,
}

/// The sizes of the segments that a message was cut into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cuts {
    /// The payload bytes of the first segments.
    pub(super) first: Vec<u32>,
    pub(super) count: u64,
    /// A digest of all segments.
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

    /// Returns the sizes as text: `117 + 435 bytes`.
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

/// A hash of parts; no two sequences of parts have the same.
#[derive(Default)]
struct PartsHash(Sha256);

impl PartsHash {
    fn part(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn digest(self) -> Digest {
        self.0.finalize().into()
    }
}

/// Hashes parts so that no two sequences of parts have the same digest.
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    let mut hash = PartsHash::default();
    for part in parts {
        hash.part(part);
    }
    hash.digest()
}

impl Entry {
    /// Creates an entry from a message, before its end and its packets are known.
    pub(super) fn new(
        message: Message,
        name: Name,
        time: i64,
        redaction: Redaction<'_>,
        before: &mut Before,
    ) -> Self {
        let may_repeat = may_repeat(&message, redaction);
        let said = Said::of(message, redaction, before);
        let mut entry = Self {
            name,
            time,
            bytes: 0,
            exact: Digest::default(),
            form: Digest::default(),
            shape: Digest::default(),
            may_repeat,
            said: said.0,
            data: Tally::default(),
            cuts: Cuts::default(),
            acknowledgements: Tally::default(),
        };
        entry.shape = entry.shape(said.1.as_ref(), redaction);
        entry.take_digests(redaction);
        entry
    }

    /// Takes in the next fragment of the message; gives the message back if it is not one.
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
        self.take_digests(redaction);
        Ok(())
    }

    /// Returns true if it may be repeated, and the other capture has the same.
    pub(super) fn is_repetition(&self, others: &HashSet<Digest>) -> bool {
        self.may_repeat && others.contains(&self.exact)
    }

    /// Returns true if another fragment may follow.
    pub(super) fn goes_on(&self) -> bool {
        matches!(&self.said, Said::Frames(frames) if frames.goes_on())
    }

    /// Returns its protocol and its side: messages that differ in these have nothing to do with each other.
    pub(super) fn family(&self) -> (u8, bool) {
        let protocol = match &self.said {
            Said::Http(_) => 0,
            Said::Frames(frames) if frames.first_opcode().is_control() => 1,
            Said::Frames(_) => 2,
            Said::Event(_) => 3,
            Said::EventsEnd(_) => 9,
            Said::Raw(_) => 4,
            Said::Aside(reason, _) => 5 + *reason as u8,
        };
        let is_client = match self.name {
            Name::Request(_) | Name::Turn(Side::Client, _) | Name::Aside(Side::Client, _) => true,
            Name::Response(_)
            | Name::Event(_)
            | Name::EventsEnd(_)
            | Name::Turn(Side::Server, _)
            | Name::Aside(Side::Server, _) => false,
        };
        (protocol, is_client)
    }

    /// Returns its bytes by the kind of thing that they say. They add up to all of them.
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
            Said::EventsEnd(_) => vec![(Kind::Framing, self.bytes)],
            Said::Event(event) => {
                let body_bytes = event.body.length.cast_signed();
                vec![
                    (Kind::Body, body_bytes),
                    (Kind::Framing, self.bytes - body_bytes),
                ]
            }
            Said::Raw(_) => vec![(Kind::Body, self.bytes)],
            Said::Aside(..) => Vec::new(),
        }
    }

    /// Returns the number of bytes of a fragmented message that are put together.
    pub(super) const fn growing_bytes(&self) -> usize {
        match &self.said {
            Said::Frames(frames) => frames.growing_bytes(),
            _ => 0,
        }
    }

    /// Drops the content to be shown. It is compared all the same.
    pub(super) fn forget_shown(&mut self) {
        match &mut self.said {
            Said::Http(http) => {
                http.body.shown = Vec::new();
                forget_undecoded(http.coded.as_mut());
            }
            Said::Frames(frames) => frames.forget_shown(),
            Said::Event(event) => event.body.shown = Vec::new(),
            Said::EventsEnd(end) => forget_undecoded(end.coded.as_mut()),
            Said::Raw(body) | Said::Aside(_, body) => body.shown = Vec::new(),
        }
    }

    /// Returns the memory that it takes.
    pub(super) fn weight(&self) -> usize {
        const OVERHEAD: usize = 768;
        let content = match &self.said {
            Said::Http(http) => {
                let coded = http.coded.as_ref();
                let undecoded = coded.map_or(0, |coded| coded.undecoded.shown.len());
                let head = http.head.raw.len() * 2;
                head + http.body.shown.len() + undecoded + http.trailers.len()
            }
            Said::Frames(frames) => frames.weight(),
            Said::Event(event) => event.body.shown.len(),
            Said::EventsEnd(end) => {
                let coded = end.coded.as_ref();
                coded.map_or(0, |coded| coded.undecoded.shown.len()) + end.trailers.len()
            }
            Said::Raw(body) | Said::Aside(_, body) => body.shown.len(),
        };
        OVERHEAD + content
    }

    /// Returns its title in a few words: a request's start line, a frame's kind.
    pub(super) fn title(&self) -> Vec<u8> {
        match &self.said {
            Said::Http(http) => field::start(&http.head),
            Said::Frames(frames) => frames.first_opcode().name().as_bytes().to_vec(),
            Said::Event(_) | Said::EventsEnd(_) => Vec::new(),
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
            Said::Event(_) | Said::EventsEnd(_) | Said::Raw(_) | Said::Aside(..) => {
                digest([&family[..]])
            }
        }
    }

    /// Computes the digests of the message.
    fn take_digests(&mut self, redaction: Redaction<'_>) {
        self.form = self.form(redaction);
        self.exact = digest([&self.shape[..], &self.form]);
    }

    fn form(&self, redaction: Redaction<'_>) -> Digest {
        match &self.said {
            Said::Http(http) => http.exact(redaction),
            Said::Frames(frames) => frames.exact(),
            Said::Event(event) => {
                let chunks = event.chunks.as_deref().unwrap_or_default();
                digest([&event.body.hidden[..], chunks])
            }
            Said::EventsEnd(end) => end.exact(redaction),
            Said::Raw(body) | Said::Aside(_, body) => body.hidden,
        }
    }
}

/// Returns true if a message is of an exchange that a scenario says is repeated. What leads to other messages than an answer
/// is none.
fn may_repeat(message: &Message, redaction: Redaction<'_>) -> bool {
    let Detail::Http(http) = &message.detail else {
        return false;
    };
    let head = &http.head;
    if http.events_follow || head.status() == 101 || head.field("upgrade").is_some() {
        return false;
    }
    let asked = http.request.as_ref();
    let asked = asked.map(|line| (line.method.as_slice(), line.target.as_slice()));
    let (method, target) = asked.unwrap_or((head.method(), head.target()));
    redaction.repeats(target) || redaction.repeats(&redaction.target(method, target))
}

fn forget_undecoded(coded: Option<&mut Coded>) {
    if let Some(coded) = coded {
        coded.undecoded.shown = Vec::new();
    }
}

impl Said {
    fn of(
        message: Message,
        redaction: Redaction<'_>,
        before: &mut Before,
    ) -> (Self, Option<RequestLine>) {
        let is_hidden = message.is_hidden;
        let case = before.case;
        let hidden = redaction.hides_chunks();
        let cut = hidden.then(|| message.chunks.without_boundaries());
        let cut = cut.as_ref().unwrap_or(&message.chunks);
        before.case = cut.case_after(case);
        let chunks = (cut, case);
        let said = match message.detail {
            Detail::Http(http) => {
                if http.events_follow {
                    before.events = false;
                    before.events_context = Context::default();
                    before.is_coded = !http.codings.is_empty();
                }
                let (http, request) = Http::new(*http, chunks, redaction, is_hidden);
                return (Self::Http(Box::new(http)), request);
            }
            Detail::WebSocket(frame) => {
                let was = (before.frames, before.frames_context);
                let frames = Frames::new(*frame, redaction, is_hidden, was);
                let next = frames.for_later().unwrap_or(was);
                (before.frames, before.frames_context) = next;
                Self::Frames(Box::new(frames))
            }
            Detail::Event(event) => {
                let mut event = Event::new(*event, chunks, redaction, is_hidden);
                before.events |= event.body.is_hidden;
                before.events_context.add(&event.body);
                event.is_of_coded = before.is_coded;
                Self::Event(Box::new(event))
            }
            Detail::EventsEnd(end) => {
                let end = End::new(*end, chunks, redaction, before);
                Self::EventsEnd(Box::new(end))
            }
            Detail::Raw(content) => {
                Self::Raw(Body::new(&content, Sort::Content, redaction, is_hidden).0)
            }
            Detail::Aside(aside) => {
                let body = Body::new(&aside.content, Sort::Text, redaction, is_hidden).0;
                Self::Aside(aside.reason, body)
            }
        };
        (said, None)
    }
}

impl Event {
    fn new(
        event: sse::Event,
        (chunks, case): (&Chunks, Case),
        redaction: Redaction<'_>,
        was_hidden: bool,
    ) -> Self {
        let content = Content {
            bytes: event.raw,
            holes: Vec::new(),
            left_out: event.left_out,
        };
        let (body, hidden) = Body::new(&content, Sort::Text, redaction, was_hidden);
        let cuts = cuts(chunks, body.is_hidden);
        let chunks = chunks.moved(|at| hidden.moved(at));
        Self {
            cuts,
            chunks: chunks_text(&chunks, body.hidden_length, false, case, redaction),
            body,
            is_of_coded: false,
        }
    }
}

impl End {
    fn new(
        end: EventsEnd,
        (chunks, case): (&Chunks, Case),
        redaction: Redaction<'_>,
        before: &Before,
    ) -> Self {
        let is_hidden = before.events;
        let cuts = cuts(chunks, is_hidden);
        let coded = end.coded.as_deref();
        let coded = coded.map(|coded| Coded::new(coded, redaction, is_hidden));
        let chunks = if is_hidden && coded.is_some() {
            chunks_text(&chunks.without_sizes(), 0, true, case, redaction)
        } else {
            chunks_text(chunks, 0, true, case, redaction)
        };
        Self {
            codings: end.codings,
            coded,
            is_hidden,
            context: before.events_context,
            chunks,
            cuts,
            trailers: end.trailers,
        }
    }

    fn exact(&self, redaction: Redaction<'_>) -> Digest {
        let codings = self.codings.join(",");
        let [coded, undecoded] = coded_parts(self.coded.as_ref(), self.is_hidden);
        let chunks = self.chunks.as_deref().unwrap_or_default();
        let trailers = redaction.text(&self.trailers);
        digest([codings.as_bytes(), coded, undecoded, chunks, &trailers])
    }
}

/// Returns a digest of the lines around chunks as they are, if they may be hidden.
fn cuts(chunks: &Chunks, is_hidden: bool) -> Digest {
    if is_hidden {
        chunks_digest(chunks)
    } else {
        Digest::default()
    }
}

/// Returns the digest of coded bytes, unless they follow from something hidden, and the digest of the bytes that
/// decoded to nothing.
fn coded_parts(coded: Option<&Coded>, is_hidden: bool) -> [&[u8]; 2] {
    let digest = coded.filter(|_| !is_hidden).map(|coded| &coded.digest[..]);
    let undecoded = coded.map(|coded| &coded.undecoded.hidden[..]);
    [digest, undecoded].map(Option::unwrap_or_default)
}

impl Http {
    fn new(
        message: HttpMessage,
        (chunks, case): (&Chunks, Case),
        redaction: Redaction<'_>,
        was_hidden: bool,
    ) -> (Self, Option<RequestLine>) {
        let missing = message.missing_bytes();
        let body_bytes = message.coded_length.saturating_add(missing);
        let (mut body, hidden) = Body::new(&message.body, Sort::Content, redaction, was_hidden);
        let coded = message.coded.as_deref();
        let coded = coded.map(|coded| Coded::new(coded, redaction, was_hidden));
        body.missing = missing;
        body.is_hidden |= coded
            .as_ref()
            .is_some_and(|coded| coded.undecoded.is_hidden);
        let cuts = cuts(chunks, body.is_hidden);
        let chunks = match (&coded, body.is_hidden) {
            (Some(_), false) => chunks_text(chunks, body_bytes, true, case, redaction),
            (Some(_), true) if chunks.are_usual(body_bytes, true, case) => None,
            (Some(_), true) => chunks_text(&chunks.without_sizes(), 0, true, case, redaction),
            (None, true) if missing > 0 => {
                chunks_text(&chunks.without_sizes(), 0, true, case, redaction)
            }
            (None, _) => {
                let chunks = chunks.moved(|at| hidden.moved(at));
                let length = body.hidden_length.saturating_add(missing);
                chunks_text(&chunks, length, true, case, redaction)
            }
        };
        let http = Self {
            accept_belongs: message.accept_belongs == Some(true),
            has_its_length: message.head.framing == Framing::Length(message.coded_length)
                && missing == 0,
            body,
            body_bytes: body_bytes.cast_signed(),
            codings: message.codings,
            coded,
            chunks,
            cuts,
            trailers: message.trailers,
            head: message.head,
        };
        (http, message.request)
    }

    /// Returns true if the decoded bodies are the same byte by byte, including hidden parts.
    pub(super) fn has_content_of(&self, other: &Self) -> bool {
        let codeds = (self.coded.as_ref(), other.coded.as_ref());
        let are_undecoded_same = match codeds {
            (Some(own), Some(other)) => own.undecoded.is_same(&other.undecoded),
            (own, other) => own.is_none() && other.is_none(),
        };
        are_undecoded_same && self.body.is_same(&other.body)
    }

    /// Returns the Content-Length of the body as it is shown, if that is another one; empty if it cannot be known.
    pub(super) fn shown_length(&self) -> Option<String> {
        if !self.has_its_length || !self.body.is_hidden {
            return None;
        }
        Some(match self.coded {
            Some(_) => String::new(),
            None => self.body.hidden_length.to_string(),
        })
    }

    fn exact(&self, redaction: Redaction<'_>) -> Digest {
        let parts = field::Parts::of(&self.head);
        let length = self.shown_length();
        let codings = self.codings.join(",");
        let start = parts.start_line(&self.head, redaction);
        let trailers = redaction.text(&self.trailers);
        let [coded, undecoded] = coded_parts(self.coded.as_ref(), self.body.is_hidden);
        let chunks = self.chunks.as_deref().unwrap_or_default();
        let mut hash = PartsHash::default();
        for part in [
            &start[..],
            parts.end,
            &self.body.hidden,
            codings.as_bytes(),
            coded,
            undecoded,
            chunks,
            &trailers,
        ] {
            hash.part(part);
        }
        for field in &parts.fields {
            hash.part(field.name);
            if self.accept_belongs && field.is_named("sec-websocket-accept") {
                hash.part(b"");
            } else if let Some(length) =
                length.as_ref().filter(|_| field.is_named("content-length"))
            {
                hash.part(length.as_bytes());
            } else {
                hash.part(&redaction.field(field.name, field.value));
            }
            hash.part(field.before);
            hash.part(field.after);
        }
        hash.digest()
    }
}
