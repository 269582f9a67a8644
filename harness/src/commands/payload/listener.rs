//! One connection's listener: its conversation, written down as it goes.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use super::Request;
use super::book::{Book, Ends};
use crate::analysis::conversation::Conversation;
use crate::cli::PayloadFormat;
use crate::render::payload::{Listing, address};
use crate::render::{hex, json};
use crate::wire::event::{Origin, StreamEvent, StreamSink};
use crate::wire::stream::{Connection, Opening, Stream};

/// Listens to one connection.
pub(super) struct Listener<Output: Write> {
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
    pub(super) fn new(opening: &Opening, book: Rc<RefCell<Book<Output>>>) -> Self {
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

    pub(super) fn close(mut self, connection: &Connection) {
        self.complete();
        let mut book = self.book.borrow_mut();
        if self.is_wanted && book.request.format == PayloadFormat::Json {
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
            PayloadFormat::Text => Page::Text(Listing::new(request.style)),
            PayloadFormat::Json => Page::json(ends, request),
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
