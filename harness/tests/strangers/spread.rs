//! Pages whose parts a browser fetches over one connection or several, by chance.

use std::fs;
use std::path::{Path, PathBuf};

use super::run::{printed, wiresnap};
use super::support::file::{Packet, RAW, pcap};
use super::support::script::{Client, Script, Server};
use super::workspace;
use wiresnap::listing::listing;

/// The time at which mark 0 was due.
const START: u64 = 1_000_000_000_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// A request with its answer.
#[derive(Clone, Copy)]
struct Exchange {
    target: &'static str,
    body: &'static str,
}

const PAGE: Exchange = Exchange {
    target: "/index.html",
    body: "<script src=app.js></script>\n",
};

const PARTS: [Exchange; 4] = [
    Exchange {
        target: "/app.js",
        body: "run()\n",
    },
    Exchange {
        target: "/icon.svg",
        body: "<svg/>\n",
    },
    Exchange {
        target: "/app.js",
        body: "run()\n",
    },
    Exchange {
        target: "/Zoo.css",
        body: "p { color: green }\n",
    },
];

/// A capture that is being written, packet by packet, on several connections.
struct Recorder {
    connections: Vec<(Script, usize)>,
    packets: Vec<Packet>,
    time: u64,
}

impl Recorder {
    fn new() -> Self {
        Self {
            connections: Vec::new(),
            packets: Vec::new(),
            time: START + 20 * MILLISECOND,
        }
    }

    /// Continues a connection, which is opened if it is new.
    fn on(&mut self, connection: usize, more: impl FnOnce(Script) -> Script) {
        while self.connections.len() <= connection {
            let client = format!("10.0.0.1:{}", 50_000 + self.connections.len());
            let script = Script::between(&client, "10.0.0.2:8000").open();
            self.connections.push((script, 0));
        }
        let (script, sent) = &mut self.connections[connection];
        *script = more(script.clone());
        for segment in &script.segments[*sent..] {
            self.packets.push(Packet::new(self.time, segment.in_ip()));
            self.time += MILLISECOND;
        }
        *sent = script.segments.len();
    }

    fn exchange(&mut self, connection: usize, exchange: Exchange, destination: &str) {
        let Exchange { target, body } = exchange;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: {destination}\r\n\r\n"
        );
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.on(connection, |script| {
            script.say(Client, request).say(Server, answer)
        });
    }

    /// Loads the page at a mark: its parts in this order, each on the connection that chance gave it.
    fn load(&mut self, mark: u64, order: &[usize], connections: &[usize]) {
        self.time = self.time.max(START + mark * 10_000 * MILLISECOND);
        self.exchange(0, PAGE, "document");
        for (part, connection) in order.iter().zip(connections) {
            self.exchange(*connection, PARTS[*part], "script");
        }
    }

    fn keep(mut self, folder: &Path, name: &str) -> PathBuf {
        for connection in 0..self.connections.len() {
            self.on(connection, Script::close);
        }
        let path = folder.join(format!("{name}.pcap"));
        fs::write(&path, pcap(RAW, &self.packets)).unwrap();
        let known = fs::read(workspace::root().join("pcap/webapp.json")).unwrap();
        let mut known: serde_json::Value = serde_json::from_slice(&known).unwrap();
        known["started"] = "2001-09-09T01:46:40Z".into();
        fs::write(path.with_extension("json"), known.to_string()).unwrap();
        path
    }
}

/// Writes a capture of the same page, loaded twice.
fn twice(folder: &Path, name: &str, loads: [(&[usize], &[usize]); 2]) -> PathBuf {
    let mut recorder = Recorder::new();
    for (mark, (order, connections)) in (0..).zip(loads) {
        recorder.load(mark, order, connections);
    }
    recorder.keep(folder, name)
}

/// The results of chance: the order of the parts, and the connection of each.
const CHANCES: [[(&[usize], &[usize]); 2]; 5] = [
    [(&[0, 1, 2, 3], &[0; 4]), (&[0, 1, 2, 3], &[0; 4])],
    [
        (&[0, 1, 2, 3], &[1, 2, 3, 0]),
        (&[0, 1, 2, 3], &[0, 1, 0, 1]),
    ],
    [
        (&[3, 1, 2, 0], &[0, 0, 1, 1]),
        (&[1, 0, 3, 2], &[2, 0, 1, 2]),
    ],
    [
        (&[2, 3, 0, 1], &[1, 1, 1, 1]),
        (&[2, 0, 1, 3], &[0, 0, 0, 0]),
    ],
    [
        (&[1, 3, 0, 2], &[0, 1, 2, 3]),
        (&[3, 2, 1, 0], &[3, 2, 1, 0]),
    ],
];

#[test]
fn the_reviewed_listing_does_not_tell_which_connection_took_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let listings: Vec<String> = (0..)
        .zip(CHANCES)
        .map(|(number, loads)| twice(folder.path(), &format!("page-{number}"), loads))
        .map(|path| listing(&path, true).unwrap())
        .collect();
    insta::assert_snapshot!(listings[0]);
    for (number, listing) in (0..).zip(&listings) {
        assert_eq!(listings[0], *listing, "run {number}");
    }
}

/// A stream of events goes on until its page is left, so that its body has no last chunk.
#[test]
fn a_stream_that_ends_with_its_page_is_listed_apart_whichever_connection_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let chances: [(&[usize], usize); 3] = [(&[0; 4], 0), (&[1, 2, 1, 0], 1), (&[1, 2, 2, 1], 2)];
    let paths = chances.map(|(connections, stream)| {
        let mut recorder = Recorder::new();
        recorder.load(0, &[0, 1, 2, 3], connections);
        recorder.on(stream, |script| {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
            script
                .say(Client, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .say(Server, format!("{head}d\r\ndata: hello\n\n\r\n"))
        });
        recorder.keep(folder.path(), &format!("stream-{stream}"))
    });
    let listings = paths.each_ref().map(|path| listing(path, true).unwrap());
    let (pages, events) = listings[0].split_once("Events from /events").unwrap();
    assert_eq!(pages.matches("GET /").count(), 5, "{pages}");
    assert!(events.contains("has no last chunk"), "{events}");
    for (listing, path) in listings.iter().zip(&paths) {
        assert_eq!(listings[0], *listing, "{}", path.display());
        let (code, said) = diff(&[], &paths[0], path);
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn every_byte_of_an_exchange_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = twice(folder.path(), "page", CHANCES[2]);
    let reviewed = listing(&path, true).unwrap();
    let capture = fs::read(&path).unwrap();
    for exchange in PARTS.iter().chain([&PAGE]) {
        for text in [exchange.target, exchange.body] {
            let places = memchr::memmem::find_iter(&capture, text);
            for place in places {
                let mut other = capture.clone();
                other[place + 1] ^= 1;
                fs::write(&path, &other).unwrap();
                assert_ne!(listing(&path, true).unwrap(), reviewed, "{text} at {place}");
            }
        }
    }
}

#[test]
fn a_capture_of_which_nothing_more_is_known_is_listed_by_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = twice(folder.path(), "page", CHANCES[1]);
    fs::remove_file(path.with_extension("json")).unwrap();
    let by_connection = printed(&wiresnap(&["payload", "--redact"], &[&path]));
    assert_eq!(listing(&path, true).unwrap(), by_connection);
    assert!(by_connection.contains("Connection 4: "));
}

/// Returns the exit code of `diff`, and its output.
fn diff(arguments: &[&str], old: &Path, new: &Path) -> (Option<i32>, String) {
    let output = wiresnap(&[&["diff"], arguments].concat(), &[old, new]);
    (output.status.code(), printed(&output))
}

fn json(old: &Path, new: &Path) -> serde_json::Value {
    serde_json::from_str(&diff(&["--format", "json"], old, new).1).unwrap()
}

/// Asserts that the differences of all kinds add up to that of the totals.
fn assert_adds_up(difference: &serde_json::Value) {
    for figure in [
        "total_packets",
        "app_packets",
        "frame_bytes",
        "tcp_bytes",
        "app_bytes",
    ] {
        let kinds = difference["kinds"].as_array().unwrap();
        let kinds = kinds
            .iter()
            .map(|kind| kind["difference"][figure].as_i64().unwrap());
        let total = difference["difference"][figure].as_i64().unwrap();
        assert_eq!(kinds.sum::<i64>(), total, "{figure}");
    }
}

#[test]
fn which_connection_took_a_request_is_volatile() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..)
        .zip(CHANCES)
        .map(|(number, loads)| twice(folder.path(), &format!("page-{number}"), loads))
        .collect();
    for (one, old) in (0..).zip(&paths) {
        for (other, new) in (0..).zip(&paths) {
            let (code, said) = diff(&[], old, new);
            assert_eq!(code, Some(0), "{one} and {other}: {said}");
            let difference = json(old, new);
            let verdict = if one == other {
                "identical"
            } else {
                "volatile"
            };
            assert_eq!(difference["verdict"], verdict, "{one} and {other}: {said}");
            assert_adds_up(&difference);
        }
    }
    insta::assert_snapshot!(
        diff(&["--volatile"], &paths[0], &paths[1])
            .1
            .replace(folder.path().to_str().unwrap(), "FOLDER")
    );
}

#[test]
fn every_byte_of_an_exchange_on_another_connection_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let old = twice(folder.path(), "old", CHANCES[0]);
    let new = twice(folder.path(), "new", CHANCES[2]);
    let capture = fs::read(&new).unwrap();
    for exchange in PARTS.iter().chain([&PAGE]) {
        for text in [exchange.target, exchange.body] {
            for place in memchr::memmem::find_iter(&capture, text) {
                let mut other = capture.clone();
                other[place + 1] ^= 1;
                fs::write(&new, &other).unwrap();
                assert_eq!(diff(&[], &old, &new).0, Some(1), "{text} at {place}");
                assert_adds_up(&json(&old, &new));
            }
        }
    }
}

#[test]
fn a_request_more_is_told_whichever_connection_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let old = twice(folder.path(), "old", CHANCES[1]);
    let new = twice(
        folder.path(),
        "new",
        [CHANCES[2][0], (&[1, 0, 3, 2, 1], &[2, 0, 1, 2, 3])],
    );
    let (code, said) = diff(&[], &old, &new);
    assert_eq!(code, Some(1));
    assert_eq!(
        said.matches("message added: GET /icon.svg").count(),
        1,
        "{said}"
    );
    assert_adds_up(&json(&old, &new));
}

#[test]
fn another_tcp_stack_is_told_whichever_connections_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let old = twice(folder.path(), "old", CHANCES[1]);
    let mut recorder = Recorder::new();
    for connection in 0..3 {
        recorder.on(connection, |script| script.hear(Client));
    }
    // The window of every SYN.
    for (script, _) in &mut recorder.connections {
        script.segments[0].window = 1000;
    }
    let syns = recorder
        .connections
        .iter()
        .map(|(script, _)| script.segments[0].in_ip());
    let syns: Vec<Vec<u8>> = syns.collect();
    for (number, syn) in (0..).zip(syns) {
        recorder.packets[4 * number].bytes = syn;
    }
    for (mark, (order, connections)) in (0..).zip(CHANCES[2]) {
        recorder.load(mark, order, connections);
    }
    let new = recorder.keep(folder.path(), "new");
    let (code, said) = diff(&[], &old, &new);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("window in the SYN of the client"), "{said}");
    assert_adds_up(&json(&old, &new));
}

/// A project in which `/poll` is said to be repeated, in this scenario's captures.
fn project(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = folder.path();
    let text = "scenarios = \"s\"\ncaptures = \".\"\nsnapshots = \"snap\"\ndocs = \"docs\"\n";
    fs::write(root.join("wiresnap.toml"), text).unwrap();
    fs::create_dir(root.join("s")).unwrap();
    for name in names {
        let scenario = root.join("s").join(name).with_extension("toml");
        fs::write(scenario, "repeats = [\"/poll\", \"/status\"]\n").unwrap();
    }
    folder
}

/// The answer to a poll.
const NOTHING: &str = "nothing new\n";
const NEWS: &str = "news\n";

/// A page that polls: what each poll after each mark is answered, on one of so many connections.
fn polls(folder: &Path, name: &str, marks: [&[&'static str]; 2], connections: usize) -> PathBuf {
    let mut recorder = Recorder::new();
    recorder.load(0, &[0, 1], &[0, 0]);
    let mut number = 0;
    for (mark, bodies) in (0..).zip(marks) {
        recorder.time = recorder.time.max(START + mark * 10_000 * MILLISECOND);
        for body in bodies {
            let target = "/poll?t=1";
            recorder.exchange(number % connections, Exchange { target, body }, "empty");
            number += 1;
        }
    }
    recorder.keep(folder, name)
}

/// Runs in which chance repeated the polls.
const REPETITIONS: [([&[&str]; 2], usize); 4] = [
    ([&[NOTHING], &[NOTHING, NEWS]], 1),
    ([&[NOTHING; 5], &[NOTHING, NEWS]], 3),
    ([&[NOTHING; 2], &[NOTHING, NOTHING, NOTHING, NEWS]], 1),
    ([&[NOTHING; 40], &[NOTHING, NEWS, NEWS]], 2),
];

#[test]
fn what_is_said_to_be_repeated_is_listed_once_per_mark() {
    let folder = project(&["a", "b", "c", "d"]);
    let names = ["a", "b", "c", "d"].into_iter();
    let paths: Vec<PathBuf> = names
        .zip(REPETITIONS)
        .map(|(name, (marks, connections))| polls(folder.path(), name, marks, connections))
        .collect();
    let listings: Vec<String> = paths
        .iter()
        .map(|path| listing(path, true).unwrap())
        .collect();
    insta::assert_snapshot!(listings[0]);
    for (one, old) in (0..).zip(&paths) {
        assert_eq!(listings[0], listings[one]);
        for (other, new) in (0..).zip(&paths) {
            let (code, said) = diff(&[], old, new);
            assert_eq!(code, Some(0), "{one} and {other}: {said}");
            assert_adds_up(&json(old, new));
        }
    }
    let (_, said) = diff(&["--volatile"], &paths[0], &paths[2]);
    assert!(said.contains("repeated message"), "{said}");
}

#[test]
fn a_repetition_that_says_something_else_is_told() {
    let folder = project(&["a", "b"]);
    let folder = folder.path();
    let old = polls(folder, "a", REPETITIONS[1].0, 1);
    let reviewed = listing(&old, true).unwrap();
    let capture = fs::read(&old).unwrap();
    for text in [NOTHING, "/poll?t", "empty"] {
        for place in memchr::memmem::find_iter(&capture, text) {
            let mut other = capture.clone();
            other[place + 2] ^= 1;
            let new = folder.join("b.pcap");
            fs::write(&new, &other).unwrap();
            fs::copy(old.with_extension("json"), new.with_extension("json")).unwrap();
            assert_ne!(listing(&new, true).unwrap(), reviewed, "{text} at {place}");
            assert_eq!(diff(&[], &old, &new).0, Some(1), "{text} at {place}");
        }
    }
    // None at all after a mark is no repetition.
    let none = polls(folder, "b", [&[], &[NOTHING, NEWS]], 1);
    assert_ne!(listing(&none, true).unwrap(), reviewed);
    // Of what was not said to be repeated, the number counts.
    let unknown = polls(folder, "c", REPETITIONS[0].0, 1);
    let more = polls(folder, "d", REPETITIONS[1].0, 1);
    assert_ne!(
        listing(&unknown, true).unwrap(),
        listing(&more, true).unwrap()
    );
    assert_eq!(diff(&[], &unknown, &more).0, Some(1));
}

#[test]
fn a_client_that_is_no_browser_may_repeat_itself_too() {
    let folder = project(&["a", "b"]);
    let paths: Vec<PathBuf> = ["a", "b"]
        .into_iter()
        .zip(REPETITIONS)
        .map(|(name, (marks, _))| polls(folder.path(), name, marks, 1))
        .collect();
    for path in &paths {
        let beside = path.with_extension("json");
        let known = fs::read(&beside).unwrap();
        let mut known: serde_json::Value = serde_json::from_slice(&known).unwrap();
        known["versions"]["firefox"].take();
        fs::write(&beside, known.to_string()).unwrap();
    }
    let [one, other] = [0, 1].map(|number| listing(&paths[number], true).unwrap());
    assert_eq!(one, other);
    assert!(one.find("/app.js").unwrap() < one.find("/poll").unwrap());
}

#[test]
fn how_long_a_client_polls_while_it_is_closed_is_chance() {
    let folder = project(&["a", "b"]);
    let target = "/poll?t=1";
    let poll = Exchange {
        target,
        body: NOTHING,
    };
    let begun = || {
        let mut recorder = Recorder::new();
        recorder.load(0, &[0], &[0]);
        recorder.time = START + 30_000 * MILLISECOND;
        recorder.exchange(0, poll, "empty");
        recorder
    };
    let old = begun().keep(folder.path(), "a");
    let mut recorder = begun();
    // The last mark, which closes.
    recorder.time = START + 40_000 * MILLISECOND;
    recorder.exchange(0, poll, "empty");
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: empty\r\n\r\n");
    recorder.on(0, |script| script.say(Client, request));
    let new = recorder.keep(folder.path(), "b");
    assert_eq!(listing(&old, true).unwrap(), listing(&new, true).unwrap());
    let (code, said) = diff(&[], &old, &new);
    assert_eq!(code, Some(0), "{said}");
}
