//! Files that are damaged or half understood, and packets inside of others.
//!
//! Every verb shows everything before the damage, then the error, once; JSON is complete in any case. The contents of a
//! tunnel are those that tshark reads (`oracle.rs`); here are packets that only look like a tunnel.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use wiresnap::analysis::stats::{self, Measured, measure};
use wiresnap::listing::{Request, list};
use wirestream::capture::CaptureReader;
use wirestream::packet::{Decoded, FrameDecoder, Other};
use wirestream::units::LinkType;

use super::run::{empty_project, file, listing, printed, run_in, wiresnap};
use super::support::file::{ETHERNET, Order, Packet, Pcapng, gzip, paced, pcap, pcap_as, pcapng};
use super::support::network::{self, UDP, ethernet};
use super::support::script::{Client, Script, Server};

const RADIOTAP: u16 = 127;

/// Returns a conversation of two lines, one in each direction.
fn talk() -> Script {
    let script = Script::opened().data(Client, 0, b"hello\n");
    script.data(Server, 0, b"world\n").close()
}

fn frames() -> Vec<Vec<u8>> {
    let packets = talk().packets();
    packets.iter().map(|packet| ethernet(packet)).collect()
}

const LISTING: &str = "hello\nworld\n";

/// Returns the same conversation in files of every kind, each with a damage that it can have after the packets, and the
/// sentence about it.
fn damaged() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let packets = paced(frames());
    let long = |order: Order| {
        let mut header = [[0; 8].to_vec(), order.u32(0x7f_0000).to_vec()].concat();
        header.extend(order.u32(60));
        header
    };
    let with = |file: Vec<u8>, end: &[u8]| [file, end.to_vec()].concat();
    let block = |order: Order, length: u32| [order.u32(6), order.u32(length)].concat();
    let stray = |order: Order| {
        let mut file = Pcapng::new(order);
        file.interface(ETHERNET, 0, None, None);
        for packet in &packets {
            file.enhanced(0, packet.nanoseconds / 1000, packet, None);
        }
        file.enhanced(7, 0, &packets[0], None);
        file.bytes
    };
    let both_lengths = |order: Order| {
        let mut file = pcapng(order, ETHERNET, &packets);
        let last = file.len() - 1;
        file[last] ^= 0x10;
        let first = file.len() - 4;
        file[first] ^= 0x10;
        with(file, &[])
    };
    let damaged_gzip = {
        let mut file = gzip(&pcap(ETHERNET, &packets));
        // The checksum, which is behind all packets.
        let checksum = file.len() - 8;
        file[checksum] ^= 0xff;
        file
    };
    let claims = "claims 8323072 captured bytes, more than the 1048576 that a packet can have: the file is damaged";
    let mut all = vec![(
        "gzip with another checksum",
        damaged_gzip,
        "corrupt gzip stream does not have a matching checksum",
    )];
    for order in [Order::Little, Order::Big] {
        let plain = |ticks| pcap_as(order, ticks, u32::from(ETHERNET), &packets);
        all.extend([
            (
                "pcap, microseconds",
                with(plain(1000), &long(order)),
                claims,
            ),
            ("pcap, nanoseconds", with(plain(1), &long(order)), claims),
            (
                "pcap in gzip",
                gzip(&with(plain(1000), &long(order))),
                claims,
            ),
            (
                "pcapng, a length that is none",
                with(pcapng(order, ETHERNET, &packets), &block(order, 13)),
                "a block's length is a multiple of four, and at least 12",
            ),
            (
                "pcapng, a length beyond all bounds",
                with(
                    pcapng(order, ETHERNET, &packets),
                    &block(order, 0xffff_fff0),
                ),
                "a block longer than a packet can be",
            ),
            (
                "pcapng, an interface that is not there",
                stray(order),
                "a packet of an interface that no block described",
            ),
            (
                "pcapng, two lengths",
                {
                    let mut file = pcapng(order, ETHERNET, &packets);
                    let one_more = pcapng(order, ETHERNET, &packets[..1]);
                    let block = &both_lengths(order)[file.len() - 4..];
                    let last = one_more.len() - pcapng(order, ETHERNET, &[]).len();
                    let more = &one_more[one_more.len() - last..one_more.len() - 4];
                    file.extend(more);
                    file.extend(block);
                    file
                },
                "the two lengths of a block differ",
            ),
        ]);
    }
    all
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that a damage is reported once, as an error, with the name of the file.
#[track_caller]
fn assert_said_once(name: &str, output: &Output, path: &Path, sentence: &str) {
    let said = errors(output);
    assert_eq!(output.status.code(), Some(2), "{name}: {said}");
    assert_eq!(said.matches(sentence).count(), 1, "{name}: {said}");
    let begin = format!("error: {}: ", path.display());
    assert_eq!(said.matches(&begin).count(), 1, "{name}: {said}");
}

#[track_caller]
fn json(name: &str, output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{name}: {error}: {}", printed(output)))
}

#[test]
fn what_precedes_a_damage_is_shown_by_every_verb_that_reads() {
    let whole = file(&pcap(ETHERNET, &paced(frames())));
    for (name, capture, sentence) in damaged() {
        let file = file(&capture);
        let path = file.path();
        let run = |arguments: &[&str]| wiresnap(arguments, &[path]);

        let output = run(&["payload"]);
        assert_said_once(name, &output, path, sentence);
        assert_eq!(printed(&output), LISTING, "{name}");
        let output = run(&["payload", "--explain"]);
        assert_said_once(name, &output, path, sentence);
        assert!(printed(&output).starts_with(LISTING), "{name}");
        let output = run(&["payload", "--format", "json"]);
        assert_said_once(name, &output, path, sentence);
        let value = json(name, &output);
        assert_eq!(value["connections"][0]["messages"][0]["text"], "hello\n");
        assert!(value["error"].as_str().unwrap().contains(sentence));

        let output = run(&["stats"]);
        assert_said_once(name, &output, path, sentence);
        let (packets, in_tables) = (9, 3);
        let tables = printed(&output);
        assert_eq!(tables.matches("Statistics").count(), in_tables, "{tables}");
        let output = run(&["stats", "--format", "json", "--explain"]);
        assert_said_once(name, &output, path, sentence);
        let value = json(name, &output);
        assert_eq!(value[0]["overall"]["total_packets"], packets, "{name}");
        assert_eq!(value[0]["packets"].as_array().unwrap().len(), packets);
        assert!(value[0]["error"].as_str().unwrap().contains(sentence));

        for (old, new) in [(path, whole.path()), (whole.path(), path)] {
            let output = wiresnap(&["diff"], &[old, new]);
            assert_said_once(name, &output, path, sentence);
            assert!(
                printed(&output).contains("only the first 9 packets can be read"),
                "{name}: {}",
                printed(&output)
            );
            let output = wiresnap(&["diff", "--format", "json"], &[old, new]);
            assert_said_once(name, &output, path, sentence);
            let value = json(name, &output);
            let side = if old == path { "old" } else { "new" };
            assert!(value[side]["error"].as_str().unwrap().contains(sentence));
        }

        let output = run(&["report", "--out", "-"]);
        assert_said_once(name, &output, path, sentence);
        let page = printed(&output);
        assert!(
            page.contains("world") && page.ends_with("</html>\n"),
            "{name}"
        );
    }
}

/// Creates a project around a capture called `talk`, with this reviewed listing.
fn project(capture: &[u8], reviewed: &str) -> tempfile::TempDir {
    let folder = empty_project();
    let root = folder.path();
    std::fs::write(root.join("pcap/talk.pcap"), capture).unwrap();
    let snapshot = format!("---\nsource: x\nexpression: payload\n---\n{reviewed}");
    std::fs::write(root.join("snapshots/talk.snap"), snapshot).unwrap();
    folder
}

#[test]
fn a_damaged_capture_is_compared_as_far_as_it_goes_and_never_accepted() {
    for reviewed in [LISTING, "hello\nmars\n"] {
        for (name, capture, sentence) in damaged() {
            let project = project(&capture, reviewed);
            let root = project.path();
            let output = run_in(root, &["check"]);
            assert_eq!(output.status.code(), Some(2), "{name}");
            assert_eq!(errors(&output).matches(sentence).count(), 1, "{name}");
            let shown = printed(&output).contains("+world");
            assert_eq!(shown, reviewed != LISTING, "{name}: {}", printed(&output));
            let output = run_in(root, &["check", "--format", "json"]);
            let value = json(name, &output);
            assert_eq!(value[0]["state"], "unreadable", "{name}");
            assert!(value[0]["error"].as_str().unwrap().contains(sentence));
            let before = std::fs::read(root.join("snapshots/talk.snap")).unwrap();
            for arguments in [&["accept", "--all"][..], &["accept", "talk"]] {
                let output = run_in(root, arguments);
                assert_eq!(output.status.code(), Some(2), "{name}");
                assert_eq!(errors(&output).matches(sentence).count(), 1, "{name}");
            }
            let after = std::fs::read(root.join("snapshots/talk.snap")).unwrap();
            assert_eq!(before, after, "{name}");
            assert!(!root.join("snapshots/talk.snap.new").exists(), "{name}");
        }
    }
}

/// A file that is cut anywhere gives a beginning of what the whole file gives, and complete JSON.
#[test]
fn a_capture_cut_at_any_byte_gives_a_beginning_of_it() {
    let packets = paced(frames());
    let mut mixed = Pcapng::new(Order::Big);
    mixed.interface(ETHERNET, 0, None, None);
    mixed.interface(RADIOTAP, 0, None, None);
    for (packet, number) in packets.iter().zip(0..) {
        mixed.enhanced(number % 2, packet.nanoseconds / 1000, packet, Some("x"));
    }
    let tunnelled: Vec<Vec<u8>> = frames().iter().map(|frame| in_vxlan(frame)).collect();
    for whole in [
        pcap(ETHERNET, &packets),
        pcap_as(Order::Big, 1, u32::from(ETHERNET), &packets),
        pcapng(Order::Little, ETHERNET, &packets),
        mixed.bytes,
        gzip(&pcap(ETHERNET, &packets)),
        pcap(ETHERNET, &paced(tunnelled)),
    ] {
        let (all, text) = read(&whole).unwrap();
        for length in 0..whole.len() {
            let Some((part, part_text)) = read(&whole[..length]) else {
                continue;
            };
            assert!(part.packets.len() <= all.packets.len());
            for (one, other) in part.packets.iter().zip(&all.packets) {
                assert_eq!((one.number, one.time), (other.number, other.time));
                assert_eq!(one.statistics, other.statistics);
            }
            assert!(text.starts_with(&part_text), "{part_text:?} of {text:?}");
        }
    }
}

/// Returns the figures and the listing of a capture; `None` if not even its header is there.
fn read(capture: &[u8]) -> Option<(Measured, String)> {
    let open = || {
        let input = std::io::Cursor::new(capture.to_vec());
        wirestream::capture::read_from(Box::new(input)).ok()
    };
    let options = stats::Options {
        explain: true,
        ..stats::Options::default()
    };
    let measured = measure(&mut open()?, &options);
    let request = |format| Request {
        format,
        ..Request::default()
    };
    let json = list(
        open()?,
        request(wiresnap::listing::Format::Json),
        Vec::new(),
    )
    .unwrap();
    serde_json::from_slice::<Value>(&json.output).expect("JSON that is whole");
    let text = list(
        open()?,
        request(wiresnap::listing::Format::Text),
        Vec::new(),
    )
    .unwrap();
    Some((measured, String::from_utf8(text.output).unwrap()))
}

#[test]
fn an_interface_of_an_unknown_link_type_costs_its_own_packets_alone() {
    for order in [Order::Little, Order::Big] {
        let mut file = Pcapng::new(order);
        file.interface(RADIOTAP, 0, None, None);
        file.interface(ETHERNET, 0, None, None);
        file.interface(249, 0, None, None);
        for packet in paced(frames()) {
            let beacon = Packet::new(packet.nanoseconds, vec![0; 40]);
            file.enhanced(0, packet.nanoseconds / 1000, &beacon, None);
            file.enhanced(1, packet.nanoseconds / 1000, &packet, None);
        }
        file.enhanced(2, 0, &Packet::new(0, vec![1, 2, 3]), None);
        let capture = super::run::file(&file.bytes);
        let path = capture.path();

        let output = wiresnap(&["payload"], &[path]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(printed(&output), LISTING);
        let name = path.display();
        let expected = format!(
            "warning: {name}: 9 packets of link type 127 (IEEE802_11_RADIOTAP) cannot be read\n\
             warning: {name}: 1 packet of link type 249 (USBPCAP) cannot be read\n"
        );
        assert_eq!(errors(&output), expected);
        let value = json(
            "payload",
            &wiresnap(&["payload", "--format", "json"], &[path]),
        );
        assert_eq!(value["not_tcp"]["link type 127 (IEEE802_11_RADIOTAP)"], 9);

        let output = wiresnap(&["stats"], &[path]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(errors(&output), expected);
        let figures = "10 of 19 packets are not TCP: 9 of link type 127 (IEEE802_11_RADIOTAP), 1 of link type 249 (USBPCAP)";
        assert!(printed(&output).contains(figures), "{}", printed(&output));
        let value = json("stats", &wiresnap(&["stats", "--format", "json"], &[path]));
        assert_eq!(value[0]["overall"]["total_packets"], 19);
        assert_eq!(value[0]["not_tcp"]["link type 249 (USBPCAP)"], 1);

        let plain = super::run::file(&pcap(ETHERNET, &paced(frames())));
        let output = wiresnap(&["diff"], &[path, plain.path()]);
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        assert!(printed(&output).contains("link type 127 (IEEE802_11_RADIOTAP)"));
    }
}

#[test]
fn a_capture_of_an_unknown_link_type_alone_is_an_error_said_once() {
    let packets = paced(vec![vec![0; 40]; 3]);
    for (number, name) in [
        (127, "link type 127 (IEEE802_11_RADIOTAP)"),
        (239, "link type 239 (NFLOG)"),
        (258, "link type 258 (PKTAP)"),
        (9999, "link type 9999"),
    ] {
        for capture in [pcap(number, &packets), pcapng(Order::Big, number, &packets)] {
            let sentence = format!("{name} is not supported");
            let capture = file(&capture);
            let path = capture.path();
            for verb in [
                &["payload"][..],
                &["stats"],
                &["stats", "--explain"],
                &["report", "--out", "-"],
            ] {
                let output = wiresnap(verb, &[path]);
                assert_said_once(verb[0], &output, path, &sentence);
                assert_eq!(printed(&output), "", "{verb:?}");
            }
            for verb in ["payload", "stats"] {
                let output = wiresnap(&[verb, "--format", "json"], &[path]);
                assert_said_once(verb, &output, path, &sentence);
                let value = json(verb, &output);
                let object = if verb == "stats" { &value[0] } else { &value };
                assert!(object["error"].as_str().unwrap().contains(&sentence));
            }
            let plain = file(&pcap(ETHERNET, &paced(frames())));
            let output = wiresnap(&["diff"], &[path, plain.path()]);
            assert_said_once("diff", &output, path, &sentence);
        }
    }
}

#[test]
fn a_capture_without_tcp_says_what_its_packets_are() {
    let arp = network::ethernet_with(0x0806, &[0; 28]);
    let [from, to] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
    let datagram = network::ip(from, to, UDP, &network::udp(53, 53, b"question"));
    let packets = [vec![arp; 3], vec![ethernet(&datagram); 12]].concat();
    let capture = file(&pcap(ETHERNET, &paced(packets)));
    let path = capture.path();

    let output = wiresnap(&["payload"], &[path]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(printed(&output), "");
    let line = format!(
        "note: {}: no packet is TCP: 12 UDP, 3 ARP\n",
        path.display()
    );
    assert_eq!(errors(&output), line);
    let output = wiresnap(&["payload", "--format", "json"], &[path]);
    assert_eq!(output.status.code(), Some(0));
    let value = json("payload", &output);
    assert_eq!(value["connections"], serde_json::json!([]));
    assert_eq!(value["not_tcp"], serde_json::json!({"ARP": 3, "UDP": 12}));
    let output = wiresnap(&["stats"], &[path]);
    assert!(printed(&output).contains("15 of 15 packets are not TCP: 12 UDP, 3 ARP"));
}

/// TCP that is damaged is not called another protocol, wherever packets are counted.
#[test]
fn damaged_tcp_is_told_from_other_protocols() {
    let arp = network::ethernet_with(0x0806, &[0; 28]);
    let [from, to] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
    // A TCP header says that it is longer than the packet (RFC 9293, 3.1).
    let mut damaged = vec![0; 20];
    damaged[12] = 0xf0;
    let damaged = ethernet(&network::ip(from, to, 6, &damaged));
    let of = |packets: &[Vec<u8>]| file(&pcap(ETHERNET, &paced(packets.to_vec())));
    let says = |old: &Path, new: &Path, sentence: &str| {
        let page = tempfile::tempdir().unwrap();
        let out = page.path().join("page.html");
        let report = wiresnap(&["report", "--out", out.to_str().unwrap()], &[new]);
        assert_eq!(report.status.code(), Some(0), "{}", errors(&report));
        let page = std::fs::read_to_string(out).unwrap();
        assert!(page.contains(&format!(" {sentence}: ")), "{sentence}");
        let diff = printed(&wiresnap(&["diff"], &[old, new]));
        assert!(diff.contains(&format!("{sentence}: only ")), "{diff}");
    };
    let none: Vec<Vec<u8>> = Vec::new();
    let none = of(&none);
    let one = of(std::slice::from_ref(&damaged));
    let both = of(&[damaged, arp.clone(), arp]);
    let alone = "1 packet cannot be read, its headers are damaged";
    says(none.path(), one.path(), alone);
    says(
        none.path(),
        both.path(),
        "2 packets are not TCP, and 1 cannot be read",
    );
}

#[test]
fn a_capture_that_is_asked_for_what_it_lacks_gives_whole_json_too() {
    let capture = file(&pcap(ETHERNET, &paced(frames())));
    let arguments = ["payload", "--format", "json", "--connection", "9"];
    let output = wiresnap(&arguments, &[capture.path()]);
    assert_eq!(output.status.code(), Some(2));
    let error = "there is no connection 9: the capture has 1";
    assert_eq!(json("payload", &output)["error"], error);
    let missing = PathBuf::from("no/such.pcap");
    for verb in ["payload", "stats"] {
        let output = wiresnap(&[verb, "--format", "json"], &[&missing]);
        assert_eq!(output.status.code(), Some(2));
        let value = json(verb, &output);
        let object = if verb == "stats" { &value[0] } else { &value };
        assert_eq!(
            object["error"],
            "cannot open no/such.pcap: no such file or directory"
        );
    }
}

#[test]
fn files_that_cannot_be_read_keep_no_other_from_being_measured() {
    let capture = file(&pcap(ETHERNET, &paced(frames())));
    let [one, other] = ["no/such.pcap", "nor/this.pcap"].map(PathBuf::from);
    let output = wiresnap(&["stats"], &[&one, capture.path(), &other]);
    assert_eq!(output.status.code(), Some(2));
    let name = capture.path().display().to_string();
    // In each table, and where it is said why two of them have nothing of it.
    assert_eq!(printed(&output).matches(&name).count(), 4);
    assert!(printed(&output).contains(&format!("{name}: no update found: ")));
    assert!(!printed(&output).contains("such"));
    for missing in ["no/such.pcap", "nor/this.pcap"] {
        assert_eq!(errors(&output).matches(missing).count(), 1);
    }
}

/// Returns a frame in VXLAN.
fn in_vxlan(frame: &[u8]) -> Vec<u8> {
    in_udp(4789, &network::vxlan(frame))
}

/// Returns a datagram to this port.
fn in_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let [from, to] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
    ethernet(&network::ip(
        from,
        to,
        UDP,
        &network::udp(40_000, port, payload),
    ))
}

fn decoded(frame: &[u8]) -> Result<(u32, u32), Other> {
    let mut decoder = FrameDecoder::default();
    match decoder.decode(LinkType::ETHERNET, frame, 0) {
        Decoded::Segment(segment) => Ok((segment.header_bytes, segment.payload_length)),
        Decoded::Other(other) => Err(other),
    }
}

#[test]
fn a_datagram_that_only_looks_like_a_tunnel_stays_one() {
    let frame = frames().remove(3);
    let packet = talk().packets().remove(3);
    let vxlan = |at: usize, byte: u8| {
        let mut header = network::vxlan(&frame);
        header[at] = byte;
        in_udp(4789, &header)
    };
    let geneve = |at: usize, byte: u8| {
        let options = [1, 3, 0x80, 1, 9, 9, 9, 9];
        let mut header = network::geneve(&options, 0x6558, &frame);
        header[at] = byte;
        in_udp(6081, &header)
    };
    let gtp = |at: usize, byte: u8| {
        let mut header = network::gtp(true, &packet);
        header[at] = byte;
        in_udp(2152, &header)
    };
    let right = Ok((20, 6));
    for tunnel in [vxlan(0, 8), geneve(0, 2), gtp(0, 0x36)] {
        assert_eq!(decoded(&tunnel), right);
    }
    for (name, tunnel) in [
        ("no network's number", vxlan(0, 0)),
        ("a reserved flag", vxlan(0, 0x18)),
        ("a reserved byte", vxlan(3, 1)),
        ("the last reserved byte", vxlan(7, 1)),
        ("no IP in the frame", vxlan(8 + 12, 9)),
        ("another version of IP", vxlan(8 + 14, 0x65)),
        ("another version of Geneve", geneve(0, 0x42)),
        ("more options than there are", geneve(0, 0x3f)),
        ("options that end in the middle of one", geneve(0, 1)),
        ("a reserved bit of an option", geneve(11, 0x21)),
        ("a reserved bit of Geneve", geneve(1, 1)),
        ("another version of GTP", gtp(0, 0x56)),
        ("another message", gtp(1, 1)),
        ("another length", gtp(3, 9)),
        ("an extension of no length", gtp(12, 0)),
        ("an extension beyond the end", gtp(12, 200)),
        ("another port", in_udp(4788, &network::vxlan(&frame))),
        (
            "VXLAN to Geneve's port",
            in_udp(6081, &network::vxlan(&frame)),
        ),
        ("nothing", in_udp(4789, b"")),
        ("text", in_udp(4789, b"GET / HTTP/1.1\r\n\r\n")),
    ] {
        assert_eq!(decoded(&tunnel), Err(Other::Udp), "{name}");
    }
}

#[test]
fn a_packet_cut_in_a_tunnel_has_the_length_that_it_had() {
    let payload = [b'x'; 500];
    let segment = Script::opened().data(Client, 0, &payload);
    let inner = ethernet(segment.packets().last().unwrap());
    for frame in [
        in_vxlan(&inner),
        in_vxlan(&in_vxlan(&inner)),
        in_udp(6081, &network::geneve(&[], 0x6558, &inner)),
        ethernet(&network::ip(
            "192.0.2.1".parse().unwrap(),
            "192.0.2.2".parse().unwrap(),
            47,
            &network::erspan_2(&inner),
        )),
    ] {
        let sent = u32::try_from(frame.len()).unwrap();
        // Not even all of the options of the innermost header.
        let headers = frame.len() - payload.len();
        for captured in headers..frame.len() {
            let mut decoder = FrameDecoder::default();
            let bytes = &frame[..captured];
            let Decoded::Segment(segment) = decoder.decode(LinkType::ETHERNET, bytes, sent) else {
                panic!("{captured} of {sent} bytes")
            };
            assert_eq!(segment.payload_length, 500);
            assert_eq!(segment.payload.len(), captured - headers);
        }
    }
}

#[test]
fn tunnels_without_end_are_looked_through_as_far_as_that_is_sensible() {
    let mut frame = frames().remove(3);
    for _ in 0..8 {
        frame = in_vxlan(&frame);
        assert_eq!(decoded(&frame), Ok((20, 6)));
    }
    for _ in 0..100 {
        frame = in_vxlan(&frame);
        assert_eq!(decoded(&frame), Err(Other::Udp));
    }
}

#[test]
fn frame_bytes_of_a_tunnel_are_those_of_the_link() {
    let frames: Vec<Vec<u8>> = frames().iter().map(|frame| in_vxlan(frame)).collect();
    let on_link: usize = frames.iter().map(Vec::len).sum();
    let capture = pcap(ETHERNET, &paced(frames));
    let measured = measure(
        &mut CaptureReader::new(&capture[..]).unwrap(),
        &stats::Options::default(),
    );
    assert_eq!(measured.overall.frame_bytes, on_link as u64);
    assert_eq!(measured.overall.tcp_bytes, 9 * 20);
    assert_eq!(measured.overall.app_bytes, 12);
    assert_eq!(measured.connections, 1);
    assert_eq!(listing(&[], &capture), LISTING);
}

#[test]
fn a_report_is_made_of_what_can_be_read_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let capture = pcap(ETHERNET, &paced(frames()));
    std::fs::write(folder.path().join("x.pcap"), &capture).unwrap();
    let wiresnap = env!("CARGO_BIN_EXE_wiresnap");
    for command in [
        format!("cat x.pcap | {wiresnap} report - --out -"),
        format!("{wiresnap} report - --out - < x.pcap"),
        format!("{wiresnap} report <(cat x.pcap) --out -"),
        format!("mkfifo f; cat x.pcap > f & {wiresnap} report f --out -"),
        format!("cat x.pcap | {wiresnap} report /dev/stdin --out -"),
    ] {
        let output = Command::new("bash")
            .current_dir(folder.path())
            .args(["-c", &command])
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{command}: {}",
            errors(&output)
        );
        let page = printed(&output);
        assert!(
            page.contains("world") && page.ends_with("</html>\n"),
            "{command}"
        );
    }
}

#[test]
fn a_device_that_a_report_is_written_to_stays_one() {
    use std::os::unix::fs::FileTypeExt as _;
    let capture = file(&pcap(ETHERNET, &paced(frames())));
    let output = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
        .args(["report", "--out", "/dev/null"])
        .arg(capture.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let device = std::fs::symlink_metadata("/dev/null").unwrap();
    assert!(device.file_type().is_char_device());
}

/// Reads the captures beside the checkout, if they exist: each must be read as it should be.
#[test]
fn captures_of_others_are_read_too() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases/read");
    if !folder.is_dir() {
        let _ = writeln!(std::io::stderr(), "skipped: no folder {}", folder.display());
        return;
    }
    for (name, code, beginning) in [
        ("damaged-record.pcap", 2, "hello"),
        ("two-interfaces-one-unknown.pcapng", 0, "hello\nworld"),
        ("png-usb-interface-too.pcapng", 0, ""),
        ("unknown-link-type.pcap", 2, ""),
        ("nflog.pcap", 2, ""),
        ("pktap.pcap", 2, ""),
        ("pppoe-pfc.pcap", 0, "GET /a HTTP/1.1"),
        ("pppoe.pcap", 0, "GET /a HTTP/1.1"),
        ("vxlan.pcap", 0, "GET /a HTTP/1.1"),
        ("erspan2.pcap", 0, "GET /a HTTP/1.1"),
        ("gre.pcap", 0, "GET /a HTTP/1.1"),
        ("mpls.pcap", 0, "GET /a HTTP/1.1"),
        ("fcs.pcap", 0, "GET /a HTTP/1.1"),
        ("qinq-9100.pcap", 0, "GET /a HTTP/1.1"),
        ("ppp-hdlc.pcap", 0, "GET /a HTTP/1.1"),
    ] {
        let path = folder.join(name);
        let output = wiresnap(&["payload"], &[&path]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{name}: {}",
            errors(&output)
        );
        assert!(printed(&output).starts_with(beginning), "{name}");
        let output = wiresnap(&["payload", "--format", "json"], &[&path]);
        json(name, &output);
        let output = wiresnap(&["stats", "--format", "json"], &[&path]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{name}: {}",
            errors(&output)
        );
        json(name, &output);
    }
}
