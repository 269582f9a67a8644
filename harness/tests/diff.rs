//! Compares captures: each difference has its kind, and the kinds add up to the difference of the figures.
//!
//! The captures of the original experiment are not in the tree. They are looked for beside the project, or in
//! `WIRESNAP_REFERENCE_DIR`; without them, the tests that need them say so and pass.

mod support;
mod workspace;

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use support::cases::{file_cases, link_cases, network_cases, random_conversations, stream_cases};
use support::file::{ETHERNET, Packet, RAW, paced, pcap};
use support::network::{ACK, FIN, RST, SYN, Tcp, ethernet, ip};
use support::script::{Client, Script, Server};
use wiresnap::analysis::difference::{Delta, Difference, Kind, Place, Record};
use wiresnap::analysis::stats::{Measured, Options, measure};
use wiresnap::render::difference::{Comparison, write_json, write_text};
use wiresnap::render::redact::RULES;
use wirestream::capture::{CaptureReader, read_from};
use workspace::wiresnap;

const NAMES: [&str; 4] = ["tcpapp", "webapp", "ajaxapp", "wsapp"];

/// The bytes of memory for messages in tests with little memory.
const LITTLE: usize = 2000;

fn reader(file: &[u8]) -> CaptureReader<Box<dyn std::io::Read>> {
    read_from(Box::new(std::io::Cursor::new(file.to_vec()))).unwrap()
}

fn record(file: &[u8]) -> Record {
    Record::read(&mut reader(file), RULES)
}

fn measured(file: &[u8]) -> Measured {
    measure(&mut reader(file), &Options::default())
}

fn between(old: &[u8], new: &[u8]) -> Difference {
    Difference::between(&record(old), &record(new), RULES)
}

/// Checks everything that must hold of any comparison.
fn assert_accounted(difference: &Difference, [old, new]: [&Measured; 2]) {
    assert_eq!(difference.figures, [old.overall, new.overall]);
    let total = Delta::between(old.overall, new.overall);
    assert_eq!(difference.total(), total);
    assert!(difference.adds_up());
    // The sums are those of the changes that are told, each with words.
    let changes = || {
        difference
            .sections
            .iter()
            .flat_map(|section| &section.changes)
    };
    for kind in Kind::ALL {
        let told = changes().filter(|change| change.kind == kind);
        let sum: Delta = told.clone().map(|change| change.delta).sum();
        assert_eq!(sum, difference.sum(kind), "{kind}");
        let count: u64 = told.map(|change| change.count).sum();
        assert_eq!(count, difference.count(kind), "{kind}");
    }
    assert!(changes().all(|change| !change.subject.is_empty()));
}

/// Compares both ways, and each with itself.
fn assert_holds(old: &[u8], new: &[u8]) -> Difference {
    let figures = [measured(old), measured(new)];
    let records = [record(old), record(new)];
    let there = Difference::between(&records[0], &records[1], RULES);
    let back = Difference::between(&records[1], &records[0], RULES);
    assert_accounted(&there, [&figures[0], &figures[1]]);
    assert_accounted(&back, [&figures[1], &figures[0]]);
    for kind in Kind::ALL {
        assert_eq!(back.sum(kind), -there.sum(kind), "{kind}");
    }
    assert_eq!(there.differs(&[]), back.differs(&[]));
    for record in &records {
        let own = Difference::between(record, record, RULES);
        assert!(own.is_identical && own.sections.is_empty() && !own.differs(&[]));
    }
    there
}

fn words(difference: &Difference) -> Vec<&'static str> {
    difference
        .kinds()
        .filter(|kind| kind.counts())
        .map(Kind::word)
        .collect()
}

fn text(names: [&str; 2], difference: &Difference) -> String {
    let mut output = Vec::new();
    let comparison = Comparison {
        names,
        difference,
        ignored: &[],
        with_volatile: false,
    };
    write_text(comparison, &mut output).unwrap();
    wiresnap::render::style::plain(std::str::from_utf8(&output).unwrap())
}

fn committed(name: &str) -> Vec<u8> {
    let file = workspace::root()
        .join("pcap")
        .join(name)
        .with_extension("pcap");
    std::fs::read(file).unwrap()
}

/// Returns a capture of the original experiment and ours of the same name, if the former exists.
fn pair(name: &str) -> Option<[Vec<u8>; 2]> {
    let folder = workspace::outside("WIRESNAP_REFERENCE_DIR", "reference")?;
    let theirs = std::fs::read(folder.join(name).with_extension("pcap")).unwrap();
    Some([theirs, committed(name)])
}

#[test]
fn what_differs_from_the_original_is_explained_to_the_last_byte() {
    for name in NAMES {
        let Some([theirs, ours]) = pair(name) else {
            return;
        };
        let difference = assert_holds(&theirs, &ours);
        assert!(difference.differs(&[]));
        let names = [
            format!("reference/{name}.pcap"),
            format!("pcap/{name}.pcap"),
        ];
        let text = text([&names[0], &names[1]], &difference);
        assert!(!text.contains("other\n") && text.lines().all(|line| line.chars().count() <= 80));
        workspace::settings().bind(|| insta::assert_snapshot!(format!("diff-{name}"), text));
    }
}

/// Returns the lines of all requests' heads, read without any code that the comparison uses.
fn request_lines(file: &[u8]) -> Vec<String> {
    use wirestream::packet::{Decoded, FrameDecoder};
    use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
    use wirestream::tcp::stream;
    use wirestream::units::Side;

    struct Bytes(Vec<u8>);
    impl StreamSink for Bytes {
        fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
            if let (Side::Client, StreamEvent::Data(bytes)) = (origin.side, event) {
                self.0.extend_from_slice(bytes);
            }
        }
    }
    let mut capture = reader(file);
    let mut decoder = FrameDecoder::default();
    let mut reassembler = stream::Reassembler::new(stream::Options::default(), |_| Bytes(vec![]));
    while let Some(packet) = capture.next() {
        let frame = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        if let Decoded::Segment(segment) = frame {
            reassembler.segment(packet.number, packet.time, &segment);
        }
    }
    let streams = reassembler.finish().into_iter();
    let lines = streams.flat_map(|(_, bytes)| {
        let text: String = bytes.0.iter().map(|byte| char::from(*byte)).collect();
        let heads = text
            .rsplit_once("\r\n\r\n")
            .map_or(String::new(), |(heads, _)| heads.into());
        heads.split("\r\n").map(str::to_owned).collect::<Vec<_>>()
    });
    lines.collect()
}

#[test]
fn the_bytes_of_identity_and_host_are_those_of_the_lines() {
    for name in &NAMES[1..] {
        let Some([theirs, ours]) = pair(name) else {
            return;
        };
        let difference = between(&theirs, &ours);
        let bytes = |file: &[u8], is_host: bool| -> i64 {
            let lines = request_lines(file).into_iter();
            let fields = lines.filter(|line| line.contains(": "));
            let of_kind = fields.filter(|line| {
                let names = ["Host: ", "Origin: ", "Referer: "];
                names.iter().any(|name| line.starts_with(name)) == is_host
            });
            of_kind
                .map(|line| i64::try_from(line.len()).unwrap() + 2)
                .sum()
        };
        for (kind, is_host) in [(Kind::Identity, false), (Kind::Host, true)] {
            let expected = bytes(&ours, is_host) - bytes(&theirs, is_host);
            assert_ne!(expected, 0);
            assert_eq!(difference.sum(kind).app_bytes, expected, "{name}: {kind}");
        }
    }
}

#[track_caller]
fn assert_exits(folder: &Path, arguments: &[&str], code: i32) -> String {
    let said = wiresnap(folder, arguments);
    assert_eq!(said.code, Some(code), "{}", said.error);
    said.out
}

/// Returns the capture as another run would give it: a second later, and with another clock, port and sequence numbers.
fn another_run(file: &[u8]) -> Vec<u8> {
    let mut other = file.to_vec();
    let packet_header = 16;
    let mut place = 24;
    while place < other.len() {
        let length = |at: usize| u32::from_le_bytes(other[at..at + 4].try_into().unwrap());
        let (seconds, captured) = (length(place), length(place + 8));
        other[place..place + 4].copy_from_slice(&(seconds + 1).to_le_bytes());
        let packet = place + packet_header;
        let end = packet + usize::try_from(captured).unwrap();
        // Ethernet and IPv4 take 34 bytes: the port that is not the server's, and the IP identification.
        let is_server = other[packet + 34..packet + 36] == 8000_u16.to_be_bytes();
        let port = packet + if is_server { 36 } else { 34 };
        other[port + 1] ^= 1;
        other[packet + 18] ^= 0x55;
        for at in packet + 54..end.saturating_sub(8) {
            let is_clock = other[at + 2] == b':' && other[at + 5] == b':';
            if is_clock && other[at + 7].is_ascii_digit() {
                other[at + 7] = b'0' + (other[at + 7] - b'0' + 1) % 10;
            }
        }
        place = end;
    }
    other
}

#[test]
fn the_same_is_identical_and_another_run_is_only_another_run() {
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        let capture = committed(name);
        std::fs::write(folder.path().join("old.pcap"), &capture).unwrap();
        std::fs::write(folder.path().join("new.pcap"), another_run(&capture)).unwrap();

        let same = assert_exits(folder.path(), &["diff", "old.pcap", "old.pcap"], 0);
        let volatile = assert_exits(folder.path(), &["diff", "old.pcap", "new.pcap"], 0);

        assert!(same.contains("They are identical"), "{same}");
        assert!(
            volatile.contains("Only what changes from run to run differs"),
            "{volatile}"
        );
        assert!(volatile.contains("  volatile "), "{volatile}");
        assert_holds(&capture, &another_run(&capture));
    }
}

#[test]
fn what_is_ignored_does_not_count_and_is_still_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = [conversation(), conversation().fin(Client)].map(|script| file(&script));
    std::fs::write(folder.path().join("old.pcap"), old).unwrap();
    std::fs::write(folder.path().join("new.pcap"), new).unwrap();
    let arguments = ["diff", "old.pcap", "new.pcap", "--format", "json"];

    let counting = assert_exits(folder.path(), &arguments, 1);
    let ignoring = [&arguments[..], &["--ignore", "closing,tcp"]].concat();
    let ignored = assert_exits(folder.path(), &ignoring, 0);

    let [counting, ignored] =
        [counting, ignored].map(|json| serde_json::from_str::<serde_json::Value>(&json).unwrap());
    assert_eq!(counting["verdict"], "differs");
    assert_eq!(ignored["verdict"], "volatile");
    assert_eq!(ignored["ignored"], serde_json::json!(["closing", "tcp"]));
    assert_eq!(ignored["difference"]["total_packets"], 1);
    assert_eq!(counting["difference"], ignored["difference"]);
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: b/1\r\nX: y\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn asking(request: &[u8], response: &[&[u8]]) -> Script {
    let asked = u32::try_from(request.len()).unwrap();
    let mut script = Script::default()
        .open()
        .data(Client, 0, request)
        .ack(Server, asked);
    let mut offset = 0;
    for part in response {
        script = script.data(Server, offset, part);
        offset += u32::try_from(part.len()).unwrap();
    }
    script.ack(Client, offset)
}

fn conversation() -> Script {
    asking(REQUEST, &[RESPONSE])
}

fn file(script: &Script) -> Vec<u8> {
    let frames = script.packets();
    pcap(
        ETHERNET,
        &paced(frames.iter().map(|packet| ethernet(packet))),
    )
}

/// Returns a WebSocket connection in which the server sends these bytes after its answer.
fn websocket(frames: &[u8]) -> Script {
    let request = b"GET /time HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    asking(request, &[response, frames])
}

/// Returns a conversation in which the server sends this response instead of `hello` with its length.
fn answering(response: &[u8]) -> Script {
    asking(REQUEST, &[response])
}

fn requesting(request: &[u8]) -> Script {
    asking(request, &[RESPONSE])
}

/// The name of a comparison, its captures, and the kinds that count which it must find.
type Case = (&'static str, Script, Script, &'static [&'static str]);

#[track_caller]
fn assert_kinds(cases: Vec<Case>) {
    for (name, old, new, expected) in cases {
        let difference = assert_holds(&file(&old), &file(&new));
        let text = text(["old", "new"], &difference);
        assert_eq!(words(&difference), expected, "{name}\n{text}");
    }
}

/// Returns a conversation with another text in the request.
fn other(old: &str, new: &str) -> Script {
    let text = String::from_utf8(REQUEST.to_vec()).unwrap();
    requesting(text.replace(old, new).as_bytes())
}

fn with_options(options: &[u8]) -> Script {
    Script::default().syn().options(options).syn_ack()
}

#[test]
fn what_a_head_says_has_its_kinds() {
    assert_kinds(vec![
        ("nothing", conversation(), conversation(), &[]),
        (
            "user agent",
            conversation(),
            other("b/1", "b/22"),
            &["identity"],
        ),
        (
            "host",
            conversation(),
            other("Host: a", "Host: bb"),
            &["host"],
        ),
        ("field", conversation(), other("X: y", "X: yy"), &["head"]),
        (
            "target",
            conversation(),
            other("GET /", "GET /x"),
            &["head"],
        ),
        ("method", conversation(), other("GET", "PUT"), &["head"]),
        ("case", conversation(), other("X: y", "x: y"), &["framing"]),
        (
            "space",
            conversation(),
            other("X: y", "X:  y"),
            &["framing"],
        ),
        (
            "order",
            conversation(),
            other("User-Agent: b/1\r\nX: y", "X: y\r\nUser-Agent: b/1"),
            &["framing"],
        ),
        (
            "status",
            conversation(),
            answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello"),
            &["head"],
        ),
    ]);
}

#[test]
fn what_a_body_is_and_how_it_is_wrapped_are_two_kinds() {
    assert_kinds(vec![
        (
            "body",
            conversation(),
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nworld"),
            &["body"],
        ),
        (
            "longer body",
            conversation(),
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"),
            &["body", "framing"],
        ),
        (
            "chunks",
            conversation(),
            answering(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            ),
            &["framing"],
        ),
        (
            "fragments",
            websocket(b"\x81\x05hello"),
            websocket(b"\x01\x02he\x80\x03llo"),
            &["framing"],
        ),
        (
            "opcode",
            websocket(b"\x81\x05hello"),
            websocket(b"\x82\x05hello"),
            &["framing"],
        ),
        (
            "payload",
            websocket(b"\x81\x05hello"),
            websocket(b"\x81\x05world"),
            &["body"],
        ),
        (
            "clock",
            websocket(b"\x81\x0812:34:56"),
            websocket(b"\x81\x0812:34:57"),
            &[],
        ),
        (
            // In the same packet, and acknowledged with the first: that gets no acknowledgement of its own any more.
            "another frame",
            websocket(b"\x81\x05hello"),
            websocket(b"\x81\x05hello\x81\x05again"),
            &["exchange", "tcp"],
        ),
    ]);
}

#[test]
fn the_same_bytes_in_other_packets_are_told_by_their_kinds() {
    assert_kinds(vec![
        (
            "segments",
            conversation(),
            asking(REQUEST, &[&RESPONSE[..38], &RESPONSE[38..]]),
            &["segmentation"],
        ),
        (
            "cuts",
            asking(REQUEST, &[&RESPONSE[..38], &RESPONSE[38..]]),
            asking(REQUEST, &[&RESPONSE[..20], &RESPONSE[20..]]),
            &["segmentation"],
        ),
        (
            "acknowledgement",
            conversation(),
            conversation().ack(Client, 43),
            &["tcp"],
        ),
        (
            "options",
            with_options(&[2, 4, 5, 0xb4]),
            with_options(&[2, 4, 5, 0xb4, 1, 3, 3, 7]),
            &["tcp"],
        ),
        (
            "window",
            Script::default().syn().syn_ack(),
            Script::default().syn().window(9).syn_ack(),
            &["tcp"],
        ),
        (
            "who closes",
            conversation().fin(Client).fin(Server),
            conversation().fin(Server).fin(Client),
            &["closing"],
        ),
        (
            "reset",
            conversation().fin(Client),
            conversation().reset(Client),
            &["closing"],
        ),
    ]);
}

#[test]
fn a_race_is_told_and_is_no_news() {
    let closed = || conversation().fin(Client).fin(Server);
    let cases = [
        (
            "who closes",
            closed(),
            conversation().fin(Server).fin(Client),
            false,
        ),
        (
            "a reset",
            closed(),
            conversation().fin(Client).reset(Server),
            true,
        ),
        (
            "a half-closed one",
            closed(),
            conversation().fin(Client),
            true,
        ),
    ];
    for (name, old, new, is_news) in cases {
        let difference = assert_holds(&file(&old), &file(&new));
        assert_eq!(words(&difference), ["closing"], "{name}");
        assert_eq!(
            difference.kinds_of_news().count(),
            usize::from(is_news),
            "{name}"
        );
    }
}

#[test]
fn what_one_capture_lacks_or_has_alone_is_told() {
    assert_kinds(vec![
        (
            "another connection",
            conversation(),
            conversation().then(Script::between("10.0.0.1:50001", "10.0.0.2:8000").open()),
            &["exchange"],
        ),
        (
            "no beginning",
            conversation(),
            without_opening(conversation()),
            &["capture"],
        ),
        (
            "a lost packet",
            asking(REQUEST, &in_three()),
            asking(REQUEST, &in_three()).lose(6),
            &["capture"],
        ),
    ]);
}

fn without_opening(script: Script) -> Script {
    script.lose(0).lose(0).lose(0)
}

/// Returns the answer in three pieces: its head, then its body in two parts.
fn in_three() -> [&'static [u8]; 3] {
    [&RESPONSE[..38], &RESPONSE[38..40], &RESPONSE[40..]]
}

#[test]
fn the_link_and_what_is_not_tcp_have_kinds_of_their_own() {
    let packets = conversation().packets();
    let raw = pcap(RAW, &paced(packets.clone()));
    let difference = assert_holds(&raw, &file(&conversation()));
    assert_eq!(words(&difference), ["link"]);
    let headers = i64::try_from(packets.len()).unwrap() * 14;
    assert_eq!(difference.sum(Kind::Link).figures(), [0, 0, headers, 0, 0]);

    let address = "10.0.0.1".parse().unwrap();
    let datagram = ip(address, address, support::network::UDP, &[0; 20]);
    let with_datagram = [packets, vec![datagram]].concat();
    let difference = assert_holds(&raw, &pcap(RAW, &paced(with_datagram)));
    assert_eq!(words(&difference), ["not-tcp"]);
}

#[test]
fn a_capture_without_packets_can_be_compared() {
    let empty = pcap(ETHERNET, &[]);
    let difference = assert_holds(&empty, &file(&conversation()));
    assert_eq!(words(&difference), ["exchange"]);
    assert!(matches!(
        difference.sections[0].place,
        Place::Connection([None, Some(_)])
    ));
    assert!(between(&empty, &pcap(RAW, &[])).is_identical);
}

#[test]
fn json_has_every_change_with_its_figures() {
    let new = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbye");
    let difference = between(&file(&conversation()), &file(&new));
    let comparison = Comparison {
        names: ["old.pcap", "new.pcap"],
        difference: &difference,
        ignored: &[Kind::Link],
        with_volatile: false,
    };
    let mut json = Vec::new();
    write_json(comparison, &mut json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    workspace::settings().bind(|| insta::assert_json_snapshot!("diff-json", json));
}

#[test]
fn every_made_capture_can_be_compared_with_every_other() {
    let cases = [stream_cases(), link_cases(), network_cases(), file_cases()];
    let files = cases.into_iter().flatten().map(|case| case.file);
    let files: Vec<Vec<u8>> = files.collect();
    let known: Vec<(Record, Measured)> = files
        .iter()
        .map(|file| (record(file), measured(file)))
        .collect();
    for (old, figures) in &known {
        for (new, others) in &known {
            let difference = Difference::between(old, new, RULES);
            assert_accounted(&difference, [figures, others]);
            let back = Difference::between(new, old, RULES);
            assert!(
                Kind::ALL
                    .into_iter()
                    .all(|kind| back.sum(kind) == -difference.sum(kind))
            );
        }
    }
}

#[test]
fn conversations_that_were_shuffled_and_thinned_out_add_up() {
    let files: Vec<Vec<u8>> = (0..12)
        .map(|seed| pcap(RAW, &paced(random_conversations(seed, 20))))
        .collect();
    for pair in files.windows(2) {
        assert_holds(&pair[0], &pair[1]);
    }
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let frames = |count: u32, word: &str| {
        let frame = format!("\u{1}\u{5}{word}").into_bytes();
        let frame = [&[0x81][..], &frame[1..]].concat();
        websocket(&frame.repeat(count as usize))
    };
    let scripts = [
        frames(40, "hello"),
        frames(40, "world"),
        frames(60, "hello"),
    ];
    let files = scripts.map(|script| file(&script));
    let record = |file: &[u8]| Record::read_within(&mut reader(file), RULES, LITTLE);
    let compare = |old: &[u8], new: &[u8]| {
        let difference = Difference::between(&record(old), &record(new), RULES);
        assert_accounted(&difference, [&measured(old), &measured(new)]);
        words(&difference)
    };
    assert_eq!(compare(&files[0], &files[0]), [""; 0]);
    assert_eq!(compare(&files[0], &files[1]), ["body"]);
    assert_eq!(compare(&files[0], &files[2]), ["exchange"]);
}

#[test]
fn more_connections_than_are_told_apart_add_up() {
    let files = [20_010_u32, 20_012].map(|count| {
        let script = |number: u32| {
            let client = format!("10.{}.{}.1:5000", number / 250 + 1, number % 250);
            Script::between(&client, "9.0.0.2:8000").syn().packets()
        };
        pcap(RAW, &paced((0..count).flat_map(script)))
    });
    let difference = assert_holds(&files[0], &files[1]);
    assert_eq!(words(&difference), ["exchange"]);
    assert_eq!(difference.sum(Kind::Exchange).total_packets, 2);
}

/// Acknowledgements of data that was cut off are of no message. They count also if a connection is one of several that
/// chance may have filled.
#[test]
fn packets_of_no_message_count_wherever_chance_put_the_messages() {
    let client = |port: u16| format!("10.0.0.1:{port}").parse().unwrap();
    let server = "10.0.0.2:80".parse().unwrap();
    let says = |from_client, port, flags, acknowledgement, options, payload: &[u8]| {
        let (source, destination) = if from_client {
            (client(port), server)
        } else {
            (server, client(port))
        };
        let packet = Tcp {
            source,
            destination,
            sequence: 1000,
            acknowledgement,
            flags,
            window: 100,
            options: vec![1; options],
            payload: payload.to_vec(),
        };
        ethernet(&packet.in_ip())
    };
    let old = pcap(
        ETHERNET,
        &paced([says(false, 50_000, ACK, 1000, 0, RESPONSE)]),
    );
    let mut new = paced([
        says(false, 50_002, FIN | ACK, 1000, 0, b""),
        says(false, 50_002, FIN | ACK, 1000, 12, RESPONSE),
        says(true, 50_002, ACK, 1051, 0, b""),
        says(true, 50_000, ACK, 1000, 0, b""),
    ]);
    new[1] = new[1].clone().cut(54);
    let new = pcap(ETHERNET, &new);

    let difference = assert_holds(&old, &new);
    assert_eq!(difference.total().total_packets, 3);
    assert_holds(&new, &old);
}

/// Generates any segment of a few connections, likely or not.
fn segment() -> impl Strategy<Value = Tcp> {
    let payload = prop_oneof![
        Just(b"".to_vec()),
        Just(REQUEST.to_vec()),
        Just(RESPONSE.to_vec()),
        Just(RESPONSE[..30].to_vec()),
        Just(b"\x81\x05hello\x01\x02he\x80\x01x".to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    let flags = prop::sample::select(vec![
        ACK,
        ACK,
        ACK,
        SYN,
        SYN | ACK,
        FIN | ACK,
        RST,
        RST | ACK,
        0,
    ]);
    let numbers = (0_u32..4, 0_u32..4, any::<bool>(), 0_u16..3);
    let options = prop::sample::select(vec![0_usize, 4, 12]);
    (numbers, flags, options, payload).prop_map(|(numbers, flags, options, payload)| {
        let (sequence, acknowledgement, from_client, connection) = numbers;
        let client = format!("10.0.0.1:{}", 50_000 + connection).parse().unwrap();
        let server = "10.0.0.2:80".parse().unwrap();
        let (source, destination) = if from_client {
            (client, server)
        } else {
            (server, client)
        };
        Tcp {
            source,
            destination,
            sequence: 1000 + sequence * 17,
            acknowledgement: 1000 + acknowledgement * 17,
            flags,
            window: 100,
            options: vec![1; options],
            payload,
        }
    })
}

/// Generates any capture: segments, some cut off, and packets that are not segments.
fn capture() -> impl Strategy<Value = Vec<u8>> {
    let packet = (segment(), any::<bool>(), 0_u8..20, 20_usize..90);
    let packets = prop::collection::vec(packet, 0..30);
    packets.prop_map(|packets| {
        let frames = packets
            .into_iter()
            .map(|(segment, has_link, oddity, length)| {
                let packet = match oddity {
                    0 => vec![0xff; length],
                    1 => ip(segment.source.ip(), segment.destination.ip(), 17, &[0; 9]),
                    _ => segment.in_ip(),
                };
                let frame = if has_link {
                    support::network::padded_ethernet(&packet)
                } else {
                    ethernet(&packet)
                };
                (frame, (oddity == 2).then_some(length))
            });
        let (frames, cuts): (Vec<Vec<u8>>, Vec<Option<usize>>) = frames.unzip();
        let packets = paced(frames).into_iter().zip(cuts);
        let packets =
            packets.map(|(packet, cut)| cut.map_or(packet.clone(), |length| packet.cut(length)));
        pcap(ETHERNET, &packets.collect::<Vec<Packet>>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_two_captures_add_up(old in capture(), new in capture()) {
        assert_holds(&old, &new);
    }

    #[test]
    fn any_two_captures_add_up_without_room(old in capture(), new in capture(), room in 0_usize..4000) {
        let record = |file: &[u8]| Record::read_within(&mut reader(file), RULES, room);
        let difference = Difference::between(&record(&old), &record(&new), RULES);
        assert_accounted(&difference, [&measured(&old), &measured(&new)]);
    }
}

#[test]
fn no_two_words_of_kinds_are_the_same() {
    let words: BTreeSet<&str> = Kind::ALL.map(Kind::word).into_iter().collect();
    assert_eq!(words.len(), Kind::ALL.len());
}
