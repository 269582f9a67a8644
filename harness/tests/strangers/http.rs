//! HTTP as it is on the wire, with what other programs make of it.
//!
//! Each talk is read in several segmentations, and must be the same messages in all of them; in each, the lengths of the
//! messages add up to what was sent and what is missing.

use std::fmt::Write as _;

use wiresnap::analysis::conversation::Conversation;
use wiresnap::analysis::message::{Detail, Message};
use wiresnap::units::Side;
use wiresnap::wire::event::{Origin, StreamEvent, StreamSink};
use wiresnap::wire::frame::{Decoded, FrameDecoder};
use wiresnap::wire::stream::{Options, Reassembler};

use super::support::file::{RAW, paced, pcap};
use super::support::script::{Client, End, Script, Server};

/// A talk: who says what, each turn after having received all before it.
type Turns<'a> = [(End, &'a [u8])];

/// Listens to one connection.
#[derive(Default)]
struct Listener {
    conversation: Conversation,
    messages: Vec<Message>,
}

impl StreamSink for Listener {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        self.conversation.event(origin, event);
        self.take();
    }
}

impl Listener {
    fn take(&mut self) {
        let messages = std::iter::from_fn(|| self.conversation.take());
        self.messages.extend(messages);
    }
}

/// Reads the only connection of a capture.
fn read(capture: &[u8]) -> Vec<Message> {
    let mut reader = wiresnap::trace::reader::CaptureReader::new(capture).unwrap();
    let mut decoder = FrameDecoder::default();
    let mut reassembler = Reassembler::new(Options::default(), |_| Listener::default());
    while let Some(packet) = reader.next() {
        let frame = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        if let Decoded::Segment(segment) = frame {
            reassembler.segment(packet.number, packet.time, &segment);
        }
    }
    let mut connections = reassembler.finish();
    assert_eq!(connections.len(), 1);
    let (connection, mut listener) = connections.remove(0);
    listener.conversation.finish();
    listener.take();
    for side in [Side::Client, Side::Server] {
        let stream = connection.stream(side);
        let own = listener
            .messages
            .iter()
            .filter(|message| message.from == side);
        let listed: u64 = own.map(|message| message.length).sum();
        let told = told(&listener.messages);
        assert_eq!(listed, stream.bytes + stream.missing, "{side}: {told:#?}");
    }
    listener.messages
}

fn read_script(script: &Script) -> Vec<Message> {
    read(&pcap(RAW, &paced(script.packets())))
}

/// A word for each message: who, what, and what is in it.
fn told(messages: &[Message]) -> Vec<String> {
    messages.iter().map(tell).collect()
}

fn tell(message: &Message) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let what = match &message.detail {
        Detail::Http(http) if http.head.is_request() => {
            let body = text(&http.body.bytes);
            format!(
                "{} {} {body:?}",
                text(http.head.method()),
                text(http.head.target())
            )
        }
        Detail::Http(http) => {
            let asked = http.request.as_ref().map_or_else(String::new, |request| {
                format!(" to {} {}", text(&request.method), text(&request.target))
            });
            format!("{}{asked} {:?}", http.head.status(), text(&http.body.bytes))
        }
        Detail::WebSocket(frame) => {
            format!("{} {:?}", frame.header.opcode, text(&frame.payload))
        }
        Detail::Event(event) => format!("event {:?}", event.data.clone().unwrap_or_default()),
        Detail::Aside(aside) => format!("{}: {:?}", aside.reason, text(&aside.content.bytes)),
        Detail::Raw(content) => {
            let mut what = format!("raw {:?}", text(&content.bytes));
            for hole in &content.holes {
                write!(what, " [{} missing]", hole.missing).unwrap();
            }
            what
        }
    };
    format!("{} {what}", message.from)
}

fn notes(messages: &[Message]) -> Vec<String> {
    let notes = messages.iter().flat_map(|message| &message.notes);
    notes.map(ToString::to_string).collect()
}

/// Says a talk in segments of so many bytes.
fn say(turns: &Turns<'_>, size: usize) -> Script {
    let turns = turns.iter();
    let script = turns.fold(Script::opened(), |script, (from, bytes)| {
        script.say_in(*from, size, bytes)
    });
    script.hear(Client).hear(Server).close()
}

/// Reads a talk, which must be the same however it is cut into segments, and in the order of the wire.
fn read_talk(turns: &Turns<'_>) -> Vec<Message> {
    let whole = read_script(&say(turns, usize::MAX));
    for size in [1, 2, 3, 7, 20] {
        let pieces = read_script(&say(turns, size));
        assert_eq!(told(&pieces), told(&whole), "in pieces of {size}");
        assert_eq!(notes(&pieces), notes(&whole), "in pieces of {size}");
        let places = |messages: &[Message]| -> Vec<(u64, u64)> {
            let places = messages.iter();
            places
                .map(|message| (message.offset, message.length))
                .collect()
        };
        assert_eq!(places(&pieces), places(&whole), "in pieces of {size}");
    }
    assert!(whole.is_sorted_by_key(|message| message.packet));
    whole
}

fn talk(turns: &[(End, &str)]) -> Vec<Message> {
    let turns: Vec<_> = turns
        .iter()
        .map(|(from, text)| (*from, text.as_bytes()))
        .collect();
    read_talk(&turns)
}

const GET_A: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const GET_B: &str = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
const HEAD_B: &str = "HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n";
const GET_C: &str = "GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
const FIRST: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";
const SECOND: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";
const THIRD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird";
const NO_BODY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n";

/// RFC 9110 §5.6.1.2, §5.3.
#[test]
fn empty_list_elements_and_lines_of_one_list_are_passed_over() {
    for coding in [
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: chunked , ,",
        "Transfer-Encoding: ,,chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding:",
        "Transfer-Encoding: ,\r\nTransfer-Encoding: CHUNKED\r\nTransfer-Encoding: ,",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    ] {
        let request =
            format!("POST /1 HTTP/1.1\r\nHost: h\r\n{coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let response = format!("HTTP/1.1 200 OK\r\n{coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let messages = talk(&[
            (Client, &request),
            (Server, &response),
            (Client, GET_B),
            (Server, SECOND),
        ]);
        let expected = [
            "client POST /1 \"hello\"",
            "server 200 to POST /1 \"hello\"",
            "client GET /b \"\"",
            "server 200 to GET /b \"second\"",
        ];
        assert_eq!(told(&messages), expected, "{coding}");
        assert_eq!(notes(&messages), [""; 0], "{coding}");
    }
}

/// RFC 9110 §8.6, RFC 9112 §6.3.
#[test]
fn lengths_that_are_the_same_are_one_length() {
    for lengths in [
        "Content-Length: 5, 5",
        "Content-Length: 5,",
        "Content-Length: 5\r\nContent-Length: ,5",
    ] {
        let response = FIRST.replace("Content-Length: 5", lengths);
        let messages = talk(&[
            (Client, GET_A),
            (Server, &response),
            (Client, GET_B),
            (Server, SECOND),
        ]);
        assert_eq!(told(&messages)[3], "server 200 to GET /b \"second\"");
        assert_eq!(notes(&messages), [""; 0], "{lengths}");
    }
    for lengths in [
        "Content-Length:",
        "Content-Length: ,",
        "Content-Length: 5,6",
    ] {
        let response = FIRST.replace("Content-Length: 5", lengths);
        let messages = talk(&[(Client, GET_A), (Server, &response)]);
        let note = "RFC 9112 §6.3, offset 0: Content-Length is not one number; taken for a body until the close";
        assert_eq!(notes(&messages), [note], "{lengths}");
    }
}

#[test]
fn a_transfer_coding_that_others_read_in_another_way_is_said() {
    let answer = |coding: &str| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\nContent-Length: 5\r\n\r\nfirst")
    };
    let chunked = answer("chunked;x=\"a,chunked\"");
    let messages = talk(&[(Client, GET_A), (Server, &chunked)]);
    assert_eq!(
        notes(&messages)[1],
        "RFC 9112 §7.1, offset 0: chunked has no parameters: with one it is not taken for chunked here, by others \
         (tshark) it is"
    );
    let messages = talk(&[(Client, GET_A), (Server, &answer("identity"))]);
    assert!(
        notes(&messages)[1].contains("others (browsers, tshark) go by Content-Length"),
        "{messages:?}"
    );
}

#[test]
fn a_chunk_size_of_more_than_64_bits_is_named_and_the_next_request_found() {
    let size = "10000000000000000";
    let request = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n\r\n");
    let messages = talk(&[(Client, &format!("{request}{GET_B}"))]);
    let expected = [
        "client POST / \"\"".to_owned(),
        format!("client raw {:?}", format!("{size}\r\n\r\n")),
        "client GET /b \"\"".to_owned(),
    ];
    assert_eq!(told(&messages), expected);
    assert_eq!(
        notes(&messages),
        [
            "RFC 9112 §7.1, offset 47: a chunk's size is larger than 64 bits; the message ends here, what follows is \
             shown raw up to the next start line"
        ]
    );
    let zeros = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:030}5\r\nfirst\r\n0\r\n\r\n",
        0
    );
    let messages = talk(&[(Client, GET_A), (Server, &zeros)]);
    assert_eq!(told(&messages)[1], "server 200 to GET /a \"first\"");
}

#[test]
fn a_request_line_that_cannot_be_read_is_raw_as_a_whole_at_its_place_and_the_note_says_why() {
    for (line, reason) in [
        ("OPTIONS HTTP/1.1", "the request line has no target"),
        ("GET  HTTP/1.0", "the request line has no target"),
        ("GET / HTTP/2.0", "its version is HTTP/2.0"),
        ("GET / HTTP/1.x", "its version is HTTP/1.x"),
        (
            "GET / HTTP/1.1 now",
            "the request line does not end in HTTP/1.0 or HTTP/1.1",
        ),
    ] {
        let request = format!("{line}\r\nHost: www.example.com\r\nAccept: text/plain\r\n\r\n");
        let refusal = "HTTP/1.1 400 no\r\nContent-Length: 0\r\n\r\n";
        let messages = talk(&[(Client, &request), (Server, refusal), (Client, GET_B)]);
        let raw = format!("client raw {request:?}");
        assert_eq!(told(&messages)[0], raw, "{line}");
        assert_eq!(told(&messages)[2], "client GET /b \"\"", "{line}");
        let note = format!("RFC 9112 §2.1, offset 0: not HTTP/1: {reason}; shown raw");
        assert_eq!(notes(&messages), [note], "{line}");
    }
}

/// RFC 9110 §6.2.
#[test]
fn a_higher_minor_version_is_read() {
    let (get, answer) = (GET_A.replace("1.1", "1.7"), FIRST.replace("1.1", "1.2"));
    let messages = talk(&[(Client, &get), (Server, &answer)]);
    assert_eq!(told(&messages)[1], "server 200 to GET /a \"first\"");
}

#[test]
fn what_is_left_over_of_broken_chunks_is_in_one_piece_at_its_place() {
    for chunks in [
        " 5\r\nfirst\r\n0\r\n\r\n",
        "5\r\nfirst and more H\r\n0\r\n\r\n",
        "5\r\nfirst\r\nx\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let messages = talk(&[
            (Client, GET_A),
            (Server, &answer),
            (Client, HEAD_B),
            (Server, NO_BODY),
            (Client, GET_C),
            (Server, THIRD),
        ]);
        let told = told(&messages);
        assert_eq!(told[3], "client HEAD /b \"\"", "{told:#?}");
        assert!(told[2].starts_with("server raw"), "{told:#?}");
        assert_eq!(told[6], "server 200 to GET /c \"third\"", "{told:#?}");
        assert_eq!(told.len(), 7, "{told:#?}");
    }
}
