//! `wiresnap payload`: what the two ends of each connection in a capture said to each other.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use super::in_order::InOrder;
use crate::analysis::conversation::Conversation;
use crate::render::payload::{Listing, Style, address, heading};
use crate::render::{hex, json};
use crate::trace::reader::{CaptureReader, open};
use crate::wire::event::{Origin, StreamEvent, StreamSink};
use crate::wire::frame::{Decoded, FrameDecoder};
use crate::wire::segment::Segment;
use crate::wire::stream::{Connection, Opening, Options, Reassembler, Stream};

/// After how many packets the connections that have ended are cleared away.
const CLEAR_AFTER: u64 = 4096;

/// List the application payloads of a capture
#[derive(Args, Clone, Debug)]
pub struct PayloadArgs {
    /// The capture file (pcap or pcapng, gzip or not), or - for standard input
    #[arg(value_name = "PCAP")]
    pub pcap: PathBuf,

    /// How to write the listing
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Hide what changes from run to run: dates, times, ports, versions, keys, masks
    #[arg(long)]
    pub redact: bool,

    /// Take each WebSocket frame apart, bit by bit
    #[arg(long)]
    pub explain: bool,

    /// Only the connection of this number, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub connection: Option<u64>,

    /// Only packets from or to this port
    #[arg(long)]
    pub port: Option<u16>,
}

/// The forms that a listing has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// As the seed's document lists payloads
    #[default]
    Text,
    /// One object, with a message for each request, response, frame or event
    Json,
}

/// Writes the listing of a capture file to `output`; what is noteworthy about the file goes to `talk`.
///
/// # Errors
///
/// Where the capture cannot be read, or the listing cannot be written. A reader that went away is no error.
pub fn run(arguments: &PayloadArgs, output: &mut impl Write, talk: &mut impl Write) -> Result<()> {
    let reader = open(&arguments.pcap)?;
    let request = Request::of(arguments);
    let output = io::BufWriter::with_capacity(1 << 16, output);
    match list(reader, request, output) {
        Ok(Outcome { cut, .. }) => {
            if let Some(packet) = cut {
                let name = arguments.pcap.display();
                writeln!(talk, "warning: {name}: cut after packet {packet}")?;
            }
            Ok(())
        }
        Err(error) if is_broken_pipe(&error) => Ok(()),
        Err(error) => Err(error),
    }
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

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// What to list, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The form of the text.
    pub style: Style,
    /// Text or JSON.
    pub format: Format,
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
        hash: request.format == Format::Json,
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

/// What all the connections of a capture write into.
struct Book<Output> {
    request: Request,
    pages: InOrder<Output>,
    /// The connections that have said anything so far: none, the first alone, or several.
    spoken: Spoken,
    connections: u64,
    error: Option<io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoken {
    None,
    One(Ends),
    Several,
}

/// A connection's number, counted from 0, and its addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    index: u64,
    client: SocketAddr,
    server: SocketAddr,
}

impl Ends {
    /// The page for what is listed as it comes.
    const fn text_page(self) -> u64 {
        2 * self.index
    }

    /// The page for the rows that stand behind it.
    const fn rows_page(self) -> u64 {
        2 * self.index + 1
    }
}

impl<Output: Write> Book<Output> {
    fn new(request: Request, mut output: Output) -> io::Result<Self> {
        if request.format == Format::Json {
            let name = serde_json::to_string(&request.name)?;
            write!(output, "{{\"pcap\":{name},\"connections\":[")?;
        }
        let is_text = request.format == Format::Text;
        let mut pages = InOrder::new(output, if is_text { "\n" } else { "," });
        if request.format == Format::Json || request.connection.is_some() {
            pages.start(0)?;
        }
        Ok(Self {
            request,
            pages,
            spoken: Spoken::None,
            connections: 0,
            error: None,
        })
    }

    /// Takes note of a connection; tells which one alone is wanted.
    fn count(&mut self, ends: Ends) -> Option<u64> {
        self.connections = self.connections.max(ends.index + 1);
        self.request.connection
    }

    /// Where one connection is wanted, it should be there.
    fn check_wanted(&self) -> Result<()> {
        match self.request.connection {
            Some(number) if number > self.connections => {
                let count = self.connections;
                bail!("there is no connection {number}: the capture has {count}")
            }
            _ => Ok(()),
        }
    }

    /// Takes the first error that any connection met.
    fn check(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    fn remember(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }

    fn append(&mut self, page: u64, text: &[u8]) {
        if self.error.is_none() && !text.is_empty() {
            let result = self.pages.append(page, text);
            self.remember(result);
        }
    }

    /// A connection is about to write its first text: with the second one that does, headings begin.
    fn speak(&mut self, ends: Ends) {
        if self.request.format == Format::Json || self.request.connection.is_some() {
            return;
        }
        match self.spoken {
            Spoken::None => self.spoken = Spoken::One(ends),
            Spoken::One(first) => {
                self.spoken = Spoken::Several;
                self.pages
                    .prepend(first.text_page(), self.heading(first).as_bytes());
                let heading = self.heading(ends);
                self.append(ends.text_page(), heading.as_bytes());
                let result = self.pages.start(0);
                self.remember(result);
            }
            Spoken::Several => {
                let heading = self.heading(ends);
                self.append(ends.text_page(), heading.as_bytes());
            }
        }
    }

    fn heading(&self, ends: Ends) -> String {
        heading(ends.index + 1, ends.client, ends.server, self.request.style)
    }

    fn end(&mut self, ends: Ends) {
        for page in [ends.text_page(), ends.rows_page()] {
            let result = self.pages.end(page);
            self.remember(result);
        }
    }

    fn finish(mut self) -> io::Result<Output> {
        self.check()?;
        let mut output = self.pages.finish()?;
        if self.request.format == Format::Json {
            output.write_all(b"]}\n")?;
        }
        output.flush()?;
        Ok(output)
    }
}

/// Listens to one connection.
struct Listener<Output: Write> {
    ends: Ends,
    book: Rc<RefCell<Book<Output>>>,
    /// `None` for a connection that is not wanted, or is over: it is remembered for a while, and should cost little.
    scribe: Option<Box<Scribe>>,
    is_wanted: bool,
    finished_sides: u8,
}

/// Turns a conversation into text.
struct Scribe {
    conversation: Conversation,
    page: Page,
    spoken: bool,
}

enum Page {
    Text(Listing),
    Json {
        redact: bool,
        messages: u64,
        text: Vec<u8>,
    },
}

impl<Output: Write> Listener<Output> {
    fn new(opening: &Opening, book: Rc<RefCell<Book<Output>>>) -> Self {
        let ends = Ends {
            index: opening.index,
            client: opening.client,
            server: opening.server,
        };
        let wanted = book.borrow_mut().count(ends);
        let is_wanted = wanted.is_none_or(|number| number == ends.index + 1);
        let scribe = is_wanted.then(|| Box::new(Scribe::new(&book.borrow().request, ends)));
        Self {
            ends,
            book,
            scribe,
            is_wanted,
            finished_sides: 0,
        }
    }

    fn hand_over(&mut self) {
        let Some(scribe) = &mut self.scribe else {
            return;
        };
        let (text, rows) = scribe.take_text();
        if text.is_empty() && rows.is_empty() {
            return;
        }
        let mut book = self.book.borrow_mut();
        if !std::mem::replace(&mut scribe.spoken, true) {
            book.speak(self.ends);
        }
        book.append(self.ends.text_page(), &text);
        book.append(self.ends.rows_page(), &rows);
    }

    /// Writes what is left to write, once nothing more can be said.
    fn complete(&mut self) {
        if let Some(scribe) = &mut self.scribe {
            scribe.finish();
            self.hand_over();
            self.scribe = None;
        }
    }

    fn close(mut self, connection: &Connection) {
        self.complete();
        let mut book = self.book.borrow_mut();
        if self.is_wanted && book.request.format == Format::Json {
            book.append(self.ends.text_page(), figures(connection).as_bytes());
        }
        book.end(self.ends);
    }
}

impl<Output: Write> StreamSink for Listener<Output> {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        let Some(scribe) = &mut self.scribe else {
            return;
        };
        scribe.conversation.event(origin, event);
        scribe.read();
        self.hand_over();
        if matches!(event, StreamEvent::Finished | StreamEvent::Ended) {
            self.finished_sides += 1;
        }
        if self.finished_sides == 2 {
            self.complete();
        }
    }
}

impl Scribe {
    fn new(request: &Request, ends: Ends) -> Self {
        let page = match request.format {
            Format::Text => Page::Text(Listing::new(request.style)),
            Format::Json => Page::json(ends, request),
        };
        Self {
            conversation: Conversation::default(),
            page,
            spoken: false,
        }
    }

    /// Writes the messages that are whole.
    fn read(&mut self) {
        while let Some(message) = self.conversation.take() {
            match &mut self.page {
                Page::Text(listing) => listing.message(&message),
                Page::Json {
                    redact,
                    messages,
                    text,
                } => {
                    if *messages > 0 {
                        text.push(b',');
                    }
                    *messages += 1;
                    // Writing to memory does not fail.
                    let _ = json::message(&message, *redact, text);
                }
            }
        }
    }

    fn take_text(&mut self) -> (Vec<u8>, Vec<u8>) {
        match &mut self.page {
            Page::Text(listing) => (listing.take_text(), listing.take_rows()),
            Page::Json { text, .. } => (std::mem::take(text), Vec::new()),
        }
    }

    fn finish(&mut self) {
        self.conversation.finish();
        self.read();
        if let Page::Text(listing) = &mut self.page {
            listing.finish();
        }
    }
}

impl Page {
    fn json(ends: Ends, request: &Request) -> Self {
        let [client, server] = [ends.client, ends.server].map(|end| address(end, request.style));
        let text = format!("{{\"client\":\"{client}\",\"server\":\"{server}\",\"messages\":[");
        Self::Json {
            redact: request.style.redact,
            messages: 0,
            text: text.into_bytes(),
        }
    }
}

/// What is known of a connection when it has ended, as the end of its JSON object.
fn figures(connection: &Connection) -> String {
    format!(
        "],\"client_stream\":{},\"server_stream\":{},\"complete\":{}}}",
        stream(&connection.client_stream),
        stream(&connection.server_stream),
        connection.complete
    )
}

fn stream(stream: &Stream) -> String {
    let digest = hex::joined(&stream.sha256.unwrap_or_default());
    format!(
        "{{\"bytes\":{},\"missing\":{},\"sha256\":\"{digest}\"}}",
        stream.bytes, stream.missing
    )
}
