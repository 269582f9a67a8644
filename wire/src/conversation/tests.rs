use super::pairing::MOST_WAITING;
use super::*;
use crate::budget::Memory;
use crate::message::content::Piece;
use crate::tcp::event::AsideReason;
use crate::units::Timestamp;
use crate::websocket::Frame;
use proptest::prelude::*;
use std::io::Write as _;

/// A packet that a side sends, or that is lost.
#[derive(Clone, Debug)]
enum Sent {
    Client(Vec<u8>),
    Server(Vec<u8>),
    ServerLoses(u64),
    /// Payload that is not part of the stream.
    ServerAside(Vec<u8>),
}

fn client(bytes: impl AsRef<[u8]>) -> Sent {
    Sent::Client(bytes.as_ref().to_vec())
}

fn server(bytes: impl AsRef<[u8]>) -> Sent {
    Sent::Server(bytes.as_ref().to_vec())
}

fn origin(side: Side, packet: u64) -> Origin {
    Origin {
        side,
        packet,
        time: Timestamp::from_nanoseconds(packet * 1000),
        acknowledged: 0,
    }
}

fn listen(packets: &[Sent]) -> Vec<Message> {
    let mut conversation = Conversation::default();
    let mut messages = Vec::new();
    for (packet, sent) in (1..).zip(packets) {
        match sent {
            Sent::Client(bytes) => {
                conversation.event(origin(Side::Client, packet), StreamEvent::Data(bytes));
            }
            Sent::Server(bytes) => {
                conversation.event(origin(Side::Server, packet), StreamEvent::Data(bytes));
            }
            Sent::ServerLoses(count) => {
                conversation.event(origin(Side::Server, packet), StreamEvent::Missing(*count));
            }
            Sent::ServerAside(bytes) => {
                let event = StreamEvent::Aside(AsideReason::NoAck, bytes);
                conversation.event(origin(Side::Server, packet), event);
            }
        }
        messages.extend(std::iter::from_fn(|| conversation.take()));
    }
    for side in [Side::Client, Side::Server] {
        conversation.event(origin(side, 1000), StreamEvent::Finished);
    }
    conversation.finish();
    messages.extend(std::iter::from_fn(|| conversation.take()));
    messages
}

/// Returns a word for each message: its sender, its kind, and its content.
fn told(messages: &[Message]) -> Vec<String> {
    messages.iter().map(tell).collect()
}

fn tell(message: &Message) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let what = match &message.detail {
        Detail::Http(http) if http.head.is_request() => {
            format!(
                "{} {} {:?}",
                text(http.head.method()),
                text(http.head.target()),
                text(&http.body.bytes)
            )
        }
        Detail::Http(http) => {
            let target = http.request.as_ref().map(|request| text(&request.target));
            format!(
                "{} for {} {:?}",
                http.head.status(),
                target.unwrap_or_default(),
                text(&http.body.bytes)
            )
        }
        Detail::WebSocket(frame) => {
            format!("{} {:?}", frame.header.opcode, text(&frame.payload))
        }
        Detail::Event(event) => format!("event {:?}", event.data.clone().unwrap_or_default()),
        Detail::EventsEnd(_) => "end of events".to_owned(),
        Detail::Raw(content) => format!("raw {:?}", text(&content.bytes)),
        Detail::Aside(aside) => format!("{}: {:?}", aside.reason, text(&aside.content.bytes)),
    };
    format!("{} {what}", message.from)
}

fn notes(messages: &[Message]) -> Vec<String> {
    let notes = messages.iter().flat_map(|message| &message.notes);
    notes.map(ToString::to_string).collect()
}

/// A head that cannot be read, in two turns of the client: each is listed with the packet that it began with.
#[test]
fn the_turns_of_a_refused_head_begin_with_their_own_packets() {
    let messages = listen(&[
        client("GET / HTTP/1.1\r\nno colon"),
        server("?\r\n\r\n"),
        client(", still none\r\n\r\nrest"),
    ]);
    let of_client = messages
        .iter()
        .filter(|message| message.from == Side::Client);
    let places: Vec<_> = of_client
        .map(|message| (message.packet, message.offset))
        .collect();
    assert_eq!(places, [(1, 0), (3, 24)]);
}

#[test]
fn payload_outside_of_the_stream_is_a_message_at_its_place_and_parts_no_other() {
    let messages = listen(&[
        client("GET / HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"),
        Sent::ServerAside(b"evil".to_vec()),
        server("cd"),
        client("GET /2 HTTP/1.1\r\n\r\n"),
    ]);
    assert_eq!(
        told(&messages),
        [
            "client GET / \"\"",
            "server 200 for / \"abcd\"",
            "server no ACK: \"evil\"",
            "client GET /2 \"\"",
        ]
    );
    assert_eq!((messages[2].packet, messages[2].length), (3, 0));
}

#[test]
fn asides_that_wait_are_bounded_and_told_apart_all_the_same() {
    let listed = |last: u8| {
        let mut sent = vec![server("HTTP/1.1 200 OK\r\n")];
        let mut aside = vec![b'x'; 30_000];
        sent.extend((0..100).map(|_| Sent::ServerAside(aside.clone())));
        aside[29_999] = last;
        sent.push(Sent::ServerAside(aside));
        listen(&sent)
    };
    let messages = listed(b'x');
    let asides = messages.iter().filter_map(|message| match &message.detail {
        Detail::Aside(aside) => Some(&aside.content),
        _ => None,
    });
    let (kept, all) = asides.fold((0, 0), |(kept, all), content| {
        let bytes = content.bytes.len() as u64;
        (kept + bytes, all + content.length())
    });
    assert_eq!((kept, all), (RAW_PIECE as u64, 101 * 30_000));
    assert_ne!(messages, listed(b'y'));
}

const UPGRADE: &str = "GET /time HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\n\r\n";
const GET_TIME: [u8; 14] = [
    0x81, 0x88, 0x36, 0x0d, 0x29, 0x16, 0x51, 0x68, 0x5d, 0x3b, 0x42, 0x64, 0x44, 0x73,
];

#[test]
fn responses_know_the_requests_that_they_answer() {
    let messages = listen(&[
        client("GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n"),
        server(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxyHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        ),
        server("HTTP/1.1 204 No\r\n\r\n"),
    ]);
    assert_eq!(
        told(&messages),
        [
            "client GET /a \"\"",
            "client HEAD /b \"\"",
            "client GET /c \"\"",
            "server 200 for /a \"xy\"",
            "server 200 for /b \"\"",
            "server 204 for /c \"\""
        ]
    );
    assert_eq!(messages[5].packet, 3);
    assert_eq!(messages[4].offset, 40);
}

#[test]
fn an_interim_answer_does_not_take_the_requests_place() {
    let messages = listen(&[
        client("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
        server("HTTP/1.1 100 Continue\r\n\r\n"),
        client("hi"),
        server("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
    ]);
    assert_eq!(
        told(&messages),
        [
            "client POST /a \"hi\"",
            "server 100 for  \"\"",
            "server 201 for /a \"\""
        ]
    );
}

#[test]
fn after_the_upgrade_both_sides_speak_websocket() {
    let first = [SWITCHING.as_bytes(), &[0x81, 2, b'h', b'i']].concat();
    let messages = listen(&[client(UPGRADE), server(first), client(GET_TIME)]);
    assert_eq!(
        told(&messages),
        [
            "client GET /time \"\"",
            "server 101 for /time \"\"",
            "server text \"hi\"",
            "client text \"get-time\""
        ]
    );
    assert_eq!(notes(&messages), Vec::<String>::new());
    assert_eq!(messages[3].offset, UPGRADE.len() as u64);
}

#[test]
fn frames_without_their_handshake_are_raw_with_a_note() {
    let hello = [&[0x81, 5][..], b"hello"].concat();
    let messages = listen(&[client(GET_TIME), server(&hello), client(GET_TIME)]);
    let looks_so = "offset 0: this looks like WebSocket frames, but their handshake is not in the capture; shown raw";
    assert_eq!(notes(&messages), [looks_so, looks_so]);
    let masked_by_the_server = [client("time\n"), server(GET_TIME)];
    let cut_off = [client(&GET_TIME[..13]), server(&hello[..6])];
    let no_text = [server([0x81, 3, 0xff, 0xfe, 0xfd])];
    for packets in [&masked_by_the_server[..], &cut_off, &no_text] {
        assert_eq!(notes(&listen(packets)), Vec::<String>::new());
    }
}

#[test]
fn frames_that_overtake_the_answer_wait_for_it_and_keep_their_place() {
    let together = [UPGRADE.as_bytes(), &GET_TIME].concat();
    let messages = listen(&[client(together), client(GET_TIME), server(SWITCHING)]);
    let told = told(&messages);
    assert_eq!(
        told[1..],
        [
            "client text \"get-time\"",
            "client text \"get-time\"",
            "server 101 for /time \"\""
        ]
    );
}

#[test]
fn the_body_of_a_request_to_switch_does_not_wait_for_the_answer() {
    let ask = "CONNECT h:443 HTTP/1.1\r\nContent-Length: 4\r\n\r\n";
    let whole = [client([ask, "body", "behind"].concat())];
    let pieces = [client(ask), client("bo"), client("dybehind")];
    for packets in [&whole[..], &pieces] {
        assert_eq!(
            told(&listen(packets)),
            ["client CONNECT h:443 \"body\"", "client raw \"behind\""]
        );
    }
}

#[test]
fn more_than_can_be_held_is_not_lost() {
    let behind = vec![b'x'; 300 << 10];
    let messages = listen(&[client([UPGRADE.as_bytes(), &behind].concat())]);
    let raw = messages[1..].iter().map(|message| message.length);
    assert_eq!(raw.sum::<u64>(), 300 << 10);
}

#[test]
fn a_refused_upgrade_leaves_http() {
    let messages = listen(&[
        client([UPGRADE, "GET /b HTTP/1.1\r\n\r\n"].concat()),
        server("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ]);
    let told = told(&messages);
    assert!(told.contains(&"client GET /b \"\"".to_owned()), "{told:?}");
    assert!(
        told.contains(&"server 200 for /b \"\"".to_owned()),
        "{told:?}"
    );
}

#[test]
fn an_accept_that_does_not_belong_to_the_key_is_said() {
    let wrong = SWITCHING.replace("jvz8", "xxxx");
    let messages = listen(&[client(UPGRADE), server(wrong)]);
    assert_eq!(
        notes(&messages),
        ["RFC 6455 §4.2.2, offset 0: Sec-WebSocket-Accept does not belong to the request's key"]
    );
}

#[test]
fn a_tunnel_is_raw() {
    let messages = listen(&[
        client("CONNECT h:443 HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\n\r\n"),
        client("\x16hello"),
        server("\x16back"),
    ]);
    assert_eq!(
        told(&messages)[2..],
        ["client raw \"\\u{16}hello\"", "server raw \"\\u{16}back\""]
    );
}

/// The client's early bytes belong to a turn that is over when they are read.
#[test]
fn what_the_client_said_too_early_parts_neither_its_next_turn_nor_the_servers() {
    for answer in [
        "HTTP/1.1 20length0 OK\r\n\r\n\x16back",
        "HTTP/1.1 20length0 OK\r\n\r\n",
    ] {
        for size in [1, 7, 100] {
            let pieces = answer.as_bytes().chunks(size).map(server);
            let mut packets = vec![
                client("CONNECT h:443 HTTP/1.1\r\n\r\n\x16ea"),
                client("rly"),
            ];
            packets.extend(pieces);
            packets.push(client("\x16hello"));
            assert_eq!(
                told(&listen(&packets))[1..],
                [
                    "client raw \"\\u{16}early\"".to_owned(),
                    format!("server raw {answer:?}"),
                    "client raw \"\\u{16}hello\"".to_owned(),
                ],
                "{size}"
            );
        }
    }
}

#[test]
fn turns_of_other_protocols_are_raw() {
    let messages = listen(&[
        server("Hello!\n"),
        server("Server time: 09:31:35\n\n"),
        client("time\n"),
        server("09:31:45\n\n"),
    ]);
    assert_eq!(
        told(&messages),
        [
            "server raw \"Hello!\\nServer time: 09:31:35\\n\\n\"",
            "client raw \"time\\n\"",
            "server raw \"09:31:45\\n\\n\""
        ]
    );
    assert_eq!(
        messages[0].time.nanoseconds, 1000,
        "the time of the first byte"
    );
}

#[test]
fn bodies_are_decoded_and_bombs_are_cut() {
    let pack = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let respond = |body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        server([head.as_bytes(), body].concat())
    };
    let bomb = pack(&vec![0; BODY_LIMIT + 1]);
    let messages = listen(&[
        respond(&pack(b"hello")),
        respond(&bomb),
        respond(b"no gzip at all"),
    ]);
    let bodies: Vec<_> = messages
        .iter()
        .map(|message| match &message.detail {
            Detail::Http(http) => http.body.bytes.len(),
            _ => 0,
        })
        .collect();
    assert_eq!(bodies, [5, BODY_LIMIT, 0]);
    let notes = notes(&messages);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].ends_with("decoded body cut after 16777216 bytes"),
        "{notes:?}"
    );
    assert!(notes[1].contains("not valid gzip"), "{notes:?}");
}

/// Returns the obstacles of the messages, in words.
fn obstacles(messages: &[Message]) -> Vec<String> {
    let obstacles = messages.iter().flat_map(|message| &message.obstacles);
    obstacles.map(ToString::to_string).collect()
}

#[test]
fn a_message_tells_what_of_it_could_not_be_read_in_clear() {
    let pack = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let respond = |fields: &str, body: &[u8]| {
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n");
        server([head.as_bytes(), body].concat())
    };
    let coded = |body: &[u8]| respond("Content-Encoding: gzip\r\n", body);
    let good = pack(b"hello");
    assert_eq!(obstacles(&listen(&[coded(&good)])), Vec::<String>::new());
    for (packet, expected) in [
        (coded(b"not gzip at all"), "the body: not valid gzip"),
        (coded(&good[..20]), "the body: the gzip ends too early"),
        (
            coded(&pack(&vec![0; BODY_LIMIT + 1])),
            "the body: too large to be kept",
        ),
        (
            respond("Content-Encoding: x-y\r\n", b"hello"),
            "the body: coding \"x-y\" is not decoded here",
        ),
        (
            respond(
                "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n",
                b"no gzip, no",
            ),
            "the event stream: not valid gzip",
        ),
        (
            respond(
                "Content-Type: text/event-stream\r\n",
                &[&b"data: "[..], &vec![b'x'; 2 << 20], b"\n\n"].concat(),
            ),
            "the event stream: too large to be kept",
        ),
        (
            client(GET_TIME),
            "the bytes: masked frames without their handshake",
        ),
    ] {
        assert_eq!(obstacles(&listen(&[packet])), [expected]);
    }
    let packets = [
        server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        Sent::ServerLoses(4),
        server("xyz"),
    ];
    assert_eq!(
        obstacles(&listen(&packets)),
        ["the body: bytes are missing from the capture"]
    );
}

#[test]
fn what_cannot_be_inflated_is_an_obstacle_in_it_and_in_all_that_refers_to_it() {
    let deflate = SWITCHING.replace(
        "Upgrade: websocket",
        "Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate",
    );
    // RFC 1951 §3.2.3: there is no block of type 3. RFC 7692 §7.2.3.1: "Hello".
    let broken = [0xc1, 2, 0xff, 0xff];
    let hello = [0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let both = |frames: Vec<u8>| listen(&[client(UPGRADE), server(&deflate), server(frames)]);
    let not_inflated = "the payload: compressed, and not inflated";
    assert_eq!(obstacles(&both(hello.to_vec())), Vec::<String>::new());
    assert_eq!(obstacles(&both(broken.to_vec())), [not_inflated]);
    let broken_first = [&broken[..], &hello].concat();
    assert_eq!(obstacles(&both(broken_first)), [not_inflated; 2]);
}

#[test]
fn events_come_one_by_one_while_the_stream_is_open() {
    let mut conversation = Conversation::default();
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut say = |packet, text: &str| {
        let event = StreamEvent::Data(text.as_bytes());
        conversation.event(origin(Side::Server, packet), event);
        let messages: Vec<_> = std::iter::from_fn(|| conversation.take()).collect();
        (
            told(&messages),
            messages.first().map(|message| message.packet),
        )
    };
    assert_eq!(say(1, head).0, ["server 200 for  \"\""]);
    assert_eq!(
        say(2, "9\r\ndata: 1\n\n\r\n"),
        (vec!["server event \"1\"".into()], Some(2))
    );
    assert_eq!(say(3, "5\r\ndata:\r\n"), (vec![], None));
    assert_eq!(
        say(4, "4\r\n 2\n\n\r\n"),
        (vec!["server event \"2\"".into()], Some(3))
    );
    assert_eq!(say(5, "6\r\ndata: \r\n"), (vec![], None));
    conversation.event(origin(Side::Server, 6), StreamEvent::Ended);
    let last: Vec<_> = std::iter::from_fn(|| conversation.take()).collect();
    assert!(matches!(&last[0].detail, Detail::Event(event) if event.incomplete));
}

#[test]
fn frames_of_one_message_wait_for_the_last_and_know_the_whole() {
    let mut conversation = Conversation::default();
    let mut say = |side, bytes: &[u8]| {
        conversation.event(origin(side, 1), StreamEvent::Data(bytes));
        let messages = std::iter::from_fn(|| conversation.take());
        let frames = messages.filter_map(|message| match message.detail {
            Detail::WebSocket(frame) => Some(*frame),
            _ => None,
        });
        frames.collect::<Vec<_>>()
    };
    say(Side::Client, UPGRADE.as_bytes());
    say(Side::Server, SWITCHING.as_bytes());
    assert_eq!(say(Side::Server, &[1, 3, b'H', b'e', b'l']), []);
    let masked = [0x81, 0x81, 0, 0, 0, 0, b'?'];
    assert_eq!(say(Side::Client, &masked), [], "what began later waits too");
    assert_eq!(say(Side::Server, &[0x89, 0]), []);
    let frames = say(Side::Server, &[0x80, 2, b'l', b'o']);
    let payloads: Vec<&[u8]> = frames.iter().map(|frame| &frame.payload[..]).collect();
    assert_eq!(payloads, [&b"Hel"[..], b"?", b"", b"lo"]);
    let whole = |frame: &Frame| frame.fragment.as_ref().map(|piece| piece.whole().to_vec());
    let wholes: Vec<_> = frames.iter().map(whole).collect();
    let hello = Some(b"Hello".to_vec());
    assert_eq!(wholes, [hello.clone(), None, None, hello]);
    assert_eq!(frames[0].message(), None);
    assert_eq!(frames[3].message(), Some(&b"Hello"[..]));

    assert_eq!(say(Side::Server, &[1, 1, b'a', 0, 1, b'b']), []);
    let frames = say(Side::Server, &[0x81, 1, b'c']);
    assert_eq!(
        frames.len(),
        3,
        "another message begins where it should go on"
    );
    assert!(frames.iter().all(|frame| frame.message().is_none()));
}

#[test]
fn decoders_take_no_more_than_their_share_and_bodies_past_it_are_listed_coded() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(b"data: the same for all\n\n").unwrap();
    let coded = encoder.finish().unwrap();
    let budget = Budget::new(Memory::of(2 << 20));
    for kind in ["text/plain", "text/event-stream"] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            coded.len()
        );
        let mut all = Vec::new();
        for _ in 0..50 {
            let mut conversation = Conversation::within(&budget);
            let event = StreamEvent::Data(head.as_bytes());
            conversation.event(origin(Side::Server, 1), event);
            let event = StreamEvent::Data(&coded[..20]);
            conversation.event(origin(Side::Server, 2), event);
            assert!(!budget.is_used_up());
            all.push(conversation);
        }
        let mut decoded = 0;
        let mut gave_up = 0;
        for mut conversation in all {
            let event = StreamEvent::Data(&coded[20..]);
            conversation.event(origin(Side::Server, 3), event);
            conversation.finish();
            let messages: Vec<_> = std::iter::from_fn(|| conversation.take()).collect();
            let is_cut = messages.iter().any(|message| !message.notes.is_empty());
            decoded += usize::from(!is_cut);
            let notes = messages.iter().flat_map(|message| &message.notes);
            let with_cure = notes.filter(|note| note.text.contains("--memory"));
            gave_up += with_cure.count();
            let kept = messages.iter().map(|message| match &message.detail {
                Detail::Http(http) => http.coded.as_ref(),
                Detail::EventsEnd(end) => end.coded.as_ref(),
                _ => None,
            });
            let kept = kept.flatten().next().unwrap();
            assert_eq!(kept.fingerprint.length(), coded.len() as u64);
            assert!(is_cut || kept.undecoded.is_empty());
        }
        assert!((1..10).contains(&decoded), "{decoded} of 50");
        assert!(gave_up > 40, "{gave_up} of 50");
    }
}

#[test]
fn a_message_in_frames_without_end_does_not_pile_up() {
    let budget = Budget::new(Memory::of(16 << 20));
    let mut conversation = Conversation::within(&budget);
    let frame = [&[0, 126, 4, 0][..], &[b'x'; 1024]].concat();
    let event = StreamEvent::Data(UPGRADE.as_bytes());
    conversation.event(origin(Side::Client, 1), event);
    let event = StreamEvent::Data(SWITCHING.as_bytes());
    conversation.event(origin(Side::Server, 2), event);
    let mut frames = 0;
    for packet in 3..5000 {
        let event = StreamEvent::Data(&frame);
        conversation.event(origin(Side::Server, packet), event);
        frames += std::iter::from_fn(|| conversation.take()).count();
        assert!(conversation.ready_bytes <= 2 * budget.message());
    }
    assert!(frames > 4000, "{frames}");
}

#[test]
fn a_hole_in_a_body_is_told_where_it_is() {
    let messages = listen(&[
        client("GET /a HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        Sent::ServerLoses(4),
        server("xyz"),
    ]);
    let Detail::Http(http) = &messages[1].detail else {
        panic!("{messages:?}")
    };
    let pieces: Vec<_> = http.body.pieces().collect();
    assert_eq!(
        pieces,
        [
            Piece::Bytes(b"abc"),
            Piece::Missing(4),
            Piece::Bytes(b"xyz")
        ]
    );
    assert_eq!(messages[1].length, 49);
}

#[test]
fn a_capture_of_one_direction_does_not_pile_up() {
    let mut conversation = Conversation::default();
    for packet in 1..5000 {
        let event = StreamEvent::Data(b"GET / HTTP/1.1\r\n\r\n");
        conversation.event(origin(Side::Client, packet), event);
        assert!(conversation.take().is_some());
    }
    assert!(conversation.pairing.len() <= MOST_WAITING);
}

/// Returns everything that messages say, except when and where their bytes came.
fn gist(messages: &[Message]) -> Vec<(Side, u64, u64, Detail, Vec<Note>)> {
    let gist = |message: &Message| {
        let Message {
            from,
            offset,
            length,
            detail,
            notes,
            ..
        } = message.clone();
        (from, offset, length, detail, notes)
    };
    messages.iter().map(gist).collect()
}

fn split_up(packets: &[Sent], size: usize) -> Vec<Sent> {
    let cut = |sent: &Sent| -> Vec<Sent> {
        match sent {
            Sent::Client(bytes) => bytes.chunks(size).map(client).collect(),
            Sent::Server(bytes) => bytes.chunks(size).map(server).collect(),
            other @ (Sent::ServerLoses(_) | Sent::ServerAside(_)) => vec![other.clone()],
        }
    };
    packets.iter().flat_map(cut).collect()
}

fn exchange() -> impl Strategy<Value = Vec<Sent>> {
    let get = "GET /a HTTP/1.1\r\n\r\n";
    let event_stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 18\r\n\r\ndata: 1\n\ndata: 2\n\n";
    prop_oneof![
        Just(vec![
            client(get),
            server("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
        ]),
        Just(vec![
            client(get),
            server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        ]),
        Just(vec![client(get), server(event_stream)]),
        Just(vec![
            client("HEAD / HTTP/1.1\r\n\r\n"),
            server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        ]),
        Just(vec![
            client(UPGRADE),
            server(SWITCHING),
            client(GET_TIME),
            server(b"\x81\x02hi"),
            server(b"\x88\x00")
        ]),
        Just(vec![client("time\n"), server("09:31:45\n")]),
        Just(vec![
            server("HTTP/1.1 200 OK\r\nbroken\r\n\r\n"),
            server("more")
        ]),
    ]
}

proptest! {
    #[test]
    fn messages_are_the_same_however_the_bytes_are_cut(
        exchanges in prop::collection::vec(exchange(), 1..4),
        size in 1_usize..30,
    ) {
        let packets = exchanges.concat();
        let pieces = split_up(&packets, size);
        prop_assert_eq!(gist(&listen(&pieces)), gist(&listen(&packets)));
    }

    #[test]
    fn nothing_panics_and_no_raw_byte_is_lost(
        packets in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60).prop_map(Sent::Client),
            prop::collection::vec(any::<u8>(), 0..60).prop_map(Sent::Server),
            (1_u64..50).prop_map(Sent::ServerLoses),
            Just(client(UPGRADE)),
            Just(server(SWITCHING)),
            Just(client("GET / HTTP/1.1\r\n\r\n")),
            Just(server("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")),
            Just(server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")),
        ], 0..16),
    ) {
        let messages = listen(&packets);
        for side in [Side::Client, Side::Server] {
            let sent: u64 = packets.iter().map(|sent| match (sent, side) {
                (Sent::Client(bytes), Side::Client) | (Sent::Server(bytes), Side::Server) => bytes.len() as u64,
                (Sent::ServerLoses(count), Side::Server) => *count,
                _ => 0,
            }).sum();
            let told: u64 = messages
                .iter()
                .filter(|message| message.from == side)
                .filter(|message| !matches!(message.detail, Detail::WebSocket(_)))
                .map(|message| message.length)
                .sum();
            prop_assert!(told <= sent, "{side}: {told} of {sent}");
        }
    }
}
