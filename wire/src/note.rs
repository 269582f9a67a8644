//! The remarks of a decoder about bytes that are not as the specification has them.
//!
//! A violation does not stop the reading if it can go on: it becomes a [`Note`] next to the message. Each note says
//! which rule was broken and at which offset of the side's stream, so that a reader finds the bytes without counting.

use std::borrow::Cow;
use std::fmt;

/// One remark about one side's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The offset in the stream of the side that sent the bytes, counted from 0 and holes included.
    pub offset: u64,
    /// The rule, such as `RFC 6455 §5.1`; empty if no specification is broken.
    pub rule: &'static str,
    /// The fault, or what the decoder did about it.
    pub text: Cow<'static, str>,
}

impl Note {
    /// Makes a remark about the bytes at `offset`, with the rule that they break.
    pub fn new(offset: u64, rule: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            offset,
            rule,
            text: text.into(),
        }
    }

    /// Makes a remark that no specification is behind.
    pub fn plain(offset: u64, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(offset, "", text)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rule.is_empty() {
            write!(formatter, "offset {}: {}", self.offset, self.text)
        } else {
            write!(
                formatter,
                "{}, offset {}: {}",
                self.rule, self.offset, self.text
            )
        }
    }
}
