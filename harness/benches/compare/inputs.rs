//! Makes the captures that are measured, once: they stay under `target/bench/` until `make clean`.
//!
//! Packets are built by the same code as in the tests, which is checked against tshark.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use crate::network::{ACK, FIN, PSH, SYN, Tcp, ethernet};

/// The version of the captures. It changes with their contents, so that those of an earlier version are not taken for
/// this one's.
const VERSION: u32 = 1;
const FEW: u64 = 8;
/// The payload bytes of an Ethernet frame of 1514 bytes, with timestamps.
const SEGMENT_BYTES: usize = 1448;
const RESPONSE_BYTES: usize = 64 * 1024;
/// The number of short connections that run at the same time.
const AT_ONCE: u64 = 64;
/// The number of requested bytes per open connection in the capture of these: it is about memory.
const BYTES_PER_LIVE_CONNECTION: u64 = 1000;
const SERVER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, 1), 80));

const SHORT_REQUEST: &[u8] = b"GET /time HTTP/1.1\r\nHost: example.org\r\n\r\n";
const SHORT_RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\n12:34:56";
const LONG_REQUEST: &[u8] =
    b"GET /page HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n";
const LINE: &[u8] =
    b"<p>Lorem ipsum dolor sit amet, consectetur adipiscing elit, at 12:34:56 GMT.</p>\n";

/// The kind of connections in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A few long connections whose packets are as large as Ethernet allows.
    Few,
    /// Short connections of one request and its answer, 113 bytes together.
    Short,
    /// Connections that were opened and sent a request, and were not closed.
    Live,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Few, Self::Short, Self::Live];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Few => "few",
            Self::Short => "short",
            Self::Live => "live",
        }
    }
}

/// A size as it was requested.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

impl Size {
    /// Reads `10M` or `1G`: decimal, as file sizes are given.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim();
        let units = [("K", 1000), ("M", 1_000_000), ("G", 1_000_000_000)];
        let (digits, unit) = units
            .into_iter()
            .find_map(|(letter, unit)| name.strip_suffix(letter).map(|digits| (digits, unit)))
            .unwrap_or((name, 1));
        match digits.parse::<u64>() {
            Ok(count) if count > 0 => Ok(Self {
                name: name.to_owned(),
                bytes: count * unit,
            }),
            _ => Err(format!("{name:?} is no size such as 10M or 1G")),
        }
    }
}

/// A capture to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) kind: Kind,
    pub(crate) size: Size,
    pub(crate) path: PathBuf,
    pub(crate) file_bytes: u64,
    pub(crate) connections: u64,
}

impl Input {
    /// Returns the capture of that kind and size, which is made if it does not exist yet.
    pub(crate) fn prepare(folder: &Path, kind: Kind, size: &Size) -> io::Result<Self> {
        let path = folder.join(format!("{}-{}-v{VERSION}.pcap", kind.name(), size.name));
        let connections = match kind {
            Kind::Few => FEW,
            Kind::Short => (size.bytes / short_connection_bytes()?).max(1),
            Kind::Live => (size.bytes / BYTES_PER_LIVE_CONNECTION).max(1),
        };
        if !path.exists() {
            eprintln!("making {}", path.display());
            // Renamed when it is whole: what is there under its name can be used.
            let unfinished = path.with_extension("part");
            let mut capture = Capture::new(BufWriter::with_capacity(
                1 << 20,
                File::create(&unfinished)?,
            ))?;
            match kind {
                Kind::Few => few(&mut capture, size.bytes)?,
                Kind::Short => short(&mut capture, connections)?,
                Kind::Live => live(&mut capture, connections)?,
            }
            capture.output.flush()?;
            fs::rename(&unfinished, &path)?;
        }
        let file_bytes = fs::metadata(&path)?.len();
        Ok(Self {
            kind,
            size: size.clone(),
            path,
            file_bytes,
            connections,
        })
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind.name(), self.size.name)
    }

    /// Loads the file into the page cache, as far as it has room.
    pub(crate) fn warm(&self) -> io::Result<()> {
        io::copy(&mut File::open(&self.path)?, &mut io::sink()).map(|_| ())
    }
}

fn few(capture: &mut Capture<impl Write>, bytes: u64) -> io::Result<()> {
    let response = long_response();
    let mut talks: Vec<Talk> = (0..FEW).map(Talk::new).collect();
    for talk in &mut talks {
        talk.open(capture)?;
    }
    while capture.bytes < bytes {
        for talk in &mut talks {
            talk.client(capture, PSH | ACK, LONG_REQUEST)?;
            for (index, piece) in response.chunks(SEGMENT_BYTES).enumerate() {
                talk.server(capture, ACK, piece)?;
                if index % 2 == 1 {
                    talk.client(capture, ACK, b"")?;
                }
            }
        }
    }
    for talk in &mut talks {
        talk.close(capture)?;
    }
    Ok(())
}

fn long_response() -> Vec<u8> {
    let header = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {RESPONSE_BYTES}\r\n\r\n"
    );
    let body = LINE.iter().copied().cycle().take(RESPONSE_BYTES);
    header.into_bytes().into_iter().chain(body).collect()
}

/// Writes groups of connections, with the packets of a group interleaved.
fn short(capture: &mut Capture<impl Write>, connections: u64) -> io::Result<()> {
    for first in (0..connections).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
        let last = (first + AT_ONCE).min(connections);
        let mut talks: Vec<Talk> = (first..last).map(Talk::new).collect();
        let steps: [fn(&mut Talk, &mut Capture<_>) -> io::Result<()>; 4] =
            [Talk::open, Talk::ask, Talk::answer, Talk::close];
        for step in steps {
            for talk in &mut talks {
                step(talk, capture)?;
            }
        }
    }
    Ok(())
}

fn live(capture: &mut Capture<impl Write>, connections: u64) -> io::Result<()> {
    for number in 0..connections {
        let mut talk = Talk::new(number);
        talk.open(capture)?;
        talk.ask(capture)?;
    }
    Ok(())
}

fn short_connection_bytes() -> io::Result<u64> {
    let mut capture = Capture::new(io::sink())?;
    let before = capture.bytes;
    short(&mut capture, 1)?;
    Ok(capture.bytes - before)
}

/// A pcap file that is being written.
struct Capture<Output> {
    output: Output,
    bytes: u64,
    microseconds: u32,
    seconds: u32,
}

impl<Output: Write> Capture<Output> {
    fn new(mut output: Output) -> io::Result<Self> {
        let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1];
        for field in header {
            output.write_all(&u32::to_le_bytes(field))?;
        }
        Ok(Self {
            output,
            bytes: 24,
            microseconds: 0,
            seconds: 1_600_000_000,
        })
    }

    fn packet(&mut self, tcp: &Tcp) -> io::Result<()> {
        self.microseconds += 10;
        if self.microseconds >= 1_000_000 {
            self.microseconds = 0;
            self.seconds += 1;
        }
        let frame = ethernet(&tcp.in_ip());
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
        for field in [self.seconds, self.microseconds, length, length] {
            self.output.write_all(&field.to_le_bytes())?;
        }
        self.output.write_all(&frame)?;
        self.bytes += 16 + u64::from(length);
        Ok(())
    }
}

/// A connection that is being written.
struct Talk {
    ends: [SocketAddr; 2],
    next: [u32; 2],
}

impl Talk {
    /// Creates the connection of that number, from its own client.
    fn new(number: u64) -> Self {
        const PORTS: u64 = 50_000;
        let port = u16::try_from(10_000 + number % PORTS).unwrap_or(u16::MAX);
        let host = u32::try_from(number / PORTS).unwrap_or(u32::MAX);
        let client = Ipv4Addr::from_bits(0x0a00_0001 + host);
        Self {
            ends: [SocketAddr::from((client, port)), SERVER],
            next: [1000, 5000],
        }
    }

    fn open(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.client(capture, SYN, b"")?;
        self.server(capture, SYN | ACK, b"")?;
        self.client(capture, ACK, b"")
    }

    fn ask(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.client(capture, PSH | ACK, SHORT_REQUEST)
    }

    fn answer(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.server(capture, ACK, b"")?;
        self.server(capture, PSH | ACK, SHORT_RESPONSE)?;
        self.client(capture, ACK, b"")
    }

    fn close(&mut self, capture: &mut Capture<impl Write>) -> io::Result<()> {
        self.client(capture, FIN | ACK, b"")?;
        self.server(capture, FIN | ACK, b"")?;
        self.client(capture, ACK, b"")
    }

    fn client(
        &mut self,
        capture: &mut Capture<impl Write>,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        self.send(capture, 0, flags, payload)
    }

    fn server(
        &mut self,
        capture: &mut Capture<impl Write>,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        self.send(capture, 1, flags, payload)
    }

    fn send(
        &mut self,
        capture: &mut Capture<impl Write>,
        own: usize,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let peer = 1 - own;
        let tcp = Tcp {
            source: self.ends[own],
            destination: self.ends[peer],
            sequence: self.next[own],
            acknowledgement: if flags & ACK == 0 { 0 } else { self.next[peer] },
            flags,
            window: 60_000,
            // Two paddings and the timestamps of RFC 7323, as nearly every segment today has them.
            options: vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1],
            payload: payload.to_vec(),
        };
        capture.packet(&tcp)?;
        let taken = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let taken = taken + u32::from(flags & (SYN | FIN) != 0);
        self.next[own] = self.next[own].wrapping_add(taken);
        Ok(())
    }
}
