//! What is told of an end of a connection beside what it says: how TCP was set up, and what carries it.

use std::ops::Range;

use crate::trace::reader::Packet;
use crate::units::LinkType;
use crate::wire::layers::Layers;
use crate::wire::segment::{Flags, Segment};

/// What one end of a connection is.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Its SYN.
    pub(super) syn: Option<Syn>,
    /// What its first packet was carried by.
    pub(super) carrier: Option<Carrier>,
}

/// What a SYN offers (RFC 9293 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Syn {
    pub(super) flags: Flags,
    pub(super) window: u16,
    pub(super) options: Vec<TcpOption>,
}

/// An option of a TCP header: its kind, and what it says as far as that is not different each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TcpOption {
    kind: u8,
    value: Vec<u8>,
}

/// The headers below TCP, as far as they are the same for every packet of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carrier {
    link_type: LinkType,
    link_bytes: usize,
    /// Version, bytes of the header, time to live or hop limit, traffic class.
    ip: Option<(u8, usize, u8, u8)>,
}

impl Facts {
    pub(super) fn note(&mut self, packet: &Packet<'_>, segment: &Segment<'_>) {
        let is_first_syn = self.syn.is_none() && segment.flags.has(Flags::SYN);
        if !is_first_syn && self.carrier.is_some() {
            return;
        }
        let layers = Layers::of(packet.link_type, packet.bytes, packet.original_length);
        if is_first_syn {
            self.syn = Some(Syn::of(packet.bytes, layers.tcp.clone(), segment));
        }
        self.carrier
            .get_or_insert_with(|| Carrier::of(packet, &layers));
    }
}

impl Syn {
    fn of(bytes: &[u8], header: Range<usize>, segment: &Segment<'_>) -> Self {
        let header = bytes.get(header).unwrap_or_default();
        Self {
            flags: segment.flags,
            window: segment.window,
            options: options(header.get(20..).unwrap_or_default()),
        }
    }

    /// `mss 1460, sackOK, timestamps, nop, wscale 7`.
    pub(super) fn options_text(&self) -> String {
        if self.options.is_empty() {
            return "none".to_owned();
        }
        let names: Vec<String> = self.options.iter().map(TcpOption::text).collect();
        names.join(", ")
    }
}

/// RFC 9293 §3.2: kind 0 ends the list, 1 is a filler, any other has its length behind it.
fn options(mut bytes: &[u8]) -> Vec<TcpOption> {
    let mut options = Vec::new();
    while let [kind, rest @ ..] = bytes {
        let length = match (kind, rest) {
            (0 | 1, _) => 1,
            (_, [length, ..]) if *length >= 2 => usize::from(*length),
            _ => bytes.len(),
        };
        let (option, rest) = bytes.split_at(length.min(bytes.len()));
        // RFC 7323 §3: a timestamp is the time.
        let value = match kind {
            8 => &[],
            _ => option.get(2..).unwrap_or_default(),
        };
        options.push(TcpOption {
            kind: *kind,
            value: value.to_vec(),
        });
        bytes = if *kind == 0 { &[] } else { rest };
    }
    options
}

impl TcpOption {
    fn text(&self) -> String {
        match (self.kind, self.value.as_slice()) {
            (0, _) => "end".to_owned(),
            (1, _) => "nop".to_owned(),
            // RFC 9293 §3.7.1.
            (2, [high, low]) => format!("mss {}", u16::from_be_bytes([*high, *low])),
            // RFC 7323 §2.2.
            (3, [shift]) => format!("wscale {shift}"),
            // RFC 2018 §2.
            (4, []) => "sackOK".to_owned(),
            (8, _) => "timestamps".to_owned(),
            (kind, value) => format!("option {kind} of {} bytes", value.len() + 2),
        }
    }
}

impl Carrier {
    fn of(packet: &Packet<'_>, layers: &Layers) -> Self {
        let header = packet.bytes.get(layers.ip.clone()).unwrap_or_default();
        let ip = match header {
            // RFC 791 §3.1: type of service, time to live.
            [first, class, _, _, _, _, _, _, time_to_live, ..] if first >> 4 == 4 => {
                Some((4, header.len(), *time_to_live, *class))
            }
            // RFC 8200 §3: the traffic class lies across the first two bytes.
            [first, second, _, _, _, _, _, hop_limit, ..] if first >> 4 == 6 => {
                Some((6, header.len(), *hop_limit, first << 4 | second >> 4))
            }
            _ => None,
        };
        Self {
            link_type: packet.link_type,
            link_bytes: layers.link.len(),
            ip,
        }
    }

    /// `ETHERNET 14 bytes, IPv4 20 bytes, time to live 64`.
    pub(super) fn text(&self) -> String {
        let link = format!("{} {} bytes", self.link_type, self.link_bytes);
        let Some((version, bytes, hops, class)) = self.ip else {
            return link;
        };
        let class = if class == 0 {
            String::new()
        } else {
            format!(", traffic class {class}")
        };
        format!("{link}, IPv{version} {bytes} bytes, time to live {hops}{class}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &[u8]) -> String {
        let syn = Syn {
            flags: Flags::SYN,
            window: 0,
            options: options(bytes),
        };
        syn.options_text()
    }

    #[test]
    fn options_are_told_in_their_order_without_the_time() {
        let sent = [
            2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7,
        ];
        assert_eq!(text(&sent), "mss 1460, sackOK, timestamps, nop, wscale 7");
        assert_eq!(text(&[0, 9, 9]), "end");
        assert_eq!(
            text(&[34, 2, 2]),
            "option 34 of 2 bytes, option 2 of 2 bytes"
        );
        assert_eq!(text(&[]), "none");
    }

    proptest! {
        #[test]
        fn no_options_hang_or_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(options(&bytes).len() <= bytes.len());
        }
    }
}
