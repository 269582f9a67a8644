//! Remembers which packets brought the bytes that a parser holds back.
//!
//! It takes more bytes to know whether these begin a message or belong to a turn of raw bytes. Either is listed with
//! its original packet and place.

use std::collections::VecDeque;
use std::ops::Range;

use crate::tcp::event::Origin;

/// The most packets that are told apart; further bytes belong to the last of them.
const MOST_SPANS: usize = 1024;

/// Bytes held back that one packet carried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u64,
    pub(super) end: u64,
    /// The place among all messages of a message that begins here.
    pub(super) order: u64,
    pub(super) origin: Origin,
    /// The turn of their side, counted from 0.
    pub(super) turn: u32,
}

/// The bytes held back of one side.
#[derive(Debug, Default)]
pub(super) struct Provenance {
    spans: VecDeque<Span>,
    /// The number of times that the other side has spoken.
    pub(super) turn: u32,
}

impl Provenance {
    pub(super) const fn new() -> Self {
        Self {
            spans: VecDeque::new(),
            turn: 0,
        }
    }

    /// Returns the span with the byte at that offset, if it was held back.
    pub(super) fn at(&self, offset: u64) -> Option<&Span> {
        let place = self.spans.partition_point(|span| span.end <= offset);
        self.spans.get(place).filter(|span| span.start <= offset)
    }

    /// Returns the span of the first message that may begin with the bytes held back.
    pub(super) fn first(&self) -> Option<&Span> {
        self.spans.front()
    }

    /// Gives the bytes held back their places among all messages anew, behind those that were given out so far.
    pub(super) fn renumber(&mut self, order: &mut u64) {
        for span in &mut self.spans {
            span.order = *order;
            *order += 1;
        }
    }

    /// Records the bytes held back now, and the packet that brought all bytes from `since` on.
    pub(super) fn hold(&mut self, held: Range<u64>, since: u64, origin: Origin, order: &mut u64) {
        while self
            .spans
            .front()
            .is_some_and(|span| span.end <= held.start)
        {
            self.spans.pop_front();
        }
        if held.is_empty() {
            self.spans = VecDeque::new();
            return;
        }
        let start = held.start.max(since);
        if start >= held.end {
            return;
        }
        if self.spans.len() >= MOST_SPANS
            && let Some(last) = self.spans.back_mut()
        {
            last.end = held.end;
            return;
        }
        self.spans.push_back(Span {
            start,
            end: held.end,
            order: *order,
            origin,
            turn: self.turn,
        });
        *order += 1;
    }
}
