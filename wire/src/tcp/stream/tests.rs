use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::super::connection::LINGER;
use super::super::delivered::MOST_REMEMBERED;
use super::super::event::StreamEvent;
use super::half::{MOST_COPIES, WAITING_OVERHEAD};
use super::*;
use crate::packet::Flags;

/// The events that a sink got, in words.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard(Vec<(Side, u64, String)>);

impl StreamSink for Heard {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        let words = match event {
            StreamEvent::Data(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            StreamEvent::Missing(count) => format!("[{count} bytes missing]"),
            StreamEvent::Aside(reason, bytes) => {
                format!("[{}: {}]", reason.word(), String::from_utf8_lossy(bytes))
            }
            StreamEvent::Finished => "finished".to_owned(),
            StreamEvent::Ended => "ended".to_owned(),
        };
        self.0.push((origin.side, origin.packet, words));
    }
}

impl Heard {
    fn of(&self, side: Side) -> Vec<(u64, &str)> {
        let own = self.0.iter().filter(|(from, _, _)| *from == side);
        own.map(|(_, packet, words)| (*packet, words.as_str()))
            .collect()
    }
}

const CLIENT: &str = "10.0.0.1:50000";
const SERVER: &str = "10.0.0.2:80";

fn segment(
    from: Side,
    sequence: u32,
    acknowledgement: u32,
    flags: Flags,
    payload: &[u8],
) -> Segment<'_> {
    let (source, destination) = match from {
        Side::Client => (CLIENT, SERVER),
        Side::Server => (SERVER, CLIENT),
    };
    Segment {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        sequence,
        acknowledgement,
        flags,
        window: 1000,
        header_bytes: 20,
        header: &[],
        payload,
        payload_length: u32::try_from(payload.len()).unwrap(),
    }
}

fn reassemble<'a>(segments: impl IntoIterator<Item = Segment<'a>>) -> Vec<(Connection, Heard)> {
    let mut reassembler = Reassembler::new(Options { hash: true }, |_: &Opening| Heard::default());
    for (packet, segment) in (1..).zip(segments) {
        reassembler.segment(packet, Timestamp::from_nanoseconds(packet), &segment);
    }
    reassembler.finish()
}

const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);
use Side::{Client, Server};

fn opening() -> [Segment<'static>; 3] {
    [
        segment(Client, 99, 0, Flags::SYN, b""),
        segment(Server, 499, 100, SYN_ACK, b""),
        segment(Client, 100, 500, Flags::ACK, b""),
    ]
}

#[test]
fn copies_that_grow_and_grow_are_not_all_kept() {
    let mut reassembler = Reassembler::new(Options::default(), |_| Heard::default());
    let time = Timestamp::default();
    let begin = segment(Side::Client, 0, 0, Flags::ACK, b"x");
    reassembler.segment(1, time, &begin);
    for packet in 2..20_000 {
        // The snapshot length left nothing of it.
        let longer = Segment {
            payload_length: packet,
            ..segment(Side::Client, 1000, 0, Flags::ACK, b"")
        };
        reassembler.segment(u64::from(packet), time, &longer);
    }
    assert_eq!(reassembler.waiting_bytes(), MOST_COPIES * WAITING_OVERHEAD);
}

#[test]
fn bytes_name_the_packet_that_carried_them_and_holes_the_one_that_told() {
    let segments = opening().into_iter().chain([
        segment(Client, 103, 500, Flags::ACK, b"def"),
        segment(Client, 100, 500, Flags::ACK, b"abc"),
        segment(Client, 110, 500, Flags::ACK, b"klm"),
        segment(Server, 500, 113, Flags::ACK, b"ok"),
        segment(Client, 113, 502, FIN_ACK, b""),
    ]);
    let (connection, heard) = reassemble(segments).remove(0);
    assert_eq!(
        heard.of(Client),
        [
            (5, "abc"),
            (4, "def"),
            (7, "[4 bytes missing]"),
            (6, "klm"),
            (8, "finished")
        ]
    );
    assert_eq!(heard.of(Server), [(7, "ok"), (7, "ended")]);
    assert_eq!(
        (
            connection.client_stream.bytes,
            connection.client_stream.missing
        ),
        (9, 4)
    );
    assert!(!connection.complete);
}

#[test]
fn a_connection_is_complete_when_nothing_of_it_is_missing() {
    let whole = || {
        opening().into_iter().chain([
            segment(Client, 100, 500, FIN_ACK, b"abc"),
            segment(Server, 500, 104, FIN_ACK, b"xyz"),
            segment(Client, 104, 504, Flags::ACK, b""),
        ])
    };
    let complete = |segments: Vec<Segment<'_>>| reassemble(segments).remove(0).0.complete;
    assert!(complete(whole().collect()));
    assert!(
        !complete(whole().skip(1).collect()),
        "the SYN was not captured"
    );
    assert!(
        !complete(whole().take(5).collect::<Vec<_>>()[..4].to_vec()),
        "no FIN of the server"
    );
    let reset = opening()
        .into_iter()
        .chain([segment(Server, 500, 0, Flags::RST, b"")]);
    assert!(complete(reset.collect()));
    let refused = [
        segment(Client, 99, 0, Flags::SYN, b""),
        segment(Server, 0, 100, Flags::RST.with(Flags::ACK), b""),
    ];
    assert!(complete(refused.to_vec()));
}

#[test]
fn a_connection_that_was_closed_is_given_out_after_a_while() {
    let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
    let mut take = |segment: Segment<'_>| {
        let tracked = reassembler.segment(1, Timestamp::default(), &segment);
        let finished = reassembler.take_finished();
        let indices = finished.iter().map(|(connection, _)| connection.index);
        (tracked.connection, indices.collect::<Vec<u64>>())
    };
    let segments = opening().into_iter().chain([
        segment(Client, 100, 500, FIN_ACK, b"abc"),
        segment(Server, 500, 104, FIN_ACK, b"xyz"),
        segment(Client, 104, 504, Flags::ACK, b""),
    ]);
    for segment in segments {
        assert_eq!(take(segment), (0, vec![]));
    }
    let other = Segment {
        source: "10.0.0.3:1".parse().unwrap(),
        ..segment(Client, 1, 0, Flags::SYN, b"")
    };
    for _ in 1..LINGER {
        assert_eq!(take(other), (1, vec![]));
    }
    // A late copy is still that connection's, and begins the while anew.
    assert_eq!(
        take(segment(Server, 500, 104, FIN_ACK, b"xyz")),
        (0, vec![])
    );
    for _ in 0..LINGER {
        assert_eq!(take(other), (1, vec![]));
    }
    assert_eq!(take(other), (1, vec![0]));
    // After that, what has no payload changes nothing, and what has is the next one.
    assert_eq!(
        take(segment(Client, 104, 504, Flags::ACK, b"")),
        (0, vec![])
    );
    assert_eq!(
        take(segment(Client, 104, 504, Flags::ACK, b"!")),
        (2, vec![])
    );
    assert_eq!(
        take(segment(Client, 7000, 0, Flags::SYN, b"")),
        (3, vec![2])
    );
    assert_eq!(reassembler.finish().len(), 2);
}

#[test]
fn a_packet_cut_by_the_snapshot_length_leaves_a_hole() {
    let cut = Segment {
        payload_length: 10,
        ..segment(Client, 100, 500, Flags::ACK, b"abc")
    };
    let next = segment(Client, 110, 500, Flags::ACK, b"klm");
    let (_, heard) = reassemble(opening().into_iter().chain([cut, next])).remove(0);
    assert_eq!(
        heard.of(Client)[..3],
        [(4, "abc"), (4, "[7 bytes missing]"), (5, "klm")]
    );
}

#[test]
fn copies_with_other_bytes_are_counted() {
    let segments = opening().into_iter().chain([
        segment(Client, 100, 500, Flags::ACK, b"abc"),
        segment(Client, 100, 500, Flags::ACK, b"abc"),
        segment(Client, 100, 500, Flags::ACK, b"XXX"),
    ]);
    let (connection, heard) = reassemble(segments).remove(0);
    assert_eq!(connection.client_stream.conflicts, 1);
    assert_eq!(
        heard.of(Client),
        [(4, "abc"), (6, "[conflict: XXX]"), (6, "ended")]
    );
    assert_eq!(connection.client_stream.aside, 3);
}

#[test]
fn every_captured_byte_that_is_not_in_the_stream_is_put_aside() {
    let cut = Segment {
        payload_length: 6,
        ..segment(Client, 105, 500, Flags::ACK, b"fgh")
    };
    let segments = opening().into_iter().chain([
        segment(Client, 103, 500, Flags::ACK, b"de"),
        segment(Client, 103, 500, Flags::ACK, b"dX"),
        segment(Client, 100, 500, Flags::ACK, b"abc"),
        cut,
        segment(Client, 108, 500, Flags::ACK, b"ijk"),
        segment(Client, 99, 500, Flags::ACK, b"?a"),
        segment(Client, 100 + (1 << 31), 500, Flags::ACK, b"far"),
        segment(Client, 111, 500, FIN_ACK, b""),
        segment(Client, 109, 500, FIN_ACK, b"jklm"),
    ]);
    let (connection, heard) = reassemble(segments).remove(0);
    assert_eq!(
        heard.of(Client),
        [
            (5, "[conflict: dX]"),
            (6, "abc"),
            (4, "de"),
            (7, "fgh"),
            (7, "[3 bytes missing]"),
            (8, "[too-late: ijk]"),
            (9, "[outside-window: ?]"),
            (10, "[outside-window: far]"),
            (12, "[too-late: jk]"),
            (12, "[behind-fin: lm]"),
            (11, "finished"),
        ]
    );
    assert_eq!(connection.client_stream.aside, 2 + 3 + 1 + 3 + 2 + 2);
}

#[test]
fn the_byte_of_a_keepalive_probe_is_garbage() {
    let segments = opening().into_iter().chain([
        segment(Client, 100, 500, Flags::ACK, b"abc"),
        segment(Server, 500, 103, Flags::ACK, b""),
        segment(Client, 102, 500, Flags::ACK, b"?"),
        segment(Server, 500, 103, Flags::ACK, b""),
        segment(Client, 103, 500, FIN_ACK, b""),
        segment(Server, 500, 104, Flags::ACK, b""),
        segment(Client, 103, 500, Flags::ACK, b"!"),
        segment(Server, 500, 104, FIN_ACK, b""),
    ]);
    let (connection, heard) = reassemble(segments).remove(0);
    assert_eq!(heard.of(Client), [(4, "abc"), (8, "finished")]);
    assert!(connection.complete);
}

#[test]
fn copies_are_compared_as_long_as_their_bytes_are_remembered() {
    let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
    let time = Timestamp::default();
    let block = vec![b'x'; 1 << 15];
    let say = |reassembler: &mut Reassembler<_, _>, packet: u64, sequence: u32, bytes: &[u8]| {
        reassembler.segment(
            packet,
            time,
            &segment(Client, sequence, 500, Flags::ACK, bytes),
        );
    };
    reassembler.segment(1, time, &opening()[0]);
    for packet in 0..64_u32 {
        say(&mut reassembler, 2, 100 + (packet << 15), &block);
    }
    say(&mut reassembler, 3, 100, b"xxx");
    say(&mut reassembler, 4, 100 + (63 << 15), b"xxY");
    say(&mut reassembler, 5, 100 + (63 << 15), b"xxx");
    assert_eq!(reassembler.remembered_in_all, MOST_REMEMBERED);
    let (connection, heard) = reassembler.finish().remove(0);
    let asides: Vec<_> = heard.of(Client).split_off(64);
    assert_eq!(
        asides,
        [
            (3, "[not-compared: xxx]"),
            (4, "[conflict: xxY]"),
            (5, "ended")
        ]
    );
    assert_eq!(
        (
            connection.client_stream.conflicts,
            connection.client_stream.aside
        ),
        (1, 6)
    );
}

#[test]
fn what_all_connections_remember_is_bounded() {
    let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
    let block = vec![b'x'; 1 << 15];
    for connection in 0..3000_u16 {
        let from = |mut segment: Segment<'static>| {
            segment.source.set_port(50_000 + connection);
            segment
        };
        let time = Timestamp::default();
        reassembler.segment(1, time, &from(opening()[0]));
        let data = Segment {
            source: from(opening()[0]).source,
            ..segment(Client, 100, 500, Flags::ACK, &block)
        };
        reassembler.segment(1, time, &data);
        assert!(reassembler.remembered_in_all <= Bounds::default().remembered);
        assert!(reassembler.remembering.len() <= Bounds::default().remembered >> 15);
    }
    assert_eq!(reassembler.remembered_in_all, Bounds::default().remembered);
    let _ = reassembler.finish();
}

#[test]
fn connections_that_ended_can_be_had_before_the_capture_does() {
    let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
    let first = opening().into_iter();
    let again = [segment(Client, 7000, 0, Flags::SYN, b"")];
    for (packet, segment) in (1..).zip(first.chain(again)) {
        reassembler.segment(packet, Timestamp::default(), &segment);
    }
    let finished = reassembler.take_finished();
    assert_eq!(
        (finished.len(), finished[0].0.index),
        (1, 0),
        "the ports were used again"
    );
    assert_eq!(reassembler.finish()[0].0.index, 1);
}

/// Generates a way to send a stream: pieces (start, length) in the order of sending, which cover it together.
fn sending(length: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
    let extra = proptest::collection::vec((0..length, 1..60_usize), 0..30);
    let cuts = proptest::collection::btree_set(1..length, 0..20);
    (extra, cuts)
        .prop_map(move |(extra, cuts)| {
            let starts = std::iter::once(0).chain(cuts.iter().copied());
            let ends = cuts.iter().copied().chain([length]);
            let cover = starts.zip(ends).map(|(start, end)| (start, end - start));
            cover.chain(extra).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

/// Makes a connection from SYN to last acknowledgement: both sides send pieces, each of which the other
/// acknowledges. The pieces that are `lost` were sent, but not captured.
fn dialogue(
    [initial_client, initial_server]: [u32; 2],
    pieces: &[(bool, Vec<u8>, bool)],
) -> Vec<Segment<'_>> {
    let (mut client, mut server) = (
        initial_client.wrapping_add(1),
        initial_server.wrapping_add(1),
    );
    let mut segments = vec![
        segment(Client, initial_client, 0, Flags::SYN, b""),
        segment(Server, initial_server, client, SYN_ACK, b""),
        segment(Client, client, server, Flags::ACK, b""),
    ];
    for (from_client, bytes, is_lost) in pieces {
        let length = u32::try_from(bytes.len()).unwrap();
        let (data, answer) = if *from_client {
            let data = segment(Client, client, server, Flags::ACK, bytes);
            client = client.wrapping_add(length);
            (data, segment(Server, server, client, Flags::ACK, b""))
        } else {
            let data = segment(Server, server, client, Flags::ACK, bytes);
            server = server.wrapping_add(length);
            (data, segment(Client, client, server, Flags::ACK, b""))
        };
        segments.extend((!is_lost).then_some(data));
        segments.push(answer);
    }
    let (after_client, after_server) = (client.wrapping_add(1), server.wrapping_add(1));
    segments.extend([
        segment(Client, client, server, FIN_ACK, b""),
        segment(Server, server, after_client, FIN_ACK, b""),
        segment(Client, after_client, after_server, Flags::ACK, b""),
    ]);
    segments
}

fn order_of(length: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..length).collect::<Vec<_>>()).prop_shuffle()
}

#[test]
fn what_fills_a_gap_after_its_acknowledgement_is_taken_and_what_does_not_changes_nothing() {
    let late = opening().into_iter().chain([
        segment(Client, 103, 500, Flags::ACK, b"def"),
        segment(Server, 500, 106, Flags::ACK, b"ok"),
        segment(Client, 100, 500, Flags::ACK, b"abc"),
    ]);
    let (_, heard) = reassemble(late).remove(0);
    assert_eq!(heard.of(Client)[..2], [(6, "abc"), (4, "def")], "{heard:?}");
    let never = opening().into_iter().chain([
        segment(Client, 103, 500, Flags::ACK, b"def"),
        segment(Server, 500, 106, Flags::ACK, b"ok"),
        segment(Client, 106, 502, Flags::ACK, b"ghi"),
    ]);
    let (_, heard) = reassemble(never).remove(0);
    let words: Vec<_> = heard.0.iter().map(|(_, _, words)| words.as_str()).collect();
    assert_eq!(
        words,
        ["[3 bytes missing]", "def", "ok", "ghi", "ended", "ended"]
    );
}

#[test]
fn looking_ahead_is_bounded() {
    let mut reassembler = Reassembler::new(Options::default(), |_: &Opening| Heard::default());
    let payload = [b'x'; 1000];
    for packet in 0..1000_u32 {
        let data = segment(Client, packet * 1000, 0, Flags::ACK, &payload);
        reassembler.segment(u64::from(packet), Timestamp::default(), &data);
        assert!(reassembler.waiting_bytes() <= MOST_AHEAD);
    }
    assert_eq!(reassembler.waiting_bytes(), 0, "it begins without a SYN");
}

proptest! {
    #[test]
    fn any_segmentation_order_duplication_and_overlap_gives_the_same_bytes(
        initial in any::<u32>(),
        (stream, pieces) in proptest::collection::vec(any::<u8>(), 2..500)
            .prop_flat_map(|stream| { let length = stream.len(); (Just(stream), sending(length)) }),
    ) {
        let first = initial.wrapping_add(1);
        let syn = segment(Client, initial, 0, Flags::SYN, b"");
        let data = pieces.iter().map(|(start, length)| {
            let end = (start + length).min(stream.len());
            let sequence = first.wrapping_add(u32::try_from(*start).unwrap());
            segment(Client, sequence, 500, Flags::ACK, &stream[*start..end])
        });
        let after = first.wrapping_add(u32::try_from(stream.len()).unwrap());
        let fin = segment(Client, after, 500, FIN_ACK, b"");
        let (connection, heard) = reassemble([syn].into_iter().chain(data).chain([fin])).remove(0);
        let figures = connection.client_stream;
        prop_assert_eq!(figures.bytes, stream.len() as u64);
        prop_assert_eq!(figures.missing, 0);
        prop_assert_eq!(figures.conflicts, 0);
        let expected: [u8; 32] = Sha256::digest(&stream).into();
        prop_assert_eq!(figures.sha256, Some(expected));
        prop_assert_eq!(heard.0.last().map(|(_, _, words)| words.as_str()), Some("ended"));
        prop_assert!(heard.of(Client).iter().any(|(_, words)| *words == "finished"));
    }

    #[test]
    fn any_order_of_the_packets_in_the_file_gives_the_same_streams(
        initial in any::<[u32; 2]>(),
        (pieces, order) in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec(any::<u8>(), 1..40), proptest::bool::weighted(0.1)),
            0..12,
        ).prop_flat_map(|pieces| { let length = dialogue([0; 2], &pieces).len(); (Just(pieces), order_of(length)) }),
    ) {
        let segments = dialogue(initial, &pieces);
        let shuffled: Vec<_> = order.iter().map(|index| segments[*index]).collect();
        let (expected, _) = reassemble(segments).remove(0);
        let mut connections = reassemble(shuffled);
        prop_assert_eq!(connections.len(), 1);
        let (connection, _) = connections.remove(0);
        let streams = |connection: Connection| [connection.client_stream, connection.server_stream]
            .map(|stream| (stream.bytes, stream.missing, stream.sha256));
        prop_assert_eq!(connection.complete, expected.complete, "{:?} {:?}", connection, expected);
        prop_assert_eq!(streams(connection), streams(expected));
    }
}
