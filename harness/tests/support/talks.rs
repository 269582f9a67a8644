//! Conversations in HTTP and WebSocket that are a little odd, or that lack packets; with the right result for each, by
//! RFC 9110, RFC 9112 and RFC 6455.

use super::script::{Client, End, Script, Server};

/// A conversation, and its messages ([`super::reading::told`]).
pub struct Talk {
    pub name: &'static str,
    pub script: Script,
    pub told: &'static [&'static str],
}

/// Returns a conversation of turns, each after the one before was received.
fn say(turns: &[(End, &[u8])]) -> Script {
    let turns = turns.iter();
    turns.fold(Script::opened(), |script, (from, bytes)| {
        script.say(*from, bytes)
    })
}

fn closed(turns: &[(End, &[u8])]) -> Script {
    say(turns).hear(Client).hear(Server).close()
}

#[must_use]
#[allow(clippy::too_many_lines, reason = "a list, entry by entry")]
pub fn talks() -> Vec<Talk> {
    vec![
        Talk {
            name: "lost-204",
            script: Script::opened()
            .say(Client, b"DELETE /a HTTP/1.1\r\nHost: h\r\n\r\n")
            .say_unheard(Server, b"HTTP/1.1 204 No Content\r\n\r\n")
            .say(Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
            .hear(Client).close(),
            told: &[
                "client DELETE /a \"\"",
                "client GET /b \"\"",
                "server raw \"\" [27 missing]",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "lost-304",
            script: Script::opened()
            .say(Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            .say_unheard(Server, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 400\r\n\r\n")
            .say(Client, b"HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n")
            .say(Client, b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird")
            .hear(Client).close(),
            told: &[
                "client GET /a \"\"",
                "client HEAD /b \"\"",
                "server raw \"\" [50 missing]",
                "server 200 to HEAD /b \"\"",
                "client GET /c \"\"",
                "server 200 to GET /c \"third\"",
            ],
        },
        Talk {
            name: "lost-between-heads",
            script: Script::opened()
            .say(Client, b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
            .say(Client, b"HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say_unheard(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
            .say(Client, b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird")
            .hear(Client).close(),
            told: &[
                "client HEAD /a \"\"",
                "server 200 to HEAD /a \"\"",
                "client HEAD /b \"\"",
                "client GET /c \"\"",
                "server raw \"\" [38 missing]",
                "server 200 to GET /c \"third\"",
            ],
        },
        Talk {
            name: "lost-exchange",
            script: Script::opened()
            .say(Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
            .say_unheard(Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say_unheard(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
            .say(Client, b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird")
            .hear(Client).close(),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client raw \"\" [28 missing]",
                "client GET /c \"\"",
                "server raw \"\" [44 missing]",
                "server 200 to GET /c \"third\"",
            ],
        },
        Talk {
            name: "lost-end-of-body",
            script: Script::opened()
            .say(Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfi")
            .say_unheard(Server, b"rst")
            .say(Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
            .hear(Client).close(),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"fi\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "lost-interim",
            script: Script::opened()
            .say(Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            .say_unheard(Server, b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
            .say(Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
            .hear(Client).close(),
            told: &[
                "client GET /a \"\"",
                "server raw \"\" [40 missing]",
                "server 200 to GET /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "lost-request-body",
            script: Script::opened()
            .say(Client, b"POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
            .say_unheard(Client, b"def")
            .say(Client, b"ghi")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
            .say(Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
            .hear(Client).close(),
            told: &[
                "client POST /a \"abcghi\"",
                "server 200 to POST /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "lost-chunk-in-answer",
            script: Script::opened()
            .say(Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc")
            .say_unheard(Server, b"def")
            .say(Server, b"ghi\r\n0\r\n\r\n")
            .say(Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
            .hear(Client).close(),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"abcghi\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "lost-unregistered-method",
            script: Script::opened()
            .say_unheard(Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
            .say(Client, b"SUBSCRIBE /b HTTP/1.1\r\nHost: h\r\n\r\n")
            .say(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
            .hear(Client).close(),
            told: &[
                "server 200 \"first\"",
                "client raw \"\" [28 missing]",
                "client SUBSCRIBE /b \"\"",
                "server 200 to SUBSCRIBE /b \"second\"",
            ],
        },
        Talk {
            name: "pipelined",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nHEAD /b HTTP/1.1\r\nHost: h\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird"),
        ]),
            told: &[
                "client GET /a \"\"",
                "client HEAD /b \"\"",
                "client GET /c \"\"",
                "server 200 to GET /a \"first\"",
                "server 200 to HEAD /b \"\"",
                "server 200 to GET /c \"third\"",
            ],
        },
        Talk {
            name: "two-interim-answers",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 102 Processing\r\n\r\n"),
            (Server, b"HTTP/1.1 199 Odd\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 102 \"\"",
                "server 199 \"\"",
                "server 200 to GET /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "expectation-failed",
            script: closed(&[
            (Client, b"POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (Server, b"HTTP/1.1 100 Continue\r\n\r\n"),
            (Client, b"3\r\nabc\r\n0\r\n\r\n"),
            (Server, b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client POST /a \"abc\"",
                "server 100 \"\"",
                "server 417 to POST /a \"no\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "early-answer",
            script: closed(&[
            (Client, b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc"),
            (Server, b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch"),
            (Client, b"def"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client POST /a \"abcdef\"",
                "server 413 to POST /a \"much\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "head-with-chunked",
            script: closed(&[
            (Client, b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client HEAD /a \"\"",
                "server 200 to HEAD /a \"\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "not-modified-with-chunked",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 304 to GET /a \"\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "reset-content",
            script: closed(&[
            (Client, b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"),
            (Server, b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client POST /a \"ab\"",
                "server 205 to POST /a \"\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "connect-refused",
            script: closed(&[
            (Client, b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
            (Server, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nforbidden"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client CONNECT h:443 \"\"",
                "server 403 to CONNECT h:443 \"forbidden\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "connect-refused-then-tunnel",
            script: closed(&[
            (Client, b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
            (Server, b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nwho?"),
            (Client, b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"),
        ]),
            told: &[
                "client CONNECT h:443 \"\"",
                "server 407 to CONNECT h:443 \"who?\"",
                "client CONNECT h:443 \"\"",
                "server 200 to CONNECT h:443 \"\"",
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
            ],
        },
        Talk {
            name: "upgrade-refused",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 404 to GET /ws \"no\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "upgrade-not-taken-up",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nplain\r\n0\r\n\r\n"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 200 to GET /ws \"plain\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "upgrade-behind-a-request",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Client, b"\x81\x85\x01\x02\x03\x04igohn"),
            (Server, b"\x81\x05world"),
        ]),
            told: &[
                "client GET /a \"\"",
                "client GET /ws \"\"",
                "server 200 to GET /a \"first\"",
                "server 101 to GET /ws \"\"",
                "client text \"hello\"",
                "server text \"world\"",
            ],
        },
        Talk {
            name: "upgrade-with-a-body",
            script: closed(&[
            (Client, b"POST /ws HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nbody"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x81\x05world"),
        ]),
            told: &[
                "client POST /ws \"body\"",
                "server 101 to POST /ws \"\"",
                "server text \"world\"",
            ],
        },
        Talk {
            name: "upgrade-in-split-fields",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: , Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: ,\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x81\x05world"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"world\"",
            ],
        },
        Talk {
            name: "proxy-v2-with-tlvs",
            script: closed(&[
            (Client, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x16\xc0\0\x02\x01\xc0\0\x02\x02\x80\x01\0\x50\x02\0\x01h\x05\0\x03abcGET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"),
            (Client, b"HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"),
        ]),
            told: &[
                "client raw \"\\r\\n\\r\\n\\0\\r\\nQUIT\\n!\\u{11}\\0\\u{16}\u{fffd}\\0\\u{2}\\u{1}\u{fffd}\\0\\u{2}\\u{2}\u{fffd}\\u{1}\\0P\\u{2}\\0\\u{1}h\\u{5}\\0\\u{3}abc\"",
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client HEAD /b \"\"",
                "server 200 to HEAD /b \"\"",
            ],
        },
        Talk {
            name: "trailers-cut-by-fin",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\nX: "),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
            ],
        },
        Talk {
            name: "body-cut-by-fin",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
            ],
        },
        Talk {
            name: "body-cut-by-reset",
            script: say(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst"),
        ])
        .hear(Client)
        .reset(Server),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
            ],
        },
        Talk {
            name: "until-a-reset",
            script: say(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\n\r\nfirst"),
        ])
        .hear(Client)
        .reset(Client),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
            ],
        },
        Talk {
            name: "head-cut-by-fin",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Le"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server raw \"HTTP/1.1 200 OK\\r\\nContent-Le\"",
            ],
        },
        Talk {
            name: "trailers",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0005;a=\"b\"\r\nfirst\r\nA\r\n0123456789\r\n000\r\nX: y\r\nZ: \r\n\r\n"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first0123456789\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "empty-lines-between",
            script: closed(&[
            (Client, b"\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"),
            (Client, b"\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "no-reason",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nfirst"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 \r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "targets",
            script: closed(&[
            (Client, b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            (Client, b"GET http://h/b?c HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client OPTIONS * \"\"",
                "server 200 to OPTIONS * \"\"",
                "client GET http://h/b?c \"\"",
                "server 200 to GET http://h/b?c \"second\"",
            ],
        },
        Talk {
            name: "folded-field",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\nX: one\r\n two\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nY: one\r\n\ttwo\r\nContent-Length: 5\r\n\r\nfirst"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "bare-line-feeds",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\nHost: h\n\n"),
            (Server, b"HTTP/1.1 200 OK\nContent-Length: 5\n\nfirst"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "length-and-chunked",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"),
            (Client, b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "keep-alive-1-0",
            script: closed(&[
            (Client, b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            (Server, b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nfirst"),
            (Client, b"GET /b HTTP/1.0\r\n\r\n"),
            (Server, b"HTTP/1.0 200 OK\r\n\r\nsecond"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first\"",
                "client GET /b \"\"",
                "server 200 to GET /b \"second\"",
            ],
        },
        Talk {
            name: "refused-chunked-answer",
            script: closed(&[
            (Client, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nX-Note : true\r\nTransfer-Encoding: chunked\r\n\r\n13\r\nHTTP/1.1 200 OK\r\n\r\n\r\n0\r\n\r\n"),
            (Client, b"HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"),
            (Client, b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server raw \"HTTP/1.1 200 OK\\r\\nX-Note : true\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n13\\r\\nHTTP/1.1 200 OK\\r\\n\\r\\n\\r\\n0\\r\\n\\r\\n\"",
                "client HEAD /b \"\"",
                "server 200 to HEAD /b \"\"",
                "client GET /c \"\"",
                "server 200 to GET /c \"third\"",
            ],
        },
        Talk {
            name: "ws-fragments-and-ping",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x01\x03Hel\x89\x02hi\x80\x02lo"),
            (Client, b"\x8a\x82\x01\x02\x03\x04ik"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"Hel\"",
                "server ping \"hi\"",
                "server continuation \"lo\"",
                "client pong \"hi\"",
            ],
        },
        Talk {
            name: "ws-reserved-opcodes",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x83\x02ab\x8b\x01c\x81\x01d"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server reserved \"ab\"",
                "server reserved control \"c\"",
                "server text \"d\"",
            ],
        },
        Talk {
            name: "ws-lengths",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x82\x7e\0\x7exxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            (Server, b"\x82\x7f\0\0\0\0\0\0\0\x03abc\x82\x7e\0\x02ab\x82\0"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server binary \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
                "server binary \"abc\"",
                "server binary \"ab\"",
                "server binary \"\"",
            ],
        },
        Talk {
            name: "ws-deflate",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
            (Server, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\0"),
            (Server, b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\0"),
            (Server, b"\x81\x05plain"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"Hello\"",
                "server text \"He\"",
                "server continuation \"llo\"",
                "server text \"plain\"",
            ],
        },
        Talk {
            name: "ws-deflate-cut",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
            (Server, b"\xc1\x07\xf2\x48\xcd"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"He\"",
            ],
        },
        Talk {
            name: "ws-in-the-switching-packet",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x05world"),
            (Client, b"\x81\x85\x01\x02\x03\x04igohn"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"world\"",
                "client text \"hello\"",
            ],
        },
        Talk {
            name: "ws-left-over",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x88\x02\x03\xe8\0\0\0"),
            (Client, b"\x88\x82\x01\x02\x03\x04\x02\xea"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server close \"\\u{3}\u{fffd}\"",
                "server raw \"\\0\\0\\0\"",
                "client close \"\\u{3}\u{fffd}\"",
            ],
        },
        Talk {
            name: "ws-frame-cut-by-fin",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x81\x05wor"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"wor\"",
            ],
        },
        Talk {
            name: "ws-lost-frame",
            script: Script::opened()
            .say(Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            .say(Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            .say(Server, b"\x81\x03one")
            .say_unheard(Server, b"\x81\x03two")
            .say(Server, b"\x81\x05three")
            .hear(Client).close(),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"one\"",
                "server raw \"\" [5 missing]",
                "server text \"three\"",
            ],
        },
        Talk {
            name: "ws-lost-switch",
            script: Script::opened()
            .say(Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            .say_unheard(Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            .say(Client, b"\x81\x85\x01\x02\x03\x04igohn")
            .say(Server, b"\x81\x05world")
            .hear(Client).close(),
            told: &[
                "client GET /ws \"\"",
                "client raw \"\u{fffd}\u{fffd}\\u{1}\\u{2}\\u{3}\\u{4}igohn\"",
                "server raw \"\u{fffd}\\u{5}world\" [129 missing]",
            ],
        },
        Talk {
            name: "http-0-9",
            script: closed(&[
            (Client, b"GET /\r\n"),
            (Server, b"<html>old</html>"),
        ]),
            told: &[
                "client raw \"GET /\\r\\n\"",
                "server raw \"<html>old</html>\"",
            ],
        },
        Talk {
            name: "until-close-1-0",
            script: closed(&[
            (Client, b"GET /a HTTP/1.0\r\n\r\n"),
            (Server, b"HTTP/1.0 200 OK\r\n\r\nfirst "),
            (Server, b"and more"),
        ]),
            told: &[
                "client GET /a \"\"",
                "server 200 to GET /a \"first and more\"",
            ],
        },
        Talk {
            name: "lines-of-json-in-chunks",
            script: closed(&[
            (Client, b"GET /n HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (Server, b"8\r\n{\"n\":0}\n\r\n"),
            (Server, b"8\r\n{\"n\":1}\n\r\n"),
            (Server, b"0\r\n\r\n"),
        ]),
            told: &[
                "client GET /n \"\"",
                "server 200 to GET /n \"{\\\"n\\\":0}\\n{\\\"n\\\":1}\\n\"",
            ],
        },
        Talk {
            name: "h2c-offer-ignored",
            script: closed(&[
            (Client, b"POST /a HTTP/1.1\r\nContent-Length: 4\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n\r\nDATA"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"),
            (Client, b"HEAD /b HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"),
            (Client, b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird"),
        ]),
            told: &[
                "client POST /a \"DATA\"",
                "server 200 to POST /a \"first\"",
                "client HEAD /b \"\"",
                "server 200 to HEAD /b \"\"",
                "client GET /c \"\"",
                "server 200 to GET /c \"third\"",
            ],
        },
        Talk {
            name: "upgrade-required-then-retry",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\nno"),
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02hi"),
            (Client, b"\x81\x82\x01\x02\x03\x04xm"),
            (Client, b"\x88\x80\x01\x02\x03\x04"),
            (Server, b"\x88\0"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 426 to GET /ws \"no\"",
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"hi\"",
                "client text \"yo\"",
                "client close \"\"",
                "server close \"\"",
            ],
        },
        Talk {
            name: "ws-no-connection-field",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x81\x02hi"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"hi\"",
            ],
        },
        Talk {
            name: "ws-frames-before-the-answer",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Client, b"\x81\x85\x01\x02\x03\x04dcqhx"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x81\x02hi"),
            (Client, b"\x88\x80\x01\x02\x03\x04"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "client text \"early\"",
                "server 101 to GET /ws \"\"",
                "server text \"hi\"",
                "client close \"\"",
            ],
        },
        Talk {
            name: "ws-wrong-accept",
            script: closed(&[
            (Client, b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            (Server, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            (Server, b"\x81\x02hi"),
        ]),
            told: &[
                "client GET /ws \"\"",
                "server 101 to GET /ws \"\"",
                "server text \"hi\"",
            ],
        },
        Talk {
            name: "odd-chunks",
            script: closed(&[
            (Client, b"GET /pad HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5   \r\nfirst\r\n0   \r\n\r\n"),
            (Client, b"GET /lf HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nfirst\n0\n\n"),
            (Client, b"GET /end HTTP/1.1\r\nHost: h\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
        ]),
            told: &[
                "client GET /pad \"\"",
                "server 200 to GET /pad \"first\"",
                "client GET /lf \"\"",
                "server 200 to GET /lf \"first\"",
                "client GET /end \"\"",
                "server 200 to GET /end \"0\\r\\n\\r\\n\"",
            ],
        },
    ]
}
