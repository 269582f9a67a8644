//! Segments of a connection that were read ahead, because one before them left a doubt: missing bytes may come later in
//! the file.

use std::collections::VecDeque;

use super::event::Origin;
use super::stream::Verdict;
use crate::packet::{Flags, Segment};

/// The cost of a segment that was read ahead, besides its bytes.
const OVERHEAD: usize = 160;

/// Segments in the order of the file; the first one is the next to be taken.
#[derive(Default)]
pub(super) struct Ahead {
    segments: VecDeque<Held>,
    bytes: usize,
}

/// A segment with a payload of its own.
pub(super) struct Held {
    pub(super) origin: Origin,
    pub(super) verdict: Verdict,
    fields: Segment<'static>,
    payload: Box<[u8]>,
}

impl Held {
    pub(super) fn segment(&self) -> Segment<'_> {
        Segment {
            payload: &self.payload,
            ..self.fields
        }
    }

    pub(super) const fn is_syn(&self) -> bool {
        self.fields.flags.has(Flags::SYN)
    }

    const fn cost(&self) -> usize {
        self.payload.len() + OVERHEAD
    }
}

impl Ahead {
    pub(super) fn push(&mut self, origin: Origin, segment: &Segment<'_>, verdict: Verdict) {
        let held = Held {
            origin,
            verdict,
            payload: segment.payload.into(),
            fields: Segment {
                header: b"",
                payload: b"",
                ..*segment
            },
        };
        self.bytes += held.cost();
        self.segments.push_back(held);
    }

    pub(super) fn pop(&mut self) -> Option<Held> {
        let held = self.segments.pop_front()?;
        self.bytes -= held.cost();
        if self.segments.is_empty() {
            self.segments = VecDeque::new();
        }
        Some(held)
    }

    pub(super) fn first(&self) -> Option<&Held> {
        self.segments.front()
    }

    pub(super) fn last(&self) -> Option<&Held> {
        self.segments.back()
    }

    /// Returns the segments after the first.
    pub(super) fn rest(&self) -> impl Iterator<Item = &Held> {
        self.segments.iter().skip(1)
    }

    /// Turns the sides: the end taken for the client is the server.
    pub(super) fn turn_sides(&mut self) {
        for held in &mut self.segments {
            held.origin.side = held.origin.side.peer();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Returns the cost of all segments.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
