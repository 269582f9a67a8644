//! Reads a fuzzer's bytes as choices.

/// The rest of the fuzzer's bytes. Once they are used up, every number is 0.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    pub fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Returns the next `count` bytes, or as many as there are.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// A way to cut bytes: into pieces of the two lengths in turn.
#[derive(Clone, Copy, Debug)]
pub struct Cut([usize; 2]);

impl Cut {
    /// No cut at all.
    pub const NONE: Self = Self([usize::MAX; 2]);

    pub fn from(input: &mut Input<'_>) -> Self {
        Self([input.byte(), input.byte()].map(|length| 1 + usize::from(length)))
    }

    pub fn pieces(self, mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut lengths = self.0.into_iter().cycle();
        std::iter::from_fn(move || {
            let length = lengths.next()?.min(bytes.len());
            let (piece, rest) = bytes.split_at(length);
            bytes = rest;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

/// One step of a stream written as text: bytes, with marks between them that a fuzzer can move about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Bytes(Vec<u8>),
    /// `FF M`, and two bytes that give the number of missing bytes.
    Missing(u64),
    /// `FF` and another capital letter.
    Mark(u8),
}

/// Reads steps; `FF` before anything that is not a mark stands for itself, and two stand for one.
pub fn steps(bytes: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut input = Input(bytes);
    let mut text = Vec::new();
    while !input.0.is_empty() {
        let step = match input.byte() {
            0xff => match input.byte() {
                b'M' => Step::Missing(u64::from(input.number()) + 1),
                mark @ b'A'..=b'Z' => Step::Mark(mark),
                0xff => {
                    text.push(0xff);
                    continue;
                }
                other => {
                    text.extend([0xff, other]);
                    continue;
                }
            },
            byte => {
                text.push(byte);
                continue;
            }
        };
        push_text(&mut steps, &mut text);
        steps.push(step);
    }
    push_text(&mut steps, &mut text);
    steps
}

fn push_text(steps: &mut Vec<Step>, text: &mut Vec<u8>) {
    if !text.is_empty() {
        steps.push(Step::Bytes(std::mem::take(text)));
    }
}
