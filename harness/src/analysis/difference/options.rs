//! The options of a TCP header, without values that are another number each time.

use std::fmt::Write as _;

/// The end of the option list and the filler (RFC 9293 §3.2). Any other option has its length behind its kind.
const END: u8 = 0;
const FILLER: u8 = 1;
/// The maximum segment size (RFC 9293 §3.7.1).
const SEGMENT_SIZE: u8 = 2;
/// The window scale (RFC 7323 §2.2).
const WINDOW_SCALE: u8 = 3;
/// The permission to use SACK (RFC 2018 §2).
const SACK_PERMITTED: u8 = 4;
/// Ranges of sequence numbers (RFC 2018 §3).
const SACK: u8 = 5;
/// The time (RFC 7323 §3).
const TIMESTAMPS: u8 = 8;
/// A digest of the whole segment, including sequence numbers (RFC 2385 §3).
const MD5: u8 = 19;
/// A digest likewise (RFC 5925 §2.2).
const AUTHENTICATION: u8 = 29;
/// Keys and sequence numbers, after a subtype (RFC 8684 §3).
const MULTIPATH: u8 = 30;
/// A cookie, which the server makes from its own key (RFC 7413 §4.1.1).
const FAST_OPEN: u8 = 34;

/// Splits options; each item has its kind and its length.
fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut has_ended = false;
    std::iter::from_fn(move || {
        let length = match bytes {
            [] => return None,
            _ if has_ended => bytes.len(),
            [END | FILLER, ..] => 1,
            [_, length @ (2..), ..] => usize::from(*length).min(bytes.len()),
            _ => bytes.len(),
        };
        has_ended |= bytes[0] == END;
        let (option, rest) = bytes.split_at(length);
        bytes = rest;
        Some(option)
    })
}

/// Returns the number of bytes of an option that are always the same; `None` if all are.
const fn fixed(kind: u8) -> Option<usize> {
    match kind {
        SACK | TIMESTAMPS | MD5 | AUTHENTICATION | FAST_OPEN => Some(2),
        // The subtype, in half a byte.
        MULTIPATH => Some(3),
        _ => None,
    }
}

/// Sets to zero the values that are another number each time.
pub(super) fn mask(bytes: &mut [u8]) {
    let mut place = 0;
    let lengths: Vec<(u8, usize)> = split(bytes)
        .map(|option| (option[0], option.len()))
        .collect();
    for (kind, length) in lengths {
        let end = place + length;
        if let Some(fixed) = fixed(kind) {
            let from = (place + fixed).min(end);
            bytes[from..end].fill(0);
            if kind == MULTIPATH && length > 2 {
                bytes[place + 2] &= 0xf0;
            }
        }
        place = end;
        if kind == END {
            break;
        }
    }
}

/// Returns the options as text: `mss 1460, sackOK, timestamps, nop, wscale 7`.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut has_ended = false;
    for option in split(bytes) {
        if has_ended {
            // Fillers, as a rule.
            if option.iter().any(|byte| *byte != 0) {
                texts.push(format!("then {}", hex(option)));
            }
            break;
        }
        has_ended = option[0] == END;
        texts.push(option_text(option));
    }
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(", ")
}

fn option_text(option: &[u8]) -> String {
    let bytes = option.len();
    match option {
        [END, ..] => "end".to_owned(),
        [FILLER, ..] => "nop".to_owned(),
        [SEGMENT_SIZE, 4, high, low] => format!("mss {}", u16::from_be_bytes([*high, *low])),
        [WINDOW_SCALE, 3, shift] => format!("wscale {shift}"),
        [SACK_PERMITTED, 2] => "sackOK".to_owned(),
        [SACK, length, ..] if usize::from(*length) == bytes => match bytes / 8 {
            1 => "SACK of 1 range".to_owned(),
            ranges => format!("SACK of {ranges} ranges"),
        },
        [TIMESTAMPS, 10, ..] if bytes == 10 => "timestamps".to_owned(),
        [MD5, length, ..] if usize::from(*length) == bytes => "MD5".to_owned(),
        [AUTHENTICATION, length, ..] if usize::from(*length) == bytes => {
            format!("TCP-AO of {bytes} bytes")
        }
        [MULTIPATH, length, subtype, ..] if usize::from(*length) == bytes => {
            format!("MPTCP of {bytes} bytes, subtype {}", subtype >> 4)
        }
        [FAST_OPEN, length, ..] if usize::from(*length) == bytes => {
            format!("fast open of {bytes} bytes")
        }
        [kind, value @ ..] => format!("option {kind}: {}", hex(value)),
        [] => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn options_are_told_in_their_order_without_what_is_another_number_each_time() {
        let sent = [
            2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7,
        ];
        assert_eq!(text(&sent), "mss 1460, sackOK, timestamps, nop, wscale 7");
        assert_eq!(text(&[0, 0, 0]), "end");
        assert_eq!(text(&[0, 9, 9]), "end, then 0909");
        assert_eq!(text(&[34, 2, 2]), "fast open of 2 bytes, option 2: ");
        assert_eq!(text(&[]), "none");
        let mut sent = sent;
        mask(&mut sent);
        assert_eq!(sent[6..16], [8, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((&sent[..6], sent[19]), (&[2, 4, 5, 0xb4, 4, 2][..], 7));
        let mut sent = [30, 4, 0x4f, 9, 5, 10, 1, 2, 3, 4, 5, 6, 7, 8];
        mask(&mut sent);
        assert_eq!(sent, [30, 4, 0x40, 0, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(text(&sent), "MPTCP of 4 bytes, subtype 4, SACK of 1 range");
    }

    proptest! {
        #[test]
        fn all_bytes_are_told_or_masked(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(split(&bytes).map(<[u8]>::len).sum::<usize>(), bytes.len());
            let mut masked = bytes.clone();
            mask(&mut masked);
            let mut again = masked.clone();
            mask(&mut again);
            prop_assert_eq!(&masked, &again);
            prop_assert!(!text(&masked).is_empty());
        }
    }
}
