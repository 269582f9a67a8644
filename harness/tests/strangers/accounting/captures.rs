//! Captures of every protocol, made by code, in which each payload byte must be accounted for.

use std::io::Write as _;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compress, Compression, FlushCompress};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::super::support::file::{ETHERNET, paced, pcap};
use super::super::support::network::ethernet;
use super::super::support::script::{Client, End, Script, Server};

/// A capture, and its name in messages of failed tests.
pub(super) struct Capture {
    pub(super) name: String,
    pub(super) file: Vec<u8>,
}

pub(super) fn capture(name: impl Into<String>, turns: &[(End, Vec<u8>)]) -> Capture {
    Capture {
        name: name.into(),
        file: file(turns),
    }
}

/// Returns a conversation on one connection, in segments of no more than 100 bytes.
pub(super) fn file(turns: &[(End, Vec<u8>)]) -> Vec<u8> {
    let mut script = Script::opened();
    let mut sent = [0_u32; 2];
    for (from, bytes) in turns {
        for segment in bytes.chunks(100) {
            let own = &mut sent[*from as usize];
            script = script.data(*from, *own, segment);
            *own += u32::try_from(segment.len()).unwrap();
        }
        let peer = if *from == Client { Server } else { Client };
        script = script.ack(peer, sent[*from as usize]);
    }
    let script = script.close();
    let frames = script.packets();
    pcap(
        ETHERNET,
        &paced(frames.iter().map(|packet| ethernet(packet))),
    )
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    let mut packed = encoder.finish().unwrap();
    // RFC 1952 §2.3.1: the time, as those write it who have one.
    packed[4..8].copy_from_slice(&[1, 2, 3, 4]);
    packed
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn bare(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Returns lines `line 0 of 0` and so on, compressed by Node's zlib.
pub(super) fn brotli() -> Vec<u8> {
    use base64::Engine as _;
    let text = "G88C+I3UY40d2KlBFMzewjbYvKAWlnLeHCi96khwuUAKu6wDH8KUotWaC58orNI0LF3xFY0hqcWqaz6QLFK1Wbj0BZVN\
                QtOKq/7N6wQ=";
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

/// Returns text in which nothing is volatile.
fn text() -> Vec<u8> {
    let line = |line| format!("line {line}: grün, \\ and \t\r\n");
    (0..12).map(line).collect::<String>().into_bytes()
}

/// Returns text with a clock time, a date and a port in it.
fn volatile_text() -> Vec<u8> {
    b"at 12:34:56 on Sun, 06 Jun 2021 from http://127.0.0.1:8000/ it was so\n".repeat(2)
}

fn binary() -> Vec<u8> {
    (0..=255).chain([7; 40]).collect()
}

pub(super) fn get(path: &str) -> (End, Vec<u8>) {
    (
        Client,
        format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(),
    )
}

pub(super) fn answer(fields: &str, body: &[u8]) -> (End, Vec<u8>) {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    (Server, [head.as_bytes(), body].concat())
}

/// The wrapping of a body.
#[derive(Clone, Copy, Debug)]
enum Wrapping {
    Length,
    Chunked,
    OddlyChunked,
    UntilClose,
}

fn wrap(wrapping: Wrapping, body: &[u8]) -> (String, Vec<u8>) {
    match wrapping {
        Wrapping::Length => (format!("Content-Length: {}\r\n", body.len()), body.to_vec()),
        Wrapping::UntilClose => ("Connection: close\r\n".to_owned(), body.to_vec()),
        Wrapping::Chunked => {
            let chunk = format!("{:x}\r\n", body.len());
            let end = &b"\r\n0\r\n\r\n"[..];
            let bytes = [chunk.as_bytes(), body, end].concat();
            ("Transfer-Encoding: chunked\r\n".to_owned(), bytes)
        }
        Wrapping::OddlyChunked => {
            let mut bytes = Vec::new();
            for (index, piece) in body.chunks(33).enumerate() {
                let line = match index % 4 {
                    0 => format!("{:X};name=value\r\n", piece.len()),
                    1 => format!("00{:x} ;a\r\n", piece.len()),
                    2 => format!("{:x}\n", piece.len()),
                    _ => format!("{:x}\r\n", piece.len()),
                };
                let end = if index % 3 == 1 { "\n" } else { "\r\n" };
                bytes.extend([line.as_bytes(), piece, end.as_bytes()].concat());
            }
            bytes.extend(b"000;last\r\nX-Sum: 1\r\nX-Other:  2 \r\n\r\n");
            ("Transfer-Encoding: chunked\r\n".to_owned(), bytes)
        }
    }
}

const WRAPPINGS: [Wrapping; 4] = [
    Wrapping::Length,
    Wrapping::Chunked,
    Wrapping::OddlyChunked,
    Wrapping::UntilClose,
];

/// Returns all captures.
pub(super) fn all() -> Vec<Capture> {
    let groups = [
        heads(),
        bodies(),
        broken_bodies(),
        events(),
        websockets(),
        raw(),
    ];
    groups.into_iter().flatten().collect()
}

fn heads() -> Vec<Capture> {
    let odd = "\r\nGET /a?b=1%20c HTTP/1.1\r\nHost:a\r\nX-Two:  b \t \r\nx-empty:\r\nX-Fold: one\r\n two\r\n\tthree\r\nX: 1\nX: 2\r\n\r\n";
    let dates = "Date: Sun, 06 Jun 2021 12:34:56 GMT\r\nServer: x/1.2\r\nSet-Cookie: a=b; Expires=12:00:01\r\nContent-Length: 0\r\n";
    let agent = "GET / HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/120.0\r\nsec-ch-ua: \"A\";v=\"1\"\r\nReferer: http://localhost:8000/x\r\n\r\n";
    let no_body = "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\nHTTP/1.0 204  \r\nA: b\r\n\r\n";
    vec![
        capture("a request, oddly written", &[(Client, odd.into())]),
        capture("an answer with dates", &[get("/"), answer(dates, b"")]),
        capture("a browser", &[(Client, agent.into())]),
        capture(
            "several answers without a body",
            &[get("/1"), get("/2"), (Server, no_body.into())],
        ),
        capture(
            "a request with a body",
            &[
                (
                    Client,
                    b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
                ),
                (Server, b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
                answer("Content-Length: 2\r\n", b"ok"),
            ],
        ),
        capture(
            "the answer to a HEAD",
            &[
                (Client, b"HEAD /a HTTP/1.1\r\n\r\n".to_vec()),
                answer("Content-Length: 50\r\n", b""),
            ],
        ),
    ]
}

fn bodies() -> Vec<Capture> {
    let mut captures = Vec::new();
    for wrapping in WRAPPINGS {
        let contents = [
            ("text", text()),
            ("volatile text", volatile_text()),
            ("bytes", binary()),
        ];
        for (what, content) in contents {
            let coded = [
                ("", content.clone()),
                ("gzip", gzip(&content)),
                ("deflate", zlib(&content)),
                ("deflate, gzip", gzip(&bare(&content))),
                ("zstd", zstd(&content)),
            ];
            for (coding, body) in coded {
                captures.push(body_of(
                    &format!("{what}, {wrapping:?}"),
                    coding,
                    wrapping,
                    &body,
                ));
            }
        }
        captures.push(body_of(
            &format!("lines, {wrapping:?}"),
            "br",
            wrapping,
            &brotli(),
        ));
        captures.push(body_of(
            &format!("bare deflate, {wrapping:?}"),
            "deflate",
            wrapping,
            &bare(&text()),
        ));
    }
    captures
}

fn body_of(what: &str, coding: &str, wrapping: Wrapping, body: &[u8]) -> Capture {
    let (mut fields, body) = wrap(wrapping, body);
    if !coding.is_empty() {
        fields = format!("{fields}Content-Encoding: {coding}\r\n");
    }
    let name = format!("a body: {what}, coded as {coding:?}");
    capture(name, &[get("/"), answer(&fields, &body)])
}

fn broken_bodies() -> Vec<Capture> {
    let good = gzip(&text());
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xff);
    let two = [good.clone(), good.clone()].concat();
    let cases = [
        ("mislabelled", "gzip", b"this is no gzip at all\n".to_vec()),
        ("mislabelled bytes", "gzip", binary()),
        ("mislabelled", "deflate", b"\xff\xff\xff nothing\n".to_vec()),
        ("mislabelled", "br", b"hello, this is no br\n".to_vec()),
        ("mislabelled", "zstd", b"hello, this is no zstd\n".to_vec()),
        ("of an unknown coding", "x-packed", binary()),
        ("damaged", "gzip", damaged),
        ("cut off", "gzip", good[..good.len() - 9].to_vec()),
        ("cut off", "zstd", zstd(&text())[..30].to_vec()),
        (
            "with bytes behind it",
            "gzip",
            [&good[..], b"\0junk"].concat(),
        ),
        (
            "with bytes behind it",
            "deflate",
            [&zlib(&text())[..], b"junk"].concat(),
        ),
        (
            "with bytes behind it",
            "br",
            [&brotli()[..], b"junk"].concat(),
        ),
        (
            "with bytes behind it",
            "zstd",
            [&zstd(&text())[..], b"junk"].concat(),
        ),
        (
            "with bytes behind the inner",
            "gzip, gzip",
            gzip(&[&good[..], b"junk"].concat()),
        ),
        ("in two members", "gzip", two),
    ];
    let mut captures = Vec::new();
    for (what, coding, body) in cases {
        for wrapping in [Wrapping::Length, Wrapping::OddlyChunked] {
            captures.push(body_of(
                &format!("{what}, {wrapping:?}"),
                coding,
                wrapping,
                &body,
            ));
        }
    }
    let cut = "Transfer-Encoding: chunked\r\n";
    captures.push(capture(
        "a chunked body without end",
        &[get("/"), answer(cut, b"5\r\nhello\r\n5\r\nhel")],
    ));
    captures.push(capture(
        "a broken chunk",
        &[
            get("/"),
            answer(cut, b"5\r\nhello\r\nzz\r\nworld\r\n0\r\n\r\n"),
        ],
    ));
    captures
}

fn events() -> Vec<Capture> {
    let plain = b": hello\r\nevent: tick\ndata: 1\ndata: two\n\nid: 7\r\rretry: 10\ndata: at 12:34:56\n\nunknown: x\n\ndata: cut".to_vec();
    let all = b"data: 1\n\ndata: 2\n\nevent: x\ndata: 3\n\n".to_vec();
    let stream = "Content-Type: text/event-stream\r\n";
    let fields = |more: &str| format!("{stream}{more}");
    let coded = |coding: &str, body: Vec<u8>| {
        let fields = fields(&format!("Content-Encoding: {coding}\r\n"));
        capture(
            format!("events coded as {coding}"),
            &[get("/"), answer(&fields, &body)],
        )
    };
    let chunked = |name: &str, more: &str, body: &[u8]| {
        let fields = fields(&format!("Transfer-Encoding: chunked\r\n{more}"));
        capture(name, &[get("/"), answer(&fields, body)])
    };
    let (_, odd) = wrap(Wrapping::OddlyChunked, &plain);
    let (_, odd_gzip) = wrap(Wrapping::OddlyChunked, &gzip(&all));
    vec![
        capture("events", &[get("/"), answer(&fields(""), &plain)]),
        chunked(
            "events, each in a chunk",
            "",
            b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n",
        ),
        chunked("events, oddly chunked", "", &odd),
        chunked(
            "events, coded and chunked",
            "Content-Encoding: gzip\r\n",
            &odd_gzip,
        ),
        coded("gzip", gzip(&all)),
        coded("gzip", gzip(&plain)),
        coded("zstd", zstd(&all)),
        coded("gzip", [&gzip(&all)[..], b"junk"].concat()),
        coded("br", b"no br, and no events\n".to_vec()),
        coded("x-packed", all),
    ]
}

/// The frames of one side.
pub(super) struct Frames {
    pub(super) bytes: Vec<u8>,
    mask: Option<[u8; 4]>,
    compress: Compress,
}

impl Frames {
    pub(super) fn new(from: End) -> Self {
        Self {
            bytes: Vec::new(),
            mask: (from == Client).then_some([0x36, 0x0d, 0x29, 0x16]),
            compress: Compress::new(Compression::default(), false),
        }
    }

    /// Adds a frame with this first byte.
    pub(super) fn frame(mut self, first: u8, payload: &[u8]) -> Self {
        let masked = u8::from(self.mask.is_some()) << 7;
        self.bytes.push(first);
        match u16::try_from(payload.len()).unwrap() {
            length @ 0..126 => self.bytes.push(masked | length.to_be_bytes()[1]),
            length => {
                self.bytes.push(masked | 0x7e);
                self.bytes.extend(length.to_be_bytes());
            }
        }
        let mask = self.mask.unwrap_or_default();
        self.bytes.extend(self.mask.iter().flatten());
        let payload = payload.iter().zip(mask.iter().cycle());
        self.bytes.extend(payload.map(|(byte, key)| byte ^ key));
        self
    }

    /// Adds a compressed text (RFC 7692 §7.2.1), in so many frames.
    pub(super) fn compressed(mut self, text: &[u8], has_context: bool, frames: usize) -> Self {
        let mut packed = Vec::with_capacity(1000 + text.len());
        if !has_context {
            self.compress.reset();
        }
        let flush = FlushCompress::Sync;
        self.compress
            .compress_vec(text, &mut packed, flush)
            .unwrap();
        packed.truncate(packed.len() - 4);
        let pieces: Vec<&[u8]> = packed.chunks(packed.len().div_ceil(frames)).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let first = if index == 0 { 0x41 } else { 0 };
            let fin = u8::from(index + 1 == pieces.len()) << 7;
            self = self.frame(first | fin, piece);
        }
        self
    }
}

/// Returns a valid handshake with these extensions.
pub(super) fn handshake(extensions: &str) -> [(End, Vec<u8>); 2] {
    let ask = "GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==\r\n\r\n";
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{extensions}Sec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\n\r\n"
    );
    [(Client, ask.into()), (Server, answer.into_bytes())]
}

fn websockets() -> Vec<Capture> {
    let mut captures = Vec::new();
    let plain = |from| {
        let frames = Frames::new(from);
        let frames = frames
            .frame(0x81, b"hello")
            .frame(0x01, b"in ")
            .frame(0x89, b"ping");
        let frames = frames
            .frame(0, b"frag")
            .frame(0x80, b"ments")
            .frame(0x8a, b"");
        let frames = frames.frame(0x82, &[7; 200]).frame(0x81, b"at 12:34:56");
        frames.frame(0x88, b"\x03\xe9bye").bytes
    };
    let mut turns = handshake("").to_vec();
    turns.extend([(Client, plain(Client)), (Server, plain(Server))]);
    captures.push(capture("WebSocket", &turns));
    for (name, extension, has_context) in [
        ("with context", "permessage-deflate", true),
        (
            "without context",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            false,
        ),
        (
            "with a small window",
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10",
            true,
        ),
    ] {
        let frames = |from| {
            let frames = Frames::new(from);
            let frames = frames.compressed(b"hello, hello, hello", has_context, 1);
            let frames = frames.frame(0x81, b"not compressed");
            let frames = frames.compressed(b"hello again, in three frames", has_context, 3);
            let frames = frames.frame(0x89, b"ping");
            let frames = frames.compressed(b"hello at 12:34:56", has_context, 1);
            frames.compressed(b"hello after it", has_context, 1).bytes
        };
        let extension = format!("Sec-WebSocket-Extensions: {extension}\r\n");
        let mut turns = handshake(&extension).to_vec();
        turns.extend([(Client, frames(Client)), (Server, frames(Server))]);
        captures.push(capture(format!("compressed WebSocket, {name}"), &turns));
    }
    let broken = Frames::new(Server).compressed(b"hello, hello", true, 1);
    let broken = broken
        .frame(0xc1, b"\xff\xff\xff")
        .compressed(b"hello, hello", true, 1);
    let mut turns = handshake("Sec-WebSocket-Extensions: permessage-deflate\r\n").to_vec();
    turns.push((Server, broken.bytes));
    captures.push(capture("compressed WebSocket, damaged", &turns));
    captures
}

fn raw() -> Vec<Capture> {
    let mut tunnel = vec![
        (Client, b"CONNECT h:443 HTTP/1.1\r\n\r\n".to_vec()),
        (Server, b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
    ];
    tunnel.extend([(Client, binary()), (Server, binary())]);
    let upgraded = vec![
        (
            Client,
            b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n".to_vec(),
        ),
        (
            Server,
            b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n".to_vec(),
        ),
        (Server, b"welcome\n".to_vec()),
        (Client, b"thanks\n".to_vec()),
    ];
    vec![
        capture(
            "turns of text",
            &[
                (Server, b"220 ready at 12:34:56\r\n".to_vec()),
                (Client, b"time\n".to_vec()),
                (Server, b"it is 12:34:57\n".to_vec()),
                (Client, b"bye".to_vec()),
            ],
        ),
        capture("turns of bytes", &[(Client, binary()), (Server, binary())]),
        capture("a tunnel", &tunnel),
        capture("another protocol after an upgrade", &upgraded),
    ]
}
