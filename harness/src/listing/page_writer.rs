//! The page writer, a thread that puts the pages of a listing in order and writes them.
//!
//! Reading a capture and writing its listing take about as long, so they are done at the same time. What the
//! connections write comes to the page writer in batches, and empty batches go back, so that neither side runs ahead and no
//! memory is allocated again.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::in_order::InOrder;
use crate::render::dump::Unpacked;
use crate::render::payload::ListingBuffer;

/// The largest number of batches that wait for the page writer.
const MOST_WAITING: usize = 4;

/// A batch is sent when it has so many bytes, or so many steps.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_STEPS: usize = 4096;

/// A batch with so many bytes is printed before the next one is begun: those that wait would be much to hold.
const LARGE_BATCH: usize = 1 << 20;

/// A piece of output that is printed in one go.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) buffer: ListingBuffer,
    steps: Vec<Step>,
}

/// A step in the writing of a page.
#[derive(Debug)]
pub(super) enum Step {
    /// The first page may be written.
    Start,
    /// This comes before all else on the page.
    Heading(u64, String),
    /// This comes next.
    Line(u64, String),
    /// The next bytes of the buffer's text, as many as the number says.
    Text(u64, usize),
    /// The next bytes of the buffer's rows, as many as the number says.
    Rows(u64, usize),
    /// The end of the page.
    End(u64),
}

/// The writing side's end of the page writer.
#[derive(Debug)]
pub(super) struct PageSender {
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    pub(super) batch: Batch,
    /// The number of batches that were sent and have not come back.
    waiting: usize,
    /// True if the page writer has stopped, which it does at its first error.
    has_stopped: bool,
}

/// A page writer at work. It gives back its output at the end.
pub(super) struct PageWriter<'scope, Output>(ScopedJoinHandle<'scope, io::Result<Output>>);

impl<'scope, Output: Write + Send + 'scope> PageWriter<'scope, Output> {
    /// Starts to print on `output`, with `separator` between pages; fails if no thread can be started.
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        output: Output,
        separator: &'static str,
    ) -> io::Result<(Self, PageSender)> {
        let (full, batches) = sync_channel(MOST_WAITING);
        let (emptied, empty) = channel();
        let pages = InOrder::new(Unpacked::new(output), separator);
        let thread = Builder::new()
            .name("page writer".to_owned())
            .spawn_scoped(scope, move || print(pages, &batches, &emptied))?;
        let sender = PageSender {
            full,
            empty,
            batch: Batch::default(),
            waiting: 0,
            has_stopped: false,
        };
        Ok((Self(thread), sender))
    }

    /// Waits until everything is printed. The sender must be gone by then.
    pub(super) fn finish(self) -> io::Result<Output> {
        self.0
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn print<Output: Write>(
    mut pages: InOrder<Unpacked<Output>>,
    batches: &Receiver<Batch>,
    emptied: &Sender<Batch>,
) -> io::Result<Output> {
    for mut batch in batches {
        batch.print(&mut pages)?;
        // Nobody wants it any more where this was the last one.
        let _ = emptied.send(batch);
    }
    Ok(pages.finish()?.into_inner())
}

impl Batch {
    const fn bytes(&self) -> usize {
        self.buffer.text.len() + self.buffer.rows.len()
    }

    /// Prints what is in the batch, and empties it.
    fn print<Output: Write>(&mut self, pages: &mut InOrder<Output>) -> io::Result<()> {
        let (mut text, mut rows) = (self.buffer.text.as_slice(), self.buffer.rows.as_slice());
        for step in self.steps.drain(..) {
            match step {
                Step::Start => pages.start(0)?,
                Step::Heading(page, heading) => pages.prepend(page, heading.as_bytes()),
                Step::Line(page, line) => pages.append(page, line.as_bytes())?,
                Step::Text(page, length) => pages.append(page, take(&mut text, length))?,
                Step::Rows(page, length) => pages.append(page, take(&mut rows, length))?,
                Step::End(page) => pages.end(page)?,
            }
        }
        self.buffer.wipe();
        Ok(())
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

impl PageSender {
    /// Adds to the batch.
    pub(super) fn enter(&mut self, step: Step) {
        self.batch.steps.push(step);
    }

    /// Sends the batch if it is full; its steps must account for all that is on its buffer.
    pub(super) fn send_if_full(&mut self) {
        if self.batch.bytes() > BATCH_BYTES || self.batch.steps.len() >= BATCH_STEPS {
            self.send();
        }
    }

    /// Returns true if it is no use going on: [`PageWriter::finish`] knows why.
    pub(super) const fn has_stopped(&self) -> bool {
        self.has_stopped
    }

    fn send(&mut self) {
        let empty = self.empty.try_recv().ok();
        self.waiting -= usize::from(empty.is_some());
        let batch = std::mem::replace(&mut self.batch, empty.unwrap_or_default());
        let is_large = batch.bytes() > LARGE_BATCH;
        self.waiting += 1;
        self.has_stopped |= self.full.send(batch).is_err();
        while is_large && self.waiting > 0 && !self.has_stopped {
            self.has_stopped |= self.empty.recv().is_err();
            self.waiting -= 1;
        }
    }
}

impl Drop for PageSender {
    /// Sends what is left.
    fn drop(&mut self) {
        self.send();
    }
}
