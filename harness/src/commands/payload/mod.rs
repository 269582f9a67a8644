//! `wiresnap payload`: what the two ends of each connection in a capture said to each other.

mod book;
mod listener;
mod press;

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use anyhow::{Error, Result};

use self::book::Book;
use self::listener::Listener;
use self::press::Press;
use super::{named, redactions};
use crate::cli::{PayloadArgs, PayloadFormat};
use crate::render::payload::Style;
use crate::render::redactions::Redactions;
use crate::rule::Rules;
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
pub fn run(
    arguments: &PayloadArgs,
    output: &mut (impl Write + Send),
    talk: &mut impl Write,
) -> Result<()> {
    let pcap = &arguments.pcap;
    let rules = redactions::of(pcap)?;
    let output = io::BufWriter::with_capacity(1 << 16, output);
    let outcome = open(pcap)
        .map_err(anyhow::Error::new)
        .and_then(|reader| list(reader, Request::of(arguments, rules), output))
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
    Ok(listed(path, redact, redactions::of(path)?)?.output)
}

/// The listing that a test keeps, by its scenario's rules besides those of the project.
///
/// # Errors
///
/// Where the capture cannot be read, or the project's rules make no sense.
pub fn listing_for_test(path: &Path, of_scenario: Rules) -> Result<String> {
    let rules = redactions::of(path)?.own().clone().and(of_scenario);
    Ok(redacted(path, Arc::new(rules.into()))?.output)
}

/// The listing that snapshots keep, and whether the capture is whole.
pub(super) fn redacted(path: &Path, rules: Arc<Redactions>) -> Result<Outcome<String>> {
    listed(path, true, rules)
}

fn listed(path: &Path, redact: bool, rules: Arc<Redactions>) -> Result<Outcome<String>> {
    let request = Request {
        style: Style {
            redact,
            explain: false,
        },
        rules,
        ..Request::default()
    };
    let Outcome { output, cut } = list(open(path)?, request, Vec::new())?;
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(Outcome { output, cut })
}

/// What to list, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The form of the text.
    pub style: Style,
    /// The rules of the capture's project.
    pub rules: Arc<Redactions>,
    /// Text or JSON.
    pub format: PayloadFormat,
    /// The only connection to list, counted from 1.
    pub connection: Option<u64>,
    /// Which of its messages to list.
    pub messages: Messages,
    /// Whether to list only the rows of WebSocket frames, and not the text that they stand behind.
    pub rows_only: bool,
    /// The only port to look at.
    pub port: Option<u16>,
    /// How JSON names the capture.
    pub name: String,
}

/// Which messages of a connection are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Messages {
    /// All of them.
    #[default]
    All,
    /// The one of this number, counted from 1.
    Number(u64),
    /// The WebSocket frame that is called this, as `C1`.
    Frame(String),
}

impl Request {
    fn of(arguments: &PayloadArgs, rules: Arc<Redactions>) -> Self {
        Self {
            rules,
            style: Style {
                redact: arguments.redact,
                explain: arguments.explain,
            },
            format: arguments.format,
            connection: arguments.connection,
            messages: arguments.message.map(Messages::Number).unwrap_or_default(),
            rows_only: false,
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
pub fn list<Output: Write + Send>(
    mut reader: CaptureReader<impl Read>,
    request: Request,
    mut output: Output,
) -> Result<Outcome<Output>> {
    let is_json = request.format == PayloadFormat::Json;
    if is_json {
        let name = serde_json::to_string(&request.name)?;
        write!(output, "{{\"pcap\":{name},\"connections\":[")?;
    }
    let mut output = thread::scope(|scope| {
        let (press, delivery) = Press::start(scope, output, if is_json { "," } else { "\n" })?;
        let read = read(&mut reader, Book::new(request, delivery));
        let printed = press.finish();
        read.and(printed.map_err(Error::new))
    })?;
    if is_json {
        output.write_all(b"]}\n")?;
    }
    output.flush()?;
    let cut = reader.cut();
    Ok(Outcome { output, cut })
}

/// Has the connections of a capture write their pages.
fn read(reader: &mut CaptureReader<impl Read>, book: Book) -> Result<()> {
    let port = book.request.port;
    let options = Options {
        hash: book.request.format == PayloadFormat::Json,
    };
    let book = Rc::new(RefCell::new(book));
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
            if book.borrow().has_stopped() {
                return Ok(());
            }
        }
    }
    close(reassembler.finish());
    book.borrow().check_wanted()
}

fn has_port(segment: &Segment<'_>, port: u16) -> bool {
    segment.source.port() == port || segment.destination.port() == port
}

fn close(finished: Vec<(Connection, Listener)>) {
    for (connection, listener) in finished {
        listener.close(&connection);
    }
}
