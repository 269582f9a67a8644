use super::*;
use crate::units::Side;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use tungstenite::Message;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::{Role, WebSocketContext};

const MASK: [u8; 4] = [0x36, 0x0d, 0x29, 0x16];

fn frame_bytes(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u64;
    let header = Header {
        fin: first & 0x80 != 0,
        reserved: first >> 4 & 7,
        opcode: Opcode(first & 15),
        mask,
        length,
        length_form: Header::form_for(length),
    };
    let mut bytes = Vec::new();
    header.emit(&mut bytes);
    let from = bytes.len();
    bytes.extend_from_slice(payload);
    if let Some(mask) = mask {
        unmask(&mut bytes[from..], mask, 0);
    }
    bytes
}

fn feed(decoder: &mut Decoder, bytes: &[u8], frames: &mut Vec<Frame>) -> Vec<u8> {
    let mut rest = bytes;
    let mut raw = Vec::new();
    while let Some(item) = decoder.next(&mut rest) {
        match item {
            Item::Frame(frame) => frames.push(*frame),
            Item::Raw(bytes) => raw.extend_from_slice(&bytes),
            Item::RawMissing(_) | Item::Note(_) => {}
        }
    }
    assert!(rest.is_empty());
    raw
}

fn frames_of(side: Side, pieces: &[&[u8]], deflate: Option<Deflate>) -> Vec<Frame> {
    let mut decoder = Decoder::new(side, 0, deflate);
    let mut frames = Vec::new();
    for piece in pieces {
        feed(&mut decoder, piece, &mut frames);
    }
    for item in decoder.finish() {
        if let Item::Frame(frame) = item {
            frames.push(*frame);
        }
    }
    frames
}

fn from_client(bytes: &[u8]) -> Vec<Frame> {
    frames_of(Side::Client, &[bytes], None)
}

fn from_server(bytes: &[u8]) -> Vec<Frame> {
    frames_of(Side::Server, &[bytes], None)
}

/// Returns the messages that frames make, and the payloads of control frames.
fn messages(frames: &[Frame]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut open = Vec::new();
    let mut fragments = 0;
    for frame in frames {
        if frame.header.opcode.is_control() {
            messages.push(frame.payload.clone());
            continue;
        }
        fragments += 1;
        open.extend_from_slice(&frame.payload);
        let completes = frame.effect == Effect::Completes;
        assert_eq!(completes, frame.header.fin && fragments > 1);
        if frame.header.fin {
            messages.push(std::mem::take(&mut open));
            fragments = 0;
        }
    }
    messages
}

fn rules(frames: &[Frame]) -> Vec<(u64, &'static str)> {
    let notes = frames.iter().flat_map(|frame| &frame.notes);
    notes.map(|note| (note.offset, note.rule)).collect()
}

#[test]
fn the_examples_of_rfc_6455_section_5_7_are_read() {
    let hello = from_server(&[0x81, 5, b'H', b'e', b'l', b'l', b'o']);
    assert_eq!(hello[0].payload, b"Hello");
    let masked = from_client(&[
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ]);
    assert_eq!(masked[0].payload, b"Hello");
    let parts = from_server(&[1, 3, b'H', b'e', b'l', 0x80, 2, b'l', b'o']);
    assert_eq!(messages(&parts), [b"Hello"]);
    assert_eq!(parts[1].message_opcode, Opcode::TEXT);
    let ping = from_server(&[0x89, 5, b'H', b'e', b'l', b'l', b'o']);
    assert_eq!(ping[0].header.opcode, Opcode::PING);
    for length in [256, 65536] {
        let frames = from_server(&frame_bytes(0x82, None, &vec![7; length]));
        assert_eq!(frames[0].payload, vec![7; length]);
        assert!(frames[0].notes.is_empty());
    }
}

#[test]
fn the_examples_of_rfc_7692_section_7_2_3_are_inflated() {
    let takeover = Some(Deflate {
        no_context_takeover: false,
        window_bits: 15,
    });
    let first = [0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let again = [0xc1, 5, 0xf2, 0x00, 0x11, 0x00, 0x00];
    let frames = frames_of(Side::Server, &[&first, &again], takeover);
    assert_eq!(frames[0].payload, b"Hello");
    assert_eq!(frames[1].payload, b"Hello", "refers to the first message");
    // Fragmented: RSV1 on the first frame only.
    let parts = [0x41, 3, 0xf2, 0x48, 0xcd, 0x80, 4, 0xc9, 0xc9, 0x07, 0x00];
    let frames = frames_of(Side::Server, &[&parts], takeover);
    assert_eq!(messages(&frames), [b"Hello"]);
    // The context outlives a block with BFINAL set.
    let last = [0xc1, 8, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0];
    let frames = frames_of(Side::Server, &[&last, &again], takeover);
    assert_eq!(frames[1].payload, b"Hello");
    // §7.2.3.3: a block that is not compressed; §7.2.3.4: a block with BFINAL set.
    let stored = [
        0xc1, 11, 0, 5, 0, 0xfa, 0xff, b'H', b'e', b'l', b'l', b'o', 0,
    ];
    let last = [0xc1, 8, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0];
    let two_blocks = [
        0xc1, 13, 0xf2, 0x48, 0x05, 0, 0, 0, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0,
    ];
    for bytes in [&stored[..], &last[..], &two_blocks[..]] {
        let frames = frames_of(Side::Server, &[bytes, &first, &again], takeover);
        assert_eq!(frames[0].payload, b"Hello", "{bytes:02x?}");
        assert_eq!(frames[1].payload, b"Hello", "after {bytes:02x?}");
        assert_eq!(frames[2].payload, b"Hello", "after {bytes:02x?}");
        assert_eq!(rules(&frames), []);
    }
}

#[test]
fn control_frames_between_fragments_are_no_part_of_the_message() {
    let bytes = [
        frame_bytes(1, Some(MASK), "gr\u{fc}".as_bytes().split_at(3).0),
        frame_bytes(0x89, Some(MASK), b"?"),
        frame_bytes(0x80, Some(MASK), "gr\u{fc}n".as_bytes().split_at(3).1),
    ];
    let frames = from_client(&bytes.concat());
    assert_eq!(
        messages(&frames),
        [b"?", "gr\u{fc}n".as_bytes()],
        "though the character was cut in two"
    );
    assert_eq!(rules(&frames), []);
}

/// Reads a server's bytes, and compares the rules that they break, with their offsets.
fn breaks(bytes: &[u8], expected: &[(u64, &str)]) {
    assert_eq!(rules(&from_server(bytes)), expected, "{bytes:02x?}");
}

#[test]
fn violations_in_a_header_are_named_with_rule_and_place() {
    let framing = "RFC 6455 §5.2";
    breaks(&frame_bytes(0xc1, None, b"a"), &[(0, framing)]);
    breaks(
        &frame_bytes(0xb1, None, b"a"),
        &[(0, framing), (0, framing)],
    );
    breaks(&frame_bytes(0x83, None, b"a"), &[(0, framing)]);
    breaks(&frame_bytes(0x8b, None, b"a"), &[(0, framing)]);
    breaks(&[0x81, 126, 0, 1, b'a'], &[(1, framing)]);
    breaks(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0, 1, b'a'], &[(1, framing)]);
    breaks(
        &frame_bytes(0x81, Some(MASK), b"a"),
        &[(1, "RFC 6455 §5.1")],
    );
    let unmasked = from_client(&frame_bytes(0x81, None, b"a"));
    assert_eq!(rules(&unmasked), [(1, "RFC 6455 §5.1")]);
}

#[test]
fn violations_of_control_frames_are_named_with_rule_and_place() {
    breaks(&frame_bytes(0x09, None, b"a"), &[(0, "RFC 6455 §5.5")]);
    breaks(&frame_bytes(0x89, None, &[0; 126]), &[(1, "RFC 6455 §5.5")]);
    breaks(&frame_bytes(0x88, None, &[3]), &[(2, "RFC 6455 §5.5.1")]);
    breaks(
        &frame_bytes(0x88, None, &[3, 0xed]),
        &[(2, "RFC 6455 §7.4")],
    );
    breaks(
        &frame_bytes(0x88, None, &[3, 0xe7]),
        &[(2, "RFC 6455 §7.4")],
    );
    breaks(
        &frame_bytes(0x88, None, &[3, 0xe8, 0xff]),
        &[(4, "RFC 6455 §5.5.1")],
    );
    let after = [frame_bytes(0x88, None, b""), frame_bytes(0x81, None, b"a")];
    breaks(&after.concat(), &[(2, "RFC 6455 §5.5.1")]);
}

#[test]
fn violations_of_messages_are_named_with_rule_and_place() {
    breaks(&frame_bytes(0x81, None, b"\xff"), &[(0, "RFC 6455 §8.1")]);
    breaks(
        &frame_bytes(0x81, None, b"\xe2\x82"),
        &[(0, "RFC 6455 §8.1")],
    );
    breaks(&frame_bytes(0x80, None, b"a"), &[(0, "RFC 6455 §5.4")]);
    let twice = [frame_bytes(1, None, b"a"), frame_bytes(0x81, None, b"b")];
    breaks(&twice.concat(), &[(3, "RFC 6455 §5.4")]);
    breaks(&[0x81, 5, b'a'], &[(3, "RFC 6455 §5.2")]);
}

#[test]
fn reading_goes_on_after_a_violation() {
    let bytes = [
        frame_bytes(0x83, None, b"reserved"),
        frame_bytes(0x81, None, b"fine"),
    ];
    let frames = from_server(&bytes.concat());
    assert_eq!(frames[1].payload, b"fine");
    assert!(frames[1].notes.is_empty());
}

#[test]
fn a_length_that_nothing_has_makes_the_rest_raw() {
    let mut decoder = Decoder::new(Side::Server, 0, None);
    let mut frames = Vec::new();
    let bytes = [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1, b'x', b'y'];
    let raw = feed(&mut decoder, &bytes, &mut frames);
    assert_eq!(rules(&frames), [(2, "RFC 6455 §5.2")]);
    assert_eq!(raw, b"xy");
}

#[test]
fn a_hole_inside_a_frame_keeps_the_mask_in_step() {
    let bytes = frame_bytes(0x82, Some(MASK), b"0123456789");
    let mut decoder = Decoder::new(Side::Client, 0, None);
    let mut frames = Vec::new();
    feed(&mut decoder, &bytes[..9], &mut frames);
    assert_eq!(decoder.missing(3), []);
    feed(&mut decoder, &bytes[12..], &mut frames);
    assert_eq!(frames[0].payload, b"0126789");
    assert_eq!(frames[0].holes, [(3, 3)]);
}

#[test]
fn frames_are_taken_up_again_after_a_hole_between_them() {
    let mut decoder = Decoder::new(Side::Client, 0, None);
    let mut frames = Vec::new();
    assert_eq!(decoder.missing(7), [Item::RawMissing(7)]);
    let raw = feed(&mut decoder, b"rest of a frame", &mut frames);
    assert_eq!(raw, b"rest of a frame");
    feed(
        &mut decoder,
        &frame_bytes(0x81, Some(MASK), b"get-time"),
        &mut frames,
    );
    assert_eq!(frames[0].payload, b"get-time");
}

#[test]
fn a_bomb_is_cut() {
    let mut compress = Compress::new(Compression::best(), false);
    let zeros = vec![0; PAYLOAD_LIMIT * 2];
    let mut packed = Vec::with_capacity(1 << 20);
    compress
        .compress_vec(&zeros, &mut packed, FlushCompress::Sync)
        .unwrap();
    packed.truncate(packed.len() - 4);
    let deflate = Some(Deflate {
        no_context_takeover: true,
        window_bits: 15,
    });
    let frames = frames_of(Side::Server, &[&frame_bytes(0xc2, None, &packed)], deflate);
    assert_eq!(frames[0].payload.len(), PAYLOAD_LIMIT);
    assert_eq!(frames[0].left_out.length(), PAYLOAD_LIMIT as u64);
}

#[test]
fn parameters_of_the_extension_are_read() {
    let read = |value: &str| negotiated(value.as_bytes());
    assert_eq!(read("x-other"), Ok(None));
    let plain = Deflate {
        no_context_takeover: false,
        window_bits: 15,
    };
    assert_eq!(read("permessage-deflate"), Ok(Some((plain, plain))));
    let (client, server) =
        read("x, permessage-deflate; server_no_context_takeover; client_max_window_bits=\"10\"")
            .unwrap()
            .unwrap();
    assert_eq!(
        (client.window_bits, client.no_context_takeover),
        (10, false)
    );
    assert_eq!((server.window_bits, server.no_context_takeover), (15, true));
    for wrong in ["=7", "=16", "=08", "=", "=x"] {
        let value = format!("permessage-deflate; server_max_window_bits{wrong}");
        assert!(read(&value).is_err(), "{value}");
    }
}

#[test]
fn the_key_is_checked_as_the_rfc_does() {
    // RFC 6455 §1.3.
    assert_eq!(
        accept_for(b"dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
    assert!(!is_key(b"dGhlIHNhbXBsZSBub25j"));
}

fn split(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    let pieces = places.windows(2);
    pieces
        .map(|pair| bytes[pair[0]..pair[1]].to_vec())
        .collect()
}

/// The bytes of a client, as a stream; answers go nowhere.
struct Sent<'a>(&'a [u8]);

impl std::io::Read for Sent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl std::io::Write for Sent<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns tungstenite's reading of the frames that a client sent: whole messages, or an error.
fn second_opinion(bytes: &[u8]) -> Result<Vec<Message>, Error> {
    let mut context = WebSocketContext::new(Role::Server, None);
    let mut sent = Sent(bytes);
    let mut messages = Vec::new();
    loop {
        match context.read(&mut sent) {
            Ok(message) => messages.push(message),
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return Ok(messages);
            }
            Err(error) => return Err(error),
        }
    }
}

fn client_frame() -> impl Strategy<Value = (u8, Vec<u8>, [u8; 4])> {
    let first = prop_oneof![
        Just(0x81_u8),
        Just(0x82),
        Just(0x01),
        Just(0x80),
        Just(0x00)
    ];
    let payload = prop::collection::vec(
        prop_oneof![Just(b'a'), Just(0xc3), Just(0xbc), any::<u8>()],
        0..9,
    );
    (first, payload, any::<[u8; 4]>())
}

proptest! {
    #[test]
    fn a_frame_that_was_written_is_read(
        first in any::<u8>(),
        mask in any::<Option<[u8; 4]>>(),
        payload in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let bytes = frame_bytes(first, mask, &payload);
        let whole = from_client(&bytes);
        prop_assert_eq!(&whole[0].payload, &payload);
        prop_assert_eq!(&whole[0].wire, &bytes);
        prop_assert_eq!(whole[0].header.mask, mask);
        let pieces = split(&bytes, &cuts);
        let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(frames_of(Side::Client, &pieces, None), whole);
    }

    #[test]
    fn tungstenite_reads_the_same(frames in prop::collection::vec(client_frame(), 0..6)) {
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(first, payload, mask)| frame_bytes(*first, Some(*mask), payload))
            .collect();
        let ours = from_client(&bytes);
        match second_opinion(&bytes) {
            Err(_) => prop_assert!(!rules(&ours).is_empty(), "tungstenite refuses it"),
            Ok(theirs) => {
                let whole = messages(&ours);
                let theirs: Vec<_> = theirs.into_iter().map(|message| message.into_data().to_vec()).collect();
                prop_assert_eq!(whole, theirs);
                prop_assert_eq!(rules(&ours), []);
            }
        }
    }

    #[test]
    fn what_was_deflated_is_inflated(
        messages in prop::collection::vec(prop::collection::vec(0_u8..4, 0..200), 1..5),
        no_context_takeover in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut compress = Compress::new(Compression::default(), false);
        let mut bytes = Vec::new();
        for message in &messages {
            let mut packed = Vec::with_capacity(4096);
            compress.compress_vec(message, &mut packed, FlushCompress::Sync).unwrap();
            packed.truncate(packed.len().saturating_sub(4));
            // RFC 7692 §7.2.3.6: an empty message is this byte; a second flush of nothing gives none.
            if packed.is_empty() {
                packed.push(0);
            }
            if no_context_takeover {
                compress.reset();
            }
            bytes.extend(frame_bytes(0xc2, Some(MASK), &packed));
        }
        let deflate = Some(Deflate { no_context_takeover, window_bits: 15 });
        let pieces = split(&bytes, &cuts);
        let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
        let frames = frames_of(Side::Client, &pieces, deflate);
        prop_assert_eq!(rules(&frames), []);
        let read: Vec<_> = frames.into_iter().map(|frame| frame.payload).collect();
        prop_assert_eq!(read, messages);
    }

    #[test]
    fn no_bytes_and_no_holes_panic(
        pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 0_u64..50), 0..12),
        deflated in any::<bool>(),
    ) {
        let deflate = deflated.then_some(Deflate { no_context_takeover: false, window_bits: 15 });
        let mut decoder = Decoder::new(Side::Client, 0, deflate);
        let mut frames = Vec::new();
        for (bytes, hole) in &pieces {
            feed(&mut decoder, bytes, &mut frames);
            if *hole > 0 {
                decoder.missing(*hole);
            }
        }
        decoder.finish();
    }
}

#[test]
fn a_message_of_nothing_but_ends_is_let_go() {
    // RFC 1951 §3.2.3: a last block of no bytes.
    let message = frame_bytes(0xc2, None, &[3, 0].repeat(100_000));
    let deflate = Deflate {
        no_context_takeover: false,
        window_bits: 15,
    };
    let frames = frames_of(Side::Server, &[&message], Some(deflate));
    assert!(frames[0].payload.is_empty());
    assert!(frames[0].notes[0].text.contains("too many deflate streams"));
}

#[test]
fn a_sender_that_exceeds_its_window_is_named_with_rule_and_place() {
    let noise = |index: u32| index.wrapping_mul(0x9e37_79b1).to_be_bytes()[1];
    let once: Vec<u8> = (0..600).map(noise).collect();
    let mut packed = Vec::with_capacity(2000);
    let mut compress = Compress::new(Compression::best(), false);
    let data = [&once[..], &once].concat();
    compress
        .compress_vec(&data, &mut packed, FlushCompress::Sync)
        .unwrap();
    packed.truncate(packed.len() - 4);
    let sent = frame_bytes(0xc2, None, &packed);
    let notes = |window_bits| {
        let deflate = Deflate {
            no_context_takeover: false,
            window_bits,
        };
        let whole = frames_of(Side::Server, &[&sent], Some(deflate));
        let pieces: Vec<&[u8]> = sent.chunks(7).collect();
        assert_eq!(whole, frames_of(Side::Server, &pieces, Some(deflate)));
        assert_eq!(whole[0].payload, data);
        whole[0].notes.clone()
    };
    assert_eq!(notes(10), []);
    let found = notes(9);
    assert_eq!(found.len(), 1, "the first is told");
    assert_eq!(found[0].rule, "RFC 7692 §7.1.2");
    assert_eq!(
        found[0].text,
        "a reference 600 bytes back; the window is 512 bytes"
    );
    assert!(found[0].offset < sent.len() as u64, "{found:?}");
}
