//! A browser on another machine: geckodriver and Firefox in a separate network namespace, joined by a veth pair to the
//! one of wiresnap and the program.

use std::fs;

use wiresnap::Recording;
use wiresnap::trace::provenance::Provenance;

use crate::live_support::{Bench, Outcome};
use crate::packets::read;

/// The command for a separate network with the rights of root over it, as any user may have; processes started in it
/// end with it.
const ELSEWHERE: [&str; 7] = [
    "unshare",
    "--map-root-user",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
];

/// A script that captures to the end.
const TO_THE_END: &str = r#"play() { "$@"; }"#;

/// A script that captures until a browser is being started, and asks it to end then.
const TERMINATED: &str = r#"
play() {
    "$@" 2>"$CLIENT/said" & capture=$!
    until grep --quiet "starting Firefox" "$CLIENT/said"; do sleep 0.05; done
    kill -TERM $capture
    wait $capture
}
"#;

/// A script that makes the browser's machine, with an endpoint that is ready, and plays.
const BROWSERS_MACHINE: &str = r#"
set -e
ip link set lo up
unshare --net sleep 600 & client=$!
until [ "$(readlink /proc/$client/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
there="nsenter --net --target $client"
ip link add eth1 type veth peer name eth0 netns $client
ip address add 10.77.0.1/24 dev eth1
ip link set eth1 up
$there ip address add 10.77.0.2/24 dev eth0
$there ip link set eth0 up
$there ip link set lo up
PATH="$PWD/.tools/bin:$PATH" HOME="$CLIENT" MOZ_ASSUME_USER_NS=0 $there geckodriver \
    --host 10.77.0.2 --port 4444 --profile-root "$CLIENT" >"$CLIENT/log" 2>&1 &
until $there curl --silent --fail --output /dev/null http://10.77.0.2:4444/status; do sleep 0.1; done
play "$@" && code=0 || code=$?
curl --silent http://10.77.0.2:4444/status >"$CLIENT/status"
exit $code
"#;

/// The options that lead to the browser's machine.
const THERE: [&str; 6] = [
    "--webdriver",
    "http://10.77.0.2:4444",
    "--advertise",
    "10.77.0.1",
    "--interface",
    "eth1",
];

/// Captures beside the browser's machine.
fn beside_browsers_machine(bench: &Bench, play: &str, arguments: &[&str]) -> Outcome {
    capture(bench, &[play, BROWSERS_MACHINE].concat(), arguments)
}

/// Captures in such a network, inside this script.
fn capture(bench: &Bench, script: &str, arguments: &[&str]) -> Outcome {
    let mut command = bench.capture_in_script(&ELSEWHERE, script, arguments);
    let client = bench.path("client");
    fs::create_dir_all(&client).unwrap();
    // Nobody who called sudo is a user there.
    command.env("CLIENT", client).env_remove("SUDO_UID");
    bench.start_command(command).end()
}

/// Returns the endpoint's own status when the capture is over.
fn status(bench: &Bench) -> String {
    fs::read_to_string(bench.path("client/status")).unwrap()
}

#[test]
fn a_browser_on_another_machine_plays_the_same_scenario() {
    let bench = Bench::new();

    let arguments = [&THERE[..], &["--time-scale", "0.2", "ajaxapp", "wsapp"]].concat();
    let outcome = beside_browsers_machine(&bench, TO_THE_END, &arguments);

    outcome.is(0, &[]);
    for (name, app_packets) in [("ajaxapp", 12), ("wsapp", 13)] {
        let file = bench.captures().join(name).with_extension("pcap");
        let provenance = Provenance::read_beside(&file).unwrap().unwrap();
        assert_eq!(provenance.capture.network, "host");
        assert_eq!(provenance.capture.interface, "eth1");
        assert_eq!(
            provenance.versions.browser_platform.as_deref(),
            Some("linux")
        );
        assert!(provenance.certificate.unwrap().confirmed_by_program);
        for packet in read(&file) {
            let (from, to) = packet.addresses();
            assert!([from, to].contains(&[10, 77, 0, 1]), "{from:?} {to:?}");
            assert!([from, to].contains(&[10, 77, 0, 2]), "{from:?} {to:?}");
            let (from, to) = packet.macs();
            assert!(from != [0; 6] && to != [0; 6] && from != to);
        }
        let statistics = Recording::open(&file).unwrap().stats().unwrap();
        assert_eq!(statistics.app_packets, app_packets, "{name}");
    }
    assert!(
        status(&bench).contains(r#""ready":true"#),
        "{}",
        status(&bench)
    );
}

#[test]
fn a_session_elsewhere_is_ended_however_a_run_ends() {
    let bench = Bench::new();
    let file = bench.path("project/scenarios/ajaxapp.toml");
    let text = fs::read_to_string(file).unwrap();
    bench.scenario("never", &text.replace("{clock}", "never"));

    let arguments = [&THERE[..], &["--time-scale", "0.2", "never"]].concat();
    let outcome = beside_browsers_machine(&bench, TO_THE_END, &arguments);

    outcome.is(4, &["expected \"never\""]);
    assert!(
        status(&bench).contains(r#""ready":true"#),
        "{}",
        status(&bench)
    );
}

#[test]
fn a_session_that_is_being_started_is_ended_too() {
    let bench = Bench::new();

    let arguments = [&THERE[..], &["ajaxapp"]].concat();
    let outcome = beside_browsers_machine(&bench, TERMINATED, &arguments);

    assert_eq!(outcome.code, Some(143), "{outcome:?}");
    assert!(
        status(&bench).contains(r#""ready":true"#),
        "{}",
        status(&bench)
    );
}

#[test]
fn one_option_without_the_others_is_told_what_they_are() {
    let bench = Bench::new();

    let arguments = ["--webdriver", "http://10.77.0.2:4444", "ajaxapp"];
    let outcome = beside_browsers_machine(&bench, TO_THE_END, &arguments);

    outcome.is(
        2,
        &[
            "error: --webdriver needs --advertise, the address that the browser opens, and --interface, to capture on",
            "hint: this machine reaches http://10.77.0.2:4444/ by `--advertise 10.77.0.1 --interface eth1`",
        ],
    );
}

/// Captures beside a machine that is reachable, except for one option.
fn but_for(option: &str, value: &str) -> Outcome {
    let bench = Bench::new();
    let mut arguments = THERE;
    let place = arguments.iter().position(|other| *other == option).unwrap();
    arguments[place + 1] = value;
    beside_browsers_machine(&bench, TO_THE_END, &[&arguments[..], &["ajaxapp"]].concat())
}

#[test]
fn an_endpoint_that_is_not_there() {
    but_for("--webdriver", "http://10.77.0.2:4445").is(
        3,
        &[
            "error: WebDriver endpoint: http://10.77.0.2:4445/ cannot be reached: Connection refused",
            "hint: ",
        ],
    );
}

#[test]
fn an_address_of_another_machine() {
    but_for("--advertise", "10.77.0.9").is(
        3,
        &[
            "error: advertised address: 10.77.0.9 is none of this machine's, which has ",
            "hint: --advertise 10.77.0.1, by which this machine reaches the endpoint",
        ],
    );
}

#[test]
fn a_loopback_address_for_a_browser_elsewhere() {
    but_for("--advertise", "127.0.0.1").is(
        3,
        &["error: advertised address: 127.0.0.1 is, where the browser runs, that machine itself"],
    );
}

/// An address of ours that the browser's machine has no route to.
#[test]
fn an_address_that_the_browser_does_not_reach() {
    let bench = Bench::new();
    let play = r#"play() { ip address add 10.88.0.1/32 dev lo && "$@"; }"#;
    let arguments = [
        &THERE[..2],
        &["--advertise", "10.88.0.1", "--interface", "lo", "ajaxapp"],
    ];

    let outcome = beside_browsers_machine(&bench, play, &arguments.concat());

    outcome.is(
        4,
        &[
            "error: ajaxapp: the browser elsewhere could not open http://10.88.0.1:",
            "hint: can the browser's machine reach 10.88.0.1? try `curl` there; a firewall may be between, and inside a container `localhost` is the container",
        ],
    );
    assert!(
        status(&bench).contains(r#""ready":true"#),
        "{}",
        status(&bench)
    );
}

#[test]
fn an_interface_that_does_not_exist() {
    but_for("--interface", "eth7").is(
        3,
        &[
            "error: interface: there is no eth7 here; there are ",
            "hint: --interface eth1, which has 10.77.0.1",
        ],
    );
}

#[test]
fn an_endpoint_that_is_no_webdriver() {
    let bench = Bench::new();
    let script = r#"
        ip link set lo up
        python3 -m http.server --bind 127.0.0.1 4444 >"$CLIENT/log" 2>&1 &
        until curl --silent --output /dev/null http://127.0.0.1:4444/; do sleep 0.1; done
        "$@""#;
    let arguments = [
        "--webdriver",
        "http://127.0.0.1:4444",
        "--advertise",
        "127.0.0.1",
        "--interface",
        "lo",
        "ajaxapp",
    ];

    capture(&bench, script, &arguments).is(
        3,
        &[
            "error: WebDriver endpoint: http://127.0.0.1:4444/ answers, but not as a WebDriver does (404 Not Found)",
            "hint: look at its port and path",
        ],
    );
}

#[test]
fn what_does_not_go_with_a_browser_elsewhere() {
    let bench = Bench::new();
    let endpoint = ["--webdriver", "http://127.0.0.1:4444"];
    let with = |arguments: &[&str]| bench.run(&[&endpoint[..], arguments].concat());

    with(&["tcpapp", "ajaxapp"]).is(
        2,
        &[
            "error: tcpapp is played with nc, not with a browser",
            "hint: name those for a browser: ajaxapp",
        ],
    );
    let several = "description = \"x\"\nprogram = \"webapp\"\n[[client]]\nname = \"alice\"\nkind = \"firefox\"\n\
                   [[client]]\nname = \"bob\"\nkind = \"nc\"\n[[mark]]\nat = 0\nopen = \"/\"\n\
                   [[mark]]\nat = 1\nclient = \"bob\"\nopen = true\n[[mark]]\nat = 2\nclose = true\n";
    bench.scenario("several", several);
    with(&["several", "ajaxapp"]).is(
        2,
        &[
            "error: several is played with alice (Firefox), bob (nc), and elsewhere is one browser",
            "hint: name those for a browser: ajaxapp",
        ],
    );
    with(&["--network", "private", "ajaxapp"])
        .is(2, &["error: nobody elsewhere reaches a private network"]);
    bench
        .run(&["--webdriver", "https://grid:4444", "ajaxapp"])
        .is(
            2,
            &[
                "error: \"https://grid:4444\" is not the URL of a WebDriver endpoint",
                "hint: ",
            ],
        );
}
