use wirestream::conversation::Conversation;
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::units::Timestamp;

use super::*;

enum Sent<'a> {
    Client(&'a [u8]),
    Server(&'a [u8]),
    Lost(u64),
}
use Sent::{Client, Lost, Server};

fn list(style: Style, packets: &[Sent<'_>]) -> String {
    let mut conversation = Conversation::default();
    let mut listing = Listing::new(style);
    for (packet, sent) in (1..).zip(packets) {
        let (side, event) = match sent {
            Client(bytes) => (Side::Client, StreamEvent::Data(bytes)),
            Server(bytes) => (Side::Server, StreamEvent::Data(bytes)),
            Lost(count) => (Side::Server, StreamEvent::Missing(*count)),
        };
        let time = Timestamp::default();
        let origin = Origin {
            side,
            packet,
            time,
            acknowledged: 0,
        };
        conversation.event(origin, event);
    }
    conversation.finish();
    while let Some(message) = conversation.take() {
        listing.message(&message);
    }
    listing.finish();
    let mut buffer = ListingBuffer::default();
    listing.exchange(&mut buffer);
    let parts = [&buffer.text, &buffer.rows]
        .map(|part| String::from_utf8(dump::unpack(part)).expect("safe text"));
    parts.join("~\n").trim_end_matches("~\n").to_owned()
}

fn plain(packets: &[Sent<'_>]) -> String {
    list(Style::default(), packets)
}

fn redacted(packets: &[Sent<'_>]) -> String {
    let style = Style {
        redact: true,
        ..Style::default()
    };
    list(style, packets)
}

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==\r\n\r\n";
const SWITCHING: &[u8] = b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\n\r\n";

#[test]
fn a_redacted_turn_says_who_spoke_and_how_it_ended() {
    let packets = [
        Server(b"Hello\n12:00:00\n"),
        Client(b"time\r\n"),
        Server(b"bye"),
    ];
    assert_eq!(
        redacted(&packets),
        "S1: 15 bytes\nHello\nHH:MM:SS\nC1: 6 bytes\ntime\\r\nS2: 3 bytes\nbye\n[no line end]\n"
    );
    assert_eq!(plain(&packets), "Hello\n12:00:00\ntime\nbye\n");
}

/// The reviewed form, where bodies of more than 1000 bytes are shown in short.
fn in_short(packets: &[Sent<'_>]) -> String {
    let style = Style {
        redact: true,
        limit: Some(1000),
        ..Style::default()
    };
    list(style, packets)
}

#[test]
fn a_large_body_is_shown_by_its_first_lines_and_told_by_what_is_shown_of_it() {
    let lines = |last: &str| format!("{}at 12:00:00 {last}", "one line\n".repeat(200));
    let answer = |body: &str| {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let listed = |body: &str| {
        in_short(&[
            Client(b"GET / HTTP/1.1\r\n\r\n"),
            Server(answer(body).as_bytes()),
        ])
    };
    let shown = listed(&lines("a"));
    let sha256 = hex::joined(
        &Fingerprint::of(lines("a").replace("12:00:00", "HH:MM:SS").as_bytes()).digest(),
    );
    assert_eq!(
        shown,
        format!(
            "GET / HTTP/1.1\n\nHTTP/1.1 200 OK\nContent-Length: 1813\n\n{}[1813 bytes in all, sha256 {sha256}]\n",
            "one line\n".repeat(10)
        )
    );
    assert_ne!(shown, listed(&lines("b")));
    assert_ne!(shown, listed(&lines("a\n")));
    assert_eq!(
        shown,
        listed(&lines("a").replace("12:", "13:")),
        "what is hidden has no digest"
    );
    let small = listed(&"x".repeat(1000));
    assert!(!small.contains("in all"), "{small}");
}

#[test]
fn large_bytes_of_any_kind_are_shown_in_short() {
    let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let text = in_short(&[Client(&bytes), Server("é".repeat(600).as_bytes())]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 9, "{text}");
    assert_eq!(lines[0], "C1: 5000 bytes");
    assert!(
        lines[4].starts_with("    48 49") && lines[5].starts_with("[5000 bytes in all, sha256 ")
    );
    assert_eq!(lines[6..8], ["S1: 1200 bytes", &"é".repeat(128)]);
    let frame = [&[0x81, 126, 0x07, 0xd0][..], &[b'z'; 2000]].concat();
    let text = in_short(&[Client(UPGRADE), Server(SWITCHING), Server(&frame)]);
    let begin = format!(
        "S1: text, 2000 bytes: \"{}\"… [2000 bytes in all, sha256 ",
        "z".repeat(256)
    );
    assert!(text.contains(&begin), "{text}");
    let plain = Style {
        limit: Some(1000),
        ..Style::default()
    };
    let text = list(plain, &[Client(UPGRADE), Server(SWITCHING), Server(&frame)]);
    assert!(
        text.lines().count() < 20 && text.contains("[2004 bytes in all, sha256 "),
        "{text}"
    );
    let event = format!("data: {}\n\n", "y".repeat(3000));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let text = in_short(&[
        Client(b"GET / HTTP/1.1\r\n\r\n"),
        Server(head.as_bytes()),
        Server(event.as_bytes()),
    ]);
    assert!(
        text.ends_with("]\n") && text.contains("[3008 bytes in all, sha256 "),
        "{text}"
    );
}

#[test]
fn a_large_turn_in_another_protocol_is_shown_in_short_though_it_comes_in_pieces() {
    let turn = |last: &str| format!("{}{last}\n", "a line of it\n".repeat(10_000));
    let listed = |last: &str| {
        in_short(&[
            Client(b"all\n"),
            Server(turn(last).as_bytes()),
            Client(b"bye\n"),
        ])
    };
    let text = listed("end");
    assert_eq!(text.lines().count(), 18, "{text}");
    assert!(
        text.starts_with("C1: 4 bytes\nall\nS1: 65536 bytes\na line of it\n"),
        "{text}"
    );
    assert!(text.ends_with("C2: 4 bytes\nbye\n"), "{text}");
    assert_ne!(text, listed("END"));
    let all = Style {
        redact: true,
        limit: Some(1_000_000),
        ..Style::default()
    };
    let text = list(all, &[Server(turn("end").as_bytes())]);
    assert_eq!(text.matches("a line of it").count(), 9_999, "one is parted");
}

#[test]
fn rows_begin_a_line_and_are_called_as_in_the_redacted_form() {
    let turns = [
        Server(b"N"),
        Client(b"\x00\x01"),
        Server(b"text\n"),
        Server(b"\x02"),
    ];
    assert_eq!(plain(&turns[..2]), "N\nC1: 00 01  ..\n",);
    let turns = [Client(b"one\n"), Server(b"ok\n"), Client(b"\x00\x01")];
    assert_eq!(plain(&turns), "one\nok\nC2: 00 01  ..\n");
    assert!(redacted(&turns).contains("C2: 00 01"));
}

#[test]
fn bytes_that_are_no_text_are_rows() {
    let bytes: Vec<u8> = (0..30).collect();
    assert_eq!(
        plain(&[Client(&bytes)]),
        "C1: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17  ........................\n\
         \x20   18 19 1a 1b 1c 1d                                                        ......\n"
    );
}

#[test]
fn holes_stand_where_bytes_are_missing() {
    let packets = [
        Client(b"GET / HTTP/1.1\r\n\r\n"),
        Server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        Lost(4),
        Server(b"xyz"),
    ];
    let listing = plain(&packets);
    assert!(
        listing.ends_with("\n\nabc[4 bytes missing from the server]xyz\n"),
        "{listing}"
    );
}

#[test]
fn a_redacted_frame_is_a_line_with_what_it_says() {
    let client =
        b"\x81\x88\x36\x0d\x29\x16\x51\x68\x5d\x3b\x42\x64\x44\x73\x88\x82\x19\xdb\x13\x62\x1a\x32";
    let server = b"\x01\x02h\x1b\x89\x00\x80\x01i\x82\x02\xff\x00\x88\x09\x03\xf3\x1b[2Jbye";
    let packets = [
        Client(UPGRADE),
        Server(SWITCHING),
        Client(client),
        Server(server),
    ];
    let listing = redacted(&packets);
    let frames = listing.split("\n\n").last().unwrap();
    assert_eq!(
        frames,
        "C1: text, 8 bytes, masked: \"get-time\"\n\
         C2: close, 2 bytes, masked: 1001 going away\n\
         S1: text, 2 bytes, more follows: \"h\\x1b\"\n\
         S2: ping, 0 bytes\n\
         S3: continuation, 1 bytes: \"i\"\n\
         S4: binary, 2 bytes: ff 00\n\
         S5: close, 9 bytes: 1011 internal error \"\\x1b[2Jbye\"\n"
    );
    assert!(listing.contains("Sec-WebSocket-Accept: <accept, belongs to the key>\n"));
    assert!(
        !plain(&packets).contains('\u{1b}'),
        "no escape reaches a terminal"
    );
}

#[test]
fn masks_by_chance_leave_no_trace_in_a_snapshot() {
    let masked = |mask: [u8; 4]| {
        let mut payload = *b"get-time";
        wirestream::websocket::unmask(&mut payload, mask, 0);
        [&[0x81, 0x88][..], &mask, &payload].concat()
    };
    let listing = |mask| {
        let frame = masked(mask);
        redacted(&[Client(UPGRADE), Server(SWITCHING), Client(&frame)])
    };
    assert_eq!(listing([1, 2, 3, 4]), listing([0x0a, 0x0d, 0xc3, 0xbc]));
}

#[test]
fn violations_stand_below_their_frame() {
    let packets = [Client(UPGRADE), Server(SWITCHING), Client(b"\x81\x01a")];
    let below = format!(
        "C1: 81 01 61  ..a\n[RFC 6455 §5.1, offset {}: a client's frame is not masked]\n",
        UPGRADE.len() + 1
    );
    assert!(plain(&packets).ends_with(&below), "{}", plain(&packets));
}

#[test]
fn coded_and_chunked_bodies_are_listed_decoded() {
    let gzip = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10,
        0x36, 5, 0, 0, 0,
    ];
    let head =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n19\r\n";
    let wire = [&head[..], &gzip, b"\r\n0\r\nX: 12:00:00\r\n\r\n"].concat();
    let listing = redacted(&[Server(&wire)]);
    assert!(
        listing.ends_with(
            "\n\n[25 bytes of gzip, sha256 1c446156709bcfcd, decoded:]\nhello\n[no line end]\nX: HH:MM:SS\n"
        ),
        "{listing}"
    );
}

fn response(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    [head.as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns the text of a redacted listing after the head of a response.
fn body_of(fields: &str, body: &[u8]) -> String {
    let listing = redacted(&[Server(&response(fields, body))]);
    listing.split_once("\n\n").unwrap().1.to_owned()
}

#[test]
fn coded_bytes_from_which_nothing_came_are_listed_as_they_are() {
    let gzip_of = |length: usize| format!("Content-Encoding: gzip\r\nContent-Length: {length}\r\n");
    let body = b"not gzip at all";
    assert_eq!(
        body_of(&gzip_of(body.len()), body),
        "[15 bytes of gzip, not decoded:]\nnot gzip at all\n[no line end]\n\
         [RFC 9110 §8.4, offset 0: the body is not valid gzip: invalid gzip header]\n"
    );
    let body = [&gzip(b"hello\n")[..], b"\x00junk"].concat();
    let listing = body_of(&gzip_of(body.len()), &body);
    let (first, rest) = listing.split_once('\n').unwrap();
    assert!(first.starts_with("[31 bytes of gzip, sha256 "), "{listing}");
    assert_eq!(
        rest,
        "hello\n[5 of 31 bytes of gzip, not decoded:]\n00 6a 75 6e 6b  .junk\n\
         [RFC 9110 §8.4, offset 0: bytes follow on the end of the gzip body]\n"
    );
}

#[test]
fn what_follows_from_something_hidden_is_hidden_with_it() {
    let listing = |port: &str, is_coded: bool| {
        let text = format!("see http://a:{port}/ at 12:00:00\n");
        let (coding, body) = if is_coded {
            ("Content-Encoding: gzip\r\n", gzip(text.as_bytes()))
        } else {
            ("", text.into_bytes())
        };
        let fields = format!("{coding}Content-Length: {}\r\n", body.len());
        redacted(&[Server(&response(&fields, &body))])
    };
    for is_coded in [false, true] {
        assert_eq!(listing("80", is_coded), listing("12345", is_coded));
    }
    assert!(listing("80", false).contains("Content-Length: 31\n"));
    assert!(listing("80", true).contains("Content-Length: <n>\n"));
    assert!(listing("80", true).contains("\n[<n> bytes of gzip, decoded:]\n"));
}

#[test]
fn chunks_are_listed_where_they_are_not_as_usual() {
    let chunked = |chunks: &str| body_of("Transfer-Encoding: chunked\r\n", chunks.as_bytes());
    assert_eq!(chunked("6\r\nhello\n\r\n0\r\n\r\n"), "hello\n");
    assert_eq!(
        chunked("06;a=\"b\"\r\nhello\n\r\n6\nhello\n\n6\nhello\n\n0\r\n\n"),
        "[chunks: 06;a=\"b\", 6\\n, end \\n, 6\\n, end \\n, 0, end \\n]\nhello\nhello\nhello\n"
    );
    let twice = "3\r\nabc\r\n3\r\nde\n\r\n0\r\n\r\n";
    assert_eq!(chunked(twice), "[chunks: 3 ×2, 0]\nabcde\n");
    assert!(chunked("3\r\nab").starts_with("[chunks: 3, the last one without its end]\nab\n"));
}

#[test]
fn chunks_of_events_are_listed_with_the_event_that_they_are_in_or_before() {
    let fields = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";
    let usual = "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n";
    assert_eq!(body_of(fields, usual.as_bytes()), "data: 1\n\ndata: 2\n\n");
    let parted =
        "4;x\r\ndata\r\n10\r\n: 1\n\ndata: 2\n\nda\r\n7\r\nta: 3\n\n\r\n00\r\nX: y\r\n\r\n";
    assert_eq!(
        body_of(fields, parted.as_bytes()),
        "[chunks: 4;x, 10]\ndata: 1\n\ndata: 2\n\n[chunks: 7]\ndata: 3\n\n[chunks: 00]\nX: y\n"
    );
}

#[test]
fn a_coded_event_stream_is_told_by_its_digest_and_by_what_was_in_vain() {
    let fields = "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n";
    let coded = gzip(b"data: 1\n\n");
    let listing = body_of(fields, &coded);
    let (events, end) = listing.split_at(9);
    assert_eq!(events, "data: 1\n\n");
    let length = coded.len();
    assert!(
        end.starts_with(&format!("[{length} bytes of gzip, sha256 ")),
        "{end}"
    );
    assert!(end.ends_with(", decoded to the events above]\n"), "{end}");
    let listing = body_of(fields, &[&coded[..], b"junk\n"].concat());
    let said = format!("[5 of {} bytes of gzip, not decoded:]\njunk\n", length + 5);
    assert!(listing.contains(&said), "{listing}");
}

#[test]
fn what_cannot_be_inflated_is_listed_as_it_was_compressed() {
    let switching = String::from_utf8_lossy(SWITCHING).replace(
        "Upgrade: websocket",
        "Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate",
    );
    // RFC 7692 §7.2.3.1: "Hello". RFC 1951 §3.2.3: there is no block of type 3.
    let frames = [
        0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xc1, 2, 0xff, 0xff,
    ];
    let listing = redacted(&[
        Client(UPGRADE),
        Server(switching.as_bytes()),
        Server(&frames),
    ]);
    assert!(
        listing.contains("S1: text, 7 bytes, compressed, sha256 "),
        "{listing}"
    );
    assert!(
        listing.contains(": \"Hello\"\nS2: text, 2 bytes, compressed, sha256 "),
        "{listing}"
    );
    assert!(listing.contains("; not inflated: ff ff\n"), "{listing}");
}

#[test]
fn an_explanation_has_bits_mask_and_payload() {
    let client = b"\x88\x82\x19\xdb\x13\x62\x1a\x32";
    let style = Style {
        explain: true,
        ..Style::default()
    };
    let listing = list(style, &[Client(UPGRADE), Server(SWITCHING), Client(client)]);
    assert!(
        listing.ends_with(
            "C1: 88 82 19 db 13 62 1a 32  .....b.2\n\n\
             \x20   88           10001000  FIN: the last frame of its message; opcode 8: close  RFC 6455 §5.2\n\
             \x20   82           10000010  masked; payload length 2                             RFC 6455 §5.2\n\
             \x20   19 db 13 62            masking key                                          RFC 6455 §5.3\n\
             \x20   1a 32                  masked payload; unmasked 03 e9                       RFC 6455 §5.3\n\
             \x20                          03 e9 is 1001: close status \"going away\"             RFC 6455 §7.4.1\n"
        ),
        "{listing}"
    );
}
