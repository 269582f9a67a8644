//! The steps of a browser: their effects, their conditions, and their limits.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wiresnap::{Message, Recording};

use crate::live_support::{Bench, has_chromium};
use crate::{bench, payloads};

/// Returns a scenario that opens a page and then has these marks, a second apart; `opens` are further fields of the
/// first.
fn page(path: &str, opens: &str, marks: &[&str]) -> String {
    let mut text = format!(
        "description = \"a page\"\ncommand = [\"python3\", \"-u\", \"pages.py\", \"{{host}}\", \"{{port}}\"]\nclient = \"firefox\"\n\n\
         [[mark]]\nat = 0\nopen = \"{path}\"\n{opens}\n"
    );
    for (at, mark) in (1..).zip(marks.iter().copied().chain(["close = true"])) {
        let at: u32 = at;
        text.extend(["\n[[mark]]\nat = ", &at.to_string(), "\n", mark, "\n"]);
    }
    text
}

/// Plays a page's scenario, which must fail with these sentences, and not because of memory.
#[track_caller]
fn fails(bench: &Bench, name: &str, scenario: &str, said: &[&str]) {
    bench.scenario(name, scenario);
    let outcome = bench.run(&[name]);
    outcome.is(4, said);
    assert!(!outcome.said.contains("memory"), "{}", outcome.said);
}

#[test]
fn steps_without_traffic_are_results() {
    let bench = bench();
    let marks = [
        "click = \"#b\"\nexpect = { element = \"#r\", shows = \"open\" }",
        "execute = \"document.title = 'changed'\"\nexpect = { in = \"title\", equals = \"changed\" }",
    ];
    bench.scenario("menu", &page("/menu", "", &marks));

    bench.run(&["menu"]).is(
        0,
        &[
            "note: menu: `click #b` at 1 s caused no packet",
            "note: menu: `execute document.title = 'changed'` at 2 s caused no packet",
        ],
    );
}

#[test]
fn a_page_is_looked_at_by_one_rule() {
    let bench = bench();
    let opens = "expect = { element = \"h1\", shows = \"who\", absent = \"where\" }";
    let marks = [
        "open = \"/who?again\"\nexpect = { matches = '^who\\W$' }",
        "open = \"/who?title\"\nexpect = { in = \"title\", shows = \"there\" }",
        "open = \"/who?url\"\nexpect = { in = \"url\", shows = \"/who?url\" }",
    ];
    bench.scenario("who", &page("/who", opens, &marks));
    let whole = page(
        "/who",
        "expect = { element = \"h1\", equals = \"who\" }",
        &[],
    );
    fails(
        &bench,
        "whole",
        &whole,
        &["`h1` shows \"who?\" after 5 s, expected \"who\" and nothing else"],
    );

    bench.run(&["who"]).is(0, &[]);
}

#[test]
fn what_takes_longer_has_a_limit_of_its_own() {
    let bench = bench();
    let marks = [
        "wait_for = \"#r.done\"\nwithin = 30",
        "execute = \"0\"\nexpect = { element = \"#spin\", absent = true }",
    ];
    bench.scenario("waits", &page("/spinner", "", &marks));
    let expects = ["wait = true\nexpect = { element = \"#r\", shows = \"there\", within = 30 }"];
    bench.scenario("expects", &page("/spinner", "", &expects));
    let absent = ["execute = \"0\"\nwithin = 30\nexpect = { absent = \"loading\" }"];
    bench.scenario("absent", &page("/spinner", "", &absent));

    bench.run(&["waits", "expects", "absent"]).is(0, &[]);
}

#[test]
fn keys_and_files_are_typed() {
    let bench = bench();
    fs::write(bench.path("project/up.txt"), "in a file\n").unwrap();
    let typed = [
        "type = { element = \"#q\", text = \"word\\n\" }\nexpect = { element = \"#r\", shows = \"entered word\" }",
    ];
    bench.scenario("enter", &page("/form", "", &typed));
    let by_key = [typed[0].replace("\\n", "\\uE007")];
    bench.scenario("key", &page("/form", "", &[&by_key[0]]));
    let upload = [
        "type = { element = \"#file\", text = \"up.txt\" }",
        "click = \"#b\"\nexpect = { element = \"h1\", shows = \"kept\" }",
    ];
    bench.scenario("upload", &page("/upload", "", &upload));
    let missing = [upload[0].replace("up.txt", "nowhere.txt")];
    fails(
        &bench,
        "missing",
        &page("/upload", "", &[&missing[0]]),
        &["there is no file ", "nowhere.txt"],
    );

    bench.run(&["enter", "key", "upload"]).is(0, &[]);
}

#[test]
fn a_page_is_loaded_again_in_both_ways() {
    let bench = bench();
    bench.scenario("normal", &page("/tagged", "", &["reload = true"]));
    bench.scenario("forced", &page("/tagged", "", &["reload = \"forced\""]));
    let mut browsers = vec!["firefox"];
    if has_chromium() {
        browsers.push("chromium");
    }
    for browser in browsers {
        bench
            .run(&["--browser", browser, "normal", "forced"])
            .is(0, &[]);
        let listed = |name: &str| match browser {
            "firefox" => payloads(&bench, name),
            other => payloads(&bench, &format!("{other}/{name}")),
        };
        let (normal, forced) = (listed("normal"), listed("forced"));
        assert!(normal.contains("304 Not Modified"), "{browser}\n{normal}");
        assert!(!forced.contains("304 Not Modified"), "{browser}\n{forced}");
        assert_eq!(forced.matches("200 OK").count(), 2, "{browser}\n{forced}");
    }
}

/// Counts the connections of a capture on which anything was said.
fn connections(bench: &Bench, name: &str) -> usize {
    let capture = bench.captures().join(name).with_extension("pcap");
    Recording::open(capture)
        .unwrap()
        .messages()
        .unwrap()
        .iter()
        .map(Message::connection)
        .collect::<BTreeSet<_>>()
        .len()
}

#[test]
fn one_connection_is_for_firefox() {
    let bench = bench();
    let opens = "expect = { element = \"#r\", shows = \"all\" }";
    let parts = page("/parts", opens, &[]);
    let one = parts.replacen("client =", "connections = \"one\"\nclient =", 1);
    bench.scenario("any", &parts);
    bench.scenario("one", &one);

    bench.run(&["--browser", "chromium", "one"]).is(
        2,
        &["one cannot be played with Chromium: it wants one connection, and Chromium cannot be told how many it opens"],
    );
    bench.run(&["any", "one"]).is(0, &[]);

    assert_eq!(payloads(&bench, "one").matches("GET /part").count(), 13);
    assert!(connections(&bench, "any") > 1);
    assert_eq!(connections(&bench, "one"), 1);
}

#[test]
fn a_page_that_polls_lists_the_same_each_time() {
    let bench = bench();
    let mut polls = page(
        "/polls",
        "expect = { element = \"#r\", shows = \"ok\" }",
        &["execute = \"0\""],
    );
    polls = polls.replacen("client =", "repeats = \"/poll\"\nclient =", 1);
    polls
        .push_str("\n[[redact]]\nname = \"t\"\npattern = 't=([0-9.e-]+)'\nplaceholder = \"<t>\"\n");
    bench.scenario("polls", &polls);

    bench.run(&["--replace", "polls"]).is(0, &[]);
    let first = payloads(&bench, "polls");
    let kept = bench.path("first.pcap");
    fs::copy(bench.captures().join("polls.pcap"), &kept).unwrap();
    bench
        .run(&["--replace", "--time-scale", "2", "polls"])
        .is(0, &[]);
    let second = payloads(&bench, "polls");

    assert_eq!(first, second);
    assert_eq!(first.matches("[repeated; the number varies]").count(), 2);
    let polls = |capture: &Path| {
        let messages = Recording::open(capture).unwrap().messages().unwrap();
        let targets = messages.iter().filter_map(Message::target);
        targets
            .filter(|target| target.starts_with("/poll?"))
            .count()
    };
    assert!(polls(&bench.captures().join("polls.pcap")) > polls(&kept));
}

#[test]
fn learn_plays_with_browsers_and_proves_what_it_proposes() {
    let bench = bench();
    let opens = "expect = { element = \"#r\", shows = \"all\" }";
    bench.scenario("parts", &page("/parts", opens, &[]));
    let polls = page(
        "/polls",
        "expect = { element = \"#r\", shows = \"ok\" }",
        &["execute = \"0\""],
    );
    bench.scenario(
        "polls",
        &polls.replacen("client =", "repeats = \"/poll\"\nclient =", 1),
    );
    let learn = |scenario: &str, browser: &str| {
        let arguments = ["learn", scenario, "--browser", browser, "--times", "2"];
        let output = bench.command(&arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };

    let mut browsers = vec!["firefox"];
    if has_chromium() {
        browsers.push("chromium");
    }
    for browser in browsers {
        let (code, said) = learn("parts", browser);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("so does one more run"), "{said}");
    }
    let (code, said) = learn("polls", "firefox");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("name = \"query-t\""), "{said}");
    assert!(
        said.contains("with this rule all 2 runs list the same"),
        "{said}"
    );
}

#[test]
fn captures_of_another_browser_are_beside_those_of_firefox() {
    if !has_chromium() {
        return;
    }
    let bench = bench();
    bench.scenario("who", &page("/who", "", &[]));
    let out = bench.path("project/captures");
    let out = out.to_str().unwrap();

    bench.run(&["--out", out, "who"]).is(0, &[]);
    let of_firefox = fs::read(bench.captures().join("who.json")).unwrap();
    bench
        .run(&["--out", out, "--browser", "chromium", "who"])
        .is(0, &[]);

    assert_eq!(
        fs::read(bench.captures().join("who.json")).unwrap(),
        of_firefox
    );
    let of_chromium = fs::read_to_string(bench.captures().join("chromium/who.json")).unwrap();
    assert!(of_chromium.contains("\"chromium\":"), "{of_chromium}");
}

#[test]
fn a_dialog_is_named() {
    let bench = bench();
    let marks = ["click = \"#b\"\nexpect = { element = \"#out\", shows = \"ok\" }"];

    fails(
        &bench,
        "alert",
        &page("/alert", "", &marks),
        &[
            "a dialog is open: \"hello\"",
            "hint: have the page answer dialogs itself",
        ],
    );
}

#[test]
fn another_window_is_named() {
    let bench = bench();
    let marks = ["click = \"#b\"\nexpect = { element = \"h1\", shows = \"who\" }"];

    fails(
        &bench,
        "window",
        &page("/window", "", &marks),
        &[
            "there is no `h1` on the page after 5 s",
            "hint: the page has opened another window",
        ],
    );
}

#[test]
fn a_frame_and_a_shadow_root_are_named() {
    let bench = bench();
    for (name, path, said) in [
        ("frame", "/frame", "hint: `#b` is in the frame `iframe#f`"),
        (
            "shadow",
            "/shadow",
            "hint: `#b` is in the shadow root of `x-box`",
        ),
    ] {
        let scenario = page(path, "", &["click = \"#b\"\nwithin = 1"]);
        fails(
            &bench,
            name,
            &scenario,
            &["no element `#b` on the page", said],
        );
    }
}

#[test]
fn the_same_text_as_before_is_named() {
    let bench = bench();
    let click = "click = \"#b\"\nexpect = { element = \"#out\", shows = \"saved\", within = 2 }";

    fails(
        &bench,
        "same",
        &page("/same", "", &[click, click]),
        &["`#out` shows \"saved\", the same as before the step"],
    );
}

#[test]
fn what_a_page_still_loads_is_named() {
    let bench = bench();

    fails(
        &bench,
        "picture",
        &page("/picture", "within = 3", &[]),
        &[
            "could not open http://127.0.0.1:8000/picture: after 3 s the page still loads http://127.0.0.1:8000/never",
            "hint: does the program answer all that the page asks for?",
        ],
    );
}
