//! The kinds of differences: the reasons why two captures are not the same.

use std::fmt;

use serde::{Serialize, Serializer};

/// The reason why something differs. Each difference has one kind, and so has every packet and byte that it makes more
/// or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The client's description of itself in fields of its requests: User-Agent, Accept, Sec-Fetch-Mode, …
    Identity,
    /// Addresses, and fields that hold one: Host, Origin, Referer.
    Host,
    /// The request and the answer in the head of an HTTP message: method, target, status, all other fields.
    Head,
    /// Bodies, payloads of frames, events, lines of text.
    Body,
    /// The wrapping of HTTP and WebSocket content: Content-Length, chunks, order and case of fields, masks, fragments.
    Framing,
    /// Messages and connections that only one of the captures has.
    Exchange,
    /// The same bytes in other packets.
    Segmentation,
    /// The work of TCP itself: options, windows, acknowledgements, keepalive probes, retransmissions.
    Tcp,
    /// The end of a connection: which side ends it, and how: FIN, RST, in which order.
    Closing,
    /// The layers below TCP: headers of the link and of IP, padding, the version of IP, its time to live.
    Link,
    /// Packets that are not TCP.
    NotTcp,
    /// The gaps of a capture: bytes that were sent and are not in it, a connection whose beginning it missed.
    Capture,
    /// Values that change from run to run and that redaction hides: dates, clock times, ports, keys, masks.
    Volatile,
    /// The times at which things happened.
    Timing,
}

impl Kind {
    /// All kinds, in the order in which they are listed: intended changes first, chance last.
    pub const ALL: [Self; 14] = [
        Self::Identity,
        Self::Host,
        Self::Head,
        Self::Body,
        Self::Framing,
        Self::Exchange,
        Self::Segmentation,
        Self::Tcp,
        Self::Closing,
        Self::Link,
        Self::NotTcp,
        Self::Capture,
        Self::Volatile,
        Self::Timing,
    ];

    /// Returns the word for it on the command line and in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Host => "host",
            Self::Head => "head",
            Self::Body => "body",
            Self::Framing => "framing",
            Self::Exchange => "exchange",
            Self::Segmentation => "segmentation",
            Self::Tcp => "tcp",
            Self::Closing => "closing",
            Self::Link => "link",
            Self::NotTcp => "not-tcp",
            Self::Capture => "capture",
            Self::Volatile => "volatile",
            Self::Timing => "timing",
        }
    }

    /// Returns its name in text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "client identity",
            Self::Host => "host",
            Self::Head => "message head",
            Self::Body => "message body",
            Self::Framing => "framing",
            Self::Exchange => "only in one",
            Self::Segmentation => "segmentation",
            Self::Tcp => "TCP stack",
            Self::Closing => "closing",
            Self::Link => "link and IP",
            Self::NotTcp => "not TCP",
            Self::Capture => "incomplete",
            Self::Volatile => "volatile",
            Self::Timing => "timing",
        }
    }

    /// Returns its description, in half a line.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Identity => "what the client says of itself: User-Agent, Accept, Sec-Fetch-Mode",
            Self::Host => "addresses, and fields that hold one: Host, Origin, Referer",
            Self::Head => "method, target, status, and all other fields",
            Self::Body => "bodies, payloads of frames, events, lines of text",
            Self::Framing => "Content-Length, chunks, order and case of fields, masks, fragments",
            Self::Exchange => "messages and connections that only one of the captures has",
            Self::Segmentation => "the same bytes in other packets",
            Self::Tcp => "options, windows, acknowledgements, keepalive, retransmissions",
            Self::Closing => "who ends a connection, and how",
            Self::Link => "headers of link and IP, padding, time to live",
            Self::NotTcp => "packets that are not TCP",
            Self::Capture => "bytes or beginnings that a capture lacks",
            Self::Volatile => "what redaction hides: dates, clock times, ports, keys, masks",
            Self::Timing => "when things happened",
        }
    }

    /// Returns true if it makes two captures differ. Changes from one run to the next do not count.
    #[must_use]
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Volatile | Self::Timing)
    }

    /// Returns the kind of that name on the command line.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_listed_at_its_place_and_found_by_its_word() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            assert_eq!(Kind::of_word(kind.word()), Some(kind));
        }
        assert_eq!(Kind::of_word("other"), None, "nothing is other");
    }
}
