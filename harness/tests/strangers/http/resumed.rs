//! Requests that are found again after a hole, with any method.

use super::*;

/// Reads a client's text after a hole, in pieces of all sizes.
fn behind_a_hole(text: &str) -> Vec<Message> {
    let read = |size: usize| {
        let lost = "POST /lost HTTP/1.1\r\nContent-Length: 9\r\n\r\n";
        let script = Script::opened().say_unheard(Client, lost);
        let script = script.say_in(Client, size, text);
        read_script(&script.hear(Server).close())
    };
    let whole = read(usize::MAX);
    for size in [1, 2, 3, 7, 20] {
        assert_eq!(told(&read(size)), told(&whole), "in pieces of {size}");
    }
    whole
}

/// Returns the messages read after the hole, and the bytes in front of them.
fn found(text: &str) -> (String, Vec<String>) {
    let messages = told(&behind_a_hole(text));
    let raw = messages[0]
        .strip_prefix("client raw ")
        .expect("the hole")
        .to_owned();
    (raw, messages[1..].to_vec())
}

#[test]
fn a_request_with_any_method_is_found_behind_a_hole() {
    for method in [
        "GET",
        "PROPFIND",
        "QUERY",
        "MKCALENDAR",
        "VERSION-CONTROL",
        // Not registered, and some of these end in one that is.
        "SUBSCRIBE",
        "M-SEARCH",
        "BPROPFIND",
        "RPC_IN_DATA",
        "BREW",
        "X!#$%&'*+.^_`|~9",
        "purge",
    ] {
        for (target, rest) in [
            ("/x", "Host: h\r\n\r\n"),
            ("/x", "\r\n"),
            ("*", "Host: h\r\n\r\n"),
            ("http://h/x", "Host: h\r\n\r\n"),
        ] {
            let request = format!("{method} {target} HTTP/1.1\r\n{rest}");
            let told = format!("client {method} {target} \"\"");
            // At the hole, and behind the end of the message that began in it.
            for before in ["", "lost: yes\r\n\r\n", "x\nGET\n\n"] {
                let (raw, found) = found(&format!("{before}{request}{GET_B}"));
                assert!(
                    raw.starts_with(&format!("{before:?} ")),
                    "{raw} {method} {before:?}"
                );
                let expected = [told.as_str(), "client GET /b \"\""];
                assert_eq!(found, expected, "{method} {target} {before:?}");
            }
        }
    }
}

/// A registered method is also found right after a body, which has no line end.
#[test]
fn a_registered_method_is_found_right_behind_a_body() {
    for method in ["GET", "POST", "PROPFIND", "REPORT"] {
        for body in ["{\"a\": 1}", "a=1&b=", "lower", "0000"] {
            let (raw, found) = found(&format!("{body}{method} /x HTTP/1.1\r\nHost: h\r\n\r\n"));
            if body == "0000" {
                // This may be a method.
                continue;
            }
            assert!(raw.starts_with(&format!("{body:?} ")), "{raw}");
            assert_eq!(found, [format!("client {method} /x \"\"")]);
        }
    }
}

#[test]
fn a_text_that_speaks_of_requests_has_none() {
    for text in [
        "the log says\r\nSUBSCRIBE /x HTTP/1.1\r\nand nothing more\r\n",
        "FETCH /x HTTP/1.1",
        "FETCH /x HTTP/1.1\r\n",
        "FETCH /x HTTP/1.1\r\nHost",
        "he said FETCH /x HTTP/1.1\r\nHost: h\r\n\r\n",
        "10.0.0.1 - - [28/Nov/2026] \"FETCH /x HTTP/1.1\" 200 5\r\nHost: h\r\n\r\n",
        "FETCH x HTTP/1.1\r\nHost: h\r\n\r\n",
        "FETCH /x y HTTP/1.1\r\nHost: h\r\n\r\n",
        "FETCH /x HTTP/2.0\r\nHost: h\r\n\r\n",
        "FETCH  HTTP/1.1\r\nHost: h\r\n\r\n",
        " FETCH /x HTTP/1.1\r\nHost: h\r\n\r\n",
        "please UPDATE this HTTP/1.1\r\ntext: now\r\n\r\n",
        "\r\nThe request line is\r\nmethod target HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        let (raw, found) = found(text);
        assert!(raw.starts_with(&format!("{text:?} ")), "{raw}");
        assert_eq!(found, [""; 0], "{text:?}");
    }
}
