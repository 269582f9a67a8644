//! Where the bytes of an update go, layer by layer, down to the clock that the user asked for.

use crate::analysis::stats::Statistics;

/// The bytes of one update, by layer. They add up to its frame bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Which update it is, counted from 1.
    pub update: u64,
    /// Its figures.
    pub statistics: Statistics,
    /// Its payload, taken apart.
    pub parts: Parts,
}

/// TCP payload, by what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Start lines and fields of HTTP.
    pub http_header: u64,
    /// Headers of WebSocket frames, with their masking keys; where events come in chunks, what makes the chunks.
    pub framing: u64,
    /// Bodies, payloads of frames, lines of text, without the clock.
    pub body: u64,
    /// The clock time that the body holds: 8 bytes where there is one in the clear.
    pub clock: u64,
}

impl Cost {
    pub(super) fn new(update: u64, statistics: Statistics) -> Self {
        Self {
            update,
            statistics,
            parts: Parts::default(),
        }
    }

    /// Headers of the link and of IP, with padding: all that is neither TCP nor its payload.
    #[must_use]
    pub const fn link_and_ip(&self) -> u64 {
        let above = self.statistics.tcp_bytes + self.statistics.app_bytes;
        self.statistics.frame_bytes.saturating_sub(above)
    }

    /// Payload that was sent before, or that no message has.
    #[must_use]
    pub const fn other(&self) -> u64 {
        let Parts {
            http_header,
            framing,
            body,
            clock,
        } = self.parts;
        let known = http_header + framing + body + clock;
        self.statistics.app_bytes.saturating_sub(known)
    }

    /// Takes what one connection had in the update. It holds one clock, whichever comes first: who asks for the time
    /// wants one.
    pub(super) fn add(&mut self, parts: Parts) {
        self.parts.http_header += parts.http_header;
        self.parts.framing += parts.framing;
        self.parts.body += parts.body;
        if self.parts.clock == 0 {
            self.parts.clock = parts.clock;
        } else {
            self.parts.body += parts.clock;
        }
    }
}
