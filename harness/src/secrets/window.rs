//! Holds a window of a text as it comes, and the place of each of its bytes in the capture.

use super::matcher::{Hit, Matcher, Scope, Text};

/// The number of bytes of a text that are searched at once.
const WINDOW: usize = 1 << 20;
/// The number of bytes that a window has in common with the one before: a match in a text may be that long.
pub(super) const OVERLAP: usize = 64 << 10;

/// The place in the capture that bytes of a text come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// From this offset of a stream on.
    Stream(u64),
    /// From this place of the file on.
    File(u64),
}

impl Origin {
    const fn plus(self, bytes: usize) -> Self {
        match self {
            Self::Stream(at) => Self::Stream(at + bytes as u64),
            Self::File(at) => Self::File(at + bytes as u64),
        }
    }
}

/// Bytes that are to be overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Patch {
    pub(super) origin: Origin,
    pub(super) bytes: Vec<u8>,
}

/// The findings in texts.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) patches: Vec<Patch>,
    /// Values that patterns matched, with the numbers of their rules.
    pub(super) values: Vec<(usize, Vec<u8>)>,
    /// The rule that matched more than can be held.
    pub(super) too_long: Option<usize>,
}

impl Found {
    pub(super) const fn is_empty(&self) -> bool {
        self.patches.is_empty() && self.too_long.is_none()
    }

    pub(super) fn append(&mut self, mut more: Self) {
        self.patches.append(&mut more.patches);
        self.values.append(&mut more.values);
        self.too_long = self.too_long.or(more.too_long);
    }
}

/// Bytes that stand together in the capture too.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The index in the window at which they begin.
    at: usize,
    origin: Origin,
    /// The mask over them (RFC 6455 §5.3), from the first of them on.
    mask: [u8; 4],
}

/// The part of a text that is held.
#[derive(Debug)]
pub(super) struct Window {
    scope: Scope,
    /// True if the text is a line of a head, in which a name is made of certain characters only.
    is_head_line: bool,
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// True if the text began before the window.
    is_cut: bool,
}

impl Window {
    pub(super) const fn new(scope: Scope) -> Self {
        Self {
            scope,
            is_head_line: false,
            bytes: Vec::new(),
            pieces: Vec::new(),
            is_cut: false,
        }
    }

    pub(super) fn of_head_lines() -> Self {
        Self {
            is_head_line: true,
            ..Self::new(Scope::All)
        }
    }

    /// Continues the text with bytes that stand in the capture as they are.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        origin: Origin,
        matcher: &Matcher,
        found: &mut Found,
    ) {
        self.push_masked(bytes, origin, [0; 4], matcher, found);
    }

    /// Continues the text with bytes that stand in the capture with a mask over them, which begins at the first of
    /// them.
    pub(super) fn push_masked(
        &mut self,
        mut bytes: &[u8],
        mut origin: Origin,
        mut mask: [u8; 4],
        matcher: &Matcher,
        found: &mut Found,
    ) {
        while !bytes.is_empty() {
            let room = WINDOW.saturating_sub(self.bytes.len()).max(1);
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.add(now, origin, mask);
            origin = origin.plus(now.len());
            mask.rotate_left(now.len() % 4);
            bytes = rest;
            if self.bytes.len() >= WINDOW {
                self.search(true, matcher, found);
                self.slide();
            }
        }
    }

    fn add(&mut self, bytes: &[u8], origin: Origin, mask: [u8; 4]) {
        let at = self.bytes.len();
        let goes_on = self.pieces.last().is_some_and(|last| {
            let mut masked = last.mask;
            masked.rotate_left((at - last.at) % 4);
            last.origin.plus(at - last.at) == origin && masked == mask
        });
        if !goes_on {
            self.pieces.push(Piece { at, origin, mask });
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Ends the text; the bytes that come next belong to another one.
    pub(super) fn end(&mut self, matcher: &Matcher, found: &mut Found) {
        if !self.bytes.is_empty() {
            self.search(false, matcher, found);
        }
        self.bytes.clear();
        self.pieces.clear();
        self.is_cut = false;
    }

    fn search(&self, is_cut_behind: bool, matcher: &Matcher, found: &mut Found) {
        let text = Text {
            bytes: &self.bytes,
            cut_before: self.is_cut,
            cut_behind: is_cut_behind,
        };
        let searched = matcher.search(text, self.scope);
        if is_cut_behind {
            let kept = self.bytes.len().saturating_sub(OVERLAP);
            let lost = searched.cut.iter().find(|hit| hit.at < kept);
            found.too_long = found.too_long.or_else(|| lost.map(|hit| hit.rule));
        }
        for hit in searched.hits {
            self.take(hit, matcher, found);
        }
    }

    fn take(&self, mut hit: Hit, matcher: &Matcher, found: &mut Found) {
        if self.is_head_line && hit.at < name_end(&self.bytes) {
            hit.bytes = matcher.token(hit.rule, hit.bytes.len());
        }
        found.patches.extend(self.patches(&hit));
        found
            .values
            .extend(hit.value.map(|value| (hit.rule, value)));
    }

    /// Returns the patches of the capture for a hit.
    fn patches(&self, hit: &Hit) -> Vec<Patch> {
        let end = hit.at + hit.bytes.len();
        let mut patches = Vec::new();
        let mut at = hit.at;
        let first = self.pieces.partition_point(|piece| piece.at <= at);
        let mut index = first.saturating_sub(1);
        while at < end
            && let Some(piece) = self.pieces.get(index)
        {
            let next = self
                .pieces
                .get(index + 1)
                .map_or(self.bytes.len(), |next| next.at);
            let until = next.min(end);
            let inside = at - piece.at;
            let new = hit.bytes[at - hit.at..until - hit.at].iter().zip(inside..);
            patches.push(Patch {
                origin: piece.origin.plus(inside),
                bytes: new
                    .map(|(byte, place)| byte ^ piece.mask[place % 4])
                    .collect(),
            });
            at = until;
            index += 1;
        }
        patches
    }

    /// Keeps the bytes that the next window is to have in common with this one.
    fn slide(&mut self) {
        let gone = self.bytes.len().saturating_sub(OVERLAP);
        self.bytes.drain(..gone);
        let first = self
            .pieces
            .partition_point(|piece| piece.at <= gone)
            .saturating_sub(1);
        self.pieces.drain(..first);
        for piece in &mut self.pieces {
            let passed = gone.saturating_sub(piece.at);
            piece.origin = piece.origin.plus(passed);
            piece.mask.rotate_left(passed % 4);
            piece.at = piece.at.saturating_sub(gone);
        }
        self.is_cut = true;
    }
}

/// Returns where a method, or a field's name, ends.
fn name_end(line: &[u8]) -> usize {
    let end = line.iter().position(|byte| matches!(byte, b':' | b' '));
    end.unwrap_or(0)
}
