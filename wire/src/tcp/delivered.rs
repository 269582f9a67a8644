//! The bytes of a stream that were delivered last, to compare copies of them with.

use std::collections::VecDeque;
use std::ops::Range;

/// The most bytes of one side that are remembered. A copy of bytes further back cannot be compared any more.
pub(super) const MOST_REMEMBERED: usize = 1 << 20;

/// The most runs of bytes between holes that are remembered.
const MOST_RUNS: usize = 64;

/// The last bytes that were delivered. Offsets are those of the stream, holes included.
#[derive(Default)]
pub(super) struct Delivered {
    bytes: VecDeque<u8>,
    /// The stream ranges of those bytes, in order; between two of them is a hole.
    runs: VecDeque<Range<u64>>,
    /// The offset before which nothing is known any more.
    forgotten: u64,
}

/// The result of comparing a part of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// It was delivered with the same bytes.
    Same,
    /// It was delivered with other bytes.
    Other,
    /// It was given up as missing.
    Missing,
    /// It was delivered, or given up, too long ago.
    Forgotten,
}

impl Delivered {
    /// Takes the bytes that are delivered at an offset, which is behind all before.
    pub(super) fn push(&mut self, start: u64, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(MOST_REMEMBERED)..];
        let end = start + bytes.len() as u64;
        match self.runs.back_mut() {
            Some(run) if run.end == start => run.end = end,
            _ => self.runs.push_back(start..end),
        }
        let surplus = self.bytes.len() + bytes.len();
        if surplus > MOST_REMEMBERED {
            self.forget_bytes(surplus - MOST_REMEMBERED);
        }
        self.bytes.extend(kept);
        if self.runs.len() > MOST_RUNS {
            self.forget_run();
        }
    }

    /// Returns the number of bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Forgets all bytes up to the offset that comes next.
    pub(super) fn forget_before(&mut self, next: u64) {
        *self = Self {
            forgotten: next,
            ..Self::default()
        };
    }

    /// Compares a copy that begins at an offset and ends at or before the next one; returns its parts, in order.
    pub(super) fn compare(&self, start: u64, copy: &[u8]) -> Vec<(Compared, Range<usize>)> {
        let end = start + copy.len() as u64;
        let mut parts = Vec::new();
        let mut at = start;
        let mut add = |known: Compared, up_to: u64| {
            let up_to = up_to.clamp(at, end);
            if up_to > at {
                parts.push((known, place(at - start)..place(up_to - start)));
                at = up_to;
            }
        };
        add(Compared::Forgotten, self.forgotten);
        let mut kept = 0;
        for run in &self.runs {
            let length = place(run.end - run.start);
            add(Compared::Missing, run.start);
            let common = start.max(run.start)..end.min(run.end);
            if common.start < common.end {
                let own = kept + place(common.start - run.start);
                let other = place(common.start - start)..place(common.end - start);
                let is_same = self.has(own, &copy[other]);
                let known = if is_same {
                    Compared::Same
                } else {
                    Compared::Other
                };
                add(known, common.end);
            }
            kept += length;
        }
        add(Compared::Missing, end);
        parts
    }

    fn has(&self, at: usize, bytes: &[u8]) -> bool {
        let (front, back) = self.bytes.as_slices();
        let in_front = front.get(at..).unwrap_or_default();
        let (one, two) = bytes.split_at(bytes.len().min(in_front.len()));
        let behind = &back[at.saturating_sub(front.len()).min(back.len())..];
        in_front.starts_with(one) && behind.starts_with(two)
    }

    /// Forgets the oldest bytes, holes between them included; `count` may be more than there are, and then includes
    /// bytes to come.
    fn forget_bytes(&mut self, mut count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        while let Some(run) = self.runs.front_mut() {
            let length = place(run.end - run.start);
            if length > count {
                run.start += count as u64;
                self.forgotten = run.start;
                return;
            }
            count -= length;
            self.forgotten = run.end;
            self.runs.pop_front();
        }
    }

    fn forget_run(&mut self) {
        if let Some(run) = self.runs.front() {
            self.forget_bytes(place(run.end - run.start));
        }
    }
}

/// Returns an offset as a length that is known to fit in memory.
fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::Compared::{Forgotten, Missing, Other, Same};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_copy_is_compared_part_by_part() {
        let mut delivered = Delivered::default();
        delivered.push(2, b"cdef");
        delivered.push(6, b"g");
        delivered.push(10, b"klm");
        assert_eq!(delivered.compare(3, b"def"), [(Same, 0..3)]);
        assert_eq!(
            delivered.compare(0, b"abcdXfg"),
            [(Missing, 0..2), (Other, 2..7)]
        );
        assert_eq!(
            delivered.compare(6, b"ghijklM"),
            [(Same, 0..1), (Missing, 1..4), (Other, 4..7)]
        );
        delivered.forget_before(13);
        assert_eq!(delivered.compare(6, b"ghijklm"), [(Forgotten, 0..7)]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut delivered = Delivered::default();
        delivered.push(0, &vec![b'a'; 3 * MOST_REMEMBERED]);
        assert_eq!(delivered.memory(), MOST_REMEMBERED);
        let kept = 2 * MOST_REMEMBERED as u64;
        assert_eq!(
            delivered.compare(kept - 1, b"aab"),
            [(Forgotten, 0..1), (Other, 1..3)]
        );
        for hole in 0..1000 {
            delivered.push(3 * MOST_REMEMBERED as u64 + 2 * hole + 1, b"x");
        }
        assert!(delivered.runs.len() <= MOST_RUNS);
        assert_eq!(delivered.bytes.len(), MOST_RUNS);
    }

    proptest! {
        /// Compares it with keeping everything, for any pieces and holes.
        #[test]
        fn it_compares_as_if_it_kept_everything(
            pieces in proptest::collection::vec((0_u64..3, proptest::collection::vec(0_u8..3, 1..6)), 1..40),
            copy in (0_u64..60, proptest::collection::vec(0_u8..3, 1..30)),
        ) {
            let mut delivered = Delivered::default();
            let mut all: Vec<Option<u8>> = Vec::new();
            for (hole, bytes) in &pieces {
                all.extend((0..*hole).map(|_| None));
                delivered.push(all.len() as u64, bytes);
                all.extend(bytes.iter().copied().map(Some));
            }
            let (start, bytes) = copy;
            let bytes = &bytes[..bytes.len().min(all.len().saturating_sub(place(start)))];
            let parts = delivered.compare(start.min(all.len() as u64), bytes);
            let mut next = 0;
            for (known, range) in parts {
                prop_assert_eq!(range.start, next);
                next = range.end;
                let own = &all[place(start) + range.start..place(start) + range.end];
                let is_missing = own.iter().all(Option::is_none);
                let is_same = own.iter().zip(&bytes[range]).all(|(own, copy)| *own == Some(*copy));
                let expected = if is_missing { Missing } else if is_same { Same } else { Other };
                prop_assert_eq!(known, expected);
            }
            prop_assert_eq!(next, bytes.len());
        }
    }
}
