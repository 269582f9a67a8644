//! The pages of a listing: all the connections of a capture write into them, each on its own.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use wirestream::budget::Budget;

use super::Format;
use super::page_writer::{PageSender, Step};
use super::{Messages, Request};
use crate::render::payload::{ListingBuffer, heading};

/// The output that all the connections of a capture write into.
pub(super) struct ListingPages {
    pub(super) request: Request,
    pub(super) budget: Budget,
    sender: PageSender,
    /// The connections that have written anything so far: none, the first alone, or several.
    writers: Writers,
    connections: u64,
    /// True if a message that is to be listed has come.
    has_message: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writers {
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
    /// Returns the page for what is listed as it comes.
    pub(super) const fn text_page(self) -> u64 {
        2 * self.index
    }

    /// Returns the page for the rows that stand behind it.
    pub(super) const fn rows_page(self) -> u64 {
        2 * self.index + 1
    }
}

impl ListingPages {
    pub(super) fn new(request: Request, mut sender: PageSender) -> Self {
        if request.format == Format::Json || request.connection.is_some() {
            sender.enter(Step::Start);
        }
        Self {
            budget: Budget::new(request.memory),
            request,
            sender,
            writers: Writers::None,
            connections: 0,
            has_message: false,
        }
    }

    /// Takes note of a connection; tells which one alone is wanted.
    pub(super) fn count(&mut self, ends: Ends) -> Option<u64> {
        self.connections = self.connections.max(ends.index + 1);
        self.request.connection
    }

    /// Notes that a message that is to be listed has come.
    pub(super) const fn found_message(&mut self) {
        self.has_message = true;
    }

    /// Checks that the one connection, message or frame that was asked for exists.
    pub(super) fn check_wanted(&self) -> Result<()> {
        let connection = self.request.connection;
        if let Some(number) = connection.filter(|number| *number > self.connections) {
            let count = self.connections;
            bail!("there is no connection {number}: the capture has {count}")
        }
        let place = connection.map_or_else(
            || "the capture".to_owned(),
            |number| format!("connection {number}"),
        );
        match &self.request.messages {
            Messages::Number(number) if !self.has_message => {
                bail!("there is no message {number} in {place}")
            }
            Messages::Frame(name) if !self.has_message => {
                bail!("there is no WebSocket frame {name} in {place}")
            }
            _ => Ok(()),
        }
    }

    /// Returns true if nothing that is written reaches the output any more.
    pub(super) const fn has_stopped(&self) -> bool {
        self.sender.has_stopped()
    }

    /// Lets a connection write on the common buffer, and enters into its pages what it wrote. `spoken` is true if it has
    /// written anything before.
    pub(super) fn enter(
        &mut self,
        ends: Ends,
        spoken: &mut bool,
        write: impl FnOnce(&mut ListingBuffer),
    ) {
        let buffer = &mut self.sender.batch.buffer;
        let (text, rows) = (buffer.text.len(), buffer.rows.len());
        write(buffer);
        if self.request.rows_only {
            buffer.text.truncate(text);
        }
        let (text, rows) = (buffer.text.len() - text, buffer.rows.len() - rows);
        if text + rows > 0 && !std::mem::replace(spoken, true) {
            self.speak(ends);
        }
        if text > 0 {
            self.sender.enter(Step::Text(ends.text_page(), text));
        }
        if rows > 0 {
            self.sender.enter(Step::Rows(ends.rows_page(), rows));
        }
        self.sender.send_if_full();
    }

    /// Enters what stands behind all that a connection wrote.
    pub(super) fn append(&mut self, ends: Ends, line: String) {
        self.sender.enter(Step::Line(ends.text_page(), line));
    }

    /// Notes that a connection is about to write its first text: with the second one that does, headings begin.
    fn speak(&mut self, ends: Ends) {
        if self.request.format == Format::Json || self.request.connection.is_some() {
            return;
        }
        match self.writers {
            Writers::None => {
                self.writers = Writers::One(ends);
                return;
            }
            Writers::One(first) => {
                self.writers = Writers::Several;
                let heading = self.heading(first);
                self.sender.enter(Step::Heading(first.text_page(), heading));
                self.sender.enter(Step::Start);
            }
            Writers::Several => {}
        }
        let heading = self.heading(ends);
        self.sender.enter(Step::Line(ends.text_page(), heading));
    }

    fn heading(&self, ends: Ends) -> String {
        heading(ends.index + 1, ends.client, ends.server, self.request.style)
    }

    /// Ends the pages of a connection: nothing more comes for it.
    pub(super) fn end(&mut self, ends: Ends) {
        for page in [ends.text_page(), ends.rows_page()] {
            self.sender.enter(Step::End(page));
        }
        self.sender.send_if_full();
    }
}
