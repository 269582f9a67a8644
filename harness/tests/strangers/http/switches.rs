//! Switches from HTTP to WebSocket: bytes after its end, and a lost beginning.

use super::*;

const CLIENT_CLOSE: &[u8] = b"\x88\x82\x01\x02\x03\x04\x02\xea";
const SERVER_CLOSE: &[u8] = b"\x88\x02\x03\xe8";
const AFTER_CLOSE: &str = "bytes behind the close frame that are not a frame; shown raw";

/// Reads a conversation that is switched to WebSocket; returns the messages after the switch.
fn in_websocket(turns: &Turns<'_>) -> (Vec<String>, Vec<String>) {
    let mut all: Vec<(End, &[u8])> =
        vec![(Client, UPGRADE.as_bytes()), (Server, SWITCHING.as_bytes())];
    all.extend(turns);
    let messages = read_talk(&all);
    (told(&messages)[2..].to_vec(), notes(&messages))
}

/// Bytes after a close frame are left over (RFC 6455 §5.5.1).
#[test]
fn what_is_left_over_behind_a_close_is_in_one_piece_at_its_place() {
    for rest in [
        &b"\0\0\0"[..],
        b"\0",
        b"\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        // A frame that only the client may send; a reserved opcode; the rest of a message that has none.
        b"\x81\x85\x01\x02\x03\x04igohn",
        b"\x83\x01x\x81\x01y",
        b"\x80\x02hi\x81\x01y",
        b"\x15\x03\x03\0\x02\x01\0",
    ] {
        let (told, said) = in_websocket(&[
            (Client, MASKED),
            (Server, SERVER_CLOSE),
            (Server, rest),
            (Client, CLIENT_CLOSE),
        ]);
        let raw = format!("server raw {:?}", String::from_utf8_lossy(rest));
        let expected = [
            "client text \"hello\"".to_owned(),
            "server close \"\\u{3}\u{fffd}\"".to_owned(),
            raw,
            "client close \"\\u{3}\u{fffd}\"".to_owned(),
        ];
        assert_eq!(told, expected, "{rest:?}");
        let at = SWITCHING.len() + SERVER_CLOSE.len();
        assert_eq!(
            said,
            [format!("RFC 6455 §5.5.1, offset {at}: {AFTER_CLOSE}")]
        );
    }
}

/// A frame after a close frame stays a frame, with a note; only the bytes after it are left over.
#[test]
fn a_frame_behind_a_close_is_one_too_many() {
    let at = SWITCHING.len() + SERVER_CLOSE.len();
    let too_many =
        |at: usize| format!("RFC 6455 §5.5.1, offset {at}: a frame after the close frame");
    for frame in [
        UNMASKED,
        SERVER_CLOSE,
        b"\x8a\0",
        &[&b"\x82\x7e\0\x7e"[..], &[b'x'; 126]].concat(),
    ] {
        let behind = [SERVER_CLOSE, frame, b"\xff\xff\xff"].concat();
        let (told, said) = in_websocket(&[(Server, &behind)]);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[2].starts_with("server raw "), "{told:?}");
        let left_over = format!(
            "RFC 6455 §5.5.1, offset {}: {AFTER_CLOSE}",
            at + frame.len()
        );
        assert_eq!(said, [too_many(at), left_over]);
    }
}

/// Both sides' turns stay apart.
#[test]
fn the_other_side_may_still_speak_behind_a_close() {
    let (told, said) = in_websocket(&[
        (Client, CLIENT_CLOSE),
        (Server, UNMASKED),
        (Server, SERVER_CLOSE),
        (Client, b"\x01\x02"),
        (Server, b"\0"),
        (Client, b"\x03"),
    ]);
    assert_eq!(told[1], "server text \"world\"");
    assert_eq!(
        told[3..],
        [
            "client raw \"\\u{1}\\u{2}\"",
            "server raw \"\\0\"",
            "client raw \"\\u{3}\""
        ]
    );
    assert_eq!(said.len(), 2, "{said:?}");
}

const UNANSWERED: &str = "this looks like WebSocket frames, but the answer to the request for them is not in the capture, \
                          or cannot be read; shown raw";

#[test]
fn frames_whose_switch_is_lost_are_said_to_look_like_them() {
    for size in [usize::MAX, 3] {
        let script = Script::opened()
            .say(Client, UPGRADE)
            .say_unheard(Server, SWITCHING)
            .say_in(Client, size, MASKED)
            .say_in(Server, size, UNMASKED)
            .say_in(Client, size, MASKED);
        let messages = read_closed(script);
        let said = notes(&messages);
        let at = [UPGRADE.len(), SWITCHING.len()];
        let expected = at.map(|at| format!("offset {at}: {UNANSWERED}"));
        assert_eq!(said, expected, "{:?}", told(&messages));
        let told = told(&messages);
        assert!(
            told[1..].iter().all(|message| message.contains(" raw ")),
            "{told:?}"
        );
    }
    // Not a packet of the server's is there.
    let script = Script::opened()
        .say(Client, UPGRADE)
        .say_unheard(Server, SWITCHING)
        .say(Client, MASKED);
    let messages = read_script(&script.fin(Client));
    assert_eq!(
        notes(&messages),
        [format!("offset {}: {UNANSWERED}", UPGRADE.len())]
    );
}

/// If the server went on with HTTP, the request was refused.
#[test]
fn a_refused_switch_whose_answer_is_lost_goes_on_with_http() {
    let script = Script::opened()
        .say(Client, UPGRADE)
        .say_unheard(Server, FIRST)
        .say(Client, GET_B)
        .say(Server, SECOND);
    let messages = read_on(script);
    assert_eq!(answers(&messages)[1], "server 200 to GET /b \"second\"");
    assert_eq!(answers(&messages)[2..], GOES_ON);
    assert!(
        !notes(&messages)
            .iter()
            .any(|note| note.contains("WebSocket"))
    );
}

/// The head of the answer is refused or cut: the bytes after it are not HTTP, and are reported to look like frames.
#[test]
fn frames_behind_a_switch_that_cannot_be_read_are_raw_and_said_to_look_like_them() {
    let refused = SWITCHING.replace("Connection:", "X Y: z\r\nConnection:");
    let messages = read_talk(&[
        (Client, UPGRADE.as_bytes()),
        (Server, refused.as_bytes()),
        (Client, MASKED),
        (Server, UNMASKED),
    ]);
    let said = notes(&messages);
    let unanswered = said.iter().filter(|note| note.ends_with(UNANSWERED));
    assert_eq!(unanswered.count(), 2, "{said:?}");
}
