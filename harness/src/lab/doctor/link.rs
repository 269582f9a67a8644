//! Checks that links can be made, and finds what the kernel lacks for it.

use super::check::Check;
use crate::error::Result;
use crate::scenario::Scenario;
use crate::scenario::link::Link;

/// The other likely reason for the kernel to refuse.
const OTHERWISE: &str =
    "look at `sysctl user.max_net_namespaces`: a scenario with a link takes up to three of them";

/// Returns the results of making links for a try, with the scenarios that want each link.
pub(super) fn checks(scenarios: &[Scenario], tried: &[(Link, Result<()>)]) -> Vec<Check> {
    tried
        .iter()
        .map(|(link, made)| check(*link, &names(scenarios, *link), made))
        .collect()
}

fn check(link: Link, scenarios: &str, made: &Result<()>) -> Check {
    let name = if link.is_impaired() {
        "link with delay or loss"
    } else {
        "link"
    };
    match made {
        Ok(()) => Check::ok(name, &format!("possible ({scenarios})")),
        Err(error) => {
            let found = format!("{} ({scenarios})", error.message());
            Check::missing(name, &found).fixed_by(error.hint().unwrap_or(OTHERWISE))
        }
    }
}

/// Returns the names of the scenarios that want such a link: every one with a link wants what a plain one takes.
fn names(scenarios: &[Scenario], link: Link) -> String {
    let wants = |scenario: &&Scenario| {
        let wanted = scenario.link.as_ref();
        wanted.is_some_and(|wanted| wanted.is_impaired() || !link.is_impaired())
    };
    let names: Vec<&str> = scenarios
        .iter()
        .filter(wants)
        .map(|scenario| &*scenario.name)
        .collect();
    names.join(", ")
}
