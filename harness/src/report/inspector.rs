//! The panel below a diagram with the headers and bytes of the packet that is pointed at.

use wirestream::units::LinkType;

use super::dump::{dump, layers};
use crate::analysis::dissection::{Dissection, Packet, Tcp};
use crate::render::hex;
use crate::render::markup::Markup;
use crate::render::palette::role_name;
use crate::render::sequence::{label, sentence, since_start};

/// Writes all the packets that a diagram shows, each to be shown alone.
pub(super) fn inspector(page: &mut Markup, dissection: &Dissection, id: &str) {
    page.within("div", &[("class", &"inspector"), ("id", &format!("{id}-inspector"))], |page| {
        page.within("p", &[("class", &"hint keys")], |page| {
            page.literal(
                "Point at an arrow, or go to one with <kbd>Tab</kbd> and on with <kbd>\u{2191}</kbd> \
                 <kbd>\u{2193}</kbd>: its headers and bytes stand here. A click or <kbd>Enter</kbd> holds it, \
                 <kbd>Esc</kbd> lets it go.",
            );
        });
            page.element(
                "p",
                &[("class", &"hint touch")],
                "Tap an arrow: its headers and bytes stand here.",
            );
            page.literal("<button type=\"button\" class=\"close\" hidden>Close</button>");
        for packet in &dissection.packets {
            article(page, dissection, packet, id);
        }
    });
    page.line_end();
}

fn article(page: &mut Markup, dissection: &Dissection, packet: &Packet, id: &str) {
    let explained = &packet.explained;
    let id = format!("{id}-p{}", explained.number);
    let sentence = sentence(dissection, packet);
    let attributes = [
        ("id", &id as _),
        ("tabindex", &"-1" as _),
        ("aria-label", &sentence as _),
    ];
    page.within("article", &attributes, |page| {
        page.within("h4", &[], |page| {
            page.text(format!("Packet {} ", explained.number));
            let class = format!("role {}", role_name(explained.role));
            page.element("span", &[("class", &class)], explained.role);
        });
        page.within("p", &[("class", &"summary")], |page| {
            page.element("strong", &[], label(dissection, packet));
            let time = since_start(dissection, explained.time);
            let sender = explained
                .sender
                .map_or_else(String::new, |(connection, side)| {
                    format!(", {side} to {}, connection {}", side.peer(), connection + 1)
                });
            page.text(format!(" at {time} s{sender}, {}", explained.phase));
        });
        page.within("div", &[("class", &"packet-columns")], |page| {
            headers(page, packet);
            page.within("div", &[], |page| dump(page, packet));
        });
    });
    page.line_end();
}

/// Writes a line for each layer: the number of its bytes, and their meaning.
fn headers(page: &mut Markup, packet: &Packet) {
    page.within("dl", &[("class", &"headers")], |page| {
        for (name, class, range) in layers(&packet.layers) {
            if range.is_empty() {
                continue;
            }
            page.within("dt", &[], |page| {
                page.element("b", &[("class", &class)], name);
                page.text(format!(" {} bytes", range.len()));
            });
            let bytes = packet
                .bytes
                .get(range.start..range.end.min(packet.bytes.len()));
            let text = says(packet, name, bytes.unwrap_or_default());
            page.element("dd", &[], text);
        }
    });
}

fn says(packet: &Packet, layer: &str, bytes: &[u8]) -> String {
    match layer {
        "link" => link(packet.link_type, bytes),
        "IP" => ip(bytes),
        "TCP" => packet
            .tcp
            .map_or_else(String::new, |tcp| self::tcp(&tcp, bytes)),
        "payload" => payload(packet),
        _ => "no part of a TCP segment: padding, a fragment, another protocol".to_owned(),
    }
}

fn payload(packet: &Packet) -> String {
    let (captured, sent) = (
        packet.layers.payload.len() as u64,
        packet.explained.statistics.app_bytes,
    );
    let role = packet.explained.role;
    if captured < sent {
        format!("{role}; {sent} bytes were sent")
    } else {
        role.to_string()
    }
}

fn link(link_type: LinkType, bytes: &[u8]) -> String {
    match bytes.first_chunk::<12>() {
        Some(addresses) if link_type == LinkType::ETHERNET => {
            let [to, from] = [&addresses[..6], &addresses[6..]].map(hardware_address);
            format!("Ethernet, {from} to {to}")
        }
        _ => link_type.to_string(),
    }
}

fn hardware_address(bytes: &[u8]) -> String {
    hex::spaced(bytes).replace(' ', ":")
}

/// Describes an IP header (RFC 791 §3.1, RFC 8200 §3). The addresses are in the line of the ports.
fn ip(bytes: &[u8]) -> String {
    match bytes {
        [first, _, length @ ..] if first >> 4 == 4 && length.len() >= 18 => {
            let length_field = u16::from_be_bytes([length[0], length[1]]);
            let identification = u16::from_be_bytes([length[2], length[3]]);
            let lifetime = length[6];
            format!(
                "version 4, total length {length_field}, identification {identification:#06x}, time to live {lifetime}"
            )
        }
        [first, ..] if first >> 4 == 6 && bytes.len() >= 40 => {
            let length = u16::from_be_bytes([bytes[4], bytes[5]]);
            format!("version 6, payload length {length}, hop limit {}", bytes[7])
        }
        _ => String::new(),
    }
}

fn tcp(tcp: &Tcp, bytes: &[u8]) -> String {
    let flags = format!("{:?}", tcp.flags).replace('+', ", ");
    let acknowledgement = tcp
        .acknowledgement
        .map_or_else(String::new, |number| format!(", acknowledgement {number}"));
    let options = options(bytes.get(20..).unwrap_or_default());
    let options = if options.is_empty() {
        String::new()
    } else {
        format!("; options: {}", options.join(", "))
    };
    format!(
        "{} to {}; {flags}; sequence {}{acknowledgement} (relative); window {}{options}",
        tcp.source, tcp.destination, tcp.sequence, tcp.window
    )
}

/// Returns the names of a header's options (RFC 9293 §3.1 and RFC 7323).
fn options(mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let [kind, rest @ ..] = bytes {
        let (name, length) = match (kind, rest) {
            (0, _) | (_, []) => break,
            // No operation: there to align the next one.
            (1, _) => {
                bytes = rest;
                continue;
            }
            (2, [length, high, low, ..]) => {
                let size = u16::from_be_bytes([*high, *low]);
                (format!("maximum segment size {size}"), *length)
            }
            (3, [length, shift, ..]) => (format!("window scale {shift}"), *length),
            (4, [length, ..]) => ("SACK permitted".to_owned(), *length),
            (5, [length, ..]) => ("SACK".to_owned(), *length),
            (8, [length, ..]) => ("timestamps".to_owned(), *length),
            (kind, [length, ..]) => (format!("kind {kind}"), *length),
        };
        names.push(name);
        // A length that does not get on would be no progress.
        let Some(next) = bytes.get(usize::from(length.max(2))..) else {
            break;
        };
        bytes = next;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_named_and_nonsense_ends() {
        let syn = [
            2, 4, 0xff, 0xd7, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7,
        ];
        assert_eq!(
            options(&syn),
            [
                "maximum segment size 65495",
                "SACK permitted",
                "timestamps",
                "window scale 7"
            ]
        );
        assert_eq!(options(&[99, 0, 0, 0, 2]), ["kind 99"]);
        assert_eq!(options(&[254, 200, 3]), ["kind 254"]);
    }
}
