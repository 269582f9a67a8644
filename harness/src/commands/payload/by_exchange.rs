//! The listing that is reviewed: by exchange instead of by connection, since a browser takes connections by chance.
//!
//! A capture is read twice: once to find the order, see [`Layout`], and once to write each message on the page that it
//! belongs to.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::Result;

use super::{Outcome, Request};
use crate::analysis::layout::{Layout, Section, Survey, Topic};
use crate::analysis::message::Message;
use crate::analysis::talks::hear_within;
use crate::commands::in_order::InOrder;
use crate::render::dump::Unpacked;
use crate::render::payload::{Listing, Sheet, Style, address, heading};
use crate::render::redactions::Scope;
use crate::render::safe_text::safe_line;
use crate::trace::provenance::Provenance;
use crate::trace::reader::{CaptureReader, open_kept};
use crate::units::Timestamp;
use crate::wire::stream::Opening;

/// Returns the order in which a capture is listed; `None` if it goes by connection: no browser was the client, or nothing
/// is known of its marks.
///
/// # Errors
///
/// Returns an error if the capture cannot be opened.
pub(super) fn layout(path: &Path, request: &Request) -> Result<Option<Layout>> {
    let Some(marks) = marks_of_browser(path) else {
        return Ok(None);
    };
    let mut survey = Survey::new(&marks);
    hear_within(
        &mut open_kept(path)?,
        request.memory,
        |opening, _, mut message| {
            request.rules.hide(&mut message, Scope::All);
            survey.message(opening, &message);
        },
    );
    Ok(survey.finish())
}

/// Returns when a browser was told what to do, as its capture's provenance has it. A provenance that cannot be read tells
/// nothing; the listing does not need it.
fn marks_of_browser(path: &Path) -> Option<Vec<Timestamp>> {
    let provenance = Provenance::read_beside(path).ok()??;
    let versions = &provenance.versions;
    let is_browser = versions.firefox.is_some() || versions.chromium.is_some();
    let mut marks = provenance.marks().ok().filter(|_| is_browser)?;
    marks.sort_unstable();
    Some(marks)
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
    let coverage = hear_within(&mut reader, request.memory, |opening, _, mut message| {
        request.rules.hide(&mut message, Scope::All);
        if outcome.is_ok() {
            outcome = pages.message(opening, message);
        }
    });
    outcome?;
    let output = pages.finish()?;
    Ok(Outcome { output, coverage })
}

/// The pages of a listing.
struct Pages<'l, Output> {
    layout: &'l Layout,
    style: Style,
    output: InOrder<Unpacked<Output>>,
    /// The messages written so far, by connection.
    talks: HashMap<u64, Talk>,
    sheet: Sheet,
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
            sheet: Sheet::default(),
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
            before.end(&mut self.sheet, &mut self.output)?;
        }
        let page = talk.open.get_or_insert_with(|| Page {
            number,
            listing: Listing::new(self.style),
            begin: [None; 2],
        });
        if self.layout.is_spread {
            page.count_from_here(&mut message);
        }
        page.write(
            |listing| listing.message(&message),
            &mut self.sheet,
            &mut self.output,
        )
    }

    fn finish(mut self) -> Result<Output> {
        for page in self.talks.into_values().filter_map(|talk| talk.open) {
            page.end(&mut self.sheet, &mut self.output)?;
        }
        Ok(self.output.finish()?.into_inner())
    }
}

impl Page {
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
        sheet: &mut Sheet,
        output: &mut InOrder<Unpacked<Output>>,
    ) -> Result<()> {
        self.listing.exchange(sheet);
        write(&mut self.listing);
        self.listing.exchange(sheet);
        output.append(self.number, &sheet.text)?;
        sheet.wipe();
        Ok(())
    }

    fn end<Output: Write>(
        mut self,
        sheet: &mut Sheet,
        output: &mut InOrder<Unpacked<Output>>,
    ) -> Result<()> {
        self.write(Listing::finish, sheet, output)?;
        Ok(output.end(self.number)?)
    }
}
