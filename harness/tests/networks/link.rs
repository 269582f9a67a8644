//! Captures on a link: their packets, their requirements, and what is left of the link.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use wiresnap::Recording;
use wiresnap::trace::provenance::Provenance;

use crate::live_support::{Bench, Outcome};
use crate::packets::{ACK, Packet, SYN, read};
use crate::workspace::skip;

/// The options that make a capture faster: marks are 2 s apart, which a browser keeps on a busy machine too.
const FAST: [&str; 2] = ["--time-scale", "0.2"];

const SERVER: [u8; 4] = [10, 0, 0, 1];
const CLIENT: [u8; 4] = [10, 0, 0, 2];
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// The longest Ethernet frame, with its header.
const LONGEST: usize = 14 + 1500;

/// Adds the scenario of this name under another, on a link.
fn on_a_link(bench: &Bench, scenario: &str, name: &str, properties: &str) {
    let file = bench.path("project/scenarios").join(scenario);
    let text = fs::read_to_string(file.with_extension("toml")).unwrap();
    let linked = text.replacen(
        "\n[[mark]]",
        &format!("network = \"link\"\n\n{properties}\n[[mark]]"),
        1,
    );
    bench.scenario(name, &linked);
}

/// A scenario that fetches a page of 200 kB twice.
const DOWNLOAD: &str = r#"
description = "curl fetches a file that takes many segments"
command = ["python3", "-m", "http.server", "--bind", "{host}", "{port}"]
folder = "files"
client = "command"
network = "link"

[[mark]]
at = 0
every = 10
times = 2
run = ["curl", "--silent", "--show-error", "--fail", "--output", "/dev/null", "http://{host}:{port}/page"]
"#;

fn capture(bench: &Bench, name: &str) -> (Vec<Packet>, Provenance) {
    let file = bench.captures().join(name).with_extension("pcap");
    let provenance = Provenance::read_beside(&file).unwrap().unwrap();
    (read(&file), provenance)
}

/// Asserts that every packet is one of the link.
#[track_caller]
fn assert_on_the_link(packets: &[Packet]) {
    for packet in packets {
        let (from, _) = packet.addresses();
        let (addresses, macs) = if from == CLIENT {
            ((CLIENT, SERVER), (CLIENT_MAC, SERVER_MAC))
        } else {
            ((SERVER, CLIENT), (SERVER_MAC, CLIENT_MAC))
        };
        assert_eq!(packet.addresses(), addresses);
        assert_eq!(packet.macs(), macs);
        assert!(packet.length() <= LONGEST, "{} bytes", packet.length());
        assert!(packet.has_its_checksum(), "{packet:?}");
        if let Some(size) = packet.maximum_segment_size() {
            assert_eq!(size, 1460);
        }
    }
}

#[test]
fn nc_and_firefox_are_captured_on_ethernet() {
    let bench = Bench::new();
    for name in ["tcpapp", "webapp"] {
        on_a_link(&bench, name, &format!("{name}-link"), "");
    }

    let outcome = bench.run(&[&FAST[..], &["tcpapp-link", "webapp-link"]].concat());

    outcome.is(0, &[]);
    for (name, app_packets) in [("tcpapp-link", 7), ("webapp-link", 12)] {
        let (packets, provenance) = capture(&bench, name);
        assert_on_the_link(&packets);
        assert_eq!(provenance.capture.network, "link");
        assert_eq!(provenance.capture.interface, "eth0");
        assert!(provenance.certificate.unwrap().confirmed_by_program);
        let file = bench.captures().join(name).with_extension("pcap");
        let statistics = Recording::open(&file).unwrap().stats().unwrap();
        assert_eq!(statistics.app_packets, app_packets, "{name}");
    }
}

#[test]
fn a_long_answer_is_cut_into_segments_that_fit() {
    let bench = Bench::new();
    fs::create_dir(bench.path("project/files")).unwrap();
    fs::write(bench.path("project/files/page"), "wiresnap".repeat(25_000)).unwrap();
    bench.scenario("download", DOWNLOAD);

    let outcome = bench.run(&[&FAST[..], &["download"]].concat());

    outcome.is(0, &[]);
    // Programs and clients of a link are enclosed as all others are.
    let seen = "can see the processes";
    assert!(!outcome.said.contains(seen), "{}", outcome.said);
    let (packets, _) = capture(&bench, "download");
    assert_on_the_link(&packets);
    let full = packets.iter().filter(|packet| packet.length() == LONGEST);
    // Of each 200 kB.
    assert!(full.count() > 2 * 100);
}

/// Also checks that both sides of a link, and the process that made it, are gone at the end (see [`Running::end`]),
/// however the capture ended.
///
/// [`Running::end`]: crate::live_support::Running::end
#[test]
fn a_program_that_listens_where_its_client_is_not_is_told() {
    let bench = Bench::new();
    let listening = DOWNLOAD.replace("\"{host}\"", "\"127.0.0.1\"");
    bench.scenario("deaf", &listening.replace("folder = \"files\"\n", ""));

    bench.run(&["deaf"]).is(
        4,
        &[
            "error: deaf: python3 does not listen on 10.0.0.1:8000 after 5 s",
            "hint: it listens on 127.0.0.1:8000, which its client does not reach: give it `{host}` to listen on",
        ],
    );
}

#[test]
fn a_link_is_none_of_the_hosts_networks() {
    let bench = Bench::new();
    on_a_link(&bench, "tcpapp", "linked", "");

    bench.run(&["--network", "host", "linked"]).is(
        3,
        &[
            "error: host's network: has no link, which a scenario is played on",
            "hint: leave out `--network host`, or name the other scenarios",
        ],
    );
}

/// Captures on a link with delay or loss; `None` if this kernel can do neither, which is said.
fn impaired(bench: &Bench, arguments: &[&str]) -> Option<Outcome> {
    let outcome = bench.run(arguments);
    if outcome.code != Some(3) {
        return Some(outcome);
    }
    outcome.is(
        3,
        &[
            "error: link with delay or loss: this kernel has no module for delay and loss (sch_netem)",
            "hint: try `sudo modprobe sch_netem`",
        ],
    );
    skip("this kernel has no sch_netem");
    None
}

#[test]
fn a_delay_shows_in_the_handshake_and_not_in_the_marks() {
    let bench = Bench::new();
    on_a_link(&bench, "tcpapp", "far", "[link]\ndelay = \"50ms\"\n");
    let Some(outcome) = impaired(&bench, &[&FAST[..], &["far"]].concat()) else {
        return;
    };

    outcome.is(0, &[]);
    let (packets, provenance) = capture(&bench, "far");
    assert_on_the_link(&packets);
    let flags: Vec<u8> = packets[..3].iter().map(Packet::flags).collect();
    assert_eq!(flags, [SYN, SYN | ACK, ACK]);
    let [syn, answer, acknowledgement] = &packets[..3] else {
        unreachable!("three were looked at");
    };
    // The server answers at once; its client's answer to that is under way twice 50 ms later.
    let thinking = answer.time.since(syn.time);
    assert!(thinking < Duration::from_millis(20), "{thinking:?}");
    let under_way = acknowledgement.time.since(answer.time);
    let expected = Duration::from_millis(100)..Duration::from_millis(150);
    assert!(expected.contains(&under_way), "{under_way:?}");
    let updates = provenance.marks.iter().filter(|mark| mark.shown.is_some());
    let late: Vec<f64> = updates
        .map(|mark| mark.on_wire_seconds.unwrap() - mark.planned_seconds)
        .collect();
    assert_eq!(late.len(), 4);
    for (late, distance) in late.into_iter().zip(provenance.mark_distances()) {
        assert!(late >= 0.05, "{late}");
        assert!((late - 0.05 - distance).abs() < 1e-5, "{late} {distance}");
    }
}

#[test]
fn what_is_lost_is_repeated_and_the_capture_whole() {
    let bench = Bench::new();
    fs::create_dir(bench.path("project/files")).unwrap();
    fs::write(bench.path("project/files/page"), "wiresnap".repeat(25_000)).unwrap();
    bench.scenario(
        "lossy",
        &DOWNLOAD.replace("\n\n[[mark]]", "\n\n[link]\nloss = \"5%\"\n\n[[mark]]"),
    );
    let Some(outcome) = impaired(&bench, &["--time-scale", "0.5", "lossy"]) else {
        return;
    };

    outcome.is(0, &[]);
    let (packets, provenance) = capture(&bench, "lossy");
    assert_on_the_link(&packets);
    // What the server sent twice was lost once, and both are there, since it was captured where it left.
    let mut sent = HashMap::new();
    for packet in &packets {
        if packet.addresses().0 == SERVER && !packet.payload().is_empty() {
            *sent.entry(packet.sequence()).or_insert(0) += 1;
        }
    }
    assert!(sent.values().any(|times| *times > 1), "nothing was lost");
    let certificate = provenance.certificate.unwrap();
    let [first, second] = &certificate.connections[..] else {
        panic!("{certificate:?}");
    };
    assert_eq!(first.server_bytes, second.server_bytes);
    assert!(first.server_bytes > 200_000);
}

/// No network and no process outlives a link whose player is killed; and no process on either side of it has a
/// capability.
#[test]
fn nothing_is_left_of_a_link() {
    let bench = Bench::new();
    on_a_link(&bench, "tcpapp", "linked", "");
    let mut running = bench.start(&[&FAST[..], &["linked"]].concat());
    running.until("send time");
    let networks = ["tcpapp", "nc"].map(|name| network_of(running.process(name).id));
    let [server, client] = &networks;
    assert_ne!(server, client);
    for name in ["play-lab", "tcpapp", "nc"] {
        let process = running.process(name);
        assert_eq!(process.status("CapEff"), "0000000000000000", "{name}");
        assert_eq!(process.status("NoNewPrivs"), "1", "{name}");
    }
    running.process("play-lab").signal(Signal::KILL);

    running
        .end()
        .is(4, &["the lab is gone: its player was killed by signal 9"]);

    let left = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let id = entry.unwrap().file_name().to_str()?.parse().ok()?;
        Some(network_of(id)).filter(|network| networks.contains(network))
    });
    assert_eq!(left.count(), 0, "{networks:?}");
}

/// Returns the network namespace of a process; empty if the process is gone.
fn network_of(process: i32) -> String {
    let name = fs::read_link(format!("/proc/{process}/ns/net")).unwrap_or_default();
    name.to_string_lossy().into_owned()
}
