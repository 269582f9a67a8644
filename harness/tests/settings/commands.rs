//! Programs in unusual places, and commands as clients.

use std::time::{Duration, Instant};

use crate::{bench, payloads};

/// Returns a scenario in which curl asks the odd server twice; `arguments` are those of the server, `fields` are
/// further fields of the scenario.
fn asks(arguments: &str, fields: &str) -> String {
    format!(
        r#"description = "a server that is odd"
command = ["python3", "-u", "odd.py", {arguments}]
client = "command"
{fields}

[[mark]]
at = 0
every = 0.5
times = 2
run = ["curl", "-sS", "http://{{host}}:{{port}}/"]
expect = {{ equals = "hello" }}
"#
    )
}

#[test]
fn a_program_that_takes_its_time_is_waited_for() {
    let bench = bench();
    bench.scenario("slow", &asks(r#""slow", "{host}", "{port}", "11""#, ""));
    let early = asks(
        r#""early", "{host}", "{port}", "11""#,
        "ready = { http = \"/\", within = 60 }",
    );
    bench.scenario("early", &early);
    let late = asks(
        r#""slow", "{host}", "{port}", "60""#,
        "ready = { within = 2 }",
    );
    bench.scenario("late", &late);

    bench.run(&["late"]).is(
        4,
        &[
            "error: late: python3 does not listen on 127.0.0.1:8000 after 2 s",
            "`ready = { within = 60 }`",
        ],
    );
    bench.run(&["slow", "early"]).is(0, &[]);
}

#[test]
fn one_that_ends_is_told_at_once() {
    let bench = bench();
    bench.scenario(
        "ends",
        &asks(r#""ends", "{host}", "{port}""#, "ready = { within = 600 }"),
    );
    let began = Instant::now();

    let outcome = bench.run(&["ends"]);

    outcome.is(4, &["before it listened: python3 ended with exit code 3"]);
    assert!(began.elapsed() < Duration::from_secs(100));
}

#[test]
fn a_line_that_is_never_said_is_told_with_where_the_program_listens() {
    let bench = bench();
    let says = asks(
        r#""plain", "{host}", "{port}""#,
        "ready = { log = \"never said\", within = 3 }",
    );
    bench.scenario("says", &says);

    bench.run(&["says"]).is(
        4,
        &[
            "python3 does not say \"never said\" after 3 s",
            "hint: it listens on 127.0.0.1:8000, though",
        ],
    );
}

#[test]
fn a_program_at_another_address_is_told_of_and_played_there() {
    let bench = bench();
    bench.scenario("elsewhere", &asks(r#""plain", "::1", "{port}""#, ""));
    bench.scenario(
        "v6",
        &asks(r#""plain", "{host}", "{port}""#, "host = \"::1\""),
    );
    bench.scenario(
        "udp",
        &asks(r#""udp", "{host}", "{port}""#, "ready = { within = 3 }"),
    );
    bench.scenario(
        "port",
        &asks(r#""plain", "{host}", "9000""#, "ready = { within = 3 }"),
    );

    bench.run(&["elsewhere"]).is(
        4,
        &[
            "python3 does not listen on 127.0.0.1:8000",
            "hint: it listens on [::1]:8000: add `host = \"::1\"` to the scenario",
        ],
    );
    bench
        .run(&["udp"])
        .is(4, &["hint: it listens on UDP only at port 8000"]);
    bench
        .run(&["port"])
        .is(4, &["hint: it listens on 127.0.0.1:9000", "`port = 9000`"]);
    bench.run(&["v6"]).is(0, &[]);
    let listed = payloads(&bench, "v6");
    assert!(listed.contains("Host: [::1]:"), "{listed}");
}

#[test]
fn a_program_in_the_background_is_told_of_and_followed() {
    let bench = bench();
    let daemons = [
        ("daemon", r#""daemon", "{host}", "{port}""#),
        ("daemon-late", r#""daemon-late", "{host}", "{port}", "1""#),
    ];
    for (name, arguments) in daemons {
        bench.scenario(name, &asks(arguments, ""));
        bench.run(&[name]).is(
            4,
            &[
                "python3 went into the background: python3 (process ",
                ") listens on 127.0.0.1:8000",
                "hint: add `daemon = true`",
            ],
        );
        bench.scenario(name, &asks(arguments, "daemon = true"));
    }
    let stays = asks(
        r#""plain", "{host}", "{port}""#,
        "daemon = true\nready = { within = 3 }",
    );
    bench.scenario("stays", &stays);
    bench.run(&["stays"]).is(
        4,
        &[
            "python3 stays in the foreground",
            "hint: leave `daemon` out",
        ],
    );
    bench.run(&["daemon", "daemon-late"]).is(0, &[]);
}

#[test]
fn a_port_below_1024_takes_no_privilege() {
    let bench = bench();
    bench.scenario(
        "eighty",
        &asks(r#""plain", "{host}", "{port}""#, "port = 80"),
    );

    bench.run(&["eighty"]).is(0, &[]);
}

/// A server of lines, which must end with CR LF.
const LINES: &str = r#"
import socket, sys
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    client, _ = listening.accept()
    received = b""
    while data := client.recv(100):
        received += data
        if received.endswith(b"\n"):
            client.sendall(b"right\r\n" if received == b"HELO me\r\n" else b"wrong %r\r\n" % received)
            received = b""
    client.close()
"#;

#[test]
fn lines_end_as_the_scenario_says() {
    let bench = bench();
    std::fs::write(bench.path("project/lines.py"), LINES).unwrap();
    let scenario = |fields: &str, marks: &str| {
        format!(
            "description = \"lines\"\ncommand = [\"python3\", \"-u\", \"lines.py\", \"{{host}}\", \"{{port}}\"]\n{fields}\n{marks}"
        )
    };
    let typed = "[[mark]]\nat = 0\nopen = true\n[[mark]]\nat = 0.5\nsend = \"HELO me\"\nexpect = { shows = \"right\", absent = \"wrong\" }\n\
                 [[mark]]\nat = 1\nclose = true\n";
    bench.scenario(
        "nc",
        &scenario("client = \"nc\"\nline_end = \"crlf\"", typed),
    );
    bench.scenario("nc-lf", &scenario("client = \"nc\"", typed));
    let run = "[[mark]]\nat = 0\nrun = [\"nc\", \"-N\", \"{host}\", \"{port}\"]\ninput = [\"HELO me\"]\nexpect = { matches = '^right$' }\n";
    bench.scenario(
        "run",
        &scenario("client = \"command\"\nline_end = \"crlf\"", run),
    );

    bench.run(&["nc-lf"]).is(
        4,
        &["nc printed \"wrong b'HELO me\\\\n'\\r\\n\" within 5 s, expected \"right\", no \"wrong\""],
    );
    bench.run(&["nc", "run"]).is(0, &[]);
}

#[test]
fn what_a_command_did_not_print_is_told_by_its_name_and_at_its_time() {
    let bench = bench();
    let asks = asks(r#""plain", "{host}", "{port}""#, "").replace("\"hello\"", "\"other\"");
    bench.scenario("other", &asks);

    let outcome = bench.run(&["other"]);

    outcome.is(
        4,
        &["curl printed \"hello\\n\" within 5 s, expected \"other\" and nothing else"],
    );
    assert!(!outcome.said.contains("nc "), "{}", outcome.said);
    let (_, at) = outcome.said.split_once("error: other: at ").unwrap();
    let (at, _) = at.split_once(" s,").unwrap();
    let at: f64 = at.parse().unwrap();
    // Five seconds are how long it was looked for; nothing is waited for behind that.
    assert!(at >= 5.0, "{at}");
}

#[test]
fn a_capture_without_a_packet_proves_nothing() {
    let bench = bench();
    let silent = asks(r#""plain", "{host}", "{port}""#, "").replace(
        "\"curl\", \"-sS\", \"http://{host}:{port}/\"",
        "\"echo\", \"hello\"",
    );
    bench.scenario("silent", &silent);

    bench.run(&["silent"]).is(
        5,
        &[
            "error: silent: not a single packet was captured",
            "hint: does the client go to the program?",
        ],
    );
}

#[test]
fn a_step_of_a_command_without_traffic_is_a_result() {
    let bench = bench();
    let local = asks(r#""plain", "{host}", "{port}""#, "")
        + "\n[[mark]]\nat = 1\nrun = [\"echo\", \"done\"]\nexpect = { shows = \"done\" }\n";
    bench.scenario("local", &local);

    bench
        .run(&["local"])
        .is(0, &["note: local: `run echo done` at 1 s caused no packet"]);
}
