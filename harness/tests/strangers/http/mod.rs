//! HTTP on the wire, including the output of unusual programs.
//!
//! Each conversation is read in several segmentations, and must be the same messages in all of them; in each, the
//! lengths of the messages add up to the bytes sent and missing.

mod lossy;
mod refused;
mod resumed;
mod switches;

use wiresnap::analysis::role::Role;
use wiresnap::analysis::stats::{self, measure};
use wirestream::capture::CaptureReader;
use wirestream::message::Message;
use wirestream::units::Side;

use super::support::file::{RAW, paced, pcap};
use super::support::reading::{self, told};
use super::support::script::{Client, End, Script, Server};
use super::support::talks;

/// The turns of a conversation: each is sent after its sender has received all before it.
type Turns<'a> = [(End, &'a [u8])];

/// Reads the only connection of a capture.
fn read(capture: &[u8]) -> Vec<Message> {
    let mut connections = reading::messages(CaptureReader::new(capture).unwrap());
    assert_eq!(connections.len(), 1);
    let (connection, messages) = connections.remove(0);
    for side in [Side::Client, Side::Server] {
        let stream = connection.stream(side);
        let own = messages.iter().filter(|message| message.from == side);
        let listed: u64 = own.map(|message| message.length).sum();
        let told = told(&messages);
        assert_eq!(listed, stream.bytes + stream.missing, "{side}: {told:#?}");
    }
    messages
}

fn read_script(script: &Script) -> Vec<Message> {
    read(&pcap(RAW, &paced(script.packets())))
}

/// Reads a conversation that both sides receive to its end and close.
fn read_closed(script: Script) -> Vec<Message> {
    read_script(&script.hear(Client).close())
}

/// Reads a conversation that continues with two more requests and their answers ([`GOES_ON`]).
fn read_on(script: Script) -> Vec<Message> {
    let exchanges = [
        (Client, HEAD_B),
        (Server, NO_BODY),
        (Client, GET_C),
        (Server, THIRD),
    ];
    let script = exchanges
        .into_iter()
        .fold(script, |script, (from, text)| script.say(from, text));
    read_closed(script)
}

fn notes(messages: &[Message]) -> Vec<String> {
    let notes = messages.iter().flat_map(|message| &message.notes);
    notes.map(ToString::to_string).collect()
}

/// Returns a conversation in segments of so many bytes.
fn say(turns: &Turns<'_>, size: usize) -> Script {
    let turns = turns.iter();
    let script = turns.fold(Script::opened(), |script, (from, bytes)| {
        script.say_in(*from, size, bytes)
    });
    script.hear(Client).hear(Server).close()
}

/// Reads a conversation, which must be the same however it is cut into segments, and in the order of the wire.
fn read_talk(turns: &Turns<'_>) -> Vec<Message> {
    let whole = read_script(&say(turns, usize::MAX));
    for size in [1, 2, 3, 7, 20] {
        let pieces = read_script(&say(turns, size));
        assert_eq!(told(&pieces), told(&whole), "in pieces of {size}");
        assert_eq!(notes(&pieces), notes(&whole), "in pieces of {size}");
        let places = |messages: &[Message]| -> Vec<(u64, u64)> {
            let places = messages.iter();
            places
                .map(|message| (message.offset, message.length))
                .collect()
        };
        assert_eq!(places(&pieces), places(&whole), "in pieces of {size}");
    }
    assert!(whole.is_sorted_by_key(|message| message.packet));
    whole
}

fn talk(turns: &[(End, &str)]) -> Vec<Message> {
    let turns: Vec<_> = turns
        .iter()
        .map(|(from, text)| (*from, text.as_bytes()))
        .collect();
    read_talk(&turns)
}

const GET_A: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const GET_B: &str = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
const HEAD_B: &str = "HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n";
const GET_C: &str = "GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
const FIRST: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";
const SECOND: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";
const THIRD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird";
const NO_BODY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n";

/// The answers to two more requests, each to its own.
const GOES_ON: [&str; 2] = [
    "server 200 to HEAD /b \"\"",
    "server 200 to GET /c \"third\"",
];

/// Empty list elements are skipped (RFC 9110 §5.6.1.2), and lines of one list are joined (§5.3).
#[test]
fn empty_list_elements_and_lines_of_one_list_are_passed_over() {
    for coding in [
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: chunked , ,",
        "Transfer-Encoding: ,,chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding:",
        "Transfer-Encoding: ,\r\nTransfer-Encoding: CHUNKED\r\nTransfer-Encoding: ,",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    ] {
        let request =
            format!("POST /1 HTTP/1.1\r\nHost: h\r\n{coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let response = format!("HTTP/1.1 200 OK\r\n{coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let messages = talk(&[
            (Client, &request),
            (Server, &response),
            (Client, GET_B),
            (Server, SECOND),
        ]);
        let expected = [
            "client POST /1 \"hello\"",
            "server 200 to POST /1 \"hello\"",
            "client GET /b \"\"",
            "server 200 to GET /b \"second\"",
        ];
        assert_eq!(told(&messages), expected, "{coding}");
        assert_eq!(notes(&messages), [""; 0], "{coding}");
    }
}

/// Equal lengths are one length (RFC 9110 §8.6, RFC 9112 §6.3).
#[test]
fn lengths_that_are_the_same_are_one_length() {
    for lengths in [
        "Content-Length: 5, 5",
        "Content-Length: 5,",
        "Content-Length: 5\r\nContent-Length: ,5",
    ] {
        let response = FIRST.replace("Content-Length: 5", lengths);
        let messages = talk(&[
            (Client, GET_A),
            (Server, &response),
            (Client, GET_B),
            (Server, SECOND),
        ]);
        assert_eq!(told(&messages)[3], "server 200 to GET /b \"second\"");
        assert_eq!(notes(&messages), [""; 0], "{lengths}");
    }
    for lengths in [
        "Content-Length:",
        "Content-Length: ,",
        "Content-Length: 5,6",
    ] {
        let response = FIRST.replace("Content-Length: 5", lengths);
        let messages = talk(&[(Client, GET_A), (Server, &response)]);
        let note = "RFC 9112 §6.3, offset 0: Content-Length is not one number; taken for a body until the close";
        assert_eq!(notes(&messages), [note], "{lengths}");
    }
}

#[test]
fn a_transfer_coding_that_others_read_in_another_way_is_said() {
    let answer = |coding: &str| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\nContent-Length: 5\r\n\r\nfirst")
    };
    let chunked = answer("chunked;x=\"a,chunked\"");
    let messages = talk(&[(Client, GET_A), (Server, &chunked)]);
    assert_eq!(
        notes(&messages)[1],
        "RFC 9112 §7.1, offset 0: chunked has no parameters: with one it is not taken for chunked here, by others \
         (tshark) it is"
    );
    let messages = talk(&[(Client, GET_A), (Server, &answer("identity"))]);
    assert!(
        notes(&messages)[1].contains("others (browsers, tshark) go by Content-Length"),
        "{messages:?}"
    );
}

#[test]
fn a_chunk_size_of_more_than_64_bits_is_named_and_the_next_request_found() {
    let size = "10000000000000000";
    let request = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n\r\n");
    let messages = talk(&[(Client, &format!("{request}{GET_B}"))]);
    let expected = [
        "client POST / \"\"".to_owned(),
        format!("client raw {:?}", format!("{size}\r\n\r\n")),
        "client GET /b \"\"".to_owned(),
    ];
    assert_eq!(told(&messages), expected);
    assert_eq!(
        notes(&messages),
        [
            "RFC 9112 §7.1, offset 47: a chunk's size is larger than 64 bits; the message ends here, what follows is \
             shown raw up to the next start line"
        ]
    );
    let zeros = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:030}5\r\nfirst\r\n0\r\n\r\n",
        0
    );
    let messages = talk(&[(Client, GET_A), (Server, &zeros)]);
    assert_eq!(told(&messages)[1], "server 200 to GET /a \"first\"");
}

#[test]
fn a_request_line_that_cannot_be_read_is_raw_as_a_whole_at_its_place_and_the_note_says_why() {
    for (line, reason) in [
        ("OPTIONS HTTP/1.1", "the request line has no target"),
        ("GET  HTTP/1.0", "the request line has no target"),
        ("GET / HTTP/2.0", "its version is HTTP/2.0"),
        ("GET / HTTP/3", "its version is HTTP/3"),
        ("GET / HTTP/1.x", "its version is none of HTTP/1"),
        (
            "GET / HTTP/1.1 now",
            "the request line does not end in HTTP/1.0 or HTTP/1.1",
        ),
    ] {
        let request = format!("{line}\r\nHost: www.example.com\r\nAccept: text/plain\r\n\r\n");
        let refusal = "HTTP/1.1 400 no\r\nContent-Length: 0\r\n\r\n";
        let messages = talk(&[(Client, &request), (Server, refusal), (Client, GET_B)]);
        let raw = format!("client raw {request:?}");
        assert_eq!(told(&messages)[0], raw, "{line}");
        assert_eq!(told(&messages)[2], "client GET /b \"\"", "{line}");
        let note = format!("RFC 9112 §2.1, offset 0: not HTTP/1: {reason}; shown raw");
        assert_eq!(notes(&messages), [note], "{line}");
    }
}

/// A higher minor version is read (RFC 9110 §6.2).
#[test]
fn a_higher_minor_version_is_read() {
    let (get, answer) = (GET_A.replace("1.1", "1.7"), FIRST.replace("1.1", "1.2"));
    let messages = talk(&[(Client, &get), (Server, &answer)]);
    assert_eq!(told(&messages)[1], "server 200 to GET /a \"first\"");
}

#[test]
fn what_is_left_over_of_broken_chunks_is_in_one_piece_at_its_place() {
    for chunks in [
        " 5\r\nfirst\r\n0\r\n\r\n",
        "5\r\nfirst and more H\r\n0\r\n\r\n",
        "5\r\nfirst\r\nx\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let messages = talk(&[
            (Client, GET_A),
            (Server, &answer),
            (Client, HEAD_B),
            (Server, NO_BODY),
            (Client, GET_C),
            (Server, THIRD),
        ]);
        let told = told(&messages);
        assert_eq!(told[3], "client HEAD /b \"\"", "{told:#?}");
        assert!(told[2].starts_with("server raw"), "{told:#?}");
        assert_eq!(told[6], "server 200 to GET /c \"third\"", "{told:#?}");
        assert_eq!(told.len(), 7, "{told:#?}");
    }
}

/// Returns the requests of a client that waits for each answer, and the answers, of which some are not in the capture.
fn lossy(exchanges: &[(&str, &str, bool)]) -> Script {
    let exchanges = exchanges.iter();
    let script = exchanges.fold(Script::opened(), |script, (request, answer, is_lost)| {
        let script = script.say(Client, request);
        if *is_lost {
            script.say_unheard(Server, answer).hear(Client)
        } else {
            script.say(Server, answer)
        }
    });
    script.hear(Client).close()
}

fn answers(messages: &[Message]) -> Vec<String> {
    let answers = told(messages).into_iter();
    answers
        .filter(|message| message.starts_with("server"))
        .collect()
}

/// A lost answer uses up its request (RFC 9112 §9.2).
#[test]
fn a_lost_answer_uses_up_its_request() {
    let head_a = GET_A.replace("GET", "HEAD");
    for (first, lost) in [
        (GET_A, FIRST),
        (&head_a, NO_BODY),
        // No longer than it must be.
        (GET_A, "HTTP/1.1 204\r\n\r\n"),
    ] {
        let exchanges = [
            (first, lost, true),
            (HEAD_B, NO_BODY, false),
            (GET_C, THIRD, false),
        ];
        let messages = read_script(&lossy(&exchanges));
        let expected = [
            format!("server raw \"\" [{} missing]", lost.len()),
            "server 200 to HEAD /b \"\"".to_owned(),
            "server 200 to GET /c \"third\"".to_owned(),
        ];
        assert_eq!(answers(&messages), expected);
        let note = format!(
            "RFC 9112 §9.2, offset {}: the answer to the request before is taken to be lost in a hole, or a part of it",
            lost.len()
        );
        assert_eq!(notes(&messages), [note]);
    }
}

#[test]
fn of_several_lost_answers_each_uses_up_its_request() {
    let exchanges = [
        (GET_A, FIRST, true),
        (HEAD_B, NO_BODY, true),
        (GET_B, SECOND, true),
        (GET_C, THIRD, false),
        (HEAD_B, NO_BODY, false),
        (GET_A, FIRST, false),
    ];
    let messages = read_script(&lossy(&exchanges));
    assert_eq!(
        answers(&messages)[1..],
        [
            "server 200 to GET /c \"third\"",
            "server 200 to HEAD /b \"\"",
            "server 200 to GET /a \"first\"",
        ]
    );
    assert!(notes(&messages)[0].ends_with(
        "the answers to the 3 requests before are taken to be lost in a hole, or parts of them"
    ));
}

#[test]
fn which_of_pipelined_answers_is_lost_is_not_claimed_where_it_cannot_be_known() {
    let pipelined = |requests: &[&str], lost: &str, rest: &[&str]| {
        let script = Script::opened().say(Client, requests.concat());
        let script = script.say_unheard(Server, lost);
        let script = rest
            .iter()
            .fold(script, |script, answer| script.say(Server, answer));
        read_closed(script)
    };
    let doubt = "which request this answers is not known: a hole before it may have had other answers in it";
    // One answer or two may be in the hole, and what is behind it has a body: it answers none of the HEADs.
    let messages = pipelined(&[GET_A, HEAD_B, GET_C], FIRST, &[NO_BODY, THIRD]);
    assert_eq!(
        answers(&messages)[1..],
        ["server 200 \"\"", "server 200 to GET /c \"third\""]
    );
    assert!(notes(&messages)[0].ends_with(doubt), "{messages:#?}");
    let messages = pipelined(
        &[GET_A, HEAD_B, GET_C],
        &[FIRST, NO_BODY].concat(),
        &[THIRD],
    );
    assert_eq!(answers(&messages)[1..], ["server 200 \"third\""]);
    // There is room for one.
    let short = "HTTP/1.1 204\r\n\r\n";
    let messages = pipelined(&[GET_A, HEAD_B, GET_C], short, &[NO_BODY, THIRD]);
    assert_eq!(answers(&messages)[1..], GOES_ON);
    // There is no other request.
    let messages = pipelined(&[GET_A, HEAD_B], FIRST, &[NO_BODY]);
    assert_eq!(answers(&messages)[1..], ["server 200 to HEAD /b \"\""]);
}

#[test]
fn a_hole_that_begins_in_an_answer_takes_what_is_behind_that_from_the_next_request() {
    // The rest of a body whose length is known, and all of the next answer.
    let cut = FIRST.len() - 2;
    let script = Script::opened()
        .say(Client, GET_A)
        .say(Server, &FIRST[..cut])
        .hear(Client)
        .say_unheard(Server, &FIRST[cut..])
        .say(Client, HEAD_B)
        .say_unheard(Server, NO_BODY)
        .say(Client, GET_C)
        .say(Server, THIRD);
    let messages = read_closed(script);
    assert_eq!(
        answers(&messages),
        [
            "server 200 to GET /a \"fir\"".to_owned(),
            format!("server raw \"\" [{} missing]", NO_BODY.len()),
            "server 200 to GET /c \"third\"".to_owned(),
        ]
    );
    // The rest of chunks: no answer is lost with them.
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n";
    let script = Script::opened()
        .say(Client, GET_A)
        .say(Server, &chunked[..60])
        .say_unheard(Server, &chunked[60..]);
    let messages = read_on(script);
    assert_eq!(answers(&messages)[1..], GOES_ON);
}

#[test]
fn an_answer_cut_by_a_hole_uses_up_its_request() {
    // The end of the first head and all behind it; of the body, the end is there.
    for (start, end) in [(0, 20), (5, 20), (20, 30), (20, 41), (0, 41)] {
        let script = Script::opened().say(Client, GET_A);
        let script = if start > 0 {
            script.say(Server, &FIRST[..start])
        } else {
            script
        };
        let script = script.say_unheard(Server, &FIRST[start..end]);
        let script = if end < FIRST.len() {
            script.say(Server, &FIRST[end..])
        } else {
            script
        };
        let messages = read_on(script);
        let answers = answers(&messages);
        assert_eq!(answers[answers.len() - 2..], GOES_ON, "{start} to {end}");
    }
}

#[test]
fn an_interim_answer_in_a_hole_uses_up_nothing() {
    let post = "POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let script = Script::opened()
        .say(Client, post)
        .say_unheard(Server, "HTTP/1.1 100 Continue\r\n\r\n")
        .say(Client, "hi")
        .say(Server, FIRST)
        .say(Client, HEAD_B)
        .say(Server, NO_BODY);
    let messages = read_closed(script);
    assert_eq!(
        answers(&messages)[1..],
        [
            "server 200 to POST /a \"first\"",
            "server 200 to HEAD /b \"\""
        ]
    );
}

#[test]
fn a_lost_request_leaves_its_answer_without_one() {
    let script = Script::opened()
        .say_unheard(Client, GET_A)
        .say(Server, FIRST);
    let messages = read_on(script);
    assert_eq!(
        answers(&messages),
        [
            "server 200 \"first\"",
            "server 200 to HEAD /b \"\"",
            "server 200 to GET /c \"third\"",
        ]
    );
}

/// The request is unknown, but a status line is not a body.
#[test]
fn an_answer_to_a_lost_head_has_no_body() {
    let script = Script::opened()
        .say_unheard(Client, HEAD_B)
        .say(Server, NO_BODY)
        .say(Client, GET_C)
        .say(Server, THIRD);
    let messages = read_closed(script);
    assert_eq!(
        answers(&messages),
        ["server 200 \"\"", "server 200 to GET /c \"third\""]
    );
    assert!(notes(&messages)[0].contains("taken for the answer to a HEAD"));
    // A body that begins like one is a body.
    let odd = FIRST.replace("first", "HTTP/");
    let script = Script::opened()
        .say_unheard(Client, GET_A)
        .say(Server, &odd)
        .say(Client, GET_C)
        .say(Server, THIRD);
    let messages = read_closed(script);
    assert_eq!(
        answers(&messages),
        ["server 200 \"HTTP/\"", "server 200 to GET /c \"third\""]
    );
}

const NAME_WITH_SPACE: &str =
    "RFC 9112 §5.1, offset 17: a field name is not a token; the head is shown raw";

#[test]
fn a_raw_answer_uses_up_its_request_and_its_end_is_known() {
    let refused = FIRST.replace("OK\r\n", "OK\r\nX-Note : true\r\n");
    for requests in [[GET_A, HEAD_B, GET_C], [GET_A, GET_B, GET_C]] {
        let second = if requests[1] == HEAD_B {
            NO_BODY
        } else {
            SECOND
        };
        let [a, b, c] = requests;
        let turns = [
            (Client, a),
            (Server, &refused),
            (Client, b),
            (Server, second),
            (Client, c),
            (Server, THIRD),
        ];
        let messages = talk(&turns);
        let answers = answers(&messages);
        assert_eq!(answers[0], format!("server raw {refused:?}"));
        assert_eq!(answers[2], "server 200 to GET /c \"third\"");
        assert_eq!(answers.len(), 3);
        assert_eq!(
            notes(&messages),
            [
                NAME_WITH_SPACE,
                "RFC 9112 §6.3, offset 0: that message's end is taken from its other fields, as receivers do that pass \
                 over the line (browsers, tshark)",
                "RFC 9112 §9.2, offset 0: it is an answer all the same, and uses up its request",
            ]
        );
        // All requests at once, and all answers.
        let pipelined = [
            (Client, requests.concat()),
            (Server, [&refused, second, THIRD].concat()),
        ];
        let pipelined: Vec<_> = pipelined
            .iter()
            .map(|(from, text)| (*from, text.as_str()))
            .collect();
        assert_eq!(answers, self::answers(&talk(&pipelined)));
    }
}

/// A text like a status line inside of the body of a raw answer is not a status line.
#[test]
fn the_body_of_a_raw_answer_is_not_looked_through_where_its_length_is_known() {
    let body = "HTTP/1.1 200 OK\r\n\r\n";
    let refused = format!("HTTP/1.1 200 OK\r\nbad name: x\r\nContent-Length: 19\r\n\r\n{body}");
    let messages = talk(&[
        (Client, GET_A),
        (Server, &refused),
        (Client, HEAD_B),
        (Server, NO_BODY),
    ]);
    let expected = [
        format!("server raw {refused:?}"),
        "server 200 to HEAD /b \"\"".to_owned(),
    ];
    assert_eq!(answers(&messages), expected);
    // Where the line that cannot be read may be the length, it is.
    let refused = FIRST.replace("Length: 5", "Length 5");
    let messages = talk(&[
        (Client, GET_A),
        (Server, &refused),
        (Client, HEAD_B),
        (Server, NO_BODY),
    ]);
    assert_eq!(answers(&messages)[1], "server 200 to HEAD /b \"\"");
    assert!(
        notes(&messages)[1]
            .ends_with("where that message ends is not known: the next one is looked for")
    );
}

#[test]
fn a_raw_request_is_answered_all_the_same() {
    let refused = [
        "GET /a HTTP/1.1\r\nHost ID: example\r\n\r\n",
        "POST /a HTTP/1.1\r\nno colon\r\nContent-Length: 4\r\n\r\nbody",
        "GET /a HTTP/7.0\r\n\r\n",
        "GET HTTP/1.1\r\n\r\n",
    ];
    for request in refused {
        let method = request.split(' ').next().unwrap();
        let target = if request.contains("/a") { "/a" } else { "" };
        let messages = talk(&[
            (Client, &[request, HEAD_B, GET_C].concat()),
            (Server, &[FIRST, NO_BODY, THIRD].concat()),
        ]);
        let expected = [
            format!("server 200 to {method} {target} \"first\""),
            "server 200 to HEAD /b \"\"".to_owned(),
            "server 200 to GET /c \"third\"".to_owned(),
        ];
        assert_eq!(answers(&messages), expected, "{request:?}");
    }
    let bad_line = FIRST.replace("200 OK", "2OO OK");
    let messages = talk(&[
        (Client, &[GET_A, HEAD_B, GET_C].concat()),
        (Server, &[&bad_line, NO_BODY, THIRD].concat()),
    ]);
    assert_eq!(answers(&messages)[1..], GOES_ON);
}

/// Returns the preambles of `HAProxy`, doc/proxy-protocol.txt.
fn preambles() -> [(Vec<u8>, u8); 4] {
    let mut local = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    let mut version_2 = local.clone();
    local.extend([0x20, 0, 0, 0]);
    version_2.extend([
        0x21, 0x11, 0, 15, 192, 0, 2, 1, 192, 0, 2, 2, 0x80, 1, 0, 80, 4, 0, 0,
    ]);
    [
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".to_vec(), 1),
        (b"PROXY UNKNOWN\r\n".to_vec(), 1),
        (version_2, 2),
        (local, 2),
    ]
}

#[test]
fn what_a_proxy_puts_in_front_is_a_message_of_its_own() {
    for (preamble, version) in preambles() {
        let first = [&preamble, GET_A.as_bytes()].concat();
        let messages = read_talk(&[
            (Client, &first),
            (Server, FIRST.as_bytes()),
            (Client, HEAD_B.as_bytes()),
            (Server, NO_BODY.as_bytes()),
            (Client, GET_C.as_bytes()),
            (Server, THIRD.as_bytes()),
        ]);
        let told = told(&messages);
        assert!(told[0].starts_with("client raw"));
        assert_eq!(messages[0].length, preamble.len() as u64);
        assert_eq!(
            told[1..],
            [
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client HEAD /b \"\"",
                "server 200 to HEAD /b \"\"",
                "client GET /c \"\"",
                "server 200 to GET /c \"third\"",
            ]
        );
        let note = format!(
            "offset 0: PROXY protocol version {version}: a proxy tells whose connection it passes on; the stream begins behind it"
        );
        assert_eq!(notes(&messages), [note]);
        let messages = read_talk(&[
            (Client, &[&preamble[..], b"time\n"].concat()),
            (Server, b"12:00\n"),
        ]);
        let raw = self::told(&messages)[1..].to_vec();
        assert_eq!(raw, ["client raw \"time\\n\"", "server raw \"12:00\\n\""]);
        let hello = [&preamble[..], CLIENT_HELLO].concat();
        let messages = read_talk(&[(Client, &hello)]);
        assert_eq!(
            notes(&messages)[1],
            format!("offset {}: {TLS}", preamble.len())
        );
    }
}

/// A chain of proxies sends one preamble each.
#[test]
fn a_preamble_may_follow_on_another() {
    for (first, _) in preambles() {
        for (second, _) in preambles() {
            let all = [&first, &second, GET_A.as_bytes()].concat();
            let messages = read_talk(&[(Client, &all), (Server, FIRST.as_bytes())]);
            assert_eq!(
                told(&messages)[2..],
                ["client GET /a \"\"", "server 200 to GET /a \"first\""]
            );
            assert_eq!(notes(&messages).len(), 2);
        }
    }
}

#[test]
fn what_breaks_a_rule_and_can_be_read_is_said() {
    let space = GET_A.replace("/a", "/a b");
    let coded = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n";
    let keyless = UPGRADE.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "");
    for (request, answer, note) in [
        (
            &space[..],
            FIRST,
            "RFC 9112 §3.2, offset 6: the request's target has white space in it",
        ),
        (
            GET_A,
            coded,
            "RFC 9112 §6.1, offset 0: Transfer-Encoding in HTTP/1.0, which does not have it: the body's length is not certain",
        ),
        (
            GET_A,
            SWITCHING,
            "RFC 9110 §7.8, offset 0: the request did not ask for a switch",
        ),
        (
            &keyless,
            SWITCHING,
            "RFC 6455 §4.1, offset 0: the request has no Sec-WebSocket-Key",
        ),
        (
            GET_A,
            "HTTP/1.1 099 Odd\r\n\r\n",
            "RFC 9112 §2.1, offset 0: not HTTP/1: the status line has no version and status from 100 to 999; shown raw",
        ),
    ] {
        let messages = talk(&[(Client, request), (Server, answer)]);
        assert!(
            notes(&messages).contains(&note.to_owned()),
            "{note}: {:?}",
            notes(&messages)
        );
    }
}

const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03";
const SERVER_HELLO: &[u8] = b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x03";
const TLS: &str = "TLS: encrypted; keys are not read yet";
const HTTP_2: &str = "HTTP/2 (RFC 9113): it is not read yet; shown raw";

#[test]
fn what_begins_a_known_protocol_is_named() {
    let messages = read_talk(&[
        (Client, CLIENT_HELLO),
        (Server, SERVER_HELLO),
        (Client, CLIENT_HELLO),
    ]);
    let tls = format!("offset 0: {TLS}");
    assert_eq!(notes(&messages), [tls.clone(), tls]);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let messages = read_talk(&[
        (Client, preface),
        (Server, b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"),
    ]);
    let http_2 = format!("offset 0: {HTTP_2}");
    assert_eq!(notes(&messages), [http_2.clone(), http_2]);
    assert_eq!(messages.len(), 2);
    assert!(
        notes(&talk(&[
            (Client, "\x16\x03\x00time\n"),
            (Server, "12:00\n")
        ]))
        .is_empty()
    );
}

/// A line that is not complete is not a head on a connection whose server does not speak HTTP.
#[test]
fn turns_without_line_ends_are_told_apart() {
    let messages = talk(&[
        (Client, "time 1"),
        (Server, "one"),
        (Client, "time 2"),
        (Server, "HTTP/1"),
        (Client, "GET"),
    ]);
    assert_eq!(
        told(&messages),
        [
            "client raw \"time 1\"",
            "server raw \"one\"",
            "client raw \"time 2\"",
            "server raw \"HTTP/1\"",
            "client raw \"GET\"",
        ]
    );
}

/// Bytes held back because they may begin a head are listed in their own turn, even if they do not begin one.
#[test]
fn held_bytes_are_told_where_they_were() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\nx\r\nHTTP/1.1";
    let exchange = |rest: &str| {
        let turns = [
            (Client, GET_A),
            (Server, answer),
            (Client, HEAD_B),
            (Server, rest),
        ];
        talk(&turns)
    };
    let messages = exchange(" is a protocol");
    assert_eq!(
        told(&messages)[2..],
        [
            "server raw \"x\\r\\nHTTP/1.1\"",
            "client HEAD /b \"\"",
            "server raw \" is a protocol\"",
        ]
    );
    let messages = exchange(" 200 OK\r\nContent-Length: 400\r\n\r\n");
    assert_eq!(
        told(&messages)[2..],
        [
            "server raw \"x\\r\\n\"",
            "server 200 to HEAD /b \"\"",
            "client HEAD /b \"\"",
        ]
    );
    assert_eq!(messages[3].packet, messages[2].packet);
}

/// In a capture that begins inside of a body, the answers after it are found.
#[test]
fn answers_are_found_behind_the_body_that_a_capture_begins_in() {
    let messages = talk(&[
        (Server, "the end of a body"),
        (Client, GET_A),
        (Server, FIRST),
        (Client, HEAD_B),
        (Server, NO_BODY),
    ]);
    assert_eq!(
        answers(&messages),
        [
            "server raw \"the end of a body\"",
            "server 200 to GET /a \"first\"",
            "server 200 to HEAD /b \"\"",
        ]
    );
}

const CONNECT: &str = "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n";
const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const MASKED: &[u8] = b"\x81\x85\x01\x02\x03\x04igohn";
const UNMASKED: &[u8] = b"\x81\x05world";

#[test]
fn a_tunnel_is_read_through() {
    let in_tunnel = |turns: &Turns<'_>| {
        let mut all: Vec<(End, &[u8])> = vec![
            (Client, CONNECT.as_bytes()),
            (Server, ESTABLISHED.as_bytes()),
        ];
        all.extend(turns);
        let messages = read_talk(&all);
        (told(&messages)[2..].to_vec(), notes(&messages))
    };
    let (messages, said) = in_tunnel(&[
        (Client, UPGRADE.as_bytes()),
        (Server, SWITCHING.as_bytes()),
        (Client, MASKED),
        (Server, UNMASKED),
    ]);
    let inside = [
        "client GET /ws \"\"",
        "server 101 to GET /ws \"\"",
        "client text \"hello\"",
        "server text \"world\"",
    ];
    assert_eq!(messages, inside);
    assert_eq!(said, [""; 0]);
    // A tunnel through the tunnel.
    let (messages, _) = in_tunnel(&[
        (Client, GET_A.as_bytes()),
        (Server, FIRST.as_bytes()),
        (Client, CONNECT.as_bytes()),
        (Server, ESTABLISHED.as_bytes()),
        (Client, HEAD_B.as_bytes()),
        (Server, NO_BODY.as_bytes()),
    ]);
    assert_eq!(messages[5], "server 200 to HEAD /b \"\"");
    let at = [CONNECT.len(), ESTABLISHED.len()];
    let (_, said) = in_tunnel(&[(Client, CLIENT_HELLO), (Server, SERVER_HELLO)]);
    assert_eq!(said, at.map(|at| format!("offset {at}: {TLS}")));
    let (messages, said) = in_tunnel(&[(Client, b"time\n"), (Server, b"12:00\n")]);
    assert_eq!(
        messages,
        ["client raw \"time\\n\"", "server raw \"12:00\\n\""]
    );
    let other = "in the tunnel is a protocol that is not read here; shown raw";
    assert_eq!(said, at.map(|at| format!("offset {at}: {other}")));
}

/// Bytes that the client sends before the tunnel is open go through it.
#[test]
fn what_overtakes_the_answer_to_a_connect_is_read_behind_it() {
    let early = [CONNECT, GET_A].concat();
    let messages = talk(&[(Client, &early), (Server, &[ESTABLISHED, FIRST].concat())]);
    assert_eq!(
        told(&messages),
        [
            "client CONNECT h:443 \"\"",
            "client GET /a \"\"",
            "server 200 to CONNECT h:443 \"\"",
            "server 200 to GET /a \"first\"",
        ]
    );
}

/// Extensions in several lines are one list (RFC 9110 §5.3, RFC 6455 §9.1).
#[test]
fn extensions_in_several_lines_are_one_list() {
    let hello = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    for (lines, count) in [
        (
            "Sec-WebSocket-Extensions: x-example\r\nSec-WebSocket-Extensions: permessage-deflate",
            2,
        ),
        (
            "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: x-example",
            2,
        ),
        (
            "Sec-WebSocket-Extensions: , permessage-deflate ;server_max_window_bits=\"15\",",
            1,
        ),
        (
            "Sec-WebSocket-Extensions: x; note=\"a, b;c\", permessage-deflate",
            1,
        ),
    ] {
        let answer = SWITCHING.replace("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n"));
        let messages = read_talk(&[
            (Client, UPGRADE.as_bytes()),
            (Server, answer.as_bytes()),
            (Server, hello),
        ]);
        assert_eq!(told(&messages)[2], "server text \"Hello\"", "{lines}");
        assert_eq!(notes(&messages).len(), count - 1, "{lines}");
    }
    // What is quoted is none of them.
    let lines = "Sec-WebSocket-Extensions: x; note=\"a, permessage-deflate\"";
    let answer = SWITCHING.replace("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n"));
    let messages = read_talk(&[
        (Client, UPGRADE.as_bytes()),
        (Server, answer.as_bytes()),
        (Server, hello),
    ]);
    assert_eq!(
        notes(&messages),
        ["offset 0: the WebSocket extension x is not known here; shown raw"]
    );
}

#[test]
fn older_drafts_and_unknown_extensions_are_named_and_raw() {
    let old_keys =
        "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
    let request = |fields: &str| {
        format!(
            "GET /demo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n{fields}\r\n"
        )
    };
    let answer = |fields: &str| {
        format!(
            "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n{fields}\r\n"
        )
    };
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let location = "Sec-WebSocket-Origin: http://h\r\nSec-WebSocket-Location: ws://h/demo\r\n";
    let cases = [
        (
            request(old_keys) + "^n:ds[4U",
            answer(location) + "8jKS'y:G*Co,Wxa-",
            "draft hixie-76 (hybi-00)",
        ),
        (
            request(&format!("{old_keys}Sec-WebSocket-Draft: 2\r\n")),
            answer(location),
            "draft of hybi-01 to hybi-03",
        ),
        (
            request("Origin: http://h\r\n"),
            answer(&location.replace("Sec-", "")),
            "draft hixie-75",
        ),
        (
            request(&format!("{key}Sec-WebSocket-Version: 6\r\n")),
            answer(accept),
            "draft of hybi-04 to hybi-06",
        ),
        (
            request(&format!("{key}Sec-WebSocket-Version: 13\r\n")),
            answer(&format!(
                "{accept}Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n"
            )),
            "extension x-webkit-deflate-frame",
        ),
    ];
    for (request, answer, name) in cases {
        let messages = read_talk(&[
            (Client, request.as_bytes()),
            (Server, answer.as_bytes()),
            (Client, b"\x00hello\xff"),
            (Server, UNMASKED),
        ]);
        let said = notes(&messages);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains(name), "{said:?}");
        let told = told(&messages);
        let is_known = |message: &String| message.contains(" raw ") || message.contains("/demo");
        assert!(told.iter().all(is_known), "{told:?}");
    }
    for (version, name) in [("7", "hybi-07"), ("8", "hybi-08 to hybi-12")] {
        let request = UPGRADE.replace("Version: 13", &format!("Version: {version}"));
        let messages = read_talk(&[
            (Client, request.as_bytes()),
            (Server, SWITCHING.as_bytes()),
            (Client, MASKED),
        ]);
        assert_eq!(told(&messages)[2], "client text \"hello\"");
        assert!(notes(&messages)[0].contains(name));
    }
}

/// Returns the roles of the server's packets with payload: `h` for a header, `b` for a body, `r` for a retransmission.
fn roles(script: &Script) -> String {
    let capture = pcap(RAW, &paced(script.packets()));
    let mut reader = CaptureReader::new(&capture[..]).unwrap();
    let options = stats::Options {
        explain: true,
        ..stats::Options::default()
    };
    let measured = measure(&mut reader, &options);
    let own = measured.packets.iter().filter(|packet| {
        let is_server = packet.sender.is_some_and(|(_, side)| side == Side::Server);
        is_server && packet.statistics.app_bytes > 0
    });
    for role in [Role::ResponseHeader, Role::Body] {
        let packets = measured.packets.iter().filter(|packet| packet.role == role);
        let sum: stats::Statistics = packets.map(|packet| packet.statistics).sum();
        assert_eq!(measured.roles[role as usize], sum, "{role}");
    }
    own.map(|packet| match packet.role {
        Role::ResponseHeader => 'h',
        Role::Body => 'b',
        Role::Retransmission => 'r',
        _ => '?',
    })
    .collect()
}

fn server_roles(requests: &[&str], pieces: &[&[u8]]) -> String {
    let script = Script::opened().say(Client, requests.concat());
    let pieces = pieces.iter();
    roles(
        &pieces
            .fold(script, |script, piece| script.say(Server, piece))
            .hear(Client),
    )
}

#[test]
fn a_packet_is_of_a_header_where_it_has_a_byte_of_one() {
    let text = |pieces: &[&'static str]| {
        pieces
            .iter()
            .map(|piece| piece.as_bytes())
            .collect::<Vec<_>>()
    };
    let get = |pieces: &[&'static str]| server_roles(&[GET_A, GET_B], &text(pieces));
    // The end of the header is cut.
    let start = "HTTP/1.1 200 OK\r\nContent-Length: 20";
    assert_eq!(
        get(&[start, "\r\n\r", "\n0123456789", "0123456789"]),
        "hhhb"
    );
    assert_eq!(
        get(&[start, "\r\n\r\n", "0123456789", "0123456789"]),
        "hhbb"
    );
    // Line by line, and byte by byte at the beginning.
    let lines = [
        "HTTP/1.1 200 OK\r\n",
        "X: HTTP/1.1 200\r\n",
        "Content-Length: 2\r\n",
        "\r\n",
        "hi",
    ];
    assert_eq!(get(&lines), "hhhhb");
    assert_eq!(get(&["H", "T", "TP/1.1 204 No\r\n\r\n"]), "hhh");
    // What looks like a header in a body is none.
    assert_eq!(
        get(&["HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n", NO_BODY]),
        "hb"
    );
    // Several messages in a packet, and a body that ends where a header begins.
    assert_eq!(
        get(&[
            "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na",
            "bc"
        ]),
        "hb"
    );
    assert_eq!(
        get(&[
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
            "abcHTTP/1.1 204",
            " No\r\n\r\n"
        ]),
        "hhh"
    );
    // Chunks and trailers are of the body; an interim answer has a header of its own.
    let chunked = [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5\r\nfirst\r\n",
        "0\r\n",
        "X: y\r\n\r\n",
    ];
    assert_eq!(get(&chunked), "hbbb");
    assert_eq!(
        get(&[
            "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n",
            "HTTP/1.1 204 No\r\n\r\n"
        ]),
        "hh"
    );
    // Server-sent events, and a header that is refused or cut off.
    let events = [
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        "data: 1\n\n",
        "data: HTTP/1.1 200 OK\r\n\r\n",
    ];
    assert_eq!(get(&events), "hbb");
    assert_eq!(
        get(&[
            "HTTP/1.1 200 OK\r\nbad name: x\r\n",
            "Content-Length: 2\r\n\r\n",
            "hi"
        ]),
        "hhb"
    );
    assert_eq!(get(&["HTTP/1.1 200 OK\r\nContent-", "Length: "]), "hh");
    assert_eq!(get(&["12:00\n", "HTT"]), "bb");
    assert_eq!(get(&[FIRST, "\r\n"]), "hb");
}

#[test]
fn roles_follow_the_request_and_the_switch() {
    let head = [NO_BODY.as_bytes(), NO_BODY.as_bytes()];
    assert_eq!(server_roles(&[HEAD_B, HEAD_B], &head), "hh");
    assert_eq!(server_roles(&[GET_A, HEAD_B], &head), "hb");
    let frames = [SWITCHING.as_bytes(), UNMASKED, b"\x81\x0fHTTP/1.1 200 OK"];
    assert_eq!(server_roles(&[UPGRADE], &frames), "hbb");
    let tunnel = [ESTABLISHED.as_bytes(), SERVER_HELLO, NO_BODY.as_bytes()];
    assert_eq!(server_roles(&[CONNECT], &tunnel), "hbb");
    let tunnel = [ESTABLISHED.as_bytes(), NO_BODY.as_bytes(), b"body"];
    assert_eq!(server_roles(&[CONNECT, GET_A], &tunnel), "hhb");
}

#[test]
fn roles_are_the_same_whatever_order_the_packets_come_in() {
    let script = || {
        let script = Script::opened().say(Client, GET_A);
        let script = script
            .say_in(Server, 20, FIRST)
            .hear(Client)
            .say(Client, GET_B);
        script.say_in(Server, 20, SECOND).hear(Client).close()
    };
    assert_eq!(roles(&script()), "hhbhhb");
    let swapped = script().swap(4, 5);
    assert_eq!(roles(&swapped), "hhbhhb");
    let packets = script().segments.len();
    let mut twice = script();
    twice.segments.insert(6, twice.segments[5].clone());
    assert_eq!(twice.segments.len(), packets + 1);
    assert_eq!(roles(&twice), "hhrbhhb");
    // What is left of a header whose beginning is lost is not known for one; what is left of the beginning is.
    assert_eq!(roles(&script().lose(4)), "bbhhb");
    assert_eq!(roles(&script().lose(5)), "hbhhb");
}

#[test]
fn odd_talks_are_read_as_the_standards_have_them() {
    for talk in talks::talks() {
        let messages = read_script(&talk.script);
        assert_eq!(told(&messages), talk.told, "{}", talk.name);
    }
}
