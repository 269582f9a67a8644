//! Every mistake that a scenario file can hold: one file each in `scenarios/`, its message in `snapshots/`.

mod workspace;

use std::path::Path;

use wiresnap::error::Class;
use wiresnap::scenario::file::parse;

/// The programs of this project, each with a scenario of its own, and when that closes its client.
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
