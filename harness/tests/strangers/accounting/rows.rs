//! Pairs of captures that were once reported as the same, with their listings and verdicts.

use std::io::Cursor;
use std::sync::Arc;

use wiresnap::analysis::difference::{Difference, Kind, Record, Redaction};
use wiresnap::listing::{Format, Request, list};
use wiresnap::render::payload::Style;
use wiresnap::render::redactions::Redactions;
use wiresnap::rule::Rules;
use wirestream::capture::read_from;

use super::super::support::script::{Client, End, Server};
use super::captures::{Frames, answer, bare, file, get, gzip, handshake};

fn rules(text: &str) -> Redactions {
    Redactions::from(Rules::of_text("wiresnap.toml".as_ref(), text).unwrap())
}

fn listing(file: &[u8], rules: &Redactions, format: Format, redact: bool) -> String {
    let request = Request {
        style: Style {
            redact,
            ..Style::default()
        },
        format,
        rules: Arc::new(rules.clone()),
        ..Request::default()
    };
    let reader = read_from(Box::new(Cursor::new(file.to_vec()))).unwrap();
    let outcome = list(reader, request, Vec::new()).unwrap();
    String::from_utf8(outcome.output).unwrap()
}

fn reviewed(file: &[u8], rules: &Redactions) -> String {
    listing(file, rules, Format::Text, true)
}

fn between(old: &[u8], new: &[u8], rules: &Redactions) -> Difference {
    let record = |file: &[u8]| {
        let mut reader = read_from(Box::new(Cursor::new(file.to_vec()))).unwrap();
        Record::read(&mut reader, Redaction(rules))
    };
    let difference = Difference::between(&record(old), &record(new), Redaction(rules));
    assert!(difference.adds_up());
    difference
}

/// Returns the kinds that count.
fn kinds(difference: &Difference) -> Vec<Kind> {
    difference.kinds().filter(|kind| kind.counts()).collect()
}

fn assert_told(name: &str, [old, new]: [Vec<u8>; 2], kind: Kind) {
    let none = Redactions::default();
    let difference = between(&old, &new, &none);
    assert!(
        kinds(&difference).contains(&kind),
        "{name}: {:?}",
        kinds(&difference)
    );
    assert_eq!(difference.not_compared, 0, "{name}");
    assert_ne!(reviewed(&old, &none), reviewed(&new, &none), "{name}");
}

/// Returns an answer with this body and this coding.
fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let fields = format!(
        "Content-Type: text/plain\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n",
        body.len()
    );
    file(&[get("/"), answer(&fields, body)])
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    file(&[get("/"), answer("Transfer-Encoding: chunked\r\n", bytes)])
}

#[test]
fn a_body_that_cannot_be_decoded_is_compared() {
    let page = b"plain text of the page";
    let good = gzip(page);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= byte;
        bytes
    };
    let behind = |bytes: &[u8]| [&good[..], bytes].concat();
    let cases = [
        (
            "mislabelled",
            "gzip",
            b"this is A, and no gzip".to_vec(),
            b"this is B, and no gzip".to_vec(),
        ),
        (
            "unknown",
            "x-own",
            b"\x01\x02".to_vec(),
            b"\x01\x03".to_vec(),
        ),
        ("junk behind", "gzip", behind(b"junk"), behind(b"jump")),
        ("zeros behind", "gzip", behind(&[0; 10]), behind(&[0; 9])),
        ("damaged", "gzip", with(14, 0xff), with(14, 0xfe)),
        (
            "checksum",
            "gzip",
            with(good.len() - 8, 1),
            with(good.len() - 8, 2),
        ),
        (
            "length",
            "gzip",
            with(good.len() - 1, 1),
            with(good.len() - 1, 2),
        ),
        ("cut off", "gzip", good[..20].to_vec(), good[..19].to_vec()),
        (
            "bare",
            "deflate",
            [&bare(page)[..], b"a"].concat(),
            [&bare(page)[..], b"b"].concat(),
        ),
        (
            "empty member",
            "gzip",
            behind(&gzip(b"")),
            behind(&gzip(b"x")),
        ),
    ];
    for (name, coding, old, new) in cases {
        let kind = if old.len() == new.len() || name == "zeros behind" || name == "cut off" {
            Kind::Body
        } else {
            Kind::Framing
        };
        let files = [coded(coding, &old), coded(coding, &new)];
        let found = kinds(&between(&files[0], &files[1], &Redactions::default()));
        assert!(
            found.contains(&kind) || found.contains(&Kind::Body),
            "{name}: {found:?}"
        );
        assert_told(name, files, found[0]);
    }
}

#[test]
fn chunks_cut_or_written_in_another_way_are_told() {
    let cases = [
        (
            "extension",
            "5;sig=aaaa\r\nfirst\r\n0\r\n\r\n",
            "5;sig=bbbb\r\nfirst\r\n0\r\n\r\n",
        ),
        (
            "extension added",
            "5\r\nfirst\r\n0\r\n\r\n",
            "5;a\r\nfirst\r\n0\r\n\r\n",
        ),
        (
            "extension of the last",
            "5\r\nfirst\r\n0;a\r\n\r\n",
            "5\r\nfirst\r\n0;b\r\n\r\n",
        ),
        (
            "more",
            "b\r\nfirstsecond\r\n0\r\n\r\n",
            "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n",
        ),
        (
            "moved",
            "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n",
            "6\r\nfirsts\r\n5\r\necond\r\n0\r\n\r\n",
        ),
        (
            "padded",
            "b\r\nfirstsecond\r\n0\r\n\r\n",
            "0000b\r\nfirstsecond\r\n0\r\n\r\n",
        ),
        (
            "letters",
            "b\r\nfirstsecond\r\n0\r\n\r\n",
            "B\r\nfirstsecond\r\n0\r\n\r\n",
        ),
        (
            "line end",
            "5\r\nfirst\r\n0\r\n\r\n",
            "5\nfirst\r\n0\r\n\r\n",
        ),
    ];
    for (name, old, new) in cases {
        assert_told(
            name,
            [chunked(old.as_bytes()), chunked(new.as_bytes())],
            Kind::Framing,
        );
    }
}

#[test]
fn a_rule_of_its_own_hides_how_bodies_are_cut_into_chunks() {
    let rules = rules("[[redact]]\nname = \"cuts\"\nchunks = true\n");
    let one = chunked(b"b\r\nfirstsecond\r\n0\r\n\r\n");
    for new in [
        "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n",
        "0b\r\nfirstsecond\r\n000\r\n\r\n",
        "B\r\nfirstsecond\r\n0\r\n\r\n",
    ] {
        let new = chunked(new.as_bytes());
        let difference = between(&one, &new, &rules);
        assert_eq!(kinds(&difference), [], "{:?}", difference.sections);
        assert!(!difference.is_identical);
        assert_eq!(reviewed(&one, &rules), reviewed(&new, &rules));
    }
    for new in [
        "b;a=1\r\nfirstsecond\r\n0\r\n\r\n",
        "b\r\nfirstSecond\r\n0\r\n\r\n",
    ] {
        let new = chunked(new.as_bytes());
        assert!(between(&one, &new, &rules).differs(&[]));
        assert_ne!(reviewed(&one, &rules), reviewed(&new, &rules));
    }
    let mistakes = [
        "",
        "pattern = 'a'\nchunks = true\n",
        "chunks = true\nsecret = true\n",
    ];
    for mistake in mistakes {
        let text = format!("[[redact]]\nname = \"cuts\"\n{mistake}");
        assert!(
            Rules::of_text("wiresnap.toml".as_ref(), &text).is_err(),
            "{mistake}"
        );
    }
}

#[test]
fn an_event_is_compared_to_its_end() {
    let event = |changed: usize| {
        let mut data = vec![b'x'; 2 << 20];
        data[changed] = b'y';
        let body = [b"data: ", &data[..], b"\n\n"].concat();
        let fields = "Content-Type: text/event-stream\r\nConnection: close\r\n";
        let mut script = super::super::support::script::Script::opened();
        script = script.say(Client, &get("/").1);
        script = script.say_in(Server, 16_000, &answer(fields, &body).1);
        let frames = script.close().packets();
        let frames = frames
            .iter()
            .map(|packet| super::super::support::network::ethernet(packet));
        super::super::support::file::pcap(
            super::super::support::file::ETHERNET,
            &super::super::support::file::paced(frames),
        )
    };
    let old = event(1000);
    for changed in [1001, (1 << 20) + 5, (2 << 20) - 1] {
        assert_told(
            &changed.to_string(),
            [old.clone(), event(changed)],
            Kind::Body,
        );
    }
}

/// Returns a body with a clock time, compressed so that the same text takes other bytes.
fn stored(text: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_coded_form_of_something_hidden_is_compared_where_the_value_is_the_same() {
    let none = Redactions::default();
    let [one, other] = [&b"at 12:34:56, it was so"[..], b"at 12:34:57, it was so"];
    let old = coded("gzip", &gzip(one));
    let difference = between(&old, &coded("gzip", &stored(one)), &none);
    assert_eq!(kinds(&difference), [Kind::Framing]);
    assert_eq!(difference.not_compared, 0);
    let new = coded("gzip", &gzip(other));
    let difference = between(&old, &new, &none);
    assert_eq!(kinds(&difference), []);
    assert_eq!(
        difference.not_compared,
        gzip(one).len().max(gzip(other).len()) as u64
    );
    assert_eq!(reviewed(&old, &none), reviewed(&new, &none));
}

/// Returns compressed messages from the server.
fn websocket(messages: &[(&[u8], usize)]) -> Vec<u8> {
    let frames = messages
        .iter()
        .fold(Frames::new(Server), |frames, (text, pieces)| {
            frames.compressed(text, true, *pieces)
        });
    let mut turns = handshake("Sec-WebSocket-Extensions: permessage-deflate\r\n").to_vec();
    turns.push((Server, frames.bytes));
    file(&turns)
}

#[test]
fn fragments_before_a_hidden_value_are_hidden_with_it() {
    let none = Redactions::default();
    let messages = |time: &str, text: &str| {
        let first = format!("a text in which the time comes last, {text}: {time}");
        websocket(&[(first.as_bytes(), 3), (b"and another message", 1)])
    };
    let old = messages("12:34:56", "here");
    let new = messages("01:02:03", "here");
    assert_eq!(reviewed(&old, &none), reviewed(&new, &none));
    assert!(!between(&old, &new, &none).differs(&[]));
    let new = messages("12:34:56", "HERE");
    assert_ne!(reviewed(&old, &none), reviewed(&new, &none));
    assert!(between(&old, &new, &none).differs(&[]));
    let text = reviewed(
        &websocket(&[(b"nothing hidden, in three frames", 3)]),
        &none,
    );
    assert_eq!(text.matches("sha256 ").count(), 1, "{text}");
}

/// Returns a message of the server in frames that end at these places.
fn fragmented(text: &[u8], ends: &[usize]) -> Vec<u8> {
    let ends = ends.iter().copied().chain([text.len()]);
    let mut from = 0;
    let frames = ends.fold(Frames::new(Server), |frames, end| {
        let first = u8::from(from == 0) | u8::from(end == text.len()) << 7;
        frames.frame(first, &text[std::mem::replace(&mut from, end)..end])
    });
    let mut turns = handshake("").to_vec();
    turns.push((Server, frames.bytes));
    file(&turns)
}

/// Returns the payloads of a listing's frames, joined.
fn payloads(listing: &str) -> String {
    let lines = listing.lines().filter(|line| line.starts_with('S'));
    let quoted = lines.map(|line| line.split('"').nth(1).unwrap_or_default());
    quoted.collect()
}

#[test]
fn a_value_that_begins_in_one_frame_and_ends_in_another_is_hidden() {
    let secret = "[[redact]]\nname = \"pin\"\npattern = 'pin=([0-9]+)'\nsecret = true\n";
    let wider = secret.replace("secret = true", "placeholder = '<a number>'");
    let old = b"at 09:31:35 your pin=4711, keep it";
    let new = b"at 10:41:46 your pin=815, keep it";
    for (table, expected, same) in [
        (secret, "at HH:MM:SS your pin=<pi>, keep it", false),
        (&wider, "at HH:MM:SS your pin=<a number>, keep it", true),
    ] {
        let rules = rules(table);
        for end in 1..old.len() {
            let capture = fragmented(old, &[end]);
            assert_eq!(payloads(&reviewed(&capture, &rules)), expected, "at {end}");
        }
        let one_by_one: Vec<usize> = (1..old.len()).collect();
        let capture = fragmented(old, &one_by_one);
        assert_eq!(payloads(&reviewed(&capture, &rules)), expected);
        let json = listing(&capture, &rules, Format::Json, true);
        assert!(
            json.contains(&format!("\"message\":{{\"text\":\"{expected}\"}}")),
            "{json}"
        );
        // Both times and both numbers are cut in two.
        let (old, new) = (fragmented(old, &[5, 22]), fragmented(new, &[5, 22]));
        assert_eq!(reviewed(&old, &rules) == reviewed(&new, &rules), same);
        assert_eq!(between(&old, &new, &rules).differs(&[]), !same);
    }
}

#[test]
fn no_digest_of_something_hidden_is_printed() {
    let rules = rules("[[redact]]\nname = \"pin\"\npattern = 'pin=([0-9]{4})'\nsecret = true\n");
    let text = b"your pin=4711, keep it";
    let longer = [
        &b"0123456789 abcdefghijklmnopqrstuvwxyz ".repeat(2)[..],
        text,
    ]
    .concat();
    let turns: [(End, Vec<u8>); 2] = [get("/"), {
        let body = gzip(text);
        let fields = format!(
            "Content-Encoding: gzip\r\nContent-Length: {}\r\n",
            body.len()
        );
        answer(&fields, &body)
    }];
    let captures = [
        file(&turns),
        file(&[
            (Server, b"your pin=4711\n".to_vec()),
            (Client, b"thanks\n".to_vec()),
        ]),
        websocket(&[(text, 1), (b"after it", 1)]),
        websocket(&[(&longer, 2)]),
        websocket(&[(text, 3)]),
    ];
    for capture in captures {
        for redact in [false, true] {
            for format in [Format::Text, Format::Json] {
                let text = listing(&capture, &rules, format, redact);
                assert!(!text.contains("4711"), "{text}");
                let without = text.replace("\"sha256\":null", "");
                // The client's stream has nothing of it.
                let digests = without.matches("sha256").count();
                let allowed = usize::from(format == Format::Json && !redact);
                assert!(digests <= allowed, "{text}");
            }
        }
    }
}
