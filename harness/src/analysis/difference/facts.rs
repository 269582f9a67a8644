//! The facts reported about an end of a connection besides its messages: the setup of TCP.

use wirestream::packet::{Flags, Segment};

use super::options;

/// The facts about one end of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Its SYN.
    pub(super) syn: Option<Syn>,
}

/// The offer of a SYN (RFC 9293 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Syn {
    pub(super) flags: Flags,
    pub(super) window: u16,
    /// The options, without values that are another number each time.
    options: Vec<u8>,
}

impl Facts {
    pub(super) fn note(&mut self, segment: &Segment<'_>) {
        if self.syn.is_none() && segment.flags.has(Flags::SYN) {
            self.syn = Some(Syn::of(segment));
        }
    }
}

impl Syn {
    fn of(segment: &Segment<'_>) -> Self {
        let mut options = segment.header.get(20..).unwrap_or_default().to_vec();
        options::mask(&mut options);
        Self {
            flags: segment.flags,
            window: segment.window,
            options,
        }
    }

    /// Returns true if both offer the same options.
    pub(super) fn has_options_of(&self, other: &Self) -> bool {
        self.options == other.options
    }

    /// Returns the options as text: `mss 1460, sackOK, timestamps, nop, wscale 7`.
    pub(super) fn options_text(&self) -> String {
        options::text(&self.options)
    }
}
