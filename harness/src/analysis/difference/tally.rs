//! Packets of one sort, counted by their costs; and the difference between two such counts.

use super::figures::Delta;
use super::header::HeaderId;

/// The cost of one packet besides its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cost {
    /// Bytes of the TCP header with its options.
    pub(super) tcp: u32,
    /// Bytes on the link that are neither TCP nor its payload: headers of the link and of IP, padding. Negative for the
    /// packet that completes a datagram in fragments, whose payload came before it.
    pub(super) below: i64,
    /// True if it has payload.
    pub(super) has_payload: bool,
    /// The identifier of its headers.
    pub(super) header: HeaderId,
}

impl Cost {
    pub(super) fn new(
        frame_bytes: u32,
        tcp_bytes: u32,
        payload_bytes: u32,
        header: HeaderId,
    ) -> Self {
        let above = i64::from(tcp_bytes) + i64::from(payload_bytes);
        Self {
            tcp: tcp_bytes,
            below: i64::from(frame_bytes) - above,
            has_payload: payload_bytes > 0,
            header,
        }
    }

    /// Returns the figures of so many such packets, without their payload; a negative count takes them away.
    pub(super) fn delta(self, count: i64) -> Delta {
        let tcp = i64::from(self.tcp);
        Delta {
            total_packets: count,
            app_packets: count * i64::from(self.has_payload),
            frame_bytes: count.wrapping_mul(tcp.wrapping_add(self.below)),
            tcp_bytes: count.wrapping_mul(tcp),
            app_bytes: 0,
        }
    }
}

/// The most different costs that are told apart.
const MOST_COSTS: usize = 1000;

/// Packets by their costs, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Tally {
    costs: Vec<(Cost, u64)>,
    /// The figures of the packets with too many costs to be told apart, without payload.
    rest: Delta,
    /// A digest that is equal for the same headers of these, in any order.
    rest_headers: u64,
}

/// The difference between two tallies. Packets of the same cost are counterparts; of the rest, those that cost most are
/// paired one by one (a SYN with a SYN). The packets left over are more packets, or fewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// The packets that have no counterpart, including their headers.
    pub(super) count: Delta,
    /// The difference in TCP headers of packets that have a counterpart.
    pub(super) tcp: Delta,
    /// The difference in the headers below TCP, likewise.
    pub(super) below: Delta,
    /// The number of packets that have a counterpart.
    pub(super) pairs: u64,
    /// The different headers of such pairs, with the number of pairs.
    pub(super) headers: Vec<([HeaderId; 2], u64)>,
    /// True if headers differ somewhere among packets that are only counted.
    pub(super) others: bool,
}

impl Tally {
    /// A tally without packets.
    pub(super) const NONE: Self = Self {
        costs: Vec::new(),
        rest: Delta::ZERO,
        rest_headers: 0,
    };

    pub(super) fn add(&mut self, cost: Cost, count: u64) {
        match self.costs.binary_search_by_key(&cost, |(cost, _)| *cost) {
            Ok(place) => self.costs[place].1 += count,
            Err(_) if self.costs.len() == MOST_COSTS => {
                self.rest += cost.delta(count.cast_signed());
                let headers = cost.header.0.wrapping_mul(count);
                self.rest_headers = self.rest_headers.wrapping_add(headers);
            }
            Err(place) => self.costs.insert(place, (cost, count)),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (cost, count) in &other.costs {
            self.add(*cost, *count);
        }
        self.rest += other.rest;
        self.rest_headers = self.rest_headers.wrapping_add(other.rest_headers);
    }

    pub(super) fn packets(&self) -> u64 {
        let counted: u64 = self.costs.iter().map(|(_, count)| count).sum();
        counted.wrapping_add_signed(self.rest.total_packets)
    }

    /// Returns the figures of all packets, without payload.
    pub(super) fn delta(&self) -> Delta {
        let delta = |(cost, count): &(Cost, u64)| cost.delta(count.cast_signed());
        self.costs.iter().map(delta).sum::<Delta>() + self.rest
    }

    pub(super) fn compare(old: &Self, new: &Self) -> Compared {
        let mut compared = Compared {
            count: new.rest + -old.rest,
            others: old.rest_headers != new.rest_headers,
            ..Compared::default()
        };
        compared.pairs = old.in_common(new);
        let mut olds = old.without(new).into_iter().rev();
        let mut news = new.without(old).into_iter().rev();
        let (mut before, mut after) = (olds.next(), news.next());
        while let (Some((was, had)), Some((is, has))) = (&mut before, &mut after) {
            let pairs = (*had).min(*has);
            compared.pair(*was, *is, pairs);
            *had -= pairs;
            *has -= pairs;
            before = before.filter(|(_, left)| *left > 0).or_else(|| olds.next());
            after = after.filter(|(_, left)| *left > 0).or_else(|| news.next());
        }
        for (cost, count) in before.into_iter().chain(olds) {
            compared.count += cost.delta(-count.cast_signed());
        }
        for (cost, count) in after.into_iter().chain(news) {
            compared.count += cost.delta(count.cast_signed());
        }
        compared
    }

    /// Returns the number of equal packets in both.
    fn in_common(&self, other: &Self) -> u64 {
        let common = |(cost, count): &(Cost, u64)| {
            let found = other.costs.binary_search_by_key(cost, |(cost, _)| *cost);
            found.map_or(0, |place| other.costs[place].1.min(*count))
        };
        self.costs.iter().map(common).sum()
    }

    /// Returns the packets left without those that both have.
    fn without(&self, other: &Self) -> Vec<(Cost, u64)> {
        let left = |(cost, count): &(Cost, u64)| {
            let found = other.costs.binary_search_by_key(cost, |(cost, _)| *cost);
            let common = found.map_or(0, |place| other.costs[place].1);
            (*cost, count.saturating_sub(common))
        };
        self.costs
            .iter()
            .map(left)
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

impl Compared {
    fn pair(&mut self, old: Cost, new: Cost, pairs: u64) {
        self.pairs += pairs;
        if old.header != new.header {
            self.headers.push(([old.header, new.header], pairs));
        }
        let pairs = pairs.cast_signed();
        let tcp = pairs.wrapping_mul(i64::from(new.tcp) - i64::from(old.tcp));
        self.tcp += Delta {
            frame_bytes: tcp,
            tcp_bytes: tcp,
            ..Delta::default()
        };
        self.below.frame_bytes += pairs.wrapping_mul(new.below.wrapping_sub(old.below));
        self.count.app_packets += pairs * (i64::from(new.has_payload) - i64::from(old.has_payload));
    }

    /// Returns the sum of all parts.
    #[cfg(test)]
    fn sum(&self) -> Delta {
        self.count + self.tcp + self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tally(packets: &[(u8, u8, u8)]) -> Tally {
        let mut tally = Tally::default();
        for (tcp, below, payload) in packets {
            let [tcp, payload] = [u32::from(tcp % 4) * 4 + 20, u32::from(payload % 2)];
            tally.add(
                Cost::new(
                    tcp + payload + u32::from(below % 3),
                    tcp,
                    payload,
                    HeaderId(u64::from(*below / 128)),
                ),
                1,
            );
        }
        tally
    }

    #[test]
    fn a_packet_more_costs_all_its_headers_and_one_with_an_option_more_the_option() {
        let acknowledgement = Cost::new(66, 32, 0, HeaderId(1));
        let mut old = Tally::default();
        old.add(acknowledgement, 2);
        old.add(Cost::new(78, 44, 0, HeaderId(2)), 1);
        let mut new = Tally::default();
        new.add(acknowledgement, 3);
        new.add(Cost::new(74, 40, 0, HeaderId(3)), 1);
        let compared = Tally::compare(&old, &new);
        assert_eq!(compared.count.figures(), [1, 0, 66, 32, 0]);
        assert_eq!(compared.tcp.figures(), [0, 0, -4, -4, 0]);
        assert!(compared.below.is_zero());
        assert_eq!(compared.pairs, 3);
        assert_eq!(compared.headers, [([HeaderId(2), HeaderId(3)], 1)]);
    }

    #[test]
    fn very_many_costs_are_summed_up() {
        let mut tallies = [Tally::default(), Tally::default()];
        for (place, tally) in tallies.iter_mut().enumerate() {
            for cost in 0..5000 + 10 * place {
                let cost = 100 + u32::try_from(cost).unwrap();
                tally.add(Cost::new(cost, 20, 0, HeaderId::default()), 1);
            }
        }
        let [old, new] = tallies;
        assert_eq!((old.costs.len(), old.packets()), (MOST_COSTS, 5000));
        let compared = Tally::compare(&old, &new);
        assert_eq!(compared.sum(), new.delta() + -old.delta());
        assert_eq!(compared.sum().total_packets, 10);
    }

    proptest! {
        #[test]
        fn what_differs_adds_up_and_is_the_opposite_the_other_way(
            old in prop::collection::vec(any::<(u8, u8, u8)>(), 0..20),
            new in prop::collection::vec(any::<(u8, u8, u8)>(), 0..20),
        ) {
            let (old, new) = (tally(&old), tally(&new));
            let compared = Tally::compare(&old, &new);
            prop_assert_eq!(compared.sum(), new.delta() + -old.delta());
            let back = Tally::compare(&new, &old);
            prop_assert_eq!(back.count, -compared.count);
            prop_assert_eq!(back.tcp, -compared.tcp);
            prop_assert_eq!(back.below, -compared.below);
            prop_assert_eq!(back.pairs, compared.pairs);
            let turned = back.headers.iter().map(|([new, old], pairs)| ([*old, *new], *pairs));
            prop_assert_eq!(turned.collect::<Vec<_>>(), compared.headers);
            let same = Tally::compare(&old, &old);
            prop_assert_eq!(&same, &Compared { pairs: old.packets(), ..Compared::default() });
        }
    }
}
