//! Several clients that stay: who has which cookies, connections and line ends.

use wiresnap::trace::provenance::Provenance;

use crate::live_support::Bench;
use crate::{bench, payloads};

/// The number of times that a listing must come out the same.
const TIMES: usize = 3;

/// Returns a scenario of two guests in browsers, whose page hears by `events` or by `polls`.
fn guests(by: &str) -> String {
    format!(
        r##"description = "two guests, each in a browser of its own"
command = ["python3", "guests.py", "{{host}}", "{{port}}"]

[[client]]
name = "alice"
kind = "firefox"

[[client]]
name = "bob"
kind = "firefox"

[[mark]]
at = 0
open = "/?by={by}"
expect = {{ element = "#who", equals = "guest 1" }}

[[mark]]
at = 1
client = "bob"
open = "/?by={by}"
expect = {{ element = "#who", equals = "guest 2" }}

[[mark]]
at = 2
type = {{ element = "#line", text = "hello" }}

[[mark]]
at = 3
click = "#send"
expect = [
    {{ element = "#said", shows = "1: hello" }},
    {{ client = "bob", element = "#said", equals = "1: hello" }},
]

[[mark]]
at = 4
client = "bob"
reload = true
expect = {{ element = "#who", equals = "guest 2" }}

[[mark]]
at = 5
close = true
"##
    )
}

fn provenance(bench: &Bench, name: &str) -> Provenance {
    let capture = bench.captures().join(name).with_extension("pcap");
    Provenance::read_beside(&capture).unwrap().unwrap()
}

#[test]
fn browsers_have_cookies_of_their_own_and_list_the_same_each_time() {
    let bench = bench();
    for by in ["events", "polls"] {
        bench.scenario(by, &guests(by));
    }
    let listings = |bench: &Bench| {
        bench.run(&["--replace", "events", "polls"]).is(0, &[]);
        ["events", "polls"].map(|by| payloads(bench, by))
    };

    let first = listings(&bench);

    for listing in &first {
        assert!(listing.contains("Cookie: guest=1"), "{listing}");
        assert!(listing.contains("Cookie: guest=2"), "{listing}");
        assert_eq!(listing.matches("Set-Cookie: ").count(), 2, "{listing}");
    }
    for _ in 1..TIMES {
        assert_eq!(listings(&bench), first);
    }
    let marks = provenance(&bench, "polls").marks;
    assert_eq!(marks[3].client.as_deref(), Some("alice"));
    assert_eq!(marks[3].shown.as_deref(), Some("1: hello"));
    assert_eq!(marks[3].shown_by_others["bob"], "1: hello");
    let clients = provenance(&bench, "polls").clients;
    let clients: Vec<_> = clients
        .iter()
        .map(|client| (client.name.as_str(), client.kind.as_str()))
        .collect();
    assert_eq!(clients, [("alice", "firefox"), ("bob", "firefox")]);
}

/// Two netcats that ask a program which counts its bytes, line by line and in turn.
const TALK: &str = r#"description = "two ask for a page"
program = "webapp"

[[client]]
name = "alice"
kind = "nc"
line_end = "crlf"

[[client]]
name = "bob"
kind = "nc"

[[mark]]
at = 0
open = true

[[mark]]
at = 0.5
client = "bob"
open = true

[[mark]]
at = 1
send = "GET / HTTP/1.1"

[[mark]]
at = 1.5
client = "bob"
send = "GET / HTTP/1.1"

[[mark]]
at = 2
send = "Host: a"

[[mark]]
at = 2.5
client = "bob"
send = "Host: b"

[[mark]]
at = 3
send = ""
expect = { shows = "{clock}" }

[[mark]]
at = 3.5
client = "alice"
close = true
expect = { client = "bob", absent = "200 OK" }

[[mark]]
at = 4
client = "bob"
send = ""
expect = { shows = "{clock}" }

[[mark]]
at = 4.5
close = true
"#;

#[test]
fn each_stays_on_its_connection_until_it_is_closed() {
    let bench = bench();
    bench.scenario("loopback", TALK);
    let linked = TALK.replacen("\n[[client]]", "network = \"link\"\n\n[[client]]", 1);
    bench.scenario("linked", &linked);

    bench.run(&["loopback", "linked"]).is(0, &[]);

    for name in ["loopback", "linked"] {
        let certificate = provenance(&bench, name).certificate.unwrap();
        assert!(certificate.confirmed_by_program, "{certificate:?}");
        let sent: Vec<u64> = certificate
            .connections
            .iter()
            .map(|connection| connection.client_bytes)
            .collect();
        assert_eq!(sent, [16 + 9 + 2, 15 + 8 + 1], "{name}");
    }
    let versions = provenance(&bench, "loopback").versions;
    assert!(versions.nc.is_some() && versions.firefox.is_none());
}

/// A relay between two: what one sends, the other gets; when one leaves, it hangs up on the other.
const RELAY: &str = r"
import socket, sys, threading

def pass_on(one, other):
    while text := one.recv(4096):
        other.sendall(text)
    other.shutdown(socket.SHUT_WR)

server = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    one, other = server.accept()[0], server.accept()[0]
    ends = [threading.Thread(target=pass_on, args=ends) for ends in ((one, other), (other, one))]
    for end in ends:
        end.start()
    for end in ends:
        end.join()
    one.close()
    other.close()
";

/// A client that ends when it is hung up on, as not every netcat does.
const LINE: &str = r#"
import os, socket, sys, threading

line = socket.create_connection((sys.argv[1], int(sys.argv[2])))

def send():
    for text in sys.stdin:
        line.sendall(text.encode())

threading.Thread(target=send, daemon=True).start()
while text := line.recv(4096):
    print(text.decode(), end="", flush=True)
# At once: the other thread still reads.
os._exit(0)
"#;

/// Two that a relay joins.
const JOINED: &str = r#"description = "two talk over a relay"
command = ["python3", "relay.py", "{host}", "{port}"]

[[client]]
name = "alice"
kind = "nc"

[[client]]
name = "bob"
kind = "command"

[[mark]]
at = 0
open = true

[[mark]]
at = 0.5
client = "bob"
open = ["python3", "line.py", "{host}", "{port}"]

[[mark]]
at = 1.5
send = "hello"
expect = { client = "bob", equals = "hello" }

[[mark]]
at = 2
client = "bob"
send = "hi"
expect = { client = "alice", equals = "hi" }

[[mark]]
at = 2.5
close = true
"#;

#[test]
fn one_that_is_hung_up_on_when_all_are_closed_is_no_accident() {
    let bench = bench();
    for (name, text) in [("relay.py", RELAY), ("line.py", LINE)] {
        std::fs::write(bench.path("project").join(name), text).unwrap();
    }
    bench.scenario("joined", JOINED);
    let last = "[[mark]]\nat = 2.5\nclose = true\n";
    let alone = JOINED.replacen(
        last,
        "[[mark]]\nat = 2.5\nclient = \"alice\"\nclose = true\n\n[[mark]]\nat = 4\nclose = true\n",
        1,
    );
    bench.scenario("alone", &alone);

    bench
        .run(&["alone"])
        .is(4, &[": bob: python3 ended with exit code 0"]);
    bench.run(&["joined"]).is(0, &[]);

    let listing = payloads(&bench, "joined");
    assert_eq!(listing.matches("hello").count(), 2, "{listing}");
}
