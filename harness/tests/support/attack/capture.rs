//! Writes capture files as they are made, because an attack may be a gigabyte.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::super::network::{ACK, FIN, PSH, SYN, Tcp, ethernet};

/// The bytes of a segment: nearly as many as an IP packet takes, so that the same attack needs fewer packets.
const SEGMENT_BYTES: usize = 60_000;

const SERVER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8000));

/// A pcap file that is being written.
pub struct Capture<'a> {
    output: &'a mut dyn Write,
    microseconds: u64,
    /// The number of bytes written.
    pub bytes: u64,
}

impl<'a> Capture<'a> {
    /// Writes the file's header; each variant begins at another time.
    pub fn new(output: &'a mut dyn Write, variant: u32) -> io::Result<Self> {
        for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1] {
            output.write_all(&u32::to_le_bytes(field))?;
        }
        Ok(Self {
            output,
            microseconds: 1_700_000_000_000_000 + u64::from(variant) * 1000,
            bytes: 24,
        })
    }

    /// Writes a frame, 100 µs after the one before.
    pub fn frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.cut_frame(bytes, length)
    }

    /// Writes a frame of which only `bytes` were captured.
    pub fn cut_frame(&mut self, bytes: &[u8], original_length: u32) -> io::Result<()> {
        self.microseconds += 100;
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let [seconds, rest] = [self.microseconds / 1_000_000, self.microseconds % 1_000_000]
            .map(|part| u32::try_from(part).unwrap_or(u32::MAX));
        for field in [seconds, rest, length, original_length] {
            self.output.write_all(&field.to_le_bytes())?;
        }
        self.output.write_all(bytes)?;
        self.bytes += 16 + bytes.len() as u64;
        Ok(())
    }

    /// Lets time pass without a packet.
    pub fn pause(&mut self, microseconds: u64) {
        self.microseconds += microseconds;
    }
}

/// A connection that is being written.
pub struct Connection {
    ends: [SocketAddr; 2],
    pub next: [u32; 2],
}

impl Connection {
    /// Creates the connection of this number, each with its own client, before its first packet.
    pub fn unopened(number: u32) -> Self {
        const PORTS: u32 = 50_000;
        let port = u16::try_from(10_000 + number % PORTS).unwrap_or(u16::MAX);
        let host = Ipv4Addr::from_bits(0x0a00_0001 + number / PORTS);
        Self {
            ends: [SocketAddr::from((host, port)), SERVER],
            next: [1000, 5000],
        }
    }

    /// Creates the same, opened.
    pub fn open(number: u32, capture: &mut Capture<'_>) -> io::Result<Self> {
        let mut connection = Self::unopened(number);
        connection.send(capture, 0, SYN, b"")?;
        connection.send(capture, 1, SYN | ACK, b"")?;
        connection.send(capture, 0, ACK, b"")?;
        Ok(connection)
    }

    pub fn client(&mut self, capture: &mut Capture<'_>, bytes: &[u8]) -> io::Result<()> {
        self.say(capture, 0, bytes)
    }

    pub fn server(&mut self, capture: &mut Capture<'_>, bytes: &[u8]) -> io::Result<()> {
        self.say(capture, 1, bytes)
    }

    pub fn close(&mut self, capture: &mut Capture<'_>) -> io::Result<()> {
        self.send(capture, 0, FIN | ACK, b"")?;
        self.send(capture, 1, FIN | ACK, b"")?;
        self.send(capture, 0, ACK, b"")
    }

    fn say(&mut self, capture: &mut Capture<'_>, own: usize, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(SEGMENT_BYTES) {
            self.send(capture, own, PSH | ACK, piece)?;
        }
        Ok(())
    }

    /// Sends one segment at the sender's place, and moves on behind it.
    pub fn send(
        &mut self,
        capture: &mut Capture<'_>,
        own: usize,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let peer = 1 - own;
        let segment = Tcp {
            source: self.ends[own],
            destination: self.ends[peer],
            sequence: self.next[own],
            acknowledgement: if flags & ACK == 0 { 0 } else { self.next[peer] },
            flags,
            window: 65_535,
            options: Vec::new(),
            payload: payload.to_vec(),
        };
        let taken = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let taken = taken + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        self.next[own] = self.next[own].wrapping_add(taken);
        capture.frame(&ethernet(&segment.in_ip()))
    }
}
