//! Secrets anywhere in a capture are overwritten, or the capture is not kept.
//!
//! A secret is planted in every place of every protocol that a byte can be in, in every form in which programs send
//! one, and carried by segments of every kind. Afterwards it is searched for in the whole file and in the whole
//! listing, in each of the forms; by separate code, which knows nothing of the overwriting.

use std::fmt::Write as _;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::IpAddr;

use super::support::file::{ETHERNET, Order, Packet, Pcapng, paced, pcap};
use super::support::network::{Ipv4, UDP, ethernet, ip};
use super::support::script::{Client, End, Script, Server};
use wiresnap::listing::{Format, Request, list};
use wiresnap::rule::Rules;
use wiresnap::secrets::Secrets;
use wirestream::capture;

const SECRET: &str = "deadbeef0123456789abcdef00c0ffee";
const RULES: &str =
    "[[redact]]\nname = \"session\"\npattern = 'secret=([0-9a-f]{32})'\nsecret = true\n";

/// Returns the capture with its secrets overwritten, or the reason why it is not kept.
fn overwritten_by(capture: &[u8], rules: &str) -> Result<Vec<u8>, String> {
    let rules = Rules::of_text("wiresnap.toml".as_ref(), rules).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(capture).unwrap();
    let changed = Secrets::new(&rules)
        .overwrite(&file)
        .map_err(|error| error.to_string())?;
    let mut after = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut after).unwrap();
    assert_eq!(changed, after != capture);
    Ok(after)
}

fn overwritten(capture: &[u8]) -> Result<Vec<u8>, String> {
    overwritten_by(capture, RULES)
}

/// The way in which segments carry messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    /// Each message in one segment.
    Whole,
    /// The secret cut in two.
    InTwo,
    /// The secret cut in two, each part sent twice.
    Twice,
    /// The secret cut in two, the second part sent first.
    OutOfOrder,
    /// The secret cut in two, the second part repeated with other bytes afterwards.
    Contradicted,
    /// The secret cut in two, the second part sent with other bytes before: the secret is in a copy that no receiver
    /// takes.
    Contradicting,
    /// A segment for each byte.
    ByteByByte,
}

const CARRIED: [Carried; 7] = [
    Carried::Whole,
    Carried::InTwo,
    Carried::Twice,
    Carried::OutOfOrder,
    Carried::Contradicted,
    Carried::Contradicting,
    Carried::ByteByByte,
];

/// The messages of a conversation, in order.
type Talk = Vec<(End, Vec<u8>)>;

/// Returns a capture of a conversation; `cuts` are the places at which each message is cut in two.
fn capture(talk: &Talk, carried: Carried, cuts: &[usize]) -> Vec<u8> {
    let mut script = Script::opened();
    let mut sent = [0_u32; 2];
    for ((from, bytes), cut) in talk.iter().zip(cuts) {
        let at = sent[*from as usize];
        let length = u32::try_from(bytes.len()).unwrap();
        let place = |cut: usize| at + u32::try_from(cut).unwrap();
        let (one, two) = bytes.split_at(*cut);
        let other: Vec<u8> = two.iter().map(|byte| byte ^ 1).collect();
        let carry = |script: Script, cut: usize, bytes: &[u8]| {
            if bytes.is_empty() {
                script
            } else {
                script.data(*from, place(cut), bytes)
            }
        };
        script = match carried {
            Carried::Whole => carry(script, 0, bytes),
            Carried::InTwo => carry(carry(script, 0, one), *cut, two),
            Carried::Twice => {
                let before = carry(carry(script, 0, one), *cut, two);
                carry(carry(before, 0, one), *cut, two)
            }
            Carried::OutOfOrder => carry(carry(script, *cut, two), 0, one),
            Carried::Contradicted => {
                let before = carry(carry(script, 0, one), *cut, two);
                carry(before, *cut, &other)
            }
            Carried::Contradicting => {
                let before = carry(carry(script, 0, one), *cut, &other);
                carry(before, *cut, two)
            }
            Carried::ByteByByte => (0..bytes.len()).fold(script, |script, at| {
                script.data(*from, place(at), &bytes[at..=at])
            }),
        };
        sent[*from as usize] += length;
        let peer = if *from == Client { Server } else { Client };
        script = script.ack(peer, sent[*from as usize]);
    }
    let packets = script.close().packets();
    pcap(
        ETHERNET,
        &paced(packets.iter().map(|packet| ethernet(packet))),
    )
}

/// Returns the place at which each message is cut in two: in the middle of the secret, in whatever form it is.
fn cuts(talk: &Talk, form: &[u8]) -> Vec<usize> {
    let middle = |bytes: &Vec<u8>| {
        let at = memchr::memmem::find(bytes, form).map(|at| at + form.len() / 2);
        at.unwrap_or(bytes.len() / 2)
    };
    talk.iter().map(|(_, bytes)| middle(bytes)).collect()
}

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn get() -> (End, Vec<u8>) {
    (Client, text("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
}

fn answer(body: &[u8]) -> (End, Vec<u8>) {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (Server, join(&[head.as_bytes(), body]))
}

fn coded(coding: &str, body: &[u8]) -> (End, Vec<u8>) {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (Server, join(&[head.as_bytes(), body]))
}

fn chunked(more: &str, chunks: &[&[u8]], end: &[u8]) -> (End, Vec<u8>) {
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{more}\r\n").into_bytes();
    for chunk in chunks {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend_from_slice(end);
    (Server, bytes)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    coder.write_all(bytes).unwrap();
    coder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    coder.write_all(bytes).unwrap();
    coder.finish().unwrap()
}

fn bare_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    coder.write_all(bytes).unwrap();
    coder.finish().unwrap()
}

/// Returns an uncompressed metablock, and an empty last one (RFC 7932 §9.2).
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - 1).unwrap();
    // WBITS 16 is one zero bit; ISLAST 0, MNIBBLES 4, MLEN, ISUNCOMPRESSED.
    let bits = u64::from(length) << 4 | 1 << 20;
    let mut stream = bits.to_le_bytes()[..3].to_vec();
    stream.extend_from_slice(bytes);
    stream.push(3);
    stream
}

/// Returns a frame of one raw block (RFC 8878 §3.1.1).
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend(length.to_le_bytes());
    frame.extend(&(length << 3 | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(bytes);
    frame
}

fn websocket(extensions: &str) -> Talk {
    let ask = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let switched = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extensions}\r\n"
    );
    vec![(Client, text(ask)), (Server, switched.into_bytes())]
}

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    if let Ok(length @ 0..126) = u8::try_from(payload.len()) {
        frame.push(masked | length);
    } else {
        frame.push(masked | 0x7e);
        frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    }
    let key = mask.unwrap_or_default();
    frame.extend(mask.iter().flatten());
    frame.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

const MASK: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

/// The required fate of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Refused,
    /// Kept or refused, depending on what could be read.
    Either,
}
use Fate::{Either, Kept, Refused};

/// Returns every place of every protocol, with these bytes in it, and the required fate of the capture.
#[expect(clippy::too_many_lines, reason = "a table")]
fn places(bytes: &[u8]) -> Vec<(&'static str, Talk, Fate)> {
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let line = |before: &str, behind: &str| join(&[before.as_bytes(), bytes, behind.as_bytes()]);
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    let with = |mut talk: Talk, more: Talk| {
        talk.extend(more);
        talk
    };
    let mut places: Vec<(&'static str, Talk, Fate)> = vec![
        ("body", vec![get(), answer(&line("a ", " b"))], Kept),
        ("body until close", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na ", "\n"))], Kept),
        ("body of a request", vec![(Client, join(&[format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", bytes.len()).as_bytes(), bytes])), answer(b"ok")], Kept),
        ("one chunk", vec![get(), chunked("", &[&line("a ", " b")], b"0\r\n\r\n")], Kept),
        ("two chunks", vec![get(), chunked("", &[&join(&[b"a ", half]), &join(&[rest, b" b"])], b"0\r\n\r\n")], Kept),
        ("chunks of a byte", vec![get(), chunked("", &bytes.chunks(1).collect::<Vec<_>>(), b"0\r\n\r\n")], Kept),
        ("behind a body", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "\r\n"))], Kept),
        ("events", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\ndata: ", "\n\n"))], Kept),
        ("events in chunks", vec![get(), chunked("Content-Type: text/event-stream\r\n", &[b"data: a\n\ndata: ", half, rest, b"\n\n"], b"0\r\n\r\n")], Kept),
        ("an event that does not end", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\ndata: ", ""))], Kept),
        ("no protocol", vec![(Client, line("\x01\x02 ", "\n")), (Server, text("hello\n"))], Kept),
        ("no protocol, two turns", vec![(Client, join(&[b"\x01\x02 ", half])), (Server, text("\x03")), (Client, join(&[rest, b"\n"]))], Kept),
        ("a masked frame", with(websocket(""), vec![(Client, frame(0x81, MASK, &line("a ", " b")))]), Kept),
        ("a frame", with(websocket(""), vec![(Server, frame(0x82, None, &line("a ", " b")))]), Kept),
        ("two frames", with(websocket(""), vec![(Client, join(&[&frame(1, MASK, half), &frame(0x80, Some([1, 2, 3, 4]), rest)]))]), Kept),
        ("two frames and a ping", with(websocket(""), vec![(Server, join(&[&frame(2, None, half), &frame(0x89, None, b"ping"), &frame(0x80, None, rest)]))]), Kept),
        ("gzip", vec![get(), coded("gzip", &gzip(&line("a ", " b")))], Refused),
        ("deflate", vec![get(), coded("deflate", &zlib(&line("a ", " b")))], Refused),
        ("bare deflate", vec![get(), coded("deflate", &bare_deflate(&line("a ", " b")))], Refused),
        ("brotli", vec![get(), coded("br", &brotli(&line("a ", " b")))], Refused),
        ("gzip in gzip", vec![get(), coded("gzip, gzip", &gzip(&gzip(bytes)))], Refused),
        ("gzip that is none", vec![get(), coded("gzip", &line("a ", " b"))], Refused),
        ("gzip that is cut", vec![get(), coded("gzip", &gzip(&line("a ", " b"))[..20])], Refused),
        ("behind gzip", vec![get(), coded("gzip", &join(&[&gzip(b"nothing"), bytes]))], Either),
        ("an unknown coding", vec![get(), coded("compress", &line("a ", " b"))], Refused),
        ("gzip in chunks", vec![get(), chunked("Content-Encoding: gzip\r\n", &[&gzip(bytes)], b"0\r\n\r\n")], Refused),
        ("gzip as transfer coding", vec![get(), (Server, join(&[format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{:x}\r\n", gzip(bytes).len()).as_bytes(), &gzip(bytes), b"\r\n0\r\n\r\n"]))], Refused),
        ("a gzip file", vec![get(), answer(&gzip(&line("a ", " b")))], Refused),
        ("gzipped events", vec![get(), (Server, join(&[b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n", &gzip(&line("data: ", "\n\n"))]))], Refused),
        ("zstd", vec![get(), coded("zstd", &zstd(&line("a ", " b")))], Refused),
        ("a deflated frame", with(websocket("Sec-WebSocket-Extensions: permessage-deflate\r\n"), vec![(Server, frame(0xc1, None, &deflated(bytes)))]), Refused),
        ("a frame that is cut", with(websocket(""), vec![(Client, { let mut cut = frame(0x81, MASK, &line("a ", " b and more")); cut.truncate(cut.len() - 3); cut })]), Refused),
        ("TLS", vec![(Client, join(&[&[22, 3, 1, 0, 200], &line("", "")])), (Server, text("x"))], Refused),
        ("HTTP/2", vec![(Client, join(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes]))], Refused),
    ];
    // What stands in a line of a head must be a text of one line.
    let is_line = bytes.iter().all(|byte| matches!(byte, 0x21..=0x7e));
    if is_line {
        places.extend([
            ("a target", vec![(Client, line("GET /?", "&x HTTP/1.1\r\nHost: h\r\n\r\n")), answer(b"ok")], Kept),
            ("a field", vec![(Client, line("GET / HTTP/1.1\r\nHost: h\r\nX-Key: ", "\r\n\r\n")), answer(b"ok")], Kept),
            ("a folded field", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nX: a\r\n ", "\r\nContent-Length: 2\r\n\r\nok"))], Kept),
            ("a field with a space before its colon", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nX : ", "\r\nContent-Length: 2\r\n\r\nok"))], Kept),
            ("a reason", vec![get(), (Server, line("HTTP/1.1 200 ", "\r\nContent-Length: 2\r\n\r\nok"))], Kept),
            ("an interim answer", vec![get(), (Server, line("HTTP/1.1 103 Early Hints\r\nLink: ", "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))], Kept),
            ("a chunk extension", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", "\r\nhello\r\n0\r\n\r\n"))], Kept),
            ("the last chunk's extension", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0;", "\r\n\r\n"))], Kept),
            ("a trailer", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: ", "\r\n\r\n"))], Kept),
            ("data of two lines", vec![get(), (Server, join(&[b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ", half, b"\ndata: ", rest, b"\n\n"]))], Kept),
            ("a comment of an event", vec![get(), (Server, line("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: ", "\ndata: x\n\n"))], Kept),
            ("a subprotocol", with(websocket(&format!("Sec-WebSocket-Protocol: {shown}\r\n")), vec![(Server, frame(0x81, None, b"hello"))]), Kept),
        ]);
    }
    // A method and a field's name must be tokens (RFC 9110 §5.6.2).
    let is_token = bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"%-_.+".contains(byte));
    if is_token {
        places.extend([
            (
                "a method",
                vec![
                    (Client, line("", " / HTTP/1.1\r\nHost: h\r\n\r\n")),
                    answer(b"ok"),
                ],
                Either,
            ),
            (
                "a field's name",
                vec![
                    (
                        Client,
                        line("GET / HTTP/1.1\r\nHost: h\r\nX-", ": 1\r\n\r\n"),
                    ),
                    answer(b"ok"),
                ],
                Kept,
            ),
        ]);
    }
    if bytes.len() <= 100 {
        places.push((
            "a close frame",
            with(
                websocket(""),
                vec![(Server, frame(0x88, None, &join(&[&[3, 0xe8], bytes])))],
            ),
            Kept,
        ));
        places.push((
            "a ping",
            with(websocket(""), vec![(Client, frame(0x89, MASK, bytes))]),
            Kept,
        ));
    }
    places
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::Compress::new(flate2::Compression::best(), false);
    let mut out = Vec::with_capacity(bytes.len() * 2 + 100);
    coder
        .compress_vec(bytes, &mut out, flate2::FlushCompress::Sync)
        .unwrap();
    out.truncate(out.len() - 4);
    out
}

// --- The forms that a secret is sent in ---

fn base64(bytes: &[u8], alphabet: &[u8; 64], pad: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let number = group
            .iter()
            .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for index in 0..4 {
            if index <= group.len() {
                out.push(alphabet[(number >> (18 - 6 * index) & 63) as usize]);
            } else if pad {
                out.push(b'=');
            }
        }
    }
    out
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn percent(bytes: &[u8]) -> Vec<u8> {
    let encode = |byte: &u8| format!("%{byte:02X}").into_bytes();
    bytes.iter().flat_map(encode).collect()
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    let encode = |byte: &u8| format!("{byte:02x}").into_bytes();
    bytes.iter().flat_map(encode).collect()
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    let encode = |byte: &u8| format!("\\u{byte:04x}").into_bytes();
    bytes.iter().flat_map(encode).collect()
}

fn entities(bytes: &[u8]) -> Vec<u8> {
    let encode = |byte: &u8| format!("&#{byte};").into_bytes();
    bytes.iter().flat_map(encode).collect()
}

fn utf16(bytes: &[u8], big_endian: bool) -> Vec<u8> {
    let encode = |byte: &u8| if big_endian { [0, *byte] } else { [*byte, 0] };
    bytes.iter().flat_map(encode).collect()
}

fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let (one, two) = bytes.split_at(bytes.len() / 2);
    join(&[
        &one.iter()
            .flat_map(|byte| format!("={byte:02X}").into_bytes())
            .collect::<Vec<_>>(),
        b"=\r\n",
        two,
    ])
}

/// Returns all forms of these bytes, by name.
fn forms(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let partly = |bytes: &[u8]| {
        let encode = |(index, byte): (usize, &u8)| match index % 3 {
            0 => format!("%{byte:02x}").into_bytes(),
            _ => vec![*byte],
        };
        bytes
            .iter()
            .enumerate()
            .flat_map(encode)
            .collect::<Vec<u8>>()
    };
    vec![
        ("plain", bytes.to_vec()),
        ("percent", percent(bytes)),
        ("partly percent", partly(bytes)),
        ("twice percent", percent(&percent(bytes))),
        ("JSON escapes", escaped(bytes)),
        ("entities", entities(bytes)),
        ("hexadecimal", hexadecimal(bytes)),
        ("HEXADECIMAL", hexadecimal(bytes).to_ascii_uppercase()),
        ("base64", base64(bytes, STANDARD, true)),
        (
            "base64 behind one byte",
            base64(&join(&[b"u", bytes]), STANDARD, true),
        ),
        (
            "base64 behind two bytes",
            base64(&join(&[b"u:", bytes]), STANDARD, true),
        ),
        (
            "base64 before more",
            base64(&join(&[bytes, b"\xff\xfe\xfd\xfc"]), STANDARD, false),
        ),
        ("base64url", base64(&join(&[b"?>", bytes]), URL, false)),
        (
            "base64 of JSON escapes",
            base64(&escaped(bytes), STANDARD, true),
        ),
        ("percent of base64", percent(&base64(bytes, STANDARD, true))),
        ("base64 of percent", base64(&percent(bytes), STANDARD, true)),
        (
            "JSON escapes of base64",
            escaped(&base64(bytes, STANDARD, true)),
        ),
        ("UTF-16LE", utf16(bytes, false)),
        ("UTF-16BE", utf16(bytes, true)),
        (
            "base64 of UTF-16LE",
            base64(&utf16(bytes, false), STANDARD, true),
        ),
        ("quoted-printable", quoted_printable(bytes)),
    ]
}

/// Searches for the secret in bytes, and returns the forms in which it is found. The placeholder must not disturb the
/// search.
fn found_in(bytes: &[u8]) -> Vec<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let mut found = Vec::new();
    for (name, form) in forms(SECRET.as_bytes()) {
        // The first and the last characters of base64 are also of what is around it.
        let form = if name.contains("base64") && form.len() > 12 {
            form[4..form.len() - 6].to_vec()
        } else {
            form
        };
        let form = form.to_ascii_lowercase();
        if memchr::memmem::find(&lower, &form).is_some() {
            found.push(name);
        }
    }
    found
}

/// Returns the forms in which the secret is found in a capture: in its bytes, or in its listings.
fn is_in(capture: &[u8]) -> Vec<&'static str> {
    let mut found = found_in(capture);
    for format in [Format::Json, Format::Text] {
        let request = Request {
            format,
            ..Request::default()
        };
        let input = Box::new(std::io::Cursor::new(capture.to_vec()));
        let listing = list(capture::read_from(input).unwrap(), request, Vec::new()).unwrap();
        found.extend(found_in(&listing.output));
    }
    found
}

/// Compares the fate of a capture with the required one.
fn judge(what: &str, capture: &[u8], fate: Fate, complaints: &mut String) {
    match overwritten(capture) {
        Ok(after) => {
            let found = is_in(&after);
            if !found.is_empty() {
                writeln!(complaints, "{what}: kept, with the secret as {found:?}").unwrap();
            }
            if after == capture {
                writeln!(complaints, "{what}: nothing was overwritten").unwrap();
            }
            if fate == Refused {
                writeln!(complaints, "{what}: kept").unwrap();
            }
        }
        Err(error) => {
            let names = [
                "request ",
                "response ",
                "event ",
                " C",
                " S",
                "packet ",
                "connection ",
            ];
            if !names.iter().any(|name| error.contains(name)) || !error.contains("\nhint: ") {
                writeln!(
                    complaints,
                    "{what}: does not say where, and what to do: {error}"
                )
                .unwrap();
            }
            if error.contains(&SECRET[4..28]) {
                writeln!(complaints, "{what}: the error tells the secret").unwrap();
            }
            if fate == Kept {
                writeln!(complaints, "{what}: {error}").unwrap();
            }
        }
    }
}

#[test]
fn a_secret_in_any_place_however_it_is_carried_is_overwritten_or_the_capture_is_refused() {
    let bytes = format!("secret={SECRET}").into_bytes();
    let mut complaints = String::new();
    for (place, talk, fate) in places(&bytes) {
        for carried in CARRIED {
            let cuts = cuts(&talk, SECRET.as_bytes());
            let capture = capture(&talk, carried, &cuts);
            // What is in copies that no receiver takes is of no stream that could be read.
            let is_contradicted = matches!(carried, Carried::Contradicted | Carried::Contradicting);
            let fate = if is_contradicted { Refused } else { fate };
            judge(
                &format!("{place}, {carried:?}"),
                &capture,
                fate,
                &mut complaints,
            );
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn a_secret_in_any_form_in_any_place_is_overwritten_or_the_capture_is_refused() {
    let bytes = format!("user=a&secret={SECRET}").into_bytes();
    let mut complaints = String::new();
    for (form, encoded) in forms(&bytes) {
        for (place, talk, fate) in places(&encoded) {
            let cuts = cuts(&talk, &encoded);
            for carried in [Carried::Whole, Carried::InTwo] {
                let capture = capture(&talk, carried, &cuts);
                judge(
                    &format!("{form} in {place}, {carried:?}"),
                    &capture,
                    fate,
                    &mut complaints,
                );
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

/// Returns a capture of these frames.
fn of_frames(frames: Vec<Vec<u8>>) -> Vec<u8> {
    pcap(ETHERNET, &paced(frames))
}

#[test]
fn a_secret_outside_of_any_stream_is_overwritten() {
    let bytes = format!("secret={SECRET}").into_bytes();
    let ends = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
    let datagram = |protocol| {
        ethernet(&ip(
            ends[0],
            ends[1],
            protocol,
            &join(&[&[0, 53, 0, 53, 0, 60, 0, 0], &bytes]),
        ))
    };
    let frame = |payload: &[u8]| ethernet(&Script::opened().data(Client, 0, payload).packets()[3]);
    let comment = {
        let mut file = Pcapng::new(Order::Little);
        file.interface(ETHERNET, 0, None, None);
        let packet = Packet::new(1_600_000_000_000_000_000, frame(b"hello"));
        file.enhanced(0, 1, &packet, Some(&format!("secret={SECRET}")));
        file.bytes
    };
    let mut complaints = String::new();
    for (what, capture) in [
        ("UDP", of_frames(vec![datagram(UDP)])),
        ("ICMP", of_frames(vec![datagram(1)])),
        ("another protocol", of_frames(vec![datagram(132)])),
        ("ARP", of_frames(vec![join(&[&[0; 12], &[8, 6], &bytes])])),
        (
            "the padding of a frame",
            of_frames(vec![join(&[&frame(b"hello"), &bytes])]),
        ),
        ("a comment", comment),
    ] {
        judge(what, &capture, Kept, &mut complaints);
    }
    assert!(complaints.is_empty(), "{complaints}");
}

/// Fragments of IP are put together to be read, and the result has no place in the file where it could be overwritten.
#[test]
fn a_secret_in_fragments_is_refused_and_the_cure_is_said() {
    let ends: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|end| end.parse().unwrap());
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\r\n{:8} secret={SECRET}",
        ""
    );
    let packets = Script::opened().data(Server, 0, text.as_bytes()).packets();
    // The segment of the script, without its IP header, in fragments that part the secret.
    let segment = &packets.last().unwrap()[20..];
    let all = Ipv4::new(ends[1], ends[0], 6).fragments(segment, &[0, 64, 88]);
    let (mut tried, mut held) = (0, 0);
    for (what, fragments) in [
        ("whole", &all[..]),
        ("without the first", &all[1..]),
        ("without the last", &all[..2]),
    ] {
        let frames = fragments
            .iter()
            .map(|fragment| ethernet(fragment))
            .collect();
        tried += 1;
        match overwritten(&of_frames(frames)) {
            Ok(after) => {
                assert_eq!(is_in(&after), [""; 0], "{what}");
                assert!(!found_in(&after).contains(&"clear"), "{what}");
            }
            Err(error) => {
                assert!(error.contains("the capture is not kept"), "{what}: {error}");
                assert!(error.contains("hint: "), "{what}: {error}");
                held += 1;
            }
        }
    }
    println!("tried {tried}, refused {held}");
    assert!(held > 0);
}

#[test]
fn a_secret_across_pieces_of_a_long_stream_is_overwritten() {
    let bytes = format!("secret={SECRET}").into_bytes();
    let mut complaints = String::new();
    for (what, length, tail) in [
        ("64 KiB", 64 << 10, 0),
        ("1 MiB", 1 << 20, 0),
        ("1 MiB and more", 1 << 20, 100_000),
    ] {
        let long = join(&[&vec![b'.'; length - 20], &bytes, &vec![b' '; tail], b"\n"]);
        let event = join(&[
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ",
            &long,
            b"\n\n",
        ]);
        for (place, talk) in [
            ("no protocol", vec![(Client, join(&[b"\x01", &long]))]),
            ("a body", vec![get(), answer(&long)]),
            (
                "chunks",
                vec![
                    get(),
                    chunked("", &long.chunks(5000).collect::<Vec<_>>(), b"0\r\n\r\n"),
                ],
            ),
            ("an event", vec![get(), (Server, event)]),
        ] {
            let mut script = Script::opened();
            let mut sent = [0_u32; 2];
            for (from, bytes) in &talk {
                for piece in bytes.chunks(30_000) {
                    script = script.data(*from, sent[*from as usize], piece);
                    sent[*from as usize] += u32::try_from(piece.len()).unwrap();
                }
                let peer = if *from == Client { Server } else { Client };
                script = script.ack(peer, sent[*from as usize]);
            }
            let packets = script.close().packets();
            let capture = of_frames(packets.iter().map(|packet| ethernet(packet)).collect());
            judge(
                &format!("{place} of {what}"),
                &capture,
                Kept,
                &mut complaints,
            );
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn a_value_that_a_rule_matched_once_is_overwritten_in_every_form() {
    let mut complaints = String::new();
    for (form, encoded) in forms(SECRET.as_bytes()) {
        for (place, talk, fate) in places(&encoded) {
            // In a request before, it stands as the rule has it.
            let mut told = vec![
                (
                    Client,
                    format!("GET /?secret={SECRET} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes(),
                ),
                answer(b"ok"),
            ];
            let is_http =
                matches!(talk.first(), Some((Client, bytes)) if bytes.starts_with(b"GET"));
            if !is_http {
                continue;
            }
            told.extend(talk);
            let cuts = cuts(&told, &encoded);
            judge(
                &format!("{form} in {place}"),
                &capture(&told, Carried::InTwo, &cuts),
                fate,
                &mut complaints,
            );
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}
