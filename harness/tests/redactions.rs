//! A project's own rules, wherever a capture is shown; warnings about credentials; the rules that `learn` proposes for
//! existing captures.

mod support;
mod workspace;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use support::file::{ETHERNET, paced, pcap};
use support::network::ethernet;
use support::script::{Client, Script, Server};
use tempfile::TempDir;
use workspace::{Said, wiresnap};

/// The values that differ in each run.
const RUNS: [[&str; 3]; 3] = [
    ["9f86d081884c7d65", "4711", "Zm9vYmFyYmF6MDEyMw"],
    ["b1c2d3e4f5a69788", "81", "cXV1eF9ibGFoLTk4Nw"],
    ["00112233aabbccdd", "5", "aaaaBBBBccccDDDD-_"],
];

const SESSION: &str = "[[redact]]\nname = \"session\"\npattern = 'session=([0-9a-f]{16})'\n";
const REQUEST: &str = "[[redact]]\nname = \"request\"\npattern = 'X-Request-Id: ([0-9]+)'\nplaceholder = \"<request>\"\n";
const TOKEN: &str = "[[redact]]\nname = \"token\"\npattern = '\"token\":\"([\\w-]{18})'\n";
const SECRET: &str = "secret = true\n";

/// Returns a capture of a login: a session, repeated in a compressed answer and in a masked frame.
fn capture([session, request, token]: [&str; 3]) -> Vec<u8> {
    let ask = "GET /login HTTP/1.1\r\nHost: h:8000\r\n\r\n";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nX-Request-Id: {request}\r\nSet-Cookie: session={session}; Path=/\r\nContent-Length: 30\r\n\r\n{{\"token\":\"{token}\"}}"
    );
    let again = format!(
        "GET /?session={session} HTTP/1.1\r\nHost: h:8000\r\nCookie: session={session}\r\n\r\n"
    );
    let coded = gzip(format!("your session={session}\n").as_bytes());
    let coded_head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        coded.len()
    );
    let switch = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let frame = masked(format!("session={session}").as_bytes());
    let talk: [(_, Vec<u8>); 8] = [
        (Client, ask.into()),
        (Server, answer.into()),
        (Client, again.into()),
        (Server, [coded_head.as_bytes(), &coded].concat()),
        (Client, switch.into()),
        (Server, switched.into()),
        (Client, frame),
        (Server, vec![0x88, 0]),
    ];
    let mut script = Script::opened();
    let mut sent = [0_u32; 2];
    for (from, bytes) in talk {
        script = script.data(from, sent[from as usize], &bytes);
        sent[from as usize] += u32::try_from(bytes.len()).unwrap();
        let peer = if from == Client { Server } else { Client };
        script = script.ack(peer, sent[from as usize]);
    }
    pcap(
        ETHERNET,
        &paced(
            script
                .close()
                .packets()
                .iter()
                .map(|packet| ethernet(packet)),
        ),
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    coder.write_all(bytes).unwrap();
    coder.finish().unwrap()
}

fn masked(payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x81, 0x80 | u8::try_from(payload.len()).unwrap()];
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

/// Creates a project with a capture of each run, `run1` and so on; `run1` is that of a scenario.
fn project(rules: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    };
    let config = "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";
    write("wiresnap.toml", format!("{config}\n{rules}").as_bytes());
    for (number, run) in (1..).zip(RUNS) {
        write(&format!("pcap/run{number}.pcap"), &capture(run));
    }
    write("scenarios/run1.toml", SCENARIO.as_bytes());
    folder
}

const SCENARIO: &str = "description = \"x\"\ncommand = [\"true\"]\nclient = \"command\"\n[[mark]]\nat = 0\nrun = [\"true\"]\n";

fn out(project: &TempDir, arguments: &[&str]) -> String {
    let Said { code, out, error } = wiresnap(project.path(), arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {out}{error}");
    out
}

#[test]
fn own_rules_hide_what_they_name_in_every_form_of_a_listing() {
    let project = project(&[SESSION, REQUEST, TOKEN].join("\n"));
    let listings: Vec<String> = ["run1", "run2", "run3"]
        .map(|name| {
            out(
                &project,
                &["payload", "--redact", &format!("pcap/{name}.pcap")],
            )
        })
        .into();
    workspace::settings().bind(|| insta::assert_snapshot!("redactions-listing", listings[0]));
    assert_eq!(listings[0], listings[1]);
    assert_eq!(listings[0], listings[2]);

    for arguments in [["--redact", "--format=json"], ["--redact", "--explain"]] {
        let shown = out(
            &project,
            &["payload", arguments[0], arguments[1], "pcap/run1.pcap"],
        );
        for value in RUNS[0] {
            assert!(!shown.contains(value), "{value} in {shown}");
        }
    }
    // Nobody asked for it here.
    let plain = out(&project, &["payload", "pcap/run1.pcap"]);
    assert!(plain.contains(RUNS[0][0]), "{plain}");
}

#[test]
fn the_rules_of_a_scenario_are_for_its_captures_alone() {
    let project = project("");
    let scenario = project.path().join("scenarios/run1.toml");
    fs::write(&scenario, format!("{SCENARIO}\n{SESSION}")).unwrap();
    for (name, is_hidden) in [("run1", true), ("run2", false)] {
        let listing = out(
            &project,
            &["payload", "--redact", &format!("pcap/{name}.pcap")],
        );
        assert_eq!(
            listing.contains("session=<session.......>"),
            is_hidden,
            "{listing}"
        );
    }
}

/// Returns the session as text, in hexadecimal, in base64, and in its masked form.
fn forms_of_the_session() -> Vec<String> {
    let session = RUNS[0][0];
    let hex = |bytes: &[u8]| {
        let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ")
    };
    let frame = masked(format!("session={session}").as_bytes());
    vec![
        session.to_owned(),
        session[4..12].to_owned(),
        hex(&session.as_bytes()[..6]),
        hex(&frame[14..20]),
        hex(&gzip(format!("your session={session}\n").as_bytes())[20..26]),
    ]
}

#[test]
fn a_secret_is_in_nothing_that_is_written() {
    let project = project(&format!("{SESSION}{SECRET}"));
    let page = "<!-- wiresnap: payload pcap/run1.pcap -->\n<!-- /wiresnap -->\n\n<!-- wiresnap: hex pcap/run1.pcap -->\n<!-- /wiresnap -->\n\n<!-- wiresnap: frame --frame C1 pcap/run1.pcap -->\n<!-- /wiresnap -->\n\n<!-- wiresnap: diagram pcap/run1.pcap -->\n<!-- /wiresnap -->\n\n<!-- wiresnap: diff pcap/run1.pcap pcap/run2.pcap -->\n<!-- /wiresnap -->\n";
    fs::create_dir(project.path().join("docs")).unwrap();
    let page = page.replace("--frame C1 pcap/run1.pcap", "pcap/run1.pcap C1");
    fs::write(project.path().join("docs/page.md"), page).unwrap();
    out(&project, &["docs"]);
    out(&project, &["report", "--out", "docs/report.html"]);
    out(&project, &["accept", "--all"]);
    let mut written: Vec<(String, String)> = Vec::new();
    for folder in ["docs", "snapshots"] {
        for entry in fs::read_dir(project.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            written.push((
                path.display().to_string(),
                fs::read_to_string(path).unwrap(),
            ));
        }
    }
    for arguments in [
        &["payload", "pcap/run1.pcap"][..],
        &["payload", "--explain", "pcap/run1.pcap"],
        &["payload", "--format=json", "pcap/run1.pcap"],
    ] {
        written.push((format!("{arguments:?}"), out(&project, arguments)));
    }
    let said = wiresnap(
        project.path(),
        &["diff", "pcap/run1.pcap", "pcap/run2.pcap"],
    );
    written.push(("diff".to_owned(), said.out + &said.error));

    assert!(written.len() >= 9, "{written:?}");
    for (place, text) in &written {
        for form in forms_of_the_session() {
            assert!(!text.contains(&form), "{form} is in {place}:\n{text}");
        }
    }
    let report = fs::read_to_string(project.path().join("docs/report.html")).unwrap();
    assert!(report.contains("The payload holds a secret"));
    assert!(report.contains("session=&lt;session.......&gt;"));
}

#[test]
fn what_own_rules_hide_is_volatile() {
    let all = [SESSION, TOKEN].join("\n");
    let project = project(&all);
    let same_request = |run: [&'static str; 3]| capture([run[0], "4711", run[2]]);
    for (name, run) in [("old", RUNS[0]), ("new", RUNS[2])] {
        let file = project
            .path()
            .join("pcap")
            .join(name)
            .with_extension("pcap");
        fs::write(file, same_request(run)).unwrap();
    }
    let arguments = ["diff", "pcap/old.pcap", "pcap/new.pcap"];
    let Said { code, out, error } = wiresnap(project.path(), &arguments);
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(
        out.contains("Only what changes from run to run differs"),
        "{out}"
    );

    let file = project.path().join("wiresnap.toml");
    let without_token = fs::read_to_string(&file).unwrap().replace(TOKEN, "");
    fs::write(&file, without_token).unwrap();
    let Said { code, error, .. } = wiresnap(project.path(), &arguments);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("the captures differ: body"), "{error}");
}

#[test]
fn a_mistake_in_a_rule_is_shown_at_its_place_and_nothing_is_listed() {
    let project = project("[[redact]]\nname = \"session\"\npattern = 'session=([0-9a-f]{16}'\n");
    for arguments in [
        &["payload", "pcap/run1.pcap"][..],
        &["diff", "pcap/run1.pcap", "pcap/run2.pcap"],
        &["report", "--out", "-"],
        &["check"],
    ] {
        let Said { code, out, error } = wiresnap(project.path(), arguments);
        assert_eq!((code, &*out), (Some(2), ""), "{arguments:?}");
        let error = error.replace(
            &format!("{}/", project.path().canonicalize().unwrap().display()),
            "",
        );
        workspace::settings().bind(|| insta::assert_snapshot!("error-redact-in-a-project", error));
    }
}

#[test]
fn what_looks_like_a_credential_is_warned_of_until_it_is_known_or_hidden() {
    let project = project("");
    let Said { error, .. } = wiresnap(project.path(), &["check", "run1"]);
    workspace::settings().bind(|| insta::assert_snapshot!("warning-credentials", error));
    for value in RUNS[0] {
        assert!(!error.contains(value), "{error}");
    }

    let file = project.path().join("wiresnap.toml");
    let config = fs::read_to_string(&file).unwrap();
    let known = "known_credentials = [\"cookie session\", \"JSON field token\"]\n";
    for more in [known.to_owned(), format!("{SESSION}{SECRET}{TOKEN}")] {
        fs::write(&file, format!("{config}{more}")).unwrap();
        let Said { error, .. } = wiresnap(project.path(), &["check", "run1"]);
        assert!(!error.contains("credential"), "{more}: {error}");
    }
}

/// In bytes that are no text, what stands for something is read, and not spelled in hexadecimal.
#[test]
fn a_placeholder_among_binary_bytes_is_text() {
    let rule = "[[redact]]\nname = \"nonce\"\npattern = '(?-u)\\x01\\x02([\\x80-\\xff]{4})'\n";
    let bytes = b"\x00\x01\x02\xf0\xf1\xf2\xf3\xff";
    let ask = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let frame = [&[0x82, 8][..], bytes].concat();
    let body = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n".as_slice(),
        bytes,
    ]
    .concat();
    let web_socket = Script::opened()
        .say(Client, ask.as_bytes())
        .say(Server, answer.as_bytes())
        .say(Server, &frame);
    let raw = Script::opened().say(Client, bytes);
    let http = Script::opened()
        .say(Client, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        .say(Server, &body);
    let expected = [
        (web_socket, "S1: binary, 8 bytes: 00 01 02 <no> ff\n"),
        (raw, "C1: 00 01 02  ...\nC1: <no>\nC1: ff "),
        (http, "00 01 02  ...\n<no>\nff "),
    ];
    for (script, listed) in expected {
        let project = project(rule);
        let packets = script.close().packets();
        let frames = packets.iter().map(|packet| ethernet(packet));
        fs::write(
            project.path().join("pcap/run1.pcap"),
            pcap(ETHERNET, &paced(frames)),
        )
        .unwrap();
        let Said { code, out, error } =
            wiresnap(project.path(), &["payload", "--redact", "pcap/run1.pcap"]);
        assert_eq!(code, Some(0), "{error}");
        assert!(out.contains(listed), "{out}");
        assert!(!out.contains("f0 f1"), "{out}");
    }
}

const FROM: [&str; 6] = [
    "learn",
    "run1",
    "--from",
    "pcap/run1.pcap",
    "pcap/run2.pcap",
    "pcap/run3.pcap",
];

#[test]
fn learn_proposes_a_rule_for_each_value_that_varies_and_writes_nothing() {
    let project = project("");
    let before = fs::read_to_string(project.path().join("wiresnap.toml")).unwrap();

    let Said { code, out, error } = wiresnap(project.path(), &FROM);

    assert_eq!(code, Some(1), "{out}{error}");
    workspace::settings().bind(|| insta::assert_snapshot!("learn-text", format!("{out}{error}")));
    for value in RUNS.as_flattened().iter().filter(|value| value.len() > 5) {
        assert!(!out.contains(value), "{value} in {out}");
    }
    let json = wiresnap(project.path(), &[&FROM[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let names: Vec<&str> = json["proposals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["x-request-id", "session", "token"]);
    assert!(
        json["proposals"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["fits"] == true),
        "{json}"
    );
    assert_eq!(
        fs::read_to_string(project.path().join("wiresnap.toml")).unwrap(),
        before
    );
}

#[test]
fn learn_has_nothing_to_say_where_rules_hide_all_that_varies() {
    let project = project(&[SESSION, REQUEST, TOKEN].join("\n"));
    let Said { code, out, error } = wiresnap(project.path(), &FROM);
    assert_eq!(code, Some(0), "{out}{error}");
    workspace::settings().bind(|| insta::assert_snapshot!("learn-nothing", out));
}

#[test]
fn learn_says_what_was_not_said_alike() {
    let project = project(&[SESSION, REQUEST, TOKEN].join("\n"));
    let less = Script::opened()
        .data(Client, 0, b"GET /login HTTP/1.1\r\nHost: h:8000\r\n\r\n")
        .ack(Server, 36)
        .close();
    let less = pcap(
        ETHERNET,
        &paced(less.packets().iter().map(|packet| ethernet(packet))),
    );
    fs::write(project.path().join("pcap/run2.pcap"), less).unwrap();
    let Said { code, out, error } = wiresnap(project.path(), &FROM);
    assert_eq!(code, Some(1), "{out}{error}");
    assert!(
        out.contains("connection 1 has 1 message in run 2, 8 in run 1"),
        "{out}"
    );
    assert!(
        error.contains("run1 varies from run to run: 1 difference in what was said"),
        "{error}"
    );
}

fn at_a_terminal(project: &Path, arguments: &str, typed: &str) -> (Option<i32>, String) {
    let wiresnap = Path::new(env!("CARGO_BIN_EXE_wiresnap"));
    let said = workspace::at_a_terminal(wiresnap, project, arguments, typed);
    (said.code, said.out)
}

#[test]
fn what_is_accepted_is_written_behind_what_was_there() {
    let project = project("# the end");
    let file = project.path().join("wiresnap.toml");
    let before = fs::read_to_string(&file).unwrap();

    let (code, said) = at_a_terminal(project.path(), &FROM.join(" "), "a\ns\nperhaps\na\n");

    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("session, 2 of 3: [a]ccept, [s]kip, [q]uit?"),
        "{said}"
    );
    assert!(
        said.contains("2 rules written into wiresnap.toml"),
        "{said}"
    );
    let after = fs::read_to_string(&file).unwrap();
    let added = after.strip_prefix(&before).unwrap();
    workspace::settings().bind(|| insta::assert_snapshot!("learn-rules", added));

    let (code, said) = at_a_terminal(
        project.path(),
        &format!("{} --into scenario", FROM.join(" ")),
        "a\n",
    );
    assert_eq!(code, Some(0), "{said}");
    let scenario = fs::read_to_string(project.path().join("scenarios/run1.toml")).unwrap();
    assert!(
        scenario.starts_with(SCENARIO) && scenario.contains("name = \"session\""),
        "{scenario}"
    );
}

/// Answers all questions of `learn` at a terminal, and signals it so long after the last answer; returns the time from there
/// to its end.
fn accept_all(project: &Path, arguments: &str, signalled: Option<(Signal, Duration)>) -> Duration {
    let aside = tempfile::tempdir().unwrap();
    let number = aside.path().join("number");
    let command = format!("echo $$ >\"$NUMBER\"; exec \"$WIRESNAP\" {arguments}");
    let mut script = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(project)
        .env("SHELL", "/bin/sh")
        .env("NUMBER", &number)
        .env("WIRESNAP", env!("CARGO_BIN_EXE_wiresnap"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = script.stdin.take().unwrap();
    let mut screen = script.stdout.take().unwrap();
    keyboard.write_all(b"a\na\n").unwrap();
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains("3 of 3: [a]ccept") {
        let mut more = [0; 4096];
        let length = screen.read(&mut more).unwrap();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&shown));
        shown.extend(&more[..length]);
    }
    let process: i32 = fs::read_to_string(&number).unwrap().trim().parse().unwrap();
    let began = Instant::now();
    keyboard.write_all(b"a\n").unwrap();
    if let Some((signal, moment)) = signalled {
        // The moment is what is tried: there is nothing to wait for.
        std::thread::sleep(moment);
        match kill_process(Pid::from_raw(process).unwrap(), signal) {
            // It had ended.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(errno) => panic!("{errno}"),
        }
    }
    // It ends with the terminal.
    screen.read_to_end(&mut shown).unwrap();
    let took = began.elapsed();
    script.wait().unwrap();
    took
}

/// Whoever ends `learn` while it writes accepted rules leaves the file as it was, or with all of them.
#[test]
fn a_signal_leaves_the_file_for_rules_as_it_was_or_with_all_of_them() {
    const MOMENTS: u32 = 10;
    let (mut tried, mut held) = (0, 0);
    for into in ["project", "scenario"] {
        let arguments = format!("{} --into {into}", FROM.join(" "));
        let signals = [Signal::INT, Signal::TERM, Signal::KILL];
        let stage = project("");
        let old = workspace::files_below(stage.path());
        let takes = accept_all(stage.path(), &arguments, None);
        let new = workspace::files_below(stage.path());
        assert_eq!(old.len(), new.len());
        assert_eq!(
            old.iter()
                .filter(|(name, bytes)| new.get(*name) != Some(bytes))
                .count(),
            1
        );
        for signal in signals {
            for moment in 0..=MOMENTS {
                let stage = project("");
                let after = takes * moment / MOMENTS;
                accept_all(stage.path(), &arguments, Some((signal, after)));
                let left = if signal == Signal::KILL {
                    workspace::named_files_below(stage.path())
                } else {
                    workspace::files_below(stage.path())
                };
                tried += 1;
                held += usize::from(left == old || left == new);
            }
        }
    }
    println!("tried {tried}, held {held}");
    assert_eq!(tried, held);
}

/// The turns of a run.
type Turns = Vec<(support::script::End, Vec<u8>)>;

/// Has `learn` look at runs, in a project with these rules; gives what it found.
fn learned(rules: &str, runs: [Turns; 3]) -> (TempDir, serde_json::Value) {
    let project = project(rules);
    for (number, turns) in (1..).zip(runs) {
        let mut script = Script::opened();
        for (end, bytes) in turns {
            script = script.say(end, bytes);
        }
        let packets = script.close().packets();
        let frames = packets.iter().map(|packet| ethernet(packet));
        let file = project.path().join(format!("pcap/run{number}.pcap"));
        fs::write(file, pcap(ETHERNET, &paced(frames))).unwrap();
    }
    let said = wiresnap(project.path(), &[&FROM[..], &["--format", "json"]].concat());
    let found = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.error));
    (project, found)
}

fn exchange(target: &str, fields: &str, body: &str) -> Turns {
    let ask = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
    let answer = format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    vec![(Client, ask.into_bytes()), (Server, answer.into_bytes())]
}

fn names(found: &serde_json::Value) -> Vec<&str> {
    let proposals = found["proposals"].as_array().unwrap();
    let names = proposals.iter().map(|one| one["name"].as_str().unwrap());
    names.collect()
}

#[test]
fn learn_proposes_nothing_from_messages_that_do_not_correspond() {
    let bodies = ["one line\n", "quite, another\nthing\n", "and: a third\n"];
    let (_, found) = learned(
        "",
        ["/a", "/b", "/c"].map(|target| exchange(target, "", bodies[0])),
    );
    assert_eq!(names(&found), [""; 0], "{found}");
    let structure = found["structure"].to_string();
    assert!(
        structure.contains("nothing in run 2 corresponds to connection 1 (GET /a)"),
        "{structure}"
    );
    let (_, found) = learned("", bodies.map(|body| exchange("/a", "", body)));
    assert_eq!(names(&found), [""; 0], "{found}");
    let structure = found["structure"].to_string();
    assert!(
        structure.contains("differs by more than a value"),
        "{structure}"
    );
}

#[test]
fn learn_says_which_rules_never_matched() {
    let rules = [
        SESSION,
        "[[redact]]\nname = \"old\"\npattern = 'old=(.+)'\n",
    ]
    .join("\n");
    let (_, found) = learned(
        &rules,
        RUNS.map(|run| exchange("/a", &format!("Set-Cookie: session={}\r\n", run[0]), "b\n")),
    );
    assert_eq!(found["never_matched"], serde_json::json!(["old"]));
    assert_eq!(found["hidden"]["session"].as_array().unwrap().len(), 1);
}

#[test]
fn rules_are_called_what_they_hide_and_are_wide_enough_for_the_next_run() {
    let cookies = ["s%3AaZ0.b%2Bc1", "s%3Ax_9-Q", "s%3AmN.pq%3D"];
    let numbers = ["41", "87", "93"];
    let runs = [0, 1, 2].map(|run| {
        exchange(
            &format!("/a?t={}", numbers[run]),
            &format!("Set-Cookie: session={}; Path=/\r\n", cookies[run]),
            "b\n",
        )
    });
    let (project, found) = learned("", runs);
    assert_eq!(names(&found), ["query-t", "session"], "{found}");
    let rules: Vec<&str> = found["proposals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["toml"].as_str().unwrap())
        .collect();
    let next = exchange(
        "/a?t=1234",
        "Set-Cookie: session=s%3AQQQQQ.r%2Fs; Path=/\r\n",
        "b\n",
    );
    drop(project);
    let others = ["5", "17"].map(|number| {
        exchange(
            &format!("/a?t={number}"),
            "Set-Cookie: session=s%3Ay; Path=/\r\n",
            "b\n",
        )
    });
    let [one, other] = others;
    let (_, found) = learned(&rules.join("\n"), [next, one, other]);
    assert_eq!(found["runs_list_the_same"], true, "{found}");
    assert_eq!(names(&found), [""; 0]);
}

#[test]
fn bytes_that_are_no_text_are_learned_too() {
    let run = |nonce: &[u8; 8]| -> Turns {
        let hello = [&b"\x01\xffHI\x00"[..], nonce, b"\x00\x02end"].concat();
        vec![(Client, hello), (Server, b"\x01\x00ok".to_vec())]
    };
    let runs = [
        b"\x9a\x10\xfe\x00abcd",
        b"\x01\x02\x03\x04\x05\x06\x07\x08",
        b"zyxwvuts",
    ];
    let (_, found) = learned("", runs.map(run));
    assert_eq!(names(&found), ["bytes"], "{found}");
    let proposal = &found["proposals"][0];
    assert_eq!(proposal["pattern"], "(?s-u)\\A\\x01\\xffHI\\x00(.{8})");
    assert_eq!(found["runs_list_the_same"], true, "{found}");
    let rule = proposal["toml"].as_str().unwrap();
    let (project, found) = learned(
        rule,
        [
            b"01234567",
            b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8",
            b"\0\0\0\0\0\0\0\0",
        ]
        .map(run),
    );
    assert_eq!(found["runs_list_the_same"], true, "{found}");
    let shown = wiresnap(project.path(), &["payload", "--redact", "pcap/run1.pcap"]).out;
    assert!(shown.contains("<bytes.>"), "{shown}");
}
