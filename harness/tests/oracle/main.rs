//! Compares figures and streams with tshark's, on captures made for every case that reading must get right, on those in
//! the tree, and on those in the folders that `WIRESNAP_REFERENCE_DIR` and `WIRESNAP_CORPUS` name.
//!
//! The differences of tshark by definition:
//!
//! - It looks for TCP in headers that ICMP quotes, and in tunnels such as L2TP, Teredo and pseudowires; here those packets
//!   count, but not as TCP. (Looked through are IP in IP, GRE with IP, Ethernet, PPP or ERSPAN in it, MPLS, PPP, VXLAN,
//!   Geneve and GTP.)
//! - It takes whatever comes from or to the port of a tunnel over UDP for one; here every field must be as its
//!   specification has it, or the datagram stays one.
//! - It gives the fields of a TCP header that claims fewer than 20 bytes; here that is no segment.
//! - It reads LOOP headers in the network's byte order alone; here the other one is read as well.
//! - It shows pcapng's custom blocks as frames; here they are skipped, as blocks that hold no packet.
//! - Its "follow" ends at a gap that nobody acknowledged; here what waited behind it is delivered when the capture ends.
//! - It takes the packets in the order of the file: its "follow" begins with the first, gives up a gap as soon as it is
//!   acknowledged, and begins another stream with a SYN that comes late. To TCP (RFC 9293 §3.4) the sequence numbers tell
//!   the order, and here they do.
//! - Its "follow" takes bytes after a FIN; RFC 9293 §3.10.7.4 has receivers ignore them.
//! - It takes what a receiver ignores (§3.10.7.4): "follow" shows the payload of segments without ACK, with an
//!   acknowledgement out of range, with SYN and RST, and reads a hole out of a damaged number. Here those are put aside.
//! - To it, only a SYN begins another connection on the same ports; here the answer to a SYN that was not captured does too,
//!   and segments with other numbers after the end of the one before.
//! - Who is the client is told by the ports alone where no SYN was captured; here also by what a client says.
//!
//! A stream that differs from "follow" must then be what tshark's own payload fields give when each byte goes to its
//! place; the made cases say which of the two is meant.

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use support::cases::{self, Are, Case, Followed};
use support::file::{RAW, paced, pcap};
use support::tshark::{self, Opinion, SegmentFields, Totals};
use wiresnap::analysis::stats::{self, Measured, measure};
use wirestream::capture;
use wirestream::packet::{Decoded, FrameDecoder};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Connection, Options, Reassembler};
use wirestream::units::Side;

/// Prints past the test runner, which hides the output of a passing test.
macro_rules! say {
    ($($argument:tt)*) => {
        drop(writeln!(std::io::stderr(), $($argument)*))
    };
}

mod talks;

/// A sink that keeps the bytes.
#[derive(Default)]
struct Bytes {
    client: Vec<u8>,
    server: Vec<u8>,
    ends: u32,
}

impl StreamSink for Bytes {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        let bytes = if origin.side == Side::Client {
            &mut self.client
        } else {
            &mut self.server
        };
        match event {
            StreamEvent::Data(data) => bytes.extend_from_slice(data),
            StreamEvent::Missing(_) | StreamEvent::Aside(..) => {}
            StreamEvent::Finished | StreamEvent::Ended => self.ends += 1,
        }
    }
}

fn reassemble(path: &Path) -> Vec<(Connection, Bytes)> {
    let mut capture = capture::open(path).unwrap();
    let mut decoder = FrameDecoder::default();
    let mut reassembler = Reassembler::new(Options { hash: true }, |_| Bytes::default());
    while let Some(packet) = capture.next() {
        let frame = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        if let Decoded::Segment(segment) = frame {
            reassembler.segment(packet.number, packet.time, &segment);
        }
    }
    reassembler.finish()
}

fn measured(path: &Path) -> Measured {
    let options = stats::Options {
        explain: true,
        ..stats::Options::default()
    };
    measure(&mut capture::open(path).unwrap(), &options)
}

fn totals(measured: &Measured) -> Totals {
    Totals {
        packets: measured.overall.total_packets,
        frame_bytes: measured.overall.frame_bytes,
        app_packets: measured.overall.app_packets,
        tcp_bytes: measured.overall.tcp_bytes,
        app_bytes: measured.overall.app_bytes,
        connections: measured.connections,
    }
}

/// Compares the figures that tshark and we must agree on, and the roles that must add up to them.
fn compare_totals(name: &str, path: &Path, opinion: &Opinion) {
    let measured = measured(path);
    assert_eq!(totals(&measured), opinion.totals, "{name}: totals");
    let explained: stats::Statistics = measured
        .packets
        .iter()
        .map(|packet| packet.statistics)
        .sum();
    assert_eq!(
        explained, measured.overall,
        "{name}: the explained packets add up"
    );
    let roles: stats::Statistics = measured.roles.into_iter().sum();
    assert_eq!(roles, measured.overall, "{name}: the roles add up");
}

/// The numbers of streams that agree with tshark, by the way in which they agree.
#[derive(Clone, Copy, Debug, Default)]
struct Agreement {
    /// The streams equal to "follow".
    followed: u64,
    /// The streams equal to tshark's fields, with each byte put in its place.
    put_together: u64,
    /// The streams equal to "follow" up to the gap where that ends. The copies after it differ, and "follow" and the
    /// fields would choose different ones.
    continued: u64,
    /// The streams equal to "follow" up to a FIN, after which "follow" continues.
    ended: u64,
}

/// The most streams compared per file; tshark takes long for each.
const MOST_STREAMS: usize = 300;

fn compare_streams(
    name: &str,
    ours: &[(Connection, Bytes)],
    opinion: &Opinion,
) -> Result<Agreement, String> {
    let put_together = tshark::put_together(&opinion.segments);
    let mut agreement = Agreement::default();
    for (connection, bytes) in ours.iter().take(MOST_STREAMS) {
        check_figures(name, connection, bytes);
        let followed = opinion
            .followed
            .get(&connection.index)
            .cloned()
            .unwrap_or_default();
        let [first, second] = &followed.bytes;
        let client_is_first = followed.first_end == shown(connection.client);
        let (client, server) = if client_is_first {
            (first, second)
        } else {
            (second, first)
        };
        for (side, ours, theirs) in [
            (Side::Client, &bytes.client, client),
            (Side::Server, &bytes.server, server),
        ] {
            let end = if side == Side::Client {
                connection.client
            } else {
                connection.server
            };
            let missing = connection.stream(side).missing;
            let key = (connection.index, format!("{} {}", end.ip(), end.port()));
            if ours == theirs {
                agreement.followed += 1;
            } else if put_together.get(&key) == Some(ours) {
                agreement.put_together += 1;
            } else if missing > 0 && !theirs.is_empty() && ours.starts_with(theirs) {
                agreement.continued += 1;
            } else if theirs.starts_with(ours) && has_fin_after(&opinion.segments, &key, ours) {
                agreement.ended += 1;
            } else {
                let (ours, theirs) = (ours.escape_ascii(), theirs.escape_ascii());
                return Err(format!(
                    "{name}: connection {}, from {end}:\n  ours {ours}\ntheirs {theirs}",
                    connection.index
                ));
            }
        }
    }
    Ok(agreement)
}

/// Returns true if the sender's FIN comes right after these bytes.
fn has_fin_after(segments: &[SegmentFields], sender: &(u64, String), bytes: &[u8]) -> bool {
    let mut own = segments
        .iter()
        .filter(|segment| segment.stream == sender.0 && segment.sender == sender.1);
    let Some(first) = own.clone().next() else {
        return false;
    };
    let end_of = |sequence: u32, is_syn: bool, bytes: &[u8]| {
        let length = u32::from(is_syn).wrapping_add(u32::try_from(bytes.len()).unwrap());
        sequence.wrapping_add(length)
    };
    let end = end_of(first.sequence, first.is_syn, bytes);
    own.any(|segment| {
        segment.is_fin && end_of(segment.sequence, segment.is_syn, &segment.payload) == end
    })
}

/// Asks tshark about a capture and as many of its streams as can be compared.
fn ask(path: &Path, ours: &[(Connection, Bytes)]) -> Opinion {
    tshark::opinion(
        path,
        ours.iter()
            .take(MOST_STREAMS)
            .map(|(connection, _)| connection.index),
    )
}

/// Returns the end of a stream as tshark writes it.
fn shown(end: SocketAddr) -> String {
    match end {
        SocketAddr::V4(end) => end.to_string(),
        SocketAddr::V6(end) => format!("[{}]:{}", end.ip(), end.port()),
    }
}

/// Checks that the figures of a connection agree with the bytes that its sink received.
fn check_figures(name: &str, connection: &Connection, bytes: &Bytes) {
    use sha2::{Digest, Sha256};
    for (stream, bytes) in [
        (&connection.client_stream, &bytes.client),
        (&connection.server_stream, &bytes.server),
    ] {
        assert_eq!(stream.bytes, bytes.len() as u64, "{name}: bytes");
        assert_eq!(
            stream.sha256,
            Some(Sha256::digest(bytes).into()),
            "{name}: hash"
        );
    }
    assert_eq!(bytes.ends, 2, "{name}: each side ends once");
}

fn check_case(case: &Case) {
    let name = case.name;
    let file = tshark::file_of(&case.file);
    let ours = reassemble(file.path());
    let opinion = ask(file.path(), &ours);
    compare_totals(name, file.path(), &opinion);
    assert_eq!(
        opinion.totals.connections, case.connections,
        "{name}: connections"
    );
    let missing = |side| {
        ours.iter()
            .map(|(connection, _)| connection.stream(side).missing)
            .sum::<u64>()
    };
    assert_eq!(
        [missing(Side::Client), missing(Side::Server)],
        case.missing,
        "{name}: missing"
    );
    match case.streams {
        Followed => {
            let agreement = compare_streams(name, &ours, &opinion).unwrap();
            assert_eq!(
                (agreement.put_together, agreement.continued),
                (0, 0),
                "{name}: every stream equals follow's"
            );
        }
        Are(client, server, _) => {
            let (_, bytes) = &ours[0];
            assert_eq!(
                (&bytes.client[..], &bytes.server[..]),
                (client, server),
                "{name}"
            );
        }
    }
}

fn check_cases(cases: Vec<Case>) {
    if !tshark::is_installed() {
        say!("skipped: tshark is not installed");
        return;
    }
    for case in cases {
        check_case(&case);
    }
}

#[test]
fn streams_agree_with_tshark() {
    check_cases(cases::stream_cases());
}

#[test]
fn links_agree_with_tshark() {
    check_cases(cases::link_cases());
}

/// tshark reads LOOP only in the network's byte order.
#[test]
fn a_loop_header_in_the_other_byte_order_is_read_the_same() {
    let [network_order, other_order] =
        cases::loop_in_both_orders().map(|file| tshark::file_of(&file));
    let figures = totals(&measured(other_order.path()));
    assert_eq!(figures, totals(&measured(network_order.path())));
    if tshark::is_installed() {
        assert_eq!(figures, tshark::opinion(network_order.path(), []).totals);
        assert_eq!(
            tshark::opinion(other_order.path(), []).totals.connections,
            0
        );
    }
}

#[test]
fn networks_agree_with_tshark() {
    check_cases(cases::network_cases());
}

#[test]
fn files_agree_with_tshark() {
    check_cases(cases::file_cases());
}

/// Segments cut up, shuffled, repeated, damaged and lost at random: cases that nobody thought of.
#[test]
fn random_conversations_agree_with_tshark() {
    if !tshark::is_installed() {
        say!("skipped: tshark is not installed");
        return;
    }
    for seed in 7..13 {
        let packets = cases::random_conversations(seed, 300);
        let file = tshark::file_of(&pcap(RAW, &paced(packets)));
        let ours = reassemble(file.path());
        let opinion = ask(file.path(), &ours);
        compare_totals("random", file.path(), &opinion);
        let agreement = compare_streams("random", &ours, &opinion).unwrap();
        assert!(
            agreement.followed > 500,
            "{agreement:?}: the rest are gaps that nobody acknowledged"
        );
        assert!(
            agreement.continued < 10,
            "{agreement:?}: of these, few have spoilt copies as well"
        );
    }
}

/// Conversations whose packets are in no order at all.
#[test]
fn shuffled_conversations_are_put_together() {
    if !tshark::is_installed() {
        say!("skipped: tshark is not installed");
        return;
    }
    for seed in 7..10 {
        let packets = cases::shuffled_conversations(seed, 150);
        let file = tshark::file_of(&pcap(RAW, &paced(packets)));
        let ours = reassemble(file.path());
        assert_eq!(ours.len(), 150, "a late SYN is no new connection");
        let opinion = ask(file.path(), &ours);
        compare_totals("shuffled", file.path(), &opinion);
        let agreement = compare_streams("shuffled", &ours, &opinion).unwrap();
        let all = agreement.followed + agreement.put_together;
        assert_eq!(all, 300, "{agreement:?}");
        for (connection, _) in &ours {
            assert!(connection.complete, "{connection:?}");
        }
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Returns the captures in a folder and those below it.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_capture(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_capture(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(OsStr::to_string_lossy)
        .unwrap_or_default()
        .to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    ["pcap", "pcapng", "cap"]
        .iter()
        .any(|ending| name.ends_with(&format!(".{ending}")))
}

/// Compares every capture in a folder; all differences are reported at once.
fn compare_folder(folder: &Path) -> usize {
    let mut differences = Vec::new();
    let captures = captures(folder);
    for path in &captures {
        let name = path.display().to_string();
        if let Err(error) = capture::open(path) {
            say!("{name}: passed over: {error}");
            continue;
        }
        let result = std::panic::catch_unwind(|| {
            let ours = reassemble(path);
            let opinion = ask(path, &ours);
            compare_totals(&name, path, &opinion);
            let agreement = compare_streams(&name, &ours, &opinion)?;
            say!(
                "{name}: {:?}, {agreement:?}, {} frames left out",
                opinion.totals,
                opinion.left_out
            );
            Ok::<(), String>(())
        });
        match result {
            Ok(Ok(())) => {}
            Ok(Err(difference)) => differences.push(difference),
            Err(_) => differences.push(format!("{name}: see the panic above")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    captures.len()
}

#[test]
fn captures_in_the_tree_agree_with_tshark() {
    let folder = workspace().join("pcap");
    if tshark::is_installed() && folder.is_dir() {
        compare_folder(&folder);
    } else {
        say!(
            "skipped: tshark is not installed, or there is no {}",
            folder.display()
        );
    }
}

#[test]
fn reference_captures_agree_with_tshark() {
    let folder = std::env::var_os("WIRESNAP_REFERENCE_DIR")
        .map_or_else(|| workspace().join("../shared/reference"), PathBuf::from);
    if tshark::is_installed() && folder.is_dir() {
        assert!(
            compare_folder(&folder) > 0,
            "no captures in {}",
            folder.display()
        );
    } else {
        say!(
            "skipped: tshark is not installed, or there is no {}",
            folder.display()
        );
    }
}

#[test]
fn corpus_agrees_with_tshark() {
    match std::env::var_os("WIRESNAP_CORPUS") {
        Some(folder) if tshark::is_installed() => {
            assert!(
                compare_folder(Path::new(&folder)) > 0,
                "no captures in {}",
                Path::new(&folder).display()
            );
        }
        _ => say!("skipped: tshark is not installed, or WIRESNAP_CORPUS names no folder"),
    }
}

/// Compares the reference captures' figures with the seed's tables, with its three errata corrected.
#[test]
fn reference_captures_have_the_known_figures() {
    let folder = std::env::var_os("WIRESNAP_REFERENCE_DIR")
        .map_or_else(|| workspace().join("../shared/reference"), PathBuf::from);
    if !folder.is_dir() {
        say!("skipped: there is no {}", folder.display());
        return;
    }
    let known = BTreeMap::from([
        (
            "tcpapp",
            (
                [18, 7, 1283, 596, 75],
                [3, 2, 213, 96, 15],
                [2, 1, 142, 64, 10],
            ),
        ),
        (
            "webapp",
            (
                [27, 12, 5468, 884, 3666],
                [5, 3, 1253, 160, 923],
                [4, 2, 816, 128, 552],
            ),
        ),
        (
            "ajaxapp",
            (
                [27, 12, 4320, 884, 2518],
                [5, 3, 746, 160, 416],
                [4, 2, 393, 128, 129],
            ),
        ),
        (
            "wsapp",
            (
                [34, 13, 4163, 1104, 1903],
                [3, 2, 234, 96, 36],
                [2, 1, 154, 64, 22],
            ),
        ),
    ]);
    let figures = stats::Statistics::figures;
    for (name, (overall, per_update, server_push)) in known {
        let measured = measured(&folder.join(format!("{name}.pcap")));
        assert_eq!(figures(measured.overall), overall, "{name}");
        assert_eq!(
            measured.per_update.map(figures),
            Some(per_update),
            "{name} per update"
        );
        assert_eq!(
            measured.server_push.map(figures),
            Some(server_push),
            "{name} per push"
        );
        assert_eq!(measured.updates.len(), 3, "{name}");
    }
}
