//! The commands' verbs: their arguments, and the help on them.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// A verb with the arguments that it takes.
pub(super) struct Verb {
    pub(super) name: &'static str,
    /// The usage behind its name.
    pub(super) usage: &'static str,
    /// A description of what fills the block.
    about: &'static str,
    /// The number of captures, or of other words that are not options.
    pub(super) operands: RangeInclusive<usize>,
    /// The options that it takes.
    pub(super) options: &'static [(&'static str, Value)],
}

/// The kind of value behind an option.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// No value.
    None,
    /// One value.
    One,
}

const MANY: usize = usize::MAX;

pub(super) const VERBS: [Verb; 9] = [
    Verb {
        name: "stats",
        usage: "[--per-update | --server-push] CAPTURE…",
        about: "packets and bytes, a row per capture",
        operands: 1..=MANY,
        options: &[
            ("--per-update", Value::None),
            ("--server-push", Value::None),
        ],
    },
    Verb {
        name: "payload",
        usage: "[--connection N [--message N]] [--redact] CAPTURE",
        about: "what the two ends said",
        operands: 1..=1,
        options: &[
            ("--connection", Value::One),
            ("--message", Value::One),
            ("--redact", Value::None),
        ],
    },
    Verb {
        name: "hex",
        usage: "[--connection N] CAPTURE",
        about: "WebSocket frames, byte by byte",
        operands: 1..=1,
        options: &[("--connection", Value::One)],
    },
    Verb {
        name: "frame",
        usage: "[--connection N] CAPTURE FRAME",
        about: "one WebSocket frame taken apart; FRAME is C1, S1, …",
        operands: 2..=2,
        options: &[("--connection", Value::One)],
    },
    Verb {
        name: "timeline",
        usage: "CAPTURE…",
        about: "when each step was due, done, and on the wire",
        operands: 1..=MANY,
        options: &[],
    },
    Verb {
        name: "provenance",
        usage: "CAPTURE…",
        about: "versions, date, and how to make it again",
        operands: 1..=MANY,
        options: &[],
    },
    Verb {
        name: "diagram",
        usage: "[--to FILE.svg] CAPTURE",
        about: "a drawing, kept in a file beside the page",
        operands: 1..=1,
        options: &[("--to", Value::One)],
    },
    Verb {
        name: "diff",
        usage: "OLD NEW",
        about: "what changed between two captures, and why",
        operands: 2..=2,
        options: &[],
    },
    Verb {
        name: "help",
        usage: "[VERB]",
        about: "the help text of wiresnap, or of one of its verbs",
        operands: 0..=1,
        options: &[],
    },
];

/// Returns all commands with what they do, for help texts.
#[must_use]
pub fn overview() -> String {
    let mut text = String::new();
    for verb in &VERBS {
        let Verb {
            name, usage, about, ..
        } = verb;
        let _ = writeln!(text, "  {name} {usage}\n          {about}");
    }
    text
}
