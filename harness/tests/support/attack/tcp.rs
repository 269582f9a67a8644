//! Attacks in TCP and below.

use std::io;

use super::super::network::{ACK, FIN, Ipv4, RST, SYN, TCP, UDP, ethernet, ip, ipv6, udp, vxlan};
use super::capture::{Capture, Connection};
use super::{Count, next};

pub fn syn_flood(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for number in 0..count.of(1_500_000) {
        let mut connection = Connection::unopened(u32::try_from(number).unwrap());
        connection.send(capture, 0, SYN, b"")?;
    }
    Ok(())
}

/// Writes connections that send a request and stay open.
pub fn open_requests(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for number in 0..count.of(300_000) {
        let mut connection = Connection::unopened(u32::try_from(number).unwrap());
        connection.send(capture, 0, SYN, b"")?;
        let request = format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
        connection.client(capture, request.as_bytes())?;
    }
    Ok(())
}

pub fn open_words(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for number in 0..count.of(200_000) {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.client(capture, b"\x01hello")?;
        connection.server(capture, b"\x02world")?;
    }
    Ok(())
}

pub fn same_ports(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for number in 0..count.of(100_000) {
        let mut connection = Connection::unopened(0);
        let initial = u32::try_from(number).unwrap().wrapping_mul(1000);
        connection.next = [initial, 5000];
        connection.send(capture, 0, SYN, b"")?;
        connection.send(capture, 1, SYN | ACK, b"")?;
        connection.client(capture, b"x")?;
        connection.close(capture)?;
    }
    Ok(())
}

/// Writes a stream of which every other byte is missing.
pub fn holes(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    for _ in 0..count.of(300_000) {
        connection.send(capture, 0, ACK, b"x")?;
        connection.next[0] = connection.next[0].wrapping_add(1);
    }
    Ok(())
}

pub fn same_segment(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    for _ in 0..count.of(200_000) {
        let before = connection.next[0];
        connection.send(capture, 0, ACK, &[b'y'; 100])?;
        connection.next[0] = before;
    }
    Ok(())
}

pub fn overlapping_segments(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    let (start, mut seed) = (connection.next[0], 1 + count.variant);
    for _ in 0..count.of(200_000) {
        seed = next(seed);
        connection.next[0] = start.wrapping_add(seed % 250_000);
        let [length, byte, ..] = seed.to_le_bytes();
        connection.send(capture, 0, ACK, &vec![byte; usize::from(length % 49) + 1])?;
    }
    Ok(())
}

pub fn backwards(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    let start = connection.next[0];
    for place in (1..=count.of(200_000)).rev() {
        connection.next[0] = start.wrapping_add(u32::try_from(place).unwrap());
        connection.send(capture, 0, ACK, b"z")?;
    }
    Ok(())
}

/// Writes a stream that waits as a whole behind a hole.
pub fn waiting(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for number in 0..count.of(1000) {
        let mut connection = Connection::open(u32::try_from(number).unwrap(), capture)?;
        connection.next[0] = connection.next[0].wrapping_add(1);
        connection.client(capture, &vec![b'a'; 240_000])?;
    }
    Ok(())
}

pub fn repeated_syn(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    for _ in 0..count.of(300_000) {
        connection.send(capture, 0, SYN, b"")?;
    }
    Ok(())
}

pub fn fin_and_reset(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    for number in 0..count.of(200_000) {
        let flags = if number % 3 == 0 { RST } else { FIN | ACK };
        connection.send(capture, number % 2, flags, b"")?;
    }
    Ok(())
}

/// Writes segments of one byte, and the acknowledgement of each.
pub fn one_byte_segments(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    connection.client(
        capture,
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
    )?;
    for _ in 0..count.of(500_000) {
        connection.client(capture, b"x")?;
        connection.send(capture, 1, ACK, b"")?;
    }
    Ok(())
}

/// Writes the same spread over many connections, so that the data kept of each adds up.
pub fn one_byte_segments_spread(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let number = count.of(2000);
    let mut connections = (0..number)
        .map(|number| Connection::open(u32::try_from(number).unwrap(), capture))
        .collect::<io::Result<Vec<_>>>()?;
    for connection in &mut connections {
        connection.client(
            capture,
            b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        )?;
    }
    for _ in 0..300 {
        for connection in &mut connections {
            connection.client(capture, b"x")?;
            connection.send(capture, 1, ACK, b"")?;
        }
    }
    Ok(())
}

/// Writes packets without bytes whose lengths are all different, according to nothing but the header of a record.
pub fn different_lengths(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let frame = ethernet(&ip(
        "10.0.0.1".parse().unwrap(),
        "10.0.0.2".parse().unwrap(),
        UDP,
        &[0; 8],
    ));
    let mut seed = 1 + count.variant;
    for _ in 0..count.of(500_000) {
        seed = next(seed);
        capture.cut_frame(&frame, seed)?;
    }
    Ok(())
}

/// Writes the same in TCP: pure acknowledgements that all cost something else.
pub fn different_costs(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    connection.client(capture, b"x")?;
    let mut segment = super::super::network::Tcp {
        source: "10.0.0.1:10000".parse().unwrap(),
        destination: "127.0.0.1:8000".parse().unwrap(),
        sequence: connection.next[0],
        acknowledgement: connection.next[1],
        flags: ACK,
        window: 100,
        options: Vec::new(),
        payload: Vec::new(),
    };
    let mut seed = 1 + count.variant;
    for number in 0..count.of(500_000) {
        seed = next(seed);
        segment.window = u16::try_from(number % 50_000).unwrap();
        let frame = ethernet(&segment.in_ip());
        capture.cut_frame(&frame, seed.max(100))?;
    }
    Ok(())
}

pub fn empty_packets(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for _ in 0..count.of(8_000_000) {
        capture.cut_frame(b"", 0)?;
    }
    Ok(())
}

/// Writes bursts with long pauses, so that each is a separate update.
pub fn pauses(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    for _ in 0..count.of(1_000_000) {
        capture.pause(1_500_000);
        connection.client(capture, b"x")?;
    }
    Ok(())
}

pub fn first_fragments(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for number in 0..count.of(500_000) {
        let number = u32::try_from(number).unwrap();
        let header = Ipv4 {
            identification: u16::try_from(number & 0xffff).unwrap(),
            more_fragments: true,
            ..Ipv4::new(
                std::net::Ipv4Addr::from_bits(0x0a00_0000 + (number >> 16)).into(),
                "127.0.0.1".parse().unwrap(),
                TCP,
            )
        };
        capture.frame(&ethernet(&header.bytes(b"xxxxxxxx")))?;
    }
    Ok(())
}

/// Writes fragments of the same datagram, over each other or the last one first.
fn fragments_of(
    capture: &mut Capture<'_>,
    identification: u16,
    offsets: impl Iterator<Item = usize>,
) -> io::Result<()> {
    let ends = ["10.0.0.1", "10.0.0.2"].map(|end| end.parse().unwrap());
    for offset in offsets {
        let header = Ipv4 {
            identification,
            fragment_offset: offset * 8,
            more_fragments: offset != 8100,
            ..Ipv4::new(ends[0], ends[1], TCP)
        };
        capture.frame(&ethernet(&header.bytes(b"xxxxxxxx")))?;
    }
    Ok(())
}

pub fn overlapping_fragments(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    fragments_of(capture, 7, (0..count.of(500_000)).map(|place| place % 8000))
}

pub fn fragments_backwards(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for datagram in 0..count.of(60) {
        let identification = u16::try_from(datagram).unwrap();
        fragments_of(capture, identification, (0..=8100).rev())?;
    }
    Ok(())
}

pub fn ipv6_fragments(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let ends = ["::1", "::2"].map(|end| end.parse().unwrap());
    for number in 0..count.of(300_000) {
        let mut payload = vec![TCP, 0, 0, 1];
        payload.extend(u32::try_from(number).unwrap().to_be_bytes());
        payload.extend([b'x'; 8]);
        let packet = ipv6(ends[0], ends[1], 44, &payload);
        capture.frame(&[&[0; 12], &[0x86, 0xdd][..], &packet].concat())?;
    }
    Ok(())
}

pub fn ipv6_chains(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let ends = ["::1", "::2"].map(|end| end.parse().unwrap());
    // Each of these headers says that another one of its kind (60, destination options) follows.
    let chain = [60, 0, 0, 0, 0, 0, 0, 0].repeat(8000);
    let packet = ipv6(ends[0], ends[1], 60, &chain);
    let frame = [&[0; 12], &[0x86, 0xdd][..], &packet].concat();
    for _ in 0..count.of(1000) {
        capture.frame(&frame)?;
    }
    Ok(())
}

pub fn nested_tunnels(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let ends: [std::net::IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|end| end.parse().unwrap());
    let packet = (0..3000).fold(b"x".to_vec(), |packet, _| ip(ends[0], ends[1], 4, &packet));
    let frame = ethernet(&packet);
    for _ in 0..count.of(1000) {
        capture.frame(&frame)?;
    }
    Ok(())
}

/// Writes segments that each begin before the one before, and reach into it.
pub fn overlaps_backwards(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    let start = connection.next[0];
    let payload = super::noise(1400, 5 + count.variant);
    for place in (1..=count.of(100_000)).rev() {
        let offset = u32::try_from(place).unwrap() * 700 % 4_000_000;
        connection.next[0] = start.wrapping_add(offset + 1);
        connection.send(capture, 0, ACK, &payload)?;
    }
    Ok(())
}

/// Writes segments without a SYN, of very many connections: the client is not known yet.
pub fn doubtful(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    for number in 0..count.of(500_000) {
        let mut connection = Connection::unopened(u32::try_from(number).unwrap());
        connection.send(capture, 0, ACK, b"x")?;
    }
    Ok(())
}

/// Writes a connection that closes and opens again and again.
pub fn reopened(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let mut connection = Connection::open(0, capture)?;
    connection.close(capture)?;
    for _ in 0..count.of(300_000) {
        connection.send(capture, 0, ACK, b"x")?;
        connection.send(capture, 0, FIN | ACK, b"")?;
        connection.send(capture, 1, FIN | ACK, b"")?;
    }
    Ok(())
}

pub fn nested_vxlan(capture: &mut Capture<'_>, count: Count) -> io::Result<()> {
    let ends: [std::net::IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|end| end.parse().unwrap());
    let inner = ethernet(&ip(ends[0], ends[1], TCP, b"x"));
    let frame = (0..1000).fold(inner, |frame, _| {
        ethernet(&ip(
            ends[0],
            ends[1],
            UDP,
            &udp(50_000, 4789, &vxlan(&frame)),
        ))
    });
    for _ in 0..count.of(1000) {
        capture.frame(&frame)?;
    }
    Ok(())
}
