//! What tshark says of a capture: the second opinion.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Totals over the TCP segments of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub packets: u64,
    pub frame_bytes: u64,
    pub app_packets: u64,
    pub tcp_bytes: u64,
    pub app_bytes: u64,
    pub connections: u64,
}

/// A TCP segment as tshark's fields give it.
#[derive(Clone, Debug)]
pub struct SegmentFields {
    pub stream: u64,
    /// `ADDRESS port` of the sender.
    pub sender: String,
    pub sequence: u32,
    pub is_syn: bool,
    pub is_fin: bool,
    pub payload: Vec<u8>,
}

/// All that is compared.
#[derive(Clone, Debug, Default)]
pub struct Opinion {
    pub totals: Totals,
    pub segments: Vec<SegmentFields>,
    /// What "follow TCP stream" shows of the streams that were asked for.
    pub followed: BTreeMap<u64, Followed>,
    /// Frames in which tshark looks for TCP where this project by definition does not: tunnels, quoted headers.
    pub left_out: u64,
}

/// Whether tshark is installed.
pub fn is_installed() -> bool {
    let probe = Command::new("tshark")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

fn tshark(file: &Path, arguments: &[String]) -> String {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(file);
    // Absolute numbers; large segments of offloading cards, which IPv6 packets need to be told about; Linux's port for VXLAN.
    command.args([
        "-o",
        "tcp.relative_sequence_numbers:FALSE",
        "-o",
        "ipv6.tso_support:TRUE",
        "-d",
        "udp.port==8472,vxlan",
    ]);
    let output = command
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The totals and segments of a capture, and what "follow" shows of these streams.
pub fn opinion(file: &Path, streams: impl IntoIterator<Item = u64>) -> Opinion {
    const FIELDS: [&str; 17] = [
        "frame.len",
        "frame.protocols",
        "tcp.stream",
        "ip.src",
        "ipv6.src",
        "tcp.srcport",
        "tcp.seq_raw",
        "tcp.flags.syn",
        "tcp.hdr_len",
        "tcp.len",
        "tcp.payload",
        "tcp.dstport",
        "tcp.flags.fin",
        "ip.dst",
        "ipv6.dst",
        "tcp.ack_raw",
        "tcp.flags.ack",
    ];
    let mut arguments: Vec<String> = ["-T", "fields", "-E", "occurrence=l"]
        .map(str::to_owned)
        .into();
    arguments.extend(
        FIELDS
            .iter()
            .flat_map(|field| ["-e".to_owned(), (*field).to_owned()]),
    );
    for stream in streams {
        arguments.extend(["-z".to_owned(), format!("follow,tcp,raw,{stream}")]);
    }
    let output = tshark(file, &arguments);
    let mut lines = output.lines();
    let fields = lines
        .by_ref()
        .take_while(|line| !line.is_empty() && !line.starts_with("====="));
    let (opinion, split) = opinion_of(fields);
    let mut followed = BTreeMap::new();
    for (stream, theirs) in follow(lines) {
        match split.get(&stream) {
            Some(connection) => followed.insert(*connection, theirs),
            None => followed.insert(stream, theirs),
        };
    }
    Opinion {
        followed,
        ..opinion
    }
}

/// Also which connection each of tshark's streams belongs to.
fn opinion_of<'a>(lines: impl Iterator<Item = &'a str>) -> (Opinion, BTreeMap<u64, u64>) {
    let mut opinion = Opinion::default();
    let mut streams = Streams::default();
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        opinion.totals.packets += 1;
        opinion.totals.frame_bytes += fields[0].parse::<u64>().unwrap();
        if is_elsewhere(fields[1]) {
            opinion.left_out += 1;
            continue;
        }
        // A header that contradicts itself is no segment: tshark then gives no length, or that of a header too short.
        let (Ok(header_bytes), Ok(length)) = (fields[8].parse::<u64>(), fields[9].parse::<u64>())
        else {
            continue;
        };
        if header_bytes < 20 {
            continue;
        }
        opinion.totals.tcp_bytes += header_bytes;
        opinion.totals.app_bytes += length;
        opinion.totals.app_packets += u64::from(length > 0);
        let stream = streams.connection(&fields);
        opinion.segments.push(SegmentFields {
            stream,
            sender: end(&fields, 3, fields[5]),
            sequence: fields[6].parse().unwrap(),
            is_syn: matches!(fields[7], "1" | "True"),
            is_fin: matches!(fields[12], "1" | "True"),
            payload: bytes(fields[10]),
        });
    }
    opinion.totals.connections = streams.connections;
    (opinion, streams.numbers)
}

/// `ADDRESS port`, from the fields of an IPv4 and of an IPv6 address. Through tunnels there are both: the inner one counts.
fn end(fields: &[&str], address: usize, port: &str) -> String {
    let is_ipv6 = fields[1]
        .rsplit(':')
        .find(|layer| matches!(*layer, "ip" | "ipv6"))
        == Some("ipv6");
    format!("{} {port}", fields[address + usize::from(is_ipv6)])
}

/// tshark begins another stream with every SYN whose number is not the one that it guessed from what came before, even if
/// no other SYN did. That of a connection whose SYN comes late in the file is here still its own.
#[derive(Default)]
struct Streams {
    /// The connection that each stream belongs to.
    numbers: BTreeMap<u64, u64>,
    connections: u64,
    /// By sender and receiver: the latest connection, the initial sequence number as far as it is known, whether from a SYN.
    senders: BTreeMap<(String, String), (u64, u32, bool)>,
}

impl Streams {
    fn connection(&mut self, fields: &[&str]) -> u64 {
        let stream: u64 = fields[2].parse().unwrap();
        let sequence: u32 = fields[6].parse().unwrap();
        let [syn, acknowledges] = [fields[7], fields[16]].map(|flag| matches!(flag, "1" | "True"));
        let [sender, receiver] = [end(fields, 3, fields[5]), end(fields, 13, fields[11])];
        let way = (sender.clone(), receiver.clone());
        let is_late = |(_, initial, is_certain): &(u64, u32, bool)| {
            !is_certain && initial.wrapping_sub(sequence) < 1 << 20
        };
        let number = match (self.numbers.get(&stream), self.senders.get(&way)) {
            (Some(number), _) => *number,
            (None, Some(known)) if syn && !acknowledges && is_late(known) => known.0,
            _ => {
                self.connections += 1;
                self.connections - 1
            }
        };
        self.numbers.insert(stream, number);
        let initial = sequence.wrapping_sub(u32::from(!syn));
        let own = self.senders.entry(way).or_insert((number, initial, syn));
        if own.0 != number || syn {
            *own = (number, initial, syn);
        }
        if acknowledges {
            let acknowledgement: u32 = fields[15].parse().unwrap();
            let peer = self.senders.entry((receiver, sender));
            let peer = peer.or_insert((number, acknowledgement.wrapping_sub(1), false));
            if peer.0 != number {
                *peer = (number, acknowledgement.wrapping_sub(1), false);
            }
        }
        number
    }
}

/// Whether TCP is inside something that this project does not look into: an ICMP message that quotes it, or a tunnel other
/// than IP in IP, GRE (with IP, Ethernet, PPP or ERSPAN in it), MPLS, PPP, VXLAN, Geneve and GTP.
fn is_elsewhere(protocols: &str) -> bool {
    let layers: Vec<&str> = protocols.split(':').collect();
    let Some(tcp) = layers.iter().position(|layer| *layer == "tcp") else {
        return false;
    };
    let below = &layers[..tcp];
    let strange = [
        "icmp",
        "icmpv6",
        "l2tp",
        "sctp",
        "pwethheuristic",
        "pwethcw",
        "pwethnocw",
    ];
    let is_strange_pair = |pair: &[&str]| match pair {
        ["udp", over] => !matches!(*over, "vxlan" | "geneve" | "gtp"),
        [under, "eth"] => !matches!(*under, "gre" | "erspan" | "vxlan" | "geneve"),
        [under, "ppp"] => !matches!(*under, "pppoes" | "gre"),
        _ => false,
    };
    let has_network = below.iter().any(|layer| matches!(*layer, "ip" | "ipv6"));
    !has_network
        || below.windows(2).any(is_strange_pair)
        || below.iter().any(|layer| strange.contains(layer))
}

/// The payload of one connection as "follow" shows it, its remarks about missing bytes taken out.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// `ADDRESS:PORT` of the end that sent the first packet.
    pub first_end: String,
    /// What that end sent, and what the other did.
    pub bytes: [Vec<u8>; 2],
}

fn follow<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<u64, Followed> {
    let mut followed: BTreeMap<u64, Followed> = BTreeMap::new();
    let mut current = None;
    for line in lines {
        if let Some(stream) = line.strip_prefix("Filter: tcp.stream eq ") {
            current = Some(followed.entry(stream.parse().unwrap()).or_default());
            continue;
        }
        let Some(stream) = &mut current else { continue };
        if let Some(node) = line.strip_prefix("Node 0: ") {
            node.clone_into(&mut stream.first_end);
        } else if is_record(line) {
            let record = bytes(line);
            if !is_remark(&record) {
                stream.bytes[usize::from(line.starts_with('\t'))].extend(record);
            }
        }
    }
    followed
}

fn is_record(line: &str) -> bool {
    let digits = line.trim();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_remark(record: &[u8]) -> bool {
    record.starts_with(b"[") && record.ends_with(b" bytes missing in capture file]\0")
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Streams put together by the simplest means, from tshark's fields alone: each byte goes to its place, the first that
/// comes for a place stays there, and what has no byte is left out.
pub fn put_together(segments: &[SegmentFields]) -> BTreeMap<(u64, String), Vec<u8>> {
    let mut places: BTreeMap<(u64, String), (u32, BTreeMap<i64, u8>)> = BTreeMap::new();
    for segment in segments {
        let first = segment.sequence.wrapping_add(u32::from(segment.is_syn));
        let key = (segment.stream, segment.sender.clone());
        let (base, bytes) = places.entry(key).or_insert((first, BTreeMap::new()));
        let reached = bytes.last_key_value().map_or(0, |(place, _)| *place);
        let near = base.wrapping_add(u32::try_from(reached & 0xffff_ffff).unwrap());
        let start = reached + i64::from(first.wrapping_sub(near).cast_signed());
        for (place, byte) in (start..).zip(&segment.payload) {
            bytes.entry(place).or_insert(*byte);
        }
    }
    places
        .into_iter()
        .map(|(key, (_, bytes))| (key, bytes.into_values().collect()))
        .collect()
}

/// Writes a capture where tshark can read it.
pub fn file_of(capture: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(capture).unwrap();
    file
}
