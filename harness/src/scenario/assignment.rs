//! Reads the values that `--set` gives to the variables of scenarios.

use super::Scenario;
use super::variables::Values;
use crate::error::{Error, Result};

/// Returns the values by name.
///
/// # Errors
///
/// Returns an error if a variable is set twice.
pub fn values(set: &[(String, String)]) -> Result<Values> {
    let mut values = Values::new();
    for (name, value) in set {
        if values.insert(name.clone(), value.clone()).is_some() {
            return Err(Error::usage(format!("`--set {name}=…` is given twice"))
                .with_hint("keep one of the two"));
        }
    }
    Ok(values)
}

/// Makes sure that each is a variable of one of the scenarios: an unknown one is misspelt.
///
/// # Errors
///
/// Returns an error if one is not; the hint names the variables that exist.
pub fn require_known(values: &Values, scenarios: &[&Scenario]) -> Result<()> {
    let known = || scenarios.iter().flat_map(|scenario| &scenario.variables);
    for name in values.keys() {
        if known().any(|variable| variable.name == *name) {
            continue;
        }
        let mut names: Vec<&str> = known().map(|variable| variable.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let hint = match names.as_slice() {
            [] => "no scenario here has any: declare it, as in `[variables]` with `greeting = \"hello\"`"
                .to_owned(),
            names => format!("the variables here are {}", names.join(", ")),
        };
        return Err(
            Error::usage(format!("no scenario here has a variable `{name}`")).with_hint(hint),
        );
    }
    Ok(())
}
