//! The pieces of a message that takes several frames, and the whole that they are pieces of.
//!
//! A value to hide may begin in one frame and end in the next. So the whole message is searched once, and each piece
//! takes its own part of what was found.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::edit::{Edit, apply};

/// A piece of a message in several frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    whole: Arc<Whole>,
    /// The range of its bytes in the whole.
    place: Range<usize>,
    is_last: bool,
}

/// The bytes of all pieces of a message, as far as they are kept.
#[derive(Debug, Default, PartialEq, Eq)]
struct Whole {
    bytes: Vec<u8>,
    edited: OnceLock<Edited>,
    shown: OnceLock<Edits>,
}

/// A whole with edits made.
#[derive(Debug, PartialEq, Eq)]
struct Edited {
    edits: Edits,
    whole: Arc<Whole>,
}

/// Edits in order and apart from each other, with the position to which the end of each moves.
#[derive(Debug, PartialEq, Eq)]
struct Edits {
    edits: Vec<Edit>,
    new_ends: Vec<usize>,
}

impl Fragment {
    /// Returns the pieces of a message whose payloads these are.
    pub fn pieces<'a>(payloads: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<Self> {
        let length = payloads.clone().map(<[u8]>::len).sum();
        let mut bytes = Vec::with_capacity(length);
        let mut places = Vec::new();
        for payload in payloads {
            places.push(bytes.len()..bytes.len() + payload.len());
            bytes.extend_from_slice(payload);
        }
        let whole = Arc::new(Whole {
            bytes,
            ..Whole::default()
        });
        let last = places.len().saturating_sub(1);
        let fragments = places.into_iter().enumerate().map(|(index, place)| Self {
            whole: Arc::clone(&whole),
            place,
            is_last: index == last,
        });
        fragments.collect()
    }

    /// Returns the bytes of all pieces.
    #[must_use]
    pub fn whole(&self) -> &[u8] {
        &self.whole.bytes
    }

    /// Returns true if no piece comes behind it.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// Hides what `find` finds in the whole, and returns the edits of this piece. The whole is searched for the first
    /// of its pieces only, so all of them are to be given the same search.
    pub fn edit(&mut self, find: impl FnOnce(&[u8]) -> Vec<Edit>) -> Vec<Edit> {
        let whole = Arc::clone(&self.whole);
        let edited = whole.edited.get_or_init(|| Edited::new(&whole, find));
        let found = edited.edits.inside(&self.place);
        if !edited.edits.edits.is_empty() {
            self.place = edited.edits.moved(self.place.start)..edited.edits.moved(self.place.end);
            self.whole = Arc::clone(&edited.whole);
        }
        found
    }

    /// Returns the edits of this piece for it to be shown, likewise.
    pub fn shown(&self, find: impl FnOnce(&[u8]) -> Vec<Edit>) -> Vec<Edit> {
        let edits = || Edits::new(find(&self.whole.bytes));
        self.whole.shown.get_or_init(edits).inside(&self.place)
    }
}

impl Edited {
    fn new(whole: &Whole, find: impl FnOnce(&[u8]) -> Vec<Edit>) -> Self {
        let edits = Edits::new(find(&whole.bytes));
        let bytes = if edits.edits.is_empty() {
            Vec::new()
        } else {
            apply(&whole.bytes, &edits.edits)
        };
        let whole = Arc::new(Whole {
            bytes,
            ..Whole::default()
        });
        Self { edits, whole }
    }
}

impl Edits {
    fn new(edits: Vec<Edit>) -> Self {
        let (mut old, mut new) = (0, 0);
        let ends = edits.iter().map(|(place, value)| {
            new += place.start - old + value.len();
            old = place.end;
            new
        });
        let new_ends = ends.collect();
        Self { edits, new_ends }
    }

    /// Returns the position to which a place moves. A replacement of the same length keeps the place of each byte;
    /// otherwise a place inside of it moves behind it, so that it belongs to the piece that it begins in.
    fn moved(&self, at: usize) -> usize {
        let before = self.edits.partition_point(|(place, _)| place.start < at);
        let Some(last) = before.checked_sub(1) else {
            return at;
        };
        let (place, value) = &self.edits[last];
        let new_end = self.new_ends[last];
        if at >= place.end {
            return new_end + (at - place.end);
        }
        if value.len() == place.len() {
            return new_end - (place.end - at);
        }
        new_end
    }

    /// Returns the edits inside of a part of the text, with their places in the part.
    fn inside(&self, part: &Range<usize>) -> Vec<Edit> {
        let first = self
            .edits
            .partition_point(|(place, _)| place.end <= part.start);
        let edits = self.edits[first..].iter();
        let edits = edits.take_while(|(place, _)| place.start < part.end);
        let cut = |(place, value): &Edit| {
            let kept = place.start.max(part.start)..place.end.min(part.end);
            let value = if value.len() == place.len() {
                value[kept.start - place.start..kept.end - place.start].to_vec()
            } else if place.start >= part.start {
                value.clone()
            } else {
                Vec::new()
            };
            (kept.start - part.start..kept.end - part.start, value)
        };
        edits.map(cut).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hide(find: &'static [u8], value: &'static [u8]) -> impl Fn(&[u8]) -> Vec<Edit> {
        move |text| {
            let windows = text.windows(find.len());
            let at = windows.enumerate().filter(|(_, window)| *window == find);
            at.map(|(at, _)| (at..at + find.len(), value.to_vec()))
                .collect()
        }
    }

    #[test]
    fn a_value_in_two_pieces_stands_in_the_first_unless_it_keeps_its_length() {
        let payloads: [&[u8]; 3] = [b"your pin=47", b"1", b"1, keep it"];
        for (value, expected) in [
            (&b"<pin>"[..], ["your pin=<pin>", "", ", keep it"]),
            (b"xxxx", ["your pin=xx", "x", "x, keep it"]),
        ] {
            let pieces = Fragment::pieces(payloads.into_iter());
            for ((mut piece, payload), expected) in pieces.into_iter().zip(payloads).zip(expected) {
                let edits = piece.edit(hide(b"4711", value));
                assert_eq!(apply(payload, &edits), expected.as_bytes());
                assert_eq!(&piece.whole()[piece.place.clone()], expected.as_bytes());
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_put_together_are_the_whole(
            payloads in prop::collection::vec("[ab]{0,9}", 1..9),
            value in prop::sample::select(vec!["", "x", "xyz", "long"]),
            shown in prop::sample::select(vec!["", "!", "?!?"]),
        ) {
            let whole = payloads.concat();
            let find = hide(b"aba", value.as_bytes());
            // Places that overlap are one.
            let find = |text: &[u8]| {
                let mut edits = find(text);
                let mut end = 0;
                edits.retain(|(place, _)| place.start >= end && { end = place.end; true });
                edits
            };
            let hidden = apply(whole.as_bytes(), &find(whole.as_bytes()));
            let show = |text: &[u8]| hide(b"b", shown.as_bytes())(text);
            let expected = apply(&hidden, &show(&hidden));
            let mut text = Vec::new();
            let pieces = Fragment::pieces(payloads.iter().map(String::as_bytes));
            for (mut piece, payload) in pieces.into_iter().zip(&payloads) {
                let own = apply(payload.as_bytes(), &piece.edit(find));
                text.extend(apply(&own, &piece.shown(show)));
            }
            prop_assert_eq!(text, expected);
        }
    }
}
