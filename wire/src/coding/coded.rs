//! The record of the coded bytes themselves.

use super::stage::Marks;
use crate::fingerprint::Fingerprint;

/// The size of a block, in bytes. Bytes that gave nothing are reported by the block: one in which decoding failed is
/// reported from its beginning.
const BLOCK: u64 = 1 << 10;

/// The most bytes that wait for output to come from them; zstd has the largest blocks.
const MOST_PENDING: usize = 256 << 10;

/// The most room that an emptied buffer keeps.
const MOST_SPARE: usize = 4 << 10;

/// The number of bytes of a gzip member up to the end of its time (RFC 1952 §2.3).
const TIME_END: usize = 8;

/// A summary of coded bytes: their number, their fingerprint, and those from which nothing came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coded {
    /// The fingerprint of all of them, except the times that gzip writes into its headers (RFC 1952 §2.3.1): of these,
    /// only whether they are 0.
    fingerprint: Fingerprint,
    /// A hash of the times in gzip headers: the same for the same times.
    times: u64,
    /// The part of a gzip member's header that was read; `None` outside of one.
    header: Option<Member>,
    /// The bytes from which nothing came yet.
    pending: Vec<u8>,
    /// True if anything came out of this block.
    is_fruitful: bool,
}

/// The beginning of a gzip member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Member {
    length: usize,
    has_time: bool,
}

impl Coded {
    pub(super) fn new(is_gzip: bool) -> Self {
        Self {
            header: is_gzip.then(Member::default),
            ..Self::default()
        }
    }

    /// Returns how many bytes there are.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.fingerprint.length()
    }

    /// Returns true if there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fingerprint.is_empty()
    }

    /// Returns their fingerprint, which ignores the times in them.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Returns a number that is the same for the same times in gzip headers; 0 if there are none.
    #[must_use]
    pub const fn times(&self) -> u64 {
        self.times
    }

    /// Returns how many bytes there are to the end of the block.
    pub(super) fn room_in_block(&self) -> usize {
        let room = BLOCK - self.length() % BLOCK;
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Takes bytes, in which members begin at these marks.
    pub(super) fn take(&mut self, bytes: &[u8], marks: &Marks) {
        let mut from = 0;
        for member in &marks.members {
            self.take_of_member(&bytes[from..*member]);
            self.header = Some(Member::default());
            from = *member;
        }
        self.take_of_member(&bytes[from..]);
    }

    fn take_of_member(&mut self, mut bytes: &[u8]) {
        while let (Some(member), Some((first, rest))) = (self.header, bytes.split_first()) {
            self.take_of_header(member, *first);
            bytes = rest;
        }
        self.fingerprint.push(bytes);
    }

    /// Takes a byte of a gzip header: two bytes that tell gzip, the method, flags, then four bytes of time (RFC 1952
    /// §2.3).
    fn take_of_header(&mut self, mut member: Member, byte: u8) {
        let is_time = member.length >= 4;
        if is_time {
            member.has_time |= byte != 0;
            // FNV-1a, of all times one after the other.
            self.times = (self.times ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.fingerprint.push_for(
            1,
            if is_time {
                &[]
            } else {
                std::slice::from_ref(&byte)
            },
        );
        let is_gzip = [0x1f, 0x8b, 8]
            .get(member.length)
            .is_none_or(|known| *known == byte);
        member.length += 1;
        if member.length == TIME_END {
            self.fingerprint.push_for(0, &[u8::from(member.has_time)]);
        }
        self.header = Some(member).filter(|member| is_gzip && member.length < TIME_END);
    }

    /// Takes note of a slice, and of whether anything came out of it.
    pub(super) fn settle(&mut self, slice: &[u8], is_fruitful: bool, marks: &Marks) {
        self.wait_for(slice, marks);
        self.is_fruitful |= is_fruitful;
        let is_end_of_block = self.length().is_multiple_of(BLOCK);
        if is_end_of_block && (self.is_fruitful || self.pending.len() > MOST_PENDING) {
            self.pending.clear();
            self.pending.shrink_to(MOST_SPARE);
            self.is_fruitful = false;
        }
    }

    /// Takes note of the slice in which decoding failed, and of what is behind it.
    pub(super) fn fail(&mut self, slice: &[u8], rest: &[u8], marks: &Marks) {
        self.wait_for(slice, marks);
        self.take(rest, &Marks::default());
        self.pending.extend_from_slice(rest);
    }

    fn wait_for(&mut self, slice: &[u8], marks: &Marks) {
        let from = marks.whole.unwrap_or(0);
        if marks.whole.is_some() {
            self.pending.clear();
        }
        self.pending
            .extend_from_slice(slice.get(from..).unwrap_or_default());
    }

    /// Takes the bytes from which nothing came.
    pub(super) fn take_pending(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }
}
