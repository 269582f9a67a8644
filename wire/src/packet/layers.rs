//! Finds the place of each layer in a packet's bytes, for a reader who wants to see it marked.

use std::ops::Range;

use super::frame::{Captured, Layered, datagram, innermost, link, transport};
use crate::units::LinkType;

/// The layers of one packet, as ranges of its captured bytes: each begins where the one before ends, and any may be
/// empty.
///
/// ```
/// use wirestream::units::LinkType;
/// use wirestream::packet::Layers;
///
/// let packet = [
///     0x45, 0, 0, 42, 0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, // IPv4
///     0x1f, 0x40, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0, // TCP
///     b'h', b'i', 0, 0, // payload and padding
/// ];
/// let layers = Layers::of(LinkType::RAW, &packet, 44);
/// assert_eq!((layers.link, layers.ip, layers.tcp), (0..0, 0..20, 20..40));
/// assert_eq!((layers.payload, layers.rest), (40..42, 42..44));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// The link layer's header, with its tags and labels.
    pub link: Range<usize>,
    /// The header of IPv4, or of IPv6 with its extension headers; of all of them if there are tunnels.
    pub ip: Range<usize>,
    /// The last IP header in these, with those that extend it.
    pub inner_ip: Range<usize>,
    /// The TCP header with its options.
    pub tcp: Range<usize>,
    /// The TCP payload.
    pub payload: Range<usize>,
    /// The bytes that belong to none of them: padding, a fragment of a datagram, a packet that is not TCP.
    pub rest: Range<usize>,
}

impl Layers {
    /// Finds the layers of a packet, as far as they can be read.
    #[must_use]
    pub fn of(link_type: LinkType, bytes: &[u8], original_length: u32) -> Self {
        let sent = bytes.len().max(original_length as usize);
        let packet = Captured { bytes, sent };
        let mut ends = Ends::default();
        // Where a header cannot be read, the layers before it are known.
        let _ = ends.pass(bytes, link(link_type, packet));
        ends.layers(bytes.len())
    }
}

/// The end of each layer.
#[derive(Default)]
struct Ends {
    link: usize,
    ip: usize,
    /// The beginning of the last IP header.
    inner_ip: usize,
    tcp: usize,
    payload: usize,
}

impl Ends {
    fn pass(
        &mut self,
        bytes: &[u8],
        passed: Layered<(super::frame::Network, Captured<'_>)>,
    ) -> Layered<()> {
        let (network, packet) = passed?;
        self.link = place(bytes, packet.bytes);
        let datagram = innermost(datagram(network, packet)?)?;
        self.ip = place(bytes, datagram.payload.bytes);
        self.inner_ip = place(bytes, datagram.header);
        if !datagram.is_fragment() {
            let header_bytes = transport(&datagram)?.header_bytes as usize;
            self.payload = self.ip + datagram.payload.bytes.len();
            // The snapshot length may have cut the options.
            self.tcp = (self.ip + header_bytes).min(self.payload);
        }
        Ok(())
    }

    fn layers(&self, length: usize) -> Layers {
        let ip = self.ip.max(self.link);
        let tcp = self.tcp.max(ip);
        let payload = self.payload.max(tcp);
        Layers {
            link: 0..self.link,
            ip: self.link..ip,
            inner_ip: self.inner_ip.clamp(self.link, ip)..ip,
            tcp: ip..tcp,
            payload: tcp..payload,
            rest: payload..length,
        }
    }
}

/// Returns where `whole` contains its slice `part`.
fn place(whole: &[u8], part: &[u8]) -> usize {
    let place = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    // An empty slice need not point into the packet.
    place.min(whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TCP: [u8; 20] = [
        0x1f, 0x40, 0, 80, 0, 0, 0, 9, 0, 0, 0, 7, 0x50, 0x18, 0x12, 0x34, 0, 0, 0, 0,
    ];

    #[test]
    fn ipv6_with_an_extension_header_behind_a_tag() {
        let mut packet = vec![0; 12];
        packet.extend([0x81, 0, 0, 1, 0x86, 0xdd]);
        packet.extend([0x60, 0, 0, 0, 0, 31, 0, 64]);
        packet.extend([0; 32]);
        packet.extend([6, 0, 1, 4, 0, 0, 0, 0]);
        packet.extend(TCP);
        packet.extend(*b"yes");

        let layers = Layers::of(LinkType::ETHERNET, &packet, 0);

        assert_eq!((layers.link, layers.ip), (0..18, 18..66));
        assert_eq!(layers.inner_ip, 18..66);
        assert_eq!((layers.tcp, layers.payload), (66..86, 86..89));
    }

    #[test]
    fn what_cannot_be_read_is_the_rest() {
        let mut arp = vec![0; 12];
        arp.extend([0x08, 0x06, 1, 2, 3]);
        assert_eq!(Layers::of(LinkType::ETHERNET, &arp, 0).rest, 0..17);
        assert_eq!(Layers::of(LinkType(9999), &arp, 0).rest, 0..17);
        let cut = [&[0x45, 0, 0, 60][..], &[0, 0, 0x40, 0, 64, 6], &[0; 10]].concat();
        let layers = Layers::of(LinkType::RAW, &cut, 60);
        assert_eq!(
            (layers.ip, layers.tcp, layers.rest),
            (0..20, 20..20, 20..20)
        );
    }

    proptest! {
        #[test]
        fn they_follow_each_other_and_cover_the_packet(
            link_type in prop::sample::select(vec![0_u16, 1, 101, 108, 113, 228, 229, 276, 7]),
            bytes in prop::collection::vec(any::<u8>(), 0..120),
            original_length in 0_u32..200,
        ) {
            let layers = Layers::of(LinkType(link_type), &bytes, original_length);
            let Layers { link, ip, inner_ip, tcp, payload, rest } = layers;
            prop_assert!(ip.start <= inner_ip.start && inner_ip.end == ip.end);
            prop_assert_eq!(link.start, 0);
            for (one, next) in [(&link, &ip), (&ip, &tcp), (&tcp, &payload), (&payload, &rest)] {
                prop_assert_eq!(one.end, next.start);
                prop_assert!(one.start <= one.end);
            }
            prop_assert_eq!(rest.end, bytes.len());
        }
    }
}
