//! Sequence numbers that one side passed over: bytes that come there later are new.

use crate::packet::distance;

/// The most gaps of one side that are remembered; if there are more, the oldest are forgotten, and bytes that fill
/// those count as sent before.
pub(super) const MOST_GAPS: usize = 256;

/// The distance beyond which gaps are forgotten: sequence numbers wrap.
const FURTHEST: i32 = 1 << 30;

/// The gaps of one side. Boxed, since most sides have none.
#[derive(Debug, Default)]
pub(super) struct Gaps(Option<Box<Ranges>>);

/// Starts and ends, in order.
#[derive(Debug, Default)]
struct Ranges(Vec<(u32, u32)>);

impl Gaps {
    /// Remembers a gap.
    pub(super) fn note(&mut self, start: u32, end: u32) {
        let ranges = &mut self.0.get_or_insert_default().0;
        while ranges.len() >= MOST_GAPS
            || ranges
                .first()
                .is_some_and(|(oldest, _)| distance(*oldest, end) > FURTHEST)
        {
            ranges.remove(0);
        }
        let place = ranges.partition_point(|(from, _)| distance(*from, start) > 0);
        ranges.insert(place, (start, end));
    }

    /// Takes the numbers of a segment out of the gaps; returns true if any were in them.
    #[inline]
    pub(super) fn fill(&mut self, start: u32, end: u32) -> bool {
        let Some(Ranges(ranges)) = self.0.as_deref_mut() else {
            return false;
        };
        let is_filled = fill(ranges, start, end);
        if ranges.is_empty() {
            self.0 = None;
        }
        is_filled
    }

    /// Forgets all gaps.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

fn fill(ranges: &mut Vec<(u32, u32)>, start: u32, end: u32) -> bool {
    let mut place = ranges.partition_point(|(_, to)| distance(*to, start) >= 0);
    let mut is_filled = false;
    while let Some((from, to)) = ranges.get(place).copied()
        && distance(from, end) > 0
    {
        is_filled = true;
        let is_open_before = distance(from, start) > 0;
        let is_open_behind = distance(end, to) > 0;
        match (is_open_before, is_open_behind) {
            (true, true) => {
                ranges[place].1 = start;
                ranges.insert(place + 1, (end, to));
                ranges.truncate(MOST_GAPS);
                break;
            }
            (true, false) => {
                ranges[place].1 = start;
                place += 1;
            }
            (false, true) => {
                ranges[place].0 = end;
                break;
            }
            (false, false) => {
                ranges.remove(place);
            }
        }
    }
    is_filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_oldest_gaps_are_forgotten_first() {
        let mut gaps = Gaps::default();
        for gap in 0..1000_u32 {
            gaps.note(gap * 10, gap * 10 + 5);
        }
        let kept = gaps.0.as_ref().map(|ranges| ranges.0.len());
        assert_eq!(kept, Some(MOST_GAPS));
        assert!(!gaps.fill(0, 5), "forgotten");
        assert!(gaps.fill(9990, 9995) && !gaps.fill(9990, 9995));
        gaps.note(1 << 30, (1 << 30) + 9000);
        gaps.note((1 << 30) + 10_000, (1 << 30) + 10_001);
        assert!(!gaps.fill(9980, 9985), "too far back");
    }

    proptest! {
        /// Compares it with remembering each sequence number.
        #[test]
        fn a_segment_is_new_where_any_of_its_numbers_is(
            first in any::<u32>(),
            segments in proptest::collection::vec((0_u32..200, 1_u32..20), 1..60),
        ) {
            let mut gaps = Gaps::default();
            let mut next = 0;
            let mut seen = [false; 256];
            for (start, length) in segments {
                let end = start + length;
                let numbers = start as usize..end as usize;
                let expected = seen[numbers.clone()].iter().any(|seen| !seen);
                seen[numbers].fill(true);
                let [from, to] = [start, end].map(|number| first.wrapping_add(number));
                let found = if end > next {
                    if start > next {
                        gaps.note(first.wrapping_add(next), from);
                    } else {
                        gaps.fill(from, to);
                    }
                    next = end;
                    true
                } else {
                    gaps.fill(from, to)
                };
                prop_assert_eq!(found, expected);
            }
        }
    }
}
