//! Capture files of any kind, compressed or not.

use std::io::{Cursor, Read};

use wirestream::capture::{CaptureReader, MOST_PACKET_BYTES, read_from};

use super::input::{Cut, Input};

/// The most packets that are looked at: a compressed file can hold a great many empty ones.
const MOST_PACKETS: usize = 10_000;

/// The contents that were read from a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    packets: Vec<(u64, u64, u32, u16, u32, Vec<u8>)>,
    cut: Option<u64>,
    error: Option<String>,
}

/// Checks that a file has the same packets in any pieces, and if it is cut, those that are whole.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let (cut, length) = (Cut::from(&mut input), usize::from(input.number()));
    let file = input.0;
    let (whole, pieces) = (read(Cut::NONE, file), read(cut, file));
    let is_compressed = file.starts_with(&[0x1f, 0x8b]);
    if is_compressed && (whole.error.is_some() || pieces.error.is_some()) {
        // How much comes out of a damaged file before the damage is found is up to the decompressor.
        assert!(pieces.begins_as(&whole) || whole.begins_as(&pieces));
    } else {
        assert_eq!(pieces, whole, "cut into {cut:?}");
    }
    if !is_compressed {
        let part = read(Cut::NONE, &file[..length.min(file.len())]);
        assert!(whole.begins_as(&part), "{part:?}\n{whole:?}");
    }
}

impl Seen {
    fn begins_as(&self, part: &Self) -> bool {
        self.packets.starts_with(&part.packets)
    }
}

fn read(cut: Cut, file: &[u8]) -> Seen {
    let pieces: Vec<_> = cut.pieces(file).map(<[u8]>::to_vec).collect();
    let empty: Box<dyn Read> = Box::new(Cursor::new(Vec::new()));
    let input = pieces.into_iter().rev().fold(empty, |rest, piece| {
        Box::new(Cursor::new(piece).chain(rest))
    });
    let mut seen = Seen::default();
    match read_from(input) {
        Ok(mut reader) => read_packets(&mut reader, &mut seen),
        Err(error) => seen.error = Some(error.to_string()),
    }
    seen
}

fn read_packets(reader: &mut CaptureReader<impl Read>, seen: &mut Seen) {
    while seen.packets.len() < MOST_PACKETS {
        let Some(packet) = reader.next() else {
            seen.cut = reader.cut();
            seen.error = reader.damage().map(ToString::to_string);
            assert_eq!(reader.next(), None, "the end is the end");
            return;
        };
        assert!(packet.bytes.len() <= MOST_PACKET_BYTES as usize);
        assert_eq!(packet.number, seen.packets.len() as u64 + 1);
        seen.packets.push((
            packet.number,
            packet.time.nanoseconds,
            packet.interface,
            packet.link_type.0,
            packet.original_length,
            packet.bytes.to_vec(),
        ));
    }
}
