//! Reads any bytes: nothing panics, hangs or grows without bound, and whole messages are read whole.

mod support;

use proptest::prelude::*;
use support::cases;
use support::file::{RAW, paced, pcap};
use support::network::{ACK, Ipv4, SYN, TCP, Tcp};
use wiresnap::analysis::stats::{self, Measured, measure};
use wirestream::capture::CaptureReader;
use wirestream::capture::ReadError;
use wirestream::packet::{Decoded, FrameDecoder};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Connection, Options, Reassembler};
use wirestream::units::{LinkType, Timestamp};

/// A sink that counts its events, and checks that each side ends once, after everything else.
#[derive(Default)]
struct Listener {
    bytes: [u64; 2],
    missing: [u64; 2],
    ended: [bool; 2],
}

impl StreamSink for Listener {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        let side = origin.side as usize;
        let is_aside = matches!(event, StreamEvent::Aside(..));
        assert!(!self.ended[side] || is_aside, "{event:?} after the end");
        match event {
            StreamEvent::Aside(_, bytes) => assert!(!bytes.is_empty(), "an aside is never empty"),
            StreamEvent::Data(bytes) => {
                assert!(!bytes.is_empty(), "data is never empty");
                self.bytes[side] += bytes.len() as u64;
            }
            StreamEvent::Missing(count) => {
                assert!(count > 0, "a hole is never empty");
                self.missing[side] += count;
            }
            StreamEvent::Finished | StreamEvent::Ended => self.ended[side] = true,
        }
    }
}

fn statistics(file: &[u8]) -> Result<Measured, ReadError> {
    let options = stats::Options {
        explain: true,
        ..stats::Options::default()
    };
    Ok(measure(&mut CaptureReader::new(file)?, &options))
}

/// Reads a file as far as possible.
fn reassemble(file: &[u8]) -> Vec<(Connection, Listener)> {
    let mut reassembler = Reassembler::new(Options { hash: true }, |_| Listener::default());
    let mut decoder = FrameDecoder::default();
    if let Ok(mut capture) = CaptureReader::new(file) {
        while let Some(packet) = capture.next() {
            if let Decoded::Segment(segment) =
                decoder.decode(packet.link_type, packet.bytes, packet.original_length)
            {
                reassembler.segment(packet.number, packet.time, &segment);
            }
        }
    }
    reassembler.finish()
}

/// Checks everything that must hold of any file.
fn check(file: &[u8]) {
    if let Ok(measured) = statistics(file) {
        let listed: stats::Statistics = measured
            .packets
            .iter()
            .map(|packet| packet.statistics)
            .sum();
        assert_eq!(listed, measured.overall);
        assert_eq!(
            measured.roles.into_iter().sum::<stats::Statistics>(),
            measured.overall
        );
    }
    for (connection, listener) in reassemble(file) {
        assert_eq!(listener.ended, [true, true]);
        let streams = [&connection.client_stream, &connection.server_stream];
        assert_eq!(streams.map(|stream| stream.bytes), listener.bytes);
        assert_eq!(streams.map(|stream| stream.missing), listener.missing);
    }
}

fn all_cases() -> Vec<Vec<u8>> {
    let cases = [
        cases::stream_cases(),
        cases::link_cases(),
        cases::network_cases(),
        cases::file_cases(),
    ];
    cases.into_iter().flatten().map(|case| case.file).collect()
}

#[test]
fn every_case_cut_anywhere_is_read_as_far_as_it_goes() {
    for file in all_cases() {
        let step = (file.len() / 60).max(1);
        for length in (0..file.len()).step_by(step) {
            check(&file[..length]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_case_with_some_bytes_changed_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        for mut file in all_cases() {
            for (place, byte) in &changes {
                let place = place.index(file.len());
                file[place] = *byte;
            }
            check(&file);
        }
    }

    #[test]
    fn any_packet_is_survived(
        link_type in prop::sample::select(vec![0, 1, 101, 108, 113, 228, 229, 276]),
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 0..20),
    ) {
        check(&pcap(link_type, &paced(packets)));
    }

    /// The IP header is valid, so that the TCP header and the code behind it are reached.
    #[test]
    fn any_segments_between_two_ends_are_survived(
        segments in proptest::collection::vec(
            (any::<bool>(), any::<u32>(), any::<u32>(), any::<u8>(), 0_usize..50, 0_u32..4), 0..60),
    ) {
        let frames = segments.into_iter().map(|(forth, sequence, acknowledgement, flags, length, near)| {
            let ends = ["10.0.0.1:9", "10.0.0.2:9"].map(|end| end.parse().unwrap());
            let (source, destination) = if forth { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
            // Mostly near each other, or nothing would ever overlap.
            let near = |number: u32| if near == 0 { number } else { number % 200 };
            let segment = Tcp {
                source,
                destination,
                sequence: near(sequence).wrapping_sub(100),
                acknowledgement: near(acknowledgement).wrapping_sub(100),
                flags,
                window: 0,
                options: Vec::new(),
                payload: vec![b'x'; length],
            };
            segment.in_ip()
        });
        check(&pcap(RAW, &paced(frames)));
    }
}

fn segment(client: u32, sequence: u32, flags: u8, payload: &[u8]) -> Tcp {
    let client = std::net::Ipv4Addr::from_bits(0x0a00_0000 + client);
    Tcp {
        source: (client, 50_000).into(),
        destination: "192.0.2.1:80".parse().unwrap(),
        sequence,
        acknowledgement: 0,
        flags,
        window: 0,
        options: Vec::new(),
        payload: payload.to_vec(),
    }
}

/// Returns the peak resident memory of this process, in bytes, if the system reports it.
fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Gaps that are never closed, in many connections at once: 300 MB of segments that must not all be kept.
#[test]
fn what_waits_behind_gaps_is_bounded() {
    let mut reassembler = Reassembler::new(Options::default(), |_| Listener::default());
    let mut decoder = FrameDecoder::default();
    let payload = vec![b'x'; 50_000];
    let Some(before) = peak_memory() else { return };
    for round in 0..60 {
        for client in 0..100 {
            let frame = segment(
                client,
                if round == 0 { 0 } else { 1000 + round * 50_000 },
                ACK,
                if round == 0 { b"x" } else { &payload },
            );
            let frame = frame.in_ip();
            let Decoded::Segment(segment) = decoder.decode(LinkType::RAW, &frame, 0) else {
                panic!("a segment")
            };
            reassembler.segment(1, Timestamp::default(), &segment);
        }
    }
    let grown = peak_memory().unwrap() - before;
    assert!(grown < 120 * 1024 * 1024, "{grown} bytes");
    let (connection, _) = reassembler.finish().remove(0);
    let stream = connection.client_stream;
    assert_eq!(
        (stream.bytes, stream.missing),
        (1 + 59 * 50_000, 50_999),
        "nothing is lost but the gap"
    );
}

/// A flood of SYNs and one of fragments: neither is answered, all are seen.
#[test]
fn floods_are_counted_and_bounded() {
    let syns = (0..200_000).map(|client| segment(client, 7, SYN, b"").in_ip());
    let fragments = (0..50_000_u16).map(|identification| {
        let [source, destination] =
            ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        let header = Ipv4 {
            identification,
            more_fragments: true,
            ..Ipv4::new(source, destination, TCP)
        };
        header.bytes(&[0; 8])
    });
    let file = pcap(RAW, &paced(syns.chain(fragments)));
    let measured = measure(
        &mut CaptureReader::new(&file[..]).unwrap(),
        &stats::Options::default(),
    );
    assert_eq!(measured.connections, 200_000);
    assert_eq!(measured.not_tcp(), 50_000);
}
