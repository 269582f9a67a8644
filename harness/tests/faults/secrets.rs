//! A secret is sent in many ways, printed and put into error messages. Afterwards it is searched for in all output and
//! all files, in every form in which programs send one, however the capture ended.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::{Pid, Signal, kill_process};

use crate::live_support::processes::{Process, contains, of_capture};
use crate::live_support::{Bench, Outcome, names_in};
use crate::misbehaving;

/// The secret, which must not be found anywhere.
const SECRET: &str = "deadbeef0123456789abcdef00c0ffee";

/// The longest time that anything here may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

const RULE: &str =
    "\n[[redact]]\nname = \"session\"\npattern = 'secret=([0-9a-f]{32})'\nsecret = true\n";

/// Returns a scenario for curl, which requests a page and then another one.
fn asks_for(program: &str, page: &str, more: &str) -> String {
    format!(
        "description = \"leaks\"\nprogram = \"{program}\"\nport = 8000\nclient = \"command\"\n\
         [[mark]]\nat = 0\nrun = [\"curl\", \"-sS\", \"http://127.0.0.1:8000/{page}\"]\n{more}\n\
         [[mark]]\nat = 2\nrun = [\"curl\", \"-sS\", \"http://127.0.0.1:8000/end\"]\n{RULE}"
    )
}

/// Runs a program that tells its secret to everybody, in its output and in its pages.
pub(crate) fn leak() {
    print_secret();
    let listener = TcpListener::bind("127.0.0.1:8000").unwrap();
    for client in listener.incoming() {
        serve(client.unwrap());
    }
}

/// Runs a program that tells its secret and gives up.
pub(crate) fn leak_and_fail() {
    print_secret();
    std::process::exit(7);
}

fn print_secret() {
    for (_, form) in forms() {
        // Nobody may be reading any more.
        let _ = std::io::stdout().write_all(&[b"secret=", &form[..], b"\n"].concat());
        let _ = std::io::stderr().write_all(&[b"secret=", &form[..], b"\n"].concat());
    }
    let _ = writeln!(std::io::stdout(), "secret={SECRET}");
    let _ = writeln!(std::io::stderr(), "secret={SECRET}");
}

fn serve(mut client: TcpStream) {
    let mut head = BufReader::new(&client).lines().map_while(Result::ok);
    let Some(request) = head.next() else {
        return;
    };
    let rest = head.take_while(|line| !line.is_empty()).count();
    let text = format!("secret={SECRET}\n").into_bytes();
    let with = |fields: &str, body: &[u8]| {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    let page = request.split(' ').nth(1).unwrap_or_default();
    let page = page
        .trim_start_matches('/')
        .split('?')
        .next()
        .unwrap_or_default();
    let answer = match page {
        "plain" => with("", &text),
        "field" => with(&format!("Set-Cookie: secret={SECRET}\r\n"), b"hello"),
        "mislabel" => with("Content-Encoding: gzip\r\n", &text),
        "gzip" => with("Content-Encoding: gzip\r\n", &gzip(&text)),
        "gzip-and-more" => with(
            "Content-Encoding: gzip\r\n",
            &[gzip(b"nothing here"), text].concat(),
        ),
        "zst2" => with(
            "Content-Encoding: zstd\r\n",
            &[zstd(b"nothing "), zstd(&text)].concat(),
        ),
        "chunkext" => format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
             5;secret={SECRET}\r\nhello\r\n0\r\n\r\n"
        )
        .into_bytes(),
        "reason" => format!(
            "HTTP/1.1 200 secret={SECRET}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
        )
        .into_bytes(),
        "extra" => [with("", b"hello"), text].concat(),
        "forms" => {
            let all: Vec<Vec<u8>> = forms().into_iter().map(|(_, form)| form).collect();
            with("", &[text, all.join(&b"\n"[..])].concat())
        }
        // Its connection never ends: the capture proves nothing.
        "stays" | "stays-coded" => {
            let answer = match page {
                "stays" => with("", &text),
                _ => with("Content-Encoding: gzip\r\n", &gzip(&text)),
            };
            std::thread::spawn(move || {
                let _ = client.write_all(&answer);
                std::thread::sleep(PATIENCE);
            });
            return;
        }
        _ => with("", format!("{rest} fields").as_bytes()),
    };
    // Who asked may be gone.
    let _ = client.write_all(&answer);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns a zstd frame (RFC 8878) with one uncompressed block.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    let block = u32::from(length) << 3 | 1;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, length];
    frame.extend(&block.to_le_bytes()[..3]);
    frame.extend(bytes);
    frame
}

/// Returns the secret in each form in which it could be written.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("clear", SECRET.as_bytes().to_vec()),
        (
            "percent",
            SECRET
                .bytes()
                .flat_map(|byte| format!("%{byte:02X}").into_bytes())
                .collect(),
        ),
        (
            "hexadecimal",
            SECRET
                .bytes()
                .flat_map(|byte| format!("{byte:02x}").into_bytes())
                .collect(),
        ),
        (
            "UTF-16",
            SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "UTF-16, big",
            SECRET.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ),
        (
            "JSON",
            SECRET
                .bytes()
                .flat_map(|byte| format!("\\u{byte:04x}").into_bytes())
                .collect(),
        ),
    ];
    forms.extend((0..3).map(|shift| ("base64", base64(shift).into_bytes())));
    forms
}

/// Returns the secret's base64 with so many bytes in front of it.
fn base64(shift: usize) -> String {
    BASE64.encode([&b"abc"[..shift], SECRET.as_bytes()].concat())
}

/// Returns the places below a folder at which the secret is found, including names of files.
fn found_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.extend(found_in(
            path.as_os_str().as_bytes(),
            &format!("the name {}", path.display()),
        ));
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(found_below(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.extend(found_in(&bytes, &path.display().to_string()));
        }
    }
    found
}

fn found_in(bytes: &[u8], place: &str) -> Vec<String> {
    // Half of it is too much: a text may be cut in the middle of it. The first digits of base64 are also of what is before.
    let middle = |(name, form): (&'static str, Vec<u8>)| match name {
        "base64" => (name, form[4..form.len() / 2].to_vec()),
        _ => (name, form[..form.len() / 2 - 4].to_vec()),
    };
    let forms = forms().into_iter().map(middle);
    let forms = forms.filter(|(_, form)| contains(bytes, form));
    forms
        .map(|(form, _)| format!("{form} in {place}"))
        .collect()
}

/// Searches for the secret in everything that a capture wrote and printed.
#[track_caller]
fn sweep(bench: &Bench, what: &str, outcome: &Outcome) {
    let mut found = found_below(&bench.path("project"));
    found.extend(found_below(&bench.path("tmp")));
    found.extend(found_in(outcome.said.as_bytes(), "what was said"));
    found.extend(found_in(outcome.printed.as_bytes(), "what was printed"));
    let shared = fs::read_dir("/dev/shm")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for file in shared.filter(|path| path.is_file()) {
        // Others' files may go meanwhile.
        let bytes = fs::read(&file).unwrap_or_default();
        found.extend(found_in(&bytes, &file.display().to_string()));
    }
    assert!(
        found.is_empty(),
        "{what}: {found:?}\n{}\n{}",
        outcome.said,
        outcome.printed
    );
}

fn bench_with(scenario: &str) -> Bench {
    let bench = Bench::new();
    for name in ["leaks", "leaks-and-fails"] {
        misbehaving::add(&bench, name);
    }
    bench.scenario("leaks", scenario);
    bench
}

/// The fate of a capture.
enum Fate {
    Kept,
    Refused,
    /// Kept or refused, depending on what could be read.
    Either,
}
use Fate::{Either, Kept, Refused};

#[test]
fn what_is_served_and_printed_is_overwritten_or_the_capture_is_not_kept() {
    let pages = [
        ("plain", Kept),
        ("field", Kept),
        ("reason", Kept),
        ("forms", Kept),
        ("chunkext", Either),
        ("extra", Either),
        ("mislabel", Either),
        ("gzip", Refused),
        ("gzip-and-more", Either),
        ("zst2", Refused),
    ];
    for (page, fate) in &pages {
        let bench = bench_with(&asks_for("leaks", page, ""));
        let outcome = bench.run(&["leaks"]);
        let said = &outcome.said;
        match (fate, outcome.code) {
            (Kept | Either, Some(0)) => {
                // It is the new one, and what is not secret is in it.
                let bytes = fs::read(bench.captures().join("leaks.pcap")).unwrap();
                assert!(
                    contains(&bytes, format!("GET /{page} ").as_bytes()),
                    "{page}: {said}"
                );
            }
            (Refused | Either, Some(4)) => {
                assert!(said.contains("the capture is not kept"), "{page}: {said}");
                assert!(said.contains("of connection 1"), "{page}: {said}");
                assert!(said.contains("hint: "), "{page}: {said}");
            }
            _ => panic!("{page}: {:?}: {said}", outcome.code),
        }
        sweep(&bench, page, &outcome);
    }
    println!("tried {0}, held {0}", pages.len());
}

#[test]
fn no_error_message_tells_it() {
    // A client that shows something else, a client that fails, and steps that hold it themselves.
    let shows = "expect = { shows = \"nothing of the kind\" }";
    let failing = "[[mark]]\nat = 1\nrun = [\"sh\", \"-c\", \"curl -sS http://127.0.0.1:8000/plain; curl -sS \
         http://127.0.0.1:8000/plain >&2; exit 9\"]\n";
    let cases = [
        (
            asks_for("leaks", "plain", shows),
            "curl printed \"secret=<session",
        ),
        // So long that it is cut in the middle of one.
        (
            asks_for("leaks", "forms", shows),
            "…\" within 5 s, expected \"nothing of the kind\"",
        ),
        (
            asks_for("leaks", "plain", failing),
            "sh ended with exit code 9",
        ),
        (
            asks_for("leaks-and-fails", "plain", ""),
            "leaks-and-fails ended with exit code 7",
        ),
    ];
    for (scenario, says) in &cases {
        let bench = bench_with(scenario);
        let outcome = bench.run(&["leaks"]);
        outcome.is(4, &[says, "last output of "]);
        sweep(&bench, says, &outcome);
    }
    println!("tried {0}, held {0}", cases.len());
}

/// The log has the steps of a timeline, and a step may hold it.
#[test]
fn no_log_tells_it() {
    let page = format!("plain?secret={SECRET}");
    let bench = bench_with(&asks_for("leaks", &page, ""));

    let outcome = bench.run(&["leaks", "-vvv"]);

    outcome.is(
        0,
        &[
            " INFO wiresnap::lab::process: started name=\"leaks\" pid=",
            " INFO wiresnap::lab: is ready program=\"leaks\" sockets=[127.0.0.1:8000] after=",
            " DEBUG wiresnap::run: mark is kept step=run curl -sS http://127.0.0.1:8000/plain?secret=<session",
            " INFO wiresnap::run: the capture has ended packets=",
            " INFO wiresnap::recorder::verify: the capture is complete scenario=leaks packets=",
        ],
    );
    fs::remove_file(bench.path("project/scenarios/leaks.toml")).unwrap();
    sweep(&bench, "-vvv", &outcome);
}

/// A capture that proves nothing is put aside without the secret, or not at all.
#[test]
fn it_is_not_put_aside() {
    let overwritten = "what was captured is in captures/inconclusive/leaks.pcap";
    let refused =
        "the capture is not kept: a secret in response 1 of connection 1 cannot be overwritten";
    let cases = [
        ("stays", true, [overwritten, "hint: a program must close"]),
        (
            "stays-coded",
            false,
            [refused, "`Accept-Encoding: identity`"],
        ),
    ];
    for (page, is_aside, says) in &cases {
        let bench = bench_with(&asks_for("leaks", page, ""));
        let outcome = bench.run(&["leaks"]);
        outcome.is(
            5,
            &["leaks: the capture has no end", "nothing was replaced"],
        );
        outcome.is(5, says);
        sweep(&bench, page, &outcome);
        let aside = bench.captures().join("inconclusive");
        if *is_aside {
            // What is not secret is as it was on the wire.
            let bytes = fs::read(aside.join("leaks.pcap")).unwrap();
            for part in [&b"GET /stays HTTP/1.1"[..], b"secret=", b"GET /end"] {
                assert!(contains(&bytes, part), "{page}: {}", outcome.said);
            }
        } else {
            assert!(!aside.exists() || names_in(&aside).is_empty(), "{page}");
        }
    }
    println!("tried {0}, held {0}", cases.len());
}

#[test]
fn no_end_leaves_it() {
    let mut tried = 0;
    let ends = [
        (Signal::INT, (Some(130), None)),
        (Signal::TERM, (Some(143), None)),
        (Signal::KILL, (None, Some(9))),
    ];
    for (signal, end) in ends {
        let mut ended = 0;
        for says in ["/forms", "/end", "waiting for the last packet"] {
            let bench = bench_with(&asks_for("leaks", "forms", ""));
            let mut running = bench.start(&["leaks"]);
            running.until_said(says);
            running.signal(signal);
            let outcome = running.end();
            assert!(outcome.said.contains(says), "{signal:?}: {}", outcome.said);
            // On a busy machine it may have been over.
            let is_ended = (outcome.code, outcome.signal) == end;
            assert!(
                is_ended || outcome.code == Some(0),
                "{signal:?}: {}",
                outcome.said
            );
            ended += usize::from(is_ended);
            sweep(&bench, &format!("{signal:?} at {says}"), &outcome);
            tried += 1;
        }
        assert_ne!(ended, 0, "{signal:?}");
    }
    println!("tried {tried}, held {tried}");
}

/// Starts `learn`, and waits until it prints this line.
fn learning(bench: &Bench, until: &str) -> (Child, PathBuf) {
    let mut process: Child = bench
        .command(&["learn", "leaks", "--times", "3"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(process.stderr.take().unwrap());
    let reached = said.lines().map_while(Result::ok).any(|line| line == until);
    assert!(reached, "no {until:?}");
    (process, bench.path("tmp"))
}

/// Captures of `learn` are removed: they hold secrets that no rule names yet (there is no rule here).
#[test]
fn what_is_learned_from_is_gone_however_learning_ends() {
    let without_rule = asks_for("leaks", "forms", "").replace(RULE, "");
    let mut tried = 0;
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        for until in ["run 1 of 3", "run 2 of 3", "run 3 of 3"] {
            let bench = bench_with(&without_rule);
            let (mut process, tmp) = learning(&bench, until);
            kill_process(Pid::from_child(&process), signal).unwrap();
            // What it started has the same folder of captures in its command line.
            let deadline = Instant::now() + PATIENCE;
            process.wait().unwrap();
            while is_running(&tmp) {
                assert!(Instant::now() < deadline, "{signal:?} {until}");
                std::thread::sleep(Duration::from_millis(10));
            }
            assert_eq!(found_below(&tmp), [""; 0], "{signal:?} {until}");
            assert_eq!(
                found_below(&bench.path("project")),
                [""; 0],
                "{signal:?} {until}"
            );
            tried += 1;
        }
    }
    println!("tried {tried}, held {tried}");
}

/// Returns true if a process has this folder in its command line or its environment.
fn is_running(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let folder = folder.as_os_str().as_bytes();
    processes.map(|entry| entry.path()).any(|process| {
        ["cmdline", "environ"].iter().any(|file| {
            let bytes = fs::read(process.join(file)).unwrap_or_default();
            contains(&bytes, folder)
        })
    })
}

/// A run of `learn` ends with it, however `learn` ends.
#[test]
fn a_run_does_not_outlive_the_learning_that_it_is_for() {
    let bench = bench_with(&asks_for("leaks", "plain", ""));
    let (mut process, tmp) = learning(&bench, "run 2 of 3");
    let deadline = Instant::now() + PATIENCE;
    // The whole of a run, down to the program.
    let program = misbehaving::name();
    let runs = loop {
        let mut runs = of_capture(process.id().cast_signed());
        for capture in runs.clone() {
            runs.extend(of_capture(capture.id));
        }
        if ["keep-lab", "play-lab", &program]
            .iter()
            .all(|name| runs.iter().any(|process| process.name == *name))
        {
            break runs;
        }
        assert!(Instant::now() < deadline, "no {program} in {runs:?}");
        std::thread::sleep(Duration::from_millis(10));
    };
    process.kill().unwrap();
    process.wait().unwrap();
    while runs.iter().any(Process::is_alive) || is_running(&tmp) {
        assert!(Instant::now() < deadline, "{runs:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("tried 1, held 1");
}
