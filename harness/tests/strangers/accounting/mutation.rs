//! Changes one byte of a capture at a time, and checks that `diff` and the redacted listing show it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wiresnap::analysis::difference::{Difference, Kind, Record};
use wiresnap::listing::{Request, list};
use wiresnap::render::payload::Style;
use wiresnap::render::redact::{self, RULES};
use wirestream::capture::{CaptureReader, read_from};
use wirestream::conversation::Conversation;
use wirestream::message::{Detail, HttpMessage, Message};
use wirestream::packet::{Decoded, FrameDecoder};
use wirestream::tcp::stream::{Opening, Options, Reassembler};

/// A capture, read once, with which changed ones are compared.
pub(super) struct Original {
    file: Vec<u8>,
    record: Record,
    listing: String,
    messages: Vec<Message>,
    /// The places of its payload bytes in the file.
    pub(super) payload: Vec<usize>,
}

/// The number of changes, the number of reported ones, and the number of others that each rule hid.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) changes: u64,
    pub(super) told: u64,
    pub(super) hidden: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.changes += other.changes;
        self.told += other.told;
        for (rule, count) in other.hidden {
            *self.hidden.entry(rule).or_default() += count;
        }
    }
}

fn reader(file: &[u8]) -> CaptureReader<Box<dyn std::io::Read>> {
    read_from(Box::new(Cursor::new(file.to_vec()))).unwrap()
}

fn listing(file: &[u8]) -> String {
    let request = Request {
        style: Style {
            redact: true,
            ..Style::default()
        },
        ..Request::default()
    };
    let outcome = list(reader(file), request, Vec::new()).unwrap();
    String::from_utf8(outcome.output).unwrap()
}

/// Returns the messages of a capture, connection by connection.
fn messages(file: &[u8]) -> Vec<Message> {
    let mut reader = reader(file);
    let open = |_: &Opening| Conversation::default();
    let mut reassembler = Reassembler::new(Options::default(), open);
    let mut decoder = FrameDecoder::default();
    while let Some(packet) = reader.next() {
        let found = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        if let Decoded::Segment(segment) = found {
            reassembler.segment(packet.number, packet.time, &segment);
        }
    }
    let mut messages = Vec::new();
    for (_, mut conversation) in reassembler.finish() {
        conversation.finish();
        messages.extend(std::iter::from_fn(|| conversation.take()));
    }
    messages
}

fn payload(file: &[u8]) -> Vec<usize> {
    let mut reader = reader(file);
    let mut decoder = FrameDecoder::default();
    let mut places = Vec::new();
    while let Some(packet) = reader.next() {
        let found = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        if let Decoded::Segment(segment) = found
            && let Some(place) = packet.place_of(segment.payload)
        {
            let from = usize::try_from(place).unwrap();
            places.extend(from..from + segment.payload.len());
        }
    }
    places
}

impl Original {
    pub(super) fn new(file: &[u8]) -> Self {
        Self {
            record: Record::read(&mut reader(file), RULES),
            listing: listing(file),
            messages: messages(file),
            payload: payload(file),
            file: file.to_vec(),
        }
    }

    /// Changes the byte at a place of the file, and records the result: both `diff` and the listing show the change, or
    /// a rule hides it. Returns an error if neither is so.
    pub(super) fn change(&self, place: usize, byte: u8, tally: &mut Tally) -> Result<(), String> {
        let mut file = self.file.clone();
        if std::mem::replace(&mut file[place], byte) == byte {
            return Ok(());
        }
        tally.changes += 1;
        let told = catch_unwind(AssertUnwindSafe(|| self.tells(&file)));
        let told = told.unwrap_or_else(|_| Err("it panics".to_owned()));
        match told {
            Ok(Some(rule)) => *tally.hidden.entry(rule).or_default() += 1,
            Ok(None) => tally.told += 1,
            Err(why) => {
                let was = self.file[place];
                return Err(format!("byte {place}, {was:#04x} to {byte:#04x}: {why}"));
            }
        }
        Ok(())
    }

    /// Returns `None` if both show that this file is not the original; otherwise the rule that hides the change.
    fn tells(&self, file: &[u8]) -> Result<Option<&'static str>, String> {
        let record = Record::read(&mut reader(file), RULES);
        let difference = Difference::between(&self.record, &record, RULES);
        if !difference.adds_up() || difference.is_identical {
            return Err("it does not add up, or is called identical".to_owned());
        }
        let listing = listing(file);
        if difference.differs(&[]) && listing != self.listing {
            return Ok(None);
        }
        self.hidden_by(&messages(file)).map(Some).ok_or_else(|| {
            let kinds: Vec<&str> = difference.kinds().map(Kind::word).collect();
            let lines = self.listing.lines().zip(listing.lines());
            let listed = lines.into_iter().find(|(old, new)| old != new);
            let not_compared = difference.not_compared;
            format!("listed {listed:?}, kinds {kinds:?}, {not_compared} bytes not compared")
        })
    }

    /// Returns the rule that hides the differences of these messages. If a value is hidden, so is its coded form.
    fn hidden_by(&self, others: &[Message]) -> Option<&'static str> {
        if others.len() != self.messages.len() {
            return None;
        }
        let pairs = self.messages.iter().zip(others);
        let changed = pairs.filter(|(one, other)| own(one) != own(other));
        let rules = changed.map(|(one, other)| rule(one, other));
        let rules: BTreeSet<_> = rules.collect::<Option<_>>()?;
        let mut values = rules.iter().filter(|rule| **rule != CODED);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            (None, _) if self.hides_events() || !self.ends_events() => rules.first().copied(),
            _ => None,
        }
    }

    fn ends_events(&self) -> bool {
        let mut details = self.messages.iter().map(|message| &message.detail);
        details.any(|detail| matches!(detail, Detail::EventsEnd(_)))
    }

    /// Returns true if anything in the events of a stream is hidden.
    fn hides_events(&self) -> bool {
        let mut details = self.messages.iter().map(|message| &message.detail);
        details.any(|detail| match detail {
            Detail::Event(event) => !redact::places(&event.raw).is_empty(),
            _ => false,
        })
    }
}

/// Returns a message without its statement on another: an answer names the target of its request.
fn own(message: &Message) -> Message {
    let mut message = message.clone();
    if let Detail::Http(http) = &mut message.detail {
        http.request = None;
    }
    message
}

/// The rule that hides the coded form of a hidden value.
const CODED: &str = "coded after something hidden";

/// Returns the rule that hides the differences between two messages.
fn rule(one: &Message, other: &Message) -> Option<&'static str> {
    match (&one.detail, &other.detail) {
        (Detail::Http(old), Detail::Http(new)) if old == new => size_rule(one, other, old),
        (Detail::Http(one), Detail::Http(other)) => {
            head_rule(one, other).or_else(|| body_rule(one, other))
        }
        (Detail::WebSocket(one), Detail::WebSocket(other)) => {
            if one.payload != other.payload {
                return text_rule(&one.payload, &other.payload);
            }
            if one.deflated != other.deflated {
                return Some("compressed after something hidden");
            }
            (one.header.mask != other.header.mask).then_some("mask")
        }
        (Detail::Event(one), Detail::Event(other)) => text_rule(&one.raw, &other.raw),
        (Detail::EventsEnd(one), Detail::EventsEnd(other)) => {
            let (one, other) = (one.coded.as_ref()?, other.coded.as_ref()?);
            if one.fingerprint == other.fingerprint && one.times != other.times {
                return Some("time of gzip");
            }
            (one.fingerprint != other.fingerprint).then_some(CODED)
        }
        (Detail::Raw(one), Detail::Raw(other)) => text_rule(&one.bytes, &other.bytes),
        _ => None,
    }
}

/// Returns the rule that hides the sizes of chunks. In a coded body with something hidden, these are hidden with it,
/// and so is the case of their digits.
fn size_rule(one: &Message, other: &Message, http: &HttpMessage) -> Option<&'static str> {
    let is_hidden = http.coded.is_some() && !redact::places(&http.body.bytes).is_empty();
    let is_size =
        one.chunks != other.chunks && one.chunks.without_sizes() == other.chunks.without_sizes();
    (is_hidden && is_size).then_some("size of a chunk of something hidden")
}

fn head_rule(one: &HttpMessage, other: &HttpMessage) -> Option<&'static str> {
    let heads = [&one.head, &other.head];
    if one.head.raw == other.head.raw {
        return None;
    }
    if heads[0].target() != heads[1].target() {
        if one.head.method() == b"CONNECT" {
            let targets = heads.map(|head| redact::authority(head.target()));
            return (targets[0] == targets[1]).then_some("port");
        }
        return text_rule(heads[0].target(), heads[1].target());
    }
    let fields = heads[0].fields().zip(heads[1].fields());
    let mut changed = fields.filter(|(one, other)| one != other);
    let ((name, old), (other_name, new)) = changed.next()?;
    if name != other_name || changed.next().is_some() {
        return None;
    }
    let places = redact::field_places(name, old);
    places.first().map(|(_, rule)| *rule).filter(|rule| {
        let is_text = matches!(*rule, "clock time" | "date");
        !is_text || text_rule(old, new).is_some()
    })
}

fn body_rule(one: &HttpMessage, other: &HttpMessage) -> Option<&'static str> {
    if one.body.bytes != other.body.bytes {
        return text_rule(&one.body.bytes, &other.body.bytes);
    }
    let (one_coded, other_coded) = (one.coded.as_ref()?, other.coded.as_ref()?);
    if one_coded.fingerprint == other_coded.fingerprint {
        return (one_coded.times != other_coded.times).then_some("time of gzip");
    }
    let is_hidden = !redact::places(&one.body.bytes).is_empty();
    is_hidden.then_some(CODED)
}

/// Returns the rule that hides the bytes in which two texts differ.
fn text_rule(one: &[u8], other: &[u8]) -> Option<&'static str> {
    let place = one
        .iter()
        .zip(other)
        .position(|(one, other)| one != other)?;
    let places = redact::places(one);
    let mut hidden = places.iter().filter(|(hidden, _)| hidden.contains(&place));
    let (_, rule) = hidden.next()?;
    (redact::text(one) == redact::text(other)).then_some(*rule)
}
