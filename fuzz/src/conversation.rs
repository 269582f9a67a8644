//! Both sides of a connection, from their bytes to the listing.

use wiresnap::render::payload::{Listing, ListingBuffer, Style};
use wiresnap::render::{dump, json};
use wirestream::conversation::{BODY_LIMIT, Conversation, RAW_PIECE};
use wirestream::message::{Detail, Message};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::units::{Side, Timestamp};

use super::input::{Cut, Input, Step, steps};
use super::output::{assert_json, assert_safe};

/// Checks that bytes give the same messages in any segments, and that the printed text is safe.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let cut = Cut::from(&mut input);
    let steps = steps(input.0);
    let whole = read(&steps, Cut::NONE);
    // After a hole, WebSocket frames are looked for where bytes begin again: there the pieces do mean something.
    if !steps.iter().any(|step| matches!(step, Step::Missing(_))) {
        assert_same(&read(&steps, cut), &whole);
    }
    for side in [Side::Client, Side::Server] {
        let messages = whole.iter().filter(|message| message.from == side);
        assert_in_stream(messages, &stream(side, &steps));
    }
    whole.iter().for_each(assert_bounded);
    print(&whole);
}

/// Returns the bytes that a side sent: `None` for those that are missing.
fn stream(side: Side, steps: &[Step]) -> Vec<Option<u8>> {
    let mut stream = Vec::new();
    let mut speaks = Side::Client;
    for step in steps {
        match step {
            Step::Mark(b'C') => speaks = Side::Client,
            Step::Mark(b'S') => speaks = Side::Server,
            _ if speaks != side => {}
            Step::Bytes(bytes) => stream.extend(bytes.iter().copied().map(Some)),
            Step::Missing(count) => {
                stream.resize(stream.len() + usize::try_from(*count).unwrap(), None);
            }
            Step::Mark(_) => break,
        }
    }
    stream
}

/// Asserts that each message is where it says, and behind the one before it.
fn assert_in_stream<'a>(messages: impl Iterator<Item = &'a Message>, stream: &[Option<u8>]) {
    let mut end = 0;
    for message in messages {
        let start = usize::try_from(message.offset).unwrap();
        let bytes = match &message.detail {
            Detail::Http(http) => &http.head.raw,
            Detail::WebSocket(frame) if frame.holes.is_empty() => &frame.wire,
            Detail::Raw(content) if content.holes.is_empty() => &content.bytes,
            Detail::WebSocket(_) | Detail::Raw(_) => &Vec::new(),
            // A part of a body, which may have been coded; and what is not in the stream.
            Detail::Event(_) | Detail::EventsEnd(_) | Detail::Aside(_) => continue,
        };
        assert!(start >= end, "{message:?} begins before {end}");
        let there = stream.get(start..).unwrap_or_default();
        let is_there = there.len() >= bytes.len()
            && bytes
                .iter()
                .zip(there)
                .all(|(byte, sent)| Some(*byte) == *sent);
        assert!(is_there, "{message:?} is not there");
        end = start + bytes.len();
    }
}

fn assert_same(pieces: &[Message], whole: &[Message]) {
    for (piece, message) in pieces.iter().zip(whole) {
        if !is_damaged_brotli(message) {
            assert_eq!(piece, message, "in pieces, and whole");
        }
    }
    assert_eq!(pieces.len(), whole.len());
}

/// Returns true if brotli is damaged: it takes with it what it had not given out yet, so that the pieces matter.
fn is_damaged_brotli(message: &Message) -> bool {
    matches!(&message.detail, Detail::Http(http) if http.codings.contains(&"br"))
        && message
            .notes
            .iter()
            .any(|note| note.rule == "RFC 9110 §8.4")
}

/// Reads the messages of steps, each of which is a packet. `FF C` and `FF S` change the sending side; `FF F` and `FF E`
/// end that side.
fn read(steps: &[Step], cut: Cut) -> Vec<Message> {
    let mut conversation = Conversation::default();
    let mut messages = Vec::new();
    let mut ended = [false; 2];
    let mut side = Side::Client;
    for (packet, step) in (1..).zip(steps) {
        let time = Timestamp::from_nanoseconds(packet);
        let mut say = |side: Side, event| {
            let origin = Origin {
                side,
                packet,
                time,
                acknowledged: 0,
            };
            conversation.event(origin, event);
            messages.extend(std::iter::from_fn(|| conversation.take()));
        };
        match step {
            Step::Mark(b'C') => side = Side::Client,
            Step::Mark(b'S') => side = Side::Server,
            _ if ended[side as usize] => {}
            Step::Bytes(bytes) => {
                for piece in cut.pieces(bytes) {
                    say(side, StreamEvent::Data(piece));
                }
            }
            Step::Missing(count) => say(side, StreamEvent::Missing(*count)),
            Step::Mark(mark) => {
                ended[side as usize] = true;
                say(
                    side,
                    if *mark == b'F' {
                        StreamEvent::Finished
                    } else {
                        StreamEvent::Ended
                    },
                );
            }
        }
    }
    conversation.finish();
    messages.extend(std::iter::from_fn(|| conversation.take()));
    messages
}

fn assert_bounded(message: &Message) {
    match &message.detail {
        Detail::Http(http) => {
            let undecoded = http
                .coded
                .as_ref()
                .map_or(0, |coded| coded.undecoded.bytes.len());
            assert!(http.body.bytes.len() + undecoded <= BODY_LIMIT);
        }
        Detail::Raw(content) => assert!(content.bytes.len() <= RAW_PIECE),
        Detail::Aside(aside) => assert!(aside.content.bytes.len() <= RAW_PIECE),
        Detail::WebSocket(_) | Detail::Event(_) | Detail::EventsEnd(_) => {}
    }
}

fn print(messages: &[Message]) {
    for (redact, explain) in [(false, false), (false, true), (true, true)] {
        let mut listing = Listing::new(Style {
            redact,
            explain,
            limit: explain.then_some(100),
        });
        for message in messages {
            listing.message(message);
        }
        listing.finish();
        let mut buffer = ListingBuffer::default();
        listing.exchange(&mut buffer);
        assert_safe(&dump::unpack(&buffer.text));
        assert_safe(&dump::unpack(&buffer.rows));
    }
    for redact in [false, true] {
        let mut json = json::Messages::new(redact, false);
        for message in messages {
            let mut text = Vec::new();
            json.write(message, &mut text).unwrap();
            assert_json(&text);
        }
    }
}
