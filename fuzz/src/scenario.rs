//! Scenario files, right and wrong.

use std::path::Path;
use std::time::Duration;

use wiresnap::error::Class;
use wiresnap::scenario::file::parse;
use wiresnap::scenario::{Action, Client, ClientKind, Scenario};

use super::output::assert_safe;

/// Checks that an accepted file keeps its promises, and that the error for any other is safe for a terminal.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let programs = ["tcpapp".to_owned(), "webapp".to_owned()];
    match parse(Path::new("fuzzed.toml"), text, &programs) {
        Ok(scenario) => {
            let times: Vec<Duration> = scenario.marks.iter().map(|mark| mark.at).collect();
            assert!(times.is_sorted(), "{times:?}");
            assert!(scenario.duration() <= Duration::from_secs(3600));
            assert!(scenario.least_time_scale() >= 0.0);
            let program = &scenario.program;
            assert!(!program.is_built() || programs.contains(&program.name));
            assert!(scenario.port > 0);
            for (index, client) in scenario.clients.iter().enumerate() {
                assert_is_closed(&scenario, index, client);
            }
        }
        Err(error) => {
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().starts_with("fuzzed.toml:"), "{error}");
            assert_safe(error.to_string().as_bytes());
        }
    }
}

/// Checks that a client acts, and is closed in the end if it does not end by itself.
fn assert_is_closed(scenario: &Scenario, index: usize, client: &Client) {
    let is_its = |action: &Action, of: usize| of == index || *action == Action::CloseAll;
    let mut marks = scenario.marks.iter();
    assert!(
        marks.any(|mark| mark.client == index),
        "{client} never acts"
    );
    let mut its = scenario.marks.iter().rev();
    let last = its.find(|mark| is_its(&mark.action, mark.client));
    let last = last.map(|mark| &mark.action);
    let ends_by_itself = matches!(last, Some(Action::Execute { .. } | Action::Wait));
    assert!(
        last.is_some_and(Action::is_close) || client.kind == ClientKind::Commands && ends_by_itself
    );
}
