//! Scenario files, right and wrong.

use std::path::Path;
use std::time::Duration;

use wiresnap::error::Class;
use wiresnap::scenario::Action;
use wiresnap::scenario::file::parse;

use super::output::assert_safe;

/// What is accepted keeps its promises; what is not is told in text that is safe for a terminal.
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
            assert!(programs.contains(&scenario.program) && scenario.port > 0);
            let last = scenario.marks.last().map(|mark| &mark.action);
            assert_eq!(last, Some(&Action::Close));
        }
        Err(error) => {
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().starts_with("fuzzed.toml:"), "{error}");
            assert_safe(error.to_string().as_bytes());
        }
    }
}
