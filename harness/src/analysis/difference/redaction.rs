//! Hides volatile values, by rules that the caller supplies.

use std::fmt;
use std::ops::{Deref, Range};

use wirestream::websocket::Opcode;

use wirestream::message::Message;

/// Rules that hide values which change from run to run. They are those of listings and snapshots, which live where text
/// is made; they are passed in, so that a capture differs exactly if its snapshot would.
pub trait Rules {
    /// Hides secrets in a message, at its width.
    fn hide_secrets(&self, message: &mut Message);
    /// Hides values in a request's target, given its method.
    fn target(&self, method: &[u8], target: &[u8]) -> Vec<u8>;
    /// Hides values in a field's value, given its name.
    fn field(&self, name: &[u8], value: &[u8]) -> Vec<u8>;
    /// Hides values in the content of a message.
    fn content(&self, bytes: &[u8], sort: Sort) -> Hidden;

    /// Returns true if it does not count how often this target is asked for.
    fn repeats(&self, _target: &[u8]) -> bool {
        false
    }

    /// Returns true if the division of bodies into chunks does not count.
    fn hides_chunks(&self) -> bool {
        false
    }

    /// Hides values in any text.
    fn text(&self, text: &[u8]) -> Vec<u8> {
        self.content(text, Sort::Text).bytes
    }
}

/// The facts known about content before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// It is text.
    Text,
    /// A body, or a turn: it may be text or not.
    Content,
    /// The payload of a WebSocket message of that type.
    Payload(Opcode),
}

/// Content with volatile values hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The moves made by each set of rules, one after the other: each starts from the result of the one before.
    moves: Vec<Moves>,
}

impl Hidden {
    /// Returns content in which nothing is hidden.
    #[must_use]
    pub const fn plain(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            moves: Vec::new(),
        }
    }

    /// Returns the content after the next set of rules.
    #[must_use]
    pub fn then(mut self, bytes: Vec<u8>, moves: Moves) -> Self {
        self.bytes = bytes;
        if !moves.0.is_empty() {
            self.moves.push(moves);
        }
        self
    }

    /// Returns true if anything is hidden.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        !self.moves.is_empty()
    }

    /// Returns the new place of a place in the content; a place in something hidden moves behind it.
    #[must_use]
    pub fn moved(&self, at: u64) -> u64 {
        self.moves.iter().fold(at, |at, moves| moves.moved(at))
    }
}

/// A map from places to their new places, given that some stretches are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves(Vec<Move>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Move {
    start: u64,
    end: u64,
    /// The new place of the end.
    new_end: u64,
}

impl Moves {
    /// Creates the moves from the replaced ranges, in order, each with the length of its replacement.
    pub fn new(replaced: impl IntoIterator<Item = (Range<usize>, usize)>) -> Self {
        let (mut old, mut new) = (0, 0);
        let moves = replaced.into_iter().map(|(place, length)| {
            let (start, end) = (place.start as u64, place.end as u64);
            new += start - old + length as u64;
            old = end;
            Move {
                start,
                end,
                new_end: new,
            }
        });
        Self(moves.collect())
    }

    /// Returns the new place of a place; a place in a replaced range moves behind its replacement.
    #[must_use]
    pub fn moved(&self, at: u64) -> u64 {
        let before = self.0.partition_point(|replaced| replaced.start < at);
        let last = before.checked_sub(1).and_then(|last| self.0.get(last));
        last.map_or(at, |last| last.new_end + at.saturating_sub(last.end))
    }
}

/// The rules of a comparison.
#[derive(Clone, Copy)]
pub struct Redaction<'a>(pub &'a dyn Rules);

impl<'a> Deref for Redaction<'a> {
    type Target = dyn Rules + 'a;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl fmt::Debug for Redaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Redaction")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_move_by_all_that_is_hidden_before_them() {
        let hidden = Hidden::plain(Vec::new());
        // "aXXXbYc": XXX is hidden as one byte, and then Y, which came to be at 3, as four.
        let hidden = hidden.then(Vec::new(), Moves::new([(1..4, 1)]));
        let hidden = hidden.then(Vec::new(), Moves::new([(3..4, 4)]));
        let places: Vec<u64> = (0..=7).map(|at| hidden.moved(at)).collect();
        assert_eq!(places, [0, 1, 2, 2, 2, 3, 7, 8]);
    }
}
