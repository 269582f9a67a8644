//! `wiresnap payload`: what the two ends of each connection in a capture said to each other.

mod book;
mod listener;

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, Result};

use self::book::Book;
use self::listener::Listener;
use super::named;
use crate::cli::{PayloadArgs, PayloadFormat};
use crate::render::payload::Style;
use crate::trace::reader::{CaptureReader, open};
use crate::wire::frame::{Decoded, FrameDecoder};
use crate::wire::segment::Segment;
use crate::wire::stream::{Connection, Opening, Options, Reassembler};

/// After how many packets the connections that have ended are cleared away.
const CLEAR_AFTER: u64 = 4096;

/// Writes the listing of a capture file to `output`; what is noteworthy about the file goes to `talk`.
///
/// # Errors
///
/// Where the capture cannot be read, or the listing cannot be written.
pub fn run(arguments: &PayloadArgs, output: &mut impl Write, talk: &mut impl Write) -> Result<()> {
    let pcap = &arguments.pcap;
    let output = io::BufWriter::with_capacity(1 << 16, output);
    let outcome = open(pcap)
        .map_err(anyhow::Error::new)
        .and_then(|reader| list(reader, Request::of(arguments), output))
        .map_err(|error| named(error, pcap))?;
    if let Some(packet) = outcome.cut {
        writeln!(
            talk,
            "warning: {}: cut after packet {packet}",
            pcap.display()
        )?;
    }
    Ok(())
}

/// The listing of a capture file as a text: what snapshots keep, with `redact`.
///
/// # Errors
///
/// Where the capture cannot be read.
pub fn listing(path: &Path, redact: bool) -> Result<String> {
    let reader = open(path)?;
    let request = Request {
        style: Style {
            redact,
            explain: false,
        },
        ..Request::default()
    };
    let outcome = list(reader, request, Vec::new())?;
    Ok(String::from_utf8_lossy(&outcome.output).into_owned())
}

/// What to list, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The form of the text.
    pub style: Style,
    /// Text or JSON.
    pub format: PayloadFormat,
    /// The only connection to list, counted from 1.
    pub connection: Option<u64>,
    /// The only port to look at.
    pub port: Option<u16>,
    /// How JSON names the capture.
    pub name: String,
}

impl Request {
    fn of(arguments: &PayloadArgs) -> Self {
        Self {
            style: Style {
                redact: arguments.redact,
                explain: arguments.explain,
            },
            format: arguments.format,
            connection: arguments.connection,
            port: arguments.port,
            name: arguments.pcap.display().to_string(),
        }
    }
}

/// What became of a listing.
#[derive(Debug)]
pub struct Outcome<Output> {
    /// Where it was written.
    pub output: Output,
    /// The packet after which the file is cut off.
    pub cut: Option<u64>,
}

/// Lists a capture that is open.
///
/// # Errors
///
/// Where the capture cannot be read, or the listing cannot be written.
pub fn list<Output: Write>(
    mut reader: CaptureReader<impl Read>,
    request: Request,
    output: Output,
) -> Result<Outcome<Output>> {
    let options = Options {
        hash: request.format == PayloadFormat::Json,
    };
    let port = request.port;
    let book = Rc::new(RefCell::new(Book::new(request, output)?));
    let open = |opening: &Opening| Listener::new(opening, Rc::clone(&book));
    let mut reassembler = Reassembler::new(options, open);
    let mut decoder = FrameDecoder::default();
    while let Some(packet) = reader.next()? {
        let frame = decoder.decode(packet.link_type, packet.bytes, packet.original_length)?;
        if let Decoded::Segment(segment) = frame
            && port.is_none_or(|port| has_port(&segment, port))
        {
            reassembler.segment(packet.number, packet.time, &segment);
        }
        if packet.number.is_multiple_of(CLEAR_AFTER) {
            close(reassembler.take_finished());
            book.borrow_mut().check()?;
        }
    }
    close(reassembler.finish());
    let cut = reader.cut();
    let book = Rc::into_inner(book).context("a connection is still listened to")?;
    let book = book.into_inner();
    book.check_wanted()?;
    let output = book.finish()?;
    Ok(Outcome { output, cut })
}

fn has_port(segment: &Segment<'_>, port: u16) -> bool {
    segment.source.port() == port || segment.destination.port() == port
}

fn close<Output: Write>(finished: Vec<(Connection, Listener<Output>)>) {
    for (connection, listener) in finished {
        listener.close(&connection);
    }
}
