//! Whether a capture holds everything, shown from its own bytes.
//!
//! That the kernel dropped nothing proves little: a capture that was stopped too early, or written to a full disk, has
//! lost its end all the same. TCP's sequence numbers tell.

use std::io::Read;

use crate::trace::error::TraceError;
use crate::trace::reader::CaptureReader;
use crate::wire::event::{Origin, StreamEvent, StreamSink};
use crate::wire::frame::{Decoded, FrameDecoder};
use crate::wire::stream::{Options, Reassembler};

/// Bytes that nobody wants to see.
struct Unseen;

impl StreamSink for Unseen {
    fn event(&mut self, _: Origin, _: StreamEvent<'_>) {}
}

/// Says what is missing in a capture that should hold `packets` packets; an empty list where nothing is.
///
/// Every packet must be a TCP segment, and every connection begin with its SYN, end with FIN or RST, and have each byte
/// up to there.
///
/// # Errors
///
/// Where the capture cannot be read at all.
pub fn missing<R: Read>(
    mut capture: CaptureReader<R>,
    packets: u64,
) -> Result<Vec<String>, TraceError> {
    let mut missing = Vec::new();
    let mut decoder = FrameDecoder::default();
    let mut reassembler = Reassembler::new(Options::default(), |_| Unseen);
    let mut read = 0;
    while let Some(packet) = capture.next()? {
        read = packet.number;
        match decoder.decode(packet.link_type, packet.bytes, packet.original_length) {
            Ok(Decoded::Segment(segment)) => {
                reassembler.segment(packet.number, packet.time, &segment);
            }
            _ => missing.push(format!("packet {} is no TCP segment", packet.number)),
        }
    }
    if read != packets || capture.cut().is_some() {
        missing.push(format!(
            "{packets} packets were captured, {read} are in the file"
        ));
    }
    let finished = reassembler.finish();
    missing.extend(
        finished
            .into_iter()
            .filter(|(connection, _)| !connection.complete)
            .map(|(connection, _)| {
                let bytes = connection.client_stream.missing + connection.server_stream.missing;
                format!(
                    "the connection {} to {} is not whole ({bytes} bytes missing)",
                    connection.client, connection.server
                )
            }),
    );
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURE: &[u8] = include_bytes!("../../../pcap/wsapp.pcap");

    fn missing_in(capture: &[u8], packets: u64) -> Vec<String> {
        missing(CaptureReader::new(capture).unwrap(), packets).unwrap()
    }

    #[test]
    fn nothing_is_missing_in_a_whole_capture() {
        assert_eq!(missing_in(CAPTURE, 34), Vec::<String>::new());
    }

    #[test]
    fn a_lost_end_is_noticed_in_two_ways() {
        let missing = missing_in(&CAPTURE[..CAPTURE.len() - 1], 34);

        assert_eq!(missing, ["34 packets were captured, 33 are in the file"]);
        let missing = missing_in(&CAPTURE[..CAPTURE.len() / 2], 34);
        assert!(
            missing.iter().any(|what| what.contains("is not whole")),
            "{missing:?}"
        );
    }

    #[test]
    fn a_lost_packet_in_the_middle_is_noticed() {
        // The 24 bytes of the file's header, then packets with 16 bytes of header each; packet 18 is an answer.
        let mut start = 24;
        let length_at = |start: usize| {
            16 + u32::from_le_bytes(CAPTURE[start + 8..start + 12].try_into().unwrap()) as usize
        };
        for _ in 1..18 {
            start += length_at(start);
        }
        let without = [&CAPTURE[..start], &CAPTURE[start + length_at(start)..]].concat();

        let missing = missing_in(&without, 33);

        assert_eq!(missing.len(), 1);
        assert!(
            missing[0].ends_with("is not whole (22 bytes missing)"),
            "{missing:?}"
        );
    }
}
