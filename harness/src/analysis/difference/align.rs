//! Finds the old counterpart of each new item, at the least cost.
//!
//! Items that are the same cost nothing, items that do the same cost little, items of one family cost more, and an item
//! without counterpart costs too. The cheapest alignment is found exactly (Needleman and Wunsch) if both sequences are
//! short. In long ones, the common beginning and end are set aside, and the rest is aligned in windows, so that time
//! grows with the length, not with its square. An item that moved further than a window is then taken for removed here
//! and added there.

use super::entry::Digest;

/// The most pairs that are weighed at once.
const MOST_CELLS: usize = 4_000_000;

/// The number of items of each side in a window, if there are more.
const WINDOW: usize = 1000;

/// The cost of having no counterpart.
const ALONE: u32 = 2;

/// The properties by which items are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// A digest that is equal for items that are the same.
    pub(super) exact: Digest,
    /// A digest that is equal for items that do the same.
    pub(super) shape: Digest,
    /// The family; items of different families are never counterparts.
    pub(super) family: (u8, bool),
}

impl Key {
    /// Returns the cost of taking one for the other; `None` if their families differ.
    fn cost(&self, other: &Self) -> Option<u32> {
        if self.family != other.family {
            None
        } else if self.exact == other.exact {
            Some(0)
        } else if self.shape == other.shape {
            Some(1)
        } else {
            Some(3)
        }
    }
}

/// An old thing, a new thing, or both, by their places.
pub(super) type Pair = (Option<usize>, Option<usize>);

/// Aligns two sequences. With old and new swapped, the same pairs come out.
pub(super) fn align(old: &[Key], new: &[Key]) -> Vec<Pair> {
    if old <= new {
        return in_order(old, new);
    }
    let pairs = in_order(new, old).into_iter();
    pairs.map(|(new, old)| (old, new)).collect()
}

fn in_order(old: &[Key], new: &[Key]) -> Vec<Pair> {
    let same = |(one, other): &(&Key, &Key)| one.exact == other.exact && one.family == other.family;
    let start = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[start..], &new[start..]);
    let end = old.iter().rev().zip(new.iter().rev());
    let end = end.take_while(same).count();
    let (ends, news) = (old.len() - end, new.len() - end);
    let mut pairs: Vec<Pair> = (0..start).map(|place| (Some(place), Some(place))).collect();
    let middle = middle(&old[..ends], &new[..news]);
    let shifted = |place: Option<usize>| place.map(|place| place + start);
    pairs.extend(
        middle
            .into_iter()
            .map(|(old, new)| (shifted(old), shifted(new))),
    );
    pairs.extend((0..end).map(|place| (Some(start + ends + place), Some(start + news + place))));
    pairs
}

fn middle(old: &[Key], new: &[Key]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let (mut from, mut to) = (0, 0);
    while from < old.len() || to < new.len() {
        let fits = (old.len() - from).saturating_mul(new.len() - to) <= MOST_CELLS;
        let window = if fits { usize::MAX } else { WINDOW };
        let [olds, news] = [&old[from..], &new[to..]].map(|keys| &keys[..keys.len().min(window)]);
        // What is found at the end of a window may change with what comes behind it.
        let sure = if fits { usize::MAX } else { WINDOW / 2 };
        let (mut passed, mut met) = (0, 0);
        for (one, other) in best(olds, news) {
            if passed >= sure || met >= sure {
                break;
            }
            passed += usize::from(one.is_some());
            met += usize::from(other.is_some());
            pairs.push((one.map(|place| place + from), other.map(|place| place + to)));
        }
        from += passed;
        to += met;
    }
    pairs
}

/// Steps on the way through two sequences.
#[derive(Clone, Copy)]
enum Step {
    Both,
    Old,
    New,
}

/// Returns the alignment that costs least.
fn best(old: &[Key], new: &[Key]) -> Vec<Pair> {
    let width = new.len() + 1;
    let mut steps = vec![Step::New; (old.len() + 1) * width];
    let mut costs: Vec<u32> = (0..width).map(|place| cost_of(place) * ALONE).collect();
    for (row, before) in old.iter().enumerate() {
        let mut diagonal = costs[0];
        costs[0] += ALONE;
        steps[(row + 1) * width] = Step::Old;
        for (column, after) in new.iter().enumerate() {
            let (above, left) = (costs[column + 1] + ALONE, costs[column] + ALONE);
            let both = before.cost(after).map_or(u32::MAX, |cost| diagonal + cost);
            diagonal = costs[column + 1];
            let (cost, step) = if both <= above && both <= left {
                (both, Step::Both)
            } else if above <= left {
                (above, Step::Old)
            } else {
                (left, Step::New)
            };
            costs[column + 1] = cost;
            steps[(row + 1) * width + column + 1] = step;
        }
    }
    way_back(&steps, old.len(), new.len())
}

fn cost_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX / 4)
}

fn way_back(steps: &[Step], mut old: usize, mut new: usize) -> Vec<Pair> {
    let width = new + 1;
    let mut pairs = Vec::with_capacity(old.max(new));
    while old > 0 || new > 0 {
        let (from_old, from_new) = match steps[old * width + new] {
            Step::Both => (true, true),
            Step::Old => (true, false),
            Step::New => (false, true),
        };
        old -= usize::from(from_old);
        new -= usize::from(from_new);
        pairs.push((from_old.then_some(old), from_new.then_some(new)));
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(exact: u8, shape: u8) -> Key {
        Key {
            exact: [exact; 32],
            shape: [shape; 32],
            family: (shape / 4, false),
        }
    }

    fn keys(text: &str) -> Vec<Key> {
        text.bytes()
            .map(|byte| key(byte, byte.to_ascii_lowercase() - b'a'))
            .collect()
    }

    /// Returns the items in aligned order as text: `-` for a missing counterpart.
    fn aligned(old: &str, new: &str) -> [String; 2] {
        let pairs = align(&keys(old), &keys(new));
        let show = |text: &str, place: Option<usize>| {
            place.map_or('-', |place| char::from(text.as_bytes()[place]))
        };
        let olds = pairs.iter().map(|(one, _)| show(old, *one)).collect();
        let news = pairs.iter().map(|(_, other)| show(new, *other)).collect();
        [olds, news]
    }

    #[test]
    fn what_is_the_same_answers_itself_and_what_does_the_same_its_like() {
        assert_eq!(aligned("aaaa", "aaaaa")[0].matches('-').count(), 1);
        assert_eq!(aligned("abc", "abc"), ["abc", "abc"]);
        assert_eq!(aligned("abc", "ac"), ["abc", "a-c"]);
        assert_eq!(aligned("abc", "aBc"), ["abc", "aBc"]);
        assert_eq!(aligned("a", "b"), ["a", "b"]);
        assert_eq!(aligned("", "ab"), ["--", "ab"]);
        let apart = aligned("a", "e");
        assert_eq!(apart[0].len(), 2, "another family: {apart:?}");
    }

    #[test]
    fn long_sequences_take_no_time_that_grows_with_their_square() {
        let old: Vec<Key> = (0..40_000_u32)
            .map(|index| key((index % 251) as u8, 0))
            .collect();
        let mut new = old.clone();
        new.remove(20);
        new.insert(30_000, key(252, 0));
        new.iter_mut()
            .step_by(100)
            .for_each(|key| key.exact = [253; 32]);
        let pairs = align(&old, &new);
        let alone = pairs
            .iter()
            .filter(|(one, other)| one.is_none() || other.is_none());
        assert!(alone.count() <= 40);
        assert_eq!(
            pairs.iter().filter(|(one, _)| one.is_some()).count(),
            old.len()
        );
        assert_eq!(
            pairs.iter().filter(|(_, other)| other.is_some()).count(),
            new.len()
        );
    }

    proptest! {
        #[test]
        fn everything_comes_once_and_in_order(
            old in prop::collection::vec((0_u8..6, 0_u8..6), 0..30),
            new in prop::collection::vec((0_u8..6, 0_u8..6), 0..30),
        ) {
            let [old, new] = [old, new].map(|keys| keys.into_iter().map(|(exact, shape)| key(exact, shape)).collect::<Vec<_>>());
            let pairs = align(&old, &new);
            let olds: Vec<usize> = pairs.iter().filter_map(|(one, _)| *one).collect();
            let news: Vec<usize> = pairs.iter().filter_map(|(_, other)| *other).collect();
            prop_assert_eq!(olds, (0..old.len()).collect::<Vec<_>>());
            prop_assert_eq!(news, (0..new.len()).collect::<Vec<_>>());
            let back: Vec<Pair> = align(&new, &old).into_iter().map(|(new, old)| (old, new)).collect();
            prop_assert_eq!(back, pairs);
        }
    }
}
