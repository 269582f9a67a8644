//! Which packets the bytes came in that a parser holds back.
//!
//! Only when more bytes come it is known whether they begin a message, or belong to a turn of raw bytes; either is to be told
//! with the packet and at the place where they were.

use std::collections::VecDeque;
use std::ops::Range;

use crate::wire::event::Origin;

/// How many packets are told apart; what more come in belongs to the last of them.
const MOST_SPANS: usize = 1024;

/// Bytes held back that one packet carried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u64,
    pub(super) end: u64,
    /// The place that a message which begins here has among all.
    pub(super) order: u64,
    pub(super) origin: Origin,
    /// The turn of their side, counted from 0.
    pub(super) turn: u32,
}

/// The bytes held back of one side.
#[derive(Debug, Default)]
pub(super) struct Provenance {
    spans: VecDeque<Span>,
    /// How often the other side has spoken.
    pub(super) turn: u32,
}

impl Provenance {
    pub(super) const fn new() -> Self {
        Self {
            spans: VecDeque::new(),
            turn: 0,
        }
    }

    /// The packet that carried the byte at that offset, where it was held back.
    pub(super) fn at(&self, offset: u64) -> Option<&Span> {
        let place = self.spans.partition_point(|span| span.end <= offset);
        self.spans.get(place).filter(|span| span.start <= offset)
    }

    /// The place of the first message that may begin with what is held back.
    pub(super) fn first(&self) -> Option<&Span> {
        self.spans.front()
    }

    /// Takes the news of what is held back now, and of the packet that brought all from `since` on.
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
