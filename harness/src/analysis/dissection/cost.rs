//! The bytes of an update, layer by layer, down to the clock that the user asked for.

use crate::analysis::stats::Statistics;

/// The bytes of one update, by layer. They add up to its frame bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The number of the update, counted from 1.
    pub update: u64,
    /// Its figures.
    pub statistics: Statistics,
    /// Its payload, taken apart.
    pub parts: Parts,
}

/// TCP payload, by what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The bytes of start lines and fields of HTTP.
    pub http_header: u64,
    /// The bytes of WebSocket frame headers, including masking keys; if events come in chunks, the bytes around the
    /// chunks.
    pub framing: u64,
    /// The bytes of bodies, payloads of frames and lines of text, without the clock.
    pub body: u64,
    /// The bytes of the clock time in the body: 8 if there is one in the clear.
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

    /// Returns the bytes of the link and IP headers, including padding: all that is neither TCP nor its payload.
    #[must_use]
    pub const fn link_and_ip(&self) -> u64 {
        let above = self.statistics.tcp_bytes + self.statistics.app_bytes;
        self.statistics.frame_bytes.saturating_sub(above)
    }

    /// Returns the bytes of payload that was sent before, or that belongs to no message.
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

    /// Adds the parts of one connection in the update. It counts one clock, the first to come: a client that asks for
    /// the time wants one.
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
