//! The listing that is reviewed: by exchange instead of by connection, since a browser takes connections by chance.
//!
//! A capture is read twice: once to find the order, see [`Layout`], and once to write each message on the page that it
//! belongs to.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::Result;
use sha2::{Digest as _, Sha256};
use wirestream::capture::{CaptureReader, open_kept};
use wirestream::message::{Detail, Message};
use wirestream::tcp::stream::Opening;
use wirestream::units::Side;
use wirestream::walk::messages;

use super::in_order::InOrder;
use super::{Outcome, Request};
use crate::analysis::coverage::Coverage;
use crate::analysis::layout::{self, Client, Layout, Section, Survey, Topic};
use crate::render::dump::Unpacked;
use crate::render::payload::{Listing, ListingBuffer, Style, address, heading};
use crate::render::redactions::Scope;
use crate::render::safe_text::safe_line;
use crate::trace::provenance::{MarkRecord, Provenance};

/// The line behind an exchange that a scenario declares as repeated, however often the capture has it.
const REPEATED: &[u8] = b"[repeated; the number varies]\n";

/// Returns the order in which a capture is listed; `None` if it goes by connection: no browser was the client, or nothing
/// is known of its marks, and no path is said to be repeated.
///
/// # Errors
///
/// Returns an error if the capture cannot be opened.
pub(super) fn layout(
    path: &Path,
    request: &Request,
    known: Option<&Client>,
) -> Result<Option<Layout>> {
    let has_repeats = request.rules.own().has_repeats();
    let is_browser = known.is_some_and(|known| known.is_browser);
    if !is_browser && !has_repeats {
        return Ok(None);
    }
    let nothing = Client::default();
    let mut survey = Survey::new(known.unwrap_or(&nothing));
    let mut repeated = Repeated::default();
    messages(
        &mut open_kept(path)?,
        request.memory,
        |opening, _, mut message| {
            let may_repeat = has_repeats && repeats(request, &message);
            request.rules.hide(&mut message, Scope::All);
            // The path may be told by what stands for a hidden value in it.
            let may_repeat = may_repeat || has_repeats && repeats(request, &message);
            survey.message(opening, &message);
            if has_repeats {
                repeated.message(opening, message, may_repeat, request.style, &mut survey);
            }
        },
    );
    repeated.finish(&mut survey);
    Ok(survey.finish())
}

/// Reads what a capture's provenance has of its client. A provenance that cannot be read tells nothing; the listing does not
/// need it.
#[must_use]
pub fn client_beside(path: &Path) -> Option<Client> {
    let provenance = Provenance::read_beside(path).ok()??;
    let versions = &provenance.versions;
    let closes = provenance.marks.iter().map(MarkRecord::is_close);
    let mut marks: Vec<_> = provenance.marks().ok()?.into_iter().zip(closes).collect();
    marks.sort_unstable();
    let (marks, closes) = marks.into_iter().unzip();
    Some(Client {
        marks,
        closes,
        are_several: provenance.clients.len() > 1,
        is_browser: versions.firefox.is_some() || versions.chromium.is_some(),
    })
}

/// Returns true if a message is a request that may be repeated a number of times that varies.
fn repeats(request: &Request, message: &Message) -> bool {
    let Detail::Http(http) = &message.detail else {
        return false;
    };
    message.from == Side::Client && request.rules.own().repeats(http.head.target())
}

/// The exchanges that may have been repeated, each told by what is listed of it.
#[derive(Default)]
struct Repeated {
    talks: HashMap<u64, Hearing>,
    buffer: ListingBuffer,
}

/// The messages of a connection so far.
#[derive(Default)]
struct Hearing {
    messages: u64,
    open: Option<Heard>,
}

/// An exchange that may have been repeated.
struct Heard {
    first_message: u64,
    page: Page,
    hash: Sha256,
    /// The digest of its request.
    request: Option<layout::Digest>,
}

impl Repeated {
    fn message(
        &mut self,
        opening: &Opening,
        mut message: Message,
        may_repeat: bool,
        style: Style,
        survey: &mut Survey<'_>,
    ) {
        let hearing = self.talks.entry(opening.index).or_default();
        let number = hearing.messages;
        hearing.messages += 1;
        if message.from == Side::Client && matches!(message.detail, Detail::Http(_)) {
            if let Some(before) = hearing.open.take() {
                before.end(opening.index, &mut self.buffer, survey);
            }
            hearing.open = may_repeat.then(|| Heard {
                first_message: number,
                page: Page::new(number, style),
                hash: Sha256::new(),
                request: None,
            });
        }
        if let Some(heard) = &mut hearing.open {
            heard.page.count_from_here(&mut message);
            heard.write(|listing| listing.message(&message), &mut self.buffer);
        }
    }

    fn finish(mut self, survey: &mut Survey<'_>) {
        for (connection, hearing) in self.talks {
            if let Some(heard) = hearing.open {
                heard.end(connection, &mut self.buffer, survey);
            }
        }
    }
}

impl Heard {
    fn write(&mut self, write: impl FnOnce(&mut Listing), buffer: &mut ListingBuffer) {
        self.page.with_buffer(write, buffer);
        self.hash.update(&buffer.text);
        buffer.wipe();
        let whole = self.hash.clone().finalize().into();
        self.request.get_or_insert(whole);
    }

    fn end(mut self, connection: u64, buffer: &mut ListingBuffer, survey: &mut Survey<'_>) {
        self.write(Listing::finish, buffer);
        let whole = self.hash.finalize().into();
        let repeated = layout::Repeated {
            request: self.request.unwrap_or(whole),
            whole,
        };
        survey.repeated(connection, self.first_message, repeated);
    }
}

/// Lists a capture in this order.
///
/// # Errors
///
/// Returns an error if the listing cannot be written.
pub(super) fn list<Output: Write>(
    mut reader: CaptureReader<impl Read>,
    layout: &Layout,
    request: &Request,
    output: Output,
) -> Result<Outcome<Output>> {
    let mut pages = Pages::new(layout, request.style, output);
    let mut outcome = pages.begin();
    let walked = messages(&mut reader, request.memory, |opening, _, mut message| {
        request.rules.hide(&mut message, Scope::All);
        if outcome.is_ok() {
            outcome = pages.message(opening, message);
        }
    });
    outcome?;
    let output = pages.finish()?;
    let coverage = Coverage::of_walk(&reader, walked);
    Ok(Outcome { output, coverage })
}

/// The pages of a listing.
struct Pages<'l, Output> {
    layout: &'l Layout,
    style: Style,
    output: InOrder<Unpacked<Output>>,
    /// The messages written so far, by connection.
    talks: HashMap<u64, Talk>,
    buffer: ListingBuffer,
}

/// The messages written so far of one connection.
#[derive(Default)]
struct Talk {
    /// The number of its messages so far.
    messages: u64,
    open: Option<Page>,
}

/// A page that is being written.
struct Page {
    number: u64,
    listing: Listing,
    /// The offset in each side's stream at which its first message begins.
    begin: [Option<u64>; 2],
}

impl<'l, Output: Write> Pages<'l, Output> {
    fn new(layout: &'l Layout, style: Style, output: Output) -> Self {
        Self {
            layout,
            style,
            output: InOrder::new(Unpacked::new(output), ""),
            talks: HashMap::new(),
            buffer: ListingBuffer::default(),
        }
    }

    /// Writes the headings, if there are several sections.
    fn begin(&mut self) -> Result<()> {
        if self.layout.sections.len() > 1 {
            for (number, section) in (1..).zip(&self.layout.sections) {
                let heading = self.heading(number, section);
                self.output.prepend(section.first_page, heading.as_bytes());
            }
        }
        Ok(self.output.start(0)?)
    }

    fn heading(&self, number: u64, section: &Section) -> String {
        let gap = if number > 1 { "\n" } else { "" };
        let [client, server] = section.ends;
        if !self.layout.is_spread {
            let heading = heading(number, client, server, self.style);
            return format!("{gap}{heading}");
        }
        let ends = [client, server].map(|end| address(end, self.style));
        let topic = match &section.topic {
            Topic::Requests => format!("Requests to {}", ends[1]),
            Topic::Events(target) => format!("Events from {}", safe_line(target)),
            Topic::Switched(target) => format!("Upgrade of {}", safe_line(target)),
            Topic::Connection => format!("Connection {} to {}", ends[0], ends[1]),
        };
        format!("{gap}{topic}\n\n")
    }

    fn message(&mut self, opening: &Opening, mut message: Message) -> Result<()> {
        let talk = self.talks.entry(opening.index).or_default();
        let number = self.layout.page(opening.index, talk.messages);
        talk.messages += 1;
        let Some(number) = number else {
            return Ok(());
        };
        if let Some(before) = talk.open.take_if(|page| page.number != number) {
            before.end(self.layout, &mut self.buffer, &mut self.output)?;
        }
        let page = talk
            .open
            .get_or_insert_with(|| Page::new(number, self.style));
        if self.layout.is_spread || self.layout.is_repeated(number) {
            page.count_from_here(&mut message);
        }
        page.write(
            |listing| listing.message(&message),
            &mut self.buffer,
            &mut self.output,
        )
    }

    fn finish(mut self) -> Result<Output> {
        for page in self.talks.into_values().filter_map(|talk| talk.open) {
            page.end(self.layout, &mut self.buffer, &mut self.output)?;
        }
        Ok(self.output.finish()?.into_inner())
    }
}

impl Page {
    fn new(number: u64, style: Style) -> Self {
        Self {
            number,
            listing: Listing::new(style),
            begin: [None; 2],
        }
    }

    /// Makes the remarks on a message count from the start of its side's first message on the page: the position in the
    /// stream depends on what else the connection took.
    fn count_from_here(&mut self, message: &mut Message) {
        let begin = *self.begin[message.from as usize].get_or_insert(message.offset);
        for note in &mut message.notes {
            note.offset = note.offset.saturating_sub(begin);
        }
    }

    fn write<Output: Write>(
        &mut self,
        write: impl FnOnce(&mut Listing),
        buffer: &mut ListingBuffer,
        output: &mut InOrder<Unpacked<Output>>,
    ) -> Result<()> {
        self.with_buffer(write, buffer);
        output.append(self.number, &buffer.text)?;
        buffer.wipe();
        Ok(())
    }

    fn with_buffer(&mut self, write: impl FnOnce(&mut Listing), buffer: &mut ListingBuffer) {
        self.listing.exchange(buffer);
        write(&mut self.listing);
        self.listing.exchange(buffer);
    }

    fn end<Output: Write>(
        mut self,
        layout: &Layout,
        buffer: &mut ListingBuffer,
        output: &mut InOrder<Unpacked<Output>>,
    ) -> Result<()> {
        self.write(Listing::finish, buffer, output)?;
        if layout.is_repeated(self.number) {
            output.append(self.number, REPEATED)?;
        }
        Ok(output.end(self.number)?)
    }
}
