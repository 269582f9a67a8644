//! Streams of server-sent events.

use wirestream::sse::{EVENT_LIMIT, Event, Parser};

use super::input::{Cut, Input};

/// Checks that bytes give the same events in any pieces, and that no byte is lost.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let cut = Cut::from(&mut input);
    let whole = read(input.0, Cut::NONE);
    assert_eq!(read(input.0, cut), whole, "{cut:?}");
    for (index, event) in whole.iter().enumerate() {
        assert!(event.raw.len() <= EVENT_LIMIT);
        assert!(!event.raw.is_empty());
        assert!(!event.incomplete || index + 1 == whole.len());
    }
    let length: u64 = whole.iter().map(Event::length).sum();
    assert_eq!(
        length,
        input.0.len() as u64,
        "every byte is kept or counted"
    );
    if whole.iter().all(|event| event.left_out.is_empty()) {
        let raw: Vec<_> = whole.into_iter().flat_map(|event| event.raw).collect();
        assert_eq!(raw, input.0);
    }
}

fn read(bytes: &[u8], cut: Cut) -> Vec<Event> {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    let mut taken = 0;
    for piece in cut.pieces(bytes) {
        events.extend(parser.push(piece));
        taken += piece.len();
        assert!(parser.held_bytes() <= taken as u64);
        assert_eq!(parser.in_event(), parser.held_bytes() > 0);
    }
    events.extend(parser.finish());
    events
}
