//! Finds the other users of this machine, and what they could do while a scenario is played.
//!
//! A browser is driven through ports of the loopback interface: those of geckodriver or chromedriver, and Firefox's own.
//! Neither asks who speaks to it. On a private network nobody else is there. On the machine's own, any user of it can open
//! files and start programs as the one who captures, if they are quick.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;

use rustix::process::geteuid;

use super::check::Check;
use crate::machine::browser::Kind;

/// The first user id of a person, if `/etc/login.defs` names no other (login.defs(5)).
const FIRST_PERSON: u32 = 1000;

/// The users that systemd makes up for services (systemd.io/UIDS-GIDS), and nobody.
const MADE_UP: RangeInclusive<u32> = 61_184..=65_535;

/// The largest number of others that are named.
const NAMED: usize = 3;

/// The people, or what might be people, who have an account or run something here; without the one whom this process
/// works for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Neighbours(BTreeMap<u32, String>);

impl Neighbours {
    /// Reads the others from the system's tables: accounts that one can log in to, and processes.
    pub(super) fn find() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let definitions = read("/etc/login.defs");
        let accounts = read("/etc/passwd");
        Self::of(&definitions, &accounts, &owners(), geteuid().as_raw())
    }

    fn of(definitions: &str, accounts: &str, owners: &[u32], ourselves: u32) -> Self {
        let first = first_person(definitions).unwrap_or(FIRST_PERSON);
        let is_other = |user: &u32| *user >= first && !MADE_UP.contains(user) && *user != ourselves;
        let accounts: BTreeMap<u32, (String, bool)> =
            accounts.lines().filter_map(account).collect();
        let can_log_in = accounts
            .iter()
            .filter(|(_, (_, can_log_in))| *can_log_in)
            .map(|(user, _)| *user);
        let others = can_log_in.chain(owners.iter().copied()).filter(is_other);
        let named = others.map(|user| {
            let name = accounts.get(&user).map(|(name, _)| name.clone());
            (user, name.unwrap_or_else(|| format!("user {user}")))
        });
        Self(named.collect())
    }

    /// Returns the names of the others for use in a sentence; `None` if there are no others.
    fn names(&self) -> Option<String> {
        let mut names: Vec<String> = self.0.values().take(NAMED).cloned().collect();
        match self.0.len().saturating_sub(NAMED) {
            0 => {}
            more => names.push(format!("{more} more")),
        }
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Checks if they matter to a browser that is driven on the machine's own network.
    pub(super) fn check(&self, browser: Kind, private_is_possible: bool, accepted: bool) -> Check {
        let name = "other users";
        let Some(names) = self.names() else {
            return Check::ok(
                name,
                &format!("none, who could drive {browser} on the host's network"),
            );
        };
        let found = exposure(&names, browser);
        if accepted {
            return Check::warning(name, &format!("{found}; that is accepted"));
        }
        let fix = if private_is_possible {
            "leave out `--network host`, or accept it with `wiresnap capture --shared-machine`"
        } else {
            "where nobody can be logged in but you, accept it with `wiresnap capture --shared-machine`"
        };
        Check::missing(name, &found).fixed_by(fix)
    }
}

fn exposure(names: &str, browser: Kind) -> String {
    format!(
        "{names} can drive {browser} on the host's network, and by it read and start what is yours"
    )
}

/// Returns the number and the name of an account, and whether one can log in to it (passwd(5)).
fn account(line: &str) -> Option<(u32, (String, bool))> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, user, _, _, _, shell] = fields[..] else {
        return None;
    };
    let is_closed = shell.ends_with("/nologin") || shell.ends_with("/false");
    Some((user.parse().ok()?, (name.to_owned(), !is_closed)))
}

fn first_person(definitions: &str) -> Option<u32> {
    let mut lines = definitions.lines();
    lines.find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == "UID_MIN").then(|| words.next()?.parse().ok())?
    })
}

/// Returns the users whose processes are running, as far as the system shows them.
fn owners() -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            path.file_name()?.to_str()?.parse::<u32>().ok()?;
            owner(&fs::read_to_string(path.join("status")).ok()?)
        })
        .collect()
}

/// Returns the real user of a process, by its status (proc(5)).
fn owner(status: &str) -> Option<u32> {
    let mut lines = status.lines();
    let ids = lines.find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::doctor::check::State;

    const ACCOUNTS: &str = "root:x:0:0:root:/root:/bin/bash\n\
        daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
        ada:x:1000:1000::/home/ada:/bin/bash\n\
        bob:x:1001:1001::/home/bob:\n\
        ftp:x:1002:1002::/srv:/bin/false\n\
        nobody:x:65534:65534::/nonexistent:/bin/sh\n";

    fn names(definitions: &str, owners: &[u32], ourselves: u32) -> Option<String> {
        Neighbours::of(definitions, ACCOUNTS, owners, ourselves).names()
    }

    #[test]
    fn others_are_people_who_can_log_in_or_run_something() {
        assert_eq!(names("", &[0, 1, 1000], 1000).as_deref(), Some("bob"));
        assert_eq!(names("", &[], 0).as_deref(), Some("ada, bob"));
        assert_eq!(
            names("", &[1002, 1500, 62_000, 65_534], 1001).as_deref(),
            Some("ada, ftp, user 1500")
        );
        assert_eq!(
            names("", &[1500, 1501], 0).as_deref(),
            Some("ada, bob, user 1500, 1 more")
        );
        assert_eq!(names("# UID_MIN 5\nUID_MIN\t\t\t 2000\n", &[1000], 0), None);
    }

    #[test]
    fn they_matter_until_that_is_accepted() {
        let alone = Neighbours::default();
        assert_eq!(alone.check(Kind::Firefox, true, false).state, State::Ok);

        let others = Neighbours::of("", ACCOUNTS, &[], 1000);
        assert_eq!(
            others.check(Kind::Firefox, true, false).state,
            State::Missing
        );
        assert_eq!(
            others.check(Kind::Chromium, false, true).state,
            State::Warning
        );
    }

    #[test]
    fn the_owner_of_a_process_is_read() {
        assert_eq!(owner("Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some(1000));
        assert_eq!(owner("Name:\tx\n"), None);
    }
}
