//! The book that all the connections of a capture write into, each its own pages.

use std::io::{self, Write};
use std::net::SocketAddr;

use anyhow::{Result, bail};

use super::Request;
use crate::cli::PayloadFormat;
use crate::commands::in_order::InOrder;
use crate::render::dump::Unpacked;
use crate::render::payload::{Sheet, heading};

/// What all the connections of a capture write into.
pub(super) struct Book<Output> {
    pub(super) request: Request,
    pages: InOrder<Unpacked<Output>>,
    /// What the connections write on, one after the other.
    sheet: Sheet,
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
pub(super) struct Ends {
    pub(super) index: u64,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
}

impl Ends {
    /// The page for what is listed as it comes.
    pub(super) const fn text_page(self) -> u64 {
        2 * self.index
    }

    /// The page for the rows that stand behind it.
    pub(super) const fn rows_page(self) -> u64 {
        2 * self.index + 1
    }
}

impl<Output: Write> Book<Output> {
    pub(super) fn new(request: Request, mut output: Output) -> io::Result<Self> {
        if request.format == PayloadFormat::Json {
            let name = serde_json::to_string(&request.name)?;
            write!(output, "{{\"pcap\":{name},\"connections\":[")?;
        }
        let is_text = request.format == PayloadFormat::Text;
        let mut pages = InOrder::new(Unpacked::new(output), if is_text { "\n" } else { "," });
        if request.format == PayloadFormat::Json || request.connection.is_some() {
            pages.start(0)?;
        }
        Ok(Self {
            request,
            pages,
            sheet: Sheet::default(),
            spoken: Spoken::None,
            connections: 0,
            error: None,
        })
    }

    /// Takes note of a connection; tells which one alone is wanted.
    pub(super) fn count(&mut self, ends: Ends) -> Option<u64> {
        self.connections = self.connections.max(ends.index + 1);
        self.request.connection
    }

    /// Where one connection is wanted, it should be there.
    pub(super) fn check_wanted(&self) -> Result<()> {
        match self.request.connection {
            Some(number) if number > self.connections => {
                let count = self.connections;
                bail!("there is no connection {number}: the capture has {count}")
            }
            _ => Ok(()),
        }
    }

    /// Takes the first error that any connection met.
    pub(super) fn check(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    fn remember(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }

    /// Lets a connection write on the book's sheet, and enters into its pages what it wrote. `spoken` says whether it
    /// has written anything before.
    pub(super) fn enter(&mut self, ends: Ends, spoken: &mut bool, write: impl FnOnce(&mut Sheet)) {
        let mut sheet = std::mem::take(&mut self.sheet);
        write(&mut sheet);
        let is_empty = sheet.text.is_empty() && sheet.rows.is_empty();
        if !is_empty && !std::mem::replace(spoken, true) {
            self.speak(ends);
        }
        self.append(ends.text_page(), &sheet.text);
        self.append(ends.rows_page(), &sheet.rows);
        sheet.wipe();
        self.sheet = sheet;
    }

    pub(super) fn append(&mut self, page: u64, text: &[u8]) {
        if self.error.is_none() && !text.is_empty() {
            let result = self.pages.append(page, text);
            self.remember(result);
        }
    }

    /// A connection is about to write its first text: with the second one that does, headings begin.
    fn speak(&mut self, ends: Ends) {
        if self.request.format == PayloadFormat::Json || self.request.connection.is_some() {
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

    /// Nothing more comes for a connection.
    pub(super) fn end(&mut self, ends: Ends) {
        for page in [ends.text_page(), ends.rows_page()] {
            let result = self.pages.end(page);
            self.remember(result);
        }
    }

    pub(super) fn finish(mut self) -> io::Result<Output> {
        self.check()?;
        let mut output = self.pages.finish()?.into_inner();
        if self.request.format == PayloadFormat::Json {
            output.write_all(b"]}\n")?;
        }
        output.flush()?;
        Ok(output)
    }
}
