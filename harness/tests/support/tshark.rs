//! Runs tshark on a capture for a second opinion.

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

/// The results that are compared.
#[derive(Clone, Debug, Default)]
pub struct Opinion {
    pub totals: Totals,
    pub segments: Vec<SegmentFields>,
    /// The output of "follow TCP stream" for the requested streams.
    pub followed: BTreeMap<u64, Followed>,
    /// The number of frames in which tshark looks for TCP and this project by definition does not: tunnels, quoted
    /// headers.
    pub left_out: u64,
}

/// Returns true if tshark is installed.
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

/// Returns the totals and segments of a capture, and the output of "follow" for these streams.
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

/// Reads tshark's fields, and the connection that each of its streams belongs to.
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

/// Returns `ADDRESS port`, from the fields of an IPv4 and of an IPv6 address. Through tunnels there are both: the inner
/// one counts.
fn end(fields: &[&str], address: usize, port: &str) -> String {
    let is_ipv6 = fields[1]
        .rsplit(':')
        .find(|layer| matches!(*layer, "ip" | "ipv6"))
        == Some("ipv6");
    format!("{} {port}", fields[address + usize::from(is_ipv6)])
}

/// The connections of tshark's streams. tshark begins another stream with every SYN whose number is not the one that it
/// guessed from earlier packets, even if no other SYN came before. Here, a connection with a late SYN in the file stays
/// one connection.
#[derive(Default)]
struct Streams {
    /// The connection that each stream belongs to.
    numbers: BTreeMap<u64, u64>,
    connections: u64,
    /// By sender and receiver: the latest connection, the initial sequence number as far as it is known, and true if it
    /// is from a SYN.
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

/// Returns true if TCP is inside something that this project does not look into: an ICMP message that quotes it, or a
/// tunnel other than IP in IP, GRE (with IP, Ethernet, PPP or ERSPAN in it), MPLS, PPP, VXLAN, Geneve and GTP.
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

/// The payload of one connection as "follow" shows it, without its remarks about missing bytes.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// `ADDRESS:PORT` of the end that sent the first packet.
    pub first_end: String,
    /// The bytes that this end sent, and those that the other sent.
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

/// Puts streams together by the simplest means, from tshark's fields alone: each byte goes to its place, the first byte
/// for a place stays there, and places without a byte are left out.
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

/// The messages of one end, as tshark takes them apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The method and target of each request.
    pub requests: Vec<String>,
    /// The status of each response.
    pub responses: Vec<String>,
    /// The status of each final response, with the request that it answers.
    pub answers: Vec<String>,
    /// The opcode, FIN and length of each WebSocket frame.
    pub frames: Vec<String>,
    /// The number of different payload bytes.
    pub bytes: u64,
}

/// Returns the messages of each end, by `ADDRESS port`; `ports` speak HTTP, whatever their numbers.
pub fn said(file: &Path, ports: impl IntoIterator<Item = u16>) -> BTreeMap<String, Said> {
    let mut arguments: Vec<String> = ["-T", "pdml", "-J", "ip ipv6 tcp http websocket"]
        .map(str::to_owned)
        .into();
    for port in ports {
        arguments.extend(["-d".to_owned(), format!("tcp.port=={port},http")]);
    }
    let mut reader = Dissected::default();
    for line in tshark(file, &arguments).lines() {
        reader.line(line.trim_start());
    }
    reader.finish()
}

/// Returns the times at which the packets were captured, in nanoseconds, of those that have a time.
pub fn times(file: &Path) -> Vec<i64> {
    let arguments = ["-T", "fields", "-e", "frame.time_epoch"].map(str::to_owned);
    let output = tshark(file, &arguments);
    let times = output.lines().filter_map(|line| line.split_once('.'));
    times
        .map(|(seconds, nanoseconds)| {
            let seconds: i64 = seconds.parse().unwrap();
            // Some write a million microseconds.
            seconds * 1_000_000_000 + nanoseconds.parse::<i64>().unwrap()
        })
        .collect()
}

/// A packet as tshark takes it apart: its protocols and their fields, one after the other.
#[derive(Default)]
struct Dissected {
    number: u64,
    fields: BTreeMap<String, String>,
    protocols: Vec<(String, BTreeMap<String, String>)>,
    segments: Vec<SegmentFields>,
    /// The requests in each packet.
    asked: BTreeMap<u64, Vec<String>>,
    said: BTreeMap<String, Said>,
}

impl Dissected {
    fn line(&mut self, line: &str) {
        if line == "</packet>" {
            return self.end_packet();
        }
        let Some(name) = attribute(line, "name") else {
            return;
        };
        if line.starts_with("<proto ") {
            self.protocols.push((name, BTreeMap::new()));
        } else if line.starts_with("<field ") {
            if name == "num" {
                self.number = attribute(line, "show").unwrap().parse().unwrap();
            }
            let shown = if name == "tcp.payload" {
                "value"
            } else {
                "show"
            };
            let value = attribute(line, shown).unwrap_or_default();
            let (_, fields) = self.protocols.last_mut().unwrap();
            fields.entry(name).or_insert(value);
        }
    }

    fn end_packet(&mut self) {
        let protocols = std::mem::take(&mut self.protocols);
        let mut address = String::new();
        let mut sender = String::new();
        for (protocol, fields) in protocols {
            match protocol.as_str() {
                "icmp" | "icmpv6" => return,
                "ip" | "ipv6" => {
                    let source = format!("{protocol}.src");
                    address = fields.get(&source).cloned().unwrap_or_default();
                }
                "tcp" => {
                    let Some(segment) = segment_of(&fields, &address) else {
                        return;
                    };
                    sender.clone_from(&segment.sender);
                    self.segments.push(segment);
                }
                "http" => self.http(&sender, &fields),
                "websocket" => self.websocket(&sender, &fields),
                _ => {}
            }
        }
    }

    fn http(&mut self, sender: &str, fields: &BTreeMap<String, String>) {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let said = self.said.entry(sender.to_owned()).or_default();
        if fields.contains_key("http.request.method") {
            let request = format!(
                "{} {}",
                field("http.request.method"),
                field("http.request.uri")
            );
            said.requests.push(request.clone());
            self.asked.entry(self.number).or_default().push(request);
        } else if fields.contains_key("http.response.code") {
            let code = field("http.response.code");
            said.responses.push(code.clone());
            if code == "101" || !code.starts_with('1') {
                let asked = field("http.request_in").parse::<u64>().ok();
                let asked = asked.and_then(|packet| self.asked.get(&packet));
                let uri = field("http.response_for.uri");
                // Where several requests are in that packet, the target tells which.
                let request = asked.and_then(|requests| match &requests[..] {
                    [request] => Some(request),
                    _ => requests.iter().find(|request| {
                        let target = request.split(' ').nth(1).unwrap_or_default();
                        !target.is_empty() && uri.ends_with(target)
                    }),
                });
                let request = request.map_or("nothing", String::as_str);
                said.answers.push(format!("{code} to {request}"));
            }
        }
    }

    fn websocket(&mut self, sender: &str, fields: &BTreeMap<String, String>) {
        let field = |name: &str| fields.get(name).cloned();
        let Some(opcode) = field("websocket.opcode") else {
            return;
        };
        let fin = matches!(field("websocket.fin").as_deref(), Some("1" | "True"));
        let length = ["_ext_64", "_ext_16", ""]
            .iter()
            .find_map(|form| field(&format!("websocket.payload_length{form}")))
            .unwrap_or_default();
        let frame = format!("opcode {opcode}, fin {fin}, {length} bytes");
        self.said
            .entry(sender.to_owned())
            .or_default()
            .frames
            .push(frame);
    }

    fn finish(mut self) -> BTreeMap<String, Said> {
        for ((_, sender), bytes) in put_together(&self.segments) {
            self.said.entry(sender).or_default().bytes += bytes.len() as u64;
        }
        self.said.retain(|_, said| *said != Said::default());
        self.said
    }
}

fn segment_of(fields: &BTreeMap<String, String>, address: &str) -> Option<SegmentFields> {
    let number = |name: &str| fields.get(name)?.parse::<u32>().ok();
    let is_set = |name: &str| matches!(fields.get(name).map(String::as_str), Some("1" | "True"));
    Some(SegmentFields {
        stream: u64::from(number("tcp.stream")?),
        sender: format!("{address} {}", number("tcp.srcport")?),
        sequence: number("tcp.seq_raw")?,
        is_syn: is_set("tcp.flags.syn"),
        is_fin: is_set("tcp.flags.fin"),
        payload: bytes(fields.get("tcp.payload").map_or("", String::as_str)),
    })
}

/// Returns the value of an attribute of an element that is on one line.
fn attribute(line: &str, name: &str) -> Option<String> {
    let start = line.find(&format!(" {name}=\""))? + name.len() + 3;
    let end = line[start..]
        .find('"')
        .map_or(line.len(), |end| start + end);
    let value = line[start..end]
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    Some(value.replace("&amp;", "&"))
}
