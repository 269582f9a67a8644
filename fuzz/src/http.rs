//! One direction of HTTP/1.

use wirestream::http::{Asked, Item, Parser, Role};
use wirestream::note::Note;

use super::input::{Cut, Input, Step, steps};

/// An item without its borrow; bytes that come in several pieces are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Head(u64, Vec<u8>),
    Body(Vec<u8>),
    Chunk(Vec<u8>),
    BodyMissing(u64),
    End(Vec<u8>),
    Raw(Vec<u8>),
    RawMissing(u64),
    Note(Note),
}

/// Checks that bytes mean the same in any pieces, that heads are where they say, and that nothing is made up.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let choices = input.byte();
    let cut = Cut::from(&mut input);
    let role = if choices & 1 == 0 {
        Role::Requests
    } else {
        Role::Responses
    };
    let asked = match choices >> 1 & 3 {
        0 => None,
        1 => Some("GET"),
        2 => Some("HEAD"),
        _ => Some("CONNECT"),
    };
    let asked = asked.map(|method| Asked {
        method: method.into(),
    });
    let steps = steps(input.0);
    let whole = read(role, asked.as_ref(), &steps, Cut::NONE);
    assert_eq!(read(role, asked.as_ref(), &steps, cut), whole, "{cut:?}");
    assert_faithful(&whole, &steps);
}

fn read(role: Role, asked: Option<&Asked>, steps: &[Step], cut: Cut) -> Vec<Seen> {
    let mut parser = Parser::new(role);
    let mut seen = Vec::new();
    let mut total = 0;
    for step in steps {
        match step {
            Step::Bytes(bytes) => {
                for piece in cut.pieces(bytes) {
                    feed(&mut parser, asked, piece, &mut seen);
                }
                total += bytes.len() as u64;
            }
            Step::Missing(count) => {
                for item in parser.missing(*count) {
                    add(&mut seen, item);
                }
                total += count;
            }
            Step::Mark(_) => {}
        }
        assert_eq!(parser.offset(), total, "after {step:?}");
    }
    for item in parser.finish() {
        add(&mut seen, item);
    }
    seen
}

fn feed(parser: &mut Parser, asked: Option<&Asked>, piece: &[u8], seen: &mut Vec<Seen>) {
    let mut rest = piece;
    while let Some(item) = parser.next(&mut rest, asked) {
        add(seen, item);
    }
    assert!(rest.is_empty(), "everything is taken");
}

fn add(seen: &mut Vec<Seen>, item: Item<'_>) {
    match (item, seen.last_mut()) {
        (Item::Body(bytes), Some(Seen::Body(before)))
        | (Item::Raw(bytes), Some(Seen::Raw(before))) => before.extend_from_slice(&bytes),
        (Item::Body(bytes), _) => seen.push(Seen::Body(bytes.to_vec())),
        (Item::Raw(bytes), _) => seen.push(Seen::Raw(bytes.to_vec())),
        (Item::Chunk(bytes), _) => seen.push(Seen::Chunk(bytes.to_vec())),
        (Item::Head(head), _) => {
            // Every part of a head can be asked for.
            let fields: usize = head
                .fields()
                .map(|(name, value)| name.len() + value.len())
                .sum();
            assert!(fields + head.target().len() + head.reason().len() < head.raw.len());
            assert_eq!(head.is_request(), head.status() == 0);
            seen.push(Seen::Head(head.offset, head.raw));
            seen.extend(head.notes.into_iter().map(Seen::Note));
        }
        (Item::BodyMissing(count), _) => seen.push(Seen::BodyMissing(count)),
        (Item::RawMissing(count), _) => seen.push(Seen::RawMissing(count)),
        (Item::Refused(head), _) => {
            add(seen, Item::Raw(head.raw.into()));
            seen.extend(head.notes.into_iter().map(Seen::Note));
        }
        (Item::Preamble { bytes, note }, _) => {
            seen.push(Seen::Raw(bytes));
            seen.push(Seen::Note(note));
        }
        (Item::Unreadable { .. } | Item::Lost(_), _) => {}
        (Item::End { trailers }, _) => seen.push(Seen::End(trailers)),
        (Item::Note(note), _) => seen.push(Seen::Note(note)),
    }
}

/// Asserts that the items joined are the stream, and that holes add up.
fn assert_faithful(seen: &[Seen], steps: &[Step]) {
    let mut stream = Vec::new();
    let mut missing = 0_u64;
    for step in steps {
        match step {
            Step::Bytes(bytes) => stream.extend_from_slice(bytes),
            Step::Missing(count) => missing += count,
            Step::Mark(_) => {}
        }
    }
    let is_whole = missing == 0;
    let mut told: Vec<u8> = Vec::new();
    for item in seen {
        match item {
            Seen::Head(offset, bytes) => {
                assert!(
                    !is_whole || *offset == told.len() as u64,
                    "a head at {offset}"
                );
                told.extend_from_slice(bytes);
            }
            Seen::Body(bytes) | Seen::Chunk(bytes) | Seen::Raw(bytes) | Seen::End(bytes) => {
                told.extend_from_slice(bytes);
            }
            Seen::BodyMissing(count) | Seen::RawMissing(count) => {
                missing = missing.checked_sub(*count).expect("no hole is made up");
            }
            Seen::Note(note) => assert!(!note.text.is_empty()),
        }
    }
    assert_eq!(told, stream, "no byte is lost, and none made up");
    assert_eq!(missing, 0, "no hole is lost");
}
