//! Payload listings: what the two ends of each connection in a capture said to each other, in the order of the wire.
//!
//! One thread reads the capture, another one writes the pages (the page writer). A redacted listing of a browser goes by
//! exchange, since connections that a browser opens side by side come in any order.

mod beginning;
mod by_exchange;
pub mod in_order;
mod listener;
mod page_writer;
mod pages;
mod spill;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use anyhow::{Error, Result};
use serde_json::json;
use wirestream::budget::Memory;
use wirestream::capture::{CaptureReader, open, open_kept};
use wirestream::packet::{Decoded, Segment};
use wirestream::tcp::stream::{Connection, Opening, Options, Reassembler};
use wirestream::walk::Walk;

use self::beginning::Beginning;
pub use self::by_exchange::client_beside;
use self::listener::Listener;
use self::page_writer::PageWriter;
use self::pages::ListingPages;
use crate::analysis::coverage::Coverage;
use crate::analysis::layout::Client;
use crate::capture_rules;
use crate::render::coverage::named;
use crate::render::json::ascii_where_unsafe;
use crate::render::payload::Style;
use crate::render::redactions::Redactions;
use crate::rule::Rules;

/// The number of packets after which ended connections are cleared away.
const CLEAR_AFTER: u64 = 4096;

/// Lists a capture file, to its end or as far as it can be read. JSON is whole even if the file cannot be opened.
///
/// # Errors
///
/// Returns an error if the capture cannot be opened, what was asked for is not in it, or the listing cannot be written.
pub fn list_file<Output: Write + Send>(
    pcap: &Path,
    request: Request,
    mut output: Output,
) -> Result<Outcome<Output>> {
    let reader = match open(pcap) {
        Ok(reader) => reader,
        Err(error) => {
            let error = named(error.into(), pcap);
            if request.format == Format::Json {
                begin_json(&request.name, &mut output)?;
                end_json(&Coverage::default(), Some(&error), &mut output)?;
                output.flush()?;
            }
            return Err(error);
        }
    };
    list(reader, request, output).map_err(|error| named(error, pcap))
}

/// Begins the object of a listing in JSON.
fn begin_json(name: &str, output: &mut impl Write) -> io::Result<()> {
    let name = serde_json::to_vec(name)?;
    output.write_all(b"{\"pcap\":")?;
    output.write_all(&ascii_where_unsafe(&name))?;
    output.write_all(b",\"connections\":[")
}

/// Ends the JSON with the facts about the capture as a whole, whatever happened before.
fn end_json(coverage: &Coverage, error: Option<&Error>, output: &mut impl Write) -> io::Result<()> {
    let mut end = String::from("]");
    let mut field = |name: &str, value: &serde_json::Value| {
        // Writing to memory does not fail.
        let _ = write!(end, ",\"{name}\":{value}");
    };
    let not_tcp = coverage.not_tcp();
    if !not_tcp.is_empty() {
        field("not_tcp", &json!(not_tcp));
    }
    if let Some(packet) = coverage.cut {
        field("cut_after_packet", &json!(packet));
    }
    if coverage.ended_early > 0 {
        field("ended_early", &json!(coverage.ended_early));
    }
    let failure = coverage.failure().map(|failure| failure.to_string());
    if let Some(error) = error.map(|error| format!("{error:#}")).or(failure) {
        field("error", &json!(error));
    }
    end.push_str("}\n");
    output.write_all(&ascii_where_unsafe(end.as_bytes()))
}

/// Returns the listing of a capture file as a text: what snapshots keep, with `redact`.
///
/// # Errors
///
/// Returns an error if the capture cannot be read.
pub fn listing(path: &Path, redact: bool) -> Result<String> {
    let memory = Memory::default();
    let known = client_beside(path);
    whole(listed(
        path,
        redact,
        capture_rules::of(path)?,
        memory,
        known.as_ref(),
    )?)
}

/// Returns the listing that a test keeps, by its scenario's rules besides those of the project.
///
/// # Errors
///
/// Returns an error if the capture cannot be read, or the project's rules make no sense.
pub fn listing_for_test(path: &Path, of_scenario: Rules) -> Result<String> {
    let rules = capture_rules::of(path)?.own().clone().and(of_scenario);
    let memory = Memory::default();
    whole(redacted(path, Arc::new(rules.into()), memory)?)
}

/// Returns the listing of a capture that could be read.
fn whole(outcome: Outcome<String>) -> Result<String> {
    outcome.coverage.require()?;
    Ok(outcome.output)
}

/// Returns the listing that snapshots keep, and how much of the capture was read. If a listing takes more than a
/// sixteenth of the memory, the rest is replaced by its length and its SHA-256.
///
/// # Errors
///
/// Returns an error if the capture cannot be read.
pub fn redacted(path: &Path, rules: Arc<Redactions>, memory: Memory) -> Result<Outcome<String>> {
    listed(path, true, rules, memory, client_beside(path).as_ref())
}

/// Returns the same of a capture whose provenance is not beside it.
///
/// # Errors
///
/// Returns an error if the capture cannot be read.
pub fn redacted_as(
    path: &Path,
    rules: Arc<Redactions>,
    memory: Memory,
    known: Option<&Client>,
) -> Result<Outcome<String>> {
    listed(path, true, rules, memory, known)
}

fn listed(
    path: &Path,
    redact: bool,
    rules: Arc<Redactions>,
    memory: Memory,
    known: Option<&Client>,
) -> Result<Outcome<String>> {
    let request = Request {
        style: Style {
            redact,
            explain: false,
            limit: redact.then(|| rules.own().body_limit()),
        },
        rules,
        memory,
        ..Request::default()
    };
    let beginning = Beginning::new(memory.bytes() / 16);
    let layout = if redact {
        by_exchange::layout(path, &request, known)?
    } else {
        None
    };
    let reader = open_kept(path)?;
    let Outcome { output, coverage } = match layout {
        Some(layout) => by_exchange::list(reader, &layout, &request, beginning)?,
        None => list(reader, request, beginning)?,
    };
    Ok(Outcome {
        output: output.into_text(),
        coverage,
    })
}

/// The things to list, and the form of the listing.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The form of the text.
    pub style: Style,
    /// The rules of the capture's project.
    pub rules: Arc<Redactions>,
    /// Text or JSON.
    pub format: Format,
    /// The only connection to list, counted from 1.
    pub connection: Option<u64>,
    /// The messages of the connection to list.
    pub messages: Messages,
    /// True if only the rows of WebSocket frames are listed, without the text that they stand behind.
    pub rows_only: bool,
    /// The only port to look at.
    pub port: Option<u16>,
    /// The name of the capture in JSON.
    pub name: String,
    /// The amount of memory that it may take.
    pub memory: Memory,
}

/// The forms of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Plain text, message after message.
    #[default]
    Text,
    /// One object, with a message for each request, response, frame or event.
    Json,
}

/// A selection of the messages of a connection.
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

/// The outcome of a listing.
#[derive(Debug)]
pub struct Outcome<Output> {
    /// The output that it was written to.
    pub output: Output,
    /// The part of the capture that was read.
    pub coverage: Coverage,
}

/// Lists a capture that is open, to its end or as far as it can be read.
///
/// # Errors
///
/// Returns an error if what was asked for is not in the capture, or the listing cannot be written.
pub fn list<Output: Write + Send>(
    mut reader: CaptureReader<impl Read>,
    request: Request,
    mut output: Output,
) -> Result<Outcome<Output>> {
    let is_json = request.format == Format::Json;
    if is_json {
        begin_json(&request.name, &mut output)?;
    }
    let (mut output, (coverage, found)) = thread::scope(|scope| {
        let (page_writer, sender) =
            PageWriter::start(scope, output, if is_json { "," } else { "\n" })?;
        let read = read(&mut reader, ListingPages::new(request, sender));
        page_writer.finish().map(|output| (output, read))
    })?;
    if is_json {
        end_json(&coverage, found.as_ref().err(), &mut output)?;
    }
    output.flush()?;
    found.map(|()| Outcome { output, coverage })
}

/// Has the connections of a capture write their pages; returns how much was read, and whether what was asked for is there.
fn read(reader: &mut CaptureReader<impl Read>, pages: ListingPages) -> (Coverage, Result<()>) {
    let port = pages.request.port;
    let options = Options {
        hash: pages.request.format == Format::Json,
    };
    let budget = pages.budget.clone();
    let pages = Rc::new(RefCell::new(pages));
    let open = |opening: &Opening| Listener::new(opening, Rc::clone(&pages));
    let mut reassembler =
        Reassembler::new(options, open).within(&budget, Listener::ALLOCATED_BYTES);
    let mut walk = Walk::new(reader);
    while let Some((packet, decoded)) = walk.next() {
        if let Decoded::Segment(segment) = decoded
            && port.is_none_or(|port| has_port(&segment, port))
        {
            reassembler.segment(packet.number, packet.time, &segment);
        }
        if packet.number.is_multiple_of(CLEAR_AFTER) {
            close(reassembler.take_finished());
            if pages.borrow().has_stopped() {
                break;
            }
        }
    }
    let others = walk.finish();
    let ended_early = reassembler.ended_early();
    close(reassembler.finish());
    (
        Coverage::new(reader, others).with_ended_early(ended_early),
        pages.borrow().check_wanted(),
    )
}

fn has_port(segment: &Segment<'_>, port: u16) -> bool {
    segment.source.port() == port || segment.destination.port() == port
}

fn close(finished: Vec<(Connection, Listener)>) {
    for (connection, listener) in finished {
        listener.close(&connection);
    }
}
