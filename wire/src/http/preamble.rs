//! The preamble that a proxy sends before the first byte that it passes on, to describe the connection: the PROXY
//! protocol, versions 1 and 2 (`HAProxy`, doc/proxy-protocol.txt).

use std::net::IpAddr;
use std::str::FromStr;

use memchr::memchr;

use super::Item;
use super::parser::{Parser, State};
use crate::note::Note;

/// The beginning of version 2: no other protocol begins with these bytes (§2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The length of version 2's header, up to the addresses.
const HEADER: usize = 16;

/// The longest line of version 1, its line end included (§2.1).
const LONGEST_LINE: usize = 107;

/// The beginnings of the lines of version 1.
const LINES: [&[u8]; 3] = [b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"];

/// The verdict on the bytes at the beginning of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// No preamble.
    Nothing,
    /// Perhaps one: more bytes are needed.
    Beginning,
    /// One of this version and length.
    Preamble { version: u8, length: usize },
}

impl Parser {
    /// Takes a preamble, if the stream begins with one.
    pub(super) fn preamble<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        if input.is_empty() {
            return None;
        }
        let held = self.buffer.len();
        let piece = input.len().min(HEADER + usize::from(u16::MAX) - held);
        if held == 0 && find(input) == Found::Nothing {
            self.state = State::Head;
            return None;
        }
        self.buffer.extend_from_slice(&input[..piece]);
        match find(&self.buffer) {
            Found::Nothing => {
                self.buffer.truncate(held);
                self.state = State::Head;
                None
            }
            Found::Beginning => {
                self.take(input, piece);
                None
            }
            Found::Preamble { version, length } => {
                self.take(input, length - held);
                self.buffer.truncate(length);
                // Behind a chain of proxies there may be another one.
                self.state = State::Preamble;
                let text = format!(
                    "PROXY protocol version {version}: a proxy tells whose connection it passes on; the stream \
                     begins behind it"
                );
                Some(Item::Preamble {
                    note: Note::plain(self.offset - length as u64, text),
                    bytes: std::mem::take(&mut self.buffer),
                })
            }
        }
    }
}

fn find(bytes: &[u8]) -> Found {
    let shared = bytes.len().min(SIGNATURE.len());
    if bytes[..shared] == SIGNATURE[..shared] {
        return find_header(bytes);
    }
    let begins = |line: &&[u8]| {
        let shared = bytes.len().min(line.len());
        bytes[..shared] == line[..shared]
    };
    if LINES.iter().any(begins) {
        return find_line(bytes);
    }
    Found::Nothing
}

/// Finds the header of version 2 (§2.2): version and command in one byte, address family and protocol in one, the
/// length of the rest in two.
fn find_header(bytes: &[u8]) -> Found {
    let known_command = |byte: &u8| matches!(byte, 0x20 | 0x21);
    if !bytes.get(SIGNATURE.len()).is_none_or(known_command) {
        return Found::Nothing;
    }
    let Some([high, low]) = bytes.get(HEADER - 2..HEADER) else {
        return Found::Beginning;
    };
    let length = HEADER + usize::from(u16::from_be_bytes([*high, *low]));
    if bytes.len() < length {
        return Found::Beginning;
    }
    Found::Preamble { version: 2, length }
}

/// Finds the line of version 1 (§2.1), which ends with CRLF.
fn find_line(bytes: &[u8]) -> Found {
    let most = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = memchr(b'\n', most) else {
        return if most.len() < LONGEST_LINE {
            Found::Beginning
        } else {
            Found::Nothing
        };
    };
    let line = most[..end].strip_suffix(b"\r");
    if line.is_some_and(is_line) {
        Found::Preamble {
            version: 1,
            length: end + 1,
        }
    } else {
        Found::Nothing
    }
}

fn is_line(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else {
        return false;
    };
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => true,
        [
            "PROXY",
            protocol,
            source,
            destination,
            source_port,
            destination_port,
        ] => {
            let is_address = |text: &str| {
                let address = IpAddr::from_str(text);
                address.is_ok_and(|address| address.is_ipv4() == (protocol == "TCP4"))
            };
            is_address(source)
                && is_address(destination)
                && u16::from_str(source_port).is_ok()
                && u16::from_str(destination_port).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version_2(length: u16) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0x21, 0x11]);
        bytes.extend(length.to_be_bytes());
        bytes.resize(bytes.len() + usize::from(length), 7);
        bytes
    }

    #[test]
    fn a_preamble_is_known_as_soon_as_it_is_whole_and_nothing_else_for_one() {
        let preambles = [
            b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".to_vec(),
            b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n".to_vec(),
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ff::1 and so on\r\n".to_vec(),
            version_2(0),
            version_2(12),
            version_2(u16::MAX),
        ];
        for preamble in preambles {
            let version = if preamble[0] == b'P' { 1 } else { 2 };
            let length = preamble.len();
            for part in [0, 1, 5, 11, 13, length - 1] {
                assert_eq!(find(&preamble[..part]), Found::Beginning, "{part}");
            }
            let followed = [&preamble[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(find(&followed), Found::Preamble { version, length });
        }
        for other in [
            "PROXY /x HTTP/1.1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n",
            "PROXY TCP4 ::1 192.0.2.2 56324 443\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 70000 443\r\n",
            "\r\n\r\nGET",
            "\r\n\r\n\0\r\nQUIT\n\x31",
            "G",
        ] {
            assert_eq!(find(other.as_bytes()), Found::Nothing, "{other:?}");
        }
        let endless = [&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat();
        assert_eq!(find(&endless), Found::Nothing);
    }
}
