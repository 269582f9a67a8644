use super::*;
use proptest::prelude::*;

/// The parts of an item that a test needs, without its borrow.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Head(String),
    Body(Vec<u8>),
    Chunk(Vec<u8>),
    Missing(u64),
    End(Vec<u8>),
    Raw(Vec<u8>),
    RawMissing(u64),
    Note(Note),
}

fn add(seen: &mut Vec<Seen>, item: Item<'_>) {
    match (item, seen.last_mut()) {
        (Item::Body(bytes), Some(Seen::Body(before)))
        | (Item::Raw(bytes), Some(Seen::Raw(before))) => before.extend_from_slice(&bytes),
        (Item::Body(bytes), _) => seen.push(Seen::Body(bytes.to_vec())),
        (Item::Raw(bytes), _) => seen.push(Seen::Raw(bytes.to_vec())),
        (Item::Chunk(bytes), _) => seen.push(Seen::Chunk(bytes.to_vec())),
        (Item::Head(head), _) => {
            seen.push(Seen::Head(String::from_utf8_lossy(&head.raw).into_owned()));
            seen.extend(head.notes.into_iter().map(Seen::Note));
        }
        (Item::BodyMissing(count), _) => seen.push(Seen::Missing(count)),
        (Item::RawMissing(count), _) => seen.push(Seen::RawMissing(count)),
        (Item::Refused(head), _) => {
            add(seen, Item::Raw(head.raw.into()));
            seen.extend(head.notes.into_iter().map(Seen::Note));
        }
        (Item::Preamble { bytes, note }, _) => {
            seen.push(Seen::Raw(bytes));
            seen.push(Seen::Note(note));
        }
        (Item::Unreadable { .. } | Item::Lost(_), _) => {}
        (Item::End { trailers }, _) => seen.push(Seen::End(trailers)),
        (Item::Note(note), _) => seen.push(Seen::Note(note)),
    }
}

fn feed(parser: &mut Parser, bytes: &[u8], asked: Option<&Asked>, seen: &mut Vec<Seen>) {
    let mut rest = bytes;
    while let Some(item) = parser.next(&mut rest, asked) {
        add(seen, item);
    }
    assert!(rest.is_empty(), "everything is taken");
}

fn read_with(role: Role, pieces: &[&[u8]], asked: Option<&Asked>) -> Vec<Seen> {
    let mut parser = Parser::new(role);
    let mut seen = Vec::new();
    for piece in pieces {
        feed(&mut parser, piece, asked, &mut seen);
    }
    for item in parser.finish() {
        add(&mut seen, item);
    }
    let total: usize = pieces.iter().map(|piece| piece.len()).sum();
    assert_eq!(parser.offset(), total as u64);
    assert_eq!(wire_of(&seen), pieces.concat(), "no byte is lost");
    seen
}

/// Returns the bytes of all items, one behind the other.
fn wire_of(seen: &[Seen]) -> Vec<u8> {
    let bytes = seen.iter().flat_map(|seen| match seen {
        Seen::Head(text) => text.as_bytes(),
        Seen::Body(bytes) | Seen::Chunk(bytes) | Seen::End(bytes) | Seen::Raw(bytes) => bytes,
        Seen::Missing(_) | Seen::RawMissing(_) | Seen::Note(_) => &[],
    });
    bytes.copied().collect()
}

fn read(role: Role, bytes: &[u8]) -> Vec<Seen> {
    read_with(role, &[bytes], None)
}

fn head(text: &str) -> Seen {
    Seen::Head(text.to_owned())
}

fn body(text: &str) -> Seen {
    Seen::Body(text.into())
}

fn chunk(text: &str) -> Seen {
    Seen::Chunk(text.into())
}

fn end() -> Seen {
    Seen::End(Vec::new())
}

/// Returns the end of a chunked body.
fn end_with(trailers: &str) -> Seen {
    Seen::End(trailers.into())
}

fn rules(seen: &[Seen]) -> Vec<(u64, &'static str)> {
    let note = |seen: &Seen| match seen {
        Seen::Note(note) => Some((note.offset, note.rule)),
        _ => None,
    };
    seen.iter().filter_map(note).collect()
}

fn asked(method: &str) -> Asked {
    Asked {
        method: method.into(),
    }
}

#[test]
fn pipelined_requests_come_one_after_the_other() {
    let seen = read(
        Role::Requests,
        b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.0\r\n\r\n",
    );
    assert_eq!(
        seen,
        [
            head("GET /a HTTP/1.1\r\n\r\n"),
            end(),
            head("POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\n"),
            body("abc"),
            end(),
            head("GET /c HTTP/1.0\r\n\r\n"),
            end(),
        ]
    );
}

#[test]
fn chunks_are_taken_apart_and_trailers_kept() {
    let seen = read(
        Role::Responses,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nWiki\r\nB\r\npedia in \r\n\r\n0\r\nX: y\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    );
    assert_eq!(
        seen[1..],
        [
            chunk("4;a=b\r\n"),
            body("Wiki"),
            chunk("\r\n"),
            chunk("B\r\n"),
            body("pedia in \r\n"),
            chunk("\r\n"),
            chunk("0\r\n"),
            end_with("X: y\r\n\r\n"),
            head("HTTP/1.1 204 No\r\n\r\n"),
            end()
        ]
    );
}

#[test]
fn responses_without_a_body_have_none_whatever_their_fields_say() {
    for (status, method) in [(204, "GET"), (304, "GET"), (103, "GET"), (200, "HEAD")] {
        let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n");
        let asked = asked(method);
        let twice = [text.as_bytes(), text.as_bytes()];
        let seen = read_with(Role::Responses, &twice, Some(&asked));
        assert_eq!(seen, [head(&text), end(), head(&text), end()], "{status}");
    }
}

#[test]
fn a_connect_and_an_upgrade_end_the_http() {
    let asked = asked("CONNECT");
    let text = "HTTP/1.1 200 OK\r\n\r\n";
    let seen = read_with(
        Role::Responses,
        &[text.as_bytes(), b"\x16\x03"],
        Some(&asked),
    );
    assert_eq!(seen, [head(text), Seen::Raw(b"\x16\x03".to_vec())]);
    let text = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    let seen = read(Role::Responses, format!("{text}xyz").as_bytes());
    assert_eq!(seen, [head(text), Seen::Raw(b"xyz".to_vec())]);
}

#[test]
fn a_body_without_a_length_runs_until_the_close() {
    let seen = read(Role::Responses, b"HTTP/1.0 200 OK\r\n\r\nall of it");
    assert_eq!(seen[1..], [body("all of it"), end()]);
}

#[test]
fn transfer_encoding_beats_content_length_and_is_said() {
    let seen = read(
        Role::Responses,
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    );
    assert_eq!(rules(&seen), [(0, "RFC 9112 §6.1")]);
    let last = [chunk("\r\n"), chunk("0\r\n"), end_with("\r\n")];
    assert_eq!(
        seen[2..],
        [&[chunk("1\r\n"), body("x")][..], &last].concat()
    );
}

#[test]
fn lengths_that_differ_are_named() {
    for lengths in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: +3",
        "Content-Length: 3, 4",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nabcdef");
        let seen = read(Role::Responses, text.as_bytes());
        assert_eq!(rules(&seen), [(0, "RFC 9112 §6.3")], "{lengths}");
    }
    let same = b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(rules(&read(Role::Responses, same)), []);
}

#[test]
fn other_protocols_are_raw_from_the_first_byte_and_without_a_word() {
    for text in [
        "time\n",
        "Hello!\nServer time: 09:31:35\n\n",
        "SSH-2.0-x\r\n",
        "\x16\x03\x01",
    ] {
        for role in [Role::Requests, Role::Responses] {
            assert_eq!(
                read(role, text.as_bytes()),
                [Seen::Raw(text.into())],
                "{text:?}"
            );
        }
    }
}

#[test]
fn what_breaks_the_rules_is_raw_with_a_note_of_where_and_taken_up_again() {
    let good = "HTTP/1.1 204 X\r\n\r\n";
    let bad = "HTTP/1.1 200 OK\r\nno colon here\r\n\r\nrubbish";
    let seen = read(Role::Responses, format!("{good}{bad}{good}").as_bytes());
    let at = (good.len() + "HTTP/1.1 200 OK\r\n".len()) as u64;
    let message = good.len() as u64;
    let expected = [(at, "RFC 9112 §5"), (message, "RFC 9112 §6.3")];
    assert_eq!(rules(&seen), expected);
    assert_eq!(seen[seen.len() - 2..], [head(good), end()]);
    let raw: Vec<u8> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Raw(bytes) => Some(bytes.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(raw, bad.as_bytes());
}

#[test]
fn a_broken_chunk_ends_the_message_with_a_note() {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n";
    let seen = read(Role::Responses, text.as_bytes());
    let at = text.find("abcd").unwrap() as u64 + 3;
    assert_eq!(rules(&seen), [(at, "RFC 9112 §7.1")]);
    assert_eq!(seen.last(), Some(&Seen::Raw(b"d\r\n".to_vec())));
}

#[test]
fn a_hole_inside_a_body_is_a_hole_in_the_body() {
    let mut parser = Parser::new(Role::Responses);
    let mut seen = Vec::new();
    let start = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    feed(&mut parser, start, None, &mut seen);
    for item in parser.missing(4) {
        add(&mut seen, item);
    }
    feed(&mut parser, b"xyzHTTP/1.1 204 X\r\n\r\n", None, &mut seen);
    assert_eq!(
        seen[1..],
        [
            body("abc"),
            Seen::Missing(4),
            body("xyz"),
            end(),
            head("HTTP/1.1 204 X\r\n\r\n"),
            end()
        ]
    );
}

#[test]
fn after_a_hole_in_a_head_the_next_start_line_is_found() {
    let mut parser = Parser::new(Role::Requests);
    let mut seen = Vec::new();
    feed(&mut parser, b"GET /a HTTP/1.1\r\nHo", None, &mut seen);
    for item in parser.missing(100) {
        add(&mut seen, item);
    }
    feed(&mut parser, b"lost: yes\r\n\r\nPOST", None, &mut seen);
    feed(&mut parser, b" /b HTTP/1.1\r\n\r\n", None, &mut seen);
    assert_eq!(
        seen,
        [
            Seen::Raw(b"GET /a HTTP/1.1\r\nHo".to_vec()),
            Seen::RawMissing(100),
            Seen::Raw(b"lost: yes\r\n\r\n".to_vec()),
            head("POST /b HTTP/1.1\r\n\r\n"),
            end()
        ]
    );
}

#[test]
fn a_head_without_end_is_let_go() {
    let mut text = b"GET / HTTP/1.1\r\n".to_vec();
    text.extend(b"A: b\r\n".repeat(HEAD_LIMIT));
    let mut parser = Parser::new(Role::Requests);
    let mut seen = Vec::new();
    for piece in text.chunks(1000) {
        feed(&mut parser, piece, None, &mut seen);
        assert!(parser.buffer.len() <= HEAD_LIMIT + START_LINE_LIMIT);
    }
    assert_eq!(rules(&seen), [(0, "RFC 9112 §2.1")]);
}

fn field() -> impl Strategy<Value = String> {
    ("[A-Za-z][A-Za-z0-9-]{0,12}", "[!-~]([ -~]{0,20}[!-~])?")
        .prop_filter(
            "the fields that say the length are given apart",
            |(name, _)| {
                let name = name.to_ascii_lowercase();
                name != "content-length" && name != "transfer-encoding"
            },
        )
        .prop_map(|(name, value)| format!("{name}: {value}\r\n"))
}

prop_compose! {
    /// Generates a response, as it is on the wire and as it must be read.
    fn response()(
        status in 200_u16..204,
        fields in prop::collection::vec(field(), 0..4),
        body in prop::collection::vec(any::<u8>(), 0..60),
        chunk in 0_usize..20,
    ) -> (Vec<u8>, Vec<Seen>) {
        let framing = match chunk {
            0 => format!("Content-Length: {}\r\n", body.len()),
            _ => "Transfer-Encoding: chunked\r\n".to_owned(),
        };
        let text = format!("HTTP/1.1 {status} Fine\r\n{}{framing}\r\n", fields.concat());
        let mut seen = vec![Seen::Head(text)];
        if chunk == 0 {
            seen.extend((!body.is_empty()).then_some(Seen::Body(body)));
            seen.push(Seen::End(Vec::new()));
        } else {
            for piece in body.chunks(chunk) {
                let line = format!("{:x}\r\n", piece.len()).into_bytes();
                seen.extend([Seen::Chunk(line), Seen::Body(piece.to_vec()), Seen::Chunk(b"\r\n".to_vec())]);
            }
            seen.extend([Seen::Chunk(b"0\r\n".to_vec()), Seen::End(b"\r\n".to_vec())]);
        }
        let wire = wire_of(&seen);
        (wire, seen)
    }
}

fn split(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| bytes[pair[0]..pair[1]].to_vec())
        .collect()
}

/// Generates texts from pieces of HTTP, in any order.
fn pieces_of_http() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 34] = [
        "GET /a HTTP/1.1\r\n",
        "BREW /b HTTP/1.1\r\n",
        "BPROPFIND /c HTTP/1.0\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 101 Switching\r\n",
        "HTTP/1.0 204\r\n",
        "Host: h\r\n",
        "Content-Length: 5\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n",
        "no colon\r\n",
        "5\r\nfirst\r\n",
        "0\r\n\r\n",
        "0\r\n",
        "5\r\n",
        "first",
        "PROXY UNKNOWN\r\n",
        "\r\n\r\n\0\r\nQUIT\n",
        "GET",
        "PROPFIND",
        "abc",
        "X",
        " ",
        "/",
        "*",
        "http://",
        " HTTP/1.",
        "1",
        ":",
        "\r\n",
        "\r",
        "\n",
        "\0",
    ];
    let piece = prop::sample::select(&PIECES[..]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn what_was_written_is_read_however_it_is_cut(
        responses in prop::collection::vec(response(), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let wire: Vec<u8> = responses.iter().flat_map(|(wire, _)| wire.clone()).collect();
        let expected: Vec<_> = responses.into_iter().flat_map(|(_, seen)| seen).collect();
        let pieces = split(&wire, &cuts);
        let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(read_with(Role::Responses, &pieces, None), expected);
    }

    #[test]
    fn any_bytes_are_read_the_same_however_they_are_cut(
        words in prop::collection::vec(prop_oneof![
            Just("GET / HTTP/1.1\r\n"), Just("HTTP/1.1 200 OK\r\n"), Just("\r\n"), Just("\n"), Just("A: b\r\n"),
            Just("Content-Length: 4\r\n"), Just("Transfer-Encoding: chunked\r\n"), Just("3\r\nabc\r\n"),
            Just("0\r\n"), Just("HTTP/1."), Just("GET "), Just("x"), Just(" "), Just(": "), Just("\u{fc}"),
        ], 0..14),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        requests in any::<bool>(),
    ) {
        let role = if requests { Role::Requests } else { Role::Responses };
        let wire = words.concat().into_bytes();
        let pieces = split(&wire, &cuts);
        let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(read_with(role, &pieces, None), read(role, &wire));
    }

    #[test]
    fn what_looks_like_http_is_read_the_same_however_it_is_cut(
        parts in prop::collection::vec((pieces_of_http(), 0_u64..20), 1..3),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        begins_lost in any::<bool>(),
        role in prop::sample::select(vec![Role::Requests, Role::Responses]),
        method in prop::option::of(prop::sample::select(vec!["GET", "HEAD"])),
    ) {
        let asked = method.map(asked);
        let read = |cuts: &[prop::sample::Index]| {
            let mut parser = Parser::new(role);
            let mut seen = Vec::new();
            if begins_lost {
                for item in parser.missing(7) {
                    add(&mut seen, item);
                }
            }
            for (bytes, missing) in &parts {
                for piece in split(bytes, cuts) {
                    feed(&mut parser, &piece, asked.as_ref(), &mut seen);
                }
                if *missing > 0 {
                    for item in parser.missing(*missing) {
                        add(&mut seen, item);
                    }
                }
            }
            for item in parser.finish() {
                add(&mut seen, item);
            }
            seen
        };
        let whole = read(&[]);
        prop_assert_eq!(&read(&cuts), &whole);
        let all: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        prop_assert_eq!(wire_of(&whole), all);
    }

    #[test]
    fn no_bytes_and_no_holes_panic(
        pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 0_u64..50), 0..12),
    ) {
        for role in [Role::Requests, Role::Responses] {
            let mut parser = Parser::new(role);
            let mut seen = Vec::new();
            feed(&mut parser, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None, &mut seen);
            for (bytes, hole) in &pieces {
                feed(&mut parser, bytes, None, &mut seen);
                if *hole > 0 {
                    parser.missing(*hole);
                }
            }
            parser.finish();
        }
    }
}

#[test]
fn a_head_without_end_is_read_once_though_each_of_its_lines_could_begin_one() {
    let text = b"HTTP/1.1 200 OK\r\n".repeat(HEAD_LIMIT / 17 * 3);
    for size in [1000, text.len()] {
        let pieces: Vec<_> = text.chunks(size).collect();
        let seen = read_with(Role::Responses, &pieces, None);
        let places: Vec<_> = rules(&seen).into_iter().map(|(at, _)| at).collect();
        // Behind the limit the next line counts; the last head is cut off.
        let next = (HEAD_LIMIT as u64 / 17 + 1) * 17;
        assert_eq!(places[..2], [0, next], "in pieces of {size}");
        assert!(places.len() <= 4, "{places:?}");
    }
}
