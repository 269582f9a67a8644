//! Attacks in HTTP: heads, bodies, codings, chunks, pipelines.

use std::io;

use super::Count;
use super::capture::{Capture, Connection};
use super::coded::{brotli_bomb, deflate_bomb, gzip, gzip_bomb, repeated, zlib_bomb, zstd_bomb};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br, deflate\r\n\r\n";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Returns a response with a coded body.
fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Writes one connection: a request, its response, the end.
fn exchange(capture: &mut Capture<'_>, request: &[u8], response: &[u8]) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    connection.client(capture, request)?;
    connection.server(capture, response)?;
    connection.close(capture)
}

pub fn gzip_1g(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    exchange(
        capture,
        GET,
        &coded("gzip", &gzip_bomb(b"\0", count.of(1024))),
    )
}

pub fn deflate_1g(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    exchange(capture, GET, &coded("deflate", &zlib_bomb(count.of(1024))))
}

pub fn bare_deflate_1g(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    exchange(
        capture,
        GET,
        &coded("deflate", &deflate_bomb(count.of(1024))),
    )
}

pub fn text_1g(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let line = repeated(b"A", 79);
    let body = gzip_bomb(&[&line[..], b"\n"].concat(), count.of(1024));
    exchange(capture, GET, &coded("gzip", &body))
}

pub fn gzip_twice_10g(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let body = gzip(&gzip_bomb(b"\0", count.of(10_240)));
    exchange(capture, GET, &coded("gzip, gzip", &body))
}

pub fn gzip_eight_times(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let twice = gzip(&gzip_bomb(b"\0", count.of(10_240)));
    let codings = ["gzip"; 8].join(", ");
    let body = (0..6).fold(twice, |body, _| gzip(&body));
    exchange(capture, GET, &coded(&codings, &body))
}

pub fn brotli_16g(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    exchange(capture, GET, &coded("br", &brotli_bomb(count.of(1000))))
}

/// Writes a quarter of a megabyte that decompresses to 200 GB.
pub fn brotli_200g(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    exchange(capture, GET, &coded("br", &brotli_bomb(count.of(12_700))))
}

pub fn zstd_16g(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    exchange(capture, GET, &coded("zstd", &zstd_bomb(count.of(16_384))))
}

pub fn zstd_unfinished(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    unfinished(capture, count.of(2000), "zstd", &zstd_bomb(16))
}

/// Writes one coding in the other, of each kind.
pub fn mixed_codings(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let body = gzip(&gzip(&brotli_bomb(count.of(1000))));
    exchange(capture, GET, &coded("br, gzip, gzip", &body))?;
    let body = stored_brotli(&gzip(&gzip_bomb(b"\0", count.of(10_240))));
    exchange(capture, GET, &coded("gzip, gzip, br", &body))
}

/// Returns bytes as uncompressed brotli: metablocks of 64 KiB (RFC 7932 §9.2).
fn stored_brotli(bytes: &[u8]) -> Vec<u8> {
    let mut coded = vec![];
    for (index, block) in bytes.chunks(1 << 16).enumerate() {
        // The first byte of a stream is WBITS, here a metablock of one bit; then ISLAST 0, MNIBBLES 4, MLEN - 1, and
        // ISUNCOMPRESSED 1, up to the next whole byte.
        let wbits_width = u32::from(index == 0);
        let length = u32::try_from(block.len() - 1).unwrap();
        let bits = (length << 3 | 1 << 19) << wbits_width;
        coded.extend_from_slice(&bits.to_le_bytes()[..3]);
        coded.extend_from_slice(block);
    }
    coded.push(3);
    coded
}

/// Writes answers one after the other, 64 MiB each.
pub fn gzip_in_a_row(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let response = coded("gzip", &gzip_bomb(b"\0", 64));
    let mut connection = Connection::open(0, capture)?;
    for _ in 0..count.of(300) {
        connection.client(capture, GET)?;
        connection.server(capture, &response)?;
    }
    connection.close(capture)
}

/// Writes so many connections with unfinished answers.
fn unfinished(
    capture: &mut Capture<'_>,
    connections: usize,
    coding: &str,
    body: &[u8],
) -> io::Result<()> {
    let mut response = coded(coding, body);
    response.truncate(response.len() - 4);
    for number in 0..connections {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.client(capture, GET)?;
        connection.server(capture, &response)?;
    }
    Ok(())
}

pub fn gzip_unfinished(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    unfinished(capture, count.of(1000), "gzip", &gzip_bomb(b"\0", 16))
}

pub fn brotli_unfinished(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    unfinished(capture, count.of(2000), "br", &brotli_bomb(1))
}

/// Writes answers that have only begun: the decoders take the memory.
pub fn decoders_of(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let random = super::noise(4000, 7);
    unfinished(capture, count.of(20_000), "gzip", &gzip(&random)[..200])?;
    let codings = ["gzip"; 8].join(", ");
    unfinished(capture, count.of(5_000), &codings, &gzip(&random)[..200])
}

pub fn bodies_unfinished(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let response = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        &super::noise(50_000, 3 + count.variant)[..],
    ]
    .concat();
    for number in 0..count.of(6000) {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.client(capture, GET)?;
        connection.server(capture, &response)?;
    }
    Ok(())
}

/// Writes requests with bodies of 16 MiB that wait behind an unfinished answer.
pub fn behind_an_open_answer(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let body = gzip_bomb(b"\0", 16);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [request.as_bytes(), &body].concat();
    let mut connection = Connection::open(0, capture)?;
    connection.client(capture, GET)?;
    connection.server(
        capture,
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx",
    )?;
    for _ in 0..count.of(600) {
        connection.client(capture, &request)?;
    }
    Ok(())
}

/// Writes requests with targets of the greatest length, never answered.
pub fn long_targets(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let target = repeated(b"a", 16_000);
    let request = [b"GET /", &target[..], b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    for number in 0..count.of(20) {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.client(capture, &request.repeat(500))?;
    }
    Ok(())
}

/// Writes heads that have begun, on as many connections.
pub fn open_heads(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let request = [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
        &repeated(b"a", 58_000)[..],
    ]
    .concat();
    for number in 0..count.of(3000) {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.client(capture, &request)?;
    }
    Ok(())
}

/// Writes half heads, on very many connections.
pub fn half_heads(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for number in 0..count.of(10_000) {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        let head = format!(
            "GET /{number} HTTP/1.1\r\nHost: a\r\nCookie: {}",
            "c=d; ".repeat(200)
        );
        connection.client(capture, head.as_bytes())?;
    }
    Ok(())
}

/// Writes an upgrade request, and the bytes that the client sends before the answer.
pub fn held_behind_upgrades(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let request = [super::websocket::REQUEST, &repeated(b"a", 250_000)[..]].concat();
    for number in 0..count.of(600) {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.client(capture, &request)?;
    }
    Ok(())
}

pub fn chunks_of_one_byte(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let chunks = b"1\r\nx\r\n".repeat(count.of(3_000_000));
    exchange(capture, GET, &[CHUNKED, &chunks, b"0\r\n\r\n"].concat())
}

pub fn chunk_extension(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let extension = repeated(b"x", count.of(5_000_000));
    let chunk = [CHUNKED, b"1;", &extension, b"\r\nhello\r\n0\r\n\r\n"].concat();
    exchange(capture, GET, &chunk)
}

pub fn trailers(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let trailers = b"X: y\r\n".repeat(count.of(1_000_000));
    exchange(
        capture,
        GET,
        &[CHUNKED, b"0\r\n", &trailers, b"\r\n"].concat(),
    )
}

pub fn fields(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for number in 0..count.of(1_000_000) {
        head.extend_from_slice(format!("X-{number}: y\r\n").as_bytes());
    }
    head.extend_from_slice(b"\r\nhello");
    exchange(capture, GET, &head)
}

pub fn field_line(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let value = repeated(b"a", count.of(100_000_000));
    let head = [b"HTTP/1.1 200 OK\r\nX: ", &value[..], b"\r\n\r\nhello"].concat();
    exchange(capture, GET, &head)
}

pub fn full_heads(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let head = [
        b"HTTP/1.1 200 OK\r\n",
        &b"a:\r\n".repeat(15_000)[..],
        b"Content-Length: 0\r\n\r\n",
    ]
    .concat();
    let mut connection = Connection::open(0, capture)?;
    for _ in 0..count.of(1000) {
        connection.client(capture, GET)?;
        connection.server(capture, &head)?;
    }
    connection.close(capture)
}

/// Writes all requests before the first answer.
pub fn pipelined(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let times = count.of(1_000_000);
    let requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(times);
    let responses = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".repeat(times);
    exchange(capture, &requests, &responses)
}

pub fn interim(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let responses = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(count.of(1_000_000));
    exchange(capture, GET, &responses)
}

/// Writes a body and a similar one, of lines that all vary.
pub fn varying_lines(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut body = Vec::new();
    let mut seed = 1 + count.variant;
    for _ in 0..count.of(400_000) {
        seed = super::next(seed);
        body.extend_from_slice(format!("<p id={seed}>same text</p>\n").as_bytes());
    }
    exchange(capture, GET, &coded("identity", &body))
}

/// Writes a body with very many texts that look like a credential.
pub fn credentials(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut body = Vec::new();
    for number in 0..count.of(500_000) {
        body.extend_from_slice(format!("&a{}_token=abcdefgh", number % 1000).as_bytes());
        body.extend_from_slice(b"&access_token=abcdef");
    }
    exchange(capture, GET, &coded("identity", &body))
}

/// Writes a line of 16 MiB with very many matches of a project's rule.
pub fn rules_line(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    exchange(
        capture,
        GET,
        &coded("identity", &repeated(b"id=1 ", count.of(16 << 20))),
    )
}

/// Writes lines on which the project's rules backtrack, or would.
pub fn rules_near_misses(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut body = repeated(b"a", count.of(16 << 20));
    body.extend_from_slice(b"b");
    exchange(capture, GET, &coded("identity", &body))
}
