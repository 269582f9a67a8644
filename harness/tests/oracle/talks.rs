//! Compares the messages with tshark's: requests and responses, which response answers which request, WebSocket frames;
//! and checks that each payload byte is in our listing.
//!
//! [`DIFFERENCES`] lists the mistakes of tshark, with the reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use wirestream::capture::{self, CaptureReader};
use wirestream::message::{Detail, Message};
use wirestream::tcp::event::AsideReason;
use wirestream::tcp::stream::Connection;
use wirestream::units::{Side, Timestamp};

use super::support::cases;
use super::support::file::{RAW, paced, pcap};
use super::support::reading;
use super::support::talks::{self, Talk};
use super::support::tshark::{self, Said};

const CUT: &str = "tshark shows no message whose body or frame is cut or has a hole; RFC 9112 §8: it is incomplete, but a message";
const PIPELINED: &str = "of requests in one packet, tshark knows the last alone; RFC 9112 §9.3.2: answers come in their order, and \
                         §6.3: that to a HEAD has no body";
const INTERIM: &str =
    "tshark takes an interim answer for the only one; RFC 9110 §15.2: the final one follows";
const TUNNEL: &str = "tshark does not read what goes through a tunnel; RFC 9110 §9.3.6: it is a connection of its own";
const PROXY: &str =
    "tshark knows the PROXY protocol on no port of HTTP's, and misses the request behind it";
const BOTH: &str =
    "tshark pairs no answer that has both fields; RFC 9112 §6.3: Transfer-Encoding counts";
const IDENTITY: &str = "tshark goes by Content-Length where the coding is identity; RFC 9112 §6.3: Transfer-Encoding counts, and such a \
                        body has no known end";
const ORDER: &str = "tshark reads segments as the file has them; RFC 9293 §3.4: the sequence numbers tell their order";
const REFUSED: &str = "tshark passes over a line that is no field; RFC 9112 §5.1: that head is refused, and here shown raw";
const AFTER_CLOSE: &str =
    "tshark goes on with frames behind a close; RFC 6455 §5.5.1: there are none";
const EARLY: &str = "tshark reads no frames in front of the 101; RFC 6455 §4.1: what the client sends early is WebSocket all the same";

/// The captures about which tshark is wrong, with the aspects and the reason.
const DIFFERENCES: &[(&str, &[&str], &str)] = &[
    ("lost-end-of-body", &["responses", "answers"], CUT),
    ("lost-request-body", &["requests", "answers"], CUT),
    ("lost-chunk-in-answer", &["responses", "answers"], CUT),
    ("trailers-cut-by-fin", &["responses", "answers"], CUT),
    ("body-cut-by-fin", &["responses", "answers"], CUT),
    ("body-cut-by-reset", &["responses", "answers"], CUT),
    ("until-a-reset", &["responses", "answers"], CUT),
    ("ws-deflate-cut", &["frames"], CUT),
    ("ws-frame-cut-by-fin", &["frames"], CUT),
    (
        "lost-unregistered-method",
        &["answers"],
        "tshark pairs no request behind an answer whose own is lost; RFC 9112 §9.2: answers come in the order of requests",
    ),
    ("pipelined", &["responses", "answers"], PIPELINED),
    ("upgrade-behind-a-request", &["answers"], PIPELINED),
    ("two-interim-answers", &["answers"], INTERIM),
    (
        "early-answer",
        &["answers"],
        "tshark pairs no answer that comes before the end of its request; RFC 9112 §9.5 and RFC 9110 §7.5 allow for it",
    ),
    (
        "connect-refused-then-tunnel",
        &["responses", "answers"],
        TUNNEL,
    ),
    ("proxy-v2-with-tlvs", &["requests", "answers"], PROXY),
    (
        "empty-lines-between",
        &["requests", "responses", "answers"],
        "tshark reads no message behind an empty line; RFC 9112 §2.2: a recipient should ignore one",
    ),
    ("length-and-chunked", &["answers"], BOTH),
    ("refused-chunked-answer", &["responses", "answers"], REFUSED),
    ("ws-left-over", &["frames"], AFTER_CLOSE),
    ("ws-frames-before-the-answer", &["frames"], EARLY),
    ("sseapp", &["responses", "answers"], CUT),
    ("chunk-oddities", &["responses", "answers"], IDENTITY),
    ("te-identity", &["responses", "answers"], IDENTITY),
    (
        "chunk-size-2-to-64",
        &["requests"],
        "tshark looks for no request behind a chunk whose size it cannot read; RFC 9112 §7.1: the message ends there, but the bytes are known",
    ),
    (
        "connect-then-websocket",
        &["requests", "responses", "answers", "frames"],
        TUNNEL,
    ),
    (
        "fcs",
        &["requests", "responses", "answers", "bytes"],
        "the file claims a frame check sequence of 8 bytes where 4 are; RFC 791 §3.1: the length of an IP packet is its own, and tshark cuts it",
    ),
    ("fin-before-data", &["responses", "answers"], ORDER),
    ("overlap", &["responses", "answers"], ORDER),
    ("request-after-response", &["requests"], ORDER),
    ("head-lost", &["responses", "answers"], CUT),
    ("missing-20", &["responses", "answers"], CUT),
    ("interim", &["answers"], INTERIM),
    (
        "nflog",
        &["requests", "responses", "answers", "bytes"],
        "the link type is not read here, which is said",
    ),
    (
        "options-without-target",
        &["requests", "answers"],
        "tshark takes the version for the target; RFC 9112 §3: a request line has three parts",
    ),
    (
        "request-line-http2",
        &["requests"],
        "tshark takes HTTP/2.0 for a request of HTTP/1; RFC 9112 §2.3: that version's messages have another form",
    ),
    ("proxy-v1", &["requests", "answers"], PROXY),
    ("req-field-inner-space", &["requests"], REFUSED),
    ("resp-field-space-colon", &["responses", "answers"], REFUSED),
    (
        "resp-field-space-colon-get",
        &["responses", "answers"],
        REFUSED,
    ),
    (
        "rst-with-data",
        &["bytes"],
        "tshark calls the payload of a reset its cause; RFC 9293 §3.5.3 knows of no such field, and here it is listed",
    ),
    (
        "te-chunked-parameter",
        &["requests", "responses", "answers"],
        "tshark passes over the parameter; RFC 9112 §7.1: chunked has none, and with one the coding is unknown",
    ),
    ("ws-after-close", &["frames"], AFTER_CLOSE),
    ("ws-request-keepalive-upgrade", &["frames"], EARLY),
    (
        "ws-x-webkit-deflate-frame",
        &["frames"],
        "tshark reads frames of an extension that it does not know; RFC 6455 §9.1: an extension may change what a frame is",
    ),
];

/// Returns everything that is compared, by name.
fn aspects(said: &Said) -> [(&'static str, String); 5] {
    [
        ("requests", format!("{:?}", said.requests)),
        ("responses", format!("{:?}", said.responses)),
        ("answers", format!("{:?}", said.answers)),
        ("frames", format!("{:?}", said.frames)),
        ("bytes", said.bytes.to_string()),
    ]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns the messages of each end in our listing, by `ADDRESS port`.
fn ours(connections: &[(Connection, Vec<Message>)]) -> BTreeMap<String, Said> {
    let mut all: BTreeMap<String, Said> = BTreeMap::new();
    for (connection, messages) in connections {
        for side in [Side::Client, Side::Server] {
            let end = match side {
                Side::Client => connection.client,
                Side::Server => connection.server,
            };
            let said = all
                .entry(format!("{} {}", end.ip(), end.port()))
                .or_default();
            let own = messages.iter().filter(|message| message.from == side);
            let listed: u64 = own.clone().map(|message| message.length).sum();
            let stream = connection.stream(side);
            let is_event = |message: &Message| {
                matches!(message.detail, Detail::Event(_) | Detail::EventsEnd(_))
            };
            // What wraps the events of a stream belongs to none of them; it is told with the chunks.
            if !messages.iter().any(is_event) {
                assert_eq!(
                    listed,
                    stream.bytes + stream.missing,
                    "the listing is the stream"
                );
            }
            said.bytes += stream.bytes;
            for message in own {
                add(said, message);
            }
        }
    }
    all.retain(|_, said| *said != Said::default());
    all
}

fn add(said: &mut Said, message: &Message) {
    match &message.detail {
        Detail::Http(http) if http.head.is_request() => {
            let (method, target) = (text(http.head.method()), text(http.head.target()));
            said.requests.push(format!("{method} {target}"));
        }
        Detail::Http(http) => {
            let status = http.head.status();
            said.responses.push(status.to_string());
            if status == 101 || status >= 200 {
                let request = http.request.as_ref().map_or_else(
                    || "nothing".to_owned(),
                    |request| format!("{} {}", text(&request.method), text(&request.target)),
                );
                said.answers.push(format!("{status} to {request}"));
            }
        }
        Detail::WebSocket(frame) => said.frames.push(format!(
            "opcode {}, fin {}, {} bytes",
            frame.header.opcode.0, frame.header.fin, frame.header.length
        )),
        // Copies are of bytes that are there already.
        Detail::Aside(aside) => match aside.reason {
            AsideReason::Conflict | AsideReason::NotCompared | AsideReason::TooManyCopies => {}
            _ => said.bytes += aside.content.bytes.len() as u64,
        },
        Detail::Event(_) | Detail::EventsEnd(_) | Detail::Raw(_) => {}
    }
}

/// Returns the ports of the connections whose servers speak HTTP.
fn http_ports(connections: &[(Connection, Vec<Message>)]) -> BTreeSet<u16> {
    let speaks_http = |messages: &[Message]| {
        let mut messages = messages.iter();
        messages.any(|message| matches!(message.detail, Detail::Http(_)))
    };
    connections
        .iter()
        .filter(|(_, messages)| speaks_http(messages))
        .map(|(connection, _)| connection.server.port())
        .collect()
}

/// Returns the differences that should not be, and the expected ones that are not there.
fn compare(
    name: &str,
    ours: &BTreeMap<String, Said>,
    theirs: &BTreeMap<String, Said>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differing = BTreeSet::new();
    let known = DIFFERENCES.iter().filter(|(of, ..)| *of == name);
    let known: BTreeSet<&str> = known
        .flat_map(|(_, aspects, _)| *aspects)
        .copied()
        .collect();
    let ends: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for end in ends {
        let nothing = Said::default();
        let ours = aspects(ours.get(end).unwrap_or(&nothing));
        let theirs = aspects(theirs.get(end).unwrap_or(&nothing));
        for ((aspect, ours), (_, theirs)) in ours.into_iter().zip(theirs) {
            if ours == theirs {
                continue;
            }
            differing.insert(aspect);
            if !known.contains(aspect) {
                let both = format!("  ours {ours}\ntheirs {theirs}");
                wrong.push(format!("{name}, {end}, {aspect}:\n{both}"));
            }
        }
    }
    for aspect in known.difference(&differing) {
        wrong.push(format!(
            "{name}: {aspect} do not differ from tshark's any more"
        ));
    }
    wrong
}

/// The port of the first conversation's server; each further one has the next port.
const FIRST_PORT: u16 = 8000;

/// Sets the ports of a conversation; many are in one capture, so that tshark is run once.
fn on_ports(talk: &mut Talk, index: u16) {
    let ports = [50_000 + index, FIRST_PORT + index];
    for segment in &mut talk.script.segments {
        let is_client = segment.source == talk.script.ends[0];
        let (source, destination) = (usize::from(!is_client), usize::from(is_client));
        segment.source.set_port(ports[source]);
        segment.destination.set_port(ports[destination]);
    }
}

#[test]
fn odd_talks_are_what_tshark_says() {
    if !tshark::is_installed() {
        say!("skipped: tshark is not installed");
        return;
    }
    let mut talks = talks::talks();
    for (index, talk) in (0..).zip(&mut talks) {
        on_ports(talk, index);
    }
    let packets = talks.iter().flat_map(|talk| talk.script.packets());
    let capture = pcap(RAW, &paced(packets));
    let file = tshark::file_of(&capture);
    let connections = reading::messages(CaptureReader::new(&capture[..]).unwrap());
    let mut theirs = tshark::said(file.path(), http_ports(&connections));
    let mut ours = ours(&connections);
    let mut wrong = Vec::new();
    for (index, talk) in talks.iter().enumerate() {
        let ends = [
            format!("10.0.0.1 {}", 50_000 + index),
            format!("10.0.0.2 {}", usize::from(FIRST_PORT) + index),
        ];
        let of_talk = |said: &mut BTreeMap<String, Said>| -> BTreeMap<String, Said> {
            let own = ends.iter();
            own.filter_map(|end| said.remove_entry(end)).collect()
        };
        let (ours, theirs) = (of_talk(&mut ours), of_talk(&mut theirs));
        wrong.extend(compare(talk.name, &ours, &theirs));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ours.is_empty() && theirs.is_empty(), "{ours:?} {theirs:?}");
}

/// Compares all captures of a folder, except those that cannot be read. Most of the time is tshark's start, so two run
/// at a time.
fn compare_folder(folder: &Path) {
    let captures = super::captures(folder);
    let (one, other) = captures.split_at(captures.len() / 2);
    let wrong = std::thread::scope(|scope| {
        let other = scope.spawn(|| compare_all(other));
        let mut wrong = compare_all(one);
        wrong.extend(other.join().unwrap());
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn compare_all(captures: &[PathBuf]) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in captures {
        let name = path.file_name().unwrap().to_string_lossy();
        let name = name.split('.').next().unwrap();
        if let Ok(reader) = capture::open(path) {
            let connections = reading::messages(reader);
            let theirs = tshark::said(path, http_ports(&connections));
            wrong.extend(compare(name, &ours(&connections), &theirs));
        }
    }
    wrong
}

fn check_folder(folder: &Path) {
    if tshark::is_installed() && folder.is_dir() {
        compare_folder(folder);
    } else {
        say!(
            "skipped: tshark is not installed, or there is no {}",
            folder.display()
        );
    }
}

#[test]
fn captures_in_the_tree_say_what_tshark_says() {
    check_folder(&super::workspace().join("pcap"));
}

#[test]
fn reference_captures_say_what_tshark_says() {
    check_folder(&super::workspace().join("../shared/reference"));
}

#[test]
fn cases_of_others_say_what_tshark_says() {
    check_folder(&super::workspace().join("../shared/cases/read"));
}

/// Returns the times at which our packets were captured, in nanoseconds.
fn our_times(path: &Path) -> Vec<i64> {
    let mut reader = capture::open(path).unwrap();
    let mut times = Vec::new();
    while let Some(packet) = reader.next() {
        times.push(packet.time.nanoseconds_after(Timestamp::default()));
    }
    times
}

/// Clocks of all resolutions and offsets, in the files that are made and in those of others.
#[test]
fn packets_are_as_old_as_tshark_says() {
    if !tshark::is_installed() {
        say!("skipped: tshark is not installed");
        return;
    }
    for case in cases::file_cases() {
        let file = tshark::file_of(&case.file);
        let theirs = tshark::times(file.path());
        // A simple packet has no time, and is as old here as the one before it.
        if theirs.len() as u64 == tshark::opinion(file.path(), []).totals.packets {
            assert_eq!(our_times(file.path()), theirs, "{}", case.name);
        }
    }
    for path in super::captures(&super::workspace().join("../shared/cases/read")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_about_times = ["png-", "time-", "usec-"]
            .iter()
            .any(|start| name.starts_with(start));
        let theirs = if is_about_times {
            tshark::times(&path)
        } else {
            Vec::new()
        };
        if name.starts_with("png-tsresol-12") {
            // if_tsresol 12 (pcapng, §4.2): half a second is 500,000,000,000 of its units, which tshark's arithmetic has no
            // room for.
            assert_ne!(our_times(&path), theirs, "{name}");
            assert_eq!(our_times(&path)[1], 500_000_000, "{name}");
        } else if !theirs.is_empty() && !name.contains("usb-interface-too") {
            assert_eq!(our_times(&path), theirs, "{name}");
        }
    }
}
