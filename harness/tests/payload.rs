//! The whole path from a capture's bytes to its listing, on captures made here: their listings, and any bytes at all,
//! which must not make it fail, leave a control byte in a text, or break the JSON.

use proptest::prelude::*;
use wiresnap::listing::{Format, Messages, Request, list};
use wiresnap::render::payload::Style;
use wirestream::capture::CaptureReader;

const UPGRADE: &[u8] = b"GET /time HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const SWITCHING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\
    Sec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\n\r\n";

/// A capture that is being written: raw IPv4 in a pcap file, a microsecond per packet.
struct Capture {
    file: Vec<u8>,
    packets: u32,
}

/// A connection that is being written.
struct Connection {
    port: u16,
    client: u32,
    server: u32,
}

const SYN: u8 = 2;
const FIN: u8 = 1;
const ACK: u8 = 16;

impl Capture {
    fn new() -> Self {
        let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        file.extend(0xffff_u32.to_le_bytes());
        file.extend(101_u32.to_le_bytes());
        Self { file, packets: 0 }
    }

    fn packet(&mut self, connection: &Connection, from_client: bool, flags: u8, payload: &[u8]) {
        let length = u16::try_from(40 + payload.len()).expect("short");
        let (ports, sequence, acknowledgement) = if from_client {
            ([connection.port, 80], connection.client, connection.server)
        } else {
            ([80, connection.port], connection.server, connection.client)
        };
        let (source, destination) = if from_client { (1, 2) } else { (2, 1) };
        self.packets += 1;
        self.file.extend(1_622_972_608_u32.to_le_bytes());
        self.file.extend(self.packets.to_le_bytes());
        self.file.extend(u32::from(length).to_le_bytes());
        self.file.extend(u32::from(length).to_le_bytes());
        self.file.extend([0x45, 0]);
        self.file.extend(length.to_be_bytes());
        self.file.extend([
            0,
            0,
            0,
            0,
            64,
            6,
            0,
            0,
            10,
            0,
            0,
            source,
            10,
            0,
            0,
            destination,
        ]);
        self.file
            .extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        self.file.extend(sequence.to_be_bytes());
        self.file.extend(acknowledgement.to_be_bytes());
        self.file.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        self.file.extend(payload);
    }

    fn open(&mut self, port: u16) -> Connection {
        let mut connection = Connection {
            port,
            client: 100,
            server: 0,
        };
        self.packet(&connection, true, SYN, b"");
        (connection.client, connection.server) = (101, 500);
        self.packet(&connection, false, SYN | ACK, b"");
        connection.server = 501;
        self.packet(&connection, true, ACK, b"");
        connection
    }

    fn client(&mut self, connection: &mut Connection, bytes: &[u8]) {
        self.packet(connection, true, ACK, bytes);
        connection.client += u32::try_from(bytes.len()).expect("short");
    }

    fn server(&mut self, connection: &mut Connection, bytes: &[u8]) {
        self.packet(connection, false, ACK, bytes);
        connection.server += u32::try_from(bytes.len()).expect("short");
    }

    fn close(&mut self, connection: &mut Connection) {
        self.packet(connection, true, ACK | FIN, b"");
        connection.client += 1;
        self.packet(connection, false, ACK | FIN, b"");
        connection.server += 1;
        self.packet(connection, true, ACK, b"");
    }
}

fn listed(file: &[u8], request: Request) -> String {
    let reader = CaptureReader::new(file).expect("a capture");
    let outcome = list(reader, request, Vec::new()).expect("a listing");
    String::from_utf8(outcome.output).expect("UTF-8")
}

fn style(redact: bool, explain: bool) -> Style {
    Style {
        redact,
        explain,
        limit: None,
    }
}

fn text(file: &[u8], redact: bool, explain: bool) -> String {
    let request = Request {
        style: style(redact, explain),
        ..Request::default()
    };
    listed(file, request)
}

fn json(file: &[u8], redact: bool) -> serde_json::Value {
    let request = Request {
        style: style(redact, false),
        format: Format::Json,
        name: "made.pcap".into(),
        ..Request::default()
    };
    serde_json::from_str(&listed(file, request)).expect("JSON")
}

/// Returns two connections side by side, the second one upgraded.
fn two_connections() -> Vec<u8> {
    let mut capture = Capture::new();
    let mut page = capture.open(50001);
    let mut socket = capture.open(50002);
    capture.client(&mut socket, UPGRADE);
    capture.client(&mut page, b"GET / HTTP/1.1\r\nHost: h:8000\r\n\r\n");
    capture.server(&mut socket, SWITCHING);
    capture.server(
        &mut page,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
    );
    capture.server(&mut page, b"data: 12:00:00\n\n");
    capture.client(
        &mut socket,
        b"\x81\x88\x36\x0d\x29\x16\x51\x68\x5d\x3b\x42\x64\x44\x73",
    );
    capture.server(
        &mut socket,
        &[0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
    );
    capture.server(&mut page, b"data: 12:00:10\n\n");
    capture.close(&mut page);
    capture.close(&mut socket);
    capture.file
}

#[test]
fn connections_are_listed_one_after_the_other() {
    assert_eq!(
        text(&two_connections(), true, false),
        "Connection 1: 10.0.0.1:PORT to 10.0.0.2:PORT\n\n\
         GET / HTTP/1.1\nHost: h:PORT\n\n\
         HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\n\
         data: HH:MM:SS\n\ndata: HH:MM:SS\n\n\n\
         Connection 2: 10.0.0.1:PORT to 10.0.0.2:PORT\n\n\
         GET /time HTTP/1.1\nConnection: Upgrade\nUpgrade: websocket\n\
         Sec-WebSocket-Key: <a key, 16 random bytes>\nSec-WebSocket-Extensions: permessage-deflate\n\n\
         HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\
         Sec-WebSocket-Extensions: permessage-deflate\n\
         Sec-WebSocket-Accept: <accept, belongs to the key>\n\n\
         C1: text, 8 bytes, masked: \"get-time\"\n\
         S1: text, 7 bytes, compressed, sha256 77a4fa7c439d2b03: \"Hello\"\n"
    );
}

#[test]
fn json_has_every_message_with_its_protocol() {
    let value = json(&two_connections(), false);
    let protocols = |connection: usize| -> Vec<&str> {
        let messages = value["connections"][connection]["messages"]
            .as_array()
            .expect("messages");
        messages
            .iter()
            .filter_map(|message| message["protocol"].as_str())
            .collect()
    };
    assert_eq!(protocols(0), ["http", "http", "sse", "sse"]);
    assert_eq!(protocols(1), ["http", "http", "websocket", "websocket"]);
    let connection = &value["connections"][1];
    assert_eq!(connection["client"], "10.0.0.1:50002");
    assert_eq!(connection["complete"], true);
    assert_eq!(connection["client_stream"]["bytes"], UPGRADE.len() + 14);
    assert_eq!(connection["messages"][2]["payload"]["text"], "get-time");
    assert_eq!(connection["messages"][1]["accept_belongs_to_key"], true);
    assert_eq!(value["connections"][0]["messages"][3]["data"], "12:00:10");
}

#[test]
fn one_connection_or_one_port_can_be_picked() {
    let file = two_connections();
    let request = Request {
        connection: Some(2),
        ..Request::default()
    };
    let second = listed(&file, request);
    assert!(
        second.starts_with("GET /time HTTP/1.1\n"),
        "without a heading"
    );
    let request = Request {
        port: Some(50002),
        ..Request::default()
    };
    assert_eq!(listed(&file, request), second);
}

#[test]
fn one_message_or_one_frame_can_be_picked() {
    let file = two_connections();
    let picked = |messages: Messages, redact: bool, rows_only: bool| {
        let explain = false;
        listed(
            &file,
            Request {
                style: style(redact, explain),
                connection: Some(2),
                messages,
                rows_only,
                ..Request::default()
            },
        )
    };
    assert_eq!(
        picked(Messages::Number(4), true, false),
        "S1: text, 7 bytes, compressed, sha256 77a4fa7c439d2b03: \"Hello\"\n"
    );
    assert_eq!(
        picked(Messages::Frame("C1".to_owned()), false, true),
        "C1: 81 88 36 0d 29 16 51 68 5d 3b 42 64 44 73  ..6.).Qh];BdDs\n"
    );
    assert!(picked(Messages::Number(1), false, false).starts_with("GET /time HTTP/1.1\n"));
    assert_eq!(picked(Messages::Number(1), false, true), "");
}

#[test]
fn what_is_picked_must_be_there() {
    let file = two_connections();
    let failure = |connection, messages| {
        let request = Request {
            connection,
            messages,
            ..Request::default()
        };
        let reader = CaptureReader::new(&file[..]).expect("a capture");
        let failure = list(reader, request, Vec::new()).expect_err("nothing to list");
        failure.to_string()
    };
    assert_eq!(
        failure(Some(3), Messages::All),
        "there is no connection 3: the capture has 2"
    );
    assert_eq!(
        failure(Some(1), Messages::Number(5)),
        "there is no message 5 in connection 1"
    );
    assert_eq!(
        failure(None, Messages::Frame("C2".to_owned())),
        "there is no WebSocket frame C2 in the capture"
    );
}

#[test]
fn a_lost_segment_is_a_hole_in_the_listing() {
    let mut capture = Capture::new();
    let mut connection = capture.open(50001);
    capture.client(&mut connection, b"GET / HTTP/1.1\r\n\r\n");
    capture.server(
        &mut connection,
        b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n0123456789",
    );
    connection.server += 10;
    capture.server(&mut connection, b"abcdefghij");
    capture.close(&mut connection);
    let listing = text(&capture.file, false, false);
    assert!(
        listing.ends_with("\n\n0123456789[10 bytes missing from the server]abcdefghij\n"),
        "{listing}"
    );
}

#[test]
fn hostile_bytes_are_shown_and_not_obeyed() {
    let mut capture = Capture::new();
    let mut connection = capture.open(50001);
    let head = "GET /\u{1b}]0;owned\u{7} HTTP/1.1\r\nX: \u{202e}\u{1b}[31m\r\n\r\n";
    capture.client(&mut connection, head.as_bytes());
    let body =
        "HTTP/1.1 200 \u{1b}[2J\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\u{1b}[m\r\nzz\r\n";
    capture.server(&mut connection, body.as_bytes());
    capture.close(&mut connection);
    for (redact, explain) in [(false, false), (true, false), (true, true)] {
        let listing = text(&capture.file, redact, explain);
        assert!(is_safe(&listing), "{listing:?}");
    }
    let request = Request {
        format: Format::Json,
        ..Request::default()
    };
    assert!(is_safe(&listed(&capture.file, request)));
    let value = json(&capture.file, false);
    let field = &value["connections"][0]["messages"][0]["headers"][0]["value"];
    assert_eq!(field, "\u{202e}\u{1b}[31m", "escaped, but not lost");
}

fn is_safe(listing: &str) -> bool {
    let safe = wiresnap::render::safe_text::is_safe;
    listing
        .chars()
        .all(|character| matches!(character, '\n' | '\t') || safe(character))
}

proptest! {
    #[test]
    fn no_damage_to_a_capture_fails_or_shows_through(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut file = two_connections();
        for (place, byte) in changes {
            // The file's header is left alone: what is read there is another test's matter.
            let place = 24 + place.index(file.len() - 24);
            file[place] = byte;
        }
        if cut {
            file.truncate(24 + end.index(file.len() - 24));
        }
        for (redact, explain) in [(false, false), (false, true), (true, false), (true, true)] {
            let request = Request { style: style(redact, explain), ..Request::default() };
            let reader = CaptureReader::new(&file[..]).expect("the header is whole");
            if let Ok(outcome) = list(reader, request, Vec::new()) {
                let listing = String::from_utf8(outcome.output).expect("UTF-8");
                prop_assert!(is_safe(&listing), "{:?}", listing);
            }
        }
    }
}
