//! Every bit of every header is compared, or `docs/diff.md` says that it is not.
//!
//! Frames are written here together with the names of their fields, so that the table of fields belongs to this test
//! alone.

use std::collections::BTreeSet;
use std::io::Cursor;

use wiresnap::analysis::difference::{Delta, Difference, Kind, Record, Value};
use wiresnap::render::redact::RULES;
use wirestream::capture::read_from;

use super::super::support::file::{ETHERNET, IPV4, LINUX_SLL, LINUX_SLL2, paced, pcap};
use super::super::support::network::{ACK, FIN, PSH, SYN};
use super::Chance;
use crate::workspace;

/// The fields that may change without a reported difference, by their names in the list of `docs/diff.md`.
const NOT_COMPARED: [&str; 16] = [
    "hardware addresses",
    "number of the interface",
    "length in a header of 802.3 or PPPoE",
    "PPPoE session",
    "identification",
    "flow label",
    "checksums",
    "ports",
    "sequence and acknowledgement numbers",
    "PSH",
    "windows after the SYN",
    "values of TCP options",
    "authentication header",
    "headers of tunnels",
    "padding",
    "packets that are not TCP",
];

/// The name of all fields that are compared.
const COMPARED: &str = "";

/// A frame, with the field of each of its bytes, by bits.
#[derive(Clone, Default)]
struct Frame {
    bytes: Vec<u8>,
    fields: Vec<[&'static str; 8]>,
}

impl Frame {
    fn put(mut self, field: &'static str, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self.fields.resize(self.bytes.len(), [field; 8]);
        self
    }

    /// Adds a byte whose bits belong to two fields.
    fn mixed(mut self, byte: u8, other: &'static str, bits: u8) -> Self {
        let field = |bit| {
            if bits >> bit & 1 == 1 {
                other
            } else {
                COMPARED
            }
        };
        self.bytes.push(byte);
        self.fields.push(std::array::from_fn(field));
        self
    }

    fn then(mut self, inner: Self) -> Self {
        self.bytes.extend(inner.bytes);
        self.fields.extend(inner.fields);
        self
    }
}

fn ethernet(ether_type: u16, inner: Frame) -> Frame {
    let frame = Frame::default().put("hardware addresses", &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    frame.put(COMPARED, &ether_type.to_be_bytes()).then(inner)
}

fn tagged(inner: Frame) -> Frame {
    let tags = Frame::default().put(COMPARED, &[0x60, 7, 0x81, 0, 0, 9, 0x08, 0]);
    ethernet(0x88a8, tags.then(inner))
}

/// Returns the frame in `PPPoE`, with a correct length.
fn session(inner: Frame) -> Frame {
    let length = u16::try_from(inner.bytes.len() + 2).unwrap();
    let frame = Frame::default().put(COMPARED, &[0x11, 0]);
    let frame = frame.put("PPPoE session", &[0, 7]);
    let frame = frame.put(
        "length in a header of 802.3 or PPPoE",
        &length.to_be_bytes(),
    );
    ethernet(0x8864, frame.put(COMPARED, &[0, 0x21]).then(inner))
}

/// Returns the frame in IEEE 802.3 with SNAP.
fn snap(inner: Frame) -> Frame {
    let length = u16::try_from(inner.bytes.len() + 8).unwrap();
    let frame = Frame::default().put("hardware addresses", &[2; 12]);
    let frame = frame.put(
        "length in a header of 802.3 or PPPoE",
        &length.to_be_bytes(),
    );
    frame
        .put(COMPARED, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0])
        .then(inner)
}

fn padded(inner: Frame) -> Frame {
    let frame = ethernet(0x0800, inner);
    let padding = 64_usize.saturating_sub(frame.bytes.len());
    frame.put("padding", &vec![0; padding])
}

fn cooked(inner: Frame) -> Frame {
    let frame = Frame::default().put(COMPARED, &[0, 0, 0, 1, 0, 6]);
    let frame = frame.put("hardware addresses", &[2, 0, 0, 0, 0, 1, 0, 0]);
    frame.put(COMPARED, &[8, 0]).then(inner)
}

fn cooked_2(inner: Frame) -> Frame {
    let frame = Frame::default().put(COMPARED, &[8, 0, 0, 0]);
    let frame = frame.put("number of the interface", &[0, 0, 0, 3]);
    let frame = frame.put(COMPARED, &[0, 1, 0, 6]);
    frame
        .put("hardware addresses", &[2, 0, 0, 0, 0, 1, 0, 0])
        .then(inner)
}

fn ipv4(protocol: u8, options: &[u8], is_client: bool, inner: Frame) -> Frame {
    let header_bytes = 20 + options.len();
    let length = u16::try_from(header_bytes + inner.bytes.len()).unwrap();
    let first = 0x40 | u8::try_from(header_bytes / 4).unwrap();
    let ends = [[10, 0, 0, 1], [10, 0, 0, 2]];
    let ends = if is_client { ends } else { [ends[1], ends[0]] };
    let frame = Frame::default().put(COMPARED, &[first, 0]);
    let frame = frame.put(COMPARED, &length.to_be_bytes());
    let frame = frame.put("identification", &[0x12, 0x34]);
    let frame = frame.put(COMPARED, &[0x40, 0, 64, protocol]);
    let frame = frame.put("checksums", &[0xab, 0xcd]);
    frame
        .put(COMPARED, &ends.concat())
        .put(COMPARED, options)
        .then(inner)
}

fn ipv6(next: u8, is_client: bool, inner: Frame) -> Frame {
    let length = u16::try_from(inner.bytes.len()).unwrap();
    let mut ends = [[0x20; 16], [0x20; 16]];
    ends[usize::from(is_client)][15] = 1;
    let frame = Frame::default().put(COMPARED, &[0x60]);
    let frame = frame
        .mixed(0x01, "flow label", 0x0f)
        .put("flow label", &[2, 3]);
    let frame = frame
        .put(COMPARED, &length.to_be_bytes())
        .put(COMPARED, &[next, 64]);
    frame.put(COMPARED, &ends.concat()).then(inner)
}

/// Returns the frame behind hop-by-hop options, a fragment that is the whole datagram, an authentication header, and
/// destination options.
fn extended(is_client: bool, inner: Frame) -> Frame {
    let frame = Frame::default().put(COMPARED, &[44, 0, 1, 4, 0, 0, 0, 0]);
    let frame = frame
        .put(COMPARED, &[51, 0, 0, 0])
        .put("identification", &[1, 2, 3, 4]);
    let frame = frame.put(COMPARED, &[60, 4, 0, 0]);
    let frame = frame.put("authentication header", &[7; 20]);
    let frame = frame.put(COMPARED, &[6, 0, 1, 4, 0, 0, 0, 0]);
    ipv6(0, is_client, frame.then(inner))
}

/// The options of a segment: the SYN has other ones than the rest.
type Options = fn(is_syn: bool) -> Frame;

fn no_options(_: bool) -> Frame {
    Frame::default()
}

fn usual_options(is_syn: bool) -> Frame {
    let value = "values of TCP options";
    if is_syn {
        let frame = Frame::default().put(COMPARED, &[2, 4, 5, 0xb4, 4, 2, 8, 10]);
        return frame.put(value, &[1; 8]).put(COMPARED, &[1, 3, 3, 7]);
    }
    Frame::default()
        .put(COMPARED, &[1, 1, 8, 10])
        .put(value, &[1; 8])
}

fn rare_options(is_syn: bool) -> Frame {
    let value = "values of TCP options";
    if is_syn {
        let frame = Frame::default()
            .put(COMPARED, &[34, 6])
            .put(value, &[1, 2, 3, 4]);
        return frame.put(COMPARED, &[253, 4, 0xf9, 0x89, 1, 0]);
    }
    let frame = Frame::default().put(COMPARED, &[5, 10]).put(value, &[1; 8]);
    let frame = frame
        .put(COMPARED, &[30, 4])
        .mixed(0x21, value, 0x0f)
        .put(value, &[9]);
    frame.put(COMPARED, &[28, 4, 0x80, 1, 0, 0])
}

fn tcp(is_client: bool, numbers: [u32; 2], flags: u8, options: Frame, payload: &[u8]) -> Frame {
    let ports: [u16; 2] = if is_client {
        [50_000, 80]
    } else {
        [80, 50_000]
    };
    let offset = u8::try_from(5 + options.bytes.len() / 4).unwrap() << 4;
    let window = if flags & SYN != 0 {
        COMPARED
    } else {
        "windows after the SYN"
    };
    let number = "sequence and acknowledgement numbers";
    let frame = Frame::default().put("ports", &ports.map(u16::to_be_bytes).concat());
    let frame = frame.put(number, &numbers.map(u32::to_be_bytes).concat());
    let frame = frame.put(COMPARED, &[offset]).mixed(flags, "PSH", PSH);
    let frame = frame.put(window, &[1, 0]).put("checksums", &[1, 2]);
    frame
        .put(COMPARED, &[0, 0])
        .then(options)
        .put("payload", payload)
}

/// Returns a request and its answer, each packet wrapped so.
fn conversation(options: Options, wrap: impl Fn(bool, Frame) -> Frame) -> Vec<Frame> {
    let (ask, answer) = (b"ask 1\n".as_slice(), b"answer\n".as_slice());
    let packets = [
        (true, [99, 0], SYN, &b""[..]),
        (false, [499, 100], SYN | ACK, b""),
        (true, [100, 500], ACK, b""),
        (true, [100, 500], PSH | ACK, ask),
        (false, [500, 106], ACK, b""),
        (false, [500, 106], PSH | ACK, answer),
        (true, [106, 507], ACK, b""),
        (true, [106, 507], FIN | ACK, b""),
        (false, [507, 107], FIN | ACK, b""),
        (true, [107, 508], ACK, b""),
    ];
    let packets = packets.into_iter();
    let frames = packets.map(|(is_client, numbers, flags, payload)| {
        let options = options(flags & SYN != 0);
        wrap(is_client, tcp(is_client, numbers, flags, options, payload))
    });
    frames.collect()
}

/// Returns packets that are not TCP, among those of a conversation.
fn others() -> Vec<Frame> {
    let content = |bytes: &[u8]| Frame::default().put("packets that are not TCP", bytes);
    let mut frames = conversation(no_options, |is_client, tcp| {
        ethernet(0x0800, ipv4(6, &[], is_client, tcp))
    });
    let name = content(&[0xc0, 0, 0, 53, 0, 12, 1, 2, 3, 4, 5, 6]);
    frames.insert(3, ethernet(0x0800, ipv4(17, &[], true, name)));
    frames.push(ethernet(0x0806, content(&[0, 1, 8, 0, 6, 4, 0, 1, 9, 9])));
    frames.push(ethernet(
        0x86dd,
        ipv6(58, true, content(&[128, 0, 1, 2, 0, 0, 0, 0])),
    ));
    let addresses = [(3, 26..34), (frames.len() - 1, 22..54)];
    for (frame, places) in addresses {
        frames[frame].fields[places].fill(["packets that are not TCP"; 8]);
    }
    frames
}

/// Returns the frame in GRE, and this in IP in IP.
fn tunnelled(is_client: bool, tcp: Frame) -> Frame {
    let tunnel = "headers of tunnels";
    let inner = Frame::default().put(tunnel, &[0, 0, 8, 0]);
    let inner = inner.then(ipv4(6, &[], is_client, tcp));
    ethernet(0x0800, ipv4(4, &[], true, ipv4(47, &[], true, inner)))
}

fn captures() -> Vec<(&'static str, u16, Vec<Frame>)> {
    let plain = |is_client: bool, tcp| ipv4(6, &[], is_client, tcp);
    vec![
        (
            "Ethernet",
            ETHERNET,
            conversation(usual_options, |is_client, tcp| {
                ethernet(0x0800, plain(is_client, tcp))
            }),
        ),
        (
            "VLAN",
            ETHERNET,
            conversation(no_options, |is_client, tcp| tagged(plain(is_client, tcp))),
        ),
        (
            "PPPoE",
            ETHERNET,
            conversation(no_options, |is_client, tcp| session(plain(is_client, tcp))),
        ),
        (
            "802.3",
            ETHERNET,
            conversation(no_options, |is_client, tcp| snap(plain(is_client, tcp))),
        ),
        (
            "padding",
            ETHERNET,
            conversation(no_options, |is_client, tcp| padded(plain(is_client, tcp))),
        ),
        (
            "options of IP",
            IPV4,
            conversation(rare_options, |is_client, tcp| {
                ipv4(6, &[0x94, 4, 0, 0, 1, 1, 1, 0], is_client, tcp)
            }),
        ),
        (
            "IPv6",
            ETHERNET,
            conversation(usual_options, |is_client, tcp| {
                ethernet(0x86dd, ipv6(6, is_client, tcp))
            }),
        ),
        (
            "extension headers",
            ETHERNET,
            conversation(no_options, |is_client, tcp| {
                ethernet(0x86dd, extended(is_client, tcp))
            }),
        ),
        (
            "Linux cooked",
            LINUX_SLL,
            conversation(no_options, |is_client, tcp| cooked(plain(is_client, tcp))),
        ),
        (
            "Linux cooked 2",
            LINUX_SLL2,
            conversation(rare_options, |is_client, tcp| {
                cooked_2(plain(is_client, tcp))
            }),
        ),
        ("tunnels", ETHERNET, conversation(no_options, tunnelled)),
        ("not TCP", ETHERNET, others()),
    ]
}

/// Changes bits of all frames, one at a time, and returns the fields that may change without a reported difference.
fn change(keep: impl Fn() -> bool, changes: &mut u64) -> (BTreeSet<&'static str>, Vec<String>) {
    let (mut silent, mut failures) = (BTreeSet::new(), Vec::new());
    for (name, link_type, frames) in captures() {
        let file = pcap(
            link_type,
            &paced(frames.iter().map(|frame| frame.bytes.clone())),
        );
        let original = record(&file);
        let mut start = 24;
        for (number, frame) in (1..).zip(&frames) {
            start += 16;
            for (place, fields) in frame.fields.iter().enumerate() {
                for (bit, field) in fields.iter().enumerate().filter(|_| keep()) {
                    let mut edited = file.clone();
                    edited[start + place] ^= 1 << bit;
                    *changes += 1;
                    let new = record(&edited);
                    let difference = Difference::between(&original, &new, RULES);
                    assert!(difference.adds_up() && !difference.is_identical);
                    let back = Difference::between(&new, &original, RULES);
                    assert_eq!(back.differs(&[]), difference.differs(&[]));
                    if difference.differs(&[]) {
                        continue;
                    }
                    if NOT_COMPARED.contains(field) {
                        silent.insert(*field);
                    } else {
                        failures.push(format!(
                            "{name}: packet {number}, byte {place}, bit {bit}: {field:?}"
                        ));
                    }
                }
            }
            start += frame.bytes.len();
        }
    }
    (silent, failures)
}

fn record(file: &[u8]) -> Record {
    let mut reader = read_from(Box::new(Cursor::new(file.to_vec()))).unwrap();
    Record::read(&mut reader, RULES)
}

fn assert_told(failures: &[String]) {
    let shown = &failures[..failures.len().min(20)];
    assert!(
        failures.is_empty(),
        "{} changes of headers are not told:\n{}",
        failures.len(),
        shown.join("\n")
    );
}

#[test]
fn a_changed_bit_of_a_header_is_told_or_documented() {
    let chance = std::cell::RefCell::new(Chance(0x9e37_79b9_7f4a_7c15));
    let mut changes = 0;
    let (_, failures) = change(|| chance.borrow_mut().below(40) == 0, &mut changes);
    assert_told(&failures);
    assert!(changes > 1000, "{changes}");
}

#[test]
#[ignore = "takes minutes: `make mutation`"]
fn whatever_bit_of_a_header_is_changed_is_told_or_documented() {
    let mut changes = 0;
    let (silent, failures) = change(|| true, &mut changes);
    println!("headers: {changes} changes, not told are some in {silent:?}");
    assert_told(&failures);
    let all = BTreeSet::from(NOT_COMPARED);
    let mut never: Vec<_> = all.difference(&silent).collect();
    // A port in one packet makes another connection; all of one side's make the same one.
    never.retain(|field| **field != "ports");
    assert_eq!(never, Vec::<&&str>::new(), "listed, but told");
}

/// Returns the changes reported for a capture with these bytes of packets, counted from 0, replaced.
fn told(capture: usize, edits: &[(usize, usize, u8)]) -> Vec<(Kind, String, String)> {
    let (_, link_type, frames) = captures().swap_remove(capture);
    let mut frames: Vec<Vec<u8>> = frames.into_iter().map(|frame| frame.bytes).collect();
    let old = record(&pcap(link_type, &paced(frames.clone())));
    for (packet, place, byte) in edits {
        frames[*packet][*place] = *byte;
    }
    let new = record(&pcap(link_type, &paced(frames)));
    let difference = Difference::between(&old, &new, RULES);
    assert_eq!(difference.total(), Delta::default());
    let changes = difference
        .sections
        .iter()
        .flat_map(|section| &section.changes);
    let changes = changes.filter(|change| change.kind.counts());
    let text = |value: &Option<Value>| {
        let bytes = value.as_ref().map(Value::bytes).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    let told = changes.map(|change| {
        let values = format!("{} -> {}", text(&change.old), text(&change.new));
        (change.kind, change.subject.clone(), values)
    });
    told.collect()
}

#[test]
fn what_headers_say_is_told_in_words_with_the_number_of_packets() {
    let (ethernet, vlan, ipv6) = (0, 1, 6);
    let change = |kind, subject: &str, values: &str| (kind, subject.to_owned(), values.to_owned());
    assert_eq!(
        told(ethernet, &[(3, 22, 63), (6, 22, 63)]),
        [change(
            Kind::Link,
            "time to live, of 2 packets of the client",
            "64 -> 63"
        )]
    );
    assert_eq!(
        told(ethernet, &[(4, 15, 0xb9), (4, 20, 0)]),
        [
            change(Kind::Link, "DSCP, of 1 packet of the server", "0 -> 46"),
            change(Kind::Link, "ECN, of 1 packet of the server", "0 -> 1"),
            change(
                Kind::Link,
                "IP flags, of 1 packet of the server",
                "DF -> none"
            ),
        ]
    );
    assert_eq!(
        told(ethernet, &[(3, 47, 0x78), (3, 53, 9), (3, 46, 0x83)]),
        [
            change(
                Kind::Tcp,
                "TCP flags, of 1 packet of the client",
                "ACK -> ACK+URG+ECE+AE+reserved 001"
            ),
            change(
                Kind::Tcp,
                "urgent pointer, of 1 packet of the client",
                "0 -> 9"
            ),
        ]
    );
    let edits: Vec<_> = [1, 4, 5, 8].map(|packet| (packet, 19, 10)).to_vec();
    assert_eq!(
        told(vlan, &edits),
        [change(
            Kind::Link,
            "VLAN tags, of the server",
            "7 (priority 3), 9 (priority 0) -> 7 (priority 3), 10 (priority 0)"
        )]
    );
    assert_eq!(
        told(ipv6, &[(3, 21, 63)]),
        [change(
            Kind::Link,
            "time to live, of 1 packet of the client",
            "64 -> 63"
        )]
    );
    let said = told(ipv6, &[(0, 76, 6)]);
    let subjects: Vec<&str> = said
        .iter()
        .map(|(_, subject, _)| subject.as_str())
        .collect();
    assert_eq!(subjects, ["options in the SYN of the client"], "told once");
}

#[test]
fn what_is_not_compared_is_documented() {
    let page = std::fs::read_to_string(workspace::root().join("docs/diff.md")).unwrap();
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for field in NOT_COMPARED {
        assert!(page.contains(field), "{field}");
    }
}
