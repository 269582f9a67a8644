//! One direction of a WebSocket connection, deflated or not.

use wirestream::note::Note;
use wirestream::units::Side;
use wirestream::websocket::{
    Decoder, Deflate, Effect, Frame, Item, PAYLOAD_LIMIT, is_key, negotiated, unmask,
};

use super::input::{Cut, Input, Step, steps};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Frame(Box<Frame>),
    Raw(Vec<u8>),
    RawMissing(u64),
    Note(Note),
}

/// Checks that bytes give the same frames in any pieces, and that each is where it says, and is what was sent.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let choices = input.byte();
    let cut = Cut::from(&mut input);
    check_handshake(input.0);
    let side = if choices & 1 == 0 {
        Side::Client
    } else {
        Side::Server
    };
    let deflate = (choices & 2 != 0).then_some(Deflate {
        no_context_takeover: choices & 4 != 0,
        window_bits: 8 + (choices >> 3 & 7),
    });
    let steps = steps(input.0);
    let whole = read(side, deflate, &steps, Cut::NONE);
    let others = read(side, deflate, &steps, cut);
    // After a hole, frames are looked for where bytes begin again: there the pieces do mean something.
    if steps.iter().all(|step| matches!(step, Step::Bytes(_))) {
        assert_eq!(others, whole, "{cut:?}");
        let stream: Vec<_> = steps.iter().flat_map(bytes_of).copied().collect();
        frames(&whole).for_each(|frame| assert_in_stream(frame, &stream));
    }
    frames(&whole)
        .chain(frames(&others))
        .for_each(assert_consistent);
}

fn bytes_of(step: &Step) -> &[u8] {
    match step {
        Step::Bytes(bytes) => bytes,
        Step::Missing(_) | Step::Mark(_) => &[],
    }
}

fn check_handshake(value: &[u8]) {
    if let Ok(Some((client, server))) = negotiated(value) {
        assert!((8..=15).contains(&client.window_bits) && (8..=15).contains(&server.window_bits));
    }
    assert!(!is_key(value) || value.len() == 24);
}

fn frames(seen: &[Seen]) -> impl Iterator<Item = &Frame> {
    seen.iter().filter_map(|item| match item {
        Seen::Frame(frame) => Some(&**frame),
        _ => None,
    })
}

fn read(side: Side, deflate: Option<Deflate>, steps: &[Step], cut: Cut) -> Vec<Seen> {
    let mut decoder = Decoder::new(side, 0, deflate);
    let mut seen = Vec::new();
    let mut total = 0;
    for step in steps {
        match step {
            Step::Bytes(bytes) => {
                for piece in cut.pieces(bytes) {
                    let mut rest = piece;
                    while let Some(item) = decoder.next(&mut rest) {
                        add(&mut seen, item);
                    }
                    assert!(rest.is_empty(), "everything is taken");
                }
                total += bytes.len() as u64;
            }
            Step::Missing(count) => {
                for item in decoder.missing(*count) {
                    add(&mut seen, item);
                }
                total += count;
            }
            Step::Mark(_) => {}
        }
        assert_eq!(decoder.offset(), total, "after {step:?}");
    }
    for item in decoder.finish() {
        add(&mut seen, item);
    }
    seen
}

fn add(seen: &mut Vec<Seen>, item: Item<'_>) {
    match (item, seen.last_mut()) {
        (Item::Raw(bytes), Some(Seen::Raw(before))) => before.extend_from_slice(&bytes),
        (Item::Raw(bytes), _) => seen.push(Seen::Raw(bytes.into_owned())),
        (Item::Frame(frame), _) => seen.push(Seen::Frame(frame)),
        (Item::RawMissing(count), _) => seen.push(Seen::RawMissing(count)),
        (Item::Note(note), _) => seen.push(Seen::Note(note)),
    }
}

fn assert_in_stream(frame: &Frame, stream: &[u8]) {
    let offset = usize::try_from(frame.offset).unwrap();
    assert!(
        stream[offset..].starts_with(&frame.wire),
        "a frame at {offset}"
    );
}

fn assert_consistent(frame: &Frame) {
    let mut header = Vec::new();
    frame.header.emit(&mut header);
    assert_eq!(header, frame.wire[..frame.header_length]);
    assert!(frame.payload.len() <= PAYLOAD_LIMIT);
    assert!(frame.effect == Effect::None || frame.header.fin);
    let sent = &frame.wire[frame.header_length..];
    let missing: u64 = frame.holes.iter().map(|(_, count)| count).sum();
    assert!(sent.len() as u64 + missing <= frame.header.length);
    if !frame.compressed && frame.holes.is_empty() {
        let mut payload = sent.to_vec();
        unmask(&mut payload, frame.header.mask.unwrap_or_default(), 0);
        assert_eq!(payload, frame.payload);
    }
}
