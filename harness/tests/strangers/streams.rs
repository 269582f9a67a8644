//! Segments that no receiver would take, ports that are used again, ends without a SYN.

use super::run::{file, listing, printed, wiresnap};
use super::support::cases::raw;
use super::support::network::{ACK, FIN};
use super::support::script::{Client, End, Script, Server};

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

/// Ways to begin: IPv4, IPv6, and sequence numbers that wrap within the answer.
fn beginnings() -> [Script; 3] {
    [
        Script::default(),
        Script::ipv6(),
        Script::default().initial(u32::MAX - 5, u32::MAX - 20),
    ]
}

/// One question and its answer, on a connection that is still open.
fn asked(beginning: Script) -> Script {
    beginning
        .open()
        .data(Client, 0, REQUEST)
        .ack(Server, length(REQUEST))
        .data(Server, 0, ANSWER)
        .ack(Client, length(ANSWER))
}

/// The connections of the JSON listing.
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

/// The exit code of `diff`, and what it printed.
fn diff(old: &Script, new: &Script) -> (Option<i32>, String) {
    let [old, new] = [old, new].map(|script| file(&raw(script)));
    let output = wiresnap(&["diff"], &[old.path(), new.path()]);
    (output.status.code(), printed(&output))
}

/// Changing any byte of the last segment but `after` makes listings and captures differ.
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

/// A copy of the end of what was sent, with another word in it; what follows is the closing.
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

/// RFC 9293 §3.8.4: a probe may carry one byte of garbage. It is the one that a documented rule hides.
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
