use super::*;
use crate::analysis::conversation::Conversation;
use crate::units::Timestamp;
use crate::wire::event::{Origin, StreamEvent, StreamSink};

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
    let mut sheet = Sheet::default();
    listing.exchange(&mut sheet);
    let parts = [&sheet.text, &sheet.rows]
        .map(|part| String::from_utf8(dump::unpack(part)).expect("safe text"));
    parts.join("~\n").trim_end_matches("~\n").to_owned()
}

fn plain(packets: &[Sent<'_>]) -> String {
    list(Style::default(), packets)
}

fn redacted(packets: &[Sent<'_>]) -> String {
    let style = Style {
        redact: true,
        explain: false,
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
        listing.ends_with("\n\nabc[4 bytes missing]xyz\n"),
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
        crate::wire::websocket::unmask(&mut payload, mask, 0);
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
        listing.ends_with("\n\n[25 bytes of gzip, decoded:]\nhello\n[no line end]\nX: HH:MM:SS\n"),
        "{listing}"
    );
}

#[test]
fn an_explanation_has_bits_mask_and_payload() {
    let client = b"\x88\x82\x19\xdb\x13\x62\x1a\x32";
    let style = Style {
        redact: false,
        explain: true,
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
