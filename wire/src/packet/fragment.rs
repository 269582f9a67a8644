//! Puts IP datagrams back together from their fragments.
//!
//! Fragments arrive in any order, twice, overlapping, or never. Waiting fragments are bounded in number and in bytes:
//! if a bound is reached, the datagram that has waited longest is given up.

use std::collections::HashMap;
use std::net::IpAddr;

/// The most datagrams that may wait for fragments at the same time.
const MOST_DATAGRAMS: usize = 1024;
/// The most bytes of fragments that may wait at the same time.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The longest datagram (RFC 791 §3.1): its length is a 16-bit number, and so is the end of a fragment.
const MOST_DATAGRAM_BYTES: usize = 65_535;
/// The cost of a fragment besides its bytes; keeps floods of empty ones within the bound as well.
const FRAGMENT_OVERHEAD: usize = 64;

/// The values that the fragments of one datagram have in common: RFC 791 §3.2, RFC 8200 §4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DatagramKey {
    /// The sender.
    pub(super) source: IpAddr,
    /// The receiver.
    pub(super) destination: IpAddr,
    /// The identification field: 16 bits in IPv4, 32 in IPv6.
    pub(super) identification: u32,
    /// The protocol of the fragmented payload.
    pub(super) protocol: u8,
}

/// One fragment of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    /// The offset of its bytes in the datagram's payload.
    pub(super) offset: usize,
    /// True if others come after it.
    pub(super) more: bool,
    /// Its bytes, all of them captured.
    pub(super) bytes: &'a [u8],
}

/// The fragments that wait for others.
#[derive(Debug, Default)]
pub(super) struct Defragmenter {
    waiting: HashMap<DatagramKey, Datagram>,
    waiting_bytes: usize,
    arrivals: u64,
}

#[derive(Debug, Default)]
struct Datagram {
    /// The fragments in order of offset; those with the same offset in order of arrival.
    fragments: Vec<(usize, Box<[u8]>)>,
    /// The length of the payload; known once the last fragment is here.
    length: Option<usize>,
    cost: usize,
    /// The arrival of its first fragment, counted in fragments.
    arrival: u64,
}

impl Defragmenter {
    /// Takes a fragment; returns the whole payload if it was the last one missing.
    pub(super) fn add(&mut self, key: DatagramKey, fragment: Fragment<'_>) -> Option<Vec<u8>> {
        if fragment.offset + fragment.bytes.len() > MOST_DATAGRAM_BYTES {
            return None;
        }
        self.arrivals += 1;
        let arrival = self.arrivals;
        let datagram = self.waiting.entry(key).or_insert_with(|| Datagram {
            arrival,
            ..Datagram::default()
        });
        self.waiting_bytes += datagram.add(fragment);
        let whole = datagram.assemble();
        if whole.is_some() {
            self.forget(key);
        } else {
            self.keep_within_bounds();
        }
        whole
    }

    fn forget(&mut self, key: DatagramKey) {
        if let Some(datagram) = self.waiting.remove(&key) {
            self.waiting_bytes -= datagram.cost;
        }
    }

    fn keep_within_bounds(&mut self) {
        while self.waiting.len() > MOST_DATAGRAMS || self.waiting_bytes > MOST_BYTES {
            let oldest = self
                .waiting
                .iter()
                .min_by_key(|(_, datagram)| datagram.arrival);
            let Some((&key, _)) = oldest else { break };
            self.forget(key);
        }
    }
}

impl Datagram {
    /// Keeps a fragment; returns the cost of that.
    fn add(&mut self, fragment: Fragment<'_>) -> usize {
        if !fragment.more {
            self.length
                .get_or_insert(fragment.offset + fragment.bytes.len());
        }
        let place = self
            .fragments
            .partition_point(|(offset, _)| *offset <= fragment.offset);
        let repeats = place
            .checked_sub(1)
            .and_then(|before| self.fragments.get(before));
        if repeats.is_some_and(|(offset, bytes)| {
            *offset == fragment.offset && bytes.len() >= fragment.bytes.len()
        }) {
            return 0;
        }
        self.fragments
            .insert(place, (fragment.offset, fragment.bytes.into()));
        let cost = fragment.bytes.len() + FRAGMENT_OVERHEAD;
        self.cost += cost;
        cost
    }

    /// Returns the payload if no byte of it is missing. If bytes came twice, those of the fragment that begins first
    /// count, as in Wireshark. (RFC 791 would let the later one win; RFC 5722 would drop such a datagram.)
    fn assemble(&self) -> Option<Vec<u8>> {
        let length = self.length?;
        let mut reached = 0;
        for (offset, bytes) in &self.fragments {
            if *offset > reached {
                return None;
            }
            reached = reached.max(offset + bytes.len());
        }
        if reached < length {
            return None;
        }
        let mut whole = Vec::with_capacity(length);
        for (offset, bytes) in &self.fragments {
            whole.extend_from_slice(bytes.get(whole.len() - offset..).unwrap_or_default());
        }
        whole.truncate(length);
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: DatagramKey = DatagramKey {
        source: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        destination: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        identification: 7,
        protocol: 6,
    };

    fn fragment(offset: usize, more: bool, bytes: &[u8]) -> Fragment<'_> {
        Fragment {
            offset,
            more,
            bytes,
        }
    }

    #[test]
    fn a_datagram_is_whole_when_its_last_fragment_is_here() {
        let mut fragments = Defragmenter::default();
        assert_eq!(fragments.add(KEY, fragment(8, false, b"tail")), None);
        assert_eq!(
            fragments.add(KEY, fragment(0, true, b"12345678")),
            Some(b"12345678tail".to_vec())
        );
        assert_eq!(fragments.waiting_bytes, 0);
    }

    #[test]
    fn the_fragment_that_begins_first_wins_where_two_overlap() {
        let mut fragments = Defragmenter::default();
        assert_eq!(fragments.add(KEY, fragment(8, false, b"BBBBBBBB")), None);
        assert_eq!(
            fragments.add(KEY, fragment(0, true, b"AAAAAAAAAAAA")),
            Some(b"AAAAAAAAAAAABBBB".to_vec())
        );
    }

    #[test]
    fn a_flood_of_fragments_that_never_complete_stays_within_bounds() {
        let mut fragments = Defragmenter::default();
        for identification in 0..20_000 {
            let key = DatagramKey {
                identification,
                ..KEY
            };
            fragments.add(key, fragment(8, true, &[0; 1400]));
        }
        assert!(fragments.waiting.len() <= MOST_DATAGRAMS);
        assert!(fragments.waiting_bytes <= MOST_BYTES);
    }

    #[test]
    fn the_same_fragment_again_and_again_costs_nothing() {
        let mut fragments = Defragmenter::default();
        for _ in 0..1000 {
            fragments.add(KEY, fragment(8, true, &[0; 1400]));
        }
        assert_eq!(fragments.waiting_bytes, 1400 + FRAGMENT_OVERHEAD);
    }

    proptest! {
        #[test]
        fn fragments_in_any_order_and_number_give_the_datagram(
            payload in proptest::collection::vec(any::<u8>(), 1..4000),
            size in 1_usize..40,
            seeds in proptest::collection::vec(any::<u32>(), 1..600),
        ) {
            let pieces: Vec<_> = payload.chunks(size * 8).enumerate().collect();
            let mut order: Vec<usize> = seeds.iter().map(|seed| *seed as usize % pieces.len()).collect();
            order.extend(0..pieces.len());
            let mut fragments = Defragmenter::default();
            let whole = order.into_iter().find_map(|index| {
                let (place, bytes) = pieces[index];
                fragments.add(KEY, fragment(place * size * 8, place + 1 < pieces.len(), bytes))
            });
            prop_assert_eq!(whole, Some(payload));
        }
    }
}
