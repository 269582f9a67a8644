//! Segments that no receiver would take, ports that are used again, ends without a SYN.

use std::io::Write as _;

use super::run::{file, listing, printed, wiresnap};
use super::support::cases::raw;
use super::support::file::{RAW, paced, pcap};
use super::support::network::{ACK, FIN, PSH, RST, SYN};
use super::support::script::{Client, End, Script, Server};

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

/// Returns ways to begin: IPv4, IPv6, and sequence numbers that wrap within the answer.
fn beginnings() -> [Script; 3] {
    [
        Script::default(),
        Script::ipv6(),
        Script::default().initial(u32::MAX - 5, u32::MAX - 20),
    ]
}

/// Returns one question and its answer, on a connection that is still open.
fn asked(beginning: Script) -> Script {
    beginning
        .open()
        .data(Client, 0, REQUEST)
        .ack(Server, length(REQUEST))
        .data(Server, 0, ANSWER)
        .ack(Client, length(ANSWER))
}

/// Returns the connections of the JSON listing.
fn json(script: &Script) -> serde_json::Value {
    let mut json: serde_json::Value =
        serde_json::from_str(&listing(&["--format", "json"], &raw(script))).unwrap();
    json["connections"].take()
}

fn is_complete(script: &Script) -> Vec<bool> {
    let json = json(script);
    let connections = json.as_array().unwrap();
    let complete = connections.iter().map(|one| one["complete"].as_bool());
    complete.collect::<Option<_>>().unwrap()
}

fn redacted(script: &Script) -> String {
    listing(&["--redact"], &raw(script))
}

/// Returns the exit code of `diff`, and its output.
fn diff(old: &Script, new: &Script) -> (Option<i32>, String) {
    let [old, new] = [old, new].map(|script| file(&raw(script)));
    let output = wiresnap(&["diff"], &[old.path(), new.path()]);
    (output.status.code(), printed(&output))
}

/// Asserts that changing any byte of the last segment except `after` makes listings and captures differ.
fn assert_every_byte_counts(script: &Script, after: usize) {
    let segment = script.segments.len() - 1 - after;
    assert_eq!(diff(script, script).0, Some(0));
    for at in 0..script.segments[segment].payload.len() {
        let mut other = script.clone();
        other.segments[segment].payload[at] ^= 1;
        assert_ne!(redacted(script), redacted(&other), "byte {at}");
        let (code, said) = diff(script, &other);
        assert_eq!(code, Some(1), "byte {at}: {said}");
    }
}

/// Repeats the end of the sent bytes, with another word in it; then closes.
fn contradicted(beginning: Script, from: End, offset: u32, copy: &[u8]) -> Script {
    asked(beginning).data(from, offset, copy).close()
}

#[test]
fn a_copy_with_other_contents_is_listed_compared_and_not_complete() {
    for beginning in beginnings() {
        let place = length(ANSWER) - 5;
        let script = contradicted(beginning.clone(), Server, place, b"SECND");
        let line = "\n[5 bytes outside the stream, from the server: a copy with other contents: \"SECND\"]\n";
        for listed in [redacted(&script), listing(&[], &raw(&script))] {
            assert!(listed.contains(line), "{listed}");
        }
        assert_eq!(is_complete(&script), [false]);
        let json = json(&script);
        let aside = &json[0]["messages"][2];
        assert_eq!(aside["protocol"], "aside");
        assert_eq!(aside["reason"], "conflict");
        assert_eq!(
            (&aside["from"], &aside["text"]),
            (&"server".into(), &"SECND".into())
        );
        assert_eq!(json[0]["server_stream"]["aside"], 5);
        assert_eq!(json[0]["server_stream"]["conflicts"], 1);
        assert_every_byte_counts(&script, 4);

        let same = contradicted(beginning.clone(), Server, place, b"first");
        assert!(!redacted(&same).contains("outside"));
        assert_eq!(is_complete(&same), [true]);
        let (code, said) = diff(&same, &script);
        assert_eq!(code, Some(1));
        assert!(
            said.contains("payload outside the stream: a copy with other contents"),
            "{said}"
        );

        let request = contradicted(beginning, Client, 0, b"PUT");
        assert!(
            redacted(&request).contains("from the client: a copy with other contents: \"PUT\"]")
        );
    }
}

#[test]
fn a_copy_that_goes_on_adds_to_the_stream_and_only_the_rest_of_it_is_put_aside() {
    let script = Script::opened()
        .data(Client, 0, b"one two\n")
        .data(Client, 4, b"TWO\nthree\n")
        .close();
    assert_eq!(
        listing(&[], &raw(&script)),
        "one two\nthree\n[4 bytes outside the stream, from the client: a copy with other contents: \"TWO\\n\"]\n"
    );
}

#[test]
fn data_behind_a_fin_is_listed_and_compared() {
    for beginning in beginnings() {
        let end = length(ANSWER);
        let script = asked(beginning)
            .fin(Server)
            .ack(Client, end + 1)
            .at(Server, end + 1, ACK, b"after fin")
            .fin(Client)
            .at(Server, end + 1, ACK, b"");
        let listed = redacted(&script);
        let line = "[9 bytes outside the stream, from the server: behind the FIN: \"after fin\"]\n";
        assert!(listed.ends_with(line), "{listed}");
        assert_eq!(is_complete(&script), [false]);
        assert_every_byte_counts(&script, 2);
    }
}

#[test]
fn data_outside_of_every_window_is_listed_and_compared() {
    for beginning in beginnings() {
        for from in [Client, Server] {
            let script = asked(beginning.clone())
                .at(from, 1 << 31, ACK, b"far away")
                .close();
            let listed = redacted(&script);
            assert!(
                listed.contains(": outside every window: \"far away\"]\n"),
                "{listed}"
            );
            assert_eq!(is_complete(&script), [false]);
            assert_every_byte_counts(&script, 4);
        }
    }
}

#[test]
fn what_comes_from_before_the_first_captured_byte_is_listed() {
    let mut script = Script::default()
        .data(Client, 100, b"begun\n")
        .data(Client, 40, &[b'x'; 10]);
    // More than is looked at before a side begins without its SYN.
    let block = vec![b'-'; 60_000];
    for index in 0..5 {
        script = script.data(Client, 106 + index * length(&block), &block);
    }
    let listed = redacted(&script);
    assert!(
        listed.contains(
            "[10 bytes outside the stream, from the client: outside every window: \"xxxxxxxxxx\"]"
        ),
        "{}",
        &listed[..200]
    );
}

/// A probe may carry one byte of garbage (RFC 9293 §3.8.4). A documented rule hides this byte.
#[test]
fn the_garbage_byte_of_a_keepalive_probe_is_hidden_and_nothing_else_is() {
    let probed = |byte: u8| {
        asked(Script::default())
            .at(Client, length(REQUEST) - 1, ACK, &[byte])
            .ack(Server, length(REQUEST))
            .close()
    };
    assert_eq!(redacted(&probed(0)), redacted(&probed(b'!')));
    assert!(!redacted(&probed(0)).contains("outside"));
    assert_eq!(is_complete(&probed(0)), [true]);
    assert_eq!(diff(&probed(0), &probed(b'!')).0, Some(0));
    let two = asked(Script::default())
        .at(Client, length(REQUEST) - 2, ACK, b"??")
        .close();
    assert!(redacted(&two).contains("[2 bytes outside"));
}

#[test]
fn a_fin_is_one_more_thing_that_may_carry_a_copy() {
    let script = asked(Script::default())
        .at(Server, length(ANSWER) - 5, FIN | ACK, b"FIRST")
        .ack(Client, length(ANSWER) + 1);
    let listed = redacted(&script);
    assert!(listed.ends_with("other contents: \"FIRST\"]\n"), "{listed}");
}

/// Returns a chat: each side says a line, and the other one acknowledges it with the next.
fn chat(beginning: Script, lines: &[&str]) -> Script {
    let mut script = beginning;
    let mut sent = [0; 2];
    for (index, line) in lines.iter().enumerate() {
        let own = index % 2;
        let from = [Client, Server][own];
        script = script
            .acknowledging(sent[1], sent[0])
            .data(from, sent[own], line.as_bytes());
        sent[own] += length(line.as_bytes());
    }
    script.acknowledging(sent[1], sent[0])
}

/// Returns the role of each packet, with its sender and its connection.
fn explained(script: &Script) -> Vec<(String, String, u64)> {
    let file = file(&raw(script));
    let output = wiresnap(&["stats", "--explain", "--format", "json"], &[file.path()]);
    let json: serde_json::Value = serde_json::from_str(&printed(&output)).unwrap();
    let packets = json[0]["packets"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    packets
        .map(|packet| {
            let connection = packet["connection"].as_u64().unwrap();
            (text(&packet["role"]), text(&packet["from"]), connection)
        })
        .collect()
}

fn roles(script: &Script) -> Vec<String> {
    explained(script)
        .into_iter()
        .map(|(role, ..)| role)
        .collect()
}

/// Asserts that statistics and listing agree on the sender of each message.
fn assert_sides_agree(script: &Script) {
    let explained = explained(script);
    let connections = json(script);
    for (index, connection) in connections.as_array().unwrap().iter().enumerate() {
        for message in connection["messages"].as_array().unwrap() {
            let packet = usize::try_from(message["packet"].as_u64().unwrap()).unwrap();
            let (_, from, of) = &explained[packet - 1];
            assert_eq!(
                (message["from"].as_str(), *of),
                (Some(&from[..]), index as u64),
                "{message}"
            );
        }
    }
}

/// Puts a stray segment into the middle of a chat, by `stray`, which is given its sender, the next place in its stream,
/// and the next of its peer.
fn with_stray(beginning: Script, stray: impl FnOnce(Script) -> Script) -> Script {
    let script = stray(chat(beginning.open(), &["one\n", "ok\n"]));
    let rest = chat(Script::default(), &["one\n", "ok\n", "two\n", "yes\n"]);
    let mut script = script;
    for (index, segment) in rest.segments.into_iter().enumerate().skip(2) {
        let from = [Client, Server][index % 2];
        let offset = [4, 3][index % 2];
        let known = [[3, 4], [3, 8]][index % 2];
        script = script
            .acknowledging(known[0], known[1])
            .data(from, offset, &segment.payload);
    }
    script.acknowledging(7, 8).close()
}

const WHOLE: &str = "one\nok\ntwo\nyes\n";

/// A segment that a receiver drops ends no stream, moves none, and tears none (RFC 9293 §3.10.7.4).
#[test]
fn segments_that_a_receiver_ignores_change_no_stream() {
    let [no_ack, out, both] = ["no ACK", "ACK out of range", "SYN and RST"];
    let far = "outside every window";
    for beginning in beginnings() {
        for (flags, sequence, acknowledgement, reason) in [
            (FIN, 0, 0, no_ack),
            (0, 0, 0, no_ack),
            (PSH, 0, 0, no_ack),
            (SYN | RST, 0, 0, both),
            (SYN | RST | ACK, 0, 0, both),
            (SYN | RST | FIN, 7, 0, both),
            (ACK, 0, 800_000_000, out),
            (ACK, 0, 1 << 31, out),
            (ACK, 0, 0_u32.wrapping_sub(500_000_000), out),
            (FIN | ACK, 0, 100_000_000, out),
            (FIN | ACK, 100_000_000, 0, far),
            (ACK, 800_000_000, 0, far),
            (ACK, 1 << 31, 1 << 31, far),
            (RST, 100_000_000, 0, far),
            (RST | ACK, 0_u32.wrapping_sub(100_000), 0, far),
        ] {
            for from in [Client, Server] {
                for payload in [&b""[..], b"evil\n"] {
                    let script = with_stray(beginning.clone(), |script| {
                        let own = from as usize;
                        let next = [
                            script.initial[own].wrapping_add(1 + [4, 3][own]),
                            script.initial[1 - own].wrapping_add(1 + [3, 4][own]),
                        ];
                        let sequence = next[0].wrapping_add(sequence);
                        let acknowledgement = next[1].wrapping_add(acknowledgement);
                        script.raw(from, sequence, acknowledgement, flags, payload)
                    });
                    let what =
                        format!("{flags:#x} {sequence} {acknowledgement} {from:?} {payload:?}");
                    let side = ["client", "server"][from as usize];
                    let line = format!(
                        "[5 bytes outside the stream, from the {side}: {reason}: \"evil\\n\"]\n"
                    );
                    let expected = if payload.is_empty() {
                        WHOLE.to_owned()
                    } else {
                        WHOLE.replacen("two", &format!("{line}two"), 1)
                    };
                    assert_eq!(listing(&[], &raw(&script)), expected, "{what}");
                    assert_eq!(roles(&script)[5], "ignored", "{what}");
                    let is_counted = !payload.is_empty() || flags & RST == 0 || flags & SYN != 0;
                    assert_eq!(is_complete(&script), [!is_counted], "{what}");
                    assert_sides_agree(&script);
                }
            }
        }
    }
}

#[test]
fn every_byte_of_an_ignored_segment_counts() {
    let script = with_stray(Script::default(), |script| {
        let sequence = script.initial[1] + 4;
        script.raw(Server, sequence, 0, PSH, b"evil\n")
    });
    let after = script.segments.len() - 6;
    assert_every_byte_counts(&script, after);
}

/// A reset counts at the beginning of the window, and not if it is older than the acknowledged bytes.
#[test]
fn a_reset_counts_where_it_is_in_the_window() {
    let reset_at = |offset: u32| {
        let script = chat(Script::opened(), &["one\n", "ok\n", "two\n"]).ack(Server, 8);
        script.at(Client, offset, RST | ACK, b"")
    };
    assert_eq!(is_complete(&reset_at(8)), [true]);
    assert_eq!(is_complete(&reset_at(4)), [false], "it is not closed");
    assert_eq!(roles(&reset_at(4)).last().unwrap(), "ignored");
    assert_eq!(roles(&reset_at(8)).last().unwrap(), "close");
}

/// One damaged number makes no hole, however far it is from the captured ones.
#[test]
fn a_damaged_acknowledgement_makes_no_hole() {
    for ahead in [100, 70_000, 10_000_000, 800_000_000, (1 << 31) - 5] {
        for from in [Client, Server] {
            let script = with_stray(Script::default(), |script| {
                let [client, server] = script.initial;
                let (own, peer) =
                    [(client + 5, server + 4), (server + 4, client + 5)][from as usize];
                script.raw(from, own, peer + ahead, ACK, b"")
            });
            assert_eq!(listing(&[], &raw(&script)), WHOLE, "{ahead}");
            let json = json(&script);
            for stream in ["client_stream", "server_stream"] {
                assert_eq!(json[0][stream]["missing"], 0, "{ahead}");
            }
            assert_eq!(is_complete(&script), [false], "{ahead}");
        }
    }
}

/// A FIN that its receiver never saw, as its acknowledgements show, ends nothing.
#[test]
fn a_fin_that_was_not_received_ends_nothing() {
    for beginning in beginnings() {
        for (ahead, from) in [(0, Client), (5, Client), (0, Server), (2, Server)] {
            let script = with_stray(beginning.clone(), |script| {
                let [client, server] = script.initial;
                let next = [client.wrapping_add(5), server.wrapping_add(4)];
                let (own, peer) = (next[from as usize], next[1 - from as usize]);
                script.raw(from, own.wrapping_add(ahead), peer, FIN | ACK, b"")
            });
            assert_eq!(listing(&[], &raw(&script)), WHOLE, "{ahead} {from:?}");
            assert_eq!(is_complete(&script), [false]);
            assert_eq!(json(&script).as_array().unwrap().len(), 1);
        }
    }
}

/// Returns the same ends, with other numbers.
fn second(beginning: Script) -> Script {
    let [client, server] = beginning.initial.map(|number| number.wrapping_add(900_000));
    beginning.initial(client, server)
}

/// The captured part of the second conversation on the same ports is listed as a separate connection.
#[test]
fn ports_that_are_used_again_without_a_syn_are_another_connection() {
    for beginning in beginnings() {
        let first = asked(beginning.clone());
        for closed in [
            first.clone().close(),
            first.clone().reset(Client),
            first.reset(Server),
        ] {
            let again = asked(second(beginning.clone())).close();
            // Packets of the opening that are not in the capture.
            for lost in [&[0][..], &[0, 1], &[0, 1, 2], &[0, 2]] {
                let mut rest = again.clone();
                let mut index = 0;
                rest.segments.retain(|_| {
                    index += 1;
                    !lost.contains(&(index - 1))
                });
                let script = closed.clone().then(rest);
                let json = json(&script);
                assert_eq!(json.as_array().unwrap().len(), 2, "{lost:?}");
                assert_eq!(is_complete(&script), [true, false], "{lost:?}");
                let listed = listing(&[], &raw(&script));
                assert_eq!(listed.matches("first").count(), 2, "{lost:?}: {listed}");
                assert!(!listed.contains("missing"), "{lost:?}: {listed}");
                assert!(!listed.contains("outside"), "{lost:?}: {listed}");
                assert_sides_agree(&script);
            }
        }
    }
}

/// Only the server's packets were captured, in both conversations.
#[test]
fn a_syn_ack_with_another_number_begins_another_connection() {
    for (numbers, answered) in [([5000, 1001], [77, 900_000]), ([900_000, 77], [1001, 5000])] {
        let mut script = Script::default();
        let old = numbers[1].max(77);
        for index in 0..3 {
            let line = format!("old-{index}\n");
            script = script.raw(Server, answered[1] + 6 * index, old, ACK, line.as_bytes());
        }
        script = script.raw(Server, numbers[0], 30_001, SYN | ACK, b"");
        for index in 0..2 {
            let line = format!("new-{index}\n");
            script = script.raw(
                Server,
                numbers[0] + 1 + 6 * index,
                30_001,
                ACK,
                line.as_bytes(),
            );
        }
        let listed = listing(&[], &raw(&script));
        let (one, two) = listed
            .split_once("Connection 2: ")
            .unwrap_or_else(|| panic!("{listed}"));
        assert!(one.ends_with("\n\nold-0\nold-1\nold-2\n\n"), "{listed}");
        assert!(two.ends_with("\n\nnew-0\nnew-1\n"), "{listed}");
        assert_eq!(is_complete(&script), [false, false]);
    }
}

/// If no end of the first conversation was captured, two segments must agree.
#[test]
fn a_conversation_far_from_all_that_was_is_another_connection_and_a_damaged_segment_is_none() {
    let first = asked(Script::default());
    let mut again = asked(Script::default().initial(2_000_000_000, 3_000_000_000));
    again.segments.drain(..3);
    let script = first.clone().then(again.clone());
    let listed = listing(&[], &raw(&script));
    assert!(
        listed.contains("from the client: outside every window: \"GET /a HTTP/1.1"),
        "{listed}"
    );
    assert_eq!(json(&script).as_array().unwrap().len(), 2);
    assert_eq!(is_complete(&script), [false, false]);
    again.segments.truncate(1);
    let damaged = first.then(again).acknowledging(43, 19).close();
    assert_eq!(json(&damaged).as_array().unwrap().len(), 1);
    assert!(redacted(&damaged).contains("outside every window"));
}

#[test]
fn a_hole_of_many_megabytes_is_gone_over() {
    let script = Script::opened()
        .data(Client, 0, b"before\n")
        .ack(Server, 7)
        .data(Client, 500_000_007, b"lost place\n")
        .data(Client, 500_000_018, b"after\n")
        .ack(Server, 500_000_024);
    let listed = listing(&[], &raw(&script));
    assert_eq!(
        listed,
        "before\n[500000011 bytes missing from the client]after\n\
         [11 bytes outside the stream, from the client: outside every window: \"lost place\\n\"]\n"
    );
}

fn between(client: &str, server: &str) -> Script {
    Script::between(client, server)
}

/// The client, if no SYN was captured, is the side that says what only a client says, or the peer of one that says what
/// only a server says; otherwise the ports decide.
#[test]
fn who_asks_is_the_client_whatever_the_ports() {
    const MASKED: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    const HELLO: &[u8] = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    let ends = [
        ("10.0.0.1:40000", "10.0.0.2:50051"),
        ("10.0.0.2:40000", "10.0.0.1:50051"),
        ("10.0.0.1:8000", "10.0.0.2:8000"),
        ("[2001:db8::1]:80", "[2001:db8::2]:50051"),
    ];
    for (client, server) in ends {
        for (says, answers) in [(REQUEST, ANSWER), (MASKED, b"\x81\x02ok"), (HELLO, b"????")] {
            let (asked, answered) = (length(says), length(answers));
            let script = || between(client, server).acknowledging(0, asked);
            let asks_first = between(client, server)
                .data(Client, 0, says)
                .ack(Server, asked)
                .data(Server, 0, answers)
                .ack(Client, answered);
            let answers_first = script()
                .data(Server, 0, answers)
                .data(Client, 0, says)
                .ack(Client, answered);
            let behind_acknowledgements = script()
                .at(Client, 0, ACK, b"")
                .at(Server, 0, ACK, b"")
                .at(Server, 0, ACK, b"")
                .data(Client, 0, says)
                .data(Server, 0, answers);
            let many = (0..40).fold(script(), |script, _| script.at(Server, 0, ACK, b""));
            let behind_many = many.data(Client, 0, says).data(Server, 0, answers);
            for script in [
                asks_first,
                answers_first,
                behind_acknowledgements,
                behind_many,
            ] {
                for script in [script.clone(), script.close()] {
                    let json = json(&script);
                    assert_eq!(json[0]["client"], client);
                    assert_eq!(json[0]["client_stream"]["bytes"], asked, "{json}");
                    assert_eq!(json[0]["server_stream"]["bytes"], answered, "{json}");
                    assert_sides_agree(&script);
                    let report = |other: &Script| diff(&script, other).0;
                    assert_eq!(report(&script), Some(0));
                }
            }
        }
    }
}

#[test]
fn a_syn_that_comes_late_tells_who_is_the_client() {
    let script = chat(
        between("10.0.0.1:40000", "10.0.0.2:50051").open(),
        &["hi\n", "ho\n"],
    )
    .close();
    let count = script.segments.len();
    for place in 1..count {
        let mut late = script.clone();
        let syn = late.segments.remove(0);
        late.segments.insert(place, syn);
        let json = json(&late);
        assert_eq!(json[0]["client"], "10.0.0.1:40000", "{place}");
        assert_eq!(is_complete(&late), [true], "{place}");
        assert_sides_agree(&late);
    }
}

#[test]
fn several_connections_without_syn_wait_for_each_other_and_keep_their_order() {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let scripts: Vec<Script> = (0..5)
        .map(|index| {
            let client = format!("10.0.0.{}:4000", index + 1);
            let script = between(&client, "10.0.0.9:50051").acknowledging(0, length(REQUEST));
            let script = (0..index).fold(script, |script, _| script.at(Server, 0, ACK, b""));
            script
                .data(Client, 0, REQUEST)
                .data(Server, 0, ANSWER)
                .ack(Client, length(ANSWER))
        })
        .collect();
    for place in 0..8 {
        for script in &scripts {
            all.extend(script.packets().into_iter().nth(place));
        }
    }
    let capture = pcap(RAW, &paced(all));
    let listed = listing(&[], &capture);
    for index in 1..=5 {
        let heading =
            format!("Connection {index}: 10.0.0.{index}:4000 to 10.0.0.9:50051\n\nGET /a");
        assert!(listed.contains(&heading), "{listed}");
    }
    let file = file(&capture);
    let output = wiresnap(&["stats", "--explain", "--format", "json"], &[file.path()]);
    let json: serde_json::Value = serde_json::from_str(&printed(&output)).unwrap();
    let packets = json[0]["packets"].as_array().unwrap();
    let numbers: Vec<u64> = packets
        .iter()
        .map(|packet| packet["number"].as_u64().unwrap())
        .collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
    let count = |role: &str| {
        packets
            .iter()
            .filter(|packet| packet["role"] == role)
            .count()
    };
    assert_eq!((count("request"), count("response-header")), (5, 5));
}

/// Payload that was never there before is not a retransmission, however many gaps there are, and in whatever order they
/// are filled.
#[test]
fn what_fills_a_gap_is_data() {
    for beginning in beginnings() {
        let mut script = beginning.open().data(Server, 0, b"first ");
        let piece = |place: u32| format!("{place:05} ");
        for place in (2..200).step_by(2) {
            script = script.data(Server, place * 6, piece(place).as_bytes());
        }
        for place in (1..200).step_by(2).rev() {
            script = script.data(Server, place * 6, piece(place).as_bytes());
        }
        script = script
            .data(Server, 60, piece(10).as_bytes())
            .ack(Client, 1200);
        let roles = roles(&script);
        let count = |name: &str| roles.iter().filter(|role| *role == name).count();
        assert_eq!((count("body"), count("retransmission")), (200, 1));
        assert!(!listing(&[], &raw(&script)).contains("missing"));
    }
}

/// Reads the captures of `../shared/cases/read`, if they exist, and compares them with the right results.
#[test]
fn the_cases_of_others_are_right() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases/read");
    if !folder.is_dir() {
        drop(writeln!(
            std::io::stderr(),
            "skipped: {} is not there",
            folder.display()
        ));
        return;
    }
    let run = |arguments: &[&str], name: &str| printed(&wiresnap(arguments, &[&folder.join(name)]));
    let payload = |name: &str| run(&["payload"], &format!("{name}.pcap"));
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_str(&run(
            &["payload", "--format", "json"],
            &format!("{name}.pcap"),
        ))
        .unwrap()
    };
    let chat = "one\nok\ntwo\nok\nthree\nok\n";
    for (name, expected) in [
        ("fin-without-ack", chat),
        ("fin-then-more-data", chat),
        ("fin-in-the-future", "one\nok\ntwo two two\nok\n"),
        ("ack-out-of-range", "one\nok\ntwo\nok\n"),
        (
            "syn-rst-in-midstream",
            "q0\na0\nq1\na1\nq2\na2\nq3\na3\nq4\na4\n",
        ),
    ] {
        assert_eq!(payload(name), expected, "{name}");
        assert_eq!(json(name)["connections"][0]["complete"], false, "{name}");
    }
    for (name, words) in [
        ("ports-reused-without-syn", ["hello one", "hello two"]),
        ("port-reuse-no-syn", ["\"/a\"", "\"/b\""]),
        ("server-side-only-new-syn-ack", ["old-00000", "new-00000"]),
        ("ports-reused", ["hello one", "hello two"]),
        ("syn-new-isn", ["", "\"/a\""]),
    ] {
        let json = json(name);
        let connections = json["connections"].as_array().unwrap();
        assert_eq!(connections.len(), 2, "{name}");
        let is_second_complete = ["ports-reused", "syn-new-isn"].contains(&name);
        assert_eq!(connections[1]["complete"], is_second_complete, "{name}");
        for (connection, word) in connections.iter().zip(words) {
            assert!(
                connection.to_string().contains(word),
                "{name}: {connection}"
            );
        }
    }
    assert_eq!(
        json("port-reuse")["connections"].as_array().unwrap().len(),
        3
    );
    assert!(
        payload("data-after-fin").ends_with("from the server: behind the FIN: \"after fin\"]\n")
    );
    for name in ["conflict-new", "conflict-old"] {
        assert!(payload(name).contains("from the server: a copy with other contents: "));
        assert_eq!(json(name)["connections"][0]["complete"], false);
    }
    for name in [
        "midstream-server-high-port",
        "midstream-server-high-port-resp-first",
    ] {
        let json = json(name);
        assert_eq!(json["connections"][0]["client"], "10.0.0.2:40000", "{name}");
        assert!(!json.to_string().contains("\"raw\""), "{name}");
    }
    let garbage = run(&["payload", "--redact"], "keepalive-garbage-byte.pcap");
    assert!(!garbage.contains("outside"), "{garbage}");
    let only = json("server-packets-only");
    assert!(!only.to_string().contains("\"packet\":0"), "{only}");
    let backwards = run(&["stats", "--explain"], "time-backwards.pcap");
    assert!(backwards.contains(" -2.996000 "), "{backwards}");
    let stats = run(&["stats", "--explain"], "gaps-filled-late.pcap");
    assert!(!stats.contains("retransmission"), "{stats}");
}

/// A packet that was captured before the file's first one is at a negative time.
#[test]
fn times_before_the_first_packet_are_negative() {
    let mut packets = paced(asked(Script::default()).packets());
    packets[3].nanoseconds -= 5_000_000_000;
    packets[4].nanoseconds -= 250_000_000;
    let file = file(&pcap(RAW, &packets));
    let stats = printed(&wiresnap(&["stats", "--explain"], &[file.path()]));
    for time in [" 0.000000 ", " 0.001000 ", " -4.997000 ", " -0.246000 "] {
        assert!(stats.contains(time), "{time}: {stats}");
    }
}
