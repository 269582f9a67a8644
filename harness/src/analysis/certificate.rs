//! Proves from a capture's own bytes that it is complete, or says what is missing.
//!
//! That the kernel dropped nothing proves little: a capture that was stopped too early, or written to a full disk, has
//! lost its end all the same. TCP's sequence numbers tell, and so does the program, where it counts what it sends and
//! receives.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::net::SocketAddr;

use wirestream::capture::CaptureReader;
use wirestream::packet::{Decoded, Flags, Segment};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Connection, Options, Reassembler};
use wirestream::units::Timestamp;
use wirestream::walk::Walk;

use crate::text::counted;
use crate::trace::provenance::{Certificate, CertifiedConnection, ClosedBy};
use crate::trace::tally::Tally;

/// The facts known about a capture from elsewhere, to be checked against its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The number of packets captured.
    pub packets: u64,
    /// The number of packets dropped by the kernel or the interface.
    pub drops: u64,
    /// The address on which the program listened.
    pub server: SocketAddr,
    /// The steps of the client, in order of time.
    pub marks: &'a [MarkEvidence],
    /// The byte counts that the program reports for its connections; empty if it reports none.
    pub tallies: &'a [Tally],
}

/// The facts known about one step of the client.
#[derive(Clone, Copy, Debug)]
pub struct MarkEvidence {
    /// The time at which the client was told to do the step.
    pub time: Timestamp,
    /// True if the step cannot be done without a packet; a browser or a command may do it without one.
    pub reaches_wire: bool,
}

/// Certifies that a capture is complete, or says what is missing for that.
///
/// Nothing was dropped; every packet is a TCP segment of a connection with the server; every connection begins with its
/// SYN, ends with FIN from both sides or RST, has each byte up to there, and no payload besides; every step that reaches
/// the wire has its packets; and where the program says what it received and sent, it says the same.
///
/// # Errors
///
/// Returns an error if anything is missing: a sentence for each thing.
pub fn certify<R: Read>(
    mut capture: CaptureReader<R>,
    evidence: &Evidence<'_>,
) -> Result<Certificate, Vec<String>> {
    let mut inspection = Inspection::new(evidence);
    let mut reassembler = Reassembler::new(Options::default(), |_| Unseen);
    let mut walk = Walk::new(&mut capture);
    while let Some((packet, decoded)) = walk.next() {
        inspection.packets = packet.number;
        match decoded {
            Decoded::Segment(segment) => {
                inspection.segment(packet.time, &segment);
                reassembler.segment(packet.number, packet.time, &segment);
            }
            Decoded::Other(_) => inspection.foreign(packet.number),
        }
    }
    inspection.cut = capture.cut().is_some();
    if let Some(damage) = capture.damage() {
        inspection.missing.push(damage.to_string());
    }
    let connections = reassembler.finish().into_iter();
    let connections: Vec<_> = connections.map(|(connection, _)| connection).collect();
    inspection.certify(&connections)
}

/// A sink that ignores all bytes.
struct Unseen;

impl StreamSink for Unseen {
    fn event(&mut self, _: Origin, _: StreamEvent<'_>) {}
}

/// The findings so far.
struct Inspection<'a> {
    evidence: &'a Evidence<'a>,
    packets: u64,
    cut: bool,
    /// The connections that were reset; a RST ends both directions.
    reset: HashSet<SocketAddr>,
    packets_per_mark: Vec<u64>,
    missing: Vec<String>,
}

impl<'a> Inspection<'a> {
    fn new(evidence: &'a Evidence<'a>) -> Self {
        Self {
            evidence,
            packets: 0,
            cut: false,
            reset: HashSet::new(),
            packets_per_mark: vec![0; evidence.marks.len()],
            missing: Vec::new(),
        }
    }

    fn segment(&mut self, time: Timestamp, segment: &Segment<'_>) {
        let mark = self
            .evidence
            .marks
            .partition_point(|mark| mark.time <= time);
        if let Some(packets) = self.packets_per_mark.get_mut(mark.saturating_sub(1)) {
            *packets += 1;
        }
        if segment.flags.has(Flags::RST) {
            let is_servers = segment.source == self.evidence.server;
            self.reset.insert(if is_servers {
                segment.destination
            } else {
                segment.source
            });
        }
    }

    fn foreign(&mut self, number: u64) {
        self.missing
            .push(format!("packet {number} is not a TCP segment"));
    }

    fn certify(mut self, connections: &[Connection]) -> Result<Certificate, Vec<String>> {
        self.look_at_counts();
        self.look_at_marks();
        for connection in connections {
            self.look_at_connection(connection);
        }
        let told = self.look_at_tallies(connections);
        if !self.missing.is_empty() {
            return Err(self.missing);
        }
        let certified = connections.iter().map(|connection| CertifiedConnection {
            client: connection.client,
            packets: connection.client_stream.packets + connection.server_stream.packets,
            client_bytes: connection.client_stream.bytes,
            server_bytes: connection.server_stream.bytes,
            closed_by: if self.reset.contains(&connection.client) {
                ClosedBy::Rst
            } else {
                ClosedBy::Fin
            },
        });
        Ok(Certificate {
            packets: self.packets,
            kernel_drops: self.evidence.drops,
            packets_per_mark: self.packets_per_mark,
            connections: certified.collect(),
            confirmed_by_program: told,
        })
    }

    fn look_at_counts(&mut self) {
        let Evidence { packets, drops, .. } = *self.evidence;
        if drops > 0 {
            let were = if drops == 1 { "was" } else { "were" };
            let dropped = counted(drops, "packet");
            self.missing.push(format!("{dropped} {were} dropped"));
        }
        if self.packets != packets || self.cut {
            let read = self.packets;
            self.missing.push(format!(
                "{} {} captured, {read} {} in the file",
                counted(packets, "packet"),
                if packets == 1 { "was" } else { "were" },
                if read == 1 { "is" } else { "are" },
            ));
        }
    }

    fn look_at_marks(&mut self) {
        let marks = self.packets_per_mark.iter().zip(self.evidence.marks);
        for (index, (packets, mark)) in marks.enumerate() {
            if *packets == 0 && mark.reaches_wire {
                let number = index + 1;
                self.missing.push(format!("mark {number} has no packet"));
            }
        }
    }

    fn look_at_connection(&mut self, connection: &Connection) {
        let Connection { client, server, .. } = connection;
        if *server != self.evidence.server {
            self.missing.push(format!(
                "the connection {client} to {server} is none of the program's"
            ));
        }
        let streams = [&connection.client_stream, &connection.server_stream];
        let aside: u64 = streams.iter().map(|stream| stream.aside).sum();
        let conflicts: u64 = streams.iter().map(|stream| stream.conflicts).sum();
        let ignored: u64 = streams.iter().map(|stream| stream.ignored).sum();
        if aside > 0 {
            self.missing.push(format!(
                "the connection {client} to {server} has {} of payload outside of its streams \
                 (copies with other contents: {conflicts})",
                counted(aside, "byte")
            ));
        }
        if ignored > 0 {
            self.missing.push(format!(
                "the connection {client} to {server} has {}: a receiver ignores them",
                counted(ignored, "segment")
            ));
        }
        if aside + ignored > 0 {
            // What is missing may be what was put aside.
        } else if !connection.complete {
            let bytes = connection.client_stream.missing + connection.server_stream.missing;
            self.missing.push(format!(
                "the connection {client} to {server} is not whole ({} missing)",
                counted(bytes, "byte")
            ));
        }
    }

    /// Compares what the program says with what was captured. Returns false if the program says nothing.
    fn look_at_tallies(&mut self, connections: &[Connection]) -> bool {
        let mut told: HashMap<SocketAddr, Vec<Tally>> = HashMap::new();
        for tally in self.evidence.tallies {
            told.entry(tally.client).or_default().push(*tally);
        }
        if told.is_empty() {
            return false;
        }
        for connection in connections {
            let (client, server) = (connection.client, connection.server);
            let captured = Tally {
                client,
                received: connection.client_stream.bytes,
                sent: connection.server_stream.bytes,
            };
            let tallies = told.entry(client).or_default();
            match tallies.iter().position(|tally| *tally == captured) {
                Some(position) => {
                    tallies.swap_remove(position);
                }
                None => self.missing.push(format!(
                    "of the connection {client} to {server}, {} bytes to the program and {} from it were captured; {}",
                    captured.received,
                    captured.sent,
                    tallies.pop().map_or_else(
                        || "the program says nothing of it".to_owned(),
                        |tally| format!("the program says that it received {} and sent {}", tally.received, tally.sent)
                    )
                )),
            }
        }
        for tally in told.into_values().flatten() {
            self.missing.push(format!(
                "the program tells of a connection from {} that was not captured",
                tally.client
            ));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURE: &[u8] = include_bytes!("../../../pcap/tcpapp.pcap");
    const PACKETS: u64 = 18;

    /// Returns the tally of the one connection of the capture, as the program would report it.
    fn tally(client: SocketAddr) -> Tally {
        Tally {
            client,
            received: 15,
            sent: 60,
        }
    }

    fn certify_bytes(
        capture: &[u8],
        packets: u64,
        tallies: &[Tally],
    ) -> Result<Certificate, Vec<String>> {
        let evidence = Evidence {
            packets,
            drops: 0,
            server: "127.0.0.1:8000".parse().unwrap(),
            marks: &[MarkEvidence {
                time: Timestamp::from_nanoseconds(0),
                reaches_wire: true,
            }],
            tallies,
        };
        certify(CaptureReader::new(capture).unwrap(), &evidence)
    }

    fn missing(capture: &[u8], packets: u64) -> Vec<String> {
        certify_bytes(capture, packets, &[]).unwrap_err()
    }

    #[test]
    fn a_whole_capture_is_certified() {
        let certificate = certify_bytes(CAPTURE, PACKETS, &[]).unwrap();

        assert_eq!(certificate.packets, PACKETS);
        assert_eq!(certificate.packets_per_mark, [PACKETS]);
        assert!(!certificate.confirmed_by_program);
        let [connection] = &certificate.connections[..] else {
            panic!("{certificate:?}");
        };
        assert_eq!((connection.client_bytes, connection.server_bytes), (15, 60));
        assert_eq!(connection.packets, PACKETS);
    }

    #[test]
    fn the_program_must_say_the_same() {
        let client = certify_bytes(CAPTURE, PACKETS, &[]).unwrap().connections[0].client;
        let agreed = certify_bytes(CAPTURE, PACKETS, &[tally(client)]).unwrap();
        assert!(agreed.confirmed_by_program);

        let more = Tally {
            sent: 61,
            ..tally(client)
        };
        let missing = certify_bytes(CAPTURE, PACKETS, &[more]).unwrap_err();
        assert!(
            missing[0].ends_with("the program says that it received 15 and sent 61"),
            "{missing:?}"
        );

        let another = tally("127.0.0.1:1".parse().unwrap());
        let missing = certify_bytes(CAPTURE, PACKETS, &[tally(client), another]).unwrap_err();
        assert_eq!(
            missing,
            ["the program tells of a connection from 127.0.0.1:1 that was not captured"]
        );
    }

    #[test]
    fn a_lost_end_is_noticed_in_two_ways() {
        assert_eq!(
            missing(&CAPTURE[..CAPTURE.len() - 1], PACKETS)[0],
            "18 packets were captured, 17 are in the file"
        );
        let missing = missing(&CAPTURE[..CAPTURE.len() / 2], PACKETS);
        assert!(
            missing.iter().any(|what| what.contains("is not whole")),
            "{missing:?}"
        );
    }

    #[test]
    fn a_lost_packet_in_the_middle_is_noticed() {
        // The 24 bytes of the file's header, then packets with 16 bytes of header each; packet 4 is the greeting.
        let mut start = 24;
        let length_at = |start: usize| {
            16 + u32::from_le_bytes(CAPTURE[start + 8..start + 12].try_into().unwrap()) as usize
        };
        for _ in 1..4 {
            start += length_at(start);
        }
        let without = [&CAPTURE[..start], &CAPTURE[start + length_at(start)..]].concat();

        let missing = missing(&without, PACKETS - 1);

        assert_eq!(missing.len(), 1, "{missing:?}");
        assert!(
            missing[0].ends_with("is not whole (30 bytes missing)"),
            "{missing:?}"
        );
    }
}
