//! Scenario files, right and wrong.

use std::path::Path;
use std::time::Duration;

use wiresnap::error::Class;
use wiresnap::scenario::file::parse;
use wiresnap::scenario::{Action, Client};

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
            let last = scenario.marks.last().map(|mark| &mark.action);
            let ends_by_itself = matches!(last, Some(Action::Execute { .. } | Action::Wait));
            assert!(
                last == Some(&Action::Close)
                    || scenario.client == Client::Commands && ends_by_itself
            );
        }
        Err(error) => {
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().starts_with("fuzzed.toml:"), "{error}");
            assert_safe(error.to_string().as_bytes());
        }
    }
}
