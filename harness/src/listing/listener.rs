//! One connection's listener: its conversation, written down as it goes.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use wirestream::budget::{Budget, Holding};
use wirestream::conversation::Conversation;
use wirestream::message::{Detail, Message};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Connection, Opening, Stream};

use super::Format;
use super::pages::{Ends, ListingPages};
use super::{Messages, Request};
use crate::render::payload::{Listing, ListingBuffer, address};
use crate::render::redactions::{Redactions, Scope};
use crate::render::{hex, json};

/// Listens to one connection.
pub(super) struct Listener {
    ends: Ends,
    pages: Rc<RefCell<ListingPages>>,
    /// `None` for a connection that is not wanted.
    lister: Option<Box<ConnectionLister>>,
    /// True if its figures are to be written when it is closed.
    wants_figures: bool,
    /// True if its pages have ended.
    has_ended: bool,
}

impl Listener {
    /// The bytes that a listener takes besides its own size: all that is known of a connection, and its two pages.
    pub(super) const ALLOCATED_BYTES: usize =
        size_of::<ConnectionLister>() + size_of::<Listing>() + 512;

    pub(super) fn new(opening: &Opening, pages: Rc<RefCell<ListingPages>>) -> Self {
        let ends = Ends {
            index: opening.index,
            client: opening.client,
            server: opening.server,
        };
        let wanted = pages.borrow_mut().count(ends);
        let is_wanted = wanted.is_none_or(|number| number == ends.index + 1);
        let (lister, is_json) = {
            let ListingPages {
                request, budget, ..
            } = &*pages.borrow();
            let lister = is_wanted.then(|| Box::new(ConnectionLister::new(request, budget, ends)));
            (lister, request.format == Format::Json)
        };
        let mut listener = Self {
            ends,
            pages,
            lister,
            wants_figures: is_wanted && is_json,
            has_ended: false,
        };
        if !is_wanted {
            listener.end();
        }
        listener
    }

    /// Writes the messages that are whole, one by one: what many would be written as might be much to hold.
    fn read(&mut self) {
        while let Some(message) = self.lister.as_mut().and_then(|lister| lister.next()) {
            self.write(|lister, buffer| lister.message(&message, buffer));
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut ConnectionLister, &mut ListingBuffer)) {
        if let Some(lister) = &mut self.lister {
            let mut spoken = lister.spoken;
            let mut pages = self.pages.borrow_mut();
            pages.enter(self.ends, &mut spoken, |buffer| write(lister, buffer));
            lister.spoken = spoken;
            if lister.found_one() {
                pages.found_message();
            }
        }
    }

    pub(super) fn close(mut self, connection: &Connection) {
        if let Some(lister) = &mut self.lister {
            lister.conversation.finish();
        }
        self.read();
        self.write(ConnectionLister::finish);
        if self.wants_figures {
            let hides = self
                .lister
                .as_ref()
                .map_or([true; 2], |lister| lister.hides);
            let mut pages = self.pages.borrow_mut();
            pages.append(self.ends, figures(connection, hides));
        }
        self.end();
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.pages.borrow_mut().end(self.ends);
        }
    }
}

impl StreamSink for Listener {
    fn sides_have_turned(&mut self) {
        std::mem::swap(&mut self.ends.client, &mut self.ends.server);
        if let Some(lister) = &mut self.lister {
            let pages = self.pages.borrow();
            **lister = ConnectionLister::new(&pages.request, &pages.budget, self.ends);
        }
    }

    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        for piece in event.pieces() {
            let Some(lister) = &mut self.lister else {
                return;
            };
            lister.conversation.event(origin, piece);
            self.read();
        }
    }
}

/// Turns a conversation into text.
struct ConnectionLister {
    conversation: Conversation,
    page: Page,
    spoken: bool,
    choice: Choice,
    rules: Arc<Redactions>,
    scope: Scope,
    /// True for each side whose stream has something hidden.
    hides: [bool; 2],
    /// The part of the listing that waits for what comes next.
    holding: Holding,
}

/// The selection of the messages that are written.
struct Choice {
    messages: Messages,
    /// The number of messages so far.
    seen: u64,
    /// True if any of them was one to be written.
    found: bool,
}

impl Choice {
    /// Returns true if the next message is to be written. `label` returns its name in a listing, if it is a frame.
    fn takes(&mut self, message: &Message, label: impl FnOnce() -> String) -> bool {
        self.seen += 1;
        let takes = match &self.messages {
            Messages::All => true,
            Messages::Number(number) => *number == self.seen,
            Messages::Frame(name) => {
                matches!(message.detail, Detail::WebSocket(_)) && *name == label()
            }
        };
        self.found |= takes;
        takes
    }
}

enum Page {
    Text(Box<Listing>),
    Json(JsonPage),
}

impl ConnectionLister {
    fn new(request: &Request, budget: &Budget, ends: Ends) -> Self {
        let page = match request.format {
            Format::Text => Page::Text(Box::new(Listing::new(request.style))),
            Format::Json => Page::Json(JsonPage::new(request, ends)),
        };
        Self {
            conversation: Conversation::within(budget),
            page,
            spoken: false,
            choice: Choice {
                messages: request.messages.clone(),
                seen: 0,
                found: false,
            },
            rules: Arc::clone(&request.rules),
            scope: Scope::of_listing(request.style.redact),
            hides: [request.style.redact; 2],
            holding: Holding::of(budget),
        }
    }

    /// Returns true if a message that is to be written has come.
    const fn found_one(&self) -> bool {
        self.choice.found
    }

    /// Returns the next message that is whole.
    fn next(&mut self) -> Option<Message> {
        let mut message = self.conversation.take()?;
        self.hides[message.from as usize] |= self.rules.hide(&mut message, self.scope);
        Some(message)
    }

    /// Writes a message.
    fn message(&mut self, message: &Message, buffer: &mut ListingBuffer) {
        match &mut self.page {
            Page::Text(listing) => {
                listing.exchange(buffer);
                let label = || listing.next_label(message.from);
                if self.choice.takes(message, label) {
                    listing.message(message);
                } else {
                    listing.pass_over(message);
                }
                self.holding.set(listing.waiting_bytes());
                if self.holding.budget().is_used_up() {
                    listing.let_go();
                    self.holding.set(listing.waiting_bytes());
                }
                listing.exchange(buffer);
            }
            Page::Json(page) => {
                if self.choice.takes(message, String::new) {
                    page.message(message, &mut buffer.text);
                }
            }
        }
    }

    /// Writes what is left, when all messages are written.
    fn finish(&mut self, buffer: &mut ListingBuffer) {
        match &mut self.page {
            Page::Text(listing) => {
                listing.exchange(buffer);
                listing.finish();
                listing.exchange(buffer);
            }
            Page::Json(page) => page.begin(&mut buffer.text),
        }
    }
}

/// A connection as a JSON object, whose figures come last.
struct JsonPage {
    json: json::Messages,
    /// The beginning of the object, until it is written.
    opening: Option<String>,
    messages: u64,
}

impl JsonPage {
    fn new(request: &Request, ends: Ends) -> Self {
        let [client, server] = [ends.client, ends.server].map(|end| address(end, request.style));
        let opening = format!("{{\"client\":\"{client}\",\"server\":\"{server}\",\"messages\":[");
        Self {
            json: json::Messages::new(request.style.redact, request.rules.has_secrets()),
            opening: Some(opening),
            messages: 0,
        }
    }

    fn begin(&mut self, text: &mut Vec<u8>) {
        if let Some(opening) = self.opening.take() {
            text.extend_from_slice(opening.as_bytes());
        }
    }

    fn message(&mut self, message: &Message, text: &mut Vec<u8>) {
        self.begin(text);
        if self.messages > 0 {
            text.push(b',');
        }
        self.messages += 1;
        // Writing to memory does not fail.
        let _ = self.json.write(message, text);
    }
}

/// Returns the facts about a connection that has ended, as the end of its JSON object. `hides` is true for each side
/// whose stream has something hidden.
fn figures(connection: &Connection, hides: [bool; 2]) -> String {
    format!(
        "],\"client_stream\":{},\"server_stream\":{},\"complete\":{}}}",
        stream(&connection.client_stream, hides[0]),
        stream(&connection.server_stream, hides[1]),
        connection.complete
    )
}

/// Returns the JSON of a stream, without a digest if something in it is hidden: the digest would let it be guessed.
fn stream(stream: &Stream, is_hidden: bool) -> String {
    let digest = match stream.sha256.filter(|_| !is_hidden) {
        Some(digest) => format!("\"{}\"", hex::joined(&digest)),
        None => "null".to_owned(),
    };
    format!(
        "{{\"bytes\":{},\"missing\":{},\"aside\":{},\"conflicts\":{},\"ignored\":{},\"sha256\":{digest}}}",
        stream.bytes, stream.missing, stream.aside, stream.conflicts, stream.ignored
    )
}
