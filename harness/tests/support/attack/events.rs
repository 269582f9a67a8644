//! Attacks in server-sent events.

use std::io;

use super::Count;
use super::capture::{Capture, Connection};
use super::coded::{gzip_bomb, repeated};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const GZIP: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n";

fn stream(capture: &mut Capture<'_>, head: &[u8], events: &[u8]) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    connection.client(capture, GET)?;
    connection.server(capture, &[head, events].concat())?;
    connection.close(capture)
}

pub fn gzip_events(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(
        capture,
        GZIP,
        &gzip_bomb(b"data: xxxxxxxx\n\n", count.of(1024)),
    )
}

pub fn gzip_line_ends(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(capture, GZIP, &gzip_bomb(b"\n", count.of(1024)))
}

pub fn gzip_16_line_ends(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(capture, GZIP, &gzip_bomb(b"\n", count.of(16)))
}

pub fn gzip_data_lines(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(capture, GZIP, &gzip_bomb(b"data\n\n", count.of(16)))
}

pub fn gzip_comments(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(capture, GZIP, &gzip_bomb(b":\n", count.of(16)))
}

pub fn line_ends(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(capture, PLAIN, &repeated(b"\n", count.of(4_000_000)))
}

pub fn comments(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(capture, PLAIN, &repeated(b":\n", count.of(8_000_000)))
}

pub fn events(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(capture, PLAIN, &b"data: x\n\n".repeat(count.of(1_000_000)))
}

pub fn endless_event(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    stream(capture, PLAIN, &b"data: x\n".repeat(count.of(6_000_000)))
}

pub fn endless_line(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let line = repeated(b"x", count.of(50_000_000));
    stream(capture, PLAIN, &[b"data: ", &line[..]].concat())
}

/// Writes events that have begun, on very many connections.
pub fn open_events(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let line = [PLAIN, b"data: ", &repeated(b"x", 50_000)[..]].concat();
    for number in 0..count.of(3000) {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.client(capture, GET)?;
        connection.server(capture, &line)?;
    }
    Ok(())
}

/// Writes events that each have another number, which `learn` has to tell.
pub fn varying_events(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut events = Vec::new();
    let mut seed = 1 + count.variant;
    for _ in 0..count.of(200_000) {
        seed = super::next(seed);
        events.extend_from_slice(format!("data: {seed}\n\n").as_bytes());
    }
    stream(capture, PLAIN, &events)
}
