//! The two ends of a connection, as keys of the table of connections.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::Segment;

/// The two ends of a connection in an order that does not depend on who sends.
#[derive(Clone, Copy, Debug, Eq)]
pub(super) struct Key {
    addresses: [u64; 4],
    ports: u32,
    is_ipv6: bool,
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        for number in self.addresses {
            state.write_u64(number);
        }
        state.write_u64(u64::from(self.ports) << 1 | u64::from(self.is_ipv6));
    }
}

impl PartialEq for Key {
    /// Compares number by number: the key was just written so, and reading it back in wider pieces would wait for the
    /// writes.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let [[one, two, three, four], theirs] = [self.addresses, other.addresses];
        self.ports == other.ports
            && four == theirs[3]
            && two == theirs[1]
            && one == theirs[0]
            && three == theirs[2]
            && self.is_ipv6 == other.is_ipv6
    }
}

impl Key {
    /// Returns the key of a segment's connection, and true if the segment comes from its lower end.
    #[inline]
    pub(super) fn of(segment: &Segment<'_>) -> (Self, bool) {
        let (source, is_ipv6) = number(segment.source.ip());
        let (destination, _) = number(segment.destination.ip());
        let (source_port, destination_port) = (segment.source.port(), segment.destination.port());
        let source_is_lower = (source, source_port) <= (destination, destination_port);
        let ((low, low_port), (high, high_port)) = if source_is_lower {
            ((source, source_port), (destination, destination_port))
        } else {
            ((destination, destination_port), (source, source_port))
        };
        let ports = u32::from(low_port) << 16 | u32::from(high_port);
        (
            Self {
                addresses: [low.0, low.1, high.0, high.1],
                ports,
                is_ipv6,
            },
            source_is_lower,
        )
    }
}

#[inline]
fn number(address: IpAddr) -> ((u64, u64), bool) {
    match address {
        IpAddr::V4(address) => ((0, u64::from(Ipv4Addr::to_bits(address))), false),
        IpAddr::V6(address) => {
            let bits = Ipv6Addr::to_bits(address);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the two halves of the number"
            )]
            let halves = ((bits >> 64) as u64, bits as u64);
            (halves, true)
        }
    }
}
