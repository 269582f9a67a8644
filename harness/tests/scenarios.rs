//! Every mistake that a scenario file can have: one file each in `scenarios/`, its message in `snapshots/`.

mod workspace;

use std::path::Path;

use wiresnap::error::Class;
use wiresnap::scenario::expect::{Condition, Subject, Template};
use wiresnap::scenario::file::{Reading, parse, parse_for};
use wiresnap::scenario::variables::Values;
use wiresnap::scenario::{Action, Connections, LineEnd, Scenario};

/// The programs of this project, each with a scenario, and the second at which that closes its client.
const PROGRAMS: [(&str, u64); 6] = [
    ("ajaxapp", 40),
    ("pollapp", 35),
    ("sseapp", 35),
    ("tcpapp", 40),
    ("webapp", 40),
    ("wsapp", 40),
];

fn programs() -> Vec<String> {
    PROGRAMS.map(|(name, _)| name.to_owned()).to_vec()
}

#[test]
fn every_mistake_is_reported_at_its_place() {
    let programs = programs();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut mistakes = 0;
    for file in workspace::files(&folder, "toml") {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();

        let error = parse(Path::new(&format!("{name}.toml")), &text, &programs)
            .expect_err(&format!("{name} has no mistake"));

        assert_eq!(error.class(), Class::Usage, "{name}");
        workspace::settings()
            .bind(|| insta::assert_snapshot!(format!("error-scenario-{name}"), error));
        mistakes += 1;
    }
    assert!(mistakes > 30, "{mistakes} files in {}", folder.display());
}

#[test]
fn the_scenarios_of_the_experiment_have_none() {
    let programs = programs();
    for (name, close) in PROGRAMS {
        let file = workspace::root()
            .join("apps/scenarios")
            .join(name)
            .with_extension("toml");
        let text = std::fs::read_to_string(&file).unwrap();

        let scenario = parse(&file, &text, &programs).unwrap_or_else(|error| panic!("{error}"));

        let seconds: Vec<u64> = scenario
            .marks
            .iter()
            .map(|mark| mark.at.as_secs())
            .collect();
        assert_eq!(seconds, [0, 10, 20, 30, close], "{}", scenario.name);
        assert!((scenario.least_time_scale() - 0.1).abs() < 1e-9);
    }
}

/// A scenario that leaves two things open.
const OPEN: &str = r##"description = "a page in a language"
command = ["{server}", "--token", "{token}", "{host}", "{port}"]
client = "firefox"

[variables]
language = "en"
server = {}
token = {}

[[mark]]
at = 0
open = "/{language}"
expect = { element = "#{language}", shows = "{token} {clock}" }

[[mark]]
at = 1
execute = "if (document.body) {reload} else {language}"

[[mark]]
at = 2
close = true
"##;

fn played_with(set: &[(&str, &str)]) -> wiresnap::error::Result<Scenario> {
    let set: Values = set
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let reading = Reading {
        programs: &[],
        set: &set,
        to_be_played: true,
    };
    parse_for(&reading, Path::new("open.toml"), OPEN)
}

#[test]
fn variables_have_what_was_set_or_their_default() {
    let scenario = played_with(&[("server", "./serve"), ("token", "a1"), ("other", "x")]).unwrap();

    assert_eq!(scenario.program.name, "serve");
    let arguments = scenario.program.arguments.iter();
    let arguments: Vec<&str> = arguments.map(|argument| argument.0.as_str()).collect();
    assert_eq!(arguments, ["--token", "a1", "{host}", "{port}"]);
    let [opens, executes, _] = scenario.marks.as_slice() else {
        panic!("{:?}", scenario.marks)
    };
    assert_eq!(opens.action, Action::OpenPage("/en".to_owned()));
    let expect = opens.expect.as_ref().unwrap();
    assert_eq!(expect.of, Subject::Element("#en".to_owned()));
    let text = Template("a1 {clock}".to_owned());
    assert_eq!(expect.text, Some(Condition::Contains(text)));
    let script = "if (document.body) {reload} else en".to_owned();
    assert_eq!(executes.action, Action::Script(script));
}

#[test]
fn what_is_told_of_a_scenario_names_its_variables_and_keeps_no_secret() {
    let scenario = played_with(&[("server", "./serve"), ("token", "a1")]).unwrap();

    assert_eq!(scenario.marks[0].step, "open /{language}");
    assert_eq!(scenario.without_secrets("it is a1"), "it is {token}");
    let kept = scenario.variables_to_keep();
    assert_eq!(kept["language"].as_deref(), Some("en"));
    assert_eq!(kept["token"], None);
}

#[test]
fn a_variable_without_a_value_can_be_looked_at_but_not_played() {
    parse(Path::new("open.toml"), OPEN, &[]).unwrap_or_else(|error| panic!("{error}"));

    let error = played_with(&[("token", "a1")]).unwrap_err();

    workspace::settings()
        .bind(|| insta::assert_snapshot!("error-scenario-variable-without-value", error));
}

/// A scenario with a client of each kind.
const SEVERAL: &str = r##"description = "three chat"
command = ["chat", "{host}", "{port}"]

[variables]
word = "hello"

[[client]]
name = "alice"
kind = "firefox"
connections = "one"

[[client]]
name = "bob"
kind = "nc"
line_end = "crlf"

[[client]]
name = "carol"
kind = "command"

[[mark]]
at = 0
open = "/"

[[mark]]
at = 1
client = "bob"
open = true
expect = { client = "alice", in = "title", equals = "bob is here, {clock}" }

[[mark]]
at = 2
client = "bob"
send = "{word}"
expect = [
    { shows = "{word}" },
    { client = "alice", element = "#{word}", matches = '{word}.', within = 9 },
]

[[mark]]
at = 3
client = "carol"
run = ["true"]

[[mark]]
at = 4
client = "bob"
close = true
expect = { client = "alice", absent = "{word}" }

[[mark]]
at = 5
close = true
"##;

#[test]
fn marks_say_which_of_several_clients_acts_and_what_others_show() {
    let scenario = parse(Path::new("several.toml"), SEVERAL, &[]).unwrap();

    assert_eq!(
        scenario.clients_in_words(),
        "alice (Firefox), bob (nc), carol (a command)"
    );
    assert_eq!(scenario.clients[0].connections, Connections::One);
    assert_eq!(scenario.clients[1].line_end, LineEnd::CrLf);
    let acting: Vec<usize> = scenario.marks.iter().map(|mark| mark.client).collect();
    assert_eq!(acting, [0, 1, 1, 2, 1, 0]);
    let steps: Vec<String> = scenario
        .marks
        .iter()
        .map(|mark| scenario.step_at(mark))
        .collect();
    let expected = [
        "alice: open /",
        "bob: open",
        "bob: send {word}",
        "carol: run true",
        "bob: close",
        "close",
    ];
    assert_eq!(steps, expected);
    assert_eq!(scenario.marks[4].action, Action::Close);
    assert_eq!(scenario.marks[5].action, Action::CloseAll);
    let of_others: Vec<usize> = scenario
        .marks
        .iter()
        .flat_map(|mark| mark.expect_of_others.iter().map(|(client, _)| *client))
        .collect();
    assert_eq!(of_others, [0, 0, 0]);
    let sent = &scenario.marks[2];
    let own = sent.expect.as_ref().unwrap();
    assert_eq!(
        own.text,
        Some(Condition::Contains(Template("hello".to_owned())))
    );
    let (_, others) = &sent.expect_of_others[0];
    assert_eq!(others.of, Subject::Element("#hello".to_owned()));
    assert_eq!(others.text, Some(Condition::Matches("hello.".to_owned())));
}

/// The page has the example's scenario, with comments.
#[test]
fn the_example_of_the_page_is_the_one_that_runs() {
    let page = std::fs::read_to_string(workspace::root().join("docs/scenarios.md")).unwrap();
    let (_, section) = page.split_once("### Several clients").unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    let (on_page, _) = block.split_once("```").unwrap();
    let file = workspace::root().join("examples/chat/scenarios/mixed.toml");
    let that_runs = std::fs::read_to_string(file).unwrap();
    let [on_page, that_runs] =
        [on_page, &that_runs].map(|text| parse(Path::new("mixed.toml"), text, &[]).unwrap());

    assert_eq!(on_page.marks, that_runs.marks);
    assert_eq!(on_page.clients, that_runs.clients);
    assert_eq!(on_page.program, that_runs.program);
}

#[test]
fn one_client_may_have_a_name_too() {
    let text = "description = \"one\"\ncommand = [\"serve\"]\nclient = [{ name = \"alice\", kind = \"nc\" }]\n\n\
                [[mark]]\nat = 0\nopen = true\n\n[[mark]]\nat = 1\nclose = true\n";

    let scenario = parse(Path::new("one.toml"), text, &[]).unwrap();

    assert_eq!(scenario.clients_in_words(), "alice (nc)");
    assert_eq!(scenario.step_at(&scenario.marks[0]), "alice: open");
}
