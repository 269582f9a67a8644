//! Messages with a refused head: raw up to their end, which their other fields determine. They use up their requests
//! all the same.

use super::*;

/// Returns an answer: the end of a status line, a field line that cannot be read, and the lines that follow.
fn refused(status: &str, fields: &str, rest: &str) -> String {
    format!("HTTP/1.1 {status}\r\nX-Note : true\r\n{fields}\r\n{rest}")
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Returns the talk in which `answer` is the one to the first of three requests.
fn with_answer(answer: &str) -> Vec<Message> {
    talk(&[
        (Client, GET_A),
        (Server, answer),
        (Client, HEAD_B),
        (Server, NO_BODY),
        (Client, GET_C),
        (Server, THIRD),
    ])
}

fn assert_raw_as_a_whole(answer: &str) {
    let messages = with_answer(answer);
    let raw = format!("server raw {answer:?}");
    assert_eq!(answers(&messages)[0], raw);
    assert_eq!(answers(&messages)[1..], GOES_ON, "{answer:?}");
    let all = format!("{answer}{NO_BODY}{THIRD}");
    let pipelined = talk(&[(Client, &[GET_A, HEAD_B, GET_C].concat()), (Server, &all)]);
    assert_eq!(answers(&pipelined), answers(&messages), "{answer:?}");
}

/// Chunks after a refused head are read to the last (RFC 9112 §7.1, §9.2).
#[test]
fn chunks_behind_a_refused_head_are_read_to_the_last() {
    let inner = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let size = format!("{:x}", inner.len());
    for chunks in [
        "5\r\nfirst\r\n0\r\n\r\n".to_owned(),
        "0\r\n\r\n".to_owned(),
        // What looks like an answer is the chunk's data, an extension, a trailer field's value.
        format!("{size}\r\n{inner}\r\n0\r\n\r\n"),
        "5;a=HTTP/1.1 200 OK\r\nfirst\r\n0\r\n\r\n".to_owned(),
        "5\r\nfirst\r\n0\r\nX: HTTP/1.1 200 OK\r\nY: z\r\n\r\n".to_owned(),
    ] {
        assert_raw_as_a_whole(&refused("200 OK", CHUNKED, &chunks));
    }
}

/// These answers have no body, whatever the fields say (RFC 9112 §6.3).
#[test]
fn a_refused_answer_without_a_body_ends_with_its_head() {
    for status in ["204 No Content", "304 Not Modified"] {
        assert_raw_as_a_whole(&refused(status, CHUNKED, ""));
        assert_raw_as_a_whole(&refused(status, "Content-Length: 400\r\n", ""));
    }
    // An interim answer uses up nothing.
    let messages = talk(&[
        (Client, GET_A),
        (Server, &refused("103 Early Hints", "", "")),
        (Server, FIRST),
        (Client, HEAD_B),
        (Server, &refused("200 OK", CHUNKED, "")),
        (Client, GET_C),
        (Server, THIRD),
    ]);
    let told = answers(&messages);
    assert_eq!(told[1], "server 200 to GET /a \"first\"");
    assert_eq!(told[3], "server 200 to GET /c \"third\"");
}

/// A proxy removes the white space from a response (RFC 9112 §5.1), so the value of such a field is known.
#[test]
fn white_space_in_front_of_the_colon_hides_no_length() {
    let inner = "HTTP/1.1 200 OK\r\n\r\n";
    for answer in [
        format!("HTTP/1.1 200 OK\r\nContent-Length : 19\r\n\r\n{inner}"),
        format!("HTTP/1.1 200 OK\r\nContent-Length\t: 19\r\n\r\n{inner}"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n13\r\n{inner}\r\n0\r\n\r\n"),
    ] {
        assert_raw_as_a_whole(&answer);
    }
    // A server must refuse such a request, so that its length is not known.
    let request = "POST /a HTTP/1.1\r\nContent-Length : 5\r\n\r\nfirst";
    let messages = talk(&[(Client, &format!("{request}{GET_B}"))]);
    assert_eq!(
        told(&messages),
        [
            format!("client raw {request:?}"),
            "client GET /b \"\"".to_owned()
        ]
    );
}

#[test]
fn a_refused_answer_that_says_close_runs_until_then() {
    let inner = "HTTP/1.1 200 OK\r\n\r\n";
    let answer = refused("200 OK", "Connection: close\r\n", inner);
    let messages = talk(&[(Client, GET_A), (Server, &answer)]);
    assert_eq!(answers(&messages), [format!("server raw {answer:?}")]);
    // Where nothing says so, the line that cannot be read may have been the length.
    let answer = refused("200 OK", "", "first");
    assert_raw_as_a_whole(&answer);
}

#[test]
fn a_hole_in_a_refused_answer_is_one_in_its_bytes() {
    let answer = refused("200 OK", CHUNKED, "a\r\n0123456789\r\n0\r\n\r\n");
    let at = answer.find("345").unwrap();
    let script = Script::opened()
        .say(Client, GET_A)
        .say(Server, &answer[..at])
        .say_unheard(Server, &answer[at..at + 3])
        .say(Server, &answer[at + 3..]);
    let messages = read_on(script);
    let whole = format!("server raw {:?} [3 missing]", answer.replace("345", ""));
    assert_eq!(answers(&messages)[0], whole);
    assert_eq!(answers(&messages)[1..], GOES_ON);
    // The last chunk is lost: the next answer is found behind the hole.
    let end = answer.len() - 5;
    let script = Script::opened()
        .say(Client, GET_A)
        .say(Server, &answer[..end])
        .say_unheard(Server, &answer[end..]);
    let messages = read_on(script);
    assert_eq!(answers(&messages)[1], "server raw \"\" [5 missing]");
    assert_eq!(answers(&messages)[2..], GOES_ON);
}

#[test]
fn a_refused_answer_that_is_cut_off_says_so() {
    for (rest, fields, note) in [
        ("5\r\nfi", CHUNKED, "the chunked body has no last chunk"),
        ("5", CHUNKED, "the chunked body has no last chunk"),
        (
            "fi",
            "Content-Length: 5\r\n",
            "the body ends 3 bytes too early",
        ),
    ] {
        let answer = refused("200 OK", fields, rest);
        let messages = talk(&[(Client, GET_A), (Server, &answer)]);
        assert_eq!(answers(&messages), [format!("server raw {answer:?}")]);
        let said = notes(&messages);
        assert!(said.iter().any(|said| said.ends_with(note)), "{said:?}");
    }
    let broken = refused("200 OK", CHUNKED, "5\r\nfirst and more\r\n");
    let messages = with_answer(&broken);
    assert_eq!(answers(&messages)[0], format!("server raw {broken:?}"));
    assert_eq!(answers(&messages)[1..], GOES_ON);
}

#[test]
fn chunks_of_a_refused_request_are_read_to_the_last() {
    let inner = "GET /x HTTP/1.1\r\n\r\n";
    let request = format!(
        "POST /a HTTP/1.1\r\nHost ID: h\r\n{CHUNKED}\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
        inner.len()
    );
    let messages = talk(&[
        (Client, &[&request, HEAD_B, GET_C].concat()),
        (Server, &[FIRST, NO_BODY, THIRD].concat()),
    ]);
    assert_eq!(told(&messages)[0], format!("client raw {request:?}"));
    assert_eq!(answers(&messages)[0], "server 200 to POST /a \"first\"");
    assert_eq!(answers(&messages)[1..], GOES_ON);
}

/// Recipients must anticipate large numbers (RFC 9110 §8.6).
#[test]
fn a_length_of_more_than_64_bits_is_named_and_runs_until_the_close() {
    let note = "RFC 9112 §6.3, offset 0: Content-Length is larger than 64 bits; taken for a body until the close";
    let (least, zeros) = ("18446744073709551616", "0".repeat(30));
    for length in [
        least,
        &format!("{least}, {least}"),
        &format!("{zeros}{least}"),
        &"9".repeat(100),
    ] {
        let answer = FIRST.replace("Length: 5", &format!("Length: {length}"));
        let messages = talk(&[(Client, GET_A), (Server, &[&answer, THIRD].concat())]);
        assert_eq!(
            answers(&messages),
            [format!(
                "server 200 to GET /a {:?}",
                format!("first{THIRD}")
            )]
        );
        assert_eq!(notes(&messages), [note], "{length}");
        let request = format!("POST /a HTTP/1.1\r\nContent-Length: {length}\r\n\r\nfirst{GET_B}");
        let messages = talk(&[(Client, &request)]);
        assert_eq!(
            told(&messages),
            [format!("client POST /a {:?}", format!("first{GET_B}"))]
        );
        assert_eq!(notes(&messages), [note], "{length}");
    }
    for length in [format!("{zeros}5"), format!("5, {zeros}5")] {
        let answer = FIRST.replace("Length: 5", &format!("Length: {length}"));
        assert_eq!(answers(&with_answer(&answer))[1..], GOES_ON);
    }
    let differ = FIRST.replace("Length: 5", &format!("Length: {least}, 5"));
    let messages = talk(&[(Client, GET_A), (Server, &differ)]);
    assert!(notes(&messages)[0].contains("is not one number"));
}
