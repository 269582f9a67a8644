//! The places in the file of the bytes of a stream: in each packet that carried them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use wirestream::packet::distance;

/// A payload, or the part of one that came in a fragment, as it is in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) packet: u64,
    pub(super) sequence: u32,
    pub(super) length: u32,
    pub(super) place: u64,
}

/// Bytes that a receiver takes, and the packet that they are from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    pub(super) at: u64,
    pub(super) length: usize,
    pub(super) packet: u64,
}

/// One side's stream in the file.
pub(super) struct Stream<'f> {
    file: &'f File,
    /// All payloads that were sent, by their place in the stream.
    copies: Vec<Copy>,
    /// The length of the longest of them.
    longest: i64,
    /// The bytes that a receiver takes, in order.
    pieces: Vec<Piece>,
    /// The payloads of which a receiver takes nothing, or other bytes, in the order of the file.
    strays: Vec<Copy>,
}

/// A copy of some bytes of a stream; its place in the stream is negative if it is before the first byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    pub(super) packet: u64,
    pub(super) at: i64,
    pub(super) length: u32,
    pub(super) place: u64,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u64,
    length: u64,
    place: u64,
}

impl Copy {
    const fn end(&self) -> i64 {
        self.at + self.length as i64
    }
}

impl<'f> Stream<'f> {
    /// Finds the bytes that were delivered among those that were sent; `None` if they are not all there.
    pub(super) fn new(
        file: &'f File,
        first_sequence: u32,
        sent: &[Sent],
        delivered: &[Delivered],
    ) -> io::Result<Option<Self>> {
        let copies = placed(first_sequence, sent);
        let mut pieces = Vec::with_capacity(delivered.len());
        let mut taken = vec![0_u64; copies.len()];
        for part in delivered {
            let first = copies.partition_point(|copy| copy.packet < part.packet);
            let same = copies[first..].iter().zip(first..);
            let mut at = part.at;
            let end = part.at + part.length as u64;
            for (copy, index) in same.take_while(|(copy, _)| copy.packet == part.packet) {
                let inside = at
                    .checked_add_signed(-copy.at)
                    .filter(|_| copy.at <= at.cast_signed());
                let Some(inside) = inside.filter(|inside| *inside < u64::from(copy.length)) else {
                    continue;
                };
                let length = (u64::from(copy.length) - inside).min(end - at);
                if length == 0 {
                    continue;
                }
                pieces.push(Piece {
                    at,
                    length,
                    place: copy.place + inside,
                });
                taken[index] += length;
                at += length;
            }
            if at < end {
                return Ok(None);
            }
        }
        let mut stream = Self {
            file,
            longest: copies
                .iter()
                .map(|copy| i64::from(copy.length))
                .max()
                .unwrap_or(0),
            copies: Vec::new(),
            pieces,
            strays: Vec::new(),
        };
        let others = copies.iter().zip(&taken);
        let others = others.filter(|(copy, taken)| u64::from(copy.length) > **taken);
        let mut strays = Vec::new();
        for (copy, _) in others {
            if !stream.is_same(copy)? {
                strays.push(*copy);
            }
        }
        stream.strays = strays;
        stream.copies = copies;
        stream.copies.sort_by_key(|copy| copy.at);
        Ok(Some(stream))
    }

    /// Returns the offset at which the stream ends.
    pub(super) fn end(&self) -> u64 {
        self.pieces.last().map_or(0, |last| last.at + last.length)
    }

    /// Returns the payloads of which a receiver takes nothing, or other bytes, in the order of the file.
    pub(super) fn strays(&self) -> &[Copy] {
        &self.strays
    }

    /// Returns the packet with the first of `count` bytes in a row that no receiver takes, or takes differently: they
    /// do not belong to a stream that could be read. Probes are shorter (RFC 9293 §3.8.4).
    pub(super) fn contradiction(&self, count: usize) -> Option<u64> {
        let mut strays = self.strays.clone();
        strays.sort_by_key(|stray| stray.at);
        let mut run: Option<(u64, i64, i64)> = None;
        for stray in strays {
            run = match run {
                Some((packet, start, end)) if stray.at <= end => {
                    Some((packet, start, end.max(stray.end())))
                }
                _ => Some((stray.packet, stray.at, stray.end())),
            };
            if let Some((packet, start, end)) = run
                && (end - start).unsigned_abs() >= count as u64
            {
                return Some(packet);
            }
        }
        None
    }

    /// Reads a stretch of the stream from its beginning on, as far as it is there.
    pub(super) fn read(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        let first = self
            .pieces
            .partition_point(|piece| piece.at + piece.length <= at);
        for piece in &self.pieces[first..] {
            let next = at + filled as u64;
            if filled == length || piece.at > next {
                break;
            }
            let inside = next - piece.at;
            let room = usize::try_from(piece.length - inside).unwrap_or(usize::MAX);
            let now = room.min(length - filled);
            self.file
                .read_exact_at(&mut bytes[filled..filled + now], piece.place + inside)?;
            filled += now;
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Reads the payload of a packet.
    pub(super) fn read_copy(&self, copy: &Copy) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; copy.length as usize];
        self.file.read_exact_at(&mut bytes, copy.place)?;
        Ok(bytes)
    }

    /// Returns true if a copy has the bytes that a receiver takes.
    fn is_same(&self, copy: &Copy) -> io::Result<bool> {
        let Ok(at) = u64::try_from(copy.at) else {
            return Ok(false);
        };
        Ok(self.read(at, copy.length as usize)? == self.read_copy(copy)?)
    }

    /// Returns the places in the file where bytes of the stream are to be overwritten: in each packet that carried some
    /// of them.
    pub(super) fn places<'a>(&self, at: u64, bytes: &'a [u8]) -> Vec<(u64, &'a [u8])> {
        let start = at.cast_signed();
        let end = start + i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let first = self
            .copies
            .partition_point(|copy| copy.at + self.longest <= start);
        let mut places = Vec::new();
        for copy in &self.copies[first..] {
            if copy.at >= end {
                break;
            }
            let (from, to) = (copy.at.max(start), copy.end().min(end));
            if from < to {
                let inside = |place: i64| usize::try_from(place - start).unwrap_or(0);
                let place = copy.place + (from - copy.at).unsigned_abs();
                places.push((place, &bytes[inside(from)..inside(to)]));
            }
        }
        places
    }
}

/// Returns the place of each payload in its stream, in the order of the file: of all that its sequence number can mean,
/// the one nearest to what was sent before.
fn placed(first_sequence: u32, sent: &[Sent]) -> Vec<Copy> {
    let mut next = 0_i64;
    let place = |sent: &Sent| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "sequence numbers count modulo 2^32"
        )]
        let expected = first_sequence.wrapping_add(next as u32);
        let copy = Copy {
            packet: sent.packet,
            at: next + i64::from(distance(expected, sent.sequence)),
            length: sent.length,
            place: sent.place,
        };
        next = next.max(copy.end());
        copy
    };
    sent.iter().map(place).collect()
}
