//! Secrets, overwritten in a capture before it is kept.
//!
//! The bytes keep their number, so that lengths and sequence numbers stay true; checksums stay as they were captured, on a
//! loopback interface unfilled. A capture that holds a secret which cannot be overwritten, as it is compressed, is not kept.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::analysis::talks::hear;
use crate::error::{Error, Result};
use crate::render::redactions::{Redactions, Scope, WireEdit};
use crate::trace::reader;
use crate::units::Side;
use crate::wire::connection::Tracker;
use crate::wire::frame::{Decoded, FrameDecoder};
use crate::wire::segment::{Flags, Segment};

/// Bytes of the header of a capture file, and of a packet's, as libpcap writes them.
const FILE_HEADER_BYTES: u64 = 24;
const PACKET_HEADER_BYTES: u64 = 16;

/// One side of one connection.
type Stream = (u64, Side);

/// Overwrites what is secret in a capture that `savefile` holds and that can be read at `path`; gives whether that was
/// anything.
///
/// # Errors
///
/// Where a secret is left, or the file cannot be read or written.
pub(super) fn overwrite(savefile: &File, path: &Path, rules: &Redactions) -> Result<bool> {
    if !rules.has_secrets() {
        return Ok(false);
    }
    let edits = edits(path, rules).map_err(cannot)?;
    for (place, bytes) in patches(path, &edits).map_err(cannot)? {
        savefile
            .write_all_at(&bytes, place)
            .map_err(|error| cannot(error.into()))?;
    }
    require_none_left(path, rules)?;
    Ok(!edits.is_empty())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn cannot(error: anyhow::Error) -> Error {
    Error::run(format!(
        "cannot overwrite the secrets of the capture: {error:#}"
    ))
}

/// What is to be overwritten in each stream.
fn edits(path: &Path, rules: &Redactions) -> anyhow::Result<HashMap<Stream, Vec<WireEdit>>> {
    let mut edits: HashMap<Stream, Vec<WireEdit>> = HashMap::new();
    hear(&mut reader::open(path)?, |connection, _, message| {
        let found = rules.wire_edits(&message);
        if !found.is_empty() {
            edits
                .entry((connection, message.from))
                .or_default()
                .extend(found);
        }
    })
    .require()?;
    Ok(edits)
}

/// The places in the file that are to be overwritten, and with what: in every packet that carried the bytes.
fn patches(
    path: &Path,
    edits: &HashMap<Stream, Vec<WireEdit>>,
) -> anyhow::Result<Vec<(u64, Vec<u8>)>> {
    let mut patches = Vec::new();
    let mut tracker = Tracker::<()>::default();
    let mut decoder = FrameDecoder::default();
    let mut first: HashMap<Stream, u32> = HashMap::new();
    let mut place = FILE_HEADER_BYTES;
    let mut capture = reader::open(path)?;
    while let Some(packet) = capture.next() {
        let begin = place + PACKET_HEADER_BYTES;
        place = begin + packet.bytes.len() as u64;
        let frame = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        let Decoded::Segment(segment) = frame else {
            continue;
        };
        let found = tracker.track(&segment);
        let stream = (found.connection, found.side);
        if segment.flags.has(Flags::SYN) {
            first.insert(stream, segment.sequence.wrapping_add(1));
        }
        let (Some(edits), Some(first)) = (edits.get(&stream), first.get(&stream)) else {
            continue;
        };
        let Some(in_packet) = payload_place(packet.bytes, &segment) else {
            continue;
        };
        let offset = u64::from(segment.sequence.wrapping_sub(*first));
        for edit in edits {
            for (at, bytes) in edit.in_segment(offset, segment.payload) {
                patches.push((begin + (in_packet + at) as u64, bytes));
            }
        }
    }
    Ok(patches)
}

/// Where in a packet its payload is; none where the payload was put together from several.
fn payload_place(packet: &[u8], segment: &Segment<'_>) -> Option<usize> {
    let place = (segment.payload.as_ptr() as usize).checked_sub(packet.as_ptr() as usize)?;
    (place + segment.payload.len() <= packet.len()).then_some(place)
}

/// The capture read again must have no secret in it.
fn require_none_left(path: &Path, rules: &Redactions) -> Result<()> {
    let mut left = Vec::new();
    let mut capture = reader::open(path).map_err(|error| cannot(error.into()))?;
    hear(&mut capture, |connection, name, mut message| {
        if rules.hide(&mut message, Scope::Secrets) {
            left.push(format!("{name} of connection {}", connection + 1));
        }
    })
    .require()
    .map_err(|error| cannot(error.into()))?;
    let Some(first) = left.first() else {
        return Ok(());
    };
    Err(Error::run(format!(
        "the capture is not kept: a secret in {first} cannot be overwritten"
    ))
    .with_hint(
        "what is compressed, or in several frames, cannot: have the client ask for it as it is, as with \
         `Accept-Encoding: identity`, or use a credential that is worth nothing and leave `secret` out",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rules;

    const SECRET: &str = "0123456789abcdef";

    /// A packet as it is on a loopback interface: Ethernet, IPv4, TCP.
    fn packet([from, to]: [u16; 2], sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 12];
        packet.extend([8, 0]);
        let length = u16::try_from(40 + payload.len()).unwrap();
        packet.extend([0x45, 0]);
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend(from.to_be_bytes());
        packet.extend(to.to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        packet
    }

    fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
        let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
        for packet in packets {
            let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
            file.extend([0; 8]);
            file.extend(length);
            file.extend(length);
            file.extend(packet);
        }
        file
    }

    /// The client says these, from the given places of its stream on.
    fn said(segments: &[(u32, &[u8])]) -> Vec<u8> {
        let ports = [50000, 8000];
        let mut packets = vec![packet(ports, u32::MAX - 20, 2, b"")];
        for (offset, payload) in segments {
            packets.push(packet(
                ports,
                (u32::MAX - 19).wrapping_add(*offset),
                0x10,
                payload,
            ));
        }
        pcap(&packets)
    }

    fn overwritten(file: &[u8], pattern: &str) -> Result<Vec<u8>> {
        let text = format!("[[redact]]\nname = \"key\"\npattern = '{pattern}'\nsecret = true\n");
        let rules = Rules::of_text(Path::new("x.toml"), &text).unwrap().into();
        let savefile = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(savefile.path(), file).unwrap();
        let any = overwrite(savefile.as_file(), savefile.path(), &rules)?;
        let after = std::fs::read(savefile.path()).unwrap();
        assert_eq!(any, after != file);
        Ok(after)
    }

    #[test]
    fn a_secret_is_overwritten_wherever_segments_part_it_and_in_every_copy() {
        let request = format!("GET /?key={SECRET} HTTP/1.1\r\nX-Key: key={SECRET}\r\n\r\n");
        let request = request.as_bytes();
        let expected = String::from_utf8_lossy(request).replace(SECRET, "<key...........>");
        let expected = expected.as_bytes();
        let parted = |text: &[u8]| {
            let end = u32::try_from(text.len()).unwrap();
            assert!(end > 60);
            said(&[
                (0, &text[..14]),
                (14, &text[14..50]),
                (10, &text[10..30]),
                (50, &text[50..]),
            ])
        };
        let file = overwritten(&parted(request), "key=([0-9a-f]{16})").unwrap();
        assert_eq!(file, parted(expected));
    }

    #[test]
    fn a_chunk_is_overwritten_and_its_size_stays() {
        let text = |value: &str| {
            let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
            let body = format!("4\r\nkey=\r\n14\r\nkey={value}\r\n3\r\n!!!\r\n0\r\n\r\n");
            said(&[
                (0, head.as_bytes()),
                (u32::try_from(head.len()).unwrap(), body.as_bytes()),
            ])
        };
        let file = overwritten(&text(SECRET), "key=([0-9a-f]{16})").unwrap();
        assert_eq!(file, text("<key...........>"));
    }

    #[test]
    fn what_chunks_part_cannot_be_overwritten_and_says_so() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (one, two) = SECRET.split_at(8);
        let body = format!("c\r\nkey={one}\r\n8\r\n{two}\r\n0\r\n\r\n");
        let file = said(&[
            (0, head.as_bytes()),
            (u32::try_from(head.len()).unwrap(), body.as_bytes()),
        ]);
        let error = overwritten(&file, "key=([0-9a-f]{16})")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("the capture is not kept: a secret in request 1 of connection 1 cannot be overwritten\nhint: "),
            "{error}"
        );
        assert!(!error.contains(one), "{error}");
    }

    #[test]
    fn a_file_without_secrets_stays_as_it_is() {
        let file = said(&[(0, b"nothing\n")]);
        assert_eq!(overwritten(&file, "key=([0-9a-f]{16})").unwrap(), file);
    }
}
