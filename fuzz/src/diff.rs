//! Compares two captures: one and an edited copy of it, and two that have nothing to do with each other.

use std::io::{Cursor, Read};

use wiresnap::analysis::difference::{
    Delta, Difference, Hidden, Kind, Record, Redaction, Rules, Sort,
};
use wiresnap::render::difference::{Comparison, write_json, write_text};
use wiresnap::render::redact::RULES;
use wiresnap::render::style;
use wirestream::capture::{CaptureReader, read_from};
use wirestream::message::Message;
use wirestream::packet::{Decoded, FrameDecoder};

use super::input::Input;
use super::output::{assert_json, assert_safe};

/// Rules that hide nothing.
struct Plain;

impl Rules for Plain {
    fn hide_secrets(&self, _: &mut Message) {}

    fn target(&self, _: &[u8], target: &[u8]) -> Vec<u8> {
        target.to_vec()
    }

    fn field(&self, _: &[u8], value: &[u8]) -> Vec<u8> {
        value.to_vec()
    }

    fn content(&self, bytes: &[u8], _: Sort) -> Hidden {
        Hidden::plain(bytes.to_vec())
    }
}

const PLAIN: Redaction<'static> = Redaction(&Plain);

/// Checks that differences add up and are the same in either direction, that a capture is identical with itself, and
/// that no change to a byte of payload goes unmentioned.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let edits: Vec<(u16, u8)> = (0..input.byte() % 4)
        .map(|_| (input.number(), input.byte()))
        .collect();
    let place = usize::from(input.number());
    let length = usize::from(input.number());
    let one = input.bytes(length);
    let mut edited = one.to_vec();
    for (place, value) in edits {
        if let Some(byte) = edited.get_mut(usize::from(place)) {
            *byte = value;
        }
    }
    for rules in [RULES, PLAIN] {
        let Some(record) = record(one, rules) else {
            return;
        };
        let same = Difference::between(&record, &record, rules);
        assert!(same.is_identical && !same.differs(&[]) && same.total().is_zero());
        compare([one, &edited], rules);
        compare([one, input.0], rules);
        change_payload(one, place, rules);
    }
}

fn open(file: &[u8]) -> Option<CaptureReader<Box<dyn Read>>> {
    read_from(Box::new(Cursor::new(file.to_vec()))).ok()
}

fn record(file: &[u8], rules: Redaction<'_>) -> Option<Record> {
    Some(Record::read(&mut open(file)?, rules))
}

fn compare(files: [&[u8]; 2], rules: Redaction<'_>) -> Option<Difference> {
    let (old, new) = (record(files[0], rules)?, record(files[1], rules)?);
    let there = Difference::between(&old, &new, rules);
    let back = Difference::between(&new, &old, rules);
    for difference in [&there, &back] {
        let sums = Kind::ALL.into_iter().map(|kind| difference.sum(kind));
        assert_eq!(sums.sum::<Delta>(), difference.total());
        assert!(difference.adds_up());
        print(difference);
    }
    assert_eq!(there.total(), -back.total());
    assert_eq!(there.is_identical, back.is_identical);
    assert_eq!(there.differs(&[]), back.differs(&[]));
    assert!(!(there.is_identical && there.differs(&[])));
    Some(there)
}

/// Changes a byte of payload, and checks that this is reported, or counted as not compared, or called volatile.
fn change_payload(file: &[u8], place: usize, rules: Redaction<'_>) {
    let places = payload(file);
    let Some(place) = place.checked_rem(places.len()).map(|place| places[place]) else {
        return;
    };
    let mut changed = file.to_vec();
    changed[place] ^= 0x15;
    let difference = compare([file, &changed], rules).expect("both can be read");
    assert!(!difference.is_identical);
    let mut found = difference
        .sections
        .iter()
        .flat_map(|section| &section.changes);
    // That sequence numbers and the like are not the same is said of any two captures.
    let is_volatile = found
        .any(|change| change.kind == Kind::Volatile && !change.subject.starts_with("sequence"));
    assert!(
        difference.differs(&[]) || difference.not_compared > 0 || is_volatile,
        "the byte at {place} is changed without a word"
    );
}

/// Returns the places of payload bytes in the file, except those of probes, which mean nothing; empty for a compressed
/// file, which does not contain them as such.
fn payload(file: &[u8]) -> Vec<usize> {
    const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
    let capture = open(file).filter(|_| !file.starts_with(&GZIP_MAGIC));
    let Some(mut capture) = capture else {
        return Vec::new();
    };
    let mut decoder = FrameDecoder::default();
    let mut places = Vec::new();
    while let Some(packet) = capture.next() {
        let found = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        if let Decoded::Segment(segment) = found
            && segment.payload_length > 1
            && let Some(place) = packet.place_of(segment.payload)
        {
            let from = usize::try_from(place).expect("the file is in memory");
            places.extend(from..from + segment.payload.len());
        }
    }
    places
}

fn print(difference: &Difference) {
    let comparison = Comparison {
        names: ["a\u{1b}\".pcap", "b.pcap"],
        difference,
        ignored: &[],
        with_volatile: true,
    };
    let (mut text, mut json) = (Vec::new(), Vec::new());
    write_text(comparison, &mut text).expect("there is room");
    write_json(comparison, &mut json).expect("there is room");
    let text = String::from_utf8(text).expect("what is printed is UTF-8");
    assert_safe(style::plain(&text).as_bytes());
    assert_json(&json);
}
