//! The captures of `../shared/cases/read`, if that folder is beside the checkout: properties that hold for each of
//! them, and pairs of captures that differ. The pairs are also made here by code.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use wirestream::capture;
use wirestream::message::Detail;
use wirestream::units::Side;

use super::run::{file, listing, printed, wiresnap};
use super::support::file::{RAW, paced, pcap};
use super::support::network::{ACK, RST};
use super::support::reading;
use super::support::script::{Client, Script, Server};

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases/read");
    if folder.is_dir() {
        return Some(folder);
    }
    drop(writeln!(
        std::io::stderr(),
        "skipped: {} is not there",
        folder.display()
    ));
    None
}

/// Returns the captures of a folder by name, without the part after the first dot.
fn captures(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut captures: Vec<_> = paths
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name.split('.').next().unwrap().to_owned(), path)
        })
        .collect();
    captures.sort();
    captures
}

/// The captures that are damaged, or of which no packet can be read.
const UNREADABLE: [&str; 5] = [
    "damaged-record",
    "nflog",
    "pktap",
    "png-unpadded",
    "unknown-link-type",
];

fn assert_sound(name: &str, output: &Output, code: i32) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{name}: {errors}");
    assert!(!errors.contains("panicked"), "{name}: {errors}");
}

#[test]
fn every_case_of_others_is_read_by_every_verb() {
    let Some(folder) = folder() else { return };
    for (name, path) in captures(&folder) {
        let code = if UNREADABLE.contains(&name.as_str()) {
            2
        } else {
            0
        };
        for verb in [
            &["payload"][..],
            &["payload", "--redact"],
            &["payload", "--format", "json"],
            &["stats", "--explain"],
            &["stats", "--format", "json"],
        ] {
            let output = wiresnap(verb, &[&path]);
            assert_sound(&name, &output, code);
            if verb.contains(&"json") {
                let json = serde_json::from_slice::<serde_json::Value>(&output.stdout);
                assert!(json.is_ok(), "{name}: {json:?}");
            }
        }
        let same = wiresnap(&["diff"], &[&path, &path]);
        assert_sound(&name, &same, code);
    }
}

/// The listing of a stream contains all of it, each byte once.
#[test]
fn every_payload_byte_of_the_cases_of_others_is_listed() {
    let Some(folder) = folder() else { return };
    for (name, path) in captures(&folder) {
        let Ok(reader) = capture::open(&path) else {
            assert!(UNREADABLE.contains(&name.as_str()), "{name}");
            continue;
        };
        for (connection, messages) in reading::messages(reader) {
            for side in [Side::Client, Side::Server] {
                let own = messages.iter().filter(|message| message.from == side);
                let mut end = 0;
                let mut is_told_by_events = false;
                for message in own {
                    assert!(message.packet > 0, "{name}: {message:?}");
                    is_told_by_events |=
                        matches!(message.detail, Detail::Event(_) | Detail::EventsEnd(_));
                    if message.length > 0 && !is_told_by_events {
                        assert_eq!(message.offset, end, "{name}, {side}: {message:?}");
                        end += message.length;
                    }
                }
                let stream = connection.stream(side);
                // What wraps the events of a stream belongs to none of them; it is told with the chunks.
                if !is_told_by_events {
                    assert_eq!(end, stream.bytes + stream.missing, "{name}, {side}");
                }
            }
        }
    }
}

/// The pairs of captures, named old and new, that are the same.
const SAME: [&str; 0] = [];

#[test]
fn pairs_of_the_cases_of_others_differ() {
    let Some(folder) = folder() else { return };
    let captures = captures(&folder);
    let names: BTreeSet<&str> = captures.iter().map(|(name, _)| name.as_str()).collect();
    let path = |name: &str| &captures.iter().find(|(other, _)| other == name).unwrap().1;
    let mut pairs = 0;
    for new in &names {
        let Some(stem) = new.strip_suffix("-new") else {
            continue;
        };
        // The chunk that is padded is compared with the one that is not, of another pair.
        let old = format!(
            "{}-old",
            if stem == "chunk-pad" {
                "chunk-ext"
            } else {
                stem
            }
        );
        let output = wiresnap(&["diff"], &[path(&old), path(new)]);
        let code = i32::from(!SAME.contains(&stem));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{stem}: {}",
            printed(&output)
        );
        let back = wiresnap(&["diff"], &[path(new), path(&old)]);
        assert_eq!(
            back.status.code(),
            Some(code),
            "{stem}, the other way round"
        );
        pairs += 1;
    }
    assert!(pairs > 10, "{names:?}");
}

/// In a capture of one side, a message that shows a hole is listed with the packet that shows it.
#[test]
fn a_capture_of_one_side_has_no_packet_and_no_time_of_the_other() {
    let whole = Script::opened()
        .say(Client, "one\n")
        .say(Server, "ok\n")
        .say(Client, "two\n")
        .say(Server, "ok\n")
        .close();
    for side in whole.ends {
        let mut script = whole.clone();
        script.segments.retain(|segment| segment.source == side);
        let capture = file(&pcap(RAW, &paced(script.packets())));
        let output = wiresnap(&["payload", "--format", "json"], &[capture.path()]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let connection = &json["connections"][0];
        let last = script.segments.len() as u64;
        for message in connection["messages"].as_array().unwrap() {
            let packet = &message["packet"];
            let is_there = packet
                .as_u64()
                .is_some_and(|packet| (1..=last).contains(&packet));
            assert!(is_there || packet.is_null(), "{message}");
            assert_eq!(message["time"].is_null(), packet.is_null(), "{message}");
        }
        assert_eq!(connection["complete"], false);
    }
}

/// A reset may carry data (RFC 9293 §3.5.3), and the captured part of it is listed.
#[test]
fn the_payload_of_a_reset_is_listed() {
    let script = Script::opened()
        .say(Client, "time\n")
        .say(Server, "12:00\n");
    let script = script.hear(Client).at(Server, 6, RST | ACK, b"overloaded");
    let told = listing(&[], &pcap(RAW, &paced(script.packets())));
    assert!(told.contains("overloaded"), "{told}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Returns an exchange whose answer has these fields, and these bytes after its head.
fn exchange(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    let script = Script::opened().say(Client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    let script = script.say_in(Server, 1400, [head.as_bytes(), body].concat());
    pcap(RAW, &paced(script.hear(Client).close().packets()))
}

/// Returns an exchange with this answer.
fn answered(answer: &str) -> Vec<u8> {
    let script = Script::opened().say(Client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    pcap(
        RAW,
        &paced(script.say(Server, answer).hear(Client).close().packets()),
    )
}

/// Returns two conversations on the same ports, of which the second has no SYN.
fn again(second: &str) -> Vec<u8> {
    let first = Script::opened()
        .say(Client, "one\n")
        .say(Server, "ok\n")
        .close();
    let second = Script::default()
        .initial(900_000, 700_000)
        .say(Client, second)
        .say(Server, "ok\n");
    pcap(RAW, &paced(first.then(second.close()).packets()))
}

fn switched(accept: &str) -> Vec<u8> {
    let ask = "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let script = Script::opened().say(Client, ask).say(Server, answer);
    pcap(RAW, &paced(script.hear(Client).close().packets()))
}

fn chunked(chunks: &str) -> Vec<u8> {
    exchange("Transfer-Encoding: chunked\r\n", chunks.as_bytes())
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    exchange(
        &format!("Content-Encoding: {coding}\r\nContent-Length: {length}\r\n"),
        body,
    )
}

fn events(body: &[u8]) -> Vec<u8> {
    let fields =
        "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\nConnection: close\r\n";
    exchange(fields, &gzip(body))
}

fn text(changed: &str) -> Vec<u8> {
    format!("one line, {changed}, and another\n")
        .repeat(5)
        .into_bytes()
}

/// Returns an event with those last bytes, after the first two MiB.
fn long_event(end: &str) -> Vec<u8> {
    let line = format!("data: {}\n", "x".repeat(1000));
    format!("{}data: {end}\n\n", line.repeat(2100)).into_bytes()
}

/// Returns kinds of changes, with the captures before and after, and a word of the difference.
fn changes() -> Vec<(&'static str, Vec<u8>, Vec<u8>, &'static str)> {
    let damaged = |text: &[u8]| {
        let mut packed = gzip(text);
        let end = packed.len() - 12;
        packed[end - 4..end].fill(0xff);
        packed.extend_from_slice(text);
        packed
    };
    let junk = |rest: &[u8]| [&gzip(b"hello")[..], rest].concat();
    vec![
        (
            "a line end",
            answered("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            answered("HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\nx"),
            "",
        ),
        (
            "an accept that does not belong to its key",
            switched("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            switched("S3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "",
        ),
        (
            "a second conversation without SYN",
            again("two\n"),
            again("owt\n"),
            "",
        ),
        (
            "what is labelled gzip and is none",
            coded("gzip", b"no gzip, 1\n"),
            coded("gzip", b"no gzip, 2\n"),
            "body",
        ),
        (
            "damaged gzip",
            coded("gzip", &damaged(b"the first of all\n")),
            coded("gzip", &damaged(b"the first of alp\n")),
            "body",
        ),
        (
            "bytes behind gzip",
            coded("gzip", &junk(b"junk 1")),
            coded("gzip", &junk(b"junk 2")),
            "body",
        ),
        (
            "an event behind its first two MiB",
            events(&long_event("the end")),
            events(&long_event("the enp")),
            "",
        ),
        (
            "a chunk's extension",
            chunked("5;a=1\r\nfirst\r\n0\r\n\r\n"),
            chunked("5;a=2\r\nfirst\r\n0\r\n\r\n"),
            "framing",
        ),
        (
            "more chunks",
            chunked("5\r\nfirst\r\n0\r\n\r\n"),
            chunked("2\r\nfi\r\n3\r\nrst\r\n0\r\n\r\n"),
            "framing",
        ),
        (
            "a chunk's size with zeros",
            chunked("5\r\nfirst\r\n0\r\n\r\n"),
            chunked("005\r\nfirst\r\n0\r\n\r\n"),
            "framing",
        ),
        (
            "zstd",
            coded("zstd", &zstd(&text("red"))),
            coded("zstd", &zstd(&text("blue"))),
            "body",
        ),
    ]
}

#[test]
fn what_is_not_decoded_is_compared_all_the_same() {
    for (name, old, new, word) in changes() {
        let (old, new) = (file(&old), file(&new));
        let output = wiresnap(&["diff"], &[old.path(), new.path()]);
        let told = printed(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {told}");
        assert!(told.contains(word), "{name}: {told}");
        let same = wiresnap(&["diff"], &[old.path(), old.path()]);
        assert_eq!(same.status.code(), Some(0), "{name}: {}", printed(&same));
    }
}
