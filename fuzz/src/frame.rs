//! Packets of every link type.

use wirestream::packet::{Decoded, FrameDecoder, Other, Segment};
use wirestream::units::LinkType;

use super::input::Input;

const LINK_TYPES: [u16; 16] = [
    0, 1, 12, 14, 101, 108, 113, 228, 229, 276, 105, 65_535, 9, 50, 51, 104,
];

/// The longest payload that fragments can make.
const MOST_ASSEMBLED: usize = 65_535;

/// Checks that a segment lies within its packet, and that a decoder which has seen other packets decodes the same.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let choice = usize::from(input.byte()) % LINK_TYPES.len();
    let link_type = LinkType(LINK_TYPES[choice]);
    let mut decoder = FrameDecoder::default();
    while !input.0.is_empty() {
        let (length, more) = (usize::from(input.byte()), u32::from(input.byte()));
        let bytes = input.bytes(length);
        // Above 128, the packet was so much longer on the link; below, the header says less than was captured.
        let original_length = (u32::try_from(bytes.len()).unwrap() + more).saturating_sub(128);
        packet(&mut decoder, link_type, bytes, original_length);
    }
}

fn packet(decoder: &mut FrameDecoder, link_type: LinkType, bytes: &[u8], original_length: u32) {
    let mut fresh = FrameDecoder::default();
    let expected = fresh.decode(link_type, bytes, original_length);
    let seen = decoder.decode(link_type, bytes, original_length);
    match (&expected, &seen) {
        // A fragment that others wait for.
        (Decoded::Other(Other::Fragment), _) => {}
        _ => assert_eq!(seen, expected),
    }
    if let Decoded::Segment(segment) = seen {
        let sent = bytes.len().max(original_length as usize);
        check_segment(&segment, sent.max(MOST_ASSEMBLED));
    }
}

fn check_segment(segment: &Segment<'_>, most: usize) {
    assert!((20..=60).contains(&segment.header_bytes));
    assert!(segment.payload.len() <= segment.payload_length as usize);
    assert!((segment.header_bytes + segment.payload_length) as usize <= most);
    assert_eq!(segment.source.is_ipv4(), segment.destination.is_ipv4());
}
