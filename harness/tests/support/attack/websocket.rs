//! Attacks in WebSocket: inflated messages, fragments, very many frames.

use std::io;

use super::Count;
use super::capture::{Capture, Connection};
use super::coded::{message, repeated};

pub const REQUEST: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const DEFLATE: &str = "permessage-deflate";

/// The bits FIN and RSV1: the last frame of a message, and a compressed one (RFC 7692 §6).
const FIN: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const TEXT: u8 = 1;

/// Returns a frame of a server (RFC 6455 §5.2).
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(u8::try_from(length).unwrap()),
        length @ ..65_536 => {
            frame.push(126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// Writes so many connections on which the server sends the same.
fn connections(
    capture: &mut Capture<'_>,
    number: usize,
    extensions: &str,
    frames: &[u8],
    closes: bool,
) -> io::Result<()> {
    let extensions = match extensions {
        "" => String::new(),
        extensions => format!("Sec-WebSocket-Extensions: {extensions}\r\n"),
    };
    let response = format!("{RESPONSE}{extensions}\r\n");
    for number in 0..number {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.client(capture, REQUEST)?;
        connection.server(capture, response.as_bytes())?;
        connection.server(capture, frames)?;
        if closes {
            connection.close(capture)?;
        }
    }
    Ok(())
}

fn zeros(mebibytes: usize) -> Vec<u8> {
    message(&repeated(b"\0", mebibytes << 20))
}

pub fn messages_open(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let begun = frame(COMPRESSED | TEXT, &zeros(16));
    connections(capture, count.of(2000), DEFLATE, &begun, false)
}

pub fn messages_whole(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let whole = frame(FIN | COMPRESSED | TEXT, &zeros(16));
    connections(capture, count.of(2000), DEFLATE, &whole, true)
}

pub fn frames_cut(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut cut = frame(FIN | COMPRESSED | TEXT, &zeros(16));
    cut.pop();
    connections(capture, count.of(2000), DEFLATE, &cut, false)
}

pub fn one_gibibyte(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let bomb = frame(FIN | COMPRESSED | TEXT, &zeros(count.of(1024)));
    connections(capture, 1, DEFLATE, &bomb.repeat(4), true)
}

pub fn narrow_window(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let bomb = frame(FIN | COMPRESSED | TEXT, &zeros(count.of(1024)));
    let extension = "permessage-deflate; server_max_window_bits=8";
    connections(capture, 1, extension, &bomb, true)
}

pub fn mebibytes_in_a_row(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let frames = frame(FIN | COMPRESSED | TEXT, &zeros(1)).repeat(count.of(10_000));
    connections(capture, 1, DEFLATE, &frames, true)
}

/// Writes connections that only agreed on compression and sent one word: the inflaters take the memory.
pub fn inflaters(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let word = frame(FIN | COMPRESSED | TEXT, &message(b"hello"));
    connections(capture, count.of(50_000), DEFLATE, &word, false)
}

pub fn empty_frames(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let frames = frame(FIN | TEXT, b"").repeat(count.of(1_000_000));
    connections(capture, 1, "", &frames, true)
}

pub fn fragments(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let frames = frame(0, b"x").repeat(count.of(1_000_000));
    let frames = [frame(TEXT, b"x"), frames].concat();
    connections(capture, 1, "", &frames, true)
}

pub fn fragments_and_pings(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let frames = [frame(TEXT, b"x"), frame(FIN | 9, b"x")].concat();
    connections(capture, 1, "", &frames.repeat(count.of(200_000)), true)
}

pub fn fragments_open(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let begun = frame(TEXT, &repeated(b"x", 50_000));
    connections(capture, count.of(3000), "", &begun, false)
}

pub fn small_messages(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let frames = frame(FIN | COMPRESSED | TEXT, &message(b"a")).repeat(count.of(500_000));
    connections(capture, 1, DEFLATE, &frames, true)
}

/// Writes messages with deflate streams of two bytes each, which need a window to begin.
pub fn many_streams(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let payload = b"\x03\0".repeat(60);
    let frames = frame(FIN | COMPRESSED | TEXT, &payload).repeat(count.of(40_000));
    connections(capture, 1, DEFLATE, &frames, true)
}

pub fn stored_blocks(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let payload = b"\0\0\0\xff\xff".repeat(count.of(2_000_000));
    let frames = frame(FIN | COMPRESSED | TEXT, &payload);
    connections(capture, 1, DEFLATE, &frames, true)
}

pub fn fixed_blocks_narrow(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    // RFC 1951 §3.2.6: blocks of the fixed code that hold nothing but their end, ten bits each.
    let payload = b"\x02\x08\x20\x80\x00".repeat(count.of(1_000_000));
    let frames = frame(FIN | COMPRESSED | TEXT, &payload);
    let extension = "permessage-deflate; server_max_window_bits=8";
    connections(capture, 1, extension, &frames, true)
}
