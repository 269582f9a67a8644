//! Compares the committed captures with those of the original experiment: the servers must send the same bytes.
//!
//! The original captures are not in the tree. They are looked for beside the project, or in `WIRESNAP_REFERENCE_DIR`;
//! without them, these tests say so and pass.

mod workspace;

use std::path::Path;

use wirestream::capture;
use wirestream::packet::{Decoded, FrameDecoder};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Options, Reassembler};
use wirestream::units::Side;

/// The bytes that the server sent on one connection.
#[derive(Default)]
struct ServerBytes(Vec<u8>);

impl StreamSink for ServerBytes {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        match event {
            StreamEvent::Data(bytes) if origin.side == Side::Server => {
                self.0.extend_from_slice(bytes);
            }
            StreamEvent::Missing(bytes) => panic!("{bytes} bytes missing"),
            _ => {}
        }
    }
}

fn server_bytes(capture: &Path) -> Vec<Vec<u8>> {
    let mut reader = capture::open(capture).unwrap();
    let mut decoder = FrameDecoder::default();
    let mut reassembler = Reassembler::new(Options::default(), |_| ServerBytes::default());
    while let Some(packet) = reader.next() {
        let frame = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        let Decoded::Segment(segment) = frame else {
            panic!(
                "{}: packet {} is no segment",
                capture.display(),
                packet.number
            );
        };
        reassembler.segment(packet.number, packet.time, &segment);
    }
    reassembler
        .finish()
        .into_iter()
        .map(|(_, bytes)| bytes.0)
        .collect()
}

/// Returns the same bytes with clock values and accept keys replaced; nothing else in the servers' bytes is volatile.
fn without_clock(bytes: &[u8]) -> String {
    let text =
        std::str::from_utf8(bytes).map_or_else(|_| bytes.escape_ascii().to_string(), str::to_owned);
    let rules = [
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE"),
        (r"\d\d:\d\d:\d\d", "TIME"),
        (
            r"Sec-WebSocket-Accept: [A-Za-z0-9+/=]{28}\b?",
            "Sec-WebSocket-Accept: KEY",
        ),
    ];
    rules.iter().fold(text, |text, (pattern, replacement)| {
        regex::Regex::new(pattern)
            .unwrap()
            .replace_all(&text, *replacement)
            .into_owned()
    })
}

fn same_as_the_reference(name: &str, lengths: &[usize]) {
    let Some(folder) = workspace::outside("WIRESNAP_REFERENCE_DIR", "reference") else {
        return;
    };
    let theirs = server_bytes(&folder.join(name).with_extension("pcap"));
    let ours = server_bytes(
        &workspace::root()
            .join("pcap")
            .join(name)
            .with_extension("pcap"),
    );

    assert_eq!(ours.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(without_clock(ours), without_clock(theirs));
        assert_eq!(ours.len(), theirs.len());
    }
}

#[test]
fn tcpapp_sends_what_the_original_sent() {
    same_as_the_reference("tcpapp", &[30 + 3 * 10]);
}

#[test]
fn webapp_sends_what_the_original_sent() {
    same_as_the_reference("webapp", &[4 * (117 + 435)]);
}

#[test]
fn ajaxapp_sends_what_the_original_sent() {
    same_as_the_reference("ajaxapp", &[117 + 808 + 3 * (108 + 21)]);
}

#[test]
fn wsapp_sends_what_the_original_sent() {
    same_as_the_reference("wsapp", &[117 + 719, 129 + 3 * 22 + 2]);
}
